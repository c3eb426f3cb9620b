"""From a delivery's bytes to an event: only the fields that we use are read, and what is not for us is Ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from bot.core import board
from bot.core.errors import Permanent
from bot.core.events import (
    ActionPressed,
    Advised,
    Archived,
    BoardTouched,
    ChecksMoved,
    Commented,
    DeploymentMoved,
    Event,
    Ignored,
    Installed,
    Published,
    PullChanged,
    Pushed,
    Renamed,
    Reviewed,
    RunMoved,
    Uninstalled,
)
from bot.core.model import InstallationId, Login, PullNumber, RepoName, Sha
from bot.github import advice, bodies

NO_COMMIT = "0" * 40  # how a push says that a branch was deleted

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A delivery and what its reading needs to know. app: our App's id, None while it is not known."""

    name: str
    guid: str
    body: bytes
    app: int | None
    received: datetime

    def is_ours(self, app: bodies.MaybeId | None) -> bool:
        """Whether it is our App; none is before it is known which App we are."""
        return self.app is not None and app is not None and app.id == self.app

    def read(self, kind: type[T]) -> T:
        """The body as this form. Permanent, naming the field, when it has another."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Permanent(f"delivery {self.guid} of {self.name!r} cannot be read: {error}") from error


def _repos(repos: tuple[bodies.Repo, ...]) -> tuple[RepoName, ...]:
    return tuple(RepoName(repo.full_name) for repo in repos)


def _installed(installation: InstallationId, repos: tuple[bodies.Listed, ...]) -> Installed:
    # By the number alone is it known whether this is the repository that had the name before.
    numbers = tuple((RepoName(repo.full_name), repo.id) for repo in repos if repo.id is not None)
    names = tuple(RepoName(repo.full_name) for repo in repos)
    return Installed(installation=installation, repos=names, numbers=numbers)


def _installation(mail: Envelope) -> Event:
    told = mail.read(bodies.Installation)
    installation = InstallationId(told.installation.id)
    match told.action:
        case "created" | "unsuspend" | "new_permissions_accepted":
            return _installed(installation, told.repositories)
        case "deleted" | "suspend":
            return Uninstalled(installation=installation)
        case other:
            return Ignored(name=f"installation.{other}")


def _installation_repositories(mail: Envelope) -> Event:
    match mail.read(bodies.Action).action:
        case "added":
            added = mail.read(bodies.Added)
            return _installed(InstallationId(added.installation.id), added.repositories_added)
        case "removed":
            return _removed(mail.read(bodies.Removed))
        case other:
            return Ignored(name=f"{mail.name}.{other}")


def _removed(told: bodies.Removed) -> Event:
    # An empty list must not become "gone from all": that is what no repositories mean in Uninstalled.
    if not told.repositories_removed:
        return Ignored(name="installation_repositories.removed")
    installation = InstallationId(told.installation.id)
    return Uninstalled(installation=installation, repos=_repos(told.repositories_removed))


def _repository(mail: Envelope) -> Event:
    told = mail.read(bodies.Settings)
    repo = RepoName(told.repository.full_name)
    match told:
        case bodies.Settings(action="archived" | "unarchived"):
            return Archived(repo=repo, archived=told.action == "archived")
        case bodies.Settings(action="renamed", changes=bodies.Changes(repository=bodies.Naming(name=name))):
            return Renamed(repo=repo, was=RepoName(f"{repo.partition('/')[0]}/{name.was}"))
        case bodies.Settings(action="transferred", changes=bodies.Changes(owner=bodies.Owning(was=owners))):
            before = owners.organization or owners.user
            if before is not None:
                return Renamed(repo=repo, was=RepoName(f"{before.login}/{repo.partition('/')[2]}"))
    return Ignored(name=f"repository.{told.action}")


def _push(mail: Envelope) -> Event:
    told = mail.read(bodies.Push)
    if told.ref.startswith("refs/tags/"):
        # A tag is how much of the world publishes a version; taken away again it changes what there is, too.
        name = RepoName(told.repository.full_name)
        return Published(repo=name, names=(name,))
    return Pushed(
        repo=RepoName(told.repository.full_name),
        ref=told.ref,
        after=None if told.after == NO_COMMIT else Sha(told.after),
        default=told.ref == f"refs/heads/{told.repository.default_branch}",
    )


# A draft, or an edited description, offers nothing new; one taken back changes what there is to choose from.
_OFFERS = frozenset({"published", "released", "prereleased", "unpublished", "deleted", "updated"})


def _published(mail: Envelope) -> Event:
    told = mail.read(bodies.Released)
    if told.action not in _OFFERS or told.repository is None:
        return Ignored(name=f"{mail.name}.{told.action}")
    repo, package = RepoName(told.repository.full_name), told.package or told.registry_package
    return Published(repo=repo, names=(repo, package.name) if package and package.name else (repo,))


def _check_run(mail: Envelope) -> Event:
    told = mail.read(bodies.CheckRun)
    repo, run = RepoName(told.repository.full_name), told.check_run
    ours = mail.is_ours(run.app)
    pressed = told.requested_action.identifier if told.requested_action else ""
    if told.action == "rerequested" and ours:
        pressed = "retry"  # GitHub's own button for running a check again
    elif told.action != "requested_action" and ours:
        return Ignored(name=f"check_run.{told.action} of our own")  # else all that we write would wake us
    elif told.action != "requested_action":
        return ChecksMoved(repo=repo, sha=Sha(run.head_sha))
    if not ours or not pressed or told.sender.type != "User":
        return Ignored(name=f"check_run.{told.action}")
    return _pressed(mail, told, Sha(run.head_sha), pressed)


def _pressed(mail: Envelope, told: bodies.CheckRun | bodies.CheckSuite, sha: Sha, button: str) -> Event:
    return ActionPressed(
        repo=RepoName(told.repository.full_name),
        sha=sha,
        identifier=button,
        author=Login(told.sender.login),
        at=mail.received,
        delivery=mail.guid,
    )


def _check_suite(mail: Envelope) -> Event:
    """GitHub opens a suite of ours for every push, and tells us when the runs in it, which we wrote, have ended."""
    told = mail.read(bodies.CheckSuite)
    sha, suite = Sha(told.check_suite.head_sha), told.check_suite
    if not mail.is_ours(suite.app):
        return ChecksMoved(repo=RepoName(told.repository.full_name), sha=sha)
    if told.action == "rerequested" and told.sender.type == "User":
        return _pressed(mail, told, sha, "retry")  # GitHub's own button for running all checks again
    return Ignored(name=f"check_suite.{told.action} of our own")


def _status(mail: Envelope) -> Event:
    told = mail.read(bodies.Status)
    return ChecksMoved(repo=RepoName(told.repository.full_name), sha=Sha(told.sha))


def _workflow_run(mail: Envelope) -> Event:
    told = mail.read(bodies.WorkflowRun)
    run = told.workflow_run
    return RunMoved(repo=RepoName(told.repository.full_name), run=str(run.id), sha=Sha(run.head_sha))


def _pull_request(mail: Envelope) -> Event:
    told = mail.read(bodies.PullRequest)
    return PullChanged(
        repo=RepoName(told.repository.full_name),
        pull=PullNumber(told.pull_request.number),
        action=told.action,
        branch=told.pull_request.head.ref,
    )


def _review(mail: Envelope) -> Event:
    told = mail.read(bodies.Review)
    return Reviewed(repo=RepoName(told.repository.full_name), pull=PullNumber(told.pull_request.number))


def _comment(mail: Envelope) -> Event:
    """Only new words of a person on a pull request are heard; an edited comment may have been edited by another."""
    told = mail.read(bodies.Comment)
    user = told.comment.user
    heard = told.action == "created" and told.issue.pull_request is not None
    if not heard or user is None or user.type != "User" or told.sender.type != "User":
        return Ignored(name=f"issue_comment.{told.action}")
    return Commented(
        repo=RepoName(told.repository.full_name),
        pull=PullNumber(told.issue.number),
        comment=told.comment.id,
        author=Login(user.login),
        body=told.comment.body or "",
        at=told.comment.created_at.astimezone(UTC),
    )


# What may have changed which boxes are ticked, or whether they count.
_BOARD = frozenset({"edited", "closed", "reopened"})


def _issues(mail: Envelope) -> Event:
    """Of issues only our dashboard concerns us, and of it only what a person does: our own edits are no news."""
    told = mail.read(bodies.Issues)
    ours = board.MARK in (told.issue.body or "") and told.issue.user is not None and told.issue.user.type != "User"
    if not ours or told.action not in _BOARD or told.sender.type != "User":
        return Ignored(name=f"issues.{told.action}")
    return BoardTouched(repo=RepoName(told.repository.full_name))


def _deployment_status(mail: Envelope) -> Event:
    told = mail.read(bodies.DeploymentStatus)
    if mail.is_ours(told.deployment_status.performed_via_github_app):
        return Ignored(name="deployment_status of our own")
    return DeploymentMoved(repo=RepoName(told.repository.full_name), sha=Sha(told.deployment.sha))


def _gate(mail: Envelope) -> Event:
    """GitHub describes every field of this one as optional."""
    told = mail.read(bodies.Gate)
    sha = told.sha or (told.deployment.sha if told.deployment else None)
    if told.repository is None or sha is None:
        return Ignored(name=f"{mail.name} of nothing")
    return DeploymentMoved(repo=RepoName(told.repository.full_name), sha=Sha(sha))


def _alert(mail: Envelope) -> Event:
    told = mail.read(advice.Alert)
    return Advised(repo=RepoName(told.repository.full_name), words=advice.of_alert(told), aside=advice.aside(told))


def _advisory(mail: Envelope) -> Event:
    told = mail.read(advice.Told)
    words = advice.words(told.security_advisory, withdrawn=told.action == "withdrawn")
    if not words and told.security_advisory.vulnerabilities:
        return Ignored(name="security_advisory about no package that could be in use here")
    return Advised(repo=None, words=words)


def _merge_group(mail: Envelope) -> Event:
    told = mail.read(bodies.Group)
    if told.repository is None:
        return Ignored(name=f"{mail.name} of nothing")
    return ChecksMoved(repo=RepoName(told.repository.full_name), sha=Sha(told.merge_group.head_sha))


_READERS: Mapping[str, Callable[[Envelope], Event]] = {
    "installation": _installation,
    "installation_repositories": _installation_repositories,
    "repository": _repository,
    "push": _push,
    "release": _published,
    "registry_package": _published,
    "package": _published,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "status": _status,
    "workflow_run": _workflow_run,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "issue_comment": _comment,
    "issues": _issues,
    "deployment_status": _deployment_status,
    "deployment_protection_rule": _gate,
    "dependabot_alert": _alert,
    "security_advisory": _advisory,
    "merge_group": _merge_group,
}


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_WHOSE = msgspec.json.Decoder(bodies.Whose)


def number_of(body: bytes) -> int | None:
    """GitHub's number of the repository that a delivery is about, which stays when its name does not; None without."""
    try:
        told = _WHOSE.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return told.repository.id if told.repository else None


def parse(name: str, guid: str, body: bytes, *, app_id: int | None, received: datetime | None = None) -> Event:
    """What a delivery tells. Unknown events are Ignored; Permanent, naming the field, for a body of another form.

    app_id: only buttons of this App's check runs are pressed for us. received: when the delivery came in (UTC); GitHub
    does not say when a button was pressed, so that is its time.
    """
    reader = _READERS.get(name)
    if reader is None:
        return Ignored(name=name)
    return reader(Envelope(name=name, guid=guid, body=body, app=app_id, received=received or datetime.now(UTC)))
