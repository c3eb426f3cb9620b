"""Who asks, and what they may: a token opens exactly what GitHub's own table of permissions says, and nothing else."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jwt

from bot.demo.box.errors import Refusal, not_accessible, not_found
from bot.demo.box.rows import Account, App, Installation, Repo
from bot.demo.box.world import World

LEVELS = {"read": 1, "write": 2, "admin": 3}
ROLES = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}
# What any signed-in person may do on a repository that they can read.
OPEN_TO_READERS = {
    "/repos/{owner}/{repo}/issues",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever sent a request. ``account`` is None for nobody and for an App that speaks as itself."""

    account: Account | None = None
    app: App | None = None
    installation: Installation | None = None
    permissions: Mapping[str, str]
    repo_ids: frozenset[int] | None = None

    @property
    def identity(self) -> str:
        """For whom the rate limit counts."""
        if self.installation:
            return f"installation:{self.installation.id}"
        if self.account:
            return f"user:{self.account.login}"
        return f"app:{self.app.id}" if self.app else "anonymous"

    @property
    def is_app(self) -> bool:
        """Did it show an App's JWT?"""
        return self.app is not None and self.installation is None

    def allows(self, permission: str, level: str) -> bool:
        """Does the installation token hold a permission?"""
        return LEVELS.get(self.permissions.get(permission, ""), 0) >= LEVELS[level]

    def someone(self) -> Account:
        """The account that acts; 401 for nobody, 403 for a bare App."""
        if self.account is None:
            raise Refusal(401, "Requires authentication")
        return self.account


NOBODY = Actor(permissions={})


@cache
def permission_table() -> Mapping[tuple[str, str], tuple[tuple[str, str], ...]]:
    """(method, path template) -> the permissions of which any one opens it, with their levels.

    Cut from GitHub's published list. ``workflows`` never opens anything alone, so it is left to ``may_touch``.
    """
    rows = json.loads((Path(__file__).parent / "permissions.json").read_text())
    table: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for method, path, permission, level in rows:
        if permission != "workflows":
            table[method, path].append((permission, level))
    return {key: tuple(needs) for key, needs in table.items()}


def secret_of(header: str) -> str | None:
    """The token in an Authorization header (Bearer, token, or the password of Basic)."""
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return rest.strip()
        case "basic":
            try:
                user, _, password = base64.b64decode(rest).decode().partition(":")
            except ValueError:
                return None
            return password if password not in ("", "x-oauth-basic") else user
        case _:
            return None


def actor_of(world: World, header: str | None) -> Actor:
    """The actor behind an Authorization header; 401 where the secret opens nothing."""
    if not header:
        return NOBODY
    secret = secret_of(header)
    if secret and secret.count(".") == 2 and not secret.startswith(("ghs_", "ghp_")):
        return Actor(app=read_jwt(world, secret), permissions={})
    token = world.tokens.get(secret or "")
    if token is None or (token.expires_at and token.expires_at <= world.now()):
        raise Refusal(401, "Bad credentials")
    installation = token.installation
    if installation is None:
        return Actor(account=token.account, permissions={})
    if installation.suspended_at:
        raise Refusal(403, "This installation has been suspended")
    if installation.id not in world.installations:
        raise Refusal(401, "Bad credentials")
    ids = set(world.repos_of(installation))
    return Actor(
        account=token.account,
        app=installation.app,
        installation=installation,
        permissions=token.permissions,
        repo_ids=frozenset(ids if token.repo_ids is None else ids & token.repo_ids),
    )


def read_jwt(world: World, text: str) -> App:
    """The App that signed; 401 with GitHub's words where the signature or a claim is not right."""
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
        app = world.apps.get(int(claims.get("iss", "")))
        if app is None or app.public_key is None:
            raise Refusal(401, "Integration not found")
        claims = jwt.decode(
            text,
            app.public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "iss"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Refusal(401, "A JSON web token could not be decoded") from error
    check_times(claims, int(world.now().timestamp()))
    return app


def check_times(claims: Mapping[str, Any], now: int) -> None:
    """Ten minutes at most, not over yet, and not from the future."""
    if claims["exp"] <= now:
        raise Refusal(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
    if claims["exp"] > now + 600:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    if claims["iat"] > now + 60:
        raise Refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time that it was issued")


def role_of(repo: Repo, account: Account) -> str:
    """What a person is on a repository: admin, maintain, write, triage, read, none."""
    if account is repo.owner or repo.owner.members.get(account.login) == "admin":
        return "admin"
    if account.login in repo.collaborators:
        return repo.collaborators[account.login]
    if account.login in repo.owner.members:
        return "write"
    return "none" if repo.private else "read"


def can_see(actor: Actor, repo: Repo) -> bool:
    """May this actor know that the repository exists?"""
    if not repo.private:
        return True
    if actor.installation:
        return actor.repo_ids is not None and repo.id in actor.repo_ids
    return actor.account is not None and role_of(repo, actor.account) != "none"


def check(actor: Actor, repo: Repo, method: str, template: str) -> None:
    """Refuse what the actor may not do here: 404 unseen, 401 nobody, 403 not enough."""
    if not can_see(actor, repo):
        raise not_found()
    if actor.is_app:
        raise Refusal(403, "Resource not accessible by integration")
    if actor.installation:
        check_installation(actor, repo, method, template)
    elif method != "GET":
        check_person(repo, actor.someone(), template)


def check_installation(actor: Actor, repo: Repo, method: str, template: str) -> None:
    """An endpoint that the table does not know is refused, so that a new one must be entered."""
    mine = actor.repo_ids is not None and repo.id in actor.repo_ids
    if not mine and method == "GET":
        return
    needs = permission_table().get((method, template), ())
    if not mine or not any(actor.allows(permission, level) for permission, level in needs):
        raise not_accessible()


def check_person(repo: Repo, account: Account, template: str) -> None:
    """People need write for most changes, and admin for the rules themselves."""
    role = ROLES[role_of(repo, account)]
    if template in OPEN_TO_READERS:
        return
    if "/protection" in template or template.endswith(("/environments/{environment_name}", "/{repo}")):
        if role < ROLES["admin"]:
            raise not_found()
    elif role < ROLES["write"]:
        raise Refusal(403, "Must have write access to this repository.")


def may_touch(actor: Actor, paths: list[str]) -> None:
    """Changing a workflow file takes the workflows permission besides."""
    touched = [path for path in paths if path.startswith(".github/workflows/")]
    if touched and actor.installation and not actor.allows("workflows", "write"):
        what = f"refusing to allow a GitHub App to create or update workflow `{touched[0]}`"
        raise Refusal(403, f"{what} without `workflows` permission")
