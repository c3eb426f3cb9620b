"""NuGet's versions and ranges mean here what they mean to NuGet.Versioning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Kind
from tests.core.versions.tables import rows

SIGNS = {-1: "<", 0: "==", 1: ">"}
label = st.sampled_from(["0", "1", "10", "-1", "a", "A", "beta", "0a", "x-y", "99999999999"])
texts = st.builds(
    "{}{}{}".format,
    st.lists(st.integers(0, 12).map(str), min_size=1, max_size=4).map(".".join),
    st.lists(label, max_size=3).map(lambda labels: "-" + ".".join(labels) if labels else ""),
    st.sampled_from(["", "+build", "+a.b"]),
)


def order(one: str, other: str) -> str:
    try:
        return SIGNS[versions.compare("nuget", one, other)]
    except InvalidVersion:
        return "refused"


def test_the_order_is_nuget_s() -> None:
    """NuGet's own pairs compare as it does, both ways round; what it refuses is refused."""
    back = {"<": ">", "==": "==", "refused": "refused"}

    assert [row for row in rows("nuget_order") if order(row[0], row[2]) != row[1]] == []
    assert [row for row in rows("nuget_order") if order(row[2], row[0]) != back[row[1]]] == []


def test_ranges_take_what_nuget_takes() -> None:
    """Intervals, floating versions and a bare one as the lowest, by NuGet's own tests."""

    def answer(text: str, wanted: str) -> str:
        try:
            return "yes" if versions.satisfies("nuget", text, wanted) else "no"
        except ConfigProblem:
            return "refused"

    assert [row for row in rows("nuget_ranges") if answer(row[0], row[1]) != row[2]] == []


@pytest.mark.parametrize(("floating", "lowest"), rows("nuget_floating"))
def test_what_floats_begins_at_its_lowest_version(floating: str, lowest: str) -> None:
    """The lowest version is in; a range that ends with it holds it alone, and one that ends before it is empty."""
    assert versions.satisfies("nuget", lowest, floating)
    assert versions.satisfies("nuget", lowest, f"[{floating}, {lowest}]")
    with pytest.raises(ConfigProblem):
        versions.satisfies("nuget", lowest, f"[{floating}, {lowest})")


@pytest.mark.parametrize(
    ("one", "expected", "other"),
    [
        ("1.0.0-ALPHA", "==", "1.0.0-alpha"),
        ("1.0.0+a", "==", "1.0.0+b"),
        ("1.0.0.1", ">", "1.0.0"),
        ("1.0.0--5", "<", "1.0.0-0"),  # .NET reads a minus before digits as a sign
        ("1.0.0-2147483647", "<", "1.0.0-2147483648"),  # what does not fit into 32 bits is a word
        ("1.0.0-2147483648", "<", "1.0.0-a"),
        ("1.0.0-9", "<", "1.0.0-99999999999"),
        ("1.0.0-a", "<", "1.0.0-a.0"),
    ],
)
def test_labels_compare_as_dot_net_reads_them(one: str, expected: str, other: str) -> None:
    """Case and metadata say nothing; numbers are those of .NET's integers."""
    assert expected == order(one, other)


@given(st.lists(texts, min_size=2, max_size=6))
def test_the_order_is_total(names: list[str]) -> None:
    """Sorting never depends on the order in which a feed lists."""
    backwards = names[::-1]
    ordered = sorted(names, key=lambda text: versions.key("nuget", text))
    again = sorted(backwards, key=lambda text: versions.key("nuget", text))

    assert [versions.compare("nuget", a, b) for a, b in zip(ordered, again, strict=True)] == [0] * len(names)


@given(texts)
def test_a_version_is_in_its_own_ranges(text: str) -> None:
    """Bare, in square brackets and as either end."""
    for wanted in (text, f"[{text}]", f"[{text}, )", f"(, {text}]", " "):
        assert versions.satisfies("nuget", text, wanted)
    assert not versions.satisfies("nuget", text, f"({text}, )")


@given(st.text(alphabet="0123456789.-+ab* \u00a0[](),", max_size=12), st.text(alphabet="0123.-+a*[](), ", max_size=12))
def test_any_text_is_read_or_refused(text: str, wanted: str) -> None:
    """A feed or a project file never stops the bot."""
    if versions.is_valid("nuget", text):
        try:
            assert versions.satisfies("nuget", text, wanted) in (True, False)
        except ConfigProblem as problem:
            assert "version range" in str(problem)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("1.2.3", "1.2.3.4", Kind.PATCH),
        ("1.2.3-rc.1", "1.2.3", Kind.PATCH),
        ("1.2.3", "1.3", Kind.MINOR),
        ("1.2.3.4", "2.0", Kind.MAJOR),
        ("3.0", "2024.1", Kind.SCHEME),
    ],
)
def test_the_kind_of_a_step(before: str, after: str, kind: Kind) -> None:
    """The first number that differs names it; the fourth is a patch."""
    assert kind is versions.bump("nuget", before, after)


def test_labels_make_a_pre_release() -> None:
    """2.0-rc.1 is not finished and leads to 2.0.0; metadata alone says nothing."""
    assert not versions.is_stable("nuget", "2.0-rc.1") and versions.is_stable("nuget", "2.0+rc.1")
    assert versions.same_release("nuget", "2.0-rc.1", "2.0.0.0")
    assert not versions.same_release("nuget", "2.0-rc.1", "2.0.0.1")
    assert versions.is_zero("nuget", "0.4.1-a") and not versions.is_zero("nuget", "1.0")


@pytest.mark.parametrize(
    "hostile", [" " * 99 + "1" + " " * 99, "1-" + "a." * 98 + "a", "1." * 99 + "1", "1+" + "-" * 190]
)
def test_a_hostile_text_costs_nothing(hostile: str) -> None:
    """The longest texts are read or refused at once, as versions and as ranges."""
    assert versions.is_valid("nuget", hostile) in (True, False)
    with pytest.raises(ConfigProblem):
        versions.satisfies("nuget", "1.0", f"[{hostile}^")
