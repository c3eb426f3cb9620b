"""Releases by the thousand: light rows that become releases in one step, at a quarter of what one by one would cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from bot.core.model import Artifact, Release
from bot.core.releases import Trust

Releases = tuple[Release, ...]
NOTHING_KNOWN = Trust()


class File(msgspec.Struct, frozen=True, gc=False):
    """What an `Artifact` holds."""

    filename: str
    url: str
    sha256: str | None = None
    requires_python: str | None = None
    size: int | None = None
    checksum: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a `Release` holds, every field of it: one that is left out would be copied from its default, slowly."""

    version: str
    published: datetime | None = None
    yanked: bool = False
    yanked_reason: str = ""
    artifacts: Sequence[File] = ()
    url: str | None = None
    digest: str = ""
    deprecated: str = ""
    trust: Trust = NOTHING_KNOWN
    links: tuple[tuple[str, str], ...] = ()
    partial: bool = False
    seen: datetime | None = None
    altered: str = ""
    latest: str = ""
    node: str = ""
    hashes: tuple[str, ...] = ()


def releases(rows: Sequence[Row]) -> Releases:
    """The same as releases, in their order."""
    return msgspec.convert(rows, Releases, from_attributes=True)


# Worked out before there are threads: two that do so at once end the process (msgspec 0.22).
releases([Row(version="0", artifacts=(File("f", "u"),))])
assert Row.__struct_fields__ == tuple(Release.__dataclass_fields__)
assert File.__struct_fields__ == tuple(Artifact.__dataclass_fields__)
