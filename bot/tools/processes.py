"""Starts a program of this machine, listens to it within bounds, and ends it with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path

from bot.core.errors import Permanent

MOST_BYTES = 256 << 20
_PIECE = 1 << 16


class TooMuch(Permanent):
    """A program said more than was to be kept of it."""


async def start(
    *words: str, env: Mapping[str, str], folder: Path = Path("/"), listen: bool = True, umask: int = 0o022
) -> Process:
    """In a session of its own, with exactly this environment and nothing to read. OSError when it cannot be started.

    listen: whether its output and complaints are kept for `communicate`. umask: what it makes is readable for the uid
    that a jail gives, whatever our own umask is; -1 for our own.
    """
    kept = PIPE if listen else DEVNULL
    making = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *words,
            env=dict(env),
            cwd=folder,
            stdin=DEVNULL,
            stdout=kept,
            stderr=kept,
            umask=umask,
            start_new_session=True,
        )
    )
    return await whole(making)


async def whole(making: asyncio.Future[Process]) -> Process:
    """Wait for a program to be started; who is cancelled meanwhile waits until it can be ended, and ends it.

    asyncio (seen in 3.11.7) waits for ever when it is cancelled between starting a program and holding its pipes.
    """
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await end(await making)
        raise


async def end(process: Process) -> None:
    """Kill it and its session. A child that lives on would hold the pipes, and the wait would last as long as it."""
    kill(process)
    # asyncio (seen in 3.11.7) waits for ever when a pipe is full and nobody empties it, also of what is dead already.
    await asyncio.shield(asyncio.gather(process.wait(), *(_emptied(stream) for stream in _streams(process))))


def kill(process: Process) -> None:
    """Kill it and its session; does not wait. One that has ended has given its number back."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


async def communicate(process: Process, seconds: float, most: int = MOST_BYTES) -> tuple[bytes, bytes]:
    """What it says and complains until it ends; both empty when it is not listened to.

    TimeoutError after so many seconds, TooMuch beyond so many bytes of the one or the other; it is ended then.
    """
    try:
        async with asyncio.timeout(seconds):
            said = await asyncio.gather(*(_heard(process, stream, most) for stream in _streams(process)))
            await process.wait()
    finally:
        if process.returncode is None:
            await end(process)
    if any(len(one) > most for one in said):
        raise TooMuch(f"it said more than {most} bytes")
    told, complaint = said or (b"", b"")
    return told, complaint


def _streams(process: Process) -> list[asyncio.StreamReader]:
    return [stream for stream in (process.stdout, process.stderr) if stream is not None]


async def _heard(process: Process, stream: asyncio.StreamReader, most: int) -> bytes:
    """To its end, of which no more is kept than shows that it was too much."""
    kept = bytearray()
    while data := await stream.read(_PIECE):
        if len(kept) <= most:
            kept += data
        if len(kept) > most:
            kill(process)
    return bytes(kept)


async def _emptied(stream: asyncio.StreamReader) -> None:
    while await stream.read(_PIECE):
        pass


def stop_signal() -> asyncio.Event:
    """Set as soon as SIGTERM or SIGINT tells this process to end."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told
