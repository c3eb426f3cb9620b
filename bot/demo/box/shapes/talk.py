"""Issues, comments, labels and reactions as GitHub shows them."""

from __future__ import annotations

from urllib.parse import quote

from bot.demo.box.auth import role_of
from bot.demo.box.rows import Account, Comment, Issue, Json, Label, Reaction, Repo
from bot.demo.box.shapes.people import maybe_app, maybe_user, node_id, user
from bot.demo.box.shapes.repos import api, html
from bot.demo.box.world import World, maybe_stamp, stamp

CONTENTS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def association(repo: Repo, account: Account) -> str:
    """How an author stands to the repository."""
    if account is repo.owner:
        return "OWNER"
    if account.login in repo.owner.members:
        return "MEMBER"
    if account.kind == "User" and role_of(repo, account) in ("admin", "maintain", "write", "triage"):
        return "COLLABORATOR"
    return "NONE"


def label(world: World, repo: Repo, one: Label) -> Json:
    """A label."""
    return {
        "id": one.id,
        "node_id": node_id("Label", one.id),
        "url": f"{api(world, repo)}/labels/{quote(one.name)}",
        "name": one.name,
        "description": one.description,
        "color": one.color,
        "default": False,
    }


def labels(world: World, repo: Repo, issue: Issue) -> list[Json]:
    """The labels of an issue; a label deleted from the repository is gone from its issues too."""
    return [label(world, repo, repo.labels[name]) for name in issue.labels if name in repo.labels]


def reaction(world: World, one: Reaction) -> Json:
    """A reaction."""
    return {
        "id": one.id,
        "node_id": node_id("Reaction", one.id),
        "user": user(world, one.user),
        "content": one.content,
        "created_at": stamp(one.created_at),
    }


def rollup(repo: Repo, subject: tuple[str, int], url: str) -> Json:
    """How many reactions of each kind."""
    given = [one.content for one in repo.reactions.values() if one.subject == subject]
    return {
        "url": f"{url}/reactions",
        "total_count": len(given),
        **{content: given.count(content) for content in CONTENTS},
    }


def comment(world: World, repo: Repo, one: Comment) -> Json:
    """A comment on an issue or pull request."""
    url = f"{api(world, repo)}/issues/comments/{one.id}"
    folder = "pull" if one.number in repo.pulls else "issues"
    return {
        "id": one.id,
        "node_id": node_id("IssueComment", one.id),
        "url": url,
        "html_url": f"{html(world, repo)}/{folder}/{one.number}#issuecomment-{one.id}",
        "issue_url": f"{api(world, repo)}/issues/{one.number}",
        "body": one.body,
        "user": user(world, one.user),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "author_association": association(repo, one.user),
        "performed_via_github_app": maybe_app(world, one.app),
        "reactions": rollup(repo, ("comment", one.id), url),
    }


def issue(world: World, repo: Repo, one: Issue) -> Json:
    """An issue; of a pull request, its issue half."""
    url = f"{api(world, repo)}/issues/{one.number}"
    is_pull = one.number in repo.pulls
    shown: Json = {
        "id": one.id,
        "node_id": node_id("Issue", one.id),
        "url": url,
        "repository_url": api(world, repo),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{html(world, repo)}/{'pull' if is_pull else 'issues'}/{one.number}",
        "number": one.number,
        "state": one.state,
        "state_reason": one.state_reason,
        "title": one.title,
        "body": one.body,
        "user": user(world, one.user),
        "labels": labels(world, repo, one),
        "assignee": maybe_user(world, one.assignees[0] if one.assignees else None),
        "assignees": [user(world, account) for account in one.assignees],
        "milestone": None,
        "locked": one.locked,
        "active_lock_reason": one.lock_reason,
        "comments": sum(comment.number == one.number for comment in repo.comments.values()),
        "closed_at": maybe_stamp(one.closed_at),
        "closed_by": maybe_user(world, one.closed_by),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "author_association": association(repo, one.user),
        "performed_via_github_app": maybe_app(world, one.app),
        "reactions": rollup(repo, ("issue", one.id), url),
        "timeline_url": f"{url}/timeline",
    }
    if is_pull:
        shown |= {"draft": repo.pulls[one.number].draft, "pull_request": pull_links(world, repo, one.number)}
    return shown


def issue_in_hook(world: World, repo: Repo, one: Issue) -> Json:
    """An issue as webhooks carry it: who closed it is left out."""
    return {key: value for key, value in issue(world, repo, one).items() if key != "closed_by"}


def pull_links(world: World, repo: Repo, number: int) -> Json:
    """How an issue points at its pull request half."""
    page = f"{html(world, repo)}/pull/{number}"
    return {
        "url": f"{api(world, repo)}/pulls/{number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": maybe_stamp(repo.pulls[number].merged_at),
    }
