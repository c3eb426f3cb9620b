"""GitHub in a box with what the show needs on it: an organization, its one person, a guarded repository, our App."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.demo.box import Box
from bot.demo.hub import Hub
from bot.web.webhook import EVENTS

OWNER, NAME, PERSON, APP = "hello-inc", "hello", "rosa", "surefoot"
REQUIRED = "build"  # the job of the repository's own ci.yml
# What the App's manifest (`app.yml`) asks of an owner, and no more.
GRANTED: Mapping[str, str] = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Github:
    """What is there. hub: GitHub as the person sees it; install: her click; key: the App's private key, a PEM file."""

    hub: Hub
    page: str
    app_id: int
    app_login: str
    key: Path
    secret: str
    install: Callable[[], Awaitable[None]]


async def start(stack: AsyncExitStack, folder: Path, files: Mapping[str, str], webhook: str) -> Github:
    """The running box; it ends with the stack. webhook: where the App wants its events."""
    box = await stack.enter_async_context(Box.start(data_dir=folder / "github"))
    token = box.add_user(PERSON)
    box.add_org(OWNER, {PERSON: "admin"})
    repo = await box.add_repo(OWNER, NAME, files)
    app_id, pem, secret = box.add_app(APP, owner=OWNER, webhook_url=webhook, permissions=GRANTED, events=sorted(EVENTS))
    key = folder / "app.pem"
    key.touch(mode=0o600)
    key.write_text(pem)
    http = await stack.enter_async_context(aiohttp.ClientSession())
    hub = Hub(api=box.url, repo=repo.full_name, login=PERSON, token=token, http=http)
    await hub.protect("main", checks=[REQUIRED])

    async def install() -> None:
        box.install(app_id, repo)

    return Github(
        hub=hub,
        page=f"{box.url}/{repo.full_name}",
        app_id=app_id,
        app_login=f"{APP}[bot]",
        key=key,
        secret=secret,
        install=install,
    )
