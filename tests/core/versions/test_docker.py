"""Image tags are told apart by their shape, and an update keeps it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from bot.core.versions import docker
from tests.core.versions.dist_tables import rows

ORDER = rows("docker_order")
STEPS = rows("docker_steps")

number = st.one_of(st.integers(0, 30), st.integers(0, 2400)).map(str)
core = st.one_of(
    st.lists(number, min_size=1, max_size=4).map(".".join),
    st.sampled_from(["20240101", "2024-01-02", "20240101.2", "20240101101112", "1704067200", "8u392"]),
)
tags = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "v", "release-", "jdk-", "bookworm-"]),
    core,
    st.sampled_from(["", "", "-rc1", "rc2", "-beta.3", "-ea-7", "-SNAPSHOT"]),
    st.sampled_from(["", "", "_8", "-r3", "-903", "-24", "-20240202", "-gabc1234", "-5.1704067200"]),
    st.sampled_from(["", "", "-slim", "-alpine3.20", "-debian-12", "-amd64", "-master-7", "-nanoserver-1809"]),
)


@pytest.mark.parametrize(("one", "other", "expected"), ORDER)
def test_tags_stand_in_the_order_of_their_releases(one: str, other: str, expected: int) -> None:
    """Core, stage and build decide; the variant never does."""
    assert expected == versions.compare("docker", one, other)
    assert -expected == versions.compare("docker", other, one)


@pytest.mark.parametrize(("before", "after", "fits", "kind", "why"), STEPS)
def test_an_update_keeps_the_shape_of_a_tag(before: str, after: str, fits: bool, kind: str, why: str) -> None:
    """What another product's tag is may never be taken for the next release, and no next release is missed."""
    assert fits is versions.fits("docker", before, after), why
    assert fits is versions.fits("docker", after, before), why
    assert Kind(kind) is versions.bump("docker", before, after), why


@pytest.mark.parametrize("text", rows("docker_invalid"))
def test_what_says_no_release_is_no_version(text: str) -> None:
    """A moving word, a base's name, a hash or a branch is never compared with a release."""
    assert not versions.is_valid("docker", text)
    with pytest.raises(InvalidVersion):
        versions.compare("docker", text, "1.0")


@pytest.mark.parametrize("text", ["0z1b2c3", "0a1b2C3", "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0"])
def test_what_only_begins_with_a_digit_is_no_version(text: str) -> None:
    """Renovate takes these as version 0, since they are no hash of a usual length; nobody means release 0 by them."""
    assert not versions.is_valid("docker", text)


def test_a_date_among_counting_tags_is_never_news() -> None:
    """elgohr#169: with 4 pinned, a tag of the year 2019 is neither newer nor a step that may be taken."""
    listed = ["1", "2.18", "3", "4", "20190331160914"]

    assert max(listed, key=lambda tag: versions.key("docker", tag)) == "4"
    assert not versions.fits("docker", "4", "20190331160914")
    assert versions.bump("docker", "4", "20190331160914") is Kind.SCHEME


def test_a_stray_number_of_another_product_is_not_chosen() -> None:
    """dependabot#15530: of all that the registry lists, only what keeps Node 24 on trixie is left."""
    pinned = "4.0.13-24-trixie"
    listed = ["4-22-trixie", "4-24-trixie", "4.0.13-22-trixie", "4.0.14-24-trixie", "4.0.14-22-trixie", "24-trixie"]

    assert ["4.0.14-24-trixie"] == [tag for tag in listed if versions.fits("docker", pinned, tag)]


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("3.7.0", True), ("3.7.0b1", False), ("3.7-alpine", True), ("3.8.0-alpine", True), ("3.8.0b1-alpine", False),
        ("3.8.2", True), ("3.8.3-SNAPSHOT", False), ("3.8.3-1-SNAPSHOT", False), ("7.4.0RC6-fpm-buster", False),
        ("9.0.0-preview.1-alpine3.20", False), ("21-ea-32", False), ("1.0.0-alpha", False), ("1.0-dev", False),
        ("12.4.1-cudnn-devel-ubuntu22.04", True), ("nightly-2024-01-02", False), ("1.2.3-nightly-slim", False),
        ("26.0.0.Beta1", False), ("26.1.0.Final", True), ("1.2.3-alpine", True), ("8u392-b08-jre", True),
        ("20240101", True), ("v3.9.0-177-ged5bcde", True), ("1.2.3-alpine-rc1", False), ("3.0.0-M2", False),
        ("16.7.0-rc42.ce.0", False), ("16.7.0-ce.0", True), ("2.9-dev12-alpine3.18", False),
    ],
)  # fmt: skip
def test_a_word_for_unfinished_work_is_seen_wherever_it_stands(text: str, stable: bool) -> None:
    """A candidate is not taken for a release; alpine is no alpha, devel no dev, and Java's b08 no beta."""
    assert stable is versions.is_stable("docker", text)


def test_the_same_release_is_known_again() -> None:
    """A candidate leads to its release; builds, variants and zeros at the end make no other."""
    assert versions.same_release("docker", "3.13.0rc1-slim", "3.13-slim")
    assert versions.same_release("docker", "8.6-903", "8.6-990")
    assert not versions.same_release("docker", "3.13.0rc1", "3.14.0")
    assert not versions.same_release("docker", "2024.1.2", "2024-01-02")


@pytest.mark.parametrize(
    ("text", "zero"), [("0.9.1", True), ("v0.1-alpine", True), ("1.0", False), ("20240101", False)]
)
def test_a_zero_version_is_told(text: str, zero: bool) -> None:
    """Nothing is promised yet by 0.y; a date promises nothing either way."""
    assert zero is versions.is_zero("docker", text)


@pytest.mark.parametrize(
    ("text", "wanted", "within"),
    [
        ("1.2.3", ">=1.2,<2", True), ("2.0.0-rc1", ">=1.2,<2", False), ("1.1", ">=1.2, <2", False),
        ("1.2", ">= 1.2 <2", True), ("2.0", ">1.2 <=2", True), ("2.1-slim", ">1.2 <=2", False),
        ("1.5-alpine", "1.x", True), ("2.0", "1.x", False), ("1.2.9", "1.2.*", True), ("1.20.0", "1.2.X", False),
        ("1.2.9", "1.2", True), ("1", "1.0", True), ("1.2.9", "=1.2", False), ("1.2.0", "==1.2", True),
        ("1.2.3", "!=1.2.3", False), ("1.2.4", "!=1.2.3", True), ("anything-7", "*", True), ("7", "x", True),
        ("7", "", True), ("7", "  ", True), ("v1.2.3", ">=v1.2", True), ("v1.2.3", ">=1.3", False),
        ("11.0.16_8", "11.x", True), ("2024-01-02", ">=2024-01-01", True),
        ("20240102", ">=2024-01-01,<20240102", False), ("2024-01-02", "2024-01-02", True), ("2024-01-02", ">1", False),
        ("1.0", "<2024-01-01", False), ("1.0", "!=20240101", True), ("7.5", "<8,>6,!=7.4", True),
    ],
)  # fmt: skip
def test_a_range_is_about_the_numbers(text: str, wanted: str, within: bool) -> None:
    """Comparators and series of the core decide; a candidate of 2.0 is not below 2; dates compare with dates only."""
    assert within is versions.satisfies("docker", text, wanted)


@pytest.mark.parametrize(
    "wanted",
    [">=", ">=1,,<2", ",", "~1.2", "^1", ">=1.x", "latest", ">=1-alpine", ">=1.2rc1", ">=1_8", "=>1", "1 || 2", "<<1",
     "x.1", ">=release-1"],
)  # fmt: skip
def test_a_range_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A typing mistake stops, since it could let in what was to stay out."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("docker", "1.2.3", wanted)


@given(tags, tags, tags)
def test_the_order_is_total_and_shapes_are_classes(one: str, two: str, three: str) -> None:
    """However a registry lists, the newest is the same; what fits into a fitting tag's place fits at once."""
    low, middle, high = sorted((one, two, three), key=lambda text: versions.key("docker", text))

    assert versions.compare("docker", low, middle) <= 0 <= versions.compare("docker", high, low)
    assert versions.compare("docker", middle, high) <= 0
    assert versions.fits("docker", one, one)
    assert versions.fits("docker", one, two) is versions.fits("docker", two, one)
    if versions.fits("docker", one, two) and versions.fits("docker", two, three):
        assert versions.fits("docker", one, three)


@given(tags, tags)
def test_a_date_never_follows_a_count(one: str, two: str) -> None:
    """A step between a date and a count is a change of scheme, and it does not fit."""
    if docker.key(one)[0] is not docker.key(two)[0]:
        assert versions.bump("docker", one, two) is Kind.SCHEME
        assert not versions.fits("docker", one, two)


@given(st.text(alphabet="0123456789abvrcx.-_+TZ", max_size=200))
def test_any_text_is_a_tag_or_refused(text: str) -> None:
    """Nothing that a registry lists can stop a poll."""
    if versions.is_valid("docker", text):
        assert versions.compare("docker", text, text) == 0
        assert versions.fits("docker", text, text)


@pytest.mark.parametrize("unit", ["1", "a", "1.", "a-", "1-", "a1-", "1_", "+", ".a", "v1", "0a", "20240101", "rc1"])
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    """Two hundred signs of anything are read at once; a pattern that ran backwards would hang here."""
    for text in ((unit * 200)[:200], (unit * 200)[:199] + "!", "1." + (unit * 200)[:198]):
        versions.is_valid("docker", text)
