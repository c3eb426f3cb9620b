"""Reads the lines that `go test -json` writes as what they are: a claim of code that may be hostile. Bounded, typed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from bot.core.differential import Came, Outcome
from bot.lab import junit
from bot.lab.junit import Unreadable

_MOST_TESTS = 200_000
_MOST_MESSAGE = 2000
# Before Go 1.24 this is said in words, between the lines of JSON.
_UNBUILT = re.compile(rb"FAIL\s{1,9}(\S{1,500}) \[(build|setup) failed\]")
_CAME = {"pass": Came.PASSED, "fail": Came.FAILED, "skip": Came.SKIPPED}


class _Line(msgspec.Struct):
    action: str = msgspec.field(name="Action")
    package: str = msgspec.field(name="Package", default="")
    test: str = msgspec.field(name="Test", default="")
    output: str = msgspec.field(name="Output", default="")
    elapsed: float = msgspec.field(name="Elapsed", default=0.0)


# Made once and here: a decoder must not be made in a thread.
_LINE = msgspec.json.Decoder(_Line)


def read(data: bytes | None) -> dict[str, Outcome]:
    """Test id -> outcome. Unreadable when there is nothing to go by. The caller has bounded the size."""
    if data is None:
        raise Unreadable("it is larger than the bound")
    if not data.strip():
        raise Unreadable("no report was written")
    found: dict[str, Outcome] = {}
    words: dict[str, str] = {}
    try:
        for written in data.splitlines():
            if written.startswith(b"{"):
                _take(_LINE.decode(written), found, words)
            elif broken := _UNBUILT.match(written):
                test = junit.test_id("", broken[1].decode("utf-8", "replace"))
                found[test] = Outcome(test=test, came=Came.ERROR, message=f"{broken[2].decode()} failed")
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as problem:
        raise Unreadable(f"it cannot be read: {problem}") from problem
    return found


def _take(line: _Line, found: dict[str, Outcome], words: dict[str, str]) -> None:
    test = junit.test_id(line.package, line.test) if line.test else junit.test_id("", line.package)
    said = words.get(test, "")
    if line.action == "output" and len(said) < _MOST_MESSAGE:
        words[test] = said + line.output
    if (came := _CAME.get(line.action)) is None:
        return
    if not line.test:
        # A package that fails without a test of its own that does was not built, or ended before its time.
        if came is not Came.FAILED or any(one.came.bad for name, one in found.items() if name.startswith(f"{test}::")):
            return
        came = Came.ERROR
    message = said[:_MOST_MESSAGE].strip() if came.bad else ""
    seconds = max(0.0, min(line.elapsed, 1e6))
    found[test] = Outcome(test=test, came=came, message=message, seconds=seconds)
    if len(found) > _MOST_TESTS:
        raise Unreadable(f"it has more than {_MOST_TESTS} tests")


def pattern(tests: Sequence[str]) -> str:
    """What `go test -run` is to be given for these tests alone; "" for all, where one stands for a whole package."""
    names = {test.partition("::")[2].partition("/")[0] for test in tests}
    return f"^({'|'.join(sorted(names))})$" if all(re.fullmatch(r"\w+", name) for name in names) else ""
