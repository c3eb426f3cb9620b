"""What branch rules forbid to a direct push: who would go around a pull request is told so."""

from __future__ import annotations

from bot.demo.box.auth import Actor, role_of
from bot.demo.box.errors import unprocessable
from bot.demo.box.rows import Repo
from bot.demo.box.standing import check_passes, rules_of


async def guard(actor: Actor, repo: Repo, ref: str, old: str | None, new: str | None) -> None:
    """422 where a protected branch would be removed, rewritten, or get commits that its rules ask more for.

    An admin passes unless the rules are enforced for admins too, as in classic protection.
    """
    branch = ref.removeprefix("refs/heads/")
    rules = rules_of(repo, branch)
    if old is None or not ref.startswith("refs/heads/") or not (rules.guarded or rules.checks or rules.reviewed):
        return
    if new is None:
        raise unprocessable("Cannot delete this branch: it is protected")
    if not await repo.git.contains(old, new):
        raise unprocessable("Cannot force-push to this branch")
    if admin_passes(actor, repo, branch):
        return
    if rules.reviewed:
        raise unprocessable("Changes must be made through a pull request.")
    for name, app_id in rules.checks:
        if not check_passes(repo, new, name, app_id):
            raise unprocessable(f'Required status check "{name}" is expected.')


def admin_passes(actor: Actor, repo: Repo, branch: str) -> bool:
    """Is it an admin, and are admins let off?"""
    enforced = (repo.protection.get(branch) or {}).get("enforce_admins", False)
    person = actor.account is not None and actor.installation is None
    return person and not enforced and actor.account is not None and role_of(repo, actor.account) == "admin"
