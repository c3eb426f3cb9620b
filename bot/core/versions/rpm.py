"""RPM's versions, [epoch:]version[-release], as rpmvercmp and rpmverCmp order them.

A version holds letters, digits and . _ + ~ ^, which is what rpmbuild lets into one; it lets % and braces pass too, but
those are macros that nobody expanded, and we refuse them. Only runs of letters and of digits count: what stands between
them does not, but for ~ (before the end: candidates) and ^ (after it: later snapshots). A new epoch leaves the old
numbering behind, so it is a change of scheme.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from bot.core.model import Kind
from bot.core.versions._clauses import clauses
from bot.core.versions._marks import leading_numbers, unfinished
from bot.core.versions._numbering import step, trimmed

OPERATORS = ("<", "<=", "=<", "=", "==", ">=", "=>", ">")

_EVR = re.compile(r"(?:([0-9]*):)?([A-Za-z0-9._+~^]+)(?:-([A-Za-z0-9._+~^]+))?")
_RUN = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")

# What may come next, in rising order. Marks are smaller than any letter or digit, so that a shorter run of letters
# comes before a longer one that begins like it.
_TILDE, _END, _CARET, _LETTERS, _NUMBER = "\x01\x02\x03\x04\x05"


class _Parts(NamedTuple):
    epoch: int
    version: str
    release: str | None


@lru_cache(maxsize=4096)
def _parts(text: str) -> _Parts:
    found = _EVR.fullmatch(text)
    if found is None:
        raise ValueError(f"not [epoch:]version[-release]: {text!r}")
    return _Parts(int(found[1] or 0), found[2], found[3])


def key(text: str) -> tuple[int, str, str]:
    """Epoch, version and release; one without a release comes before those with one."""
    parts = _parts(text)
    return parts.epoch, _sortable(parts.version), "" if parts.release is None else _sortable(parts.release)


def _sortable(part: str) -> str:
    """The runs with a mark before each; a number is its length, then its digits without leading zeros."""
    return "".join(map(_marked, _RUN.findall(part))) + _END


def _marked(run: str) -> str:
    if run == "~":
        return _TILDE
    if run == "^":
        return _CARET
    if run.isalpha():
        return _LETTERS + run
    number = run.lstrip("0")
    return f"{_NUMBER}{chr(1 + len(number))}{number}"


def is_stable(text: str) -> bool:
    """Unfinished are what a ~ puts before a release, and by their words candidates and snapshots of either style."""
    parts = _parts(text)
    return "~" not in parts.version and not unfinished(f"{parts.version}-{parts.release or ''}")


def same_release(one: str, other: str) -> bool:
    """Epoch and leading numbers of the version are the same, whatever the distribution's release."""
    return _release(one) == _release(other)


def _release(text: str) -> tuple[int, tuple[int, ...] | str]:
    parts = _parts(text)
    return parts.epoch, trimmed(leading_numbers(parts.version)) or parts.version.strip("0.")


def is_zero(text: str) -> bool:
    """0.y in any epoch."""
    return leading_numbers(_parts(text).version)[:1] == (0,)


def satisfies(text: str, wanted: str) -> bool:
    """As a Requires is met by a package of this version; all of several must be."""
    return all(_overlaps(text, operator, bound) for operator, bound in _clauses(wanted))


@lru_cache(maxsize=1024)
def _clauses(wanted: str) -> tuple[tuple[str, str], ...]:
    return clauses(wanted, operators=OPERATORS)


def _overlaps(text: str, operator: str, bound: str) -> bool:
    """rpmverOverlap, where the left side is a version that there is.

    A release counts only where both name one. Where one side names none, every release of that version is meant, so
    that 1.0-1 is within <= 1.0, and 1.0 within > 1.0-1.
    """
    mine, its = key(text), key(bound)
    if mine[:2] == its[:2] and bool(mine[2]) != bool(its[2]):
        return bool(its[2]) or "=" in operator
    if mine == its:
        return "=" in operator
    return (">" if mine > its else "<") in operator


def bump(before: str, after: str) -> Kind:
    """The first leading number of the version that differs names the kind; a new epoch changes the scheme."""
    one, other = _parts(before), _parts(after)
    if one.epoch != other.epoch:
        return Kind.SCHEME
    return step(leading_numbers(one.version), leading_numbers(other.version))
