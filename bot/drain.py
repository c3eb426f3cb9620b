"""Turns stored deliveries into bumped rows, one transaction each; parsing happens here, after GitHub has its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from bot.adapters import hints
from bot.core import commands
from bot.core.errors import Permanent, Transient
from bot.core.events import Advised, Concern, Event, Hinted, Ignored, Published, Uninstalled, concern
from bot.core.hints import bounded
from bot.core.model import InstallationId
from bot.github import payloads
from bot.store.rows import Delivery
from bot.store.store import Store

log = structlog.get_logger(__name__)
BATCH = 100
MOST_TRIES = 5  # of a delivery that cannot be followed, while those behind it go on


class Drainer:
    """Runs until cancelled; `nudge` wakes it, and a look every second finds what a crash left behind."""

    def __init__(
        self,
        store: Store,
        *,
        app_id: int | None,
        clock: Callable[[], datetime],
        gone: Callable[[InstallationId], None] = lambda _: None,
        news: Callable[[tuple[str, ...]], datetime | None] = lambda _: None,
    ) -> None:
        """gone: told of each installation that the App may no longer act in at all.

        news: told of what may be published; says when its lists may be asked for, None where that is now.
        """
        self._store, self._app_id, self._clock = store, app_id, clock
        self._gone, self._published = gone, news
        self._news = asyncio.Event()
        self._broke: dict[str, int] = {}  # guid -> how often following it broke

    def nudge(self) -> None:
        """There is something new in the inbox."""
        self._news.set()

    async def run(self, *, every: float = 1.0) -> None:
        """Drain, wait, drain again."""
        while True:
            try:
                drained = await self.once()
            except Exception:
                log.exception("draining broke; tried again")
                drained = 0
            if drained < BATCH:
                # Not wait_for: before Python 3.12 it swallows a cancellation that comes in the moment of a nudge.
                try:
                    async with asyncio.timeout(every):
                        await self._news.wait()
                except TimeoutError:
                    continue
                self._news.clear()

    async def once(self) -> int:
        """Drain what is there, oldest first; one that breaks is left for the next time. How many it took.

        Transient when the database is away.
        """
        found = await self._store.undrained(BATCH)
        taken = 0
        for delivery in found:
            try:
                await self._one(delivery)
                taken += 1
            except Transient:
                raise
            except Exception:
                await self._broken(delivery)
        return taken

    async def _broken(self, delivery: Delivery) -> None:
        """A defect of ours, or bytes that the database refuses: not tried for ever, since it would fill the inbox."""
        tries = self._broke[delivery.guid] = self._broke.get(delivery.guid, 0) + 1
        log.exception("a delivery could not be followed", guid=delivery.guid, event_name=delivery.event, tries=tries)
        if tries >= MOST_TRIES:
            await self._store.drain(delivery.guid, None, now=self._clock())
            del self._broke[delivery.guid]

    async def _one(self, delivery: Delivery) -> None:
        try:
            event = self._read(delivery)
        except Permanent as error:
            log.warning("a delivery could not be read", guid=delivery.guid, event_name=delivery.event, why=str(error))
            await self._store.drain(delivery.guid, None, now=self._clock())
            return
        if isinstance(event, Uninstalled) and not event.repos:
            self._gone(event.installation)
        at = self._published(names) if (names := _news_of(event)) else None
        if isinstance(event, Advised):
            at = None  # what GitHub said is here already; only the list in which the mend may be can come later
        found = replace(_concern(event), at=at)
        if not hints.is_hint(delivery.event):
            found = _numbered(found, delivery)
        elif isinstance(event, Ignored):
            log.info("a hint leads to nothing", guid=delivery.guid, why=event.name)
        await self._store.drain(delivery.guid, found, now=self._clock())

    def _read(self, delivery: Delivery) -> Event:
        if hints.is_hint(delivery.event):
            return hints.parse(delivery.event, delivery.body)
        return payloads.parse(
            delivery.event, delivery.guid, delivery.body, app_id=self._app_id, received=delivery.received
        )


def _news_of(event: Event) -> tuple[str, ...]:
    """What may have news in its registry: of a flaw that is told, the mend may have come a minute ago."""
    match event:
        case Published(names=names) | Hinted(names=names):
            return names
        case Advised(words=words):
            return bounded(word.name for word in words)
        case _:
            return ()


def _numbered(found: Concern, delivery: Delivery) -> Concern:
    """With the number of the repository: by that it is the same one, whatever it was called before.

    Only GitHub is believed in that.
    """
    return found if found.repo is None else replace(found, number=payloads.number_of(delivery.body))


def _concern(event: Event) -> Concern:
    """What people say to each other is none of our business, and must not hold up any update."""
    found = concern(event)
    talk = found.mail is not None and not commands.parse(found.mail.text, now=found.mail.at)
    return Concern() if talk else found
