"""Both of GitHub's limits, told apart and obeyed: who is over one fails fast until it is over, and writes are paced.

Sources: GitHub's pages on rate limits for the REST API and best practices (wait for `retry-after`; else until
`x-ratelimit-reset` when nothing remains; else a minute, longer each time).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from bot.core.errors import Transient
from bot.github import answers
from bot.github.answers import Answer

MINUTE = 60.0
MOST_WAIT = 3_700.0  # seconds; a primary limit is over within the hour, so a later reset is a wrong clock
MOST_STRIKES = 4


class Limit(StrEnum):
    """Which of the two limits was hit."""

    PRIMARY = "primary"  # so many requests an hour, per resource
    SECONDARY = "secondary"  # too many at once or too many writes; holds for everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A limit that an answer told of. seconds: how long to be silent; None where GitHub named no time."""

    limit: Limit
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast writes may follow each other: `burst` at once, then one every `seconds`. 0 seconds: no pacing.

    GitHub counts 5 points for a write and allows 900 a minute: 180 writes. These are 150, with room for a burst.
    """

    seconds: float = 0.4
    burst: int = 30


def _number(answer: Answer, name: str) -> float | None:
    text = answer.headers.get(name, "")
    return float(text) if text.isdecimal() and len(text) < 12 else None


def _until_reset(answer: Answer, now: float) -> float | None:
    """Seconds until the reset, where the answer says that nothing remains."""
    reset = _number(answer, "x-ratelimit-reset")
    if _number(answer, "x-ratelimit-remaining") != 0 or reset is None:
        return None
    return min(max(reset - now, 1.0), MOST_WAIT)


def limit_of(answer: Answer, now: float) -> Hit | None:
    """Whether a refusal is a limit, and which. now: seconds since 1970.

    GitHub answers a secondary limit with 403 or 429, as it does a real refusal; a `retry-after` header or its own
    words are all that tells them apart, so a 403 with neither stays a refusal.
    """
    if answer.status not in (403, 429):
        return None
    if (hit := _after(answer)) is not None:
        return hit
    if (reset := _until_reset(answer, now)) is not None:
        return Hit(limit=Limit.PRIMARY, seconds=reset)
    return Hit(limit=Limit.SECONDARY, seconds=None) if answer.status == 429 or _is_said(answer) else None


def graphql_limit_of(answer: Answer, now: float) -> Hit | None:
    """The same for GraphQL, which also says it with a 200 and errors: by their kind, in words, or by `retry-after`."""
    if answer.status != 200:
        return limit_of(answer, now)
    kinds = answers.kinds(answers.decoded(answer))
    if kinds and (hit := _after(answer)) is not None:
        return hit
    if "RATE_LIMITED" in kinds:
        return Hit(limit=Limit.PRIMARY, seconds=_until_reset(answer, now))
    return Hit(limit=Limit.SECONDARY, seconds=None) if kinds and _is_said(answer) else None


def _after(answer: Answer) -> Hit | None:
    after = _number(answer, "retry-after")
    return Hit(limit=Limit.SECONDARY, seconds=min(max(after, 1.0), MOST_WAIT)) if after is not None else None


def _is_said(answer: Answer) -> bool:
    said = answers.words(answer).lower()
    return "secondary rate limit" in said or "abuse detection" in said


def resource(url: str) -> str:
    """Which budget a request is paid from; primary limits are counted for each alone."""
    path = urlsplit(url).path
    if path.endswith("/graphql"):
        return "graphql"
    return "search" if "/search/" in path else "core"


class Pacer:
    """When the next write may go out: a bucket of `burst` that one write a time refills."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due = 0.0

    def book(self, now: float) -> float:
        """Take the next place; the answer is the seconds to wait for it. now: of any clock that never goes back."""
        due = max(self._due, now)
        self._due = due + self._pace.seconds
        return max(0.0, due - (self._pace.burst - 1) * self._pace.seconds - now)


class Gate:
    """What stands before every request of one token: its limits, its places at once, its pace."""

    def __init__(self, *, at_once: int, pace: Pace, clock: Callable[[], float]) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._pacer = Pacer(pace)
        self._clock = clock
        self._shut: dict[str, float] = {}
        self._strikes = 0

    @asynccontextmanager
    async def place(self, method: str, url: str) -> AsyncIterator[None]:
        """A place to speak from. Transient at once, with the time to wait, while a limit holds."""
        self._refuse_while_shut(url)
        if method != "GET" and (wait := self._pacer.book(asyncio.get_running_loop().time())) > 0:
            await asyncio.sleep(wait)
        async with self._places:
            self._refuse_while_shut(url)  # it may have been shut while we stood in the queue
            yield

    def _refuse_while_shut(self, url: str) -> None:
        until = max(self._shut.get(resource(url), 0.0), self._shut.get("", 0.0))
        left = until - self._clock()
        if left > 0:
            message = f"GitHub's rate limit for {resource(url)} is used up; silent for another {left:.0f} s"
            raise Transient(message, after=timedelta(seconds=left))

    def note(self, answer: Answer, url: str) -> timedelta | None:
        """Learn from an answer. The wait, if it is a limit that refused this request; None if it is anything else."""
        now = self._clock()
        hit = graphql_limit_of(answer, now) if resource(url) == "graphql" else limit_of(answer, now)
        if hit is None:
            self._note_last_place(answer, url, now)
            return None
        seconds = self._seconds(hit)
        key = resource(url) if hit.limit is Limit.PRIMARY else ""
        self._shut[key] = max(self._shut.get(key, 0.0), now + seconds)
        return timedelta(seconds=seconds)

    def _note_last_place(self, answer: Answer, url: str, now: float) -> None:
        """An answer may itself have used up the budget: then the next request need not be sent to learn it."""
        if answer.status < 400:
            self._strikes = 0
        if (reset := _until_reset(answer, now)) is not None:
            self._shut[resource(url)] = now + reset

    def _seconds(self, hit: Hit) -> float:
        if hit.seconds is not None:
            return hit.seconds
        wait = MINUTE * (1 << self._strikes)
        self._strikes = min(self._strikes + 1, MOST_STRIKES)
        return wait
