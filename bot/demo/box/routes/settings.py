"""The settings page of a repository: a new name, the archive and back; only its admins may."""

from __future__ import annotations

import re

from bot.demo.box import setup
from bot.demo.box.call import Call, Reply, Route, ok
from bot.demo.box.errors import Refusal, invalid
from bot.demo.box.shapes import repos


async def edit(call: Call) -> Reply:
    """PATCH /repos/{owner}/{repo}: name, archived, description, default_branch"""
    if call.repo.archived and call.flag("archived", default=True):
        raise Refusal(403, "Repository was archived so is read-only.")
    if "archived" in call.body:
        setup.archive(call.world, call.repo, call.flag("archived"), call.me)
    if "description" in call.body:
        call.repo.description = call.body["description"]
    if branch := call.body.get("default_branch"):
        default(call, str(branch))
    if (name := call.text("name", "Repository", default=call.repo.name)) != call.repo.name:
        named(call, name)
    return ok(repos.full(call.world, call.repo))


def default(call: Call, branch: str) -> None:
    """Another default branch; 422 for one that is not there."""
    if f"refs/heads/{branch}" not in call.repo.git.refs:
        raise invalid("Repository", "default_branch", "invalid", f"The branch {branch} was not found.")
    call.repo.default_branch = branch


def named(call: Call, name: str) -> None:
    """Another name; 422 for one that is taken, or is none."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name):
        raise invalid("Repository", "name", "invalid")
    if call.world.repo_of(call.repo.owner.login, name) not in (None, call.repo):
        raise invalid("Repository", "name", "custom", "name already exists on this account")
    setup.rename(call.world, call.repo, name, call.me)


ROUTES = [Route("PATCH", "/repos/{owner}/{repo}", edit)]
