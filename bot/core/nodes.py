"""Which Node a repository runs on, by its own word, so that nothing is proposed that refuses to run there.

Said are a range in `package.json` (`engines.node`), and one version in `.nvmrc`, `.node-version` or `package.json`
(`volta.node`); whatever is proposed must run on the oldest that each of them names. Where only a major version is
named, any of it will do, and it stands for its newest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion

MANIFEST = "package.json"
FILES = (MANIFEST, ".nvmrc", ".node-version")
LONGEST = 2 << 20  # of package.json
LONGEST_RANGE = 300
NEWEST = 9999  # stands for a part that is not named
# Node's names for its long-term lines (nodejs/Release, schedule.json), as nvm takes them.
_LINES = {
    "argon": 4, "boron": 6, "carbon": 8, "dubnium": 10, "erbium": 12, "fermium": 14, "gallium": 16, "hydrogen": 18,
    "iron": 20, "jod": 22, "krypton": 24,
}  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,6}){0,2}", re.ASCII)
_PINNED = re.compile(r"v?([0-9]{1,4}(?:\.[0-9]{1,6}){0,2})(?:\.[xX*])*", re.ASCII)


def nodes_of(texts: Mapping[str, str]) -> tuple[str, ...]:
    """The Node versions that must all do. texts: those of FILES that there are."""
    said = _manifest(texts.get(MANIFEST, ""))
    found = [oldest(_inside(said, "engines")), pinned(_inside(said, "volta"))]
    found += [pinned(texts[name]) for name in FILES[1:] if name in texts]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def oldest(wanted: str) -> str | None:
    """The oldest version that a range of npm's takes; None where it has no lower end, or none that can be told."""
    if not 0 < len(wanted) <= LONGEST_RANGE or _takes(wanted, "0.0.1"):
        return None
    named = [_NUMBER.fullmatch(one) for one in _NUMBER.findall(wanted)]
    candidates = [text for one in named if one for text in _candidates(one[0])]
    fitting = [text for text in candidates if _takes(wanted, text)]
    return min(fitting, key=lambda text: versions.key("npm", text), default=None)


def pinned(text: str) -> str | None:
    """The version that a file of one names; None for a word that means the newest, whatever that is."""
    lines = (line.partition("#")[0].strip() for line in text[:1000].splitlines())
    word = next((line for line in lines if line), "").lower()
    line = _LINES.get(word.removeprefix("lts/"))
    found = _PINNED.fullmatch(str(line) if line else word)
    return _filled(found[1]) if found else None


def shown(version: str) -> str:
    """As people write it: 18.x for what stands for the newest 18."""
    return version.replace(f".{NEWEST}.{NEWEST}", ".x").replace(f".{NEWEST}", ".x")


def _candidates(number: str) -> Iterator[str]:
    """What may be the oldest of a range in which this stands: itself, or where it is shut out what comes next."""
    yield _filled(number)
    major, *rest = (int(part) for part in number.split("."))
    if not rest:
        yield f"{major + 1}.{NEWEST}.{NEWEST}"
    elif len(rest) == 2:
        yield f"{major}.{rest[0]}.{rest[1] + 1}"


def _filled(number: str) -> str:
    parts = number.split(".")
    return ".".join((*(str(int(part)) for part in parts), *[str(NEWEST)] * (3 - len(parts))))


def _takes(wanted: str, version: str) -> bool:
    try:
        return versions.satisfies("npm", version, wanted)
    except (ConfigProblem, InvalidVersion):
        return False


def _manifest(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text) if 0 < len(text) <= LONGEST else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _inside(said: Mapping[str, Any], name: str) -> str:
    inner = said.get(name)
    node = inner.get("node") if isinstance(inner, dict) else None
    return node if isinstance(node, str) else ""
