"""A box with an App, a repository and its people, and a client that judges each answer by GitHub's own schemas."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from bot.demo.box import Box
from bot.demo.box.rows import Repo
from bot.demo.box.setup import new_key
from tests.openapi.validate import Schemas


@cache
def key() -> str:
    """One private key for all tests: making one takes a tenth of a second."""
    return new_key()


# An App carries its client_id everywhere; the copy of its shape inside these webhooks is older.
KNOWN = re.compile(r"HOOK issues\.\w+ /issue/performed_via_github_app/client_id: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    json: Any
    headers: Any
    data: bytes


@dataclass(slots=True, kw_only=True)
class Ear:
    """A receiver of webhooks: keeps them all, and answers with ``status``."""

    heard: list[tuple[str, Any, Any]] = field(default_factory=list)
    status: int = 200
    url: str = ""

    async def hear(self, request: web.Request) -> web.Response:
        """Take one."""
        self.heard.append((request.headers["X-GitHub-Event"], await request.json(), request.headers))
        return web.Response(status=self.status, text="heard")

    def names(self) -> list[str]:
        """What was heard, as event.action, in order."""
        return [f"{event}.{body['action']}" if "action" in body else event for event, body, _ in self.heard]

    def last(self, name: str) -> Any:
        """The payload of the last event of that name."""
        event, _, action = name.partition(".")
        return [body for one, body, _ in self.heard if one == event and body.get("action", "") == action][-1]


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that a test on the box needs; at its end all answers and all webhooks are held against GitHub's."""

    box: Box
    session: aiohttp.ClientSession
    ear: Ear
    repo: Repo
    app_id: int
    installation: int
    owner: str
    reviewer: str
    token: str = ""
    problems: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str) -> Answer:
        """A request with the App's token (or another; ``none`` for none); the answer is checked against the schemas."""
        name = token or self.token
        if name != "none":
            headers["Authorization"] = f"Bearer {name}"
        async with self.session.request(
            method, self.box.url + path, json=body, headers=headers, allow_redirects=False
        ) as got:
            data = await got.read()
        is_json = "json" in got.headers.get("Content-Type", "") and data
        parsed = json.loads(data) if is_json else None
        self.judge(method, path, got.status, parsed if is_json or not data else data)
        return Answer(status=got.status, json=parsed, headers=got.headers, data=data)

    def judge(self, method: str, path: str, status: int, body: Any) -> None:
        """Write down where an answer differs from GitHub's published schemas."""
        bare = path.partition("?")[0].removeprefix("/api/v3")
        if not bare.startswith(("/_box", "/graphql")) and Schemas.load().template(method, bare):
            self.problems += [
                one for one in Schemas.load().response(method, bare, status, body) if not KNOWN.match(one)
            ]

    async def app(self, method: str, path: str, body: Any = None) -> Answer:
        """A request as the App itself."""
        now = int(time.time())
        token = jwt.encode({"iat": now - 10, "exp": now + 300, "iss": str(self.app_id)}, key(), algorithm="RS256")
        return await self.ask(method, path, body, token=token)

    def at(self, path: str = "") -> str:
        """A path under the repository."""
        return f"/repos/{self.repo.full_name}{path}"

    async def new_token(self, body: Any = None) -> str:
        """An installation token."""
        got = await self.app("POST", f"/app/installations/{self.installation}/access_tokens", body or {})
        assert got.status == 201, got.json
        return str(got.json["token"])

    async def branch(self, name: str = "topic", text: str = "new\n", path: str = "notes.txt") -> str:
        """A branch with one commit by the git data API, as a bot makes it; its hash."""
        base = self.repo.git.refs["refs/heads/main"]
        blob = await self.ask("POST", self.at("/git/blobs"), {"content": text, "encoding": "utf-8"})
        entries = [{"path": path, "mode": "100644", "type": "blob", "sha": blob.json["sha"]}]
        tree = await self.ask("POST", self.at("/git/trees"), {"base_tree": base, "tree": entries})
        said = {"message": f"Change {path}", "tree": tree.json["sha"], "parents": [base]}
        commit = await self.ask("POST", self.at("/git/commits"), said)
        ref = {"ref": f"refs/heads/{name}", "sha": commit.json["sha"]}
        assert (await self.ask("POST", self.at("/git/refs"), ref)).status == 201
        return str(commit.json["sha"])

    async def pull(self, name: str = "topic", **branch: str) -> Any:
        """A pull request from a new branch."""
        await self.branch(name, **branch)
        made = await self.ask(
            "POST", self.at("/pulls"), {"title": f"Take {name}", "head": name, "base": "main", "body": "because"}
        )
        assert made.status == 201, made.json
        return made.json

    async def settle(self) -> None:
        """Until all is quiet: every workflow has ended and every webhook was heard."""
        await asyncio.wait_for(self.box.settle(), 30)

    def judge_webhooks(self) -> None:
        """Write down where a webhook that was heard differs from GitHub's published schemas."""
        for event, body, _ in self.ear.heard:
            self.problems += [one for one in Schemas.load().webhook(event, body) if not KNOWN.match(one)]


WORKFLOW = """
name: CI
on: {push: {branches: [main]}, pull_request: {}}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: test -f README.md
"""


@asynccontextmanager
async def stage(**given: Any) -> AsyncIterator[Stage]:
    """A box on a free port, an App installed on acme/shop, and people: ann owns, rob may write, eve may nothing.

    ``files``: more files for the repository; ``app``: other words for the App; ``private``.
    """
    ear = Ear()
    hooks = web.Application(client_max_size=2**26)
    hooks.router.add_post("/", ear.hear)
    runner = web.AppRunner(hooks, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ear.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with Box.start() as box, aiohttp.ClientSession() as session:
        owner, reviewer = box.add_user("ann"), box.add_user("rob")
        box.add_org("acme", {"ann": "admin"})
        app_id, _, _ = box.add_app(private_key=key(), webhook_url=ear.url, **given.get("app", {}))
        files = {"README.md": "# Shop\n", "src/app.py": "print('hi')\n", **given.get("files", {})}
        people = {"collaborators": {"rob": "write"}, "private": given.get("private", False)}
        repo = await box.add_repo("acme", "shop", files, **people)
        one = Stage(
            box=box,
            session=session,
            ear=ear,
            repo=repo,
            app_id=app_id,
            installation=box.install(app_id, repo),
            owner=owner,
            reviewer=reviewer,
        )
        one.token = await one.new_token()
        try:
            yield one
        finally:
            await runner.cleanup()
    one.judge_webhooks()
    assert not one.problems, "\n".join(sorted(set(one.problems)))
