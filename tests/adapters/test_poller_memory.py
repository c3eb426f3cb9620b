"""What the poller holds has bounds, and a list that it let go of is not asked for a second time in the same hour."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.poller import FLOOR, Poller
from bot.core.errors import Transient
from bot.core.model import Artifact, Component, Release

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, TWO = Component(name="one"), Component(name="two")
FILE = Artifact(filename="f", url="https://f.example/f")


@dataclass
class Keeping:
    """A source that keeps what it heard, and tells what it was told in the same turn without asking anybody."""

    now: datetime = NOW
    version: str = "1.0"
    files: int = 1
    away: bool = False
    asked: list[str] = field(default_factory=list)
    heard: dict[str, tuple[str, str]] = field(default_factory=dict)
    pause: asyncio.Event | None = None

    async def brief(self, component: Component, turn: str = "") -> Sequence[Release]:
        if self.pause:
            await self.pause.wait()
        if self.heard.get(component.name, ("", ""))[0] != turn or not turn:
            self.asked.append(component.name)
            if self.away:
                raise Transient("away")
            self.heard[component.name] = (turn, self.version)
        version = self.heard[component.name][1]
        return (Release(version=version, partial=True, artifacts=(FILE,) * self.files),)

    async def releases(self, component: Component) -> Sequence[Release]:
        raise AssertionError("a list in brief is to be had")

    async def detail(self, component: Component, release: Release) -> Release:
        return Release(version=release.version, published=NOW, artifacts=(FILE,) * 50)

    def polled(self, most: int = 5) -> Poller:
        return Poller(self, "x", fresh=HOUR, now=lambda: self.now, most=most)


async def versions(poller: Poller, *components: Component) -> list[str]:
    return [(await poller.releases(one))[0].version for one in components]


async def test_a_list_that_was_let_go_is_read_again_and_not_asked_for() -> None:
    """With room for one list of two, both are asked for once an hour, however often they are wanted."""
    source = Keeping()
    poller = source.polled()
    assert await versions(poller, ONE, TWO, ONE, TWO, ONE) == ["1.0"] * 5
    assert source.asked == ["one", "two"]
    source.version, source.now = "1.1", NOW + HOUR
    assert await versions(poller, ONE, TWO, ONE, TWO) == ["1.1"] * 4
    assert source.asked == ["one", "two", "one", "two"]


async def test_files_take_room_too() -> None:
    """A list of few releases with very many files is not held beside others, and is still known."""
    source = Keeping(files=100)
    poller = source.polled(most=50)
    assert await versions(poller, ONE, ONE, ONE) == ["1.0"] * 3
    assert source.asked == ["one"]


async def test_details_that_outgrow_the_room_are_let_go() -> None:
    """What was learnt of a release counts as well."""
    source = Keeping()
    poller = source.polled(most=20)
    (release,) = await poller.releases(ONE)
    assert len((await poller.detail(ONE, release)).artifacts) == 50
    (again,) = await poller.releases(ONE)
    assert again.partial and source.asked == ["one"]


async def test_a_hint_reaches_what_is_not_held() -> None:
    """News of a list that was let go make it due; once a minute, as for every other."""
    source = Keeping()
    poller = source.polled()
    await versions(poller, ONE, TWO)
    source.version = "1.1"
    assert poller.hint_named(["one"]) == NOW
    assert await versions(poller, ONE) == ["1.1"]
    source.version = "1.2"
    assert poller.hint(ONE) == NOW + FLOOR
    assert await versions(poller, TWO, ONE) == ["1.0", "1.1"]
    source.now = NOW + FLOOR
    assert await versions(poller, ONE) == ["1.2"]
    assert source.asked == ["one", "two", "one", "one"]


async def test_a_hint_while_a_list_is_read_again_is_kept() -> None:
    """It was not asked for, so what it says may be older than the news."""
    source = Keeping()
    poller = source.polled()
    await versions(poller, ONE, TWO)
    source.pause, source.version = asyncio.Event(), "1.1"
    reading = asyncio.create_task(poller.releases(ONE))
    await asyncio.sleep(0)
    poller.hint(ONE)
    source.pause.set()
    assert (await reading)[0].version == "1.0"
    source.now = NOW + FLOOR
    assert await versions(poller, ONE) == ["1.1"]


async def test_what_cannot_be_read_again_is_an_error() -> None:
    """Where the cache lost it and the registry is away, nothing is made up."""
    source = Keeping()
    poller = source.polled()
    await versions(poller, ONE, TWO)
    source.heard.clear()
    source.away = True
    with pytest.raises(Transient, match="away"):
        await poller.releases(ONE)
