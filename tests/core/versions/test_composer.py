"""Composer's versions and constraints mean here what they mean to composer/semver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from bot.core.versions import _composer_version
from tests.core.versions.tables import rows

SIGNS = {-1: "<", 0: "==", 1: ">"}


def order(one: str, other: str) -> str:
    return SIGNS[versions.compare("composer", one, other)]


def answer(text: str, wanted: str) -> str:
    try:
        return "yes" if versions.satisfies("composer", text, wanted) else "no"
    except ConfigProblem:
        return "refused"


@pytest.mark.parametrize(("text", "expected"), rows("composer_normal"))
def test_a_version_is_written_out_as_composer_writes_it(text: str, expected: str) -> None:
    """Short forms, dates, branches, aliases and flags; and what Composer refuses is refused."""
    if expected == "refused":
        with pytest.raises(InvalidVersion):
            versions.key("composer", text)
    else:
        assert expected == _composer_version.normal(text)


@pytest.mark.parametrize(("text", "expected"), rows("composer_stability"))
def test_the_stability_is_composer_s(text: str, expected: str) -> None:
    """Suffixes in all their spellings; a patch is finished."""
    assert expected == _composer_version.stability(text)


def test_the_order_is_composer_s() -> None:
    """Composer's own pairs and its sort, both ways round."""
    back = {"<": ">", ">": "<", "==": "=="}

    assert [row for row in rows("composer_order") if order(row[0], row[2]) != row[1]] == []
    assert [row for row in rows("composer_order") if order(row[2], row[0]) != back[row[1]]] == []


@pytest.mark.parametrize(
    ("one", "expected", "other"),
    [
        ("1.25.0-beta2.1", "<", "1.25.0-b.3"),  # b is beta, and a dot before its number says nothing
        ("1.25.0-b.2.1", "==", "1.25.0-beta2.1"),
        ("1.0-p1", ">", "1.0"),
        ("dev-foo", "<", "0.0.1"),
        ("dev-foo", "==", "dev-bar"),  # branches have no order among themselves
        ("dev-master", ">", "99.0"),
        ("1.x-dev", ">", "1.99"),
        ("1.0-RC1", "<", "1.0"),
    ],
)
def test_what_others_get_wrong(one: str, expected: str, other: str) -> None:
    """Short stabilities and branches, on which other update bots fail."""
    assert expected == order(one, other)


def test_constraints_let_in_what_composer_lets_in() -> None:
    """Every constraint of Composer's own tests, tried on one row of versions."""
    probes, *table = rows("composer_constraints")
    for wanted, expected in table:
        found = "refused" if expected == "refused" else [v for v in probes if answer(v, wanted) == "yes"]
        assert expected == found, wanted
        assert (answer("1.0", wanted) == "refused") is (expected == "refused" and wanted != ""), wanted


def test_pairs_of_version_and_constraint_answer_as_composer_does() -> None:
    """Carets, tildes, hyphens, wildcards and alternatives."""
    assert [row for row in rows("composer_satisfies") if answer(row[0], row[1]) != row[2]] == []


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("dev-foo", "dev-foo", "yes"),
        ("dev-foo", "dev-bar", "no"),
        ("dev-foo", "!=dev-bar", "yes"),
        ("dev-foo", ">=1.0", "no"),
        ("dev-foo", "*", "yes"),
        ("1.0.0", "<>1.0", "no"),
        ("1.0-beta1", ">=1.0@beta", "yes"),
        ("1.0-alpha1", ">=1.0@beta", "no"),
        ("3", "", "yes"),
        ("1.2", "^" + "9" * 19, "refused"),
        ("1.2", "1.2 || " * 200 + "1.2", "refused"),
    ],
)
def test_branches_flags_and_limits(text: str, wanted: str, expected: str) -> None:
    """A branch is equal or different; a flag lowers a bound; a constraint that nobody writes is refused."""
    assert expected == answer(text, wanted)


@given(st.text(alphabet="0123.-vx*devbpRC@# ", max_size=14), st.text(alphabet="0123.-vx*dev^~<>=!|, @", max_size=14))
def test_any_text_is_read_or_refused(text: str, wanted: str) -> None:
    """An index or a composer.json never stops the bot."""
    if versions.is_valid("composer", text):
        assert answer(text, wanted) in ("yes", "no", "refused")
        assert versions.compare("composer", text, text) == 0
        assert versions.is_stable("composer", text) in (True, False)


@pytest.mark.parametrize(
    "hostile", ["1." * 99 + "1", "d" * 199, "dev" * 66, "1-alpha" + ".1" * 90, "1" + "-" * 190, " as " * 50]
)
def test_a_hostile_text_costs_nothing(hostile: str) -> None:
    """The longest texts are read or refused at once, as versions and as constraints."""
    assert versions.is_valid("composer", hostile) in (True, False)
    assert answer("1.0", hostile) in ("no", "refused")
    assert answer("1.0", " " * 400 + hostile + " , " * 100) in ("no", "refused")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.2.3", "v1.2.4", Kind.PATCH),
        ("1.2.3-RC1", "1.2.3", Kind.PATCH),
        ("1.2.3", "1.3", Kind.MINOR),
        ("1.2.3", "2.0", Kind.MAJOR),
        ("1.2.3", "20240102", Kind.SCHEME),
        ("dev-main", "1.0", Kind.SCHEME),
        ("dev-main", "dev-main", Kind.PATCH),
        ("1.x-dev", "1.3", Kind.MINOR),
    ],
)
def test_the_kind_of_a_step(before: str, after: str, kind: Kind) -> None:
    """The first number that differs names it; between a version and a branch a person looks."""
    assert kind is versions.bump("composer", before, after)


def test_only_versions_are_finished() -> None:
    """A branch is never taken by itself, and leads to no release; a candidate leads to its own."""
    assert versions.is_stable("composer", "1.0") and versions.is_stable("composer", "1.0-p1")
    assert not any(versions.is_stable("composer", text) for text in ("master", "dev-x", "1.x-dev", "1.0b3", "1.0.0RC1"))
    assert versions.same_release("composer", "1.0-RC1", "v1.0.0.0")
    assert not versions.same_release("composer", "1.0-RC1", "1.0.1")
    assert not versions.same_release("composer", "1.0.x-dev", "1.0")
    assert not versions.same_release("composer", "dev-a", "dev-b")
    assert versions.same_release("composer", "dev-a", "dev-a")
    assert versions.is_zero("composer", "0.3") and not versions.is_zero("composer", "dev-main")
