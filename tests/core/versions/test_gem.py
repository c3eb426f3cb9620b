"""RubyGems' versions and requirements mean here what they mean to RubyGems."""

from __future__ import annotations

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.tables import rows

SIGNS = {-1: "<", 0: "==", 1: ">"}

segment = st.sampled_from(["0", "1", "2", "10", "00", "a", "b", "rc", "A", "rc1"])
texts = st.lists(segment, max_size=5).map(lambda parts: ".".join(["1", *parts]))


def order(one: str, other: str) -> str:
    try:
        return SIGNS[versions.compare("gem", one, other)]
    except InvalidVersion:
        return "refused"


def segment_by_segment(one: str, other: str) -> int:
    """Letters before numbers, and zeros for ever behind the end; a zero just before letters says nothing."""

    def segments(text: str) -> list[int | str]:
        split = text.replace("rc1", "rc.1").split(".")
        return [int(part) if part.isdigit() else part for part in split]

    for left, right in zip_longest(segments(one), segments(other), fillvalue=0):
        if left == right:
            continue
        if isinstance(left, str) and isinstance(right, str):
            return 1 if left > right else -1
        if isinstance(left, str) or isinstance(right, str):
            return -1 if isinstance(left, str) else 1
        return 1 if left > right else -1
    return 0


def test_the_order_is_rubygems_s() -> None:
    """RubyGems' own pairs and some at random compare as it does, both ways round; what it refuses is refused."""
    back = {"<": ">", ">": "<", "==": "==", "refused": "refused"}

    assert [row for row in rows("gem_order") if order(row[0], row[2]) != row[1]] == []
    assert [row for row in rows("gem_order") if order(row[2], row[0]) != back[row[1]]] == []


def test_requirements_take_what_rubygems_takes() -> None:
    """All of RubyGems' own requirements: every operator, lists, and the pessimistic one with and without letters."""

    def answer(text: str, wanted: str) -> str:
        try:
            return "yes" if versions.satisfies("gem", text, wanted) else "no"
        except ConfigProblem:
            return "refused"

    assert [row for row in rows("gem_requirements") if answer(row[0], row[1]) != row[2]] == []


@given(texts, texts)
def test_the_key_says_what_comparing_segment_by_segment_says(one: str, other: str) -> None:
    """A key that is computed once loses nothing of the order."""
    zeros_matter = not any(f".{zero}.{c}" in text for text in (one, other) for zero in ("0", "00") for c in "abrA")
    if zeros_matter:
        assert versions.compare("gem", one, other) == segment_by_segment(one, other)


@given(st.text(alphabet="0123456789.-abA \n", max_size=12))
def test_any_text_is_a_version_or_is_refused(text: str) -> None:
    """Names that an index lists and that are no versions never stop the bot."""
    if versions.is_valid("gem", text):
        assert versions.compare("gem", text, text) == 0
        assert versions.satisfies("gem", text, ">= 0.a")


@pytest.mark.parametrize("hostile", ["1" + ".0" * 99, "1" + ".a" * 99, "1-" + "-" * 190, "9" * 200, "1." + "a0" * 99])
def test_a_hostile_text_costs_nothing(hostile: str) -> None:
    """The longest texts are read at once."""
    assert versions.compare("gem", hostile, hostile) == 0


@pytest.mark.parametrize(
    ("text", "stable"), [("1.0", True), ("1.0.a", False), ("1.0.rc1", False), ("1-1", False), ("1.0.0.1", True)]
)
def test_a_letter_makes_a_pre_release(text: str, stable: bool) -> None:
    """RubyGems has no other rule, and a hyphen reads as letters."""
    assert stable is versions.is_stable("gem", text)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.2.3", "1.2.3.1", Kind.PATCH),
        ("1.2.3.rc1", "1.2.3", Kind.PATCH),
        ("1.2", "1.3", Kind.MINOR),
        ("1.2", "2", Kind.MAJOR),
        ("3.2024.1105", "2025.1", Kind.SCHEME),
    ],
)
def test_the_kind_of_a_step(before: str, after: str, kind: Kind) -> None:
    """The first number that differs names it."""
    assert kind is versions.bump("gem", before, after)


def test_a_candidate_leads_to_its_release() -> None:
    """5.0.0.rc2 leads to 5.0 and to nothing else."""
    assert versions.same_release("gem", "5.0.0.rc2", "5.0")
    assert not versions.same_release("gem", "5.0.0.rc2", "5.0.1")
    assert versions.is_zero("gem", "0.3") and not versions.is_zero("gem", "1.0.a")
    assert versions.satisfies("gem", "1.0", "") and versions.satisfies("gem", "1.0", "  ")
