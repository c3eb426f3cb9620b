"""How grave an advisory is, as a CVSS base score: computed from its vector, never taken from what somebody made of it.

The newest version of CVSS that an advisory is rated by counts. Only the base metrics are read: threat and environment
are those of whoever wrote the vector. Where there is no vector, a word stands for the lowest score of its rating
(CVSS v3.1 and v4.0, "Qualitative Severity Rating Scale").
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

LONGEST = 300
WORDS = {"CRITICAL": 9.0, "HIGH": 7.0, "MODERATE": 4.0, "MEDIUM": 4.0, "LOW": 1.0}

_V2 = {"AV", "AC", "Au", "C", "I", "A"}
_V3 = {"AV", "AC", "PR", "UI", "S", "C", "I", "A"}
_V4 = {"AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"}
# What a vector begins with, for the newest first; one of version 2 has no beginning of its own.
_VERSIONS = (("CVSS:4.", CVSS4, _V4), ("CVSS:3.", CVSS3, _V3), ("", CVSS2, _V2))


def score(vectors: Sequence[str], word: str = "") -> float | None:
    """From 0 to 10; the gravest of the newest version of CVSS. None where neither vector nor word says anything."""
    rated = [found for vector in vectors if (found := _rated(vector)) is not None]
    if rated:
        newest = min(place for place, _ in rated)
        return max(base for place, base in rated if place == newest)
    return WORDS.get(word.strip().upper())


@lru_cache(maxsize=4096)
def _rated(vector: str) -> tuple[int, float] | None:
    """The place of its version among those known, and its base score; None for what is no vector."""
    if len(vector) > LONGEST:
        return None
    place, (start, reader, metrics) = next(
        (place, version) for place, version in enumerate(_VERSIONS) if vector.startswith(version[0])
    )
    parts = vector.split("/")
    kept = [part for part in parts if part.partition(":")[0] in metrics or (start and part.startswith("CVSS:"))]
    try:
        return place, float(reader("/".join(kept)).base_score)
    except CVSSError:
        return None
