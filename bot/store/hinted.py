"""Whom a hint concerns: the repositories in whose last answers a component bears one of its names.

To look at all of them costs the installation's requests to GitHub for each; to read all their notes costs nothing that
anybody else would miss.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.core.hints import last_parts, means, wanted
from bot.store.tables import repos

AT_ONCE = 100  # how many repositories' notes are in memory


class _Answer(msgspec.Struct):
    name: str = ""
    ecosystem: str = ""


class _Notes(msgspec.Struct):
    answers: list[_Answer] = []


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_NOTES = msgspec.json.Decoder(_Notes)


def works(conn: Connection, names: Collection[str]) -> list[str]:
    """The work keys of the active repositories that use something of one of these names."""
    asked = wanted(names)
    charts = last_parts(asked)
    every = sa.select(repos.c.key, repos.c.notes).where(repos.c.active)
    rows = conn.execute(every.execution_options(yield_per=AT_ONCE))
    return [f"r:{row.key}" for row in rows if _uses(row.notes, asked, charts)]


def _uses(notes: str, asked: frozenset[str], charts: frozenset[str]) -> bool:
    try:
        answers = _NOTES.decode(notes).answers
    except msgspec.MsgspecError:  # of another time; looking once too often does no harm
        return True
    return any(means(charts if one.ecosystem == "helm" else asked, one.name) for one in answers)
