"""The nouns of detection: a component, its releases, the places that pin it, its step; read through `core.model`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

GROUP = "group"  # the ecosystem of what is no component, but several that move together


class Kind(StrEnum):
    """What kind of step from the old version to the new."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    DIGEST = "digest"
    SCHEME = "scheme"


class Priority(IntEnum):
    """How much it matters; ordered, so that `max` picks the more urgent."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A thing with versions: its name as its ecosystem normalises it.

    registry: where it is published, as a URL, when its file names a place of its own; "" for the ecosystem's usual one.
    scheme: how its versions compare, when that is not its ecosystem's way; "" otherwise (see `core.ecosystems`).
    """

    name: str
    ecosystem: str = "pypi"
    registry: str = ""
    scheme: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file of a release, as its index lists it. checksum: "<algorithm>:<hex>" where the index gives no sha256."""

    filename: str
    url: str
    sha256: str | None = None
    requires_python: str | None = None
    size: int | None = None
    checksum: str | None = None


UNNAMED = "a repository that is not named"  # it is attested, and from where cannot be told
TRUSTED = "trusted publisher"  # how a publisher begins that is a build and no person; no person's name has a blank


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who vouches for a release, as far as its registry says; None: it does not say.

    provenance: the source repository that an attestation names, or UNNAMED; "" when there is no attestation.
    publisher: who uploaded it; a build begins with TRUSTED. install_script: whether installing it runs code of its own.
    binary: whether it is for some systems alone, as what holds compiled code is.
    """

    provenance: str | None = None
    publisher: str | None = None
    maintainers: tuple[str, ...] | None = None
    install_script: bool | None = None
    binary: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published version. published is UTC, or None where the index does not say.

    digest: what the version points at, where it points at one thing: a tag's commit, an image's manifest.
    deprecated: the maker's words that it should not be used. links: (what, URL), as "repository" or "changelog".
    partial: the listing does not hold all of this; `Source.detail` knows the rest.
    seen: when we first saw it there (UTC), for registries that name no time of publication.
    altered: in words, that a file of it is no longer the one that was first listed under its name (`core.files`).
    latest: the version that its registry calls the latest, where it calls one so. node: the Node that it runs on.
    hashes: what is kept of the files where they are not kept themselves (`brief`): the sha256 of each.
    """

    version: str
    published: datetime | None = None
    yanked: bool = False
    yanked_reason: str = ""
    artifacts: tuple[Artifact, ...] = ()
    url: str | None = None
    digest: str = ""
    deprecated: str = ""
    trust: Trust = Trust()
    links: tuple[tuple[str, str], ...] = ()
    partial: bool = False
    seen: datetime | None = None
    altered: str = ""
    latest: str = ""
    node: str = ""
    hashes: tuple[str, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """The sha256 of each of its files, in hex and in order, as far as the index gives them."""
        return tuple(sorted({*self.hashes, *(file.sha256 for file in self.artifacts if file.sha256)}))


def brief(release: Release) -> Release:
    """What an update needs of the release that it goes to: all but the files, of which only the hashes are written.

    A release of a hundred files weighs thirty kilobytes, and every update and every member of a group keeps its own.
    """
    return replace(release, artifacts=(), hashes=release.digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One place in a file that names a component. line and column count from 1.

    requirement: the version part as written ("==1.2.3", ">=1,<2", "" when there is none).
    version: the exact version where the requirement names just one, else None.
    digest: what is pinned beside the version or instead of it (a commit, an image's digest); "" when nothing is.
    widens: whether the range, where it is one, can be written anew at this place.
    """

    path: str
    line: int
    column: int
    manifest: str  # the kind of adapter that read it
    component: Component
    requirement: str
    version: str | None = None
    hashes: tuple[str, ...] = ()
    digest: str = ""
    widens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One component's step within an update. gates, fixes and why_now as they were when it was found."""

    component: Component
    current: str
    target: str
    kind: Kind
    release: Release | None = None
    pins: tuple[Pin, ...] = ()
    priority: Priority = Priority.LOW
    why_now: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The digest that makes the target another one, where its version is the one that is pinned already."""
        return self.release.digest if self.release is not None and self.kind is Kind.DIGEST else ""
