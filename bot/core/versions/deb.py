"""Debian's versions as dpkg reads and orders them: [epoch:]upstream[-revision].

deb-version(7) says what a version may hold: letters, digits and . + - : ~ in the upstream part, and no - or : in the
revision. That it begins with a digit is advice only; dpkg warns and orders it, and so do we. Characters outside that
set are refused. A new epoch leaves the old numbering behind, so it is a change of scheme.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from bot.core.model import Kind
from bot.core.versions._clauses import clauses
from bot.core.versions._marks import leading_numbers, unfinished
from bot.core.versions._numbering import step, trimmed

LARGEST_EPOCH = 2**31 - 1  # dpkg keeps it in an int
OPERATORS = ("<<", "<=", "=", ">=", ">>", "<", ">")

_EPOCH = re.compile(r"\+?[0-9]+")  # strtol takes the sign
_UPSTREAM = re.compile(r"[A-Za-z0-9.+~:-]+")
_REVISION = re.compile(r"[A-Za-z0-9.+~]+")
_DIGITS = re.compile(r"([0-9]+)")

# A part is ordered sign by sign: ~ before its end, the end before letters, letters before everything else.
_END = "\x02"
_RANKS = str.maketrans({"~": "\x01", **{sign: chr(0x100 + ord(sign)) for sign in ".+-:"}})


class _Parts(NamedTuple):
    epoch: int
    upstream: str
    revision: str


@lru_cache(maxsize=4096)
def _parts(text: str) -> _Parts:
    before, colon, rest = text.strip(" \t").partition(":")
    if not colon:
        before, rest = "0", before
    upstream, hyphen, revision = rest.rpartition("-")
    if not hyphen:
        upstream, revision = rest, ""
    readable = _EPOCH.fullmatch(before) and _UPSTREAM.fullmatch(upstream)
    if not readable or (hyphen and not _REVISION.fullmatch(revision)):
        raise ValueError(f"not [epoch:]upstream[-revision]: {text!r}")
    epoch = int(before)
    if epoch > LARGEST_EPOCH:
        raise ValueError(f"the epoch of {text!r} is greater than {LARGEST_EPOCH}")
    return _Parts(epoch, upstream, revision)


def key(text: str) -> tuple[int, str, str]:
    """Epoch, upstream and revision; two of its texts compare as dpkg compares the parts they were made of."""
    parts = _parts(text)
    return parts.epoch, _sortable(parts.upstream), _sortable(parts.revision)


def _sortable(part: str) -> str:
    """Non-digits and numbers in turn, as a text in which each compares only with its like.

    A number is its length, then its digits without leading zeros, and one that is missing is zero: so 1., 1.0 and
    1.00 are the same, and no revision is revision 0.
    """
    pieces = _DIGITS.split(part.translate(_RANKS))
    if len(pieces) == 1 or pieces[-1]:
        pieces += ["", ""]
    pieces[1::2] = [f"{_END}{chr(1 + len(number))}{number}" for number in (n.lstrip("0") for n in pieces[1::2])]
    return "".join(pieces) + _END


def is_stable(text: str) -> bool:
    """By the words in the upstream part; a ~ alone says nothing, since ~dfsg, ~bpo12 and ~deb12u1 are finished."""
    return not unfinished(_parts(text).upstream)


def same_release(one: str, other: str) -> bool:
    """Epoch and leading numbers of the upstream part are the same, whatever Debian's revision."""
    return _release(one) == _release(other)


def _release(text: str) -> tuple[int, tuple[int, ...] | str]:
    parts = _parts(text)
    return parts.epoch, trimmed(leading_numbers(parts.upstream)) or parts.upstream.strip("0.")


def is_zero(text: str) -> bool:
    """0.y in any epoch."""
    return leading_numbers(_parts(text).upstream)[:1] == (0,)


def satisfies(text: str, wanted: str) -> bool:
    """By the operators of a Depends field, with commas between them; as for dpkg, < and > mean <= and >=."""
    mine = key(text)
    return all(_holds(mine, operator, key(bound)) for operator, bound in _clauses(wanted))


@lru_cache(maxsize=1024)
def _clauses(wanted: str) -> tuple[tuple[str, str], ...]:
    return clauses(wanted, operators=OPERATORS)


def _holds(mine: tuple[int, str, str], operator: str, bound: tuple[int, str, str]) -> bool:
    match operator:
        case "<<":
            return mine < bound
        case "<=" | "<":
            return mine <= bound
        case "=":
            return mine == bound
        case ">=" | ">":
            return mine >= bound
        case _:
            return mine > bound


def bump(before: str, after: str) -> Kind:
    """The first leading number of the upstream part that differs names the kind; a new epoch changes the scheme."""
    one, other = _parts(before), _parts(after)
    if one.epoch != other.epoch:
        return Kind.SCHEME
    return step(leading_numbers(one.upstream), leading_numbers(other.upstream))
