"""Hears what people tell the bot in comments and buttons: checks their right, changes the update, answers once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from gidgethub.abc import GitHubAPI

from bot.core import commands, render
from bot.core.errors import Missing, Refused
from bot.core.events import Mail
from bot.core.lifecycle import CAN_TURN_BACK, PULL_IS_OPEN, Moved, Outcome, Waiting
from bot.core.model import Approval, State, Update
from bot.core.policy import UNKNOWN_WRITERS
from bot.core.quoting import code
from bot.github import comments, hands, pulls
from bot.github.apps import Us

MAY_COMMAND = frozenset({"admin", "maintain", "write"})
_OUT_OF_REJECTED = "Push a fix, try again with `/surefoot retry`, or merge it by hand."
_HAPPENING = PULL_IS_OPEN | {State.CLOSED, State.PAUSED, State.FAILED}


async def run(update: Update, *, gh: GitHubAPI, us: Us, mail: Mail, now: datetime) -> Outcome | None:
    """What one mail changes; None when it changes nothing. The reaction and the reply are given here."""
    said = commands.parse(mail.text, now=mail.at)
    if not said:
        return None
    right = await comments.permission(gh, update.repo, mail.author)
    if right not in MAY_COMMAND:
        # Anybody may write here, and whatever they get for it they can have a thousand times: so no words, or once.
        words = render.unread_right(mail.author) if right is None else ""
        await _answer(update, gh, us, replace(mail, key=f"unread:{mail.author.lower()}"), [("-1", words)])
        return None
    if old := _of_another_commit(update, mail):
        return _told(update, None, await _answer(update, gh, us, mail, [("confused", old)]), mail)
    outcome: Outcome | None = None
    answers: list[tuple[str, str]] = []
    for command in said:
        if isinstance(outcome, Moved):
            # The next command would speak of a state that is no more.
            answers.append(("confused", f"It is {outcome.to.value} now, so I did not hear what came after that."))
            break
        changed, *answer = await _hear(outcome.update if outcome else update, command, gh, us, mail, now)
        answers.append((answer[0], answer[1]))
        if changed is not None and outcome is not None:
            changed = replace(changed, why=f"{outcome.why}; {changed.why}")
        outcome = changed or outcome
    return _told(update, outcome, await _answer(update, gh, us, mail, answers), mail)


def _told(update: Update, outcome: Outcome | None, refused: str, mail: Mail) -> Outcome | None:
    """What was said holds although GitHub took no answer; the audit is then the only place to say so."""
    if not refused:
        return outcome
    why = f"GitHub refused our answer to @{mail.author}: {code(refused)}"
    if outcome is not None:
        return replace(outcome, why=f"{outcome.why}; {why}")
    return Waiting(update=update, until=mail.at, why=why, told=True)


def _of_another_commit(update: Update, mail: Mail) -> str | None:
    """A button belongs to one commit; pressed on an old one's page it says nothing of what is there now."""
    here = {update.pull.head if update.pull else None, update.rollout.sha if update.rollout else None}
    if mail.sha is None or mail.sha in here:
        return None
    return f"@{mail.author}, that button was {mail.sha[:9]}'s, which is not what is there now. Press the newest one."


async def _answer(update: Update, gh: GitHubAPI, us: Us, mail: Mail, answers: Sequence[tuple[str, str]]) -> str:
    """Every reaction, and one reply with all that is to be said; both are there once, also when it is heard again.

    Best effort: the answer is what GitHub refused of it, such as any word in a locked conversation, or nothing.
    """
    refused = ""
    try:
        for reaction in dict.fromkeys(reaction for reaction, _ in answers):
            if mail.comment is not None:
                await comments.react(gh, update.repo, mail.comment, reaction)
    except Missing:
        pass  # its writer took the comment away meanwhile; what it said was said
    except Refused as error:
        refused = str(error)
    reply = "\n\n".join(words for _, words in answers if words)
    if not reply or update.pull is None:
        return refused
    mark = f"<!-- surefoot:answer:{mail.key} -->"
    try:
        if not await comments.find(gh, update.repo, update.pull.number, mark, us):
            await comments.create(gh, update.repo, update.pull.number, f"{mark}\n{reply}")
    except (Missing, Refused) as error:
        refused = str(error)
    return refused


Answer = tuple[Outcome | None, str, str]  # what follows, the reaction, the reply


async def _hear(
    update: Update, command: commands.Command | commands.Problem, gh: GitHubAPI, us: Us, mail: Mail, now: datetime
) -> Answer:
    match command:
        case commands.Approve():
            return await _approve(update, gh, us, mail, now)
        case commands.Reject(reason=reason):
            return await _reject(update, gh, mail, reason)
        case commands.Defer(until=until):
            return _defer(update, mail, until)
        case commands.Rollback(reason=reason):
            return _rollback(update, mail, reason)
        case commands.Retry():
            return _retry(update, mail)
        case commands.Status():
            return None, "eyes", render.status(update, now=now)
        case commands.Help():
            return None, "eyes", commands.help_text()
        case commands.Unknown() | commands.Unexpected() | commands.BadTime() | commands.TooMany():
            return None, "confused", commands.answer(command)
        case other:
            assert_never(other)


async def _approve(update: Update, gh: GitHubAPI, us: Us, mail: Mail, now: datetime) -> Answer:
    if update.state is State.PAUSED and update.rollout is not None:
        waived = replace(update, paused_from=None, rollout=replace(update.rollout, waived=True))
        return (
            Moved(update=waived, to=State.ROLLING_OUT, why=f"@{mail.author} lets it go on", actor=mail.author),
            "+1",
            "",
        )
    if update.pull is None or update.state not in PULL_IS_OPEN:
        return None, "confused", f"There is nothing to approve: this update is {update.state}."
    if update.state is State.REJECTED:
        return None, "confused", f"No approval changes that: {update.note}. {_OUT_OF_REJECTED}"
    pull = await pulls.get(gh, update.repo, update.pull.number)
    there = (update.pull.head, update.pull.base)
    if (pull.head, pull.base_ref) != there or mail.at < update.pull.since or mail.sha not in (None, pull.head):
        return None, "confused", "The branch has moved since you wrote; look again and approve what is there now."
    wrote = await hands.writers(gh, update.repo, update.pull, us)
    if mail.author.lower() in {who.lower() for who in (pull.author, *wrote) if who is not None}:
        return None, "-1", "An author's own approval does not count, nor that of who pushed to the branch."
    yes = Approval(who=mail.author, head=pull.head, at=mail.at, source="comment")
    approvals = (*(a for a in update.approvals if (a.who, a.source) != (yes.who, yes.source)), yes)
    moved = replace(update, approvals=approvals, defer_until=None)
    why, words = f"@{mail.author} approved {pull.head[:9]}", f"{UNKNOWN_WRITERS}." if None in wrote else ""
    return Waiting(update=moved, until=now, why=why, told=True, actor=mail.author), "+1", words


async def _reject(update: Update, gh: GitHubAPI, mail: Mail, reason: str) -> Answer:
    if update.merge is not None:
        return None, "confused", f"It is merged, and {update.state}: `/surefoot rollback` takes it back."
    if update.state not in _HAPPENING or update.pull is None:
        return None, "confused", f"There is nothing to reject: this update is {update.state}."
    await pulls.close(gh, update.repo, update.pull.number)
    why = f"@{mail.author} rejected it" + (f": {reason}" if reason else "")
    return Moved(update=update, to=State.CLOSED, why=why, actor=mail.author), "+1", ""


def _defer(update: Update, mail: Mail, until: datetime) -> Answer:
    if update.state not in PULL_IS_OPEN or update.state is State.REJECTED:
        return None, "confused", f"There is nothing to defer: this update is {update.state}."
    why = f"@{mail.author} deferred it until {until:%Y-%m-%d %H:%M} UTC"
    deferred = replace(update, defer_until=until)
    if update.state in (State.IN_REVIEW, State.APPROVED, State.SIMULATED):
        return Moved(update=deferred, to=State.DEFERRED, why=why, actor=mail.author), "+1", ""
    return Waiting(update=deferred, until=mail.at, why=why, told=True, actor=mail.author), "+1", ""


def _rollback(update: Update, mail: Mail, reason: str) -> Answer:
    if update.state not in CAN_TURN_BACK or update.merge is None:
        return None, "confused", f"There is nothing to roll back: this update is {update.state}."
    why = f"@{mail.author} asked for it back" + (f": {reason}" if reason else "")
    rollout = replace(update.rollout, because=why) if update.rollout else None
    turned = replace(update, rollout=rollout, paused_from=None)
    return Moved(update=turned, to=State.ROLLING_BACK, why=why, actor=mail.author), "+1", ""


def _retry(update: Update, mail: Mail) -> Answer:
    why = f"@{mail.author} asked for another try"
    if update.state in (State.FAILED, State.PAUSED) and update.paused_from is not None:
        back = replace(update, paused_from=None)
        return Moved(update=back, to=update.paused_from, why=why, actor=mail.author), "+1", ""
    if update.state in PULL_IS_OPEN:
        fresh = replace(update, simulation=None, decision=None)
        return Moved(update=fresh, to=State.PROPOSED, why=why, actor=mail.author), "+1", ""
    return None, "confused", f"There is nothing to try again: this update is {update.state}."
