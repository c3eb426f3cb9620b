"""The repository itself, its commits and comparisons, tags and archives."""

from __future__ import annotations

from itertools import dropwhile

from bot.demo.box.call import Call, Reply, Route, bounded, ok
from bot.demo.box.errors import not_found
from bot.demo.box.rows import Json
from bot.demo.box.shapes import code, people, pulls, repos
from bot.demo.box.signed import elsewhere


async def show(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}"""
    return ok(repos.full(call.world, call.repo))


async def commits(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/commits"""
    start = await call.repo.git.resolve(call.query.get("sha") or call.repo.default_branch)
    if start is None:
        raise not_found()
    found = await call.repo.git.log(start, path=call.query.get("path", ""))
    if since := call.query.get("since"):
        found = [one for one in found if code.person(one.committer)["date"] >= since]
    return call.page(found, lambda one: code.commit(call.world, call.repo, one))


async def commit(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/commits/{ref}"""
    git = call.repo.git
    sha = await call.commit_sha(call.params["ref"])
    if call.wants.endswith("sha"):
        return Reply(data=sha.encode(), headers={"Content-Type": "application/vnd.github.sha"})
    one = await git.commit(sha)
    changes = await git.changes(one.parents[0], sha) if one.parents else await git.root_changes(sha)
    files = [code.change(call.world, call.repo, change, sha) for change in changes]
    return ok(code.commit(call.world, call.repo, one) | {"stats": code.totals(changes), "files": files})


async def pulls_of(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls"""
    sha = await call.commit_sha(call.params["commit_sha"])
    found = []
    for pull in call.repo.pulls.values():
        merged_as = sha == pull.merge_commit_sha and pull.merged_at
        if merged_as or sha in (await call.repo.git.run("rev-list", f"{pull.base_sha}..{pull.head_sha}")).split():
            found.append(pull)
    return call.page(found, lambda pull: pulls.simple(call.world, call.repo, pull))


async def compare(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/compare/{base}...{head}"""
    git = call.repo.git
    left, dots, right = call.params["basehead"].partition("...")
    names = [name.rpartition(":")[2] for name in (left, right)]
    base, head = [await git.resolve(name) for name in names]
    fork = await git.merge_base(base, head) if base and head and dots else None
    if base is None or head is None or fork is None:
        raise not_found()
    ahead, behind = await git.count(f"{base}..{head}"), await git.count(f"{head}..{base}")
    listed = list(reversed(await git.log(f"{base}..{head}")))
    page = f"{repos.html(call.world, call.repo)}/compare/{left}...{right}"
    shown: Json = {
        "url": f"{call.world.url}{call.path}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": code.commit(call.world, call.repo, await git.commit(base)),
        "merge_base_commit": code.commit(call.world, call.repo, await git.commit(fork)),
        "status": standing(ahead, behind),
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [code.commit(call.world, call.repo, one) for one in listed],
        "files": [code.change(call.world, call.repo, one, head) for one in await git.changes(fork, head)],
    }
    return ok(shown)


def standing(ahead: int, behind: int) -> str:
    """How two commits stand to each other."""
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else ("behind" if behind else "identical")


async def activity(call: Call) -> Reply:
    """GET …/activity: who moved which branch, the latest first; it is paged by cursors, not by numbers"""
    wanted, kind, actor = (call.query.get(name) for name in ("ref", "activity_type", "actor"))
    found = [
        one
        for one in call.world.moves.get(call.repo.id, [])
        if wanted in (None, one.ref, one.ref.removeprefix("refs/heads/"))
        and kind in (None, one.kind)
        and actor in (None, one.actor.login)
    ]
    if call.query.get("direction") != "asc":
        found.reverse()
    if cursor := call.query.get("after"):
        found = list(dropwhile(lambda one: str(one.id) != cursor, found))[1:]
    size = bounded(call.query.get("per_page"), 30, 1, 100)
    shown, rest = found[:size], found[size:]
    headers = {"Link": call.link("next", after=str(shown[-1].id))} if rest else {}
    return Reply(json=[code.activity(call.world, one) for one in shown], headers=headers)


async def tags(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/tags"""
    names = sorted((ref for ref in call.repo.git.refs if ref.startswith("refs/tags/")), reverse=True)
    found = [(ref.removeprefix("refs/tags/"), await call.repo.git.peel(call.repo.git.refs[ref])) for ref in names]
    base = repos.api(call.world, call.repo)

    def tag(one: tuple[str, str | None]) -> Json:
        name, sha = one
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{base}/commits/{sha}"},
            "zipball_url": f"{base}/zipball/refs/tags/{name}",
            "tarball_url": f"{base}/tarball/refs/tags/{name}",
            "node_id": people.node_id("Ref", name),
        }

    return call.page(found, tag)


async def archive(call: Call) -> Reply:
    """GET …/tarball/{ref} and …/zipball/{ref}: 302 to the bytes"""
    sha = await call.repo.git.resolve(call.params.get("ref") or call.repo.default_branch)
    if sha is None:
        raise not_found()
    kind = "tarball" if "/tarball/" in call.path else "zipball"
    return elsewhere(call, f"/_box/blobs/{call.repo.full_name}/{kind}/{sha}")


BASE = "/repos/{owner}/{repo}"
ROUTES = [
    Route("GET", BASE, show),
    Route("GET", f"{BASE}/commits", commits),
    Route("GET", f"{BASE}/commits/{{commit_sha}}/pulls", pulls_of),
    Route("GET", f"{BASE}/compare/{{basehead}}", compare),
    Route("GET", f"{BASE}/activity", activity),
    Route("GET", f"{BASE}/tags", tags),
    Route("GET", f"{BASE}/tarball/{{ref}}", archive),
    Route("GET", f"{BASE}/zipball/{{ref}}", archive),
    Route("GET", f"{BASE}/commits/{{ref}}", commit),
]
