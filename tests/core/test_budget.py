"""How many pull requests come at once, and which come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.budget import Shared, Turns, share
from bot.core.model import Component, Kind, Priority, State, Update, UpdateId
from bot.core.repo_config import Limits
from bot.core.schedules import Schedule, read
from tests.builders import an_update

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday


def an(name: str, kind: Kind = Kind.PATCH, priority: Priority = Priority.LOW, **more: object) -> Update:
    usual = {"created": NOW - timedelta(days=2), "state": State.DETECTED}
    made = an_update(component=Component(name=name), kind=kind, priority=priority)
    return replace(made, id=UpdateId(name), **{**usual, **more})  # type: ignore[arg-type]  # any field


def turn(found: list[Update], known: Sequence[Update] = (), schedule: Schedule | None = None, **limits: int) -> Shared:
    turns = Turns(limits=Limits(**limits), schedule=schedule or Schedule(), released=frozenset({UpdateId("wanted")}))
    return share(found, known, turns, NOW)


def names(shared: Shared) -> tuple[list[str], list[str]]:
    return [one.component.name for one in shared.taken], [one.update.component.name for one in shared.held]


def test_the_urgent_and_the_small_come_first() -> None:
    """By priority, then by the size of the step, then by name: the same list always gives the same order."""
    found = [an("d", Kind.MAJOR), an("c"), an("b", Kind.MINOR, Priority.MEDIUM), an("a"), an("e", Kind.DIGEST)]

    assert names(turn(found, open=3)) == (["b", "e", "a"], ["c", "d"])


def test_what_is_open_counts_and_what_is_over_does_not() -> None:
    """A place is free again once a pull request is merged, closed or rejected."""
    known = [an("k1", state=State.IN_REVIEW), an("k2", state=State.DONE), an("k3", state=State.REJECTED)]

    shared = turn([an("a"), an("b")], known, open=2)

    assert names(shared) == (["a"], ["b"])
    assert "2 pull requests are open, and that is the limit" in shared.held[0].why


def test_an_hour_has_its_limit_and_its_end_is_told() -> None:
    """Nobody gets a hundred messages at once, and the person knows when the next one comes."""
    known = [an("k", state=State.DONE, created=NOW - timedelta(minutes=40))]

    (held,) = turn([an("a"), an("b")], known, hourly=2).held

    assert (held.update.component.name, held.until) == ("b", NOW + timedelta(minutes=20))


def test_a_grave_fix_waits_for_nothing() -> None:
    """Neither limits nor the schedule hold what mends a grave flaw."""
    shared = turn([an("a", priority=Priority.HIGH), an("b")], schedule=read(["saturday"]), open=1)

    assert names(shared) == (["a"], ["b"])
    assert shared.held[0].until == datetime(2026, 3, 7, tzinfo=UTC)


def test_what_a_person_wants_now_waits_for_nothing() -> None:
    """Who ticks a box on the dashboard gets the pull request, whatever the limits say."""
    assert names(turn([an("a"), an("wanted")], schedule=read(["saturday"]))) == (["wanted"], ["a"])


def test_what_is_there_already_is_not_held() -> None:
    """A limit never takes back a pull request that is open."""
    mine = an("a", state=State.IN_REVIEW)

    assert names(turn([mine, an("b")], [mine], open=1)) == (["a"], ["b"])


@given(st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from(Priority)), max_size=12), st.integers(0, 5))
def test_nothing_is_lost(steps: list[tuple[Kind, Priority]], most: int) -> None:
    """Every update that was found is either taken or held with a reason, and none twice."""
    found = [an(f"c{n}", kind, priority) for n, (kind, priority) in enumerate(steps)]

    shared = turn(found, open=most)

    assert sorted([*shared.taken, *(one.update for one in shared.held)], key=lambda one: one.id) == sorted(
        found, key=lambda one: one.id
    )
    assert all(one.why for one in shared.held)
    assert not most or sum(one.priority < Priority.HIGH for one in shared.taken) <= most


@pytest.mark.parametrize(
    ("window", "opens"),
    [
        ("wednesday", NOW),
        ("monday-friday 09:00-17:00", NOW),
        ("friday-wednesday 12:00-13:00 UTC", NOW),
        ("13:00-12:00", datetime(2026, 3, 4, 13, tzinfo=UTC)),
        ("wednesday 13:00-17:00 Europe/Berlin", NOW),
        ("wednesday 14:00-17:00 Europe/Berlin", datetime(2026, 3, 4, 13, tzinfo=UTC)),
        ("tuesday 22:00-13:00", NOW),
        ("tuesday 22:00-12:00", datetime(2026, 3, 10, 22, tzinfo=UTC)),
        ("wednesday 00:00-12:00", datetime(2026, 3, 11, tzinfo=UTC)),
        ("sunday 02:30-04:00 Europe/Berlin", datetime(2026, 3, 8, 1, 30, tzinfo=UTC)),
        ("saturday, sunday 18:00-24:00", datetime(2026, 3, 7, 18, tzinfo=UTC)),
    ],
)
def test_a_window_is_read_as_people_write_it(window: str, opens: datetime) -> None:
    """Days, hours and a zone in any order; over midnight it belongs to the day on which it began."""
    assert read([window]).opens(NOW) == opens


def test_of_several_windows_the_next_counts() -> None:
    """And none at all means always."""
    assert read(["saturday", "thursday"]).opens(NOW) == datetime(2026, 3, 5, tzinfo=UTC)
    assert Schedule().opens(NOW) == NOW


@pytest.mark.parametrize(
    "text", ["", "someday", "monday-xday", "25:00-26:00", "9-17", "monday 09:00-17:61", "Mars/Base"]
)
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    """A typing error must not open the door, and must not shut it for ever."""
    with pytest.raises(ValueError, match="write 'monday-friday"):
        read([text])


@given(st.integers(0, 60 * 24 * 14), st.sampled_from(["monday 22:00-06:00 Europe/Berlin", "saturday", "03:00-03:30"]))
def test_it_is_open_when_it_opens(minutes: int, window: str) -> None:
    """Whatever moment is asked, the answer is now or later, and a moment at which it is open."""
    schedule, now = read([window]), datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=minutes)

    opens = schedule.opens(now)

    assert opens >= now
    assert schedule.opens(opens) == opens
