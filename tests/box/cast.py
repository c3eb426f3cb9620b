"""Who walks through the box: callers with their tokens, who write down everything that they hear."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import jwt

from bot.demo.box import EVENTS, Box
from tests.box.stage import key

REPO = "/repos/octo/lib"
WORKFLOW = """\
name: deploy
on:
  workflow_dispatch:
    inputs:
      version: {required: true}
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: staging
    steps:
      - run: echo "deploying ${{ inputs.version }}" | tee out.txt
      - uses: actions/upload-artifact@v4
        with: {name: out, path: out.txt}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One answer, as it came over the wire. ``body``: parsed JSON, None for nothing, bytes for what is no JSON."""

    method: str
    path: str
    query: dict[str, str]
    sent: Any
    status: int
    body: Any


@dataclass(slots=True, kw_only=True)
class Caller:
    """Somebody with a token (empty: nobody). Every answer is written down, whatever its status."""

    http: aiohttp.ClientSession
    url: str
    token: str
    heard: list[Heard]

    async def __call__(self, method: str, path: str, body: Any = None, accept: str = "application/json") -> Any:
        """Ask; the parsed answer."""
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        url = self.url + path
        async with self.http.request(method, url, json=body, headers=headers, allow_redirects=False) as answer:
            data = await answer.read()
            shown = (json.loads(data) if "json" in answer.content_type else data) if data else None
        parts = urlsplit(path)
        asked = {"method": method, "path": parts.path, "query": dict(parse_qsl(parts.query)), "sent": body}
        self.heard.append(Heard(**asked, status=answer.status, body=shown))
        return shown


@dataclass(slots=True, kw_only=True)
class Cast:
    """Who walks: the App by its key, its installation, an owner, a member, and nobody."""

    app: Caller
    bot: Caller
    mona: Caller
    hubot: Caller
    nobody: Caller
    app_id: int

    def with_token(self, token: str) -> Caller:
        """Whoever this token belongs to."""
        return Caller(http=self.app.http, url=self.app.url, token=token, heard=self.app.heard)


async def until(cast: Cast, path: str, field: str, wanted: tuple[Any, ...]) -> Any:
    """Look again until a field has a wanted value; what was seen then."""
    for _ in range(1000):
        seen = await cast.bot("GET", path)
        if seen[field] in wanted:
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path}: {field} stayed {seen[field]!r}, not one of {wanted}")


def app_token(app_id: int) -> str:
    """A JWT of the App."""
    now = int(time.time())
    return jwt.encode({"iat": now - 10, "exp": now + 300, "iss": str(app_id)}, key(), algorithm="RS256")


async def cast_in(box: Box, http: aiohttp.ClientSession) -> Cast:
    """The App installed on octo/lib, its owner mona, its member hubot. The delivery log has the webhooks."""
    heard: list[Heard] = []

    def caller(token: str) -> Caller:
        return Caller(http=http, url=box.url, token=token, heard=heard)

    mona, hubot = box.add_user("mona"), box.add_user("hubot")
    box.add_org("octo", {"mona": "admin", "hubot": "member"})
    events = [*EVENTS, "delete"]
    app_id, _, _ = box.add_app(private_key=key(), webhook_url=f"{box.url}/nowhere", events=events)
    files = {"README.md": "# Lib\n", "pins.txt": "lib==1\n", ".github/workflows/deploy.yml": WORKFLOW}
    repo = await box.add_repo("octo", "lib", files)
    installation = box.install(app_id, repo)
    app = caller(app_token(app_id))
    made = await app("POST", f"/app/installations/{installation}/access_tokens", {})
    return Cast(
        app=app, bot=caller(made["token"]), mona=caller(mona), hubot=caller(hubot), nobody=caller(""), app_id=app_id
    )
