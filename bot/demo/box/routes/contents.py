"""Files by path: read one or a folder, write or delete one with a commit of its own."""

from __future__ import annotations

import base64
import binascii

from bot.demo.box.auth import may_touch
from bot.demo.box.call import Call, Reply, Route, ok
from bot.demo.box.errors import Refusal, invalid, not_found, unprocessable
from bot.demo.box.git import Entry, Person
from bot.demo.box.protecting import guard
from bot.demo.box.pushes import move
from bot.demo.box.rows import Json
from bot.demo.box.shapes import code


async def read(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/contents/{path}"""
    git, path = call.repo.git, call.params["path"].strip("/")
    ref = call.query.get("ref") or call.repo.default_branch
    sha = await git.resolve(ref)
    if sha is None:
        raise not_found(f"No commit found for the ref {ref}")
    entry = await git.entry(sha, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        listed = [one._replace(path=f"{path}/{one.path}".strip("/")) for one in await git.tree(sha, under=path)]
        return ok([code.content(call.world, call.repo, one, ref) for one in listed])
    data = await git.blob(entry.sha)
    if "raw" in call.wants:
        return Reply(data=data, headers={"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    text = base64.encodebytes(data).decode()
    return ok(code.content(call.world, call.repo, entry, ref) | {"content": text, "encoding": "base64"})


def person(call: Call, key: str) -> Person:
    """The author or committer of the body, the actor where it says nothing."""
    given = call.body.get(key) or {}
    default = Person(name=call.me.login, email=call.me.email, date=call.world.now())
    return Person(name=given.get("name", default.name), email=given.get("email", default.email), date=default.date)


async def old_entry(call: Call, branch: str) -> Entry | None:
    """The file as it stands on the branch; the sha of the body must be its own."""
    tip = call.repo.git.refs.get(f"refs/heads/{branch}")
    entry = await call.repo.git.entry(tip, call.params["path"]) if tip else None
    given = call.body.get("sha")
    if entry and not given:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if given and (entry is None or entry.sha != given):
        raise Refusal(409, f"{call.params['path']} does not match {given}")
    return entry


async def save(call: Call, branch: str, blob: str | None, mode: str) -> str:
    """One commit with one change on a branch; its hash."""
    git, ref = call.repo.git, f"refs/heads/{branch}"
    tip = git.refs.get(ref)
    if tip is None and git.refs:
        raise not_found(f"Branch {branch} not found")
    may_touch(call.actor, [call.params["path"]])
    tree = await git.write_tree(tip, [(mode, blob, call.params["path"])])
    author = person(call, "author" if call.body.get("author") else "committer")
    commit = await git.write_commit(
        tree, [tip] if tip else [], call.text("message", "Content"), author=author, committer=person(call, "committer")
    )
    await guard(call.actor, call.repo, ref, tip, commit)
    await move(call.world, call.repo, ref, commit, call.me)
    return commit


async def write(call: Call) -> Reply:
    """PUT /repos/{owner}/{repo}/contents/{path}"""
    branch = call.text("branch", "Content", default=call.repo.default_branch)
    try:
        data = base64.b64decode("".join(call.text("content", "Content").split()), validate=True)
    except binascii.Error as error:
        raise unprocessable("content is not valid Base64") from error
    old = await old_entry(call, branch)
    blob = await call.repo.git.write_blob(data)
    commit = await save(call, branch, blob, old.mode if old else "100644")
    entry = await call.repo.git.entry(commit, call.params["path"])
    assert entry is not None
    shown = {"content": code.content(call.world, call.repo, entry, branch), "commit": await made(call, commit)}
    return Reply(status=200 if old else 201, json=shown)


async def made(call: Call, commit: str) -> Json:
    """The commit that was made."""
    return code.git_commit(call.world, call.repo, await call.repo.git.commit(commit))


async def delete(call: Call) -> Reply:
    """DELETE /repos/{owner}/{repo}/contents/{path}"""
    branch = call.text("branch", "Content", default=call.repo.default_branch)
    if not call.body.get("sha"):
        raise invalid("Content", "sha", "missing_field")
    if await old_entry(call, branch) is None:
        raise not_found()
    commit = await save(call, branch, None, "0")
    return ok({"content": None, "commit": await made(call, commit)})


PATH = "/repos/{owner}/{repo}/contents/{path}"
ROUTES = [Route("GET", PATH, read), Route("PUT", PATH, write), Route("DELETE", PATH, delete)]
