"""GitHub's word about a package, as it tells it by itself: what it says of which versions, and when we heard it.

A word is kept beside what a database of advisories says, for such a database learns of it later, and may be away. Its
severity counts where nobody else has rated the flaw.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.core.ecosystems import ECOSYSTEMS
from bot.core.hints import LONGEST_NAME

MOST_WORDS = 50  # packages of one advisory; more of them than any real one has
# GitHub's names for ecosystems (its GraphQL enumeration SecurityAdvisoryEcosystem, as the REST API spells it).
_THEIRS = {
    "actions": "githubactions",
    "composer": "composer",
    "erlang": "hex",
    "go": "golang",
    "maven": "maven",
    "npm": "npm",
    "nuget": "nuget",
    "pip": "pypi",
    "rubygems": "gem",
    "rust": "cargo",
}
# Why somebody dismissed an alert (the REST API's dismissed_reason): of the reasons, those by which it matters less.
# That a fix was begun, or that nobody has the time, makes no flaw smaller.
HARMLESS = frozenset({"inaccurate", "not_used", "tolerable_risk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What GitHub says of one package in one advisory. id: its GHSA; ecosystem: ours; name: as GitHub writes it.

    ranges: of affected versions, as ">= 4.3.0, < 4.3.5"; one of them is enough. fixed: the versions that mend them.
    vectors: CVSS; severity: in a word. malicious: the package itself is the attack.
    """

    id: str
    ecosystem: str
    name: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    vectors: tuple[str, ...] = ()
    severity: str = ""
    withdrawn: bool = False
    malicious: bool = False
    ranges: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A word, and when it came in (UTC)."""

    word: Word
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Somebody dismissed an alert in a repository, or took that back. id: of the advisory."""

    id: str
    aside: bool


def ecosystem_of(theirs: str) -> str:
    """Ours for GitHub's name of an ecosystem; "" for one that nobody here looks after."""
    ours = _THEIRS.get(theirs.strip().lower(), "")
    return ours if ours in ECOSYSTEMS else ""


def is_name(name: str) -> bool:
    """Whether it can be a package's name."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable()
