"""How Composer reads and orders versions: to the letter of composer/semver 3, and of PHP's version_compare.

Every version is first written out in one way (`1.0b3` is `1.0.0.0-beta3`); what is compared is that. Branches
(`dev-feature`) have no order among themselves, and as in Composer's own sort they come before all versions, but for the
default ones (`dev-master`, `dev-trunk`, `dev-default`), which come after.
"""

from __future__ import annotations

import re
from functools import lru_cache

SUFFIX = r"[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*+)?)?([.-]?dev)?"
STABILITIES = "stable|RC|beta|alpha|dev"
LONG = {"a": "alpha", "b": "beta", "p": "patch", "pl": "patch", "rc": "RC"}
TRIMMED = " \t\n\r\0\v"  # what PHP's trim takes away
DEFAULT_BRANCHES = {"dev-master", "dev-trunk", "dev-default"}

_FLAGS = re.IGNORECASE | re.ASCII
_ALIASED = re.compile(r"([^,\s]++) ++as ++([^,\s]++)$", _FLAGS)
_FLAGGED = re.compile(rf"@(?:{STABILITIES})$", _FLAGS)
_METADATA = re.compile(r"([^,\s+]++)\+[^\s]++$", _FLAGS)
_CLASSIC = re.compile(rf"v?(\d{{1,5}}+)(\.\d++)?(\.\d++)?(\.\d++)?{SUFFIX}$", _FLAGS)
_DATED = re.compile(rf"v?(\d{{4}}(?:[.:-]?\d{{2}}){{1,6}}(?:[.:-]?\d{{1,3}}){{0,2}}){SUFFIX}$", _FLAGS)
_BRANCH = re.compile(r"(.*?)[.-]?dev$", _FLAGS)
_NUMBERED_BRANCH = re.compile(r"v?(\d++)(\.(?:\d++|[xX*]))?(\.(?:\d++|[xX*]))?(\.(?:\d++|[xX*]))?$", _FLAGS)
_NAMED_STABILITY = re.compile(rf"{SUFFIX}(?:\+.*)?$", _FLAGS)
_PART = re.compile(r"[0-9]+|[A-Za-z]+")

# PHP's order at one place; a version that ends there stands between RC and a number.
FORMS = (("dev", 1), ("alpha", 2), ("a", 2), ("beta", 3), ("b", 3), ("RC", 4), ("rc", 4), ("pl", 7), ("p", 7))
OTHER_WORD, END, NUMBER = 0, 5, 6
LONG_MAX = 2**63 - 1  # PHP reads greater numbers as this


@lru_cache(maxsize=4096)
def normal(text: str) -> str:
    """The version written out. ValueError when Composer cannot parse it."""
    version = text.strip(TRIMMED)
    if found := _ALIASED.match(version):
        version = found[1]
    version = _FLAGGED.sub("", version, count=1)
    if version in ("master", "trunk", "default"):
        version = f"dev-{version}"
    if version[:4].lower() == "dev-":
        return f"dev-{version[4:]}"
    if found := _METADATA.match(version):
        version = found[1]
    if found := _CLASSIC.match(version):
        numbers = "".join(part or ".0" for part in found.group(1, 2, 3, 4))
        return numbers + _stability_of(found[5], found[6], found[7])
    if found := _DATED.match(version):
        return re.sub(r"[^0-9]", ".", found[1]) + _stability_of(found[2], found[3], found[4])
    return _branch(version)


def key(normalized: str) -> tuple[int, ...]:
    """What orders a version that is written out: PHP's version_compare as a tuple."""
    if is_branch(normalized):
        if normalized not in DEFAULT_BRANCHES:
            return (OTHER_WORD,)
        normalized = "9999999-dev"
    out: list[int] = []
    for part in _PART.findall(normalized):
        if part.isdigit():
            out += (NUMBER, min(int(part), LONG_MAX))
        else:
            out.append(next((order for form, order in FORMS if part.startswith(form)), OTHER_WORD))
    out.append(END)
    return tuple(out)


def stability(text: str) -> str:
    """stable, RC, beta, alpha or dev."""
    version = re.sub(r"#.+$", "", text)
    if version.startswith("dev-") or version.endswith("-dev"):
        return "dev"
    found = _NAMED_STABILITY.search(version)
    if found and found[3]:
        return "dev"
    word = (found[1] or "").lower() if found else ""
    named = LONG.get(word, word)
    return named if named in ("beta", "alpha", "RC") else "stable"


def is_branch(normalized: str) -> bool:
    """Whether it names a branch and counts nothing."""
    return normalized.startswith("dev-")


def _stability_of(word: str | None, number: str | None, dev: str | None) -> str:
    if word and word == "stable":
        return ""
    named = f"-{LONG.get(word.lower(), word.lower())}{(number or '').lstrip('.-')}" if word else ""
    return named + ("-dev" if dev else "")


def _branch(version: str) -> str:
    """`1.x-dev` is a branch with a number; one with a name has it in front (dev-name), or is refused."""
    found = _BRANCH.search(version)
    numbered = _NUMBERED_BRANCH.match(found[1].strip(TRIMMED)) if found else None
    if numbered is None:
        raise ValueError(version)
    parts = (re.sub("[xX*]", "9999999", part or ".x") for part in numbered.group(1, 2, 3, 4))
    return "".join(parts) + "-dev"
