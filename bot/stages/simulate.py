"""Tries the update as it would be merged: both sides' suites in a jail, compared test by test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from gidgethub.abc import GitHubAPI

from bot.core import bisecting
from bot.core.bisecting import Bisected
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome
from bot.core.model import Grade, Isolation, Sha, Simulation, State, Update
from bot.core.ports import Trial
from bot.core.repo_config import RepoConfig
from bot.github import commits
from bot.github.checkout import Trees
from bot.lab.bisect import Means, culprits

Checkout = Callable[[Sha, Sha], AbstractAsyncContextManager[Trees]]  # base, head


async def run(
    update: Update,
    *,
    gh: GitHubAPI,
    checkout: Checkout,
    config: RepoConfig,
    means: Means,
) -> Outcome:
    """Simulate the head merged into the base branch as it is now; the same pair is not tried twice."""
    pull = update.pull
    if pull is None:
        raise Permanent("there is no pull request to try")
    base = await commits.branch(gh, update.repo, pull.base)
    if base is None:
        raise Permanent(f"the branch {pull.base} is gone")
    done = update.simulation
    if done and (done.head, done.base) == (pull.head, base):
        return Moved(update=update, to=State.SIMULATED, why=done.why)
    async with checkout(base, pull.head) as trees:
        if trees.conflict and pull.ours:
            why = f"{pull.base} moved into its way: the branch is made anew"
            return Moved(update=update, to=State.DETECTED, why=why)
        if trees.conflict:
            result = _conflict(pull.head, base, trees.conflict)
        else:
            trial = _trial(update, trees, pull.head, base, config)
            result = await means.lab.simulate(trial)
            if result.grade is Grade.FAILED and len(update.members) > 1:
                result = await _taken_apart(update, config, trial, result, means)
    return Moved(update=replace(update, simulation=result), to=State.SIMULATED, why=result.why)


async def _taken_apart(
    update: Update, config: RepoConfig, trial: Trial, failed: Simulation, means: Means
) -> Simulation:
    """The verdict on a failing group, with those of it that make it fail."""
    assert update.pull is not None
    if not config.simulate.bisect:
        return bisecting.named(failed, Bisected(why=bisecting.OFF))
    if not update.pull.ours:
        # Smaller groups are made of our own steps, and what fails may be somebody else's.
        return bisecting.named(failed, Bisected(why="the branch holds commits that are not ours alone"))
    return bisecting.named(failed, await culprits(trial, failed, means))


def _trial(update: Update, trees: Trees, head: Sha, base: Sha, config: RepoConfig) -> Trial:
    own = config.simulate.prepare
    return Trial(
        base=trees.base,
        candidate=trees.candidate,
        head=head,
        base_sha=base,
        component=update.parts[0].component,
        parts=update.parts,
        suites=config.simulate.suites,
        left_out=config.simulate.left_out,
        seconds=config.simulate.seconds,
        memory_mib=config.simulate.memory_mib,
        prepare=own and replace(own, repo=update.repo),
    )


def _conflict(head: Sha, base: Sha, words: str) -> Simulation:
    why = f"it conflicts with the base branch ({words}) and the branch is not ours alone"
    return Simulation(head=head, base=base, grade=Grade.UNKNOWN, why=why, isolation=Isolation.NONE)
