"""Go's versions are ordered as golang.org/x/mod/semver orders them, pseudo-versions among them."""

from __future__ import annotations

from itertools import combinations

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem
from bot.core.model import Kind
from tests.core.versions.tables import rows

TABLE = rows("golang_order")
PSEUDO = "v0.0.0-20200101000000-abcdef123456"


def test_what_go_takes_is_a_version() -> None:
    """Each published text is a version or none, as x/mod/semver says."""
    assert [row for row in TABLE if versions.is_valid("golang", row[0]) != bool(row[1])] == []


def test_the_order_is_that_of_x_mod_semver() -> None:
    """Any two rows of the published table compare as their places say; equal canonical forms are equal versions."""
    pairs = combinations([row for row in TABLE if row[1]], 2)

    assert [(a, b) for a, b in pairs if versions.compare("golang", a[0], b[0]) != (0 if a[1] == b[1] else -1)] == []


@pytest.mark.parametrize(
    ("one", "other"), [("v1.2.3+meta", "v1.2.3"), ("v2.0.0+incompatible", "v2.0.0"), ("v1", "v1.0")]
)
def test_builds_and_short_forms_are_the_version_itself(one: str, other: str) -> None:
    """Other bots count +meta as another version, or refuse v1; Go does neither."""
    assert versions.compare("golang", one, other) == 0
    assert versions.is_stable("golang", one)


def test_a_pseudo_version_stands_where_its_commit_does() -> None:
    """It is after the release that it follows and before the next, later commits come later, and none is finished."""
    ordered = ["v0.0.0-20191231235959-ffffffffffff", PSEUDO, "v0.0.1-0.20200102000000-abcdef123456", "v0.0.1"]

    assert ordered == sorted(set(ordered), key=lambda text: versions.key("golang", text))
    assert [text for text in ordered if versions.is_stable("golang", text)] == ["v0.0.1"]
    assert versions.same_release("golang", ordered[2], "v0.0.1")
    assert not versions.same_release("golang", "v0.0.0", "v0.0.1")


def test_steps_and_zero() -> None:
    """The first number that differs names the step; between two commits before one release it is a patch."""
    assert versions.bump("golang", "v1.2", "v1.3.0") is Kind.MINOR
    assert versions.bump("golang", "v1.9.0", "v2.0.0+incompatible") is Kind.MAJOR
    assert versions.bump("golang", "v0.0.0-20191231235959-ffffffffffff", PSEUDO) is Kind.PATCH
    assert versions.is_zero("golang", PSEUDO)
    assert not versions.is_zero("golang", "v1")


@pytest.mark.parametrize(
    ("wanted", "taken", "left"),
    [
        ("", "v1.0.0 v0.0.0-0", ""),
        (">=v1.2, <v2", "v1.2.0 v1.9.9 v2.0.0-rc.1", "v1.1.9 v2.0.0"),
        (">= 1.2.3 < 2.0.0-0", "v1.2.3", "v2.0.0-rc.1"),
        ("v1.2.3 || !=v1.2.4 >v1.2", "v1.2.3 v1.2.5", "v1.2.4 v1.1.0"),
        ("=v2.0.0", "v2.0.0+incompatible", "v2.0.1"),
    ],
)
def test_rules_name_versions_with_comparators(wanted: str, taken: str, left: str) -> None:
    """go.mod has no ranges; rules about updates have comparators, with or without the v."""
    assert [text for text in taken.split() if not versions.satisfies("golang", text, wanted)] == []
    assert [text for text in left.split() if versions.satisfies("golang", text, wanted)] == []


@pytest.mark.parametrize("wanted", ["^v1.2", "~v1", "latest", "v1.x", ">=", ",", "v1 ||", ">=<v1", "v1.2.3-"])
def test_a_rule_that_cannot_be_read_is_refused(wanted: str) -> None:
    """Signs that Go does not know are reported, never passed over."""
    with pytest.raises(ConfigProblem, match="is no golang version range"):
        versions.satisfies("golang", "v1.2.3", wanted)
