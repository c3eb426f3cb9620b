"""Reads JUnit files that a command wrote by itself, as what they are: claims of code that may be hostile. Bounded.

What comes back is one stream: before each file a line with its length. Runners differ in what they say of a test's
place: a path may be the jail's own, and lines count from 1.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from bot.core.differential import Outcome
from bot.lab import junit
from bot.lab.jail import WORK
from bot.lab.junit import Unreadable

_HEAD = re.compile(rb"surefoot {1,9}(\d{1,10})\n")
_MOST_FILES, _MOST_TESTS = 20_000, 200_000


def read(data: bytes | None) -> dict[str, Outcome]:
    """Test id -> outcome, of all files together. Unreadable when there is nothing to go by."""
    if data is None:
        raise Unreadable("what was written is larger than the bound")
    found: dict[str, Outcome] = {}
    number = 0
    for number, file in enumerate(_files(data), 1):
        if number > _MOST_FILES:
            raise Unreadable(f"there are more than {_MOST_FILES} files")
        for test, outcome in junit.read(file).items():
            before = found.get(test)
            if before is None or before.came < outcome.came:
                found[test] = _placed(outcome)
        if len(found) > _MOST_TESTS:
            raise Unreadable(f"it has more than {_MOST_TESTS} tests")
    if not number:
        raise Unreadable("no report was written where one is named")
    return found


def _files(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        head = _HEAD.match(data, at)
        if head is None:
            raise Unreadable("the files of the report cannot be told apart")
        at = head.end() + int(head[1])
        if at > len(data):
            raise Unreadable("the report was cut off")
        yield data[head.end() : at]


def _placed(outcome: Outcome) -> Outcome:
    """A path of the repository, or none."""
    path = (outcome.path or "").removeprefix(f"{WORK}/")
    path = posixpath.normpath(path) if path else ""
    inside = path and not path.startswith(("/", "../")) and path != ".." and ":" not in path
    # Where pytest counts from 0, these count from 1.
    line = outcome.line - 1 if outcome.line else 0
    return replace(outcome, path=path if inside else None, line=line or None if inside else None)
