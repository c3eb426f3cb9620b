"""The bodies of GitHub's deliveries: only the fields that we use, each as bare as GitHub may send it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

# These go into paths and command lines later, so they are held to their form here.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+/(?!\.{1,2}\Z)[A-Za-z0-9_.-]+\Z", max_length=200)]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?\Z")]


class Repo(Struct):
    full_name: Name


class RepoWithDefault(Struct):
    full_name: Name
    default_branch: str


class Actor(Struct):
    login: str
    type: str = "User"


class Anything(Struct):
    """An object of which nothing is read."""


class Id(Struct):
    id: int


class Number(Struct):
    number: int


class Commit(Struct):
    sha: Hash


class Head(Struct):
    head_sha: Hash


class Action(Struct):
    action: str


class Installation(Struct):
    action: str
    installation: Id
    repositories: tuple[Repo, ...] = ()


class Added(Struct):
    installation: Id
    repositories_added: tuple[Repo, ...] = ()


class Removed(Struct):
    installation: Id
    repositories_removed: tuple[Repo, ...] = ()


class Pusher(Struct):
    name: str


class Push(Struct):
    ref: str
    after: Hash
    repository: RepoWithDefault
    pusher: Pusher
    sender: Actor | None = None


class Released(Struct):
    action: str
    repository: Repo | None = None


class Run(Struct):
    head_sha: Hash
    app: Id | None = None
    completed_at: datetime | None = None
    started_at: datetime | None = None


class Button(Struct):
    identifier: str


class CheckRun(Struct):
    check_run: Run
    repository: Repo
    sender: Actor
    action: str = ""
    requested_action: Button | None = None


class CheckSuite(Struct):
    check_suite: Head
    repository: Repo


class Status(Struct):
    sha: Hash
    repository: Repo


class Workflow(Struct):
    id: int
    head_sha: Hash


class WorkflowRun(Struct):
    workflow_run: Workflow
    repository: Repo


class Branch(Struct):
    ref: str


class Pull(Struct):
    number: int
    head: Branch


class PullRequest(Struct):
    action: str
    pull_request: Pull
    repository: Repo


class Review(Struct):
    pull_request: Number
    repository: Repo


class Words(Struct):
    id: int
    created_at: datetime
    body: str | None = None
    user: Actor | None = None


class Issue(Struct):
    number: int
    pull_request: Anything | None = None  # there only where the issue is a pull request


class Comment(Struct):
    action: str
    issue: Issue
    comment: Words
    repository: Repo
    sender: Actor


class DeploymentStatus(Struct):
    deployment: Commit
    repository: Repo


class Gate(Struct):
    repository: Repo | None = None
    deployment: Commit | None = None
    sha: Hash | None = None


class Alert(Struct):
    repository: Repo


class Group(Struct):
    merge_group: Head
    repository: Repo | None = None
