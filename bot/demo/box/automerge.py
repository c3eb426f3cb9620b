"""Auto-merge waits for what the branch asks for, and merges in the moment that it is all there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.demo.box import auth, events
from bot.demo.box.call import Call
from bot.demo.box.errors import Refusal, not_accessible, unprocessable
from bot.demo.box.merging import merge
from bot.demo.box.rows import Account, Json, Pull, Repo
from bot.demo.box.shapes.people import node_id, user
from bot.demo.box.standing import obstacles
from bot.demo.box.world import World


def by_node(world: World, wanted: str) -> tuple[Repo, Pull]:
    """A pull request by its global id."""
    for repo in world.repos.values():
        for pull in repo.pulls.values():
            if node_id("PullRequest", pull.id) == wanted:
                return repo, pull
    raise unprocessable(f"Could not resolve to a node with the global id of '{wanted}'")


async def enable(call: Call, given: Mapping[str, Any], *, on: bool) -> Json:
    """Switch it on or off; refused where it could merge at once, as on GitHub."""
    repo, pull = by_node(call.world, str(given.get("pullRequestId")))
    auth.check(call.actor, repo, "PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/merge")
    if call.actor.installation and not call.actor.allows("pull_requests", "write"):
        raise not_accessible()
    async with repo.lock:
        if on and pull.open and not obstacles(repo, pull):
            raise unprocessable("Pull request Pull request is in clean status")
        method = str(given.get("mergeMethod") or "MERGE").lower()
        pull.auto_merge = None
        if on:
            pull.auto_merge = {
                "enabled_by": user(call.world, call.me),
                "merge_method": method,
                "commit_title": given.get("commitHeadline") or "",
                "commit_message": given.get("commitBody") or "",
            }
        action = "auto_merge_enabled" if on else "auto_merge_disabled"
        events.pull_event(call.world, repo, pull, action, call.me, **({} if on else {"reason": ""}))
    return {"id": node_id("PullRequest", pull.id), "number": pull.number}


async def consider(world: World, repo: Repo) -> None:
    """Merge what waits and is ready. The caller holds the repository's lock."""
    for pull in [one for one in repo.pulls.values() if one.open and one.auto_merge]:
        asked = pull.auto_merge or {}
        if not obstacles(repo, pull):
            by: Account = world.account(asked["enabled_by"]["login"])
            words = {"method": asked["merge_method"], "title": asked["commit_title"] or None, "sha": None}
            try:
                await merge(world, repo, pull, by, words)
            except Refusal:
                continue  # it conflicts or is behind; it stays enabled and is looked at again
