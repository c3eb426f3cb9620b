"""Finds what is newer: reads the pins, asks each source once, and has an answer for every component."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from gidgethub.abc import GitHubAPI

from bot.adapters import again, listing, registered
from bot.adapters.listing import Shelf
from bot.core import budget, clashes, ecosystems, grouping, nodes
from bot.core.board import Answer
from bot.core.choice import Choice, choose
from bot.core.errors import Permanent, Transient
from bot.core.model import (
    Component,
    InstallationId,
    Member,
    Pin,
    RepoName,
    State,
    Update,
    UpdateId,
    Verdict,
    id_of,
    target_digest,
)
from bot.core.objections import Rules
from bot.core.repo_config import Registered, RepoConfig
from bot.core.rewriting import moving
from bot.core.second_look import Seen
from bot.core.survey import Group, groups, projects, pythons_of, rules_of, scattered
from bot.github import commits, pins
from bot.lab import holding

LOOK_AGAIN = timedelta(minutes=5)
AT_ONCE = 16  # how many components are asked for side by side; their lists of releases are held so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """All that one look found. seen: what is to be said of the updates that are open already."""

    found: tuple[Update, ...]
    answers: tuple[Answer, ...]
    seen: Mapping[UpdateId, Seen] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the default branch says. nodes: what its project runs on, as `rules_of` takes them."""

    found: pins.Found
    nodes: tuple[str, ...] = ()

    def groups(self) -> list[Group]:
        """The pins that have an answer each, by name."""
        found = groups(self.found.pins, self.found.files, self.found.pythons)
        return sorted(found, key=lambda group: group.component.name)

    def rules_of(self, group: Group, config: RepoConfig) -> Rules:
        """What holds for the component of these pins."""
        return rules_of(group.component, config, pythons_of(group.pins, self.found.pythons), self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where is looked: a repository of an installation, with what is known of earlier updates there.

    released: updates that a person wants now, whatever holds them.
    """

    repo: RepoName
    installation: InstallationId
    known: Sequence[Update]
    released: frozenset[UpdateId] = frozenset()


async def run(
    place: Place,
    *,
    gh: GitHubAPI,
    config: RepoConfig,
    reader: pins.Reader,
    shelf: Shelf,
    now: datetime,
) -> Detected:
    """Look at the default branch as it is now."""
    read = await _read(place.repo, gh, reader)
    looked = read.groups()
    room, history = asyncio.Semaphore(AT_ONCE), grouping.by_component(place.known)

    async def answered(group: Group) -> Sequence[Choice]:
        rules = read.rules_of(group, config)
        known = grouping.became(group.component, history.get(group.component, ()), group.pins)
        async with room:
            choices = await _choices(group, known, rules, shelf, now)
            if wanted := _released(place, group, choices):
                choices = await _choices(group, known, replace(rules, released=wanted), shelf, now)
        moved = [_moving(group, choice, rules) for choice in choices]
        pairs = zip(choices, moved, strict=True)
        return [await holding.held(choice, pins, read.found.files, shelf.lacks) for choice, pins in pairs]

    wanted = [group for group in looked if config.updates.wants(group.component.name)]
    steps: list[Member] = []
    answers = [_left_alone(group.component) for group in looked if group not in wanted]
    away, apart = [], scattered(wanted)
    for group, choices in zip(wanted, await asyncio.gather(*map(answered, wanted)), strict=True):
        steps += _steps(group, choices, read.rules_of(group, config))
        folder = group.folder if group.component in apart else ""
        answers += [replace(_told(place.repo, group.component, choice), folder=folder) for choice in choices]
        away += [group.component for choice in choices if choice.target is None and choice.held_until is not None]
    answers += await _of_registered(place.repo, config, read, shelf, now)
    found, behind = _updates(place, config, steps, away, read, now)
    taken, answers = _shared(place, config, found, behind, answers, now)
    seen = await again.looks(place.known, shelf, now)
    return Detected(found=taken, answers=tuple(answers), seen=seen, problems=read.found.problems)


def _steps(group: Group, choices: Sequence[Choice], rules: Rules) -> list[Member]:
    proposed = [choice for choice in choices if choice.verdict is Verdict.APPROVE]
    return [grouping.step_of(group.component, one, _moving(group, one, rules)) for one in proposed]


def _updates(
    place: Place, config: RepoConfig, steps: Sequence[Member], away: Sequence[Component], read: _Read, now: datetime
) -> tuple[Sequence[Update], Sequence[budget.Held]]:
    """One for each target over all projects, and one for each group; and those that stay behind.

    That is because they fail only together with others.
    """
    over, group_of = grouping.over(place.known), config.updates.group_of
    alone = [_update(place, step, over, now) for step, _ in grouping.joined(steps)]
    project_of = projects(read.found.pins, read.found.files)
    there = clashes.pinned(read.found.pins, project_of)
    places = clashes.Places(there=there, released=place.released, project_of=project_of)
    found, behind = clashes.parted(alone, group_of, clashes.seen(place.known, places), places)
    return grouping.together(found, group_of, place.known, away), behind


def _shared(
    place: Place,
    config: RepoConfig,
    found: Sequence[Update],
    behind: Sequence[budget.Held],
    answers: Sequence[Answer],
    now: datetime,
) -> tuple[tuple[Update, ...], list[Answer]]:
    """What may be proposed now, and the answers with the words of what waits."""
    turns = budget.Turns(limits=config.updates.limits, schedule=config.updates.schedule, released=place.released)
    rejected = {update.id for update in place.known if update.state is State.REJECTED}
    shared = budget.share([update for update in found if update.id not in rejected], place.known, turns, now)
    why = "together with the others of its group it was rejected before"
    turned_down = (budget.Held(update=one, why=why, ends=True) for one in found if one.id in rejected)
    held = [*shared.held, *behind, *turned_down]
    names = {uid: one.component.name for one in found if one.members for uid in grouping.ids_of(one)}
    waiting = {uid: one for one in held for uid in grouping.ids_of(one.update)}
    return shared.taken, [_in_its_turn(answer, names, waiting) for answer in answers]


async def _of_registered(repo: RepoName, config: RepoConfig, read: _Read, shelf: Shelf, now: datetime) -> list[Answer]:
    """The answers for what no file pins. No box can be ticked for them, for nothing could be proposed."""
    room = asyncio.Semaphore(AT_ONCE)

    async def answered(one: Registered) -> list[Answer]:
        async with room:
            rules = read.rules_of(registered.group_of(one, None), config)
            choices = await _unpinned(one, rules, shelf, now)
        return [replace(_told(repo, one.component, choice), id=None) for choice in choices]

    mine = [one for one in config.updates.components if config.updates.wants(one.component.name)]
    return [answer for answers in await asyncio.gather(*map(answered, mine)) for answer in answers]


async def _unpinned(one: Registered, rules: Rules, shelf: Shelf, now: datetime) -> Sequence[Choice]:
    try:
        group = registered.group_of(one, await registered.running(one, shelf.sources))
    except Permanent as error:
        return [registered.unknown(error)]
    except Transient as error:
        return [replace(registered.unknown(error), held_until=now + max(error.after or timedelta(), LOOK_AGAIN))]
    return [registered.unpinned(choice) for choice in await _choices(group, {}, rules, shelf, now)]


def _in_its_turn(answer: Answer, groups: Mapping[UpdateId, str], waiting: Mapping[UpdateId, budget.Held]) -> Answer:
    """The answer with its group's name and what its update waits for; one that is held anyway says so itself."""
    if answer.id is None or answer.verdict is not Verdict.APPROVE:
        return answer
    held, named = waiting.get(answer.id), replace(answer, group=groups.get(answer.id, ""))
    if held is None:
        return named
    why = (held.why, *answer.why)
    return replace(named, verdict=Verdict.HOLD, why=why, held_until=held.until, waits=not held.ends)


async def _read(repo: RepoName, gh: GitHubAPI, reader: pins.Reader) -> _Read:
    base = await commits.default_branch(gh, repo)
    tip = await commits.branch(gh, repo, base)
    if tip is None:
        return _Read(found=pins.Found(problems=(f"{base} has no commit yet",)))
    found = await pins.of_tree(gh, repo, tip, reader)
    wanted = any(pin.component.ecosystem == "npm" for pin in found.pins)
    texts = {name: await commits.read(gh, repo, name, tip) for name in nodes.FILES if wanted and name in found.files}
    return _Read(found=found, nodes=nodes.nodes_of({name: text or "" for name, text in texts.items()}))


async def _choices(
    group: Group, known: Mapping[str, State], rules: Rules, shelf: Shelf, now: datetime
) -> Sequence[Choice]:
    component, until = group.component, None
    try:
        source = shelf.sources.get(ecosystems.of(component).source)
        if source is not None:
            look = partial(choose, group.pins, now=now, rules=rules, known=known)
            return await listing.answers(group, source, look, shelf, now)
        why = f"nobody here lists versions of {component.ecosystem}"
    except Permanent as error:  # not there, or not for us: that is this component's matter, and no other's
        why = str(error)
    except Transient as error:
        until = now + max(error.after or timedelta(), LOOK_AGAIN)
        why = f"nothing can be said now: {error}; it is asked again from {until:%H:%M} UTC on"
    current = next((pin.version for pin in group.pins if pin.version), group.pins[0].requirement)
    return [Choice(verdict=Verdict.HOLD, current=current, why=(why,), held_until=until)]


def _released(place: Place, group: Group, choices: Sequence[Choice]) -> frozenset[str]:
    """The held versions of a component that a person wants now."""
    held = [choice for choice in choices if choice.verdict is Verdict.HOLD and choice.target is not None]
    mine = [choice for choice in held if _id(place.repo, group.component, choice) in place.released]
    return frozenset(choice.target.version for choice in mine if choice.target is not None)


def _left_alone(component: Component) -> Answer:
    why = ("left alone by updates.match",)
    return Answer(name=component.name, ecosystem=component.ecosystem, current="", verdict=Verdict.HOLD, why=why)


def _id(repo: RepoName, component: Component, choice: Choice) -> UpdateId | None:
    if choice.target is None or choice.kind is None:
        return None
    return id_of(repo, component, choice.target.version, target_digest(choice.kind, choice.target))


def _told(repo: RepoName, component: Component, choice: Choice) -> Answer:
    return Answer(
        name=component.name,
        ecosystem=component.ecosystem,
        current=choice.current,
        verdict=choice.verdict,
        why=choice.why,
        target=choice.target.version if choice.target else None,
        held_until=choice.held_until,
        kind=choice.kind,
        priority=choice.priority,
        id=_id(repo, component, choice),
        waits=choice.held_until is not None,
    )


def _moving(group: Group, choice: Choice, rules: Rules) -> tuple[Pin, ...]:
    return moving(group.pins, choice.target, widen=rules.widen) if choice.target is not None else ()


def _update(place: Place, step: Member, over: Collection[UpdateId], now: datetime) -> Update:
    named = partial(id_of, place.repo, step.component, step.target, step.digest)
    again = grouping.fresh(over, named)
    return Update(
        id=named(again=again),
        again=again,
        repo=place.repo,
        installation=place.installation,
        component=step.component,
        current=step.current,
        target=step.target,
        kind=step.kind,
        state=State.DETECTED,
        created=now,
        changed=now,
        priority=step.priority,
        why_now=step.why_now,
        gates=step.gates,
        looked=step.gates,
        fixes=step.fixes,
        pins=step.pins,
        release=step.release,
    )
