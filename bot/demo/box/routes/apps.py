"""Apps and what they are installed on: the JWT side, installation tokens, and the log of deliveries."""

from __future__ import annotations

import json
from datetime import timedelta

from bot.demo.box.auth import LEVELS
from bot.demo.box.call import Auth, Call, Reply, Route, bounded, created, known, ok
from bot.demo.box.deliveries import Delivery
from bot.demo.box.errors import Refusal, not_accessible, not_found, unprocessable
from bot.demo.box.rows import App, Installation, Json, Repo, Token
from bot.demo.box.shapes import people, repos
from bot.demo.box.world import stamp


def the_app(call: Call) -> App:
    """The App whose JWT came."""
    if not call.actor.is_app or call.actor.app is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    return call.actor.app


async def show(call: Call) -> Reply:
    """GET /app"""
    app = the_app(call)
    count = sum(one.app is app for one in call.world.installations.values())
    return ok(people.app(call.world, app) | {"installations_count": count})


async def installations(call: Call) -> Reply:
    """GET /app/installations"""
    app = the_app(call)
    mine = [one for one in call.world.installations.values() if one.app is app]
    return call.page(mine, lambda one: people.installation(call.world, one))


def my_installation(call: Call) -> Installation:
    """The installation in the path, if it is of this App."""
    one = known(call.world.installations, call.number("installation_id"))
    if one.app is not the_app(call):
        raise not_found()
    return one


async def installation(call: Call) -> Reply:
    """GET /app/installations/{id}"""
    return ok(people.installation(call.world, my_installation(call)))


async def of_repo(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/installation"""
    app = the_app(call)
    for one in call.world.installations_on(call.repo):
        if one.app is app:
            return ok(people.installation(call.world, one))
    raise not_found()


async def of_account(call: Call) -> Reply:
    """GET /orgs/{org}/installation and /users/{username}/installation"""
    login = call.params.get("org") or call.params.get("username") or ""
    for one in call.world.installations.values():
        if one.app is the_app(call) and one.account is call.world.account(login):
            return ok(people.installation(call.world, one))
    raise not_found()


def narrowed_repos(call: Call, one: Installation) -> list[Repo] | None:
    """The repositories that a token shall be narrowed to; None for all of the installation's."""
    have = call.world.repos_of(one)
    names, ids = call.list("repositories"), call.list("repository_ids")
    if not names and not ids:
        return None
    chosen = [repo for repo in have.values() if repo.name in names or repo.id in ids]
    if len(chosen) < len(set(names)) + len(set(ids)):
        raise unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return chosen


def narrowed_permissions(call: Call, one: Installation) -> dict[str, str]:
    """The permissions asked for, which must lie within the installation's; metadata is always there."""
    asked: dict[str, str] | None = call.body.get("permissions")
    if not asked:
        return dict(one.permissions)
    for name, level in asked.items():
        if LEVELS.get(level, 9) > LEVELS.get(one.permissions.get(name, ""), 0):
            raise unprocessable("The permissions requested are not granted to this installation.")
    return {"metadata": "read"} | asked


async def access_token(call: Call) -> Reply:
    """POST /app/installations/{id}/access_tokens"""
    one = my_installation(call)
    if one.suspended_at:
        raise Refusal(403, "This installation has been suspended")
    chosen = narrowed_repos(call, one)
    token = Token(
        account=one.app.bot,
        installation=one,
        permissions=narrowed_permissions(call, one),
        repo_ids=None if chosen is None else {repo.id for repo in chosen},
        expires_at=call.world.now() + timedelta(hours=1),
    )
    text = call.world.installation_token(token)
    shown: Json = {
        "token": text,
        "expires_at": stamp(call.world.now() + timedelta(hours=1)),
        "permissions": token.permissions,
        "repository_selection": one.selection if chosen is None else "selected",
    }
    if chosen is not None:
        shown["repositories"] = [repos.whole(call.world, repo) for repo in chosen]
    return created(shown)


async def my_repos(call: Call) -> Reply:
    """GET /installation/repositories"""
    actor = call.actor
    if actor.installation is None or actor.repo_ids is None:
        raise not_accessible()
    mine = [repo for repo in call.world.repos.values() if repo.id in actor.repo_ids]
    page = call.page(mine, lambda repo: repos.whole(call.world, repo), "repositories")
    page.json["repository_selection"] = actor.installation.selection
    return page


async def revoke(call: Call) -> Reply:
    """DELETE /installation/token"""
    if call.actor.installation is None:
        raise not_accessible()
    secret = call.headers.get("Authorization", "").partition(" ")[2]
    call.world.tokens.pop(secret, None)
    return Reply(status=204)


def item(one: Delivery) -> Json:
    """A line of the delivery log."""
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": stamp(one.delivered_at),
        "redelivery": one.redelivery,
        "duration": one.duration,
        "status": one.status,
        "status_code": one.status_code,
        "event": one.event,
        "action": one.action,
        "installation_id": one.installation_id,
        "repository_id": one.repository_id,
        "throttled_at": None,
    }


async def deliveries(call: Call) -> Reply:
    """GET /app/hook/deliveries: newest first, by cursor."""
    app = the_app(call)
    rows = [one for one in call.world.deliveries.log.values() if one.app is app]
    wanted = call.query.get("status")
    if wanted:
        rows = [one for one in rows if one.ok is (wanted == "success")]
    rows.sort(key=lambda one: -one.id)
    cursor = call.query.get("cursor", "").removeprefix("v1_")
    if cursor.isdecimal():
        rows = [one for one in rows if one.id <= int(cursor)]
    size = bounded(call.query.get("per_page"), 30, 1, 100)
    headers = {}
    if len(rows) > size:
        kept = f"&status={wanted}" if wanted else ""
        link = f"{call.world.url}{call.path}?per_page={size}{kept}&cursor=v1_{rows[size].id}"
        headers["Link"] = f'<{link}>; rel="next"'
    return Reply(json=[item(one) for one in rows[:size]], headers=headers)


def my_delivery(call: Call) -> Delivery:
    """The delivery in the path, if it went to this App."""
    one = known(call.world.deliveries.log, call.number("delivery_id"))
    if one.app is not the_app(call):
        raise not_found()
    return one


async def delivery(call: Call) -> Reply:
    """GET /app/hook/deliveries/{id}"""
    one = my_delivery(call)
    request = {"headers": one.request_headers, "payload": json.loads(one.body)}
    response = {"headers": one.response_headers, "payload": one.response_body or None}
    return ok(item(one) | {"url": one.app.webhook_url, "request": request, "response": response})


async def redeliver(call: Call) -> Reply:
    """POST /app/hook/deliveries/{id}/attempts"""
    call.world.spawn(call.world.deliveries.redeliver(my_delivery(call)))
    return Reply(status=202, json={})


ROUTES = [
    Route("GET", "/app", show, Auth.APP),
    Route("GET", "/app/installations", installations, Auth.APP),
    Route("GET", "/app/installations/{installation_id}", installation, Auth.APP),
    Route("POST", "/app/installations/{installation_id}/access_tokens", access_token, Auth.APP),
    Route("GET", "/repos/{owner}/{repo}/installation", of_repo, Auth.APP),
    Route("GET", "/orgs/{org}/installation", of_account, Auth.APP),
    Route("GET", "/users/{username}/installation", of_account, Auth.APP),
    Route("GET", "/installation/repositories", my_repos, Auth.ANY),
    Route("DELETE", "/installation/token", revoke, Auth.ANY),
    Route("GET", "/app/hook/deliveries", deliveries, Auth.APP),
    Route("GET", "/app/hook/deliveries/{delivery_id}", delivery, Auth.APP),
    Route("POST", "/app/hook/deliveries/{delivery_id}/attempts", redeliver, Auth.APP),
]
