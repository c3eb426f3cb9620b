"""What is kept of an answer: the body, or the small form that is made of it; so a server may say "not modified"."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from bot.tools.bundles import Blob
from bot.tools.cache import Cache, Kept
from bot.tools.forms import Form, Made

SMALL = 256 << 10  # a bigger document is read in a thread, so that nobody waits for it
PRIVATE = frozenset({"authorization", "cookie", "private-token", "circle-token"})

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer (2xx, or what was kept when the server said 304), or one of another status that was asked for.

    url: where it came from after redirects. headers: lower-case names. digest: sha256 of the body in hex, or its ETag
    where a small form of it is all that was asked for.
    changed: False when the server or the digest says that the body is what it was the last time.
    """

    url: str
    body: bytes
    digest: str
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: bool = True
    status: int = 200


class Way(Protocol[T_co]):
    """What is known before a request is made, and what becomes of its answer; both while its place is held."""

    async def before(self) -> Kept | None:
        """What was kept the last time."""
        ...

    async def after(self, answer: Answer, kept: Kept | None) -> T_co:
        """What the asker gets. kept: as `before` gave it."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A `Way`: the answer itself, its body kept where there is a cache."""

    cache: Cache | None
    key: str

    async def before(self) -> Kept | None:
        """The kept answer with its body, which may be a big one."""
        return await asyncio.to_thread(self.cache.load, self.key) if self.cache else None

    async def after(self, answer: Answer, kept: Kept | None) -> Answer:
        """The answer, kept when it says anything new."""
        if self.cache and answer.status < 300 and _is_news(answer, kept):
            fresh = Kept(url=answer.url, digest=answer.digest, body=answer.body, headers=answer.headers)
            await asyncio.to_thread(self.cache.keep, self.key, fresh)
        return answer


@dataclass(slots=True)
class Small(Generic[T]):
    """A `Way`: what a form makes of the answer; the body is let go at once, and the small form is kept.

    big: from so many bytes on it is made in a thread.
    """

    cache: Cache | None
    key: str
    form: Form[T]
    mark: str
    big: int = SMALL
    last: Made[T] | None = None

    def known(self, *, marked: bool) -> Made[T] | None:
        """What was kept, whatever its server would say now. marked: only if it was under this very mark."""
        kept = self.cache.load(self.key) if self.cache else None
        return self._read(kept) if kept and (kept.mark == self.mark or not marked) else None

    async def before(self) -> Kept | None:
        """The kept form. It is small: a thread would cost more than reading it."""
        kept = self.cache.load(self.key) if self.cache else None
        self.last = self._read(kept) if kept else None
        return kept if self.last else None

    async def after(self, answer: Answer, kept: Kept | None) -> Made[T]:
        """What is made of a body that is new; of one that is not, what was made the last time."""
        # Links of a page are relative to its place, so the same page elsewhere is another one.
        if kept is None or self.last is None or answer.changed or answer.url != kept.url:
            big = len(answer.body) >= self.big
            value = await asyncio.to_thread(self._made, answer) if big else self._made(answer)
            return Made(value, answer.digest, changed=True)
        if self.cache and (_is_news(answer, kept) or kept.mark != self.mark):
            self._keep(self.cache, answer, kept.body)
        return self.last

    def _made(self, answer: Answer) -> T:
        """Made and kept at one go: a thread for each of the two would cost more than a small form takes to write."""
        value = self.form.make(answer)
        if self.cache:
            self._keep(self.cache, answer, self.form.pack(value))
        return value

    def _read(self, kept: Kept) -> Made[T] | None:
        value = self.form.known(kept.body)
        return None if value is None else Made(value, kept.digest, changed=False)

    def _keep(self, cache: Cache, answer: Answer, packed: Blob) -> None:
        fresh = Kept(url=answer.url, digest=answer.digest, body=packed, headers=answer.headers, mark=self.mark)
        cache.keep(self.key, fresh)


def key_of(url: str, headers: Mapping[str, str], form: str = "") -> str:
    """Who asks decides what is shown, so a login is part of the key, as a digest only; and so is the form."""
    login = "\n".join(value for name, value in sorted(headers.items()) if name.lower() in PRIVATE)
    accept = next((value for name, value in headers.items() if name.lower() == "accept"), "")
    parts = (url, accept, hashlib.sha256(login.encode()).hexdigest() if login else "")
    return "\n".join((*parts, form) if form else parts)


def conditions(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that ask for a document only if it is another one than these came with."""
    etag, modified = _validators(headers)
    if etag:
        return {"If-None-Match": etag}
    return {"If-Modified-Since": modified} if modified else {}


def _is_news(got: Answer, kept: Kept | None) -> bool:
    return kept is None or got.changed or _validators(got.headers) != _validators(kept.headers)


def _validators(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    return headers.get("etag"), headers.get("last-modified")
