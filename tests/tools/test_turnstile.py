"""The turnstile: so many at a time, and nobody waits inside."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import State, Update
from bot.tools.turnstile import NO_PLACE, Turnstile
from tests.builders import NOW, an_update


async def test_who_finds_no_place_is_told_at_once_when_to_come_again():
    """Two are tried side by side; the third does not wait for them, and gets a place when one is free."""
    go_on = asyncio.Event()

    async def stage(update: Update) -> Outcome:
        await go_on.wait()
        return Moved(update=update, to=State.SIMULATED, why="tried")

    gate = Turnstile(stage, places=2, clock=lambda: NOW)
    inside = [asyncio.create_task(gate(an_update())) for _ in range(2)]
    await asyncio.sleep(0)
    assert gate.full

    third = await gate(an_update())
    assert isinstance(third, Waiting) and NOW + NO_PLACE == third.until

    go_on.set()
    assert all(isinstance(done, Moved) for done in await asyncio.gather(*inside))
    assert not gate.full and isinstance(await gate(an_update()), Moved)


async def test_a_place_is_given_back_whatever_happens_inside():
    """Neither an error nor a cancelled run may cost a place."""

    async def stage(update: Update) -> Outcome:
        raise KeyError("oops")

    gate = Turnstile(stage, places=1, clock=lambda: NOW)
    for _ in range(3):
        with pytest.raises(KeyError):
            await gate(an_update())

    assert not gate.full
