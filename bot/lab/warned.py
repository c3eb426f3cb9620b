"""Which lines of the tree newly earn a deprecation warning while the tests run, by what a run claims of itself."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import msgspec

from bot.core.differential import Side, Warned
from bot.core.model import Level, Measure, Remark
from bot.core.quoting import code
from bot.core.suites import counted

_MOST_LINES, _MOST_REMARKS, _LONGEST = 500, 30, 500
# pytest writes it with every quote escaped, so its end is the next quote. The report was bounded before.
_PROPERTY = re.compile(rb'<property name="surefoot_warned" value="([^"<]*)"')
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")

_NODE, _MARKS = b'{"work":', (b'"kind":"warned"', b"surefoot_warned")
_Line = tuple[str, int, str, str, str]


class _Part(msgspec.Struct):
    kind: str
    text: str


class _Report(msgspec.Struct):
    parts: list[_Part]


# Made once and here: a decoder must not be made in a thread.
_LINES, _LINE = msgspec.json.Decoder(list[_Line]), msgspec.json.Decoder(_Line)
_REPORT = msgspec.json.Decoder(_Report)


def read(data: bytes | None) -> tuple[Warned, ...] | None:
    """What a report says of them, pytest's or that of Node's runners; None where it says nothing that can be read."""
    try:
        lines = _of_node(data) if data and data.startswith(_NODE) else _of_pytest(data or b"")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if lines is None:
        return None
    found = tuple(
        Warned(
            path=path[:_LONGEST],
            line=line,
            category=category[:_LONGEST],
            message=_ADDRESS.sub("0x…", message)[:_LONGEST],
            package=package[:_LONGEST],
        )
        for path, line, category, message, package in lines[:_MOST_LINES]
        if not path.startswith("/") and ".." not in path.split("/") and 0 < line < 10_000_000
    )
    return tuple({_same(one): one for one in reversed(found)}.values())[::-1]  # the first of each


def _of_pytest(data: bytes) -> list[_Line] | None:
    found = _PROPERTY.search(data)
    return _LINES.decode(html.unescape(found[1].decode("utf-8"))) if found else None


def _of_node(data: bytes) -> list[_Line]:
    """Of all processes that were started, and of pytest, which may have run beside."""
    found: list[_Line] = []
    for part in _REPORT.decode(data).parts if any(mark in data for mark in _MARKS) else []:
        if part.kind == "warned":
            found += [_LINE.decode(line) for line in part.text.splitlines()[:_MOST_LINES]]
        elif part.kind == "pytest":
            found += _of_pytest(part.text.encode()) or []
    return found


def compare(before: Side, after: Side) -> tuple[tuple[Remark, ...], tuple[Measure, ...]]:
    """What is newly raised, as warnings at its line. Nothing where either side says nothing, or was cut off before."""
    if before.warned is None or after.warned is None or before.ended != "finished":
        return (), ()
    known = {_same(one) for one in before.warned}
    fresh = [one for one in after.warned if _same(one) not in known]
    old, new = len(before.warned), len(after.warned)
    measure = Measure(name="deprecations while testing", before=str(old), after=str(new), change=counted(old, new))
    return tuple(map(_remark, fresh[:_MOST_REMARKS])), (measure,) if old or new else ()


def _same(one: Warned) -> tuple[str, str, str]:
    """Lines above it may have come or gone."""
    return one.path, one.category, one.message


def _remark(one: Warned) -> Remark:
    where = f", by {code(one.package)}" if one.package else ""
    return Remark(
        level=Level.WARNING,
        title=f"{code(one.category)} is newly raised here{where}",
        message=code(one.message, most=400),
        path=one.path,
        line=one.line,
    )


def without(remarks: Sequence[Remark], told: Sequence[Remark]) -> tuple[Remark, ...]:
    """Remarks less those of which another suite told the same at the same line."""
    known = {(one.path, one.line, one.message) for one in told if one.path}
    return tuple(one for one in remarks if (one.path, one.line, one.message) not in known)
