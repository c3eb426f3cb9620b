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

from bot.core.model import Artifact, Release
from bot.core.quoting import code
from bot.core.releases import TRUSTED, UNNAMED

_NO_PROVENANCE, _BUILT_FROM = " has no provenance", " was built from "
RECENT = 20  # how many forerunners are looked at; who published years ago vouches for nothing


class Loss(StrEnum):
    """What is gone or new."""

    PROVENANCE = "provenance"
    SOURCE = "source"
    PUBLISHER = "publisher"
    MAINTAINERS = "maintainers"
    INSTALL_SCRIPT = "install_script"
    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One loss, with the sentence that tells a person."""

    loss: Loss
    why: str


def drops(target: Release, listed: Sequence[Release]) -> tuple[Drop, ...]:
    """What `target` lost against the releases before it. What a registry does not say (None) is no loss."""
    said = target.trust
    new = _first_compiled(target, listed)
    if said.provenance is None and not (said.publisher or said.install_script or said.maintainers or new):
        return ()
    before = _before(target, listed)
    if not before:
        return ()
    looks = (_provenance, _publisher, _script, _people, *([_binary] if new else []))
    return tuple(drop for look in looks if (drop := look(target, before)))


def compiled(release: Release) -> str:
    """What shows that it has files for some machines alone: a wheel's name, or what its registry says; "" if nothing.

    Source of the form of a wheel's name, whose last part is "any" where it fits every machine: the packaging
    specifications, "Binary distribution format".
    """
    wheel = next((file.filename for file in release.artifacts if _is_wheel(file) and not _fits_all(file)), "")
    return code(wheel) if wheel else ("its registry names the systems that it is for" if release.trust.binary else "")


def _is_wheel(file: Artifact) -> bool:
    return file.filename.endswith(".whl")


def _fits_all(file: Artifact) -> bool:
    return file.filename.endswith("-any.whl")


def about_source(why: str) -> bool:
    """Whether this is what `drops` says of a release that lost its provenance, or was built from somewhere else."""
    return _NO_PROVENANCE in why or _BUILT_FROM in why


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
        why = f"{target.version}{_NO_PROVENANCE}, and {known.version} had"
        return Drop(loss=Loss.PROVENANCE, why=why)
    if UNNAMED not in (target.trust.provenance, known.trust.provenance) and (
        target.trust.provenance != known.trust.provenance
    ):
        was, now = code(known.trust.provenance or ""), code(target.trust.provenance)
        return Drop(loss=Loss.SOURCE, why=f"{target.version}{_BUILT_FROM}{now}, and {known.version} from {was}")
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


def _binary(target: Release, before: Sequence[Release]) -> Drop | None:
    """Compiled code cannot be read, and a package that was plain for all its life rarely begins to have some.

    Only wheels show that a release was plain: out of an sdist anything may be built.
    """
    if not any(_plain(one) for one in before):
        return None
    why = f"{target.version} brings compiled files, and none before it did: {compiled(target)}"
    return Drop(loss=Loss.BINARY, why=why)


def _first_compiled(target: Release, listed: Sequence[Release]) -> bool:
    """Whether it has compiled files, and none that came before it has. Where there are no times, none of the others."""
    if not compiled(target):
        return False
    at = target.published
    others = (one for one in listed if one.version != target.version and compiled(one))
    return not any(at is None or one.published is None or one.published < at for one in others)


def _plain(release: Release) -> bool:
    return release.trust.binary is False or (not release.partial and any(map(_is_wheel, release.artifacts)))


def _people(target: Release, before: Sequence[Release]) -> Drop | None:
    known = {who for one in before for who in one.trust.maintainers or ()}
    fresh = [who for who in target.trust.maintainers or () if who not in known]
    if not known or not fresh:
        return None
    who = ", ".join(code(one) for one in fresh[:3])
    return Drop(loss=Loss.MAINTAINERS, why=f"{target.version} has a maintainer that was none before: {who}")
