"""The files of a release, as they were first listed: the same name with other bytes is another release in disguise.

A registry that lets a file be replaced lets whoever took over an account swap what was looked at for something else.
Files that come later are no swap: makers upload wheels for new platforms for weeks. What was found stays found, also
when the old bytes come back. Digests are compared with those of the same kind alone, for a registry may begin to list
better ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.model import Artifact, Release
from bot.core.quoting import code

MOST_FILES = 500  # of one release; a release has some hundreds at the most
LONGEST_NAME = 300
SHORT = 16  # how much of a digest is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is kept of one release. files: "<algorithm>:<name>" to the digest; altered: in words, what was swapped."""

    files: Mapping[str, str] = field(default_factory=dict)
    altered: str = ""


def compared(kept: Listed, release: Release, now: datetime) -> Listed:
    """What is to be kept from now on: the first digest of each file, and whether one was swapped since."""
    files = dict(kept.files)
    altered = kept.altered
    for key, digest in digests(release).items():
        first = files.get(key)
        if first is None and len(files) < MOST_FILES:
            files[key] = digest
        elif first is not None and first != digest and not altered:
            altered = _told(key, first, digest, now)
    return Listed(files=files, altered=altered)


def _told(key: str, first: str, digest: str, now: datetime) -> str:
    algorithm, _, name = key.partition(":")
    was, new = f"{algorithm}:{first[:SHORT]}", f"{algorithm}:{digest[:SHORT]}"
    return f"its file {code(name)} was listed with {was} first and with {new} on {now:%Y-%m-%d}: it was swapped"


def digests(release: Release) -> dict[str, str]:
    """The digest of each file that has one, as `Listed` keeps them."""
    found: dict[str, str] = {}
    for file in release.artifacts:
        algorithm, digest = _digest(file)
        if digest and 0 < len(file.filename) <= LONGEST_NAME:
            found[f"{algorithm}:{file.filename}"] = digest.lower()
    return found


def _digest(file: Artifact) -> tuple[str, str]:
    if file.sha256:
        return "sha256", file.sha256
    algorithm, _, digest = (file.checksum or "").partition(":")
    return algorithm.lower(), digest
