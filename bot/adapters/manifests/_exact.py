"""A pin out of a text that is a version or a range, and a rewrite that is read back before it counts."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.adapters.manifests import _spots
from bot.adapters.manifests._file import File
from bot.adapters.manifests._spots import Found, Span, Spot
from bot.adapters.manifests._tree import Text
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin, Release

LONGEST = 300  # no version that anybody means is longer

_NUMBERS = re.compile(r"(?:0|[1-9][0-9]{0,9})(?:\.(?:0|[1-9][0-9]{0,9})){0,9}")


def pinned(
    file: File,
    component: Component,
    at: int,
    wanted: Text,
    pattern: re.Pattern[str] | None,
    requirement: str | None = None,
) -> Found:
    """The pin of a component whose name stands at an offset.

    pattern: what an exact version looks like, with the group `version`; None where none would be edited.
    requirement: how the ecosystem's range is said, where that is not as it is written; "" takes every version.
    """
    exact = pattern.fullmatch(wanted.value) if pattern and len(wanted.value) <= LONGEST else None
    span = wanted.span(exact.start("version"), exact.end("version")) if exact else None
    ranged = _stripped(wanted) if pattern and not exact else None
    pin = file.pin(
        component,
        at,
        requirement=wanted.value.strip() if requirement is None else requirement,
        version=exact["version"] if exact and span else None,
        widens=ranged is not None,
    )
    return pin, Spot(version=span, requirement=ranged)


def _stripped(wanted: Text) -> Span | None:
    """The characters of a range without the blanks around it; None where there are none, or nobody can say which."""
    body = wanted.value.strip()
    start = len(wanted.value) - len(wanted.value.lstrip())
    return wanted.span(start, start + len(body)) if body and len(body) <= LONGEST else None


def rewrite(
    text: str,
    find: Callable[[str, str], list[Found]],
    pin: Pin,
    release: Release,
    said: Callable[[str], str] = str,
) -> str:
    """`_spots.rewrite` with the pins that `find` reads of a path and a text; what was written is read back.

    Not so where numbers came in the place of as many numbers: no file gives those a meaning, and what took the ones for
    a version takes the others for one. To read a long file again for each of its pins is what takes the time.

    ConfigProblem too where the file would not say what was meant: who publishes a release chooses its version's
    characters, and a file gives some of them a meaning.
    """
    after = _spots.rewrite(text, find(pin.path, text), pin, release, said)
    if not pin.digest and _alike(pin.version or "", release.version):
        return after
    try:
        mine = [one for one, _ in find(pin.path, after) if one.component == pin.component]
        there = any(_is_at(one, release, ranged=pin.version is None) for one in mine)
    except ConfigProblem:
        there = False
    if not there:
        raise ConfigProblem(
            f"would not be read as pinning {pin.component.name} to {release.version!r}",
            where=f"{pin.path}:{pin.line}",
            mend="Write it by hand",
        )
    return after


def _alike(one: str, other: str) -> bool:
    """Whether both are plain numbers, and as many of them."""
    both = _NUMBERS.fullmatch(one) and _NUMBERS.fullmatch(other)
    return both is not None and one.count(".") == other.count(".")


def _is_at(pin: Pin, release: Release, *, ranged: bool) -> bool:
    return pin.version == release.version or (ranged and pin.version is None and _spots.takes(pin, release.version))
