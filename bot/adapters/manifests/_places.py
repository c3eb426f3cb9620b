"""Where a pin's version stands and what stands around it, so that what is written there still means what was meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.adapters.manifests import _spots
from bot.adapters.manifests._requirement import nearest
from bot.adapters.manifests._spots import Spot
from bot.core.errors import ConfigProblem
from bot.core.model import Pin, Release

# To YAML 1.10 is 1.1, 0x10 is 16, and 2024-01-15 a day; a version of such a form must stand in quotes.
_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F_]+)|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?"
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


def rewrite(text: str, reads: Sequence[Read], pin: Pin, release: Release) -> str:
    """`_spots.rewrite`, with the ends of the version left where they are, and in quotes where YAML asks for them."""
    place = nearest(reads, pin) or NOWHERE
    version = release.version
    if not (version.startswith(place.lead) and version.endswith(place.tail, len(place.lead))):
        raise ConfigProblem(
            f"only a variable of {pin.component.name} can change, and {version} is not {place.lead}…{place.tail}",
            where=f"{pin.path}:{pin.line}",
            mend="Write the whole tag into the variable",
        )
    inner = version[len(place.lead) : len(version) - len(place.tail)]
    written = f'"{inner}"' if place.bare and _NUMBER.fullmatch(inner) else inner
    found = [(one, its.spot) for one, its in reads]
    return _spots.rewrite(text, found, pin, replace(release, version=written))
