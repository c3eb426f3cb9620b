"""Finds what is newer: reads the pins, asks each source once, and has an answer for every component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gidgethub.abc import GitHubAPI

from bot.core import ecosystems
from bot.core.choice import Choice, Rules, choose
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Component, InstallationId, Pin, RepoName, State, Update, Verdict, id_of
from bot.core.ports import Manifest, Source
from bot.core.repo_config import RepoConfig
from bot.core.survey import PROJECT, by_component, oldest_python, rules_of
from bot.github import commits

MOST_FILES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What detection says of one component, also when it proposes nothing."""

    name: str
    current: str
    verdict: Verdict
    why: tuple[str, ...]
    target: str | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """All that one look found."""

    found: tuple[Update, ...]
    answers: tuple[Answer, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the default branch says. python: the oldest one that its project runs on, where it says so."""

    pins: tuple[Pin, ...] = ()
    python: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where is looked: a repository of an installation, with what is known of earlier updates there."""

    repo: RepoName
    installation: InstallationId
    known: Sequence[Update]


async def run(
    place: Place,
    *,
    gh: GitHubAPI,
    config: RepoConfig,
    manifests: Mapping[str, Manifest],
    sources: Mapping[str, Source],
    now: datetime,
) -> Detected:
    """Look at the default branch as it is now."""
    read = await _read(place.repo, gh, manifests)
    found: list[Update] = []
    answers: list[Answer] = []
    for component, places in sorted(by_component(read.pins).items(), key=lambda item: item[0].name):
        if not config.updates.wants(component.name):
            answers.append(_answer(component, "", Verdict.HOLD, "left alone by updates.match"))
            continue
        for choice in await _choices(
            component, places, rules_of(component, config, read.python), sources, place.known, now
        ):
            answers.append(_told(component, choice))
            if choice.verdict is Verdict.APPROVE:
                found.append(_update(place, component, places, choice, now))
    return Detected(found=tuple(found), answers=tuple(answers), problems=read.problems)


async def _read(repo: RepoName, gh: GitHubAPI, manifests: Mapping[str, Manifest]) -> _Read:
    base = await commits.default_branch(gh, repo)
    tip = await commits.branch(gh, repo, base)
    if tip is None:
        return _Read(problems=(f"{base} has no commit yet",))
    pins: list[Pin] = []
    problems: list[str] = []
    paths = [file.path for file in await commits.tree(gh, repo, tip)]
    mine = [(path, manifest) for path in paths for manifest in manifests.values() if manifest.matches(path)]
    if len(mine) > MOST_FILES:
        problems.append(f"{len(mine)} files pin something; the first {MOST_FILES} were read")
    for path, manifest in mine[:MOST_FILES]:
        text = await commits.read(gh, repo, path, tip)
        try:
            pins += manifest.read(path, text) if text is not None else ()
        except ConfigProblem as error:
            problems.append(str(error))
    project = await commits.read(gh, repo, PROJECT, tip) if PROJECT in paths else None
    return _Read(pins=tuple(pins), python=oldest_python(project or ""), problems=tuple(problems))


async def _choices(
    component: Component,
    pins: Sequence[Pin],
    rules: Rules,
    sources: Mapping[str, Source],
    known: Sequence[Update],
    now: datetime,
) -> Sequence[Choice]:
    current = next((pin.version for pin in pins if pin.version), pins[0].requirement)
    try:
        releases = await sources[ecosystems.of(component).source].releases(component)
    except KeyError:
        why = f"nobody here lists versions of {component.ecosystem}"
        return [Choice(verdict=Verdict.HOLD, current=current, why=(why,))]
    except Permanent as error:  # not there, or not for us: that is this component's matter, and no other's
        return [Choice(verdict=Verdict.HOLD, current=current, why=(str(error),))]
    before: dict[str, State] = {u.target: u.state for u in known if u.component == component}
    return choose(pins, releases, now=now, rules=rules, known=before)


def _answer(component: Component, current: str, verdict: Verdict, why: str) -> Answer:
    return Answer(name=component.name, current=current, verdict=verdict, why=(why,))


def _told(component: Component, choice: Choice) -> Answer:
    return Answer(
        name=component.name,
        current=choice.current,
        verdict=choice.verdict,
        why=choice.why,
        target=choice.target.version if choice.target else None,
        held_until=choice.held_until,
    )


def _update(place: Place, component: Component, pins: Sequence[Pin], choice: Choice, now: datetime) -> Update:
    assert choice.target is not None and choice.kind is not None, "a choice that approves names its target"
    return Update(
        id=id_of(place.repo, component, choice.target.version),
        repo=place.repo,
        installation=place.installation,
        component=component,
        current=choice.current,
        target=choice.target.version,
        kind=choice.kind,
        state=State.DETECTED,
        created=now,
        changed=now,
        priority=choice.priority,
        why_now=choice.why,
        pins=tuple(pin for pin in pins if pin.version is not None),
        release=choice.target,
    )
