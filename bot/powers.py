"""The powers that a stage may be given, one method each; `bind` gives a stage exactly those in its signature."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache
from gidgethub.abc import GitHubAPI

from bot import config
from bot.adapters import Tools, health, kinds, listing, manifests, open_all, open_one, providers, runners, sources
from bot.adapters.advisories import listener, open_advisories
from bot.adapters.endpoints import Desk
from bot.adapters.listing import Shelf
from bot.adapters.poller import MOST_RELEASES, Poller
from bot.announce import Live
from bot.core import plans, strategies
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import Followed, Keeper, Locker
from bot.core.model import Component, InstallationId, RepoName, Sha, State, Update
from bot.core.ports import Advisories, HealthSource, Lab, Leases, Manifest, Provider, Source
from bot.core.repo_config import CONFIG_PATH, Environment, RepoConfig
from bot.core.survey import rules_of
from bot.github import apps, checkout, commits
from bot.github.forge import Forge
from bot.lab import locks
from bot.lab.bisect import Means
from bot.leases import EnvironmentLeases
from bot.store.store import Store
from bot.tools.http import Http
from bot.tools.pip import IndexSettings
from bot.tools.secrets import Lent

if TYPE_CHECKING:
    from bot.adapters.advisories._heard import Listener

MOST_OF_ONE = 1_000  # releases that are held for the endpoints of one repository; a longer list is asked for each time


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What was made once at the start. forge is None while the operator has not given the App's key.

    fresh: how long a list of releases counts as new for all repositories. secrets: what the operator lends.
    registries: how the operator set the sources up.
    """

    store: Store
    http: Http
    lab: Lab
    forge: Forge | None
    index: IndexSettings
    clock: Callable[[], datetime]
    locker: Locker | None = None
    fresh: timedelta = timedelta()
    osv: str = "off"
    kev: str = ""
    eol: str = ""
    secrets: Sequence[Lent] = ()
    registries: config.Registries = field(default_factory=config.Registries)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keeper:
    """A `core.locks.Keeper`: the tools of the jail, and the same questions about what they bring in.

    meant: the names, in lower case, of what the update itself moves; the rest comes along.
    """

    locker: Locker | None
    shelf: Shelf
    least: timedelta
    now: datetime
    meant: frozenset[str]

    async def follow(
        self,
        changed: Mapping[str, str],
        files: Collection[str],
        read: Callable[[str], Awaitable[str | None]],
        target: tuple[Component, str],
    ) -> Followed:
        if self.locker is None:
            raise Permanent("a lock file has to be made anew, and there is no jail here in which its tool could run")
        component, _ = target
        made = await locks.follow(changed, files, read, target, self.locker)
        others = [one for one in made.moved if one.name.lower() not in self.meant]
        gates = await listing.gates(others, component.ecosystem, self.least, self.shelf, self.now)
        return Followed(files=made.files, moved=made.moved, gates=gates)


class Powers:
    """Makes a power for the update in hand. The names are what stages write in their signatures."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._us: apps.Us | None = None
        self._configs: LRUCache[tuple[str, Sha], RepoConfig | None] = LRUCache(500)
        self._sources: dict[str, Poller] = {}
        self._desk = Desk(self._endpoints, partial(self._polled, kind="endpoints", most=MOST_OF_ONE))
        self._advisories: list[Advisories | None] = []

    def bind(self, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """`run` with its keyword-only powers given. ConfigProblem at once when it asks for one that there is not."""
        wanted = [p.name for p in signature(run).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
        methods = {name: self._power(name, run.__module__) for name in wanted if name != "mail"}

        async def stage(update: Update, **more: object) -> Any:
            given = {name: await method(update) for name, method in methods.items()}
            return await run(update, **given, **more)

        return stage

    def _power(self, name: str, asker: str) -> Callable[[Update], Awaitable[Any]]:
        found = None if name.startswith("_") else getattr(self, name, None)
        if found is None:
            raise ConfigProblem(f"there is no power {name!r}", where=asker, mend="Add a method of that name to Powers")
        power: Callable[[Update], Awaitable[Any]] = found
        return power

    # What stages ask for

    async def now(self, _update: Update) -> datetime:
        """The time, UTC."""
        return self._world.clock()

    async def gh(self, update: Update) -> GitHubAPI:
        """A client that may do in the update's repository what the App was granted."""
        return await self.client(await self._installation(update))

    async def us(self, _update: Update) -> apps.Us:
        """Who we are on GitHub."""
        return await self.ourselves()

    async def config(self, update: Update) -> RepoConfig:
        """The configuration on the default branch now. ConfigProblem when there is none: nothing is allowed then."""
        found = await self.config_of(update.repo, await self.gh(update))
        if found is None:
            raise ConfigProblem("is not on the default branch", where=CONFIG_PATH, mend="Put it back, then retry")
        return found

    async def manifests(self, update: Update) -> Mapping[str, Manifest]:
        """Every kind of manifest. A mistake in the repository's file takes its own patterns away and no other kind."""
        try:
            return self.manifests_of(await self.config(update))
        except ConfigProblem:
            return self.manifests_of(RepoConfig())

    async def siblings(self, update: Update) -> tuple[Update, ...]:
        """All updates in the same repository of what this one moves, and those of the same group."""
        return await self._world.store.siblings(update)

    async def lab(self, update: Update) -> Lab:
        """Where code is tried, here or where the repository's file says; how it goes on is shown.

        ConfigProblem for what that file cannot mean.
        """
        workflow = (await self.config(update)).simulate.workflow
        lab = self._world.lab
        try:
            if workflow:
                lab = open_one(runners, "actions", {"workflow": workflow}, await self._tools(update))
        except ConfigProblem as error:
            raise ConfigProblem(str(error), where=f"{CONFIG_PATH} simulate.workflow") from None
        return Live(await self.gh(update), update).over(lab)

    async def keeper(self, update: Update) -> Keeper:
        """Who sees to it that lock files follow."""
        config = await self.config(update)
        return _Keeper(
            locker=self._world.locker,
            shelf=self.shelf_of_all(),
            least=max(rules_of(part.component, config).minimum_age for part in update.parts),
            now=self._world.clock(),
            meant=frozenset(part.component.name.lower() for part in update.parts),
        )

    async def means(self, update: Update) -> Means:
        """What an update is tried with, and of a group that fails its parts: where, and how their trees are made."""
        manifests, keeper = await self.manifests(update), await self.keeper(update)
        return Means(lab=await self.lab(update), manifests=manifests, keeper=keeper)

    async def leases(self, update: Update) -> Leases:
        """Whose turn it is in an environment."""
        return EnvironmentLeases(self._world.store, update, gh=lambda: self.gh(update), now=self._world.clock)

    async def places(self, update: Update) -> Mapping[str, plans.Place]:
        """The environments that are configured now; while one is in hand that one alone, as it was when it began.

        ConfigProblem for the first that could not be rolled out: what begins with it is held to it until its end.
        """
        tools = await self._tools(update)
        if update.state is not State.MERGED:
            mine = await self._environment(update)
            return {mine.name: plans.Place(environment=mine, provider=_provider(mine, tools))} if mine else {}
        found = {}
        for one in (await self.config(update)).environments:
            _strategy(one), _health(one, tools)
            found[one.name] = plans.Place(environment=one, provider=_provider(one, tools))
        return found

    async def turned_back(self, update: Update) -> tuple[Update, ...]:
        """The updates of this repository that were rolled back and are reverted by a pull request."""
        every = await self._world.store.of_repo(update.repo)
        return tuple(one for one in every if one.state is State.ROLLED_BACK and one.revert is not None)

    async def strategy(self, update: Update) -> strategies.Strategy | None:
        """The strategy of the environment in hand."""
        environment = await self._environment(update)
        return _strategy(environment) if environment else None

    async def health(self, update: Update) -> HealthSource | None:
        """The health source of the environment in hand; None when it has none."""
        environment = await self._environment(update)
        return _health(environment, await self._tools(update)) if environment else None

    async def checkout(self, update: Update) -> Callable[[Sha, Sha], AbstractAsyncContextManager[checkout.Trees]]:
        """Both sides as folders, for as long as they are needed."""
        forge = self.forge()
        token = await forge.token(await self._installation(update), update.repo)
        url = forge.git_url(update.repo)

        @asynccontextmanager
        async def trees(base: Sha, head: Sha) -> AsyncIterator[checkout.Trees]:
            with tempfile.TemporaryDirectory(prefix="surefoot-", ignore_cleanup_errors=True) as folder:
                yield await checkout.trees(url, token, base=base, head=head, into=Path(folder))

        return trees

    # What `app` asks for

    def forge(self) -> Forge:
        """GitHub. Permanent while the operator has not given the App's key."""
        if self._world.forge is None:
            raise Permanent("APP_ID and PRIVATE_KEY are not set, so GitHub cannot be asked")
        return self._world.forge

    async def client(self, installation: InstallationId) -> GitHubAPI:
        """A client for one installation."""
        return await self.forge().installation(installation)

    async def ourselves(self) -> apps.Us:
        """Asked once: an App's number and name stay."""
        if self._us is None:
            self._us = await apps.us(self.forge().app())
        return self._us

    async def config_of(self, repo: RepoName, gh: GitHubAPI) -> RepoConfig | None:
        """The configuration at the tip of the default branch; None when there is none."""
        base = await commits.default_branch(gh, repo)
        tip = await commits.branch(gh, repo, base)
        if tip is None:
            return None
        key = (repo.lower(), tip)
        if key not in self._configs:
            text = await commits.read(gh, repo, CONFIG_PATH, tip)
            self._configs[key] = config.parse(text, CONFIG_PATH, kinds=known_kinds()) if text is not None else None
        return self._configs[key]

    def manifests_of(self, config: RepoConfig) -> Mapping[str, Manifest]:
        """Every kind of manifest, by name. ConfigProblem for a pattern of the repository's that cannot be meant."""
        where = f"{CONFIG_PATH} updates.files"
        return open_all(manifests, self._lent(), config.updates.readers, where=where)

    def all_sources(self) -> Mapping[str, Source]:
        """The source of each ecosystem; they keep what they learnt of their index."""
        if not self._sources:
            given = self._world.registries
            opened = open_all(sources, replace(self._lent(), secrets=given.lookup), given.options, where=given.places)
            self._sources = {kind: self._polled(one, kind) for kind, one in opened.items()}
        return self._sources

    def sources_of(self, config: RepoConfig, repo: RepoName) -> Mapping[str, Source]:
        """The same as one repository sees them: with the endpoints that it describes, which are its own alone."""
        return self._desk.over(self.all_sources(), config.updates, repo)

    def shelf_of(self, config: RepoConfig, repo: RepoName) -> Shelf:
        """Who is asked about releases for one repository."""
        heard = self._heard.of(repo)
        every = self.shelf_of_all()
        return replace(every, sources=self.sources_of(config, repo), endpoints=config.updates.urls, advisories=heard)

    def shelf_of_all(self) -> Shelf:
        """Who is asked about releases, for whatever repository."""
        return Shelf(
            sources=self.all_sources(),
            sightings=self._world.store,
            advisories=self._heard.of(None),
            allow=self._world.registries.allow,
        )

    def advisories(self) -> Advisories | None:
        """What is known to be bad; None where the operator wants nobody to be asked."""
        if not self._advisories:
            world = self._world
            self._advisories.append(open_advisories(world.osv, self._lent(), kev=world.kev, eol=world.eol))
        return self._advisories[0]

    @cached_property
    def _heard(self) -> Listener:
        return listener(self.advisories(), self._world.store)

    def news(self, names: Collection[str]) -> datetime | None:
        """Somebody says that these may have been published: their lists are asked for again, from then on."""
        said = (source.hint_named(names) for source in self._every())
        return min((at for at in said if at is not None), default=None)

    def again(self, names: Collection[str]) -> datetime | None:
        """When a look at what bears these very names will learn more than now; None where nobody said so."""
        said = (source.again_named(names) for source in self._every())
        return min((at for at in said if at is not None), default=None)

    def _every(self) -> Sequence[Poller]:
        return (*self._sources.values(), *self._desk.every())

    def _polled(self, source: Source, kind: str, most: int = MOST_RELEASES) -> Poller:
        return Poller(source, kind, fresh=self._world.fresh, now=self._world.clock, most=most)

    def _endpoints(self, options: Mapping[str, object]) -> Source:
        source: Source = open_one(sources, "http", options, self._lent())
        return source

    def _lent(self) -> Tools:
        return Tools(http=self._world.http, index=lambda: self._world.index)

    async def _tools(self, update: Update) -> Tools:
        secrets = config.lookup(self._world.secrets, update.repo)
        return Tools(http=self._world.http, github=await self.gh(update), repo=update.repo, secrets=secrets)

    async def _installation(self, update: Update) -> InstallationId:
        """The row's: an App that was taken away and given back has another installation than the update knew."""
        row = await self._world.store.repo(update.repo)
        return row.installation if row else update.installation

    async def _environment(self, update: Update) -> Environment | None:
        """The one in hand, as it was when it began: a typo in the file must not hinder its way back."""
        if update.rollout is None:
            return None
        if kept := plans.environment(update.rollout.plan):
            return kept
        config = await self.config(update)
        return next((e for e in config.environments if e.name == update.rollout.environment), None)


def _open(family: ModuleType, environment: Environment, kind: str, options: Mapping[str, object], tools: Tools) -> Any:
    try:
        return open_one(family, kind, options, tools)
    except ConfigProblem as error:
        raise ConfigProblem(str(error), where=f"{CONFIG_PATH}, environment {environment.name}") from None


def _provider(environment: Environment, tools: Tools) -> Provider:
    chosen = environment.provider
    made: Provider = _open(providers, environment, chosen.kind, chosen.options, tools)
    return made


def _strategy(environment: Environment) -> strategies.Strategy:
    chosen = environment.strategy
    return strategies.read(chosen.kind, chosen.options, where=chosen.where)


def _health(environment: Environment, tools: Tools) -> HealthSource | None:
    chosen = environment.health
    return _open(health, environment, chosen.kind, chosen.options, tools) if chosen else None


def known_kinds() -> Mapping[str, list[str]]:
    """The kinds that a configuration may name."""
    return {"provider": kinds(providers), "strategy": list(strategies.STRATEGIES), "health": kinds(health)}
