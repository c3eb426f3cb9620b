"""What the box remembers: plain rows that change, because this is the one place in the house that plays a world."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.demo.box.git import Change, Git

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Account:
    """A user, an organization or a bot."""

    id: int
    login: str
    kind: str  # User, Organization, Bot
    created_at: datetime
    members: dict[str, str] = field(default_factory=dict)  # of an organization: login -> admin or member

    @property
    def email(self) -> str:
        """The noreply address by which commits are attributed to this account."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(slots=True, kw_only=True)
class App:
    """A GitHub App, with its one webhook."""

    id: int
    slug: str
    name: str
    owner: Account
    bot: Account
    permissions: dict[str, str]
    events: list[str]
    public_key: Any
    webhook_url: str
    webhook_secret: str
    hook_id: int
    created_at: datetime
    long_tokens: bool = False  # the stateless ghs_APPID_JWT form that replaces 40 characters


@dataclass(slots=True, kw_only=True)
class Installation:
    """An App on an account, with all of its repositories or some."""

    id: int
    app: App
    account: Account
    repo_ids: set[int]
    selection: str  # all, selected
    permissions: dict[str, str]
    created_at: datetime
    suspended_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Token:
    """What a secret opens. ``installation`` is None for a person's token."""

    account: Account
    installation: Installation | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    repo_ids: set[int] | None = None  # None: whatever the installation has
    expires_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Reaction:
    """One person's reaction to an issue or a comment."""

    id: int
    subject: tuple[str, int]  # ("issue", issue id) or ("comment", comment id)
    user: Account
    content: str
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Issue:
    """An issue, or the issue half of a pull request; both share one row of numbers."""

    id: int
    number: int
    title: str
    body: str | None
    user: Account
    app: App | None
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    state_reason: str | None = None
    closed_at: datetime | None = None
    closed_by: Account | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    locked: bool = False
    lock_reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    number: int
    body: str
    user: Account
    app: App | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class Pull:
    """A pull request. ``mergeable`` is None until someone has asked and the box has tried."""

    id: int
    issue: Issue
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: Account | None = None
    merge_commit_sha: str | None = None
    mergeable: bool | None = None
    checking: bool = False
    up_to_date: bool = False  # does the head contain the base
    commits: int = 0
    changes: list[Change] = field(default_factory=list)
    requested: list[Account] = field(default_factory=list)
    auto_merge: Json | None = None
    maintainer_can_modify: bool = False

    @property
    def number(self) -> int:
        """Its number, which is its issue's."""
        return self.issue.number

    @property
    def open(self) -> bool:
        """Is it still open?"""
        return self.issue.state == "open"


@dataclass(slots=True, kw_only=True)
class Review:
    """A review of a pull request; it speaks about one commit."""

    id: int
    number: int
    user: Account
    body: str
    state: str  # PENDING, COMMENTED, APPROVED, CHANGES_REQUESTED, DISMISSED
    commit_id: str
    submitted_at: datetime | None


@dataclass(slots=True, kw_only=True)
class CheckSuite:
    """All check runs of one App on one commit; for GitHub Actions of one workflow run."""

    id: int
    app: App
    head_sha: str
    head_branch: str | None
    before: str | None
    created_at: datetime
    updated_at: datetime
    run_id: int | None = None  # the workflow run, for GitHub Actions


@dataclass(slots=True, kw_only=True)
class CheckRun:
    """One check of a commit by an App."""

    id: int
    suite: CheckSuite
    name: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    started_at: datetime
    completed_at: datetime | None
    output: Json
    annotations: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Status:
    """A commit status, the older way to judge a commit."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Artifact:
    """What a workflow run kept."""

    id: int
    run_id: int
    name: str
    data: bytes  # a zip
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Job:
    """A job of a workflow run."""

    id: int
    key: str
    name: str
    check: CheckRun
    status: str
    conclusion: str | None
    created_at: datetime
    started_at: datetime
    completed_at: datetime | None = None
    steps: list[Json] = field(default_factory=list)
    log: str = ""
    environment: str | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of a workflow. ``gates`` are environments that wait for a protection rule's answer."""

    id: int
    path: str
    workflow_id: int
    name: str
    title: str
    event: str
    number: int
    head_sha: str
    head_branch: str | None
    checkout: str  # the commit that the jobs see; for a pull request the test merge
    actor: Account
    suite: CheckSuite
    inputs: Json
    created_at: datetime
    updated_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    begun: bool = False  # has any job started
    jobs: list[Job] = field(default_factory=list)
    pull: int | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    gates: dict[str, Gate] = field(default_factory=dict)
    approvals: list[Json] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Gate:
    """A job waiting for the protection rules of its environment."""

    environment: str
    waiting: set[int]  # App ids that have yet to answer
    rejected: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, kw_only=True)
class DeploymentStatus:
    """One turn of a deployment."""

    id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    creator: Account
    app: App | None
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Deployment:
    """A deployment of a commit to an environment."""

    id: int
    sha: str
    ref: str
    task: str
    payload: Any
    environment: str
    description: str | None
    transient: bool
    production: bool
    creator: Account
    app: App | None
    created_at: datetime
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Environment:
    """Where deployments go, and who guards it."""

    id: int
    name: str
    created_at: datetime
    rules: dict[int, App] = field(default_factory=dict)  # protection rule id -> the App that decides
    branch_policy: Json | None = None


@dataclass(slots=True, kw_only=True)
class Release:
    """A release: a tag with words."""

    id: int
    tag: str
    target: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    author: Account
    created_at: datetime
    published_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Repo:
    """A repository: its git on disk, and everything that GitHub keeps beside git."""

    id: int
    owner: Account
    name: str
    private: bool
    git: Git
    created_at: datetime
    pushed_at: datetime
    default_branch: str = "main"
    description: str | None = None
    archived: bool = False
    methods: set[str] = field(default_factory=lambda: {"merge", "squash", "rebase"})
    delete_branch_on_merge: bool = False
    collaborators: dict[str, str] = field(default_factory=dict)  # login -> admin, maintain, write, triage, read
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_number: int = 0
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    reactions: dict[int, Reaction] = field(default_factory=dict)
    reviews: dict[int, Review] = field(default_factory=dict)
    suites: dict[int, CheckSuite] = field(default_factory=dict)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    protection: dict[str, Json] = field(default_factory=dict)
    rulesets: dict[int, Json] = field(default_factory=dict)
    workflow_ids: dict[str, int] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """owner/name."""
        return f"{self.owner.login}/{self.name}"
