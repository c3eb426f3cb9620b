"""How many pull requests a repository is given at once: the urgent first, a grave fix always, the rest in its turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.grouping import STEPS, ids_of
from bot.core.lifecycle import PULL_IS_OPEN
from bot.core.model import Priority, State, Update, UpdateId
from bot.core.repo_config import Limits
from bot.core.schedules import Schedule

# One that was rejected stays open for people to see, and waits for nothing.
WAITING = (PULL_IS_OPEN | {State.DETECTED}) - {State.REJECTED}
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Whose turn it is. released: updates that a person wants now."""

    limits: Limits
    schedule: Schedule
    released: frozenset[UpdateId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An update that waits for its turn. until (UTC): when time alone will free it, where that is known.

    ends: whether it waits for nothing that would come.
    """

    update: Update
    why: str
    until: datetime | None = None
    ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What may be proposed now, the most urgent first, and what waits."""

    taken: tuple[Update, ...]
    held: tuple[Held, ...]


def share(found: Sequence[Update], known: Sequence[Update], rules: Turns, now: datetime) -> Shared:
    """Which of the found updates may be proposed now. known: the repository's earlier ones, ended ones too."""
    limits, schedule = rules.limits, rules.schedule
    before = {update.id for update in known}
    waiting = sum(update.state in WAITING for update in known)
    recent = sorted(update.created for update in known if now - update.created < HOUR)
    taken: list[Update] = []
    held: list[Held] = []
    opens = schedule.opens(now)
    for update in sorted(found, key=_order):
        if update.id in before or ids_of(update) & rules.released or update.priority >= Priority.HIGH:
            taken.append(update)
            continue
        fresh = sum(one.id not in before for one in taken)
        if opens > now:
            held.append(Held(update=update, why=f"the schedule opens at {opens:%Y-%m-%d %H:%M} UTC", until=opens))
        elif limits.open and waiting + fresh >= limits.open:
            held.append(Held(update=update, why=f"{waiting + fresh} pull requests are open, and that is the limit"))
        elif limits.hourly and len(recent) + fresh >= limits.hourly:
            until = (recent[0] if recent else now) + HOUR
            why = f"{limits.hourly} were proposed within an hour, and that is the limit"
            held.append(Held(update=update, why=why, until=until))
        else:
            taken.append(update)
    return Shared(taken=tuple(taken), held=tuple(held))


def _order(update: Update) -> tuple[int, int, str, str]:
    # Small steps first: they are the most likely to be done with soon, and free their place again.
    return -update.priority, STEPS.index(update.kind), update.component.name, update.target
