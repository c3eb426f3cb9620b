"""What GitHub told us, as types: a hint to look, never the truth itself; the table of what the bot reacts to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

from bot.core.alerts import Aside, Word
from bot.core.hints import bounded
from bot.core.model import InstallationId, Login, PullNumber, RepoName, Sha, State

OUR_BRANCHES = "surefoot/"  # what all our branches begin with; see `core.names`
OUR_REVERTS = f"{OUR_BRANCHES}revert-"
# Users feel what happens to an update in these.
IN_PRODUCTION = frozenset({State.DEPLOYING, State.ROLLING_OUT, State.ROLLING_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The App may now act on these repositories. numbers: GitHub's own of each, as far as they are told."""

    installation: InstallationId
    repos: tuple[RepoName, ...]
    numbers: tuple[tuple[RepoName, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstalled:
    """The App may no longer act on these; an empty tuple means: on none of the installation."""

    installation: InstallationId
    repos: tuple[RepoName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A repository has another name, or another owner. was: its full name before."""

    repo: RepoName
    was: RepoName


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A repository was put into the archive, where nothing can be changed, or taken out of it."""

    repo: RepoName
    archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A branch or tag moved. after is None when it was deleted."""

    repo: RepoName
    ref: str
    after: Sha | None
    default: bool  # whether it is the default branch


@dataclass(frozen=True, slots=True, kw_only=True)
class PullChanged:
    """A pull request was opened, pushed to, edited, closed, merged or opened again."""

    repo: RepoName
    pull: PullNumber
    action: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Somebody reviewed a pull request, or a review was dismissed."""

    repo: RepoName
    pull: PullNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """Somebody wrote a new comment on a pull request. A bot's comment never gets here."""

    repo: RepoName
    pull: PullNumber
    comment: int
    author: Login
    body: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksMoved:
    """A check run, check suite or status of a commit changed."""

    repo: RepoName
    sha: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMoved:
    """A workflow run of the repository went on or ended."""

    repo: RepoName
    run: str
    sha: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPressed:
    """Somebody pressed a button of one of our check runs. identifier: the button's own name."""

    repo: RepoName
    sha: Sha
    identifier: str
    author: Login
    at: datetime
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentMoved:
    """A deployment got a new status, or asks for our word as a protection rule."""

    repo: RepoName
    sha: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Something was released; look at the sources again.

    repo: where the hint came from. names: what the lists of releases may call it; the version is never believed. Who
    pins it by one of them learns of it at once, and everybody else with the next regular look.
    """

    repo: RepoName
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinted:
    """A registry, or whoever knows the door's secret, says that something may be published. names: as `Published`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """Something is wrong with what these run: a reason to look now, never a verdict."""

    repos: tuple[RepoName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """An advisory or an alert appeared or changed; repo is None for a global one.

    words: what it says, for each package; where there are none, nobody knows whom it concerns.
    """

    repo: RepoName | None
    words: tuple[Word, ...] = ()
    aside: Aside | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTouched:
    """A person edited, closed or opened our dashboard issue again."""

    repo: RepoName


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Stored, and nothing follows from it."""

    name: str


Event: TypeAlias = (
    Installed
    | Uninstalled
    | Renamed
    | Archived
    | Pushed
    | PullChanged
    | Reviewed
    | Commented
    | ChecksMoved
    | RunMoved
    | ActionPressed
    | DeploymentMoved
    | Published
    | Hinted
    | Alerted
    | Advised
    | BoardTouched
    | Ignored
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Words of a person that an update must hear exactly once. key: the same key twice is the same mail.

    text: a comment's body, or "/surefoot <identifier>" for a pressed button. comment: where to answer.
    """

    key: str
    repo: RepoName
    author: Login
    text: str
    at: datetime
    pull: PullNumber | None = None
    sha: Sha | None = None
    comment: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Which rows an event concerns: all that the drainer needs to know of it.

    pulls, shas, branch: updates of `repo` with one of these (a pull's number, its head, a merge's commit, its branch).
    in_flight: every update of the repository that has not ended. in_production: those that are deployed or turned back.
    look: the repository itself is looked at again. was: what it was called before; number: GitHub's own for it, which
    outlives its names; archived: whether it is from now on, None where that is not told.
    names: the repositories whose last answers bear one of these are looked at, not before `at` where that is given.
    alerted: these repositories are looked at, and what is in production there. words: kept where somebody uses what
    they are about; aside: kept for the repository.
    """

    repo: RepoName | None = None
    was: RepoName | None = None
    number: int | None = None
    archived: bool | None = None
    pulls: tuple[PullNumber, ...] = ()
    shas: tuple[Sha, ...] = ()
    branch: str | None = None
    in_flight: bool = False
    in_production: bool = False
    look: bool = False
    look_everywhere: bool = False
    names: tuple[str, ...] = ()
    at: datetime | None = None
    alerted: tuple[RepoName, ...] = ()
    words: tuple[Word, ...] = ()
    aside: Aside | None = None
    mail: Mail | None = None
    installed: Installed | None = None
    uninstalled: Uninstalled | None = None


def _mail_of(event: Commented | ActionPressed) -> Mail:
    if isinstance(event, Commented):
        return Mail(
            key=f"comment:{event.comment}",
            repo=event.repo,
            author=event.author,
            text=event.body,
            at=event.at,
            pull=event.pull,
            comment=event.comment,
        )
    return Mail(
        key=f"button:{event.delivery}",
        repo=event.repo,
        author=event.author,
        text=f"/surefoot {event.identifier}",
        at=event.at,
        sha=event.sha,
    )


def _of_pull(event: PullChanged) -> Concern:
    """What is merged by others comes as a push to the default branch, which is looked at anyway."""
    return Concern(
        repo=event.repo,
        pulls=(event.pull,),
        branch=event.branch,
        in_production=event.branch.startswith(OUR_REVERTS),  # one may have been in the way of who turns back
        look=event.branch.startswith(OUR_BRANCHES),
    )


def _of_push(event: Pushed) -> Concern:
    """A base that moved concerns everything that waits to be merged into it."""
    branch = event.ref.removeprefix("refs/heads/")
    return Concern(repo=event.repo, branch=branch, in_flight=event.default, look=event.default)


def _of_advice(event: Advised) -> Concern:
    """Who uses one of the packages that it names looks at once, wherever it was told."""
    return Concern(
        repo=event.repo,
        look=event.repo is not None,
        look_everywhere=event.repo is None and not event.words,
        names=bounded(word.name for word in event.words),
        words=event.words,
        aside=event.aside,
    )


def concern(event: Event) -> Concern:
    """The rows that an event concerns."""
    match event:
        case Installed():
            return Concern(installed=event)
        case Uninstalled():
            return Concern(uninstalled=event)
        case Renamed(repo=repo, was=was):
            return Concern(repo=repo, was=was, in_flight=True, look=True)
        case Archived(repo=repo, archived=archived):
            return Concern(repo=repo, archived=archived)
        case Pushed():
            return _of_push(event)
        case PullChanged():
            return _of_pull(event)
        case Reviewed(repo=repo, pull=pull):
            return Concern(repo=repo, pulls=(pull,))
        case Commented(repo=repo, pull=pull):
            return Concern(repo=repo, pulls=(pull,), mail=_mail_of(event))
        case ActionPressed(repo=repo, sha=sha):
            return Concern(repo=repo, shas=(sha,), mail=_mail_of(event))
        case ChecksMoved(repo=repo, sha=sha) | DeploymentMoved(repo=repo, sha=sha):
            return Concern(repo=repo, shas=(sha,))
        case RunMoved(repo=repo, sha=sha):
            # A dispatched run stands on the tip of a branch, not on the commit that it deploys.
            return Concern(repo=repo, shas=(sha,), in_production=True)
        case Published(repo=repo, names=names):
            return Concern(repo=repo, look=True, names=names)
        case Hinted(names=names):
            return Concern(names=names)
        case Alerted(repos=repos):
            return Concern(alerted=repos)
        case Advised():
            return _of_advice(event)
        case BoardTouched(repo=repo):
            return Concern(repo=repo, look=True)
        case Ignored():
            return Concern()
        case other:
            assert_never(other)
