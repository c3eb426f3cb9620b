"""What the tests of the stages share: an update that was really proposed, and a step by an outcome on a drawn road."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.adapters.manifests.pyproject import PyProject
from bot.adapters.manifests.requirements import Requirements
from bot.core.lifecycle import Moved, Outcome, Waiting, advance
from bot.core.locks import Followed, Keeper
from bot.core.model import Sha, State, Update
from bot.core.ports import Manifest
from bot.github import pulls
from bot.stages import propose
from tests.builders import NOW, a_simulation, an_update
from tests.github.town import REPO, Town

MANIFESTS: Mapping[str, Manifest] = {"requirements": Requirements(), "pyproject": PyProject()}


class NoLocks:
    """No repository of these tests has a lock file, so nobody may come to make one."""

    async def follow(self, *_: Any) -> Followed:
        raise AssertionError("there is no lock file here")


KEEPER: Keeper = NoLocks()
PINNED = {"requirements.txt": "greeter==1.2.3\n"}


def moved(outcome: Outcome | None, to: State) -> Update:
    """The update after an outcome that must have moved it there."""
    assert isinstance(outcome, Moved) and outcome.to is to, outcome
    # The road is only drawn from the state that the row has, so a test's update must be in a state that fits.
    return replace(outcome.update, state=to, note=outcome.why)


def waited(outcome: Outcome | None, words: str = "") -> Update:
    """The update after an outcome that must wait, with these words."""
    assert isinstance(outcome, Waiting) and words in outcome.why, outcome
    return replace(outcome.update, note=outcome.why)


def drawn(update: Update, outcome: Outcome) -> Update:
    """The update as the loop would save it: Permanent when no road leads there."""
    return advance(update, outcome, now=NOW)[0]


def found(shop: Town, **more: Any) -> Update:
    """greeter 1.2.4, just detected in the town's repository."""
    return an_update(installation=shop.installation, **more)


async def proposed(shop: Town, **more: Any) -> Update:
    """The same with its pull request open."""
    update = found(shop, **more)
    outcome = await propose.run(update, gh=shop.gh, us=shop.us, manifests=MANIFESTS, keeper=KEEPER, now=NOW)
    return moved(outcome, State.PROPOSED)


async def tried(shop: Town, state: State = State.SIMULATED, **more: Any) -> Update:
    """Proposed, and simulated on what main is now; more: of the simulation, such as its grade."""
    update = await proposed(shop)
    assert update.pull is not None
    return replace(update, state=state, simulation=a_simulation(head=update.pull.head, base=shop.tip, **more))


async def pull_of(shop: Town, update: Update) -> pulls.PullInfo:
    """The pull request as GitHub shows it now."""
    assert update.pull is not None
    return await pulls.get(shop.gh, REPO, update.pull.number)


async def text_at(shop: Town, path: str, ref: str) -> str:
    """A file as it is at a branch or commit, read by git."""
    return str(await shop.repo.git.run("show", f"{ref}:{path}"))


async def review(shop: Town, who: str, update: Update, event: str = "APPROVE", commit: Sha | None = None) -> None:
    """A person reviews the pull request."""
    assert update.pull is not None
    body = {"event": event, "body": "look", "commit_id": commit or update.pull.head}
    await shop.people[who].post(f"/repos/{REPO}/pulls/{update.pull.number}/reviews", data=body)


async def report(shop: Town, update: Update, state: str, context: str = "ci") -> None:
    """A service reports on the head."""
    assert update.pull is not None
    await shop.people["ben"].post(
        f"/repos/{REPO}/statuses/{update.pull.head}", data={"state": state, "context": context}
    )


async def protect(shop: Town, *checks: str | tuple[str, int]) -> None:
    """The owner asks for these checks on main; a pair names the App that must say it."""
    named = [one if isinstance(one, tuple) else (one, -1) for one in checks]
    asked = {"strict": False, "checks": [{"context": name, "app_id": app} for name, app in named], "contexts": []}
    await shop.people["ann"].put(
        f"/repos/{REPO}/branches/main/protection",
        data={
            "required_status_checks": asked,
            "enforce_admins": False,
            "required_pull_request_reviews": None,
            "restrictions": None,
        },
    )
