"""The roads: where an update may go from each state, and the one function that lets it go there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from bot.core.errors import Permanent
from bot.core.model import Entry, State, Update

S = State


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The stage is done: the update goes to another state."""

    update: Update
    to: State
    why: str
    actor: str = "surefoot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Nothing more to do before `until` (UTC) or an event; None waits for an event alone.

    told: whether the sentence is worth a line of the audit.
    """

    update: Update
    until: datetime | None
    why: str
    told: bool = False
    actor: str = "surefoot"


Outcome: TypeAlias = Moved | Waiting

# While the pull request is open: a person may merge or close it, a push takes everything back to the trial,
# and a newer version may take its place.
_OPEN = frozenset({S.MERGED, S.CLOSED, S.SUPERSEDED, S.PROPOSED, S.REJECTED, S.PAUSED, S.FAILED})

MAY_GO: Mapping[State, frozenset[State]] = {
    S.DETECTED: frozenset({S.PROPOSED, S.SUPERSEDED, S.CLOSED, S.MERGED, S.PAUSED, S.FAILED}),
    S.PROPOSED: _OPEN | {S.SIMULATED, S.DETECTED},
    S.SIMULATED: _OPEN | {S.APPROVED, S.IN_REVIEW, S.DEFERRED},
    S.IN_REVIEW: _OPEN | {S.APPROVED, S.DEFERRED},
    S.DEFERRED: _OPEN | {S.APPROVED, S.IN_REVIEW},
    S.REJECTED: _OPEN,
    S.APPROVED: _OPEN | {S.IN_REVIEW, S.DEFERRED},
    S.MERGED: frozenset({S.DEPLOYING, S.DONE, S.ROLLING_BACK, S.PAUSED, S.FAILED}),
    S.DEPLOYING: frozenset({S.ROLLING_OUT, S.ROLLING_BACK, S.PAUSED, S.FAILED}),
    S.ROLLING_OUT: frozenset({S.DEPLOYING, S.DONE, S.MERGED, S.ROLLING_BACK, S.PAUSED, S.FAILED}),
    S.ROLLING_BACK: frozenset({S.ROLLED_BACK, S.FAILED}),
    S.ROLLED_BACK: frozenset(),
    S.DONE: frozenset({S.ROLLING_BACK}),
    S.SUPERSEDED: frozenset(),
    S.CLOSED: frozenset({S.PROPOSED, S.MERGED}),
    S.PAUSED: frozenset(State) - {S.PAUSED},
    S.FAILED: frozenset(State) - {S.FAILED},
}

# States in which a pull request of ours is open, so that the world may have changed it under us.
PULL_IS_OPEN = frozenset({S.PROPOSED, S.SIMULATED, S.IN_REVIEW, S.DEFERRED, S.REJECTED, S.APPROVED})

# States in which the merged commit is on its way and somebody may want it back.
CAN_TURN_BACK = frozenset({S.MERGED, S.DEPLOYING, S.ROLLING_OUT, S.DONE, S.PAUSED, S.FAILED})


def advance(update: Update, outcome: Outcome, *, now: datetime) -> tuple[Update, Entry | None]:
    """The update after an outcome, and the line for the audit (None when nothing worth a line happened).

    Permanent when the road is not drawn: a stage asked for what must not be.
    """
    if isinstance(outcome, Waiting):
        waiting = replace(outcome.update, state=update.state, note=outcome.why)
        if not outcome.told or update.note == outcome.why:
            return waiting, None
        return replace(waiting, changed=now), _entry(update, update.state, outcome, now)
    if outcome.to is not update.state and outcome.to not in MAY_GO[update.state]:
        raise Permanent(f"no road leads from {update.state} to {outcome.to} ({outcome.why})")
    moved = replace(outcome.update, state=outcome.to, changed=now, note=outcome.why)
    return moved, _entry(update, outcome.to, outcome, now)


def _entry(update: Update, to: State, outcome: Outcome, now: datetime) -> Entry:
    return Entry(update=update.id, at=now, was=update.state, now=to, why=outcome.why, actor=outcome.actor)
