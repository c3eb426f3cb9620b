"""Reads a JUnit report as what it is: the claim of code that may be hostile. Bounded, and without entities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from bot.core.differential import Came, Outcome

_MOST_TESTS = 200_000
_MOST_DEPTH = 32
_MOST_MESSAGE = 2000
_MOST_NAME = 500
# An object's address in a test's name changes with every run.
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_OUTCOMES = {"failure": Came.FAILED, "error": Came.ERROR, "skipped": Came.SKIPPED}


class Unreadable(ValueError):
    """This is no JUnit report that can be used; says why."""


@dataclass(slots=True)
class _Open:
    """The test case that is being read."""

    attributes: Mapping[str, str]
    came: Came = Came.PASSED
    message: str = ""


class _Reader:
    """Takes the parser's events and collects one outcome per test."""

    def __init__(self) -> None:
        self.found: dict[str, Outcome] = {}
        self.case: _Open | None = None
        self.inside = ""
        self.told = False
        self.depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise Unreadable("it is nested too deep")
        if tag == "testcase":
            self.case = _Open(attributes)
        elif self.case is not None and tag in _OUTCOMES:
            self.case.came = max(self.case.came, _OUTCOMES[tag])
            self.case.message = self.case.message or attributes.get("message", "")
            self.inside = tag
            self.told = bool(self.case.message)

    def text(self, data: str) -> None:
        if self.case is not None and self.inside and len(self.case.message) < _MOST_MESSAGE:
            # The attribute's words come first, and what the element holds goes on on a line of its own.
            self.case.message += "\n" * self.told + (data if self.case.message and not self.told else data.lstrip())
            self.told = False

    def end(self, tag: str) -> None:
        self.depth -= 1
        if tag in _OUTCOMES:
            self.inside = ""
        if tag != "testcase" or self.case is None:
            return
        outcome = _outcome(self.case)
        before = self.found.get(outcome.test)
        # pytest writes a second case when a test's teardown fails; the worse of the two is the test's outcome.
        if before is None or before.came < outcome.came:
            self.found[outcome.test] = outcome
        self.case = None
        if len(self.found) > _MOST_TESTS:
            raise Unreadable(f"it has more than {_MOST_TESTS} tests")


def read(data: bytes | None) -> dict[str, Outcome]:
    """Test id -> outcome. Unreadable when there is nothing to go by. The caller has bounded the size."""
    if data is None:
        raise Unreadable("it is larger than the bound")
    if not data.strip():
        raise Unreadable("no report was written")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    # A report needs no document type; without one there is no entity to expand and no file to fetch.
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, UnicodeError) as problem:
        raise Unreadable(f"it is not well-formed: {problem}") from problem
    return reader.found


def _refuse(*_: Any) -> None:
    raise Unreadable("it has a document type of its own")


def _outcome(case: _Open) -> Outcome:
    attributes = case.attributes
    path, line = attributes.get("file"), attributes.get("line", "")
    return Outcome(
        test=test_id(attributes.get("classname", ""), attributes.get("name", "")),
        came=case.came,
        message=case.message[:_MOST_MESSAGE].strip(),
        path=path[:_MOST_NAME] if path else None,
        line=int(line) + 1 if line.isdigit() and len(line) < 8 else None,  # the report counts from 0
        seconds=_seconds(attributes.get("time", "")),
    )


def test_id(classname: str, name: str) -> str:
    """How a test is called on both sides, and by the plugin that runs it again."""
    joined = f"{classname}::{name}" if classname else name
    return _ADDRESS.sub("0x…", joined)[:_MOST_NAME]


test_id.__test__ = False  # type: ignore[attr-defined]  # the name is the trade's; pytest must not collect it


def _seconds(text: str) -> float:
    try:
        return max(0.0, min(float(text), 1e6))
    except ValueError:
        return 0.0
