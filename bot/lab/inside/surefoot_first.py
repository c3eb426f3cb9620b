"""A pytest plugin: the files named in SUREFOOT_FIRST run first, and at SUREFOOT_UNTIL no further test is begun.

So what has run until then is reported, and what matters most is among it. Without these names it does nothing.
"""

from __future__ import annotations

import json
import os
from time import monotonic
from typing import Any

_SESSIONS: list[Any] = []


def pytest_sessionstart(session: Any) -> None:
    """Remember whom to stop."""
    _SESSIONS[:] = [session]


def pytest_collection_modifyitems(session: Any, config: Any, items: list[Any]) -> None:
    """Whole files change their place; within them, and among the others, the order stays."""
    first = set(json.loads(os.environ.get("SUREFOOT_FIRST") or "[]"))
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in first)


def pytest_runtest_logfinish(nodeid: str, location: Any) -> None:
    """The clock is that of the whole machine, so that whoever sets the time and whoever keeps it mean the same."""
    until = os.environ.get("SUREFOOT_UNTIL")
    if until and monotonic() > float(until):
        for session in _SESSIONS:
            session.shouldstop = "the time is over"
