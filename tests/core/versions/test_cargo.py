"""Cargo's versions and requirements mean here what they mean to the crate `semver` and to Cargo."""

from __future__ import annotations

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem
from bot.core.model import Kind
from tests.core.versions.tables import rows

TABLE = rows("cargo_order")
REQUIREMENTS = rows("cargo_requirements")


def test_the_order_is_the_crate_s() -> None:
    """Each published pair compares as the crate does it, the build included."""
    pairs = [row for row in TABLE if len(row) == 3]

    assert [row for row in pairs if versions.compare("cargo", row[0], row[1]) != row[2]] == []
    assert [row for row in pairs if versions.compare("cargo", row[1], row[0]) != -row[2]] == []


def test_what_the_crate_parses_is_a_version() -> None:
    """Partial versions, leading zeros and numbers beyond 64 bits are refused, as the crate refuses them."""
    texts = [row for row in TABLE if len(row) == 2]

    assert [row for row in texts if versions.is_valid("cargo", row[0]) != row[1]] == []


def test_the_build_is_part_of_the_order_and_of_no_requirement() -> None:
    """Peers leave the build out: 1.0.0+2 is newer than 1.0.0+1 to Cargo, and =1.0.0 takes both."""
    assert versions.compare("cargo", "1.0.0+1", "1.0.0+2") == -1
    assert versions.compare("cargo", "1.0.0", "1.0.0+0") == -1
    assert versions.satisfies("cargo", "1.0.0+2", "=1.0.0+1")
    assert versions.is_stable("cargo", "1.0.0+alpha")
    assert versions.same_release("cargo", "1.0.0+1", "1.0.0-rc.1+2")


def test_a_requirement_takes_what_cargo_takes() -> None:
    """A bare version means ^, a comma means and; pre-releases are let in as Cargo lets them in when asked for them."""
    wrong = [
        (row[0], text, taken)
        for row in REQUIREMENTS
        if len(row) == 3
        for taken, texts in ((True, row[1]), (False, row[2]))
        for text in texts
        if versions.satisfies("cargo", text, row[0]) is not taken
    ]

    assert wrong == []


@pytest.mark.parametrize("wanted", [row[0] for row in REQUIREMENTS if len(row) == 1])
def test_what_the_crate_cannot_parse_is_refused(wanted: str) -> None:
    """Bars, hyphen ranges, a star beside others and more than 32 comparators are no requirement."""
    with pytest.raises(ConfigProblem, match="is no cargo version range"):
        versions.satisfies("cargo", "1.0.0", wanted)


def test_no_requirement_takes_all() -> None:
    """Where nothing is required, everything is allowed."""
    assert versions.satisfies("cargo", "1.0.0-alpha", "")


def test_steps_and_zero() -> None:
    """The first number that differs names the step, and 0.y is known for what it is."""
    assert versions.bump("cargo", "0.3.1", "0.4.0") is Kind.MINOR
    assert versions.bump("cargo", "1.0.0+1", "1.0.0+2") is Kind.PATCH
    assert versions.bump("cargo", "1.0.0", "2.0.0") is Kind.MAJOR
    assert versions.is_zero("cargo", "0.3.1")
    assert not versions.is_stable("cargo", "1.0.0-rc.1")
