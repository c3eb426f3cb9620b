"""A score is computed from its vector; what is none gives none, and a word gives the least of its rating."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.advisories._cvss import score


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        # FIRST's examples of CVSS 2.0 (guide, 3.3), 3.1 ("Examples") and 4.0 ("Examples").
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),  # CVE-2002-0392
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),  # CVE-2003-0818
        ("AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),  # CVE-2003-0062
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),  # CVE-2013-0375
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),  # CVE-2013-1937
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),  # CVE-2014-0160
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", 8.7),  # CVE-2014-0160
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0),  # CVE-2021-44228
    ],
)
def test_the_base_score_is_firsts(vector: str, expected: float) -> None:
    """In all three versions."""
    assert score([vector]) == expected


@pytest.mark.parametrize(
    ("vector", "more"),
    [
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "/E:U/MAV:P/CR:L"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "/E:U/RL:O/MAV:P"),
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", "/E:U/RL:OF/CDP:N"),
    ],
)
def test_threat_and_environment_are_not_its_writers(vector: str, more: str) -> None:
    """What somebody else lives in does not make a flaw smaller here."""
    assert score([vector + more]) == score([vector])


@pytest.mark.parametrize(
    ("vectors", "word", "expected"),
    [
        ([], "", None), ([], "CRITICAL", 9.0), ([], "high", 7.0), ([], " Moderate ", 4.0), ([], "MEDIUM", 4.0),
        ([], "LOW", 1.0), ([], "NONE", None), ([], "whatever", None),
        (["nonsense"], "HIGH", 7.0), (["CVSS:3.1/AV:N"], "", None), (["CVSS:5.0/AV:N"], "", None),
        (["CVSS:3.1/" + "AV:N/" * 100], "", None), ([""], "", None),
        (["nonsense", "AV:N/AC:L/Au:N/C:N/I:N/A:C"], "LOW", 7.8),
        # The newest that can be read counts, and of two the graver.
        (["AV:N/AC:L/Au:N/C:C/I:C/A:C", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "CVSS:4.0/broken"], "", 6.4),
        (["CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"], "", 7.5),
    ],
)  # fmt: skip
def test_what_is_known_best_counts(vectors: list[str], word: str, expected: float | None) -> None:
    """A vector before a word, and nothing rather than a guess."""
    assert score(vectors, word) == expected


@given(st.lists(st.text(alphabet="CVSS:340./AVNLPHRUIX ", max_size=60), max_size=3), st.text(max_size=9))
def test_whatever_is_written_the_score_is_one(vectors: list[str], word: str) -> None:
    """Between 0 and 10, or none."""
    found = score(vectors, word)

    assert found is None or 0 <= found <= 10
