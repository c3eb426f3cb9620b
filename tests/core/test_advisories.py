"""Severity decides how urgent a way out is; what was withdrawn says nothing, and what nobody rated is not harmless."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import advisories
from bot.core.advisories import SOAK, Advisory
from bot.core.model import Priority

WEEK = timedelta(days=7)
NONE = timedelta()


def flaw(name: str = "GHSA-1", score: float | None = 9.8, **more: Any) -> Advisory:
    return Advisory(id=name, score=score, **more)


WITHDRAWN = flaw("GHSA-0", 10.0, withdrawn=True, malicious=True)
MALICIOUS = flaw("MAL-1", None, malicious=True)
SCORES = st.one_of(st.none(), st.floats(0, 10))
ANY = st.builds(
    Advisory, id=st.sampled_from(["A-1", "A-2", "B-1", "CVE-1"]), aliases=st.just(()), score=SCORES,
    malicious=st.booleans(), withdrawn=st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("GHSA-1",), "GHSA-1"), (("GHSA-1", "CVE-2"), "CVE-2"), (("CVE-1", "GHSA-2"), "CVE-1"),
        (("GHSA-1", "PYSEC-2", "CVE-3", "CVE-4"), "CVE-3"), (("MAL-1", "GHSA-2"), "MAL-1"),
    ],
)  # fmt: skip
def test_it_is_called_by_the_name_that_people_know(names: tuple[str, ...], shown: str) -> None:
    """The CVE's where there is one, else that of its own database."""
    assert flaw(names[0], aliases=names[1:]).name == shown


@pytest.mark.parametrize(
    ("score", "priority", "word"),
    [
        # CVSS v3.1 and v4.0, "Qualitative Severity Rating Scale", at the bounds.
        (10.0, Priority.CRITICAL, "critical"), (9.0, Priority.CRITICAL, "critical"), (8.9, Priority.HIGH, "high"),
        (7.0, Priority.HIGH, "high"), (6.9, Priority.MEDIUM, "medium"), (4.0, Priority.MEDIUM, "medium"),
        (3.9, Priority.LOW, "low"), (0.1, Priority.LOW, "low"), (None, Priority.HIGH, "severity unknown"),
    ],
)  # fmt: skip
def test_the_rating_is_that_of_cvss(score: float | None, priority: Priority, word: str) -> None:
    """And one that nobody rated counts as high, and says so."""
    assert (advisories.urgency([flaw(score=score)]), advisories.severity(flaw(score=score))) == (priority, word)


def test_malice_is_critical_whatever_its_score() -> None:
    """The version itself is the attack; a small score does not make that smaller."""
    small = flaw(score=0.1, malicious=True)

    assert (advisories.urgency([small]), advisories.severity(small)) == (Priority.CRITICAL, "malicious")


def test_the_gravest_decides() -> None:
    """Many small flaws are not one big one, and none at all is no reason to hurry."""
    assert advisories.urgency([flaw(score=4.0), flaw(score=8.0), flaw(score=5.0)]) is Priority.HIGH
    assert advisories.urgency([flaw(score=1.0)] * 50) is Priority.LOW
    assert advisories.urgency([]) is advisories.urgency([WITHDRAWN]) is Priority.LOW


def test_the_gravest_stands_first() -> None:
    """What nobody rated stands among the high, and what was withdrawn nowhere."""
    known = [flaw("A", 5.0), flaw("B", None), WITHDRAWN, flaw("C", 9.9), flaw("D", 7.5), flaw("E", 0.0)]

    assert [one.id for one in advisories.standing(known)] == ["C", "D", "B", "A", "E"]


@given(st.lists(ANY, max_size=6))
def test_the_order_in_which_they_were_told_says_nothing(known: list[Advisory]) -> None:
    """The same advisories give the same urgency, the same malice and the same graveness from first to last."""
    there, back = advisories.standing(known), advisories.standing(known[::-1])
    classes = [advisories.urgency([one]) for one in there]

    assert sorted(map(repr, there)) == sorted(map(repr, back))
    assert classes == sorted(classes, reverse=True)
    assert advisories.urgency(known) == advisories.urgency(known[::-1])
    assert bool(advisories.malice(known)) == any(one.malicious and not one.withdrawn for one in known)


def test_malice_is_told_by_name() -> None:
    """Only by those that say so, and never by a withdrawn one."""
    assert advisories.malice([flaw(), WITHDRAWN]) == advisories.malice([]) == ""
    assert advisories.malice([flaw(), MALICIOUS]) == "known to be malicious (`MAL-1` (malicious))"


@pytest.mark.parametrize(
    ("target", "away"),
    [
        ([], ["GHSA-1", "PYSEC-2"]),
        ([flaw("GHSA-1")], ["PYSEC-2"]),
        ([flaw("OTHER", aliases=("GHSA-1",))], ["PYSEC-2"]),
        ([flaw("OTHER", aliases=("CVE-1",))], ["PYSEC-2"]),  # the same flaw by another database
        ([flaw("CVE-1")], ["PYSEC-2"]),
        ([flaw("GHSA-1", withdrawn=True)], ["GHSA-1", "PYSEC-2"]),
        ([flaw("NEW")], ["GHSA-1", "PYSEC-2"]),
        ([flaw("GHSA-1"), flaw("PYSEC-2")], []),
    ],
)
def test_a_flaw_that_the_target_has_by_any_name_is_not_mended(target: list[Advisory], away: list[str]) -> None:
    """Whatever database tells of it; what was withdrawn against the target is no flaw of it."""
    current = [flaw("PYSEC-2", 5.0), flaw("GHSA-1", aliases=("CVE-1",)), WITHDRAWN]

    assert [one.id for one in advisories.mended(current, target)] == away


@given(st.lists(ANY, max_size=5), st.lists(ANY, max_size=5))
def test_what_is_mended_stood_before_and_stands_no_longer(current: list[Advisory], target: list[Advisory]) -> None:
    """And everything of which that is true is mended."""
    left = {one.id for one in target if not one.withdrawn}

    away = advisories.mended(current, target)

    assert list(away) == [one for one in advisories.standing(current) if one.id not in left]


@pytest.mark.parametrize(
    ("fixes", "usual", "wait"),
    [
        ([], WEEK, WEEK),
        ([flaw(score=6.9, fixed=("2.0",))], WEEK, WEEK),  # not grave enough, though it is named
        ([flaw(score=7.0)], WEEK, SOAK),
        ([flaw(score=None)], WEEK, SOAK),
        ([flaw(score=7.0)], timedelta(hours=1), timedelta(hours=1)),  # never longer than usual
        ([flaw(score=7.0, fixed=("1.9", "2.0"))], WEEK, NONE),
        ([flaw(score=7.0, fixed=("1.9", "2.0.1"))], WEEK, SOAK),  # another version is named
        ([flaw(score=7.0), flaw("GHSA-2", 1.0, fixed=("2.0",))], WEEK, SOAK),  # named by the small one alone
        ([flaw(score=9.0, fixed=("2.0",), withdrawn=True)], WEEK, WEEK),
        ([MALICIOUS], WEEK, SOAK),
    ],
)
def test_a_grave_flaw_shortens_the_wait_and_a_named_fix_ends_it(
    fixes: list[Advisory], usual: timedelta, wait: timedelta
) -> None:
    """A fix that nobody has looked at may itself be the attack, so it ripens for a day at least."""
    assert advisories.soak("2.0", fixes, usual) == wait


@given(st.lists(ANY, max_size=5), st.timedeltas(NONE, WEEK))
def test_no_advisory_makes_anybody_wait_longer(fixes: list[Advisory], usual: timedelta) -> None:
    """Whatever is known, the wait is at most the usual one."""
    assert NONE <= advisories.soak("2.0", fixes, usual) <= usual


def test_what_is_known_is_one_sentence() -> None:
    """The gravest by name with how grave they are, the rest by number, and nothing when there is nothing."""
    many = [flaw(f"GHSA-{at}", 9.9 - at) for at in range(6)]

    assert advisories.told("1.0", []) == advisories.told("1.0", [WITHDRAWN]) == ""
    assert advisories.told("1.0", many[:1]) == "1.0, in use here, has known flaws: `GHSA-0` (critical)"
    assert advisories.told("1.0", many).endswith(
        "`GHSA-0` (critical), `GHSA-1` (high), `GHSA-2` (high), `GHSA-3` (medium) and 2 more"
    )


@pytest.mark.parametrize(
    ("current", "target", "sentence"),
    [
        ([], [flaw("NEW")], ""),
        ([WITHDRAWN], [], ""),
        ([flaw()], [], "2.0 mends `GHSA-1` (critical)"),
        ([flaw()], [flaw()], "2.0 mends none of them"),
        (
            [flaw(), flaw("B", 5.0), flaw("C", 1.0)],
            [flaw("B"), flaw("C")],
            "2.0 mends `GHSA-1` (critical), and 2 are left",
        ),
    ],
)
def test_what_a_target_mends_is_one_sentence(current: list[Advisory], target: list[Advisory], sentence: str) -> None:
    """What goes, and how much stays; nothing where there was nothing to mend."""
    assert advisories.fixes("2.0", current, target) == sentence


def test_a_name_cannot_break_out_of_its_sentence() -> None:
    """Whatever stands in an identifier is read and never rendered."""
    assert "`x'@everyone'`" in advisories.told("1.0", [flaw("x`@everyone`")])
