"""Debian's versions are read, ordered and matched as dpkg does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.dist_tables import rows

part = st.text(alphabet="019abz.+~", min_size=1, max_size=6)
texts = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "0:", "1:"]),
    st.sampled_from(["0", "1", "01", "2."]),
    part,
    st.one_of(st.just(""), part.map("-{}".format)),
)


@pytest.mark.parametrize(("one", "other", "expected"), rows("deb_order"))
def test_the_order_is_dpkg_s(one: str, other: str, expected: int) -> None:
    """Epochs, ~ before the end, letters before other signs, numbers by value, revisions last."""
    assert expected == versions.compare("deb", one, other)
    assert -expected == versions.compare("deb", other, one)


@pytest.mark.parametrize("text", rows("deb_invalid"))
def test_what_dpkg_calls_bad_syntax_is_refused(text: str) -> None:
    """A text that no package may carry is never ordered among versions."""
    with pytest.raises(InvalidVersion):
        versions.key("deb", text)


@pytest.mark.parametrize("text", [" 1.0", "1.0\t", "+1:1.0", "svn3918ppa1~lucid1", "0:09azAZ.-+~:-0"])
def test_what_dpkg_only_warns_about_is_ordered(text: str) -> None:
    """Blanks around, a sign before the epoch and a first letter are in old archives, and dpkg takes them."""
    assert versions.is_valid("deb", text)


def test_a_first_letter_is_ordered_like_any_other() -> None:
    """dpkg warns of it and compares all the same."""
    assert versions.compare("deb", "0:a-0", "0:b-0") == -1
    assert versions.bump("deb", "a", "b") is Kind.PATCH
    assert not versions.same_release("deb", "a-1", "b-1")
    assert not versions.is_zero("deb", "a")


@given(texts, texts, texts)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    """Sorting never depends on the order in which an archive lists."""
    low, middle, high = sorted((one, two, three), key=lambda text: versions.key("deb", text))

    assert versions.compare("deb", low, middle) <= 0
    assert versions.compare("deb", middle, high) <= 0
    assert versions.compare("deb", low, high) <= 0
    assert (versions.compare("deb", one, two) == 0) is (versions.key("deb", one) == versions.key("deb", two))


@given(texts, texts)
def test_ranges_agree_with_the_order(one: str, other: str) -> None:
    """What is later than a bound is in >>, and never in <= of it."""
    order = versions.compare("deb", one, other)

    assert (order > 0) is versions.satisfies("deb", one, f">> {other}")
    assert (order >= 0) is versions.satisfies("deb", one, f">={other}")
    assert (order == 0) is versions.satisfies("deb", one, f"= {other}")
    assert (order <= 0) is versions.satisfies("deb", one, f"<= {other}")
    assert (order < 0) is versions.satisfies("deb", one, f"<<{other}")


@pytest.mark.parametrize(
    ("text", "wanted", "within"),
    [
        ("1.5-1", ">= 1.0, << 2.0", True), ("2.0~rc1-1", ">= 1.0, << 2.0", True), ("2.0-1", ">= 1.0, << 2.0", False),
        ("2.0~rc1-1", ">= 1.0, << 2.0~", False), ("1:1.0", ">= 2.0", True), ("2.0", "< 2.0", True),
        ("2.0", "> 2.0", True), ("1.9", "> 2.0", False), ("1.0", "", True), ("1.0", " ", True), ("1.0-0", "=1.0", True),
        ("1.5", ">=1.0 <<2.0", True),
    ],
)  # fmt: skip
def test_a_dependency_s_range_is_met_as_in_an_archive(text: str, wanted: str, within: bool) -> None:
    """A candidate comes before its release, a new epoch after everything; < and > mean <= and >=, as for dpkg."""
    assert within is versions.satisfies("deb", text, wanted)


@pytest.mark.parametrize(
    "wanted", ["1.0", ">=", ">> 1.0,,<< 2", "~1.0", "== 1.0", "!= 1", ">= 1_0", "=> 1", ">= 1.0 |", ","]
)
def test_a_range_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A typing mistake stops, since it could let in what was to stay out."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("deb", "1.0", wanted)


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("1.0-1", True), ("1.0~rc1-1", False), ("6.0~b1-1", False), ("6.0~beta2+dfsg-1", False), ("4.0rc3-1", False),
        ("1.0~dfsg-1", True), ("12.4+deb12u5", True), ("1.0-1~bpo12+1", True), ("1.0~precise1", True),
        ("0.0~git20200101.abc-1", False), ("2.0+git20240101-1", False), ("1.1.1k-1", True), ("1.0.dev1-1", False),
        ("1.0+gitlab1-1", True), ("9.6p1-3ubuntu13", True), ("1.0~ALPHA1", False),
    ],
)  # fmt: skip
def test_unfinished_versions_are_told_by_their_words(text: str, stable: bool) -> None:
    """Candidates and snapshots are; repacked sources, backports, Ubuntu's names and stable updates are not."""
    assert stable is versions.is_stable("deb", text)


def test_the_same_release_is_known_again() -> None:
    """A candidate and another revision lead to the same release; another epoch never does."""
    assert versions.same_release("deb", "2.0~rc1-1", "2.0-3")
    assert versions.same_release("deb", "2.0-1", "2.0.0+dfsg-1")
    assert not versions.same_release("deb", "2.0-1", "2.1-1")
    assert not versions.same_release("deb", "2.0-1", "1:2.0-1")
    assert versions.same_release("deb", "0", "0.0-1")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.0-1", "1.0-2", Kind.PATCH), ("1.0~rc1-1", "1.0-1", Kind.PATCH), ("1.0.2-1", "1.0.3-1", Kind.PATCH),
        ("1.0-1", "1.1-1", Kind.MINOR), ("1.9-1", "2.0-1", Kind.MAJOR), ("9.0-1", "1:1.0-1", Kind.SCHEME),
        ("0.9-1", "2024.1-1", Kind.SCHEME), ("20240101-1", "1.0-1", Kind.SCHEME), ("1.0.2g-1", "1.0.2h-1", Kind.PATCH),
    ],
)  # fmt: skip
def test_a_step_is_named_by_the_numbers_of_the_upstream_part(before: str, after: str, kind: Kind) -> None:
    """Debian's revision is a patch; a new epoch, or years instead of releases, is for a person to look at."""
    assert kind is versions.bump("deb", before, after)


@pytest.mark.parametrize(("text", "zero"), [("0.9-1", True), ("1:0.9-1", True), ("1.0-1", False), ("00.1", True)])
def test_a_zero_version_is_told(text: str, zero: bool) -> None:
    """Nothing is promised yet by 0.y, in any epoch."""
    assert zero is versions.is_zero("deb", text)


@pytest.mark.parametrize("unit", ["1", "a", "~", "1.", "-", "1-", "1:", "1a", "~rc", "git"])
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    """Two hundred signs of anything are read at once; a pattern that ran backwards would hang here."""
    for text in ((unit * 200)[:200], (unit * 200)[:199] + "!", "1:" + (unit * 200)[:198]):
        if versions.is_valid("deb", text):
            assert versions.compare("deb", text, text) == 0
            versions.is_stable("deb", text)
