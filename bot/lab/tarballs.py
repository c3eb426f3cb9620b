"""Keeps the tarballs of npm packages by their content, so that an update fetches what it changes and nothing else."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.lab.locking.gateway import Document

_TAIL = re.compile(r"/((?:@[^/]{1,214}/)?[^/]{1,214}/-/[^/]{1,300}\.tgz)$")
_KIND = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tarballs:
    """folder: where they lie, one file each, named by its SHA-512. most: bytes above which the longest unused go."""

    folder: Path
    most: int = 2 << 30

    def recall(self, digest: str) -> bytes | None:
        """None when it is not kept. digest: in hexadecimal."""
        path = self.folder / digest
        try:
            body = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return body

    def keep(self, digest: str, body: bytes) -> None:
        """Under its digest, if that is what it has."""
        if hashlib.sha512(body).hexdigest() != digest:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{digest}.{os.getpid()}.part"
        part.write_bytes(body)
        part.replace(self.folder / digest)

    def prune(self) -> None:
        """Let the longest unused go until the rest fits."""
        with contextlib.suppress(FileNotFoundError):  # another process prunes as well
            files = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime)
            total = sum(path.stat().st_size for path in files)
            for path in files:
                if total <= self.most:
                    return
                total -= path.stat().st_size
                path.unlink()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The desk of one installation (see `bot.lab.locking.gateway.Desk`): what the lock names is given from the kept."""

    kept: Tarballs
    digests: Mapping[str, str]  # the end of a tarball's address -> its SHA-512 in hexadecimal

    async def answer(self, url: str, get: Callable[[str, str], Awaitable[Document]]) -> Document | None:
        """The tarball that the lock means; None for all that it does not name with a SHA-512."""
        digest = self.digests.get(tail_of(url))
        if digest is None:
            return None
        if (body := self.kept.recall(digest)) is not None:
            return Document(body, _KIND)
        found = await get(url, "*/*")
        self.kept.keep(digest, found.body)
        return found


def tail_of(url: str) -> str:
    """The name of the package and of its file, the same at every mirror of a registry; "" for what is no tarball."""
    found = _TAIL.search(unquote(urlsplit(url).path))
    return found[1] if found else ""


def digests(lock: Mapping[str, object]) -> dict[str, str]:
    """What a lock's `packages` says of the tarballs that it names."""
    packages = lock.get("packages")
    found: dict[str, str] = {}
    for place, entry in packages.items() if isinstance(packages, dict) else ():
        if isinstance(entry, dict) and (digest := _sha512(entry.get("integrity"))):
            found[_tail(str(place), entry)] = digest
    found.pop("", None)
    return found


def _tail(place: str, entry: Mapping[str, object]) -> str:
    """A lock need not say where from; then a package is where every registry has it."""
    if "resolved" in entry:
        return tail_of(str(entry["resolved"]))
    name = str(entry.get("name") or place.rpartition("node_modules/")[2])
    return f"{name}/-/{name.rpartition('/')[2]}-{entry.get('version')}.tgz"


def _sha512(integrity: object) -> str:
    """The one SHA-512 of a subresource integrity text, in hexadecimal; "" where there is none, or a choice of them."""
    found = [word[7:] for word in str(integrity).split() if word.startswith("sha512-")]
    try:
        return base64.b64decode(found[0].partition("?")[0], validate=True).hex() if len(found) == 1 else ""
    except binascii.Error:
        return ""
