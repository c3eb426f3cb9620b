"""Of some packages an index of Python's shows certain versions alone, and of none an archive that would be built."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import unquote, urljoin

import msgspec
from packaging.utils import canonicalize_name

from bot.core.errors import ConfigProblem, Missing
from bot.lab.locking import warehouse
from bot.lab.locking.gateway import Document
from bot.lab.locking.warehouse import File, Get


class Desk:
    """A `gateway.Desk`. indexes: URLs of what may be asked, without a slash; kept: name -> the versions that are shown.

    public: the URL of the public index's server, of whose other documents those are made here that tell checksums.
    """

    def __init__(
        self, indexes: Collection[str], kept: Mapping[str, Collection[str]], *, public: str | None = None
    ) -> None:
        self._public = public
        self._pages = {f"{index}/{name}": (name, versions) for index in indexes for name, versions in kept.items()}

    async def answer(self, url: str, get: Get) -> Document | None:
        """A page with these versions, or the refusal of a source archive; None for all else."""
        plain = unquote(url).rstrip("/")
        last = plain.rpartition("/")[2]
        if last.lower().endswith(warehouse.SOURCES):
            raise ConfigProblem(warehouse.no_source(last[:200]))
        if self._public and plain.startswith(f"{self._public}/pypi/") and last == "json":
            own = canonicalize_name(plain.split("/")[-2])
            return await _release_files(f"{self._public}/simple/{own}/", get)
        named = f"{plain.rpartition('/')[0]}/{canonicalize_name(last)}"
        if named not in self._pages:
            return None
        name, versions = self._pages[named]
        found = await get(url, warehouse.ACCEPT)
        files = await asyncio.to_thread(_shown, found, url, versions)
        if not files:
            raise Missing(f"{url} has no version {', '.join(sorted(versions))}")
        return Document(
            msgspec.json.encode({"meta": {"api-version": "1.0"}, "name": name, "files": files}), warehouse.KIND
        )


async def _release_files(page: str, get: Get) -> Document:
    """The part of the public index's own document that tells the checksums of each version's files."""
    files = await asyncio.to_thread(warehouse.read, await get(page, warehouse.ACCEPT))
    releases: dict[str, list[dict[str, object]]] = {}
    for file in files:
        if version := warehouse.version_of(file.filename):
            releases.setdefault(str(version), []).append({"filename": file.filename, "digests": file.hashes})
    return Document(msgspec.json.encode({"releases": releases}), "application/json")


def _shown(page: Document, url: str, versions: Collection[str]) -> Sequence[File]:
    files = warehouse.read(page)
    mine = [file for file in files if any(warehouse.is_of(file.filename, version) for version in versions)]
    # A link is made whole here: the page may have been found elsewhere than it was asked for, as a mirror's is.
    return [msgspec.structs.replace(file, url=urljoin(url, file.url)) for file in mine]
