"""What holds for every scheme, whatever text it is given."""

from __future__ import annotations

import contextlib
from functools import partial
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem
from bot.core.model import Kind

pieces = st.sampled_from([
    "0", "1", "2", "9", "10", "00", "2024", "v", ".", ".", ".", "-", "_", "+", "~", "^", ":", "a", "b", "alpha",
    "beta", "rc", "RC", "x", "*", " ", "=", "<", ">", "!", "|", "||", ",", "[", ")", "@", "#", "/", "é", "٣", "\n",
    "1.2.3", "1.0",
])  # fmt: skip
likely = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "v", "release-", "1:"]),
    st.lists(st.sampled_from(["0", "1", "2", "10", "01", "24", "2024"]), min_size=1, max_size=4).map(".".join),
    st.lists(pieces, max_size=4).map("".join),
)
texts = st.one_of(likely, likely, st.lists(pieces, max_size=8).map("".join), st.text(max_size=12))
schemes = st.sampled_from(versions.kinds())

HOSTILE = [
    "1" * 200, "1." * 100, "1.2.3-" + "a" * 194, "1.2." + "1" * 195 + "!", "1.2." + "1" * 95 + "a" * 95 + "!",
    "v" * 200, "1.2.3-" + "a." * 96 + "!", "-" * 200, "1" + "-" * 199, "1a" * 100, "0" * 199 + "a", " " * 200,
    "~" * 200, "1:" * 100, "1.0" + "~" * 197, "1.0" + "_" * 197, "=" * 199 + "1", "1.2.3 - " * 25, "^" * 200,
    "1||" * 66, ">1 " * 66, "[1," * 66, "(" * 200, "1_" * 100, "1.2.3+" + "a." * 97, "a1" * 100, "alpha" * 40,
    "1.2.3-" + "0" * 194, "\u0663" * 200, "*." * 100,
]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(schemes, texts)
def test_a_text_is_a_version_or_none(scheme: str, text: str) -> None:
    """No text breaks a scheme: it is refused, or every question about it has an answer."""
    if versions.is_valid(scheme, text):
        assert versions.compare(scheme, text, text) == 0
        assert versions.is_stable(scheme, text) in (True, False)
        assert versions.is_zero(scheme, text) in (True, False)
        assert versions.same_release(scheme, text, text)
        assert versions.fits(scheme, text, text)
        assert versions.bump(scheme, text, text) is Kind.PATCH


@settings(max_examples=1000, deadline=None)
@given(schemes, st.lists(texts, min_size=3, max_size=6))
def test_the_order_is_total(scheme: str, found: list[str]) -> None:
    """Sorting never depends on the order in which a source lists."""
    for low, middle, high in permutations([text for text in found if versions.is_valid(scheme, text)], 3):
        first, second = versions.compare(scheme, low, middle), versions.compare(scheme, middle, high)

        assert first == -versions.compare(scheme, middle, low)
        if first <= 0 and second <= 0:
            assert versions.compare(scheme, low, high) == min(first, second)
        assert versions.bump(scheme, low, high) is versions.bump(scheme, high, low)


@settings(max_examples=600, deadline=None)
@given(schemes, texts, texts)
def test_a_range_is_read_or_refused(scheme: str, text: str, wanted: str) -> None:
    """A range that makes no sense is the owner's to mend, and breaks nothing."""
    if versions.is_valid(scheme, text):
        with contextlib.suppress(ConfigProblem):
            assert versions.satisfies(scheme, text, wanted) in (True, False)


@pytest.mark.parametrize("scheme", versions.kinds())
def test_no_text_keeps_a_scheme_busy(scheme: str) -> None:
    """Texts made to be slow are answered all the same; nobody can hold us up with a tag or a range."""
    sample = next(text for text in ("1.2.3", "v1.2.3", "2024.1") if versions.is_valid(scheme, text))
    for text in HOSTILE:
        versions.is_valid(scheme, text)
        for wanted in (text, text * 9):
            with contextlib.suppress(ConfigProblem):
                versions.satisfies(scheme, sample, wanted)


@settings(max_examples=600, deadline=None)
@given(schemes, st.lists(texts, max_size=6))
def test_many_at_once_are_read_as_each_alone(scheme: str, found: list[str]) -> None:
    """How many versions a source lists at a time changes nothing about their order, nor about which are none."""
    alone = [versions.key(scheme, text) if versions.is_valid(scheme, text) else None for text in found]
    assert versions.keys(scheme, found) == alone


@settings(max_examples=600, deadline=None)
@given(schemes, st.lists(texts, min_size=1, max_size=8))
def test_steps_are_told_together_as_one_by_one(scheme: str, found: list[str]) -> None:
    """As many as are newer, newest first: the kind of each step, or that it is of another shape."""
    there = sorted([text for text in found if versions.is_valid(scheme, text)], key=partial(versions.key, scheme))
    for current in there:
        newer = [text for text in reversed(there) if versions.compare(scheme, text, current) > 0]
        alone = [versions.bump(scheme, current, one) if versions.fits(scheme, current, one) else None for one in newer]
        assert list(versions.steps(scheme, current, reversed(there))) == alone
