"""A whole small world over HTTP: GitHub in a box, a package index, a health page, and the bot itself.

Only the lab is a stand-in: it gives the grade that the test laid out, since real trials have their own tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from ruamel.yaml import YAML

from bot import config
from bot.app import App
from bot.core.locks import Locker
from bot.core.model import Grade, Isolation, Simulation, State, SuiteResult, Tally, TestChange, Update
from bot.core.ports import Say, Trial, silent
from bot.demo import releases
from bot.demo.box import Box
from bot.demo.hub import Hub
from bot.demo.index import Index
from bot.github.client import Manners
from bot.github.limits import Pace
from bot.tools.pip import IndexSettings
from tests.openapi.guard import Guard

MANIFEST = Path(__file__).parent.parent.parent / "app.yml"  # what a real App would be granted, and no more
OWNER, NAME = "acme", "shop"
REPO = f"{OWNER}/{NAME}"
WORKFLOW = """\
name: deploy
run-name: Deploy ${{ inputs.deploy_id }}
on:
  workflow_dispatch:
    inputs:
      deploy_id: {required: true}
      sha: {required: true}
      stable_sha: {required: false}
      weight: {required: true}
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment: {name: production, url: "HEALTH"}
    steps:
      - run: "true"
"""
CONFIG = """\
version: 1
updates: {minimum_age: 0s}
environments:
  - name: production
    provider: {kind: github_actions, workflow: deploy.yml}
    strategy: {kind: canary, steps: [50, 100], bake: 1s, min_requests: 5}
    health: {kind: http, url: "HEALTH/healthz/releases"}
"""
FAILED = SuiteResult(
    kind="unit",
    command="pytest",
    grade=Grade.FAILED,
    why="1 test newly fails",
    before=Tally(passed=2),
    after=Tally(passed=1, failed=1),
    newly_failing=(TestChange(test="tests/test_shop.py::test_greets", before="passed", after="failed"),),
)


@dataclass(slots=True)
class ScriptedLab:
    """Gives the grades that the test laid out, per component version tried; remembers what it was asked."""

    grades: dict[str, Grade] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    clashing: tuple[str, ...] = ()  # what fails where all of it stands in the file that is read
    read: str = "requirements.txt"

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """The grade for what the candidate pins."""
        self.trials.append(trial)
        text = (trial.candidate / self.read).read_text()
        grade = next((grade for version, grade in self.grades.items() if version in text), Grade.PASSED)
        if self.clashing and all(words in text for words in self.clashing):
            grade = Grade.FAILED
        suites = (FAILED,) if grade is Grade.FAILED else ()
        why = "1 test newly fails" if grade is Grade.FAILED else "2 tests pass, none newly fails"
        return Simulation(
            head=trial.head, base=trial.base_sha, grade=grade, why=why, isolation=Isolation.FULL, suites=suites
        )


class Production:
    """The health page: every release that was ever asked about serves; bad ones fail their share."""

    def __init__(self) -> None:
        self.share_of_new = 0.0  # of the newest release's requests that fail
        self.counts: dict[str, list[int]] = {}
        self.silent = False
        self.logins: set[str] = set()  # who asked, by the Authorization header
        self._box: Box | None = None

    def watch(self, box: Box) -> None:
        """Serve the commits of this box's repository."""
        self._box = box

    async def page(self, request: web.Request) -> web.Response:
        """Each look finds that every release that was dispatched has served a hundred requests more."""
        assert self._box is not None
        self.logins.add(request.headers.get("Authorization", ""))
        newest = next((sha for sha, _ in deployed(self._box)), "")
        for sha in {dispatch for pair in deployed(self._box) for dispatch in pair}:
            seen = self.counts.setdefault(sha, [0, 0])
            seen[0] += 0 if self.silent else 100
            seen[1] += 0 if self.silent or sha != newest else int(100 * self.share_of_new)
        return web.json_response(
            {"releases": {sha: {"requests": seen[0], "errors": seen[1]} for sha, seen in self.counts.items()}}
        )


def deployed(box: Box) -> list[tuple[str, str]]:
    """What each dispatch asked for: the release with the weight, and the other one."""
    return [(d["sha"], d["stable_sha"]) for d in dispatches(box)]


def problems(flow: Flow) -> list[str]:
    """What GitHub's published schemas have against the requests that the bot made, and the answers it got."""
    guard = Guard()
    guard.read(flow.box.log)
    return sorted(set(guard.problems))


def dispatches(box: Box) -> list[Mapping[str, Any]]:
    """The inputs of every dispatch that the box took."""
    return [
        row.body["inputs"]
        for row in box.log
        if row.method == "POST" and row.path.endswith("/dispatches") and row.status in (200, 204)
    ]


@dataclass(slots=True)
class Flow:
    """Everything at hand for a test."""

    box: Box
    app: App
    lab: ScriptedLab
    index: Index
    production: Production
    rosa: Hub
    others: dict[str, Hub]
    app_id: int
    health: str
    install: Callable[[], None]

    async def update(self, target: str) -> Update | None:
        """The update to a version, if it was found."""
        for update in await self.app.store.of_repo(REPO):
            if update.target == target:
                return update
        return None

    async def reach(self, target: str, *states: State, seconds: float = 30) -> Update:
        """Wait until the update to `target` is in one of these states."""
        update = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    update = await self.update(target)
                    if update and update.state in states:
                        return update
                    await asyncio.sleep(0.05)
        except TimeoutError:
            audit = await self.app.store.audit(update.id) if update else ()
            told = [f"{e.was}>{e.now}: {e.why}" for e in audit[-8:]]
            where = f"{update.state}: {update.note}" if update else "nowhere"
            raise AssertionError(f"{target} is {where}, not {states}; {told}") from None

    async def until(self, seen: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until something can be seen; `seen` may be async."""
        async with asyncio.timeout(seconds):
            while True:
                found = seen()
                found = await found if asyncio.iscoroutine(found) else found
                if found:
                    return found
                await asyncio.sleep(0.05)

    def publish(self, version: str) -> None:
        """Upstream releases a version; nobody looks by that alone."""
        first = releases.wheel_of(releases.FIRST)
        self.index.publish(replace(first, version=version, filename=first.filename.replace(releases.FIRST, version)))

    async def look(self) -> None:
        """As a poll would: look at the repository again."""
        await self.app.store.wake([f"r:{REPO}"], now=self.app._clock())

    async def settled(self, update: Update) -> None:
        """GitHub's times are whole seconds, and words in the very second of a push are taken for older than it."""
        assert update.pull is not None
        await asyncio.sleep(max(0.0, 1.1 - (datetime.now(UTC) - update.pull.since).total_seconds()))

    async def say(self, update: Update, text: str, *, who: str = "rosa") -> int:
        """Somebody comments on the update's pull request; the comment's number."""
        assert update.pull is not None
        await self.settled(update)
        hub = self.others[who]
        return int((await hub._ask("POST", f"/issues/{update.pull.number}/comments", {"body": text}))["id"])

    async def replied(self, update: Update, words: str, *, times: int = 1) -> bool:
        """Whether the bot's comments on the pull request hold these words so often."""
        assert update.pull is not None
        found = await self.rosa._ask("GET", f"/issues/{update.pull.number}/comments?per_page=100")
        return times <= sum(words in one["body"] for one in found if one["user"]["type"] == "Bot")

    def reactions(self, comment: int) -> list[str]:
        """The bot's reactions to a comment."""
        made = [
            row for row in self.box.log if row.path.endswith(f"/comments/{comment}/reactions") and row.status == 201
        ]
        return [row.body["content"] for row in made]

    async def close(self, number: int) -> None:
        """Click: close the pull request."""
        await self.rosa._ask("PATCH", f"/pulls/{number}", {"state": "closed"})

    async def reopen(self, number: int) -> None:
        """Click: open it again."""
        await self.rosa._ask("PATCH", f"/pulls/{number}", {"state": "open"})

    async def status(self, sha: str, context: str, state: str) -> None:
        """Another service reports on a commit."""
        await self.rosa._ask("POST", f"/statuses/{sha}", {"context": context, "state": state})

    async def check_id(self, sha: str, name: str) -> int | None:
        """The number of a finished check run."""
        rows = (await self.rosa._ask("GET", f"/commits/{sha}/check-runs"))["check_runs"]
        return next((row["id"] for row in rows if row["name"] == name and row["conclusion"]), None)

    async def commit(self, path: str, text: str, *, branch: str = "main") -> None:
        """The owner pushes a file."""
        await self.box.commit(self.box.repo(REPO), {path: text}, branch=branch)

    async def configure(self, text: str) -> None:
        """The owner pushes another configuration."""
        await self.commit(".github/surefoot.yml", text.replace("HEALTH", self.health))

    @property
    def config(self) -> str:
        """The usual configuration, with this world's addresses."""
        return CONFIG.replace("HEALTH", self.health)

    def drop(self, event: str) -> None:
        """The next webhook of this event is lost on its way."""
        self.box.world.faults.hook("drop", event)

    async def quiet(self) -> None:
        """Wait until no webhook is under way and the bot has nothing in hand."""
        await self.box.settle()
        await self.until(self._idle)

    async def _idle(self) -> bool:
        return not await self.app.store.undrained() and await self.app.engine.idle(5)

    def asked(self, method: str = "") -> int:
        """How many requests the bot has made in the name of its installation so far."""
        made = [row for row in self.box.log if row.actor.startswith("installation:")]
        return sum(method in ("", row.method) for row in made)

    async def figures(self) -> dict[str, float]:
        """What /metrics says now."""
        door = self.box.world.apps[self.app_id].webhook_url.removesuffix("github") + "metrics"
        async with self.rosa.http.get(door) as answer:
            lines = (await answer.text()).splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    async def whys(self, update: Update) -> list[str]:
        """The audit of an update, sentence by sentence."""
        return [entry.why for entry in await self.app.store.audit(update.id)]


def settings_for(box: Box, folder: Path, app: tuple[int, str, str], **more: str) -> config.Settings:
    """The bot's settings as an operator would give them."""
    app_id, pem, secret = app
    env = {
        "APP_ID": str(app_id),
        "PRIVATE_KEY": pem,
        "WEBHOOK_SECRET": secret,
        "GITHUB_API_URL": box.url,
        "SUREFOOT_DATA_DIR": str(folder / "data"),
        "SUREFOOT_ALLOW_NETWORKS": "127.0.0.0/8",
        "SUREFOOT_POLL": "1h",
        "SUREFOOT_FRESH": "0s",
        "SUREFOOT_OSV": "off",
    }
    return replace(config.settings({**env, **more}), tick=timedelta(milliseconds=200))


@asynccontextmanager
async def flowing(
    folder: Path,
    *,
    configured: bool = True,
    installed: bool = True,
    files: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    locker: Locker | None = None,
) -> AsyncIterator[Flow]:
    """The world with the App installed unless that is left to the test, and the bot at work in it.

    env: what the operator sets besides; locker: who makes lock files anew. At its end every request that the bot
    made, and every answer that it got, is held against GitHub's own description.
    """
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(Box.start(data_dir=folder / "github"))
        index, production = Index(), Production()
        stack.push_async_callback(index.close)
        await index.start()
        index.publish(releases.wheel_of(releases.FIRST))
        health = await _serve(stack, [web.get("/healthz/releases", production.page)])
        production.watch(box)
        given = IndexSettings(index_url=index.url)
        there = {**({".github/surefoot.yml": CONFIG.replace("HEALTH", health)} if configured else {}), **(files or {})}
        flow = await _peopled(stack, box, folder, health, files=there, index=given, env=env or {}, locker=locker)
        flow.index, flow.production = index, production
        if installed:
            flow.install()
        yield flow
        found = problems(flow)
        assert not found, "\n".join(found)


async def _serve(stack: AsyncExitStack, routes: list[web.RouteDef] | web.Application) -> str:
    application = web.Application() if isinstance(routes, list) else routes
    if isinstance(routes, list):
        application.router.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _peopled(
    stack: AsyncExitStack,
    box: Box,
    folder: Path,
    health: str,
    *,
    files: Mapping[str, str],
    index: IndexSettings,
    env: Mapping[str, str],
    locker: Locker | None,
) -> Flow:
    tokens = {login: box.add_user(login) for login in ("rosa", "tom", "eve")}
    box.add_org(OWNER, {"rosa": "admin"})
    there = {
        "requirements.txt": f"{releases.PROJECT}=={releases.FIRST}\n",
        ".github/workflows/deploy.yml": WORKFLOW.replace("HEALTH", health),
        **files,
    }
    repo = await box.add_repo(OWNER, NAME, there, collaborators={"tom": "write", "eve": "read"})
    manifest = YAML(typ="safe").load(MANIFEST.read_text())
    granted, events = manifest["default_permissions"], manifest["default_events"]
    app_id, pem, secret = box.add_app("surefoot", owner=OWNER, permissions=granted, events=events)
    lab, http = ScriptedLab(), await stack.enter_async_context(aiohttp.ClientSession())
    settings = settings_for(box, folder, (app_id, pem, secret), **env)
    app = App(settings, lab=lab, locker=locker, manners=Manners(pace=Pace(seconds=0)), index=index)
    await app.open()
    await app.start()
    stack.push_async_callback(app.stop)
    box.set_webhook(app_id, await _serve(stack, app.web()) + "/github")
    hubs = {login: Hub(api=box.url, repo=REPO, login=login, token=token, http=http) for login, token in tokens.items()}
    return Flow(
        box=box,
        app=app,
        lab=lab,
        index=Index(),
        production=Production(),
        rosa=hubs["rosa"],
        others=hubs,
        app_id=app_id,
        health=health,
        install=lambda: box.install(app_id, repo) and None,
    )
