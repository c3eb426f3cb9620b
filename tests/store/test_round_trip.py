"""Whatever an update may hold comes back from the store as it was."""

from __future__ import annotations

import typing
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import Entry, Update
from bot.store import updates
from bot.store.rows import Change, dump, parse
from bot.store.tables import metadata
from tests.builders import an_entry

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(min_value=-(2**31), max_value=2**31 - 1),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
    NoneType: st.none(),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Every value that the annotations allow."""
    kind = getattr(kind, "__supertype__", kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if typing.get_origin(kind) in (UnionType, typing.Union):
        return st.one_of([any_of(part) for part in typing.get_args(kind)])
    if typing.get_origin(kind) is tuple:
        parts = typing.get_args(kind)
        if parts[-1] is Ellipsis:
            return st.lists(any_of(parts[0]), max_size=2).map(tuple)
        return st.tuples(*(any_of(part) for part in parts))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    assert is_dataclass(kind), kind
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{one.name: any_of(hints[one.name]) for one in fields(kind)})


UPDATES = any_of(Update)
DATABASE = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
metadata.create_all(DATABASE)


@settings(max_examples=60, deadline=None)
@given(first=UPDATES, then=UPDATES)
def test_any_update_comes_back_as_it_was(first: Update, then: Update) -> None:
    """Added and loaded it is equal; saved over with any other and loaded it is equal to that one."""
    then = replace(then, id=first.id)
    with DATABASE.connect() as conn:
        assert updates.add(conn, first, an_entry(update=first.id), due=None, enqueue=None)
        row = updates.load(conn, first.id)
        assert row is not None and row.update == first
        updates.save(conn, row, Change(update=then))
        again = updates.load(conn, first.id)
        assert again is not None and again.update == then
        conn.rollback()


@settings(max_examples=40, deadline=None)
@given(any_of(Entry))
def test_any_line_of_audit_comes_back_as_it_was(entry: Entry) -> None:
    """Facts, actors and reasons survive."""
    assert parse(dump(entry, Entry), Entry) == entry
