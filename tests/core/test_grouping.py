"""Groups: what goes together, what a set is called, and what is remembered of its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import grouping, names
from bot.core.model import GROUP, Component, Grade, Kind, Priority, State, Update, id_of
from bot.core.repo_config import UpdateRule, Updates
from tests.builders import REPO, a_pin, a_release, a_simulation, an_update

WEB = Updates(rules=(UpdateRule(group="web"),))


def one(name: str, target: str = "1.1", kind: Kind = Kind.MINOR, **more: object) -> Update:
    """An update of one component, as detection makes it."""
    component = Component(name=name)
    pin = a_pin("1.0", component=component, path=f"{name}.txt")
    values: dict[str, object] = {"current": "1.0", "pins": (pin,), "why_now": (f"{target} is the newest",)}
    return an_update(component=component, target=target, kind=kind, **{**values, **more})


def together(
    *found: Update, known: Sequence[Update] = (), away: Sequence[str] = (), rules: Updates = WEB
) -> list[Update]:
    return grouping.together(found, rules.group_of, known, [Component(name=name) for name in away])


def test_a_group_is_one_update_that_tells_of_each_member() -> None:
    """The largest step, the highest priority, every place, and each reason with the name that it is about."""
    first = one("a", kind=Kind.PATCH, gates=("lost its provenance",), fixes=("CVE-1",), priority=Priority.MEDIUM)
    (made,) = together(one("b"), first)

    assert made.component == Component(name="web", ecosystem=GROUP)
    assert [part.component.name for part in made.parts] == ["a", "b"]
    assert (made.kind, made.priority, made.fixes, made.release) == (Kind.MINOR, Priority.MEDIUM, ("CVE-1",), None)
    assert [pin.path for pin in made.pins] == ["a.txt", "b.txt"]
    assert made.gates == made.looked == ("`a`: lost its provenance",)
    assert made.why_now == ("`a`: 1.1 is the newest", "`b`: 1.1 is the newest")
    assert made.target.startswith("2 updates ") and names.branch_of(made).startswith("surefoot/web-2-updates-")


def test_what_comes_alone_is_its_own_only_part() -> None:
    """Whoever works on the parts of an update need not ask whether it is a group."""
    update = one("a", gates=("look",))
    (part,) = update.parts

    assert (part.component, part.current, part.target) == (update.component, "1.0", "1.1")
    assert (part.kind, part.release, part.pins, part.gates) == (update.kind, update.release, update.pins, ("look",))
    assert together(update, rules=Updates()) == [update]


def test_a_group_of_one_is_the_groups() -> None:
    """Its name stays, however many of its members have something new; nothing is prefixed where nothing need be."""
    (made,) = together(one("a"))

    assert made.component.name == "web" and made.target.startswith("1 update ")
    assert made.why_now == ("1.1 is the newest",)
    assert names.title_of(made) == "Update web: a from 1.0 to 1.1"


def test_large_steps_are_alone_unless_named_and_then_apart() -> None:
    """A person who looks at a major step does not hold the patches up."""
    found = [one("a"), one("b", "2.0", Kind.MAJOR), one("c", "2.0", Kind.MAJOR), one("d", kind=Kind.PATCH)]
    named = Updates(rules=(UpdateRule(group="web", kinds=(Kind.MAJOR, Kind.MINOR, Kind.PATCH)),))

    assert [[part.component.name for part in made.parts] for made in together(*found)] == [["a", "d"], ["b"], ["c"]]
    assert [[part.component.name for part in made.parts] for made in together(*found, rules=named)] == [
        ["a", "d"],
        ["b", "c"],
    ]


def test_the_last_rule_for_a_step_decides() -> None:
    """Some may be taken out of a group again, or have one for their majors alone."""
    rules = Updates(
        rules=(
            UpdateRule(group="all"),
            UpdateRule(match=("b*",), group="b"),
            UpdateRule(match=("bad",), group=""),
            UpdateRule(ecosystems=("npm",), group="js"),
            UpdateRule(group="majors", kinds=(Kind.MAJOR,)),
        )
    )

    assert rules.group_of(Component(name="a"), Kind.PATCH) == "all"
    assert rules.group_of(Component(name="box"), Kind.MINOR) == "b"
    assert rules.group_of(Component(name="bad"), Kind.MINOR) == ""
    assert rules.group_of(Component(name="bad", ecosystem="npm"), Kind.DIGEST) == "js"
    assert rules.group_of(Component(name="bad"), Kind.MAJOR) == "majors"
    assert rules.group_of(Component(name="a"), Kind.SCHEME) == ""


@pytest.mark.parametrize(("priority", "fixes", "alone"), [
    (Priority.CRITICAL, ("CVE-1",), True),
    (Priority.HIGH, ("CVE-1",), True),
    (Priority.MEDIUM, ("CVE-1",), False),
    (Priority.HIGH, (), False),
])  # fmt: skip
def test_a_grave_fix_never_waits_for_others(priority: Priority, fixes: tuple[str, ...], alone: bool) -> None:
    """It leaves its group; what is urgent for another reason takes the group with it."""
    made = together(one("a", priority=priority, fixes=fixes), one("b"))

    assert (len(made) == 2) is alone
    assert max(update.priority for update in made) is priority


def test_another_set_is_another_update() -> None:
    """Another target, another digest or another member: another id, another branch."""
    sets = [
        together(one("a"), one("b")),
        together(one("a", "1.2"), one("b")),
        together(one("a")),
        together(one("a", "1.0", Kind.DIGEST, release=a_release("1.0", digest="sha256:1")), one("b")),
        together(one("a", "1.0", Kind.DIGEST, release=a_release("1.0", digest="sha256:2")), one("b")),
    ]

    assert len({made.id for (made,) in sets}) == len({names.branch_of(made) for (made,) in sets}) == len(sets)


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_a_set_does_not_matter(order: list[str]) -> None:
    """The same set is the same update, however it was found."""
    (made,) = together(*map(one, order))
    (other,) = together(*map(one, "abcd"))

    assert made == other
    assert made.id == id_of(REPO, made.component, made.target)


def test_a_set_that_gave_way_may_come_again() -> None:
    """By another name, for the row of the old one is over."""
    (first,) = together(one("a"), one("b"))
    gone = replace(first, state=State.SUPERSEDED)
    (again,) = together(one("a"), one("b"), known=[gone])
    (third,) = together(one("a"), one("b"), known=[gone, replace(again, state=State.SUPERSEDED)])

    assert len({first.id, again.id, third.id}) == 3
    assert len({names.branch_of(update) for update in (first, again, third)}) == 3
    assert again.parts == first.parts
    assert together(one("a"), one("b"), known=[replace(first, state=State.IN_REVIEW)]) == [first]


def test_an_open_group_stays_while_a_members_source_is_away() -> None:
    """A registry that cannot be asked for an hour is no reason for another pull request."""
    (known,) = together(one("a"), one("b"))
    opened = replace(known, state=State.IN_REVIEW)

    assert together(one("a"), known=[opened], away=["b"]) == []
    assert together(one("a"), known=[opened], away=["z"]) != []
    assert together(one("a"), known=[replace(known, state=State.DONE)], away=["b"]) != []


def test_what_was_turned_down_together_is_remembered_of_each() -> None:
    """A rollback and a person's no speak of every version in the set; a failed trial of the set alone."""
    (known,) = together(one("a"), one("b", "1.0", Kind.DIGEST, release=a_release("1.0", digest="sha256:1")))

    def known_as(state: State, *others: Update) -> list[dict[str, State]]:
        updates = [replace(known, state=state), *others]
        return [dict(grouping.became(Component(name=name), updates)) for name in ("a", "b", "c")]

    for state in (State.ROLLED_BACK, State.ROLLING_BACK, State.CLOSED, State.DONE, State.IN_REVIEW):
        assert known_as(state) == [{"1.1": state}, {"1.0@sha256:1": state}, {}]
    assert known_as(State.REJECTED) == known_as(State.SUPERSEDED) == [{}, {}, {}]


def test_who_made_a_set_fail_is_remembered_alone() -> None:
    """The others are free to come without it; and it stays out when its set gave way to theirs."""
    (known,) = together(one("a"), one("b"))
    failed = a_simulation(grade=Grade.FAILED, culprits=((Component(name="b"), "1.1"),))

    for state in (State.REJECTED, State.SUPERSEDED):
        update = replace(known, state=state, simulation=failed)
        assert grouping.became(Component(name="a"), [update]) == {}
        assert grouping.became(Component(name="b"), [update]) == {"1.1": State.REJECTED}
    opened = replace(known, state=State.IN_REVIEW, simulation=failed)
    assert grouping.became(Component(name="b"), [opened]) == {"1.1": State.IN_REVIEW}


def test_what_gave_way_to_its_group_lives_on_in_it() -> None:
    """The single update is over, the version is not: its group would lose it at the next look otherwise."""
    single = replace(one("a"), state=State.SUPERSEDED)
    (group,) = together(one("a"), one("b"))
    component = Component(name="a")

    assert grouping.became(component, [single]) == {"1.1": State.SUPERSEDED}
    for states in ([group, single], [single, group]):
        assert grouping.became(component, states) == {"1.1": State.DETECTED}
    assert grouping.became(component, [replace(group, state=State.REJECTED), single]) == {}
    closed = replace(group, state=State.CLOSED)
    assert grouping.became(component, [closed, replace(single, state=State.IN_REVIEW)]) == {"1.1": State.CLOSED}


def test_what_is_done_in_one_place_is_no_news_of_another() -> None:
    """A range that was lifted later takes its project to where others are already; that is an update of its own."""
    done = replace(one("a"), state=State.DONE)
    component, here = Component(name="a"), a_pin(path="a.txt")
    there = replace(here, path="b.txt")

    assert (
        grouping.became(component, [done], [here, there]) == grouping.became(component, [done]) == {"1.1": State.DONE}
    )
    assert grouping.became(component, [done], [there]) == {}
    back = replace(done, state=State.ROLLED_BACK)
    assert grouping.became(component, [back], [there]) == {"1.1": State.ROLLED_BACK}
    (first,), (second,) = together(one("a"), one("b")), together(one("a"), one("b"), known=[])
    assert first == second
    (again,) = together(one("a"), one("b"), known=[replace(first, state=State.DONE)])
    assert (again.target, again.again) == (first.target, 1) and again.id != first.id


def test_one_target_is_one_step_over_all_projects() -> None:
    """Counted from where it is the largest, and from the oldest there; with every place and every reason once."""
    new = one("a", kind=Kind.MAJOR, current="0.9", pins=(a_pin("0.9", path="x.txt"),), gates=("look",))
    old = one("a", kind=Kind.MAJOR, current="0.1", pins=(a_pin("0.1", path="y.txt"),), gates=("look", "and here"))
    small = one("a", kind=Kind.PATCH, priority=Priority.HIGH, fixes=("CVE-1",))
    wide = one("a", kind=Kind.MAJOR, current=">=0.5", pins=(a_pin("0.5", path="z.txt"),))
    other = one("a", "1.2")
    steps = [update.parts[0] for update in (wide, small, new, old, other)]
    (whole, made_of), (alone, _) = grouping.joined(steps)

    assert (whole.current, whole.kind, whole.priority, whole.fixes) == ("0.1", Kind.MAJOR, Priority.HIGH, ("CVE-1",))
    assert {pin.path for pin in whole.pins} == {"a.txt", "x.txt", "y.txt", "z.txt"}
    assert whole.gates == ("look", "and here") and made_of == tuple(steps[:4])
    assert alone == steps[4]


def test_a_group_goes_on_without_a_member_that_is_there_already() -> None:
    """What somebody else moved meanwhile is neither in its text nor asked about any more."""
    (made,) = together(one("a", gates=("look at a",)), one("b", kind=Kind.PATCH, gates=("look at b",)))
    left = grouping.with_parts(made, made.parts[1:])

    assert [part.component.name for part in left.parts] == ["b"]
    assert (left.id, left.target, left.kind) == (made.id, made.target, Kind.PATCH)
    assert left.gates == left.looked == ("`b`: look at b",)
    assert left.why_now == ("`b`: 1.1 is the newest",)
    assert [pin.path for pin in left.pins] == ["b.txt"]


def test_a_box_of_a_member_is_a_box_of_the_group() -> None:
    """The dashboard's boxes name what a step would be alone."""
    (made,) = together(one("a"), one("b"))

    assert grouping.ids_of(made) == {made.id, one("a").id, one("b").id}
    assert grouping.ids_of(one("a")) == {one("a").id}


def test_a_row_from_before_there_were_groups_can_be_read() -> None:
    """What was written without members has none, and one part."""
    row = msgspec.to_builtins(one("a"))
    row.pop("members")
    read = msgspec.convert(row, Update)

    assert read.members == () and read.parts == one("a").parts
    (group,) = together(one("a"), one("b"))
    assert msgspec.json.decode(msgspec.json.encode(group), type=Update) == group


def test_a_title_names_the_first_and_counts_the_rest() -> None:
    """It fits where GitHub puts it, whatever the names are."""
    (made,) = together(*(one(f"component-{number}") for number in range(9)))
    (long,) = together(*(one("x" * 214 + str(number)) for number in range(9)))

    assert names.title_of(made).endswith("component-3 from 1.0 to 1.1 and 5 more")
    assert names.brought(made).startswith("web: component-0 1.1, component-1 1.1")
    assert names.left_behind(one("a")) == "a 1.0"
    assert len(names.title_of(long)) <= 240
