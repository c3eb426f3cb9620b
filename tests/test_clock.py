"""The clock: what is due is woken, what was lost is found again, and no part of the sweep hinders another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.clock import BEHIND, KEEP, Clock
from bot.core.errors import Transient
from bot.core.events import IN_PRODUCTION, Concern, Uninstalled
from bot.core.model import InstallationId, RepoName, State
from bot.github.apps import Installation
from bot.store.rows import UpdateRow, key_of, repo_work
from tests.adapters.index_server import serving
from tests.builders import MINUTE, REPO, an_entry, an_id, an_update
from tests.github.hub import APP_ID
from tests.github.town import Town, town
from tests.store.world import World, a_delivery, a_world

PARTS = ("/app/installations", "/app/hook/deliveries")


@dataclass(kw_only=True)
class Tower:
    """A town, a store, and a clock whose time a test moves."""

    shop: Town
    world: World
    now: datetime
    said: list[UpdateRow] = field(default_factory=list)
    pruned: list[datetime] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)  # what the voice raises, one after the other

    @property
    def clock(self) -> Clock:
        return Clock(
            self.world.store,
            app=self.shop.forge.app,
            installation=self.installation,
            voice=self.voice,
            prune=self.prune,
            now=lambda: self.now,
        )

    async def installation(self, of: Installation):
        return await self.shop.forge.installation(of.id)

    async def voice(self, row: UpdateRow, important: bool) -> None:
        assert important is (row.update.state not in IN_PRODUCTION)  # a rollout keeps its quiet, an end is said at once
        if self.trouble:
            raise self.trouble.pop(0)
        self.said.append(row)
        await self.world.store.say(row.update.id, {}, ver=row.ver)

    async def prune(self, before: datetime) -> int:
        self.pruned.append(before)
        return 0

    async def other(self) -> None:
        """The owner gives the App another repository."""
        repo = await self.shop.box.add_repo("acme", "other", {"x": "y"})
        [installed] = self.shop.box.world.installations.values()
        installed.repo_ids.add(repo.id)

    async def add(self, **more: Any) -> str:
        """A row that nobody has in hand; its work key."""
        due = more.pop("due", None)
        update = an_update(**{"installation": self.shop.installation, **more})
        assert await self.world.store.add(update, an_entry(update=update.id), due=due, enqueue=False)
        return key_of(update.id)


@pytest.fixture
async def tower(tmp_path: Path) -> AsyncIterator[Tower]:
    async with town(tmp_path) as shop, a_world(f"sqlite:///{tmp_path / 'clock.sqlite'}") as world:
        await world.store.install([REPO], shop.installation, now=shop.box.now())
        world.forget()
        yield Tower(shop=shop, world=world, now=shop.box.now())


async def test_what_is_due_is_woken_and_nothing_else(tower):
    """Each once; also more than one portion of them."""
    store = tower.world.store
    for number in range(130):
        update = an_update(id=an_id(number), target=f"1.{number}")
        due = tower.now + (timedelta() if number < 120 else MINUTE)
        await store.add(update, an_entry(update=update.id), due=due, enqueue=False)
    await tower.clock.wake()
    assert {key_of(an_id(number)) for number in range(120)} == tower.world.woken()

    tower.world.forget()
    await tower.clock.wake()
    assert set() == tower.world.woken()
    tower.now += MINUTE
    await tower.clock.wake()
    assert {key_of(an_id(number)) for number in range(120, 130)} == tower.world.woken()
    await tower.shop.gh.getitem(f"/repos/{REPO}")


async def test_everything_in_flight_is_looked_at_again(tower):
    """A webhook that was lost for good only delays; what ended and what is not ours any more is left alone."""
    open_one = await tower.add()
    await tower.add(target="1.2.5", state=State.DONE)
    await tower.world.store.install([RepoName("acme/left")], InstallationId(99), now=tower.now)
    await tower.add(target="1.2.6", repo="acme/left")
    await tower.world.store.keep(a_delivery("gone"))
    gone = Concern(uninstalled=Uninstalled(installation=InstallationId(99)))
    await tower.world.store.drain("gone", gone, now=tower.now)
    tower.world.forget()
    await tower.clock.heal()

    assert {open_one} == tower.world.woken()


async def test_work_that_was_lost_is_begun_again(tower):
    """News that nobody looked at for a quarter of an hour, of a repository too."""
    await tower.world.hear(Concern(repo=REPO, look=True))
    tower.world.forget()
    tower.now += BEHIND + MINUTE
    await tower.clock.heal()

    assert {repo_work(REPO)} == tower.world.woken()


async def test_repositories_whose_event_was_lost_are_learnt(tower):
    """One that was added, and one that was given back under another installation: each is looked at."""
    await tower.other()
    await tower.world.store.install([REPO], InstallationId(12345), now=tower.now)
    tower.world.forget()
    await tower.clock.heal()
    rows = {row.name: row.installation for row in await tower.world.store.repos()}

    assert {REPO: tower.shop.installation, "acme/other": tower.shop.installation} == rows
    assert {repo_work(REPO), repo_work("acme/other")} <= tower.world.woken()

    tower.world.forget()
    await tower.clock.heal()
    assert set() == tower.world.woken()


async def test_a_suspended_installation_is_not_asked(tower):
    """It would refuse, and hide the others; its repositories are learnt when it is back."""
    [installed] = tower.shop.box.world.installations.values()
    installed.suspended_at = tower.now
    await tower.other()
    tower.shop.box.add_org("umbrella")
    tower.shop.box.install(APP_ID, await tower.shop.box.add_repo("umbrella", "site", {"x": "y"}))
    await tower.clock.heal()

    assert {REPO, "umbrella/site"} == {row.name for row in await tower.world.store.repos()}
    assert 1 == len(tower.shop.asked("GET", "/installation/repositories"))


@asynccontextmanager
async def listening(tower: Tower) -> AsyncIterator[list[str]]:
    """The App's webhook address; the events that arrived."""
    heard: list[str] = []

    async def door(request: web.Request) -> web.Response:
        heard.append(request.headers["X-GitHub-Event"])
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/github", door)
    async with serving(app) as url:
        tower.shop.box.set_webhook(APP_ID, f"{url}/github")
        yield heard


async def test_deliveries_that_failed_are_asked_for_again(tower):
    """GitHub never tries again by itself. What arrived is not asked for; the next sweep begins where this one did."""
    async with listening(tower) as heard:
        tower.shop.box.world.faults.hook("drop", "push")
        await tower.shop.push({"a": "1"})
        await tower.shop.push({"a": "2"})
        await tower.shop.box.settle()
        assert 1 == heard.count("push")
        tower.now = tower.shop.box.now()

        await tower.clock.heal()
        assert 2 == heard.count("push")
        await tower.clock.heal()
        assert 2 == heard.count("push")
    since = datetime.fromisoformat(await tower.world.store.get("deliveries"))
    assert tower.now - timedelta(minutes=5) == since


async def test_what_we_have_is_not_asked_for_although_github_thinks_it_was_lost(tower):
    """It was stored and our answer came too late; drained or not, it is here."""
    async with listening(tower) as heard:
        tower.shop.box.world.faults.hook("drop", "push")
        tower.shop.box.world.faults.hook("drop", "push")
        for text in ("1", "2"):
            await tower.shop.push({"a": text})
        await tower.shop.box.settle()
        ours, lost = [one.guid for one in tower.shop.box.world.deliveries.log.values() if one.event == "push"]
        await tower.world.store.keep(a_delivery(ours))
        await tower.world.store.drain(ours, Concern(), now=tower.now)
        tower.now = tower.shop.box.now()
        await tower.clock.heal()

    assert 1 == heard.count("push")
    again = [one.guid for one in tower.shop.box.world.deliveries.log.values() if one.redelivery]
    assert [lost] == again


async def test_old_papers_are_thrown_away(tower):
    """Drained deliveries after a month, the engine's own notes after a day."""
    await tower.world.store.keep(a_delivery("old", received=tower.now - 2 * KEEP))
    await tower.world.store.drain("old", None, now=tower.now - 2 * KEEP)
    await tower.clock.heal()

    assert [tower.now - timedelta(days=1)] == tower.pruned
    assert await tower.world.store.keep(a_delivery("old"))  # it was forgotten, so it is new


@pytest.mark.parametrize("broken", [*PARTS, "work"])
async def test_each_part_of_the_sweep_stands_alone(tower, broken, monkeypatch):
    """GitHub refuses one, the store breaks another: every other part is done."""
    open_one = await tower.add()
    if broken in PARTS:
        tower.shop.box.world.faults.request("answer", path=broken, status=502)
    if broken == "work":
        monkeypatch.setattr(tower.world.store, "behind", _breaks(ValueError("a defect")))
    await tower.clock.heal()

    assert open_one in tower.world.woken() and 1 == len(tower.pruned)
    assert ("/app/hook" in broken) is (await tower.world.store.get("deliveries") is None)
    assert set(PARTS) == {part for part in PARTS if any(one.path == part for one in tower.shop.box.log)}


def _breaks(error: Exception) -> Callable[..., Awaitable[None]]:
    async def call(*_given: object, **_named: object) -> None:
        raise error

    return call


async def test_what_could_not_be_said_is_said(tower):
    """Each unsaid row, one after the other; one that still cannot be said does not silence the next."""
    await tower.add()
    await tower.add(target="1.2.5")
    tower.trouble = [Transient("GitHub is away")]
    await tower.clock.say_unsaid()
    assert 1 == len(tower.said) == len(await tower.world.store.unsaid())

    await tower.clock.say_unsaid()
    assert (2, ()) == (len(tower.said), await tower.world.store.unsaid())
    await tower.shop.gh.getitem(f"/repos/{REPO}")


async def test_a_row_that_vanished_has_nothing_to_say(tower, monkeypatch):
    """Unsaid a moment ago and gone now: no error."""

    async def unsaid() -> tuple[str, ...]:
        return (an_id(5),)

    monkeypatch.setattr(tower.world.store, "unsaid", unsaid)
    await tower.clock.say_unsaid()
    await tower.shop.gh.getitem(f"/repos/{REPO}")

    assert [] == tower.said


async def test_the_tickers_go_on_after_a_defect(tower):
    """Waking, sweeping and saying go on for ever, whatever one pass ran into."""
    key = await tower.add(due=tower.now)
    tower.trouble = [ValueError("a defect"), Transient("away")]
    clock, fast = tower.clock, timedelta(milliseconds=5)
    tasks = [asyncio.create_task(work) for work in (clock.tick(fast), clock.sweep(fast), clock.speak(fast))]
    async with asyncio.timeout(20):
        while True:
            if tower.said and len(tower.pruned) >= 2 and key in tower.world.woken():
                break
            await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert [asyncio.CancelledError] * 3 == [type(one) for one in ended]
