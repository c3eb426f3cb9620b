"""The only one that runs stages, catches, retries, saves and writes the audit: event, update, stage, outcome, state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog

from bot.core.errors import Missing, Refused, Stale, SurefootError, Transient
from bot.core.events import IN_PRODUCTION, Mail
from bot.core.lifecycle import MAY_GO, Moved, Outcome, Waiting, advance
from bot.core.model import ENDS, Entry, RepoName, State, Update, UpdateId
from bot.core.ports import Backoff
from bot.core.second_look import Seen, learnt
from bot.store.rows import RepoRow, UpdateRow, key_of, repo_work
from bot.store.store import Store
from bot.tools import metrics
from bot.tools.turnstile import NO_PLACE, NO_ROOM

log = structlog.get_logger(__name__)

Stage: TypeAlias = Callable[[Update], Awaitable[Outcome | None]]
Ear: TypeAlias = Callable[[Update, Mail], Awaitable[Outcome | None]]
Voice: TypeAlias = Callable[[UpdateRow, bool], Awaitable[None]]

MOST_TURNS = 40
# Left again in the same run: what is to be said of them is said with the next state.
PASSED_THROUGH = frozenset({State.SIMULATED, State.MERGED})
LEARNS = 5  # tries to tell a row of what came to light, while its own stage writes it; the next look tells it again
LETTERS_AT_ONCE = 3  # heard in one go, before what is in production gets its look: nobody's words may hold that up
DEAF = timedelta(seconds=10)  # until what could not be heard is heard again
TOLD_TO_SIBLINGS = frozenset({State.PROPOSED, State.SIMULATED, State.APPROVED, State.MERGED})
# A defect of our own is tried again like a passing fault, but not for ever.
MOST_TRIES = 12
# What GitHub made a moment ago may not be there yet for the next request.
MISSING_TRIES = 3
CLOSED_OFF = timedelta(hours=1)
AWAY = "the App may not act in this repository now; it goes on from here when the App is given back"
ARCHIVED = "this repository is archived, so nothing can be changed in it; it goes on from here when it is unarchived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a repository found: new updates, and in words why nothing else was proposed.

    seen: what is to be said of those that are open by now.
    """

    found: tuple[Update, ...] = ()
    seen: Mapping[UpdateId, Seen] = field(default_factory=dict)
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
    full: Callable[[Update], bool] = lambda _: False  # whether its stage has no place for it just now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """What an error means. again: it may pass, and after is the least time to wait."""

    why: str
    again: bool
    after: timedelta = timedelta()


def _judged(error: Exception, tries: int) -> _Trouble:
    """tries: how often it went wrong before."""
    match error:
        case Transient():
            return _Trouble(why=str(error), again=True, after=error.after or timedelta())
        case Missing():
            return _Trouble(why=str(error), again=tries < MISSING_TRIES)
        case Refused() if any(word in str(error).lower() for word in ("suspended", "archived")):
            # Taken back some day, and no webhook need tell us of it.
            return _Trouble(why=str(error), again=True, after=CLOSED_OFF)
        case SurefootError():
            return _Trouble(why=str(error), again=False)
        case _:
            log.error("a defect of ours", exc_info=error)
            ours = f"an error of our own ({type(error).__name__})"
            again = tries < MOST_TRIES
            return _Trouble(why=ours if again else f"{ours}, {MOST_TRIES} times", again=again)


def _asks_nothing(row: UpdateRow | RepoRow, now: datetime) -> bool:
    """Each piece of news has a run of its own, and the first of them looked at all that there was."""
    mail = isinstance(row, UpdateRow) and row.mail
    due = row.due is not None and row.due <= now
    return row.seq == row.done_seq and not mail and not due


def _next_letter(row: UpdateRow, turn: int) -> Mail | None:
    """People come first; but where many write, production gets its look in between."""
    looks = row.update.state in IN_PRODUCTION and turn % (LETTERS_AT_ONCE + 1) == LETTERS_AT_ONCE
    return row.mail[0] if row.mail and not looks else None


def _count(before: Update, after: Update) -> None:
    """A trial is counted once it is saved: one that was cut short is done again."""
    tried = after.simulation
    if tried is not None and tried != before.simulation:
        metrics.SIMULATIONS.labels(tried.grade.value).inc()
        metrics.SIMULATION_SECONDS.observe(tried.seconds)


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
        for turn in range(MOST_TURNS):
            row = await self._store.load(uid)
            if row is None or (turn == 0 and _asks_nothing(row, self._clock())):
                return
            with structlog.contextvars.bound_contextvars(update=uid, state=row.update.state.value):
                try:
                    if await self._rests(row) or not await self._turn(row, _next_letter(row, turn)):
                        return
                except Stale:
                    continue  # somebody else wrote: read it again and think again
        await self._breathe(uid)

    async def _breathe(self, uid: UpdateId) -> None:
        """So many turns in one run are a defect of ours, or a flood of words; it must not keep the machine busy."""
        row = await self._store.load(uid)
        if row is not None:
            log.error("turned too often in one run", update=uid, state=row.update.state.value, mail=len(row.mail))
            pause = DEAF if row.mail else timedelta(minutes=1)
            await self._store.save(row, row.update, due=self._clock() + pause)

    async def _rests(self, row: UpdateRow) -> bool:
        """Where nothing may be done, an update stays as it is; giving it back is news for it."""
        repo = await self._store.repo(row.update.repo)
        if repo is None or not repo.rests:
            return False
        why = ARCHIVED if repo.active else AWAY
        update = row.update if row.update.state in ENDS else replace(row.update, note=why)
        entries = (self._entry(update, why),) if update.note != row.update.note else ()
        saved = await self._store.save(row, update, entries=entries, due=None, tries=row.tries)
        await self._store.say(update.id, row.said, ver=saved.ver)  # there is no way to tell anybody
        return True

    async def _turn(self, row: UpdateRow, mail: Mail | None, *, most: timedelta | None = None) -> bool:
        """One stage and one save. Whether there is more to do right now. most: the longest wait, then stop for now."""
        try:
            outcome = await self._outcome(row, mail)
            after = advance(row.update, outcome, now=self._clock())
        except Stale:
            raise
        except Exception as error:
            trouble = _judged(error, row.tries)
            if trouble.again and mail is not None and row.update.state in IN_PRODUCTION:
                log.warning("could not be heard now", mail=mail.key, why=trouble.why)
                return await self._turn(row, None, most=DEAF)
            if trouble.again:
                await self._later(row, trouble)
                return False
            outcome = self._failed(row.update, trouble.why)
            after = advance(row.update, outcome, now=self._clock())
        return await self._save(row, outcome, after, mail, most)

    async def _outcome(self, row: UpdateRow, mail: Mail | None) -> Outcome:
        update = row.update
        if mail is not None:
            return await self._hear(row, mail)
        if self._stages.full(update):
            return Waiting(update=update, until=self._clock() + NO_PLACE, why=NO_ROOM)
        if seen := await self._stages.watch(update):
            return seen
        stage = self._stages.path.get(update.state)
        with metrics.STEP_SECONDS.labels(update.state.value).time():
            done = await stage(update) if stage else None
        return done or Waiting(update=update, until=None, why=update.note)

    async def _hear(self, row: UpdateRow, mail: Mail) -> Outcome:
        """Anybody may write, so no error in hearing or answering stops an update: the letter is passed over."""
        try:
            heard = await self._stages.ear(row.update, mail)
        except (Transient, Stale):
            raise
        except Exception as error:
            trouble = _judged(error, row.tries)
            if isinstance(error, SurefootError) and trouble.again:
                raise
            why = f"what @{mail.author} wrote could not be followed: {trouble.why}"
            log.warning("passed over", mail=mail.key, why=trouble.why)
            return Waiting(update=row.update, until=self._clock(), why=why, told=True)
        return heard or Waiting(update=row.update, until=self._clock(), why=row.update.note)

    async def _save(
        self,
        row: UpdateRow,
        outcome: Outcome,
        after: tuple[Update, Entry | None],
        mail: Mail | None,
        most: timedelta | None,
    ) -> bool:
        now = self._clock()
        update, entry = after
        moved = isinstance(outcome, Moved)
        # Due at once as long as there is more to do: if the process ends before the next save, that is found again.
        until = now if isinstance(outcome, Moved) else outcome.until
        if most is not None:
            until = min(until or now + most, now + most)
        goes_on = until is not None and until <= now
        heard = (mail.key,) if mail else ()
        entries = (entry,) if entry else ()
        saved = await self._store.save(row, update, entries=entries, due=until, heard=heard)
        _count(row.update, update)
        if entry:
            log.info("moved" if moved else "told", to=update.state.value, why=entry.why)
        unheeded = update.state in PASSED_THROUGH if moved else goes_on
        if not unheeded:
            await self._speak(saved, moved or bool(entry))
        if moved:
            metrics.STEPS.labels(row.update.state.value, update.state.value).inc()
            await self._tell_siblings(update)
        return goes_on or (bool(row.mail) and most is None)

    async def _speak(self, row: UpdateRow, important: bool) -> None:
        """Best effort, after the save: what could not be said now is said by the sweep."""
        try:
            await self._voice(row, important)
        except SurefootError as error:
            log.warning("could not be said", why=str(error))
        except Exception:
            log.exception("the voice broke")

    async def _tell_siblings(self, update: Update) -> None:
        """A newer one that proved good takes the place of older ones: they look for themselves."""
        if update.state not in TOLD_TO_SIBLINGS:
            return
        others = await self._store.siblings(update)
        keys = [key_of(other.id) for other in others if other.id != update.id]
        if keys:
            await self._store.wake(keys, now=self._clock())

    async def _later(self, row: UpdateRow, trouble: _Trouble) -> None:
        now = self._clock()
        # News that came before the time is no further try: it must not make the next wait longer, nor later.
        early = row.due if row.tries and row.due is not None and row.due > now else None
        tries = row.tries if early else row.tries + 1
        due = max(early or now + self._backoff.after(tries), now + trouble.after)
        log.warning("tried again later", why=trouble.why, tries=tries, seconds=(due - now).total_seconds())
        metrics.STEPS.labels(row.update.state.value, "retried").inc()
        update = replace(row.update, note=f"{trouble.why}; tried again")
        first = tries == 1 and not early
        entries = (self._entry(row.update, f"did not work just now: {trouble.why}"),) if first else ()
        await self._store.save(row, update, entries=entries, due=due, tries=tries)

    def _entry(self, update: Update, why: str) -> Entry:
        return Entry(update=update.id, at=self._clock(), was=update.state, now=update.state, why=why)

    def _failed(self, update: Update, why: str) -> Outcome:
        if State.FAILED not in MAY_GO[update.state]:
            return Waiting(update=update, until=None, why=why, told=True)
        stopped = replace(update, paused_from=update.state)
        return Moved(update=stopped, to=State.FAILED, why=f"{why}; `/surefoot retry` tries it again")

    async def _repo(self, name: RepoName) -> None:
        row = await self._store.repo(name)
        if row is None or _asks_nothing(row, self._clock()):
            return
        if row.rests:
            await self._keep(row, None, row.notes, 0)
            return
        with structlog.contextvars.bound_contextvars(repo=name):
            try:
                looked = await self._stages.look(row)
                await self._take(looked)
            except Exception as error:
                await self._not_looked(row, error)
                return
            await self._keep(row, looked.due, looked.notes, 0)

    async def _take(self, looked: Looked) -> None:
        now = self._clock()
        for update in looked.found:
            first = Entry(update=update.id, at=now, was=update.state, now=update.state, why="; ".join(update.why_now))
            if await self._store.add(update, first):
                log.info("found", update=update.id, component=update.component.name, target=update.target)

        for uid, seen in looked.seen.items():
            await self._learn(uid, seen)

    async def _learn(self, uid: UpdateId, seen: Seen) -> None:
        """Its row learns what came to light, and its stage runs: that may stop it, or ask a person."""
        for _ in range(LEARNS):
            row = await self._store.load(uid)
            if row is None:
                return
            now = self._clock()
            update, news = learnt(row.update, seen, now)
            if not news:
                return
            try:
                # Due at once, should the process end before it is woken.
                saved = await self._store.save(row, update, entries=(self._entry(row.update, news),), due=now)
            except Stale:
                continue
            log.info("came to light", update=uid, why=news)
            await self._speak(saved, True)
            await self._store.wake([key_of(uid)], now=now)
            return

    async def _not_looked(self, row: RepoRow, error: Exception) -> None:
        """Not at all is no choice: whatever went wrong, there is a time for the next look."""
        trouble = _judged(error, row.tries)
        tries = row.tries + 1 if trouble.again else 0
        wait = max(self._backoff.after(tries), trouble.after) if trouble.again else timedelta(hours=1)
        log.warning("looked at again later", why=trouble.why, seconds=wait.total_seconds())
        await self._keep(row, self._clock() + wait, {**row.notes, "problem": trouble.why}, tries)

    async def _keep(self, row: RepoRow, due: datetime | None, notes: Mapping[str, object], tries: int) -> None:
        try:
            await self._store.save_repo(replace(row, notes=notes), due=due, tries=tries)
        except Stale:
            await self._store.wake([repo_work(row.name)], now=self._clock())
