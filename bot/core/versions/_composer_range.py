"""Composer's constraints: to the letter of composer/semver's VersionParser and Constraint.

A constraint is alternatives of bounds that must all hold. An unfinished version lies below its release, so bounds are
lowered to `-dev` where Composer does it: `^1.2` begins at 1.2.0.0-dev and ends before 2.0.0.0-dev.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.versions._composer_version import (
    STABILITIES,
    SUFFIX,
    TRIMMED,
    is_branch,
    key,
    normal,
    stability,
)

LONGEST = 1000  # constraints are written by people; time grows with the square of the length
LONGEST_NUMBER = 18  # PHP counts on in floating point after that

Bound = tuple[str, str]  # operator, version written out
Groups = tuple[str, ...]

_FLAGS = re.IGNORECASE | re.ASCII
_VERSION = rf"v?(\d++)(?:\.(\d++))?(?:\.(\d++))?(?:\.(\d++))?(?:{SUFFIX}|\.([xX*][.-]?dev))(?:\+[^\s]+)?"
_OR = re.compile(r"\s*\|\|?\s*", re.ASCII)
_AND = re.compile(r"(?<!^)(?<!as)(?<![=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|$)")
_ALIASED = re.compile(r"([^,\s]++) ++as ++([^,\s]++)$", re.ASCII)
_FLAGGED = re.compile(rf"([^,\s]*?)@({STABILITIES})$", _FLAGS)
_REFERENCE = re.compile(r"(dev-[^,\s@]+?|[^,\s@]+?\.x-dev)#.+$", _FLAGS)
_ALL = re.compile(r"(v)?[xX*](\.[xX*])*$", _FLAGS)
_TILDE = re.compile(rf"~>?{_VERSION}$", _FLAGS)
_CARET = re.compile(rf"\^{_VERSION}($)", _FLAGS)
_WILDCARD = re.compile(r"v?(\d++)(?:\.(\d++))?(?:\.(\d++))?(?:\.[xX*])++$", re.ASCII)
_HYPHEN = re.compile(rf"(?P<low>{_VERSION}) +- +(?P<high>{_VERSION})($)", _FLAGS)
_COMPARED = re.compile(r"(<>|!=|>=?|<=?|==?)?\s*(.*)", re.ASCII)
_NAMED_BRANCH = re.compile(r"[0-9a-zA-Z./-]+-dev$")
_OWN_STABILITY = re.compile(rf"-{SUFFIX}$", _FLAGS)


def contains(wanted: str, version: str) -> bool:
    """Whether a version that is written out lies in the constraint. ValueError when Composer cannot parse that."""
    return any(all(_holds(version, *bound) for bound in bounds) for bounds in parse(wanted))


@lru_cache(maxsize=4096)
def parse(wanted: str) -> tuple[tuple[Bound, ...], ...]:
    """The alternatives, each with its bounds; no bounds is any version."""
    if len(wanted) > LONGEST:
        raise ValueError("the constraint is too long")
    return tuple(
        tuple(bound for part in _AND.split(one) for bound in _bounds(part))
        for one in _OR.split(wanted.strip(TRIMMED))
    )  # fmt: skip


def _holds(version: str, operator: str, bound: str) -> bool:
    """Named branches are equal or different, never greater or less."""
    if is_branch(version) or is_branch(bound):
        return (version == bound) if operator in ("=", "==") else operator in ("!=", "<>") and version != bound
    left, right = key(version), key(bound)
    match operator:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "!=" | "<>":
            return left != right
        case _:
            return left == right


def _bounds(text: str) -> tuple[Bound, ...]:
    if found := _ALIASED.match(text):
        text = found[1]
    flag = ""
    if found := _FLAGGED.match(text):
        text, flag = found[1] or "*", "" if found[2] == "stable" else found[2]
    if found := _REFERENCE.match(text):
        text = found[1]
    if found := _ALL.match(text):
        return ((">=", "0.0.0.0-dev"),) if found[1] or found[2] else ()
    if found := _TILDE.match(text):
        return _tilde(text, found.groups(""))
    if found := _CARET.match(text):
        return _caret(text, found.groups(""))
    if found := _WILDCARD.match(text):
        return _wildcard(found.groups(""))
    if found := _HYPHEN.match(text):
        return _hyphen(found.groups(""))
    return (_compared(text, flag),)


def _tilde(text: str, groups: Groups) -> tuple[Bound, ...]:
    """`~1.2` ends before 2, `~1.2.3` before 1.3."""
    if text.startswith("~>"):
        raise ValueError("~> is Ruby's; Composer's is ~")
    place = _places(groups) + bool(groups[7])
    return (">=", _low(text, groups)), ("<", _raised(groups, max(1, place - 1)))


def _caret(text: str, groups: Groups) -> tuple[Bound, ...]:
    """The first number that is no zero stands."""
    first, second, third = groups[:3]
    place = 1 if first != "0" or not second else 2 if second != "0" or not third else 3
    return (">=", _low(text, groups)), ("<", _raised(groups, place))


def _low(text: str, groups: Groups) -> str:
    """Without a stability of its own the bound begins at -dev. (Behind metadata that is lost, as in Composer.)"""
    own = groups[4] or groups[6] or groups[7]
    return normal(text[1:] + ("" if own else "-dev"))


def _wildcard(groups: Groups) -> tuple[Bound, ...]:
    place = _places(groups)
    low, high = _raised(groups, place, by=0), _raised(groups, place)
    return (("<", high),) if low == "0.0.0.0-dev" else ((">=", low), ("<", high))


def _hyphen(groups: Groups) -> tuple[Bound, ...]:
    """`1.2 - 2` ends before 3, `1 - 2.3.4` at 2.3.4."""
    low, low_parts, high, high_parts = groups[0], groups[1:9], groups[9], groups[10:18]
    below = "" if low_parts[4] or low_parts[6] or low_parts[7] else "-dev"
    whole = (high_parts[1] and high_parts[2]) or high_parts[4] or high_parts[6] or high_parts[7]
    bottom, top = normal(low) + below, normal(high)
    end = ("<=", top) if whole else ("<", _raised(high_parts, 2 if high_parts[1] else 1))
    return (">=", bottom), end


def _compared(text: str, flag: str) -> Bound:
    found = _COMPARED.match(text)
    operator, named = (found[1] or "=", found[2]) if found else ("=", "")
    version = _version_or_branch(named)
    if operator not in ("=", "==") and flag and stability(version) == "stable":
        return operator, f"{version}-{flag}"
    if operator in ("<", ">=") and not _OWN_STABILITY.search(named) and not named.startswith("dev-"):
        version += "-dev"
    return operator, version


def _version_or_branch(named: str) -> str:
    """Composer forgives foobar-dev, which should be dev-foobar."""
    try:
        return normal(named)
    except ValueError:
        if not _NAMED_BRANCH.match(named):
            raise
        return normal(f"dev-{named.removesuffix('-dev')}")


def _places(groups: Groups) -> int:
    """How many numbers were written; a later one counts even where one before it is missing."""
    return next((place for place in (4, 3, 2) if place <= len(groups) and groups[place - 1]), 1)


def _raised(groups: Groups, place: int, *, by: int = 1) -> str:
    """The numbers with that one raised and zeros behind it, at the very bottom of that version."""
    if any(len(part) > LONGEST_NUMBER for part in groups[:place]):
        raise ValueError("a number is too long")
    kept = list(groups[: place - 1])
    last = str(int(groups[place - 1]) + by) if by else groups[place - 1]
    return ".".join([*kept, last, *("0" for _ in range(4 - place))]) + "-dev"
