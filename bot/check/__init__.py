"""`surefoot check PATH`: finds, tries and judges the updates of a checkout, which it never changes.

No GitHub is needed. Packages come from where pip on this machine gets them. Each component is asked for once; what was
fetched is kept in the user's cache folder with its validators, so that the next look is cheap.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from packaging.utils import canonicalize_name

from bot import config
from bot.adapters import Opened, Tools, listing, manifests, open_all, open_one, open_when_asked, registered, sources
from bot.adapters.advisories import open_advisories
from bot.adapters.endpoints import Desk
from bot.adapters.listing import Shelf
from bot.adapters.poller import Poller
from bot.check import checkout, report
from bot.check.advisories import Forgiving
from bot.check.progress import Progress
from bot.check.report import Report, Row
from bot.config.sources import read as read_registries
from bot.core import ecosystems, locks, policy
from bot.core.choice import Choice, choose
from bot.core.errors import ConfigProblem, Missing, Permanent, SurefootError, Transient
from bot.core.locks import Locker
from bot.core.model import Component, Pin, Release, Sha, Simulation, Verdict
from bot.core.ports import Lab, Manifest, Source, Trial
from bot.core.repo_config import CONFIG_PATH, Registered, RepoConfig
from bot.core.rewriting import moving, rewritten
from bot.core.survey import Group, groups, oldest_python, rules_of
from bot.tools.cache import Folder, user_folder
from bot.tools.http import Http, Reach
from bot.tools.npm import named_hosts
from bot.tools.pip import index_of_pip
from bot.tools.sightings import FolderSightings

MOVED = 10  # how many of the packages that move along are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look is made with. lab: None to try nothing; locker: None where no lock file can be made anew."""

    root: Path
    tools: Tools
    shelf: Shelf
    lab: Lab | None
    locker: Locker | None
    progress: Progress
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the checkout itself says. names: its files; texts: the manifests; python: see oldest_python.

    commit: the one that is checked out, or a name for there being none.
    """

    names: Collection[str]
    texts: Mapping[str, str]
    groups: Sequence[Group]
    config: RepoConfig
    manifests: Mapping[str, Manifest]
    python: str | None
    commit: str
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One update that may be proposed: which pins move to which release, and its row so far."""

    pins: Sequence[Pin]
    release: Release
    gates: tuple[str, ...]
    row: Row


async def run(path: Path, *, as_json: bool = False, simulate: bool = True, only: Sequence[str] = ()) -> int:
    """Look at a checkout and print the report. The exit code: 0 nothing to do, 1 updates found, 2 an error."""
    cache, given = user_folder(os.environ), read_registries(os.environ)
    index = await asyncio.to_thread(index_of_pip)
    # Who configured an index for pip, a registry for npm or one for us meant its address, also a private one.
    trusted = index.hosts | given.hosts | await asyncio.to_thread(named_hosts, os.environ)
    reach = Reach(trusted=trusted, ca=index.cert, unverified=index.trusted_hosts)
    folder = Folder(cache / "http")
    await asyncio.to_thread(folder.sweep)
    with Progress() as progress:
        async with Http(reach, cache=folder) as http:
            tools = Tools(http=http, index=lambda: index)
            opened = open_when_asked(sources, replace(tools, secrets=given.lookup), given.options, where=given.places)
            asked = Opened(opened, lambda kind: _once(opened[kind], kind))
            flaws, seen = _flaws(tools), FolderSightings(cache / "seen")
            # What is installed to try an update comes from the index that listed it.
            lab, locker = None, None
            if simulate:
                from bot.check import workshop  # what runs other people's code is half of us, and not needed to look

                place = workshop.Place(http=http, reach=reach, cache=folder, folder=cache / "lab", say=progress.say)
                lab, locker = await workshop.fitted(index, opened["pypi"].releases, place)
            look = Look(
                root=path,
                tools=tools,
                shelf=Shelf(sources=asked, sightings=seen, advisories=flaws, allow=given.allow),
                lab=lab,
                locker=locker,
                progress=progress,
                now=datetime.now(UTC),
            )
            made = await of(look, only)
            if flaws is not None and flaws.failed:
                why = f"nobody could be asked about known flaws ({flaws.failed}), so nothing is said of them"
                made = replace(made, notes=(*made.notes, why))
    if as_json:
        print(report.as_json(made))
    else:
        report.show(made)
    return made.code


def _flaws(tools: Tools) -> Forgiving | None:
    opened = open_advisories(os.environ.get("SUREFOOT_OSV", ""), tools)
    return Forgiving(opened) if opened is not None else None


def _once(source: Source, kind: str) -> Source:
    """Several groups of pins may ask for one component; it is listed for all of them together."""
    return Poller(source, kind, fresh=timedelta(hours=1), now=lambda: datetime.now(UTC))


async def of(look: Look, only: Sequence[str] = ()) -> Report:
    """The report on a checkout. What cannot be read or reached is among its errors; nothing is raised for it."""
    try:
        seen = await _read(look)
        look = replace(look, shelf=_with_endpoints(look, seen.config))
    except ConfigProblem as problem:
        return Report(rows=(), errors=(str(problem),))
    wanted = {str(canonicalize_name(name)) for name in only} | set(only)
    chosen = [group for group in seen.groups if group.component.name in wanted or not wanted]
    loose = [one for one in seen.config.updates.components if one.component.name in wanted or not wanted]
    there = {group.component.name for group in chosen} | {one.component.name for one in loose}
    strangers = [name for name in dict.fromkeys(only) if not {name, str(canonicalize_name(name))} & there]
    errors = [*seen.errors, *(f"no file here asks for {name}" for name in sorted(strangers))]
    look.progress.of(len(chosen) + len(loose), "asking for versions")
    chosen += [registered.group_of(one, None) for one in loose]
    asking = [_choices(look, seen, group) for group in chosen[: len(chosen) - len(loose)]]
    answers = await asyncio.gather(*asking, *(_unpinned(look, seen, one) for one in loose))
    found: list[tuple[Group, Choice]] = []
    unreached: list[str] = []
    for group, answer in zip(chosen, answers, strict=True):
        if isinstance(answer, Transient):
            unreached.append(f"{group.component.name}: {answer}")
        elif isinstance(answer, SurefootError):
            errors.append(f"{group.component.name}: {answer}")
        else:
            found += [(group, choice) for choice in answer]
    found.sort(key=lambda pair: pair[0].component.name)
    rows, more = await _judged(look, seen, found)
    return Report(rows=tuple(rows), errors=(*errors, *more), unreached=tuple(unreached))


async def _read(look: Look) -> Read:
    names = await checkout.files(look.root)
    given = checkout.read(look.root, CONFIG_PATH) if CONFIG_PATH in names else None
    written = config.parse(given, CONFIG_PATH) if given is not None else RepoConfig()
    readers = open_all(manifests, look.tools, written.updates.readers, where=f"{CONFIG_PATH} updates.files")
    texts: dict[str, str] = {}
    pins: list[Pin] = []
    errors: list[str] = []
    for name in names:
        for manifest in readers.values():
            if not manifest.matches(name):
                continue
            try:
                texts[name] = checkout.read(look.root, name)
                pins += manifest.read(name, texts[name])
            except ConfigProblem as problem:
                errors.append(str(problem))
    return Read(
        names=dict.fromkeys(names),
        texts=texts,
        groups=groups(pins),
        config=written,
        manifests=readers,
        python=oldest_python(texts.get("pyproject.toml", "")),
        commit=await checkout.commit(look.root) or checkout.name_of("", {}),
        errors=tuple(errors),
    )


def _with_endpoints(look: Look, config: RepoConfig) -> Shelf:
    """Who is asked, with the endpoints that the checkout describes. ConfigProblem for one that cannot be used."""
    desk = Desk(lambda options: open_one(sources, "http", options, look.tools), partial(_once, kind="http"))
    described = desk.over(look.shelf.sources, config.updates, "")
    return replace(look.shelf, sources=described, endpoints=config.updates.urls)


async def _choices(look: Look, seen: Read, group: Group) -> Sequence[Choice] | SurefootError:
    """The answers for one group of pins, or what stood in the way."""
    component = group.component
    current = next((pin.version for pin in group.pins if pin.version), group.pins[0].requirement)
    try:
        if not seen.config.updates.wants(component.name):
            return [Choice(verdict=Verdict.CURRENT, current=current, why=("left alone by updates.match",))]
        rules = rules_of(component, seen.config, seen.python)
        choosing = partial(choose, group.pins, now=look.now, rules=rules, known={})
        source = look.shelf.sources.get(ecosystems.of(component).source)
        if source is None:
            return Permanent(f"nobody here lists versions of {component.ecosystem}")
        choices = await listing.answers(group, source, choosing, look.shelf, look.now)
        reasons = [locks.bound(_moving(seen, group, choice), seen.names) for choice in choices]
        return [locks.unbound(choice, why) for choice, why in zip(choices, reasons, strict=True)]
    except Missing as problem:
        return [Choice(verdict=Verdict.HOLD, current=current, why=(str(problem),))]
    except SurefootError as problem:
        return problem
    finally:
        look.progress.step()


def _moving(seen: Read, group: Group, choice: Choice) -> tuple[Pin, ...]:
    widen = rules_of(group.component, seen.config, seen.python).widen
    return moving(group.pins, choice.target, widen=widen) if choice.target is not None else ()


async def _unpinned(look: Look, seen: Read, one: Registered) -> Sequence[Choice] | SurefootError:
    """The answers for a component that no file pins, none of which is to be tried."""
    try:
        group = registered.group_of(one, await registered.running(one, look.shelf.sources))
    except Permanent as problem:
        look.progress.step()
        return [registered.unknown(problem)]
    except SurefootError as problem:
        look.progress.step()
        return problem
    choices = await _choices(look, seen, group)
    return choices if isinstance(choices, SurefootError) else [registered.unpinned(choice) for choice in choices]


async def _judged(look: Look, seen: Read, found: Sequence[tuple[Group, Choice]]) -> tuple[list[Row], list[str]]:
    """A row for each answer; what may be proposed is tried first."""
    rows: list[Row] = []
    errors: list[str] = []
    proposals = sum(choice.verdict is Verdict.APPROVE for _, choice in found)
    with tempfile.TemporaryDirectory(prefix="surefoot-check-", ignore_cleanup_errors=True) as folder:
        base = Path(folder) / "base"
        if look.lab and proposals:
            look.progress.of(proposals, "copying")
            await asyncio.to_thread(checkout.copy, look.root, tuple(seen.names), base)
        for number, (group, choice) in enumerate(found):
            row = _row(group, choice)
            if choice.verdict is Verdict.APPROVE and choice.target:
                pins = _moving(seen, group, choice)
                proposal = Proposal(pins=pins, release=choice.target, gates=choice.gates, row=row)
                row, error = await _answered(look, seen, proposal, (base, Path(folder) / str(number)))
                errors += error
            rows.append(row)
    return rows, errors


async def _answered(look: Look, seen: Read, proposal: Proposal, folders: tuple[Path, Path]) -> tuple[Row, list[str]]:
    """The row once it was tried, and what went wrong meanwhile."""
    row = proposal.row
    try:
        return await _tried(look, seen, proposal, folders), []
    except SurefootError as problem:
        held = replace(row, verdict=Verdict.HOLD, why=(*row.why, f"could not be tried: {problem}"))
        # What the file or the release does not allow is an answer; an index that is away is none.
        answer = isinstance(problem, ConfigProblem)
        return held, [] if answer else [f"{row.name} {row.target}: {problem}"]


def _row(group: Group, choice: Choice) -> Row:
    first = next((pin for pin in group.pins if pin.version), group.pins[0])
    return Row(
        name=group.component.name,
        ecosystem=group.component.ecosystem,
        manifest=first.path,
        line=first.line,
        current=choice.current,
        verdict=choice.verdict,
        why=choice.why,
        target=choice.target.version if choice.target and choice.verdict is not Verdict.CURRENT else None,
        kind=choice.kind,
        priority=choice.priority,
        held_until=choice.held_until,
    )


async def _tried(look: Look, seen: Read, proposal: Proposal, folders: tuple[Path, Path]) -> Row:
    """The row with the policy's verdict on it, after a simulation where there is a lab."""
    component = proposal.pins[0].component
    changed = rewritten(seen.texts, proposal.pins, proposal.release, seen.manifests)
    moved: tuple[str, ...] = ()
    if look.locker is not None:
        target = (component, proposal.release.version)
        from bot.check.workshop import follow  # there is a locker, so it is loaded

        relocked = await follow(changed, seen.names, partial(_text, look.root), target, look.locker)
        changed = {**changed, **relocked.files}
        moved = tuple(f"{one.name} {one.before or 'new'} → {one.after or 'gone'} in its lock" for one in relocked.moved)
    head = checkout.name_of(seen.commit, changed)
    simulation = None
    if look.lab:
        base, place = folders
        look.progress.say(f"{component.name} {proposal.release.version}")
        await asyncio.to_thread(checkout.candidate, base, changed, place)
        simulation = await look.lab.simulate(_trial(seen, component, folders, (head, Sha(seen.commit))))
        look.progress.step()
    row = _decided(proposal, seen, simulation, head, look.now)
    return replace(row, why=(*row.why, *moved[:MOVED]))


async def _text(root: Path, name: str) -> str | None:
    return await asyncio.to_thread(checkout.read, root, name)


def _trial(seen: Read, component: Component, folders: tuple[Path, Path], shas: tuple[Sha, Sha]) -> Trial:
    wanted = seen.config.simulate
    return Trial(
        base=folders[0],
        candidate=folders[1],
        head=shas[0],
        base_sha=shas[1],
        component=component,
        suites=wanted.suites,
        left_out=wanted.left_out,
        seconds=wanted.seconds,
        memory_mib=wanted.memory_mib,
    )


def _decided(proposal: Proposal, seen: Read, simulation: Simulation | None, head: Sha, now: datetime) -> Row:
    row = proposal.row
    assert row.kind is not None, "what may be proposed has a kind"
    facts = policy.Facts(kind=row.kind, head=head, now=now, simulation=simulation, gates=proposal.gates)
    decision = policy.decide(facts, seen.config.policy)
    # No forge is asked here, so there is nothing to be said of checks and reviews.
    told = [one.why for one in decision.findings if one.rule not in {"checks", "reviews"}]
    notes = simulation.notes if simulation else ()
    return replace(row, verdict=decision.verdict, why=tuple(dict.fromkeys((*row.why, *told, *notes))))
