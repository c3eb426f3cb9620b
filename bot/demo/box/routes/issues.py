"""Issues and their labels; a pull request answers here too, as the issue that it also is."""

from __future__ import annotations

import re

from bot.demo.box import events
from bot.demo.box.call import NOTHING, Call, Reply, Route, created, ok
from bot.demo.box.errors import invalid, not_found
from bot.demo.box.issuing import edit_issue, label_names, new_issue, own_or_writer, put_labels
from bot.demo.box.pushes import close
from bot.demo.box.rows import Issue, Label
from bot.demo.box.shapes import talk
from bot.demo.box.world import stamp


async def listed(call: Call) -> Reply:
    """GET …/issues"""
    wanted = call.query.get("state", "open")
    found = [one for one in call.repo.issues.values() if wanted in ("all", one.state)]
    for name in filter(None, call.query.get("labels", "").split(",")):
        found = [one for one in found if name in one.labels]
    if since := call.query.get("since"):
        found = [one for one in found if stamp(one.updated_at) >= since]
    if creator := call.query.get("creator"):
        found = [one for one in found if one.user.login == creator]
    found.sort(key=lambda one: -one.number)
    return call.page(found, lambda one: talk.issue(call.world, call.repo, one))


async def show(call: Call) -> Reply:
    """GET …/issues/{issue_number}"""
    return ok(talk.issue(call.world, call.repo, call.issue()))


async def create(call: Call) -> Reply:
    """POST …/issues"""
    issue = new_issue(call, str(call.text("title", "Issue")), call.body.get("body"))
    events.issue_event(call.world, call.repo, issue, "opened", call.me)
    put_labels(call, issue, label_names(call))
    return created(talk.issue(call.world, call.repo, issue))


async def edit(call: Call) -> Reply:
    """PATCH …/issues/{issue_number}"""
    issue = call.issue()
    own_or_writer(call, issue)
    changes = edit_issue(call, issue)
    if changes:
        events.issue_event(call.world, call.repo, issue, "edited", call.me, changes=changes)
    if "labels" in call.body:
        replace_labels(call, issue, label_names(call))
    if "state" in call.body:
        turn(call, issue, call.one_of("state", ("open", "closed")))
    return ok(talk.issue(call.world, call.repo, issue))


def turn(call: Call, issue: Issue, after: str) -> None:
    """Close or open again."""
    if issue.state == after:
        return
    pull = call.repo.pulls.get(issue.number)
    if after == "closed":
        issue.state, issue.closed_at, issue.closed_by = "closed", call.world.now(), call.me
        issue.state_reason = None if pull else call.body.get("state_reason") or "completed"
        if pull:
            close(call.world, call.repo, pull, call.me)
        events.issue_event(call.world, call.repo, issue, "closed", call.me)
        return
    if pull and pull.merged_at:
        raise invalid("Issue", "state", "invalid", "state cannot be changed.")
    issue.state, issue.closed_at, issue.closed_by = "open", None, None
    issue.state_reason = None if pull else "reopened"
    events.issue_event(call.world, call.repo, issue, "reopened", call.me)


REASONS = ("off-topic", "too heated", "resolved", "spam")


async def lock(call: Call) -> Reply:
    """PUT …/issues/{issue_number}/lock: from now on only who may write comments, and no App"""
    issue = call.issue()
    issue.lock_reason = call.one_of("lock_reason", REASONS) if call.body.get("lock_reason") else None
    issue.locked = True
    events.issue_event(call.world, call.repo, issue, "locked", call.me)
    return NOTHING


async def unlock(call: Call) -> Reply:
    """DELETE …/issues/{issue_number}/lock"""
    issue = call.issue()
    issue.locked, issue.lock_reason = False, None
    events.issue_event(call.world, call.repo, issue, "unlocked", call.me)
    return NOTHING


async def labels(call: Call) -> Reply:
    """GET …/issues/{issue_number}/labels"""
    issue = call.issue()
    return call.page(talk.labels(call.world, call.repo, issue), lambda one: one)


async def add_labels(call: Call) -> Reply:
    """POST …/issues/{issue_number}/labels"""
    issue = call.issue()
    put_labels(call, issue, label_names(call))
    return ok(talk.labels(call.world, call.repo, issue))


def replace_labels(call: Call, issue: Issue, names: list[str]) -> None:
    """Exactly these, from now on."""
    for gone in [name for name in issue.labels if name not in names]:
        take_off(call, issue, gone)
    put_labels(call, issue, names)


async def set_labels(call: Call) -> Reply:
    """PUT …/issues/{issue_number}/labels"""
    issue = call.issue()
    replace_labels(call, issue, label_names(call))
    return ok(talk.labels(call.world, call.repo, issue))


def take_off(call: Call, issue: Issue, name: str) -> None:
    """Remove a label and tell."""
    issue.labels.remove(name)
    shown = talk.label(call.world, call.repo, call.repo.labels[name]) if name in call.repo.labels else None
    events.issue_event(call.world, call.repo, issue, "unlabeled", call.me, label=shown)


async def remove_label(call: Call) -> Reply:
    """DELETE …/issues/{issue_number}/labels/{name}"""
    issue = call.issue()
    if call.params["name"] not in issue.labels:
        raise not_found("Label does not exist")
    take_off(call, issue, call.params["name"])
    return ok(talk.labels(call.world, call.repo, issue))


async def clear_labels(call: Call) -> Reply:
    """DELETE …/issues/{issue_number}/labels"""
    replace_labels(call, call.issue(), [])
    return NOTHING


async def repo_labels(call: Call) -> Reply:
    """GET …/labels"""
    return call.page(list(call.repo.labels.values()), lambda one: talk.label(call.world, call.repo, one))


async def repo_label(call: Call) -> Reply:
    """GET …/labels/{name}"""
    if call.params["name"] not in call.repo.labels:
        raise not_found()
    return ok(talk.label(call.world, call.repo, call.repo.labels[call.params["name"]]))


async def create_label(call: Call) -> Reply:
    """POST …/labels"""
    name, color = call.text("name", "Label"), call.text("color", "Label", default="ededed")
    if not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", "color", "invalid")
    if name.lower() in (known.lower() for known in call.repo.labels):
        raise invalid("Label", "name", "already_exists")
    label = Label(id=call.world.next_id(), name=name, color=color, description=call.body.get("description"))
    call.repo.labels[name] = label
    return created(talk.label(call.world, call.repo, label))


async def delete_label(call: Call) -> Reply:
    """DELETE …/labels/{name}"""
    if call.repo.labels.pop(call.params["name"], None) is None:
        raise not_found()
    return NOTHING


BASE = "/repos/{owner}/{repo}"
ONE = f"{BASE}/issues/{{issue_number}}"
ROUTES = [
    Route("GET", f"{BASE}/issues", listed),
    Route("POST", f"{BASE}/issues", create),
    Route("GET", ONE, show),
    Route("PATCH", ONE, edit),
    Route("PUT", f"{ONE}/lock", lock),
    Route("DELETE", f"{ONE}/lock", unlock),
    Route("GET", f"{ONE}/labels", labels),
    Route("POST", f"{ONE}/labels", add_labels),
    Route("PUT", f"{ONE}/labels", set_labels),
    Route("DELETE", f"{ONE}/labels", clear_labels),
    Route("DELETE", f"{ONE}/labels/{{name}}", remove_label),
    Route("GET", f"{BASE}/labels", repo_labels),
    Route("POST", f"{BASE}/labels", create_label),
    Route("GET", f"{BASE}/labels/{{name}}", repo_label),
    Route("DELETE", f"{BASE}/labels/{{name}}", delete_label),
]
