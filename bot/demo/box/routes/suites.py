"""Check suites and commit statuses: the two ways in which a commit is judged as a whole."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.call import Call, Reply, Route, created, known, ok
from bot.demo.box.errors import custom, not_accessible
from bot.demo.box.routes.checks import chosen, my_app, suite_for
from bot.demo.box.rows import CheckSuite, Json, Status
from bot.demo.box.shapes import checks, code, repos
from bot.demo.box.standing import latest_checks, latest_statuses
from bot.demo.box.world import stamp

STATES = ("error", "failure", "pending", "success")
STATUSES_MOST = 1000  # per commit and context


async def shown(call: Call, suite: CheckSuite) -> Json:
    """A suite as JSON."""
    return checks.suite(call.world, call.repo, suite, await call.repo.git.commit(suite.head_sha))


async def for_ref(call: Call) -> Reply:
    """GET …/commits/{ref}/check-suites"""
    sha = await call.commit_sha(call.params["ref"])
    found = [one for one in call.repo.suites.values() if one.head_sha == sha]
    if "app_id" in call.query:
        found = [one for one in found if str(one.app.id) == call.query["app_id"]]
    bodies = {one.id: await shown(call, one) for one in found}
    return call.page(found, lambda one: bodies[one.id], "check_suites")


def the_suite(call: Call) -> CheckSuite:
    """The suite in the path."""
    return known(call.repo.suites, call.number("check_suite_id"))


async def show(call: Call) -> Reply:
    """GET …/check-suites/{check_suite_id}"""
    return ok(await shown(call, the_suite(call)))


async def create(call: Call) -> Reply:
    """POST …/check-suites: 200 when the App has one on that commit"""
    app, sha = my_app(call), await call.commit_sha(call.text("head_sha", ""))
    before = len(call.repo.suites)
    suite = suite_for(call, app, sha)
    return Reply(status=201 if len(call.repo.suites) > before else 200, json=await shown(call, suite))


async def runs(call: Call) -> Reply:
    """GET …/check-suites/{check_suite_id}/check-runs"""
    suite = the_suite(call)
    found = [one for one in call.repo.checks.values() if one.suite is suite]
    if call.query.get("filter", "latest") == "latest":
        newest = {one.id for one in latest_checks(call.repo, suite.head_sha)}
        found = [one for one in found if one.id in newest]
    return call.page(chosen(call, found), lambda one: checks.run(call.world, call.repo, one), "check_runs")


async def rerequest(call: Call) -> Reply:
    """POST …/check-suites/{check_suite_id}/rerequest"""
    suite = the_suite(call)
    if call.actor.installation and suite.app is not call.actor.app:
        raise not_accessible()
    await events.suite_event(call.world, call.repo, suite, "rerequested", call.me)
    return Reply(status=201, json={})


async def create_status(call: Call) -> Reply:
    """POST …/statuses/{sha}"""
    sha = await call.commit_sha(call.params["sha"])
    one = Status(
        id=call.world.next_id(),
        sha=sha,
        state=call.one_of("state", STATES),
        context=call.text("context", "Status", default="default"),
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
        creator=call.me,
        created_at=call.world.now(),
    )
    if sum(old.sha == sha and old.context == one.context for old in call.repo.statuses) >= STATUSES_MOST:
        raise custom("Status", "This SHA and context has reached the maximum number of statuses.")
    call.repo.statuses.append(one)
    await tell(call, one)
    return created(checks.status(call.world, call.repo, one))


async def tell(call: Call, one: Status) -> None:
    """``status``"""
    base = repos.api(call.world, call.repo)
    here = [ref for ref, tip in call.repo.git.refs.items() if tip == one.sha and ref.startswith("refs/heads/")]
    payload = {
        "id": one.id,
        "sha": one.sha,
        "name": call.repo.full_name,
        "avatar_url": f"{call.world.url}/_box/avatar/{one.creator.id}",
        "target_url": one.target_url,
        "context": one.context,
        "description": one.description,
        "state": one.state,
        "commit": code.commit(call.world, call.repo, await call.repo.git.commit(one.sha)),
        "branches": [
            {
                "name": ref.removeprefix("refs/heads/"),
                "commit": {"sha": one.sha, "url": f"{base}/commits/{one.sha}"},
                "protected": ref.removeprefix("refs/heads/") in call.repo.protection,
            }
            for ref in here
        ],
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
    }
    events.emit(call.world, "status", call.repo, payload, sender=call.me)


async def statuses(call: Call) -> Reply:
    """GET …/commits/{ref}/statuses"""
    sha = await call.commit_sha(call.params["ref"])
    found = [one for one in reversed(call.repo.statuses) if one.sha == sha]
    return call.page(found, lambda one: checks.status(call.world, call.repo, one))


async def combined(call: Call) -> Reply:
    """GET …/commits/{ref}/status"""
    sha = await call.commit_sha(call.params["ref"])
    found = latest_statuses(call.repo, sha)
    states = {one.state for one in found}
    state = "failure" if states & {"failure", "error"} else ("success" if states == {"success"} else "pending")
    base = repos.api(call.world, call.repo)
    return ok(
        {
            "state": state,
            "statuses": [checks.simple_status(call.world, call.repo, one) for one in found],
            "sha": sha,
            "total_count": len(found),
            "repository": repos.minimal(call.world, call.repo),
            "commit_url": f"{base}/commits/{sha}",
            "url": f"{base}/commits/{sha}/status",
        }
    )


BASE = "/repos/{owner}/{repo}"
ONE = f"{BASE}/check-suites/{{check_suite_id}}"
ROUTES = [
    Route("GET", f"{BASE}/commits/{{ref}}/check-suites", for_ref),
    Route("POST", f"{BASE}/check-suites", create),
    Route("GET", ONE, show),
    Route("GET", f"{ONE}/check-runs", runs),
    Route("POST", f"{ONE}/rerequest", rerequest),
    Route("POST", f"{BASE}/statuses/{{sha}}", create_status),
    Route("GET", f"{BASE}/commits/{{ref}}/statuses", statuses),
    Route("GET", f"{BASE}/commits/{{ref}}/status", combined),
]
