"""package-lock.json and npm-shrinkwrap.json (lockfileVersion 2 and 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import Locked


def read(text: str) -> Iterator[Locked]:
    """Every package of a package-lock.json that is fetched from somewhere."""
    document = json.loads(text)
    version = document.get("lockfileVersion")
    if version not in (2, 3):
        raise ConfigProblem(
            f"has lockfileVersion {version!r}; only 2 and 3 are known",
            where="package-lock.json", mend="Run `npm install --package-lock-only` once with npm 7 or newer",
        )  # fmt: skip
    for place, package in document["packages"].items():
        _, inside, name = place.rpartition("node_modules/")
        # The root and the workspaces are the repository's own; what is bundled comes inside of another package.
        if not inside or package.get("link") or package.get("inBundle"):
            continue
        resolved, integrity = str(package.get("resolved", "")), str(package.get("integrity", ""))
        real = str(package.get("name", name))
        yield Locked(
            name=real,
            version=str(package.get("version", "")),
            origin=registry_of(resolved, real),
            files={f"{real.rpartition('/')[2]}-{package.get('version')}.tgz": integrity} if integrity else {},
            aside=bool(resolved) and not resolved.startswith(("https://", "http://")),
        )


def registry_of(resolved: str, name: str) -> str:
    """The registry of a tarball's URL, which every npm registry lays out as `<registry>/<name>/-/<file>`.

    Where it is laid out otherwise, the server; for what is no URL of the web, all of it.
    """
    for spelt in (name, name.replace("/", "%2f"), name.replace("/", "%2F")):
        before, found, _ = resolved.partition(f"/{spelt}/-/")
        if found:
            return before
    web = resolved.startswith(("https://", "http://"))
    return "/".join(resolved.split("/")[:3]) if web else resolved
