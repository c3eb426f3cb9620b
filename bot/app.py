"""The only file that knows everyone: makes each thing once, introduces it, and holds the path."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import aiohttp
import msgspec
import structlog
from aiohttp import web
from gidgethub.abc import GitHubAPI

from bot.adapters import Tools, open_all, open_one, sources
from bot.adapters.advisories import open_advisories
from bot.adapters.runners.host import RunnerHost
from bot.announce import Announcer
from bot.clock import Clock
from bot.config import Settings, lockers, with_registered
from bot.core.errors import ConfigProblem, Permanent
from bot.core.events import Mail
from bot.core.lifecycle import Outcome
from bot.core.locks import Lacks, Locker
from bot.core.model import InstallationId, Isolation, State, Update
from bot.core.ports import Lab
from bot.drain import Drainer
from bot.engine import Engine
from bot.github import apps, pins
from bot.github.client import Manners, web_url
from bot.github.forge import Forge
from bot.lab import host, probe, resolver, trial
from bot.lab.fetching import Fetching
from bot.lab.locks import Locksmith, Room
from bot.lab.relocked import Remembering
from bot.lab.toolshed import Toolshed
from bot.loop import Looked, Loop, Stages
from bot.powers import Powers, World
from bot.stages import (
    board,
    converse,
    decide,
    deploy,
    detect,
    merge,
    onboard,
    propose,
    rollback,
    rollout,
    simulate,
    watch,
)
from bot.store.rows import RepoRow, UpdateRow
from bot.store.store import Store
from bot.tools.cache import Cache, Memory
from bot.tools.http import Http, Reach
from bot.tools.npm import named_hosts
from bot.tools.pip import IndexSettings, index_of_pip
from bot.tools.turnstile import Turnstile
from bot.web.api import Api
from bot.web.components import Components
from bot.web.dashboard import Dashboard
from bot.web.guard import guard
from bot.web.hints import HintDoor
from bot.web.inventory import Inventory
from bot.web.pages import Pages
from bot.web.webhook import MOST_BYTES, Door

log = structlog.get_logger(__name__)

PATH: Mapping[State, Callable[..., Awaitable[Outcome]]] = {
    State.DETECTED: propose.run,
    State.PROPOSED: simulate.run,
    State.SIMULATED: decide.run,
    State.IN_REVIEW: decide.run,
    State.DEFERRED: decide.run,
    State.APPROVED: merge.run,
    State.MERGED: deploy.run,
    State.DEPLOYING: deploy.run,
    State.ROLLING_OUT: rollout.run,
    State.ROLLING_BACK: rollback.run,
}

WORKERS = 32  # rows worked side by side; each mostly waits for GitHub


def utc_now() -> datetime:
    """The time of this machine, UTC."""
    return datetime.now(UTC)


class App:
    """One bot in one process: `start` it inside a running event loop, then serve `web`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = utc_now,
        lab: Lab | None = None,
        locker: Locker | None = None,
        manners: Manners | None = None,
        index: IndexSettings | None = None,
    ) -> None:
        self.settings, self._clock = settings, clock
        self._manners, self._index = manners, index
        self.engine = Engine(settings.database_url, data_dir=settings.data_dir, work=self._work, workers=WORKERS)
        self.store = Store(settings.database_url, enqueue=self.engine.enqueue)
        self._lab, self._locker = lab, locker
        self._lacks: Lacks | None = None  # whose own locker is given needs no tools of this machine
        self._tasks: list[asyncio.Task[None]] = []
        self.drainer = Drainer(self.store, app_id=settings.app_id, clock=clock, gone=self._forget, news=self._news)
        self.loop: Loop | None = None
        self._github: Forge | None = None
        self._session: aiohttp.ClientSession | None = None
        self._http: Http | None = None
        self._kept = pins.readings()

    def web(self) -> web.Application:
        """The doors."""
        settings = self.settings
        application = web.Application(
            client_max_size=MOST_BYTES, middlewares=[guard(settings.read_token, settings.write_token)]
        )
        door = Door(self.store, secret=settings.webhook_secret, nudge=self.drainer.nudge, clock=self._clock)
        application.router.add_post("/github", door)
        hints = HintDoor(self.store, secret=settings.hints_secret, nudge=self.drainer.nudge, clock=self._clock)
        application.router.add_post("/hints/{kind}", hints)
        application.router.add_routes(Api(self.store, missing=settings.missing).routes())
        application.router.add_routes(Components(self.store, clock=self._clock).routes())
        application.router.add_routes(Inventory(self.store).routes())
        pages = Pages(web_url(settings.api_url))
        application.router.add_routes(Dashboard(self.store, missing=settings.missing, pages=pages).routes())
        return application

    async def open(self) -> None:
        """Claim the data and bring the tables up to date: from here on deliveries can be stored.

        ConfigProblem for a source that the operator's file sets up wrongly.
        """
        try_settings(self.settings)
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.engine.claim()
        await self.store.migrate()
        for line in self.settings.missing:
            log.warning("not set, so nothing is done on GitHub", missing=line)

    async def start(self) -> None:
        """Begin to work; after `open`. GitHub may be away."""
        settings = self.settings
        self._session = aiohttp.ClientSession()
        index = self._index if self._index is not None else await asyncio.to_thread(index_of_pip)
        npm = await asyncio.to_thread(named_hosts, os.environ)
        reach, cache = _reach(settings, index, npm), Memory()
        self._http = Http(reach, cache=cache)
        lab, locker = self._lab, self._locker
        if lab is None:
            tools = Tools(http=self._http, index=lambda: index)
            lab, locker = await _workshop(settings, tools, reach, cache)
            self._lacks = Toolshed().lacks
        self._github = self._forge()
        world = World(
            store=self.store, http=self._http, lab=lab, forge=self._github, index=index, clock=self._clock,
            fresh=settings.fresh, osv=settings.osv, kev=settings.kev, eol=settings.eol, locker=locker,
            registries=settings.registries, secrets=settings.secrets,
        )  # fmt: skip
        self.powers = Powers(world)
        self.voice = Announcer(
            self.store, self.powers.gh, us=self.powers.ourselves, clock=self._clock, pages=settings.url
        )
        self.loop = Loop(self.store, self._stages(), voice=self._speak, clock=self._clock)
        await self.engine.start()
        self._tasks.append(asyncio.create_task(self.drainer.run(every=settings.tick.total_seconds())))
        if world.forge is not None:
            self._begin_tickers()

    async def stop(self) -> None:
        """End what runs; what is left half done goes on at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.engine.stop()
        if self._http is not None:
            await self._http.close()
        if self._session is not None:
            await self._session.close()
        self.store.close()

    def _news(self, names: tuple[str, ...]) -> datetime | None:
        """Ask again for the lists that may have changed, and when; before the start there is none."""
        return self.powers.news(names) if self._github is not None else None

    def _forget(self, installation: InstallationId) -> None:
        """Drop what is kept of an installation that is gone; before the start there is nothing."""
        if self._github is not None:
            self._github.forget(installation)

    def _forge(self) -> Forge | None:
        settings = self.settings
        if settings.app_id is None or settings.private_key is None or self._session is None:
            return None
        key = settings.private_key.reveal()
        return Forge(settings.app_id, key, session=self._session, api_url=settings.api_url, manners=self._manners)

    def _begin_tickers(self) -> None:
        async def installation(of: apps.Installation) -> GitHubAPI:
            return await self.powers.client(of.id)

        self.clock = clock = Clock(
            self.store,
            app=self.powers.forge().app,
            installation=installation,
            voice=self.voice,
            prune=self.engine.prune,
            now=self._clock,
        )
        for ticker in (clock.tick(self.settings.tick), clock.sweep(self.settings.sweep), clock.speak()):
            self._tasks.append(asyncio.create_task(ticker))

    def _stages(self) -> Stages:
        bind = self.powers.bind
        ear = bind(converse.run)

        async def hear(update: Update, mail: Mail) -> Outcome | None:
            heard: Outcome | None = await ear(update, mail=mail)
            return heard

        path = {state: bind(run) for state, run in PATH.items()}
        # A trial takes minutes: one of each pair may wait for the lab, and rollouts always find a worker.
        trials = Turnstile(path[State.PROPOSED], places=min(2 * trial.at_a_time(), WORKERS // 2), clock=self._clock)
        path[State.PROPOSED] = trials
        return Stages(
            path=path,
            watch=bind(watch.run),
            ear=hear,
            look=self._look,
            full=lambda update: update.state is State.PROPOSED and trials.full,
        )

    async def _look(self, row: RepoRow) -> Looked:
        """Onboard, or detect where a configuration is."""
        gh = await self.powers.client(row.installation)
        due = self._clock() + self.settings.poll
        config = await self.powers.config_of(row.name, gh)
        if config is None:
            greeted = await onboard.run(row.name, gh=gh, us=await self.powers.ourselves())
            return Looked(due=due, notes={"said": greeted.why, "pull": greeted.pull})
        config = with_registered(config, await self.store.registered(row.name))
        known = await self.store.of_repo(row.name)
        us = await self.powers.ourselves()
        issue = await board.find(row.name, row.notes.get("board"), gh=gh, us=us) if config.updates.dashboard else None
        detected = await detect.run(
            detect.Place(repo=row.name, installation=row.installation, known=known, released=board.released(issue)),
            gh=gh,
            config=config,
            reader=pins.Reader(manifests=self.powers.manifests_of(config), kept=self._kept),
            shelf=replace(self.powers.shelf_of(config, row.name), lacks=self._lacks),
            now=self._clock(),
        )
        notes = _notes(detected)
        if config.updates.dashboard:
            shown = board.Shown(answers=detected.answers, updates=(*known, *detected.found), problems=detected.problems)
            notes = {**notes, "board": await board.write(row.name, shown, issue, gh=gh)}
        again = self.powers.again(frozenset(answer.name for answer in detected.answers))
        return Looked(
            found=detected.found, seen=detected.seen, due=_next_look(detected, min(due, again or due)), notes=notes
        )

    async def _speak(self, row: UpdateRow, important: bool) -> None:
        await self.voice(row, important)

    async def _work(self, key: str) -> None:
        if self.loop is None:
            raise Permanent("work before the start")
        await self.loop.work(key)


def _next_look(detected: detect.Detected, due: datetime) -> datetime:
    """The regular look, or earlier when something that is held will be free."""
    freed = (answer.held_until for answer in detected.answers if answer.held_until)
    return min(due, min(freed, default=due))


def _notes(detected: detect.Detected) -> Mapping[str, object]:
    said = f"{len(detected.answers)} components, {len(detected.found)} with an update to propose"
    answers = msgspec.to_builtins(detected.answers)
    return {"said": said, "answers": answers, "problem": "; ".join(detected.problems)}


async def _workshop(settings: Settings, tools: Tools, reach: Reach, cache: Cache) -> tuple[Lab, Locker]:
    """The lab of this machine, and who makes lock files anew in its jail.

    Where there is no jail nothing runs, but for the demo, whose code is its own.
    """
    there = await probe.probe(gvisor=settings.gvisor)
    if not settings.plain:
        there = host.at_least_full(there)
    if there.isolation is Isolation.NONE and settings.unjailed and not settings.gvisor:
        there = host.unjailed()
    log.info("jail", isolation=there.isolation.value, reason=there.reason, mend=there.mend)
    # What is installed to try an update comes from the index that listed it.
    uv = resolver.find_uv(tools.index(), open_one(sources, "pypi", {}, tools).releases)
    room = Room(host=there, http=tools.http, reach=reach, cache=cache)
    flaws = open_advisories(settings.osv, tools, kev=settings.kev, eol=settings.eol)
    given = settings.registries
    opened, root = lockers.opened_of(given), settings.trusted_root
    fetching = Fetching(room=room, crates=lockers.crates_of(given), opened=opened, root=root)
    here = trial.laboratory(settings.data_dir / "lab", host=there, uv=uv, advisories=flaws, fetching=fetching)
    smith = Locksmith(
        room=room, uv=uv, crates=lockers.crates_of(given), packagist=lockers.packagist_of(given),
        gems=lockers.gems_of(given),
    )  # fmt: skip
    return _runner(settings) or here, Remembering(locker=smith)


def _runner(settings: Settings) -> Lab | None:
    """The machine that the operator named for simulations. ConfigProblem for an address that cannot be used."""
    if not settings.runner:
        return None
    if settings.runner_token is None:
        mend = "Set it to the text that the runner was started with"
        raise ConfigProblem("is not set, and the runner asks for it", where="SUREFOOT_RUNNER_TOKEN", mend=mend)
    return RunnerHost(settings.runner, settings.runner_token)


def try_settings(settings: Settings) -> None:
    """Open each source once, which asks nobody: a mistake of the operator's ends the start and not each look.

    ConfigProblem for what cannot be opened.
    """
    _runner(settings)
    given = settings.registries
    open_all(sources, Tools(http=Http(), secrets=given.lookup), given.options, where=given.places)
    open_advisories(settings.osv, Tools(http=Http()), kev=settings.kev, eol=settings.eol)


def _reach(settings: Settings, index: IndexSettings, npm: frozenset[str]) -> Reach:
    """Users' URLs reach the public Internet, the operator's networks and registries, and where pip and npm go."""
    return Reach(
        allow=[ip_network(net) for net in settings.allow],
        trusted=index.hosts | npm | settings.registries.hosts,
        ca=index.cert,
        unverified=index.trusted_hosts,
    )
