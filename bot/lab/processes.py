"""Starts a program on this machine, and ends it with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path


async def start(
    *words: str, env: Mapping[str, str], folder: Path = Path("/"), listen: bool = True, umask: int = 0o022
) -> Process:
    """In a session of its own, with exactly this environment and nothing to read. OSError when it cannot be started.

    listen: whether its output and complaints are kept for `communicate`. umask: what it makes must be readable for
    the uid that a jail gives, whatever our own umask is.
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
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


async def communicate(process: Process, seconds: float) -> tuple[bytes, bytes]:
    """What it says and complains until it ends. TimeoutError after so many seconds, and it is ended then."""
    try:
        async with asyncio.timeout(seconds):
            return await process.communicate()
    finally:
        if process.returncode is None:
            await end(process)
