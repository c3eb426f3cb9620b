"""What fails only together is not turned down: one stays behind, and the rest goes on without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import clashes, grouping, survey
from bot.core.budget import Held
from bot.core.clashes import Places, Step
from bot.core.model import Component, Grade, Kind, Priority, State, Update, UpdateId
from bot.core.repo_config import UpdateRule, Updates
from tests.builders import a_pin, a_simulation
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
    there: Collection[Step] | Mapping[Step, Collection[str]] = (),
    released: Collection[UpdateId] = (),
    rules: Updates = WEB,
) -> tuple[list[str], list[Held]]:
    """The names of those that come, and who stays."""
    here = there if isinstance(there, Mapping) else dict.fromkeys(there, ("",))
    places = Places(there=here, released=released)
    coming, held = clashes.parted(found, rules.group_of, clashes.seen(known, places), places)
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


def at(name: str, *folders: str) -> Update:
    """An update of what these projects pin."""
    component = Component(name=name)
    pins = tuple(a_pin("1.0", component=component, path=f"{folder}/requirements.txt") for folder in folders)
    return one(name, pins=pins)


def test_what_fails_together_in_one_project_comes_in_another() -> None:
    """Nothing was seen of that one; its own trial will tell. In the project where it was seen, one waits."""
    known = tried(at("a", "web"), at("b", "web", "job"), fail=["a", "b"], spare=["a", "b"])
    assert (["a", "b"], []) == parted([at("a", "job"), at("b", "job")], known)
    assert (["a", "b"], []) == parted([at("a", "job"), at("b", "web")], known)
    coming, (held,) = parted([at("a", "web", "job"), at("b", "web")], known)
    assert ["a"] == coming and held.update.component.name == "b" and held.ends


def test_what_another_project_pins_holds_nobody_back() -> None:
    """The first was merged there alone; where both would be, the second waits until one of them is another version."""
    known = tried(at("a", "web"), at("b", "web"), fail=["a", "b"], spare=["a", "b"])
    assert (["b"], []) == parted([at("b", "web")], known, there={step("a"): ["job"]})
    assert (["b"], []) == parted([at("b", "job")], known, there={step("a"): ["web"]})
    coming, (held,) = parted([at("a", "job"), at("b", "web")], known, there={step("a"): ["web"]})
    assert ["a"] == coming and "as is pinned here" in held.why and not held.ends


def test_what_fails_together_across_projects_counts_everywhere() -> None:
    """Something of the repository takes both, and nobody knows where."""
    known = tried(at("a", "web"), at("b", "job"), fail=["a", "b"], spare=["a", "b"])
    coming, (held,) = parted([at("a", "web"), at("b", "job")], known)
    assert ["a"] == coming and held.update.component.name == "b"
    assert ["a"] == parted([at("a", "web"), at("b", "web")], known)[0]


def test_what_one_lock_file_binds_is_one_project() -> None:
    """Members of a workspace meet in its lock, and so does what stands beside them."""
    pins = [*at("a", "web").pins, *at("b", "job").pins]
    files = {"uv.lock", "web/pyproject.toml", "web/requirements.txt", "job/requirements.txt"}
    members = [replace(pin, path=pin.path.replace("requirements.txt", "pyproject.toml")) for pin in pins]
    where = survey.projects([*pins, *members], files)
    assert {where(pin) for pin in (*pins, *members)} == {""}
    apart = survey.projects(pins, files)
    assert [apart(pin) for pin in pins] == ["web", "job"]
    assert apart(members[0]) == "web"  # known by its folder, as any place of before
    assert apart(replace(pins[0], path="docs/pyproject.toml")) == ""
    there = clashes.pinned([*pins, replace(members[0], version=None)], where)
    assert there == {(pin.component, "1.0"): {""} for pin in pins}


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
