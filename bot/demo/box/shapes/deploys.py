"""Deployments, environments and releases as GitHub shows them."""

from __future__ import annotations

from urllib.parse import quote

from bot.demo.box.rows import App, Deployment, DeploymentStatus, Environment, Json, Release, Repo
from bot.demo.box.shapes.people import maybe_app, node_id, user
from bot.demo.box.shapes.repos import api, html
from bot.demo.box.world import World, maybe_stamp, stamp


def deployment(world: World, repo: Repo, one: Deployment) -> Json:
    """A deployment."""
    url = f"{api(world, repo)}/deployments/{one.id}"
    return {
        "url": url,
        "id": one.id,
        "node_id": node_id("Deployment", one.id),
        "sha": one.sha,
        "ref": one.ref,
        "task": one.task,
        "payload": one.payload,
        "original_environment": one.environment,
        "environment": one.environment,
        "description": one.description,
        "creator": user(world, one.creator),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.statuses[-1].created_at if one.statuses else one.created_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": api(world, repo),
        "transient_environment": one.transient,
        "production_environment": one.production,
        "performed_via_github_app": maybe_app(world, one.app),
    }


def status(world: World, repo: Repo, of: Deployment, one: DeploymentStatus) -> Json:
    """A deployment status."""
    url = f"{api(world, repo)}/deployments/{of.id}"
    return {
        "url": f"{url}/statuses/{one.id}",
        "id": one.id,
        "node_id": node_id("DeploymentStatus", one.id),
        "state": one.state,
        "creator": user(world, one.creator),
        "description": one.description,
        "environment": one.environment,
        "target_url": one.log_url,
        "log_url": one.log_url,
        "environment_url": one.environment_url,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "deployment_url": url,
        "repository_url": api(world, repo),
        "performed_via_github_app": maybe_app(world, one.app),
    }


def environment(world: World, repo: Repo, one: Environment) -> Json:
    """An environment and the rules that guard it."""
    kinds = [(rule, "custom") for rule in one.rules]
    if one.branch_policy:
        kinds.append((one.id, "branch_policy"))
    return {
        "id": one.id,
        "node_id": node_id("Environment", one.id),
        "name": one.name,
        "url": f"{api(world, repo)}/environments/{quote(one.name, safe='')}",
        "html_url": f"{html(world, repo)}/deployments/activity_log?environments_filter={quote(one.name)}",
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "protection_rules": [{"id": rule, "node_id": node_id("GateRule", rule), "type": kind} for rule, kind in kinds],
        "deployment_branch_policy": one.branch_policy,
    }


def rule(world: World, number: int, app: App) -> Json:
    """A custom protection rule: the App that is asked."""
    return {
        "id": number,
        "node_id": node_id("GateRule", number),
        "enabled": True,
        "app": {
            "id": app.id,
            "slug": app.slug,
            "integration_url": f"{world.url}/apps/{app.slug}",
            "node_id": node_id("Integration", app.id),
        },
    }


def release(world: World, repo: Repo, one: Release) -> Json:
    """A release."""
    url, page = f"{api(world, repo)}/releases/{one.id}", html(world, repo)
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": f"{page}/releases/tag/{quote(one.tag)}",
        "id": one.id,
        "node_id": node_id("Release", one.id),
        "tag_name": one.tag,
        "target_commitish": one.target,
        "name": one.name,
        "body": one.body,
        "draft": one.draft,
        "prerelease": one.prerelease,
        "immutable": False,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "published_at": maybe_stamp(one.published_at),
        "author": user(world, one.author),
        "assets": [],
        "tarball_url": f"{api(world, repo)}/tarball/{one.tag}",
        "zipball_url": f"{api(world, repo)}/zipball/{one.tag}",
    }
