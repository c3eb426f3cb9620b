"""The box as one object: start it, set the stage by Python, look into its world. ``serve`` runs it alone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from bot.demo.box import setup
from bot.demo.box.rows import Json, Repo
from bot.demo.box.server import application
from bot.demo.box.world import Exchange, World, utc_now

# What a bot of our kind holds; `add_app` gives these unless told otherwise.
PERMISSIONS: Mapping[str, str] = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
EVENTS = (
    "check_run", "check_suite", "create", "delete", "deployment", "deployment_protection_rule", "deployment_status",
    "issue_comment", "issues", "pull_request", "pull_request_review", "push", "release", "repository", "status",
    "workflow_job", "workflow_run",
)  # fmt: skip


class Box:
    """GitHub in a box. Use as ``async with Box.start() as box``."""

    def __init__(self, world: World, host: str, port: int) -> None:
        self.world = world
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def start(cls, *, port: int = 0, data_dir: Path | None = None, host: str = "127.0.0.1", now: Any = utc_now) -> Box:
        """A box that listens once entered; without ``data_dir`` its repositories live in a folder that goes with it."""
        scratch = None if data_dir else tempfile.TemporaryDirectory(prefix="box-")
        box = cls(World(data_dir or Path(str(scratch and scratch.name)), now=now), host, port)
        box._scratch = scratch
        return box

    async def __aenter__(self) -> Box:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen."""
        self._runner = web.AppRunner(application(self.world), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.world.url = f"http://{self._host}:{port}"
        await self.world.deliveries.start()

    async def close(self) -> None:
        """Stop listening, and clear away what was ours."""
        await self.world.stop()
        if self._runner:
            await self._runner.cleanup()
        if self._scratch:
            self._scratch.cleanup()

    @property
    def url(self) -> str:
        """Base of the REST API, of git, and of the pages."""
        return self.world.url

    @property
    def log(self) -> Sequence[Exchange]:
        """Every API request and its answer, oldest first."""
        return self.world.log

    def now(self) -> datetime:
        """The world's time."""
        return self.world.now()

    def add_user(self, login: str) -> str:
        """A user; a token of theirs."""
        return self.world.user_token(self.world.add_account(login, "User"))

    def add_org(self, login: str, members: Mapping[str, str] | None = None) -> None:
        """An organization; ``members`` maps logins to admin or member."""
        setup.add_org(self.world, login, members or {})

    def add_app(self, slug: str = "surefoot", **given: Any) -> tuple[int, str, str]:
        """Register an App: its id, private key and webhook secret. Words as in ``setup.add_app``."""
        whole = {"permissions": PERMISSIONS, "events": EVENTS} | given
        app, pem = setup.add_app(self.world, slug, whole)
        return app.id, pem, app.webhook_secret

    async def add_repo(self, owner: str, name: str, files: Mapping[str, str] | None = None, **given: Any) -> Repo:
        """A repository with a first commit. Words as in ``setup.add_repo``."""
        return await setup.add_repo(self.world, owner, name, files or {}, given)

    async def commit(
        self, repo: Repo, files: Mapping[str, str | None], message: str = "Change", branch: str = ""
    ) -> str:
        """A commit as if its owner had pushed it; its hash."""
        return await setup.commit_files(self.world, repo, files, message, branch)

    def install(self, app_id: int, *repos: Repo) -> int:
        """Install an App on repositories of one account; the installation's id."""
        return setup.install(self.world, app_id, repos[0].owner, repos).id

    def install_everywhere(self, app_id: int, owner: str) -> int:
        """Install an App on all repositories of an account, those to come too."""
        return setup.install(self.world, app_id, self.world.account(owner), None).id

    def repo(self, full_name: str) -> Repo:
        """A repository by its full name; KeyError where there is none."""
        return self.world.repos[full_name.lower()]

    def add_ruleset(self, repo: Repo, include: Sequence[str], rules: Sequence[Json]) -> int:
        """A ruleset on branches."""
        return setup.add_ruleset(self.world, repo, include, rules)

    def click(self, repo: Repo, check_id: int, identifier: str, login: str) -> None:
        """A person presses a button of a check run."""
        setup.click(self.world, repo, check_id, identifier, self.world.account(login))

    def set_webhook(self, app_id: int, url: str) -> None:
        """Point an App's webhook elsewhere, as its settings page would."""
        self.world.apps[app_id].webhook_url = url

    async def settle(self) -> None:
        """Wait until no workflow runs and every webhook has left."""
        await self.world.settle()


async def serve(host: str, port: int, data_dir: Path, job_env: Mapping[str, str] | None = None) -> None:
    """Run a box until cancelled. All else is set through ``/_box/``; everyone who reaches the port may."""
    async with Box.start(port=port, data_dir=data_dir, host=host) as box:
        box.world.job_env.update(job_env or {})
        print(f"GitHub in a box: {box.url}", flush=True)
        await asyncio.Event().wait()
