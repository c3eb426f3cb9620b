"""The inbox: a delivery is on disk before it is answered, and drained once, in the transaction that bumps its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.core.errors import Transient
from bot.core.events import IN_PRODUCTION, Concern, Mail
from bot.core.model import InstallationId, RepoName
from bot.store import hinted, renames, repos, words, work
from bot.store.rows import Delivery, Enqueue, dump, key_of, repo_key, repo_work
from bot.store.tables import deliveries, insert_new, mail, updates
from bot.store.tables import repos as repo_table


def keep_all(conn: Connection, batch: Sequence[Delivery]) -> set[str]:
    """Write them; returns the GUIDs that were new."""
    rows = {
        one.guid: {
            "guid": one.guid,
            "event": one.event,
            "received_at": one.received,
            "installation": one.installation,
            "body": one.body,
            "note": "",
        }
        for one in reversed(batch)
    }
    inserted = insert_new(conn, deliveries).returning(deliveries.c.guid)
    return set(conn.scalars(inserted, list(reversed(rows.values()))))


def has(conn: Connection, guid: str) -> bool:
    """Whether it is there; what was drained stays for a month."""
    return conn.scalars(sa.select(deliveries.c.guid).where(deliveries.c.guid == guid)).one_or_none() is not None


def undrained(conn: Connection, limit: int) -> list[Delivery]:
    """What waits, the oldest first."""
    waiting = deliveries.c.drained_at.is_(None)
    return [
        Delivery(
            guid=row.guid,
            event=row.event,
            received=row.received_at,
            body=row.body,
            installation=None if row.installation is None else InstallationId(row.installation),
        )
        for row in conn.execute(sa.select(deliveries).where(waiting).order_by(deliveries.c.id).limit(limit))
    ]


def drain(conn: Connection, guid: str, concern: Concern | None, *, now: datetime, enqueue: Enqueue) -> bool:
    """All that follows from one delivery, once. None: it could not be understood, and is put away with a note.

    Returns whether this call did it; a delivery that was drained before, or is not there, changes nothing.
    """
    note = "" if concern is not None else "the body could not be understood"
    taken = (
        sa.update(deliveries)
        .where(deliveries.c.guid == guid, deliveries.c.drained_at.is_(None))
        .values(drained_at=now, note=note)
        .returning(deliveries.c.installation)
    )
    row = conn.execute(taken).one_or_none()
    if row is None:
        return False
    if concern is not None:
        _follow(conn, concern, row.installation, now=now, enqueue=enqueue)
    return True


def _follow(conn: Connection, concern: Concern, installation: int | None, *, now: datetime, enqueue: Enqueue) -> None:
    if concern.installed is not None:
        here = concern.installed
        numbers = dict(here.numbers)
        repos.install(conn, here.repos, here.installation, numbers=numbers, now=now, enqueue=enqueue)
    if concern.uninstalled is not None:
        gone = concern.uninstalled
        repos.uninstall(conn, gone.repos, gone.installation, now=now, enqueue=enqueue)
    if concern.look_everywhere:
        work.make_due(conn, sa.select("r:" + repo_table.c.key).where(repo_table.c.active), now=now)
    if concern.names:
        users = hinted.works(conn, concern.names)
        work.make_due_by(conn, users, at=concern.at or now, now=now)
        if concern.words and (users or concern.repo):
            words.keep(conn, concern.words, now=now)
    for repo in concern.alerted:
        _look(conn, repo, now=now, enqueue=enqueue)
        work.bump(conn, _concerned(conn, repo, Concern(in_production=True)), now=now, enqueue=enqueue)
    if concern.repo is None:
        return
    renames.follow(conn, concern.repo, number=concern.number, was=concern.was, installation=installation)
    if concern.archived is not None:
        repos.archive(conn, concern.repo, concern.archived, now=now, enqueue=enqueue)
    new = _learn(conn, concern.repo, installation, now=now, enqueue=enqueue)
    renames.learn(conn, concern.repo, concern.number)
    if concern.aside is not None and concern.number is not None:
        words.set_aside(conn, concern.number, concern.aside, now=now)
    if concern.look and not new:
        _look(conn, concern.repo, now=now, enqueue=enqueue)
    if concern.mail is not None:
        post(conn, concern.mail)
    work.bump(conn, _concerned(conn, concern.repo, concern), now=now, enqueue=enqueue)


def _learn(conn: Connection, repo: RepoName, installation: int | None, *, now: datetime, enqueue: Enqueue) -> bool:
    """GitHub speaks of it in the name of an installation: where it is new, the word that it was added got lost."""
    there = sa.select(repo_table.c.key).where(repo_table.c.key == repo_key(repo))
    if installation is None or conn.scalars(there).one_or_none() is not None:
        return False
    repos.install(conn, [repo], InstallationId(installation), now=now, enqueue=enqueue)
    return True


def _look(conn: Connection, repo: RepoName, *, now: datetime, enqueue: Enqueue) -> None:
    active = sa.select(repo_table.c.key).where(repo_table.c.key == repo_key(repo), repo_table.c.active)
    if conn.scalars(active).one_or_none() is not None:
        work.bump(conn, [repo_work(repo)], now=now, enqueue=enqueue)


def _concerned(conn: Connection, repo: RepoName, concern: Concern) -> list[str]:
    """Work keys of the updates that this is news for. What has ended hears of its pull request and its mail only."""
    of_sha = sa.or_(updates.c.head_sha.in_(concern.shas), updates.c.merge_sha.in_(concern.shas))
    open_ones: list[sa.ColumnElement[bool]] = [of_sha]
    if concern.branch is not None:
        open_ones.append(updates.c.branch == concern.branch)
    if concern.in_flight:
        open_ones.append(sa.true())
    if concern.in_production:
        open_ones.append(updates.c.state.in_([state.value for state in IN_PRODUCTION]))
    always: list[sa.ColumnElement[bool]] = [updates.c.pull.in_(concern.pulls)]
    if concern.mail is not None:
        always.append(of_sha)
    wanted = sa.or_(*always, sa.and_(~updates.c.ended, sa.or_(*open_ones)))
    found = sa.select(updates.c.id).where(updates.c.repo_key == repo_key(repo), wanted)
    return [key_of(uid) for uid in conn.scalars(found)]


def post(conn: Connection, letter: Mail) -> None:
    """Keep it for whichever update it is for, now or later. The same key twice is the same mail."""
    address = {"repo_key": repo_key(letter.repo), "pull": letter.pull, "sha": letter.sha}
    if letter.pull is None and letter.sha is not None:
        # A push may move the head before this is read; the pull request stays the same.
        same = sa.or_(updates.c.head_sha == letter.sha, updates.c.merge_sha == letter.sha)
        found = sa.select(updates.c.pull).where(updates.c.repo_key == address["repo_key"], same)
        address["pull"] = conn.scalars(found.limit(1)).one_or_none()
    conn.execute(insert_new(conn, mail).values(key=letter.key, at=letter.at, document=dump(letter, Mail), **address))


class Gathering:
    """Deliveries that come while a commit is under way wait for the next one and share it."""

    def __init__(self, commit: Callable[[Sequence[Delivery]], Awaitable[set[str]]]) -> None:
        self._commit = commit
        self._waiting: list[tuple[Delivery, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, delivery: Delivery) -> bool:
        """Whether it is new; answers only after it is on disk."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await answer

    async def _write(self) -> None:
        while batch := self._waiting:
            self._waiting = []
            try:
                await self._write_one(batch)
            except Transient as error:
                for _, answer in batch:
                    _fail(answer, error)
            except Exception:
                # One that the database refuses must not take those with it that happened to come along.
                for single in batch:
                    await self._write_alone(single)

    async def _write_one(self, batch: list[tuple[Delivery, asyncio.Future[bool]]]) -> None:
        new = await self._commit([delivery for delivery, _ in batch])
        for delivery, answer in batch:
            if not answer.done():
                answer.set_result(delivery.guid in new)
            new.discard(delivery.guid)  # a second one of the same batch is a repetition

    async def _write_alone(self, single: tuple[Delivery, asyncio.Future[bool]]) -> None:
        try:
            await self._write_one([single])
        except Exception as error:
            _fail(single[1], error)


def _fail(answer: asyncio.Future[bool], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
