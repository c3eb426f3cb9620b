"""A range is widened in the hand it is written in: it takes the version, keeps what it had, and says nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion

NUMBERS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
RISING = st.lists(st.tuples(st.integers(1, 9), *[st.integers(0, 30)] * 2), min_size=3, max_size=3).map(sorted)
BOUNDED = {
    "pypi": (">={},<{}", ">= {}, < {}", ">={},<={}", "!=0.0.1,>={},<{}"),
    "npm": (">={} <{}", ">={} <={}", "{} - {}", ">= {} < {}", "^99 || >={} <{}"),
    "cargo": (">={}, <{}", ">={},<={}"),
    "gem": (">= {}, < {}", ">={}, <= {}"),
    "composer": (">={},<{}", ">={} <={}", "{} - {}"),
    "maven": ("[{},{})", "[{}, {}]", "[0.0.1,0.0.2),[{},{})"),
    "nuget": ("[{},{})", "[{}, {}]"),
    "semver": (">={} <{}", ">={}, <={}"),
}
LINES = {
    "pypi": ("~={}", "=={}.*", "~= {}, !=99.1"),
    "npm": ("^{}", "~{}", "{}.x", "~> {}", "^ {}", "0.0.1 || ^{}"),
    "cargo": ("^{}", "~{}", "{}", "{}.*"),
    "gem": ("~> {}", "~>{}"),
    "composer": ("^{}", "~{}", "{}.*", "^{}@beta"),
    "nuget": ("{}.*",),
    "semver": ("^{}", "~{}", "~> {}"),
    "maven": ("[{}.*]",),
}


@pytest.mark.parametrize(
    ("scheme", "wanted", "version", "now"),
    [
        ("npm", "^1.2", "2.3.4", "^2.3"),
        ("npm", "^1.2.3", "2.3.4", "^2.3.4"),
        ("npm", "~1.2.3", "1.3.5", "~1.3.5"),
        ("npm", "1.x", "2.3.4", "2.x"),
        ("npm", "1", "2.3.4", "2"),
        ("npm", "1.0 - 1.9", "2.3.4", "1.0 - 2.3"),
        ("npm", ">=1.2 <2.0.0", "2.3.4", ">=1.2 <3.0.0"),
        ("npm", ">=1.2 <2.0.0-0", "2.3.4", ">=1.2 <3.0.0-0"),
        ("npm", "<=1.9", "2.3.4", "<=2.3"),
        ("npm", "^1 || ^2", "3.1.0", "^1 || ^2 || ^3"),
        ("npm", "^1.0.0||^2.0.0", "3.1.0", "^1.0.0||^2.0.0||^3.0.0"),
        ("npm", "^16 || >=17 <18 ", "18.1.0", "^16 || >=17 <19 "),
        ("npm", "^1.2.3-beta.1", "2.0.0", "^2.0.0"),
        ("npm", "^1.2.3", "2.0.0-rc.1", "^2.0.0-rc.1"),
        ("pypi", ">=1,<2", "2.3", ">=1,<3"),
        ("pypi", ">=1,<2,!=1.5", "2.3", ">=1,<3,!=1.5"),
        ("pypi", ">=1.4 , <1.5", "1.7.2", ">=1.4 , <1.8"),
        ("pypi", "<2.0.dev0", "2.3.1", "<3.0.dev0"),
        ("pypi", "<=1.9", "2.3.4", "<=2.3.4"),
        ("pypi", "<=1.9", "2.3", "<=2.3"),
        ("pypi", "~=1.4", "2.3.1", "~=2.3"),
        ("pypi", "==1.2.*", "2.3.1", "==2.3.*"),
        ("pypi", "~=1.4,<1.9", "2.3.1", "~=2.3,<2.4"),
        ("cargo", "1.2", "2.3.4", "2.3"),
        ("cargo", ">=1.2, <1.5", "1.7.1", ">=1.2, <1.8"),
        ("gem", "~> 1.2", "2.3.4", "~> 2.3"),
        ("gem", ">= 1.2, < 2", "2.3.4", ">= 1.2, < 3"),
        ("composer", "^1.2|^2.0", "v3.4.5", "^1.2|^2.0|^3.0"),
        ("composer", "^1.2@beta", "v2.3.0", "^2.3@beta"),
        ("composer", "1.2.*", "v2.3.0", "2.3.*"),
        ("maven", "[1,2)", "2.3", "[1,3)"),
        ("maven", "(,1.0],[1.2, 1.5)", "1.7", "(,1.0],[1.2, 1.8)"),
        ("maven", "[1,2]", "2.3", "[1,2.3]"),
        ("nuget", "[1.0, 2.0)", "2.3.0", "[1.0, 3.0)"),
        ("nuget", "1.*", "2.3.0", "2.*"),
        ("semver", "~> 1.2", "2.3.4", "~> 2.3"),
        ("npm", ">=1", "2.0.0", ">=1"),
    ],
)
def test_a_range_keeps_its_style(scheme: str, wanted: str, version: str, now: str) -> None:
    """Sign, spaces, order, precision and exclusions are the author's; only numbers move."""
    assert versions.widened(scheme, wanted, version) == now


@pytest.mark.parametrize(
    ("scheme", "wanted", "version"),
    [
        ("pypi", ">=5", "3.0"),
        ("pypi", ">=5,<6", "3.0"),
        ("pypi", ">=1,<2,!=2.3", "2.3"),
        ("pypi", "~=1!2.3", "1!3.0"),
        ("pypi", "whatever", "2.3"),
        ("npm", "^5", "3.0.0"),
        ("npm", "^1 || ^3", "2.0.0"),
        ("npm", "latest", "2.0.0"),
        ("composer", "dev-main", "2.0.0"),
        ("composer", "1.2.x-dev as 1.2.0", "2.0.0"),
        ("maven", "[3,4)", "2.0"),
        ("maven", "[1,2", "2.0"),
        ("nuget", "[1.*, 2.0)", "2.3.0"),
        ("npm", "^1 " * 400, "2.0.0"),
    ],
)
def test_what_cannot_be_widened_is_for_a_person(scheme: str, wanted: str, version: str) -> None:
    """A range is never moved down, an exclusion never lifted, and what is not understood never touched."""
    with pytest.raises(ConfigProblem, match="cannot be widened"):
        versions.widened(scheme, wanted, version)


def test_what_is_no_version_is_said() -> None:
    """As everywhere else."""
    with pytest.raises(InvalidVersion):
        versions.widened("npm", "^1", "next")


def test_a_file_may_have_words_of_its_own() -> None:
    """The proof is of what the scheme would say; the edit is of what is written."""

    def said(text: str) -> str:
        return re.sub(r"\^(\d+)", lambda found: f">={found[1]},<{int(found[1]) + 1}", text)

    assert versions.widened("pypi", "^1", "2.3", said=said) == "^2"


def _text(numbers: tuple[int, ...], length: int) -> str:
    return ".".join(map(str, numbers[:length]))


@given(
    shape=st.sampled_from([(scheme, one) for scheme, shapes in BOUNDED.items() for one in shapes]),
    rising=RISING, inside=NUMBERS, places=st.integers(1, 3),
)  # fmt: skip
def test_moved_bounds_lose_nothing(
    shape: tuple[str, str], rising: list[tuple[int, ...]], inside: tuple[int, ...], places: int
) -> None:
    """Whatever the bounds took is still taken, the version too, and the rest of the text stays as it was."""
    scheme, pattern = shape
    low, high, version = rising
    assume(low[:places] < high[:places])
    wanted = pattern.format(_text(low, places), _text(high, places))
    old, target = _text(inside, 3), _text(version, 3)
    new = versions.widened(scheme, wanted, target)

    assert versions.satisfies(scheme, target, new)
    assert not versions.satisfies(scheme, old, wanted) or versions.satisfies(scheme, old, new)
    assert re.sub(r"[\d.]+", "N", new) == re.sub(r"[\d.]+", "N", wanted)
    assert versions.widened(scheme, new, target) == new


@given(
    shape=st.sampled_from([(scheme, one) for scheme, shapes in LINES.items() for one in shapes]),
    rising=RISING, places=st.integers(1, 2),
)  # fmt: skip
def test_a_line_of_versions_becomes_that_of_the_version(
    shape: tuple[str, str], rising: list[tuple[int, ...]], places: int
) -> None:
    """In the same sign and precision, and an alternative is put behind those that there are."""
    scheme, pattern = shape
    places = 2 if "~=" in pattern else places
    base, version, _ = rising
    wanted, target = pattern.format(_text(base, places)), _text(version, 3)
    new = versions.widened(scheme, wanted, target)

    assert versions.satisfies(scheme, target, new)
    if "||" in pattern and new != wanted:
        assert new.startswith(wanted + " || ^")
    else:
        assert re.sub(r"[\d.]+", "N", new) == re.sub(r"[\d.]+", "N", wanted)


@given(st.sampled_from(sorted(versions.kinds())), st.text(alphabet="^~<>=!|,.-*x 0123v@[]()", max_size=25), NUMBERS)
def test_any_text_is_widened_truly_or_not_at_all(scheme: str, wanted: str, numbers: tuple[int, ...]) -> None:
    """No answer is given that its scheme would not read as taking the version."""
    target = _text(numbers, 3)
    target = next((one for one in (target, f"v{target}", "2024.1.2") if versions.is_valid(scheme, one)), "2024.01.02")
    try:
        new = versions.widened(scheme, wanted, target)
    except ConfigProblem:
        return
    assert versions.satisfies(scheme, target, new)
