"""The git data API: refs, trees, blobs, commits and tags, with git's own strictness about what is there."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any

from bot.demo.box.auth import may_touch
from bot.demo.box.call import NOTHING, Call, Reply, Route, created, ok
from bot.demo.box.errors import invalid, not_found, unprocessable
from bot.demo.box.git import Person
from bot.demo.box.protecting import guard
from bot.demo.box.pushes import move
from bot.demo.box.rows import Json
from bot.demo.box.shapes import code
from bot.demo.box.shapes.repos import api


async def shown_ref(call: Call, ref: str) -> Json:
    """A ref as JSON."""
    sha = call.repo.git.refs[ref]
    return code.ref(call.world, call.repo, ref, sha, await call.repo.git.kind(sha) or "commit")


async def ref(call: Call) -> Reply:
    """GET …/git/ref/{ref}"""
    name = f"refs/{call.params['ref']}"
    if name not in call.repo.git.refs:
        raise not_found()
    return ok(await shown_ref(call, name))


async def matching_refs(call: Call) -> Reply:
    """GET …/git/matching-refs/{ref}"""
    found = [name for name in sorted(call.repo.git.refs) if name.startswith(f"refs/{call.params['ref']}")]
    shown = {name: await shown_ref(call, name) for name in found}
    return call.page(found, lambda name: shown[name])


async def create_ref(call: Call) -> Reply:
    """POST …/git/refs"""
    name, sha = call.text("ref", "Reference"), call.text("sha", "Reference")
    if not re.fullmatch(r"refs/[^/\s]+/\S+", name) or ".." in name:
        raise unprocessable("Reference name must start with 'refs/' and contain at least two slashes.")
    if await call.repo.git.kind(sha) is None:
        raise unprocessable("Object does not exist")
    if name in call.repo.git.refs:
        raise unprocessable("Reference already exists")
    await check_workflows(call, sha)
    await guard(call.actor, call.repo, name, None, sha)
    await move(call.world, call.repo, name, sha, call.me)
    return created(await shown_ref(call, name))


async def check_workflows(call: Call, sha: str) -> None:
    """A ref that brings changed workflow files needs the workflows permission."""
    base = call.repo.git.refs.get(f"refs/heads/{call.repo.default_branch}")
    if call.actor.installation and base and await call.repo.git.kind(sha) == "commit":
        fork = await call.repo.git.merge_base(base, sha) or base
        may_touch(call.actor, [change.path for change in await call.repo.git.changes(fork, sha)])


async def update_ref(call: Call) -> Reply:
    """PATCH …/git/refs/{ref}: only forward, unless forced."""
    name, sha = f"refs/{call.params['ref']}", call.text("sha", "Reference")
    old = call.repo.git.refs.get(name)
    if old is None:
        raise unprocessable("Reference does not exist")
    if await call.repo.git.kind(sha) is None:
        raise unprocessable("Object does not exist")
    if not call.flag("force") and not await call.repo.git.contains(old, sha):
        raise unprocessable("Update is not a fast forward")
    await check_workflows(call, sha)
    await guard(call.actor, call.repo, name, old, sha)
    await move(call.world, call.repo, name, sha, call.me)
    return ok(await shown_ref(call, name))


async def delete_ref(call: Call) -> Reply:
    """DELETE …/git/refs/{ref}"""
    name = f"refs/{call.params['ref']}"
    if name not in call.repo.git.refs:
        raise unprocessable("Reference does not exist")
    await guard(call.actor, call.repo, name, call.repo.git.refs[name], None)
    await move(call.world, call.repo, name, None, call.me)
    return NOTHING


async def tree(call: Call) -> Reply:
    """GET …/git/trees/{tree_sha}"""
    name = call.params["tree_sha"]
    git = call.repo.git
    sha = await git.resolve(name) or (name if await git.kind(name) == "tree" else None)
    if sha is None:
        raise not_found()
    entries = await git.tree(sha, recursive="recursive" in call.query)
    root = (await git.commit(sha)).tree if await git.kind(sha) == "commit" else sha
    return ok(shown_tree(call, root, [code.tree_entry(call.world, call.repo, entry) for entry in entries]))


def shown_tree(call: Call, sha: str, entries: list[Json]) -> Json:
    """A tree as JSON."""
    return {"sha": sha, "url": f"{api(call.world, call.repo)}/git/trees/{sha}", "tree": entries, "truncated": False}


async def create_tree(call: Call) -> Reply:
    """POST …/git/trees"""
    git, base = call.repo.git, call.body.get("base_tree")
    if base is not None and await git.kind(str(base)) not in ("tree", "commit"):
        raise unprocessable("base_tree is not a valid tree oid")
    entries = call.list("tree")
    if not entries:
        raise unprocessable("Invalid tree info")
    edits = [await edit(call, entry) for entry in entries]
    sha = await git.write_tree(base, edits)
    return created(shown_tree(call, sha, [code.tree_entry(call.world, call.repo, one) for one in await git.tree(sha)]))


async def edit(call: Call, entry: Any) -> tuple[str, str | None, str]:
    """One entry of a new tree: mode, hash (None: remove), path."""
    path, mode = entry.get("path"), str(entry.get("mode", "100644"))
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise unprocessable("tree.path contains a malformed path component")
    if mode not in ("100644", "100755", "040000", "160000", "120000"):
        raise unprocessable("Must supply a valid tree.mode")
    if "content" in entry:
        return mode, await call.repo.git.write_blob(str(entry["content"]).encode()), path
    sha = entry.get("sha")
    if sha is not None and await call.repo.git.kind(str(sha)) is None:
        raise unprocessable("tree.sha is not a valid blob")
    return mode, sha, path


async def blob(call: Call) -> Reply:
    """GET …/git/blobs/{file_sha}"""
    sha = call.params["file_sha"]
    if await call.repo.git.kind(sha) != "blob":
        raise not_found()
    data = await call.repo.git.blob(sha)
    if "raw" in call.wants:
        return Reply(data=data, headers={"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return ok(
        {
            "sha": sha,
            "node_id": f"blob:{sha}",
            "size": len(data),
            "url": f"{api(call.world, call.repo)}/git/blobs/{sha}",
            "content": base64.encodebytes(data).decode(),
            "encoding": "base64",
        }
    )


async def create_blob(call: Call) -> Reply:
    """POST …/git/blobs"""
    text = call.text("content", "Blob")
    data = text.encode()
    if call.one_of("encoding", ("utf-8", "base64"), default="utf-8") == "base64":
        try:
            data = base64.b64decode(text)
        except binascii.Error as error:
            raise unprocessable("content is not valid Base64") from error
    sha = await call.repo.git.write_blob(data)
    return created({"sha": sha, "url": f"{api(call.world, call.repo)}/git/blobs/{sha}"})


def person(call: Call, given: Json | None, default: Person) -> Person:
    """An author or committer of the body."""
    if not given:
        return default
    if not given.get("name") or not given.get("email"):
        raise invalid("Commit", "author", "missing_field")
    when = datetime.fromisoformat(given["date"]) if given.get("date") else default.date
    return Person(name=given["name"], email=given["email"], date=when)


async def commit(call: Call) -> Reply:
    """GET …/git/commits/{commit_sha}"""
    sha = call.params["commit_sha"]
    if await call.repo.git.kind(sha) != "commit":
        raise not_found()
    return ok(code.git_commit(call.world, call.repo, await call.repo.git.commit(sha)))


async def create_commit(call: Call) -> Reply:
    """POST …/git/commits"""
    git, tree_sha, parents = call.repo.git, call.text("tree", "Commit"), call.list("parents")
    if await git.kind(tree_sha) != "tree":
        raise unprocessable("Tree SHA does not exist")
    for parent in parents:
        if await git.kind(str(parent)) != "commit":
            raise unprocessable("Parent SHA does not exist or is not a commit object")
    me = Person(name=call.me.login, email=call.me.email, date=call.world.now())
    author = person(call, call.body.get("author"), me)
    sha = await git.write_commit(
        tree_sha,
        parents,
        call.text("message", "Commit"),
        author=author,
        committer=person(call, call.body.get("committer"), author),
    )
    return created(code.git_commit(call.world, call.repo, await git.commit(sha)))


BASE = "/repos/{owner}/{repo}/git"
ROUTES = [
    Route("GET", f"{BASE}/ref/{{ref}}", ref),
    Route("GET", f"{BASE}/matching-refs/{{ref}}", matching_refs),
    Route("POST", f"{BASE}/refs", create_ref),
    Route("PATCH", f"{BASE}/refs/{{ref}}", update_ref),
    Route("DELETE", f"{BASE}/refs/{{ref}}", delete_ref),
    Route("GET", f"{BASE}/trees/{{tree_sha}}", tree),
    Route("POST", f"{BASE}/trees", create_tree),
    Route("GET", f"{BASE}/blobs/{{file_sha}}", blob),
    Route("POST", f"{BASE}/blobs", create_blob),
    Route("GET", f"{BASE}/commits/{{commit_sha}}", commit),
    Route("POST", f"{BASE}/commits", create_commit),
]
