"""The App's own affairs: what it is called, where it is installed, and which repositories it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.model import InstallationId, Login, RepoName
from bot.github.shapes import every, item

MOST_REPOS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Us:
    """Who we are: only what carries this id is ours; a name can be had by anybody."""

    app_id: int
    slug: str

    @property
    def login(self) -> Login:
        """The account in whose name our comments and commits appear."""
        return Login(f"{self.slug}[bot]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One installation of the App. active: not suspended."""

    id: InstallationId
    active: bool


class _App(Struct):
    id: int
    slug: str = ""  # GitHub sends it, and does not promise it


class _Installation(Struct):
    id: InstallationId
    suspended_at: datetime | None = None


class _Repo(Struct):
    id: int
    full_name: RepoName
    archived: bool = False


async def us(app: GitHubAPI) -> Us:
    """Who this App is. app: the App's own client."""
    raw = await item(app, "/app", _App)
    return Us(app_id=raw.id, slug=raw.slug)


async def installations(app: GitHubAPI) -> tuple[Installation, ...]:
    """Everywhere the App is installed. app: the App's own client."""
    raw = await every(app, "/app/installations", _Installation)
    return tuple(Installation(id=one.id, active=one.suspended_at is None) for one in raw)


async def repositories(gh: GitHubAPI) -> Mapping[RepoName, int]:
    """The repositories of an installation with GitHub's own number of each, which stays when the name does not.

    An archived one cannot be written to and is left out.
    """
    raw = await every(gh, "/installation/repositories", _Repo, key="repositories", most=MOST_REPOS)
    return {repo.full_name: repo.id for repo in raw if not repo.archived}
