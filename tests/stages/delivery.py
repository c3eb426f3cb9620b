"""A town with a workflow that deploys, an update that was really merged, and the store with the leases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gidgethub.abc import GitHubAPI

from bot.adapters.providers.github_actions import GitHubActions
from bot.core import plans
from bot.core.model import Merge, Sha, State, Update
from bot.core.repo_config import Adapted, Environment
from bot.leases import EnvironmentLeases
from bot.store.store import Store
from tests.builders import an_entry
from tests.github.town import REPO, Town
from tests.stages.world import tried
from tests.store.world import a_world

FAILS = 13  # the weight with which the workflow's run ends red
WORKFLOW = """\
name: deploy
run-name: Deploy ${{ inputs.deploy_id }}
on:
  workflow_dispatch:
    inputs:
      deploy_id: {required: true}
      sha: {required: true}
      weight: {required: true}
      stable_sha: {required: false}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: test "${{ inputs.weight }}" != 13
"""


def environment(name: str) -> Environment:
    """A canary by GitHub Actions, without a health page."""
    return Environment(name=name, provider=Adapted(kind="github_actions"), strategy=Adapted(kind="canary"))


@dataclass(kw_only=True)
class Place:
    """names: of the environments that are configured; now: a clock that stands still unless a test moves it."""

    shop: Town
    store: Store
    now: datetime
    names: tuple[str, ...] = ("production",)

    async def gh(self) -> GitHubAPI:
        """The client, as powers give it."""
        return self.shop.gh

    def places(self) -> Mapping[str, plans.Place]:
        """Each environment, with GitHub Actions."""
        actions = GitHubActions(self.shop.gh, REPO, "deploy.yml")
        return {name: plans.Place(environment=environment(name), provider=actions) for name in self.names}

    def leases(self, update: Update) -> EnvironmentLeases:
        """As this update sees them."""
        return EnvironmentLeases(self.store, update, gh=self.gh, now=lambda: self.now)

    async def merged(self) -> Update:
        """Merged on GitHub, and in the store."""
        update = await tried(self.shop, State.APPROVED)
        assert update.pull is not None
        parent = self.shop.tip
        url = f"/repos/{REPO}/pulls/{update.pull.number}/merge"
        made = await self.shop.people["ann"].put(url, data={"sha": update.pull.head})
        update = replace(update, state=State.MERGED, merge=Merge(sha=Sha(made["sha"]), parent=parent, at=self.now))
        await self.store.add(update, an_entry(update=update.id), enqueue=False)
        return update

    def inputs(self) -> list[dict[str, str]]:
        """What was dispatched, the first first."""
        return [one.body["inputs"] for one in self.shop.asked("POST", "/dispatches") if one.status == 200]

    async def states(self, number: int | None) -> list[str]:
        """A deployment's statuses, the newest first."""
        raw = await self.shop.gh.getitem(f"/repos/{REPO}/deployments/{number}/statuses")
        return [one["state"] for one in raw]


@asynccontextmanager
async def delivering(shop: Town, folder: Path) -> AsyncIterator[Place]:
    """The town made ready for it."""
    await shop.push({".github/workflows/deploy.yml": WORKFLOW})
    async with a_world(f"sqlite:///{folder / 'store.sqlite'}") as world:
        yield Place(shop=shop, store=world.store, now=shop.box.now())
