"""Rollback: traffic first, then the record, then a revert that says why; each once, over nobody's work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from bot.core import names
from bot.core.errors import Permanent
from bot.core.lifecycle import Outcome, Waiting
from bot.core.model import Merge, Rollout, Sha, State, Update
from bot.core.ports import DeployJob, RunStatus
from bot.github import deployments, pulls
from bot.stages import rollback
from tests.builders import a_step, an_entry, an_update
from tests.github.town import REPO
from tests.stages.delivery import FAILS, WORKFLOW, Place, delivering
from tests.stages.world import drawn, moved, text_at, waited

BRANCH = "surefoot/revert-greeter-1.2.4"


@dataclass
class Stubborn:
    """A provider whose run does not stop when it is asked to."""

    ended: bool = False
    cancelled: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    async def find(self, job: DeployJob, *, since: datetime) -> RunStatus | None:
        """Nothing else is under way."""
        return None

    async def start(self, job: DeployJob) -> RunStatus:
        """Remembered."""
        self.started.append(job.key)
        return RunStatus(run="8", ok=None, detail="queued")

    async def status(self, run: str) -> RunStatus:
        """As the test has it."""
        return RunStatus(run=run, ok=False if self.ended else None, detail="in_progress")

    async def cancel(self, run: str) -> None:
        """Remembered."""
        self.cancelled.append(run)


@pytest.fixture
async def place(shop, tmp_path):
    async with delivering(shop, tmp_path) as made:
        yield made


async def bad(place: Place) -> Update:
    """Merged, deployed to half of the traffic, and found to be bad."""
    update = await place.merged()
    number = await deployments.create(
        place.shop.gh, REPO, environment="production", sha=update.merge.sha, key=f"{update.id}:production"
    )
    rollout = Rollout(
        environment="production",
        sha=update.merge.sha,
        stable=update.merge.parent,
        deployment=number,
        index=1,
        step=a_step(key=f"{update.id}:production:2", weight=50, run="1", finished=place.now),
        because="canary failed 50 of 100 requests",
    )
    return replace(update, state=State.ROLLING_BACK, rollout=rollout)


async def run(place: Place, update: Update) -> Outcome:
    return await rollback.run(
        update, gh=place.shop.gh, us=place.shop.us, places=place.places(), leases=place.leases(update), now=place.now
    )


async def look(place: Place, update: Update) -> Update:
    return drawn(update, await run(place, update))


async def until_it_ended(place: Place, update: Update) -> Update:
    """Look again and again, after the run had time to end, until the state is another."""
    for _ in range(8):
        await place.shop.box.settle()
        after = await look(place, update)
        if after.state is not update.state:
            return after
        update = after
    raise AssertionError(update)


async def test_traffic_record_and_revert_in_this_order(place):
    """All traffic on the old release, the deployment marked with the reason, a pull request that undoes the merge."""
    update = await bad(place)
    back = await until_it_ended(place, update)
    [asked] = place.inputs()
    revert = await pulls.get(place.shop.gh, REPO, back.revert)
    [status] = (await place.shop.gh.getitem(f"/repos/{REPO}/deployments/{update.rollout.deployment}/statuses"))[:1]

    assert ("100", update.rollout.stable, update.rollout.sha) == (asked["weight"], asked["sha"], asked["stable_sha"])
    assert ("failure", "canary failed 50 of 100 requests") == (status["state"], status["description"])
    assert (State.ROLLED_BACK, BRANCH, "main", "open") == (back.state, revert.head_ref, revert.base_ref, revert.state)
    assert 'Revert "Update greeter from 1.2.3 to 1.2.4"' == revert.title and (names.LABEL,) == revert.labels
    assert "canary failed 50 of 100 requests" in revert.body
    assert "greeter==1.2.3\n" == await text_at(place.shop, "requirements.txt", BRANCH)
    commit = await place.shop.repo.git.commit(revert.head)
    assert f"This reverts commit {update.merge.sha}." in commit.message and (place.shop.tip,) == commit.parents
    assert f"blocked until a newer one appears; #{revert.number} reverts it" in back.note


async def test_a_process_that_died_at_any_look_turns_back_once(place):
    """Each look runs twice from the same row: one dispatch, one status, one revert."""
    update = await bad(place)
    for _ in range(8):
        await place.shop.box.settle()
        await run(place, update)
        after = await look(place, update)
        if after.state is State.ROLLED_BACK:
            break
        update = after
    again = moved(await run(place, update), State.ROLLED_BACK)

    assert after.revert == again.revert
    assert (1, 2) == (len(place.inputs()), len(place.shop.repo.pulls))
    assert ["failure"] == await place.states(update.rollout.deployment)


async def test_while_traffic_is_on_its_way_nothing_is_said_of_a_revert(place):
    """People must not merge the revert before the traffic is back."""
    update = await bad(place)
    asked = waited(await run(place, update), "traffic is on its way back")
    waited(await run(place, asked), "traffic is on its way back")

    assert 1 == len(place.shop.repo.pulls)


async def test_what_was_never_deployed_is_only_reverted(place):
    """No environment, or none taken yet: no run, no status, one revert."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    back = moved(await run(place, update), State.ROLLED_BACK)

    assert [] == place.inputs() and back.revert in place.shop.repo.pulls
    assert State.ROLLED_BACK is drawn(update, await run(place, update)).state


async def test_somebody_elses_from_our_reverts_branch_is_not_our_revert(place):
    """Opened before we push it is left as it is, opened in the same moment it is named; gone, ours is opened."""
    update, ben = replace(await place.merged(), state=State.ROLLING_BACK), place.shop.people["ben"]
    body = {"head": BRANCH, "base": "main", "title": "mine", "body": ""}

    async def quicker() -> None:
        await ben.post(f"/repos/{REPO}/pulls", data=body)

    theirs = await place.shop.push({"evil.txt": "x\n"}, branch=BRANCH)
    await quicker()
    waited(await run(place, update), "was opened by ben and is not taken for our revert")
    assert theirs == place.shop.repo.git.refs[f"refs/heads/{BRANCH}"]

    await ben.delete(f"/repos/{REPO}/git/refs/heads/{BRANCH}")
    place.shop.box.world.faults.call(quicker, method="POST", path="/pulls$")
    waiting = waited(await run(place, update), "was opened by ben and is not taken for our revert")
    assert None is waiting.revert

    newest = max(place.shop.repo.pulls)
    await ben.patch(f"/repos/{REPO}/pulls/{newest}", data={"state": "closed"})
    ours = moved(await run(place, update), State.ROLLED_BACK).revert
    assert "surefoot[bot]" == (await pulls.get(place.shop.gh, REPO, ours)).author and ours > newest


async def test_what_others_changed_in_the_same_file_stays(place):
    """Somebody added a line beside it since: only our own line is taken back."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    await place.shop.push({"requirements.txt": "greeter==1.2.4\nnext==1\n"})
    moved(await run(place, update), State.ROLLED_BACK)

    assert "greeter==1.2.3\nnext==1\n" == await text_at(place.shop, "requirements.txt", BRANCH)


async def test_a_line_that_was_changed_by_hand_is_a_persons_matter(place):
    """No pull request would be right: it stops, so that the environment stays taken; mended by hand it ends."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    await place.shop.push({"requirements.txt": "greeter==1.2.4  # by hand\n"})
    with pytest.raises(Permanent, match=r"others changed the same lines of requirements\.txt since: a person must"):
        await run(place, update)
    assert 1 == len(place.shop.repo.pulls)

    for mended in ("greeter==1.2.3\n", "greeter==1.3.0\n"):
        await place.shop.push({"requirements.txt": mended})
        back = moved(await run(place, update), State.ROLLED_BACK)
        assert back.revert is None and "the default branch holds nothing of it any more" in back.note


async def test_a_run_that_is_under_way_is_stopped_first(place):
    """Two runs at once would move the same traffic: the one in hand is cancelled, its end is waited for."""
    update = await bad(place)
    halfway = a_step(key=f"{update.id}:production:2", weight=50, started=place.now)
    pipeline = Stubborn()
    update = replace(update, changed=place.now, rollout=replace(update.rollout, step=replace(halfway, run="7")))

    async def turn(at):
        places = {name: replace(one, provider=pipeline) for name, one in place.places().items()}
        given = {"gh": place.shop.gh, "us": place.shop.us, "leases": place.leases(update)}
        return await rollback.run(update, places=places, now=at, **given)

    waited(await turn(place.now), "the run to 50 % is asked to stop first: in_progress")
    assert (["7"], []) == (pipeline.cancelled, pipeline.started)
    late = waited(await turn(place.now + rollback.LONGEST_STOP), "traffic is on its way back")
    assert late.rollout.step.key.endswith(":back:1")
    pipeline.ended = True
    waited(await turn(place.now), "traffic is on its way back")
    assert ["7"] == pipeline.cancelled


async def test_what_is_done_is_turned_back_only_where_it_still_runs(place):
    """A newer release has the traffic by now: none is moved, and that is said; the merge is reverted all the same."""
    update = await bad(place)
    update = replace(update, environments_done=("production",))
    newer = await place.shop.push({"theirs.txt": "x\n"})
    number = await deployments.create(place.shop.gh, REPO, environment="production", sha=newer, key="other:production")
    await deployments.set_status(place.shop.gh, REPO, number, state="success")
    back = moved(await run(place, update), State.ROLLED_BACK)

    assert f"production runs {newer[:9]} by now" in back.note and back.revert in place.shop.repo.pulls
    assert ([], ["failure"]) == (place.inputs(), await place.states(update.rollout.deployment))


async def test_what_is_done_takes_the_environment_again_first(place):
    """Another rollout is under way there: both at once would move the same traffic."""
    update = replace(await bad(place), environments_done=("production",))
    await deployments.set_status(place.shop.gh, REPO, update.rollout.deployment, state="success")
    other = an_update(target="1.2.5", state=State.ROLLING_OUT)
    await place.store.add(other, an_entry(update=other.id), enqueue=False)
    await place.store.lease(f"{REPO}:production", other.id, now=place.now)
    waited(await run(place, update), "production is taken: greeter 1.2.5 is rolling out there")
    await place.store.release(f"{REPO}:production", other.id)

    assert State.ROLLED_BACK is (await until_it_ended(place, update)).state
    assert ["100"] == [one["weight"] for one in place.inputs()]
    assert [update.id] == [lease.holder for lease in await place.store.leases()]


async def test_environments_before_it_are_named_and_marked(place):
    """Staging may still run it: its deployment is called bad, and a person is told."""
    update = replace(await bad(place), environments_done=("staging",))
    key = f"{update.id}:staging"
    number = await deployments.create(place.shop.gh, REPO, environment="staging", sha=update.merge.sha, key=key)
    await deployments.set_status(place.shop.gh, REPO, number, state="success")
    back = await until_it_ended(place, update)

    assert "staging may still run it: only a person can turn that back" in back.note
    assert ["failure", "success"] == await place.states(number)


async def test_what_has_no_text_is_not_deleted_by_a_revert(place):
    """Somebody had pushed a changed picture onto our branch: it cannot be written back, so a person reverts."""
    git = place.shop.repo.git

    async def pictured(data: bytes, parent: str) -> str:
        tree = await git.write_tree(parent, [("100644", await git.write_blob(data), "logo.png")])
        author = (await git.commit(parent)).author
        return Sha(await git.write_commit(tree, [parent], "picture", author=author))

    before = await pictured(b"\0old", place.shop.tip)
    merge = Merge(sha=await pictured(b"\0new", before), parent=before, at=place.now)
    await git.set_ref("refs/heads/main", merge.sha)
    update = replace(an_update(installation=place.shop.installation), state=State.ROLLING_BACK, merge=merge)

    with pytest.raises(Permanent, match=r"logo\.png is no text that could be written back"):
        await run(place, update)


async def test_what_others_changed_elsewhere_stays(place):
    """A file that came with the merge goes, one of somebody else stays."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    await place.shop.push({"theirs.txt": "x\n"})
    moved(await run(place, update), State.ROLLED_BACK)

    assert "x\n" == await text_at(place.shop, "theirs.txt", BRANCH)
    assert "greeter==1.2.3\n" == await text_at(place.shop, "requirements.txt", BRANCH)


async def test_a_base_that_is_gone_has_no_revert(place):
    """The branch that it was merged into was removed."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    await place.shop.push({"x": "y"}, branch="other")
    await place.shop.repo.git.set_ref("refs/heads/main", None)

    assert None is moved(await run(place, update), State.ROLLED_BACK).revert


async def test_somebodys_branch_of_that_name_is_not_overwritten(place):
    """It is named, and a person is asked; their commit is still there."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    theirs = await place.shop.push({"requirements.txt": "greeter==1.2.3\n# mine\n"}, branch=BRANCH)
    with pytest.raises(Permanent, match=f"{BRANCH} holds commits that are not ours"):
        await run(place, update)

    assert theirs == place.shop.repo.git.refs[f"refs/heads/{BRANCH}"]


async def test_a_revert_that_a_person_closed_is_not_opened_again(place):
    """It was opened, the process died before its save, and somebody said no to it."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    first = moved(await run(place, update), State.ROLLED_BACK)
    await pulls.close(place.shop.people["ann"], REPO, first.revert)
    again = moved(await run(place, update), State.ROLLED_BACK)

    assert (first.revert, 2) == (again.revert, len(place.shop.repo.pulls))


async def test_our_own_half_done_branch_is_made_anew(place):
    """It was made, the process died before the pull request, and the base moved: one branch, one pull request."""
    update = replace(await place.merged(), state=State.ROLLING_BACK)
    place.shop.box.world.faults.request("answer", method="POST", path="/pulls$", status=502)
    with pytest.raises(Exception, match="502"):
        await run(place, update)
    tip = await place.shop.push({"theirs.txt": "x\n"})
    moved(await run(place, update), State.ROLLED_BACK)

    assert (tip,) == (await place.shop.repo.git.commit(place.shop.repo.git.refs[f"refs/heads/{BRANCH}"])).parents


async def test_a_way_back_that_fails_asks_a_person_and_a_retry_is_a_run_of_its_own(place):
    """The same key twice is the same act, so another try has another key."""
    await place.shop.push({".github/workflows/deploy.yml": WORKFLOW.replace(str(FAILS), "100")})
    update = await bad(place)
    failed = await until_it_ended(place, update)

    assert (State.FAILED, State.ROLLING_BACK) == (failed.state, failed.paused_from)
    assert "ended as failure; `/surefoot retry` tries it again" in failed.note
    assert [] == await place.states(update.rollout.deployment)

    await place.shop.push({".github/workflows/deploy.yml": WORKFLOW})
    back = await until_it_ended(place, replace(failed, state=State.ROLLING_BACK))
    assert State.ROLLED_BACK is back.state
    assert [f"{update.id}:production:back:{n}" for n in (1, 2)] == [one["deploy_id"] for one in place.inputs()]


async def test_an_environment_that_left_the_configuration_is_a_persons_matter(place):
    """Its traffic cannot be turned back by us: told, before anything is called rolled back."""
    update = await bad(place)
    place.names = ()
    with pytest.raises(Permanent, match="production left the configuration: a person must turn its traffic back"):
        await run(place, update)
    assert 1 == len(place.shop.repo.pulls)


async def test_a_rollout_without_a_record_is_turned_back_too(place):
    """No deployment of GitHub's to mark."""
    update = await bad(place)
    back = await until_it_ended(place, replace(update, rollout=replace(update.rollout, deployment=None)))

    assert (State.ROLLED_BACK, []) == (back.state, place.shop.asked("POST", "/statuses"))


async def test_without_a_merge_there_is_nothing_to_take_back(place):
    """A defect stops."""
    await place.shop.gh.getitem(f"/repos/{REPO}")
    with pytest.raises(Permanent, match="no merge to take back"):
        await run(place, an_update(state=State.ROLLING_BACK))


async def test_without_a_pull_request_the_default_branch_is_reverted(place):
    """A merge that came otherwise, as by hand, is reverted where it is."""
    update = replace(await place.merged(), state=State.ROLLING_BACK, pull=None)
    back = moved(await run(place, update), State.ROLLED_BACK)

    assert "main" == (await pulls.get(place.shop.gh, REPO, back.revert)).base_ref
    assert not isinstance(await run(place, update), Waiting)
