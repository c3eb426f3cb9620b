"""The row that is the truth: one per update, saved by compare-and-set, with its audit in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from bot.core.errors import Stale
from bot.core.events import Mail
from bot.core.model import ENDS, GROUP, Component, Entry, State, Update, UpdateId
from bot.store import work
from bot.store.rows import Change, Enqueue, UpdateRow, dump, key_of, parse, repo_key
from bot.store.tables import audit, heard, insert_new, mail, updates
from bot.store.tables import work as work_table


def _columns(update: Update) -> dict[str, Any]:
    """What the row is found by, and the document."""
    return {
        "repo_key": repo_key(update.repo),
        "ecosystem": update.component.ecosystem,
        "component": update.component.name,
        "target": update.target,
        "state": update.state.value,
        "ended": update.state in ENDS,
        "pull": update.pull.number if update.pull else None,
        "branch": update.pull.branch if update.pull else None,
        "head_sha": update.pull.head if update.pull else None,
        "merge_sha": update.merge.sha if update.merge else None,
        "changed_at": update.changed,
        "document": dump(update, Update),
    }


def _unread(conn: Connection, update: Update) -> tuple[Mail, ...]:
    """Mail to its pull request or to one of its commits that this update has not heard, in the order it came."""
    shas = [sha for sha in (update.pull and update.pull.head, update.merge and update.merge.sha) if sha]
    for_us: list[sa.ColumnElement[bool]] = [mail.c.sha.in_(shas)]
    if update.pull:
        for_us.append(mail.c.pull == update.pull.number)
    known = sa.exists().where(heard.c.update_id == update.id, heard.c.key == mail.c.key)
    found = sa.select(mail.c.document).where(mail.c.repo_key == repo_key(update.repo), sa.or_(*for_us), ~known)
    return tuple(parse(text, Mail) for text in conn.scalars(found.order_by(mail.c.id)))


def _with_work(conn: Connection, update: Update) -> UpdateRow:
    row = conn.execute(sa.select(work_table).where(work_table.c.key == key_of(update.id))).one()
    return UpdateRow(
        update=update,
        ver=row.ver,
        seq=row.seq,
        done_seq=row.done_seq,
        tries=row.tries,
        due=row.due_at,
        said=json.loads(row.said),
        said_ver=row.said_ver,
        mail=_unread(conn, update),
    )


def load(conn: Connection, uid: UpdateId) -> UpdateRow | None:
    """The row with what it has not heard yet; None when there is none."""
    text = conn.scalars(sa.select(updates.c.document).where(updates.c.id == uid)).one_or_none()
    return None if text is None else _with_work(conn, parse(text, Update))


def add(
    conn: Connection, update: Update, entry: Entry, *, due: datetime | None, enqueue: Enqueue | None
) -> bool:  # fmt: skip
    """A new row with its first line of audit. False, and nothing written, when this update was known.

    That is by its id, or by what it is: in a repository that was renamed, the ids of before were made of the old name.
    """
    what = (update.target, update.parts[0].digest, update.again)
    same = (one for one in of_component(conn, update.repo, update.component) if one.component == update.component)
    if any((known.target, known.parts[0].digest, known.again) == what for known in same):
        return False
    new = insert_new(conn, updates).values(id=update.id, **_columns(update)).returning(updates.c.id)
    if conn.execute(new).one_or_none() is None:
        return False
    key = key_of(update.id)
    work.begin(conn, key, due=due, now=update.changed)
    _write_down(conn, update.id, [entry])
    if enqueue is not None:
        work.bump(conn, [key], now=update.changed, enqueue=enqueue)
    return True


def save(conn: Connection, row: UpdateRow, change: Change) -> UpdateRow:
    """The row as it is now, mail and news included. Stale, and nothing written, when another hand was faster."""
    uid = row.update.id
    if change.update.id != uid:
        raise ValueError(f"{change.update.id} cannot be saved in the row of {uid}")
    if not work.settle(conn, key_of(uid), ver=row.ver, seq=row.seq, due=change.due, tries=change.tries):
        raise Stale(f"{uid} changed since it was read at version {row.ver}")
    conn.execute(sa.update(updates).where(updates.c.id == uid).values(_columns(change.update)))
    _write_down(conn, uid, change.entries)
    for key in change.heard:
        conn.execute(insert_new(conn, heard).values(update_id=uid, key=key))
    return _with_work(conn, change.update)


def _write_down(conn: Connection, uid: UpdateId, entries: Iterable[Entry]) -> None:
    for entry in entries:
        if entry.update != uid:
            raise ValueError(f"an entry of {entry.update} does not belong to {uid}")
        conn.execute(sa.insert(audit).values(update_id=uid, at=entry.at, document=dump(entry, Entry)))


def say(conn: Connection, uid: UpdateId, said: Mapping[str, str], *, ver: int | None) -> None:
    """Remember what was said, without making anybody's row stale. ver: the version that was said in full."""
    values: dict[str, Any] = {"said": json.dumps(dict(said))}
    if ver is not None:
        seen = work_table.c.said_ver
        values["said_ver"] = sa.case((seen < ver, ver), else_=seen)
    conn.execute(sa.update(work_table).where(work_table.c.key == key_of(uid)).values(values))


def unsaid(conn: Connection, limit: int) -> tuple[UpdateId, ...]:
    """Updates that were saved and not told of in full since: the voice failed, or the process ended in between."""
    of_updates = sa.func.substr(work_table.c.key, 1, 2) == "u:"
    waiting = sa.select(work_table.c.key).where(work_table.c.said_ver < work_table.c.ver, of_updates)
    return tuple(UpdateId(key[2:]) for key in conn.scalars(waiting.order_by(work_table.c.key).limit(limit)))


def _documents(conn: Connection, *where: sa.ColumnElement[bool]) -> tuple[Update, ...]:
    found = sa.select(updates.c.document).where(*where).order_by(updates.c.changed_at, updates.c.id)
    return tuple(parse(text, Update) for text in conn.scalars(found))


def of_repo(conn: Connection, repo: str, *, open_only: bool) -> tuple[Update, ...]:
    """All updates of a repository, the one that changed last at the end."""
    here = [updates.c.repo_key == repo_key(repo)]
    return _documents(conn, *here, *([~updates.c.ended] if open_only else []))


def of_component(conn: Connection, repo: str, component: Component) -> tuple[Update, ...]:
    """All updates of one component in a repository, ended ones too."""
    same = (updates.c.ecosystem == component.ecosystem, updates.c.component == component.name)
    return _documents(conn, updates.c.repo_key == repo_key(repo), *same)


def siblings(conn: Connection, update: Update) -> tuple[Update, ...]:
    """All updates in the same repository of what this one moves, alone or in a group, ended ones too; itself as well.

    And those of the same group.
    """
    wanted = {update.component, *(part.component for part in update.parts)}
    names = {kind: [one.name for one in wanted if one.ecosystem == kind] for kind in {one.ecosystem for one in wanted}}
    mine = [sa.and_(updates.c.ecosystem == kind, updates.c.component.in_(those)) for kind, those in names.items()]
    here = (updates.c.repo_key == repo_key(update.repo), sa.or_(updates.c.ecosystem == GROUP, *mine))
    found = _documents(conn, *here)
    return tuple(one for one in found if wanted & {one.component, *(part.component for part in one.parts)})


def recent(conn: Connection, limit: int) -> tuple[Update, ...]:
    """What changed last, over all repositories, the latest first."""
    latest = sa.select(updates.c.document).order_by(updates.c.changed_at.desc(), updates.c.id.desc()).limit(limit)
    return tuple(parse(text, Update) for text in conn.scalars(latest))


def standing(conn: Connection) -> Mapping[State, int]:
    """How many that have not ended are in each state."""
    counted = sa.select(updates.c.state, sa.func.count()).where(~updates.c.ended).group_by(updates.c.state)
    return {State(state): number for state, number in conn.execute(counted)}


def entries(conn: Connection, uid: UpdateId) -> tuple[Entry, ...]:
    """The audit of an update, as it was written."""
    lines: Iterable[Row[Any]] = conn.execute(
        sa.select(audit.c.document).where(audit.c.update_id == uid).order_by(audit.c.id)
    )
    return tuple(parse(line.document, Entry) for line in lines)
