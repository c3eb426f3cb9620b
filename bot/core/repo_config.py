"""What a repository's owner wrote in `.github/surefoot.yml`, as types; read by `bot.config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase

from bot.core.policy import Policy

CONFIG_PATH = ".github/surefoot.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """A component (a glob over names) to leave alone; versions: a range in its scheme, or all."""

    name: str
    versions: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Which components are looked after. match: globs over names; minimum_age: how old a release must be."""

    match: tuple[str, ...] = ("*",)
    ignore: tuple[Ignore, ...] = ()
    minimum_age: timedelta = timedelta(days=3)

    def wants(self, name: str) -> bool:
        """Whether a component of this name is looked after at all."""
        return any(fnmatchcase(name, pattern) for pattern in self.match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulate:
    """How updates are tried. suites: kind -> command, empty to find them; the budget of one simulation.

    left_out: what the commands do not run, and why; every report says it.
    """

    suites: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 600.0
    memory_mib: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """One adapter by its kind, with the options that it reads itself. where: file and line, for its errors."""

    kind: str
    options: Mapping[str, object] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A place where the merged commit is to run."""

    name: str
    provider: Adapted
    strategy: Adapted
    health: Adapted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoConfig:
    """The whole file. environments are deployed to in their order."""

    updates: Updates = field(default_factory=Updates)
    simulate: Simulate = field(default_factory=Simulate)
    policy: Policy = field(default_factory=Policy)
    environments: tuple[Environment, ...] = ()
