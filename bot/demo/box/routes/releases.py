"""Releases; publishing one makes its tag where it is not there yet."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.call import NOTHING, Call, Reply, Route, created, known, ok
from bot.demo.box.errors import invalid, not_found
from bot.demo.box.pushes import move
from bot.demo.box.rows import Release
from bot.demo.box.shapes import deploys


def visible(call: Call) -> list[Release]:
    """Newest first; drafts only for those who may write."""
    writer = call.actor.account is not None and (
        call.actor.allows("contents", "write") if call.actor.installation else True
    )
    rows = [one for one in call.repo.releases.values() if writer or not one.draft]
    return sorted(rows, key=lambda one: -one.id)


async def listed(call: Call) -> Reply:
    """GET …/releases"""
    return call.page(visible(call), lambda one: deploys.release(call.world, call.repo, one))


async def show(call: Call) -> Reply:
    """GET …/releases/{release_id}"""
    rows = {one.id: one for one in visible(call)}
    return ok(deploys.release(call.world, call.repo, known(rows, call.number("release_id"))))


async def latest(call: Call) -> Reply:
    """GET …/releases/latest"""
    for one in visible(call):
        if not one.draft and not one.prerelease:
            return ok(deploys.release(call.world, call.repo, one))
    raise not_found()


async def by_tag(call: Call) -> Reply:
    """GET …/releases/tags/{tag}"""
    for one in visible(call):
        if one.tag == call.params["tag"] and not one.draft:
            return ok(deploys.release(call.world, call.repo, one))
    raise not_found()


async def create(call: Call) -> Reply:
    """POST …/releases"""
    tag = call.text("tag_name", "Release")
    if any(one.tag == tag and not one.draft for one in call.repo.releases.values()):
        raise invalid("Release", "tag_name", "already_exists")
    target = call.text("target_commitish", "Release", default=call.repo.default_branch)
    one = Release(
        id=call.world.next_id(),
        tag=tag,
        target=target,
        name=call.body.get("name"),
        body=call.body.get("body"),
        draft=call.flag("draft"),
        prerelease=call.flag("prerelease"),
        author=call.me,
        created_at=call.world.now(),
        published_at=None,
    )
    if await call.repo.git.resolve(target) is None:
        raise invalid("Release", "target_commitish", "invalid")
    call.repo.releases[one.id] = one
    tell(call, one, "created")
    if not one.draft:
        await publish(call, one)
    return created(deploys.release(call.world, call.repo, one))


async def publish(call: Call, one: Release) -> None:
    """Tag, date, and news."""
    sha = await call.repo.git.resolve(one.target)
    if f"refs/tags/{one.tag}" not in call.repo.git.refs and sha:
        await move(call.world, call.repo, f"refs/tags/{one.tag}", sha, call.me)
    one.draft, one.published_at = False, call.world.now()
    tell(call, one, "published")
    tell(call, one, "prereleased" if one.prerelease else "released")


def tell(call: Call, one: Release, action: str, **more: object) -> None:
    """``release``"""
    payload = {"action": action, "release": deploys.release(call.world, call.repo, one), **more}
    events.emit(call.world, "release", call.repo, payload, sender=call.me)


async def edit(call: Call) -> Reply:
    """PATCH …/releases/{release_id}"""
    one = known(call.repo.releases, call.number("release_id"))
    changes = {name: {"from": getattr(one, name) or ""} for name in ("name", "body") if name in call.body}
    for name in changes:
        setattr(one, name, call.body[name])
    one.prerelease = call.flag("prerelease", one.prerelease)
    if changes and not one.draft:
        tell(call, one, "edited", changes=changes)
    if one.draft and not call.flag("draft", True):
        await publish(call, one)
    return ok(deploys.release(call.world, call.repo, one))


async def delete(call: Call) -> Reply:
    """DELETE …/releases/{release_id}: the tag stays"""
    one = known(call.repo.releases, call.number("release_id"))
    del call.repo.releases[one.id]
    tell(call, one, "deleted")
    return NOTHING


BASE = "/repos/{owner}/{repo}/releases"
ROUTES = [
    Route("GET", BASE, listed),
    Route("POST", BASE, create),
    Route("GET", f"{BASE}/latest", latest),
    Route("GET", f"{BASE}/tags/{{tag}}", by_tag),
    Route("GET", f"{BASE}/{{release_id}}", show),
    Route("PATCH", f"{BASE}/{{release_id}}", edit),
    Route("DELETE", f"{BASE}/{{release_id}}", delete),
]
