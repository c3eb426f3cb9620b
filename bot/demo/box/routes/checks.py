"""Check runs belong to the App that made them; a conclusion completes a run, and annotations only ever add up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.demo.box import events
from bot.demo.box.call import Call, Reply, Route, created, known, ok, wrong_type
from bot.demo.box.errors import Refusal, not_accessible, unprocessable
from bot.demo.box.git import NO_SHA
from bot.demo.box.rows import App, CheckRun, CheckSuite, Json
from bot.demo.box.shapes import checks
from bot.demo.box.standing import latest_checks, suite_verdict

STATUSES = ("queued", "in_progress", "completed")  # the other three are for GitHub Actions alone
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out")
LEVELS = ("notice", "warning", "failure")
ANNOTATIONS_MOST, ACTIONS_MOST, TEXT_MOST = 50, 3, 65535
ACTION_WORDS = {"label": 20, "description": 40, "identifier": 20}


def my_app(call: Call) -> App:
    """Only Apps write checks."""
    if call.actor.installation is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    return call.actor.installation.app


def moment(call: Call, name: str) -> datetime | None:
    """A time of the body."""
    given = call.body.get(name)
    if given is None:
        return None
    try:
        return datetime.fromisoformat(str(given))
    except ValueError as error:
        raise wrong_type(name, given, "date-time") from error


def checked_output(call: Call) -> Json | None:
    """The output of the body, within GitHub's bounds; 422 beyond them."""
    given = call.body.get("output")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise wrong_type("output", given, "object")
    for name in ("title", "summary"):
        if given.get(name) is None and call.method == "POST":
            raise unprocessable(f"Invalid request.\n\nMissing required field: output.{name}")
    for name in ("summary", "text"):
        if len(given.get(name) or "") > TEXT_MOST:
            raise unprocessable(f"Invalid request.\n\nOnly {TEXT_MOST} characters are allowed; output.{name} has more.")
    for one in checked_list(given.get("annotations"), ANNOTATIONS_MOST):
        check_annotation(one)
    return given


def checked_list(given: Any, most: int) -> list[Json]:
    """A list within its bound."""
    if len(given or []) > most:
        raise unprocessable(f"Invalid request.\n\nNo more than {most} items are allowed; {len(given)} were supplied.")
    return given or []


def check_annotation(one: Json) -> None:
    """What each annotation must have."""
    for name in ("path", "start_line", "end_line", "annotation_level", "message"):
        if one.get(name) is None:
            raise unprocessable(f"Invalid request.\n\nMissing required field: annotations.{name}")
    if one["annotation_level"] not in LEVELS:
        raise unprocessable(f"Invalid request.\n\nannotation_level must be one of {', '.join(LEVELS)}.")
    if one["start_line"] != one["end_line"] and ("start_column" in one or "end_column" in one):
        raise unprocessable("start_column and end_column are only for annotations on one line")


def checked_actions(call: Call) -> list[Json]:
    """The buttons of the body."""
    actions = checked_list(call.list("actions"), ACTIONS_MOST)
    for action in actions:
        for name, most in ACTION_WORDS.items():
            if not action.get(name) or len(action[name]) > most:
                raise unprocessable(f"Invalid request.\n\nactions.{name} must have 1 to {most} characters.")
    return actions


def suite_for(call: Call, app: App, sha: str) -> CheckSuite:
    """The one suite of an App on a commit."""
    for suite in call.repo.suites.values():
        if suite.app is app and suite.head_sha == sha:
            return suite
    branches = [ref for ref, tip in call.repo.git.refs.items() if tip == sha and ref.startswith("refs/heads/")]
    suite = CheckSuite(
        id=call.world.next_id(),
        app=app,
        head_sha=sha,
        head_branch=branches[0].removeprefix("refs/heads/") if branches else None,
        before=NO_SHA,
        created_at=call.world.now(),
        updated_at=call.world.now(),
    )
    call.repo.suites[suite.id] = suite
    return suite


async def create(call: Call) -> Reply:
    """POST …/check-runs"""
    app, name, sha = my_app(call), call.text("name", ""), call.text("head_sha", "")
    if await call.repo.git.kind(sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {sha}")
    output, actions = checked_output(call) or {}, checked_actions(call)
    check = CheckRun(
        id=call.world.next_id(),
        suite=suite_for(call, app, sha),
        name=name,
        status="queued",
        conclusion=None,
        external_id=call.text("external_id", "", default=""),
        details_url=call.body.get("details_url"),
        started_at=moment(call, "started_at") or call.world.now(),
        completed_at=None,
        output=output,
        annotations=list(output.get("annotations") or []),
        actions=actions,
    )
    advance(call, check)
    call.repo.checks[check.id] = check
    events.check_event(call.world, call.repo, check, "created", call.me)
    if check.status == "completed":
        await completed(call, check)
    return created(checks.run(call.world, call.repo, check))


def advance(call: Call, check: CheckRun) -> None:
    """Status and conclusion by GitHub's rules: a conclusion or its time completes, completing needs a conclusion."""
    status = call.one_of("status", STATUSES, default=check.status)
    conclusion = call.body.get("conclusion")
    if conclusion is not None:
        call.one_of("conclusion", CONCLUSIONS)
        status = "completed"
    if status == "completed" and conclusion is None and check.conclusion is None:
        raise unprocessable("Invalid request.\n\nA completed check run needs a conclusion.")
    check.status = status
    if status == "completed":
        check.conclusion = conclusion or check.conclusion
        check.completed_at = moment(call, "completed_at") or check.completed_at or call.world.now()
    else:
        check.conclusion = check.completed_at = None


async def completed(call: Call, check: CheckRun) -> None:
    """The news of a finished run, and of its suite when it was the last one."""
    check.suite.updated_at = call.world.now()
    events.check_event(call.world, call.repo, check, "completed", call.me)
    if suite_verdict(call.repo, check.suite)[0] == "completed":
        await events.suite_event(call.world, call.repo, check.suite, "completed", call.me)


def the_check(call: Call) -> CheckRun:
    """The check run in the path."""
    return known(call.repo.checks, call.number("check_run_id"))


async def update(call: Call) -> Reply:
    """PATCH …/check-runs/{check_run_id}"""
    check = the_check(call)
    if check.suite.app is not my_app(call):
        raise not_accessible()
    output, before = checked_output(call), check.status
    if "status" in call.body or "conclusion" in call.body or "completed_at" in call.body:
        advance(call, check)
    if output is not None:
        check.output = check.output | {key: value for key, value in output.items() if key != "annotations"}
        check.annotations += output.get("annotations") or []
    check.name = call.text("name", "", default=check.name)
    check.external_id = call.text("external_id", "", default=check.external_id)
    check.details_url = call.body.get("details_url", check.details_url)
    check.started_at = moment(call, "started_at") or check.started_at
    if "actions" in call.body:
        check.actions = checked_actions(call)
    if check.status == "completed" and before != "completed":
        await completed(call, check)
    return ok(checks.run(call.world, call.repo, check))


async def show(call: Call) -> Reply:
    """GET …/check-runs/{check_run_id}"""
    return ok(checks.run(call.world, call.repo, the_check(call)))


async def listed_annotations(call: Call) -> Reply:
    """GET …/check-runs/{check_run_id}/annotations"""
    check = the_check(call)
    return call.page(check.annotations, lambda one: checks.annotation(call.world, call.repo, check, one))


async def rerequest(call: Call) -> Reply:
    """POST …/check-runs/{check_run_id}/rerequest"""
    check = the_check(call)
    if call.actor.installation and check.suite.app is not call.actor.app:
        raise not_accessible()
    events.check_event(call.world, call.repo, check, "rerequested", call.me)
    return Reply(status=201, json={})


def chosen(call: Call, found: list[CheckRun]) -> list[CheckRun]:
    """The filters of a list of check runs."""
    query = call.query
    if "check_name" in query:
        found = [one for one in found if one.name == query["check_name"]]
    if "status" in query:
        found = [one for one in found if one.status == query["status"]]
    if "app_id" in query:
        found = [one for one in found if str(one.suite.app.id) == query["app_id"]]
    return sorted(found, key=lambda one: -one.id)


async def for_ref(call: Call) -> Reply:
    """GET …/commits/{ref}/check-runs"""
    sha = await call.commit_sha(call.params["ref"])
    found = latest_checks(call.repo, sha)
    if call.query.get("filter") == "all":
        found = [one for one in call.repo.checks.values() if one.suite.head_sha == sha]
    return call.page(chosen(call, found), lambda one: checks.run(call.world, call.repo, one), "check_runs")


BASE = "/repos/{owner}/{repo}"
ONE = f"{BASE}/check-runs/{{check_run_id}}"
ROUTES = [
    Route("POST", f"{BASE}/check-runs", create),
    Route("GET", ONE, show),
    Route("PATCH", ONE, update),
    Route("GET", f"{ONE}/annotations", listed_annotations),
    Route("POST", f"{ONE}/rerequest", rerequest),
    Route("GET", f"{BASE}/commits/{{ref}}/check-runs", for_ref),
]
