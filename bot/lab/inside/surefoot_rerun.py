"""A pytest plugin that leaves out every test that is not named in SUREFOOT_ONLY; without that name it does nothing."""

from __future__ import annotations

import json
import os
import re
from typing import Any


def junit_id(nodeid: str) -> str:
    """The name that pytest's JUnit report gives to a test, as `bot.lab.junit.test_id` puts it together."""
    address, bracket, rest = nodeid.partition("[")
    names = address.split("::")
    names[0] = re.sub(r"\.py$", "", names[0].replace("/", "."))
    names[-1] += bracket + rest
    joined = f"{'.'.join(names[:-1])}::{names[-1]}" if names[:-1] else names[-1]
    return re.sub(r"\b0x[0-9a-fA-F]{6,}\b", "0x…", joined)[:500]


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Deselect in the open, so that the report counts what ran."""
    named = os.environ.get("SUREFOOT_ONLY")
    if named is None:
        return
    only = set(json.loads(named))
    kept = [item for item in items if junit_id(item.nodeid) in only]
    config.hook.pytest_deselected(items=[item for item in items if junit_id(item.nodeid) not in only])
    items[:] = kept
