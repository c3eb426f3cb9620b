"""A login stays below the place that it was given for, and a page that has not changed is read once."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from cachetools import LRUCache

from bot.core.errors import ConfigProblem, Permanent
from bot.tools.http import Answer
from bot.tools.secrets import Secret, redact

SMALL = 256 << 10  # a bigger document is read in a thread, so that nobody waits for it
MOST_RELEASES = 25_000  # about 20 MB
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A registry's URL without a slash at its end, and the Authorization header for everything below it."""

    url: str
    header: Secret | None = None

    def headers(self, url: str) -> dict[str, str]:
        """The login for this URL: none for another origin or a path beside ours."""
        return {"Authorization": self.header.reveal()} if self.header and below(url, self.url) else {}


def below(url: str, place: str) -> bool:
    """Whether a URL lies at or below a place: the same origin, and a path that begins with its whole path."""
    here, there = urlsplit(url), urlsplit(place)
    same = (here.scheme, here.netloc.lower()) == (there.scheme, there.netloc.lower())
    return same and f"{here.path}/".startswith(there.path.rstrip("/") + "/")


def place_of(text: str) -> str:
    """A registry's URL, checked: it may stand in a stranger's file. Permanent for what is none."""
    try:
        split = urlsplit(text) if re.fullmatch(r"[!-~]+", text) else None
        plain = split and split.scheme in {"http", "https"} and split.hostname and (split.port or 1)
    except ValueError:
        plain = None
    if not plain or "?" in text or "#" in text:
        raise Permanent(f"{redact(text)[:100]!r} is no URL of a registry")
    return text.rstrip("/")


def configured(url: str, kind: str) -> str:
    """A registry's URL out of the options of a kind. ConfigProblem for what is none."""
    try:
        return place_of(url)
    except Permanent as error:
        raise ConfigProblem(f"{kind}: {error}", mend="Write it as https://registry.example/path") from None


def basic(secret: Secret) -> Secret:
    """ "user:password", or a token alone, as the header of HTTP's basic login (RFC 7617)."""
    pair = secret.reveal() if ":" in secret.reveal() else f"{secret.reveal()}:"
    return Secret("Basic " + base64.b64encode(pair.encode()).decode())


def bearer(secret: Secret) -> Secret:
    """A token as the header of RFC 6750."""
    return Secret(f"Bearer {secret.reveal()}")


class Pages(Generic[T]):
    """What was made of each page the last time, by its place; read again only when its digest is another.

    size: how much room one takes, in releases. The least used goes first when they outgrow `most`.
    """

    def __init__(self, size: Callable[[T], int], *, most: int = MOST_RELEASES) -> None:
        self._kept: LRUCache[str, tuple[str, T]] = LRUCache(most, getsizeof=lambda kept: size(kept[1]) + 1)
        self._asking: LRUCache[str, asyncio.Lock] = LRUCache(1024)

    def known(self, key: str) -> tuple[str, T] | None:
        """The digest of the page as last read, and what was made of it."""
        return self._kept.get(key)

    def keep(self, key: str, digest: str, made: T) -> None:
        """Remember it, unless it alone is bigger than all the room."""
        self._kept.pop(key, None)
        if self._kept.getsizeof((digest, made)) <= self._kept.maxsize:
            self._kept[key] = (digest, made)

    async def fetch(self, key: str, digest: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What was made for this key and digest, else what `ask` gives now; many who want it at once ask once."""
        async with self._asking.setdefault(key, asyncio.Lock()):
            kept = self.known(key)
            if kept and kept[0] == digest:
                return kept[1]
            made = await ask()
            self.keep(key, digest, made)
            return made

    async def read(self, key: str, answer: Answer, reader: Callable[[Answer], T]) -> T:
        """What `reader` makes of the answer; not called when this very page was read before."""
        kept = self.known(key)
        if kept and kept[0] == answer.digest:
            return kept[1]
        made = await made_of(answer, reader)
        self.keep(key, answer.digest, made)
        return made


async def made_of(answer: Answer, reader: Callable[[Answer], T]) -> T:
    """What `reader` makes of the answer, in a thread when it is big."""
    return reader(answer) if len(answer.body) < SMALL else await asyncio.to_thread(reader, answer)
