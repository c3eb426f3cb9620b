"""`surefoot check PATH`: finds, tries and judges the updates of a checkout, which it never changes.

No GitHub is needed. Packages come from where pip on this machine gets them. Each component is asked for once; what was
fetched is kept in the user's cache folder with its validators, so that the next look is cheap.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import canonicalize_name

from bot import config
from bot.adapters import Tools, kinds, manifests, open_one, sources
from bot.check import checkout, report
from bot.check.progress import Progress
from bot.check.report import Report, Row
from bot.core import ecosystems, policy
from bot.core.choice import Choice, choose
from bot.core.errors import ConfigProblem, Missing, SurefootError
from bot.core.model import Component, Pin, Release, Sha, Simulation, Verdict
from bot.core.ports import Lab, Manifest, Source, Trial
from bot.core.repo_config import CONFIG_PATH, RepoConfig
from bot.core.rewriting import rewritten
from bot.core.survey import by_component, oldest_python, rules_of
from bot.lab import probe
from bot.lab.resolver import Uv, find_uv
from bot.lab.trial import laboratory
from bot.tools.cache import Folder, user_folder
from bot.tools.http import Http, Reach
from bot.tools.pip import index_of_pip


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look is made with. lab: None to try nothing."""

    root: Path
    manifests: Mapping[str, Manifest]
    sources: Mapping[str, Source]
    lab: Lab | None
    progress: Progress
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the checkout itself says. names: its files; texts: the manifests; python: see oldest_python."""

    names: tuple[str, ...]
    texts: Mapping[str, str]
    pins: Mapping[Component, Sequence[Pin]]
    config: RepoConfig
    python: str | None
    errors: tuple[str, ...]


async def run(path: Path, *, as_json: bool = False, simulate: bool = True, only: Sequence[str] = ()) -> int:
    """Look at a checkout and print the report. The exit code: 0 nothing to do, 1 updates found, 2 an error."""
    cache = user_folder(os.environ)
    index = await asyncio.to_thread(index_of_pip)
    # Who configured an index for pip meant its address, also a private one.
    reach = Reach(trusted=index.hosts, ca=index.cert, unverified=index.trusted_hosts)
    folder = Folder(cache / "http")
    await asyncio.to_thread(folder.sweep)
    with Progress() as progress:
        async with Http(reach, cache=folder) as http:
            tools = Tools(http=http, index=lambda: index)
            asked = {kind: open_one(sources, kind, {}, tools) for kind in kinds(sources)}
            # What is installed to try an update comes from the index that listed it.
            uv = find_uv(index, asked["pypi"].releases) if simulate else None
            look = Look(
                root=path,
                manifests={kind: open_one(manifests, kind, {}, tools) for kind in kinds(manifests)},
                sources=asked,
                lab=await _lab(cache, uv, progress.say) if uv else None,
                progress=progress,
                now=datetime.now(UTC),
            )
            made = await of(look, only)
    if as_json:
        print(report.as_json(made))
    else:
        report.show(made)
    return made.code


async def _lab(cache: Path, uv: Uv, say: Callable[[str], None]) -> Lab:
    return laboratory(cache / "lab", host=await probe.probe(), uv=uv, say=say)


async def of(look: Look, only: Sequence[str] = ()) -> Report:
    """The report on a checkout. What cannot be read or reached is among its errors; nothing is raised for it."""
    try:
        seen = await _read(look)
    except ConfigProblem as problem:
        return Report(rows=(), errors=(str(problem),))
    wanted = {str(canonicalize_name(name)) for name in only}
    chosen = {one: pins for one, pins in seen.pins.items() if one.name in wanted or not wanted}
    strangers = wanted - {one.name for one in chosen}
    errors = [*seen.errors, *(f"no file here asks for {name}" for name in sorted(strangers))]
    look.progress.of(len(chosen), "asking for versions")
    answers = await asyncio.gather(*(_choices(look, seen, one, pins) for one, pins in chosen.items()))
    found: list[tuple[Component, Choice]] = []
    for component, answer in zip(chosen, answers, strict=True):
        if isinstance(answer, str):
            errors.append(answer)
        else:
            found += [(component, choice) for choice in answer]
    found.sort(key=lambda pair: pair[0].name)
    rows, more = await _judged(look, seen, found)
    return Report(rows=tuple(rows), errors=(*errors, *more))


async def _read(look: Look) -> Read:
    names = await checkout.files(look.root)
    texts: dict[str, str] = {}
    pins: list[Pin] = []
    errors: list[str] = []
    for name in names:
        for manifest in look.manifests.values():
            if not manifest.matches(name):
                continue
            try:
                texts[name] = checkout.read(look.root, name)
                pins += manifest.read(name, texts[name])
            except ConfigProblem as problem:
                errors.append(str(problem))
    given = checkout.read(look.root, CONFIG_PATH) if CONFIG_PATH in names else None
    return Read(
        names=tuple(names),
        texts=texts,
        pins=by_component(pins),
        config=config.parse(given, CONFIG_PATH) if given is not None else RepoConfig(),
        python=oldest_python(texts.get("pyproject.toml", "")),
        errors=tuple(errors),
    )


async def _choices(look: Look, seen: Read, component: Component, pins: Sequence[Pin]) -> Sequence[Choice] | str:
    """The answers for one component, or an error in words."""
    current = next((pin.version for pin in pins if pin.version), pins[0].requirement)
    try:
        if not seen.config.updates.wants(component.name):
            return [Choice(verdict=Verdict.CURRENT, current=current, why=("left alone by updates.match",))]
        releases = await look.sources[ecosystems.of(component).source].releases(component)
        rules = rules_of(component, seen.config, seen.python)
        return choose(pins, releases, now=look.now, rules=rules, known={})
    except Missing as problem:
        return [Choice(verdict=Verdict.HOLD, current=current, why=(str(problem),))]
    except SurefootError as problem:
        return f"{component.name}: {problem}"
    finally:
        look.progress.step()


async def _judged(look: Look, seen: Read, found: Sequence[tuple[Component, Choice]]) -> tuple[list[Row], list[str]]:
    """A row for each answer; what may be proposed is tried first."""
    rows: list[Row] = []
    errors: list[str] = []
    proposals = sum(choice.verdict is Verdict.APPROVE for _, choice in found)
    with tempfile.TemporaryDirectory(prefix="surefoot-check-", ignore_cleanup_errors=True) as folder:
        base = Path(folder) / "base"
        if look.lab and proposals:
            look.progress.of(proposals, "copying")
            await asyncio.to_thread(checkout.copy, look.root, seen.names, base)
        for number, (component, choice) in enumerate(found):
            row = _row(component, seen.pins[component], choice)
            if choice.verdict is Verdict.APPROVE and choice.target:
                row, error = await _answered(look, seen, row, choice.target, (base, Path(folder) / str(number)))
                errors += error
            rows.append(row)
    return rows, errors


async def _answered(
    look: Look, seen: Read, row: Row, release: Release, folders: tuple[Path, Path]
) -> tuple[Row, list[str]]:
    """The row once it was tried, and what went wrong meanwhile."""
    try:
        return await _tried(look, seen, row, release, folders), []
    except SurefootError as problem:
        held = replace(row, verdict=Verdict.HOLD, why=(*row.why, f"could not be tried: {problem}"))
        # What the file or the release does not allow is an answer; an index that is away is none.
        answer = isinstance(problem, ConfigProblem)
        return held, [] if answer else [f"{row.name} {row.target}: {problem}"]


def _row(component: Component, pins: Sequence[Pin], choice: Choice) -> Row:
    first = next((pin for pin in pins if pin.version), pins[0])
    return Row(
        name=component.name,
        ecosystem=component.ecosystem,
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


async def _tried(look: Look, seen: Read, row: Row, release: Release, folders: tuple[Path, Path]) -> Row:
    """The row with the policy's verdict on it, after a simulation where there is a lab."""
    component = Component(name=row.name, ecosystem=row.ecosystem)
    exact = [pin for pin in seen.pins[component] if pin.version is not None]
    changed = rewritten(seen.texts, exact, release, look.manifests)
    base_sha = await checkout.commit(look.root) or checkout.name_of("", {})
    head = checkout.name_of(base_sha, changed)
    simulation = None
    if look.lab:
        base, place = folders
        look.progress.say(f"{row.name} {release.version}")
        await asyncio.to_thread(checkout.candidate, base, changed, place)
        simulation = await look.lab.simulate(_trial(seen, component, folders, (head, Sha(base_sha))))
        look.progress.step()
    return _decided(row, seen, simulation, head, look.now)


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


def _decided(row: Row, seen: Read, simulation: Simulation | None, head: Sha, now: datetime) -> Row:
    assert row.kind is not None, "what may be proposed has a kind"
    facts = policy.Facts(kind=row.kind, head=head, now=now, simulation=simulation)
    decision = policy.decide(facts, seen.config.policy)
    # No forge is asked here, so there is nothing to be said of checks and reviews.
    told = [one.why for one in decision.findings if one.rule not in {"checks", "reviews"}]
    notes = simulation.notes if simulation else ()
    return replace(row, verdict=decision.verdict, why=tuple(dict.fromkeys((*row.why, *told, *notes))))
