"""An event goes to every App that is installed there, subscribed to it and allowed to see it; to nobody else."""

from __future__ import annotations

from bot.demo.box.rows import Account, App, CheckRun, CheckSuite, Installation, Issue, Json, Pull, Repo
from bot.demo.box.shapes import checks, people, pulls, repos, talk
from bot.demo.box.world import World, stamp

# Any one of these permissions (read) lets an App have the event.
NEEDS: dict[str, tuple[str, ...]] = {
    "push": ("contents",),
    "create": ("contents",),
    "delete": ("contents",),
    "release": ("contents",),
    "repository": ("metadata",),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "issues": ("issues",),
    "issue_comment": ("issues", "pull_requests"),
    "check_run": ("checks",),
    "check_suite": ("checks",),
    "status": ("statuses",),
    "workflow_run": ("actions",),
    "workflow_job": ("actions",),
    "deployment": ("deployments",),
    "deployment_status": ("deployments",),
    "deployment_protection_rule": ("deployments",),
}
# These come to every App without being asked for.
ALWAYS = ("installation", "installation_repositories", "ping")


def hears(installation: Installation, event: str) -> bool:
    """Is the App subscribed, and does it hold a permission for it?"""
    if event in ALWAYS:
        return True
    allowed = any(installation.permissions.get(name) for name in NEEDS.get(event, ()))
    return allowed and event in installation.app.events


def emit(world: World, event: str, repo: Repo, payload: Json, *, sender: Account, only: App | None = None) -> None:
    """Tell the Apps on a repository; ``only`` one of them for what concerns it alone."""
    for installation in world.installations_on(repo):
        if (only is None or installation.app is only) and hears(installation, event):
            whole = payload | repos.around(world, repo)
            whole["sender"] = people.user(world, sender)
            post(world, installation, event, whole, repo)


def post(world: World, installation: Installation, event: str, payload: Json, repo: Repo | None = None) -> None:
    """Put one event for one installation into the outbox."""
    here = {"id": installation.id, "node_id": people.node_id("IntegrationInstallation", installation.id)}
    world.deliveries.post(
        installation.app,
        event,
        {"installation": here} | payload,
        installation_id=installation.id,
        repository_id=repo.id if repo else None,
    )


def ping(world: World, app: App) -> None:
    """``ping``: a new hook introduces itself."""
    made = stamp(app.created_at)
    hook = {
        "type": "App",
        "id": app.hook_id,
        "name": "web",
        "active": True,
        "events": app.events,
        "config": {"content_type": "json", "insecure_ssl": "0", "url": app.webhook_url, "secret": "********"},
        "created_at": made,
        "updated_at": made,
        "app_id": app.id,
        "deliveries_url": f"{world.url}/app/hook/deliveries",
    }
    payload: Json = {"zen": "Keep it logically awesome.", "hook_id": app.hook_id, "hook": hook}
    world.deliveries.post(app, "ping", payload, installation_id=None, repository_id=None)


def installed(world: World, installation: Installation, sender: Account) -> None:
    """``installation`` created."""
    payload = {
        "action": "created",
        "installation": people.installation(world, installation),
        "repositories": [people.installed_repo(repo) for repo in world.repos_of(installation).values()],
        "requester": None,
        "sender": people.user(world, sender),
    }
    if installation.account.kind == "Organization":
        payload["organization"] = people.organization(world, installation.account)
    post(world, installation, "installation", payload)


def uninstalled(world: World, installation: Installation, sender: Account) -> None:
    """``installation`` deleted."""
    payload = {
        "action": "deleted",
        "installation": people.installation(world, installation),
        "repositories": [people.installed_repo(repo) for repo in world.repos_of(installation).values()],
        "requester": None,
        "sender": people.user(world, sender),
    }
    post(world, installation, "installation", payload)


def repos_changed(
    world: World, installation: Installation, *, added: list[Repo], removed: list[Repo], sender: Account
) -> None:
    """``installation_repositories`` added or removed."""
    payload = {
        "action": "added" if added else "removed",
        "installation": people.installation(world, installation),
        "repository_selection": installation.selection,
        "repositories_added": [people.installed_repo(repo) for repo in added],
        "repositories_removed": [people.installed_repo(repo) for repo in removed],
        "requester": None,
        "sender": people.user(world, sender),
    }
    post(world, installation, "installation_repositories", payload)


def pull_event(world: World, repo: Repo, pull: Pull, action: str, sender: Account, **more: object) -> None:
    """``pull_request`` with an action."""
    payload = {"action": action, "number": pull.number, "pull_request": pulls.full(world, repo, pull), **more}
    emit(world, "pull_request", repo, payload, sender=sender)


def issue_event(world: World, repo: Repo, issue: Issue, action: str, sender: Account, **more: object) -> None:
    """``issues`` with an action; a pull request's own events are pull_request."""
    if issue.number in repo.pulls:
        pull_event(world, repo, repo.pulls[issue.number], action, sender, **more)
        return
    payload = {"action": action, "issue": talk.issue_in_hook(world, repo, issue), **more}
    emit(world, "issues", repo, payload, sender=sender)


def check_event(world: World, repo: Repo, check: CheckRun, action: str, sender: Account, **more: object) -> None:
    """``check_run``; what is asked of the run's App goes to that App alone."""
    payload = {"action": action, "check_run": checks.run_in_hook(world, repo, check), **more}
    only = check.suite.app if action in ("rerequested", "requested_action") else None
    emit(world, "check_run", repo, payload, sender=sender, only=only)


async def suite_event(world: World, repo: Repo, suite: CheckSuite, action: str, sender: Account) -> None:
    """``check_suite``; a request goes to the suite's App alone."""
    head = await repo.git.commit(suite.head_sha)
    payload = {"action": action, "check_suite": checks.suite_in_hook(world, repo, suite, head)}
    only = None if action == "completed" else suite.app
    emit(world, "check_suite", repo, payload, sender=sender, only=only)
