"""Deployments, their statuses, and the environments that they go to."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.call import NOTHING, Call, Reply, Route, created, known, ok
from bot.demo.box.deploying import add_status, ensure_environment, state_of
from bot.demo.box.errors import Refusal, not_found, unprocessable
from bot.demo.box.merging import signature
from bot.demo.box.pushes import move
from bot.demo.box.rows import Deployment, Environment
from bot.demo.box.shapes import deploys
from bot.demo.box.standing import PASSING, latest_checks, latest_statuses

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


async def listed(call: Call) -> Reply:
    """GET …/deployments"""
    found = sorted(call.repo.deployments.values(), key=lambda one: -one.id)
    for name in ("sha", "ref", "task", "environment"):
        if name in call.query:
            found = [one for one in found if getattr(one, name) == call.query[name]]
    return call.page(found, lambda one: deploys.deployment(call.world, call.repo, one))


async def create(call: Call) -> Reply:
    """POST …/deployments: 201; 202 when it merged the default branch in first; 409 when checks or merge say no"""
    ref = call.text("ref", "Deployment")
    sha = await call.repo.git.resolve(ref)
    if sha is None:
        raise unprocessable(f"No ref found for: {ref}")
    if call.flag("auto_merge", True) and await merged_in(call, ref, sha):
        text = f"Auto-merged {call.repo.default_branch} into {ref} on deployment."
        return Reply(status=202, json={"message": text})
    check_contexts(call, ref, sha)
    environment = call.text("environment", "Deployment", default="production")
    payload = call.body.get("payload")
    one = Deployment(
        id=call.world.next_id(),
        sha=sha,
        ref=ref,
        task=call.text("task", "Deployment", default="deploy"),
        payload={} if payload is None or payload == "" else payload,
        environment=environment,
        description=call.body.get("description"),
        transient=call.flag("transient_environment"),
        production=call.flag("production_environment", environment == "production"),
        creator=call.me,
        app=call.actor.app,
        created_at=call.world.now(),
    )
    ensure_environment(call.world, call.repo, environment)
    call.repo.deployments[one.id] = one
    shown = deploys.deployment(call.world, call.repo, one)
    told = {"action": "created", "deployment": shown, "workflow": None, "workflow_run": None}
    events.emit(call.world, "deployment", call.repo, told, sender=call.me)
    return created(shown)


async def merged_in(call: Call, ref: str, sha: str) -> bool:
    """Bring a branch up to the default branch where it lacks something; 409 on a conflict."""
    git, default = call.repo.git, call.repo.default_branch
    tip, mine = git.refs.get(f"refs/heads/{default}"), f"refs/heads/{ref}"
    if ref == default or tip is None or mine not in git.refs or await git.contains(tip, sha):
        return False
    tree = await git.merged_tree(sha, tip)
    if tree is None:
        raise Refusal(409, f"Conflict merging {default} into {ref}.")
    message = f"Merge {default} into {ref}"
    commit = await git.write_commit(tree, [sha, tip], message, author=signature(call.world, call.me))
    await move(call.world, call.repo, mine, commit, call.me)
    return True


def check_contexts(call: Call, ref: str, sha: str) -> None:
    """409 unless the required contexts are green: those named, or without a list all that there are."""
    found = {check.name: check.conclusion in PASSING for check in latest_checks(call.repo, sha)}
    found |= {one.context: one.state == "success" for one in latest_statuses(call.repo, sha)}
    named = call.body.get("required_contexts")
    bad = [name for name in (found if named is None else named) if not found.get(name, False)]
    if bad:
        said = [{"context": name, "state": "failure" if name in found else "missing"} for name in bad]
        problem = {"contexts": said, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise Refusal(409, f"Conflict: Commit status checks failed for {ref}.", errors=[problem])


def the_deployment(call: Call) -> Deployment:
    """The deployment in the path."""
    return known(call.repo.deployments, call.number("deployment_id"))


async def show(call: Call) -> Reply:
    """GET …/deployments/{deployment_id}"""
    return ok(deploys.deployment(call.world, call.repo, the_deployment(call)))


async def delete(call: Call) -> Reply:
    """DELETE …/deployments/{deployment_id}: not while it is the active one"""
    one = the_deployment(call)
    if len(call.repo.deployments) > 1 and state_of(one) == "success":
        raise unprocessable(
            "We cannot delete an active deployment unless it is the only deployment in a given environment."
        )
    del call.repo.deployments[one.id]
    return NOTHING


async def statuses(call: Call) -> Reply:
    """GET …/deployments/{deployment_id}/statuses"""
    of = the_deployment(call)
    return call.page(of.statuses[::-1], lambda one: deploys.status(call.world, call.repo, of, one))


async def create_status(call: Call) -> Reply:
    """POST …/deployments/{deployment_id}/statuses"""
    of = the_deployment(call)
    one = add_status(
        call.world,
        call.repo,
        of,
        call.one_of("state", STATES),
        call.me,
        description=call.text("description", "DeploymentStatus", default="")[:140],
        environment=call.body.get("environment"),
        environment_url=call.body.get("environment_url"),
        log_url=call.body.get("log_url") or call.body.get("target_url"),
        auto_inactive=call.flag("auto_inactive", True),
        app=call.actor.app,
    )
    return created(deploys.status(call.world, call.repo, of, one))


async def one_status(call: Call) -> Reply:
    """GET …/deployments/{deployment_id}/statuses/{status_id}"""
    of = the_deployment(call)
    rows = {one.id: one for one in of.statuses}
    return ok(deploys.status(call.world, call.repo, of, known(rows, call.number("status_id"))))


async def environments(call: Call) -> Reply:
    """GET …/environments"""
    rows = list(call.repo.environments.values())
    return call.page(rows, lambda one: deploys.environment(call.world, call.repo, one), "environments")


def the_environment(call: Call) -> Environment:
    """The environment in the path."""
    name = call.params["environment_name"]
    if name not in call.repo.environments:
        raise not_found()
    return call.repo.environments[name]


async def environment(call: Call) -> Reply:
    """GET …/environments/{environment_name}"""
    return ok(deploys.environment(call.world, call.repo, the_environment(call)))


async def put_environment(call: Call) -> Reply:
    """PUT …/environments/{environment_name}"""
    one = ensure_environment(call.world, call.repo, call.params["environment_name"])
    one.branch_policy = call.body.get("deployment_branch_policy")
    return ok(deploys.environment(call.world, call.repo, one))


async def rules(call: Call) -> Reply:
    """GET …/deployment_protection_rules"""
    place = the_environment(call)
    shown = [deploys.rule(call.world, number, app) for number, app in place.rules.items()]
    return ok({"total_count": len(shown), "custom_deployment_protection_rules": shown})


async def add_rule(call: Call) -> Reply:
    """POST …/deployment_protection_rules: let an App that is installed here decide"""
    place, wanted = the_environment(call), call.body.get("integration_id")
    apps = {one.app.id: one.app for one in call.world.installations_on(call.repo)}
    if wanted not in apps:
        raise unprocessable("The App of this integration_id is not installed on the repository.")
    number = call.world.next_id()
    place.rules[number] = apps[wanted]
    return created(deploys.rule(call.world, number, apps[wanted]))


async def remove_rule(call: Call) -> Reply:
    """DELETE …/deployment_protection_rules/{protection_rule_id}"""
    if the_environment(call).rules.pop(call.number("protection_rule_id"), None) is None:
        raise not_found()
    return NOTHING


BASE = "/repos/{owner}/{repo}/deployments"
ONE = f"{BASE}/{{deployment_id}}"
ENVIRONMENT = "/repos/{owner}/{repo}/environments/{environment_name}"
ROUTES = [
    Route("GET", BASE, listed),
    Route("POST", BASE, create),
    Route("GET", ONE, show),
    Route("DELETE", ONE, delete),
    Route("GET", f"{ONE}/statuses", statuses),
    Route("POST", f"{ONE}/statuses", create_status),
    Route("GET", f"{ONE}/statuses/{{status_id}}", one_status),
    Route("GET", "/repos/{owner}/{repo}/environments", environments),
    Route("GET", ENVIRONMENT, environment),
    Route("PUT", ENVIRONMENT, put_environment),
    Route("GET", f"{ENVIRONMENT}/deployment_protection_rules", rules),
    Route("POST", f"{ENVIRONMENT}/deployment_protection_rules", add_rule),
    Route("DELETE", f"{ENVIRONMENT}/deployment_protection_rules/{{protection_rule_id}}", remove_rule),
]
