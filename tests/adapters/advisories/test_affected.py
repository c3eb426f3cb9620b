"""Whether an advisory speaks of a version: by the schema's own examples, and what cannot be read is not called safe."""

from __future__ import annotations

import pytest

from bot.adapters.advisories._affected import affected
from bot.adapters.advisories._entries import Entry, Event

MULTIPLE = [("introduced", "1.0.0"), ("fixed", "1.0.2"), ("introduced", "3.0.0"), ("fixed", "3.2.5")]
BOUNDED = [("introduced", "0"), ("fixed", "2")]


def speaks(ecosystem: str, version: str, *events: Event, versions: tuple[str, ...] = ()) -> bool:
    return affected(Entry(id="GHSA-1", ranges=(events,), versions=versions), ecosystem, version)


@pytest.mark.parametrize(
    ("version", "events", "flawed"),
    [
        # The OSV schema, "Examples".
        ("9.9.9", [("introduced", "0")], True),
        ("1.0.1", [("introduced", "0"), ("fixed", "1.0.2")], True),
        ("1.0.2", [("introduced", "0"), ("fixed", "1.0.2")], False),
        ("0.9.0", MULTIPLE, False), ("1.0.0", MULTIPLE, True), ("1.0.2", MULTIPLE, False), ("2.0.0", MULTIPLE, False),
        ("3.0.0", MULTIPLE, True), ("3.2.4", MULTIPLE, True), ("3.2.5", MULTIPLE, False),
        ("2.1.214", [("introduced", "0"), ("last_affected", "2.1.214")], True),
        ("2.1.215", [("introduced", "0"), ("last_affected", "2.1.214")], False),
        ("2.1.213", [("introduced", "0"), ("fixed", "2.1.214")], True),
        ("1.0.0", [("introduced", "0"), ("limit", "1.0.1")], True),
        ("1.0.1", [("introduced", "0"), ("limit", "1.0.1")], False),
        ("1.0.1", [("introduced", "0"), ("limit", "1.0.1"), ("limit", "2.0.0")], True),
        ("1.0.1", [("introduced", "0"), ("limit", "*")], True),
        # Events of one version count as written: closed and opened again, and never open.
        ("1.5.0", [("introduced", "0"), ("fixed", "1.0.0"), ("introduced", "1.0.0"), ("fixed", "2.0.0")], True),
        ("1.5.0", [("introduced", "1.0.0"), ("fixed", "1.0.0")], False),
        ("1.0.0", [], False),
        ("1.0.0", [("fixed", "2.0.0")], False),
    ],
)  # fmt: skip
def test_a_range_is_read_as_the_schema_says(version: str, events: list[Event], flawed: bool) -> None:
    """Open, closed, several times, up to and including, limited."""
    assert speaks("npm", version, *events) == flawed


@pytest.mark.parametrize(
    ("ecosystem", "version", "events", "flawed"),
    [
        ("Go", "v1.2.3", [("introduced", "1.2.0"), ("fixed", "1.2.4")], True),
        ("Go", "v1.2.4", [("introduced", "1.2.0"), ("fixed", "1.2.4")], False),
        ("Go", "v1.2.4-0.20260101000000-abcdef123456", [("introduced", "0"), ("fixed", "1.2.4")], True),
        ("Go", "v4.0.0+incompatible", [("introduced", "0"), ("fixed", "4.0.0+incompatible")], False),
        ("crates.io", "1.0.0+build", [("introduced", "0"), ("last_affected", "1.0.0")], True),
        ("npm", "4.1.0", [("introduced", "4"), ("fixed", "4.2")], True),
        ("npm", "4.2.0", [("introduced", "4"), ("fixed", "4.2")], False),
        ("Maven", "1.0-rc1", [("introduced", "0"), ("fixed", "1.0")], True),
        ("NuGet", "1.0.0.1", [("introduced", "0"), ("fixed", "1.0.0.2")], True),
        ("RubyGems", "7.0.0.rc1", [("introduced", "0"), ("fixed", "7.0.0")], True),
        ("Packagist", "v7.4.3", [("introduced", "0"), ("fixed", "7.4.4")], True),
        ("PyPI", "1!0.1", [("introduced", "0"), ("fixed", "2026.1")], False),
        ("GitHub Actions", "v41", [("introduced", "0"), ("fixed", "41")], False),
        ("GitHub Actions", "v41.0.1", [("introduced", "0"), ("fixed", "41")], False),
        ("GitHub Actions", "v40", [("introduced", "0"), ("fixed", "41")], True),
        ("GitHub Actions", "v4", [("introduced", "4.0.0"), ("fixed", "4.4.1")], False),
    ],
)
def test_versions_compare_as_their_ecosystem_says(
    ecosystem: str, version: str, events: list[Event], flawed: bool
) -> None:
    """Builds have no order, short versions are those with noughts, and an action's v4 is the newest 4."""
    assert speaks(ecosystem, version, *events) == flawed


@pytest.mark.parametrize(
    ("ecosystem", "version", "listed", "flawed"),
    [
        ("PyPI", "4.2.0", "4.2", True),  # google/osv.dev#1516
        ("PyPI", "4.2", "4.2", True),
        ("PyPI", "4.2.1", "4.2", False),
        ("PyPI", "weird version", "weird version", True),
        ("PyPI", "4.2", "weird version", False),
        ("Go", "v1.2.3", "1.2.3", True),
        ("GitHub Actions", "v1.2.3", "1.2.3", True),
    ],
)
def test_a_listed_version_is_affected(ecosystem: str, version: str, listed: str, flawed: bool) -> None:
    """In whatever spelling its ecosystem takes for the same, and without one when it is the same text."""
    assert speaks(ecosystem, version, ("introduced", "99999"), versions=(listed,)) == flawed


@pytest.mark.parametrize(
    ("events", "listed", "flawed"),
    [
        ([("introduced", "0"), ("fixed", "?")], (), True),
        ([("introduced", "0"), ("last_affected", "?")], (), True),
        ([("introduced", "?"), ("fixed", "9")], (), True),
        ([("introduced", "?"), ("fixed", "1")], (), False),
        ([("introduced", "0"), ("limit", "?")], (), True),
        ([("introduced", "0"), ("fixed", "?")], ("1.0",), False),
        ([("introduced", "0"), ("fixed", "?")], ("2.0",), True),
        ([("introduced", "0"), ("limit", "*")], ("1.0",), True),
    ],
)
def test_an_event_that_cannot_be_read_does_not_make_safe(
    events: list[Event], listed: tuple[str, ...], flawed: bool
) -> None:
    """The range is as wide as it may be, unless all its versions are listed."""
    assert speaks("PyPI", "2.0", *events, versions=listed) == flawed


@pytest.mark.parametrize(
    ("events", "flawed"),
    [([("introduced", "0")], True), ([("introduced", "0"), ("limit", "*")], True), (BOUNDED, False), ([], False)],
)
def test_a_version_that_cannot_be_read_is_within_everything(events: list[Event], flawed: bool) -> None:
    """A package that is bad in all its versions is bad in this one too."""
    assert speaks("PyPI", "main", *events) == flawed
