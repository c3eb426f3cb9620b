"""From pins to questions: which places belong to one component, and what the owner wants for it."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from bot.core import ecosystems, versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Component, Pin
from bot.core.objections import Rules
from bot.core.repo_config import RepoConfig

PROJECT = "pyproject.toml"
LONGEST = 512 << 10
# The reader's time grows with the square of a key's parts; nobody means so many.
_LONG_KEY = re.compile(r"""(?:[\w"'-]+[ \t]*\.[ \t]*){60}""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The pins that move together: of one component and, where its versions have a shape, of one shape."""

    component: Component
    pins: tuple[Pin, ...]


def groups(pins: Iterable[Pin]) -> list[Group]:
    """The pins in groups, in reading order; who pins 3.12-slim here and 3.12-alpine there gets two answers."""
    found: defaultdict[Component, list[list[Pin]]] = defaultdict(list)
    for pin in pins:
        mine = found[pin.component]
        group = next((group for group in mine if _belongs(pin, group[0])), None)
        if group is None:
            mine.append([pin])
        else:
            group.append(pin)
    return [Group(component=one, pins=tuple(pins)) for one, parts in found.items() for pins in parts]


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


def rules_of(component: Component, config: RepoConfig, python: str | None = None) -> Rules:
    """What the configuration says of one component. python: the oldest one that must be able to install it."""
    ignored = [ignore for ignore in config.updates.ignore if fnmatchcase(component.name, ignore.name)]
    mine = [rule for rule in config.updates.rules if rule.concerns(component)]
    ages = [rule.minimum_age for rule in mine if rule.minimum_age is not None]
    prereleases = [rule.prereleases for rule in mine if rule.prereleases is not None]
    allowed = [rule.allowed for rule in mine if rule.allowed]
    widen = [rule.widen for rule in mine if rule.widen is not None]
    # A Python package's demands have nothing to do with an image or an action.
    pythons = (python,) if python and component.ecosystem == "pypi" else ()
    return Rules(
        minimum_age=ages[-1] if ages else config.updates.minimum_age,
        ignore=tuple(ignore.versions for ignore in ignored),
        allowed=allowed[-1] if allowed else "",
        pythons=pythons,
        prereleases=prereleases[-1] if prereleases else False,
        widen=widen[-1] if widen else config.updates.widen,
    )


def oldest_python(pyproject: str) -> str | None:
    """The oldest Python that a project says it runs on: the lower bound of `requires-python`; None when not said."""
    if len(pyproject) > LONGEST or _LONG_KEY.search(pyproject):
        return None
    try:
        wanted = SpecifierSet(str(tomllib.loads(pyproject).get("project", {}).get("requires-python", "")))
    except (tomllib.TOMLDecodeError, InvalidSpecifier, AttributeError):
        return None
    bounds = [Version(one.version.removesuffix(".*")) for one in wanted if one.operator in {">=", "~=", "=="}]
    return str(max(bounds)) if bounds else None
