"""From an answer to its row, and from a trial to the policy's verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.check.report import Row
from bot.core import policy
from bot.core.choice import Choice
from bot.core.grouping import gates_of, largest
from bot.core.model import Member, Sha, Simulation, Verdict
from bot.core.policy import Policy
from bot.core.survey import Group

NOT_TRIED = "not tried, as asked for by --no-simulate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One update that may be proposed: its steps, and the row of each so far."""

    parts: Sequence[Member]
    rows: Sequence[Row]

    @property
    def named(self) -> str:
        """What it brings, in words."""
        return ", ".join(f"{part.component.name} {part.target}" for part in self.parts)


def row_of(group: Group, choice: Choice) -> Row:
    """An answer as it is told, before anything is tried."""
    first = next((pin for pin in group.pins if pin.version), group.pins[0])
    return Row(
        name=group.component.name,
        ecosystem=group.component.ecosystem,
        manifest=first.path,
        line=first.line,
        current=choice.current,
        verdict=choice.verdict,
        why=choice.why,
        target=choice.target.version if choice.target and choice.verdict is not Verdict.CURRENT else None,
        kind=choice.kind,
        priority=choice.priority,
        held_until=choice.held_until,
        places=tuple(f"{pin.path}:{pin.line}" for pin in group.pins),
    )


def decided(proposal: Proposal, rules: Policy, simulation: Simulation | None, head: Sha, now: datetime) -> list[Row]:
    """The rows with the policy's verdict, which is one for all of them."""
    parts = proposal.parts
    facts = policy.Facts(
        kind=largest(parts),
        kinds=tuple(part.kind for part in parts),
        head=head,
        now=now,
        simulation=simulation,
        gates=gates_of(parts),
    )
    decision = policy.decide(facts, rules)
    # No forge is asked here, so there is nothing to be said of checks and reviews.
    told = [one.why for one in decision.findings if one.rule not in {"checks", "reviews"}]
    if simulation is None:  # nobody wanted it
        told = [NOT_TRIED if one.rule == "simulation" else one.why for one in decision.findings if one.why in told]
    notes = simulation.notes if simulation else ()
    return [
        replace(
            row, verdict=decision.verdict, simulation=simulation, why=tuple(dict.fromkeys((*row.why, *told, *notes)))
        )
        for row in proposal.rows
    ]
