"""Steps that fail only together: none of them is bad, so one stays behind, and the others come without it.

A trial of a group told which (`core.bisecting`). What stays behind comes when one of the others is another version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.core.budget import Held
from bot.core.grouping import OF_THE_SET, STEPS, GroupOf, ids_of, parcels
from bot.core.model import Component, Member, Simulation, Update, UpdateId
from bot.core.quoting import code

Step = tuple[Component, str]  # to a version


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """steps: what fails together. spare: those of them without each of which the others were seen to pass."""

    steps: frozenset[Step]
    spare: frozenset[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What is pinned now, and which updates a person wants in spite of it."""

    there: Collection[Step]
    released: Collection[UpdateId] = ()


def seen(known: Iterable[Update]) -> tuple[Clash, ...]:
    """Those that the trials of a repository's earlier groups have shown."""
    tried = [one.simulation for one in known if one.members and one.state in OF_THE_SET]
    return tuple(dict.fromkeys(of(one) for one in tried if one is not None and one.spare))


def of(simulation: Simulation) -> Clash:
    """What this trial has shown to fail together."""
    return Clash(steps=frozenset(simulation.culprits), spare=frozenset(simulation.spare))


def parted(
    found: Sequence[Update], group_of: GroupOf, clashes: Sequence[Clash], places: Places
) -> tuple[list[Update], list[Held]]:
    """The updates (of single components) that can come, and those that stay behind for others of them.

    What is pinned already counts as coming; a person may want the rest tried in spite of it.
    """
    if not clashes:
        return list(found), []
    behind: dict[int, Held] = {}
    by_step = {step_of(one.parts[0]): one for one in found}
    for _, parts in parcels((one.parts[0] for one in found), group_of):
        coming = {step_of(part): part for part in parts}
        for clash in clashes:
            held = _one_of(clash, coming, by_step, places)
            if held is not None:
                behind[id(held.update)] = held
                del coming[step_of(held.update.parts[0])]
    return [one for one in found if id(one) not in behind], list(behind.values())


def step_of(part: Member) -> Step:
    """As a trial names it."""
    return part.component, part.target


def last_of(clash: Clash, coming: Mapping[Step, Member], there: Collection[Step] = ()) -> Step | None:
    """Who stays behind so that not all of them meet; None where they do not. there: what is pinned."""
    mine = clash.steps & coming.keys()
    if not mine or not clash.steps <= coming.keys() | set(there):
        return None
    return max(clash.spare & mine or mine, key=lambda step: _order(coming[step]))


def why(clash: Clash, last: Step, *, here: bool) -> str:
    """Why that one stays behind. here: whether some of the others are pinned already."""
    others = " and ".join(sorted(code(f"{component.name} {target}") for component, target in clash.steps - {last}))
    return f"it fails only together with {others}, {'as is pinned here' if here else 'and that comes first'}"


def _one_of(clash: Clash, coming: Mapping[Step, Member], found: Mapping[Step, Update], places: Places) -> Held | None:
    """None also where a person wants it in spite of what is pinned."""
    last = last_of(clash, coming, places.there)
    if last is None:
        return None
    update, here = found[last], not clash.steps <= coming.keys()
    if here and ids_of(update) & set(places.released):
        return None
    return Held(update=update, why=why(clash, last, here=here), ends=not here)


def _order(part: Member) -> tuple[int, int, str, str]:
    """The least urgent and largest step goes last."""
    return -part.priority, STEPS.index(part.kind), part.component.name, part.target
