"""Python packages from the indexes that pip uses on this machine; lists releases and chooses nothing.

Indexes are asked in pip's order, all of them, and one that is away makes the whole look fail: an unreachable private
index must not let a stranger's package of the same name in. When two know the name, their pages are joined only if
they evidently show the same project (a file with the same name and sha256 on both, and none that differs). Otherwise
the extra index wins over the main one, since it was added on purpose, and a warning says so. `find-links` are looked
at only when no index knows the name.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

import msgspec
import structlog
from cachetools import LRUCache
from packaging.utils import canonicalize_name

from bot.adapters import Options, Tools, decode
from bot.adapters.sources import _simple
from bot.core.errors import Missing
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Http
from bot.tools.pip import IndexSettings

KIND = "pypi"
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
SMALL = 256 << 10  # a bigger page is read in a thread, so that nobody waits for it
PAGES = 512

Releases = tuple[Release, ...]
log = structlog.get_logger(__name__)


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    pass


def open(options: Options, tools: Tools) -> PyPI:
    """No options. Uses the HTTP that is lent and pip's own settings."""
    decode(options, _Options, KIND)
    return PyPI(tools.http, tools.index)


class PyPI:
    """A `core.ports.Source`."""

    def __init__(self, http: Http, index: Callable[[], IndexSettings]) -> None:
        self._http = http
        self._index = index
        self._settings: IndexSettings | None = None
        # A page that has not changed is not read again.
        self._read: LRUCache[tuple[str, str], Releases] = LRUCache(PAGES)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All releases as listed now, oldest version first. Missing when no index knows the name."""
        name = component.name
        wanted = canonicalize_name(name)
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", wanted):
            raise Missing(f"{name!r} can be no package's name")
        settings = await self._known()
        pages = await asyncio.gather(*(self._page(index, wanted) for index in settings.all))
        listed = [(index, page) for index, page in zip(settings.all, pages, strict=True) if page is not None]
        if not listed:
            listed = [(link, page) for link in settings.find_links if (page := await self._links(link, wanted))]
        if not listed:
            raise Missing(f"no index that pip uses here knows {wanted}")
        chosen, page = listed[0]
        for index, more in listed[1:]:
            if same_project(page, more):
                page = join(page, more)
            else:
                log.warning("two indexes show different projects of one name", name=wanted, taken=_shown(index),
                            left=_shown(chosen))  # fmt: skip
                chosen, page = index, more
        return page

    async def detail(self, component: Component, release: Release) -> Release:
        """The page holds all that an index says."""
        return release

    async def _known(self) -> IndexSettings:
        if self._settings is None:
            self._settings = await asyncio.to_thread(self._index)
        return self._settings

    async def _page(self, index: str, name: str) -> Releases | None:
        """The project's page of one index; None when the index does not know it."""
        if folder := _folder(index):
            return await asyncio.to_thread(_local_page, folder / name, name)
        try:
            return await self._fetch(f"{index}/{name}/", name, flat=False)
        except Missing:
            return None

    async def _links(self, link: str, name: str) -> Releases | None:
        if folder := _folder(link):
            return await asyncio.to_thread(_local_links, folder, name) or None
        try:
            return await self._fetch(link, name, flat=True) or None
        except Missing:
            return None

    async def _fetch(self, url: str, name: str, *, flat: bool) -> Releases:
        plain, login = without_login(url)
        answer = await self._http.get(plain, headers={"Accept": "text/html" if flat else ACCEPT, **login})
        key = (f"{name} {plain}", answer.digest)
        if key not in self._read:
            as_json = "json" in answer.headers.get("content-type", "") or answer.body[:1] == b"{"
            read = partial(_read_page, answer.body, name, answer.url, as_json)
            self._read[key] = read() if len(answer.body) < SMALL else await asyncio.to_thread(read)
        return self._read[key]


def _read_page(body: bytes, name: str, url: str, as_json: bool) -> Releases:
    if as_json:
        return _simple.of_json(body, name, url)
    return _simple.of_html(body.decode("utf-8", "replace"), name, url)


def _local_page(folder: Path, name: str) -> Releases | None:
    page = folder / "index.html"
    try:
        return _simple.of_html(page.read_text("utf-8", "replace"), name, page.as_uri())
    except OSError:
        return None


def _local_links(place: Path, name: str) -> Releases:
    if place.is_file():
        return _simple.of_html(place.read_text("utf-8", "replace"), name, place.as_uri())
    if not place.is_dir():
        return ()
    files = (_simple.File(filename=one.name, url=one.absolute().as_uri()) for one in sorted(place.iterdir()))
    return _simple.of_files(files, name, place.absolute().as_uri())


def _folder(place: str) -> Path | None:
    """The folder or file that an index or link means, None when it is on the net."""
    split = urlsplit(place)
    if split.scheme == "file":
        return Path(url2pathname(split.path))
    # pip takes a bare path for find-links; a drive letter looks like a scheme.
    return None if split.scheme in {"http", "https"} else Path(place).expanduser()


def without_login(url: str) -> tuple[str, Mapping[str, str]]:
    """The URL without a login, and the header that carries it instead."""
    split = urlsplit(url)
    if split.username is None:
        return url, {}
    pair = f"{unquote(split.username)}:{unquote(split.password or '')}"
    bare = urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2]))
    return bare, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _shown(index: str) -> str:
    return urlsplit(index).hostname or index


def _hashes(releases: Releases) -> dict[str, str]:
    return {one.filename: one.sha256 for release in releases for one in release.artifacts if one.sha256}


def same_project(some: Releases, others: Releases) -> bool:
    """Whether two pages evidently show one project: a file that agrees, and none that differs."""
    left, right = _hashes(some), _hashes(others)
    shared = left.keys() & right.keys()
    return bool(shared) and all(left[name] == right[name] for name in shared)


def join(some: Releases, others: Releases) -> Releases:
    """Both pages as one; where both know a version or a file, what the first says of it counts."""
    known = dict(_simple.by_version(some))
    for version, release in _simple.by_version(others).items():
        known[version] = _with(known[version], release.artifacts) if version in known else release
    return tuple(known[version] for version in sorted(known))


def _with(release: Release, more: Sequence[Artifact]) -> Release:
    names = {artifact.filename for artifact in release.artifacts}
    # Files of a withdrawn release stay out of sight, whoever else still has them.
    fresh = () if release.yanked else tuple(one for one in more if one.filename not in names)
    return replace(release, artifacts=release.artifacts + fresh) if fresh else release
