"""A version that one variable gives to several components is edited only where all of them belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from bot.adapters.manifests._spots import Found, Span, Spot
from bot.core.model import Component, Pin


def settled(found: Iterable[Found], family: Callable[[Component], str], hard: str) -> list[Found]:
    """By place, and each pin of a place once.

    family: what must be the same for all components that share a place: a release of one is then taken to be there
    for the others. Where it is not, their pins are known and not edited; hard: how the ecosystem writes that only this
    version will do, with {} for it, for a bare one may be open to all that is newer.
    """
    ordered = sorted(dict.fromkeys(found), key=lambda one: (one[0].line, one[0].column))
    families: defaultdict[Span, set[str]] = defaultdict(set)
    for pin, spot in ordered:
        if span := spot.version or spot.requirement:
            families[span].add(family(pin.component))
    return [
        (pin, spot)
        if (span := spot.version or spot.requirement) is None or len(families[span]) == 1
        else (_known(pin, hard), Spot(version=None))
        for pin, spot in ordered
    ]


def _known(pin: Pin, hard: str) -> Pin:
    """The pin as one that is not edited."""
    if pin.version is None:
        return replace(pin, widens=False)
    return replace(pin, version=None, requirement=hard.format(pin.version))
