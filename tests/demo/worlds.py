"""Small parts of the demo's world, for tests."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from bot.demo import wire


def tar_of(files: Mapping[str, str]) -> bytes:
    """A tree as `git archive` would hand it over."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return held.getvalue()


def get(path: str) -> bytes:
    """A plain request."""
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def pool_of(url: str) -> wire.Pool:
    """Kept connections to that address."""
    parts = urlsplit(url)
    return wire.Pool(host=str(parts.hostname), port=int(parts.port or 80), seconds=3)


@asynccontextmanager
async def server(answer: Callable[[wire.Message], bytes | None]):
    """A server that answers with what the function returns, and hangs up on None. Yields a pool to it."""
    writers = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        while request := await wire.read(reader):
            said = answer(request)
            if said is None:
                break
            writer.write(said)
        writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = made.sockets[0].getsockname()[1]
    pool = wire.Pool(host="127.0.0.1", port=port, seconds=3)
    try:
        yield pool
    finally:
        pool.close()
        made.close()
        for writer in writers:
            writer.close()
