"""Where a pin's version stands and what stands around it, so that what is written there still means what was meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.adapters.manifests import _spots
from bot.adapters.manifests._file import File
from bot.adapters.manifests._requirement import nearest
from bot.adapters.manifests._spots import Spot
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin, Release

# To YAML 1.10 is 1.1, 0x10 is 16, and 2024-01-15 a day; a version of such a form must stand in quotes.
_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*+(?:\.[0-9_]*+)?(?:[eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F_]+)|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a rewrite exchanges.

    lead and tail: the ends of the version that are written elsewhere and must stay.
    bare: the version is a whole YAML scalar without quotes.
    """

    spot: Spot
    lead: str = ""
    tail: str = ""
    bare: bool = False


Read: TypeAlias = tuple[Pin, Place]
NOWHERE = Place(spot=Spot(version=None))


def registered(
    file: File, component: Component, at: int, wanted: tuple[str, int] | None, pattern: re.Pattern[str]
) -> Read:
    """The pin of what a registry lists, where `wanted` says at its offset; None: nothing is said.

    pattern: what an exact version looks like, with the group `version`; what is not that is a range.
    """
    said, start = wanted or ("", 0)
    exact = pattern.fullmatch(said)
    body, lead = said.strip(), len(said) - len(said.lstrip())
    span = (start + exact.start("version"), start + exact.end("version")) if exact else None
    # A number of YAML that stands alone is left: another one could be read as another number.
    ranged = None
    if body and not exact and not _NUMBER.fullmatch(body):
        ranged = (start + lead, start + lead + len(body))
    pin = file.pin(
        component, at, requirement=said, version=exact["version"] if exact else None, widens=ranged is not None
    )
    return pin, Place(spot=Spot(version=span, requirement=ranged))


def in_order(reads: Iterable[Read]) -> list[Read]:
    """By place, and each place once: an alias of YAML leads to one place by many ways."""
    return sorted(dict.fromkeys(reads), key=lambda one: (one[0].line, one[0].column))


def unshared(reads: Iterable[Read]) -> list[Read]:
    """A place that several images share is known, yet not edited: what one of them has, another may not have."""
    found = list(reads)
    users: defaultdict[object, set[object]] = defaultdict(set)
    for pin, place in found:
        users[place.spot.version].add((pin.component, place.lead, place.tail))
    return [
        (pin, place)
        if place.spot.version is None or len(users[place.spot.version]) == 1
        else (replace(pin, version=None), NOWHERE)
        for pin, place in found
    ]


def rewrite(text: str, find: Callable[[str, str], list[Read]], pin: Pin, release: Release) -> str:
    """`_spots.rewrite`, with the ends of the version left where they are, and in quotes where YAML asks for them."""
    reads = find(pin.path, text)
    place = nearest(reads, pin) or NOWHERE
    found = [(one, its.spot) for one, its in reads]
    if place.spot.requirement is not None:
        return _spots.rewrite(text, found, pin, release)
    version = release.version
    if not (version.startswith(place.lead) and version.endswith(place.tail, len(place.lead))):
        raise ConfigProblem(
            f"only a variable of {pin.component.name} can change, and {version} is not {place.lead}…{place.tail}",
            where=f"{pin.path}:{pin.line}",
            mend="Write the whole tag into the variable",
        )
    inner = version[len(place.lead) : len(version) - len(place.tail)]
    written = f'"{inner}"' if place.bare and _NUMBER.fullmatch(inner) else inner
    return _spots.rewrite(text, found, pin, replace(release, version=written))
