"""What fails only together is not turned down: one stays behind, and the rest goes on without it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import clashes, grouping
from bot.core.budget import Held
from bot.core.clashes import Places, Step
from bot.core.model import Component, Grade, Kind, Priority, State, Update, UpdateId
from bot.core.repo_config import UpdateRule, Updates
from tests.builders import a_simulation
from tests.core.test_grouping import one

WEB = Updates(rules=(UpdateRule(group="web"),))


def step(name: str, target: str = "1.1") -> Step:
    return Component(name=name), target


def tried(*found: Update, fail: Sequence[str], spare: Sequence[str], state: State = State.REJECTED) -> Update:
    """A group of these whose trial told that some of it fail together."""
    (made,) = grouping.together(found, WEB.group_of, [])
    shown = a_simulation(grade=Grade.FAILED, culprits=tuple(map(step, fail)), spare=tuple(map(step, spare)))
    return replace(made, state=state, simulation=shown)


def parted(
    found: Sequence[Update],
    *known: Update,
    there: Collection[Step] = (),
    released: Collection[UpdateId] = (),
    rules: Updates = WEB,
) -> tuple[list[str], list[Held]]:
    """The names of those that come, and who stays."""
    coming, held = clashes.parted(found, rules.group_of, clashes.seen(known), Places(there=there, released=released))
    return [update.component.name for update in coming], held


def test_of_two_that_fail_together_one_comes() -> None:
    """The others come with it; the one that stays says for whom."""
    found = [one("a"), one("b"), one("c")]
    coming, (held,) = parted(found, tried(*found, fail=["a", "b"], spare=["a", "b"]))
    assert ["a", "c"] == coming
    assert (held.update, held.ends) == (found[1], True)
    assert "it fails only together with `a 1.1`, and that comes first" == held.why


def test_neither_is_remembered_as_rejected() -> None:
    """Each alone was seen to pass; where that was not seen, both are."""
    found = [one("a"), one("b")]
    known = tried(*found, fail=["a", "b"], spare=["a", "b"])
    blamed = tried(*found, fail=["a", "b"], spare=[])
    for name in ("a", "b"):
        assert {} == grouping.became(Component(name=name), [known])
        assert {"1.1": State.REJECTED} == grouping.became(Component(name=name), [blamed])


@pytest.mark.parametrize(
    "more", [{"priority": Priority.MEDIUM}, {"kind": Kind.PATCH}], ids=["more urgent", "a smaller step"]
)
def test_the_more_urgent_and_the_smaller_step_comes_first(more: dict[str, object]) -> None:
    """Whoever brings more, or risks less."""
    found = [one("a"), one("b", **more)]  # type: ignore[arg-type]  # any field
    coming, _ = parted(found, tried(*found, fail=["a", "b"], spare=["a", "b"]))
    assert ["b"] == coming


def test_who_stays_is_one_without_whom_the_others_were_seen_to_pass() -> None:
    """Of the rest nobody knows what they do without one another."""
    found = [one("a"), one("b"), one("c")]
    coming, (held,) = parted(found, tried(*found, fail=["a", "b", "c"], spare=["a"]))
    assert ["b", "c"] == coming and held.update is found[0]


def test_what_is_pinned_already_counts_as_coming() -> None:
    """The first was merged: the second waits, also out of its group, until one of them is another version."""
    known = tried(one("a"), one("b"), fail=["a", "b"], spare=["a", "b"], state=State.SUPERSEDED)
    for rules in (WEB, Updates()):
        coming, (held,) = parted([one("b")], known, there=[step("a")], rules=rules)
        assert [] == coming and not held.ends
        assert "it fails only together with `a 1.1`, as is pinned here" == held.why
        assert (["b"], []) == parted([one("b", "1.2")], known, there=[step("a")], rules=rules)
        assert (["b"], []) == parted([one("b")], known, there=[step("a", "1.2")], rules=rules)


def test_a_person_may_have_it_tried_again() -> None:
    """They mended their own code since: a tick in its box, and it comes."""
    known = tried(one("a"), one("b"), fail=["a", "b"], spare=["a", "b"])
    update = one("b")
    assert (["b"], []) == parted([update], known, there=[step("a")], released=[update.id])


def test_apart_they_come_as_they_are() -> None:
    """In pull requests of their own each is tried by itself, on what is there by then."""
    found = [one("a"), one("b")]
    known = tried(*found, fail=["a", "b"], spare=["a", "b"])
    assert (["a", "b"], []) == parted(found, known, rules=Updates())


def test_only_what_a_trial_of_a_failed_group_has_shown_counts() -> None:
    """Not a culprit that is bad alone, and not a group that is tried anew."""
    found = [one("a"), one("b")]
    alone = tried(*found, fail=["a"], spare=[])
    again = tried(*found, fail=["a", "b"], spare=["a", "b"], state=State.PROPOSED)
    assert (["a", "b"], []) == parted(found, alone, again)


NAMES = "abcdef"
SETS = st.sets(st.sampled_from(NAMES), min_size=2, max_size=4)


@given(st.lists(SETS, max_size=4), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES), min_size=1))
def test_what_fails_together_never_meets_and_nobody_is_lost(
    bad: list[set[str]], there: set[str], names: set[str]
) -> None:
    """Whatever is known: each comes or is told why not, and no known failure is made anew by what comes."""
    found = [one(name) for name in sorted(names - there)]
    everybody = [one(name) for name in NAMES]
    known = [tried(*everybody, fail=sorted(some), spare=sorted(some)) for some in bad]
    coming, held = parted(found, *known, there=[step(name) for name in there])
    assert sorted([*coming, *(one.update.component.name for one in held)]) == sorted(names - there)
    assert not any(some <= {*coming, *there} and some & set(coming) for some in bad)
