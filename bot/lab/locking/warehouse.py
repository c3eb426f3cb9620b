"""What Poetry asks the public index for beside its pages, made of what every index has: pages and core metadata.

Poetry speaks to the public index by a document of each version that mirrors need not have, and by pages in JSON. Both
are made here of the page of whichever index stands in for it (PEP 503 or 691) and of what a wheel says of itself (PEP
658). So one way serves all, and nothing has to be built to know what a package needs: a source archive is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin

import msgspec
from packaging.metadata import parse_email
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from bot.core.errors import ConfigProblem, Missing
from bot.lab.locking.gateway import Document

KIND = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{KIND}, text/html;q=0.1"
SOURCES = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".tar.z")
_MOST_PAGES = 64

Get = Callable[[str, str], Awaitable[Document]]


class File(msgspec.Struct, rename="kebab", omit_defaults=True):
    """One file of a page, by PEP 691."""

    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    yanked: bool | str = False
    core_metadata: bool | dict[str, str] = False
    size: int | None = None
    upload_time: str | None = None


class _Page(msgspec.Struct):
    files: list[File]


_READ = msgspec.json.Decoder(_Page)


class Desk:
    """A `gateway.Desk`. public: the URL of the public index's server; known: what the lock says of source archives.

    known: (name, version) -> the requirements of a package that is locked already, in the words of PEP 508.
    """

    def __init__(self, public: str, known: Callable[[str, str], Sequence[str] | None]) -> None:
        self._public = public
        self._known = known
        self._pages: dict[str, tuple[str, list[File]]] = {}

    async def answer(self, url: str, get: Get) -> Document | None:
        """A page, a document of one version, or the refusal of a source archive; None for all else."""
        name = unquote(url.rpartition("/")[2])
        if name.lower().endswith(SOURCES):
            raise ConfigProblem(no_source(name[:200]))
        parts = url.removeprefix(f"{self._public}/").strip("/").split("/") if url.startswith(f"{self._public}/") else []
        match parts:
            case ["simple", name]:
                _, files = await self._page(name, get)
                body = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
                return Document(msgspec.json.encode(body), KIND)
            case ["pypi", name, version, "json"]:
                return Document(msgspec.json.encode(await self._release(name, version, get)), "application/json")
        return None

    async def _page(self, name: str, get: Get) -> tuple[str, list[File]]:
        """The URL of a package's page, and the files on it."""
        if name not in self._pages:
            url = f"{self._public}/simple/{name}/"
            found = await get(url, ACCEPT)
            files = await asyncio.to_thread(read, found)
            if len(self._pages) >= _MOST_PAGES:
                self._pages.pop(next(iter(self._pages)))
            self._pages[name] = url, files
        return self._pages[name]

    async def _release(self, name: str, version: str, get: Get) -> dict[str, Any]:
        page, listed = await self._page(name, get)
        files = [file for file in listed if is_of(file.filename, version)]
        if not files:
            raise Missing(f"{name} {version} is not on the index")
        if bare := [file for file in files if "sha256" not in file.hashes]:
            raise ConfigProblem(f"the index gives no checksum for {bare[0].filename[:200]}")
        about = await self._about(name, version, page, files, get)
        return {
            "info": {"name": name, "version": version, **about, **_yanked(files)},
            "urls": [_url(one) for one in files],
        }

    async def _about(self, name: str, version: str, page: str, files: Sequence[File], get: Get) -> dict[str, Any]:
        """What it needs. No list of requirements sends Poetry to the wheel itself."""
        wheels = sorted((one for one in files if one.filename.endswith(".whl")), key=_rank)
        pythons = next((one.requires_python for one in (wheels or files) if one.requires_python), None)
        if not wheels:
            if (needs := self._known(name, version)) is None:
                raise ConfigProblem(no_source(f"{name} {version}"))
            return {"summary": "", "requires_dist": needs, "requires_python": pythons}
        if not wheels[0].core_metadata:
            return {"summary": "", "requires_dist": None, "requires_python": pythons}
        told = await get(urljoin(page, wheels[0].url).partition("#")[0] + ".metadata", "*/*")
        raw, _ = parse_email(told.body)
        return {
            "summary": raw.get("summary", ""),
            "requires_dist": raw.get("requires_dist", []),
            "requires_python": raw.get("requires_python", pythons),
        }


def read(page: Document) -> list[File]:
    """The files on a page in either form. ConfigProblem for what is none."""
    if "json" in page.kind or page.body[:1] == b"{":
        try:
            return _READ.decode(page.body).files
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise ConfigProblem(f"a page of the index cannot be read: {problem}") from problem
    reading = _Anchors()
    reading.feed(page.body.decode("utf-8", "replace"))
    return reading.found


class _Anchors(HTMLParser):
    """PEP 503, with what later ones add."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[File] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        href = said.get("href")
        if href and tag == "base":
            self.base = href
        elif href and tag == "a":
            url, _, mark = urljoin(self.base, href).partition("#")
            algorithm, _, digest = mark.partition("=")
            self.found.append(
                File(
                    filename=unquote(url.rpartition("/")[2]),
                    url=url,
                    hashes={algorithm: digest} if digest else {},
                    requires_python=said.get("data-requires-python"),
                    yanked=(said["data-yanked"] or True) if "data-yanked" in said else False,
                    core_metadata="data-core-metadata" in said or "data-dist-info-metadata" in said,
                )
            )


def no_source(what: str) -> str:
    """Said of what would have to be built first."""
    return f"{what} is published as source only: to find out what it needs it would be built, and nothing is built here"


def is_of(filename: str, version: str) -> bool:
    """Whether a file is of this version, by its name."""
    try:
        return version_of(filename) == Version(version)
    except InvalidVersion:
        return False


def version_of(filename: str) -> Version | None:
    """Of a file, by its name; None for one that names none."""
    try:
        return parse_wheel_filename(filename)[1] if filename.endswith(".whl") else parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _rank(file: File) -> tuple[bool, bool, str]:
    """That for every Python on every platform first, as Poetry itself would look at it."""
    return not file.filename.endswith("-none-any.whl"), "py3" not in file.filename, file.filename


def _yanked(files: Sequence[File]) -> dict[str, Any]:
    reasons = [file.yanked for file in files]
    reason = next((one for one in reasons if isinstance(one, str) and one), None)
    return {"yanked": all(one is not False for one in reasons), "yanked_reason": reason}


def _url(file: File) -> dict[str, Any]:
    kind = "bdist_wheel" if file.filename.endswith(".whl") else "sdist"
    told: dict[str, Any] = {"filename": file.filename, "url": file.url, "packagetype": kind, "digests": file.hashes}
    told |= {"size": file.size} if file.size is not None else {}
    return told | ({"upload_time_iso_8601": file.upload_time} if file.upload_time else {})
