"""Setting the stage: what on github.com is a form or a click that has no API, or one that a demo should not need."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.box import events
from bot.demo.box.errors import not_found, unprocessable
from bot.demo.box.git import Person
from bot.demo.box.pushes import moved
from bot.demo.box.rows import Account, App, Installation, Json, Repo
from bot.demo.box.world import World


def add_org(world: World, login: str, members: Mapping[str, str]) -> Account:
    """An organization; ``members`` maps logins to admin or member."""
    org = world.add_account(login, "Organization")
    for name, role in members.items():
        org.members[world.add_account(name, "User").login] = role
    return org


def new_key() -> str:
    """A private key, as GitHub gives it to a new App (PEM, RSA 2048)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def add_app(world: World, slug: str, given: Mapping[str, Any]) -> tuple[App, str]:
    """Register an App; the App and its private key.

    ``given``: owner, permissions, events, webhook_url, webhook_secret, private_key, long_tokens, app_id; all optional.
    """
    pem = given.get("private_key") or new_key()
    private = serialization.load_pem_private_key(pem.encode(), password=None)
    app_id = given.get("app_id") or world.next_id()
    if app_id in world.apps:
        raise unprocessable(f"there is an App with the id {app_id} already")
    app = App(
        id=app_id,
        slug=slug,
        name=given.get("name") or slug,
        owner=world.add_account(given.get("owner") or "app-owner", "User"),
        bot=world.add_account(f"{slug}[bot]", "Bot"),
        permissions={"metadata": "read"} | dict(given.get("permissions") or {}),
        events=list(given.get("events") or []),
        public_key=private.public_key(),
        webhook_url=given.get("webhook_url") or "",
        webhook_secret=given.get("webhook_secret") or secrets.token_hex(20),
        hook_id=world.next_id(),
        created_at=world.now(),
        long_tokens=bool(given.get("long_tokens")),
    )
    world.apps[app.id] = app
    events.ping(world, app)
    return app, pem


async def add_repo(world: World, owner: str, name: str, files: Mapping[str, str], given: Mapping[str, Any]) -> Repo:
    """A repository with a first commit of these files; a text that begins with ``#!`` becomes executable.

    ``given``: private, collaborators (login -> role), description; all may be left out.
    """
    account = world.account(owner)
    if world.repo_of(owner, name):
        raise unprocessable(f"{owner}/{name} exists already")
    repo = await world.add_repo(account, name, private=bool(given.get("private")))
    repo.description = given.get("description")
    for login, role in (given.get("collaborators") or {}).items():
        repo.collaborators[world.add_account(login, "User").login] = role
    if files:
        await commit_files(world, repo, files, "Initial commit")
    return repo


async def commit_files(
    world: World, repo: Repo, files: Mapping[str, str | None], message: str, branch: str = ""
) -> str:
    """One commit by the owner on a branch (the default one if empty), as if pushed; None removes a file. Its hash."""
    git, ref = repo.git, f"refs/heads/{branch or repo.default_branch}"
    tip = git.refs.get(ref) or git.refs.get(f"refs/heads/{repo.default_branch}")
    edits = []
    for path, text in files.items():
        mode = "100755" if text is not None and text.startswith("#!") else "100644"
        edits.append((mode, None if text is None else await git.write_blob(text.encode()), path))
    tree = await git.write_tree(tip, edits)
    who = next(
        (world.accounts[login.lower()] for login, role in repo.owner.members.items() if role == "admin"), repo.owner
    )
    by = Person(name=who.login, email=who.email, date=world.now())
    commit = await git.write_commit(tree, [tip] if tip else [], message, author=by)
    async with repo.lock:
        old = git.refs.get(ref)
        await git.set_ref(ref, commit)
        await moved(world, repo, ref, old, who)
    return commit


def install(world: World, app_id: int, account: Account, repos: Sequence[Repo] | None) -> Installation:
    """Install an App on an account: on these repositories, or on all (None), and tell it."""
    app = world.apps.get(app_id)
    if app is None:
        raise not_found()
    one = Installation(
        id=world.next_id(),
        app=app,
        account=account,
        repo_ids={repo.id for repo in repos or ()},
        selection="all" if repos is None else "selected",
        permissions=dict(app.permissions),
        created_at=world.now(),
    )
    world.installations[one.id] = one
    events.installed(world, one, sender_for(account, world))
    return one


def sender_for(account: Account, world: World) -> Account:
    """Who clicked: the account itself, or an admin of the organization."""
    for login, role in account.members.items():
        if role == "admin":
            return world.account(login)
    return account


def change_repos(world: World, one: Installation, added: Sequence[Repo], removed: Sequence[Repo]) -> None:
    """Give an installation repositories, or take them away, and tell it."""
    one.selection = "selected"
    one.repo_ids = (one.repo_ids | {repo.id for repo in added}) - {repo.id for repo in removed}
    sender = sender_for(one.account, world)
    if added:
        events.repos_changed(world, one, added=list(added), removed=[], sender=sender)
    if removed:
        events.repos_changed(world, one, added=[], removed=list(removed), sender=sender)


def uninstall(world: World, one: Installation) -> None:
    """Remove an installation; its tokens are worth nothing from now on."""
    events.uninstalled(world, one, sender_for(one.account, world))
    del world.installations[one.id]


def click(world: World, repo: Repo, check_id: int, identifier: str, user: Account) -> None:
    """A person presses a button of a check run."""
    check = repo.checks.get(check_id)
    if check is None or identifier not in [action["identifier"] for action in check.actions]:
        raise not_found(f"check run {check_id} has no button {identifier!r}")
    events.check_event(world, repo, check, "requested_action", user, requested_action={"identifier": identifier})


def archive(world: World, repo: Repo, archived: bool, by: Account) -> None:
    """Nothing in an archived repository can be changed; taken back, it is as it was."""
    if repo.archived != archived:
        repo.archived = archived
        events.emit(world, "repository", repo, {"action": "archived" if archived else "unarchived"}, sender=by)


def rename(world: World, repo: Repo, name: str, by: Account) -> None:
    """Another name; the old one leads on to it until somebody else takes it."""
    was = repo.name
    del world.repos[repo.full_name.lower()]
    world.renamed[repo.full_name.lower()] = repo
    repo.name = name
    world.repos[repo.full_name.lower()] = repo
    changes = {"repository": {"name": {"from": was}}}
    events.emit(world, "repository", repo, {"action": "renamed", "changes": changes}, sender=by)


def add_ruleset(world: World, repo: Repo, include: Sequence[str], rules: Sequence[Json]) -> int:
    """A ruleset on branches (patterns of refs/heads/…, ~DEFAULT_BRANCH, ~ALL); its id."""
    number = world.next_id()
    repo.rulesets[number] = {"id": number, "include": list(include), "rules": list(rules)}
    return number
