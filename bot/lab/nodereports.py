"""Reads what Node's test runners report as what it is: the claim of code that may be hostile. Bounded, and typed.

What comes back is one JSON document with a part per runner that was started: jest's own JSON, JUnit of mocha and of
vitest, and lines of our own reporter for `node --test`. pytest's JUnit may be among them where a command runs both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from bot.core.differential import Came, Outcome
from bot.lab import junit
from bot.lab.junit import Unreadable

_MOST_TESTS = 200_000
_MOST_MESSAGE, _MOST_PATH, _MOST_NAMES = 2000, 500, 50
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}m")
_CAME = {"passed": Came.PASSED, "failed": Came.FAILED}


class _Part(msgspec.Struct):
    kind: str
    text: str


class _Report(msgspec.Struct):
    work: str
    parts: list[_Part]


class _Place(msgspec.Struct):
    line: int


class _Test(msgspec.Struct):
    title: str
    status: str
    above: list[str] = msgspec.field(name="ancestorTitles", default_factory=list)
    messages: list[str] = msgspec.field(name="failureMessages", default_factory=list)
    location: _Place | None = None
    duration: float | None = None


class _File(msgspec.Struct):
    name: str
    tests: list[_Test] = msgspec.field(name="assertionResults", default_factory=list)
    status: str = ""
    message: str = ""


class _Jest(msgspec.Struct):
    files: list[_File] = msgspec.field(name="testResults")


class _Line(msgspec.Struct):
    file: str
    line: int
    names: list[str]
    came: str
    message: str
    seconds: float


# Made once and here: a decoder must not be made in a thread.
_REPORT = msgspec.json.Decoder(_Report)
_JEST = msgspec.json.Decoder(_Jest)
_LINE = msgspec.json.Decoder(_Line)


def read(data: bytes | None) -> dict[str, Outcome]:
    """Test id -> outcome. Unreadable when there is nothing to go by. The caller has bounded the size."""
    if data is None:
        raise Unreadable("it is larger than the bound")
    if not data.strip():
        raise Unreadable("no report was written")
    found: dict[str, Outcome] = {}
    try:
        report = _REPORT.decode(data)
        for part in report.parts:
            for outcome in _READERS.get(part.kind, _nothing)(part.text, report.work):
                _add(found, outcome)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as problem:
        raise problem if isinstance(problem, Unreadable) else Unreadable(f"it cannot be read: {problem}") from problem
    return found


def _add(found: dict[str, Outcome], outcome: Outcome) -> None:
    """Two tests of one name are one: the worse of the two counts."""
    before = found.get(outcome.test)
    if before is None or before.came < outcome.came:
        found[outcome.test] = outcome
    if len(found) > _MOST_TESTS:
        raise Unreadable(f"it has more than {_MOST_TESTS} tests")


def _nothing(_text: str, _work: str) -> Iterator[Outcome]:
    return iter(())


def _of_jest(text: str, work: str) -> Iterator[Outcome]:
    for file in _JEST.decode(text).files:
        path = _relative(file.name, work)
        for test in file.tests:
            yield _outcome(
                path,
                [*test.above, test.title],
                came=_CAME.get(test.status, Came.SKIPPED),
                message="\n".join(test.messages[:3]),
                line=test.location.line if test.location else None,
                seconds=(test.duration or 0) / 1000,
            )
        if file.status == "failed" and not file.tests:
            yield _outcome(path, [], came=Came.ERROR, message=file.message)


def _of_node(text: str, work: str) -> Iterator[Outcome]:
    for written in text.splitlines():
        line = _LINE.decode(written)
        path = _relative(line.file, work)
        # A file that breaks while it is read is reported as a test of its own name.
        whole = [_relative(name, work) for name in line.names] == [path]
        came = Came.ERROR if whole and line.came == "failed" else _CAME.get(line.came, Came.SKIPPED)
        names = [] if whole else line.names
        yield _outcome(path, names, came=came, message=line.message, line=line.line or None, seconds=line.seconds)


def _of_mocha(text: str, work: str) -> Iterator[Outcome]:
    for outcome in junit.read(text.encode()).values():
        yield _placed(outcome, _relative(outcome.path or "", work))


def _of_vitest(text: str, work: str) -> Iterator[Outcome]:
    """It names a test's file where others name its class."""
    for outcome in junit.read(text.encode()).values():
        yield _placed(outcome, _relative(outcome.test.partition("::")[0], work))


def _of_pytest(text: str, _work: str) -> Iterator[Outcome]:
    return iter(junit.read(text.encode()).values())


_READERS: Mapping[str, Callable[[str, str], Iterator[Outcome]]] = {
    "jest": _of_jest,
    "node": _of_node,
    "mocha": _of_mocha,
    "vitest": _of_vitest,
    "pytest": _of_pytest,
}


def _outcome(
    path: str, names: Iterable[str], *, came: Came, message: str, line: int | None = None, seconds: float = 0.0
) -> Outcome:
    name = " > ".join(list(names)[:_MOST_NAMES])
    plain = _COLOURS.sub("", message[: 4 * _MOST_MESSAGE])[:_MOST_MESSAGE].strip()
    return Outcome(
        test=junit.test_id(path, name) if name else path[:_MOST_PATH] or "?",
        came=came,
        message=plain,
        path=path or None,
        line=line if line is not None and 0 < line < 10_000_000 else _line_in(plain, path),
        seconds=max(0.0, min(seconds, 1e6)),
    )


def _placed(outcome: Outcome, path: str) -> Outcome:
    message = _COLOURS.sub("", outcome.message)
    return replace(outcome, message=message, path=path or None, line=_line_in(message, path))


def _line_in(message: str, path: str) -> int | None:
    """The line of the test's own file that the words of a failure name first."""
    _, found, rest = message.partition(f"{path}:") if path else ("", "", "")
    digits = re.match(r"\d{1,7}", rest)
    return int(digits[0]) or None if found and digits else None


def _relative(path: str, work: str) -> str:
    """As the repository has it; "" for a file that is none of the repository's."""
    inside = path.removeprefix(work.rstrip("/") + "/")[:_MOST_PATH]
    parts = [part for part in inside.split("/") if part not in ("", ".")]
    return "" if inside.startswith("/") or ".." in parts else "/".join(parts)
