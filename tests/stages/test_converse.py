"""Converse: who may say what in which state, what follows, and that every mail is answered once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.lifecycle import CAN_TURN_BACK, PULL_IS_OPEN, Outcome, Waiting
from bot.core.model import State, Update
from bot.demo.box.git import Person
from bot.github import comments
from bot.stages import converse
from tests.builders import DAY, HOUR, NOW, a_decision, a_mail, a_merge, a_rollout, a_sha, a_simulation, an_approval
from tests.github.town import REPO, Town
from tests.stages.world import drawn, found, moved, proposed, pull_of, waited

AFTER_MERGE = CAN_TURN_BACK | {State.ROLLING_BACK, State.ROLLED_BACK}


async def says(shop: Town, update: Update, text: str, who: str = "ben", **more) -> tuple[Outcome | None, int]:
    """A person comments on the pull request, and the bot hears it; the outcome and the comment's number."""
    url = f"/repos/{REPO}/issues/{update.pull.number}/comments"
    made = await shop.people[who].post(url, data={"body": text})
    mail = a_mail(text, author=who, comment=made["id"], pull=update.pull.number, key=f"comment:{made['id']}", **more)
    return await hears(shop, update, mail), made["id"]


async def hears(shop: Town, update: Update, mail) -> Outcome | None:
    return await converse.run(update, gh=shop.gh, us=shop.us, mail=mail, now=NOW)


async def reactions(shop: Town, comment: int) -> list[str]:
    found = await shop.gh.getitem(f"/repos/{REPO}/issues/comments/{comment}/reactions")
    return [one["content"] for one in found]


async def replies(shop: Town, update: Update) -> list[str]:
    """What the bot said on the pull request."""
    return [one.body for one in await comments.listed(shop.gh, REPO, update.pull.number) if one.is_bot]


def in_state(update: Update, state: State) -> Update:
    """As an update is in that state: merged and deployed, or with its trial; failed and paused know from where."""
    if state in AFTER_MERGE - {State.FAILED}:
        update = replace(update, merge=a_merge(), rollout=a_rollout() if state is not State.MERGED else None)
    update = replace(update, simulation=a_simulation(), decision=a_decision(), approvals=(an_approval(),))
    came_from = {State.FAILED: State.IN_REVIEW, State.PAUSED: State.ROLLING_OUT}.get(state)
    return replace(update, state=state, paused_from=came_from)


STAYS, NO = "stays", "no"
OPEN = PULL_IS_OPEN - {State.REJECTED}


def expected(command: str, state: State) -> State | str:
    """The whole table: where a command leads from a state; STAYS changes the update only, NO changes nothing."""
    match command:
        case "approve":
            return State.ROLLING_OUT if state is State.PAUSED else STAYS if state in OPEN else NO
        case "reject":
            return State.CLOSED if state in PULL_IS_OPEN | {State.CLOSED, State.FAILED} else NO
        case "defer 2 hours":
            if state in (State.IN_REVIEW, State.APPROVED, State.SIMULATED):
                return State.DEFERRED
            return STAYS if state in OPEN else NO
        case "rollback":
            return State.ROLLING_BACK if state in CAN_TURN_BACK - {State.FAILED} else NO
        case "retry":
            back = {State.FAILED: State.IN_REVIEW, State.PAUSED: State.ROLLING_OUT}
            return back.get(state) or (State.PROPOSED if state in PULL_IS_OPEN else NO)
    raise AssertionError(command)


@pytest.mark.parametrize("command", ["approve", "reject", "defer 2 hours", "rollback", "retry"])
async def test_every_command_in_every_state(shop, command):
    """Each leads where the table says, on a road that is drawn, with one reaction; a no says how it stands."""
    update = await proposed(shop)
    for state in State:
        row = in_state(update, state)
        outcome, comment = await says(shop, row, f"/surefoot {command}")
        wanted, where = expected(command, state), f"{command} in {state}"
        if wanted is NO:
            assert outcome is None and ["confused"] == await reactions(shop, comment), where
            assert state.value in (await replies(shop, update))[-1] or state is State.REJECTED, where
            continue
        assert ["+1"] == await reactions(shop, comment), where
        assert "ben" == outcome.actor and "@ben" in outcome.why, where
        if wanted is STAYS:
            assert isinstance(outcome, Waiting) and outcome.told and outcome.until <= NOW, where
        else:
            assert wanted is drawn(row, moved(outcome, wanted) and outcome).state, where
        if command == "reject":
            await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{update.pull.number}", data={"state": "open"})


async def test_an_approval_is_of_exactly_the_commit_that_is_there(shop):
    """The yes carries head, person and source; said twice it is one, and it ends a deferral."""
    update = replace(in_state(await proposed(shop), State.DEFERRED), approvals=(), defer_until=NOW + DAY)
    first = waited((await says(shop, update, "/surefoot approve"))[0], f"@ben approved {update.pull.head[:9]}")
    again = waited((await says(shop, first, "/surefoot approve"))[0])

    assert [("ben", update.pull.head, "comment")] == [(a.who, a.head, a.source) for a in again.approvals]
    assert first.defer_until is None


async def test_an_approval_of_what_was_there_before_is_refused(shop):
    """The branch moved, whether we saw it before the comment or not: nobody approves what they have not seen."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    early = replace(update, pull=replace(update.pull, since=NOW + HOUR))
    outcome, comment = await says(shop, early, "/surefoot approve")
    assert (None, ["confused"]) == (outcome, await reactions(shop, comment))

    await shop.push({"requirements.txt": "greeter==1.2.4\n# more\n"}, branch=update.pull.branch)
    outcome, comment = await says(shop, update, "/surefoot approve")
    assert (None, ["confused"]) == (outcome, await reactions(shop, comment))
    assert "The branch has moved since you wrote" in (await replies(shop, update))[-1]


async def test_who_wrote_on_the_branch_cannot_approve_it(shop):
    """ben pushed: his yes is no second pair of eyes, ann's is."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    file = await shop.gh.getitem(f"/repos/{REPO}/contents/requirements.txt?ref={update.pull.branch}")
    body = {"message": "more", "content": "Z3JlZXRlcj09MS4yLjQKCg==", "sha": file["sha"], "branch": update.pull.branch}
    made = await shop.people["ben"].put(f"/repos/{REPO}/contents/requirements.txt", data=body)
    update = replace(update, pull=replace(update.pull, head=made["commit"]["sha"], ours=False))
    outcome, comment = await says(shop, update, "/surefoot approve")

    assert (None, ["-1"]) == (outcome, await reactions(shop, comment))
    assert "nor that of who pushed to the branch" in (await replies(shop, update))[-1]
    waited((await says(shop, update, "/surefoot approve", who="ann"))[0], "@ann approved")


async def test_a_rejection_closes_it_and_keeps_the_reason(shop):
    """On GitHub too, and in the audit."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    outcome, _ = await says(shop, update, "/surefoot reject we leave this library")

    assert "@ben rejected it: we leave this library" == moved(outcome, State.CLOSED).note
    assert "closed" == (await pull_of(shop, update)).state


async def test_what_is_merged_is_not_rejected_but_rolled_back(shop):
    """Closing it would leave half of the traffic on it: the person is told what to say instead."""
    update = in_state(await proposed(shop), State.PAUSED)
    outcome, _ = await says(shop, update, "/surefoot reject")

    assert outcome is None
    assert "`/surefoot rollback` takes it back" in (await replies(shop, update))[-1]


async def test_a_rollback_carries_its_reason_into_the_record(shop):
    """It is what the deployment and the revert will say."""
    update = in_state(await proposed(shop), State.DONE)
    back = moved((await says(shop, update, "/surefoot rollback users complain"))[0], State.ROLLING_BACK)
    plain = moved((await says(shop, in_state(update, State.MERGED), "/surefoot rollback"))[0], State.ROLLING_BACK)

    assert "@ben asked for it back: users complain" == back.rollout.because == back.note
    assert plain.rollout is None


async def test_a_pause_ends_with_a_yes_that_waives_the_requests(shop):
    """The step goes on by time alone; the judge may still turn it back."""
    update = in_state(await proposed(shop), State.PAUSED)
    on = moved((await says(shop, update, "/surefoot approve"))[0], State.ROLLING_OUT)

    assert (True, None) == (on.rollout.waived, on.paused_from)


async def test_a_retry_forgets_the_trial_and_nothing_else(shop):
    """The pull request and the people's yes stay."""
    update = in_state(await proposed(shop), State.REJECTED)
    again = moved((await says(shop, update, "/surefoot retry"))[0], State.PROPOSED)

    assert (None, None, update.pull, update.approvals) == (
        again.simulation,
        again.decision,
        again.pull,
        again.approvals,
    )


@pytest.mark.parametrize(
    ("role", "obeyed"),
    [("none", False), ("read", False), ("triage", False), ("write", True), ("maintain", True), ("admin", True)],
)
async def test_a_role_of_write_or_more_is_obeyed(shop, role, obeyed):
    """Who may sort issues may not merge, and who maintains the repository may do at least what a writer may."""
    shop.repo.collaborators["ben"] = role
    update = in_state(await proposed(shop), State.IN_REVIEW)
    outcome, comment = await says(shop, update, "/surefoot approve")

    assert (outcome is not None) is obeyed
    assert (["+1"] if obeyed else ["-1"]) == await reactions(shop, comment)


@pytest.mark.parametrize(("who", "obeyed"), [("cyd", False), ("ann", True), ("ben", True)])
async def test_only_who_may_write_is_obeyed(shop, who, obeyed):
    """A reader gets a reaction and no word, also for a question: nobody can make the bot fill a page."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    outcome, comment = await says(shop, update, "/surefoot approve\n/surefoot status", who=who)

    assert (outcome is not None) is obeyed
    assert (["+1", "eyes"] if obeyed else ["-1"]) == await reactions(shop, comment)
    assert obeyed is bool(await replies(shop, update))


async def test_a_right_that_cannot_be_read_is_no_right(shop):
    """GitHub would not say what ben may do: he is asked to say it again later, and nothing happens."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    shop.box.world.faults.request("answer", path="/permission$", status=403)
    outcome, comment = await says(shop, update, "/surefoot approve")

    assert (None, ["-1"]) == (outcome, await reactions(shop, comment))
    assert "could not be read just now" in (await replies(shop, update))[-1]


async def test_who_cannot_be_known_fills_no_page(shop):
    """Somebody writes command after command whose right GitHub does not tell: they get one sentence for all."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    for _ in range(3):
        shop.box.world.faults.request("answer", path="/permission$", status=404)
        _, comment = await says(shop, update, "/surefoot approve")
        assert ["-1"] == await reactions(shop, comment)

    assert 1 == len(await replies(shop, update))


@pytest.mark.parametrize(
    "text", ["looks good", "> /surefoot approve", "```\n/surefoot approve\n```", "surefoot approve"]
)
async def test_talk_that_is_not_for_us_is_left_alone(shop, text):
    """No reaction, no reply, not even a look at who it was."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    outcome, comment = await says(shop, update, text)

    assert (None, [], []) == (outcome, await reactions(shop, comment), await replies(shop, update))
    assert [] == shop.asked("GET", "/permission")


async def test_several_commands_are_heard_in_order_and_answered_in_one_reply(shop):
    """Each changes what the next one finds; the audit has both sentences, the person one reply."""
    update = replace(in_state(await proposed(shop), State.PROPOSED), approvals=())
    outcome, comment = await says(
        shop, update, "/surefoot defer 2 hours\n/surefoot approve\n/surefoot status\n/surefoot help"
    )
    after = waited(outcome, "@ben deferred it until 2026-03-04 14:00 UTC; @ben approved")

    assert (None, ["ben"]) == (after.defer_until, [a.who for a in after.approvals])
    assert ["+1", "eyes"] == await reactions(shop, comment)
    [reply] = await replies(shop, update)
    assert "being simulated" in reply and "/surefoot rollback [reason]" in reply


async def test_what_follows_a_change_of_state_is_not_heard_and_that_is_said(shop):
    """The second command would speak of a state that is no more."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    outcome, comment = await says(shop, update, "/surefoot defer tomorrow\n/surefoot reject")

    moved(outcome, State.DEFERRED)
    assert "open" == (await pull_of(shop, update)).state
    assert ["+1", "confused"] == await reactions(shop, comment)
    assert "It is deferred now, so I did not hear what came after that" in (await replies(shop, update))[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/surefoot aprove", "Did you mean `/surefoot approve`"),
        ("/surefoot frobnicate", "I know no command `frobnicate`"),
        ("/surefoot approve not", "stands alone"),
        ("/surefoot defer yesterdayish", "yesterdayish"),
        ("/surefoot status\n" * 11, "heard the first 10 commands"),
    ],
)
async def test_what_is_not_understood_is_never_guessed(shop, text, words):
    """A helpful answer, and nothing changes."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    outcome, comment = await says(shop, update, text)

    assert None is outcome and "confused" in await reactions(shop, comment)
    assert words in (await replies(shop, update))[-1]


async def test_a_mail_that_is_heard_twice_is_answered_once(shop):
    """A process that died between the answer and its save: one reaction of a kind, one reply, one close."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    text = "/surefoot status"
    _, comment = await says(shop, update, text)
    mail = a_mail(text, author="ben", comment=comment, pull=update.pull.number, key=f"comment:{comment}")
    await hears(shop, update, mail)

    assert (["eyes"], 1) == (await reactions(shop, comment), len(await replies(shop, update)))

    outcome, comment = await says(shop, update, "/surefoot reject")
    mail = a_mail("/surefoot reject", author="ben", comment=comment, pull=update.pull.number, key=f"comment:{comment}")
    assert outcome == await hears(shop, update, mail)
    assert ["+1"] == await reactions(shop, comment)


async def test_a_button_is_a_command_without_a_comment(shop):
    """Nothing to react to: what must be said is said in one comment, heard twice or not."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    press = a_mail("/surefoot defer 1 day", author="ben", comment=None, pull=None, sha=update.pull.head, key="button:1")
    deferred = moved(await hears(shop, update, press), State.DEFERRED)
    assert (NOW + DAY, []) == (deferred.defer_until, await replies(shop, update))

    assert None is await hears(shop, update, replace(press, author="cyd", key="button:2"))
    ask = replace(press, text="/surefoot status", key="button:3")
    for _ in range(2):
        assert None is await hears(shop, update, ask)
    assert 1 == len(await replies(shop, update))
    assert [] == shop.asked("POST", "/reactions")


async def test_the_button_of_an_older_commit_does_nothing(shop):
    """ben looked at another commit when he pressed; he is told, and nothing is approved, deferred or turned back."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    for number, word in enumerate(("approve", "defer 1 day", "reject")):
        press = a_mail(f"/surefoot {word}", author="ben", comment=None, pull=None, sha=a_sha(8), key=f"button:{number}")
        assert None is await hears(shop, update, press)
    assert all(f"that button was {a_sha(8)[:9]}'s" in one for one in await replies(shop, update))
    assert "open" == (await pull_of(shop, update)).state

    here = a_mail(author="ben", comment=None, pull=None, sha=update.pull.head, key="button:9")
    waited(await hears(shop, update, here), "@ben approved")
    rolling = in_state(update, State.ROLLING_OUT)
    press = a_mail("/surefoot rollback", author="ben", comment=None, sha=rolling.rollout.sha, key="button:10")
    moved(await hears(shop, rolling, press), State.ROLLING_BACK)


async def test_an_approval_is_for_the_base_that_it_was_asked_for(shop):
    """Somebody retargeted the pull request a moment ago: a yes now would be a yes to something else."""
    update = replace(in_state(await proposed(shop), State.IN_REVIEW), approvals=())
    await shop.repo.git.set_ref("refs/heads/release", shop.tip)
    await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{update.pull.number}", data={"base": "release"})

    assert None is (await says(shop, update, "/surefoot approve"))[0]


async def test_a_yes_to_what_nobody_knows_who_pushed_is_kept_and_is_not_enough(shop):
    """The person is told that it takes one more, since whoever says yes may be who pushed it."""
    update = in_state(await proposed(shop), State.IN_REVIEW)
    git, ghost = shop.repo.git, Person(name="nobody", email="nobody@example.org", date=NOW)
    tree = await git.write_tree(update.pull.head, [("100644", await git.write_blob(b"boom\n"), "evil.py")])
    head = await git.write_commit(tree, [update.pull.head], "more", author=ghost, committer=ghost)
    await git.set_ref(f"refs/heads/{update.pull.branch}", head)
    shop.repo.pulls[update.pull.number].head_sha = head
    update = replace(update, pull=replace(update.pull, head=head, ours=False))

    waited((await says(shop, update, "/surefoot approve"))[0], "@ben approved")
    assert "one approval more than usual is needed" in (await replies(shop, update))[-1]


async def test_without_a_pull_request_there_is_nowhere_to_answer(shop):
    """A word about an update that has none changes nothing and breaks nothing."""
    mail = a_mail("/surefoot reject", author="ben", comment=None, pull=None, key="button:9")
    assert None is await hears(shop, found(shop), mail)
    assert None is await hears(shop, found(shop), replace(mail, text="/surefoot approve"))
    assert {} == shop.repo.pulls


async def test_a_comment_that_was_taken_away_again_stops_nothing(shop):
    """There is nothing left to react to; what was said was said, and a question is answered all the same."""
    update = replace(in_state(await proposed(shop), State.IN_REVIEW), approvals=())
    for text in ("/surefoot approve", "/surefoot status"):
        made = await shop.people["ben"].post(f"/repos/{REPO}/issues/{update.pull.number}/comments", data={"body": text})
        await shop.people["ben"].delete(f"/repos/{REPO}/issues/comments/{made['id']}")
        mail = a_mail(text, author="ben", comment=made["id"], pull=update.pull.number, key=f"comment:{made['id']}")
        outcome = await hears(shop, update, mail)
        assert (outcome is None) is (text == "/surefoot status")

    assert ["waits for a person" in one for one in await replies(shop, update)] == [True]


async def test_a_command_holds_although_the_conversation_is_locked(shop):
    """GitHub lets no App write there: what was said is done, and the audit says that it was not answered."""
    update = replace(in_state(await proposed(shop), State.IN_REVIEW), approvals=())
    await shop.people["ann"].put(f"/repos/{REPO}/issues/{update.pull.number}/lock", data={"lock_reason": "spam"})
    yes = waited((await says(shop, update, "/surefoot approve"))[0], "@ben approved")
    asked, _ = await says(shop, update, "/surefoot status")

    assert ["ben"] == [one.who for one in yes.approvals] and "issue is locked" in yes.note
    assert isinstance(asked, Waiting) and asked.told and "refused our answer to @ben" in asked.why
    assert [] == await replies(shop, update)
    assert "issue is locked" in moved((await says(shop, update, "/surefoot reject"))[0], State.CLOSED).note
