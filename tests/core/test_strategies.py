"""A rollout goes on when it has earned it, back at once when it must, and asks when nobody can know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import strategies
from bot.core.errors import ConfigProblem
from bot.core.judge import Ruling
from bot.core.model import Counts, Evidence, Reading, Rollout, Sha, Step
from bot.core.strategies import Advance, Ask, Finish, TurnBack, Wait

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CANARY = strategies.canary()


def a_rollout(
    index: int = 0, *, since: timedelta | None = timedelta(), requests: int = 0, silent: timedelta = timedelta()
) -> Rollout:
    """At a step whose traffic has been moved so long ago (None: is being moved), with so many requests seen."""
    finished = None if since is None else NOW - since
    weight = CANARY[index].weight if 0 <= index < len(CANARY) else 5
    step = Step(key="k", weight=weight, started=NOW - timedelta(hours=9), finished=finished)
    last = Reading(at=NOW - silent, stable=Counts(requests=9000), canary=Counts(requests=requests))
    evidence = Evidence(stable=last.stable, canary=last.canary, looks=3, last=last)
    return Rollout(environment="production", sha=Sha("c"), stable=Sha("d"), index=index, step=step, evidence=evidence)


def move(rollout: Rollout, ruling: Ruling = Ruling.UNSURE) -> strategies.Move:
    """What the usual strategy says of it now."""
    return strategies.next_move(CANARY, rollout, ruling, now=NOW)


def test_traffic_moves_only_once_the_release_is_installed() -> None:
    """While it is being installed the bot waits; then comes the first share."""
    assert isinstance(move(a_rollout(-1, since=None)), Wait)
    assert move(a_rollout(-1)) == Advance(index=0, weight=5, why="installed; 5 % of traffic next")
    assert move(replace(a_rollout(-1), step=None)) == Advance(index=0, weight=5, why="installed; 5 % of traffic next")


def test_a_step_counts_from_the_moment_its_traffic_moved() -> None:
    """A slow dispatch takes nothing from the bake time."""
    assert move(a_rollout(since=None, requests=999)) == Wait(until=NOW + strategies.POLL, why="moving traffic to 5 %")


def test_other_steps_than_it_began_with_ask_a_person() -> None:
    """Five per cent must not pass for the whole because the steps were shortened: nothing ends, nothing moves."""
    shortened = strategies.canary((100,), MINUTE, 0)

    asked = strategies.next_move(shortened, a_rollout(since=2 * MINUTE), Ruling.GOOD, now=NOW)

    assert asked == Ask(why="the strategy has 100 % now where 5 % of the traffic runs it")


def test_a_step_lasts_its_bake_time() -> None:
    """Enough requests and no word of the judge: the time must still pass; the next look is never late."""
    waiting = move(a_rollout(since=5 * MINUTE - timedelta(seconds=4), requests=999))

    assert isinstance(waiting, Wait)
    assert waiting.until == NOW + timedelta(seconds=4)
    assert "5 % until 12:00:04 UTC" in waiting.why


def test_time_over_and_requests_seen_is_the_next_step() -> None:
    """The judge need not be sure; he must only not say BAD."""
    onward = move(a_rollout(since=5 * MINUTE, requests=100))

    assert isinstance(onward, Advance)
    assert (onward.index, onward.weight) == (1, 25)
    assert "canary failed 0 of 100 requests" in onward.why


def test_a_good_word_shortens_the_bake_and_not_the_requests() -> None:
    """GOOD with too few requests waits for them."""
    assert isinstance(move(a_rollout(since=MINUTE, requests=100), Ruling.GOOD), Advance)
    assert isinstance(move(a_rollout(since=MINUTE, requests=99), Ruling.GOOD), Wait)


@pytest.mark.parametrize("index", range(4))
def test_a_bad_word_turns_back_at_once(index: int) -> None:
    """At every step, before the bake is over and with the traffic still moving; the sentence has the numbers."""
    for rollout in (a_rollout(index, requests=7), a_rollout(index, since=None, requests=7)):
        back = move(rollout, Ruling.BAD)
        assert isinstance(back, TurnBack)
        assert "of 7 requests" in back.why


def test_too_few_requests_wait_and_then_ask() -> None:
    """Silence proves nothing: after six bakes a person decides."""
    waiting = move(a_rollout(since=29 * MINUTE, requests=12))
    asking = move(a_rollout(since=30 * MINUTE, requests=12))

    assert isinstance(waiting, Wait) and "12 of 100 requests seen" in waiting.why
    assert isinstance(asking, Ask) and "12 of 100 requests seen after 30 min at 5 %" in asking.why


def test_a_source_that_fell_silent_does_not_vouch_for_the_rest_of_the_bake() -> None:
    """Requests were seen once and the source is away since: no further step on old readings."""
    blind = a_rollout(since=6 * MINUTE, requests=500, silent=3 * MINUTE)
    waiting = move(blind)

    assert isinstance(waiting, Wait) and "no reading since 11:57:00 UTC" in waiting.why
    assert isinstance(move(a_rollout(since=31 * MINUTE, requests=500, silent=3 * MINUTE)), Ask)
    never = replace(a_rollout(since=31 * MINUTE), evidence=Evidence(canary=Counts(requests=500)))
    assert isinstance(move(never), Ask)


def test_the_last_step_bakes_too_and_then_it_is_over() -> None:
    """All traffic is not the end: the release holds it as long as every other share."""
    assert isinstance(move(a_rollout(3, since=MINUTE, requests=999)), Wait)
    assert isinstance(move(a_rollout(3, since=5 * MINUTE, requests=999)), Finish)


def test_a_strategy_that_became_shorter_asks() -> None:
    """The file changed under a rollout: nobody guesses what its step is now."""
    assert isinstance(move(a_rollout(4, since=99 * MINUTE, requests=999), Ruling.GOOD), Ask)


def test_without_a_minimum_time_alone_decides() -> None:
    """An environment without a health source goes on by the clock, and says so."""
    strategy = strategies.canary((50, 100), MINUTE, 0)
    rollout = a_rollout(since=MINUTE)
    silent = replace(rollout, evidence=Evidence(), step=replace(rollout.step, weight=50))

    onward = strategies.next_move(strategy, silent, Ruling.UNSURE, now=NOW)

    assert onward == Advance(index=1, weight=100, why="50 % held: not judged, by its configuration; 100 % next")


@given(
    st.integers(-1, 5),
    st.sampled_from(Ruling),
    st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(days=2))),
    st.integers(0, 300),
    st.timedeltas(timedelta(), timedelta(hours=1)),
)
def test_no_step_is_ever_skipped_and_no_wait_is_in_the_past(
    index: int, ruling: Ruling, since: timedelta | None, requests: int, silent: timedelta
) -> None:
    """Whatever is seen: one step at a time, never on a BAD word, never on too few requests, and the end is reached."""
    found = move(a_rollout(index, since=since, requests=requests, silent=silent), ruling)

    match found:
        case Advance():
            assert found.index == index + 1 and found.weight == CANARY[found.index].weight
            assert index < 0 or (ruling is not Ruling.BAD and requests >= 100 and silent <= strategies.FRESH)
        case Finish():
            assert index == len(CANARY) - 1 and ruling is not Ruling.BAD and requests >= 100
        case Wait():
            assert NOW < found.until <= NOW + strategies.POLL
        case TurnBack():
            assert ruling is Ruling.BAD
        case Ask():
            assert ruling is not Ruling.BAD


@pytest.mark.parametrize("kind", strategies.STRATEGIES)
def test_every_named_strategy_rises_to_all_traffic(kind: str) -> None:
    """Shares only grow, and the last one is everything."""
    weights = [stage.weight for stage in strategies.read(kind, {})]

    assert weights == sorted(set(weights))
    assert weights[-1] == 100


def test_a_repository_can_set_its_own_numbers() -> None:
    """Steps, bake time, requests and patience as a person writes them."""
    found = strategies.read("canary", {"steps": [10, 100], "bake": "8s", "min_requests": 20, "patience": "1m"})

    assert [(s.weight, s.bake, s.min_requests, s.longest) for s in found] == [
        (10, timedelta(seconds=8), 20, MINUTE),
        (100, timedelta(seconds=8), 20, MINUTE),
    ]
    assert strategies.read("canary", {"bake": "0"})[0].bake == timedelta()


@pytest.mark.parametrize(
    ("bake", "patience", "longest"),
    [("5m", None, timedelta(minutes=30)), ("8s", None, timedelta(minutes=10)), ("1h", "5m", timedelta(hours=1))],
)
def test_patience_is_never_shorter_than_the_bake(bake: str, patience: str | None, longest: timedelta) -> None:
    """Six bakes, ten minutes at least, unless somebody wrote another."""
    options = {"bake": bake} | ({"patience": patience} if patience else {})

    assert strategies.read("canary", options)[0].longest == longest


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("canery", {}, "no strategy 'canery'. Did you mean canary"),
        ("zzz", {}, "There are canary"),
        ("canary", {"step": [5]}, "no option 'step'"),
        ("canary", {"steps": [5, 50]}, "no way to 100 %"),
        ("canary", {"steps": [50, 5, 100]}, "no way to 100 %"),
        ("canary", {"steps": [5, 5, 100]}, "no way to 100 %"),
        ("canary", {"steps": []}, "no way to 100 %"),
        ("canary", {"steps": "5,100"}, "no way to 100 %"),
        ("canary", {"steps": [0, 100]}, "no way to 100 %"),
        ("canary", {"steps": [True, 100]}, "no way to 100 %"),
        ("canary", {"steps": [5, None, 100]}, "no way to 100 %"),
        ("canary", {"bake": "soon"}, "bake: 'soon' is no span of time"),
        ("canary", {"min_requests": -1}, "min_requests: -1 is no count"),
        ("canary", {"min_requests": True}, "min_requests: True is no count"),
    ],
)
def test_a_slip_in_the_file_is_named_with_its_place(kind: str, options: dict[str, object], words: str) -> None:
    """The error names the line and what to write instead."""
    with pytest.raises(ConfigProblem, match=r"surefoot\.yml:9") as caught:
        strategies.read(kind, options, where="surefoot.yml:9")

    assert words in str(caught.value)
