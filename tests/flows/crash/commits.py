"""Around each commit that writes something, whoever makes it: our store, its migrations, or the engine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

Reach = Callable[[str, str], None]  # an act, and before or after it
_CHANGES_ROWS = ("insert", "update", "delete", "replace")
_WRITES = re.compile(
    r"""\s*(insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from|replace\s+into
    |(?:create|drop|alter)\s+(?:unique\s+)?(?:table|index|trigger)(?:\s+if\s+(?:not\s+)?exists)?)\s+(?:"?main"?\.)?"?(\w+)""",
    re.I | re.X,
)


class Commits:
    """Names a commit by the tables that it writes; `updates` with the state that the row gets."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._wrote: defaultdict[int, set[str]] = defaultdict(set)  # by connection
        self._changes: dict[int, int] = {}

    def install(self) -> None:
        """Listen to all engines there are and will be."""
        commit, rollback = DefaultDialect.do_commit, DefaultDialect.do_rollback

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self._around(_raw(connection), lambda: commit(dialect, connection))

        def do_rollback(dialect: DefaultDialect, connection: Any) -> None:
            self._wrote.pop(id(_raw(connection)), None)
            rollback(dialect, connection)

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]  # laid around it
        DefaultDialect.do_rollback = do_rollback  # type: ignore[method-assign]  # laid around it
        sa.event.listen(sa.Engine, "after_cursor_execute", self._noted)

    def _around(self, raw: Any, commit: Callable[[], None]) -> None:
        wrote = self._wrote.pop(id(raw), set())
        if not hasattr(raw, "total_changes"):  # PostgreSQL's driver does not tell whether a commit changed a row
            commit()
            return
        changed = raw.total_changes != self._changes.get(id(raw), 0)
        self._changes[id(raw)] = raw.total_changes
        if not changed:  # the queue looks five times a second and finds nothing to do
            wrote = {word for word in wrote if not word.startswith(_CHANGES_ROWS)}
        if not wrote:
            commit()
            return
        act = "commit " + named(wrote)
        self._reach(act, "before")
        commit()
        self._reach(act, "after")

    def _noted(self, conn: sa.Connection, _cursor: Any, statement: str, _given: Any, context: Any, _many: bool) -> None:
        found = _WRITES.match(statement)
        if found is None:
            return
        word = f"{found[1].split()[0].lower()} {found[2]}"
        given = context.compiled_parameters[0] if context is not None and context.compiled_parameters else {}
        if found[2] == "updates" and "state" in given:
            word += f" to {given['state']}"
        self._wrote[id(_raw(conn.connection))].add(word)


def named(wrote: set[str]) -> str:
    """The tables in a few words; of a migration only how many."""
    made = {word for word in wrote if not word.startswith(_CHANGES_ROWS)}
    rest = sorted(wrote - made)
    return ", ".join([f"{len(made)} tables and indexes", *rest] if len(made) > 3 else sorted(wrote))


def _raw(connection: Any) -> Any:
    """The driver's own connection, below the pool's."""
    return getattr(connection, "dbapi_connection", connection)
