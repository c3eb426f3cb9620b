"""Finds what is newer: reads the pins, asks each source once, and has an answer for every component."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from gidgethub.abc import GitHubAPI

from bot.adapters import listing, registered
from bot.adapters.listing import Shelf
from bot.core import budget, ecosystems, locks
from bot.core.board import Answer
from bot.core.choice import Choice, choose
from bot.core.errors import Permanent, Transient
from bot.core.model import (
    Component,
    InstallationId,
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
from bot.core.survey import PROJECT, Group, groups, oldest_python, rules_of
from bot.github import commits, pins

LOOK_AGAIN = timedelta(minutes=5)
AT_ONCE = 16  # how many components are asked for side by side; their lists of releases are held so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """All that one look found."""

    found: tuple[Update, ...]
    answers: tuple[Answer, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the default branch says. python: the oldest one that its project runs on, where it says so."""

    found: pins.Found
    python: str | None = None


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
    looked = sorted(groups(read.found.pins), key=lambda group: group.component.name)
    room = asyncio.Semaphore(AT_ONCE)

    async def answered(group: Group) -> Sequence[Choice]:
        rules = rules_of(group.component, config, read.python)
        async with room:
            choices = await _choices(group, _known(group, place.known), rules, shelf, now)
            if wanted := _released(place, group, choices):
                choices = await _choices(group, _known(group, place.known), replace(rules, released=wanted), shelf, now)
        moved = [_moving(group, choice, rules) for choice in choices]
        reasons = [locks.bound(pins, read.found.files) for pins in moved]
        return [locks.unbound(choice, why) for choice, why in zip(choices, reasons, strict=True)]

    wanted = [group for group in looked if config.updates.wants(group.component.name)]
    found: list[Update] = []
    answers = [_left_alone(group.component) for group in looked if group not in wanted]
    for group, choices in zip(wanted, await asyncio.gather(*map(answered, wanted)), strict=True):
        rules = rules_of(group.component, config, read.python)
        proposed = [choice for choice in choices if choice.verdict is Verdict.APPROVE]
        found += [_update(place, group, choice, _moving(group, choice, rules), now) for choice in proposed]
        answers += [_told(place.repo, group.component, choice) for choice in choices]
    answers += await _of_registered(place.repo, config, read.python, shelf, now)
    turns = budget.Turns(limits=config.updates.limits, schedule=config.updates.schedule, released=place.released)
    shared = budget.share(found, place.known, turns, now)
    answers = [_in_its_turn(answer, shared.held) for answer in answers]
    return Detected(found=shared.taken, answers=tuple(answers), problems=read.found.problems)


async def _of_registered(
    repo: RepoName, config: RepoConfig, python: str | None, shelf: Shelf, now: datetime
) -> list[Answer]:
    """The answers for what no file pins. No box can be ticked for them, for nothing could be proposed."""
    room = asyncio.Semaphore(AT_ONCE)

    async def answered(one: Registered) -> list[Answer]:
        async with room:
            choices = await _unpinned(one, rules_of(one.component, config, python), shelf, now)
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


def _in_its_turn(answer: Answer, held: Sequence[budget.Held]) -> Answer:
    for one in held:
        if one.update.id == answer.id:
            return replace(answer, verdict=Verdict.HOLD, why=(one.why, *answer.why), held_until=one.until, waits=True)
    return answer


async def _read(repo: RepoName, gh: GitHubAPI, reader: pins.Reader) -> _Read:
    base = await commits.default_branch(gh, repo)
    tip = await commits.branch(gh, repo, base)
    if tip is None:
        return _Read(found=pins.Found(problems=(f"{base} has no commit yet",)))
    found = await pins.of_tree(gh, repo, tip, reader)
    project = await commits.read(gh, repo, PROJECT, tip) if PROJECT in found.files else None
    return _Read(found=found, python=oldest_python(project or ""))


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


def _known(group: Group, updates: Sequence[Update]) -> Mapping[str, State]:
    """What became of the targets that were tried before, by version, or version and digest."""
    known: dict[str, State] = {}
    for update in updates:
        if update.component == group.component:
            digest = target_digest(update.kind, update.release)
            known[f"{update.target}@{digest}" if digest else update.target] = update.state
    return known


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


def _update(place: Place, group: Group, choice: Choice, moved: tuple[Pin, ...], now: datetime) -> Update:
    assert choice.target is not None and choice.kind is not None, "a choice that approves names its target"
    uid = _id(place.repo, group.component, choice)
    assert uid is not None, "an update that can be proposed has a name"
    return Update(
        id=uid,
        repo=place.repo,
        installation=place.installation,
        component=group.component,
        current=choice.current,
        target=choice.target.version,
        kind=choice.kind,
        state=State.DETECTED,
        created=now,
        changed=now,
        priority=choice.priority,
        why_now=choice.why,
        gates=choice.gates,
        fixes=choice.fixes,
        pins=moved,
        release=choice.target,
    )
