"""What becomes of a group that fails: who made it fail stays out, and the others are tried without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from bot.check.report import Row
from bot.core.errors import ConfigProblem, SurefootError
from bot.core.model import Grade, Isolation, Member, Sha, Simulation, Verdict


def staying(parts: Sequence[Member], row: Row) -> Mapping[Member, str]:
    """Those that stay out of the group that these rows tell of, each with the reason; "" for one that is bad alone.

    Nobody where that is not known, or where the policy does not turn the group down for it.
    """
    tried = row.simulation
    stopped = row.verdict is Verdict.REJECT or (tried is not None and tried.isolation is Isolation.NONE)
    if tried is None or not tried.culprits or not stopped:
        return {}
    from bot.core import clashes  # here and below: few groups fail, and a look is to begin quickly

    steps = {clashes.step_of(part): part for part in parts}
    if not tried.spare:
        return {steps[step]: "" for step in tried.culprits}
    clash = clashes.of(tried)
    last = clashes.last_of(clash, steps)
    return {steps[last]: clashes.why(clash, last, here=False)} if last is not None else {}


def held(row: Row, why: str) -> Row:
    """The row of one that stays out. why: as `staying` gives it."""
    return replace(row, verdict=Verdict.HOLD, why=(why, *row.why)) if why else row


async def hindered(
    rows: Sequence[Row],
    parts: Sequence[Member],
    problem: ConfigProblem,
    hinders: Callable[[Sequence[Member]], Awaitable[bool]],
) -> Sequence[Row]:
    """The rows of a group that cannot be written or locked, with those of it that hinder the others."""
    if len(parts) < 2:
        return rows
    from bot.core import bisecting
    from bot.lab import bisect

    try:
        if not await hinders(parts):
            return rows
        found = await bisect.unlocked(parts, hinders)
    except SurefootError:
        return rows
    refused = Simulation(head=Sha(""), base=Sha(""), grade=Grade.FAILED, why=str(problem), isolation=Isolation.NONE)
    told = bisecting.named(refused, found)
    return [replace(row, simulation=told) for row in rows] if told.culprits else rows
