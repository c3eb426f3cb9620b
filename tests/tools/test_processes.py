"""A program that is started here is ended with all that it started, whenever we turn away from it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bot.tools import processes

ENV = {"PATH": os.environ["PATH"]}


def running(mark: str) -> bool:
    """Is there a process with this word in its command line?"""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


async def test_it_says_what_it_has_to_say() -> None:
    """Output and complaints apart, nothing inherited."""
    process = await processes.start("sh", "-c", "echo out; echo err >&2; env", env=ENV)
    told, complaint = await processes.communicate(process, 20)
    names = {line.partition(b"=")[0] for line in told.splitlines()[1:]}
    assert (told.splitlines()[0], complaint, process.returncode) == (b"out", b"err\n", 0)
    assert names <= {b"PATH", b"PWD", b"SHLVL", b"_", b"OLDPWD"}


async def test_time_is_over_for_its_children_too() -> None:
    """A child that holds the pipes does not make us wait."""
    mark = f"child-{os.getpid()}"
    process = await processes.start("sh", "-c", f"sh -c 'sleep 600; : {mark}' & sleep 600", env=ENV)
    with pytest.raises(TimeoutError):
        await processes.communicate(process, 0.3)
    assert not running(mark)


@pytest.mark.parametrize("turns", range(6))
async def test_turning_away_at_any_moment_ends_it(turns: int) -> None:
    """Also between its start and its first word."""
    mark = f"turned-{os.getpid()}-{turns}"

    async def use() -> None:
        process = await processes.start("sh", "-c", f"sleep 600; : {mark}", env=ENV)
        await processes.communicate(process, 60)

    task = asyncio.create_task(use())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    assert not running(mark)


FLOOD = "while :; do echo 0123456789012345678901234567890123456789; done"


async def test_a_flood_is_cut_off() -> None:
    """Its memory is not ours: beyond the bound the program is ended, whether it would end by itself or not."""
    for script in (FLOOD, f"{FLOOD} >&2", "head -c 300000 /dev/zero"):
        process = await processes.start("sh", "-c", script, env=ENV)
        with pytest.raises(processes.TooMuch, match="200000 bytes"):
            await processes.communicate(process, 60, most=200_000)
        assert process.returncode is not None
    process = await processes.start("sh", "-c", "head -c 200000 /dev/zero", env=ENV)
    told, _ = await processes.communicate(process, 60, most=200_000)
    assert len(told) == 200_000


async def test_one_that_floods_while_nobody_listens_is_ended() -> None:
    """Its pipe is full by then; we do not wait for ever."""
    process = await processes.start("sh", "-c", FLOOD, env=ENV)
    await asyncio.sleep(0.3)
    await asyncio.wait_for(processes.end(process), 20)
    assert process.returncode == -9


async def test_one_that_is_not_listened_to_may_say_what_it_likes() -> None:
    """It is waited for all the same."""
    process = await processes.start("sh", "-c", "head -c 300000 /dev/zero; exit 3", env=ENV, listen=False)
    assert await processes.communicate(process, 60, most=10) == (b"", b"")
    assert process.returncode == 3


async def test_what_cannot_be_started_is_said() -> None:
    """As an OSError, at once."""
    with pytest.raises(OSError, match="no-such-program"):
        await processes.start("/no-such-program", env=ENV)
