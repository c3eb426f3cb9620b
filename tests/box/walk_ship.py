"""Chapters of the walk: environments, workflows, deployments, releases, and the log of deliveries."""

from typing import Any

from tests.box.cast import REPO, Cast, until


async def environments(cast: Cast) -> None:
    """An environment that our App guards, and another that loses its guard."""
    for name in ("staging", "brief"):
        place = f"{REPO}/environments/{name}"
        await cast.mona("PUT", place, {"deployment_branch_policy": None})
        rule = await cast.mona("POST", f"{place}/deployment_protection_rules", {"integration_id": cast.app_id})
        await cast.bot("GET", place)
        await cast.bot("GET", f"{place}/deployment_protection_rules")
    await cast.mona("DELETE", f"{place}/deployment_protection_rules/{rule['id']}")
    await cast.bot("GET", f"{REPO}/environments")
    await cast.bot("GET", f"{REPO}/environments/nowhere")


async def workflows(cast: Cast) -> None:
    """A workflow found, dispatched both ways, watched to its end, and what it left behind."""
    (flow,) = (await cast.bot("GET", f"{REPO}/actions/workflows"))["workflows"]
    await cast.bot("GET", f"{REPO}/actions/workflows/{flow['id']}")
    await cast.bot("GET", f"{REPO}/actions/workflows/none.yml")
    there = f"{REPO}/actions/workflows/deploy.yml"
    start = {"ref": "main", "inputs": {"version": "2"}}
    await cast.bot("POST", f"{there}/dispatches", {"ref": "main", "inputs": {"versoin": "2"}})
    await cast.bot("POST", f"{there}/dispatches", {"ref": "nowhere"})
    made = await cast.bot("POST", f"{there}/dispatches", start | {"return_run_details": True})
    one = f"{REPO}/actions/runs/{made['workflow_run_id']}"
    await guarded(cast, one)
    await cast.bot("GET", f"{there}/runs?event=workflow_dispatch&branch=main")
    await cast.bot("GET", f"{REPO}/actions/runs?status=completed&per_page=5")
    jobs = (await cast.bot("GET", f"{one}/jobs?filter=latest"))["jobs"]
    await cast.bot("GET", f"{REPO}/actions/jobs/{jobs[0]['id']}")
    await cast.bot("GET", f"{REPO}/actions/jobs/{jobs[0]['id']}/logs")
    await cast.bot("GET", f"{one}/logs")
    artifacts = (await cast.bot("GET", f"{one}/artifacts"))["artifacts"]
    await cast.bot("GET", f"{REPO}/actions/artifacts?name=out")
    await cast.bot("GET", f"{REPO}/actions/artifacts/{artifacts[0]['id']}")
    await cast.bot("GET", f"{REPO}/actions/artifacts/{artifacts[0]['id']}/zip")
    await cast.bot("POST", f"{one}/cancel")
    await cancelled(cast, there, start)


async def guarded(cast: Cast, one: str) -> None:
    """Our answer as the protection rule of the environment, then the run to its end."""
    rule = f"{one}/deployment_protection_rule"
    await until(cast, one, "status", ("waiting",))
    await cast.bot("POST", rule, {"environment_name": "staging", "comment": "Looking"})
    await cast.bot("POST", rule, {"environment_name": "staging", "state": "approved", "comment": "Go"})
    await cast.bot("POST", rule, {"environment_name": "staging", "state": "approved", "comment": "Go"})
    await until(cast, one, "status", ("completed",))
    await cast.bot("GET", f"{one}/approvals")


async def cancelled(cast: Cast, there: str, start: dict[str, Any]) -> None:
    """A run whose id nobody asked for: found as the newest, and stopped while it waits."""
    await cast.bot("POST", f"{there}/dispatches", start)
    newest = (await cast.bot("GET", f"{there}/runs?per_page=1"))["workflow_runs"][0]
    one = f"{REPO}/actions/runs/{newest['id']}"
    await until(cast, one, "status", ("waiting",))
    await cast.bot("POST", f"{one}/cancel")
    await until(cast, one, "status", ("completed",))


async def deployments(cast: Cast) -> None:
    """Deployments with their statuses."""
    body = {
        "ref": "main",
        "environment": "production",
        "auto_merge": False,
        "required_contexts": [],
        "payload": {"a": 1},
    }
    await cast.bot("POST", f"{REPO}/deployments", body | {"ref": "nowhere"})
    await cast.bot("POST", f"{REPO}/deployments", body | {"required_contexts": ["never"]})
    made = [await cast.bot("POST", f"{REPO}/deployments", body) for _ in range(2)]
    one = f"{REPO}/deployments/{made[0]['id']}"
    await cast.bot("GET", f"{REPO}/deployments?environment=production&ref=main")
    await cast.bot("GET", one)
    for state in ("in_progress", "success"):
        body = {
            "state": state,
            "description": "5 %",
            "environment_url": "https://www.test",
            "log_url": "https://l.test",
        }
        status = await cast.bot("POST", f"{one}/statuses", body | {"auto_inactive": False})
    await cast.bot("POST", f"{one}/statuses", {"state": "merry"})
    await cast.bot("GET", f"{one}/statuses")
    await cast.bot("GET", f"{one}/statuses/{status['id']}")
    await cast.bot("DELETE", one)
    await cast.bot("DELETE", f"{REPO}/deployments/{made[1]['id']}")
    await cast.bot("GET", f"{REPO}/deployments/{made[1]['id']}")


async def releases(cast: Cast) -> None:
    """Releases and their tags."""
    await cast.bot("GET", f"{REPO}/releases/latest")
    body = {"tag_name": "v1.0.0", "target_commitish": "main", "name": "One", "body": "First", "prerelease": False}
    made = await cast.mona("POST", f"{REPO}/releases", body)
    await cast.mona("POST", f"{REPO}/releases", body)
    one = f"{REPO}/releases/{made['id']}"
    for path in (one, f"{REPO}/releases", f"{REPO}/releases/latest", f"{REPO}/releases/tags/v1.0.0", f"{REPO}/tags"):
        await cast.bot("GET", path)
    draft = await cast.mona("POST", f"{REPO}/releases", body | {"tag_name": "v2.0.0", "draft": True})
    await cast.mona("PATCH", f"{REPO}/releases/{draft['id']}", {"draft": False, "prerelease": True})
    await cast.mona("DELETE", f"{REPO}/releases/{draft['id']}")
    await cast.bot("GET", f"{REPO}/releases/tags/v9")


async def settings(cast: Cast) -> None:
    """Another name and the way back, the archive and the way back; by an admin alone."""
    await cast.hubot("PATCH", REPO, {"archived": True})
    await cast.bot("PATCH", REPO, {"archived": True})
    await cast.mona("PATCH", REPO, {"name": "no name"})
    await cast.mona("PATCH", REPO, {"name": "books"})
    await cast.bot("GET", REPO)
    await cast.mona("PATCH", "/repos/octo/books", {"name": "lib"})
    await cast.mona("PATCH", REPO, {"archived": True, "description": "Old"})
    await cast.bot("POST", f"{REPO}/labels", {"name": "late"})
    await cast.mona("PATCH", REPO, {"name": "books"})
    await cast.mona("PATCH", REPO, {"archived": False, "default_branch": "nowhere"})


async def delivery_log(cast: Cast) -> None:
    """What was sent to the App, and the wish to have it again."""
    rows = await cast.app("GET", "/app/hook/deliveries?per_page=5")
    await cast.app("GET", "/app/hook/deliveries?status=failure")
    one = f"/app/hook/deliveries/{rows[0]['id']}"
    await cast.app("GET", one)
    await cast.app("POST", f"{one}/attempts")
    await cast.app("GET", "/app/hook/deliveries/1")
