"""One document for everybody, by URL or by path, read anew when it is old; while it cannot be had the last one counts.

Such a document makes what is known more urgent and nothing less so: without it nothing is held up, and it is said that
it is missing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, cast

from bot.core.errors import ConfigProblem, Permanent, SurefootError
from bot.tools import quiet
from bot.tools.http import Http

FRESH = 6 * 3600.0  # seconds; such lists change a few times a week
LOOK = 60.0  # a file is looked at no more often
AGAIN = 15 * 60.0  # after it could not be had
MOST_BYTES = 64 << 20
URLS = ("http://", "https://")

T = TypeVar("T")


class Document(Generic[T]):
    """place: a URL, or a file's path. read: what its bytes become, in a thread; Permanent for another document."""

    def __init__(
        self,
        http: Http,
        place: str,
        read: Callable[[bytes], T],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http, self._place, self._read, self._clock = http, place, read, clock
        self._known: T | None = None
        self._mark: object = None  # what changes when the document does
        self._due = float("-inf")
        self._turn = asyncio.Lock()

    async def now(self) -> T | None:
        """As it is now, or was when it could last be had; None when it never could."""
        async with self._turn:  # many ask at once, and one fetches
            if self._clock() >= self._due:
                try:
                    await self._renew()
                    self._due = self._clock() + (FRESH if self._place.startswith(URLS) else LOOK)
                except SurefootError as error:
                    self._due = self._clock() + AGAIN
                    log = quiet.logger(__name__)
                    log.warning("a list could not be read", place=self._place, why=str(error), before=bool(self._known))
        return self._known

    async def _renew(self) -> None:
        if self._place.startswith(URLS):
            answer = await self._http.get(self._place, most_bytes=MOST_BYTES)
            mark, body = cast(object, answer.digest), answer.body
        else:
            mark, body = await asyncio.to_thread(_file, Path(self._place), self._mark)
        if mark != self._mark:
            self._known = await asyncio.to_thread(self._read, body)
            self._mark = mark


def _file(path: Path, known: object) -> tuple[object, bytes]:
    """Its mark, and its bytes where the mark is another than before."""
    try:
        status = path.stat()
        mark = status.st_mtime_ns, status.st_size, status.st_ino
        if mark == known:
            return mark, b""
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > MOST_BYTES:
        raise Permanent(f"{path} is too big: more than {MOST_BYTES} bytes")
    return mark, body


def checked(place: str, kind: str) -> str:
    """The place. ConfigProblem for a file that is not there: a typing error must not mean that nothing is known."""
    if not place.startswith(URLS) and not Path(place).is_file():
        raise ConfigProblem(f"{kind}: {place!r} is neither a URL nor a file", mend="Write https://… or a file's path")
    return place
