"""Releases and tags of a repository on GitHub, by its REST API; where no time is known, only a tag was pushed.

A component is a repository as `owner/name`. `/repos/<owner>/<name>/releases` gives what its people published: when
(GitHub's own clock), by whom, and which files with their sha256; `/tags` gives every tag with its commit, also those
without a release. Drafts are left out. So is a release that GitHub shows as a pre-release while its version looks like
a finished one: its maker says that it is none. A release that its repository made immutable carries an attestation by
GitHub, and counts as having provenance; that it has none any more is a loss that is shown.

A tag without a release has no time: the dates of commits and tags are what their author wrote, so its age runs from
when its commit was first seen here. Where the App is installed its own limits apply, and an unchanged list costs
nothing of them; without a login GitHub allows 60 requests an hour.

Options: `url`, the API of another GitHub (`https://github.example/api/v3`); `token`, the name of a secret for it;
`releases-only: true` to pass over tags without a release, which saves a request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from gidgethub.abc import GitHubAPI

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources._logins import host_of, is_private_way, origin_of
from bot.adapters.sources._paging import Kept, Releases, decoded, items, web_url, whole_list
from bot.core import ecosystems, versions
from bot.core.errors import InvalidVersion, Missing, Permanent, Refused, Transient
from bot.core.model import Artifact, Component, Release, Trust
from bot.tools.http import Answer, Http
from bot.tools.secrets import Secret

KIND = "github"
API = "https://api.github.com"
ACCEPT = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9_-]{0,99}))/([A-Za-z0-9._-]{1,100})", re.ASCII)
MOST_PAGES = 200  # of a hundred; GitHub itself lists 10,000 releases and no more
MOST_ASSETS = 200
UNTIL_RESET = timedelta(minutes=15)  # GitHub's limits start anew every hour, and who asks too early costs nothing
NESTED = 3  # a tag may point at a tag

T = TypeVar("T")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    token: str = ""
    releases_only: bool = msgspec.field(name="releases-only", default=False)


class _Actor(msgspec.Struct):
    login: str


class _Asset(msgspec.Struct):
    name: str
    browser_download_url: str
    size: int | None = None
    digest: str | None = None
    state: str = "uploaded"


class _Published(msgspec.Struct):
    tag_name: str
    draft: bool = False
    prerelease: bool = False
    immutable: bool | None = None
    published_at: datetime | None = None
    html_url: str | None = None
    author: _Actor | None = None
    assets: list[_Asset] = []


class _Commit(msgspec.Struct):
    sha: str


class _Tag(msgspec.Struct):
    name: str
    commit: _Commit


class _Object(msgspec.Struct):
    sha: str
    type: str


class _Pointer(msgspec.Struct):
    """A ref, or a tag that is an object of its own."""

    object: _Object


_PUBLISHED = msgspec.json.Decoder(list[_Published])
_TAGS = msgspec.json.Decoder(list[_Tag])
_POINTER = msgspec.json.Decoder(_Pointer)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repo:
    """One repository of one GitHub. api: the API's root; web: where people look."""

    api: str
    name: str
    web: str


def open(options: Options, tools: Tools) -> GitHubReleases:
    """Works without options, by the client that is lent where it speaks to the same GitHub."""
    chosen = decode(options, _Options, KIND)
    return GitHubReleases(tools, chosen, secret_of(tools, chosen.token, KIND, chosen.url or API))


class GitHubReleases:
    """A `core.ports.Source`."""

    def __init__(self, tools: Tools, options: _Options, token: Secret | None) -> None:
        self._http: Http = tools.http
        self._client: GitHubAPI | None = tools.github
        self._url = options.url.rstrip("/")
        self._token = token
        self._tags_too = not options.releases_only
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """Releases, newest first, then tags that have none. Without tags they are partial: their commit is missing."""
        repo = self._repo(component)
        if client := self._own(repo):
            published = await _listed(client, repo, "releases", list[_Published])
            tags = await _listed(client, repo, "tags", list[_Tag]) if self._tags_too else []
            return self._merged(component, repo, published, tags)
        pages = await self._pages(repo, "releases")
        more = await self._pages(repo, "tags") if self._tags_too else []
        key = (component, *(page.digest for page in (*pages, *more)))
        known = self._kept.get(key)
        if known is None:
            published = await items(_PUBLISHED, pages, f"releases of {repo.name}")
            tags = await items(_TAGS, more, f"tags of {repo.name}")
            known = self._kept.keep(key, self._merged(component, repo, published, tags))
        return known

    async def detail(self, component: Component, release: Release) -> Release:
        """The same with the commit that its tag leads to. Missing when the tag is gone."""
        repo = self._repo(component)
        path = f"git/ref/tags/{quote(release.version, safe='/')}"
        for _ in range(NESTED):
            found = (await self._one(repo, path)).object
            if found.type != "tag":
                return replace(release, digest=found.sha, partial=False)
            path = f"git/tags/{quote(found.sha, safe='')}"
        raise Permanent(f"the tag {release.version} of {repo.name} leads from tag to tag")

    def _merged(
        self, component: Component, repo: _Repo, published: Sequence[_Published], tags: Sequence[_Tag]
    ) -> Releases:
        commits = {tag.name: tag.commit.sha for tag in tags}
        known = {one.tag_name for one in published if not one.draft}
        shown = [one for one in published if not one.draft and not (one.prerelease and _looks_finished(component, one))]
        found = [_release(repo, one, commits.get(one.tag_name, ""), partial=not self._tags_too) for one in shown]
        bare = (name for name in commits if name not in known)
        return (*found, *(_of_tag(repo, name, commits[name]) for name in bare))

    async def _pages(self, repo: _Repo, what: str) -> list[Answer]:
        return await whole_list(self._ask, f"{repo.api}{_path(repo, what)}", most=MOST_PAGES)

    async def _one(self, repo: _Repo, path: str) -> _Pointer:
        path = f"/repos/{repo.name}/{path}"
        if client := self._own(repo):
            return _converted(await client.getitem(path), _Pointer, repo, "ref")
        return await decoded(_POINTER, await self._ask(repo.api + path), f"ref of {repo.name}")

    async def _ask(self, url: str) -> Answer:
        login = {}
        # Whose token it is says the option; a component may name another GitHub.
        if self._token and origin_of(url) == origin_of(self._url or API):
            if not is_private_way(url):
                raise Refused(f"the token for {host_of(url)} is not sent over plain http; write https")
            login = {"Authorization": f"Bearer {self._token.reveal()}"}
        answer = await self._http.get(url, headers={**ACCEPT, **login}, known={403})
        if answer.status == 403:
            words = _words(answer)
            if "rate limit" in words.lower():
                mend = "" if login else "; with a `token` it is much higher"
                raise Transient(f"{host_of(url)} has given us all that its rate limit allows{mend}", after=UNTIL_RESET)
            raise Refused(f"{host_of(url)} answers 403 for {urlsplit(url).path}: {words}")
        return answer

    def _own(self, repo: _Repo) -> GitHubAPI | None:
        """The client that is lent, if it speaks to the GitHub that is meant and no token of our own is set."""
        theirs = str(getattr(self._client, "base_url", "")).rstrip("/")
        return self._client if theirs == repo.api and not self._token else None

    def _repo(self, component: Component) -> _Repo:
        """Missing for what can be no repository's name, Permanent for a place that is none."""
        name = component.name.removeprefix("github.com/")
        match = NAME.fullmatch(name)
        if match is None or not match[2].strip("."):
            raise Missing(f"{name[:100]!r} can be no repository on GitHub; write it as owner/name")
        api = api_of(component.registry) if component.registry else self._url or self._usual()
        return _Repo(api=api, name=name, web=f"{web_of(api)}/{name}")

    def _usual(self) -> str:
        """The GitHub that the App stands on is the usual one for its users."""
        base = getattr(self._client, "base_url", "")
        return base.rstrip("/") if isinstance(base, str) and base else API


def _path(repo: _Repo, what: str) -> str:
    return f"/repos/{repo.name}/{what}?per_page=100"


async def _listed(client: GitHubAPI, repo: _Repo, what: str, kind: type[list[T]]) -> list[T]:
    """A whole list by the client that is lent, which knows by itself what did not change."""
    found: list[Any] = []
    try:
        async for item in client.getiter(_path(repo, what)):
            found.append(item)
            if len(found) > 100 * MOST_PAGES:
                raise Permanent(f"{repo.name} has more than {100 * MOST_PAGES} {what}, which is too many")
    except TypeError as error:  # from gidgethub, where there is nothing to walk over
        raise Permanent(f"{host_of(repo.api)} sends no {what} of {repo.name}") from error
    return _converted(found, kind, repo, what)


def api_of(place: str) -> str:
    """The API's root of a GitHub, by its own URL or by the one that people use."""
    url = web_url(place)
    if url is None or urlsplit(url).username is not None:
        raise Permanent(f"{place.rpartition('@')[2][:100]!r} is no GitHub's URL; write it as https://github.example")
    split = urlsplit(url)
    host = host_of(url)
    if host in ("github.com", "www.github.com", "api.github.com"):
        return API
    return f"{split.scheme}://{host}{split.path.rstrip('/') or '/api/v3'}"


def web_of(api: str) -> str:
    """Where people look at what an API serves."""
    return f"{urlsplit(api).scheme}://{host_of(api).removeprefix('api.')}"


def _converted(data: Any, kind: type[T], repo: _Repo, what: str) -> T:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Permanent(f"{host_of(repo.api)} sends no {what} of {repo.name}: {error}") from error


def _words(answer: Answer) -> str:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    return str(said.get("message", ""))[:300] if isinstance(said, Mapping) else ""


def _looks_finished(component: Component, one: _Published) -> bool:
    try:
        return versions.is_stable(ecosystems.scheme_of(component), one.tag_name)
    except InvalidVersion:
        return True  # it can be compared with nothing anyway


def _release(repo: _Repo, one: _Published, commit: str, *, partial: bool) -> Release:
    provenance = {True: repo.web, False: "", None: None}[one.immutable]
    return Release(
        version=one.tag_name,
        published=one.published_at,
        artifacts=tuple(_artifact(asset) for asset in one.assets[:MOST_ASSETS] if _is_there(asset)),
        url=web_url(one.html_url) or repo.web,
        digest=commit,
        trust=Trust(provenance=provenance, publisher=one.author.login if one.author else None),
        links=(("repository", repo.web),),
        partial=partial,
    )


def _of_tag(repo: _Repo, name: str, commit: str) -> Release:
    page = f"{repo.web}/releases/tag/{quote(name, safe='/')}"
    return Release(version=name, digest=commit, url=page, links=(("repository", repo.web),))


def _is_there(asset: _Asset) -> bool:
    return asset.state == "uploaded" and web_url(asset.browser_download_url) is not None


def _artifact(asset: _Asset) -> Artifact:
    kind, _, value = (asset.digest or "").partition(":")
    sha256 = value if kind == "sha256" and re.fullmatch(r"[0-9a-f]{64}", value) else None
    checksum = asset.digest if value and kind != "sha256" and re.fullmatch(r"[0-9a-f]+", value) else None
    return Artifact(
        filename=asset.name, url=asset.browser_download_url, sha256=sha256, size=asset.size, checksum=checksum
    )
