"""Behind the curtain, under /_box: set the stage, make weather, look at everything. No token, so loopback only."""

from __future__ import annotations

from dataclasses import asdict

from bot.demo.box import setup
from bot.demo.box.call import NOTHING, Auth, Call, Reply, Route, created, known, ok
from bot.demo.box.errors import unprocessable
from bot.demo.box.faults import HOOK_KINDS, REQUEST_KINDS
from bot.demo.box.rows import Json, Repo


async def add_user(call: Call) -> Reply:
    """POST /_box/users {login}: the user and a token"""
    account = call.world.add_account(call.text("login", "User"), "User")
    return created({"login": account.login, "token": call.world.user_token(account)})


async def add_org(call: Call) -> Reply:
    """POST /_box/orgs {login, members: {login: admin|member}}"""
    return created(
        {"login": setup.add_org(call.world, call.text("login", "Org"), call.body.get("members") or {}).login}
    )


async def add_app(call: Call) -> Reply:
    """POST /_box/apps {slug, permissions, events, webhook_url, …}"""
    app, pem = setup.add_app(call.world, call.text("slug", "App"), call.body)
    return created({"app_id": app.id, "private_key": pem, "webhook_secret": app.webhook_secret})


async def add_repo(call: Call) -> Reply:
    """POST /_box/repos {owner, name, files, private, collaborators}"""
    files = call.body.get("files") or {}
    repo = await setup.add_repo(call.world, call.text("owner", "Repo"), call.text("name", "Repo"), files, call.body)
    return created({"full_name": repo.full_name, "head": repo.git.refs.get(f"refs/heads/{repo.default_branch}")})


def named(call: Call, key: str) -> list[Repo]:
    """Repositories of the body by full name."""
    return [known(call.world.repos, name.lower()) for name in call.list(key)]


async def install(call: Call) -> Reply:
    """POST /_box/installations {app_id, account, repos: [full names] or null for all}"""
    repos = None if call.body.get("repos") is None else named(call, "repos")
    account = call.world.account(call.text("account", "Installation"))
    return created({"installation_id": setup.install(call.world, int(call.body["app_id"]), account, repos).id})


async def change_repos(call: Call) -> Reply:
    """PATCH /_box/installations/{installation_id} {add, remove}"""
    one = known(call.world.installations, call.number("installation_id"))
    setup.change_repos(call.world, one, named(call, "add"), named(call, "remove"))
    return NOTHING


async def uninstall(call: Call) -> Reply:
    """DELETE /_box/installations/{installation_id}"""
    setup.uninstall(call.world, known(call.world.installations, call.number("installation_id")))
    return NOTHING


async def add_ruleset(call: Call) -> Reply:
    """POST /_box/repos/{owner}/{repo}/rulesets {include, rules}"""
    return created({"id": setup.add_ruleset(call.world, call.repo, call.list("include"), call.list("rules"))})


async def click(call: Call) -> Reply:
    """POST /_box/repos/{owner}/{repo}/check-runs/{check_run_id}/click {identifier, login}"""
    user = call.world.account(call.text("login", "Click"))
    setup.click(call.world, call.repo, call.number("check_run_id"), call.text("identifier", "Click"), user)
    return NOTHING


async def faults(call: Call) -> Reply:
    """POST /_box/faults {kind, …}: a webhook fault, a request fault, hide_new, primary (of a resource) or secondary"""
    how = dict(call.body)
    kind, weather = how.pop("kind", ""), call.world.faults
    if kind in HOOK_KINDS:
        weather.hook(kind, how.get("event", ""), count=int(how.get("count", 1)), seconds=float(how.get("seconds", 0.2)))
    elif kind in REQUEST_KINDS:
        allowed = ("when", "method", "path", "status", "headers", "count")
        weather.request(kind, **{name: how[name] for name in allowed if name in how})
    elif kind == "hide_new":
        weather.hide_new_ms = int(how["milliseconds"])
    elif kind == "primary":
        call.world.limits.exhaust(float(how.get("seconds", 3600)), resource=how.get("resource", "core"))
    elif kind == "secondary":
        weather.secondary(float(how.get("seconds", 60)))
    else:
        kinds = (*HOOK_KINDS, *REQUEST_KINDS, "hide_new", "primary", "secondary")
        raise unprocessable(f"no fault {kind!r}; there are {', '.join(kinds)}")
    return NOTHING


async def fair(call: Call) -> Reply:
    """DELETE /_box/faults"""
    call.world.faults.clear()
    return NOTHING


async def settle(call: Call) -> Reply:
    """POST /_box/settle: answers when no workflow runs and every webhook has left"""
    await call.world.settle()
    return NOTHING


async def log(call: Call) -> Reply:
    """GET /_box/log: every request with its answer"""
    return ok([asdict(row) for row in call.world.log])


def summary(repo: Repo) -> Json:
    """A repository in short."""
    return {
        "branches": {ref.removeprefix("refs/heads/"): sha for ref, sha in repo.git.refs.items() if "/heads/" in ref},
        "pulls": {
            str(pull.number): {
                "title": pull.issue.title,
                "state": "merged" if pull.merged_at else pull.issue.state,
                "head": pull.head_ref,
                "labels": pull.issue.labels,
            }
            for pull in repo.pulls.values()
        },
        "checks": [
            {"name": one.name, "sha": one.suite.head_sha, "status": one.status, "conclusion": one.conclusion}
            for one in repo.checks.values()
        ],
        "runs": [{"id": run.id, "title": run.title, "conclusion": run.conclusion} for run in repo.runs.values()],
        "deployments": [
            {"id": one.id, "environment": one.environment, "states": [status.state for status in one.statuses]}
            for one in repo.deployments.values()
        ],
    }


async def state(call: Call) -> Reply:
    """GET /_box/state"""
    world = call.world
    return ok(
        {
            "accounts": {one.login: one.kind for one in world.accounts.values()},
            "apps": {str(app.id): app.slug for app in world.apps.values()},
            "installations": {
                str(one.id): sorted(r.full_name for r in world.repos_of(one).values())
                for one in world.installations.values()
            },
            "repos": {repo.full_name: summary(repo) for repo in world.repos.values()},
            "deliveries": [
                {"event": one.event, "action": one.action, "status_code": one.status_code}
                for one in world.deliveries.log.values()
            ],
        }
    )


async def avatar(call: Call) -> Reply:
    """GET /_box/avatar/{number}: a coloured square"""
    color = call.number("number") * 2654435761 % 360
    square = f'<rect width="8" height="8" fill="hsl({color},55%,55%)"/>'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">{square}</svg>'
    return Reply(data=text.encode(), headers={"Content-Type": "image/svg+xml"})


ONE = "/_box/installations/{installation_id}"
ROUTES = [
    Route("POST", "/_box/users", add_user, Auth.ANY),
    Route("POST", "/_box/orgs", add_org, Auth.ANY),
    Route("POST", "/_box/apps", add_app, Auth.ANY),
    Route("POST", "/_box/repos", add_repo, Auth.ANY),
    Route("POST", "/_box/installations", install, Auth.ANY),
    Route("PATCH", ONE, change_repos, Auth.ANY),
    Route("DELETE", ONE, uninstall, Auth.ANY),
    Route("POST", "/_box/repos/{owner}/{repo}/rulesets", add_ruleset, Auth.ANY),
    Route("POST", "/_box/repos/{owner}/{repo}/check-runs/{check_run_id}/click", click, Auth.ANY),
    Route("POST", "/_box/faults", faults, Auth.ANY),
    Route("DELETE", "/_box/faults", fair, Auth.ANY),
    Route("POST", "/_box/settle", settle, Auth.ANY),
    Route("GET", "/_box/log", log, Auth.ANY),
    Route("GET", "/_box/state", state, Auth.ANY),
    Route("GET", "/_box/avatar/{number}", avatar, Auth.ANY),
]
