"""The sockets that stages are given: Protocols only, so that a stage's signature lists its powers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from bot.core.advisories import Advisory
from bot.core.alerts import Heard
from bot.core.model import Component, Member, Pin, Reading, Release, Sha, Simulation
from bot.core.preparing import Prepare
from bot.core.suites import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the lab is asked: two trees on disk, what to run in both, and the bounds.

    base, candidate: folders that the lab reads and never writes.
    suites: what the owner says of some; the rest is to be found.
    seconds, memory_mib: the budget of the whole simulation and of each jail.
    prepare: how an environment of an ecosystem is made that the lab does not know by name.
    """

    base: Path
    candidate: Path
    head: Sha
    base_sha: Sha
    component: Component
    suites: Mapping[str, Asked] = field(default_factory=dict)
    seconds: float = 600.0
    memory_mib: int = 2048
    left_out: Mapping[str, str] = field(default_factory=dict)  # what the caller already left out, and why
    # What differs between the two, and from which version to which; of a group all, and component is the first of them.
    parts: tuple[Member, ...] = ()
    prepare: Prepare | None = None
    # Where the candidate is no commit's merge, but the base with these files written anew: path -> text.
    written: Mapping[str, str] = field(default_factory=dict)

    @property
    def components(self) -> tuple[Component, ...]:
        """All that is updated."""
        return tuple(part.component for part in self.parts) or (self.component,)


Say = Callable[[str], None]  # hears, in a few words, what is being done


def silent(_words: str) -> None:
    """A `Say` for who does not watch."""


class Lab(Protocol):
    """Where an update is tried."""

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """Run both sides and compare; never raises for what foreign code does. Transient when the index is away."""
        ...


class Source(Protocol):
    """Who publishes versions: lists them and chooses nothing."""

    async def releases(self, component: Component) -> Sequence[Release]:
        """All releases as listed now. Missing when nobody there knows the name; Transient when the place is away.

        What the list itself does not say is left out and marked `partial`.
        """
        ...

    async def detail(self, component: Component, release: Release) -> Release:
        """A partial release with the rest that can be known of it, no longer partial. Errors as `releases`."""
        ...


class Sightings(Protocol):
    """What we remember of releases by ourselves: when we first saw one, for good, and which files it had then."""

    async def first(self, component: Component, release: Release, now: datetime) -> datetime:
        """The first time (UTC) that this version, with this digest, was seen; now, when it is now."""
        ...

    async def altered(self, component: Component, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        """By version, in words, that a file of it was swapped since it was first listed (`core.files`)."""
        ...


class Advisories(Protocol):
    """What is known to be bad."""

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What is known against each of these versions; one without an entry is not known to be bad.

        Transient when it cannot be asked now: then nothing is known, which is not the same as nothing being there.
        """
        ...


class Words(Protocol):
    """What GitHub told of packages that are in use here, by itself and not for the asking."""

    async def words(self) -> Sequence[Heard]:
        """All that is kept, the latest first. Transient when it cannot be read."""
        ...

    async def asides(self, repo: str) -> frozenset[str]:
        """The advisories that somebody set aside in this repository."""
        ...


class Manifest(Protocol):
    """Which file pins what: reads pins out of text and rewrites one, text in, text out."""

    def matches(self, path: str) -> bool:
        """Whether a file of this repository path (with forward slashes) is one of ours."""
        ...

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """The pins in reading order. ConfigProblem with the line when the file cannot be read."""
        ...

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this one pin at the release's version and every other byte as it was."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployJob:
    """One act of a deployment. key: minted and saved before the act, sent along, and searched for after a crash."""

    key: str
    environment: str
    sha: Sha  # the release that gets `weight` per cent
    stable: Sha  # the release that gets the rest
    weight: int
    version: str  # what a person calls it: "greeter 1.2.4"
    ref: str  # the branch whose workflow file is run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """How a run stands. ok is None while it is not known; detail is the provider's own word."""

    run: str
    ok: bool | None
    detail: str
    url: str | None = None


class Provider(Protocol):
    """Who deploys: starts a run, finds it again by its key, says how it stands."""

    async def find(self, job: DeployJob, *, since: datetime) -> RunStatus | None:
        """The run that an earlier try of this very job started, if any."""
        ...

    async def start(self, job: DeployJob) -> RunStatus:
        """Start it once; the caller has looked with `find` before."""
        ...

    async def status(self, run: str) -> RunStatus:
        """How it stands now. Missing when the provider no longer knows it."""
        ...

    async def cancel(self, run: str) -> None:
        """Ask it to stop; one that has ended is left alone."""
        ...


class HealthSource(Protocol):
    """How the two releases feel."""

    async def read(self, *, stable: Sha, canary: Sha, since: datetime | None = None) -> Reading | None:
        """Cumulative counts of both now; None when the source does not know one of them yet.

        since: when the step began (UTC); what is older belongs to another release.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long the loop waits before it tries a failed step again: doubling, bounded."""

    first: timedelta = timedelta(seconds=2)
    most: timedelta = timedelta(minutes=15)

    def after(self, tries: int) -> timedelta:
        """tries counts from 1."""
        return min(self.first * (1 << min(tries - 1, 20)), self.most)


class Leases(Protocol):
    """Who may change an environment now; one update at a time. Bound to the update in hand."""

    async def take(self, environment: str) -> str:
        """Take it, or keep it. Empty when it is ours; else in words who has it and what he waits for."""
        ...

    async def release(self, environment: str) -> None:
        """Give it back; harmless where it is not ours."""
        ...
