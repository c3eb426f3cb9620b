"""The bodies of GitHub's deliveries: only the fields that we use, each as bare as GitHub may send it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

# These go into paths and command lines later, so they are held to their form here.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+/(?!\.{1,2}\Z)[A-Za-z0-9_.-]+\Z", max_length=200)]
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+\Z", max_length=100)]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?\Z")]


class Repo(Struct):
    """A repository by its full name."""

    full_name: Name


class Listed(Struct):
    """A repository in a list. id: GitHub's number, which stays when the name is another's."""

    full_name: Name
    id: int | None = None


class RepoWithDefault(Struct):
    """A repository that also names its default branch."""

    full_name: Name
    default_branch: str


class Actor(Struct):
    """Who did it, and whether that is a person."""

    login: str
    type: str = "User"


class Anything(Struct):
    """An object of which nothing is read."""


class Id(Struct):
    """A thing of which only the id matters."""

    id: int


class MaybeId(Struct, frozen=True):
    """The same, where GitHub does not promise the id."""

    id: int | None = None


class Number(Struct):
    """A pull request of which only the number matters."""

    number: int


class Former(Struct):
    """What a name was before."""

    was: Word = field(name="from")


class Naming(Struct):
    """The change of a repository's name."""

    name: Former


class Person(Struct):
    """An account by its login."""

    login: Word


class Owners(Struct):
    """Who owned it before: a person or an organisation."""

    user: Person | None = None
    organization: Person | None = None


class Owning(Struct):
    """The change of a repository's owner."""

    was: Owners = field(name="from")


class Changes(Struct):
    """What was changed of a repository."""

    repository: Naming | None = None
    owner: Owning | None = None


class Settings(Struct):
    """repository."""

    action: str
    repository: Repo
    changes: Changes | None = None


class Numbered(Struct):
    """A repository by its number."""

    id: int


class Whose(Struct):
    """Which repository it is about, in every body that is about one."""

    repository: Numbered | None = None


class Commit(Struct):
    """A thing of which only its commit matters."""

    sha: Hash


class Head(Struct):
    """The same, as merge groups call it."""

    head_sha: Hash


class Action(Struct):
    """What happened, before the rest is read."""

    action: str


class Installation(Struct):
    """installation: repositories is there when it is made, not when it goes."""

    action: str
    installation: Id
    repositories: tuple[Listed, ...] = ()


class Added(Struct):
    """installation_repositories with `added`; the list of removed ones is not even of full form there."""

    installation: Id
    repositories_added: tuple[Listed, ...] = ()


class Removed(Struct):
    """installation_repositories with `removed`."""

    installation: Id
    repositories_removed: tuple[Repo, ...] = ()


class Push(Struct):
    """push: who pushed is asked of GitHub's record, where it also stands when this got lost."""

    ref: str
    after: Hash
    repository: RepoWithDefault


class Named(Struct):
    """A package, as GitHub's own registry names it."""

    name: str = ""


class Released(Struct):
    """release, package, registry_package: a package may belong to no repository."""

    action: str
    repository: Repo | None = None
    package: Named | None = None
    registry_package: Named | None = None


class Run(Struct):
    """The check run of a check_run, or the suite of a check_suite."""

    head_sha: Hash
    app: MaybeId | None = None


class Button(Struct):
    """The button that was pressed."""

    identifier: str


class CheckRun(Struct):
    """check_run: a button is there only for requested_action."""

    check_run: Run
    repository: Repo
    sender: Actor
    action: str = ""
    requested_action: Button | None = None


class CheckSuite(Struct):
    """check_suite."""

    action: str
    check_suite: Run
    repository: Repo
    sender: Actor


class Status(Struct):
    """status."""

    sha: Hash
    repository: Repo


class Workflow(Struct):
    """The run of a workflow_run."""

    id: int
    head_sha: Hash


class WorkflowRun(Struct):
    """workflow_run."""

    workflow_run: Workflow
    repository: Repo


class Branch(Struct):
    """Where a pull request comes from."""

    ref: str


class Pull(Struct):
    """The pull request of a pull_request."""

    number: int
    head: Branch


class PullRequest(Struct):
    """pull_request."""

    action: str
    pull_request: Pull
    repository: Repo


class Review(Struct):
    """pull_request_review."""

    pull_request: Number
    repository: Repo


class Words(Struct):
    """The comment of an issue_comment."""

    id: int
    created_at: datetime
    body: str | None = None
    user: Actor | None = None


class Issue(Struct):
    """Where a comment was made."""

    number: int
    pull_request: Anything | None = None  # there only where the issue is a pull request


class Comment(Struct):
    """issue_comment."""

    action: str
    issue: Issue
    comment: Words
    repository: Repo
    sender: Actor


class Board(Struct):
    """The issue of an issues event."""

    number: int
    body: str | None = None
    user: Actor | None = None


class Issues(Struct):
    """issues."""

    action: str
    issue: Board
    repository: Repo
    sender: Actor


class Written(Struct, frozen=True):
    """Something that an App may have written."""

    performed_via_github_app: MaybeId | None = None


class DeploymentStatus(Struct):
    """deployment_status."""

    deployment: Commit
    repository: Repo
    deployment_status: Written = Written()


class Gate(Struct):
    """deployment_protection_rule: GitHub promises none of its fields."""

    repository: Repo | None = None
    deployment: Commit | None = None
    sha: Hash | None = None


class Group(Struct):
    """merge_group."""

    merge_group: Head
    repository: Repo | None = None
