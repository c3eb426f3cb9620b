"""Decide: the facts as GitHub tells them now, and each verdict leads to its own state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import names
from bot.core.errors import Permanent
from bot.core.lifecycle import Waiting
from bot.core.model import Grade, Kind, State, Update, Verdict
from bot.core.policy import Light, Policy, Rule
from bot.core.repo_config import RepoConfig
from bot.demo.box.git import Person
from bot.github import facts
from bot.github.forge import Forge
from bot.stages import decide
from tests.builders import DAY, HOUR, NOW, a_decision, an_approval, an_update
from tests.github.hub import APP_ID, pem
from tests.github.town import REPO, Town
from tests.stages.world import drawn, moved, protect, report, review, tried, waited

OTHER = 777


async def run(shop: Town, update: Update, **rules: Rule):
    """rules: of the policy, by kind."""
    policy = Policy(rules={**Policy().rules, **{Kind(kind): rule for kind, rule in rules.items()}})
    return await decide.run(update, gh=shop.gh, config=RepoConfig(policy=policy), us=shop.us, now=NOW)


async def another_app(shop: Town):
    """A client of another App that is installed here too."""
    shop.box.add_app("other-ci", app_id=OTHER, private_key=pem())
    installation = shop.box.install(OTHER, shop.repo)
    forge = Forge(OTHER, pem(), session=shop.forge.line.session, api_url=shop.box.url, manners=shop.forge.line.manners)
    return await forge.installation(installation)


async def run_of(gh, update: Update, name: str, conclusion: str | None = "success") -> None:
    """An App's check run on the head."""
    ended = {"status": "completed", "conclusion": conclusion} if conclusion else {"status": "in_progress"}
    await gh.post(f"/repos/{REPO}/check-runs", data={"name": name, "head_sha": update.pull.head, **ended})


async def lights(shop: Town, update: Update) -> dict[str, tuple[Light, bool]] | None:
    """The checks as a decision sees them."""
    known = await facts.gather(shop.gh, update, us=shop.us, now=NOW)
    return None if known.checks is None else {c.name: (c.light, c.required) for c in known.checks}


async def test_a_good_patch_is_approved(shop):
    """Simulated and nothing against it."""
    update = await tried(shop)
    outcome = await run(shop, update)

    assert Verdict.APPROVE is moved(outcome, State.APPROVED).decision.verdict
    assert update.pull.head == outcome.update.decision.head
    assert State.APPROVED is drawn(update, outcome).state


async def test_a_failed_simulation_is_a_rejection(shop):
    """Whoever approves it: also from a review and from a deferral."""
    for state in (State.SIMULATED, State.IN_REVIEW, State.DEFERRED):
        update = await tried(shop, state, grade=Grade.FAILED)
        outcome = await run(shop, update)
        assert "1 newly failing" in moved(outcome, State.REJECTED).note
        assert State.REJECTED is drawn(update, outcome).state


async def test_what_nobody_can_tell_asks_a_person_and_goes_on_with_their_yes(shop):
    """An unknown trial waits in review, without a line for every look; an approval by somebody who may goes on."""
    update = await tried(shop, grade=Grade.UNKNOWN, why="no test suite was found")
    waiting = drawn(update, await run(shop, update))
    again = await run(shop, waiting)

    assert State.IN_REVIEW is waiting.state and "so a person decides" in waiting.note
    assert isinstance(again, Waiting) and NOW + decide.LOOK_AGAIN == again.until
    await review(shop, "ben", update)
    after = moved(await run(shop, waiting), State.APPROVED)
    assert "@ben approved it" in after.note
    assert [("ben", update.pull.head, "review")] == [(a.who, a.head, a.source) for a in after.approvals]


async def test_a_rule_of_the_owner_rejects(shop):
    """`patch: reject` takes no patches, however green."""
    assert "takes no patch updates" in moved(await run(shop, await tried(shop), patch=Rule.REJECT), State.REJECTED).note


async def test_what_was_put_off_waits_until_then(shop):
    """Deferred until the very moment, and decided by then."""
    later = NOW + 2 * DAY
    update = replace(await tried(shop), defer_until=later)
    put_off = drawn(update, await run(shop, update))
    again = await run(shop, put_off)

    assert (State.DEFERRED, later) == (put_off.state, again.until)
    moved(await run(shop, replace(put_off, defer_until=NOW - timedelta(seconds=1))), State.APPROVED)


async def test_a_commit_that_was_not_tried_is_held(shop):
    """A simulation of another head is none."""
    update = await tried(shop)
    stale = replace(update, simulation=replace(update.simulation, head=shop.tip))

    assert "has not been simulated yet" in waited(await run(shop, stale)).note


def test_nothing_to_do_waits_for_an_event():
    """A verdict that no policy gives has its road all the same, and asks nobody."""
    outcome = decide._outcome(an_update(), a_decision(Verdict.CURRENT), NOW)
    assert isinstance(outcome, Waiting) and (None, False) == (outcome.until, outcome.told)


async def test_a_required_check_is_waited_for_and_then_obeyed(shop):
    """Absent, pending, green; and red is a matter for a person, whom no approval helps."""
    update = await tried(shop)
    await protect(shop, "ci")
    seen = []
    for state in (None, "pending", "failure", "success"):
        if state:
            await report(shop, update, state)
        outcome = await run(shop, update)
        seen.append((await lights(shop, update))["ci"])
        if state in (None, "pending"):
            assert "waiting for `ci`" in waited(outcome).note
        elif state == "failure":
            await review(shop, "ben", update)
            assert "required and failed: `ci`" in moved(await run(shop, update), State.IN_REVIEW).note
        else:
            moved(outcome, State.APPROVED)
    assert [(light, True) for light in (Light.ABSENT, Light.PENDING, Light.RED, Light.GREEN)] == seen


async def test_a_check_that_nobody_requires_asks_when_it_is_red(shop):
    """A person may overrule it, since the branch would take the merge."""
    update = await tried(shop)
    await report(shop, update, "error", "lint")
    moved(await run(shop, update), State.IN_REVIEW)
    await review(shop, "ben", update)
    moved(await run(shop, update), State.APPROVED)


async def test_the_right_name_from_the_wrong_app_does_not_count(shop):
    """A check that one App must give is absent until that App gives it, whoever else says its name."""
    update = await tried(shop)
    other = await another_app(shop)
    await protect(shop, ("build", OTHER), ("sign", APP_ID))
    await report(shop, update, "success", "build")
    await run_of(other, update, "sign")
    assert {"build": (Light.ABSENT, True), "sign": (Light.ABSENT, True)} == await lights(shop, update)
    assert "waiting for `build`, `sign`" in waited(await run(shop, update)).note

    await run_of(other, update, "build")
    await run_of(shop.gh, update, "sign")
    assert {"build": (Light.GREEN, True), "sign": (Light.GREEN, True)} == await lights(shop, update)
    moved(await run(shop, update), State.APPROVED)


async def test_a_check_that_two_must_give_needs_both(shop):
    """Branch protection asks for one App, a ruleset for another: one word is not enough."""
    update = await tried(shop)
    other = await another_app(shop)
    await protect(shop, ("build", OTHER))
    asked = [{"context": "build", "integration_id": APP_ID}]
    rule = {"type": "required_status_checks", "parameters": {"required_status_checks": asked}}
    shop.box.add_ruleset(shop.repo, ["~DEFAULT_BRANCH"], [rule])
    for gh in (shop.gh, other):
        assert "waiting for `build`" in waited(await run(shop, update)).note
        await run_of(gh, update, "build")

    moved(await run(shop, update), State.APPROVED)


async def test_our_own_word_is_no_witness_for_us(shop):
    """Our check runs are not waited for, and one of ours that is red or pending stands in nobody's way."""
    update = await tried(shop)
    await protect(shop, names.POLICY, (names.SIMULATION, APP_ID))
    await run_of(shop.gh, update, names.POLICY, "failure")
    await run_of(shop.gh, update, names.SIMULATION, None)

    assert {} == await lights(shop, update)
    moved(await run(shop, update), State.APPROVED)


async def test_another_apps_run_of_our_name_is_no_check_of_ours(shop):
    """It counts as what it is: somebody else's red check, which asks a person."""
    update = await tried(shop)
    await run_of(await another_app(shop), update, names.POLICY, "failure")

    assert {names.POLICY: (Light.RED, False)} == await lights(shop, update)
    assert "failed: `surefoot / policy`" in moved(await run(shop, update), State.IN_REVIEW).note


@pytest.mark.parametrize(
    ("conclusion", "light"),
    [
        ("success", Light.GREEN),
        ("neutral", Light.GREEN),
        ("skipped", Light.GREEN),
        ("failure", Light.RED),
        ("cancelled", Light.RED),
        ("timed_out", Light.RED),
        ("action_required", Light.RED),
        ("stale", Light.RED),
        (None, Light.PENDING),
    ],
)
async def test_every_end_of_a_check_has_its_light(conclusion, light):
    """What GitHub would merge on is green; what did not end well, for whatever reason, is red."""
    status = "completed" if conclusion else "queued"
    assert light is facts._light(status, conclusion)


async def test_the_worst_word_of_a_name_counts(shop):
    """Two services that use one name: green only when both are."""
    update = await tried(shop)
    await run_of(await another_app(shop), update, "ci")
    await report(shop, update, "failure", "ci")

    assert {"ci": (Light.RED, False)} == await lights(shop, update)


@pytest.mark.parametrize("status", [403, 404])
async def test_requirements_that_cannot_be_read_ask_a_person(shop, status):
    """Not known is not none: a person decides, and their yes to this commit goes on."""
    update = await tried(shop)
    shop.box.world.faults.request("answer", path=r"/branches/main$", status=status, count=3)
    assert None is await lights(shop, update)
    assert "could not be read" in moved(await run(shop, update), State.IN_REVIEW).note

    await review(shop, "ben", update)
    assert "could not be read" in moved(await run(shop, update), State.APPROVED).note


async def test_reviews_count_by_what_their_writers_may_do(shop):
    """A reader's approval, one of another commit and one without an opinion do not; changes asked for block."""
    update = await tried(shop)
    await review(shop, "cyd", update)
    await review(shop, "ann", update, commit=shop.tip)
    await review(shop, "ann", update, event="COMMENT")
    assert () == (await facts.gather(shop.gh, update, us=shop.us, now=NOW)).approvals

    await review(shop, "ann", update, event="REQUEST_CHANGES")
    known = await facts.gather(shop.gh, update, us=shop.us, now=NOW)
    assert ((), ("ann",)) == (known.approvals, known.blockers)
    assert "@ann asked for changes" in moved(await run(shop, update), State.IN_REVIEW).note


async def test_an_approval_by_comment_is_weighed_anew_each_time(shop):
    """Who lost the right to write since, has not approved; who approved another commit, neither."""
    update = await tried(shop)
    said = [
        an_approval(who=who, head=head, source="comment")
        for who, head in (("ben", update.pull.head), ("ann", shop.tip))
    ]
    update = replace(update, approvals=tuple(said))
    assert ["ben"] == [a.who for a in (await facts.gather(shop.gh, update, us=shop.us, now=NOW)).approvals]

    shop.repo.collaborators["ben"] = "read"
    assert () == (await facts.gather(shop.gh, update, us=shop.us, now=NOW)).approvals


async def test_a_review_that_was_dismissed_is_forgotten(shop):
    """We remember who approved, and ask GitHub each time whether they still do."""
    update = await tried(shop, grade=Grade.UNKNOWN)
    await review(shop, "ben", update)
    approved = moved(await run(shop, update), State.APPROVED)
    [given] = await shop.gh.getitem(f"/repos/{REPO}/pulls/{update.pull.number}/reviews")
    url = f"/repos/{REPO}/pulls/{update.pull.number}/reviews/{given['id']}/dismissals"
    await shop.people["ann"].put(url, data={"message": "too quick"})

    assert () == moved(await run(shop, approved), State.IN_REVIEW).approvals


async def test_who_pushed_to_our_branch_is_no_second_pair_of_eyes(shop):
    """ben's commit and ben's review are one opinion; ann's is another."""
    update = await tried(shop)
    file = await shop.gh.getitem(f"/repos/{REPO}/contents/requirements.txt?ref={update.pull.branch}")
    body = {"message": "m", "content": "Z3JlZXRlcj09MS4yLjQKCg==", "sha": file["sha"], "branch": update.pull.branch}
    made = await shop.people["ben"].put(f"/repos/{REPO}/contents/requirements.txt", data=body)
    head = made["commit"]["sha"]
    update = replace(
        update,
        pull=replace(update.pull, head=head, ours=False),
        simulation=replace(update.simulation, head=head),
    )
    await review(shop, "ben", update)
    assert "somebody else's commits" in moved(await run(shop, update), State.IN_REVIEW).note

    await review(shop, "ann", update)
    assert ["ann"] == [a.who for a in moved(await run(shop, update), State.APPROVED).approvals]


async def test_a_right_that_cannot_be_read_approves_nothing(shop):
    """GitHub would not tell what ben may do: his yes waits until it does."""
    update = await tried(shop)
    await review(shop, "ben", update)
    shop.box.world.faults.request("answer", path="/permission$", status=403)

    assert () == (await facts.gather(shop.gh, update, us=shop.us, now=NOW)).approvals
    assert ["ben"] == [a.who for a in (await facts.gather(shop.gh, update, us=shop.us, now=NOW)).approvals]


async def test_a_yes_by_comment_outlives_a_right_that_could_not_be_read(shop):
    """GitHub would not tell once what ben may do: he need not say it again."""
    update = await tried(shop, State.IN_REVIEW, grade=Grade.UNKNOWN)
    yes = an_approval(who="ben", head=update.pull.head, source="comment")
    shop.box.world.faults.request("answer", path="/permission$", status=403)
    asked = waited(await run(shop, replace(update, approvals=(yes,))))

    assert (yes,) == asked.approvals
    assert "@ben approved it" in moved(await run(shop, asked), State.APPROVED).note


async def test_where_the_record_lacks_who_pushed_it_takes_one_yes_more(shop):
    """Whoever says yes first may be who pushed it; of two one is not. A third answer, and no dead end."""
    update = await tried(shop)
    git, ghost = shop.repo.git, Person(name="nobody", email="nobody@example.org", date=NOW)
    tree = await git.write_tree(update.pull.head, [("100644", await git.write_blob(b"boom\n"), "evil.py")])
    head = await git.write_commit(tree, [update.pull.head], "more", author=ghost, committer=ghost)
    await git.set_ref(f"refs/heads/{update.pull.branch}", head)
    shop.repo.pulls[update.pull.number].head_sha = head
    update = replace(
        update, pull=replace(update.pull, head=head, ours=False), simulation=replace(update.simulation, head=head)
    )
    await review(shop, "ben", update)
    assert "one approval more than usual is needed" in moved(await run(shop, update), State.IN_REVIEW).note

    await review(shop, "ann", update)
    assert {"ann", "ben"} == {yes.who for yes in moved(await run(shop, update), State.APPROVED).approvals}


async def test_a_draft_is_held(shop):
    """Whoever made it one is not done; GitHub would not take the merge either."""
    update = await tried(shop)
    shop.repo.pulls[update.pull.number].draft = True

    assert "it is a draft" in waited(await run(shop, update)).note


async def test_a_check_that_nobody_requires_does_not_hold_for_ever(shop):
    """It is waited for an hour; then a person says whether it matters."""
    update = await tried(shop)
    await report(shop, update, "pending", "slow")
    assert "waiting for `slow`" in waited(await run(shop, update)).note

    late = replace(update, pull=replace(update.pull, since=NOW - HOUR))
    assert "not required, and not done after 1 h" in moved(await run(shop, late), State.IN_REVIEW).note
    await review(shop, "ben", late)
    moved(await run(shop, late), State.APPROVED)


async def test_foreign_commits_on_our_branch_need_a_yes(shop):
    """A patch that would merge by itself does not, once somebody else pushed to it."""
    update = await tried(shop)
    update = replace(update, pull=replace(update.pull, ours=False))

    assert "somebody else's commits" in moved(await run(shop, update), State.IN_REVIEW).note


async def test_without_a_pull_request_nothing_is_decided(shop):
    """Facts without a commit would be facts about nothing."""
    await shop.gh.getitem(f"/repos/{REPO}")
    with pytest.raises(Permanent, match="no pull request"):
        await run(shop, an_update(installation=shop.installation))
