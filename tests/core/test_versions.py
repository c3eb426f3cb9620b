"""Versions are ordered, told apart and matched as their ecosystem does it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion as NotPep440
from packaging.version import Version

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind

ASCENDING = [
    "1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2",
    "1.0b2.post345.dev456", "1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7", "1.0+5",
    "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1.10", "2.0", "2024.1", "1!0.1", "1!1.0.dev1",
]  # fmt: skip

number = st.integers(0, 3000).map(str)
version = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "1!"]),
    st.lists(number, min_size=1, max_size=4).map(".".join),
    st.sampled_from(["", "a1", "b2", "rc1"]),
    st.sampled_from(["", ".post1", ".post2"]),
    st.sampled_from(["", ".dev3"]),
    st.sampled_from(["", "+local", "+local.2"]),
)


@pytest.mark.parametrize(("one", "other"), list(pairwise(ASCENDING)))
def test_pep_440_puts_them_in_this_order(one: str, other: str) -> None:
    """Development builds, pre-releases, post-releases, local builds and epochs stand where PEP 440 puts them."""
    assert versions.compare("pypi", one, other) == -1
    assert versions.compare("pypi", other, one) == 1
    assert versions.compare("pypi", one, one) == 0


@given(version, version)
def test_the_order_is_the_reference_implementation_s(one: str, other: str) -> None:
    """Whatever two versions are compared, the answer is what an installer would give."""
    expected = (Version(one) > Version(other)) - (Version(one) < Version(other))

    assert expected == versions.compare("pypi", one, other)


@given(version, version, version)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    """Sorting never depends on the order in which an index lists."""
    low, middle, high = sorted((one, two, three), key=lambda text: versions.key("pypi", text))

    assert versions.compare("pypi", low, middle) <= 0
    assert versions.compare("pypi", middle, high) <= 0
    assert versions.compare("pypi", low, high) <= 0


@given(version, version)
def test_a_step_has_the_same_kind_both_ways(one: str, other: str) -> None:
    """Going back is as large a step as going on."""
    assert versions.bump("pypi", one, other) is versions.bump("pypi", other, one)


@given(st.text(max_size=30))
def test_any_text_is_a_version_or_is_refused(text: str) -> None:
    """Names that an index lists and that are no versions never stop the bot."""
    try:
        expected = bool(Version(text))
    except NotPep440:
        expected = False

    assert expected == versions.is_valid("pypi", text)


@pytest.mark.parametrize("text", ["", "abc", "1.0-", "1..2", "9" * 5000, "1." * 300, "v"])
def test_what_is_no_version_is_refused_with_a_name(text: str) -> None:
    """The error is one of ours, and says which text it was; a hostile length costs nothing."""
    with pytest.raises(InvalidVersion, match=r"version"):
        versions.key("pypi", text)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.2.3", "1.2.4", Kind.PATCH),
        ("1.2.3", "1.2.3.post1", Kind.PATCH),
        ("1.2.3", "1.2.3+local", Kind.PATCH),
        ("1.2.3rc1", "1.2.3", Kind.PATCH),
        ("1.2", "1.2.0.1", Kind.PATCH),
        ("1.2.3", "1.3", Kind.MINOR),
        ("0.3.1", "0.4.0", Kind.MINOR),
        ("1.2.3", "2.0.0", Kind.MAJOR),
        ("9.9", "10.0", Kind.MAJOR),
        ("2.0", "17.0", Kind.SCHEME),
        ("10.0.1", "18.0", Kind.SCHEME),
        ("18.1", "26.1", Kind.MAJOR),
        ("20.0", "40.0", Kind.MAJOR),
        ("3.0", "30.15", Kind.MAJOR),
        ("0.15.1", "2026.9.1", Kind.SCHEME),
        ("2025.1", "2026.1", Kind.MAJOR),
        ("2026.1", "20260304", Kind.SCHEME),
        ("1.0", "1!0.1", Kind.SCHEME),
    ],
)
def test_the_kind_of_a_step(before: str, after: str, kind: Kind) -> None:
    """Numbers that begin to count something else are told apart from a large step in the same numbers."""
    assert kind is versions.bump("pypi", before, after)


@pytest.mark.parametrize(
    ("text", "stable"),
    [("1.0", True), ("1.0.post1", True), ("1.0+x", True), ("1.0a1", False), ("1.0.dev1", False), ("1rc1.post1", False)],
)
def test_only_finished_versions_are_stable(text: str, stable: bool) -> None:
    """A post-release is finished, whatever leads up to a release is not."""
    assert stable is versions.is_stable("pypi", text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("2.0rc1", "2.0", True), ("2.0rc1", "2.0.0.post1", True), ("2.0rc1", "2.0.1", False), ("1!2.0", "2.0", False)],
)
def test_a_candidate_leads_to_one_release(one: str, other: str, same: bool) -> None:
    """2.0rc1 leads to 2.0, and to nothing else."""
    assert same is versions.same_release("pypi", one, other)


@pytest.mark.parametrize(
    ("text", "wanted", "inside"),
    [
        ("2.9", ">=1,<3", True),
        ("3.0", ">=1,<3", False),
        ("3.0rc1", ">=1,<3", False),
        ("1.4.9", "~=1.4.2", True),
        ("1.5", "==1.4.*", False),
        ("1.5", "!=1.5", False),
        ("1.5+local", "==1.5", True),
        ("2.0a1", ">=1", True),
        ("7", "", True),
    ],
)
def test_ranges_take_what_an_installer_takes(text: str, wanted: str, inside: bool) -> None:
    """A range answers as pip would; a pre-release is not shut out for being one."""
    assert inside is versions.satisfies("pypi", text, wanted)


def test_a_range_nobody_can_read_is_the_writers_to_mend() -> None:
    """It is no question of the version, so the error says that it is the range."""
    with pytest.raises(ConfigProblem, match=r"'~>1\.2' is no pypi version range"):
        versions.satisfies("pypi", "1.2", "~>1.2")


def test_an_unknown_scheme_is_refused_with_those_that_there_are() -> None:
    """A name from a file never decides what is imported."""
    with pytest.raises(ConfigProblem, match=r"no version scheme 'os'.*pypi"):
        versions.compare("os", "1", "2")


# How each scheme writes the first, the second and an unfinished-looking zero version; the rest write them as 1.0.0.
SPELLED = {"golang": ("v1.0.0", "v2.0.0", "v0.1.0"), "calver": ("2025.1.0", "2026.1.0", "")}


@pytest.mark.parametrize("scheme", versions.kinds())
def test_every_scheme_answers_every_question(scheme: str) -> None:
    """A file in the folder is a whole scheme, or the build stops here."""
    one, two, zero = SPELLED.get(scheme, ("1.0.0", "2.0.0", "0.1.0"))

    assert versions.compare(scheme, one, two) == -1
    assert versions.bump(scheme, one, two) is Kind.MAJOR
    assert versions.is_stable(scheme, one)
    # A year is never a zero.
    assert not versions.is_zero(scheme, one) and (not zero or versions.is_zero(scheme, zero))
    assert versions.same_release(scheme, one, one)
    assert versions.satisfies(scheme, one, "")
    assert versions.fits(scheme, one, two)


@pytest.mark.parametrize("scheme", versions.kinds())
def test_a_range_that_nobody_writes_is_refused(scheme: str) -> None:
    """A hostile range costs nothing."""
    with pytest.raises(ConfigProblem, match="version range"):
        versions.satisfies(scheme, SPELLED.get(scheme, ("1.0.0",))[0], ">=1," * 100_000)
