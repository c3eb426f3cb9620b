"""A process that only runs jails: takes a trial by one authenticated door, tries it, answers. It holds no secret."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.advisories import open_advisories
from bot.config import Registries, jail_grade, lockers, networks, trusted_root
from bot.config.sources import read as registries
from bot.core.errors import ConfigProblem, SurefootError
from bot.core.model import Isolation
from bot.core.ports import Lab, Trial
from bot.lab import parcels, probe
from bot.lab.fetching import Fetching
from bot.lab.locks import Room
from bot.lab.resolver import find_uv
from bot.lab.trial import laboratory
from bot.tools import logging
from bot.tools.http import Http, Reach
from bot.tools.npm import named_hosts
from bot.tools.pip import index_of_pip
from bot.tools.processes import stop_signal
from bot.tools.secrets import Secret

log = structlog.get_logger(__name__)

MOST_PARCEL = 1 << 30  # bytes of one request
WAITING = 8  # trials that may wait beside those that run
_PULSE = 10.0  # seconds between two signs of life
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The runner's own. token: what a caller must know. places: how many trials are taken at a time."""

    lab: Lab
    token: Secret
    places: int = WAITING
    folder: Path | None = None  # where trees are unpacked; None for the usual place of temporary files
    taken: set[int] = field(default_factory=set)

    def application(self) -> web.Application:
        """Its routes."""
        made = web.Application(client_max_size=MOST_PARCEL)
        made.add_routes([web.get("/healthz", self.health), web.post("/simulate", self.simulate)])
        return made

    async def health(self, _request: web.Request) -> web.Response:
        """Whether it lives and has a place."""
        return web.json_response({"ok": True, "places": self.places - len(self.taken)})

    async def simulate(self, request: web.Request) -> web.StreamResponse:
        """See `bot.adapters.runners.host`. Who goes away ends his trial."""
        if not self._is_known(request):
            raise web.HTTPUnauthorized(text="The token is not the one of SUREFOOT_RUNNER_TOKEN.")
        if len(self.taken) >= self.places:
            raise web.HTTPServiceUnavailable(text="no place now", headers={"Retry-After": "30"})
        self.taken.add(id(request))
        try:
            with tempfile.TemporaryDirectory(prefix="surefoot-", dir=self.folder, ignore_cleanup_errors=True) as name:
                return await self._answered(request, await _received(request, Path(name)))
        finally:
            self.taken.discard(id(request))

    def _is_known(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.reveal().encode())

    async def _answered(self, request: web.Request, trial: Trial) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        told: asyncio.Queue[str] = asyncio.Queue()
        work = asyncio.ensure_future(self.lab.simulate(trial, told.put_nowait))
        try:
            while not work.done():
                await response.write(_line(say=words) if (words := await _next(told, work)) else b"\n")
            await response.write(_end(work))
            await response.write_eof()
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await work
        return response


async def _next(told: asyncio.Queue[str], work: asyncio.Future[Any]) -> str:
    """What is said next; "" when nothing is for a while, or the work has ended."""
    heard = asyncio.ensure_future(told.get())
    await asyncio.wait((heard, work), timeout=_PULSE, return_when=asyncio.FIRST_COMPLETED)
    if heard.done():
        return heard.result()
    heard.cancel()
    return ""


def _end(work: asyncio.Future[Any]) -> bytes:
    problem = work.exception()
    if problem is None:
        return _line(simulation=work.result())
    if not isinstance(problem, SurefootError):
        log.error("a defect of ours", exc_info=problem)
    words = str(problem) if isinstance(problem, SurefootError) else f"an error of its own ({type(problem).__name__})"
    return _line(transient=words)


def _line(**said: object) -> bytes:
    return msgspec.json.encode(said) + b"\n"


async def _received(request: web.Request, folder: Path) -> Trial:
    """The parcel, on disk before it is opened. 413 for one that is too large, 400 for what is none."""
    size = 0
    with (folder / "parcel").open("w+b") as file:
        async for chunk in request.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > MOST_PARCEL:
                raise web.HTTPRequestEntityTooLarge(max_size=MOST_PARCEL, actual_size=size)
            file.write(chunk)
        file.seek(0)
        trees = folder / "trees"
        trees.mkdir()
        try:
            return await asyncio.to_thread(parcels.unpack, file, trees)
        except ConfigProblem as problem:
            raise web.HTTPBadRequest(text=str(problem)) from problem


def token_of(env: Mapping[str, str]) -> Secret:
    """ConfigProblem where there is none, or a short one: who knows it runs code here."""
    text = env.get("SUREFOOT_RUNNER_TOKEN", "")
    if len(text) < 20:
        mend = "Set the same long random text on the runner and on the bot: `openssl rand -hex 32` makes one"
        raise ConfigProblem("is not set, or too short", where="SUREFOOT_RUNNER_TOKEN", mend=mend)
    return Secret(text)


async def listen(door: Door, host: str, port: int, tls: ssl.SSLContext | None = None) -> web.AppRunner:
    """Open the door; who called cleans up what comes back. Its `addresses` tell the port."""
    # A caller that goes away must not leave a trial running.
    made = web.AppRunner(door.application(), access_log=None, handler_cancellation=True)
    await made.setup()
    await web.TCPSite(made, host, port, ssl_context=tls).start()
    return made


async def run(host: str, port: int, folder: Path, certificate: tuple[Path, Path] | None) -> int:
    """Serve until SIGTERM or SIGINT. ConfigProblem where no jail is to be had, and for a token that is none.

    folder: what is kept between trials. certificate: its file and its key's, to be spoken to by https.
    """
    token, told = token_of(os.environ), stop_signal()
    logging.set_up(os.environ.get("SUREFOOT_LOG") or "info", secrets=[token])
    there = await probe.probe(gvisor=jail_grade(os.environ) == "gvisor")
    if there.isolation is Isolation.NONE:
        raise ConfigProblem(f"nothing can be run here: {there.reason}", where="the jail", mend=there.mend)
    index = await asyncio.to_thread(index_of_pip)
    given = registries(os.environ)
    hosts = index.hosts | given.hosts | await asyncio.to_thread(named_hosts, os.environ)
    allow = [ip_network(one) for one in networks(os.environ)]  # where a mirror of OSV may be, as on the bot
    reach = Reach(allow=allow, trusted=hosts, ca=index.cert, unverified=index.trusted_hosts)
    async with Http(reach) as http:
        room, tools = Room(host=there, http=http, reach=reach), Tools(http=http, index=lambda: index)
        lab = _laboratory(folder, room, tools, given)
        made = await listen(Door(lab=lab, token=token), host, port, _tls(certificate))
        log.info("running jails", host=host, port=made.addresses[0][1], isolation=there.isolation.value)
        try:
            await told.wait()
        finally:
            await made.cleanup()
    return 0


def _laboratory(folder: Path, room: Room, tools: Tools, given: Registries) -> Lab:
    """What is installed to try an update comes from the index that listed it, as on the bot's own machine."""
    crates, opened = lockers.crates_of(given), lockers.opened_of(given)
    osv, kev, eol = (os.environ.get(f"SUREFOOT_{name}", "") for name in ("OSV", "KEV", "EOL"))
    return laboratory(
        folder,
        host=room.host,
        uv=find_uv(tools.index(), open_one(sources, "pypi", {}, tools).releases),
        advisories=open_advisories(osv, tools, kev=kev, eol=eol),
        fetching=Fetching(room=room, crates=crates, opened=opened, root=trusted_root(os.environ)),
    )


def _tls(certificate: tuple[Path, Path] | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(*certificate)
    except ssl.SSLError as problem:
        raise ConfigProblem(f"is no certificate with its key: {problem.reason}", where=str(certificate[0])) from None
    return made
