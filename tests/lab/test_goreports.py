"""What `go test -json` says is read test by test, as the claim that it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Came
from bot.lab import goreports
from bot.lab.junit import Unreadable


def lines(*events: dict[str, object]) -> bytes:
    """As Go writes them."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_each_test_is_known_by_its_package() -> None:
    """Subtests too; a package is no test unless it fails without one."""
    data = lines(
        {"Time": "2026-01-01T00:00:00Z", "Action": "run", "Package": "a.b/c", "Test": "TestX"},
        {"Action": "output", "Package": "a.b/c", "Test": "TestX", "Output": "    x_test.go:4: no\n"},
        {"Action": "fail", "Package": "a.b/c", "Test": "TestX/sub_1", "Elapsed": 0.5},
        {"Action": "fail", "Package": "a.b/c", "Test": "TestX", "Elapsed": 1.5},
        {"Action": "skip", "Package": "a.b/c", "Test": "TestY"},
        {"Action": "fail", "Package": "a.b/c"},
        {"Action": "pass", "Package": "a.b/d", "Test": "TestX"},
        {"Action": "pass", "Package": "a.b/d"},
        {"Action": "skip", "Package": "a.b/none"},
        {"Action": "output", "Package": "a.b/exits", "Output": "exit status 3\n"},
        {"Action": "fail", "Package": "a.b/exits"},
        {"ImportPath": "a.b/old", "Action": "build-output", "Output": "# a.b/old\n"},
    )
    found = goreports.read(data + b"FAIL\ta.b/old [build failed]\nFAIL\nother words\n")
    assert {test: outcome.came for test, outcome in found.items()} == {
        "a.b/c::TestX/sub_1": Came.FAILED,
        "a.b/c::TestX": Came.FAILED,
        "a.b/c::TestY": Came.SKIPPED,
        "a.b/d::TestX": Came.PASSED,
        "a.b/exits": Came.ERROR,
        "a.b/old": Came.ERROR,
    }
    assert found["a.b/c::TestX"].message == "x_test.go:4: no" and found["a.b/c::TestX"].seconds == 1.5
    assert found["a.b/exits"].message == "exit status 3"


@pytest.mark.parametrize(
    ("data", "why"),
    [(None, "larger"), (b" ", "no report"), (b"{", "cannot be read"), (b'{"Action": 1}', "cannot be read")],
)
def test_what_is_no_report_says_why(data: bytes | None, why: str) -> None:
    """And is never taken for an empty one."""
    with pytest.raises(Unreadable, match=why):
        goreports.read(data)


def test_a_report_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More tests than anyone has."""
    monkeypatch.setattr(goreports, "_MOST_TESTS", 1)
    with pytest.raises(Unreadable, match="more than 1 tests"):
        goreports.read(lines(*({"Action": "pass", "Package": "p", "Test": name} for name in "ab")))


@given(st.binary(), st.text(), st.text(max_size=5000), st.floats(allow_nan=False, allow_infinity=False))
def test_every_claim_is_bounded(raw: bytes, name: str, words: str, elapsed: float) -> None:
    """Whatever is written."""
    said = {"Package": name, "Test": words, "Output": words, "Elapsed": elapsed}
    for data in (raw, lines({"Action": "output", **said}, {"Action": "fail", **said})):
        try:
            found = goreports.read(data)
        except Unreadable:
            continue
        for outcome in found.values():
            assert len(outcome.test) <= 500 and len(outcome.message) <= 2000 and 0 <= outcome.seconds <= 1e6


def test_only_what_is_named_is_asked_for() -> None:
    """By the names at the top; all, where one stands for a package, or is no name."""
    assert goreports.pattern(["p::TestB/sub", "q::TestA", "p::TestB"]) == "^(TestA|TestB)$"
    assert goreports.pattern(["p::TestA", "p"]) == goreports.pattern(["p::Test.*"]) == ""
