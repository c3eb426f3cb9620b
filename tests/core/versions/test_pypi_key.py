"""Our sort keys of Python's versions order them exactly as `packaging` does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from bot.core.versions import pypi

NUMBERS = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
ENDS = st.tuples(
    st.sampled_from(["", "a1", "b2", "rc1", "c1", "-alpha", "b"]),
    st.sampled_from(["", ".post1", "-2", ".post", "r3"]),
    st.sampled_from(["", ".dev0", "dev3"]),
    st.sampled_from(["", "+1", "+abc", "+abc.1", "+1.abc", "+Abc_1", "+01"]),
).map("".join)
TEXTS = st.tuples(st.sampled_from(["", "", "", "1!", "v", " "]), NUMBERS, ENDS).map("".join)


@given(TEXTS | NUMBERS, TEXTS | NUMBERS)
def test_the_order_is_packagings(one: str, other: str) -> None:
    """Before, after or equal, and what is equal is one key."""
    left, right = Version(one), Version(other)
    assert (pypi.key(one) < pypi.key(other)) == (left < right)
    assert (pypi.key(one) == pypi.key(other)) == (left == right)
    assert left != right or hash(pypi.key(one)) == hash(pypi.key(other))


@given(TEXTS)
def test_a_key_tells_the_line_and_what_is_finished(text: str) -> None:
    """Epoch and major number, and whether its maker calls it finished."""
    version = Version(text)
    assert pypi.line(pypi.key(text)) == (version.epoch, version.major)
    assert pypi.is_finished(pypi.key(text)) == pypi.is_stable(text) == (not version.is_prerelease)


@given(st.text(st.sampled_from("0123456789.²٣"), max_size=6))
def test_what_packaging_refuses_has_no_key(text: str) -> None:
    """Also what looks like plain numbers and is none."""
    try:
        expected = Version(text).release
    except InvalidVersion:
        expected = None
    try:
        numbers = pypi.key(text)[1]
    except ValueError:
        numbers = None
    assert (numbers is None) == (expected is None)
