"""Commits, files, trees and refs as GitHub shows them."""

from __future__ import annotations

from urllib.parse import quote

from bot.demo.box.git import Change, Commit, Entry, Person
from bot.demo.box.moves import Move
from bot.demo.box.rows import Json, Repo
from bot.demo.box.shapes.people import node_id, user
from bot.demo.box.shapes.repos import api, html
from bot.demo.box.world import World, stamp

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def person(one: Person) -> Json:
    """An author line."""
    return {"name": one.name, "email": one.email, "date": stamp(one.date)}


def git_commit(world: World, repo: Repo, commit: Commit) -> Json:
    """A commit as the git data API shows it."""
    base, page = f"{api(world, repo)}/git", html(world, repo)
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": f"{base}/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "author": person(commit.author),
        "committer": person(commit.committer),
        "tree": {"url": f"{base}/trees/{commit.tree}", "sha": commit.tree},
        "message": commit.message,
        "parents": [
            {"sha": sha, "url": f"{base}/commits/{sha}", "html_url": f"{page}/commit/{sha}"} for sha in commit.parents
        ],
        "verification": UNSIGNED,
    }


def activity(world: World, one: Move) -> Json:
    """One line of a repository's activity."""
    return {
        "id": one.id,
        "node_id": node_id("Push", one.id),
        "before": one.before,
        "after": one.after,
        "ref": one.ref,
        "timestamp": stamp(one.at),
        "activity_type": one.kind,
        "actor": user(world, one.actor),
    }


def commit(world: World, repo: Repo, one: Commit) -> Json:
    """A commit as the repository API shows it."""
    base, page = api(world, repo), html(world, repo)
    author, committer = (world.by_email(who.email) for who in (one.author, one.committer))
    return {
        "sha": one.sha,
        "node_id": node_id("Commit", one.sha),
        "commit": {
            "author": person(one.author),
            "committer": person(one.committer),
            "message": one.message,
            "tree": {"sha": one.tree, "url": f"{base}/git/trees/{one.tree}"},
            "url": f"{base}/git/commits/{one.sha}",
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        "url": f"{base}/commits/{one.sha}",
        "html_url": f"{page}/commit/{one.sha}",
        "comments_url": f"{base}/commits/{one.sha}/comments",
        "author": user(world, author) if author else None,
        "committer": user(world, committer) if committer else None,
        "parents": [
            {"sha": sha, "url": f"{base}/commits/{sha}", "html_url": f"{page}/commit/{sha}"} for sha in one.parents
        ],
    }


def change(world: World, repo: Repo, one: Change, sha: str) -> Json:
    """One changed file."""
    page, shown, path = html(world, repo), {}, quote(one.path)
    if one.patch:
        shown["patch"] = one.patch
    if one.old_path != one.path:
        shown["previous_filename"] = one.old_path
    return {
        "sha": one.sha,
        "filename": one.path,
        "status": one.status,
        "additions": one.additions,
        "deletions": one.deletions,
        "changes": one.additions + one.deletions,
        "blob_url": f"{page}/blob/{sha}/{path}",
        "raw_url": f"{page}/raw/{sha}/{path}",
        "contents_url": f"{api(world, repo)}/contents/{path}?ref={sha}",
        **shown,
    }


def totals(changes: list[Change]) -> Json:
    """Lines added and removed."""
    plus, minus = sum(one.additions for one in changes), sum(one.deletions for one in changes)
    return {"total": plus + minus, "additions": plus, "deletions": minus}


def content(world: World, repo: Repo, entry: Entry, ref: str) -> Json:
    """A file or folder without its bytes."""
    kind = {"tree": "dir", "commit": "submodule"}.get(entry.kind, "file")
    base, page = api(world, repo), html(world, repo)
    path = quote(entry.path)
    url = f"{base}/contents/{path}?ref={quote(ref)}"
    git_url = f"{base}/git/{entry.kind}s/{entry.sha}"
    shown = f"{page}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{path}"
    return {
        "type": kind,
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "git_url": git_url,
        "html_url": shown,
        "download_url": f"{page}/raw/{ref}/{path}" if kind == "file" else None,
        "_links": {"self": url, "git": git_url, "html": shown},
    }


def ref(world: World, repo: Repo, name: str, sha: str, kind: str) -> Json:
    """A ref; ``name`` begins with refs/."""
    base = f"{api(world, repo)}/git"
    return {
        "ref": name,
        "node_id": node_id("Ref", name),
        "url": f"{base}/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{base}/{kind}s/{sha}"},
    }


def tree_entry(world: World, repo: Repo, entry: Entry) -> Json:
    """A line of a tree."""
    shown: Json = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
    if entry.size is not None:
        shown["size"] = entry.size
    return shown | {"url": f"{api(world, repo)}/git/{entry.kind}s/{entry.sha}"}


def pushed_commit(world: World, repo: Repo, one: Commit, changes: list[Change]) -> Json:
    """A commit as a push carries it."""

    def paths(*status: str) -> list[str]:
        return [change.path for change in changes if change.status in status]

    return {
        "id": one.sha,
        "tree_id": one.tree,
        "distinct": True,
        "message": one.message,
        "timestamp": one.committer.date.isoformat(),
        "url": f"{html(world, repo)}/commit/{one.sha}",
        "author": who(world, one.author),
        "committer": who(world, one.committer),
        "added": paths("added", "renamed", "copied"),
        "removed": paths("removed") + [c.old_path for c in changes if c.status == "renamed"],
        "modified": paths("modified", "changed"),
    }


def who(world: World, one: Person) -> Json:
    """An author in a push."""
    account = world.by_email(one.email)
    shown = {"name": one.name, "email": one.email}
    return shown | {"username": account.login} if account else shown


def simple_commit(one: Commit) -> Json:
    """A commit as suites and runs carry it."""
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "message": one.message,
        "timestamp": stamp(one.committer.date),
        "author": {"name": one.author.name, "email": one.author.email},
        "committer": {"name": one.committer.name, "email": one.committer.email},
    }
