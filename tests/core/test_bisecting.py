"""The culprit of a failing group is found, alone or with its accomplice, in few trials."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.bisecting import guilty


class Part:
    """One of a group; two of the same name are two."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def searched(parts: list[Part], bad: frozenset[str]) -> tuple[set[str], int]:
    """Who is found, and after how many trials; a trial fails when all of the bad are in it."""
    search, trials = guilty(parts), 0
    try:
        wanted = next(search)
        while True:
            trials += 1
            wanted = search.send(bad <= {one.name for one in wanted})
    except StopIteration as end:
        return {one.name for one in end.value}, trials


def named(count: int) -> list[Part]:
    return [Part(f"p{n}") for n in range(count)]


def test_one_of_eight_is_found_in_a_few_trials() -> None:
    """Halving: three rounds, at most two trials each."""
    for guilty_one in range(8):
        found, trials = searched(named(8), frozenset({f"p{guilty_one}"}))
        assert {f"p{guilty_one}"} == found and trials <= 6


def test_two_that_fail_only_together_are_found_together() -> None:
    """Neither half fails, so the cut is made finer."""
    found, trials = searched(named(6), frozenset({"p0", "p5"}))
    assert {"p0", "p5"} == found and trials <= 20


def test_a_group_of_one_needs_no_trial() -> None:
    """It failed already, and there is nobody else."""
    assert ({"p0"}, 0) == searched(named(1), frozenset({"p0"}))


@given(st.integers(1, 12), st.data())
def test_exactly_the_guilty_are_found(count: int, data: st.DataObject) -> None:
    """Whoever they are and however many; no trial is made twice, and their number stays small."""
    bad = frozenset(data.draw(st.sets(st.sampled_from([f"p{n}" for n in range(count)]), min_size=1)))
    parts = named(count)
    search, seen = guilty(parts), []
    try:
        wanted = next(search)
        while True:
            assert 0 < len(wanted) < count
            seen.append(frozenset(map(id, wanted)))
            wanted = search.send(bad <= {one.name for one in wanted})
    except StopIteration as end:
        assert bad == {one.name for one in end.value}
    assert len(seen) == len(set(seen)) <= count * count + 3 * count
