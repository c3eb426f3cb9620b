"""What a repository's owner wrote in `.github/surefoot.yml`, as types; read by `bot.config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase

from bot.core.model import Component, Kind
from bot.core.policy import Policy
from bot.core.preparing import Prepare
from bot.core.schedules import Schedule
from bot.core.suites import Asked

CONFIG_PATH = ".github/surefoot.yml"
GROUPED = (Kind.PATCH, Kind.MINOR, Kind.DIGEST)  # the steps that a group takes where its rule names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """A component (a glob over names) to leave alone; versions: a range in its scheme, or all."""

    name: str
    versions: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRule:
    """What holds for some components. match: globs over names; ecosystems: none for all of them.

    minimum_age, prereleases, widen, respect_latest: None to leave what held before; allowed: a range in their scheme.
    group: the name of those that come in one pull request; "" for each in its own, None to leave what held before.
    kinds: the steps for which the group is meant; empty for GROUPED, or for all where each is to come in its own.
    """

    match: tuple[str, ...] = ("*",)
    ecosystems: tuple[str, ...] = ()
    minimum_age: timedelta | None = None
    allowed: str = ""
    prereleases: bool | None = None
    widen: bool | None = None
    respect_latest: bool | None = None
    group: str | None = None
    kinds: tuple[Kind, ...] = ()

    def concerns(self, component: Component) -> bool:
        """Whether it holds for this component."""
        if self.ecosystems and component.ecosystem not in self.ecosystems:
            return False
        return any(fnmatchcase(component.name, pattern) for pattern in self.match)

    def groups(self, kind: Kind) -> bool:
        """Whether it says where a step of this kind belongs."""
        if self.group is None:
            return False
        return kind in (self.kinds or (GROUPED if self.group else tuple(Kind)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a repository is given at once. open: pull requests that wait; hourly: new ones in any hour; 0: none.

    A fix for a grave flaw is not held by either.
    """

    open: int = 10
    hourly: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A component that no file pins. current: the endpoint that tells what runs now; line: where it is described.

    version: what runs now, where somebody said so and no endpoint is asked.
    """

    component: Component
    current: Adapted | None
    line: int
    version: str = ""

    @property
    def asked_as(self) -> str:
        """The name under which is asked what runs."""
        return f"what runs of {self.component.ecosystem} {self.component.name} {self.component.registry}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Which components are looked after. match: globs over names; minimum_age: how old a release must be.

    widen: whether ranges are written anew for a release that they shut out; else they hold it.
    rules: in their order, a later one over an earlier. schedule: when new pull requests may open; empty for always.
    dashboard: whether an issue is kept that shows every answer. files: manifests by a pattern, as the manifest kind
    `regex` reads them. endpoints: how components of the ecosystem `http` are read, by name. components: those that no
    file pins.
    """

    match: tuple[str, ...] = ("*",)
    ignore: tuple[Ignore, ...] = ()
    minimum_age: timedelta = timedelta(days=3)
    widen: bool = False
    rules: tuple[UpdateRule, ...] = ()
    limits: Limits = field(default_factory=Limits)
    schedule: Schedule = field(default_factory=Schedule)
    dashboard: bool = True
    files: tuple[Mapping[str, object], ...] = ()
    endpoints: Mapping[str, Adapted] = field(default_factory=dict)
    components: tuple[Registered, ...] = ()

    @property
    def readers(self) -> Mapping[str, Mapping[str, object]]:
        """The options of those kinds of manifest that take some from this file."""
        return {"regex": {"files": [dict(one) for one in self.files]}} if self.files else {}

    @property
    def described(self) -> Mapping[str, Adapted]:
        """Every endpoint, by the name under which it is asked."""
        return {**self.endpoints, **{one.asked_as: one.current for one in self.components if one.current}}

    @property
    def urls(self) -> Mapping[str, str]:
        """Where each endpoint that publishes something is, by name."""
        return {name: str(one.options.get("url", "")) for name, one in self.endpoints.items()}

    def group_of(self, component: Component, kind: Kind) -> str:
        """The group that a step of this component belongs to; "" for a pull request of its own."""
        mine = (rule.group for rule in reversed(self.rules) if rule.groups(kind) and rule.concerns(component))
        return next(mine, "") or ""

    def wants(self, name: str) -> bool:
        """Whether a component of this name is looked after at all."""
        return any(fnmatchcase(name, pattern) for pattern in self.match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulate:
    """How updates are tried. suites: what is said of some, the rest is found; the budget of one simulation.

    left_out: what the commands do not run, and why; every report says it. workflow: of the repository's own Actions,
    to run there and not at the bot's; "" for here. prepare: how an environment is made for other ecosystems.
    bisect: whether a failing group is taken apart.
    """

    suites: Mapping[str, Asked] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 600.0
    memory_mib: int = 2048
    workflow: str = ""
    prepare: Prepare | None = None
    bisect: bool = True


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
