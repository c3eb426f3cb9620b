"""Pull requests and reviews as GitHub shows them."""

from __future__ import annotations

from bot.demo.box.git import Commit
from bot.demo.box.rows import Json, Pull, Repo, Review
from bot.demo.box.shapes import code
from bot.demo.box.shapes.people import maybe_user, node_id, user
from bot.demo.box.shapes.repos import api, html, whole
from bot.demo.box.shapes.talk import association, labels
from bot.demo.box.standing import mergeable_state
from bot.demo.box.world import World, maybe_stamp, stamp


def side(world: World, repo: Repo, ref: str, sha: str) -> Json:
    """The head or base of a pull request."""
    return {
        "label": f"{repo.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(world, repo.owner),
        "repo": whole(world, repo),
    }


def links(world: World, repo: Repo, pull: Pull) -> Json:
    """The addresses of a pull request."""
    base, page = api(world, repo), f"{html(world, repo)}/pull/{pull.number}"
    url = f"{base}/pulls/{pull.number}"
    return {
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": f"{base}/issues/{pull.number}",
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{base}/pulls/comments{{/number}}",
        "comments_url": f"{base}/issues/{pull.number}/comments",
        "statuses_url": f"{base}/statuses/{pull.head_sha}",
    }


def hal(shown: Json) -> Json:
    """The same addresses once more, as _links."""
    names = {"self": "url", "html": "html_url", "issue": "issue_url", "comments": "comments_url"}
    names |= {"review_comments": "review_comments_url", "review_comment": "review_comment_url"}
    names |= {"commits": "commits_url", "statuses": "statuses_url"}
    return {name: {"href": shown[key]} for name, key in names.items()}


def simple(world: World, repo: Repo, pull: Pull) -> Json:
    """A pull request as lists show it."""
    issue = pull.issue
    shown = links(world, repo, pull)
    return shown | {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": issue.state,
        "locked": issue.locked,
        "active_lock_reason": issue.lock_reason,
        "title": issue.title,
        "user": user(world, issue.user),
        "body": issue.body,
        "labels": labels(world, repo, issue),
        "milestone": None,
        "created_at": stamp(issue.created_at),
        "updated_at": stamp(issue.updated_at),
        "closed_at": maybe_stamp(issue.closed_at),
        "merged_at": maybe_stamp(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": maybe_user(world, issue.assignees[0] if issue.assignees else None),
        "assignees": [user(world, account) for account in issue.assignees],
        "requested_reviewers": [user(world, account) for account in pull.requested],
        "requested_teams": [],
        "head": side(world, repo, pull.head_ref, pull.head_sha),
        "base": side(world, repo, pull.base_ref, pull.base_sha),
        "_links": hal(shown),
        "author_association": association(repo, issue.user),
        "auto_merge": pull.auto_merge,
        "draft": pull.draft,
    }


def full(world: World, repo: Repo, pull: Pull) -> Json:
    """A pull request as itself, with what merging it would do."""
    totals = code.totals(pull.changes)
    return simple(world, repo, pull) | {
        "merged": pull.merged_at is not None,
        "mergeable": pull.mergeable if pull.open else None,
        "rebaseable": pull.mergeable if pull.open else None,
        "mergeable_state": mergeable_state(repo, pull),
        "merged_by": maybe_user(world, pull.merged_by),
        "comments": sum(comment.number == pull.number for comment in repo.comments.values()),
        "review_comments": 0,
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": pull.commits,
        "additions": totals["additions"],
        "deletions": totals["deletions"],
        "changed_files": len(pull.changes),
    }


def minimal(world: World, repo: Repo, pull: Pull) -> Json:
    """A pull request as check runs and workflow runs name it."""
    here = {"id": repo.id, "url": api(world, repo), "name": repo.name}
    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{api(world, repo)}/pulls/{pull.number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": here},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": here},
    }


def headed(world: World, repo: Repo, sha: str) -> list[Json]:
    """The open pull requests whose head is this commit."""
    return [minimal(world, repo, pull) for pull in repo.pulls.values() if pull.open and pull.head_sha == sha]


def review(world: World, repo: Repo, one: Review) -> Json:
    """A review; only a submitted one has a date."""
    url = f"{api(world, repo)}/pulls/{one.number}"
    page = f"{html(world, repo)}/pull/{one.number}#pullrequestreview-{one.id}"
    shown = {"submitted_at": stamp(one.submitted_at)} if one.submitted_at else {}
    return {
        "id": one.id,
        "node_id": node_id("PullRequestReview", one.id),
        "user": user(world, one.user),
        "body": one.body,
        "state": one.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": association(repo, one.user),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": one.commit_id,
        **shown,
    }


def commit(world: World, repo: Repo, one: Commit) -> Json:
    """A commit of a pull request."""
    return code.commit(world, repo, one)
