"""Reads what `cargo test` says as what it is: the claim of code that may be hostile. Bounded lines of words.

The format is that of libtest for people, which stable Rust has no other one beside: "test NAME ... ok".
"""

from __future__ import annotations

import re

from bot.core.differential import Came, Outcome
from bot.lab import junit
from bot.lab.junit import Unreadable

_MOST_TESTS = 200_000
_MOST_MESSAGE = 2000
_TARGET = re.compile(r" {1,9}(?:Running(?: unittests)? (\S{1,300}) \(|Doc-tests (\S{1,300}))")
_SAID = re.compile(r"---- (.{1,500}) stdout ----$")
_PLACE = re.compile(r"([\w./-]{1,200}\.rs):(\d{1,7}):\d")


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.found: dict[str, Outcome] = {}
        self.target = ""
        self.words: dict[str, list[str]] = {}
        self.speaker = ""

    def take(self, line: str) -> None:
        if target := _TARGET.match(line):
            self.target, self.speaker = target[1] or f"Doc-tests {target[2]}", ""
        elif line.startswith("test ") and " ... " in line:
            self._test(*line[5:].split(" ... ", 1))
        elif said := _SAID.match(line):
            self.speaker = junit.test_id(self.target, said[1])
        elif line.startswith(("failures:", "test result:")):
            self.speaker = ""
        elif self.speaker and len(self.words.setdefault(self.speaker, [])) < 20:
            self.words[self.speaker].append(line[:_MOST_MESSAGE])

    def _test(self, name: str, ending: str) -> None:
        """Before the ending may stand what the test itself wrote to the terminal; an ignored one may give a reason."""
        if ending.startswith("ignored"):
            self._add(name, Came.SKIPPED)
        elif ending.endswith(("ok", "FAILED")):
            self._add(name, Came.PASSED if ending.endswith("ok") else Came.FAILED)

    def _add(self, name: str, came: Came) -> None:
        test = junit.test_id(self.target, name)
        before = self.found.get(test)
        if before is None or before.came < came:
            self.found[test] = Outcome(test=test, came=came)
        if len(self.found) > _MOST_TESTS:
            raise Unreadable(f"it has more than {_MOST_TESTS} tests")


def read(data: bytes | None) -> dict[str, Outcome]:
    """Test id -> outcome. Unreadable when there is nothing to go by. The caller has bounded the size."""
    if data is None:
        raise Unreadable("it is larger than the bound")
    if not data.strip():
        raise Unreadable("no report was written")
    reader = _Reader()
    for line in data.decode("utf-8", "replace").splitlines():
        reader.take(line[:_MOST_MESSAGE])
    return {test: _told(outcome, reader.words.get(test, [])) for test, outcome in reader.found.items()}


def _told(outcome: Outcome, words: list[str]) -> Outcome:
    message = "\n".join(words)[:_MOST_MESSAGE].strip()
    place = _PLACE.search(message) if outcome.came.bad else None
    inside = place is not None and not place[1].startswith("/") and ".." not in place[1].split("/")
    return Outcome(
        test=outcome.test,
        came=outcome.came,
        message=message,
        path=place[1] if place and inside else None,
        line=int(place[2]) or None if place and inside else None,
    )
