"""What is due: wakes rows whose time has come, and heals what a lost webhook or a crash left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from gidgethub.abc import GitHubAPI

from bot.core.errors import SurefootError
from bot.core.events import IN_PRODUCTION
from bot.core.model import UpdateId
from bot.github import apps, hooks
from bot.store.rows import UpdateRow, key_of
from bot.store.store import Store
from bot.tools import metrics

log = structlog.get_logger(__name__)

BEHIND = timedelta(minutes=15)  # news that nobody looked at for so long has lost its work
KEEP = timedelta(days=30)  # drained deliveries and heard mail
UNSAID = timedelta(seconds=30)


class Clock:
    """The tickers of one process. app: the App's own client; prune: forgets what the engine ran before then."""

    def __init__(
        self,
        store: Store,
        *,
        app: Callable[[], GitHubAPI],
        installation: Callable[[apps.Installation], Awaitable[GitHubAPI]],
        voice: Callable[[UpdateRow, bool], Awaitable[None]],
        prune: Callable[[datetime], Awaitable[int]],
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._app, self._installation = store, app, installation
        self._voice, self._prune, self._now = voice, prune, now

    async def tick(self, every: timedelta) -> None:
        """Wake what is due, for ever."""
        await self._forever(every, self.wake)

    async def sweep(self, every: timedelta) -> None:
        """Heal, for ever; the first pass comes at once, since a process begins where another ended."""
        await self._forever(every, self.heal)

    async def wake(self) -> None:
        """Enqueue every row whose time has come."""
        while len(await self._store.wake_due(self._now())) >= 100:
            pass

    async def speak(self, every: timedelta = UNSAID) -> None:
        """Say what could not be said, for ever."""
        await self._forever(every, self.say_unsaid)

    async def heal(self) -> None:
        """Lost work, lost installations, lost deliveries, old papers; each part alone, so that none hinders another."""
        for part in (self._lost_work, self._installations, self._deliveries, self._stuck_pulls, self._old):
            try:
                await part()
            except SurefootError as error:
                log.warning("the sweep could not do a part", part=part.__name__, why=str(error))
            except Exception:
                log.exception("a part of the sweep broke", part=part.__name__)
        metrics.LAST_SUCCESS.labels("sweep").set(self._now().timestamp())

    async def _forever(self, every: timedelta, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("a ticker broke; it goes on")
            await asyncio.sleep(every.total_seconds())

    async def _lost_work(self) -> None:
        if keys := await self._store.behind(self._now() - BEHIND):
            log.warning("work was lost and is begun again", keys=len(keys))
            await self._store.wake(keys, now=self._now())

    async def _installations(self) -> None:
        """Learn of repositories of which the word was lost: new ones, given back ones (they have another installation),
        those that have another name or are out of the archive.
        """
        known = {(row.name.lower(), row.installation) for row in await self._store.repos() if not row.rests}
        for installation in await apps.installations(self._app()):
            if not installation.active:
                continue
            gh = await self._installation(installation)
            there = await apps.repositories(gh)
            names = [name for name in there if (name.lower(), installation.id) not in known]
            if names:
                await self._store.install(names, installation.id, numbers=there, now=self._now())

    async def _deliveries(self) -> None:
        """GitHub never sends a failed delivery again by itself."""
        since = await self._store.get("deliveries")
        after = datetime.fromisoformat(since) if since else self._now() - timedelta(days=1)
        started = self._now()
        sent = await hooks.redeliver(self._app(), since=after, known=self._store.has)
        if sent:
            log.info("asked for lost deliveries again", count=sent)
        await self._store.put("deliveries", (started - timedelta(minutes=5)).isoformat())

    async def _stuck_pulls(self) -> None:
        """Look again at everything that has not ended: a lost webhook only delays."""
        for row in await self._store.repos():
            if row.active:
                open_ones = await self._store.of_repo(row.name, open_only=True)
                await self._store.wake([key_of(update.id) for update in open_ones], now=self._now())

    async def _old(self) -> None:
        await self._store.prune(self._now() - KEEP)
        await self._prune(self._now() - timedelta(days=1))

    async def say_unsaid(self) -> None:
        """Say what could not be said when it happened."""
        for uid in await self._store.unsaid():
            await self._say(uid)

    async def _say(self, uid: UpdateId) -> None:
        row = await self._store.load(uid)
        if row is None:
            return
        try:
            # What a rollout keeps back for the sake of quiet stands among the unsaid too; an end is said at once.
            await self._voice(row, row.update.state not in IN_PRODUCTION)
        except SurefootError as error:
            log.warning("still could not be said", update=uid, why=str(error))
