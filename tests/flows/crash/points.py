"""The points at which a bot may die: before and after every request that it sends or gets, and every commit.

All of it is laid around the bot from outside: the bot itself has no such hook. A point reads
`unit | act | which time in this unit | before or after`. A unit is one turn of the update, named by what its row says,
or one piece of the work beside it: a look at the repository, one delivery, one sweep. So a point names the same moment
in every life: the same act, out of the same rows on disk.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from bot.announce import Announcer
from bot.clock import Clock
from bot.core.model import Update
from bot.drain import Drainer
from bot.github.gitcmd import Git
from bot.loop import Loop
from tests.flows.crash.commits import Commits

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOLD = "telling of"  # how the unit begins in which the voice speaks
DEADLY, SURVIVED = "!", "."  # how a line of the log begins
# The ids in a path, so that the same request in another world bears the same name.
_PLAIN = (
    (re.compile(r"^/repos/[^/]+/[^/]+"), "/repos/{repo}"),
    (re.compile(r"(?<=/)(?:[0-9a-f]{40})(?=/|$)"), "{sha}"),
    (re.compile(r"(?<=/)\d+(?=/|$)"), "{n}"),
    (re.compile(r"(?<=/)surefoot/revert-[^/]+$"), "{revert branch}"),
    (re.compile(r"(?<=/)surefoot/[^/]+$"), "{branch}"),
)


@dataclass(slots=True)
class Unit:
    """One piece of work, and how often it did what so far."""

    name: str
    done: Counter[tuple[str, str]] = field(default_factory=Counter)


_UNIT: contextvars.ContextVar[Unit] = contextvars.ContextVar("unit")


class Points:
    """Notes each point that this life comes to, and ends the process at the first that is to be its last.

    deadly: points, each with `@` and how often this world must have come to it. before: the points of earlier lives.
    """

    def __init__(self, log: Path, *, deadly: Collection[str], before: Iterable[str]) -> None:
        self._deadly = frozenset(deadly)
        self._seen = Counter(before)
        self._engine = Unit("engine")  # threads of the engine's own, which belong to nothing
        self._lock = threading.Lock()  # commits come from several threads
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def reach(self, act: str, when: str) -> None:
        """We are there. Does not return where the process is to die, as by `kill -9`: nothing is cleared away."""
        unit = _UNIT.get(self._engine)
        with self._lock:
            unit.done[act, when] += 1
            nth = 1 if unit is self._engine else unit.done[act, when]
            point = f"{unit.name} | {act} | {nth} | {when}"
            self._seen[point] += 1
            counted = f"{point} @{self._seen[point]}"
            last = counted in self._deadly
            os.write(self._log, f"{DEADLY if last else SURVIVED} {counted}\n".encode())
            if last:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Lay the hooks around everything by which the bot touches the world; called inside of the loop."""
        _UNIT.set(Unit("start"))
        _carry_into_threads()
        _name_units()
        self._around_requests()
        self._around_git()
        Commits(self.reach).install()

    @web.middleware
    async def door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around what comes in."""
        if request.method != "POST":
            return await handler(request)
        _UNIT.set(Unit("door"))
        self.reach("POST /github", "before")
        answer = await handler(request)
        self.reach("POST /github", "after")
        return answer

    def _around_requests(self) -> None:
        send = aiohttp.ClientSession._request

        async def request(session: aiohttp.ClientSession, method: str, url: Any, **more: Any) -> Any:
            act = f"{method} {plain(URL(url).path)}"
            self.reach(act, "before")
            answer = await send(session, method, url, **more)
            self.reach(act, "after")
            return answer

        aiohttp.ClientSession._request = request  # type: ignore[method-assign]  # laid around it

    def _around_git(self) -> None:
        run = Git.__call__

        async def call(git: Git, *args: str) -> Any:
            if args[0] != "fetch":  # everything else stays on this machine, in a folder that is thrown away
                return await run(git, *args)
            self.reach("git fetch", "before")
            done = await run(git, *args)
            self.reach("git fetch", "after")
            return done

        Git.__call__ = call  # type: ignore[method-assign]  # laid around it


def plain(path: str) -> str:
    """A request's path without what is different in every world."""
    for pattern, name in _PLAIN:
        path = pattern.sub(name, path)
    return path


def phase_of(update: Update) -> str:
    """How far an update is by its row: the state, and how far the step in hand is where there is one."""
    step = update.rollout.step if update.rollout else None
    if step is None or update.state not in ("deploying", "rolling_out", "rolling_back"):
        return update.state
    if update.state == "rolling_out":
        return f"{update.state} {step.weight} %"
    if update.state == "rolling_back" and ":back:" not in step.key:
        return f"{update.state}, not begun"
    stand = "ended" if step.finished else "running" if step.run else "asked for" if step.started else "to be asked for"
    return f"{update.state} to {step.weight} %, {stand}"


def _name_units() -> None:
    """A unit for each piece of work; only what is named by its row or its delivery looks at what it is given."""
    _unit_of(Loop, "_turn", lambda row, *_: phase_of(row.update))
    _unit_of(Loop, "_repo", lambda *_: "look")
    _unit_of(Announcer, "__call__", lambda row, *_: f"{TOLD} {phase_of(row.update)}")  # by the loop, or by a ticker
    _unit_of(Drainer, "_one", lambda delivery, *_: f"drain {delivery.event}")
    _unit_of(Clock, "heal", lambda *_: "sweep")
    _unit_of(Clock, "wake", lambda *_: "tick")


def _unit_of(kind: type, name: str, named: Callable[..., str]) -> None:
    """Let each call of this method be a unit of its own."""
    work = getattr(kind, name)

    async def as_unit(self: Any, *given: Any, **more: Any) -> Any:
        token = _UNIT.set(Unit(named(*given)))
        try:
            return await work(self, *given, **more)
        finally:
            _UNIT.reset(token)

    setattr(kind, name, as_unit)


def _carry_into_threads() -> None:
    """What runs in a thread belongs to the unit that sent it there; asyncio itself keeps the two apart."""
    loop = asyncio.get_running_loop()
    send = loop.run_in_executor

    def run_in_executor(executor: Any, work: Callable[..., Any], *given: Any) -> Any:
        return send(executor, contextvars.copy_context().run, work, *given)

    loop.run_in_executor = run_in_executor  # type: ignore[method-assign,assignment]  # laid around it
