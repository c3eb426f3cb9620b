"""GitHub Actions: workflows, runs, jobs, logs and artifacts."""

from __future__ import annotations

from bot.demo.box.call import Call, Reply, Route, known, ok, wrong_type
from bot.demo.box.errors import Refusal, not_found, unprocessable
from bot.demo.box.rows import Artifact, Gate, Job, Json, Run
from bot.demo.box.shapes import people, runs
from bot.demo.box.shapes.deploys import environment as show_environment
from bot.demo.box.signed import elsewhere
from bot.demo.box.triggers import dispatch
from bot.demo.box.workflows import Workflow, checked_inputs, find, on_default_branch, read_all
from bot.demo.box.world import stamp


async def the_workflow(call: Call) -> Workflow:
    """The workflow in the path, by id or file name."""
    found = await find(call.world, call.repo, call.params["workflow_id"])
    if found is None:
        raise not_found()
    return found


async def workflows(call: Call) -> Reply:
    """GET …/actions/workflows"""
    found = await on_default_branch(call.world, call.repo)
    return call.page(found, lambda one: runs.workflow(call.world, call.repo, one.path, one.name), "workflows")


async def workflow(call: Call) -> Reply:
    """GET …/actions/workflows/{workflow_id}"""
    one = await the_workflow(call)
    return ok(runs.workflow(call.world, call.repo, one.path, one.name))


async def start(call: Call) -> Reply:
    """POST …/dispatches: 204, or 200 with the run's id where it is asked for"""
    named = await the_workflow(call)
    ref = call.text("ref", "").removeprefix("refs/heads/").removeprefix("refs/tags/")
    sha = await call.repo.git.resolve(ref)
    if sha is None:
        raise unprocessable(f"No ref found for: {ref}")
    there = [one for one in await read_all(call.world, call.repo, sha) if one.path == named.path]
    if not there or "workflow_dispatch" not in there[0].triggers:
        raise unprocessable("Workflow does not have 'workflow_dispatch' trigger")
    given = call.body.get("inputs") or {}
    if not isinstance(given, dict):
        raise wrong_type("inputs", given, "object")
    about = {"event": "workflow_dispatch", "sha": sha, "branch": ref, "inputs": checked_inputs(there[0], given)}
    run = dispatch(call.world, call.repo, there[0], call.me, about)
    if not call.flag("return_run_details"):
        return Reply(status=204)
    links = runs.run_links(call.world, call.repo, run)
    return ok({"workflow_run_id": run.id, "run_url": links["url"], "html_url": links["html_url"]})


async def shown(call: Call, run: Run) -> Json:
    """A run as JSON."""
    return runs.run(call.world, call.repo, run, await call.repo.git.commit(run.head_sha))


async def listed(call: Call) -> Reply:
    """GET …/actions/runs and …/workflows/{workflow_id}/runs"""
    found = sorted(call.repo.runs.values(), key=lambda run: -run.id)
    if "workflow_id" in call.params:
        path = (await the_workflow(call)).path
        found = [run for run in found if run.path == path]
    query = call.query
    for name, field in (("event", "event"), ("branch", "head_branch"), ("head_sha", "head_sha")):
        if name in query:
            found = [run for run in found if getattr(run, field) == query[name]]
    if "status" in query:  # the one word filters by status and by conclusion
        found = [run for run in found if query["status"] in (run.status, run.conclusion)]
    if "actor" in query:
        found = [run for run in found if run.actor.login == query["actor"]]
    if "created" in query:
        found = [run for run in found if in_time(stamp(run.created_at), query["created"])]
    bodies = {run.id: await shown(call, run) for run in found}
    return call.page(found, lambda run: bodies[run.id], "workflow_runs")


def in_time(when: str, wanted: str) -> bool:
    """GitHub's date search: ``>=d``, ``<=d``, ``>d``, ``<d``, ``a..b`` or a day; ``*`` is open."""
    if ".." in wanted:
        low, _, high = wanted.partition("..")
        return (low == "*" or when >= low) and (high == "*" or when[: len(high)] <= high)
    for sign in (">=", "<=", ">", "<"):
        if wanted.startswith(sign):
            day = wanted.removeprefix(sign).replace("+00:00", "Z")
            cut = when[: len(day)]
            return {">=": cut >= day, "<=": cut <= day, ">": cut > day, "<": cut < day}[sign]
    return when.startswith(wanted)


def the_run(call: Call) -> Run:
    """The run in the path."""
    return known(call.repo.runs, call.number("run_id"))


async def show(call: Call) -> Reply:
    """GET …/actions/runs/{run_id}"""
    return ok(await shown(call, the_run(call)))


async def cancel(call: Call) -> Reply:
    """POST …/actions/runs/{run_id}/cancel"""
    run = the_run(call)
    if run.status == "completed":
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    run.cancelled.set()
    return Reply(status=202, json={})


async def jobs(call: Call) -> Reply:
    """GET …/actions/runs/{run_id}/jobs"""
    run = the_run(call)
    return call.page(run.jobs, lambda job: runs.job(call.world, call.repo, run, job), "jobs")


def the_job(call: Call) -> tuple[Run, Job]:
    """The job in the path, and its run."""
    for run in call.repo.runs.values():
        for job in run.jobs:
            if job.id == call.number("job_id"):
                return run, job
    raise not_found()


async def job(call: Call) -> Reply:
    """GET …/actions/jobs/{job_id}"""
    run, one = the_job(call)
    return ok(runs.job(call.world, call.repo, run, one))


async def job_logs(call: Call) -> Reply:
    """GET …/actions/jobs/{job_id}/logs"""
    return elsewhere(call, f"/_box/blobs/{call.repo.full_name}/job/{the_job(call)[1].id}")


async def run_logs(call: Call) -> Reply:
    """GET …/actions/runs/{run_id}/logs"""
    return elsewhere(call, f"/_box/blobs/{call.repo.full_name}/run/{the_run(call).id}")


async def artifacts(call: Call) -> Reply:
    """GET …/actions/artifacts and …/runs/{run_id}/artifacts"""
    found = sorted(call.repo.artifacts.values(), key=lambda one: -one.id)
    if "run_id" in call.params:
        run = the_run(call)
        found = [one for one in found if one.run_id == run.id]
    if "name" in call.query:
        found = [one for one in found if one.name == call.query["name"]]
    return call.page(found, lambda one: runs.artifact(call.world, call.repo, one), "artifacts")


def the_artifact(call: Call) -> Artifact:
    """The artifact in the path."""
    return known(call.repo.artifacts, call.number("artifact_id"))


async def artifact(call: Call) -> Reply:
    """GET …/actions/artifacts/{artifact_id}"""
    return ok(runs.artifact(call.world, call.repo, the_artifact(call)))


async def download(call: Call) -> Reply:
    """GET …/actions/artifacts/{artifact_id}/zip"""
    if call.params["archive_format"] != "zip":
        raise not_found()
    return elsewhere(call, f"/_box/blobs/{call.repo.full_name}/artifact/{the_artifact(call).id}")


def the_gate(call: Call) -> Gate:
    """The gate that this App guards, waiting in the run of the path."""
    gate = the_run(call).gates.get(call.text("environment_name", "DeploymentProtectionRule"))
    if gate is None or call.actor.app is None or call.actor.app.id not in gate.waiting:
        raise unprocessable("No pending custom deployment protection rule found for this environment.")
    return gate


async def decide(call: Call) -> Reply:
    """POST …/deployment_protection_rule: the App says approved or rejected, or only comments"""
    gate, state = the_gate(call), call.body.get("state")
    if state is None:
        call.text("comment", "DeploymentProtectionRule")
        return Reply(status=204)
    run, state = the_run(call), call.one_of("state", ("approved", "rejected"))
    assert call.actor.app is not None
    gate.waiting.discard(call.actor.app.id)
    gate.rejected = gate.rejected or state == "rejected"
    place = call.repo.environments[gate.environment]
    environment = show_environment(call.world, call.repo, place)
    names = ("id", "node_id", "name", "url", "html_url", "created_at", "updated_at")
    run.approvals.append(
        {
            "state": state,
            "comment": call.text("comment", "DeploymentProtectionRule", default=""),
            "environments": [{name: environment[name] for name in names}],
            "user": people.user(call.world, call.me),
        }
    )
    if gate.rejected or not gate.waiting:
        gate.answered.set()
    return Reply(status=204)


async def approvals(call: Call) -> Reply:
    """GET …/actions/runs/{run_id}/approvals"""
    return ok(the_run(call).approvals)


BASE = "/repos/{owner}/{repo}/actions"
RUN = f"{BASE}/runs/{{run_id}}"
WORKFLOW = f"{BASE}/workflows/{{workflow_id}}"
ROUTES = [
    Route("GET", f"{BASE}/workflows", workflows),
    Route("GET", WORKFLOW, workflow),
    Route("GET", f"{WORKFLOW}/runs", listed),
    Route("POST", f"{WORKFLOW}/dispatches", start),
    Route("GET", f"{BASE}/runs", listed),
    Route("GET", RUN, show),
    Route("POST", f"{RUN}/cancel", cancel),
    Route("GET", f"{RUN}/jobs", jobs),
    Route("GET", f"{RUN}/logs", run_logs),
    Route("GET", f"{RUN}/artifacts", artifacts),
    Route("GET", f"{RUN}/approvals", approvals),
    Route("POST", f"{RUN}/deployment_protection_rule", decide),
    Route("GET", f"{BASE}/jobs/{{job_id}}", job),
    Route("GET", f"{BASE}/jobs/{{job_id}}/logs", job_logs),
    Route("GET", f"{BASE}/artifacts", artifacts),
    Route("GET", f"{BASE}/artifacts/{{artifact_id}}", artifact),
    Route("GET", f"{BASE}/artifacts/{{artifact_id}}/{{archive_format}}", download),
]
