"""What people read of a group: every member with its own step, in every place where an update is told of."""

from __future__ import annotations

from dataclasses import replace

from bot.core import board, budget, check_runs, grouping, names, render
from bot.core.board import Answer
from bot.core.model import Component, Grade, Kind, Priority, State, Update, UpdateId, Verdict
from bot.core.repo_config import Limits, UpdateRule, Updates
from bot.core.schedules import Schedule
from bot.core.second_look import Seen, learnt
from tests.builders import NOW, a_component, a_pin, a_pull, a_release, a_rollout, a_simulation, an_update

HELPER = Component(name="helper", ecosystem="npm")


def a_group(size: int = 2, **more: object) -> Update:
    """greeter 1.2.4, helper 2.0 and as many more as are wanted, in the group web."""
    others = [(Component(name=f"z{number}"), "2.0") for number in range(size - 2)]
    found = [
        an_update(
            component=component,
            target=target,
            release=a_release(target),
            pins=(a_pin(component=component, path=f"{component.name}.txt"),),
            why_now=(f"{target} is the newest",),
        )
        for component, target in [(a_component(), "1.2.4"), (HELPER, "2.0"), *others]
    ]
    (made,) = grouping.together(found, Updates(rules=(UpdateRule(group="web"),)).group_of, ())
    return replace(made, **more)  # type: ignore[arg-type]  # any field


def test_the_pull_request_has_a_row_for_each() -> None:
    """Component, both versions, kind, age and place; why each was chosen; and a long list is counted."""
    body = render.pull_body(a_group())

    assert "Group `web`: all of it is tried, merged and taken back together." in body
    assert "| `greeter` | `1.2.3` | `1.2.4` | patch | 2026-02-25 12:00 UTC | `greeter.txt:1` |" in body
    assert "| `helper` | `1.2.3` | `2.0` | patch | 2026-02-25 12:00 UTC | `helper.txt:1` |" in body
    assert "- `greeter`: 1.2.4 is the newest\n- `helper`: 2.0 is the newest" in body
    assert "- and 20 more" in render.pull_body(a_group(100))
    assert "Group" not in render.pull_body(an_update())


def test_a_second_look_keeps_why_each_was_chosen() -> None:
    """What came to light since stands behind it, whichever member it is about."""
    seen = Seen(priority=Priority.HIGH, why=("`helper`: 1.0 has known flaws",))
    update, news = learnt(a_group(state=State.IN_REVIEW), seen, NOW)
    single, _ = learnt(an_update(state=State.IN_REVIEW, why_now=("the newest", "old news")), seen, NOW)

    assert "its priority is high now" in news
    assert update.why_now == ("`greeter`: 1.2.4 is the newest", "`helper`: 2.0 is the newest", *seen.why)
    assert single.why_now == ("the newest", *seen.why)


def test_every_place_of_a_long_list_is_counted() -> None:
    """Eight are named, as a table has to be read."""
    pins = tuple(a_pin(line=line) for line in range(1, 12))

    assert "`requirements.txt:8` and 3 more |" in render.pull_body(an_update(pins=pins))


def test_the_lines_that_pin_it_are_annotated_with_their_own_component() -> None:
    """Who reads a failing check beside a line sees which step that line made."""
    update = a_group(pull=a_pull(), simulation=a_simulation(grade=Grade.FAILED), state=State.SIMULATED)
    [run] = check_runs.wanted(update)

    assert [(one.path, one.title) for one in run.annotations[:2]] == [
        ("greeter.txt", "greeter 1.2.3 to 1.2.4: failed"),
        ("helper.txt", "helper 1.2.3 to 2.0: failed"),
    ]


def test_a_revert_says_what_is_remembered() -> None:
    """Each version of the set, since none of them is proposed again."""
    update = a_group(rollout=a_rollout(because="errors"), pull=a_pull())

    assert "`greeter 1.2.4`, `helper 2.0` are remembered and not proposed again" in render.revert_body(update)
    assert "`greeter 1.2.4` is remembered" in render.revert_body(an_update(rollout=a_rollout(), pull=a_pull()))
    assert names.revert_branch_of(update).startswith("surefoot/revert-web-2-updates-")


def test_the_dashboard_has_a_row_for_each_member() -> None:
    """What is open, what was turned down, and what waits: with the group's name behind the component's."""
    shown = board.body([], [a_group(state=State.IN_REVIEW, pull=a_pull())])
    down = board.body([], [a_group(state=State.CLOSED, pull=a_pull())])
    many = board.body([], [a_group(9, state=State.CLOSED)])

    assert "| #12 | `greeter` (`web`) | `1.2.3` → `1.2.4` | waits for a person |" in shown
    assert "| #12 | `helper` (`web`) | `1.2.3` → `2.0` | waits for a person |" in shown
    assert "1 pull request is open" in shown
    assert "- #12 `greeter` `1.2.3` → `1.2.4`, `helper` `1.2.3` → `2.0` (`web`): closed" in down
    assert "and 5 more (`web`): closed" in many


def test_what_waits_with_its_group_has_its_box_until_the_group_is_there() -> None:
    """A member's box stands under what waits; once the group is open, or was turned down, the row above tells of it."""
    single = an_update()
    held = Answer(
        name="greeter", current="1.2.3", target="1.2.4", verdict=Verdict.HOLD, kind=Kind.PATCH, id=single.id,
        waits=True, group="web", why=("10 pull requests are open, and that is the limit",),
    )  # fmt: skip
    box = f"- [ ] <!-- surefoot:release={single.id} --> `greeter` (`web`) `1.2.3` → `1.2.4`: 10 pull"

    assert box in board.body([held], [])
    assert box in board.body([held], [a_group(state=State.SUPERSEDED)])
    assert box not in board.body([held], [a_group(state=State.IN_REVIEW)])
    assert box not in board.body([held], [a_group(state=State.REJECTED)])
    assert "| `greeter` (`web`) | pypi |" in board.body([held], [])


def test_a_group_takes_one_place_and_any_members_box_frees_it() -> None:
    """However many it moves, it is one pull request; who wants one of them now gets what it comes with."""
    group, single = a_group(9), an_update(component=a_component(name="zz"))

    def shared(*released: UpdateId, **limits: int) -> budget.Shared:
        turns = budget.Turns(limits=Limits(**limits), schedule=Schedule(), released=frozenset(released))
        return budget.share([group, single], [], turns, NOW)

    assert [one.id for one in shared(open=2, hourly=2).taken] == [group.id, single.id]
    assert [one.update.id for one in shared(open=1).held] == [single.id]
    released = an_update().id
    full = [an_update(component=a_component(name=f"n{n}"), state=State.IN_REVIEW) for n in range(3)]
    turns = budget.Turns(limits=Limits(open=3), schedule=Schedule(), released=frozenset({released}))
    assert [one.id for one in budget.share([group, single], full, turns, NOW).taken] == [group.id]
