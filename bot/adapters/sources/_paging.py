"""A list in pages is read to its end or not at all, and every page comes from the place that was asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeAlias, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec
from cachetools import LRUCache

from bot.adapters.sources._logins import origin_of
from bot.core.errors import Permanent
from bot.core.model import Release
from bot.tools.http import Answer

T = TypeVar("T")
Releases: TypeAlias = tuple[Release, ...]
Ask: TypeAlias = Callable[[str], Awaitable[Answer]]
SMALL = 256 << 10  # a bigger document is read in a thread, so that nobody waits for it
MOST_BYTES = 64 << 20  # of all pages of one list
MOST_KEPT = 100_000
LONGEST = 2_000  # of a URL or a text that a registry hands on
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,<]*?\brel="?next"?', re.IGNORECASE)


async def whole_list(ask: Ask, url: str, *, most: int) -> list[Answer]:
    """All pages of a list, following its Link headers. Permanent when there are more than `most`, or they are too big.

    They are not decoded yet: by their digests the asker may know that nothing is new.
    """
    pages: list[Answer] = []
    following: str | None = url
    size = 0
    while following is not None:
        answer = await ask(following)
        size += len(answer.body)
        if len(pages) == most or size > MOST_BYTES:
            where = urlsplit(url)
            raise Permanent(f"{where.hostname} lists more for {where.path} than is looked through")
        pages.append(answer)
        following = next_of(answer, following)
    return pages


async def items(decoder: msgspec.json.Decoder[list[T]], pages: Sequence[Answer], what: str) -> list[T]:
    """What all pages list, one after the other. Permanent as `decoded`."""
    found: list[T] = []
    for page in pages:
        some: list[T] = await decoded(decoder, page, what)
        found.extend(some)
    return found


def next_of(answer: Answer, url: str) -> str | None:
    """Where the next page is (RFC 8288), None after the last. Permanent when it is elsewhere than the one before."""
    found = _NEXT.search(answer.headers.get("link", ""))
    if found is None:
        return None
    following: str = urljoin(url, found[1])
    # A login goes along with every page.
    if origin_of(following) != origin_of(url):
        raise Permanent(f"{urlsplit(url).hostname} continues its list at {urlsplit(following).hostname}")
    return following


async def decoded(decoder: msgspec.json.Decoder[T], answer: Answer, what: str) -> T:
    """The body as the decoder's type, in a thread when it is big. Permanent, naming the host, when it is not that."""
    try:
        if len(answer.body) < SMALL:
            return decoder.decode(answer.body)
        return await asyncio.to_thread(decoder.decode, answer.body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no {what}: {error}") from error


def web_url(url: str | None) -> str | None:
    """The URL when it is one for a browser and not endless, else None: it is shown to people."""
    if not url or len(url) > LONGEST or re.search(r"[\s<>\"\\^`{|}\x00-\x1f\x7f]", url):
        return None
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    return url if split.scheme in ("http", "https") and split.hostname else None


class Kept:
    """Releases by the digests of what they were read from, so that what has not changed is not read again.

    The least used go first; counted in releases, since a repository has one or fifty thousand.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._kept: LRUCache[Hashable, Releases] = LRUCache(most, getsizeof=lambda releases: len(releases) + 1)

    def get(self, key: Hashable) -> Releases | None:
        """What was read from it, None when that is not known."""
        return self._kept.get(key)

    def keep(self, key: Hashable, releases: Releases) -> Releases:
        """The same releases, remembered if there is room for so many."""
        if len(releases) < self._kept.maxsize:
            self._kept[key] = releases
        return releases
