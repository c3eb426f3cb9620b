"""People and their standing: who a token is, who a login is, and what they may do in a repository."""

from __future__ import annotations

from bot.demo.box.auth import ROLES, role_of
from bot.demo.box.call import Auth, Call, Reply, Route, ok
from bot.demo.box.errors import not_accessible
from bot.demo.box.shapes import people

LEGACY = {"maintain": "write", "triage": "read"}  # the four old words that `permission` still speaks


async def me(call: Call) -> Reply:
    """GET /user"""
    if call.actor.installation or call.actor.is_app:
        raise not_accessible()
    return ok(people.full_user(call.world, call.me))


async def someone(call: Call) -> Reply:
    """GET /users/{username}"""
    return ok(people.full_user(call.world, call.world.account(call.params["username"])))


async def permission(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/collaborators/{username}/permission"""
    account = call.world.account(call.params["username"])
    role = role_of(call.repo, account)
    level = ROLES[role]
    user = people.user(call.world, account) | {
        "role_name": role,
        "permissions": {
            "admin": level >= ROLES["admin"],
            "maintain": level >= ROLES["maintain"],
            "push": level >= ROLES["write"],
            "triage": level >= ROLES["triage"],
            "pull": level >= ROLES["read"],
        },
    }
    return ok({"permission": LEGACY.get(role, role), "role_name": role, "user": user})


async def rate_limit(call: Call) -> Reply:
    """GET /rate_limit"""
    return ok(call.world.limits.overview(call.actor.identity))


async def zen(call: Call) -> Reply:
    """GET /zen"""
    return Reply(data=b"Keep it logically awesome.", headers={"Content-Type": "text/plain;charset=utf-8"})


async def meta(call: Call) -> Reply:
    """GET /meta"""
    return ok({"verifiable_password_authentication": False})


ROUTES = [
    Route("GET", "/user", me, Auth.ANY),
    Route("GET", "/users/{username}", someone, Auth.ANY),
    Route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", permission),
    Route("GET", "/rate_limit", rate_limit, Auth.ANY),
    Route("GET", "/zen", zen, Auth.ANY),
    Route("GET", "/meta", meta, Auth.ANY),
]
