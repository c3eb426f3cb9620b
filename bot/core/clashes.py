"""Steps that fail only together: none of them is bad, so one stays behind, and the others come without it.

A trial of a group told which (`core.bisecting`). What stays behind comes when one of the others is another version.
What was seen in one project of a repository says nothing of the others: it counts where all of those steps were made.
Which those are stands in the update's own pins, so that trials of long ago tell it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from posixpath import dirname

from bot.core.budget import Held
from bot.core.grouping import OF_THE_SET, STEPS, GroupOf, ids_of, parcels
from bot.core.model import Component, Member, Pin, Simulation, Update, UpdateId
from bot.core.quoting import code

Step = tuple[Component, str]  # to a version
ProjectOf = Callable[[Pin], str]  # the folder of the project to which a place belongs (`survey.projects`)


def _folder(pin: Pin) -> str:
    return dirname(pin.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """steps: what fails together. spare: those of them without each of which the others were seen to pass.

    projects: in which all of them were made; none where they have no project in common, and then it counts everywhere.
    """

    steps: frozenset[Step]
    spare: frozenset[Step]
    projects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What is pinned now, and in which projects; and which updates a person wants in spite of it."""

    there: Mapping[Step, Collection[str]] = field(default_factory=dict)
    released: Collection[UpdateId] = ()
    project_of: ProjectOf = _folder

    def of(self, part: Member) -> frozenset[str]:
        """The projects in which it is made."""
        return frozenset(self.project_of(pin) for pin in part.pins)


def pinned(pins: Iterable[Pin], project_of: ProjectOf) -> Mapping[Step, Collection[str]]:
    """What is there: each version, with the projects in which it is."""
    found: dict[Step, set[str]] = {}
    for pin in pins:
        if pin.version is not None:
            found.setdefault((pin.component, pin.version), set()).add(project_of(pin))
    return found


def seen(known: Iterable[Update], places: Places) -> tuple[Clash, ...]:
    """Those that the trials of a repository's earlier groups have shown."""
    tried = [(one.simulation, one.members) for one in known if one.members and one.state in OF_THE_SET]
    return tuple(dict.fromkeys(of(one, parts, places) for one, parts in tried if one is not None and one.spare))


def of(simulation: Simulation, parts: Iterable[Member] = (), places: Places | None = None) -> Clash:
    """What this trial has shown to fail together. parts: what it tried; without them it counts everywhere."""
    steps, spare = frozenset(simulation.culprits), frozenset(simulation.spare)
    made = [(places or Places()).of(part) for part in parts if step_of(part) in steps]
    shared = reduce(frozenset.intersection, made) if made else frozenset()
    return Clash(steps=steps, spare=spare, projects=shared)


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


def last_of(clash: Clash, coming: Mapping[Step, Member]) -> Step | None:
    """Who of those that come stays behind so that not all of them meet; None where they do not."""
    return _last(clash, coming, _meeting(clash, coming, Places()))


def _last(clash: Clash, coming: Mapping[Step, Member], mine: Collection[Step]) -> Step | None:
    return max(clash.spare & set(mine) or mine, key=lambda step: _order(coming[step]), default=None)


def _meeting(clash: Clash, coming: Mapping[Step, Member], places: Places) -> Collection[Step]:
    """Those of it that come where all of them would be, with what is pinned there; none where that is nowhere."""
    every = clash.steps & coming.keys()
    if not clash.projects:
        return every if clash.steps <= every | places.there.keys() else ()
    for project in sorted(clash.projects):
        mine = {step for step in every if project in places.of(coming[step])}
        if mine and clash.steps <= mine | {step for step, where in places.there.items() if project in where}:
            return mine
    return ()


def why(clash: Clash, last: Step, *, here: bool) -> str:
    """Why that one stays behind. here: whether some of the others are pinned already."""
    others = " and ".join(sorted(code(f"{component.name} {target}") for component, target in clash.steps - {last}))
    return f"it fails only together with {others}, {'as is pinned here' if here else 'and that comes first'}"


def _one_of(clash: Clash, coming: Mapping[Step, Member], found: Mapping[Step, Update], places: Places) -> Held | None:
    """None also where a person wants it in spite of what is pinned."""
    mine = _meeting(clash, coming, places)
    last = _last(clash, coming, mine)
    if last is None:
        return None
    update, here = found[last], not clash.steps <= set(mine)
    if here and ids_of(update) & set(places.released):
        return None
    return Held(update=update, why=why(clash, last, here=here), ends=not here)


def _order(part: Member) -> tuple[int, int, str, str]:
    """The least urgent and largest step goes last."""
    return -part.priority, STEPS.index(part.kind), part.component.name, part.target
