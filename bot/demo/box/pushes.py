"""When a branch moves, the world follows: push events, pull requests, check suites and workflows, in that order."""

from __future__ import annotations

from bot.demo.box import events, standing
from bot.demo.box.git import NO_SHA
from bot.demo.box.moves import Move
from bot.demo.box.rows import Account, CheckSuite, Json, Pull, Repo
from bot.demo.box.shapes import code, people, pulls, repos
from bot.demo.box.triggers import start_for_pull, start_for_push
from bot.demo.box.world import World


async def move(world: World, repo: Repo, ref: str, new: str | None, sender: Account, *, merged: bool = False) -> None:
    """Point a ref elsewhere (None: remove it) and let everything that depends on it follow."""
    old = repo.git.refs.get(ref)
    if old == new:
        return
    await repo.git.set_ref(ref, new)
    await moved(world, repo, ref, old, sender, merged=merged)


async def moved(world: World, repo: Repo, ref: str, old: str | None, sender: Account, *, merged: bool = False) -> None:
    """The consequences of a ref that has just moved from ``old``."""
    new = repo.git.refs.get(ref)
    repo.pushed_at = world.now()
    await write_down(world, repo, ref, old, sender, merged=merged)
    await announce(world, repo, ref, old, sender)
    if not ref.startswith("refs/heads/"):
        return
    branch = ref.removeprefix("refs/heads/")
    for pull in [one for one in repo.pulls.values() if one.open]:
        if pull.head_ref == branch:
            await head_moved(world, repo, pull, new, sender)
        elif pull.base_ref == branch and new:
            await base_moved(world, repo, pull, new, sender)
    if new:
        await request_suites(world, repo, new, branch, old or NO_SHA, sender)
        await start_for_push(world, repo, branch, new, sender)


async def write_down(world: World, repo: Repo, ref: str, old: str | None, sender: Account, *, merged: bool) -> None:
    """One more line of the repository's activity; only branches have one."""
    if not ref.startswith("refs/heads/"):
        return
    new = repo.git.refs.get(ref)
    kind = "branch_creation" if old is None else "branch_deletion" if new is None else "pr_merge" if merged else "push"
    if kind == "push" and not await repo.git.contains(str(old), str(new)):
        kind = "force_push"
    one = Move(
        id=world.next_id(),
        ref=ref,
        before=old or NO_SHA,
        after=new or NO_SHA,
        kind=kind,
        actor=sender,
        at=world.now(),
    )
    world.moves.setdefault(repo.id, []).append(one)


async def announce(world: World, repo: Repo, ref: str, old: str | None, sender: Account) -> None:
    """push, and create or delete where the ref began or ended."""
    new = repo.git.refs.get(ref)
    if not (old and new):
        gone = {"ref": ref.split("/", 2)[2], "ref_type": "tag" if ref.startswith("refs/tags/") else "branch"}
        payload: Json = gone | {"pusher_type": "user"}
        if new:
            payload |= {"master_branch": repo.default_branch, "description": repo.description}
        events.emit(world, "create" if new else "delete", repo, payload, sender=sender)
    payload = await push_payload(world, repo, ref, old, new)
    payload["pusher"] = {"name": sender.login, "email": sender.email}
    for installation in world.installations_on(repo):
        if events.hears(installation, "push"):
            whole = payload | repos.around(world, repo) | {"sender": people.user(world, sender)}
            # A push is older than the REST API and shows its repository in another shape.
            whole["repository"] = repos.in_push(world, repo)
            events.post(world, installation, "push", whole, repo)


async def push_payload(world: World, repo: Repo, ref: str, old: str | None, new: str | None) -> Json:
    """The body of a push, without repository and sender. A new branch brings what the default branch lacks."""
    git = repo.git
    since = old or git.refs.get(f"refs/heads/{repo.default_branch}")
    commits = []
    if new and since:
        commits = await git.log(f"{since}..{new}", limit=20)
    shown = [
        code.pushed_commit(world, repo, one, await git.changes(f"{one.sha}^", one.sha))
        for one in reversed(commits)
        if one.parents
    ]
    head = await git.peel(new) if new else None
    forced = bool(old and new) and not await git.contains(str(old), str(new))
    head_commit = None
    if head:
        commit = await git.commit(head)
        changed = await git.changes(f"{head}^", head) if commit.parents else []
        head_commit = code.pushed_commit(world, repo, commit, changed)
    return {
        "ref": ref,
        "before": old or NO_SHA,
        "after": new or NO_SHA,
        "base_ref": None,
        "created": old is None,
        "deleted": new is None,
        "forced": forced,
        "compare": f"{repos.html(world, repo)}/compare/{(old or NO_SHA)[:12]}...{(new or NO_SHA)[:12]}",
        "commits": shown,
        "head_commit": head_commit,
    }


async def head_moved(world: World, repo: Repo, pull: Pull, new: str | None, sender: Account) -> None:
    """New commits on a pull request; or none any more, which closes it."""
    if new is None:
        close(world, repo, pull, sender)
        events.pull_event(world, repo, pull, "closed", sender)
        return
    before = pull.head_sha
    await look_again(world, repo, pull)
    events.pull_event(world, repo, pull, "synchronize", sender, before=before, after=new)
    if standing.rules_of(repo, pull.base_ref).dismiss_stale:
        dismiss_stale(world, repo, pull, sender)
    await start_for_pull(world, repo, pull, "synchronize", sender)


def dismiss_stale(world: World, repo: Repo, pull: Pull, sender: Account) -> None:
    """A push takes approvals away where the branch says so."""
    for review in standing.opinions(repo, pull):
        if review.state == "APPROVED":
            review.state = "DISMISSED"
            payload = {
                "action": "dismissed",
                "pull_request": pulls.simple(world, repo, pull),
                "review": pulls.review(world, repo, review) | {"state": "dismissed"},
            }
            events.emit(world, "pull_request_review", repo, payload, sender=sender)


async def base_moved(world: World, repo: Repo, pull: Pull, new: str, sender: Account) -> None:
    """The branch that a pull request aims at moved; if the head is in it now, that was the merge."""
    if await repo.git.contains(pull.head_sha, new):
        await mark_merged(world, repo, pull, new, sender)
        events.pull_event(world, repo, pull, "closed", sender)
        return
    await look_again(world, repo, pull)


async def mark_merged(world: World, repo: Repo, pull: Pull, commit: str, by: Account) -> None:
    """The rows of a merged pull request."""
    pull.merged_at, pull.merged_by, pull.merge_commit_sha = world.now(), by, commit
    pull.auto_merge = None
    close(world, repo, pull, by)
    if repo.git.refs.get(f"refs/pull/{pull.number}/merge"):
        await repo.git.set_ref(f"refs/pull/{pull.number}/merge", None)


def close(world: World, repo: Repo, pull: Pull, by: Account) -> None:
    """The rows of a closed pull request."""
    issue = pull.issue
    issue.state, issue.closed_at, issue.closed_by = "closed", world.now(), by
    issue.updated_at = world.now()


async def look_again(world: World, repo: Repo, pull: Pull) -> None:
    """Read head, base and difference anew; whether it merges is unknown until someone asks."""
    git = repo.git
    pull.head_sha = git.refs.get(f"refs/heads/{pull.head_ref}", pull.head_sha)
    pull.base_sha = git.refs.get(f"refs/heads/{pull.base_ref}", pull.base_sha)
    pull.mergeable, pull.merge_commit_sha = None, None
    fork = await git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    pull.up_to_date = fork == pull.base_sha
    pull.commits = await git.count(f"{pull.base_sha}..{pull.head_sha}")
    pull.changes = await git.changes(fork, pull.head_sha)
    pull.issue.updated_at = world.now()
    await git.set_ref(f"refs/pull/{pull.number}/head", pull.head_sha)


async def request_suites(world: World, repo: Repo, sha: str, branch: str, before: str, sender: Account) -> None:
    """Every App that may write checks gets a suite for a pushed commit, and is asked to fill it."""
    for installation in world.installations_on(repo):
        if installation.permissions.get("checks") != "write":
            continue
        app = installation.app
        if any(suite.app is app and suite.head_sha == sha for suite in repo.suites.values()):
            continue
        suite = CheckSuite(
            id=world.next_id(),
            app=app,
            head_sha=sha,
            head_branch=branch,
            before=before,
            created_at=world.now(),
            updated_at=world.now(),
        )
        repo.suites[suite.id] = suite
        await events.suite_event(world, repo, suite, "requested", sender)
