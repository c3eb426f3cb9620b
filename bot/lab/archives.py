"""Reads a hostile tar: folders, plain files and links, below one place and within bounds; nothing else is ever made.

Each is made by us, under a name that climbs nowhere, with rights of ours; links come last, so that nothing is written
through one. What an archive is for, and what is said of one that is odd, is its reader's.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

_LONGEST = 4000
_PIECE = 1 << 18
_MOST_AT_ONCE = 1 << 20  # of a header, which tarfile reads whole, whatever its size says; content comes in pieces


class Odd(ValueError):
    """It holds what no such archive holds; says what."""


class TooMuch(ValueError):
    """It holds more than its reader takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """members, bytes: the most of them, as they are unpacked.

    roots: folders that are there already. Every name lies in one, and a link that leads out of its own is left out.
    Without any a link may lead out, as to a member of a workspace, and is followed in a jail alone; an absolute one,
    or one behind another link, is Odd.
    """

    members: int
    bytes: int
    roots: frozenset[str] = frozenset()


class Stream(Protocol):
    """What is read: a file, or one that unpacks as it is read."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at its end."""

    def seek(self, place: int, whence: int = 0, /) -> int:
        """Forward, to skip."""

    def tell(self) -> int:
        """Where it is."""


def opened(stream: Stream) -> tarfile.TarFile:
    """A tar that is not compressed. tarfile.TarError for what is none."""
    return tarfile.open(fileobj=cast("IO[bytes]", _Sipped(stream)), mode="r:")


class Box:
    """What comes out of one archive, below place."""

    def __init__(self, place: Path, rules: Rules) -> None:
        self._place = place.resolve()
        self._rules = rules
        self._links: list[tuple[Path, str]] = []

    def members(self, held: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        """One at a time. TooMuch, before what is too much was read: a small archive may say that it is large."""
        total = 0
        for number, member in enumerate(held, 1):
            total += member.size
            if number > self._rules.members:
                raise TooMuch(f"more than {self._rules.members} files")
            if total > self._rules.bytes:
                raise TooMuch(f"more than {self._rules.bytes >> 20} MiB")
            yield member

    def take(self, held: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Make the folder or the file, keep the link for later. Odd for all else; OSError where it has no folder."""
        parts = self._parts(member.name)
        target = self._place.joinpath(*parts)
        if member.isdir():
            for number in range(1, len(parts) + 1):
                folder(self._place.joinpath(*parts[:number]))
        elif member.issym():
            self._links.append((target, member.linkname))
        elif member.isreg() and not member.issparse():  # of a sparse file the tar holds next to nothing
            _file(held, member, target)
        else:
            raise Odd(f"what is neither a file, a folder nor a link: {member.name[:200]!r}")

    def tie(self) -> None:
        """Make the links, when all else is there."""
        for target, where in self._links:
            if self._rules.roots:
                self._tie_within(target, where)
            else:
                self._tie_anywhere(target, where)

    def _parts(self, name: str) -> tuple[str, ...]:
        parts = tuple(name.split("/"))
        plain = all(part not in ("", ".", "..") for part in parts) and "\0" not in name and len(name) <= _LONGEST
        inside = not self._rules.roots or (parts[0] in self._rules.roots and len(parts) > 1)
        if not plain or not inside:
            raise Odd(f"a name that leads elsewhere: {name[:200]!r}")
        return parts

    def _tie_within(self, target: Path, where: str) -> None:
        root = self._place / target.relative_to(self._place).parts[0]
        leads = Path(os.path.normpath(target.parent / where))
        behind = any(parent.is_symlink() for parent in target.parents if parent.is_relative_to(root))
        if where and not where.startswith("/") and leads.is_relative_to(root) and not behind:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(target):
                target.symlink_to(where)

    def _tie_anywhere(self, target: Path, where: str) -> None:
        if not where or where.startswith("/") or len(where) > _LONGEST or "\0" in where:
            raise Odd(f"a link to {where[:200]!r}")
        if target.parent.resolve() != target.parent:
            raise Odd(f"a link within a link: {target.relative_to(self._place).as_posix()[:200]!r}")
        target.symlink_to(where)


def folder(path: Path) -> None:
    """Open to the uid that a jail will have, whatever our umask is."""
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def _file(held: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = held.extractfile(member)
    assert content is not None, "a plain file has content"
    with target.open("xb") as out:
        shutil.copyfileobj(content, out, _PIECE)
    target.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)


class _Sipped:
    """The stream, of which nobody gets much at once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_AT_ONCE:
            raise Odd(f"a header of {size} bytes")
        return self._stream.read(size)
