"""All who make a group fail are found in one hunt, and what is said of the rest was seen."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.bisecting import Bisected
from bot.core.errors import Transient
from bot.core.model import Component, Kind, Member
from bot.lab.hunting import Hunt, Parts

NAMES = "abcdefgh"


def members(names: str = NAMES) -> Parts:
    return tuple(Member(component=Component(name=name), current="1", target="2", kind=Kind.MAJOR) for name in names)


def named(parts: Parts) -> set[str]:
    return {part.component.name for part in parts}


async def hunted(bad: Collection[set[str]], *, most: int = 1000, names: str = NAMES) -> tuple[Bisected, list[set[str]]]:
    """What is found where each of these sets fails, and what was asked."""
    asked: list[set[str]] = []

    async def fails(parts: Parts) -> bool:
        asked.append(named(parts))
        return any(some <= asked[-1] for some in bad)

    hunt = Hunt(parts=members(names), fails=fails, stop=lambda: "enough" if len(asked) >= most else "")
    return await hunt.run(), asked


async def test_every_culprit_is_found_and_the_others_pass() -> None:
    """Two that are bad by themselves: the group comes again without both at once."""
    found, _ = await hunted([{"b"}, {"g"}])
    assert ({"b", "g"}, {"b", "g"}, (), True) == (named(found.guilty), named(found.alone), found.spare, found.others)


async def test_a_pair_that_fails_only_together_ends_the_hunt() -> None:
    """One of the two goes on with the others, and what else fails is found when they are tried."""
    found, _ = await hunted([{"a", "d"}, {"e", "h"}])
    assert named(found.guilty) in ({"a", "d"}, {"e", "h"}) and set(found.spare) == set(found.guilty)
    found, _ = await hunted([{"a"}, {"e", "h"}])
    assert ({"a"}, (), False) == (named(found.guilty), found.spare, found.others)


async def test_who_was_found_stays_found_when_the_budget_is_spent() -> None:
    """Nothing is said of the others then."""
    full, asked = await hunted([{"c"}])
    assert full.others and {"c"} == named(full.guilty)
    cut, _ = await hunted([{"c"}], most=len(asked) - 1)
    assert ({"c"}, False) == (named(cut.guilty), cut.others)
    early, _ = await hunted([{"c"}], most=1)
    assert ((), set("abcd"), "enough") == (early.guilty, named(early.among), early.why)


async def test_an_index_that_is_away_is_let_through() -> None:
    """It says nothing of anybody; what was learnt until then can still be asked for."""

    async def away(parts: Parts) -> bool:
        raise Transient("the index is away")

    hunt = Hunt(parts=members(), fails=away)
    with pytest.raises(Transient):
        await hunt.run()
    assert hunt.told("later") == Bisected(why="later")


SETS = st.lists(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3), min_size=1, max_size=4)


@given(SETS)
async def test_nothing_is_said_that_is_not_so(bad: list[set[str]]) -> None:
    """Whoever is called bad alone is; what fails together does, and no less; and the others pass where that is said."""
    found, asked = await hunted(bad)
    guilty, rest = named(found.guilty), set(NAMES) - named(found.guilty)

    def fails(names: set[str]) -> bool:
        return any(some <= names for some in bad)

    assert guilty and all(fails({one.component.name}) for one in found.alone)
    together = guilty - named(found.alone)
    assert not together or (fails(together) and not any(fails(together - {one}) for one in together))
    assert named(found.spare) == together
    assert not found.others or not fails(rest)
    assert found.others or found.spare or not rest or fails(rest)
    assert len({frozenset(some) for some in asked}) == len(asked), "nothing is asked twice"
