"""What a new release lost of what its forerunners had: one loss asks a person, two that attacks show together stop it.

The losses are those that the known attacks on registries had in common: no provenance where there was one, uploaded by
somebody new, a script that runs at installation. Each also happens for honest reasons (a maker changes its build), so
one alone is a question and no verdict. Forerunners are the releases published before, in time and not in number: an
old branch that never had provenance says nothing of the main one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from heapq import nlargest

from bot.core.model import Release
from bot.core.quoting import code
from bot.core.releases import TRUSTED, UNNAMED

RECENT = 20  # how many forerunners are looked at; who published years ago vouches for nothing


class Loss(StrEnum):
    """What is gone or new."""

    PROVENANCE = "provenance"
    SOURCE = "source"
    PUBLISHER = "publisher"
    MAINTAINERS = "maintainers"
    INSTALL_SCRIPT = "install_script"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One loss, with the sentence that tells a person."""

    loss: Loss
    why: str


def drops(target: Release, listed: Sequence[Release]) -> tuple[Drop, ...]:
    """What `target` lost against the releases before it. What a registry does not say (None) is no loss."""
    said = target.trust
    if said.provenance is None and not (said.publisher or said.install_script or said.maintainers):
        return ()
    before = _before(target, listed)
    if not before:
        return ()
    found = (_provenance(target, before), _publisher(target, before), _script(target, before), _people(target, before))
    return tuple(drop for drop in found if drop)


def blocked(found: Sequence[Drop]) -> str:
    """Why a release must not be proposed at all, by what it lost; "" when a person may decide."""
    losses = {drop.loss for drop in found}
    if Loss.PROVENANCE in losses and losses & {Loss.INSTALL_SCRIPT, Loss.PUBLISHER}:
        return " and ".join(drop.why for drop in found)
    return ""


def _before(target: Release, listed: Sequence[Release]) -> list[Release]:
    """Earlier ones, the latest first. Where a registry gives no times, all others count."""
    if (at := target.published) is not None:
        listed = [one for one in listed if one.published is not None and one.published < at]
    others = [one for one in listed if one.version != target.version and not one.yanked]
    oldest = datetime.min.replace(tzinfo=UTC)
    return nlargest(RECENT, others, key=lambda one: one.published or oldest)


def _provenance(target: Release, before: Sequence[Release]) -> Drop | None:
    known = next((one for one in before if one.trust.provenance), None)
    if known is None or target.trust.provenance is None:
        return None
    if not target.trust.provenance:
        why = f"{target.version} has no provenance, and {known.version} had"
        return Drop(loss=Loss.PROVENANCE, why=why)
    if UNNAMED not in (target.trust.provenance, known.trust.provenance) and (
        target.trust.provenance != known.trust.provenance
    ):
        was, now = code(known.trust.provenance or ""), code(target.trust.provenance)
        return Drop(loss=Loss.SOURCE, why=f"{target.version} was built from {now}, and {known.version} from {was}")
    return None


def _publisher(target: Release, before: Sequence[Release]) -> Drop | None:
    known = {one.trust.publisher for one in before if one.trust.publisher}
    if not known or not target.trust.publisher or target.trust.publisher in known:
        return None
    if target.trust.publisher.startswith(TRUSTED) and not any(who.startswith(TRUSTED) for who in known):
        return None  # its people let a build publish from now on, which is more than they had
    who = code(target.trust.publisher)
    return Drop(loss=Loss.PUBLISHER, why=f"{target.version} was published by {who}, who published none before it")


def _script(target: Release, before: Sequence[Release]) -> Drop | None:
    known = [one.trust.install_script for one in before if one.trust.install_script is not None]
    if not target.trust.install_script or not known or any(known):
        return None
    return Drop(
        loss=Loss.INSTALL_SCRIPT, why=f"{target.version} runs a script when it is installed, and none did before"
    )


def _people(target: Release, before: Sequence[Release]) -> Drop | None:
    known = {who for one in before for who in one.trust.maintainers or ()}
    fresh = [who for who in target.trust.maintainers or () if who not in known]
    if not known or not fresh:
        return None
    who = ", ".join(code(one) for one in fresh[:3])
    return Drop(loss=Loss.MAINTAINERS, why=f"{target.version} has a maintainer that was none before: {who}")
