"""From pins to questions: which places belong to one component, and what the owner wants for it."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from bot.core.choice import Rules
from bot.core.model import Component, Pin
from bot.core.repo_config import RepoConfig

PROJECT = "pyproject.toml"


def by_component(pins: Iterable[Pin]) -> dict[Component, list[Pin]]:
    """The pins of each component, in reading order."""
    groups: defaultdict[Component, list[Pin]] = defaultdict(list)
    for pin in pins:
        groups[pin.component].append(pin)
    return dict(groups)


def rules_of(component: Component, config: RepoConfig, python: str | None = None) -> Rules:
    """What the configuration says of one component. python: the oldest one that must be able to install it."""
    mine = [ignore for ignore in config.updates.ignore if fnmatchcase(component.name, ignore.name)]
    return Rules(
        minimum_age=config.updates.minimum_age,
        ignore=tuple(ignore.versions for ignore in mine),
        pythons=(python,) if python else (),
    )


def oldest_python(pyproject: str) -> str | None:
    """The oldest Python that a project says it runs on: the lower bound of `requires-python`; None when not said."""
    try:
        wanted = SpecifierSet(str(tomllib.loads(pyproject).get("project", {}).get("requires-python", "")))
    except (tomllib.TOMLDecodeError, InvalidSpecifier, AttributeError):
        return None
    bounds = [Version(one.version.removesuffix(".*")) for one in wanted if one.operator in {">=", "~=", "=="}]
    return str(max(bounds)) if bounds else None
