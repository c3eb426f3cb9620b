"""Takes folders of packages out of a jail: one bounded stream over a socket, unpacked so that nothing leads elsewhere.

The stream is hostile. Of its members only folders, plain files and links are taken; each is made by us, under a name
that climbs nowhere, with the rights of ours; links come last, so that nothing is ever written through one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from bot.core.errors import Permanent

MOST_BYTES = 2 << 30
MOST_MEMBERS = 500_000
_PIECE = 1 << 18
_PATIENCE = 60.0
_LONGEST = 4000


class Inbox:
    """Where a stream arrives; made by `opened`. socket: the path that the jail writes to."""

    def __init__(self, folder: Path, archive: Path, most: int) -> None:
        # The folder can be walked through but not listed, and the jail's uid is another one than ours.
        folder.chmod(0o711)
        self.socket = folder / secrets.token_hex(8)
        self._archive = archive
        self._most = most
        self._took = 0
        self._done = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One stream, the first one; what comes later is not heard, and what is too much is cut off."""
        with contextlib.closing(writer):
            if self._archive.exists():
                return
            with self._archive.open("xb") as file:
                while self._took <= self._most and (data := await reader.read(_PIECE)):
                    self._took += len(data)
                    await asyncio.to_thread(file.write, data)
            self._done.set()

    async def unpack(self, place: Path) -> None:
        """Lay out what arrived below place. Permanent for what is too much, or is no such archive."""
        async with asyncio.timeout(_PATIENCE):  # whoever sent it has ended; only our own reading can be under way
            await self._done.wait()
        if self._took > self._most:
            raise Permanent(f"the packages are larger than {self._most >> 20} MiB")
        await asyncio.to_thread(unpack, self._archive, place)
        self._archive.unlink()


@contextlib.asynccontextmanager
async def opened(archive: Path, most: int = MOST_BYTES) -> AsyncIterator[Inbox]:
    """An inbox while the context lasts. archive: where what arrives lies until it is unpacked; most: of its bytes."""
    # Not beside the archive: the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="surefoot-inbox-") as name:
        inbox = Inbox(Path(name), archive, most)
        server = await asyncio.start_unix_server(inbox.take, str(inbox.socket))
        inbox.socket.chmod(0o666)
        try:
            yield inbox
        finally:
            server.close()


def unpack(archive: Path, place: Path) -> None:
    """Everything in it, below place, which is made. Permanent for an archive that holds anything odd."""
    links: list[tuple[Path, str]] = []
    try:
        _folder(place)
        place = place.resolve()
        with tarfile.open(archive, "r:") as held:
            for number, member in enumerate(held):
                if number >= MOST_MEMBERS:
                    raise Permanent(f"the packages have more than {MOST_MEMBERS} files")
                _take(held, member, place, links)
        for target, where in links:
            _link(place, target, where)
    except (tarfile.TarError, OSError, ValueError, EOFError) as problem:
        raise Permanent(f"the packages cannot be unpacked: {problem}") from problem


def _take(held: tarfile.TarFile, member: tarfile.TarInfo, place: Path, links: list[tuple[Path, str]]) -> None:
    parts = _parts(member.name)
    target = place.joinpath(*parts)
    if member.isdir():
        for number in range(len(parts)):
            _folder(place.joinpath(*parts[: number + 1]))
    elif member.issym():
        links.append((target, member.linkname))
    elif member.isreg():
        file = held.extractfile(member)
        assert file is not None, "a plain file has content"
        with target.open("xb") as out:
            shutil.copyfileobj(file, out, _PIECE)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise Permanent(f"a package holds what is neither a file nor a folder: {member.name[:200]!r}")


def _folder(path: Path) -> None:
    """Open to the uid that the jail will have, whatever our umask is."""
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or len(name) > _LONGEST or name.startswith("/") or ".." in parts or "\0" in name:
        raise Permanent(f"a package has a file of an odd name: {name[:200]!r}")
    return parts


def _link(place: Path, target: Path, where: str) -> None:
    """Relative ones only. It may lead out of place, as to a member of a workspace: it is followed in a jail alone."""
    if not where or where.startswith("/") or len(where) > _LONGEST or "\0" in where:
        raise Permanent(f"a package holds a link to {where[:200]!r}")
    if target.parent.resolve() != target.parent:
        raise Permanent(f"a package holds a link within a link: {target.relative_to(place).as_posix()[:200]!r}")
    target.symlink_to(where)
