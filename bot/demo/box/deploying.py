"""Deployments: rows and their news. A new success puts the older ones of its environment to rest."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.rows import Account, App, Deployment, DeploymentStatus, Environment, Repo
from bot.demo.box.shapes import deploys
from bot.demo.box.world import World

FINAL = ("success", "failure", "error", "inactive")


def ensure_environment(world: World, repo: Repo, name: str) -> Environment:
    """The environment of that name, made where it is not yet."""
    if name not in repo.environments:
        repo.environments[name] = Environment(id=world.next_id(), name=name, created_at=world.now())
    return repo.environments[name]


def state_of(deployment: Deployment) -> str:
    """The state that a person sees: the last status."""
    return deployment.statuses[-1].state if deployment.statuses else "pending"


def add_status(
    world: World, repo: Repo, of: Deployment, state: str, creator: Account, **more: object
) -> DeploymentStatus:
    """A status and its webhook. ``more``: description, environment, environment_url, log_url, app, auto_inactive."""
    auto_inactive = more.pop("auto_inactive", True)
    app = more.pop("app", None)
    assert app is None or isinstance(app, App)
    one = DeploymentStatus(
        id=world.next_id(),
        state=state,
        description=str(more.get("description") or ""),
        environment=str(more.get("environment") or of.environment),
        environment_url=str(more.get("environment_url") or ""),
        log_url=str(more.get("log_url") or ""),
        creator=creator,
        app=app,
        created_at=world.now(),
    )
    of.statuses.append(one)
    of.environment = one.environment
    tell(world, repo, of, one)
    if state == "success" and auto_inactive:
        retire(world, repo, of, creator)
    return one


def tell(world: World, repo: Repo, of: Deployment, one: DeploymentStatus) -> None:
    """``deployment_status`` created."""
    payload = {
        "action": "created",
        "deployment_status": deploys.status(world, repo, of, one),
        "deployment": deploys.deployment(world, repo, of),
        "check_run": None,
        "workflow": None,
        "workflow_run": None,
    }
    events.emit(world, "deployment_status", repo, payload, sender=one.creator)


def retire(world: World, repo: Repo, newest: Deployment, by: Account) -> None:
    """Older successes of the same environment become inactive, unless it is transient or production (GitHub's rule:
    non-transient, non-production environments only)."""
    for old in repo.deployments.values():
        same = old.environment == newest.environment and old.id < newest.id
        if same and not old.transient and not old.production and state_of(old) == "success":
            add_status(world, repo, old, "inactive", by)
