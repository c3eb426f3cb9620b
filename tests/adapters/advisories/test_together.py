"""Many who ask at once are one journey; what goes wrong on it reaches everybody who waits, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from bot.adapters.advisories._together import Together
from bot.core.errors import Permanent, SurefootError, Transient


class Station:
    """Answers a question with itself in capitals. fails: what a whole journey meets with instead."""

    def __init__(self) -> None:
        self.journeys: list[list[str]] = []
        self.fails: Exception | None = None
        self.leaves = asyncio.Event()
        self.leaves.set()

    async def send(self, questions: Sequence[str]) -> Mapping[str, str | SurefootError]:
        """As `Together` wants it; "bad" has an error of its own, and "lost" no answer."""
        self.journeys.append(list(questions))
        await self.leaves.wait()
        if self.fails:
            raise self.fails
        own = {"bad": Permanent("bad")}
        return {one: own.get(one, one.upper()) for one in questions if one != "lost"}


def together(station: Station) -> Together[str, str]:
    return Together(station.send, pause=0)


async def test_each_has_its_own_answer() -> None:
    """An error is that of one question; the same question travels once, and again when it is asked later."""
    station = Station()
    ask = together(station).ask

    found = await asyncio.gather(ask("a"), ask("bad"), ask("a"), ask("b"), return_exceptions=True)
    later = await ask("a")

    assert [found[0], found[2], found[3], later] == ["A", "A", "B", "A"]
    assert isinstance(found[1], Permanent)
    assert station.journeys == [["a", "bad", "b"], ["a"]]


@pytest.mark.parametrize("error", [Transient("away"), RuntimeError("a fault of ours")])
async def test_what_stops_the_journey_is_told_to_all(error: Exception) -> None:
    """Nobody waits for ever, and the next journey goes."""
    station = Station()
    station.fails = error
    ask = together(station).ask

    found = await asyncio.gather(ask("a"), ask("b"), return_exceptions=True)
    station.fails = None

    assert list(found) == [error, error]
    assert await ask("a") == "A"


async def test_a_question_without_an_answer_is_a_fault_that_is_seen() -> None:
    """It does not leave its asker waiting."""
    with pytest.raises(KeyError):
        await together(Station()).ask("lost")


async def test_when_all_have_gone_the_journey_ends_quietly() -> None:
    """Whoever asks the same meanwhile gets on; an error that nobody waits for disturbs nobody."""
    station = Station()
    station.leaves.clear()
    asking = together(station)
    first = asyncio.create_task(asking.ask("a"))
    while not station.journeys:  # noqa: ASYNC110 - a pause of nought: it leaves in the next turns of the loop
        await asyncio.sleep(0)
    first.cancel()
    second = asyncio.create_task(asking.ask("a"))
    await asyncio.sleep(0)
    station.leaves.set()

    assert await second == "A"
    assert first.cancelled() and station.journeys == [["a"]]


async def test_a_loop_that_ends_takes_those_with_it_who_wait() -> None:
    """A journey that is broken off leaves nobody hanging."""
    station = Station()
    station.leaves.clear()
    asking = together(station)
    waiting = asyncio.create_task(asking.ask("a"))
    while not station.journeys:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    for journey in asking._travelling:
        journey.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
