"""Pull requests: opened once per branch, read with what merging would do, changed, and looked into."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.call import Call, Reply, Route, created, ok
from bot.demo.box.errors import custom, invalid, not_found, unprocessable
from bot.demo.box.issuing import edit_issue, new_issue, own_or_writer
from bot.demo.box.merging import signature, try_merge
from bot.demo.box.pushes import close, look_again, move
from bot.demo.box.rows import Json, Pull
from bot.demo.box.shapes import code, people, pulls
from bot.demo.box.triggers import start_for_pull


def branch_of(call: Call, key: str) -> str:
    """A branch of the body, without its owner; 422 where there is none."""
    owner, colon, name = call.text(key, "PullRequest").rpartition(":")
    if colon and owner.lower() != call.repo.owner.login.lower():
        raise invalid("PullRequest", key, "invalid")
    if f"refs/heads/{name}" not in call.repo.git.refs:
        raise invalid("PullRequest", key, "invalid")
    return name


async def create(call: Call) -> Reply:
    """POST …/pulls"""
    title, repo = call.text("title", "PullRequest"), call.repo
    head, base = branch_of(call, "head"), branch_of(call, "base")
    for pull in repo.pulls.values():
        if pull.open and (pull.head_ref, pull.base_ref) == (head, base):
            raise custom("PullRequest", f"A pull request already exists for {repo.owner.login}:{head}.")
    tips = repo.git.refs[f"refs/heads/{head}"], repo.git.refs[f"refs/heads/{base}"]
    if await repo.git.contains(tips[0], tips[1]):
        raise custom("PullRequest", f"No commits between {base} and {head}")
    issue = new_issue(call, title, call.body.get("body"))
    pull = Pull(
        id=call.world.next_id(),
        issue=issue,
        head_ref=head,
        base_ref=base,
        head_sha=tips[0],
        base_sha=tips[1],
        draft=call.flag("draft"),
        maintainer_can_modify=call.flag("maintainer_can_modify"),
    )
    repo.pulls[pull.number] = pull
    await look_again(call.world, repo, pull)
    events.pull_event(call.world, repo, pull, "opened", call.me)
    await start_for_pull(call.world, repo, pull, "opened", call.me)
    return created(pulls.full(call.world, repo, pull))


async def show(call: Call) -> Reply:
    """GET …/pulls/{pull_number}. The first look after a change starts the test merge and knows nothing yet."""
    pull = call.pull()
    if "diff" in call.wants:
        fork = await call.repo.git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
        return Reply(data=(await call.repo.git.run("diff", "-M", fork, pull.head_sha)).encode())
    shown = pulls.full(call.world, call.repo, pull)
    if pull.open and pull.mergeable is None and not pull.checking:
        pull.checking = True
        call.world.spawn(try_merge(call.world, call.repo, pull))
    return ok(shown)


async def listed(call: Call) -> Reply:
    """GET …/pulls"""
    wanted = call.query.get("state", "open")
    found = [pull for pull in call.repo.pulls.values() if wanted in ("all", pull.issue.state)]
    if head := call.query.get("head"):
        found = [pull for pull in found if f"{call.repo.owner.login}:{pull.head_ref}".lower() == head.lower()]
    if base := call.query.get("base"):
        found = [pull for pull in found if pull.base_ref == base]
    key = {"updated": lambda pull: (pull.issue.updated_at, pull.number)}.get(
        call.query.get("sort", ""), lambda pull: (pull.issue.created_at, pull.number)
    )
    found.sort(key=key, reverse=call.query.get("direction", "desc") == "desc")
    return call.page(found, lambda pull: pulls.simple(call.world, call.repo, pull))


async def edit(call: Call) -> Reply:
    """PATCH …/pulls/{pull_number}: title, body, state, base"""
    pull, before = call.pull(), call.pull().issue.state
    own_or_writer(call, pull.issue)
    changes = edit_issue(call, pull.issue)
    if "base" in call.body and call.body["base"] != pull.base_ref:
        changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        pull.base_ref = branch_of(call, "base")
        await look_again(call.world, call.repo, pull)
    if changes:
        events.pull_event(call.world, call.repo, pull, "edited", call.me, changes=changes)
    if "state" in call.body:
        await turn(call, pull, before, call.one_of("state", ("open", "closed")))
    return ok(pulls.full(call.world, call.repo, pull))


async def turn(call: Call, pull: Pull, before: str, after: str) -> None:
    """Close, or open again; a merged one stays closed, and so does one whose branch is gone."""
    if before == after:
        return
    if after == "closed":
        close(call.world, call.repo, pull, call.me)
        events.pull_event(call.world, call.repo, pull, "closed", call.me)
        return
    if pull.merged_at or f"refs/heads/{pull.head_ref}" not in call.repo.git.refs:
        raise invalid("PullRequest", "state", "invalid", "state cannot be changed.")
    pull.issue.state, pull.issue.closed_at, pull.issue.closed_by = "open", None, None
    await look_again(call.world, call.repo, pull)
    events.pull_event(call.world, call.repo, pull, "reopened", call.me)
    await start_for_pull(call.world, call.repo, pull, "reopened", call.me)


async def files(call: Call) -> Reply:
    """GET …/pulls/{pull_number}/files"""
    pull = call.pull()
    return call.page(pull.changes, lambda one: code.change(call.world, call.repo, one, pull.head_sha))


async def commits(call: Call) -> Reply:
    """GET …/pulls/{pull_number}/commits"""
    pull = call.pull()
    fork = await call.repo.git.merge_base(pull.base_sha, pull.head_sha)
    span = f"{pull.base_sha}..{pull.head_sha}" if pull.open else f"{fork}..{pull.head_sha}"
    found = list(reversed(await call.repo.git.log(span)))
    return call.page(found, lambda one: code.commit(call.world, call.repo, one))


async def update_branch(call: Call) -> Reply:
    """PUT …/pulls/{pull_number}/update-branch: merge the base into the head"""
    pull, git = call.pull(), call.repo.git
    if call.body.get("expected_head_sha", pull.head_sha) != pull.head_sha:
        raise unprocessable("expected head sha didn’t match current head ref.")
    if pull.up_to_date:
        raise unprocessable("There are no new commits on the base branch.")
    tree = await git.merged_tree(pull.head_sha, pull.base_sha)
    if tree is None:
        raise unprocessable("merge conflict between base and head")
    message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}"
    sha = await git.write_commit(tree, [pull.head_sha, pull.base_sha], message, author=signature(call.world, call.me))
    await move(call.world, call.repo, f"refs/heads/{pull.head_ref}", sha, call.me)
    url = f"{call.world.url}/repos/{call.repo.full_name}/pulls/{pull.number}"
    return Reply(status=202, json={"message": "Updating pull request branch.", "url": url})


async def reviewers(call: Call) -> Reply:
    """GET …/requested_reviewers"""
    return ok({"users": [people.user(call.world, one) for one in call.pull().requested], "teams": []})


async def request_reviewers(call: Call) -> Reply:
    """POST …/requested_reviewers"""
    pull = call.pull()
    for login in call.list("reviewers"):
        account = call.world.accounts.get(str(login).lower())
        if account is None:
            raise unprocessable("Reviews may only be requested from collaborators.")
        if account is pull.issue.user:
            raise unprocessable("Review cannot be requested from pull request author.")
        if account not in pull.requested:
            pull.requested.append(account)
            shown: Json = {"requested_reviewer": people.user(call.world, account)}
            events.pull_event(call.world, call.repo, pull, "review_requested", call.me, **shown)
    return created(pulls.simple(call.world, call.repo, pull))


async def remove_reviewers(call: Call) -> Reply:
    """DELETE …/requested_reviewers"""
    pull = call.pull()
    gone = [str(login).lower() for login in call.list("reviewers")]
    for account in [one for one in pull.requested if one.login.lower() in gone]:
        pull.requested.remove(account)
        shown: Json = {"requested_reviewer": people.user(call.world, account)}
        events.pull_event(call.world, call.repo, pull, "review_request_removed", call.me, **shown)
    return ok(pulls.simple(call.world, call.repo, pull))


async def is_merged(call: Call) -> Reply:
    """GET …/pulls/{pull_number}/merge: 204 or 404"""
    if call.pull().merged_at is None:
        raise not_found()
    return Reply(status=204)


BASE = "/repos/{owner}/{repo}/pulls"
ONE = f"{BASE}/{{pull_number}}"
ROUTES = [
    Route("GET", BASE, listed),
    Route("POST", BASE, create),
    Route("GET", ONE, show),
    Route("PATCH", ONE, edit),
    Route("GET", f"{ONE}/files", files),
    Route("GET", f"{ONE}/commits", commits),
    Route("GET", f"{ONE}/merge", is_merged),
    Route("PUT", f"{ONE}/update-branch", update_branch),
    Route("GET", f"{ONE}/requested_reviewers", reviewers),
    Route("POST", f"{ONE}/requested_reviewers", request_reviewers),
    Route("DELETE", f"{ONE}/requested_reviewers", remove_reviewers),
]
