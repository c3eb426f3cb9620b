"""Watch: what people do by hand is seen first and followed, and the older makes room for the newer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import names
from bot.core.lifecycle import Waiting
from bot.core.model import Grade, Kind, Priority, State, Update
from bot.demo.box.git import Person
from bot.github import pulls
from bot.stages import watch
from tests.builders import (
    NOW,
    a_component,
    a_decision,
    a_merge,
    a_pull,
    a_rollout,
    a_sha,
    a_simulation,
    an_approval,
    an_update,
)
from tests.github.town import REPO, Town
from tests.stages.world import MANIFESTS, drawn, found, moved, pull_of, tried

LATER = NOW + timedelta(minutes=3)


async def run(shop: Town, update: Update, *siblings: Update):
    return await watch.run(update, gh=shop.gh, us=shop.us, manifests=MANIFESTS, siblings=(update, *siblings), now=LATER)


async def decided(shop: Town, state: State = State.IN_REVIEW) -> Update:
    """Tried, decided and approved."""
    update = await tried(shop, state)
    head = update.pull.head
    return replace(update, decision=a_decision(head=head), approvals=(an_approval(head=head),))


async def amended(shop: Town, update: Update) -> None:
    """ben changes our commit and keeps its message, as `git commit --amend` does."""
    git = shop.repo.git
    ours = await git.commit(update.pull.head)
    tree = await git.write_tree(ours.sha, [("100644", await git.write_blob(b"boom\n"), "evil.py")])
    ben = Person(name="ben", email=shop.box.world.account("ben").email, date=LATER)
    sha = await git.write_commit(tree, list(ours.parents), ours.message, author=ours.author, committer=ben)
    pull = shop.repo.pulls[update.pull.number]
    await git.set_ref(f"refs/heads/{update.pull.branch}", sha)
    pull.head_sha = sha


async def test_nothing_happened_is_nothing(shop):
    """A look that finds everything as it was changes nothing."""
    assert await run(shop, await decided(shop)) is None
    assert await run(shop, found(shop)) is None


async def test_a_push_takes_everything_back_to_the_trial(shop):
    """What was tried, decided and approved was another commit; whose the new one is, is remembered."""
    update = await decided(shop)
    head = await shop.push({"requirements.txt": "greeter==1.2.4\n# by hand\n"}, branch=update.pull.branch)
    outcome = await run(shop, update)
    after = moved(outcome, State.PROPOSED)

    assert (head, LATER, False) == (after.pull.head, after.pull.since, after.pull.ours)
    assert (None, None, ()) == (after.simulation, after.decision, after.approvals)
    assert State.PROPOSED is drawn(update, outcome).state


async def test_a_commit_of_our_own_stays_ours(shop):
    """The branch was made anew, and the process died before it was saved."""
    update = await decided(shop)
    old = replace(update, pull=replace(update.pull, head=shop.tip))

    assert moved(await run(shop, old), State.PROPOSED).pull.ours


async def test_an_amended_commit_is_no_longer_ours(shop):
    """It keeps our message and our name as its author; it would merge by itself, or be thrown away by a new branch."""
    update = await decided(shop)
    await amended(shop, update)

    assert not moved(await run(shop, update), State.PROPOSED).pull.ours


@pytest.mark.parametrize("state", [State.PROPOSED, State.REJECTED, State.APPROVED])
async def test_a_close_by_hand_is_the_end_until_it_is_opened_again(shop, state):
    """Closed is remembered; opened again it is tried anew, whatever it was before."""
    update = await decided(shop, state)
    await pulls.close(shop.people["ann"], REPO, update.pull.number)
    closed = drawn(update, await run(shop, update))

    assert State.CLOSED is closed.state and "open it again to bring it back" in closed.note
    assert await run(shop, closed) is None

    await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{update.pull.number}", data={"state": "open"})
    outcome = await run(shop, closed)
    assert None is moved(outcome, State.PROPOSED).decision
    assert State.PROPOSED is drawn(closed, outcome).state


async def test_our_commit_stays_ours_whatever_was_learnt_since(shop):
    """A flaw that became known later changes what the commit would be called today: it is the same commit, and ours."""
    update = await decided(shop)
    learnt = replace(update, fixes=("CVE-2026-1",), priority=Priority.CRITICAL)
    assert names.title_of(learnt) != names.title_of(update)
    place = f"/repos/{REPO}/pulls/{update.pull.number}"
    await pulls.close(shop.people["ann"], REPO, update.pull.number)
    closed = drawn(learnt, await run(shop, learnt))
    await shop.people["ann"].patch(place, data={"state": "open"})
    again = drawn(closed, await run(shop, closed))
    assert (State.PROPOSED, True) == (again.state, again.pull.ours)

    theirs = await shop.push({"more.py": "x = 1\n"}, branch=update.pull.branch)
    pushed = drawn(again, await run(shop, again))
    assert (theirs, False) == (pushed.pull.head, pushed.pull.ours)
    await shop.repo.git.set_ref(f"refs/heads/{update.pull.branch}", update.pull.head)
    shop.repo.pulls[update.pull.number].head_sha = update.pull.head
    back = drawn(pushed, await run(shop, pushed))
    assert (update.pull.head, True) == (back.pull.head, back.pull.ours)


@pytest.mark.parametrize("state", [State.IN_REVIEW, State.REJECTED, State.CLOSED])
async def test_a_merge_by_hand_is_followed(shop, state):
    """Whatever the bot thought of it: what is merged is deployed, from the commit that the base had before."""
    update, base = await decided(shop, state), shop.tip
    await shop.people["ann"].put(f"/repos/{REPO}/pulls/{update.pull.number}/merge", data={"sha": update.pull.head})
    outcome = await run(shop, update)
    after = moved(outcome, State.MERGED)

    assert (shop.tip, base, LATER) == (after.merge.sha, after.merge.parent, after.merge.at)
    assert State.MERGED is drawn(update, outcome).state


async def retarget(shop: Town, update: Update, base: str) -> None:
    await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{update.pull.number}", data={"base": base})


async def test_another_base_stops_everything_until_it_is_set_back(shop):
    """What was tried and approved was for main: it waits where it is, and begins anew when the base is main again."""
    update = await decided(shop, State.APPROVED)
    await shop.repo.git.set_ref("refs/heads/release", shop.tip)
    await retarget(shop, update, "release")
    outcome = await run(shop, update)
    after = drawn(update, outcome)

    assert (State.PROPOSED, None, ()) == (after.state, after.simulation, after.approvals)
    assert "goes into release now" in after.note
    assert isinstance(await run(shop, after), Waiting)

    await retarget(shop, update, "main")
    assert await run(shop, after) is None


async def test_a_merge_into_another_branch_is_not_deployed(shop):
    """A person took it into release: that is theirs, and the update ends."""
    update = await decided(shop)
    await shop.repo.git.set_ref("refs/heads/release", shop.tip)
    await retarget(shop, update, "release")
    await shop.people["ann"].put(f"/repos/{REPO}/pulls/{update.pull.number}/merge", data={"sha": update.pull.head})
    closed = drawn(update, await run(shop, update))

    assert (State.CLOSED, None) == (closed.state, closed.merge) and "it is not followed" in closed.note
    assert await run(shop, closed) is None


async def test_a_default_branch_that_was_renamed_is_followed(shop):
    """The pull request went along with it: it is tried anew on the new name."""
    update = await decided(shop)
    await shop.repo.git.set_ref("refs/heads/trunk", shop.tip)
    shop.repo.default_branch = "trunk"
    await retarget(shop, update, "trunk")
    after = moved(await run(shop, update), State.PROPOSED)

    assert ("trunk", True, None) == (after.pull.base, after.pull.ours, after.simulation)


async def test_a_process_that_died_after_giving_way_still_gave_way(shop):
    """We closed it ourselves for the newer one; closed by a person it stays a person's close."""
    update, newer = await decided(shop), sibling("1.2.5")
    await pulls.close(shop.people["ann"], REPO, update.pull.number)
    moved(await run(shop, update, newer), State.CLOSED)

    await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{update.pull.number}", data={"state": "open"})
    await pulls.close(shop.gh, REPO, update.pull.number)
    assert "superseded by #31" == moved(await run(shop, update, newer), State.SUPERSEDED).note


async def test_what_was_never_proposed_has_nothing_to_look_at(shop):
    """Closed before it was opened: no pull request of ours to ask for."""
    await pull_of(shop, await decided(shop))
    assert await run(shop, found(shop, state=State.CLOSED)) is None


def sibling(target: str, state: State = State.IN_REVIEW, kind: Kind = Kind.PATCH, **more) -> Update:
    """Another update of the component, with a pull request whose trial passed."""
    return an_update(
        target=target, state=state, kind=kind, **({"pull": a_pull(number=31), "simulation": a_simulation()} | more)
    )


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (sibling("1.2.5"), "superseded by #31"),
        (sibling("1.3.0", kind=Kind.MINOR), "superseded by #31"),
        (sibling("1.2.5", State.DONE, pull=None), "superseded by greeter 1.2.5"),
        (sibling("2.0.0", State.DONE, Kind.MAJOR), "superseded by #31"),
        (sibling("2.0.0", State.ROLLING_OUT, Kind.MAJOR), "superseded by #31"),
        (sibling("1.10.0", State.MERGED, Kind.MINOR), "superseded by #31"),
    ],
)
async def test_the_newer_takes_the_place(shop, other, why):
    """On its own line once it is proposed, on any line once it is merged: ours is closed and its branch is gone."""
    update = await decided(shop)
    outcome = await run(shop, update, other)

    assert why == moved(outcome, State.SUPERSEDED).note
    assert "closed" == (await pull_of(shop, update)).state
    assert f"refs/heads/{update.pull.branch}" not in shop.repo.git.refs
    assert State.SUPERSEDED is drawn(update, outcome).state


@pytest.mark.parametrize(
    "other",
    [
        sibling("2.0.0", kind=Kind.MAJOR),  # majors stand beside minors
        sibling("2026.1", kind=Kind.SCHEME),  # and so does another numbering
        sibling("1.2.3"),  # older
        sibling("1.2.5", State.DETECTED, pull=None),  # not there for anybody to look at
        sibling("1.2.5", State.CLOSED),
        sibling("1.2.5", State.PROPOSED, simulation=None),  # not known to be any good
        sibling("1.2.5", State.REJECTED, simulation=a_simulation(grade=Grade.FAILED)),
        sibling("1.2.5", simulation=a_simulation(grade=Grade.UNKNOWN)),
        sibling("1.2.5", simulation=a_simulation(head=a_sha(5))),  # another commit passed
        sibling("1.2.5", State.ROLLED_BACK, merge=a_merge()),
        sibling("1.2.5", component=a_component(name="other")),
    ],
)
async def test_others_leave_it_alone(shop, other):
    """A major beside it, an older one, one that nobody proposed, one that ended badly, another component's."""
    update = await decided(shop)

    assert await run(shop, update, other) is None
    assert "open" == (await pull_of(shop, update)).state


async def test_a_major_gives_way_to_a_newer_major(shop):
    """They are one line of their own."""
    update = replace(await decided(shop), kind=Kind.MAJOR)
    moved(await run(shop, update, sibling("3.0.0", kind=Kind.MAJOR)), State.SUPERSEDED)


async def test_somebodys_commits_are_not_thrown_away(shop):
    """The pull request is closed; the branch with foreign commits stays for whoever wrote them."""
    update = await decided(shop)
    update = replace(update, pull=replace(update.pull, ours=False))
    moved(await run(shop, update, sibling("1.2.5")), State.SUPERSEDED)

    assert "closed" == (await pull_of(shop, update)).state
    assert f"refs/heads/{update.pull.branch}" in shop.repo.git.refs


async def test_it_gives_way_before_it_was_proposed(shop):
    """Nothing to close, nothing to open."""
    moved(await run(shop, found(shop), sibling("1.2.5")), State.SUPERSEDED)
    assert names.trailer_of(found(shop)) and {} == shop.repo.pulls
    await shop.gh.getitem(f"/repos/{REPO}")


async def test_what_is_on_its_way_does_not_give_way(shop):
    """Merged and deployed updates take their own road."""
    update = await decided(shop, State.ROLLING_OUT)
    assert await run(shop, update, sibling("1.2.5")) is None


@pytest.mark.parametrize("state", [State.PROPOSED, State.SIMULATED, State.IN_REVIEW, State.DEFERRED, State.APPROVED])
async def test_what_came_to_light_about_its_release_stops_it_wherever_it_is(shop, state):
    """Nothing is tried, approved or merged of it; why stands in the decision, and looking again says nothing new."""
    update = replace(await decided(shop, state), blocked="1.2.4 is known to be malicious")
    outcome = await run(shop, update)
    stopped = moved(outcome, State.REJECTED)

    assert [("release", update.blocked)] == [(one.rule, one.why) for one in stopped.decision.findings]
    assert State.REJECTED is drawn(update, outcome).state
    assert await run(shop, stopped) is None
    worse = await run(shop, replace(stopped, blocked="1.2.4 was yanked"))
    assert isinstance(worse, Waiting) and "1.2.4 was yanked" == worse.update.decision.findings[0].why


async def test_what_was_rejected_for_another_reason_is_told_of_this_one(shop):
    """Whoever mends the failing test should know that it cannot be merged for all that."""
    update = replace(await decided(shop, State.REJECTED), blocked="1.2.4 was yanked")
    outcome = await run(shop, update)

    assert isinstance(outcome, Waiting) and outcome.told and "1.2.4 was yanked" == outcome.why
    assert "release" == outcome.update.decision.findings[0].rule


async def test_what_turns_out_sound_is_tried_anew(shop):
    """An advisory that was withdrawn, or a yank that was taken back, stops nothing any longer."""
    update = replace(await decided(shop, State.APPROVED), blocked="1.2.4 was yanked")
    stopped = moved(await run(shop, update), State.REJECTED)
    again = moved(await run(shop, replace(stopped, blocked="")), State.PROPOSED)

    assert (None, None) == (again.simulation, again.decision)


async def test_a_person_who_merges_or_closes_what_is_stopped_comes_first(shop):
    """What people do by hand is followed, whatever stands against it."""
    update = replace(await decided(shop), blocked="1.2.4 was yanked")
    await pulls.close(shop.people["ann"], REPO, update.pull.number)
    closed = moved(await run(shop, update), State.CLOSED)

    assert await run(shop, closed) is None


@pytest.mark.parametrize("state", [State.MERGED, State.DEPLOYING, State.ROLLING_OUT])
async def test_what_turns_out_malicious_on_its_way_is_turned_back(shop, state):
    """As if its users had felt it: the reason stands where the revert reads it."""
    merged = replace(found(shop), state=state, pull=a_pull(), merge=a_merge(), rollout=a_rollout(), blocked="it is bad")
    outcome = await run(shop, merged)

    assert "it is bad" == moved(outcome, State.ROLLING_BACK).rollout.because
    assert State.ROLLING_BACK is drawn(merged, outcome).state
    assert await run(shop, replace(merged, blocked="")) is None


async def test_a_newer_one_that_is_stopped_takes_nobodys_place(shop):
    """The older one was good, and the newer one is malicious."""
    update, head = await decided(shop), a_sha(9)
    tried_well = {"state": State.IN_REVIEW, "pull": a_pull(head=head), "simulation": a_simulation(head=head)}
    newer = found(shop, target="1.2.5", **tried_well)
    assert await run(shop, update, replace(newer, blocked="it is bad")) is None
    assert State.SUPERSEDED is (await run(shop, update, newer)).to
