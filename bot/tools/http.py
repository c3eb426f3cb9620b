"""HTTP that cannot be led astray: bounded in size and time, no private addresses, no proxies or logins by accident."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from weakref import WeakValueDictionary

import aiohttp
from cachetools import LRUCache
from yarl import URL

from bot.core.durations import spoken
from bot.core.errors import Missing, Permanent, Refused, SurefootError, Transient
from bot.tools import tally, trust
from bot.tools.addresses import CarefulResolver, Network, may_reach
from bot.tools.cache import Cache, Kept
from bot.tools.forms import Form, Made
from bot.tools.keeping import PRIVATE, SMALL, Answer, Small, Way, Whole, conditions, key_of

REDIRECTS = 5
MOST_BYTES = 64 << 20
SECONDS = 60.0
PER_HOST = 8
IN_ALL = 16  # answers held at once: their sizes add up to the memory that we need
KEPT_HEADERS = (
    "etag", "last-modified", "content-type", "link", "docker-content-digest", "www-authenticate", "retry-after",
    "x-ratelimit-reset",
)  # fmt: skip
AGENT = "surefoot"
_UNKEPT = Whole(None, "")
T = TypeVar("T")

__all__ = ["Answer", "Http", "Reach", "retry_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What stays the same when a server sends us on. known: statuses that are answers to the asker, not errors.

    want: headers that are given back beside the usual ones, in lower case. small: what is wanted is a form of it. The
    server's own name for it, its ETag, is a good enough digest then, and what is kept is no body.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes | None
    most: int
    known: Collection[int]
    want: frozenset[str] = frozenset()
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the operator opened beyond the public Internet, and how strangers prove who they are.

    allow: networks. trusted: host names that may have private addresses. ca: a PEM bundle, file or folder.
    unverified: host names (or host:port) whose certificates are not checked, as pip's trusted-host.
    """

    allow: Sequence[Network] = ()
    trusted: Collection[str] = ()
    ca: str | None = None
    unverified: Collection[str] = ()


class Http:
    """One session for everything that is fetched; use as `async with`. Nothing here retries: the loop does."""

    def __init__(
        self, reach: Reach | None = None, *, cache: Cache | None = None, seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES, per_host: int = PER_HOST, alone: bool = False,
    ) -> None:  # fmt: skip
        """alone: nobody but the asker waits for this loop, so that a big document is worth no thread of its own."""
        self._reach = reach or Reach()
        self._trusted = frozenset(host.lower() for host in self._reach.trusted)
        self._cache = cache
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._big = MOST_BYTES + 1 if alone else SMALL
        self._per_host = per_host
        # Of those that are being asked; anybody's file may name one more.
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._room = asyncio.Semaphore(IN_ALL)
        self._turns: LRUCache[str, str] = LRUCache(100_000)
        # host -> the moment of the loop's clock before which it wants no request
        self._closed: LRUCache[str, float] = LRUCache(10_000)
        self._session: aiohttp.ClientSession | None = None
        self._ssl: ssl.SSLContext | bool | None = None
        _must_be_there(self._reach.ca)

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections; may be called twice."""
        if self._session:
            await self._session.close()
            self._session = None

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, keep: bool = True, most_bytes: int | None = None,
        known: Collection[int] = (), want: Collection[str] = (),
    ) -> Answer:  # fmt: skip
        """GET a URL, following up to five redirects. keep: use the cache and its validators.

        known: statuses besides 2xx that are given back instead of raised; they are never kept. want: headers to give
        back beside KEPT_HEADERS; only a whole answer is sure to hold them, so what was kept is not used.
        Missing (404, 410), Refused (401, 403, or a URL that may not be reached), Permanent (other 4xx, too big, a bad
        certificate), Transient (429, 5xx, no answer in time); `after` holds what Retry-After asked for.
        """
        most = most_bytes or self._most_bytes
        more = frozenset(name.lower() for name in want) - frozenset(KEPT_HEADERS)
        asked = _Request(method="GET", headers=dict(headers or {}), body=None, most=most, known=known, want=more)
        cache = self._cache if keep and not more else None
        return await self._counted(url, asked, Whole(cache, key_of(url, asked.headers)))

    async def made(
        self, url: str, form: Form[T], *, headers: Mapping[str, str] | None = None, most_bytes: int | None = None,
        mark: str = "", turn: str = "",
    ) -> Made[T]:  # fmt: skip
        """GET a URL, and what `form` makes of it: that is kept instead of the body, which is let go at once.

        mark: on what the document hangs. What was kept under the same mark is not asked for again, also by a later
        process. turn: the asker's word for this round; what this object heard in it is not asked for again.
        Errors as `get` and `form.make`.
        """
        most = most_bytes or self._most_bytes
        asked = _Request(method="GET", headers=dict(headers or {}), body=None, most=most, known=(), small=True)
        way = Small(self._cache, key_of(url, asked.headers, form.name), form, mark, self._big)
        heard = bool(turn) and self._turns.get(way.key) == turn
        if (mark or heard) and (known := way.known(marked=not heard)):
            return known
        made = await self._counted(url, asked, way)
        if turn:
            self._turns[way.key] = turn
        return made

    async def head(self, url: str, *, headers: Mapping[str, str] | None = None, known: Collection[int] = ()) -> Answer:
        """HEAD a URL: the headers alone, never kept. Errors as `get`."""
        asked = _Request(method="HEAD", headers=dict(headers or {}), body=None, most=0, known=known)
        return await self._counted(url, asked, _UNKEPT)

    async def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, most_bytes: int | None = None
    ) -> Answer:
        """POST a body, for services that are asked so and change nothing. Errors as `get`; a redirect is Permanent."""
        most = most_bytes or self._most_bytes
        asked = _Request(method="POST", headers=dict(headers or {}), body=body, most=most, known=())
        return await self._counted(url, asked, _UNKEPT)

    async def _counted(self, url: str, asked: _Request, way: Way[T]) -> T:
        try:
            return await self._follow(_parse(url), asked, way)
        except SurefootError as error:
            self._learn(url, error)
            tally.count("requests", type(error).__name__.lower())
            raise

    async def _follow(self, url: URL, asked: _Request, way: Way[T]) -> T:
        self._check(url)
        for _ in range(REDIRECTS + 1):
            # Who waits for a slow host takes no place away from those who ask another.
            async with self._places(url.host or ""), self._room:
                self._must_be_open(url.host or "")
                kept = await way.before()
                got = await self._one(url, asked, kept)
                if isinstance(got, Answer):
                    # Only so many bodies are held as there are places: each is let go before the next one comes.
                    given = await way.after(got, kept)
                    tally.count("requests", "fresh" if got.changed else "same")
                    return given
            self._check(got)
            if asked.method == "POST":
                raise Permanent(f"{url.host} sends a POST on to {got.host}")
            if got.origin() != url.origin():
                public = {name: value for name, value in asked.headers.items() if name.lower() not in PRIVATE}
                asked = replace(asked, headers=public)
            url = got
        raise Permanent(f"{url.host} redirects more than {REDIRECTS} times")

    def _places(self, host: str) -> asyncio.Semaphore:
        there = self._hosts.get(host)
        if there is None:
            there = self._hosts[host] = asyncio.Semaphore(self._per_host)
        return there

    async def _one(self, url: URL, asked: _Request, kept: Kept | None) -> Answer | URL:
        """One request: an answer, or where to ask instead."""
        # A validator belongs to the place that gave it, which after a redirect is not the place first asked.
        mine = kept if kept and kept.url == str(url) else None
        try:
            async with asyncio.timeout(self._seconds), self._send(url, asked, mine) as answer:
                if answer.status in {301, 302, 303, 307, 308}:
                    return _next(url, answer.headers.get("Location", ""))
                if answer.status == 304 and mine:
                    body = b"" if asked.small else bytes(mine.body)
                    return Answer(url=mine.url, body=body, digest=mine.digest, headers=mine.headers, changed=False)
                if answer.status not in asked.known:
                    _raise_for(answer.status, url, answer.headers)
                body = await _read(answer, asked.most)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Permanent(
                f"the certificate of {url.host} is not trusted ({error.certificate_error}). Name the bundle that "
                "vouches for it in pip's `cert` setting or in SSL_CERT_FILE"
            ) from error
        except aiohttp.InvalidURL as error:
            raise Refused(f"{url.host} is not a host that may be asked") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Transient(f"{url.host} cannot be reached: {_words(error)}") from error
        lower = {name: answer.headers[name] for name in (*KEPT_HEADERS, *asked.want) if name in answer.headers}
        if asked.small and (tag := lower.get("etag")):
            return Answer(url=str(url), body=body, digest=tag, headers=lower, status=answer.status)
        digest = hashlib.sha256(body).hexdigest()
        # Some indexes give no validator at all: then only the body itself can tell whether anything is new.
        same = kept is not None and kept.digest == digest
        return Answer(url=str(url), body=body, digest=digest, headers=lower, changed=not same, status=answer.status)

    def _must_be_open(self, host: str) -> None:
        """Transient while the host has asked us, by Retry-After, to leave it alone."""
        left = self._closed.get(host, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            after = timedelta(seconds=left)
            raise Transient(f"{host} asked us to wait, and is not asked again for {spoken(after)}", after=after)

    def _learn(self, url: str, error: SurefootError) -> None:
        if isinstance(error, Transient) and error.after and (host := URL(url, encoded=True).host):
            until = asyncio.get_running_loop().time() + error.after.total_seconds()
            self._closed[host] = max(until, self._closed.get(host, 0.0))

    def _send(
        self, url: URL, asked: _Request, mine: Kept | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        sent = {**asked.headers, **(conditions(mine.headers) if mine else {})}
        verify = self._trusting() if url.scheme == "https" and not self._unverified(url) else False
        return self._open().request(asked.method, url, headers=sent, data=asked.body, allow_redirects=False, ssl=verify)

    def _trusting(self) -> ssl.SSLContext | bool:
        """What strangers' certificates are held against; made when the first of them is met."""
        if self._ssl is None:
            trust.read()
            self._ssl = _context(self._reach.ca)
        return self._ssl

    def _check(self, url: URL) -> None:
        """Refused unless it is a plain http or https URL to somewhere that may be reached."""
        if url.scheme not in {"http", "https"} or not url.host:
            raise Refused(f"only http and https are fetched, not {url.scheme or 'a relative URL'}")
        if url.user is not None or url.password is not None:
            raise Refused(f"a URL of {url.host} carries a login; it belongs in a secret")
        if url.host.lower() in self._trusted:
            return
        try:
            ip_address(url.host.partition("%")[0])
        except ValueError:
            return  # a name: the resolver judges what it leads to
        # aiohttp connects to a numeric address without asking any resolver.
        if not may_reach(url.host.partition("%")[0], self._reach.allow):
            raise Refused(f"{url.host} is not a public address")

    def _unverified(self, url: URL) -> bool:
        return url.host in self._reach.unverified or f"{url.host}:{url.port}" in self._reach.unverified

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            _unfold_fast()
            resolver = CarefulResolver(allow=self._reach.allow, trusted=self._trusted)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=IN_ALL, ttl_dns_cache=60),
                # The whole time is bounded by asyncio.timeout; waiting for a free connection must not count.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=self._seconds),
                headers={"User-Agent": AGENT},
                # trust_env would take proxies and netrc logins out of the environment.
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _unfold_fast() -> None:
    """Let aiohttp unfold what comes compressed by ISA-L, in less than half the time, where there is a wheel of it."""
    with suppress(ImportError):
        from isal import isal_zlib

        aiohttp.set_zlib_backend(isal_zlib)


def _must_be_there(ca: str | None) -> None:
    if ca is not None and not Path(ca).exists():
        raise Permanent(f"the certificate bundle {ca} cannot be read: there is no such file")


def _context(ca: str | None) -> ssl.SSLContext | bool:
    if ca is None:
        return True  # aiohttp's own, which is made by the same rules and is there already
    folder = Path(ca).is_dir()
    try:
        return ssl.create_default_context(cafile=None if folder else ca, capath=ca if folder else None)
    except OSError as error:
        raise Permanent(f"the certificate bundle {ca} cannot be read: {error}") from error


def _parse(url: str) -> URL:
    try:
        return URL(url, encoded=True)
    except ValueError as error:
        raise Refused(f"not a URL: {error}") from error


def _next(url: URL, location: str) -> URL:
    if not location:
        raise Permanent(f"{url.host} redirects to nowhere")
    try:
        to = url.join(URL(location, encoded=True))
    except ValueError as error:
        raise Refused(f"{url.host} redirects to what is no URL") from error
    if url.scheme == "https" and to.scheme != "https":
        raise Refused(f"{url.host} redirects from https to {to.scheme}")
    return to


def _words(error: BaseException) -> str:
    """What kept us from an answer, for people; what an exception says itself may hold anything."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known here"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it hung up without an answer"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number).lower() if number else type(error).__name__


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """What Retry-After asks for, in seconds or as a date (RFC 9110, 10.2.3), a day at most; None else."""
    if not value:
        return None
    if re.fullmatch(r"\s*[0-9]{1,18}\s*", value):
        return timedelta(seconds=min(int(value), 86400))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return min(max(timedelta(), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now), timedelta(days=1))


def _raise_for(status: int, url: URL, headers: Mapping[str, str]) -> None:
    if 200 <= status < 300:
        return
    said = f"{url.host} answers {status} for {url.raw_path}"
    after = retry_after(headers.get("Retry-After"), now=datetime.now(UTC))
    # A 403 that names a time is a limit, not a refusal.
    if status in {408, 425, 429} or status >= 500 or (status == 403 and after is not None):
        raise Transient(said, after=after)
    if status in {404, 410}:
        raise Missing(said)
    if status in {401, 403}:
        raise Refused(said)
    raise Permanent(said)


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    # Counted after decompression: a small answer may unfold to a very big one.
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > most:
            raise Permanent(f"{answer.url.host} sends more than {most} bytes for {answer.url.raw_path}")
        parts.append(part)
    return b"".join(parts)
