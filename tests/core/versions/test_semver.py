"""Semantic versions are read to the letter of SemVer 2.0.0, and ranges of them strictly."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.tables import rows

ASCENDING = [
    "0.0.0-0", "0.0.0", "0.1.0", "0.9.0", "0.10.0", "1.0.0--1", "1.0.0-0A.is.legal", "1.0.0-alpha", "1.0.0-alpha.1",
    "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0",
    "2.1.1", "99999999999999999999999.0.0",
]  # fmt: skip


def test_what_semver_org_calls_a_version_is_one() -> None:
    """Every example that semver.org gives is taken or refused as it says."""
    assert [row for row in rows("semver_valid") if versions.is_valid("semver", row[0]) != row[1]] == []


@pytest.mark.parametrize("text", ["v1.2.3", "=1.2.3", " 1.2.3", "1.2.3\n", "1.2.3 ", "1.2.٣", "1.2.3-é", ""])
def test_strict_means_strict(text: str) -> None:
    """A v, a space or a digit of another script makes it no semantic version."""
    with pytest.raises(InvalidVersion, match="is no semver version"):
        versions.key("semver", text)


@pytest.mark.parametrize(("one", "other"), list(pairwise(ASCENDING)))
def test_semver_puts_them_in_this_order(one: str, other: str) -> None:
    """Numbers count as numbers, words by ASCII, and a longer row of identifiers comes later (section 11)."""
    assert versions.compare("semver", one, other) == -1
    assert versions.compare("semver", other, one) == 1


def test_a_build_has_no_order() -> None:
    """Section 10: build metadata is ignored when versions are compared."""
    assert versions.compare("semver", "1.0.0+20130313144700", "1.0.0+exp.sha.5114f85") == 0
    assert versions.compare("semver", "1.0.0-a+2", "1.0.0-a+1") == 0
    assert versions.is_stable("semver", "1.0.0+rc.1")


def test_what_a_version_says_of_itself() -> None:
    """Pre-releases are unfinished and lead to their release; 0.y promises nothing."""
    assert not versions.is_stable("semver", "1.0.0-0")
    assert versions.same_release("semver", "2.0.0-rc.1", "2.0.0")
    assert not versions.same_release("semver", "2.0.0-rc.1", "2.0.1")
    assert versions.is_zero("semver", "0.9.0")
    assert not versions.is_zero("semver", "1.0.0")
    assert versions.fits("semver", "1.0.0", "2.0.0-rc.1")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.2.3", "1.2.4", Kind.PATCH),
        ("1.2.3-rc.1", "1.2.3", Kind.PATCH),
        ("1.2.3", "1.2.3+build", Kind.PATCH),
        ("1.2.3", "1.3.0", Kind.MINOR),
        ("0.2.3", "0.3.0", Kind.MINOR),
        ("2.0.0", "1.9.9", Kind.MAJOR),
        ("0.30.0", "2026.9.1", Kind.SCHEME),
    ],
)
def test_the_first_number_that_differs_names_the_step(before: str, after: str, kind: Kind) -> None:
    """A policy for minor updates gets minor updates, whichever way the step goes."""
    assert versions.bump("semver", before, after) is kind


@pytest.mark.parametrize(
    ("wanted", "taken", "left"),
    [
        ("", "1.2.3 0.0.0-0", ""),
        ("1.2.3", "1.2.3 1.2.3+b", "1.2.4 1.2.3-a"),
        ("==1.2.3", "1.2.3", "1.2.4"),
        ("!=1.2.3", "1.2.4 1.2.3-a", "1.2.3 1.2.3+b"),
        (">=1.2.3, <2.0.0", "1.2.3 1.9.9 2.0.0-rc.1", "1.2.3-a 2.0.0"),
        (">=1.2 <2", "1.2.0-a 1.9.9", "2.0.0-rc.1 2.0.0"),
        ("> 1.2", "1.3.0-0 2.0.0", "1.2.9"),
        ("<= 1.2", "1.2.9 0.1.0", "1.3.0-0"),
        ("^1.2.3", "1.2.3 1.9.0-a", "1.2.2 2.0.0-0"),
        ("^0.2.3", "0.2.9", "0.3.0-0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4-0 0.1.0"),
        ("~1.2.3", "1.2.9", "1.3.0-0"),
        ("~> 1.2", "1.2.9", "1.3.0"),
        ("1.x", "1.0.0-a 1.9.9", "2.0.0-0"),
        ("1.2.* || 3", "1.2.9 3.1.0", "1.3.0 2.0.0"),
        ("*", "0.0.0-0 9.9.9", ""),
        (">*", "", "1.0.0"),
    ],
)
def test_a_range_takes_what_people_mean_by_it(wanted: str, taken: str, left: str) -> None:
    """The signs mean what they mean to npm, where pre-releases are let in by their place in the order."""
    assert [text for text in taken.split() if not versions.satisfies("semver", text, wanted)] == []
    assert [text for text in left.split() if versions.satisfies("semver", text, wanted)] == []


@pytest.mark.parametrize(
    "wanted",
    [
        "latest",
        ">=",
        "=>1.2.3",
        "v1.2.3",
        "01.2.3",
        "1.2-rc",
        "1.x.3",
        "!=1.2",
        "1.2.3 ||",
        "||",
        "1.2.3 - 2.0.0",
        "a b",
    ],
)
def test_a_range_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A slip in a rule is reported, and never taken for a rule that lets everything pass."""
    with pytest.raises(ConfigProblem, match="is no semver version range"):
        versions.satisfies("semver", "1.2.3", wanted)


def test_a_range_without_end_is_refused() -> None:
    """Nobody can make us read for minutes."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("semver", "1.2.3", "1.2.3 || " * 1000 + "1.2.3")
