"""The roads: what may follow what, and that every walk leaves its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Permanent
from bot.core.lifecycle import MAY_GO, Moved, Waiting, advance
from bot.core.model import ENDS, State
from tests.builders import NOW, an_update


def test_every_state_has_its_roads() -> None:
    """No state is forgotten, and nothing leads out of an end but what a person or a reopened pull request may do."""
    assert set(State) == set(MAY_GO)
    assert {State.DONE, State.CLOSED} == {state for state in ENDS if MAY_GO[state]}


def test_nothing_reaches_production_without_its_merge() -> None:
    """Deploying is entered from merged, or from a rollout in hand, or by a person from where it was paused."""
    ways = {state for state, to in MAY_GO.items() if State.DEPLOYING in to}

    assert {State.MERGED, State.ROLLING_OUT, State.PAUSED, State.FAILED} == ways


def test_approved_is_entered_by_decision_only() -> None:
    """Nothing is approved that was not simulated first."""
    ways = {state for state, to in MAY_GO.items() if State.APPROVED in to}

    assert {State.SIMULATED, State.IN_REVIEW, State.DEFERRED, State.PAUSED, State.FAILED} == ways


@given(st.sampled_from(State), st.sampled_from(State))
def test_an_undrawn_road_is_refused(was: State, to: State) -> None:
    """A stage that asks for what must not be stops the update instead of moving it."""
    update = an_update(state=was)
    outcome = Moved(update=update, to=to, why="because")
    if to is was or to in MAY_GO[was]:
        moved, entry = advance(update, outcome, now=NOW)

        assert (to, "because") == (moved.state, moved.note)
        assert entry is not None and (was, to, NOW) == (entry.was, entry.now, entry.at)
    else:
        with pytest.raises(Permanent, match="no road"):
            advance(update, outcome, now=NOW)


def test_waiting_never_moves() -> None:
    """Waiting keeps the state whatever the stage wrote, and speaks up once, not each time."""
    update = an_update(state=State.IN_REVIEW, note="")
    waiting = Waiting(update=an_update(state=State.APPROVED), until=None, why="waits for ci", told=True)

    first, entry = advance(update, waiting, now=NOW)
    again, silence = advance(first, waiting, now=NOW)

    assert State.IN_REVIEW is first.state is again.state
    assert entry is not None and entry.why == "waits for ci"
    assert silence is None
