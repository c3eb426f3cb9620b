"""Tries the update as it would be merged: both sides' suites in a jail, compared test by test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from gidgethub.abc import GitHubAPI

from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome
from bot.core.model import Grade, Isolation, Sha, Simulation, State, Update
from bot.core.ports import Lab, Say, Trial
from bot.core.repo_config import RepoConfig
from bot.github import commits
from bot.github.checkout import Trees

Live = Callable[[], AbstractAsyncContextManager[Say]]  # shows what is said to it while the context lasts
Checkout = Callable[[Sha, Sha], AbstractAsyncContextManager[Trees]]  # base, head


async def run(
    update: Update, *, gh: GitHubAPI, checkout: Checkout, lab: Lab, config: RepoConfig, live: Live
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
            async with live() as say:
                result = await lab.simulate(_trial(update, trees, pull.head, base, config), say)
    return Moved(update=replace(update, simulation=result), to=State.SIMULATED, why=result.why)


def _trial(update: Update, trees: Trees, head: Sha, base: Sha, config: RepoConfig) -> Trial:
    return Trial(
        base=trees.base,
        candidate=trees.candidate,
        head=head,
        base_sha=base,
        component=update.component,
        suites=config.simulate.suites,
        left_out=config.simulate.left_out,
        seconds=config.simulate.seconds,
        memory_mib=config.simulate.memory_mib,
    )


def _conflict(head: Sha, base: Sha, words: str) -> Simulation:
    why = f"it conflicts with the base branch ({words}) and the branch is not ours alone"
    return Simulation(head=head, base=base, grade=Grade.UNKNOWN, why=why, isolation=Isolation.NONE)
