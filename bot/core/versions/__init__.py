"""How versions compare: one file for each scheme, found by its name; a text becomes a sort key once and is remembered.

A scheme is named like its ecosystem. It orders and tells apart; which version to take is `choice`'s question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from bot.core.versions import _widening

# Three numbers, and what SemVer's short way of a pre-release is; nothing where a line is anything else.
_SHORT = re.compile(
    r"^(?:([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(?:-([0-9A-Za-z]{1,16}(?:\.[0-9A-Za-z]{1,15}){0,3}))?|.*)$",
    re.MULTILINE,
)
LONGEST_RANGE = 1000
LONGEST = 200  # no version that anybody means is longer; a hostile one could be very long


class Key(Protocol):
    """What a scheme sorts by; keys of one scheme only compare with each other."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether this version comes before the other."""
        ...


class Scheme(Protocol):
    """What each file of this folder holds."""

    def key(self, text: str) -> Key:
        """ValueError when the text is no version."""
        ...

    def is_stable(self, text: str) -> bool:
        """Whether its maker calls it finished."""
        ...

    def same_release(self, one: str, other: str) -> bool:
        """Whether both lead to the same finished version, as 2.0rc1 and 2.0 do."""
        ...

    def is_zero(self, text: str) -> bool:
        """Whether it is of the kind in which a minor step may break (0.y)."""
        ...

    def satisfies(self, text: str, wanted: str) -> bool:
        """Whether the version lies in the range. ValueError when the range cannot be read."""
        ...

    def bump(self, before: str, after: str) -> Kind:
        """What kind of step leads from one to the other."""
        ...


@lru_cache(maxsize=1)
def kinds() -> tuple[str, ...]:
    """The schemes that there are."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))


@lru_cache(maxsize=64)
def _scheme(name: str) -> Scheme:
    if name not in kinds():
        raise ConfigProblem(f"no version scheme {name!r}", mend=f"There are {', '.join(kinds())}")
    return cast(Scheme, import_module(f"{__name__}.{name}"))


@lru_cache(maxsize=65_536)
def key(scheme: str, text: str) -> Key:
    """The sort key of a version. InvalidVersion when the text is none; ConfigProblem for an unknown scheme."""
    found = _scheme(scheme)
    if len(text) > LONGEST:
        raise InvalidVersion(f"{text[:40]!r}… is too long for a version")
    try:
        return found.key(text)
    except ValueError as error:
        raise InvalidVersion(f"{text!r} is no {scheme} version") from error


def keys(scheme: str, texts: Sequence[str]) -> list[Key | None]:
    """As `key`, of many at once, and not remembered; None for what is no version.

    Nearly all are three numbers with or without a short pre-release. A scheme that has `by_numbers` says their keys by
    it, in half the time, or None where it would rather be asked for the whole text.
    """
    by_numbers = getattr(_scheme(scheme), "by_numbers", None)
    lines = "\n".join(texts)
    if by_numbers is None or not texts or lines.count("\n") >= len(texts):
        return [_key_or_none(scheme, text) for text in texts]
    return [
        (by_numbers(int(major), int(minor), int(patch), pre) if patch else None) or _key_or_none(scheme, text)
        for text, (major, minor, patch, pre) in zip(texts, _SHORT.findall(lines), strict=True)
    ]


def _key_or_none(scheme: str, text: str) -> Key | None:
    try:
        return key(scheme, text)
    except InvalidVersion:
        return None


def is_valid(scheme: str, text: str) -> bool:
    """Whether the text is a version of the scheme."""
    try:
        key(scheme, text)
    except InvalidVersion:
        return False
    return True


def compare(scheme: str, one: str, other: str) -> int:
    """-1, 0 or 1 as one comes before, with or after the other. InvalidVersion when either is no version."""
    left, right = key(scheme, one), key(scheme, other)
    return int(right < left) - int(left < right)


def is_stable(scheme: str, text: str) -> bool:
    """Whether it is a finished version: no alpha, beta, candidate or development build."""
    key(scheme, text)
    return _scheme(scheme).is_stable(text)


def same_release(scheme: str, one: str, other: str) -> bool:
    """Whether both lead to the same finished version, as 2.0rc1 and 2.0 do."""
    key(scheme, one), key(scheme, other)
    return _scheme(scheme).same_release(one, other)


def is_zero(scheme: str, text: str) -> bool:
    """Whether its maker has promised nothing yet (0.y): a minor step may break like a major one.

    `bump` still calls it minor; who writes a policy may look.
    """
    key(scheme, text)
    return _scheme(scheme).is_zero(text)


def satisfies(scheme: str, text: str, wanted: str) -> bool:
    """Whether a version lies in a range; an empty range takes all. Pre-releases are not shut out for being such.

    InvalidVersion for the version, ConfigProblem for a range that the scheme cannot read, or is too long for one.
    """
    key(scheme, text)
    try:
        if len(wanted) > LONGEST_RANGE:
            raise ValueError("no person writes a range like this")
        return _scheme(scheme).satisfies(text, wanted)
    except ValueError as error:
        raise ConfigProblem(f"{wanted[:LONGEST]!r} is no {scheme} version range") from error


def widened(scheme: str, wanted: str, version: str, *, said: Callable[[str], str] = str) -> str:
    """The range with the smallest edit, in the style it is written in, that lets it take this version too.

    said: how the scheme says what is written, where a file has words of its own. The range itself, where it takes the
    version already. Lower bounds and exclusions stay. InvalidVersion; ConfigProblem where no edit is known that does.
    """
    key(scheme, version)

    def takes(text: str) -> bool:
        try:
            return satisfies(scheme, version, said(text))
        except ConfigProblem:
            return False

    if takes(wanted):
        return wanted
    short = len(wanted) <= LONGEST_RANGE
    found = next((new for new in _widening.proposals(wanted, version, takes) if takes(new)), None) if short else None
    if found is None:
        raise ConfigProblem(f"the range {wanted[:LONGEST]!r} cannot be widened to {version}", mend="Write it by hand")
    return found


def fits(scheme: str, before: str, after: str) -> bool:
    """Whether the second may take the place of the first: an image tag keeps its variant, prefix and precision.

    Schemes whose versions have no shape say nothing of it, and all their versions fit.
    """
    key(scheme, before), key(scheme, after)
    asked = getattr(_scheme(scheme), "fits", None)
    return asked is None or bool(asked(before, after))


def bump(scheme: str, before: str, after: str) -> Kind:
    """What kind of step leads from one version to the other, either way. InvalidVersion when either is none."""
    key(scheme, before), key(scheme, after)
    return _scheme(scheme).bump(before, after)


def steps(scheme: str, current: str, texts: Iterable[str]) -> Iterator[Kind | None]:
    """Of versions, newest first, as many as are newer: the `bump` from the current one, None for one that `fits` not.

    As asked one by one, and quicker where the scheme has `by_keys`. InvalidVersion when one is no version.
    """
    found, base = _scheme(scheme), key(scheme, current)
    asked, by_keys = getattr(found, "fits", None), getattr(found, "by_keys", None)
    for text in texts:
        one = key(scheme, text)
        if not base < one:
            return
        if asked is not None and not asked(current, text):
            yield None
        else:
            yield found.bump(current, text) if by_keys is None else by_keys(base, one)
