"""Clone, fetch and push by git's own programs over HTTP; a push has the same consequences as the API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.demo.box.auth import NOBODY, ROLES, Actor, actor_of, can_see, role_of
from bot.demo.box.errors import Refusal
from bot.demo.box.git import CLEAN
from bot.demo.box.protecting import admin_passes
from bot.demo.box.pushes import moved
from bot.demo.box.rows import Repo
from bot.demo.box.standing import rules_of
from bot.demo.box.world import World

SERVICES = ("git-upload-pack", "git-receive-pack")
NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}
# git asks this once for each ref of a push; the box names the guarded ones in the environment.
UPDATE_HOOK = """#!/bin/sh
ref="$1" old="$2" new="$3"
zero=0000000000000000000000000000000000000000
case " $BOX_CLOSED " in *" $ref "*)
  echo "error: GH006: Protected branch update failed for $ref." >&2; exit 1;;
esac
case " $BOX_GUARDED " in *" $ref "*)
  if [ "$new" = "$zero" ] || ! git merge-base --is-ancestor "$old" "$new"; then
    echo "error: GH006: Protected branch update failed for $ref. Cannot force-push or delete." >&2; exit 1
  fi;;
esac
"""


def demand(actor: Actor, repo: Repo, service: str) -> None:
    """401 asks git for credentials, 403 and 404 end it."""
    writes = service == "git-receive-pack"
    if writes and repo.archived:
        raise Refusal(403, "This repository was archived so it is read-only.")
    if not can_see(actor, repo) or (writes and actor.account is None):
        if actor is NOBODY:
            raise Refusal(401, "Authentication required", headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        raise Refusal(404, "Repository not found.")
    if actor.installation:
        mine = actor.repo_ids is not None and repo.id in actor.repo_ids
        if (writes and not mine) or (mine and not actor.allows("contents", "write" if writes else "read")):
            raise Refusal(403, f"Permission to {repo.full_name}.git denied to {actor.someone().login}.")
    elif writes and ROLES[role_of(repo, actor.someone())] < ROLES["write"]:
        raise Refusal(403, f"Permission to {repo.full_name}.git denied to {actor.someone().login}.")


def guards(actor: Actor, repo: Repo) -> dict[str, str]:
    """Which refs the update hook must refuse, for this actor."""
    closed, guarded = [], []
    for ref in repo.git.refs:
        branch = ref.removeprefix("refs/heads/")
        rules = rules_of(repo, branch)
        if rules.guarded:
            guarded.append(ref)
        if (rules.checks or rules.reviewed) and not admin_passes(actor, repo, branch):
            closed.append(ref)
    return {"BOX_CLOSED": " ".join(closed), "BOX_GUARDED": " ".join(guarded)}


async def serve_git(service: str, repo: Repo, body: bytes, env: dict[str, str], *flags: str) -> bytes:
    """Run upload-pack or receive-pack for one exchange."""
    hook = repo.git.path / "hooks" / "update"
    if service == "git-receive-pack" and not hook.exists():
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(UPDATE_HOOK)
        hook.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        "git",
        service.removeprefix("git-"),
        "--stateless-rpc",
        *flags,
        str(repo.git.path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **CLEAN, **env},
    )
    out, _ = await process.communicate(body)
    return out


def pkt(text: str) -> bytes:
    """A line of git's protocol, with its length in front."""
    return f"{len(text) + 4:04x}{text}".encode()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def doors(world: World) -> tuple[Handler, Handler]:
    """The two handlers: advertise the refs, and exchange packs."""

    def enter(request: web.Request, service: str) -> tuple[Actor, Repo, dict[str, str]]:
        if service not in SERVICES:
            raise Refusal(403, "Please upgrade your git client.")
        repo = world.repo_of(request.match_info["owner"], request.match_info["repo"].removesuffix(".git"))
        actor = actor_of(world, request.headers.get("Authorization"))
        if repo is None:
            raise Refusal(404, "Repository not found.")
        demand(actor, repo, service)
        version = request.headers.get("Git-Protocol")
        return actor, repo, {"GIT_PROTOCOL": version} if version else {}

    async def advertise(request: web.Request) -> web.StreamResponse:
        service = request.query.get("service", "")
        _, repo, env = enter(request, service)
        refs = await serve_git(service, repo, b"", env, "--advertise-refs")
        head = b"" if env and service == "git-upload-pack" else pkt(f"# service={service}\n") + b"0000"
        kind = f"application/x-{service}-advertisement"
        return web.Response(body=head + refs, headers={"Content-Type": kind, **NO_CACHE})

    async def exchange(request: web.Request) -> web.StreamResponse:
        service = request.match_info["service"]
        actor, repo, env = enter(request, service)
        body = await request.read()
        if service == "git-receive-pack":
            out = await receive(world, actor, repo, body, env)
        else:
            out = await serve_git(service, repo, body, env)
        return web.Response(body=out, headers={"Content-Type": f"application/x-{service}-result", **NO_CACHE})

    return advertise, exchange


async def receive(world: World, actor: Actor, repo: Repo, body: bytes, env: dict[str, str]) -> bytes:
    """Take a push, then let every ref that moved have its consequences."""
    async with repo.lock:
        before = dict(repo.git.refs)
        out = await serve_git("git-receive-pack", repo, body, env | guards(actor, repo))
        await repo.git.reload()
        for ref in sorted({*before, *repo.git.refs}):
            if before.get(ref) != repo.git.refs.get(ref):
                await moved(world, repo, ref, before.get(ref), actor.someone())
    return out
