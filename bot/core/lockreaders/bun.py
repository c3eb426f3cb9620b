"""bun.lock (lockfileVersion 0 to 2): JSON with commas before closing brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import PUBLIC, Locked
from bot.core.lockreaders.npm import registry_of

_TEXT_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"|,(?=\s*[}\]])')
_NAMED = re.compile(r"(?P<name>(?:@[^@/\s]+/)?[^@/\s]+)@(?P<place>.+)", re.DOTALL)


def read(text: str) -> Iterator[Locked]:
    """Every package of a bun.lock; a folder of the repository is none."""
    document = parsed(text)
    if (version := document.get("lockfileVersion")) not in (0, 1, 2):
        raise ConfigProblem(f"has lockfileVersion {version!r}; only 0 to 2 are known", where="bun.lock",
                            mend="Install a newer Surefoot, or write it with Bun 1.2 to 1.4")  # fmt: skip
    for entry in document.get("packages", {}).values():
        found = _NAMED.fullmatch(entry[0])
        if found is None:
            raise ValueError(entry[0][:80])
        if not found["place"].startswith(("workspace:", "root:")):
            yield _locked(found["name"], found["place"], entry)


def parsed(text: str) -> dict[str, Any]:
    """The document. ValueError for what is none."""
    found: dict[str, Any] = json.loads(_TEXT_OR_COMMA.sub(lambda one: "" if one[0] == "," else one[0], text))
    return found


def _locked(name: str, place: str, entry: list[Any]) -> Locked:
    if not re.match(r"\d", place):
        own = place.startswith(("file:", "link:"))
        return Locked(name=name, version=place, origin="" if own else place, files={}, aside=True)
    resolved, checksum = str(entry[1]), str(entry[3]) if len(entry) > 3 else ""
    return Locked(
        name=name,
        version=place,
        # Of another registry than the public one Bun writes the address of the tarball.
        origin=registry_of(resolved, name) if resolved else PUBLIC,
        files={f"{name.rpartition('/')[2]}-{place}.tgz": checksum} if checksum else {},
    )
