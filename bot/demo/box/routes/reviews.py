"""Reviews, and the merge that they lead to. A review speaks about one commit."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.auth import ROLES, role_of
from bot.demo.box.call import Call, Reply, Route, known, ok
from bot.demo.box.errors import Refusal, not_found, unprocessable
from bot.demo.box.merging import merge, merge_method
from bot.demo.box.rows import Review
from bot.demo.box.shapes import pulls

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def tell(call: Call, review: Review, action: str) -> None:
    """``pull_request_review``; here, and only here, GitHub writes the state in small letters."""
    payload = {
        "action": action,
        "pull_request": pulls.simple(call.world, call.repo, call.repo.pulls[review.number]),
        "review": pulls.review(call.world, call.repo, review) | {"state": review.state.lower()},
    }
    events.emit(call.world, "pull_request_review", call.repo, payload, sender=call.me)


async def listed(call: Call) -> Reply:
    """GET …/reviews: others' pending ones are not shown"""
    pull = call.pull()
    found = [
        one
        for one in call.repo.reviews.values()
        if one.number == pull.number and (one.state != "PENDING" or one.user is call.actor.account)
    ]
    return call.page(found, lambda one: pulls.review(call.world, call.repo, one))


def may_judge(call: Call, event: str) -> None:
    """Nobody judges their own pull request."""
    if call.me is call.pull().issue.user and event != "COMMENT":
        what = "approve" if event == "APPROVE" else "request changes on"
        raise Refusal(422, "Unprocessable Entity", errors=[f"Can not {what} your own pull request"])


async def create(call: Call) -> Reply:
    """POST …/reviews"""
    pull = call.pull()
    event, body = call.body.get("event"), call.body.get("body") or ""
    if event not in (None, *STATES):
        raise unprocessable(f"Invalid request.\n\n{event} is not a possible value of event.")
    if event in ("REQUEST_CHANGES", "COMMENT") and not body:
        raise Refusal(422, "Unprocessable Entity", errors=["Body can't be blank"])
    if event:
        may_judge(call, event)
    if pull.issue.locked and (call.actor.installation or ROLES[role_of(call.repo, call.me)] < ROLES["write"]):
        raise Refusal(422, "Unprocessable Entity", errors=["lock prevents review"])
    commit = call.body.get("commit_id") or pull.head_sha
    if await call.repo.git.kind(str(commit)) != "commit":
        raise Refusal(422, "Unprocessable Entity", errors=["The commit_id is not part of the pull request"])
    review = Review(
        id=call.world.next_id(),
        number=pull.number,
        user=call.me,
        body=body,
        state=STATES[event] if event else "PENDING",
        commit_id=commit,
        submitted_at=call.world.now() if event else None,
    )
    call.repo.reviews[review.id] = review
    if event:
        finish(call, review)
    return ok(pulls.review(call.world, call.repo, review))


def finish(call: Call, review: Review) -> None:
    """A submitted review answers the request for it."""
    pull = call.repo.pulls[review.number]
    pull.requested = [one for one in pull.requested if one is not review.user]
    tell(call, review, "submitted")


def the_review(call: Call) -> Review:
    """The review in the path."""
    review = known(call.repo.reviews, call.number("review_id"))
    if review.number != call.pull().number:
        raise not_found()
    return review


async def show(call: Call) -> Reply:
    """GET …/reviews/{review_id}"""
    return ok(pulls.review(call.world, call.repo, the_review(call)))


async def submit(call: Call) -> Reply:
    """POST …/reviews/{review_id}/events"""
    review = the_review(call)
    event = call.one_of("event", tuple(STATES))
    if review.user is not call.me or review.state != "PENDING":
        raise unprocessable("Can not submit this review")
    may_judge(call, event)
    review.state, review.submitted_at = STATES[event], call.world.now()
    review.body = call.body.get("body") or review.body
    finish(call, review)
    return ok(pulls.review(call.world, call.repo, review))


async def dismiss(call: Call) -> Reply:
    """PUT …/reviews/{review_id}/dismissals"""
    review = the_review(call)
    call.text("message", "PullRequestReview")
    if not call.actor.installation and ROLES[role_of(call.repo, call.me)] < ROLES["write"]:
        raise Refusal(403, "Must have write access to dismiss a review.")
    if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise unprocessable("Can not dismiss a commented pull request review")
    review.state = "DISMISSED"
    tell(call, review, "dismissed")
    return ok(pulls.review(call.world, call.repo, review))


async def do_merge(call: Call) -> Reply:
    """PUT …/pulls/{pull_number}/merge"""
    words = {
        "method": merge_method(call.body.get("merge_method")),
        "sha": call.body.get("sha"),
        "title": call.body.get("commit_title"),
        "message": call.body.get("commit_message"),
    }
    sha = await merge(call.world, call.repo, call.pull(), call.me, words)
    return ok({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


ONE = "/repos/{owner}/{repo}/pulls/{pull_number}"
ROUTES = [
    Route("GET", f"{ONE}/reviews", listed),
    Route("POST", f"{ONE}/reviews", create),
    Route("GET", f"{ONE}/reviews/{{review_id}}", show),
    Route("POST", f"{ONE}/reviews/{{review_id}}/events", submit),
    Route("PUT", f"{ONE}/reviews/{{review_id}}/dismissals", dismiss),
    Route("PUT", f"{ONE}/merge", do_merge),
]
