"""The points at which a bot may die: before and after every request that it sends or gets, and every commit.

All of it is laid around the bot from outside: the bot itself has no such hook. A point reads
`phase | act | which time in this phase | before or after`, so that it names the same moment in another life as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.engine.default import DefaultDialect
from yarl import URL

from bot.github.gitcmd import Git

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOWHERE = "start"  # the phase before there is an update
DEADLY, SURVIVED = "!", "."  # how a line of the log begins
# The ids in a path, so that the same request in another world bears the same name.
_PLAIN = (
    (re.compile(r"^/repos/[^/]+/[^/]+"), "/repos/{repo}"),
    (re.compile(r"(?<=/)(?:[0-9a-f]{40})(?=/|$)"), "{sha}"),
    (re.compile(r"(?<=/)\d+(?=/|$)"), "{n}"),
    (re.compile(r"(?<=/)surefoot/revert-[^/]+$"), "{revert branch}"),
    (re.compile(r"(?<=/)surefoot/[^/]+$"), "{branch}"),
)
_TABLE = re.compile(
    r"""\s*(insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from|replace\s+into
    |(?:create|drop|alter)\s+(?:unique\s+)?(?:table|index|trigger)(?:\s+if\s+(?:not\s+)?exists)?)\s+"?(\w+)""",
    re.I | re.X,
)


class Points:
    """Notes each point that this life comes to, and ends the process at the first that is to be its last."""

    def __init__(self, log: Path, *, deadly: Collection[str], phase: str) -> None:
        self.phase = phase
        self._deadly = frozenset(deadly)
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()  # commits come from several threads
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def reach(self, act: str, when: str) -> None:
        """We are there. Does not return where the process is to die, as by `kill -9`: nothing is cleared away."""
        with self._lock:
            which = (self.phase, act, when)
            self._seen[which] += 1
            point = f"{self.phase} | {act} | {self._seen[which]} | {when}"
            last = point in self._deadly
            os.write(self._log, f"{DEADLY if last else SURVIVED} {point}\n".encode())
            if last:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Lay the hooks around everything by which the bot touches the world."""
        self._around_requests()
        self._around_git()
        Commits(self).install()

    @web.middleware
    async def door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around what comes in."""
        if request.method != "POST":
            return await handler(request)
        act = f"webhook {request.headers.get('X-GitHub-Event')}"
        self.reach(act, "before")
        answer = await handler(request)
        self.reach(act, "after")
        return answer

    def _around_requests(self) -> None:
        send = aiohttp.ClientSession._request

        async def request(session: aiohttp.ClientSession, method: str, url: Any, **more: Any) -> Any:
            act = f"{method} {plain(URL(url).path)}"
            self.reach(act, "before")
            answer = await send(session, method, url, **more)
            self.reach(act, "after")
            return answer

        aiohttp.ClientSession._request = request  # type: ignore[method-assign]

    def _around_git(self) -> None:
        run = Git.__call__

        async def call(git: Git, *args: str) -> Any:
            if args[0] != "fetch":  # everything else stays on this machine, in a folder that is thrown away
                return await run(git, *args)
            self.reach("git fetch", "before")
            done = await run(git, *args)
            self.reach("git fetch", "after")
            return done

        Git.__call__ = call  # type: ignore[method-assign]


class Commits:
    """Around each commit that writes something, whoever makes it: our store, its migrations, the engine."""

    def __init__(self, points: Points) -> None:
        self._points = points
        self._wrote: defaultdict[int, list[str]] = defaultdict(list)  # by connection
        self._phase: dict[int, str] = {}  # to come with the commit
        self._changes: dict[int, int] = {}

    def install(self) -> None:
        """Listen to all engines there are and will be."""
        commit, rollback = DefaultDialect.do_commit, DefaultDialect.do_rollback

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self._around(_raw(connection), lambda: commit(dialect, connection))

        def do_rollback(dialect: DefaultDialect, connection: Any) -> None:
            self._forget(_raw(connection))
            rollback(dialect, connection)

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
        DefaultDialect.do_rollback = do_rollback  # type: ignore[method-assign]
        sa.event.listen(sa.Engine, "after_cursor_execute", self._noted)

    def _around(self, raw: Any, commit: Callable[[], None]) -> None:
        wrote = sorted(set(self._wrote[id(raw)]))
        phase = self._phase.get(id(raw))
        changed = raw.total_changes != self._changes.get(id(raw), 0) or any(not _is_dml(word) for word in wrote)
        self._changes[id(raw)] = raw.total_changes
        self._forget(raw)
        if not wrote or not changed:  # looked and found nothing to do, as the queue does five times a second
            commit()
            return
        act = "commit " + ", ".join(wrote)
        self._points.reach(act, "before")
        commit()
        self._points.reach(act, "after")
        self._points.phase = phase or self._points.phase

    def _forget(self, raw: Any) -> None:
        self._wrote.pop(id(raw), None)
        self._phase.pop(id(raw), None)

    def _noted(self, conn: sa.Connection, _cursor: Any, statement: str, _given: Any, context: Any, _many: bool) -> None:
        found = _TABLE.match(statement)
        if found is None:
            return
        raw = _raw(conn.connection)
        verb, table = found[1].split()[0].lower(), found[2]
        word = f"{verb} {table}"
        given = context.compiled_parameters[0] if context is not None and context.compiled_parameters else {}
        if table == "updates" and "document" in given:
            self._phase[id(raw)] = phase_of(given["state"], given["document"])
            word += f" to {given['state']}"
        elif table == "workflow_status" and isinstance(given.get("status"), str):
            word += f" to {given['status']}"
        self._wrote[id(raw)].append(word)


def _is_dml(word: str) -> bool:
    return word.split()[0] in ("insert", "update", "delete", "replace")


def _raw(connection: Any) -> Any:
    """The driver's own connection, below the pool's."""
    return getattr(connection, "dbapi_connection", connection)


def plain(path: str) -> str:
    """A request's path without what is different in every world."""
    for pattern, name in _PLAIN:
        path = pattern.sub(name, path)
    return path


def phase_of(state: str, document: str) -> str:
    """How far an update is: its state, and the weight of the step in hand where there is one."""
    update: Mapping[str, Any] = json.loads(document)
    step = (update.get("rollout") or {}).get("step")
    return f"{state} {step['weight']} %" if step and state in ("deploying", "rolling_out") else state


def phase_on_disk(database: Path) -> str:
    """Where the life before left the update."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy, since whoever opens a database after a crash repairs it, and that is the bot's own task.
        for part in database.parent.glob(f"{database.name}*"):
            shutil.copy(part, folder)
        return _phase_in(Path(folder) / database.name)


def _phase_in(database: Path) -> str:
    with closing(sqlite3.connect(database)) as conn:
        try:
            row = conn.execute("SELECT state, document FROM updates").fetchone()
        except sqlite3.OperationalError:  # no tables yet
            return NOWHERE
    return phase_of(*row) if row else NOWHERE
