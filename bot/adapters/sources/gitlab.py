"""Releases and tags of a project on GitLab, by its REST API, on gitlab.com or on your own.

A component is a project's path, as `group/subgroup/project`. `/api/v4/projects/<path>/releases` gives what its people
published, with its commit and linked files; `/repository/tags` gives every tag with its commit, also those without a
release. Releases that are announced for later (`upcoming_release`) are left out until their time has come.

GitLab lets whoever makes a release set its `released_at`, also to a day long past, so a release's time is the later
one of that and GitLab's own `created_at`. A tag without a release has no time: the dates of commits and tags are what
their author wrote, so its age runs from when its commit was first seen here. GitLab gives no checksums of files.

Options: `url`, your own GitLab (default https://gitlab.com); `token`, the name of a secret with an access token for it
(scope `read_api`); `releases-only: true` to pass over tags without a release, which saves a request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources._logins import host_of, is_private_way, origin_of
from bot.adapters.sources._paging import Kept, Releases, items, web_url, whole_list
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Artifact, Component, Release, Trust
from bot.tools.http import Answer, Http
from bot.tools.secrets import Secret

KIND = "gitlab"
GITLAB = "https://gitlab.com"
NAME = re.compile(r"[A-Za-z0-9_.][\w.+-]*(?:/[A-Za-z0-9_.][\w.+-]*){1,20}", re.ASCII)
MOST_PAGES = 1_000  # of a hundred
MOST_LINKS = 200


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = GITLAB
    token: str = ""
    releases_only: bool = msgspec.field(name="releases-only", default=False)


class _Commit(msgspec.Struct):
    id: str


class _Author(msgspec.Struct):
    username: str = ""


class _Link(msgspec.Struct):
    name: str
    url: str = ""
    direct_asset_url: str = ""


class _Assets(msgspec.Struct):
    links: list[_Link] = []


class _Urls(msgspec.Struct):
    self: str = ""


class _Published(msgspec.Struct):
    tag_name: str
    created_at: datetime | None = None
    released_at: datetime | None = None
    upcoming_release: bool = False
    author: _Author | None = None
    commit: _Commit | None = None
    assets: _Assets = msgspec.field(default_factory=_Assets)
    urls: _Urls = msgspec.field(name="_links", default_factory=_Urls)


class _Tag(msgspec.Struct):
    name: str
    commit: _Commit


_PUBLISHED = msgspec.json.Decoder(list[_Published])
_TAGS = msgspec.json.Decoder(list[_Tag])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """One project of one GitLab. api: its own root in the API; web: where people look."""

    api: str
    name: str
    web: str


def open(options: Options, tools: Tools) -> GitLabReleases:
    """Works without options. ConfigProblem when the token names a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    return GitLabReleases(tools.http, chosen, secret_of(tools, chosen.token, KIND, chosen.url))


class GitLabReleases:
    """A `core.ports.Source`."""

    def __init__(self, http: Http, options: _Options, token: Secret | None) -> None:
        self._http, self._token = http, token
        self._url = options.url.rstrip("/")
        self._tags_too = not options.releases_only
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """Releases, newest first, then tags that have none. Missing also for a project that we may not see."""
        project = self._project(component)
        pages = await self._pages(project, "releases")
        more = await self._pages(project, "repository/tags") if self._tags_too else []
        key = (project, *(page.digest for page in (*pages, *more)))
        known = self._kept.get(key)
        if known is None:
            published = await items(_PUBLISHED, pages, f"releases of {project.name}")
            tags = await items(_TAGS, more, f"tags of {project.name}")
            known = self._kept.keep(key, _merged(project, published, tags))
        return known

    async def detail(self, component: Component, release: Release) -> Release:
        """The lists hold all that GitLab says."""
        return release

    async def _pages(self, project: _Project, what: str) -> list[Answer]:
        return await whole_list(self._ask, f"{project.api}/{what}?per_page=100", most=MOST_PAGES)

    async def _ask(self, url: str) -> Answer:
        login = {}
        # Whose token it is says the option; a component may name another GitLab.
        if self._token and origin_of(url) == origin_of(self._url):
            if not is_private_way(url):
                raise Refused(f"the token for {host_of(url)} is not sent over plain http; write https")
            login = {"PRIVATE-TOKEN": self._token.reveal()}
        return await self._http.get(url, headers={"Accept": "application/json", **login})

    def _project(self, component: Component) -> _Project:
        """Missing for what can be no project's path, Permanent for a place that is none."""
        place = (component.registry or self._url).rstrip("/")
        base = web_url(place)
        if base is None or urlsplit(base).username is not None or urlsplit(base).query:
            raise Permanent(
                f"{place.rpartition('@')[2][:100]!r} is no GitLab's URL; write it as https://gitlab.example"
            )
        name = component.name.removeprefix(f"{host_of(base)}/")
        if not NAME.fullmatch(name) or len(name) > 500 or any(not part.strip(".") for part in name.split("/")):
            raise Missing(f"{name[:100]!r} can be no project on GitLab; write it as group/project")
        return _Project(api=f"{base}/api/v4/projects/{quote(name, safe='')}", name=name, web=f"{base}/{name}")


def _merged(project: _Project, published: Sequence[_Published], tags: Sequence[_Tag]) -> Releases:
    commits = {tag.name: tag.commit.id for tag in tags}
    known = {one.tag_name for one in published}
    shown = (one for one in published if not one.upcoming_release)
    bare = (name for name in commits if name not in known)
    return (
        *(_release(project, one, commits.get(one.tag_name, "")) for one in shown),
        *(_of_tag(project, name, commits[name]) for name in bare),
    )


def _release(project: _Project, one: _Published, commit: str) -> Release:
    # A release may speak of a commit that its tag has left since; what is pinned is where the tag leads now.
    digest = commit or (one.commit.id if one.commit else "")
    times = [_utc(at) for at in (one.created_at, one.released_at) if at]
    files = [made for link in one.assets.links[:MOST_LINKS] if (made := _artifact(link))]
    return Release(
        version=one.tag_name,
        published=max(times) if one.created_at else None,
        artifacts=tuple(files),
        url=web_url(one.urls.self) or f"{project.web}/-/releases",
        digest=digest,
        trust=Trust(publisher=(one.author.username or None) if one.author else None),
        links=(("repository", project.web),),
    )


def _of_tag(project: _Project, name: str, commit: str) -> Release:
    page = f"{project.web}/-/tags/{quote(name, safe='')}"
    return Release(version=name, digest=commit, url=page, links=(("repository", project.web),))


def _artifact(link: _Link) -> Artifact | None:
    url = web_url(link.direct_asset_url) or web_url(link.url)
    return Artifact(filename=link.name, url=url) if url else None


def _utc(at: datetime) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
