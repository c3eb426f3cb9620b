"""Whether an advisory speaks of a version: OSV's published algorithm, and what cannot be compared is not called safe.

Source: the OSV schema, "Evaluation". A version is affected when it is listed, or lies in any range. In a range the
last event at or before the version decides; events that name the same version count in the order in which they are
written. What the schema leaves open, here: an event whose version the ecosystem's scheme cannot read might be
anywhere, so the range is taken to be as wide as it can be, unless the versions are listed as well, which then says it
all. A version that cannot be read is affected where it is listed and where a range takes in everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.adapters.advisories import _names
from bot.adapters.advisories._entries import Entry, Event
from bot.core.errors import InvalidVersion
from bot.core.versions import Key


def affected(entry: Entry, ecosystem: str, version: str) -> bool:
    """Whether the entry speaks of this version. ecosystem: by OSV's name; version: as we write it."""
    written = _names.version_of(ecosystem, version)
    if written in entry.versions or version in entry.versions:
        return True
    key = _read(ecosystem, version)
    if key is None:
        return any(_endless(events) for events in entry.ranges)
    if any(_same(ecosystem, key, one) for one in entry.versions):
        return True
    return any(_within(ecosystem, key, events, listed=bool(entry.versions)) for events in entry.ranges)


def _read(ecosystem: str, version: str) -> Key | None:
    try:
        return _names.version_key(ecosystem, version)
    except InvalidVersion:
        return None


def _same(ecosystem: str, key: Key, other: str) -> bool:
    """Whether a listed version is ours in another spelling, as 4.2 is 4.2.0 for Python."""
    found = _read(ecosystem, other)
    return found is not None and not found < key and not key < found


def _endless(events: Sequence[Event]) -> bool:
    """Whether it takes in every version that there can be."""
    return ("introduced", "0") in events and all(kind == "introduced" or "*" in text for kind, text in events)


def _within(ecosystem: str, key: Key, events: Sequence[Event], *, listed: bool) -> bool:
    inside = False
    steps: list[tuple[Key, str]] = []
    limits: list[Key | None] = []
    for kind, text in events:
        if kind == "introduced" and text == "0":
            inside = True
            continue
        at = _event(ecosystem, text)
        if at is None and listed and "*" not in text:
            return False
        if kind == "limit":
            limits.append(at)
        elif at is not None:
            steps.append((at, kind))
        elif kind == "introduced":
            inside = True
    if limits and not any(limit is None or key < limit for limit in limits):
        return False
    return _walked(key, steps, inside=inside)


def _walked(key: Key, steps: list[tuple[Key, str]], *, inside: bool) -> bool:
    for at, kind in sorted(steps, key=lambda step: step[0]):
        if kind == "last_affected":
            inside = inside and not at < key
        elif not key < at:
            inside = kind == "introduced"
    return inside


def _event(ecosystem: str, text: str) -> Key | None:
    try:
        return _names.event_key(ecosystem, text)
    except InvalidVersion:
        return None
