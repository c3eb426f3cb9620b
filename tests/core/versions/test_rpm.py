"""RPM's versions are read, ordered and matched as rpm does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.dist_tables import rows

part = st.text(alphabet="019abZ._+~^", min_size=1, max_size=6)
texts = st.builds(
    "{}{}{}".format, st.sampled_from(["", "", "0:", "1:"]), part, st.one_of(st.just(""), part.map("-{}".format))
)


@pytest.mark.parametrize(("one", "other", "expected"), rows("rpm_order"))
def test_the_order_is_rpm_s(one: str, other: str, expected: int) -> None:
    """Epochs, ~ before the end, ^ after it, letters before numbers, numbers by value, releases last."""
    assert expected == versions.compare("rpm", one, other)
    assert -expected == versions.compare("rpm", other, one)


@pytest.mark.parametrize("text", rows("rpm_invalid"))
def test_what_no_package_can_carry_is_refused(text: str) -> None:
    """Signs that rpmbuild lets into no version are not ordered among versions."""
    with pytest.raises(InvalidVersion):
        versions.key("rpm", text)


@given(texts, texts, texts)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    """Sorting never depends on the order in which a repository lists."""
    low, middle, high = sorted((one, two, three), key=lambda text: versions.key("rpm", text))

    assert versions.compare("rpm", low, middle) <= 0
    assert versions.compare("rpm", middle, high) <= 0
    assert versions.compare("rpm", low, high) <= 0


@given(part, part)
def test_ranges_agree_with_the_order(one: str, other: str) -> None:
    """Where neither side names a release, what is later than a bound is in > of it, and nothing else is."""
    order = versions.compare("rpm", one, other)

    assert (order > 0) is versions.satisfies("rpm", one, f"> {other}")
    assert (order >= 0) is versions.satisfies("rpm", one, f">= {other}")
    assert (order == 0) is versions.satisfies("rpm", one, f"= {other}")
    assert (order <= 0) is versions.satisfies("rpm", one, f"<= {other}")
    assert (order < 0) is versions.satisfies("rpm", one, f"< {other}")


@pytest.mark.parametrize(
    ("text", "wanted", "within"),
    [
        ("1.0-1", "= 1.0", True), ("1.0-1", "<= 1.0", True), ("1.0-1", ">= 1.0", True), ("1.0-1", "> 1.0", False),
        ("1.0-1", "< 1.0", False), ("1.0", "> 1.0-1", True), ("1.0", "< 1.0-1", True), ("1.0", "= 1.0-1", True),
        ("1.0-2", "> 1.0-1", True), ("1.0-1", "= 1.0-2", False), ("1:1.0-1", ">= 2.0", True), ("1.0", "= 0:1.0", True),
        ("1.5-1", ">= 1.0, < 2.0", True), ("2.0~rc1-1", ">= 1.0 < 2.0", True), ("2.0-1", ">= 1.0, < 2.0", False),
        ("1.0-1", "== 1.0-1", True), ("1.1", "=> 1.0", True), ("0.9", "=< 1.0", True), ("1.0", "", True),
    ],
)  # fmt: skip
def test_a_requirement_is_met_as_rpm_meets_it(text: str, wanted: str, within: bool) -> None:
    """A release counts only where both sides name one."""
    assert within is versions.satisfies("rpm", text, wanted)


@pytest.mark.parametrize("wanted", ["1.0", ">=", "> 1.0,,< 2", "~1.0", "!= 1", ">> 1", ">= 1:2:3", ">= 1 |", "<> 1"])
def test_a_range_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A typing mistake stops, since it could let in what was to stay out."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("rpm", "1.0", wanted)


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("1.0-1.fc40", True), ("1.0~rc1-1.fc40", False), ("1.0~20240101-1", False), ("1.0-0.1.rc1.fc17", False),
        ("1.0^20240101gitabcdef1-1.fc40", False), ("1.0-3.20240101git.el9", False), ("6.0.rc1", False),
        ("1.0^1-1", True), ("1.1.1k-9.el8", True), ("1.0-1.precise", True), ("5.5p1", True),
    ],
)  # fmt: skip
def test_unfinished_versions_are_told_by_their_signs(text: str, stable: bool) -> None:
    """A ~ stands before candidates; older packages say it by a word in version or release."""
    assert stable is versions.is_stable("rpm", text)


def test_the_same_release_is_known_again() -> None:
    """A candidate and another release of the package lead to the same version; another epoch never does."""
    assert versions.same_release("rpm", "2.0~rc1-1.fc40", "2.0-3.fc41")
    assert not versions.same_release("rpm", "2.0-1", "2.1-1")
    assert not versions.same_release("rpm", "2.0-1", "1:2.0-1")
    assert not versions.same_release("rpm", "a", "b")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.0-1", "1.0-2", Kind.PATCH), ("1.0.2-1", "1.0.3-1", Kind.PATCH), ("1.0-1", "1.1-1", Kind.MINOR),
        ("1.9-1", "2.0-1", Kind.MAJOR), ("9.0-1", "1:1.0-1", Kind.SCHEME), ("0.9-1", "2024.1-1", Kind.SCHEME),
    ],
)  # fmt: skip
def test_a_step_is_named_by_the_numbers_of_the_version(before: str, after: str, kind: Kind) -> None:
    """The distribution's release is a patch; a new epoch, or years instead of releases, is for a person to look at."""
    assert kind is versions.bump("rpm", before, after)


@pytest.mark.parametrize(("text", "zero"), [("0.9-1", True), ("1:0.9-1", True), ("1.0-1", False), ("a", False)])
def test_a_zero_version_is_told(text: str, zero: bool) -> None:
    """Nothing is promised yet by 0.y, in any epoch."""
    assert zero is versions.is_zero("rpm", text)


@pytest.mark.parametrize("unit", ["1", "a", "~", "1.", "_", "1-", "1:", "1a", "^", "git"])
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    """Two hundred signs of anything are read at once; a pattern that ran backwards would hang here."""
    for text in ((unit * 200)[:200], (unit * 200)[:199] + "!", "1:" + (unit * 200)[:198]):
        if versions.is_valid("rpm", text):
            assert versions.compare("rpm", text, text) == 0
            versions.is_stable("rpm", text)
