"""Simulate: what is tried is the head merged into the base as it is now, each pair once, and a conflict is no guess."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.core.errors import Permanent
from bot.core.model import Component, Grade, Isolation, PullNumber, Simulation, State, Update
from bot.core.ports import Say, Trial, silent
from bot.core.preparing import Prepare
from bot.core.repo_config import RepoConfig, Simulate
from bot.core.suites import Asked
from bot.github import checkout, pulls
from bot.lab.bisect import Means
from bot.stages import propose, simulate
from tests.builders import NOW, an_update
from tests.github.town import REPO, Town
from tests.stages.world import KEEPER, MANIFESTS, drawn, moved, proposed, text_at

PREPARE = Prepare(run="make deps", files=("lock",), keep=("deps",))
CONFIG = RepoConfig(
    simulate=Simulate(
        suites={"unit": Asked(run="pytest")}, left_out={"tests/slow": "slow"}, seconds=60, memory_mib=512,
        prepare=PREPARE,
    )
)  # fmt: skip


@dataclass
class Lab:
    """Reads what both sides pin, and passes it."""

    seen: list[Trial] = field(default_factory=list)
    pinned: list[tuple[str, str]] = field(default_factory=list)

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """What was asked, remembered."""
        self.seen.append(trial)
        self.pinned.append(tuple((side / "requirements.txt").read_text() for side in (trial.base, trial.candidate)))
        return Simulation(
            head=trial.head, base=trial.base_sha, grade=Grade.PASSED, why="passed", isolation=Isolation.FULL
        )


async def run(shop: Town, update, lab: Lab, config: RepoConfig = CONFIG):
    @asynccontextmanager
    async def trees(base, head):
        token = await shop.forge.token(shop.installation, REPO)
        with tempfile.TemporaryDirectory() as folder:
            yield await checkout.trees(shop.forge.git_url(REPO), token, base=base, head=head, into=Path(folder))

    given = {"checkout": trees, "config": config, "means": Means(lab=lab, manifests=MANIFESTS, keeper=KEEPER)}
    return await simulate.run(update, gh=shop.gh, **given)


async def test_both_sides_are_real_trees_of_the_base_as_it_is_now(shop):
    """The candidate is the merge: the base's newest file is in it, and so is the new pin."""
    update = await proposed(shop)
    tip = await shop.push({"new.py": "x = 1\n"})
    lab = Lab()

    after = moved(await run(shop, update, lab), State.SIMULATED)
    [trial] = lab.seen

    assert [("greeter==1.2.3\n", "greeter==1.2.4\n")] == lab.pinned
    assert (update.pull.head, tip) == (after.simulation.head, after.simulation.base) == (trial.head, trial.base_sha)
    assert ({"unit": Asked(run="pytest")}, {"tests/slow": "slow"}, 60, 512) == (
        trial.suites,
        trial.left_out,
        trial.seconds,
        trial.memory_mib,
    )
    assert trial.prepare == replace(PREPARE, repo=update.repo)  # by our own word for it, and not the repository's


async def test_the_same_pair_is_not_tried_twice(shop):
    """A process that died after its save goes on without another trial; a moved base is another pair."""
    lab = Lab()
    first = moved(await run(shop, await proposed(shop), lab), State.SIMULATED)
    again = moved(await run(shop, replace(first, state=State.PROPOSED), lab), State.SIMULATED)

    assert (1, first.simulation) == (len(lab.seen), again.simulation)

    await shop.push({"new.py": "x = 1\n"})
    moved(await run(shop, replace(first, state=State.PROPOSED), lab), State.SIMULATED)
    assert 2 == len(lab.seen)


async def test_our_own_branch_is_made_anew_over_a_conflict(shop):
    """The base changed the same line: nothing runs, the branch is rebuilt on it, and then it can be tried."""
    update = await proposed(shop)
    await shop.push({"requirements.txt": "greeter==1.2.3  # why\n"})
    lab = Lab()

    outcome = await run(shop, update, lab)
    behind = drawn(update, outcome)
    again = await propose.run(behind, gh=shop.gh, us=shop.us, manifests=MANIFESTS, keeper=KEEPER, now=NOW)
    moved(await run(shop, moved(again, State.PROPOSED), lab), State.SIMULATED)

    assert "main moved into its way" in moved(outcome, State.DETECTED).note
    assert [("greeter==1.2.3  # why\n", "greeter==1.2.4  # why\n")] == lab.pinned
    assert 1 == len(shop.repo.pulls)


async def test_a_branch_with_foreign_commits_is_not_made_anew(shop):
    """Somebody's work would be lost: the trial is unknown, names the file, and a person decides."""
    update = await proposed(shop)
    theirs = await shop.push({"requirements.txt": "greeter==1.2.4  # theirs\n"}, branch=update.pull.branch)
    update = replace(update, pull=replace(update.pull, head=theirs, ours=False))
    await shop.push({"requirements.txt": "greeter==1.2.3  # why\n"})
    lab = Lab()

    after = moved(await run(shop, update, lab), State.SIMULATED)

    assert (Grade.UNKNOWN, Isolation.NONE, []) == (after.simulation.grade, after.simulation.isolation, lab.seen)
    assert "requirements.txt" in after.simulation.why and "not ours alone" in after.simulation.why
    assert "greeter==1.2.4  # theirs\n" == await text_at(shop, "requirements.txt", update.pull.branch)


@dataclass
class Strict(Lab):
    """Nothing passes that pins the new greeter; says that it ran in the repository's own Actions."""

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        told = await Lab.simulate(self, trial, say)
        failed = self.pinned[-1][1] == "greeter==1.2.4\n"
        return replace(told, grade=Grade.FAILED if failed else Grade.PASSED, isolation=Isolation.ACTIONS)


async def grouped(shop) -> Update:
    """A group of two: greeter, and one whose pin does not move any more."""
    update = await proposed(shop)
    (greeter,) = update.parts
    other = replace(greeter, component=Component(name="other"), pins=())
    return replace(update, members=(greeter, other))


async def test_a_failing_group_is_taken_apart_wherever_it_ran(shop):
    """Also by the repository's own Actions: what was written on the base goes along, for there is no commit of it."""
    lab = Strict()
    after = moved(await run(shop, await grouped(shop), lab), State.SIMULATED)

    assert [(Component(name="greeter"), "1.2.4")] == list(after.simulation.culprits)
    assert "of the group, `greeter 1.2.4` makes it fail; the others pass without" in after.note
    assert [{}, {"requirements.txt": "greeter==1.2.4\n"}, {}] == [trial.written for trial in lab.seen]


@pytest.mark.parametrize("why", ["not ours alone", "simulate.bisect"])
async def test_a_group_is_not_taken_apart_where_that_would_tell_nothing_or_is_unwanted(shop, why):
    """Somebody's commits are on the branch, and may be what fails; or the owner does not want it: one trial."""
    update, lab, config = await grouped(shop), Strict(), CONFIG
    if why == "simulate.bisect":
        config = replace(CONFIG, simulate=replace(CONFIG.simulate, bisect=False))
    else:
        update = replace(update, pull=replace(update.pull, ours=False))
    after = moved(await run(shop, update, lab, config), State.SIMULATED)

    assert (1, ()) == (len(lab.seen), after.simulation.culprits)
    assert any("is not known" in note and why in note for note in after.simulation.notes)


async def test_nothing_to_try_asks_a_person(shop):
    """No pull request, or a base branch that somebody removed."""
    with pytest.raises(Permanent, match="no pull request"):
        await run(shop, an_update(installation=shop.installation), Lab())
    update = await proposed(shop)
    with pytest.raises(Permanent, match="branch gone is gone"):
        await run(shop, replace(update, pull=replace(update.pull, base="gone")), Lab())
    assert "open" == (await pulls.get(shop.gh, REPO, PullNumber(update.pull.number))).state
