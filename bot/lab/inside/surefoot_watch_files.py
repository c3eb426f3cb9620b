"""Reads the files of one package as hostile: sizes are bounded, no link is followed, no path leaves its folder."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bot.lab.inside import surefoot_watch_javascript as javascript
from bot.lab.inside import surefoot_watch_source as source

MOST_FILES = 20_000  # of one package
MOST_HELD = 4_000  # files that are told of: the differing ones and the binaries
MOST_TEXT = source.MOST_PARSED + 1
MOST_HOSTS = 2_000
_PIECE = 1 << 20
_TEXTS = (
    ".py", ".pth", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".go", ".rs", ".json",
    ".sh", ".bash", ".ps1", ".bat", ".cmd", ".vbs", ".toml",
    ".cfg", ".ini", ".yaml", ".yml", ".pl", ".rb", ".php",
)  # fmt: skip
_HOST = re.compile(rb"\b(?:https?|wss?|ftp)://([A-Za-z0-9](?:[A-Za-z0-9.-]{1,252}[A-Za-z0-9]))")
_MACHO = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


class File(NamedTuple):
    """What was read of one file. text: the first 4 MiB where it is text that is looked into, else nothing."""

    size: int
    digest: bytes
    kind: str
    text: bytes = b""


def read(path: str, root: str) -> File | str:
    """One regular file below root; else why not: "outside", "link", "absent" or "special"."""
    if "\0" in path or not path.startswith(root + os.sep):
        return "outside"
    if os.path.realpath(os.path.dirname(path)) != os.path.dirname(path):
        return "link"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return "link" if os.path.islink(path) else "absent"
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "special"
        return _read(file, os.path.splitext(path)[1].lower())


def _read(file: io.BufferedReader, suffix: str) -> File:
    total, size, text, head = hashlib.sha256(), 0, b"", b""
    while piece := file.read(_PIECE):
        head = head or piece[:4096]
        total.update(piece)
        size += len(piece)
        if suffix in _TEXTS and len(text) < MOST_TEXT:
            text += piece
    return File(size, total.digest(), _kind(head, suffix), text[:MOST_TEXT])


def _kind(head: bytes, suffix: str) -> str:
    """What a file is by its first bytes, whatever its name says."""
    if head.startswith(b"\x7fELF"):
        return "elf"
    if head.startswith(b"MZ"):
        at = int.from_bytes(head[60:64], "little")
        return "pe" if head[at : at + 4] == b"PE\0\0" or suffix in (".exe", ".dll", ".pyd") else ""
    if head.startswith(_MACHO) and suffix != ".class":
        return "macho"
    return "pyc" if suffix == ".pyc" else ""


class Package:
    """The files of one package on one side.

    root: nothing outside of it is opened. place: where its paths begin. recorded: path -> its sha256 as its record
    has it, "" where it has none. reader: what a differing file does, by its name and text; Python's where it is not
    given. looked: is shown the name and the text of every file. odd: what a package should not have, as (what, path).
    """

    def __init__(
        self,
        root: str,
        place: str,
        recorded: Mapping[str, str],
        reader: Callable[[str, bytes], list[source.Mark]] | None = None,
        looked: Callable[[str, bytes], None] = lambda name, text: None,
    ) -> None:
        self._root, self._place = root, place
        self._reader, self._looked = reader or _marks, looked
        self.odd: list[tuple[str, str]] = []
        self.files: dict[str, File] = {}
        self.hosts: dict[str, str] = {}
        if len(recorded) > MOST_FILES:
            self.odd.append(("many", f"{len(recorded)} files"))
        for name, digest in list(recorded.items())[:MOST_FILES]:
            self._take(name, self._read(name), digest)

    def _read(self, name: str) -> File | str:
        return read(os.path.normpath(os.path.join(self._place, name)), self._root)

    def _take(self, name: str, found: File | str, digest: str) -> None:
        if isinstance(found, str):
            self.odd.append((found, name[:300]))
            return
        if digest and digest != base64.urlsafe_b64encode(found.digest).rstrip(b"=").decode():
            self.odd.append(("forged", name[:300]))
        self._looked(name, found.text)
        for host, line in _hosts(found.text):
            self.hosts.setdefault(host, f"{name[:300]}:{line}")
            if len(self.hosts) > MOST_HOSTS:
                self.hosts.popitem()
                self.odd.append(("many", "hosts")) if ("many", "hosts") not in self.odd else None
                break
        self.files[name] = found._replace(text=b"")

    def text(self, name: str) -> str:
        """One of its small files, at most 1 MiB; "" when it is not to be had."""
        path = os.path.normpath(os.path.join(self._place, name))
        if isinstance(read(path, self._root), str):
            return ""
        with Path(path).open("rb") as file:
            return file.read(_PIECE).decode("utf-8", "replace")

    def told(self, other: Package | None) -> dict[str, Any]:
        """What differs from the other side, and the binaries; of what differs, what it does."""
        known = other.files if other else {}
        held: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for name, file in self.files.items():
            differs = name not in known or known[name].digest != file.digest
            marks = self._marks(name) if differs else []
            # What lies at the top or leaves the folder of packages counts by its name alone.
            place = held if marks or file.kind or "/" not in name or name.startswith("..") else plain
            if differs or file.kind:
                place[name[:300]] = {"size": file.size, "kind": file.kind, "changed": differs, "marks": marks}
        if len(held) > MOST_HELD:
            self.odd.append(("many", f"more than {MOST_HELD} files that do something"))
        shown = dict(islice((held | plain).items(), MOST_HELD))
        return {"files": shown, "count": len(self.files), "hosts": self.hosts, "odd": self.odd[:200]}

    def _marks(self, name: str) -> list[source.Mark]:
        found = self._read(name)
        return [] if isinstance(found, str) or not found.text else self._reader(name, found.text)


def _marks(name: str, text: bytes) -> list[source.Mark]:
    if name.endswith(".pth"):
        return source.of_pth(text)
    if name.endswith(javascript.SUFFIXES):
        return javascript.marks(text)
    return source.marks(text) if name.endswith(".py") else source.of_script(text)


def _hosts(text: bytes) -> Iterator[tuple[str, int]]:
    line, at = 1, 0
    for match in _HOST.finditer(text):
        line += text.count(b"\n", at, match.start())
        at = match.start()
        yield match[1].decode("ascii").lower(), line
