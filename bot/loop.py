"""The only one that runs stages, catches, retries, saves and writes the audit: event, update, stage, outcome, state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog

from bot.core.errors import ConfigProblem, Permanent, Stale, SurefootError, Transient
from bot.core.events import Mail
from bot.core.lifecycle import MAY_GO, Moved, Outcome, Waiting, advance
from bot.core.model import Entry, RepoName, State, Update, UpdateId
from bot.core.ports import Backoff
from bot.store.rows import RepoRow, UpdateRow, key_of, repo_work
from bot.store.store import Store
from bot.tools import metrics

log = structlog.get_logger(__name__)

Stage: TypeAlias = Callable[[Update], Awaitable[Outcome | None]]
Ear: TypeAlias = Callable[[Update, Mail], Awaitable[Outcome | None]]
Voice: TypeAlias = Callable[[UpdateRow, bool], Awaitable[None]]

MOST_TURNS = 40
# Left again in the same run: what is to be said of them is said with the next state.
PASSED_THROUGH = frozenset({State.SIMULATED, State.MERGED})
# A defect of our own is tried again like a passing fault, but not for ever.
MOST_TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a repository found: new updates, and in words why nothing else was proposed."""

    found: tuple[Update, ...] = ()
    due: datetime | None = None
    notes: Mapping[str, object] = field(default_factory=dict)


Look: TypeAlias = Callable[[RepoRow], Awaitable[Looked]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages as `app` bound them to their powers."""

    path: Mapping[State, Stage]
    watch: Stage
    ear: Ear
    look: Look


class Loop:
    """Brings one update, or one repository, as far as it can go now. The engine sees to it that one key runs once."""

    def __init__(
        self,
        store: Store,
        stages: Stages,
        *,
        voice: Voice,
        clock: Callable[[], datetime],
        backoff: Backoff | None = None,
    ) -> None:
        self._store, self._stages, self._voice, self._clock = store, stages, voice, clock
        self._backoff = backoff or Backoff()

    async def work(self, key: str) -> None:
        """The engine's one call. key: "u:<update>" or "r:<owner/name>"."""
        kind, _, name = key.partition(":")
        if kind == "u":
            await self._update(UpdateId(name))
        else:
            await self._repo(RepoName(name))

    async def _update(self, uid: UpdateId) -> None:
        for _ in range(MOST_TURNS):
            row = await self._store.load(uid)
            if row is None:
                return
            with structlog.contextvars.bound_contextvars(update=uid, state=row.update.state.value):
                try:
                    if not await self._turn(row):
                        return
                except Stale:
                    continue  # somebody else wrote: read it again and think again
        await self._breathe(uid)

    async def _breathe(self, uid: UpdateId) -> None:
        """So many turns in one run are a defect of ours; it must not keep the machine busy."""
        row = await self._store.load(uid)
        if row is not None:
            log.error("turned too often in one run", update=uid, state=row.update.state.value)
            await self._store.save(row, row.update, due=self._clock() + timedelta(minutes=1))

    async def _turn(self, row: UpdateRow) -> bool:
        """One stage and one save. Whether there is more to do right now."""
        mail = row.mail[0] if row.mail else None
        try:
            outcome = await self._outcome(row.update, mail)
            after = advance(row.update, outcome, now=self._clock())
        except Transient as error:
            await self._later(row, str(error), error.after)
            return False
        except (Permanent, ConfigProblem) as error:
            outcome = self._failed(row.update, str(error))
            after = advance(row.update, outcome, now=self._clock())
        except SurefootError:
            raise
        except Exception as error:
            log.exception("a stage broke")
            if row.tries < MOST_TRIES:
                await self._later(row, f"an error of our own ({type(error).__name__})", None)
                return False
            outcome = self._failed(row.update, f"an error of our own ({type(error).__name__}), {MOST_TRIES} times")
            after = advance(row.update, outcome, now=self._clock())
        return await self._save(row, outcome, after, mail)

    async def _outcome(self, update: Update, mail: Mail | None) -> Outcome:
        now = self._clock()
        if mail is not None:
            heard = await self._stages.ear(update, mail)
            return heard or Waiting(update=update, until=now, why=update.note)
        if seen := await self._stages.watch(update):
            return seen
        stage = self._stages.path.get(update.state)
        with metrics.STEP_SECONDS.labels(update.state.value).time():
            done = await stage(update) if stage else None
        return done or Waiting(update=update, until=None, why=update.note)

    async def _save(
        self, row: UpdateRow, outcome: Outcome, after: tuple[Update, Entry | None], mail: Mail | None
    ) -> bool:
        now = self._clock()
        update, entry = after
        moved = isinstance(outcome, Moved)
        until = None if isinstance(outcome, Moved) else outcome.until
        heard = (mail.key,) if mail else ()
        entries = (entry,) if entry else ()
        saved = await self._store.save(row, update, entries=entries, due=until, heard=heard)
        if entry:
            log.info("moved" if moved else "told", to=update.state.value, why=entry.why)
        if update.state not in PASSED_THROUGH or not moved:
            await self._speak(saved, moved or bool(entry))
        if isinstance(outcome, Moved):
            metrics.STEPS.labels(row.update.state.value, update.state.value).inc()
            await self._tell_siblings(update)
        return moved or bool(mail) or (until is not None and until <= now)

    async def _speak(self, row: UpdateRow, important: bool) -> None:
        """Best effort, after the save: what could not be said now is said by the sweep."""
        try:
            await self._voice(row, important)
        except SurefootError as error:
            log.warning("could not be said", why=str(error))
        except Exception:
            log.exception("the voice broke")

    async def _tell_siblings(self, update: Update) -> None:
        """A newer one that is now proposed or merged takes the place of older ones: they look for themselves."""
        if update.state not in (State.PROPOSED, State.MERGED):
            return
        others = await self._store.of_component(update.repo, update.component)
        keys = [key_of(other.id) for other in others if other.id != update.id]
        if keys:
            await self._store.wake(keys, now=self._clock())

    async def _later(self, row: UpdateRow, why: str, after: timedelta | None) -> None:
        tries = row.tries + 1
        wait = max(self._backoff.after(tries), after or timedelta())
        log.warning("tried again later", why=why, tries=tries, seconds=wait.total_seconds())
        metrics.STEPS.labels(row.update.state.value, "retried").inc()
        update = replace(row.update, note=f"{why}; tried again")
        entries = (self._entry(row.update, f"did not work just now: {why}"),) if tries == 1 else ()
        await self._store.save(row, update, entries=entries, due=self._clock() + wait, tries=tries)

    def _entry(self, update: Update, why: str) -> Entry:
        return Entry(update=update.id, at=self._clock(), was=update.state, now=update.state, why=why)

    def _failed(self, update: Update, why: str) -> Outcome:
        if State.FAILED not in MAY_GO[update.state]:
            return Waiting(update=update, until=None, why=why, told=True)
        stopped = replace(update, paused_from=update.state)
        return Moved(update=stopped, to=State.FAILED, why=f"{why}; `/surefoot retry` tries it again")

    async def _repo(self, name: RepoName) -> None:
        row = await self._store.repo(name)
        if row is None or not row.active:
            return
        now = self._clock()
        with structlog.contextvars.bound_contextvars(repo=name):
            try:
                looked = await self._stages.look(row)
            except Transient as error:
                tries = row.tries + 1
                due = now + max(self._backoff.after(tries), error.after or timedelta())
                log.warning("looked at again later", why=str(error), tries=tries)
                await self._keep(row, due, {**row.notes, "problem": str(error)}, tries)
                return
            except (Permanent, ConfigProblem) as error:
                log.warning("cannot be looked at", why=str(error))
                await self._keep(row, now + timedelta(hours=1), {**row.notes, "problem": str(error)}, 0)
                return
        for update in looked.found:
            first = Entry(update=update.id, at=now, was=update.state, now=update.state, why="; ".join(update.why_now))
            if await self._store.add(update, first):
                log.info("found", update=update.id, component=update.component.name, target=update.target)
        await self._keep(row, looked.due, looked.notes, 0)

    async def _keep(self, row: RepoRow, due: datetime | None, notes: Mapping[str, object], tries: int) -> None:
        try:
            await self._store.save_repo(replace(row, notes=notes), due=due, tries=tries)
        except Stale:
            await self._store.wake([repo_work(row.name)], now=self._clock())
