"""Whole walks over HTTP: what a user does on GitHub, and what becomes of the update."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core import names
from bot.core.model import Grade, State
from tests.flows.flow import CONFIG, REPO, Flow, dispatches, flowing


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with flowing(tmp_path) as made:
        yield made


async def test_a_good_patch_goes_all_the_way(flow: Flow) -> None:
    """Published, proposed, tried, merged, deployed step by step, done: one pull request, one merge, one run a step."""
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.DONE)
    [pull] = await flow.rosa.pulls()
    checks = await flow.rosa.checks(pull.head)

    assert update.merge is not None and pull.merge_sha == update.merge.sha
    assert "1.2.4" in await flow.rosa.text("requirements.txt", "main")
    assert ("success", "success") == (checks[names.SIMULATION].conclusion, checks[names.POLICY].conclusion)
    assert ["0", "50", "100"] == [d["weight"] for d in dispatches(flow.box)]
    assert "success" == (await flow.rosa.deployment_states(update.merge.sha, "surefoot[bot]"))[-1]


async def test_a_major_waits_for_a_review_of_its_commit(flow: Flow) -> None:
    """A major is not merged before a person with the right to write approves exactly what was tried."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    pull = await flow.rosa.pull(update.pull.number)

    await flow.others["eve"].approve(pull)
    await flow.rosa.approve(pull)
    done = await flow.reach("2.0.0", State.DONE)

    assert ["rosa"] == [approval.who for approval in done.approvals]


async def test_a_push_takes_approval_away(flow: Flow) -> None:
    """An approval belongs to one commit: after a push the new one is tried, and waits for its own review."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    await flow.say(update, "/surefoot defer 2 hours")
    await flow.reach("2.0.0", State.DEFERRED)
    await flow.rosa.approve(await flow.rosa.pull(update.pull.number))

    await flow.rosa.commit(
        "requirements.txt", "surefoot-demo-greeter==2.0.0\n# ok\n", branch=update.pull.branch, message="x"
    )
    await flow.until(lambda: len(flow.lab.trials) == 2)
    again = await flow.reach("2.0.0", State.DEFERRED)

    assert again.pull.head != update.pull.head
    assert () == again.approvals
    assert not again.pull.ours


async def test_a_failing_test_is_a_rejection(flow: Flow) -> None:
    """It is named in the check run, nothing is merged, and a retry tries it once more."""
    flow.lab.grades["1.3.0"] = Grade.FAILED
    flow.publish("1.3.0")
    await flow.look()
    update = await flow.reach("1.3.0", State.REJECTED)
    checks = await flow.until(lambda: _complete(flow, update.pull.head))

    assert "failure" == checks[names.SIMULATION].conclusion == checks[names.POLICY].conclusion
    assert "test_greets" in checks[names.SIMULATION].summary

    flow.lab.grades.clear()
    await flow.say(update, "/surefoot retry")
    await flow.reach("1.3.0", State.DONE)


async def _complete(flow: Flow, head: str):
    checks = await flow.rosa.checks(head)
    return checks if names.POLICY in checks and checks[names.POLICY].conclusion else None


async def test_bad_health_turns_the_rollout_back(flow: Flow) -> None:
    """Traffic returns, the deployment is marked failed, a pull request reverts it, the version is not seen again."""
    flow.production.share_of_new = 0.3
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.ROLLED_BACK)
    revert = await flow.rosa.pull(update.revert)
    last = dispatches(flow.box)[-1]

    assert (update.rollout.stable, "100") == (last["sha"], last["weight"])
    assert "failure" == (await flow.rosa.deployment_states(update.merge.sha, "surefoot[bot]"))[-1]
    assert revert.open and "Revert" in revert.title
    assert "1.2.3" in await flow.rosa.text("requirements.txt", revert.branch)

    await flow.rosa.merge(revert.number)
    await flow.look()
    row = await flow.until(lambda: _answered(flow, "1.2.4: was rolled back before"))
    assert row
    assert 2 == len(await flow.rosa.pulls())


async def _answered(flow: Flow, words: str) -> bool:
    row = await flow.app.store.repo(REPO)
    return row is not None and words in str(row.notes.get("answers"))


async def test_nothing_follows_a_bad_one_before_its_revert(flow: Flow) -> None:
    """The default branch still holds the bad version, so the next update waits until the revert is merged."""
    flow.production.share_of_new = 0.3
    flow.publish("1.2.4")
    await flow.look()
    bad = await flow.reach("1.2.4", State.ROLLED_BACK)
    flow.production.share_of_new = 0.0
    flow.publish("1.2.5")
    await flow.look()

    waiting = await flow.reach("1.2.5", State.MERGED)
    await flow.until(lambda: _noted(flow, "1.2.5", "still open"))
    assert 1 == len({d["sha"] for d in dispatches(flow.box) if d["sha"] == waiting.merge.parent} | {bad.merge.sha})
    await flow.close(bad.revert)
    await flow.app.store.wake([f"u:{waiting.id}"], now=flow.app._clock())

    await flow.reach("1.2.5", State.DONE)


async def _noted(flow: Flow, target: str, words: str) -> bool:
    update = await flow.update(target)
    return update is not None and words in update.note


async def test_a_newer_version_takes_the_place_of_an_older(flow: Flow) -> None:
    """The older pull request is closed with a pointer, its branch is gone, and only the newer one goes on."""
    await flow.configure(CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}"))
    flow.publish("1.2.4")
    await flow.look()
    old = await flow.reach("1.2.4", State.IN_REVIEW)
    flow.publish("1.2.5")
    await flow.look()
    new = await flow.reach("1.2.5", State.IN_REVIEW)
    gone = await flow.reach("1.2.4", State.SUPERSEDED)

    # On the page itself, for who opens the closed one.
    await flow.until(lambda: flow.replied(old, f"superseded by #{new.pull.number}"))
    assert f"#{new.pull.number}" in gone.note
    assert not (await flow.rosa.pull(old.pull.number)).open
    assert f"refs/heads/{old.pull.branch}" not in flow.box.repo(REPO).git.refs


async def test_a_person_may_merge_or_close(flow: Flow) -> None:
    """What a person does by hand is followed: closed is remembered, reopened comes back, merged is deployed."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    await flow.close(update.pull.number)
    await flow.reach("2.0.0", State.CLOSED)
    await flow.reopen(update.pull.number)
    await flow.reach("2.0.0", State.IN_REVIEW)

    await flow.rosa.merge(update.pull.number)

    await flow.reach("2.0.0", State.DONE)


async def test_the_required_checks_are_waited_for(flow: Flow) -> None:
    """Nothing merges before every check that the branch requires is green; ours do not count for us."""
    await flow.rosa.protect("main", checks=["ci/build", names.SIMULATION])
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.SIMULATED)
    await flow.until(lambda: _noted(flow, "1.2.4", "waiting for `ci/build`"))

    await flow.status(update.pull.head, "ci/build", "success")

    await flow.reach("1.2.4", State.DONE)


async def test_people_talk_to_it(flow: Flow) -> None:
    """Commands get a reaction, from who may not write a thumb down; nonsense gets help; approve goes on."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)

    no = await flow.say(update, "/surefoot approve", who="eve")
    await flow.until(lambda: ["-1"] == flow.reactions(no))
    await flow.say(update, "/surefoot aprove")
    await flow.until(lambda: flow.replied(update, "Did you mean `/surefoot approve`"))
    await flow.say(update, "> /surefoot approve\n`/surefoot approve`")
    await flow.say(update, "/surefoot status")
    await flow.until(lambda: flow.replied(update, "waits for a person", times=2))
    await flow.say(update, "/surefoot help", who="tom")
    await flow.until(lambda: flow.replied(update, "`/surefoot rollback [reason]`"))
    assert State.IN_REVIEW is (await flow.update("2.0.0")).state

    comment = await flow.say(update, "/surefoot approve", who="tom")
    done = await flow.reach("2.0.0", State.DONE)

    assert [("tom", "comment")] == [(a.who, a.source) for a in done.approvals]
    assert ["+1"] == flow.reactions(comment)


async def test_a_rejection_by_comment_closes_it(flow: Flow) -> None:
    """The pull request is closed, the reason is kept, and it is not proposed again."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)

    await flow.say(update, "/surefoot reject not this year")
    closed = await flow.reach("2.0.0", State.CLOSED)

    assert "@rosa rejected it: not this year" == closed.note
    assert not (await flow.rosa.pull(update.pull.number)).open


async def test_a_button_is_a_command(flow: Flow) -> None:
    """Pressing Approve on the policy check does what the comment does."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    check = await flow.until(lambda: flow.check_id(update.pull.head, names.POLICY))

    flow.box.click(flow.box.repo(REPO), check, "approve", "tom")

    await flow.reach("2.0.0", State.DONE)


async def test_a_rollback_by_comment_after_the_end(flow: Flow) -> None:
    """Also what is done can be taken back: traffic, record and revert."""
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.DONE)

    await flow.say(update, "/surefoot rollback users complain")
    back = await flow.reach("1.2.4", State.ROLLED_BACK)

    assert "users complain" in back.rollout.because
    assert back.revert is not None


async def test_a_deploy_that_fails_is_turned_back(flow: Flow) -> None:
    """A red run of the deploy workflow sends the update back without any traffic moved."""
    text = await flow.rosa.text(".github/workflows/deploy.yml", "main")
    await flow.commit(
        ".github/workflows/deploy.yml", text.replace('run: "true"', 'run: test "${{ inputs.weight }}" != 50')
    )
    flow.publish("1.2.4")
    await flow.look()

    update = await flow.reach("1.2.4", State.ROLLED_BACK)

    assert "50 %" in update.rollout.because
    assert ["0", "50", "100"] == [d["weight"] for d in dispatches(flow.box)]


async def test_silence_asks_a_person_who_may_let_it_go_on(flow: Flow) -> None:
    """Without traffic nothing can be told: it pauses, and goes on when a person says so."""
    quick = CONFIG.replace("min_requests: 5", "min_requests: 5, patience: 1s")
    await flow.configure(quick)
    flow.production.silent = True
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.PAUSED)
    flow.production.silent = False

    await flow.say(update, "/surefoot approve")

    await flow.reach("1.2.4", State.DONE)


async def test_a_wrong_configuration_stops_with_its_line(flow: Flow) -> None:
    """What applies cannot be read, so nothing is allowed; the place is told."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    await flow.configure("version: 1\npolicie: {}\n")

    failed = await flow.reach("2.0.0", State.FAILED)

    assert ".github/surefoot.yml:2" in failed.note and "Did you mean 'policy'" in failed.note
    await flow.configure(CONFIG)
    await flow.say(update, "/surefoot retry")
    await flow.reach("2.0.0", State.IN_REVIEW)


async def test_lost_webhooks_only_delay(flow: Flow) -> None:
    """Deliveries that never arrive are asked for again by the sweep."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    await flow.quiet()
    flow.drop("issue_comment")
    await flow.say(update, "/surefoot approve")
    await flow.quiet()
    assert State.IN_REVIEW is (await flow.update("2.0.0")).state

    await flow.app.clock.heal()

    await flow.reach("2.0.0", State.DONE)


async def test_a_repository_is_greeted_first(tmp_path: Path) -> None:
    """Without a configuration there is one pull request with one, and nothing else before it is merged."""
    async with flowing(tmp_path, configured=False) as flow:
        flow.publish("1.2.4")
        [pull] = await flow.until(flow.rosa.pulls)
        text = await flow.rosa.text(".github/surefoot.yml", pull.branch)
        await flow.look()

        assert names.ONBOARD_BRANCH == pull.branch
        assert "production" in text and "deploy.yml" in text and "/healthz/releases" in text
        assert None is await flow.update("1.2.4")

        await flow.rosa.commit(".github/surefoot.yml", flow.config, branch=pull.branch, message="Shorter")
        await flow.rosa.merge(pull.number)
        await flow.reach("1.2.4", State.DONE)


async def test_two_updates_take_turns(tmp_path: Path) -> None:
    """Two components at once: each is tried on what is in the base when it merges, and deployed in its turn."""
    async with flowing(tmp_path, files={"tools.txt": "x\n"}) as flow:
        flow.publish("1.2.4")
        flow.publish("2.0.0")
        await flow.configure(CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {major: merge}"))
        await flow.look()

        major = await flow.reach("2.0.0", State.DONE, seconds=40)
        minor = await flow.reach("1.2.4", State.SUPERSEDED, State.DONE, seconds=40)

        assert major.environments_done == ("production",)
        assert minor.state in (State.SUPERSEDED, State.DONE)
