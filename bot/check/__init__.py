"""`surefoot check PATH`: finds, tries and judges the updates of a checkout, which it never changes.

No GitHub is needed. Packages come from where pip on this machine gets them. Each component is asked for once; what was
fetched is kept in the user's cache folder with its validators, so that the next look is cheap.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from itertools import count
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from bot import config
from bot.adapters import Opened, Tools, listing, manifests, open_one, open_when_asked, registered, sources
from bot.adapters.advisories import open_advisories
from bot.adapters.endpoints import Desk
from bot.adapters.listing import Shelf
from bot.adapters.poller import Poller
from bot.check import apart, checkout, report, shed
from bot.check.advisories import Forgiving
from bot.check.judging import Proposal, decided, row_of
from bot.check.progress import Progress
from bot.check.report import Report, Row
from bot.config.settings import networks
from bot.config.sources import read as read_registries
from bot.core import ecosystems
from bot.core.choice import Choice, choose
from bot.core.errors import ConfigProblem, Missing, Permanent, SurefootError, Transient
from bot.core.grouping import joined, parcels, step_of
from bot.core.locks import Locker
from bot.core.model import Grade, Member, Pin, Sha, Verdict
from bot.core.nodes import FILES as NODE_FILES
from bot.core.nodes import nodes_of
from bot.core.ports import Lab, Manifest, Source, Trial
from bot.core.repo_config import CONFIG_PATH, Registered, RepoConfig
from bot.core.rewriting import moving, rewritten
from bot.core.survey import PROJECT, Group, groups, oldest_python, pythons_of, rules_of
from bot.lab import holding
from bot.tools.cache import Folder
from bot.tools.http import Http, Reach
from bot.tools.npm import named_hosts
from bot.tools.pip import index_of_pip
from bot.tools.sightings import FolderSightings
from bot.tools.user import user_folder

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
    """What the checkout itself says. names: its files; texts: the manifests.

    pythons: as `pythons_of` takes them; nodes: see `rules_of`.
    commit: the one that is checked out, or a name for there being none.
    """

    names: Collection[str]
    texts: Mapping[str, str]
    groups: Sequence[Group]
    config: RepoConfig
    manifests: Mapping[str, Manifest]
    pythons: Mapping[str, str]
    nodes: tuple[str, ...]
    commit: str
    errors: tuple[str, ...]


async def run(path: Path, *, as_json: bool = False, simulate: bool = True, only: Sequence[str] = ()) -> int:
    """Look at a checkout and print the report. The exit code: 0 nothing to do, 1 updates found, 2 an error."""
    cache, given = user_folder(os.environ), read_registries(os.environ)
    index = await asyncio.to_thread(index_of_pip)
    # Who configured an index for pip, a registry for npm or one for us meant its address, also a private one.
    trusted = index.hosts | given.hosts | await asyncio.to_thread(named_hosts, os.environ)
    allow = [ip_network(one) for one in networks(os.environ)]
    reach = Reach(allow=allow, trusted=trusted, ca=index.cert, unverified=index.trusted_hosts)
    folder = Folder(cache / "http", together=True)
    await asyncio.to_thread(folder.sweep)
    with Progress() as progress, folder, FolderSightings(cache / "seen", together=True) as seen:
        async with Http(reach, cache=folder, alone=True) as http:
            tools = Tools(http=http, index=lambda: index)
            opened = open_when_asked(sources, replace(tools, secrets=given.lookup), given.options, where=given.places)
            asked = Opened(opened, lambda kind: _once(opened[kind], kind))
            flaws = _flaws(tools)
            # What is installed to try an update comes from the index that listed it.
            lab, locker = None, None
            if simulate:
                from bot.check import workshop  # what runs other people's code is half of us, and not needed to look

                lent = workshop.Place(
                    http=http, reach=reach, cache=folder, folder=cache / "lab", registries=given, advisories=flaws
                )
                lab, locker = await workshop.fitted(index, opened["pypi"].releases, lent)
            look = Look(
                root=path,
                tools=tools,
                shelf=Shelf(sources=asked, sightings=seen, advisories=flaws, allow=given.allow, lacks=shed.lacks),
                lab=lab,
                locker=locker,
                progress=progress,
                now=datetime.now(UTC),
            )
            made = _noted(await of(look, only), flaws)
    if as_json:
        print(report.as_json(made))
    else:
        report.show(made)
    return made.code


def _noted(made: Report, flaws: Forgiving | None) -> Report:
    if flaws is None or not flaws.failed:
        return made
    why = f"nobody could be asked about known flaws ({flaws.failed}), so nothing is said of them"
    return replace(made, notes=(*made.notes, why))


def _flaws(tools: Tools) -> Forgiving | None:
    osv, kev, eol = (os.environ.get(name, "") for name in ("SUREFOOT_OSV", "SUREFOOT_KEV", "SUREFOOT_EOL"))
    opened = open_advisories(osv, tools, kev=kev, eol=eol)
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
    errors += more
    return Report(rows=tuple(rows), errors=tuple(dict.fromkeys(errors)), unreached=tuple(dict.fromkeys(unreached)))


async def _read(look: Look) -> Read:
    names = await checkout.files(look.root)
    given = checkout.read(look.root, CONFIG_PATH) if CONFIG_PATH in names else None
    written = config.parse(given, CONFIG_PATH) if given is not None else RepoConfig()
    readers = open_when_asked(manifests, look.tools, written.updates.readers, where=f"{CONFIG_PATH} updates.files")
    texts: dict[str, str] = {}
    pins: list[Pin] = []
    errors: list[str] = []
    for name in names:
        for kind in readers:
            asked = kind in written.updates.readers or manifests.may_own(kind, name)
            if not (asked and readers[kind].matches(name)):
                continue
            try:
                texts[name] = checkout.read(look.root, name)
                pins += readers[kind].read(name, texts[name])
            except ConfigProblem as problem:
                errors.append(str(problem))
    projects = {name: oldest_python(text) for name, text in texts.items() if PurePosixPath(name).name == PROJECT}
    pythons = {name: python for name, python in projects.items() if python}
    return Read(
        names=dict.fromkeys(names),
        texts=texts,
        groups=groups(pins, dict.fromkeys(names), pythons),
        config=written,
        manifests=readers,
        pythons=pythons,
        nodes=nodes_of(_texts(look.root, [name for name in NODE_FILES if name in names])),
        commit=await checkout.commit(look.root) or checkout.name_of("", {}),
        errors=tuple(errors),
    )


def _texts(root: Path, names: Sequence[str]) -> dict[str, str]:
    """Those of these files that can be read; what they would say besides is said elsewhere."""
    texts: dict[str, str] = {}
    for name in names:
        with suppress(ConfigProblem):
            texts[name] = checkout.read(root, name)
    return texts


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
        rules = rules_of(component, seen.config, pythons_of(group.pins, seen.pythons), seen.nodes)
        choosing = partial(choose, group.pins, now=look.now, rules=rules, known={})
        source = look.shelf.sources.get(ecosystems.of(component).source)
        if source is None:
            return Permanent(f"nobody here lists versions of {component.ecosystem}")
        choices = await listing.answers(group, source, choosing, look.shelf, look.now)
        pairs = [(choice, _moving(seen, group, choice)) for choice in choices]
        return [await holding.held(choice, pins, seen.names, look.shelf.lacks) for choice, pins in pairs]
    except Missing as problem:
        return [Choice(verdict=Verdict.HOLD, current=current, why=(str(problem),))]
    except SurefootError as problem:
        return problem
    finally:
        look.progress.step()


def _moving(seen: Read, group: Group, choice: Choice) -> tuple[Pin, ...]:
    widen = rules_of(group.component, seen.config).widen
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
    """A row for each answer; what may be proposed is tried first, and what comes in one pull request at once."""
    rows = [row_of(group, choice) for group, choice in found]
    approved = [(place, *pair) for place, pair in enumerate(found) if pair[1].verdict is Verdict.APPROVE]
    steps = {step_of(one.component, choice, _moving(seen, one, choice)): place for place, one, choice in approved}
    wholes = {whole: [steps[step] for step in those] for whole, those in joined(steps)}
    proposals = parcels(wholes, seen.config.updates.group_of)
    errors: list[str] = []
    with tempfile.TemporaryDirectory(prefix="surefoot-check-", ignore_cleanup_errors=True) as folder:
        base = Path(folder) / "base"
        if look.lab and proposals:
            look.progress.of(len(proposals), "copying")
            await asyncio.to_thread(checkout.copy, look.root, tuple(seen.names), base)
        for number in count():
            if not proposals:
                break
            name, parts = proposals.pop(0)
            places = [(place, part) for part in parts for place in wholes[part]]
            proposal = Proposal(parts=parts, rows=[replace(rows[place], group=name) for place, _ in places])
            tried, error = await _answered(look, seen, proposal, (base, Path(folder) / str(number)))
            errors += error
            out = apart.staying(parts, tried[0])
            for (place, part), row in zip(places, tried, strict=True):
                if part in out or not out:
                    rows[place] = apart.held(row, out.get(part, ""))
            if rest := tuple(part for part in parts if out and part not in out):
                proposals.insert(0, (name, rest))
    return rows, errors


async def _answered(
    look: Look, seen: Read, proposal: Proposal, folders: tuple[Path, Path]
) -> tuple[Sequence[Row], list[str]]:
    """The rows once it was tried, and what went wrong meanwhile."""
    try:
        return await _tried(look, seen, proposal, folders), []
    except SurefootError as problem:
        why = f"could not be tried: {problem}"
        held = [replace(row, verdict=Verdict.HOLD, why=(*row.why, why)) for row in proposal.rows]
        # What the file or the release does not allow is an answer; an index that is away is none.
        if not isinstance(problem, ConfigProblem):
            return held, [f"{proposal.named}: {problem}"]
        return await apart.hindered(held, proposal.parts, problem, partial(_hinders, look, seen)), []


async def _hinders(look: Look, seen: Read, parts: Sequence[Member]) -> bool:
    """Whether these steps alone cannot be written or locked."""
    try:
        await _changes(look, seen, parts)
    except ConfigProblem:
        return True
    return False


async def _tried(look: Look, seen: Read, proposal: Proposal, folders: tuple[Path, Path]) -> list[Row]:
    """The rows with the policy's verdict on them, after a simulation where there is a lab."""
    changed, moved = await _changes(look, seen, proposal.parts)
    head = checkout.name_of(seen.commit, changed)
    simulation = None
    if look.lab:
        base, place = folders
        look.progress.say(proposal.named)
        await asyncio.to_thread(checkout.candidate, base, changed, place)
        trial = _trial(seen, proposal.parts, folders, (head, Sha(seen.commit)))
        simulation = await look.lab.simulate(trial, look.progress.say)
        if simulation.grade is Grade.FAILED and len(proposal.parts) > 1 and seen.config.simulate.bisect:
            from bot.check.workshop import taken_apart  # there is a lab, so it is loaded

            makers = look.lab, look.locker
            simulation = await taken_apart(trial, simulation, seen.manifests, makers, look.progress.say)
        look.progress.step()
    rows = decided(proposal, seen.config.policy, simulation, head, look.now)
    return [replace(row, why=(*row.why, *moved[:MOVED])) for row in rows]


async def _changes(look: Look, seen: Read, parts: Sequence[Member]) -> tuple[Mapping[str, str], list[str]]:
    """The files that these steps change, and the lock files that must follow; what moved in those, in words."""
    changed: dict[str, str] = {}
    for part in parts:
        assert part.release is not None, "a choice that approves names its target"
        changed |= rewritten({**seen.texts, **changed}, part.pins, part.release, seen.manifests)
    if look.locker is None:
        return changed, []
    from bot.check.workshop import locked  # there is a locker, so it is loaded

    async def text(name: str) -> str:
        return await asyncio.to_thread(checkout.read, look.root, name)

    made = await locked(parts, changed, (seen.names, text), look.locker)
    moved = [f"{one.name} {one.before or 'new'} → {one.after or 'gone'} in its lock" for one in made.moved]
    return {**changed, **made.files}, list(dict.fromkeys(moved))


def _trial(seen: Read, parts: Sequence[Member], folders: tuple[Path, Path], shas: tuple[Sha, Sha]) -> Trial:
    wanted = seen.config.simulate
    return Trial(
        base=folders[0],
        candidate=folders[1],
        head=shas[0],
        base_sha=shas[1],
        component=parts[0].component,
        parts=tuple(parts),
        suites=wanted.suites,
        left_out=wanted.left_out,
        seconds=wanted.seconds,
        memory_mib=wanted.memory_mib,
        prepare=wanted.prepare,
    )
