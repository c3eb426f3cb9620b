"""A small world to speak to: a GitHub in a box with one repository, its people, and our App installed on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from gidgethub.abc import GitHubAPI

from bot.core.model import InstallationId, RepoName, Sha
from bot.demo.box import PERMISSIONS, Box
from bot.demo.box.rows import Repo
from bot.github.apps import Us
from bot.github.client import Manners, Pace
from bot.github.forge import Forge
from tests.github.hub import APP_ID, pem, speaking
from tests.openapi.guard import Guard
from tests.openapi.validate import Schemas

# GitHub's pages give `created` the syntax of its search (">=2026-01-01"); its description calls it a plain moment.
KNOWN = ("?created:",)
REPO = RepoName("acme/shop")
FILES = {"README.md": "shop\n", "requirements.txt": "a==1\n", "deep/run.sh": "#!/bin/sh\n", "deep/er/x.txt": "x\n"}


@cache
def schemas() -> Schemas:
    """GitHub's own description, read once."""
    return Schemas.load()


@dataclass(kw_only=True)
class Town:
    """gh speaks as our App on acme/shop; ann owns it, ben may write, cyd may read."""

    box: Box
    repo: Repo
    forge: Forge
    gh: GitHubAPI
    installation: InstallationId
    us: Us
    people: dict[str, GitHubAPI] = field(default_factory=dict)

    @property
    def tip(self) -> Sha:
        """What main points to."""
        return Sha(self.repo.git.refs["refs/heads/main"])

    def asked(self, method: str, part: str) -> list[Any]:
        """The requests of our App with this method and this in their path."""
        return [one for one in self.of_app() if one.method == method and part in one.path]

    def of_app(self) -> list[Any]:
        """All requests of our App."""
        people = {f"user:{name}" for name in self.people} | {"anonymous"}
        return [one for one in self.box.log if one.actor and not any(who in one.actor for who in people)]

    async def push(self, files: dict[str, str | None], branch: str = "main") -> Sha:
        """Somebody pushes a commit."""
        return Sha(await self.box.commit(self.repo, files, branch=branch))


@asynccontextmanager
async def town(tmp_path: Path, *, permissions: dict[str, str] | None = None) -> AsyncIterator[Town]:
    """The town, and at its end the proof that GitHub would have understood every request of ours."""
    guard = Guard(schemas=schemas())
    async with Box.start(data_dir=tmp_path / "box") as box, aiohttp.ClientSession() as session:
        tokens = {name: box.add_user(name) for name in ("ann", "ben", "cyd")}
        box.add_org("acme", {"ann": "admin"})
        box.add_app(app_id=APP_ID, private_key=pem(), permissions=permissions or PERMISSIONS)
        repo = await box.add_repo("acme", "shop", FILES, collaborators={"ben": "write", "cyd": "read"})
        installation = InstallationId(box.install(APP_ID, repo))
        manners = Manners(pace=Pace(seconds=0))
        forge = Forge(APP_ID, pem(), session=session, api_url=box.url, manners=manners)
        made = Town(
            box=box,
            repo=repo,
            forge=forge,
            gh=await forge.installation(installation),
            installation=installation,
            us=Us(app_id=APP_ID, slug="surefoot"),
            people={name: speaking(forge.line, token) for name, token in tokens.items()},
        )
        yield made
        for one in made.of_app():
            guard.saw(one.method, f"{one.path}?{urlencode(one.query)}", one.body)
        problems = [one for one in guard.problems if not any(known in one for known in KNOWN)]
        assert not problems, problems
        assert guard.seen, "no request of ours was seen"
