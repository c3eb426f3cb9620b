"""composer.lock of Composer 2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bot.core.lockreaders.locked import PUBLIC, Locked

# Where those who install from the public registry are counted; a lock says by it where a package comes from.
COUNTED = "https://packagist.org/downloads/"


def read(text: str) -> Iterator[Locked]:
    """Every package of a composer.lock. What is fetched is named by a commit; of some archives there is a checksum."""
    document = json.loads(text)
    for package in (*document["packages"], *document.get("packages-dev", ())):
        yield _locked(package)


def _locked(package: dict[str, Any]) -> Locked:
    name, version = str(package["name"]), str(package["version"])
    dist, source = package.get("dist") or {}, package.get("source") or {}
    checksum = str(dist.get("shasum") or dist.get("reference") or source.get("reference") or "")
    place = str(package.get("notification-url", ""))
    return Locked(
        name=name,
        version=version,
        origin=PUBLIC if place == COUNTED else place,
        files={f"{name.rpartition('/')[2]}-{version}": checksum} if checksum else {},
        aside=dist.get("type") == "path",
    )
