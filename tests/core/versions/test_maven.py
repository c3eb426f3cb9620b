"""Maven's versions stand in the order in which Maven puts them, and a POM's ranges take what Maven takes."""

from __future__ import annotations

from itertools import combinations, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from bot.core.versions import _maven_order
from tests.core.versions.tables import rows

SIGNS = {-1: "<", 0: "==", 1: ">"}

words = st.sampled_from([*_maven_order.KNOWN, "a", "b", "m", "x", "jre", "RC", "_", "é"])
numbers = st.sampled_from(["0", "0", "1", "2", "00", "01", "10", "20240101", "12345678901234567890"])
signs = st.sampled_from([".", "-", "-", ".", "", "--", ".."])
texts = st.lists(st.tuples(st.one_of(numbers, words), signs), min_size=1, max_size=6).map(
    lambda parts: "".join(part + sign for part, sign in parts)
)


def sign(one: str, other: str) -> str:
    return SIGNS[versions.compare("maven", one, other)]


def weight(item: _maven_order.Item | None) -> int:
    """How an item compares with nothing, which is a zero, a release, and a list of such."""
    if isinstance(item, _maven_order.Word):
        return (item > (5, "", 0)) - (item < (5, "", 0))
    if isinstance(item, list):
        return next((found for found in map(weight, item) if found), 0)
    return int(bool(item))


def item_by_item(one: _maven_order.Item | None, other: _maven_order.Item | None) -> int:
    """The order as Maven's rules say it, without a key: each item against what stands at its place."""
    if one is None or other is None:
        return weight(one) - weight(other)
    if isinstance(one, int) and isinstance(other, int):
        return (one > other) - (one < other)
    if isinstance(one, int) or isinstance(other, int):
        return 1 if isinstance(one, int) else -1
    if isinstance(one, _maven_order.Word) and isinstance(other, _maven_order.Word):
        return (one > other) - (one < other)
    return side_by_side(*(item if isinstance(item, list) else [item] for item in (one, other)))


def side_by_side(left: list[_maven_order.Item], right: list[_maven_order.Item]) -> int:
    return next((found for pair in zip_longest(left, right) if (found := item_by_item(*pair))), 0)


def test_the_order_is_maven_s() -> None:
    """All of Maven's own pairs, both ways round: known and unknown words, zeros, letters beside digits."""
    wrong = []
    for expected, *row in rows("maven_order"):
        for one, other in combinations(row, 2):
            back = {"<": ">", "==": "=="}[expected]
            if (sign(one, other), sign(other, one)) != (expected, back):
                wrong.append((one, other, expected))

    assert wrong == []


def test_the_corners_are_maven_s_too() -> None:
    """What nobody publishes is ordered as Maven orders it, so that no listing can surprise."""
    assert [row for row in rows("maven_corners") if sign(row[0], row[2]) != row[1]] == []


@pytest.mark.parametrize(
    ("one", "expected", "other"),
    [
        ("1release", "==", "1"),  # other bots take it for a later version
        ("2.0.a", "<", "2-1"),
        ("1", ">", "٨"),  # a digit of another script is a letter
        ("1-sp", "<", "1-xyz"),  # a service pack is after the release, a word that Maven does not know after that
        ("1", "<", "1-sp"),
        ("1.0-rc1", "<", "1.0-SNAPSHOT"),
        ("1.0.Final", "==", "1"),
        ("33.0-jre", ">", "33.0-android"),
    ],
)
def test_what_others_get_wrong(one: str, expected: str, other: str) -> None:
    """The pairs on which other update bots disagree with Maven."""
    assert expected == sign(one, other)


@given(texts, texts)
def test_the_key_says_what_comparing_item_by_item_says(one: str, other: str) -> None:
    """A key that is computed once loses nothing of Maven's order."""
    assert versions.compare("maven", one, other) == side_by_side(_maven_order.items(one), _maven_order.items(other))


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_texts_can_be_sorted(names: list[str]) -> None:
    """Whatever a repository lists is ordered or refused, and never stops the bot."""
    good = [name for name in names if versions.is_valid("maven", name)]

    assert len(sorted(good, key=lambda text: versions.key("maven", text))) == len(good)


@pytest.mark.parametrize("hostile", ["1-" * 100, "a." * 100, "a1" * 100, "9" * 200, "-" * 200, "1.a-" * 50])
def test_a_hostile_text_costs_nothing(hostile: str) -> None:
    """Deep nesting is read without recursion that could run out, and compares."""
    assert versions.compare("maven", hostile, hostile) == 0


@pytest.mark.parametrize("text", ["", " ", "1 0", "[1.0]", "1,2", "1/2", "${rev}:", "1*", "x-٨", "1.😀", "1" * 257])
def test_what_is_no_version_is_refused(text: str) -> None:
    """Paths, ranges and blanks are no versions, nor is what makes Maven itself fail."""
    with pytest.raises(InvalidVersion):
        versions.key("maven", text)


@pytest.mark.parametrize(
    "text",
    ["1.0-SNAPSHOT", "1.0-alpha-1", "1.0b2", "1.0.Beta1", "3.0.0-M3", "1.0-rc1", "1.0.CR2", "6.0.0.RC1", "1.0a1",
     "2.0-20240102.123456-7", "2.0.0-preview.1", "1.8.20-eap-12", "23-ea+3", "1.0-alpha-1-SNAPSHOT", "5-m-2"],
)  # fmt: skip
def test_what_is_not_finished(text: str) -> None:
    """Snapshots (as they are stored, too), alphas, betas, milestones and candidates are not taken by themselves."""
    assert not versions.is_stable("maven", text)


@pytest.mark.parametrize(
    "text", ["1.0", "1.0.Final", "1.0.RELEASE", "1.0-GA", "1-sp1", "33.0.0-jre", "r09", "20040616", "1.0-b", "1.1m"]
)
def test_what_is_finished(text: str) -> None:
    """A service pack, a build for one platform and a plain letter are finished."""
    assert versions.is_stable("maven", text)


def test_ranges_take_what_maven_takes() -> None:
    """The ranges of Maven's own tests: open and closed ends, unions, single versions, and those that it refuses."""

    def answer(text: str, wanted: str) -> str:
        try:
            return "yes" if versions.satisfies("maven", text, wanted) else "no"
        except ConfigProblem:
            return "refused"

    assert [row for row in rows("maven_ranges") if answer(row[0], row[1]) != row[2]] == []


@pytest.mark.parametrize(
    ("text", "inside"),
    [("1.2", True), ("1.2.0", True), ("1.2.9-x", True), ("1.2-alpha", True), ("1.3-SNAPSHOT", False), ("1.1.9", False)],
)
def test_a_star_stands_for_all_below_it(text: str, inside: bool) -> None:
    """[1.2.*] is 1.2 and what follows it, as Maven's resolver reads it."""
    assert inside is versions.satisfies("maven", text, "[1.2.*]")


@pytest.mark.parametrize("wanted", ["1.0", " 1.0 ", "", "  "])
def test_a_soft_requirement_shuts_nothing_out(wanted: str) -> None:
    """A version without brackets is a wish to Maven; only brackets bind."""
    assert versions.satisfies("maven", "0.1", wanted) and versions.satisfies("maven", "9", wanted)


@pytest.mark.parametrize("wanted", ["1.0]", "[1.0", "1.0,", "[]", "[1.2.*,2)", "[1,2),[1.5,3)", "[1,2)3", "[1]," * 400])
def test_a_range_that_is_half_written_is_the_writers_to_mend(wanted: str) -> None:
    """A typing error never opens a range to all versions."""
    with pytest.raises(ConfigProblem):
        versions.satisfies("maven", "1.5", wanted)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.2.3", "1.2.4", Kind.PATCH),
        ("1.2.3-jre", "1.3.0-jre", Kind.MINOR),
        ("1.2.3.Final", "2.0.0.Final", Kind.MAJOR),
        ("1.0-rc1", "1.0", Kind.PATCH),
        ("r08", "r09", Kind.MAJOR),
        ("3.2.2", "20040616", Kind.SCHEME),
        ("Finchley", "Greenwich", Kind.SCHEME),
        ("Finchley", "finchley", Kind.PATCH),
    ],
)
def test_the_kind_of_a_step(before: str, after: str, kind: Kind) -> None:
    """The numbers in front name the kind; names say nothing, so a person looks."""
    assert kind is versions.bump("maven", before, after)


def test_a_candidate_leads_to_its_release() -> None:
    """1.0-rc1 leads to 1.0.0.Final, and to nothing else."""
    assert versions.same_release("maven", "1.0-rc1", "1.0.0.Final")
    assert not versions.same_release("maven", "1.0-rc1", "1.0.1")
    assert versions.same_release("maven", "Finchley", "FINCHLEY")
    assert not versions.same_release("maven", "Finchley", "1.0")
    assert versions.is_zero("maven", "0.9-x") and not versions.is_zero("maven", "x")
