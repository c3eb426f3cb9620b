"""Accounts, Apps and installations as GitHub shows them."""

from __future__ import annotations

import base64
from urllib.parse import quote

from bot.demo.box.rows import Account, App, Installation, Json, Repo
from bot.demo.box.world import World, maybe_stamp, stamp

USER_LINKS = (
    "followers followers",
    "following following{/other_user}",
    "gists gists{/gist_id}",
    "starred starred{/owner}{/repo}",
    "subscriptions subscriptions",
    "organizations orgs",
    "repos repos",
    "events events{/privacy}",
    "received_events received_events",
)


def node_id(kind: str, number: int | str) -> str:
    """GitHub's global id of a thing."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user(world: World, account: Account) -> Json:
    """A simple user."""
    api = f"{world.url}/users/{quote(account.login)}"
    page = f"apps/{account.login.removesuffix('[bot]')}" if account.kind == "Bot" else account.login
    links = (line.split(" ") for line in USER_LINKS)
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id(account.kind, account.id),
        "avatar_url": f"{world.url}/_box/avatar/{account.id}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{world.url}/{page}",
        **{f"{name}_url": f"{api}/{path}" for name, path in links},
        "type": account.kind,
        "site_admin": False,
        "user_view_type": "public",
    }


def maybe_user(world: World, account: Account | None) -> Json | None:
    """A simple user, or null."""
    return user(world, account) if account else None


def full_user(world: World, account: Account) -> Json:
    """A user as GET /users/{login} shows them."""
    owned = sum(repo.owner is account and not repo.private for repo in world.repos.values())
    return user(world, account) | {
        "name": account.login,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "public_repos": owned,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": stamp(account.created_at),
        "updated_at": stamp(account.created_at),
    }


def organization(world: World, account: Account) -> Json:
    """An organization as webhooks carry it."""
    api = f"{world.url}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("Organization", account.id),
        "url": api,
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events",
        "hooks_url": f"{api}/hooks",
        "issues_url": f"{api}/issues",
        "members_url": f"{api}/members{{/member}}",
        "public_members_url": f"{api}/public_members{{/member}}",
        "avatar_url": f"{world.url}/_box/avatar/{account.id}",
        "description": "",
    }


def app(world: World, one: App) -> Json:
    """A GitHub App."""
    return {
        "id": one.id,
        "client_id": f"Iv23box{one.id}",
        "slug": one.slug,
        "node_id": node_id("Integration", one.id),
        "owner": user(world, one.owner),
        "name": one.name,
        "description": "",
        "external_url": f"{world.url}/apps/{one.slug}",
        "html_url": f"{world.url}/apps/{one.slug}",
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "permissions": one.permissions,
        "events": one.events,
    }


def maybe_app(world: World, one: App | None) -> Json | None:
    """A GitHub App, or null."""
    return app(world, one) if one else None


def installation(world: World, one: Installation) -> Json:
    """An installation."""
    return {
        "id": one.id,
        "client_id": f"Iv23box{one.app.id}",
        "account": user(world, one.account),
        "repository_selection": one.selection,
        "access_tokens_url": f"{world.url}/app/installations/{one.id}/access_tokens",
        "repositories_url": f"{world.url}/installation/repositories",
        "html_url": f"{world.url}/settings/installations/{one.id}",
        "app_id": one.app.id,
        "app_slug": one.app.slug,
        "target_id": one.account.id,
        "target_type": one.account.kind,
        "permissions": one.permissions,
        "events": one.app.events,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": maybe_stamp(one.suspended_at),
    }


def installed_repo(repo: Repo) -> Json:
    """A repository as installation webhooks name it."""
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
    }
