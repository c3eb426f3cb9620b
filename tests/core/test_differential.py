"""Only what changed between two runs counts, and what cannot be known is never called passed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Again, Came, Outcome, Side, compare, confirmed, is_flaky, tally, verdict
from bot.core.model import Grade

P, F, E, S = Came.PASSED, Came.FAILED, Came.ERROR, Came.SKIPPED


def side(*came: Came, **more: object) -> Side:
    """A run with the tests t0, t1, …"""
    outcomes = {f"t{place}": Outcome(test=f"t{place}", came=one, message=one.word) for place, one in enumerate(came)}
    return replace(Side(outcomes=outcomes, seconds=2.0), **more)  # type: ignore[arg-type]  # any field


def grade(before: Side, after: Side) -> Grade:
    """The verdict's grade alone."""
    return verdict(before, after, compare(before, after))[0]


@pytest.mark.parametrize(
    ("before", "after", "expected", "word"),
    [
        (side(P, P), side(P, P), Grade.PASSED, "2 tests pass"),
        (side(P, F), side(P, F, P), Grade.PASSED, "1 fails on both sides"),
        (side(P, F), side(P, P), Grade.PASSED, "2 tests pass"),
        (side(P, P), side(P, F), Grade.FAILED, "`t1` fails"),
        (side(P, P), side(F, E), Grade.FAILED, "2 tests newly fail, the first is `t0`"),
        (side(P), side(P, F), Grade.FAILED, "`t1` fails"),  # a new test that fails
        (side(S, P), side(F, P), Grade.FAILED, "`t0` fails"),
        (side(P, P), side(P), Grade.UNKNOWN, "`t1` passed before and is absent or skipped now"),
        (side(P, P), side(P, S), Grade.UNKNOWN, "absent or skipped"),
        (side(P, F), side(P), Grade.UNKNOWN, "1 test ran, and 2 ran before"),
        (side(F), side(F), Grade.UNKNOWN, "no test passes"),
        (side(), side(), Grade.UNKNOWN, "the baseline ran no test"),
        (side(P), side(), Grade.FAILED, "now none does"),
        (side(P), Side(outcomes=None, problem="no report was written"), Grade.FAILED, "no report was written"),
        (Side(outcomes=None, problem="x"), side(P), Grade.UNKNOWN, "the baseline gave no test report"),
        (side(P, code=0), side(P, code=2), Grade.FAILED, "the command ended with 2"),
        (side(P, code=1), side(P, code=1), Grade.PASSED, "1 test passes"),
        (side(P, ended="timeout"), side(P), Grade.UNKNOWN, "the baseline did not finish"),
        (side(P), side(P, ended="timeout", allowed=100.0, code=None), Grade.FAILED, "stopped after 100 s"),
        (side(P), side(P, ended="timeout", allowed=3.0, code=None), Grade.UNKNOWN, "time ran out"),
        (side(P), side(P, ended="memory", allowed_memory=1 << 29), Grade.FAILED, "more than 512 MiB"),
        (side(P), side(P, ended="output"), Grade.FAILED, "too much output"),
        (side(P), Side(outcomes=None, ended="broken", problem="no disk"), Grade.UNKNOWN, "no disk"),
    ],
)
def test_verdicts(before: Side, after: Side, expected: Grade, word: str) -> None:
    """Each pair of runs has its grade, and one sentence that says why."""
    found, why = verdict(before, after, compare(before, after))
    assert (found, word in why) == (expected, True), why


sides = st.builds(lambda came: side(*came), st.lists(st.sampled_from(Came), max_size=8))


@given(sides)
def test_a_run_does_not_differ_from_itself(one: Side) -> None:
    """Nothing is newly anything, and it passes if anything in it does."""
    found = compare(one, one)
    assert (found.newly_failing, found.newly_passing, found.missing) == ((), (), ())
    assert grade(one, one) is (Grade.PASSED if tally(one).passed else Grade.UNKNOWN)


@given(sides, sides)
def test_every_test_of_the_candidate_is_counted_once(before: Side, after: Side) -> None:
    """A failing test fails newly or still; there is no third place for it to hide."""
    found = compare(before, after)
    assert len(found.newly_failing) + found.still_failing == tally(after).failed == found.after.failed
    assert found.after.total == len(after.known)


@given(sides, sides)
def test_passed_means_that_nothing_was_lost(before: Side, after: Side) -> None:
    """Whatever passed before passes now, wherever the grade is PASSED."""
    if grade(before, after) is Grade.PASSED:
        assert all(after.known[test].came is P for test, outcome in before.known.items() if outcome.came is P)


@given(sides, sides)
def test_what_newly_passes_newly_fails_the_other_way_round(before: Side, after: Side) -> None:
    """Over tests that pass or fail on both sides."""
    there = {change.test for change in compare(before, after).newly_passing}
    back = {change.test for change in compare(after, before).newly_failing}
    assert there <= back


@pytest.mark.parametrize(
    ("again", "flaky"),
    [
        (Again(before=(P, P), after=(F, F)), False),
        (Again(before=(P, P), after=(F, P)), True),
        (Again(before=(F, P), after=(F, F)), True),
        (Again(), False),  # it could not be run again: it stays what it was
        (Again(before=(S, S), after=(E, F)), False),
    ],
)
def test_flaky_is_what_changes_while_nothing_changes(again: Again, flaky: bool) -> None:
    """On either side."""
    assert is_flaky(again) is flaky


def test_the_flaky_are_set_apart_and_the_rest_still_fails() -> None:
    """One of two failures was an accident; the other one decides."""
    before, after = side(P, P), side(F, F)
    found = confirmed(
        compare(before, after), {"t0": Again(before=(P,), after=(P,)), "t1": Again(before=(P,), after=(F,))}
    )
    assert [change.test for change in found.flaky] == ["t0"]
    assert verdict(before, after, found) == (Grade.FAILED, "`t1` fails")
