"""A pin out of a text that is a version or a range, and a rewrite that is read back before it counts."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.adapters.manifests import _spots
from bot.adapters.manifests._file import File
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Text
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin, Release

LONGEST = 300  # no version that anybody means is longer


def pinned(
    file: File, component: Component, at: int, wanted: Text, pattern: re.Pattern[str] | None, requirement: str = ""
) -> Found:
    """The pin of a component whose name stands at an offset.

    pattern: what an exact version looks like, with the group `version`; None where none would be edited.
    requirement: how the ecosystem's range is said, where that is not as it is written.
    """
    exact = pattern.fullmatch(wanted.value) if pattern and len(wanted.value) <= LONGEST else None
    span = wanted.span(exact.start("version"), exact.end("version")) if exact else None
    pin = file.pin(
        component,
        at,
        requirement=requirement or wanted.value.strip(),
        version=exact["version"] if exact and span else None,
    )
    return pin, Spot(version=span)


def rewrite(text: str, find: Callable[[str, str], list[Found]], pin: Pin, release: Release) -> str:
    """`_spots.rewrite` with the pins that `find` reads of a path and a text; what was written is read back.

    ConfigProblem too where the file would not say what was meant: who publishes a release chooses its version's
    characters, and a file gives some of them a meaning.
    """
    after = _spots.rewrite(text, find(pin.path, text), pin, release)
    try:
        there = any(
            (one.component, one.version) == (pin.component, release.version) for one, _ in find(pin.path, after)
        )
    except ConfigProblem:
        there = False
    if not there:
        raise ConfigProblem(
            f"would not be read as pinning {pin.component.name} to {release.version!r}",
            where=f"{pin.path}:{pin.line}",
            mend="Write it by hand",
        )
    return after
