"""composer.json: every package is found at its name, and a rewrite changes an exact version alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import BLANKS, ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("composer_json")


def test_packages_are_read_and_the_platform_is_not() -> None:
    """Both lists, in reading order, with names as Packagist has them."""
    text = """\
{
    "name": "acme/shop", "version": "1.0.0",
    "require-dev": {"phpunit/phpunit": "^10.5"},
    "require": {
        "php": ">=8.1", "php-64bit": "*", "ext-json": "*", "lib-curl": "7.0.0",
        "composer-plugin-api": "2.0.0", "composer/installers": "2.2.0",
        "Monolog\\/Monolog": "3.5.0",
        "acme/self": "self.version",
        "acme/number": 1
    },
    "conflict": {"a/b": "1.0.0"},
    "config": {"platform": {"php": "8.1.0"}}
}
"""
    pins = FILE.read("composer.json", text)
    assert short(pins) == [
        (3, 22, "phpunit/phpunit", None),
        (6, 42, "composer/installers", "2.2.0"),
        (7, 10, "monolog/monolog", "3.5.0"),
    ]
    assert {(pin.component.ecosystem, pin.manifest) for pin in pins} == {("composer", "composer_json")}


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "v1.2.3"),
        ("=1.2", "1.2"),
        ("== 1.2.3.4", "1.2.3.4"),
        (" 1.2.3-beta2 ", "1.2.3-beta2"),
        ("1.2.3-RC1", "1.2.3-RC1"),
        ("1.0.0@beta", "1.0.0"),
        ("1.0.0+build", "1.0.0+build"),
        ("^1.2.3", None),
        ("1.2.*", None),
        ("1.0 || 2.0", None),
        ("1.0 - 2.0", None),
        (">=1.0,<2.0", None),
        ("dev-main", None),
        ("1.x-dev", None),
        ("dev-main#0123456 as 1.0.0", None),
        ("*", None),
    ],
)
def test_what_is_exact_for_composer(wanted: str, version: str | None) -> None:
    """A version with one number or two is 1.0.0.0 or 1.2.0.0, and not a range."""
    (pin,) = FILE.read("composer.json", json.dumps({"require": {"a/b": wanted}}))
    assert (pin.version, pin.requirement) == (version, wanted.strip())


def test_a_flag_stays() -> None:
    """What the author allows is not ours to change."""
    text = '{"require": {"a/b": "1.0.0@beta"}}'
    assert moved(FILE, "composer.json", text, 0, release("1.0.1-beta2")) == text.replace("1.0.0", "1.0.1-beta2")


@pytest.mark.parametrize("version", ['1.0.1", "evil/c": "1.0.0', "dev-main", "1.0.1@dev"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a package gets nothing else into the file."""
    text = '{"require": {"a/b": "1.0.0"}}'
    with pytest.raises(ConfigProblem, match=r"composer.json:1: would not be read as pinning a/b to "):
        FILE.rewrite(text, FILE.read("composer.json", text)[0], release(version))


def test_a_broken_file_names_its_place() -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=r"a/composer.json:2:1: is no valid JSON"):
        FILE.read("a/composer.json", '{"require": \n')


def test_long_names_are_no_work() -> None:
    """A name that almost fits is told apart in one pass."""
    assert (
        FILE.read("composer.json", json.dumps({"require": {"a" * 300_000: "1", "a/" + "b" * 100_000 + "!": "1"}})) == []
    )


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("composer.json", True),
        ("api/composer.json", True),
        ("vendor/a/b/composer.json", False),
        ("composer.lock", False),
    ],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Installed packages are not ours to edit."""
    assert FILE.matches(path) is ours


PACKAGES = st.tuples(VERSIONS, st.sampled_from(["", "=", "v", " "]), st.sampled_from(["", "@dev"]), BLANKS, BLANKS)


def written(packages: list[tuple[str, str, str, str, str]], end: str) -> str:
    lines = [
        f'{before}"v/p{number}"{after}:{before}"{lead}{version}{flag}"{after}'
        for number, (version, lead, flag, before, after) in enumerate(packages)
    ]
    return "{" + end + '"version": "1.0.0", "require" : {' + f",{end}".join(lines) + end + "}}" + end


@given(st.lists(PACKAGES, min_size=1, max_size=5), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    packages: list[tuple[str, str, str, str, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, flags and line ends: as if the new version had been written at once."""
    text = mark + written(packages, end)
    at = data.draw(st.integers(0, len(packages) - 1))
    lead = "v" if packages[at][1] == "v" else ""
    after = moved(FILE, "composer.json", text, at, release(lead + version))
    packages[at] = (version, *packages[at][1:])
    assert after == mark + written(packages, end)
