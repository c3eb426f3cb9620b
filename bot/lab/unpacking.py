"""Takes folders of packages out of a jail: one bounded stream over a socket, unpacked so that nothing leads elsewhere.

The stream is hostile, and read as `bot.lab.archives` reads one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from bot.core.errors import Permanent
from bot.lab import archives
from bot.lab.archives import Box, Odd, Rules, TooMuch

MOST_BYTES = 2 << 30
MOST_MEMBERS = 500_000
_PIECE = 1 << 18
_PATIENCE = 60.0


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
    try:
        archives.folder(place)
        box = Box(place, Rules(members=MOST_MEMBERS, bytes=MOST_BYTES))
        with archive.open("rb") as stream, archives.opened(stream) as held:
            for member in box.members(held):
                box.take(held, member)
        box.tie()
    except TooMuch as problem:
        raise Permanent(f"the packages have {problem}") from problem
    except Odd as problem:
        raise Permanent(f"a package holds {problem}") from problem
    except (tarfile.TarError, OSError, ValueError, EOFError) as problem:
        raise Permanent(f"the packages cannot be unpacked: {problem}") from problem
