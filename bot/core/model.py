"""The nouns: an update, what is known of it, and the states it may be in. Frozen; changed by `dataclasses.replace`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

# The nouns of detection live apart for their length alone; they are this module's nouns like the others.
from bot.core.releases import GROUP as GROUP
from bot.core.releases import Artifact as Artifact
from bot.core.releases import Component as Component
from bot.core.releases import Kind as Kind
from bot.core.releases import Member as Member
from bot.core.releases import Pin as Pin
from bot.core.releases import Priority as Priority
from bot.core.releases import Release as Release
from bot.core.releases import Trust as Trust

# And so are those of a trial.
from bot.core.trials import Grade as Grade
from bot.core.trials import Isolation as Isolation
from bot.core.trials import Level as Level
from bot.core.trials import Measure as Measure
from bot.core.trials import Remark as Remark
from bot.core.trials import Sha as Sha
from bot.core.trials import Simulation as Simulation
from bot.core.trials import SuiteResult as SuiteResult
from bot.core.trials import Tally as Tally
from bot.core.trials import TestChange as TestChange

UpdateId = NewType("UpdateId", str)
RepoName = NewType("RepoName", str)  # owner/name, as GitHub spells it
InstallationId = NewType("InstallationId", int)
PullNumber = NewType("PullNumber", int)
Login = NewType("Login", str)


class State(StrEnum):
    """How far an update has come; the stage that runs next is found by it."""

    DETECTED = "detected"
    PROPOSED = "proposed"
    SIMULATED = "simulated"
    IN_REVIEW = "in_review"
    DEFERRED = "deferred"
    REJECTED = "rejected"
    APPROVED = "approved"
    MERGED = "merged"
    DEPLOYING = "deploying"
    ROLLING_OUT = "rolling_out"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    DONE = "done"
    SUPERSEDED = "superseded"
    CLOSED = "closed"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Our pull request. Number, head and base are known together or not at all.

    head: the commit that the branch points to; since: when we first saw it there (UTC).
    ours: whether the head is a commit of our own; made: the last commit that we know to have made on it ourselves.
    refusals: how often in a row GitHub did not take the merge of this head.
    """

    number: PullNumber
    head: Sha
    branch: str
    base: str  # the branch it goes into
    since: datetime
    ours: bool = True
    made: Sha | None = None
    refusals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence of a decision: the rule that spoke, what it says, and why."""

    rule: str
    verdict: Verdict
    why: str


class Verdict(StrEnum):
    """What is to become of an update. The words are stable: they are printed by `check --json`."""

    CURRENT = "current"
    APPROVE = "approve"
    DEFER = "defer"
    HOLD = "hold"
    REVIEW = "review"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict with every finding that led to it, for one head. until: when a deferred one is due (UTC)."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    head: Sha | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's yes to exactly one commit."""

    who: Login
    head: Sha
    at: datetime
    source: str  # "review" or "comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The merge that happened: its commit, and the commit that the base branch had before."""

    sha: Sha
    parent: Sha
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests and the failed ones among them; cumulative or over a span, as the holder says."""

    requests: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Cumulative counts of both arms at one moment (UTC), as a health source gives them."""

    at: datetime
    stable: Counts
    canary: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the judge has seen in one step; see `core.judge` for the meaning of the sums.

    against, favour: log-likelihood ratio per alternative; empty before the first look.
    stable, canary: counts since the step began. looks: how many readings were weighed.
    """

    against: tuple[float, ...] = ()
    favour: tuple[float, ...] = ()
    stable: Counts = Counts()
    canary: Counts = Counts()
    looks: int = 0
    last: Reading | None = None
    # How many looks at the stable arm, and the sum of their squared standardised residuals: dispersion is learnt so.
    stable_sum: float = 0.0
    stable_squares: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One dispatch of the deploy workflow. key is minted before the act and found again after a crash."""

    key: str
    weight: int  # per cent of traffic to the new release
    run: str | None = None  # the provider's own id of the run
    url: str | None = None
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How far the merged commit has come in one environment.

    stable: the commit that served before; index: which step of the strategy is in hand (-1: being installed).
    plan: the environment as it was configured at the beginning (`core.plans`); empty in rows older than that.
    """

    environment: str
    sha: Sha
    stable: Sha
    deployment: int | None = None
    index: int = -1
    step: Step | None = None
    evidence: Evidence = Evidence()
    began: datetime | None = None
    because: str = ""  # why it is being turned back
    waived: bool = False  # a person let this step go on without the requests that it lacked
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One component, or a group of them, from a version to a version in one repository: the row that is the truth.

    A group's component bears the group's name in the ecosystem GROUP, and its target says how many and which set.
    """

    id: UpdateId
    repo: RepoName
    installation: InstallationId
    component: Component
    current: str
    target: str
    kind: Kind
    state: State
    created: datetime
    changed: datetime
    priority: Priority = Priority.LOW
    why_now: tuple[str, ...] = ()  # why this version was chosen
    gates: tuple[str, ...] = ()  # what a person has to look at before it is merged
    looked: tuple[str, ...] = ()  # those of the gates that the last look gave; the others came with its lock files
    gated: datetime | None = None  # when the last of them came to light after it was proposed (UTC)
    blocked: str = ""  # why it must not be merged at all, as its release is now (`core.second_look`)
    fixes: tuple[str, ...] = ()  # the advisories that it mends
    locks: tuple[tuple[str, Sha], ...] = ()  # lock files that were made anew with it: path and git's name of the text
    moved: tuple[str, ...] = ()  # what else moved in them, in words
    pins: tuple[Pin, ...] = ()
    release: Release | None = None
    pull: Pull | None = None
    simulation: Simulation | None = None
    decision: Decision | None = None
    approvals: tuple[Approval, ...] = ()
    defer_until: datetime | None = None
    merge: Merge | None = None
    environments_done: tuple[str, ...] = ()
    rollout: Rollout | None = None
    revert: PullNumber | None = None
    note: str = ""  # the last sentence said about it
    paused_from: State | None = None
    members: tuple[Member, ...] = ()  # of a group: what moves together
    again: int = 0  # how many came before it with the same component and target, for other places

    @property
    def parts(self) -> tuple[Member, ...]:
        """Every step that it makes: a group's members, or the one of its own component."""
        if self.members:
            return self.members
        mine = Member(
            component=self.component,
            current=self.current,
            target=self.target,
            kind=self.kind,
            release=self.release,
            pins=self.pins,
            priority=self.priority,
            why_now=self.why_now,
            gates=self.gates,
            fixes=self.fixes,
        )
        return (mine,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit: what happened to an update, when, and why. Never changed once written."""

    update: UpdateId
    at: datetime
    was: State
    now: State
    why: str
    actor: str = "surefoot"
    facts: tuple[tuple[str, str], ...] = field(default=())


def target_digest(kind: Kind, release: Release | None) -> str:
    """The digest that makes a target another one, where its version is the one that is pinned already."""
    return release.digest if release is not None and kind is Kind.DIGEST else ""


def id_of(repo: RepoName, component: Component, target: str, digest: str = "", again: int = 0) -> UpdateId:
    """The same component, target and repository are the same update, however often it is detected.

    digest: for a target that differs from what is pinned by its digest alone. again: see `Update`.
    """
    parts = [repo.lower(), component.ecosystem, component.name, target]
    # Left out where empty, so that rows written before these were known keep their names.
    parts += [more for more in (component.registry, digest, f"again {again}" if again else "") if more]
    return UpdateId(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16])


ENDS: frozenset[State] = frozenset({State.DONE, State.SUPERSEDED, State.CLOSED, State.ROLLED_BACK})
