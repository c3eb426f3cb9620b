"""How a release gets its traffic: a strategy is a tuple of stages, and `next_move` says what to do about one now.

A stage ends when its bake time is over, its minimum of requests was seen, and the judge does not say BAD. GOOD shortens
the bake and nothing else; BAD turns back at once. Where requests or readings stay away for `longest`, a person is
asked: silence is no proof of health, and no proof of a fault either.

The last stage has all the traffic, so nothing is left to compare with. It bakes like the others, and the judge holds
it against a fixed rate there (see `judge`): coarser, but a release that fails under full load is still turned back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TypeAlias

from bot.core import judge
from bot.core.durations import duration, spoken
from bot.core.errors import ConfigProblem
from bot.core.judge import Ruling
from bot.core.model import Rollout

POLL = timedelta(seconds=10)  # how often a step in hand is looked at
FRESH = timedelta(minutes=2)  # a reading older than this says nothing of now
LEAST_PATIENCE = timedelta(minutes=10)
MOST_STAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One share of the traffic. weight: per cent; bake: how long to look; min_requests: to the canary, 0 for no judge.

    patience: how long to wait for that many requests before a person is asked; None: six bakes, ten minutes at least.
    """

    weight: int
    bake: timedelta
    min_requests: int
    patience: timedelta | None = None

    @property
    def longest(self) -> timedelta:
        """The time after which this stage no longer waits; never less than its bake."""
        return max(self.patience or max(6 * self.bake, LEAST_PATIENCE), self.bake)


Strategy: TypeAlias = tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Look again at `until` (UTC)."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Give the canary `weight` per cent: the stage at `index`."""

    index: int
    weight: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """All traffic, long enough: this release is the stable one now."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBack:
    """All traffic to the stable release again."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is known is not enough to go on or to turn back: a person decides."""

    why: str


Move: TypeAlias = Wait | Advance | Finish | TurnBack | Ask


def canary(
    steps: Sequence[int] = (5, 25, 50, 100), bake: timedelta = timedelta(minutes=5), min_requests: int = 100
) -> Strategy:
    """One stage for each weight, all alike otherwise."""
    return tuple(Stage(weight=weight, bake=bake, min_requests=min_requests) for weight in steps)


STRATEGIES: Mapping[str, Callable[[], Strategy]] = {
    "canary": canary,
    "cautious": lambda: canary((1, 5, 10, 25, 50, 100), timedelta(minutes=15), 500),
    "quick": lambda: canary((10, 50, 100), timedelta(minutes=2), 50),
    "all_at_once": lambda: canary((100,)),
}


def read(kind: str, options: Mapping[str, object], *, where: str = "") -> Strategy:
    """The named strategy with a repository's own `steps`, `bake`, `min_requests` and `patience` in place of its own.

    steps: weights in per cent, rising, the last 100; bake and patience: spans like "5m"; min_requests: a whole number.
    ConfigProblem, with `where`, for anything else.
    """
    strategy = _named(kind, where)
    unknown = sorted(set(options) - {"steps", "bake", "min_requests", "patience"})
    if unknown:
        mend = "It has steps, bake, min_requests and patience"
        raise _problem(f"strategy {kind} has no option {unknown[0]!r}", where, mend)
    bake = _span(options, "bake", where)
    requests = _whole(options, strategy[0].min_requests, where)
    steps = _steps(options, [stage.weight for stage in strategy], where)
    patience = _span(options, "patience", where)
    bake = strategy[0].bake if bake is None else bake
    return tuple(replace(stage, patience=patience) for stage in canary(steps, bake, requests))


def next_move(strategy: Strategy, rollout: Rollout, ruling: Ruling, *, now: datetime) -> Move:
    """What to do about a rollout whose evidence was just ruled on.

    A step counts from `rollout.step.finished`, the moment at which the traffic had its weight.
    """
    if rollout.index >= 0 and ruling is Ruling.BAD:
        return TurnBack(why=judge.explain(rollout.evidence))
    step = rollout.step
    if rollout.index >= len(strategy):
        return Ask(why=f"the strategy has {len(strategy)} steps now, and this rollout is at step {rollout.index + 1}")
    if rollout.index < 0:
        if step is not None and step.finished is None:
            return Wait(until=now + POLL, why="being installed")
        return Advance(index=0, weight=strategy[0].weight, why=f"installed; {strategy[0].weight} % of traffic next")
    if step is None or step.finished is None:
        return Wait(until=now + POLL, why=f"moving traffic to {strategy[rollout.index].weight} %")
    if step.weight != strategy[rollout.index].weight:
        wanted = strategy[rollout.index].weight
        return Ask(why=f"the strategy has {wanted} % now where {step.weight} % of the traffic runs it")
    return _in_hand(strategy, rollout, ruling, began=step.finished, now=now)


def _in_hand(strategy: Strategy, rollout: Rollout, ruling: Ruling, *, began: datetime, now: datetime) -> Move:
    stage = strategy[rollout.index]
    lack = _lack(stage, rollout, now)
    baked = now >= began + stage.bake
    if lack is None and (baked or ruling is Ruling.GOOD):
        return _onward(strategy, rollout, ruling)
    if lack is not None and now >= began + stage.longest:
        return Ask(why=f"{lack} after {spoken(now - began)} at {stage.weight} %, so nothing can be said of its health")
    if not baked:
        why = f"{stage.weight} % until {began + stage.bake:%H:%M:%S} UTC: {_seen(stage, rollout)}"
        return Wait(until=min(now + POLL, began + stage.bake), why=why)
    return Wait(until=min(now + POLL, began + stage.longest), why=f"{stage.weight} %: {lack}")


def _lack(stage: Stage, rollout: Rollout, now: datetime) -> str | None:
    """What is missing before this stage may end, in words."""
    if not stage.min_requests:
        return None
    evidence = rollout.evidence
    if evidence.canary.requests < stage.min_requests:
        return f"{evidence.canary.requests} of {stage.min_requests} requests seen"
    if evidence.last is None or now - evidence.last.at > FRESH:
        return f"no reading since {evidence.last.at:%H:%M:%S} UTC" if evidence.last else "no reading"
    return None


def _onward(strategy: Strategy, rollout: Rollout, ruling: Ruling) -> Move:
    stage, index = strategy[rollout.index], rollout.index + 1
    early = ", ended early" if ruling is Ruling.GOOD else ""
    why = f"{stage.weight} % held{early}: {_seen(stage, rollout)}"
    if index == len(strategy):
        return Finish(why=why)
    return Advance(index=index, weight=strategy[index].weight, why=f"{why}; {strategy[index].weight} % next")


def _seen(stage: Stage, rollout: Rollout) -> str:
    return judge.explain(rollout.evidence) if stage.min_requests else "not judged, by its configuration"


def _named(kind: str, where: str) -> Strategy:
    if kind not in STRATEGIES:
        near = get_close_matches(kind, STRATEGIES, n=1)
        mend = f"Did you mean {near[0]}?" if near else f"There are {', '.join(STRATEGIES)}"
        raise _problem(f"no strategy {kind!r}", where, mend)
    return STRATEGIES[kind]()


def _span(options: Mapping[str, object], name: str, where: str) -> timedelta | None:
    if name not in options:
        return None
    try:
        return duration(str(options[name]))
    except ValueError as error:
        raise _problem(f"{name}: {error}", where, "") from error


def _whole(options: Mapping[str, object], default: int, where: str) -> int:
    value = options.get("min_requests", default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _problem(f"min_requests: {value!r} is no count", where, "Write a whole number, 0 to go on by time alone")
    return value


def _steps(options: Mapping[str, object], default: Sequence[int], where: str) -> list[int]:
    value = options.get("steps", default)
    steps = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    whole = bool(steps) and all(type(step) is int and 0 < step <= 100 for step in steps)
    if not whole or steps != sorted(set(steps)) or steps[-1] != 100 or len(steps) > MOST_STAGES:
        raise _problem(f"steps: {value!r} is no way to 100 %", where, "Write rising whole numbers: [5, 25, 50, 100]")
    return steps


def _problem(message: str, where: str, mend: str) -> ConfigProblem:
    return ConfigProblem(message, where=where, mend=mend)
