"""The culprit of a failing group is found, alone or with its accomplice, in few trials."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import bisecting
from bot.core.bisecting import Bisected, Found, fails_alike, guilty
from bot.core.model import Component, Grade, Isolation, Kind, Member, Sha, Simulation, SuiteResult, TestChange


class Part:
    """One of a group; two of the same name are two."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


Told = Callable[[frozenset[str]], bool | None]


def searched(parts: list[Part], tells: Told) -> tuple[Found[Part], list[frozenset[str]]]:
    """What is found, and what was tried for it, in order."""
    search, seen = guilty(parts), list[frozenset[str]]()
    try:
        wanted = next(search)
        while True:
            assert 0 < len(wanted) < len(parts)
            seen.append(frozenset(one.name for one in wanted))
            wanted = search.send(tells(seen[-1]))
    except StopIteration as end:
        found = end.value
        assert isinstance(found, Found)
        return found, seen


def names(parts: tuple[Part, ...]) -> set[str]:
    return {one.name for one in parts}


def named(count: int) -> list[Part]:
    return [Part(f"p{n}") for n in range(count)]


def test_one_of_eight_is_found_in_a_few_trials() -> None:
    """Halving: three rounds, at most two trials each."""
    for part in named(8):
        found, seen = searched(named(8), {part.name}.issubset)
        assert {part.name} == names(found.parts) and () == found.spare and len(seen) <= 6


def test_two_that_fail_only_together_are_found_together() -> None:
    """Neither half fails, so the cut is made finer; and each of them is known to pass without the other."""
    found, seen = searched(named(6), lambda tried: {"p0", "p5"} <= tried)
    assert {"p0", "p5"} == names(found.parts) == names(found.spare) and len(seen) <= 20


def test_a_group_of_one_needs_no_trial() -> None:
    """It failed already, and there is nobody else."""
    found, seen = searched(named(1), lambda _: False)
    assert ({"p0"}, []) == (names(found.parts), seen)


def test_of_several_culprits_one_is_found_for_certain() -> None:
    """Each is bad alone: the first that is found is named, and the others when what is left is tried."""
    found, _ = searched(named(8), lambda tried: bool({"p1", "p6"} & tried))
    assert names(found.parts) in ({"p1"}, {"p6"}) and () == found.spare


def test_two_that_must_move_at_once_are_named_together_and_neither_is_spared() -> None:
    """Whoever moves one alone cannot even install it: nothing is known of each, and that is not taken for good."""
    pair = {"p2", "p3"}
    found, _ = searched(named(6), lambda tried: None if len(pair & tried) == 1 else pair <= tried)
    assert (pair, ()) == (names(found.parts), found.spare)


def test_without_whom_the_others_pass_is_known_though_nobody_can_tell_of_him_alone() -> None:
    """His trials say nothing, ever; all others pass without him, and that is what people need to know."""
    found, _ = searched(named(4), lambda tried: None if "p0" in tried else False)
    assert ({"p0", "p1", "p2", "p3"}, {"p0"}) == (names(found.parts), names(found.spare))


@given(st.integers(1, 12), st.data())
def test_exactly_the_guilty_are_found(count: int, data: st.DataObject) -> None:
    """Whoever they are and however many; no trial is made twice, and their number stays small."""
    bad = frozenset(data.draw(st.sets(st.sampled_from([f"p{n}" for n in range(count)]), min_size=1)))
    found, seen = searched(named(count), lambda tried: bad <= tried)
    assert bad == names(found.parts)
    assert names(found.spare) == (bad if len(bad) > 1 else set())
    assert len(seen) == len(set(seen)) <= count * count + 3 * count


@given(st.integers(2, 9), st.data())
def test_nothing_is_said_that_no_trial_has_shown(count: int, data: st.DataObject) -> None:
    """Whatever the trials say, also nonsense: what is named has failed, and who is spared let the others pass."""
    said: dict[frozenset[str], bool | None] = {}

    def tells(tried: frozenset[str]) -> bool | None:
        said[tried] = data.draw(st.sampled_from([True, False, None]))
        return said[tried]

    found, seen = searched(named(count), tells)
    parts = frozenset(names(found.parts))
    assert len(parts) == count or said[parts] is True
    assert names(found.spare) == {one for one in parts if len(parts) > 1 and said.get(parts - {one}) is False}
    # The fewest: whatever of it was tried without one more is not known to fail.
    assert not any(said.get(parts - {one}) for one in parts)
    assert len(seen) == len(set(seen))


def tried(grade: Grade, **suites: tuple[str, ...]) -> Simulation:
    """By suite that failed the tests that newly fail."""
    made = tuple(
        SuiteResult(
            kind=kind,
            command="x",
            grade=Grade.FAILED,
            why="x",
            newly_failing=tuple(TestChange(test=one, before="passed", after="failed") for one in tests),
        )
        for kind, tests in suites.items()
    )
    passed = SuiteResult(kind="regression", command="x", grade=Grade.PASSED, why="x")
    return Simulation(
        head=Sha("b"), base=Sha("a"), grade=grade, why="it fails", isolation=Isolation.FULL, suites=(*made, passed)
    )


@pytest.mark.parametrize(
    "whole, part, fails",
    [
        ({"unit": ("t1", "t2")}, {"unit": ("t2", "t3")}, True),
        ({"unit": ("t1",)}, {"unit": ("t9",)}, None),
        ({"unit": ("t1",)}, {"security": ()}, None),
        ({"unit": ("t1",), "security": ()}, {"security": ()}, True),
        ({"unit": ()}, {"unit": ("t9",)}, True),
        ({"unit": ("t1",)}, {"unit": ()}, True),
        ({"unit": ("t1",)}, {}, None),
        ({}, {}, True),
    ],
)
def test_only_who_fails_for_the_same_reason_is_suspected(
    whole: dict[str, tuple[str, ...]], part: dict[str, tuple[str, ...]], fails: bool | None
) -> None:
    """One test in common, or a suite that fails as a whole; what cannot even be set up fails for another reason."""
    assert fails is fails_alike(tried(Grade.FAILED, **whole), tried(Grade.FAILED, **part))


def test_a_passing_trial_acquits_and_an_open_one_says_nothing() -> None:
    """Unknown is a third answer here, too."""
    whole = tried(Grade.FAILED, unit=("t1",))
    assert fails_alike(whole, tried(Grade.PASSED)) is False
    assert fails_alike(whole, tried(Grade.UNKNOWN)) is None


def member(name: str) -> Member:
    return Member(component=Component(name=name), current="1", target="2", kind=Kind.MAJOR)


A, B, C = (member(name) for name in "abc")


@pytest.mark.parametrize(
    "found, words",
    [
        (Bisected(guilty=(A,), alone=(A,)), "it fails; of the group, `a 2` makes it fail"),
        (Bisected(guilty=(A, B), spare=(A, B)), "it fails; of the group, `a 2` and `b 2` fail only together"),
        (
            Bisected(guilty=(A, B, C), spare=(C,), why="how b does alone is open"),
            "it fails; of the group, `a 2`, `b 2` and `c 2` fail together, and pass without `c 2`",
        ),
        (
            Bisected(guilty=(A, B), alone=(A, B), others=True),
            "it fails; of the group, `a 2` and `b 2` each make it fail; the others pass without",
        ),
        (
            Bisected(guilty=(A, B, C), alone=(A,), why="b alone cannot be had"),
            "it fails; of the group, `a 2` makes it fail; `b 2` and `c 2` fail together, and could not be tried apart",
        ),
        (
            Bisected(guilty=(A, B), why="b alone cannot be had"),
            "it fails; of the group, `a 2` and `b 2` fail together, and could not be tried apart",
        ),
    ],
)
def test_the_verdict_names_the_culprits_and_how_sure_it_is(found: Bisected, words: str) -> None:
    """Alone, only together, or not to be told apart: three things, in three words."""
    said = bisecting.named(tried(Grade.FAILED, unit=("t1",)), found)
    assert words == said.why
    assert said.culprits == tuple((one.component, "2") for one in found.guilty)
    assert said.spare == tuple((one.component, "2") for one in found.spare)
    assert said.notes == ((found.why,) if found.why else ())


def test_where_nobody_could_be_found_the_smallest_circle_is_told() -> None:
    """The time was over: nobody is called guilty, and people know where to look."""
    said = bisecting.named(tried(Grade.FAILED), Bisected(why="the 60 s for that were over", among=(A, B)))
    note = "who of the group makes it fail is not known: the 60 s for that were over; it is among `a 2` and `b 2`"
    assert ((note,), (), "it fails") == (said.notes, said.culprits, said.why)
