"""Tags of any git remote over smart HTTP, without a clone and without the git program.

A component is a repository by its host, as `github.com/psf/black`, or by its short name on the usual host, as
`actions/checkout`; an action in a folder of its repository, `owner/repo/folder`, is that repository. A place that its
file names counts as the repository's whole URL. `GET <url>/info/refs?service=git-upload-pack` says which version of
the protocol the server speaks; one of version 2 is then asked for its tags alone (`POST <url>/git-upload-pack`), and
next time at once. Every tag comes with the commit that it leads to in the end, which is what a pin should hold.

git tells no times that anybody but the author vouches for: dates of commits and tags are what their maker wrote, so
they count for nothing, and a tag's age runs from when its commit was first seen here. A tag that is moved shows as a
new commit. Repositories over ssh, over the git protocol, or on a plain file server ("dumb" HTTP) are not read.

Options: `url`, where short names are (default GitHub); `token`, the name of a secret for it; `logins`, a secret for
each host, as `{git.example: {username: me, secret: GIT_TOKEN}}`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from cachetools import LRUCache

from bot.adapters import Options, Tools, decode
from bot.adapters.sources import _packets
from bot.adapters.sources._logins import Login, Logins, host_of, logins_of, origin_of
from bot.adapters.sources._paging import SMALL, Kept, Releases, web_url
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Component, Release
from bot.tools.http import Answer, Http

KIND = "git"
GITHUB = "https://github.com"
ACTIONS = "githubactions"
ASK = "/info/refs?service=git-upload-pack"
VERSION_2 = {"Git-Protocol": "version=2"}
PLACES = 4_096
_PART = re.compile(r"[\w.~+-]{1,100}", re.ASCII)

T = TypeVar("T")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = GITHUB
    token: str = ""
    logins: dict[str, Login] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remote:
    """A server of version 2 as we came to know it. base: the repository's URL after redirects."""

    base: str
    object_format: str


def open(options: Options, tools: Tools) -> GitRemotes:
    """Works without options. ConfigProblem when a secret is named that nobody set."""
    chosen = decode(options, _Options, KIND)
    mine = {host_of(chosen.url): Login(secret=chosen.token)} if chosen.token else {}
    return GitRemotes(tools.http, chosen.url.rstrip("/"), logins_of({**mine, **chosen.logins}, tools, KIND))


class GitRemotes:
    """A `core.ports.Source`."""

    def __init__(self, http: Http, url: str, logins: Logins) -> None:
        self._http, self._url, self._logins = http, url, logins
        self._remotes: LRUCache[str, _Remote] = LRUCache(PLACES)
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """One release for each tag, with its commit. Missing when the server knows no such repository."""
        url = repository_of(component, self._url)
        if remote := self._remotes.get(url):
            try:
                return await self._asked(url, remote)
            except Permanent:
                del self._remotes[url]  # it moved, or its server changed: ask from the start
        answer = await self._get(url)
        said = await _understood(answer, _packets.greeting)
        if said.tags is not None:
            return _releases(url, said.tags)
        base = answer.url.removesuffix(ASK)
        if base == answer.url:
            raise Permanent(f"{host_of(url)} sends us on to what is no git repository")
        remote = self._remotes[url] = _Remote(base=base, object_format=said.object_format)
        return await self._asked(url, remote)

    async def detail(self, component: Component, release: Release) -> Release:
        """A list of refs holds all that git tells."""
        return release

    async def _get(self, url: str) -> Answer:
        answer = await self._http.get(
            url + ASK, headers={**VERSION_2, **self._logins.header(host_of(url), url)}, keep=False, known={401}
        )
        if answer.status == 401:
            # GitHub and others answer so for what is not there as well, so as not to give private names away.
            raise Refused(f"{host_of(url)} does not show {urlsplit(url).path}: it is not there, or it asks for a login")
        if "git-upload-pack-advertisement" not in answer.headers.get("content-type", ""):
            raise Permanent(
                f"{host_of(url)} has no git repository at {urlsplit(url).path} that speaks smart HTTP; serve it with "
                "git http-backend or a forge, or use another source"
            )
        return answer

    async def _asked(self, url: str, remote: _Remote) -> Releases:
        # A login is for the host that was meant; where that one sends us, we come without.
        login = self._logins.header(host_of(url), url) if origin_of(url) == origin_of(remote.base) else {}
        kinds = {
            "Content-Type": "application/x-git-upload-pack-request",
            "Accept": "application/x-git-upload-pack-result",
        }
        body = _packets.question(remote.object_format)
        answer = await self._http.post(f"{remote.base}/git-upload-pack", body, headers={**kinds, **VERSION_2, **login})
        key = (url, answer.digest)
        known = self._kept.get(key)
        return known or self._kept.keep(key, _releases(url, await _understood(answer, _packets.listed)))


async def _understood(answer: Answer, read: Callable[[bytes], T]) -> T:
    """What an answer says, read in a thread when it is big. Errors name the host."""
    try:
        return read(answer.body) if len(answer.body) < SMALL else await asyncio.to_thread(read, answer.body)
    except Permanent as error:
        where = urlsplit(answer.url)
        raise type(error)(f"{where.hostname} sends no list of refs for {where.path}: {error}") from None


def _releases(url: str, tags: Sequence[_packets.Tag]) -> Releases:
    home = web_url(url.removesuffix(".git"))
    links = (("repository", home),) if home else ()
    page = f"{home}/releases/tag/" if home and host_of(home) == "github.com" else ""
    return tuple(
        Release(
            version=tag.name,
            digest=tag.commit,
            url=page + quote(tag.name, safe="/") if page else home,
            links=links,
        )
        for tag in tags
    )


def repository_of(component: Component, usual: str) -> str:
    """The URL of a component's repository. usual: the URL before short names.

    Missing for a name that can be none; Permanent for a place that git's HTTP cannot reach.
    """
    if component.registry:
        return _of_url(component.registry)
    parts = component.name.removesuffix(".git").split("/")
    if component.ecosystem == ACTIONS:
        parts = parts[:2]
    # A dot in an organisation's name happens only where the host is named as well.
    hosted = component.ecosystem != ACTIONS and len(parts) > 1 and bool(re.search(r"[.:]", parts[0]))
    path = parts[1:] if hosted else parts
    few = 1 if hosted else 2
    if not few <= len(path) <= 20 or not all(_PART.fullmatch(part) and part.strip(".") for part in path):
        raise Missing(f"{component.name[:100]!r} can be no git repository's name")
    if not hosted:
        return f"{usual}/{'/'.join(path)}"
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?", parts[0].lower()):
        raise Missing(f"{component.name[:100]!r} names no host")
    return f"https://{parts[0].lower()}/{'/'.join(path)}"


def _of_url(text: str) -> str:
    try:
        split = urlsplit(text)
        fits = split.scheme in ("http", "https") and bool(split.hostname) and not split.username
    except ValueError:
        fits = False
    if not fits or split.query or split.fragment or re.search(r"[\s\x00-\x1f\x7f]", text) or len(text) > 1_000:
        shown = text.rpartition("@")[2][:100]
        raise Permanent(f"{shown!r} is no repository that we can read; give its https:// URL, without a login")
    return text.rstrip("/")
