"""A pin with the spans that a rewrite exchanges: a version with what is beside it, or a range; no other byte moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.adapters.manifests._requirement import nearest, place
from bot.core import ecosystems, versions
from bot.core.errors import ConfigProblem
from bot.core.model import Pin, Release

Span: TypeAlias = tuple[int, int]  # offsets in the text, the end exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a pin's parts stand in the text.

    version: the characters of its version, None where only a range or only a digest is written.
    digest: the characters of the digest or commit, None where there is none.
    requirement: the characters of a range that may be widened, None for an exact version and where none is edited.
    """

    version: Span | None
    digest: Span | None = None
    requirement: Span | None = None


Found: TypeAlias = tuple[Pin, Spot]


def rewrite(text: str, found: Sequence[Found], pin: Pin, release: Release, said: Callable[[str], str] = str) -> str:
    """The text with this pin at the release; a range is widened so that it takes the release.

    said: how the ecosystem's scheme says a range that is written in this file. ConfigProblem when the pin is no longer
    there, when it names neither an exact version nor a range that can be widened, or when a digest is pinned and the
    release has none.
    """
    where = f"{pin.path}:{pin.line}"
    spot = nearest(found, pin)
    if spot is not None and spot.requirement is not None and pin.version is None:
        start, end = spot.requirement
        return text[:start] + _wider(text[start:end], pin, release, said, where) + text[end:]
    if spot is None or (spot.version is None and spot.digest is None) or pin.version is None:
        raise ConfigProblem(f"no longer pins {pin.component.name} to {pin.version or pin.requirement}", where=where)
    parts: list[tuple[Span, str]] = []
    if spot.version is not None:
        parts.append((spot.version, release.version))
    if spot.digest is not None:
        parts.append((spot.digest, _digest(release, pin, where)))
    # The later part first, so that the earlier offsets stay true.
    for (start, end), new in sorted(parts, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def takes(pin: Pin, version: str) -> bool:
    """Whether the pin's range takes a version; False too for one that its scheme cannot read."""
    try:
        return versions.satisfies(ecosystems.scheme_of(pin.component), version, pin.requirement)
    except ConfigProblem:
        return False


def at(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1; a column is a character."""
    return place(text, offset)


def _wider(written: str, pin: Pin, release: Release, said: Callable[[str], str], where: str) -> str:
    try:
        return versions.widened(ecosystems.scheme_of(pin.component), written, release.version, said=said)
    except ConfigProblem as error:
        raise ConfigProblem(str(error), where=where) from None


def _digest(release: Release, pin: Pin, where: str) -> str:
    if not release.digest:
        raise ConfigProblem(
            f"{pin.component.name} {release.version} has no digest that is known, and this file pins one",
            where=where,
            mend="Take the digest out of the file, or wait until its registry names one",
        )
    return release.digest
