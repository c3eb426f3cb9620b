"""Comments and reactions: what people and bots say, and how others take it."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.auth import ROLES, role_of
from bot.demo.box.call import NOTHING, Call, Reply, Route, created, known, ok
from bot.demo.box.errors import Refusal, invalid, not_found
from bot.demo.box.rows import Comment, Issue, Json, Reaction
from bot.demo.box.shapes import talk
from bot.demo.box.shapes.talk import CONTENTS
from bot.demo.box.world import stamp

BODY_MOST = 65536


def tell(call: Call, comment: Comment, action: str, **more: object) -> None:
    """``issue_comment``"""
    issue = talk.issue_in_hook(call.world, call.repo, call.repo.issues[comment.number])
    payload: Json = {"action": action, "issue": issue, "comment": talk.comment(call.world, call.repo, comment), **more}
    events.emit(call.world, "issue_comment", call.repo, payload, sender=call.me)


def body_of(call: Call) -> str:
    """The text of a comment; 422 where it is empty or too long."""
    body = call.text("body", "IssueComment")
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > BODY_MOST:
        raise invalid("IssueComment", "data", "unprocessable", f"Body is too long (maximum is {BODY_MOST} characters)")
    return body


def since(call: Call, comments: list[Comment]) -> list[Comment]:
    """Only what was touched at or after ``since``."""
    wanted = call.query.get("since", "")
    return [one for one in comments if stamp(one.updated_at) >= wanted]


async def listed(call: Call) -> Reply:
    """GET …/issues/{issue_number}/comments"""
    issue = call.issue()
    found = [one for one in call.repo.comments.values() if one.number == issue.number]
    return call.page(since(call, found), lambda one: talk.comment(call.world, call.repo, one))


async def all_listed(call: Call) -> Reply:
    """GET …/issues/comments"""
    found = since(call, list(call.repo.comments.values()))
    if call.query.get("sort") == "updated":
        found.sort(key=lambda one: one.updated_at)
    if call.query.get("direction") == "desc":
        found.reverse()
    return call.page(found, lambda one: talk.comment(call.world, call.repo, one))


async def create(call: Call) -> Reply:
    """POST …/issues/{issue_number}/comments"""
    issue, now = call.issue(), call.world.now()
    unlocked(call, issue, "comment")
    comment = Comment(
        id=call.world.next_id(),
        number=issue.number,
        body=body_of(call),
        user=call.me,
        app=call.actor.app,
        created_at=now,
        updated_at=now,
    )
    call.repo.comments[comment.id] = comment
    issue.updated_at = now
    tell(call, comment, "created")
    return created(talk.comment(call.world, call.repo, comment))


def unlocked(call: Call, issue: Issue, what: str) -> None:
    """403 in a locked conversation, but for persons who may write; an App is none, whatever it may otherwise."""
    may = not call.actor.installation and ROLES[role_of(call.repo, call.me)] >= ROLES["write"]
    if issue.locked and not (may and what == "comment"):  # nobody reacts in a locked conversation
        raise Refusal(403, f"Unable to create {what} because issue is locked.")


def the_comment(call: Call) -> Comment:
    """The comment in the path."""
    return known(call.repo.comments, call.number("comment_id"))


def mine(call: Call) -> Comment:
    """The comment in the path, if the actor may change it: their own, or as a writer. An App changes only its own."""
    comment = the_comment(call)
    if comment.user is call.me:
        return comment
    if call.actor.installation or ROLES[role_of(call.repo, call.me)] < ROLES["write"]:
        raise Refusal(403, "You cannot edit or delete this comment.")
    return comment


async def show(call: Call) -> Reply:
    """GET …/issues/comments/{comment_id}"""
    return ok(talk.comment(call.world, call.repo, the_comment(call)))


async def edit(call: Call) -> Reply:
    """PATCH …/issues/comments/{comment_id}"""
    comment = mine(call)
    before, comment.body = comment.body, body_of(call)
    comment.updated_at = call.world.now()
    tell(call, comment, "edited", changes={"body": {"from": before}})
    return ok(talk.comment(call.world, call.repo, comment))


async def delete(call: Call) -> Reply:
    """DELETE …/issues/comments/{comment_id}"""
    comment = mine(call)
    tell(call, comment, "deleted")
    del call.repo.comments[comment.id]
    return NOTHING


def subject(call: Call) -> tuple[str, int]:
    """What a reaction is about."""
    return ("comment", the_comment(call).id) if "comment_id" in call.params else ("issue", call.issue().id)


async def reactions(call: Call) -> Reply:
    """GET …/reactions"""
    about, wanted = subject(call), call.query.get("content")
    found = [one for one in call.repo.reactions.values() if one.subject == about and wanted in (None, one.content)]
    return call.page(found, lambda one: talk.reaction(call.world, one))


async def react(call: Call) -> Reply:
    """POST …/reactions: 200 when it was there already"""
    about, content = subject(call), call.one_of("content", CONTENTS)
    number = the_comment(call).number if "comment_id" in call.params else call.issue().number
    unlocked(call, call.repo.issues[number], "reaction")
    for one in call.repo.reactions.values():
        if (one.subject, one.user, one.content) == (about, call.me, content):
            return ok(talk.reaction(call.world, one))
    one = Reaction(id=call.world.next_id(), subject=about, user=call.me, content=content, created_at=call.world.now())
    call.repo.reactions[one.id] = one
    return created(talk.reaction(call.world, one))


async def unreact(call: Call) -> Reply:
    """DELETE …/reactions/{reaction_id}"""
    one = known(call.repo.reactions, call.number("reaction_id"))
    if one.subject != subject(call) or one.user is not call.me:
        raise not_found()
    del call.repo.reactions[one.id]
    return NOTHING


BASE = "/repos/{owner}/{repo}/issues"
ROUTES = [
    Route("GET", f"{BASE}/comments", all_listed),
    Route("GET", f"{BASE}/comments/{{comment_id}}", show),
    Route("PATCH", f"{BASE}/comments/{{comment_id}}", edit),
    Route("DELETE", f"{BASE}/comments/{{comment_id}}", delete),
    Route("GET", f"{BASE}/{{issue_number}}/comments", listed),
    Route("POST", f"{BASE}/{{issue_number}}/comments", create),
]
for place in (f"{BASE}/comments/{{comment_id}}/reactions", f"{BASE}/{{issue_number}}/reactions"):
    ROUTES += [
        Route("GET", place, reactions),
        Route("POST", place, react),
        Route("DELETE", f"{place}/{{reaction_id}}", unreact),
    ]
