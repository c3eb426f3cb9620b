"""go.sum: one line for each file whose checksum Go knows, a module's archive or its go.mod."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.core.lockreaders.locked import Locked

_LINE = re.compile(r"(?P<module>\S+) (?P<version>v[^\s/]+)(?P<mod>/go\.mod)? (?P<hash>h1:\S+)")


def read(text: str) -> Iterator[Locked]:
    """Every module that is fetched; of others only their requirements count, and these are no code.

    A go.sum does not say where a module comes from: its name does.
    """
    for (module, version, file), checksum in lines(text).items():
        if file == "":
            yield Locked(name=module, version=version, origin="", files={f"{version}.zip": checksum})


def lines(text: str) -> dict[tuple[str, str, str], str]:
    """(module, version, "" or "/go.mod") -> checksum. ValueError for what is no line of a go.sum."""
    found: dict[tuple[str, str, str], str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        said = _LINE.fullmatch(line.strip())
        if said is None:
            raise ValueError(line[:80])
        found[said["module"], said["version"], said["mod"] or ""] = said["hash"]
    return found
