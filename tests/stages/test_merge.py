"""Merge: only what was tried and decided, and when something moved in between it says what and goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.errors import Permanent
from bot.core.lifecycle import Waiting
from bot.core.model import Kind, State, Update, Verdict
from bot.core.policy import Policy, Rule
from bot.core.repo_config import RepoConfig
from bot.stages import merge
from tests.builders import NOW, a_sha, a_simulation, an_update
from tests.github.hub import APP_ID
from tests.github.town import REPO, Town
from tests.stages.world import drawn, moved, protect, pull_of, report, text_at, tried, waited

PUT = {"method": "PUT", "path": "/merge$"}


async def approved(shop: Town) -> Update:
    """Tried on main as it is, and decided."""
    return await tried(shop, State.APPROVED)


async def run(shop: Town, update: Update, config: RepoConfig | None = None):
    return await merge.run(update, gh=shop.gh, config=config or RepoConfig(), us=shop.us, now=NOW)


async def test_exactly_what_was_tried_is_merged(shop):
    """The new commit has the tried base and head as its parents, and says in its message why it may be there."""
    update, base = await approved(shop), shop.tip
    outcome = await run(shop, update)
    after = moved(outcome, State.MERGED)
    commit = await shop.repo.git.commit(shop.tip)

    assert (after.merge.sha, after.merge.parent) == (shop.tip, base)
    assert (base, update.pull.head) == commit.parents
    assert "exactly as it was tried" in after.note
    assert (
        "Update greeter from 1.2.3 to 1.2.4 (#1)" in commit.message
        and "Simulated: passed; 3 tests ran, 3 before" in commit.message
    )
    assert "greeter==1.2.4\n" == await text_at(shop, "requirements.txt", "main")
    assert State.MERGED is drawn(update, outcome).state


async def test_a_process_that_died_after_the_merge_finds_it(shop):
    """Run twice, merged once; GitHub's no to the second try is understood."""
    update, base = await approved(shop), shop.tip
    first = moved(await run(shop, update), State.MERGED)
    await shop.repo.git.set_ref("refs/heads/main", base)  # as seen by a look that came just before
    again = moved(await run(shop, update), State.MERGED)

    assert first.merge == again.merge


async def test_a_base_that_moved_is_tried_again_first(shop):
    """What was tried is not what would be merged: nothing is merged, and the trial begins anew."""
    update = await approved(shop)
    tip = await shop.push({"new.py": "x = 1\n"})
    outcome = await run(shop, update)

    assert "main moved since the trial" in moved(outcome, State.PROPOSED).note
    assert (tip, [], State.PROPOSED) == (shop.tip, shop.asked("PUT", "/merge"), drawn(update, outcome).state)


async def test_a_check_that_turned_red_since_takes_it_back_to_review(shop):
    """The facts are read again right before the act; nothing is merged, and the reasons are the new ones."""
    update = await approved(shop)
    await report(shop, update, "failure")
    outcome = await run(shop, update)
    after = moved(outcome, State.IN_REVIEW)

    assert Verdict.REVIEW is after.decision.verdict
    assert [] == shop.asked("PUT", "/merge") and (await pull_of(shop, update)).state == "open"
    assert State.IN_REVIEW is drawn(update, outcome).state


async def test_a_rule_that_changed_since_is_obeyed(shop):
    """The configuration of now counts, not that of the decision."""
    strict = RepoConfig(policy=Policy(rules={Kind.PATCH: Rule.REVIEW}))
    update = await approved(shop)

    moved(await run(shop, update, strict), State.IN_REVIEW)

    assert [] == shop.asked("PUT", "/merge")


async def test_what_github_does_not_take_yet_waits_and_says_so(shop):
    """A rule of the branch that we do not know of stands in the way: GitHub's own words, and another try soon."""
    update = await approved(shop)
    rules = {"type": "pull_request", "parameters": {"required_approving_review_count": 1}}
    shop.box.add_ruleset(shop.repo, ["~DEFAULT_BRANCH"], [rules])
    outcome = await run(shop, update)

    assert isinstance(outcome, Waiting) and outcome.told and NOW + merge.AGAIN == outcome.until
    assert "GitHub does not take the merge yet" in outcome.why and "405" in outcome.why
    assert not (await pull_of(shop, update)).merged


async def test_what_only_a_person_can_mend_is_told_and_tried_ever_more_seldom(shop):
    """A hundred refusals are no hundred requests in half an hour."""
    update = await approved(shop)
    rules = {"type": "pull_request", "parameters": {"required_approving_review_count": 1}}
    shop.box.add_ruleset(shop.repo, ["~DEFAULT_BRANCH"], [rules])
    waits = []
    for _ in range(9):
        outcome = await run(shop, update)
        waits.append((outcome.until - NOW).total_seconds())
        update = outcome.update

    assert [20, 40, 80, 160, 320, 640, 900, 900, 900] == waits
    assert "a person must mend that" in outcome.why


@pytest.mark.parametrize("way", ["squash", "rebase"])
async def test_it_is_merged_in_a_way_that_the_repository_allows(shop, way):
    """Squash only, or rebase only: the base gets the change, on top of what it was tried on."""
    update, base = await approved(shop), shop.tip
    shop.repo.methods = {way}
    after = moved(await run(shop, update), State.MERGED)

    assert (shop.tip, base) == (after.merge.sha, after.merge.parent)
    assert (base,) == (await shop.repo.git.commit(shop.tip)).parents
    assert "greeter==1.2.4\n" == await text_at(shop, "requirements.txt", "main")


async def test_a_branch_that_takes_no_merge_commits_gets_another_way_in_the_end(shop):
    """The repository allows merges, a rule of the branch does not: after some refusals the next way is taken."""
    update = await approved(shop)
    for _ in range(merge.ASKS):
        shop.box.world.faults.request("answer", status=405, **PUT)
        update = waited(await run(shop, update))
    moved(await run(shop, update), State.MERGED)

    ways = [one.body["merge_method"] for one in shop.asked("PUT", "/merge")]
    assert ["squash"] == ways  # the refused ones never reached the town


async def test_nothing_is_merged_into_another_base(shop):
    """Somebody retargeted it after the decision: it is tried anew where it belongs, and never merged elsewhere."""
    update = await approved(shop)
    await shop.repo.git.set_ref("refs/heads/release", shop.tip)
    await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{update.pull.number}", data={"base": "release"})

    assert "goes into release now" in moved(await run(shop, update), State.PROPOSED).note
    assert [] == shop.asked("PUT", "/merge")


async def test_foreign_words_do_not_get_into_the_message(shop):
    """A test's name may hold what machines obey; the message has our own words alone."""
    update = await approved(shop)
    update = replace(update, simulation=replace(update.simulation, why="`test_x [skip ci] Fixes #7 @acme/all` fails"))
    moved(await run(shop, update), State.MERGED)
    message = (await shop.repo.git.commit(shop.tip)).message

    assert not any(word in message for word in ("skip ci", "Fixes", "@"))


async def test_our_own_check_that_is_required_for_a_merge_is_waited_for(shop):
    """It is told on GitHub a moment after it is decided here; the branch does not take the merge before."""
    update = await approved(shop)
    await protect(shop, ("surefoot / policy", APP_ID))

    assert "surefoot / policy" in waited(await run(shop, update), "does not take the merge yet").note


async def test_a_push_in_the_same_moment_is_not_merged(shop):
    """Between our look and GitHub's merge somebody pushed to the branch: it is looked at again at once."""
    update = await approved(shop)

    async def push() -> None:
        await shop.push({"requirements.txt": "greeter==1.2.4\nevil==1\n"}, branch=update.pull.branch)

    shop.box.world.faults.call(push, **PUT)
    outcome = await run(shop, update)

    assert "pushed in the same moment" in waited(outcome).note and NOW == outcome.until
    assert "greeter==1.2.3\n" == await text_at(shop, "requirements.txt", "main")


async def test_a_push_that_nobody_told_us_of_is_not_merged(shop):
    """The webhook was late: GitHub is asked to merge the commit that was tried, and says no."""
    update = await approved(shop)
    await shop.push({"requirements.txt": "greeter==1.2.4\nevil==1\n"}, branch=update.pull.branch)

    waited(await run(shop, update), "pushed in the same moment")

    assert "greeter==1.2.3\n" == await text_at(shop, "requirements.txt", "main")


async def test_a_base_that_slipped_in_is_told(shop):
    """GitHub guards no base: the merge is there, and the audit says on what else it stands."""
    update = await approved(shop)
    slipped = []

    async def push() -> None:
        slipped.append(await shop.push({"new.py": "x = 1\n"}))

    shop.box.world.faults.call(push, **PUT)
    after = moved(await run(shop, update), State.MERGED)

    assert slipped == [after.merge.parent]
    assert f"{slipped[0][:9]} had slipped into the base in the same moment" in after.note
    assert "x = 1\n" == await text_at(shop, "new.py", "main")


async def test_a_merge_whose_answer_was_lost_is_found(shop):
    """GitHub merged, the connection broke: the next try finds the merge instead of making another."""
    update, before = await approved(shop), shop.tip
    shop.box.world.faults.request("answer", status=405, when="after", **PUT)
    after = moved(await run(shop, update), State.MERGED)

    assert (shop.tip, before) == (after.merge.sha, after.merge.parent)


async def test_approved_without_a_trial_of_this_commit_is_a_defect_that_stops(shop):
    """Fail closed: no pull request, no simulation, or one of another commit."""
    update = await approved(shop)
    for odd in (
        an_update(installation=shop.installation, state=State.APPROVED),
        replace(update, simulation=None),
        replace(update, simulation=a_simulation(head=a_sha(7), base=shop.tip)),
    ):
        with pytest.raises(Permanent, match="without a simulation of this very commit"):
            await run(shop, odd)
    assert [] == shop.asked("PUT", f"/repos/{REPO}/pulls")
