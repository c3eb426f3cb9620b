"""A version that one variable gives to several components is edited only where all of them belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from bot.adapters.manifests._spots import Found, Span, Spot
from bot.core.model import Component


def settled(found: Iterable[Found], family: Callable[[Component], str], hard: str) -> list[Found]:
    """By place, and each pin of a place once.

    family: what must be the same for all components that share a place: a release of one is then taken to be there
    for the others. Where it is not, their pins are known and not edited; hard: how the ecosystem writes that only this
    version will do, with {} for it, for a bare one may be open to all that is newer.
    """
    ordered = sorted(dict.fromkeys(found), key=lambda one: (one[0].line, one[0].column))
    families: defaultdict[Span, set[str]] = defaultdict(set)
    for pin, spot in ordered:
        if spot.version is not None:
            families[spot.version].add(family(pin.component))
    return [
        (pin, spot)
        if spot.version is None or len(families[spot.version]) == 1
        else (replace(pin, version=None, requirement=hard.format(pin.version)), Spot(version=None))
        for pin, spot in ordered
    ]
