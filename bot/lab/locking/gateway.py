"""The one way out of a jail: a proxy on a socket that fetches for the tool inside what it may have, and nothing else.

The tool speaks to it as to any HTTP proxy. A connection that it believes to be TLS ends here, by a certificate of our
own that only it trusts, so that each single request is seen: GET of a URL that is allowed, or 403 and a note of who was
asked for. HEAD is answered by what GET would bring. What is allowed is fetched by `bot.tools.http`, with logins,
certificates, bounds and address checks of the operator; none of that is ever inside. Nothing is passed on unread in
either direction.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bot.core.errors import ConfigProblem, Missing, Permanent, SurefootError, Transient
from bot.lab.locking.allowed import Allowed, Place, Ticket, origin_of
from bot.lab.locking.certificates import Authority
from bot.tools.cache import Cache
from bot.tools.http import Answer, Http, Reach

_MOST_HEAD = 16 << 10
_SMALL = 256 << 10
_AT_A_TIME = 8
# Read once, by their tool or for what they say of themselves, and too big to keep.
_FILES = (".whl", ".tar.gz", ".zip", ".tgz", ".gem", ".jar", ".nupkg")
_MOST_REQUESTS = 20_000
_MOST_BYTES = 1 << 30
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_SHUT = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Document(NamedTuple):
    """What the tool is given. kind: its content type."""

    body: bytes
    kind: str


class Desk(Protocol):
    """Who has a say in what a tool is given: makes documents that no place has, and refuses what may be fetched."""

    async def answer(self, url: str, get: Callable[[str, str], Awaitable[Document]]) -> Document | None:
        """The document in this URL's stead; None to go on as usual.

        get: fetches a URL (with an Accept header) as the tool itself might. Missing for a document that there is not;
        any other SurefootError makes the lock worthless, and is its reason.
        """
        ...


class Fetchers:
    """The operator's own HTTP for what lies below a place, and one for each server of files that an index lists.

    Such a server may have an address that is not public, as the index itself may, but over https only: then it has
    shown by its certificate that it is the one that the index meant.
    """

    def __init__(self, http: Http, reach: Reach, cache: Cache | None) -> None:
        self._http = http
        self._reach = reach
        self._cache = cache
        self._others: dict[str, Http] = {}

    def of(self, ticket: Ticket) -> Http:
        """By whom this is fetched."""
        split = urlsplit(ticket.url)
        host = split.hostname or ""
        if not ticket.listed or split.scheme != "https" or host in self._reach.trusted:
            return self._http
        if host not in self._others:
            self._others[host] = Http(replace(self._reach, trusted={*self._reach.trusted, host}), cache=self._cache)
        return self._others[host]

    async def close(self) -> None:
        """Let go of all connections but those of the operator's own."""
        for other in self._others.values():
            await other.close()


class Gateway:
    """Made by `opened`. strangers: origins that were asked for and are none of ours; troubles: what went wrong."""

    def __init__(self, places: Sequence[Place], fetchers: Fetchers, folder: Path, desk: Desk | None = None) -> None:
        self.allowed = Allowed(places)
        self.authority = Authority(folder)
        self.strangers: set[str] = set()
        self.troubles: list[SurefootError] = []
        self.requests = self.bytes = 0
        self.doors: set[asyncio.BaseTransport] = set()
        self._fetchers = fetchers
        self._desk = desk
        self._room = asyncio.Semaphore(_AT_A_TIME)
        # The folder can be walked through but not listed, and the jail's uid is another one than ours.
        self.socket = folder / "out" / secrets.token_hex(8)

    def check(self) -> None:
        """Raise what makes an answer of the tool worthless: it may have gone on without what it did not get.

        ConfigProblem for a stranger, Transient where a registry is away, Permanent where one refuses.
        """
        if self.strangers:
            named = ", ".join(sorted(self.strangers)[:3])
            raise ConfigProblem(
                f"the tool wants to fetch from {named}, which is no part of the indexes and registries of this machine",
                mend="If it is meant, name it in this machine's settings of pip, npm or Go, or in its sources; else "
                "take it out of the files",
            )
        for trouble in sorted(self.troubles, key=lambda one: not isinstance(one, Transient)):
            raise trouble

    def stranger(self, url: str) -> None:
        """Note who was asked for, and for what where that place is known: no more than is needed to say it."""
        said = _said(url)
        said = _shown(url) if self.allowed.has_origin(said) else said
        if len(self.strangers) < 100:
            self.strangers.add(said)

    async def serve(self, origin: str, request: web.BaseRequest) -> web.StreamResponse:
        """One request of the tool; origin: what its connection was made for, "" where each request says it."""
        url = origin + request.raw_path if origin else request.raw_path
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        if not self.allowed.has_origin(_origin(url)):
            self.stranger(url)
            return web.Response(status=403)
        # Until it is written: a tool that asks for much and reads nothing must not fill our memory.
        async with self._room:
            return await self._answered(url, request)

    async def _answered(self, url: str, request: web.BaseRequest) -> web.StreamResponse:
        try:
            found = await self._found(url, request.headers.get("Accept", "*/*"))
        except Missing:
            return web.Response(status=404)
        except SurefootError as trouble:
            self.troubles.append(trouble)
            return web.Response(status=503 if isinstance(trouble, Transient) else 403)
        if found is None:
            self.stranger(url)
            return web.Response(status=403)
        told = web.StreamResponse(headers={"Content-Type": found.kind, "Content-Length": str(len(found.body))})
        await told.prepare(request)
        if request.method == "GET":
            await told.write(found.body)
        await told.write_eof()
        return told

    async def _found(self, url: str, accept: str) -> Document | None:
        """What the desk says, or what may be fetched; None for what may not."""
        if self._desk and (made := await self._desk.answer(url, self._get)) is not None:
            return made
        return await self._get(url, accept) if self.allowed.ticket(url) else None

    async def _get(self, url: str, accept: str) -> Document:
        ticket = self.allowed.ticket(url)
        if ticket is None:
            raise Missing(f"{_shown(url)} is no part of the indexes of this machine")
        answer = await self._fetched(ticket, accept)
        await self._learn(ticket, url, answer)
        return Document(answer.body, answer.headers.get("content-type", "application/octet-stream"))

    async def _learn(self, ticket: Ticket, url: str, answer: Answer) -> None:
        if ticket.place is None:
            return
        learn = partial(self.allowed.learn, ticket, url, answer.url, answer.body)
        kind = answer.headers.get("content-type", "")
        # A big page is read in a thread, so that nobody waits for it.
        await asyncio.to_thread(learn, kind) if len(answer.body) > _SMALL else learn(kind)

    async def _fetched(self, ticket: Ticket, accept: str) -> Answer:
        self.requests += 1
        if self.requests > _MOST_REQUESTS or self.bytes > _MOST_BYTES:
            raise Permanent(f"the lock asks for more than {_MOST_REQUESTS} documents or {_MOST_BYTES >> 20} MiB")
        login = {"Authorization": ticket.login.reveal()} if ticket.login else {}
        http = self._fetchers.of(ticket)
        keep = not ticket.url.endswith(_FILES)
        answer = await http.get(ticket.url, headers={"Accept": accept, **login}, keep=keep)
        self.bytes += len(answer.body)
        return answer


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:
        return ""


def _said(url: str) -> str:
    """Scheme, host and port of what a hostile file names, bounded."""
    try:
        plain = origin_of(url)
    except ValueError:
        return "an address that cannot be read"
    return _shown(plain)


def _shown(url: str) -> str:
    return url if url.isascii() and url.isprintable() and len(url) < 200 else "an address that cannot be shown"


class _Door(asyncio.Protocol):
    """A new connection, until it is known what it is for; then aiohttp's own handler takes it over."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._transport: asyncio.Transport | None = None
        self._heard = bytearray()
        self._secured = False
        self._securing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._gateway.doors.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport:
            self._gateway.doors.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._secured or self._transport is None:
            return  # what came before the handler was there waits for it
        if b"\r\n\r\n" in self._heard:
            self._decide(self._transport)
        elif len(self._heard) > _MOST_HEAD:
            self._transport.close()

    def _decide(self, transport: asyncio.Transport) -> None:
        words = bytes(self._heard).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if words[0] != "CONNECT" or len(words) != 3:
            self._hand_over(transport, "")
            return
        secure, plain = origin_of_target("https", words[1]), origin_of_target("http", words[1])
        if self._gateway.allowed.has_origin(secure):
            self._secure(transport, secure)
        elif self._gateway.allowed.has_origin(plain):
            self._heard.clear()
            transport.write(_ESTABLISHED)
            self._hand_over(transport, plain)
        else:
            self._gateway.stranger(f"https://{words[1]}")
            transport.write(_SHUT)
            transport.close()

    def _secure(self, transport: asyncio.Transport, origin: str) -> None:
        self._heard.clear()
        self._secured = True
        transport.pause_reading()  # the first bytes of TLS are for who comes after us
        transport.write(_ESTABLISHED)
        self._securing = asyncio.ensure_future(self._over_tls(transport, origin))

    async def _over_tls(self, transport: asyncio.Transport, origin: str) -> None:
        context = self._gateway.authority.context(urlsplit(origin).hostname or "")
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # ssl.SSLError is one: the tool does not like our certificate
            inner = await loop.start_tls(transport, self, context, server_side=True)
            if inner is not None and not inner.is_closing():
                self._hand_over(inner, origin)

    def _hand_over(self, transport: asyncio.Transport, origin: str) -> None:
        handler = _handler(partial(self._gateway.serve, origin))
        transport.set_protocol(handler)
        handler.connection_made(transport)
        if self._heard:
            handler.data_received(bytes(self._heard))


def _handler(serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> RequestHandler:
    return web.Server(serve, access_log=None)()


def origin_of_target(scheme: str, target: str) -> str:
    """What CONNECT names, as an origin; "" for what is none."""
    return _origin(f"{scheme}://{target}")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """One with a folder for the socket in it, which alone is seen in the jail."""
    with tempfile.TemporaryDirectory(prefix="surefoot-way-") as name:
        Path(name).chmod(0o711)
        (Path(name) / "out").mkdir()
        (Path(name) / "out").chmod(0o711)
        yield Path(name)


@contextlib.asynccontextmanager
async def opened(
    places: Sequence[Place], http: Http, reach: Reach, cache: Cache | None = None, desk: Desk | None = None
) -> AsyncIterator[Gateway]:
    """A gateway to these places while the context lasts. reach, cache: what http was made with."""
    fetchers = Fetchers(http, reach, cache)
    with _folder() as folder:
        gateway = Gateway(places, fetchers, folder, desk)
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: _Door(gateway), str(gateway.socket))
        gateway.socket.chmod(0o666)
        try:
            yield gateway
        finally:
            server.close()
            for door in list(gateway.doors):
                assert isinstance(door, asyncio.Transport)
                door.abort()
            await fetchers.close()
