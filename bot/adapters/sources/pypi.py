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
from cachetools import LRUCache
from packaging.utils import NormalizedName, canonicalize_name

from bot.adapters import Options, Tools, decode
from bot.adapters.sources import _simple
from bot.core.errors import Missing
from bot.core.model import Artifact, Component, Release
from bot.tools import quiet
from bot.tools.forms import Form
from bot.tools.http import Http
from bot.tools.keeping import SMALL, Answer
from bot.tools.pip import IndexSettings

KIND = "pypi"
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
MOST_FILES = 50_000  # of all pages that are kept as read: some 25 MB

Releases = tuple[Release, ...]
# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_RELEASES = msgspec.msgpack.Decoder(Releases)


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
        self._asking = asyncio.Lock()
        # A page that has not changed is not read again.
        self._read: LRUCache[tuple[str, str], Releases] = LRUCache(MOST_FILES, getsizeof=_size)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All releases as listed now, oldest version first. Missing when no index knows the name."""
        wanted = _name(component)
        settings = await self._known()
        pages = await asyncio.gather(*(self._page(index, wanted) for index in settings.all))
        listed = [(index, page) for index, page in zip(settings.all, pages, strict=True) if page is not None]
        if not listed:
            listed = [(link, page) for link in settings.find_links if (page := await self._links(link, wanted))]
        if not listed:
            raise Missing(_unknown(wanted))
        chosen, page = listed[0]
        for index, more in listed[1:]:
            if same_project(page, more):
                page = join(page, more)
            else:
                taken, left = _shown(index), _shown(chosen)
                log = quiet.logger(__name__)
                log.warning("two indexes show different projects of one name", name=wanted, taken=taken, left=left)
                chosen, page = index, more
        return page

    async def brief(self, component: Component, turn: str = "") -> Sequence[Release]:
        """The same, but only of those that updates usually lead to with all their files; the others are partial.

        turn: see `Http.made`. What a big page says fills a hundred times the room of this. Where several indexes are
        asked, what they say is compared file by file, so there the list is whole.
        """
        wanted = _name(component)
        settings = await self._known()
        if len(settings.all) != 1 or _folder(settings.all[0]):
            return await self.releases(component)
        plain, login = without_login(f"{settings.all[0]}/{wanted}/")
        try:
            made = await self._http.made(plain, _brief(wanted), headers={"Accept": ACCEPT, **login}, turn=turn)
        except Missing:
            if settings.find_links:
                return await self.releases(component)
            raise Missing(_unknown(wanted)) from None
        return made.value

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with all its files. Missing when it was taken back meanwhile."""
        if not release.partial:
            return release
        for one in await self.releases(component):
            if one.version == release.version:
                return one
        raise Missing(f"no index lists {component.name} {release.version} any longer")

    async def _known(self) -> IndexSettings:
        if self._settings is None:
            async with self._asking:  # many want to know at once, and one asks
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
        if (known := self._read.get(key)) is not None:
            return known
        read = partial(_read_page, answer.body, name, answer.url, _is_json(answer))
        page = read() if len(answer.body) < SMALL else await asyncio.to_thread(read)
        if _size(page) <= MOST_FILES:
            self._read[key] = page
        return page


def _name(component: Component) -> NormalizedName:
    """As indexes write it. Missing for what can be none."""
    wanted = canonicalize_name(component.name)
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", wanted):
        raise Missing(f"{component.name!r} can be no package's name")
    return wanted


def _read_page(body: bytes, name: str, url: str, as_json: bool, brief: bool = False) -> Releases:
    if as_json:
        return _simple.of_json(body, name, url, brief=brief)
    return _simple.of_html(body.decode("utf-8", "replace"), name, url, brief=brief)


def _is_json(answer: Answer) -> bool:
    return "json" in answer.headers.get("content-type", "") or answer.body[:1] == b"{"


def _brief(name: str) -> Form[Releases]:
    def make(answer: Answer) -> Releases:
        return _read_page(answer.body, name, answer.url, _is_json(answer), brief=True)

    return Form(name=f"pypi brief 1 {name}", make=make, pack=msgspec.msgpack.encode, unpack=_RELEASES.decode)


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


def _size(page: Releases) -> int:
    return 1 + sum(1 + len(release.artifacts) for release in page)


def _unknown(name: str) -> str:
    return f"no index that pip uses here knows {name}"


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
