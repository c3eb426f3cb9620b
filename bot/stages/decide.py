"""Decides by policy: gathers the facts first, then thinks once; the decision keeps every reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from gidgethub.abc import GitHubAPI

from bot.core import policy
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Decision, State, Update, Verdict
from bot.core.repo_config import RepoConfig
from bot.github import facts
from bot.github.apps import Us

# A lost webhook only delays: what waits for checks is looked at again after this long.
LOOK_AGAIN = timedelta(minutes=10)


async def run(update: Update, *, gh: GitHubAPI, us: Us, config: RepoConfig, now: datetime) -> Outcome:
    """Approve, ask a person, defer or reject; the same facts always end the same."""
    known = await facts.gather(gh, update, us=us, now=now)
    decision = policy.decide(known, config.policy)
    decided = replace(update, decision=decision, approvals=facts.remembered(update, known))
    return _outcome(decided, decision, now)


def _outcome(update: Update, decision: Decision, now: datetime) -> Outcome:
    why = policy.why_of(decision)
    match decision.verdict:
        case Verdict.APPROVE:
            return Moved(update=update, to=State.APPROVED, why=why)
        case Verdict.REJECT:
            return _to(update, State.REJECTED, why, None)
        case Verdict.REVIEW:
            return _to(update, State.IN_REVIEW, why, now + LOOK_AGAIN)
        case Verdict.DEFER:
            return _to(update, State.DEFERRED, why, decision.until)
        case Verdict.HOLD:
            return Waiting(update=update, until=now + LOOK_AGAIN, why=why, told=True)
        case Verdict.CURRENT:
            return Waiting(update=update, until=None, why=why)
        case other:
            assert_never(other)


def _to(update: Update, state: State, why: str, until: datetime | None) -> Outcome:
    if update.state is state:
        return Waiting(update=update, until=until, why=why, told=True)
    return Moved(update=update, to=state, why=why)
