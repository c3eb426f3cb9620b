"""Several components in one pull request: which steps go together, and what their update is as a whole.

The steps within a major version and the major ones are two updates of a group, because people decide about them apart.
A grave fix never waits for others. The set is the update: another set is another one, which takes the older one's place
once it proved good. One that gave way may come again when its members are wanted again, by another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count

from bot.core import ecosystems, versions
from bot.core.choice import LARGE, Choice
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.lifecycle import PULL_IS_OPEN
from bot.core.model import GROUP, Component, Kind, Member, Pin, Priority, RepoName, State, Update, UpdateId, id_of
from bot.core.quoting import code
from bot.core.releases import brief

# From the smallest step to the largest.
STEPS = (Kind.DIGEST, Kind.PATCH, Kind.MINOR, Kind.MAJOR, Kind.SCHEME)
OPEN = PULL_IS_OPEN | {State.DETECTED}
# A trial or a rule turned the set down, or another set took its place; nothing is said of any one member by that.
OF_THE_SET = frozenset({State.REJECTED, State.SUPERSEDED})
_OVER = frozenset({State.DONE, State.SUPERSEDED})
_TURNED_DOWN = frozenset({State.ROLLING_BACK, State.ROLLED_BACK, State.CLOSED})

GroupOf = Callable[[Component, Kind], str]  # `repo_config.Updates.group_of`


def is_grave(part: Member) -> bool:
    """Whether it mends a flaw for which it must not wait for others."""
    return bool(part.fixes) and part.priority >= Priority.HIGH


def parcels(parts: Iterable[Member], group_of: GroupOf) -> list[tuple[str, tuple[Member, ...]]]:
    """What comes in one pull request each: the group's name and its members; "" and one part for what comes alone."""
    found: dict[tuple[str, bool] | int, list[Member]] = {}
    names: dict[tuple[str, bool] | int, str] = {}
    for number, part in enumerate(parts):
        name = "" if is_grave(part) else group_of(part.component, part.kind)
        key = (name, part.kind in LARGE) if name else number
        found.setdefault(key, []).append(part)
        names[key] = name
    return [(names[key], tuple(mine)) for key, mine in found.items()]


def step_of(component: Component, choice: Choice, pins: tuple[Pin, ...]) -> Member:
    """The step that a choice proposes. pins: those that it moves."""
    assert choice.target is not None and choice.kind is not None, "a choice that approves names its target"
    return Member(
        component=component,
        current=choice.current,
        target=choice.target.version,
        kind=choice.kind,
        release=brief(choice.target),
        pins=pins,
        priority=choice.priority,
        why_now=choice.why,
        gates=choice.gates,
        fixes=choice.fixes,
    )


def joined(steps: Iterable[Member]) -> list[tuple[Member, tuple[Member, ...]]]:
    """Steps of one component to one target are one, over all the projects that take it; each with what it is made of.

    It counts from where it is the largest, and of such places from the oldest version.
    """
    found: dict[tuple[Component, str, str], list[Member]] = {}
    for step in steps:
        found.setdefault((step.component, step.target, step.digest), []).append(step)
    return [(_joined(those), tuple(those)) for those in found.values()]


def _joined(steps: Sequence[Member]) -> Member:
    if len(steps) == 1:
        return steps[0]
    lead = min(steps, key=lambda step: (-STEPS.index(step.kind), _age(step)))
    first = (lead, *(step for step in steps if step is not lead))
    return replace(
        lead,
        pins=_pins(steps),
        priority=max(step.priority for step in steps),
        why_now=tuple(dict.fromkeys(line for step in first for line in step.why_now)),
        gates=tuple(dict.fromkeys(gate for step in first for gate in step.gates)),
        fixes=tuple(dict.fromkeys(fix for step in first for fix in step.fixes)),
    )


def _age(step: Member) -> tuple[int, versions.Key]:
    """Ranges come last: what they take is not in use for certain."""
    with suppress(ConfigProblem, InvalidVersion):
        return 0, versions.key(ecosystems.scheme_of(step.component), step.current)
    return 1, ()


def together(
    found: Sequence[Update], group_of: GroupOf, known: Sequence[Update], away: Iterable[Component] = ()
) -> list[Update]:
    """The updates as they are to be proposed. found: of single components; known: the repository's earlier ones.

    away: components of which nothing can be said now. An open group that holds one of them stays as it is, and so does
    what else belongs to it.
    """
    by_part = {(one.component, one.target, one.parts[0].digest): one for one in found}
    unknown = frozenset(away)
    made: list[Update] = []
    for name, parts in parcels((one.parts[0] for one in found), group_of):
        first = by_part[parts[0].component, parts[0].target, parts[0].digest]
        if not name:
            made.append(first)
        elif not _stays(name, parts, known, unknown):
            made.append(_group(name, first, parts, known))
    return made


def _stays(name: str, parts: Sequence[Member], known: Sequence[Update], away: frozenset[Component]) -> bool:
    return any(
        one.state in OPEN and _is_of(one, name, parts) and any(part.component in away for part in one.parts)
        for one in known
    )


def _is_of(update: Update, name: str, parts: Sequence[Member]) -> bool:
    same = update.component == Component(name=name, ecosystem=GROUP)
    return same and (update.kind in LARGE) == (parts[0].kind in LARGE)


def _group(name: str, first: Update, parts: Sequence[Member], known: Sequence[Update]) -> Update:
    component = Component(name=name, ecosystem=GROUP)
    members = tuple(sorted(parts, key=lambda part: (part.component.name, part.component.ecosystem, part.target)))
    target, again = _named(first.repo, component, members, known)
    gates = gates_of(members)
    return replace(
        first,
        id=id_of(first.repo, component, target, again=again),
        again=again,
        component=component,
        current="as pinned",
        target=target,
        release=None,
        members=members,
        priority=max(part.priority for part in members),
        why_now=_said_of(members, [part.why_now for part in members]),
        gates=gates,
        looked=gates,
        fixes=tuple(dict.fromkeys(fix for part in members for fix in part.fixes)),
        kind=largest(members),
        pins=_pins(members),
    )


def _named(repo: RepoName, component: Component, parts: Sequence[Member], known: Sequence[Update]) -> tuple[str, int]:
    """Its target, and how often that came before."""
    words = "1 update" if len(parts) == 1 else f"{len(parts)} updates"
    target = f"{words} {_set_of(parts)}"
    return target, fresh(over(known), partial(id_of, repo, component, target))


def over(known: Iterable[Update]) -> frozenset[UpdateId]:
    """Those that are done with, or gave way: what is wanted again is wanted for other places, or has left its group."""
    return frozenset(update.id for update in known if update.state in _OVER)


def fresh(over: Collection[UpdateId], named: Callable[..., UpdateId]) -> int:
    """How many of this name are over. named: the id by the argument `again`.

    Whatever was turned down, or is done with in the same places, is not asked about here: nobody wants that again (see
    `became`).
    """
    return next(again for again in count() if named(again=again) not in over)


def _set_of(parts: Sequence[Member]) -> str:
    lines = sorted(
        "\n".join((part.component.ecosystem, part.component.name, part.component.registry, part.target, part.digest))
        for part in parts
    )
    return hashlib.sha256("\n\n".join(lines).encode()).hexdigest()[:8]


def _pins(parts: Sequence[Member]) -> tuple[Pin, ...]:
    return tuple(dict.fromkeys(pin for part in parts for pin in part.pins))


def largest(parts: Iterable[Member]) -> Kind:
    """The largest step among them."""
    return max((part.kind for part in parts), key=STEPS.index)


def gates_of(parts: Sequence[Member]) -> tuple[str, ...]:
    """What a person has to look at of all of them; where there are several, each is named."""
    return _said_of(parts, [part.gates for part in parts])


def _said_of(parts: Sequence[Member], lines: Sequence[Sequence[str]]) -> tuple[str, ...]:
    heads = [_head(part) if len(parts) > 1 else "" for part in parts]
    return tuple(f"{head}{line}" for head, mine in zip(heads, lines, strict=True) for line in mine)


def _head(part: Member) -> str:
    """What a sentence about one member begins with, where others are spoken of besides (as in `core.second_look`)."""
    return f"{code(part.component.name)}: "


def with_parts(update: Update, parts: Sequence[Member]) -> Update:
    """The update with its steps as they were measured anew. A group goes on without those that are left out.

    So it can be tried with some of its members alone, too.
    """
    if not update.members:
        return replace(update, current=parts[0].current, kind=parts[0].kind)
    left = {part.component for part in parts}
    gone = tuple(_head(part) for part in update.members if part.component not in left)

    def still(lines: Sequence[str]) -> tuple[str, ...]:
        return tuple(line for line in lines if not line.startswith(gone))

    return replace(
        update,
        members=tuple(parts),
        kind=largest(parts),
        pins=_pins(parts),
        why_now=still(update.why_now),
        gates=still(update.gates),
        looked=still(update.looked),
    )


def ids_of(update: Update) -> frozenset[UpdateId]:
    """Its own id, and those that its steps would have alone: a box that is ticked for one of them is ticked for it."""
    return frozenset({update.id, *(id_of(update.repo, one.component, one.target, one.digest) for one in update.parts)})


def by_component(updates: Iterable[Update]) -> Mapping[Component, Sequence[Update]]:
    """The updates that moved each component, in their order."""
    found: dict[Component, list[Update]] = {}
    for update in updates:
        for component in dict.fromkeys(part.component for part in update.parts):
            found.setdefault(component, []).append(update)
    return found


def became(component: Component, updates: Iterable[Update], pins: Iterable[Pin] = ()) -> Mapping[str, State]:
    """What became of a component's versions that were tried before, by version, or version and digest.

    What was turned down counts before all else, in a group as alone; what gave way counts only where nothing else is
    known, for it may live on in a group. pins: for which it is asked; what is over in other files is no news of them.
    """
    paths = {pin.path for pin in pins}
    found: dict[str, tuple[int, State | None]] = {}
    for update in updates:
        for part in update.parts:
            elsewhere = update.state in _OVER and paths and paths.isdisjoint(pin.path for pin in part.pins)
            if part.component != component or elsewhere:
                continue
            key = f"{part.target}@{part.digest}" if part.digest else part.target
            said = _said(update, part)
            if said[0] >= found.get(key, said)[0]:
                found[key] = said
    return {key: state for key, (_, state) in found.items() if state is not None}


def _said(update: Update, part: Member) -> tuple[int, State | None]:
    """How much it weighs, and what it says of one of its members. Who made a set fail is out, also once it gave way."""
    if update.members and update.state in OF_THE_SET:
        tried = update.simulation
        # Those that fail only together are none of them bad (`core.clashes`).
        if tried and not tried.spare and (part.component, part.target) in tried.culprits:
            return 3, State.REJECTED
        return (0 if update.state is State.SUPERSEDED else 2), None
    weight = 3 if update.state in _TURNED_DOWN else 1 if update.state is State.SUPERSEDED else 2
    return weight, update.state
