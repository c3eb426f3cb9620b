"""Alpine's versions are read, ordered and matched as apk does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.dist_tables import rows

number = st.sampled_from(["0", "00", "01", "1", "2", "10", "001", "010"])
suffix = st.builds(
    "_{}{}".format,
    st.sampled_from(["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"]),
    number | st.just(""),
)
texts = st.builds(
    "{}{}{}{}{}".format,
    st.lists(number, min_size=1, max_size=3).map(".".join),
    st.sampled_from(["", "", "a", "b"]),
    st.lists(suffix, max_size=2).map("".join),
    st.sampled_from(["", "", "~1a", "~ff"]),
    st.one_of(st.just(""), number.map("-r{}".format)),
)


@pytest.mark.parametrize(("one", "other", "expected"), rows("alpine_order"))
def test_the_order_is_apk_s(one: str, other: str, expected: int) -> None:
    """Suffixes on both sides of the plain version, letters, leading zeros as text, hashes and builds."""
    assert expected == versions.compare("alpine", one, other)
    assert -expected == versions.compare("alpine", other, one)


@pytest.mark.parametrize("text", rows("alpine_invalid"))
def test_what_apk_refuses_is_refused(text: str) -> None:
    """A text that no package may carry is never ordered among versions."""
    with pytest.raises(InvalidVersion):
        versions.key("alpine", text)


@given(texts, texts, texts)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    """Sorting never depends on the order in which an index lists."""
    low, middle, high = sorted((one, two, three), key=lambda text: versions.key("alpine", text))

    assert versions.compare("alpine", low, middle) <= 0
    assert versions.compare("alpine", middle, high) <= 0
    assert versions.compare("alpine", low, high) <= 0


@given(texts, texts)
def test_ranges_agree_with_the_order(one: str, other: str) -> None:
    """What is later than a bound is in > of it; ~ adds what begins with the bound, on either side of it."""
    order = versions.compare("alpine", one, other)
    begins = versions.satisfies("alpine", one, f"~{other}")

    assert (order > 0) is versions.satisfies("alpine", one, f">{other}")
    assert (order >= 0) is versions.satisfies("alpine", one, f">={other}")
    assert (order == 0) is versions.satisfies("alpine", one, f"={other}")
    assert (order <= 0) is versions.satisfies("alpine", one, f"<={other}")
    assert (order < 0) is versions.satisfies("alpine", one, f"<{other}")
    assert (begins or order > 0) is versions.satisfies("alpine", one, f">~{other}")
    assert (begins or order < 0) is versions.satisfies("alpine", one, f"<~{other}")


@pytest.mark.parametrize(
    ("text", "wanted", "within"),
    [
        ("3.6.0-r1", "~3.6", True), ("3.6", "~3.6", True), ("3.6_rc1", "~ 3.6", True), ("3.60", "~3.6", False),
        ("3.5", "~3.6", False), ("3.8", "~3.8.1", False), ("3.6.1", "=~3.6", True), ("3.6.1", "~=3.6", True),
        ("3.6.1", "<~3.6", True), ("3.5", "<~3.6", True), ("3.7", "<~3.6", False), ("3.7", ">~3.6", True),
        ("3.6.9", ">~ 3.6", True), ("3.5", ">~3.6", False), ("1.050", "~1.05", False), ("1.05.1", "~1.05", True),
        ("1.5", ">=1.0 <2.0", True), ("2.0_rc1", ">=1.0, <2.0", True), ("1.0-r0", "=1.0", False), ("1.0-r0", "", True),
        ("1.0~abc", "~1.0", True), ("1.0~abcd", "~1.0~abc", False), ("1.0", "==1.0", True),
    ],
)  # fmt: skip
def test_a_dependency_is_met_as_apk_meets_it(text: str, wanted: str, within: bool) -> None:
    """A fuzzy bound stands for whole numbers, never for digits: 3.60 does not begin with 3.6."""
    assert within is versions.satisfies("alpine", text, wanted)


@pytest.mark.parametrize("wanted", ["1.0", ">=", ">1.0,,<2", "!=1", "><1.0", ">=1.0bc", "<>1", "^1", ">= 1 |", ">>1"])
def test_a_range_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A typing mistake stops, since it could let in what was to stay out; >< asks for a checksum, not a version."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("alpine", "1.0", wanted)


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("1.0-r0", True), ("1.0_p1-r0", True), ("1.1.1w", True), ("1.0_alpha", False), ("1.0_beta2", False),
        ("1.0_pre1", False), ("1.0_rc1-r3", False), ("0_git20230101-r0", False), ("1.0_p1_rc1", False),
    ],
)  # fmt: skip
def test_unfinished_versions_are_told_by_their_suffixes(text: str, stable: bool) -> None:
    """_p is a patch; a snapshot of a repository is nobody's release, though it comes after one."""
    assert stable is versions.is_stable("alpine", text)


def test_the_same_release_is_known_again() -> None:
    """A candidate, a patch and a rebuild lead to the same release; a letter makes another."""
    assert versions.same_release("alpine", "2.0_rc1-r0", "2.0-r3")
    assert versions.same_release("alpine", "2.0", "2.0.0_p1")
    assert not versions.same_release("alpine", "1.1.1w", "1.1.1v")
    assert not versions.same_release("alpine", "2.0", "2.1")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.0-r0", "1.0-r1", Kind.PATCH), ("1.0.2-r0", "1.0.3-r0", Kind.PATCH), ("1.1.1v", "1.1.1w", Kind.PATCH),
        ("1.0", "1.1", Kind.MINOR), ("1.9", "2.0", Kind.MAJOR), ("0.9", "2024.1", Kind.SCHEME),
    ],
)  # fmt: skip
def test_a_step_is_named_by_the_numbers(before: str, after: str, kind: Kind) -> None:
    """Letters, suffixes and rebuilds are patches."""
    assert kind is versions.bump("alpine", before, after)


@pytest.mark.parametrize(("text", "zero"), [("0.9-r1", True), ("0_git20230101", True), ("1.0", False)])
def test_a_zero_version_is_told(text: str, zero: bool) -> None:
    """Nothing is promised yet by 0.y."""
    assert zero is versions.is_zero("alpine", text)


@pytest.mark.parametrize("unit", ["1", ".1", "_rc", "_rc1", "~a", "-r1", "a", "_", "0", "_p_pre"])
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    """Two hundred signs of anything are read at once; a pattern that ran backwards would hang here."""
    for text in ("1" + (unit * 200)[:199], "1" + (unit * 200)[:198] + "!"):
        if versions.is_valid("alpine", text):
            assert versions.compare("alpine", text, text) == 0
            versions.is_stable("alpine", text)
