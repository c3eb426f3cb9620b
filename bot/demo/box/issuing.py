"""Issues and pull requests share one row of numbers and one way of being written and edited."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.auth import ROLES, role_of
from bot.demo.box.call import Call
from bot.demo.box.errors import Refusal
from bot.demo.box.rows import Issue, Json, Label
from bot.demo.box.shapes import talk


def new_issue(call: Call, title: str, body: str | None) -> Issue:
    """The next number of the repository, with its first words."""
    repo = call.repo
    repo.last_number += 1
    now = call.world.now()
    issue = Issue(
        id=call.world.next_id(),
        number=repo.last_number,
        title=title,
        body=body,
        user=call.me,
        app=call.actor.app,
        created_at=now,
        updated_at=now,
    )
    repo.issues[issue.number] = issue
    return issue


def own_or_writer(call: Call, issue: Issue) -> None:
    """403 for a person who neither wrote it nor has more than read access; an App's permission was checked before."""
    if call.actor.installation or issue.user is call.me:
        return
    if ROLES[role_of(call.repo, call.me)] < ROLES["triage"]:
        raise Refusal(403, "Must have admin rights to Repository.")


def edit_issue(call: Call, issue: Issue) -> Json:
    """Write title and body where they are given; the changes as webhooks tell them."""
    changes: Json = {}
    for name in ("title", "body"):
        if name in call.body and call.body[name] != getattr(issue, name):
            changes[name] = {"from": getattr(issue, name) or ""}
            setattr(issue, name, call.body[name])
    issue.updated_at = call.world.now()
    return changes


def ensure_label(call: Call, name: str) -> Label:
    """The label of that name; naming one that is not there makes it, as on GitHub."""
    known = {label.lower(): label for label in call.repo.labels}
    if name.lower() not in known:
        call.repo.labels[name] = Label(id=call.world.next_id(), name=name)
        return call.repo.labels[name]
    return call.repo.labels[known[name.lower()]]


def label_names(call: Call) -> list[str]:
    """The label names of a body: a list of names or objects, under ``labels`` or bare."""
    given = call.sent if isinstance(call.sent, list) else call.list("labels")
    return [str(one["name"] if isinstance(one, dict) else one) for one in given]


def put_labels(call: Call, issue: Issue, names: list[str]) -> None:
    """Add labels that are not on it yet, and tell of each."""
    for name in names:
        label = ensure_label(call, name)
        if label.name not in issue.labels:
            issue.labels.append(label.name)
            shown = talk.label(call.world, call.repo, label)
            events.issue_event(call.world, call.repo, issue, "labeled", call.me, label=shown)
    issue.updated_at = call.world.now()
