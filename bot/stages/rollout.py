"""Gives the new release more traffic, or turns back; it can neither merge nor deploy, it only names the next step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from gidgethub.abc import GitHubAPI

from bot.core import judge, strategies
from bot.core.errors import Permanent, SurefootError
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Evidence, Rollout, State, Step, Update
from bot.core.ports import HealthSource, Leases
from bot.github import deployments

LOOK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Ways:
    """What a move needs to be followed. look: when to look again at the latest (UTC)."""

    gh: GitHubAPI
    leases: Leases
    look: datetime


async def run(
    update: Update,
    *,
    gh: GitHubAPI,
    strategy: strategies.Strategy | None,
    health: HealthSource | None,
    leases: Leases,
    now: datetime,
) -> Outcome:
    """One look at how the releases feel, and what follows from it."""
    rollout = update.rollout
    if rollout is None or strategy is None:
        raise Permanent("there is no strategy for this rollout: its environment left the configuration")
    if rollout.step is not None and rollout.step.finished is None:
        # A person let it go on from a step that was stopped under way; of its requests nothing was said.
        ahead = replace(update, rollout=replace(rollout, waived=False))
        return Moved(update=ahead, to=State.DEPLOYING, why=f"{rollout.step.weight} % is carried out first")
    evidence, unheard = await _weighed(rollout, health)
    rollout = replace(rollout, evidence=evidence)
    seen = replace(update, rollout=rollout)
    move = strategies.next_move(_waived(strategy, rollout), rollout, judge.ruling(rollout.evidence), now=now)
    return await _follow(seen, rollout, _with(move, unheard), _Ways(gh, leases, now + _look(strategy)))


async def _follow(update: Update, rollout: Rollout, move: strategies.Move, ways: _Ways) -> Outcome:
    match move:
        case strategies.Wait(until=until, why=why):
            return Waiting(update=update, until=min(until, ways.look), why=why)
        case strategies.Advance(index=index, weight=weight, why=why):
            return _advance(update, rollout, index, weight, why)
        case strategies.Finish(why=why):
            return await _finish(update, rollout, ways.gh, ways.leases, why)
        case strategies.TurnBack(why=why):
            turned = replace(rollout, because=why)
            return Moved(update=replace(update, rollout=turned), to=State.ROLLING_BACK, why=why)
        case strategies.Ask(why=why):
            asked = replace(update, paused_from=State.ROLLING_OUT)
            out = "`/surefoot approve` goes on, `/surefoot rollback` goes back"
            return Moved(update=asked, to=State.PAUSED, why=f"{why}; {out}")
        case other:
            assert_never(other)


def _waived(strategy: strategies.Strategy, rollout: Rollout) -> strategies.Strategy:
    """Where a person let a step go on without its requests, only the bake time counts; BAD still turns back."""
    if not rollout.waived:
        return strategy
    return tuple(replace(s, min_requests=0) if i == rollout.index else s for i, s in enumerate(strategy))


async def _weighed(rollout: Rollout, health: HealthSource | None) -> tuple[Evidence, str]:
    """The evidence with this look, and in words why nothing was heard.

    A release that breaks its own health page is no reason to look away: silence uses up the step's patience.
    """
    if health is None or rollout.index < 0:
        return rollout.evidence, ""
    try:
        reading = await health.read(stable=rollout.stable, canary=rollout.sha, since=rollout.began)
    except SurefootError as error:
        return rollout.evidence, f"its health cannot be read ({error})"
    if reading is None:
        return rollout.evidence, ""
    return judge.weigh(rollout.evidence, reading), ""


def _with(move: strategies.Move, unheard: str) -> strategies.Move:
    return replace(move, why=f"{move.why}; {unheard}") if unheard else move


def _look(strategy: strategies.Strategy) -> timedelta:
    """A short bake is looked at often enough to be cut short, a long one not more than the scrape deserves."""
    shortest = min((stage.bake for stage in strategy), default=LOOK)
    return max(timedelta(seconds=1), min(LOOK, shortest / 4))


def _advance(update: Update, rollout: Rollout, index: int, weight: int, why: str) -> Outcome:
    step = Step(key=f"{update.id}:{rollout.environment}:{index + 1}", weight=weight)
    ahead = replace(rollout, index=index, step=step, waived=False)
    return Moved(update=replace(update, rollout=ahead), to=State.DEPLOYING, why=why)


async def _finish(update: Update, rollout: Rollout, gh: GitHubAPI, leases: Leases, why: str) -> Outcome:
    if rollout.deployment is not None:
        await deployments.set_status(gh, update.repo, rollout.deployment, state="success")
    await leases.release(rollout.environment)
    done = replace(update, environments_done=(*update.environments_done, rollout.environment))
    # Merged means: the next environment's turn, or the end, when there is none left.
    return Moved(update=done, to=State.MERGED, why=f"all traffic of {rollout.environment} runs it; {why}")
