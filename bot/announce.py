"""The only voice: keeps comment, check runs and title as the row says they should be; best effort, after the save."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import msgspec
import structlog
from gidgethub.abc import GitHubAPI

from bot.core import check_runs, names, render
from bot.core.errors import Missing, Refused, SurefootError
from bot.core.events import IN_PRODUCTION
from bot.core.lifecycle import PULL_IS_OPEN
from bot.core.model import Simulation, State, Update, UpdateId
from bot.core.ports import Lab, Say, Trial, silent
from bot.github import checks, comments, pulls
from bot.github.apps import Us
from bot.store.rows import UpdateRow
from bot.store.store import Store

log = structlog.get_logger(__name__)

# GitHub takes some five hundred writes an hour. A rollout has something new to say every few seconds, and one that
# said it all would leave no writes for what turns it back.
QUIET = timedelta(seconds=10)
QUIET_IN_PRODUCTION = timedelta(seconds=60)


class Announcer:
    """Says what changed since it last spoke of an update. gh: a client that may write where the update lives."""

    def __init__(
        self,
        store: Store,
        gh: Callable[[Update], Awaitable[GitHubAPI]],
        *,
        us: Callable[[], Awaitable[Us]],
        clock: Callable[[], datetime],
        pages: str = "",
    ) -> None:
        """pages: the address of our own pages, "" where it is not known."""
        self._store, self._gh, self._us, self._clock, self._pages = store, gh, us, clock, pages
        self._turns: WeakValueDictionary[UpdateId, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, row: UpdateRow, important: bool) -> None:
        """Bring comment and check runs up to date. important: not to be put off for the sake of quiet.

        The first error is raised after all was tried, so that one refusal does not silence the rest.
        """
        # The loop speaks of an update when it moves, a ticker of what was not said: both at once would find no comment
        # and write two, and who waited for the other must not say again what was true before.
        turn = self._turns.setdefault(row.update.id, asyncio.Lock())
        async with turn:
            await self._speak(await self._store.load(row.update.id) or row, important)

    async def _speak(self, row: UpdateRow, important: bool) -> None:
        said, now = dict(row.said), self._clock()
        quiet = QUIET_IN_PRODUCTION if row.update.state in IN_PRODUCTION else QUIET
        if not important and "at" in said and now - datetime.fromisoformat(said["at"]) < quiet:
            return
        before = dict(said)
        problem: SurefootError | None = None
        for speak in (self._check_runs, self._comment, self._page):
            try:
                await speak(row.update, said, now)
            except SurefootError as error:
                problem = problem or error
        if said != before:
            said["at"] = now.isoformat()
        # Where the repository or the installation is gone nobody is left to be told, and a locked conversation stays
        # locked until somebody unlocks it: what is said next is tried again, and not this every half minute.
        over = problem is None or isinstance(problem, Missing) or _locked(problem)
        await self._store.say(row.update.id, said, ver=row.ver if over else None)
        if problem:
            raise problem

    async def _page(self, update: Update, said: dict[str, str], now: datetime) -> None:
        """Title and text of the pull request, when they are no longer what it was opened with."""
        if update.pull is None or update.state not in PULL_IS_OPEN or "comment" not in said:
            return
        title, body = names.title_of(update), render.pull_body(update)
        wanted = _digest(f"{title}\n{body}")
        if said.setdefault("page", wanted) != wanted:
            await pulls.edit(await self._gh(update), update.repo, update.pull.number, title=title, body=body)
            said["page"] = wanted

    async def _comment(self, update: Update, said: dict[str, str], now: datetime) -> None:
        if update.pull is None or update.state is State.DETECTED:
            return
        body = render.status(update, now=now)
        if said.get("comment") == _digest(body):
            return
        gh = await self._gh(update)
        found = await comments.find(gh, update.repo, update.pull.number, names.mark_of(update), await self._us())
        if found is None:
            await comments.create(gh, update.repo, update.pull.number, body)
        else:
            await comments.edit(gh, update.repo, found.id, body)
        said["comment"] = _digest(body)

    async def _check_runs(self, update: Update, said: dict[str, str], now: datetime) -> None:
        for run in check_runs.wanted(update, self._pages):
            digest = _digest(msgspec.json.encode(asdict(run)).decode())
            if said.get(run.key) == digest:
                continue
            try:
                await checks.publish(await self._gh(update), update.repo, run)
            except Missing:
                log.info("its commit is gone", check=run.name, sha=run.head)
            said[run.key] = digest


class Live:
    """Says on the check run how a trial goes on while it does, at most once in `every`; best effort."""

    def __init__(self, gh: GitHubAPI, update: Update, *, every: timedelta = QUIET) -> None:
        self._gh, self._update, self._every = gh, update, every
        self._told: list[str] = []

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Say]:
        """What is said to it while the context lasts is shown; nothing is written after its end."""
        showing = asyncio.create_task(self._show())
        try:
            yield self._told.append
        finally:
            showing.cancel()
            # An edit that is on its way is waited for: it must not arrive after the verdict.
            await asyncio.wait([showing])

    def over(self, lab: Lab) -> Lab:
        """A lab whose trials are shown while they go on."""
        return _Shown(lab, self)

    async def _show(self) -> None:
        shown = 0
        while self._update.pull is not None:
            await asyncio.sleep(self._every.total_seconds())
            if shown == len(self._told):
                continue
            shown = len(self._told)
            run = check_runs.simulating(self._update, self._update.pull.head, tuple(self._told))
            try:
                await asyncio.shield(checks.publish(self._gh, self._update.repo, run))
            except SurefootError as error:
                log.info("the trial's progress could not be shown", update=self._update.id, error=str(error))


class _Shown:
    """See `Live.over`."""

    def __init__(self, lab: Lab, live: Live) -> None:
        self._lab, self._live = lab, live

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """See `bot.core.ports.Lab`."""
        async with self._live() as show:

            def both(words: str) -> None:
                say(words)
                show(words)

            if trial.written:
                show(f"trying a part of the group: {', '.join(one.name for one in trial.components)}")
            return await self._lab.simulate(trial, both)


def _locked(problem: SurefootError) -> bool:
    return isinstance(problem, Refused) and any(word in str(problem).lower() for word in ("locked", "archived"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
