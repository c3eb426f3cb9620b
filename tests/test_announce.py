"""The voice: one comment and one check run of a kind, kept as the row says; what it could not say it says later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.announce import QUIET, Announcer, Live
from bot.core import names
from bot.core.errors import Missing, Refused, SurefootError, Transient
from bot.core.model import Component, Grade, Priority, PullNumber, Simulation, State, Update
from bot.core.ports import Say, Trial
from bot.github import comments, pulls
from bot.store.rows import UpdateRow
from bot.store.store import Store
from tests.builders import NOW, a_decision, a_merge, a_pull, a_rollout, a_sha, a_simulation, an_entry, an_update
from tests.github.town import REPO, Town, town
from tests.store.world import a_world


@dataclass(kw_only=True)
class Stage:
    """A pull request on GitHub, its row in the store, and a voice with a clock that a test moves."""

    shop: Town
    store: Store
    update: Update
    now: datetime = NOW
    pages: str = ""

    @property
    def voice(self) -> Announcer:
        return Announcer(self.store, self.gh, us=self.us, clock=lambda: self.now, pages=self.pages)

    async def gh(self, _update: Update):
        return self.shop.gh

    async def us(self):
        return self.shop.us

    async def saved(self, **changes: Any) -> UpdateRow:
        """The row with these changes, as after a turn of the loop."""
        row = await self.store.load(self.update.id)
        assert row is not None
        self.update = replace(row.update, **changes)
        return await self.store.save(row, self.update)

    async def says(self, *, important: bool = True, **changes: Any) -> None:
        await self.voice(await self.saved(**changes), important)

    async def comments(self) -> list[str]:
        found = await comments.listed(self.shop.gh, REPO, self.update.pull.number)
        return [one.body for one in found if one.is_bot]

    def runs(self) -> dict[str, list[tuple[str, str | None]]]:
        """Every check run that was made, by name: how each stands."""
        told: dict[str, list[tuple[str, str | None]]] = {}
        for one in self.shop.repo.checks.values():
            told.setdefault(one.name, []).append((one.status, one.conclusion))
        return told

    def wrote(self) -> int:
        """How many requests changed something on GitHub."""
        return len([one for one in self.shop.of_app() if one.method != "GET" and "access_tokens" not in one.path])


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with town(tmp_path) as shop, a_world(f"sqlite:///{tmp_path / 'voice.sqlite'}") as world:
        head = await shop.push({"requirements.txt": "greeter==1.2.4\n"}, branch="surefoot/greeter-1.2.4")
        opened = await pulls.open(shop.gh, REPO, branch="surefoot/greeter-1.2.4", base="main", title="t", body="")
        update = an_update(state=State.PROPOSED, pull=a_pull(number=opened.number, head=head))
        await world.store.add(update, an_entry(update=update.id), enqueue=False)
        yield Stage(shop=shop, store=world.store, update=update)


async def test_one_comment_is_kept_up_to_date(stage):
    """Edited in place, found by its mark, also by a process that remembers nothing; what is unchanged is not sent."""
    await stage.says(note="opened #1")
    await stage.says(state=State.IN_REVIEW, note="a major needs a review")
    [body] = await stage.comments()
    assert names.mark_of(stage.update) in body and "a major needs a review" in body

    asked = len(stage.shop.of_app())
    await stage.says()
    assert asked == len(stage.shop.of_app())

    await stage.store.say(stage.update.id, {})  # the memory is lost with the database
    await stage.says(note="now with another word")
    assert ["now with another word" in one for one in await stage.comments()] == [True]


async def test_somebodys_copy_of_our_mark_is_not_edited(stage):
    """A person who pastes it gets no words put into their mouth."""
    url = f"/repos/{REPO}/issues/{stage.update.pull.number}/comments"
    theirs = await stage.shop.people["cyd"].post(url, data={"body": names.mark_of(stage.update)})
    await stage.says(note="opened")
    again = await stage.shop.gh.getitem(f"/repos/{REPO}/issues/comments/{theirs['id']}")

    assert names.mark_of(stage.update) == again["body"] and 1 == len(await stage.comments())


async def test_each_check_run_is_made_once_and_follows_the_row(stage):
    """Running, then its conclusion in the same run; the policy's and the rollout's beside it."""
    head = stage.update.pull.head
    await stage.says()
    assert {names.SIMULATION: [("in_progress", None)]} == stage.runs()
    asked = len(stage.shop.of_app())
    await stage.says()
    assert asked == len(stage.shop.of_app())

    failed = a_simulation(head=head, base=stage.shop.tip, grade=Grade.FAILED)
    await stage.says(state=State.REJECTED, simulation=failed, decision=a_decision(head=head))
    await stage.says(rollout=a_rollout(sha=stage.shop.tip))
    await stage.store.say(stage.update.id, {})
    await stage.says()

    assert {
        names.SIMULATION: [("completed", "failure")],
        names.POLICY: [("completed", "success")],
        names.ROLLOUT: [("in_progress", None)],
    } == stage.runs()


async def test_small_news_waits_for_ten_quiet_seconds(stage):
    """A rollout that is looked at every second does not write every second; what was put off is not forgotten."""
    await stage.says(note="one")
    stage.now += QUIET - timedelta(milliseconds=1)
    await stage.says(important=False, note="two")
    assert "one" in (await stage.comments())[0]
    assert (stage.update.id,) == await stage.store.unsaid()

    stage.now += timedelta(milliseconds=1)
    await stage.says(important=False, note="three")
    assert "three" in (await stage.comments())[0]
    assert () == await stage.store.unsaid()


async def test_a_rollout_speaks_once_a_minute(stage):
    """GitHub takes some hundred writes an hour; those that a rollout spends on words are not there to turn it back."""
    await stage.says(note="one", state=State.ROLLING_OUT, merge=a_merge(), rollout=a_rollout())
    for _ in range(5):
        stage.now += QUIET
        await stage.says(important=False, note=f"at {stage.now:%M:%S}")
    assert "one" in (await stage.comments())[0]

    stage.now += QUIET
    await stage.says(important=False, note="a minute later")
    assert "a minute later" in (await stage.comments())[0]


async def test_important_news_does_not_wait(stage):
    """Nor is the first word ever put off."""
    await stage.says(important=False, note="one")
    await stage.says(note="two")

    assert "two" in (await stage.comments())[0]


@pytest.mark.parametrize(("path", "left"), [("/check-runs", "comment"), ("/comments", "check runs")])
async def test_one_refusal_does_not_silence_the_rest(stage, path, left):
    """What GitHub takes is said; what it does not is raised, stays unsaid, and is said the next time, alone."""
    stage.shop.box.world.faults.request("answer", path=path, status=502)
    with pytest.raises(Transient, match="502"):
        await stage.says(note="opened")

    said = await stage.comments() if left == "comment" else stage.runs()
    assert said and (stage.update.id,) == await stage.store.unsaid()

    wrote = stage.wrote()
    row = await stage.store.load(stage.update.id)
    await stage.voice(row, True)
    assert (1, 1, wrote + 1) == (len(await stage.comments()), len(stage.runs()), stage.wrote())
    assert () == await stage.store.unsaid()


async def test_the_first_of_two_troubles_is_told(stage):
    """Both fail: one error, nothing said, nothing remembered as said."""
    stage.shop.box.world.faults.request("answer", path="/check-runs", status=502)
    stage.shop.box.world.faults.request("answer", path="/comments", status=503)
    with pytest.raises(Transient, match="check-runs: 502"):
        await stage.says(note="opened")
    assert {} == (await stage.store.load(stage.update.id)).said


async def test_a_commit_that_is_gone_is_nobodys_error(stage):
    """History was rewritten and swept: the check run has nowhere to be, the comment is said, and that is all."""
    await stage.says(pull=a_pull(number=stage.update.pull.number, head=a_sha(77)), note="opened")

    assert ({}, 1) == (stage.runs(), len(await stage.comments()))
    assert () == await stage.store.unsaid()


async def test_where_everything_is_gone_nobody_is_told_for_ever(stage):
    """The repository or the installation was removed: it is said once that it cannot be said, not every half minute."""
    with pytest.raises(Missing):
        await stage.says(pull=a_pull(number=PullNumber(404), head=stage.update.pull.head), note="opened")

    assert () == await stage.store.unsaid()


async def test_a_locked_conversation_is_not_written_to_every_half_minute(stage):
    """The check runs are said all the same; the comment comes with the next word after it is unlocked."""
    lock = f"/repos/{REPO}/issues/{stage.update.pull.number}/lock"
    await stage.shop.people["ann"].put(lock)
    with pytest.raises(Refused, match="issue is locked"):
        await stage.says(note="opened")
    assert (1, (), []) == (len(stage.runs()), await stage.store.unsaid(), await stage.comments())

    await stage.shop.people["ann"].delete(lock)
    await stage.says(note="opened again")
    assert ["opened again" in one for one in await stage.comments()] == [True]


async def test_a_refusal_that_may_be_mended_is_tried_again(stage):
    """The operator forgot a permission: it is said once it is granted, without anything else happening."""
    stage.shop.box.world.faults.request("answer", path="/comments", status=403)
    with pytest.raises(Refused):
        await stage.says(note="opened")
    assert (stage.update.id,) == await stage.store.unsaid()


async def test_a_passing_fault_beside_a_loss_is_tried_again(stage):
    """Only when nothing is left that could be said later is it over."""
    stage.shop.box.world.faults.request("answer", path="/comments", status=404)
    stage.shop.box.world.faults.request("answer", path="/check-runs", status=502)
    with pytest.raises(SurefootError):
        await stage.says(note="opened")
    assert (stage.update.id,) == await stage.store.unsaid()

    await stage.voice(await stage.store.load(stage.update.id), True)
    assert (1, 1) == (len(stage.runs()), len(await stage.comments()))


async def test_before_there_is_a_pull_request_nothing_is_said(stage):
    """Nowhere to say it; it counts as said. So does a branch that is being made anew."""
    await stage.shop.gh.getitem(f"/repos/{REPO}")
    await stage.says(pull=None, state=State.DETECTED)
    await stage.says(pull=a_pull(number=1, head=stage.shop.tip), state=State.DETECTED)

    assert (0, ()) == (stage.wrote() - 1, await stage.store.unsaid())  # the one that opened the pull request


async def until(true) -> None:
    """Wait until this holds."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the world has no event for it
            await asyncio.sleep(0.01)


async def test_a_trial_that_goes_on_is_shown_as_it_goes(stage):
    """Its check run names what is being done; many words in one while make one edit, and none comes after the end."""
    await stage.says()
    before = stage.wrote()
    async with Live(stage.shop.gh, stage.update, every=timedelta(seconds=0.2))() as say:
        for words in ("preparing environments", "running unit: pytest", "running `2` failures again"):
            say(words)
        await until(lambda: stage.wrote() > before)
        [shown] = stage.shop.repo.checks.values()
        assert ("in_progress", None) == (shown.status, shown.conclusion)
        assert "Running `2` failures again" == shown.output["title"]
        assert "running unit: pytest" in shown.output["summary"]
        say("never seen")
    await stage.says(state=State.SIMULATED, simulation=a_simulation(head=stage.update.pull.head))

    await asyncio.sleep(0.3)
    assert {names.SIMULATION: [("completed", "success")]} == {names.SIMULATION: stage.runs()[names.SIMULATION]}
    asked = [one for one in stage.shop.of_app() if "check-runs" in one.path and one.method != "GET"]
    assert 3 == len(asked), "made, one edit while it went on, and the verdict"


async def test_which_part_of_a_group_is_being_tried_is_shown(stage, tmp_path):
    """A failing group is taken apart in minutes, and people see how far it is."""

    class Slow:
        async def simulate(self, trial: Trial, say: Say) -> Simulation:
            say("running unit: pytest")
            await until(lambda: "trying a part" in str([one.output for one in stage.shop.repo.checks.values()]))
            return a_simulation(head=trial.head)

    await stage.says()
    shown = Live(stage.shop.gh, stage.update, every=timedelta(seconds=0.1)).over(Slow())
    step = replace(stage.update.parts[0], component=Component(name="greeter"))
    trial = Trial(
        base=tmp_path,
        candidate=tmp_path,
        head=stage.update.pull.head,
        base_sha=stage.update.pull.head,
        component=step.component,
        parts=(step,),
        written={"requirements.txt": ""},
    )
    await shown.simulate(trial)
    [run] = stage.shop.repo.checks.values()
    assert "`trying a part of the group: greeter`" in run.output["summary"]


async def test_progress_that_cannot_be_shown_hinders_nobody(stage):
    """GitHub does not take it: the trial goes on, and the next word is tried again."""
    stage.shop.box.world.faults.request("answer", path="/check-runs", status=502)
    async with Live(stage.shop.gh, stage.update, every=timedelta(seconds=0.05))() as say:
        say("first")
        await until(lambda: any(one.status == 502 for one in stage.shop.box.log))
        say("second")
        await until(stage.runs)
    assert {names.SIMULATION: [("in_progress", None)]} == stage.runs()


async def test_title_and_text_follow_what_came_to_light(stage):
    """An advisory that was withdrawn is no reason in the title any more; what did not change is not written again."""
    await stage.says(note="opened", fixes=("CVE-2026-1",), priority=Priority.CRITICAL)
    await stage.says(note="withdrawn", fixes=(), priority=Priority.LOW)
    pull = await pulls.get(stage.shop.gh, REPO, stage.update.pull.number)
    assert (names.title_of(stage.update), True) == (pull.title, "CVE-2026-1" not in pull.title)
    assert "Priority: low." in pull.body

    wrote = stage.wrote()
    await stage.says(note="withdrawn")
    assert wrote == stage.wrote()


async def test_what_a_person_wrote_into_the_title_stays(stage):
    """Unless what is proposed, or why, is another than before."""
    await stage.says(note="opened")
    await pulls.edit(stage.shop.people["ann"], REPO, stage.update.pull.number, title="ours")
    await stage.says(note="tried")

    assert "ours" == (await pulls.get(stage.shop.gh, REPO, stage.update.pull.number)).title


async def test_a_check_run_leads_to_our_own_page(stage):
    """Once the operator says where that is, also on a run that was made before; and it is written once."""
    await stage.says()
    stage.pages = "https://bot.example"
    await stage.says(note="a word")
    [run] = stage.shop.repo.checks.values()
    assert f"https://bot.example/updates/{stage.update.id}" == run.details_url
    wrote = len(stage.shop.asked("PATCH", "check-runs"))
    await stage.store.say(stage.update.id, {})
    await stage.says()
    assert wrote == len(stage.shop.asked("PATCH", "check-runs"))
