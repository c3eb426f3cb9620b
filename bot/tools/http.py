"""HTTP that cannot be led astray: bounded in size and time, no private addresses, no proxies or logins by accident."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

import aiohttp
from yarl import URL

from bot.core.durations import spoken
from bot.core.errors import Missing, Permanent, Refused, SurefootError, Transient
from bot.tools import metrics
from bot.tools.addresses import CarefulResolver, Network, may_reach
from bot.tools.cache import Cache, Kept

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer (2xx, or what was kept when the server said 304), or one of another status that was asked for.

    url: where it came from after redirects. digest: sha256 of the body in hex. headers: lower-case names.
    changed: False when the server or the digest says that the body is what it was the last time.
    """

    url: str
    body: bytes
    digest: str
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: bool = True
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What stays the same when a server sends us on. known: statuses that are answers to the asker, not errors."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None
    most: int
    known: Collection[int]


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
        most_bytes: int = MOST_BYTES, per_host: int = PER_HOST,
    ) -> None:  # fmt: skip
        self._reach = reach or Reach()
        self._trusted = frozenset(host.lower() for host in self._reach.trusted)
        self._cache = cache
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))
        self._room = asyncio.Semaphore(IN_ALL)
        self._closed: dict[str, float] = {}  # host -> the moment of the loop's clock before which it wants no request
        self._session: aiohttp.ClientSession | None = None
        self._ssl = _context(self._reach.ca)

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
        known: Collection[int] = (),
    ) -> Answer:  # fmt: skip
        """GET a URL, following up to five redirects. keep: use the cache and its validators.

        known: statuses besides 2xx that are given back instead of raised; they are never kept.
        Missing (404, 410), Refused (401, 403, or a URL that may not be reached), Permanent (other 4xx, too big, a bad
        certificate), Transient (429, 5xx, no answer in time); `after` holds what Retry-After asked for.
        """
        most = most_bytes or self._most_bytes
        asked = _Request(method="GET", headers=dict(headers or {}), body=None, most=most, known=known)
        return await self._counted(url, asked, self._cache if keep else None)

    async def head(self, url: str, *, headers: Mapping[str, str] | None = None, known: Collection[int] = ()) -> Answer:
        """HEAD a URL: the headers alone, never kept. Errors as `get`."""
        asked = _Request(method="HEAD", headers=dict(headers or {}), body=None, most=0, known=known)
        return await self._counted(url, asked, None)

    async def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, most_bytes: int | None = None
    ) -> Answer:
        """POST a body, for services that are asked so and change nothing. Errors as `get`; a redirect is Permanent."""
        most = most_bytes or self._most_bytes
        asked = _Request(method="POST", headers=dict(headers or {}), body=body, most=most, known=())
        return await self._counted(url, asked, None)

    async def _counted(self, url: str, asked: _Request, cache: Cache | None) -> Answer:
        try:
            answer = await self._follow(_parse(url), asked, cache)
        except SurefootError as error:
            self._learn(url, error)
            metrics.REQUESTS.labels(outcome=type(error).__name__.lower()).inc()
            raise
        metrics.REQUESTS.labels(outcome="fresh" if answer.changed else "same").inc()
        return answer

    async def _follow(self, url: URL, asked: _Request, cache: Cache | None) -> Answer:
        key = _key(url, asked.headers)
        kept = await asyncio.to_thread(cache.load, key) if cache else None
        self._check(url)
        for _ in range(REDIRECTS + 1):
            async with self._room, self._hosts[url.host or ""]:
                self._must_be_open(url.host or "")
                got = await self._one(url, asked, kept)
            if isinstance(got, Answer):
                if cache and got.status < 300 and _is_news(got, kept):
                    fresh = Kept(url=got.url, digest=got.digest, body=got.body, headers=got.headers)
                    await asyncio.to_thread(cache.keep, key, fresh)
                return got
            self._check(got)
            if asked.method == "POST":
                raise Permanent(f"{url.host} sends a POST on to {got.host}")
            if got.origin() != url.origin():
                public = {name: value for name, value in asked.headers.items() if name.lower() not in _PRIVATE}
                asked = replace(asked, headers=public)
            url = got
        raise Permanent(f"{url.host} redirects more than {REDIRECTS} times")

    async def _one(self, url: URL, asked: _Request, kept: Kept | None) -> Answer | URL:
        """One request: an answer, or where to ask instead."""
        # A validator belongs to the place that gave it, which after a redirect is not the place first asked.
        mine = kept if kept and kept.url == str(url) else None
        try:
            async with asyncio.timeout(self._seconds), self._send(url, asked, mine) as answer:
                if answer.status in {301, 302, 303, 307, 308}:
                    return _next(url, answer.headers.get("Location", ""))
                if answer.status == 304 and mine:
                    return Answer(url=mine.url, body=mine.body, digest=mine.digest, headers=mine.headers, changed=False)
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
            what = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise Transient(f"{url.host} cannot be reached: {what}") from error
        lower = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
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
        sent = {**asked.headers, **(_conditions(mine.headers) if mine else {})}
        verify = self._ssl if not self._unverified(url) else False
        return self._open().request(asked.method, url, headers=sent, data=asked.body, allow_redirects=False, ssl=verify)

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


_PRIVATE = {"authorization", "cookie", "private-token", "circle-token"}


def _context(ca: str | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
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


def _key(url: URL, headers: Mapping[str, str]) -> str:
    """Who asks decides what is shown, so a login is part of the key, as a digest only."""
    login = "\n".join(value for name, value in sorted(headers.items()) if name.lower() in _PRIVATE)
    accept = next((value for name, value in headers.items() if name.lower() == "accept"), "")
    return "\n".join((str(url), accept, hashlib.sha256(login.encode()).hexdigest() if login else ""))


def _is_news(got: Answer, kept: Kept | None) -> bool:
    return kept is None or got.changed or _validators(got.headers) != _validators(kept.headers)


def _validators(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    return headers.get("etag"), headers.get("last-modified")


def _conditions(headers: Mapping[str, str]) -> dict[str, str]:
    etag, modified = _validators(headers)
    if etag:
        return {"If-None-Match": etag}
    return {"If-Modified-Since": modified} if modified else {}


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


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """What Retry-After asks for, in seconds or as a date (RFC 9110, 10.2.3); None when it cannot be understood."""
    if not value:
        return None
    if value.strip().isdigit():
        return timedelta(seconds=min(int(value), 86400))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(timedelta(), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)


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
    async for part in answer.content.iter_chunked(1 << 16):
        size += len(part)
        if size > most:
            raise Permanent(f"{answer.url.host} sends more than {most} bytes for {answer.url.raw_path}")
        parts.append(part)
    return b"".join(parts)
