"""npm's versions and ranges mean here what they mean to npm, the loose and the odd ones too."""

from __future__ import annotations

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.tables import rows


def test_the_order_is_node_semver_s() -> None:
    """Each of the published pairs compares as node-semver does it, both ways round."""
    table = rows("npm_order")

    assert [row for row in table if versions.compare("npm", row[0], row[1]) != row[2]] == []
    assert [row for row in table if versions.compare("npm", row[1], row[0]) != -row[2]] == []


@pytest.mark.parametrize("text", rows("npm_invalid"))
def test_what_npm_refuses_is_no_version(text: str) -> None:
    """Words, partial versions and numbers beyond what JavaScript counts exactly are refused."""
    with pytest.raises(InvalidVersion):
        versions.key("npm", text)


def test_ranges_take_what_node_semver_takes() -> None:
    """Each of the published ranges, and each odd one that was found, answers as node-semver does."""

    def ours(wanted: str, version: str) -> bool | None:
        try:
            return versions.satisfies("npm", version, wanted)
        except ConfigProblem:
            return None

    assert [row for row in rows("npm_ranges") if ours(row[0], row[1]) is not row[2]] == []


@pytest.mark.parametrize("text", ["=1.2.3", "v1.2.3", "= 1.2.3", " v 1.2.3 ", "01.2.03", "1.2.3+build", "1.2.3+b-2"])
def test_loose_forms_are_the_version_itself(text: str) -> None:
    """Other bots refuse a leading = or count the build; npm does neither."""
    assert versions.compare("npm", text, "1.2.3") == 0
    assert versions.is_stable("npm", text)


def test_a_pre_release_may_lack_its_hyphen() -> None:
    """1.2.3beta is a pre-release to npm, and so it is not finished."""
    assert versions.compare("npm", "1.2.3beta", "1.2.3-beta") == 0
    assert not versions.is_stable("npm", "1.2.3beta")
    assert versions.same_release("npm", "1.2.3beta", "v1.2.3")
    assert not versions.same_release("npm", "1.2.3beta", "1.2.4")


def test_large_numbers_never_make_the_order_depend_on_the_listing() -> None:
    """Where node-semver's own comparison goes in circles, ours is still an order."""
    texts = ["1.0.0-9007199254740993.2", "1.0.0-9007199254740992.1", "1.0.0-9007199254740992.3"]
    ordered = sorted(texts, key=lambda text: versions.key("npm", text))

    assert ordered == [texts[1], texts[0], texts[2]]


def test_steps_and_zero() -> None:
    """The first number that differs names the step, and 0.y is known for what it is."""
    assert versions.bump("npm", "v1.2.3", "=1.3.0") is Kind.MINOR
    assert versions.bump("npm", "1.2.3", "1.2.3-beta") is Kind.PATCH
    assert versions.bump("npm", "1.2.3", "2.0.0") is Kind.MAJOR
    assert versions.bump("npm", "4.17.21", "2026.1.0") is Kind.SCHEME
    assert versions.is_zero("npm", "v0.3.0")
    assert not versions.is_zero("npm", "1.0.0-0")


@pytest.mark.parametrize("wanted", ["^9007199254740991.0.0", "1.0.0 " * 500, "=>1", "latest", "workspace:^"])
def test_a_range_of_which_nothing_can_be_read_is_refused(wanted: str) -> None:
    """A tag, a path or a number too large is no range, and says so."""
    with pytest.raises(ConfigProblem, match="is no npm version range"):
        versions.satisfies("npm", "1.0.0", wanted)
