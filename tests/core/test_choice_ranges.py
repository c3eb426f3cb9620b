"""A range that shuts out the newest release is widened for it where that is asked for, and holds it where it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.core.model import Kind, Release, State, Verdict
from bot.core.versions import satisfies, widened
from tests.core.test_choice import DAY, NOW, a_release, on_python, pick, release, shape, words


@pytest.mark.parametrize(
    ("written", "listed", "target", "kind"),
    [
        (">=1,<2", ["1.4.0", "2.1.0"], "2.1.0", Kind.MAJOR),
        ("~=1.4.0", ["1.4.2", "1.6.0"], "1.6.0", Kind.MINOR),
        ("<=1.2.3", ["1.2.3", "1.2.4"], "1.2.4", Kind.PATCH),
        (">=1,<2", ["1.4.0", "2026.1"], "2026.1", Kind.SCHEME),
        ("==1.5.*", ["1.2.0", "1.6.0"], "1.6.0", Kind.MAJOR),
    ],
)
def test_a_range_is_widened_where_it_is_asked_for(written: str, listed: list[str], target: str, kind: Kind) -> None:
    """Measured from the newest release inside, and as major where none is; without being asked it holds."""
    (kept,) = pick(*listed, pins=(written,))
    (answer,) = pick(*listed, pins=(written,), widen=True)

    assert kept.verdict is Verdict.HOLD and f"held by the range {written}" in words((kept,))
    assert (answer.verdict, answer.kind, answer.current) == (Verdict.APPROVE, kind, written)
    assert answer.target is not None and answer.target.version == target
    inside = f"the newest inside {written} is {answer.inside}" if answer.inside else "no listed release lies inside"
    assert inside in words((answer,))


def test_a_range_has_two_lanes_too() -> None:
    """What lies outside within the major version does not wait for a person who looks at the next major."""
    listed, written = ("1.1.0", "1.2.0", "1.4.0", "2.1.0"), ("~=1.1.0",)
    kept, wide = pick(*listed, pins=written), pick(*listed, pins=written, widen=True)

    assert [(one.verdict, one.kind) for one in kept] == [(Verdict.HOLD, Kind.MINOR), (Verdict.HOLD, Kind.MAJOR)]
    assert shape(wide) == [(Verdict.APPROVE, "1.4.0"), (Verdict.APPROVE, "2.1.0")]
    assert {one.inside for one in wide} == {"1.1.0"} and {one.current for one in wide} == {"~=1.1.0"}
    assert shape(pick(*listed, pins=("~=1.4.0",), widen=True)) == [(Verdict.APPROVE, "2.1.0")]
    assert shape(pick("1.1.0", a_release("1.2.0", yanked=True), "2.0", pins=written, widen=True)) == [
        (Verdict.APPROVE, "2.0")
    ]


def test_a_widened_range_says_where_it_stands() -> None:
    """The sentence names the file and the line."""
    assert "the range <2 in pyproject.toml:1 is widened for it" in words(pick("1.4", "2.1", pins=("<2",), widen=True))


def test_what_lies_in_the_range_needs_no_edit() -> None:
    """Also where ranges may be widened."""
    (answer,) = pick("1.4", "1.5", pins=("<2",), widen=True)

    assert answer.verdict is Verdict.CURRENT and "nothing to edit" in words((answer,))


def test_a_range_is_widened_only_for_a_release_that_nothing_speaks_against() -> None:
    """Age, yanking, what was turned back before, Python and malice count as for exact pins."""
    young = a_release("2.1", days=1)
    (held,) = pick("1.4", young, pins=("<2",), widen=True)
    assert (held.verdict, held.held_until, held.current) == (Verdict.HOLD, NOW + 2 * DAY, "<2")
    assert shape(pick("1.4", "2.0", young, pins=("<2",), widen=True)) == [(Verdict.APPROVE, "2.0")]
    assert shape(pick("1.4", a_release("2.0", yanked=True), pins=("<2",), widen=True)) == [(Verdict.CURRENT, None)]
    known = {"2.0": State.ROLLED_BACK}
    assert shape(pick("1.4", "2.0", pins=("<2",), widen=True, known=known)) == [(Verdict.HOLD, "2.0")]
    (unknown,) = pick("1.4", a_release("2.0", partial=True), pins=("<2",), widen=True)
    assert unknown.verdict is Verdict.HOLD and unknown.asks is not None
    lost = pick("1.4", on_python("2.0", ">=3.13"), pins=("<2",), widen=True, pythons=("3.11",))
    assert shape(lost) == [(Verdict.CURRENT, None)]


def test_a_range_that_cannot_be_widened_holds() -> None:
    """Its place is told, and what a person may do; a newer version alone is no reason to move a range down."""
    (excluded,) = pick("1.4", "2.1", pins=("<2,!=2.1",), widen=True)
    (above,) = pick("1.4", pins=(">=3",), widen=True)

    assert excluded.verdict is above.verdict is Verdict.HOLD
    assert "held by the range <2,!=2.1 in pyproject.toml:1, which cannot be widened" in words((excluded,))
    assert "cannot be widened: write it by hand" in words((above,))


def test_a_range_beside_an_exact_pin_is_widened_with_it() -> None:
    """One update moves both; where nobody asked, the range holds the pin as before."""
    (kept,) = pick("2.0", pins=("==1.2.3", "<2"))
    (answer,) = pick("2.0", pins=("==1.2.3", "<2"), widen=True)

    assert kept.verdict is Verdict.HOLD
    assert (answer.verdict, answer.kind, answer.current) == (Verdict.APPROVE, Kind.MAJOR, "1.2.3")
    assert "the range <2 in pyproject.toml:2 is widened for it" in words((answer,))


@given(
    st.lists(release, max_size=8, unique_by=lambda one: one.version),
    st.lists(
        st.sampled_from([">=1,<1.3", "<2", "~=1.2", "==1.2.*", ">=3", "!=2.0.0,<2", "??"]), min_size=1, max_size=2
    ),
)
def test_every_widening_is_one_that_can_be_written(listed: list[Release], pins: list[str]) -> None:
    """Whatever is listed and asked for: the target is finished and old enough, and every range can take it."""
    answers = pick(*listed, pins=tuple(pins), widen=True)

    assert len(answers) in (1, 2)
    for answer in (one for one in answers if one.verdict is Verdict.APPROVE):
        assert answer.target is not None and answer.kind is not None and not answer.target.yanked
        assert not Version(answer.target.version).is_prerelease
        assert answer.target.published is not None and answer.target.published <= NOW - 3 * DAY
        assert all(
            satisfies("pypi", answer.target.version, widened("pypi", one, answer.target.version)) for one in pins
        )
        assert not all(satisfies("pypi", answer.target.version, one) for one in pins)
