"""A source is polled for the whole fleet: however many repositories use a package, its list is asked for once.

A list is fresh for a while, with a little jitter, so that ten thousand of them do not come due in one second. Who asks
while it is being fetched waits for that same answer. What failed is tried again later and later, never earlier than
the registry asked; meanwhile the last list stays in use for a day, and its age is said. What a registry refuses or does
not know is remembered as well: a name that is in no registry costs one request and not one for each repository.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from cachetools import LRUCache

from bot.core.errors import Permanent, SurefootError, Transient
from bot.core.model import Component, Release
from bot.core.ports import Backoff, Source
from bot.tools import metrics

MOST_RELEASES = 300_000  # how many are held in all; a list that was dropped is asked for again
STALE = timedelta(days=1)
JITTER = 0.1
BACKOFF = Backoff(first=timedelta(minutes=1), most=timedelta(hours=1))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with one list. due: when it may be asked for again; all times UTC."""

    due: datetime
    listed: tuple[Release, ...] | None = None
    succeeded: datetime | None = None
    failures: int = 0
    error: SurefootError | None = None


class Poller:
    """A `core.ports.Source` in front of another, shared by all who ask. fresh: how long a list counts as new."""

    def __init__(self, source: Source, kind: str, *, fresh: timedelta, now: Callable[[], datetime]) -> None:
        self._source, self._kind, self._fresh, self._now = source, kind, fresh, now
        self._known: LRUCache[Component, Standing] = LRUCache(MOST_RELEASES, getsizeof=_size)
        self._asking: dict[Component, asyncio.Task[Standing]] = {}

    async def releases(self, component: Component) -> Sequence[Release]:
        """The list, at most `fresh` old, or up to a day where its registry cannot be reached now. Errors as it."""
        standing = self._known.get(component)
        if standing is None or standing.due <= self._now():
            standing = await self._shared(component)
        if standing.listed is not None and self._in_use(standing):
            return standing.listed
        assert standing.error is not None, "what has no list has an error"
        # The same error may be told to many: each would otherwise lengthen its traceback, and keep their frames alive.
        raise standing.error.with_traceback(None)

    async def detail(self, component: Component, release: Release) -> Release:
        """As the source knows it; what was learnt is kept with the list."""
        full = await self._source.detail(component, release)
        standing = self._known.get(component)
        if standing is not None and standing.listed is not None:
            listed = tuple(full if one is release else one for one in standing.listed)
            self._keep(component, replace(standing, listed=listed))
        return full

    def hint(self, component: Component) -> None:
        """Somebody says that there is news: the list is asked for again when it is next wanted, whatever they said."""
        if (standing := self._known.get(component)) is not None:
            self._keep(component, replace(standing, due=self._now()))

    def hint_named(self, names: Collection[str]) -> None:
        """The same for every component that bears one of these names, or ends in one as a path does."""
        wanted = {name.lower() for name in names}
        for component in list(self._known):
            name = component.name.lower()
            if name in wanted or any(name.endswith(f"/{one}") for one in wanted):
                self.hint(component)

    def stale(self) -> list[tuple[Component, Standing]]:
        """What could not be listed for so long that its last list is no longer used."""
        every = self._known.items()
        return [(component, one) for component, one in every if one.error and not self._in_use(one)]

    def _in_use(self, standing: Standing) -> bool:
        if isinstance(standing.error, Permanent):
            return False
        return standing.succeeded is not None and self._now() - standing.succeeded < max(STALE, self._fresh)

    async def _shared(self, component: Component) -> Standing:
        task = self._asking.get(component)
        if task is None:
            task = asyncio.create_task(self._ask(component, self._known.get(component)))
            self._asking[component] = task
            task.add_done_callback(lambda _: self._asking.pop(component, None))
        # One of several who wait may give up; the others still want the answer.
        return await asyncio.shield(task)

    async def _ask(self, component: Component, before: Standing | None) -> Standing:
        now = self._now()
        try:
            listed = tuple(await self._source.releases(component))
        except SurefootError as error:
            standing = self._failed(component, before, error)
        else:
            due = now + self._fresh * (1 - JITTER * _share(component))
            standing = Standing(due=due, listed=listed, succeeded=now)
            metrics.LAST_SUCCESS.labels(self._kind).set(now.timestamp())
        self._keep(component, standing)
        if standing.error is not None or (before is not None and before.error is not None):
            self._tell(component, standing)
        return standing

    def _tell(self, component: Component, standing: Standing) -> None:
        """An operator has to know when nothing is found any more because nothing can be asked any more."""
        metrics.STALE.labels(self._kind).set(len(self.stale()))
        if standing.succeeded is not None and standing.error is not None and not self._in_use(standing):
            log.warning("not listed for long", component=component.name, kind=self._kind, since=standing.succeeded)

    def _failed(self, component: Component, before: Standing | None, error: SurefootError) -> Standing:
        failures = (before.failures if before else 0) + 1
        asked_for = error.after if isinstance(error, Transient) and error.after else timedelta()
        wait = BACKOFF.after(failures) if isinstance(error, Transient) else self._fresh
        listed, succeeded = (before.listed, before.succeeded) if before else (None, None)
        log.debug("could not be listed", component=component.name, kind=self._kind, failures=failures, why=str(error))
        due = self._now() + max(wait, asked_for)
        return Standing(due=due, listed=listed, succeeded=succeeded, failures=failures, error=error)

    def _keep(self, component: Component, standing: Standing) -> None:
        if _size(standing) <= self._known.maxsize:
            self._known[component] = standing


def _size(standing: Standing) -> int:
    return 1 + len(standing.listed or ())


def _share(component: Component) -> float:
    """From 0 to 1, the same for a component in every process and after every start."""
    return zlib.crc32(f"{component.ecosystem}/{component.name}".encode()) / 0xFFFFFFFF
