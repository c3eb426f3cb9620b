"""A runner host: another machine that only runs jails. It gets both trees and the question, and gives the answer.

    POST <url>/simulate    Authorization: Bearer <token>
                           a parcel (`bot.lab.parcels`): trial.json, base/…, candidate/…
    200                    lines of JSON: {"say": words}, and at the end {"simulation": …} or {"transient": words};
                           empty lines while there is nothing to say
    401, 413, 503          not for us; too large; no place now (Retry-After)

The runner knows no secret but its token, and nothing of GitHub. Its answer is read as strictly as any other.
Options: `url`; `token`, the name of a secret.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_address
from typing import IO
from urllib.parse import urlsplit

import aiohttp
import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.core.errors import ConfigProblem, Permanent, SurefootError, Transient
from bot.core.model import Simulation
from bot.core.ports import Say, Trial, silent
from bot.lab import parcels
from bot.tools.secrets import Secret

KIND = "host"
_QUIET = 60.0  # seconds without a sign of life after which a runner is given up; it gives one each ten
_MOST_LINE = 8 << 20
_MOST_WORDS = 300
_BUSY = timedelta(seconds=30)


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    token: str = ""


class _Line(msgspec.Struct):
    say: str = ""
    transient: str = ""
    simulation: Simulation | None = None


_LINE = msgspec.json.Decoder(_Line)


def open(options: Options, tools: Tools) -> RunnerHost:
    """ConfigProblem for an address that would show the token to everybody on the way."""
    given = decode(options, _Options, KIND)
    return RunnerHost(given.url, secret_of(tools, given.token, KIND, given.url))


class RunnerHost:
    """A `core.ports.Lab` on another machine. url: its address; token: what it asks for."""

    def __init__(self, url: str, token: Secret | None) -> None:
        if not _is_private(url):
            mend = "Write https://RUNNER:PORT, or http:// for this machine alone"
            raise ConfigProblem("the runner must be spoken to by https", where="SUREFOOT_RUNNER", mend=mend)
        self._url, self._token = url.rstrip("/"), token

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """See `bot.core.ports.Lab`. Transient when the runner is away, busy or breaks off."""
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(parcels.pack, trial, file)
            try:
                async for line in self._answer(file):
                    if line.say:
                        say(line.say[:_MOST_WORDS])
                    if line.transient:
                        raise Transient(f"the runner: {line.transient[:_MOST_WORDS]}")
                    if line.simulation is not None:
                        return _checked(line.simulation, trial)
            except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, ValueError) as problem:
                raise Transient(f"the runner broke off: {type(problem).__name__}: {problem}") from problem
        raise Transient("the runner ended without an answer")

    async def _answer(self, parcel: IO[bytes]) -> AsyncIterator[_Line]:
        parcel.seek(0)
        headers = {"Content-Type": "application/gzip"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        patience = aiohttp.ClientTimeout(total=None, connect=20, sock_read=_QUIET)
        async with (
            aiohttp.ClientSession(timeout=patience, read_bufsize=_MOST_LINE) as session,
            session.post(f"{self._url}/simulate", data=parcel, headers=headers, allow_redirects=False) as heard,
        ):
            if heard.status != 200:
                raise _refused(heard.status, heard.headers.get("Retry-After", ""))
            async for line in heard.content:
                if line.strip():
                    yield _LINE.decode(line)


def _checked(simulation: Simulation, trial: Trial) -> Simulation:
    """An answer to another question is none."""
    if (simulation.head, simulation.base) != (trial.head, trial.base_sha):
        raise Transient("the runner answered for other commits")
    return simulation


def _refused(status: int, after: str) -> SurefootError:
    match status:
        case 401 | 403:
            return Permanent("the runner does not take our token: compare SUREFOOT_RUNNER_TOKEN on both machines")
        case 413:
            return Permanent("the runner does not take trees of this size")
        case 503:
            wait = timedelta(seconds=min(int(after), 3600)) if after.isdecimal() else _BUSY
            return Transient("the runner has no place now", after=wait)
        case _:
            return Transient(f"the runner answered with {status}")


def _is_private(url: str) -> bool:
    """By TLS, or to this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return bool(host)
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
