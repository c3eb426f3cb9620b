"""From pins to questions: which places belong to one component, and what the owner wants for it."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from posixpath import dirname, join
from types import MappingProxyType

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from bot.core import ecosystems, tomls, versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.locks import locks_of
from bot.core.model import Component, Pin
from bot.core.objections import Rules
from bot.core.repo_config import RepoConfig

PROJECT = "pyproject.toml"
LONGEST = 512 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The pins that move together: of one component in one project, at one version, with the ranges beside it.

    Of one shape where its versions have any. Projects in which the very same is written are one.
    """

    component: Component
    pins: tuple[Pin, ...]

    @property
    def folder(self) -> str:
        """Where the first of them stands; "." for the top of the repository."""
        return dirname(self.pins[0].path) or "."


def groups(
    pins: Iterable[Pin], files: Collection[str] = (), pythons: Mapping[str, str] = MappingProxyType({})
) -> list[Group]:
    """The pins in groups, in reading order; who pins 3.12-slim here and 3.12-alpine there gets two answers.

    A project is the folder of a manifest, and all that one lock file among the repository's `files` binds: a range in
    one of them holds the pins beside it, and no others. pythons: as `pythons_of` takes them; who runs on other Pythons
    gets an answer of its own.
    """
    found: defaultdict[tuple[Component, str], list[list[Pin]]] = defaultdict(list)
    every = tuple(pins)
    projects = _projects(every, files)
    for pin in every:
        mine = found[pin.component, projects[_place(pin)]]
        group = next((group for group in mine if _belongs(pin, group[0])), None)
        if group is None:
            mine.append([pin])
        else:
            group.append(pin)
    same: dict[tuple[Component, frozenset[object], tuple[str, ...]], list[Pin]] = {}
    for (component, _), parts in found.items():
        for part in (one for several in parts for one in _by_version(several)):
            key = (component, frozenset(map(_written, part)), pythons_of(part, pythons))
            same.setdefault(key, []).extend(part)
    return [Group(component=key[0], pins=tuple(those)) for key, those in same.items()]


def _by_version(pins: list[Pin]) -> list[list[Pin]]:
    """Each exact version has its own answer, as it has its own next steps; the ranges beside it hold them all."""
    exact = dict.fromkeys(pin.version for pin in pins if pin.version is not None)
    try:
        scheme = ecosystems.scheme_of(pins[0].component)
    except ConfigProblem:
        return [pins]
    if len(exact) < 2 or not all(versions.is_valid(scheme, version) for version in exact):
        return [pins]
    return [[pin for pin in pins if pin.version in (version, None)] for version in exact]


def scattered(found: Iterable[Group]) -> frozenset[Component]:
    """The components that have answers for more than one folder."""
    folders: defaultdict[Component, set[str]] = defaultdict(set)
    for group in found:
        folders[group.component].add(group.folder)
    return frozenset(component for component, those in folders.items() if len(those) > 1)


def projects(pins: Iterable[Pin], files: Collection[str]) -> Callable[[Pin], str]:
    """The folder of the project to which a place of the repository belongs, as `groups` has it. pins: all there are."""
    found = _projects(pins, files)
    return lambda pin: found[_place(pin)] if _place(pin) in found else project_of(pin.path, files)


def _projects(pins: Iterable[Pin], files: Collection[str]) -> dict[tuple[str, str], str]:
    """By folder and ecosystem: a requirements file beside a member of a workspace belongs to it as well."""
    found: dict[tuple[str, str], str] = {}
    for path, place in dict.fromkeys((pin.path, _place(pin)) for pin in pins):
        found[place] = min(found.get(place, place[0]), project_of(path, files), key=len)
    return found


def _place(pin: Pin) -> tuple[str, str]:
    return dirname(pin.path), pin.component.ecosystem


def project_of(path: str, files: Collection[str]) -> str:
    """The folder of the nearest lock file that binds a manifest, else the manifest's own."""
    lock = max(locks_of(path, files), key=lambda lock: lock.count("/"), default=path)
    return dirname(lock)


def _written(pin: Pin) -> tuple[object, ...]:
    """All of a pin on which an answer hangs, but the place."""
    return pin.requirement, pin.version, pin.digest, pin.widens


def _belongs(pin: Pin, other: Pin) -> bool:
    """Where nobody can say, they belong together: the answer will then be that they cannot be ordered."""
    exact = [one.version for one in (pin, other) if one.version is not None]
    try:
        scheme = ecosystems.scheme_of(pin.component)
        if len(exact) == 2:
            return versions.fits(scheme, *exact)
    except (ConfigProblem, InvalidVersion):
        return True
    ranges = [one.requirement for one in (pin, other) if one.version is None]
    return len(ranges) == 2 or _is_range(scheme, exact[0], ranges[0])


def _is_range(scheme: str, version: str, wanted: str) -> bool:
    """A range holds the exact pins beside it back; a word such as "latest" has nothing to do with them."""
    try:
        versions.satisfies(scheme, version, wanted)
    except ConfigProblem:
        return False
    except InvalidVersion:
        return True
    return True


def rules_of(
    component: Component, config: RepoConfig, pythons: tuple[str, ...] = (), nodes: tuple[str, ...] = ()
) -> Rules:
    """What the configuration says of one component.

    pythons: those that must all be able to install it. nodes: those that must all run it.
    """
    ignored = [ignore for ignore in config.updates.ignore if fnmatchcase(component.name, ignore.name)]
    mine = [rule for rule in config.updates.rules if rule.concerns(component)]
    ages = [rule.minimum_age for rule in mine if rule.minimum_age is not None]
    prereleases = [rule.prereleases for rule in mine if rule.prereleases is not None]
    allowed = [rule.allowed for rule in mine if rule.allowed]
    widen = [rule.widen for rule in mine if rule.widen is not None]
    respect = [rule.respect_latest for rule in mine if rule.respect_latest is not None]
    # A Python package's demands have nothing to do with an image or an action.
    return Rules(
        minimum_age=ages[-1] if ages else config.updates.minimum_age,
        ignore=tuple(ignore.versions for ignore in ignored),
        allowed=allowed[-1] if allowed else "",
        pythons=pythons if component.ecosystem == "pypi" else (),
        nodes=nodes if component.ecosystem == "npm" else (),
        beyond=not respect[-1] if respect else False,
        prereleases=prereleases[-1] if prereleases else False,
        widen=widen[-1] if widen else config.updates.widen,
    )


def pythons_of(pins: Iterable[Pin], known: Mapping[str, str]) -> tuple[str, ...]:
    """The oldest Pythons of the projects to which these pins belong: of each by the nearest project file that says so.

    known: by the path of each such file (as `app/pyproject.toml`) what `oldest_python` read in it.
    """
    folders = [dirname(pin.path) for pin in pins if pin.component.ecosystem == "pypi"] if known else []
    return tuple(dict.fromkeys(filter(None, map(partial(_python_of, known), dict.fromkeys(folders)))))


def _python_of(known: Mapping[str, str], folder: str) -> str:
    while folder:
        if found := known.get(join(folder, PROJECT)):
            return found
        folder = dirname(folder)
    return known.get(PROJECT, "")


def oldest_python(pyproject: str) -> str | None:
    """The oldest Python that a project says it runs on: the lower bound of `requires-python`; None when not said."""
    if len(pyproject) > LONGEST:
        return None
    try:
        wanted = SpecifierSet(str(tomls.loads(pyproject).get("project", {}).get("requires-python", "")))
    except (tomllib.TOMLDecodeError, InvalidSpecifier, AttributeError):
        return None
    bounds = [Version(one.version.removesuffix(".*")) for one in wanted if one.operator in {">=", "~=", "=="}]
    return str(max(bounds)) if bounds else None
