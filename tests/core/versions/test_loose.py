"""Tags that follow no scheme are put in the order that their makers mean."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind

ASCENDING = [
    "v0.9", "OpenSSL_0_9_8", "OpenSSL_0_9_8y", "OpenSSL_0_9_8za", "1.0-dev", "v1.0-SNAPSHOT.3", "1.0.dev4", "1.0-alpha",
    "1.0a1", "v1.0-alpha.2", "1.0b2", "1.0.beta3", "1.0-M4", "1.0-preview5", "release-1.0-rc1", "1.0_RC2", "1.0c10",
    "v1.0", "1.0.0a", "1.0-p1", "1.0w", "1.0.0.1", "1.0-2", "1.2", "1.2-4-g1a2b3c4", "1.10", "2.0.0.Beta1",
    "2.0.0.Final", "2.0.0.1.1", "jdk8u292-b10", "jdk8u292-ga", "jdk8u302-b01", "2020-01-15", "2020-02-01", "20200101",
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), list(pairwise(ASCENDING)))
def test_tags_stand_in_this_order(one: str, other: str) -> None:
    """Words that announce a release come before it, letters and numbers behind it come after it."""
    assert versions.compare("loose", one, other) == -1
    assert versions.compare("loose", other, one) == 1


@pytest.mark.parametrize(
    "texts",
    [
        (
            "1.2",
            "v1.2",
            "V1.2.0",
            "release-1.2",
            "REL_1_2",
            "1.2.0.0",
            "1.2-final",
            "1.2.RELEASE",
            "v1.2-ga",
            "foo@1.2",
        ),
        ("1.0-beta2", "1.0b2", "1.0.beta.2", "v1.0.0_BETA2"),
        ("log4j-2.17.1", "2.17.1", "python3-2.17.1"),
        ("k8s-v3", "3", "release-3", "r3"),
        ("go1.20.3", "1.20.3"),
    ],
)
def test_the_same_version_may_be_written_in_many_ways(texts: tuple[str, ...]) -> None:
    """The name, a v, the signs between and zeros at the end say nothing about the order."""
    assert {versions.compare("loose", texts[0], text) for text in texts} == {0}


@pytest.mark.parametrize("text", ["", "latest", "v", "-", "٣", "main"])
def test_a_tag_without_a_number_is_no_version(text: str) -> None:
    """Branch names and words are left out."""
    with pytest.raises(InvalidVersion):
        versions.key("loose", text)


def test_only_words_that_announce_a_release_make_it_unfinished() -> None:
    """A letter, a revision, a commit's id or a platform after the numbers does not."""
    stable = [
        "1.1.1w",
        "1.0b",
        "1.0-p1",
        "1.2.3-windows",
        "1.2-4-g1a2b3c4",
        "1.0-20200101-a1b2c3d4",
        "jdk8u292-ga",
        "v1",
    ]
    unfinished = ["1.0a1", "1.0-rc", "1.0-M1", "2.0-canary.3", "1.0.dev4", "v1.0-nightly", "3.0-next.1", "1.0w-beta2"]

    assert [text for text in stable if not versions.is_stable("loose", text)] == []
    assert [text for text in unfinished if versions.is_stable("loose", text)] == []


def test_a_candidate_leads_to_its_release() -> None:
    """Up to the word that announces it, both are the same."""
    assert versions.same_release("loose", "v1.2-rc1", "1.2.0")
    assert versions.same_release("loose", "1.1.1w-beta1", "1.1.1w-beta2")
    assert not versions.same_release("loose", "1.1.1w-beta1", "1.1.1")
    assert not versions.same_release("loose", "1.2-rc1", "1.3")


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [
        ("v1.2", "v1.3", True),
        ("v1.2", "1.3", True),
        ("release-1.2", "release-v1.3", True),
        ("OpenSSL_1_1_1w", "openssl_3_0_0", True),
        ("release-1.2", "1.3", False),
        ("client/v1.2", "server/v1.3", False),
        ("1.2", "docs-1.3", False),
        ("foo2-1.2", "foo3-1.3", False),
    ],
)
def test_a_tag_keeps_its_name(before: str, after: str, fits: bool) -> None:
    """In a repository with many parts, the tag of one part never takes the place of another's."""
    assert versions.fits("loose", before, after) is fits


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("v1.2", "v1.2.0.7", Kind.PATCH),
        ("1.1.1v", "1.1.1w", Kind.PATCH),
        ("1.2-rc1", "1.2", Kind.PATCH),
        ("OpenSSL_1_1_1", "OpenSSL_1_2_0", Kind.MINOR),
        ("2.0", "1.0", Kind.MAJOR),
        ("4", "20190331160914", Kind.SCHEME),
        ("2020-01-15", "2020-02-01", Kind.MINOR),
    ],
)
def test_the_first_number_that_differs_names_the_step(before: str, after: str, kind: Kind) -> None:
    """A tag that begins to count by dates has changed its scheme, and is not simply newer."""
    assert versions.bump("loose", before, after) is kind


def test_zero() -> None:
    """The name is not asked, the first number is."""
    assert versions.is_zero("loose", "v0.3")
    assert versions.is_zero("loose", "00.3")
    assert not versions.is_zero("loose", "0ad-1.2")


@pytest.mark.parametrize(
    ("wanted", "taken", "left"),
    [
        ("", "v1", ""),
        (">=1.2, <2", "v1.2 release-1.9 2.0-rc1", "1.1 2.0.0"),
        ("1.2", "1.2.0 v1.2", "1.2.1"),
        ("1.2.*", "1.2 1.2.9 1.2-rc1", "1.3 11.2"),
        ("1.0.x || >= 3", "1 1.0.7 3.1", "1.1 2"),
        ("!=1.1.1v", "1.1.1w", "OpenSSL_1_1_1v"),
    ],
)
def test_rules_name_tags_with_comparators(wanted: str, taken: str, left: str) -> None:
    """Rules compare by the same order, whatever the tags are called."""
    assert [text for text in taken.split() if not versions.satisfies("loose", text, wanted)] == []
    assert [text for text in left.split() if versions.satisfies("loose", text, wanted)] == []


@pytest.mark.parametrize("wanted", ["latest", "^1.2", "~1.2", "1.2 ||", ">", ">=1.*", "*", "1.2 ||| 3", "=>1"])
def test_a_rule_that_cannot_be_read_is_refused(wanted: str) -> None:
    """A slip in a rule is reported, never passed over."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("loose", "1.2", wanted)
