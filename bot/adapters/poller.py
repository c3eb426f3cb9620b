"""A source is polled for the whole fleet: however many repositories use a package, its list is asked for once.

A list is fresh for a while, with a little jitter, so that ten thousand of them do not come due in one second. Who asks
while it is being fetched waits for that same answer. What failed is tried again later and later, never earlier than
the registry asked; meanwhile the last list stays in use for a day, and its age is said. What a registry refuses or does
not know is remembered as well: a name that is in no registry costs one request and not one for each repository.

A hint makes a list due at once, whatever it says, but no list is asked for by hints more often than once a minute. One
that comes earlier, or while the list is being read, is kept: `again_named` says when it will be worth a look.
"""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from cachetools import LRUCache

from bot.core.errors import Permanent, SurefootError, Transient
from bot.core.hints import means, wanted
from bot.core.model import Component, Release
from bot.core.ports import Backoff, Source
from bot.tools import quiet, tally

MOST_RELEASES = 130_000  # how many releases and files are held in all, at about half a KiB each
MOST_STANDINGS = 100_000  # of how many lists it is known that they are fresh, also when they are not held
STALE = timedelta(days=1)
JITTER = 0.1
FLOOR = timedelta(minutes=1)  # between two requests for the same list that hints ask for
BACKOFF = Backoff(first=timedelta(minutes=1), most=timedelta(hours=1))

_TURNS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with one list. due: when it may be asked for again; all times UTC.

    hinted: somebody said since it was last asked for that there is news. called: when it was last asked for because of
    that. turn: the request that gave the list. Without a list and without an error, there is one that is not held.
    weight: how many releases and files it holds, and one. learnt: releases of the list, each with what more is known
    of it since.
    """

    due: datetime
    listed: tuple[Release, ...] | None = None
    succeeded: datetime | None = None
    failures: int = 0
    error: SurefootError | None = None
    hinted: bool = False
    called: datetime | None = None
    turn: str = ""
    weight: int = 1
    learnt: tuple[tuple[Release, Release], ...] = ()

    def whole(self) -> Standing:
        """The same with what was learnt in the list."""
        if self.listed is None or not self.learnt:
            return self
        fuller = {id(release): full for release, full in self.learnt}
        return replace(self, listed=tuple(fuller.get(id(one), one) for one in self.listed), learnt=())


@runtime_checkable
class Brief(Source, Protocol):
    """A source that can list what decides and leave the rest to `detail`, and knows again what it listed before."""

    async def brief(self, component: Component, turn: str = "") -> Sequence[Release]:
        """As `releases`. turn: a word for this request; what was heard under the same one is not asked for again."""
        ...


class Poller:
    """A `core.ports.Source` in front of another, shared by all who ask. fresh: how long a list counts as new.

    most: how many releases and files are held. A list that was dropped and is still fresh comes out of what its source
    keeps, where it keeps anything; else it is asked for again.
    """

    def __init__(
        self, source: Source, kind: str, *, fresh: timedelta, now: Callable[[], datetime], most: int = MOST_RELEASES
    ) -> None:
        self._source, self._kind, self._fresh, self._now = source, kind, fresh, now
        self._brief = source if isinstance(source, Brief) else None
        self._known: LRUCache[Component, Standing] = LRUCache(most, getsizeof=lambda one: one.weight)
        self._thin: LRUCache[Component, Standing] = LRUCache(MOST_STANDINGS)  # the same without their lists
        self._asking: dict[Component, asyncio.Task[Standing]] = {}
        self._late: set[Component] = set()  # hinted at while they are being asked for

    async def releases(self, component: Component) -> Sequence[Release]:
        """The list, at most `fresh` old, or up to a day where its registry cannot be reached now. Errors as it."""
        standing = self._known.get(component)
        if standing is None or standing.due <= self._now() or (standing.listed is None and standing.error is None):
            standing = await self._shared(component)
        if standing.listed is not None and self._in_use(standing):
            if standing.learnt:
                standing = standing.whole()
                self._hold(component, standing)
            return standing.listed or ()
        assert standing.error is not None, "what has no list has an error"
        # The same error may be told to many: each would otherwise lengthen its traceback, and keep their frames alive.
        raise standing.error.with_traceback(None)

    async def detail(self, component: Component, release: Release) -> Release:
        """As the source knows it; what was learnt is kept with the list."""
        full = await self._source.detail(component, release)
        standing = self._known.get(component)
        if standing is not None and standing.listed is not None:
            weight = standing.weight + len(full.artifacts) - len(release.artifacts)
            self._hold(component, replace(standing, learnt=(*standing.learnt, (release, full)), weight=weight))
        return full

    def hint(self, component: Component) -> datetime:
        """Somebody says that there is news, and is not believed: the list is asked for when it is next wanted.

        Returns when that may be: at once, or a minute after the last time that a hint asked for it. A registry that is
        away is not asked earlier than it wants.
        """
        if component in self._asking:
            self._late.add(component)  # what is being read now may be older than the news
            return self._now() + FLOOR
        standing = self._standing(component)
        if standing is None:
            return self._now()
        self._keep(component, self._hastened(standing))
        return self._next(standing)

    def hint_named(self, names: Collection[str]) -> datetime | None:
        """The same for every component that bears one of these names, or ends in one as a path does; the earliest."""
        asked = wanted(names)
        known = {*self._known, *self._thin, *self._asking}
        return min((self.hint(one) for one in known if means(asked, f"{one.registry}/{one.name}")), default=None)

    def again_named(self, names: Collection[str]) -> datetime | None:
        """When a look at these will learn more than now: a hint came when the list could not be asked for yet."""
        now = self._now()
        held = [(one.name, each.due) for one, each in self._known.items() if each.hinted and each.due > now]
        return min((due for name, due in held if name in names), default=None)

    def _next(self, standing: Standing) -> datetime:
        return max(self._now(), standing.called + FLOOR) if standing.called is not None else self._now()

    def _hastened(self, standing: Standing) -> Standing:
        away = isinstance(standing.error, Transient)
        return replace(standing, hinted=True, due=standing.due if away else min(standing.due, self._next(standing)))

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
            task = asyncio.create_task(self._ask(component, self._standing(component)))
            self._asking[component] = task
            task.add_done_callback(lambda _: self._asking.pop(component, None))
        # One of several who wait may give up; the others still want the answer.
        return await asyncio.shield(task)

    async def _ask(self, component: Component, before: Standing | None) -> Standing:
        now = self._now()
        dropped = before is not None and before.due > now and before.listed is None and before.error is None
        turn = before.turn if before is not None and dropped else str(next(_TURNS))
        try:
            listed = tuple(await self._listed(component, turn))
        except SurefootError as error:
            standing = self._failed(component, before, error)
        else:
            if before is not None and dropped:
                return self._refilled(component, replace(before, listed=listed, weight=_weight(listed)))
            due = now + self._fresh * (1 - JITTER * _share(component))
            standing = Standing(due=due, listed=listed, succeeded=now, turn=turn, weight=_weight(listed))
            tally.put("last_success", self._kind, now.timestamp())
        standing = self._called(component, before, standing, now)
        self._keep(component, standing)
        if standing.error is not None or (before is not None and before.error is not None):
            self._tell(component, standing)
        return standing

    async def _listed(self, component: Component, turn: str) -> Sequence[Release]:
        return await (self._brief.brief(component, turn) if self._brief else self._source.releases(component))

    def _refilled(self, component: Component, standing: Standing) -> Standing:
        """It was not asked for, only read again, so a hint that came meanwhile still waits."""
        if component in self._late:
            self._late.discard(component)
            standing = self._hastened(standing)
        self._keep(component, standing)
        return standing

    def _standing(self, component: Component) -> Standing | None:
        return self._known.get(component) or self._thin.get(component)

    def _called(self, component: Component, before: Standing | None, standing: Standing, began: datetime) -> Standing:
        """What this request, begun then, was for the hints: the answer to an earlier one, too early for a late one."""
        late = component in self._late
        self._late.discard(component)
        if late or (before is not None and before.hinted):
            standing = replace(standing, called=began)
        elif before is not None:
            standing = replace(standing, called=before.called)
        return self._hastened(standing) if late else standing

    def _tell(self, component: Component, standing: Standing) -> None:
        """An operator has to know when nothing is found any more because nothing can be asked any more."""
        tally.put("stale", self._kind, len(self.stale()))
        if standing.succeeded is not None and standing.error is not None and not self._in_use(standing):
            log = quiet.logger(__name__)
            log.warning("not listed for long", component=component.name, kind=self._kind, since=standing.succeeded)

    def _failed(self, component: Component, before: Standing | None, error: SurefootError) -> Standing:
        last = before.whole() if before else Standing(due=self._now())
        failures = last.failures + 1
        asked_for = error.after if isinstance(error, Transient) and error.after else timedelta()
        wait = BACKOFF.after(failures) if isinstance(error, Transient) else self._fresh
        log = quiet.logger(__name__)
        log.debug("could not be listed", component=component.name, kind=self._kind, failures=failures, why=str(error))
        due = self._now() + max(wait, asked_for)
        return Standing(
            due=due,
            listed=last.listed,
            succeeded=last.succeeded,
            failures=failures,
            error=error,
            weight=last.weight,
        )

    def _keep(self, component: Component, standing: Standing) -> None:
        self._hold(component, standing)
        self._thin.pop(component, None)
        if self._brief and standing.error is None:
            self._thin[component] = replace(standing, listed=None, weight=1, learnt=())

    def _hold(self, component: Component, standing: Standing) -> None:
        self._known.pop(component, None)
        if standing.weight <= self._known.maxsize:
            self._known[component] = standing


def _weight(listed: Sequence[Release]) -> int:
    return 1 + sum(1 + len(one.artifacts) for one in listed)


def _share(component: Component) -> float:
    """From 0 to 1, the same for a component in every process and after every start."""
    return zlib.crc32(f"{component.ecosystem}/{component.name}".encode()) / 0xFFFFFFFF
