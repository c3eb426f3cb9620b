"""Versions that count by the calendar are read as dates, however they are written."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind

ASCENDING = [
    "14.04", "16.04.1", "2023.12", "2024.1-dev", "2024.01-alpha1", "2024.1b2", "2024.01.rc1", "24.1", "2024.1.0.1",
    "2024.01.15", "20240115.1", "2024-01-16", "20240116123000", "2024.2", "24.04", "24.10", "2024.52", "2025",
    "v2025.1",
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), list(pairwise(ASCENDING)))
def test_dates_stand_in_their_order(one: str, other: str) -> None:
    """Years of two digits and of four, whole dates and dotted ones are all on one calendar."""
    assert versions.compare("calver", one, other) == -1
    assert versions.compare("calver", other, one) == 1


@pytest.mark.parametrize(
    "texts",
    [
        ("24.4", "24.04", "2024.4", "v2024.04", "release-2024.04.0", "202404"),
        ("2024.01.15", "20240115", "2024-1-15", "24.1.15", "2024_01_15"),
        ("20190331160900", "201903311609", "2019.03.31.160900"),
        ("2024.1rc1", "2024.01-rc.1"),
    ],
)
def test_the_same_day_may_be_written_in_many_ways(texts: tuple[str, ...]) -> None:
    """A project that changes how it writes its dates goes on counting."""
    assert {versions.compare("calver", texts[0], text) for text in texts} == {0}
    assert {versions.bump("calver", texts[0], text) for text in texts} == {Kind.PATCH}


@pytest.mark.parametrize(
    "text",
    ["", "latest", "1.2.3", "24", "24.54", "4.10", "1.10.0", "20241301", "20240132", "202413", "1989.1", "2200.1"],
)
def test_what_begins_with_no_year_is_no_calendar_version(text: str) -> None:
    """Counted versions and impossible dates are left out."""
    with pytest.raises(InvalidVersion):
        versions.key("calver", text)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("2024.1", "2025.1", Kind.MAJOR),
        ("24.04", "24.10", Kind.MINOR),
        ("20240115", "20240116", Kind.PATCH),
        ("2024.1.1", "2024.1.1.1", Kind.PATCH),
        ("24.4", "2025.01", Kind.MAJOR),
    ],
)
def test_the_first_part_of_the_date_that_differs_names_the_step(before: str, after: str, kind: Kind) -> None:
    """Another year is major, whatever stands second is minor."""
    assert versions.bump("calver", before, after) is kind


def test_words_behind_the_date() -> None:
    """Candidates are unfinished and lead to their release; other words are not asked."""
    assert not versions.is_stable("calver", "2024.1-rc1")
    assert not versions.is_stable("calver", "2024.1.dev0")
    assert versions.is_stable("calver", "2024.1-lts")
    assert versions.same_release("calver", "2024.01-rc1", "24.1")
    assert not versions.same_release("calver", "2024.01-rc1", "24.2")


def test_dates_promise_nothing_in_any_year() -> None:
    """2000 is not the zeroth version."""
    assert not versions.is_zero("calver", "00.01")


def test_a_name_is_kept() -> None:
    """The tag of one part of a repository does not take the place of another's."""
    assert versions.fits("calver", "v2024.1", "2025.1")
    assert not versions.fits("calver", "docs-2024.1", "2025.1")


@pytest.mark.parametrize(
    ("wanted", "taken", "left"),
    [
        (">=2024.1 <2025", "24.1 20241231", "2023.12 2025 2025.1"),
        ("2024.*", "24.10 20240115", "2025.1"),
        ("24.x || 202601", "2024.1 26.1", "2026.2"),
        ("!=24.04", "24.10", "2024.04"),
    ],
)
def test_rules_name_dates_with_comparators(wanted: str, taken: str, left: str) -> None:
    """Rules compare by the calendar too."""
    assert [text for text in taken.split() if not versions.satisfies("calver", text, wanted)] == []
    assert [text for text in left.split() if versions.satisfies("calver", text, wanted)] == []


@pytest.mark.parametrize("wanted", ["latest", ">1.2", "5.*", "2024.1 ||", "=>2024"])
def test_a_rule_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A slip in a rule is reported, never passed over."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("calver", "2024.1", wanted)
