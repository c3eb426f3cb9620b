"""A pytest plugin in the jail: hands over every deprecation that points at a line of the tree itself.

Written as lines of JSON, [path, line, category, message]. Nothing but the standard library.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_OLD = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
_MOST = 2000
_LONGEST = 300
_found: dict[tuple[str, int, str, str], None] = {}


def pytest_warning_recorded(warning_message: Any) -> None:
    """Keep what is old, and where the tree asked for it."""
    if not issubclass(warning_message.category, _OLD) or len(_found) >= _MOST:
        return
    try:
        path = Path(warning_message.filename).resolve().relative_to(os.environ["SUREFOOT_WORK"])
    except ValueError:
        return  # a line of a package, about which nobody here can do anything
    message = str(warning_message.message)[:_LONGEST]
    _found[path.as_posix(), warning_message.lineno, warning_message.category.__name__, message] = None


def pytest_unconfigure() -> None:
    """At the very end."""
    lines = "".join(json.dumps(one) + "\n" for one in _found)
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(lines, "utf-8")
