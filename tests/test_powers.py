"""Powers: a stage gets exactly what its signature names, of the repository as it is now, or a clear no."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import kinds, sources
from bot.adapters.health.http import HttpHealth
from bot.adapters.providers.github_actions import GitHubActions
from bot.app import PATH
from bot.config import Registries
from bot.core import plans
from bot.core.errors import ConfigProblem, Missing, Permanent
from bot.core.model import InstallationId, PullNumber, RepoName, Sha, State, Update
from bot.core.repo_config import CONFIG_PATH, Adapted, RepoConfig, Updates
from bot.github.forge import Forge
from bot.powers import Powers, World, known_kinds
from bot.stages import converse, watch
from bot.store.store import Store
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from bot.tools.secrets import ANYWHERE, Lent, Secret
from tests.builders import NOW, a_rollout, an_entry, an_update
from tests.github.hub import APP_ID
from tests.github.town import REPO, Town, town
from tests.store.world import a_world

CONFIG = """\
version: 1
updates: {minimum_age: 0s}
environments:
  - name: production
    strategy: {kind: canary, steps: [50, 100], bake: 1m}
    health: {kind: http, url: "https://shop.example/healthz/releases"}
  - name: staging
    strategy: all_at_once
"""


@dataclass(kw_only=True)
class Given:
    """A town with a configuration, and powers over it."""

    shop: Town
    store: Store
    powers: Powers
    world: World

    @property
    def update(self) -> Update:
        return an_update(installation=self.shop.installation)

    def without(self, **changes: Any) -> Powers:
        """Powers over a world that differs."""
        return Powers(replace(self.world, **changes))


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    async with (
        town(tmp_path) as shop,
        a_world(f"sqlite:///{tmp_path / 'powers.sqlite'}") as stored,
        Http(Reach()) as http,
    ):
        await shop.push({CONFIG_PATH: CONFIG})
        await stored.store.install([REPO], shop.installation, now=NOW)
        world = World(
            store=stored.store,
            http=http,
            lab="the lab",  # type: ignore[arg-type]  # only handed through
            forge=shop.forge,
            index=IndexSettings(),
            clock=lambda: NOW,
        )
        yield Given(shop=shop, store=stored.store, powers=Powers(world), world=world)


async def test_a_stage_gets_exactly_what_its_signature_names(given):
    """By name, and no more; what the loop hands over beside them goes through."""
    got: dict[str, object] = {}

    async def stage(update: Update, *, gh, now, us, lab, mail) -> str:
        got.update(gh=gh, now=now, us=us, lab=lab, mail=mail)
        return update.target

    assert "1.2.4" == await given.powers.bind(stage)(given.update, mail="words")
    assert (NOW, APP_ID, "words") == (got["now"], got["us"].app_id, got["mail"])
    assert "the lab" == got["lab"]._lab, "the lab itself, shown while it works"
    assert REPO == (await got["gh"].getitem(f"/repos/{REPO}"))["full_name"]


async def greedy(update: Update, *, root_password: str) -> None:
    """Asks for what nobody has."""


async def curious(update: Update, *, _world: World) -> None:
    """Asks for the inside of the powers."""


@pytest.mark.parametrize(("stage", "name"), [(greedy, "root_password"), (curious, "_world")])
async def test_a_power_that_there_is_not_is_refused_at_the_start(given, stage, name):
    """Not at the first update: binding fails, with the stage's module and the name."""
    await given.shop.gh.getitem(f"/repos/{REPO}")
    with pytest.raises(ConfigProblem, match=f"{stage.__module__}: there is no power '{name}'"):
        given.powers.bind(stage)


async def test_every_stage_of_the_path_finds_its_powers(given):
    """All that stand in a signature can be had."""
    await given.shop.gh.getitem(f"/repos/{REPO}")
    for run in (*PATH.values(), watch.run, converse.run):
        assert callable(given.powers.bind(run))


async def test_the_configuration_is_that_of_the_default_branch_now(given):
    """Read once for each tip, and anew when it moved; a pull request's own copy changes nothing."""
    await given.shop.push({CONFIG_PATH: "version: 1\npolicy: {patch: reject}\n"}, branch="mallory")
    for _ in range(2):
        names = [environment.name for environment in (await given.powers.config(given.update)).environments]
        assert ["production", "staging"] == names
    assert 1 == len(given.shop.asked("GET", f"/contents/{CONFIG_PATH}"))

    await given.shop.push({CONFIG_PATH: "version: 1\n"})
    assert () == (await given.powers.config(given.update)).environments


async def test_without_a_configuration_nothing_is_allowed(given):
    """It was removed: the place and the mend are named. A repository without a commit has none either."""
    await given.shop.push({CONFIG_PATH: None})
    with pytest.raises(ConfigProblem, match=r"\.github/surefoot\.yml: is not on the default branch.*then retry"):
        await given.powers.config(given.update)

    await given.shop.repo.git.set_ref("refs/heads/main", None)
    assert None is await given.powers.config_of(REPO, given.shop.gh)


async def test_a_wrong_configuration_names_its_line(given):
    """For every stage that asks for it."""
    await given.shop.push({CONFIG_PATH: "version: 1\npolicie: {}\n"})
    with pytest.raises(ConfigProblem, match=r"surefoot\.yml:2.*Did you mean 'policy'"):
        await given.powers.config(given.update)


async def test_the_rows_installation_wins(given):
    """An App that was taken away and given back has another installation than the update knew."""
    stale = replace(given.update, installation=InstallationId(404))
    gh = await given.powers.gh(stale)
    assert REPO == (await gh.getitem(f"/repos/{REPO}"))["full_name"]

    elsewhere = replace(stale, repo=RepoName("acme/unknown"))
    with pytest.raises(Missing, match="/app/installations/404"):
        await given.powers.gh(elsewhere)


async def test_who_we_are_is_asked_once(given):
    """An App's number and name stay."""
    for _ in range(3):
        assert given.shop.us == await given.powers.us(given.update)
    assert 1 == len([one for one in given.shop.box.log if one.path == "/app"])


async def test_without_the_apps_key_github_cannot_be_asked(given):
    """Said with the names of what is not set."""
    await given.shop.gh.getitem(f"/repos/{REPO}")
    with pytest.raises(Permanent, match="APP_ID and PRIVATE_KEY are not set"):
        await given.without(forge=None).gh(given.update)


async def test_each_environment_has_its_provider(given):
    """By name; the kind that nobody wrote is GitHub Actions."""
    found = await given.powers.places(replace(given.update, state=State.MERGED))

    assert ["production", "staging"] == list(found) == [one.environment.name for one in found.values()]
    assert all(isinstance(one.provider, GitHubActions) for one in found.values())


@pytest.mark.parametrize(
    ("provider", "words"),
    [("{kind: github_actions, wrong: 1}", "wrong"), ("{workflow: ../x.yml}", "no workflow file's name")],
)
async def test_an_option_that_an_adapter_does_not_take_names_the_environment(given, provider, words):
    """And the file, so that the owner finds it."""
    await given.shop.push({CONFIG_PATH: CONFIG.replace("strategy: all_at_once", f"provider: {provider}")})
    with pytest.raises(ConfigProblem, match=rf"\.github/surefoot\.yml, environment staging: .*{words}"):
        await given.powers.places(replace(given.update, state=State.MERGED))


async def test_strategy_and_health_are_those_of_the_environment_in_hand(given):
    """None before a rollout, where the environment is gone, and where it has no health source."""
    production = replace(given.update, rollout=a_rollout(environment="production"))
    staging = replace(given.update, rollout=a_rollout(environment="staging"))
    gone = replace(given.update, rollout=a_rollout(environment="gone"))

    assert [50, 100] == [stage.weight for stage in await given.powers.strategy(production)]
    assert [100] == [stage.weight for stage in await given.powers.strategy(staging)]
    assert isinstance(await given.powers.health(production), HttpHealth)
    for update in (given.update, gone):
        assert (None, None) == (await given.powers.strategy(update), await given.powers.health(update))
    assert None is await given.powers.health(staging)


SECRET = Lent(name="shop", value=Secret("hunter22"), repositories=(REPO,), hosts=frozenset({"shop.example"}))


async def test_a_secret_is_lent_to_its_repositories_for_its_hosts(given):
    """Who may write this repository's file can use what the operator lends to it, and send it nowhere else."""
    update = replace(given.update, state=State.MERGED)
    powers = given.without(secrets=(SECRET,))
    named = CONFIG.replace("releases", 'releases", token: "shop')

    await given.shop.push({CONFIG_PATH: named})
    assert isinstance(await powers.health(replace(update, rollout=a_rollout(environment="production"))), HttpHealth)
    assert ["production", "staging"] == list(await powers.places(update))
    for refused, words in (
        (given.powers, "there is no secret 'shop' for this repository"),
        (given.without(secrets=(replace(SECRET, repositories=("evil/*",)),)), "there is no secret 'shop'"),
    ):
        with pytest.raises(ConfigProblem, match=rf"environment production: http: {words}"):
            await refused.places(update)

    await given.shop.push({CONFIG_PATH: named.replace("shop.example", "mallory.example")})
    with pytest.raises(ConfigProblem, match=r"the secret 'shop' is not to be sent to mallory\.example\.") as caught:
        await powers.places(update)
    assert "hunter22" not in str(caught.value)


async def test_a_rollout_is_held_to_the_configuration_that_it_began_with(given):
    """The file is changed, broken or gone meanwhile: provider, strategy and health stay as they were."""
    [production, _] = (await given.powers.config(given.update)).environments
    update = replace(
        given.update,
        state=State.ROLLING_BACK,
        rollout=a_rollout(environment="production", plan=plans.kept(production)),
    )
    for text in (CONFIG.replace("[50, 100]", "[100]"), "version: 1\npolicie: {}\n", None):
        await given.shop.push({CONFIG_PATH: text})

        assert ["production"] == list(await given.powers.places(update))
        assert [50, 100] == [stage.weight for stage in await given.powers.strategy(update)]
        assert isinstance(await given.powers.health(update), HttpHealth)


async def test_what_was_never_deployed_is_taken_back_without_a_configuration(given):
    """Its revert needs none, so a wrong file does not hinder it."""
    await given.shop.push({CONFIG_PATH: "version: 1\npolicie: {}\n"})

    assert {} == await given.powers.places(replace(given.update, state=State.ROLLING_BACK))


@pytest.mark.parametrize(
    ("right", "wrong"), [("[50, 100]", "[100, 50]"), ("url:", "address:"), ("all_at_once", "{kind: canary, bake: x}")]
)
async def test_nothing_begins_that_could_not_be_rolled_out(given, right, wrong):
    """A rollout cannot be mended once it has begun, so strategy and health are read before."""
    await given.shop.push({CONFIG_PATH: CONFIG.replace(right, wrong)})
    with pytest.raises(ConfigProblem):
        await given.powers.places(replace(given.update, state=State.MERGED))


async def test_who_was_turned_back_is_known(given):
    """Those of this repository that a pull request reverts."""
    bad = replace(an_update(target="1.2.5", state=State.ROLLED_BACK), revert=PullNumber(9))
    for one in (bad, an_update(target="1.2.6", state=State.ROLLED_BACK), an_update(target="1.2.7")):
        await given.store.add(one, an_entry(update=one.id), enqueue=False)

    assert [bad.id] == [one.id for one in await given.powers.turned_back(given.update)]
    await given.shop.gh.getitem(f"/repos/{REPO}")


async def test_a_wrong_step_names_its_place(given):
    """The strategy's own words, with the line of the file."""
    await given.shop.push({CONFIG_PATH: CONFIG.replace("[50, 100]", "[100, 50]")})
    update = replace(given.update, rollout=a_rollout(environment="production"))
    with pytest.raises(ConfigProblem, match=r"surefoot\.yml:5.*steps"):
        await given.powers.strategy(update)


async def test_both_sides_are_lent_and_taken_back(given):
    """As folders, for as long as they are needed."""
    base = given.shop.tip
    head = await given.shop.push({"requirements.txt": "a==2\n"}, branch="update")
    lent = await given.powers.checkout(given.update)
    async with lent(base, Sha(head)) as trees:
        kept = trees.candidate
        assert ("a==1\n", "a==2\n") == tuple(
            (side / "requirements.txt").read_text() for side in (trees.base, trees.candidate)
        )
    assert not kept.exists() and not kept.parent.exists()


async def test_siblings_and_leases_are_those_of_the_component_and_the_repository(given):
    """Read from the store, as it is now."""
    update, older = given.update, an_update(target="1.2.3.1")
    for one in (update, older):
        await given.store.add(one, an_entry(update=one.id), enqueue=False)
    leases = await given.powers.leases(update)

    assert {update.id, older.id} == {one.id for one in await given.powers.siblings(update)}
    assert "" == await leases.take("production")
    assert [update.id] == [lease.holder for lease in await given.store.leases()]
    await given.shop.gh.getitem(f"/repos/{REPO}")


async def test_every_manifest_and_every_source_can_be_opened(given):
    """By their kinds; sources are kept, for what they learnt of their index."""
    await given.shop.gh.getitem(f"/repos/{REPO}")

    assert "requirements" in await given.powers.manifests(given.update)
    assert given.powers.all_sources()["pypi"] is given.powers.all_sources()["pypi"]
    assert "github_actions" in known_kinds()["provider"]


async def test_what_the_operator_set_up_reaches_the_sources_alone(given):
    """Options, logins and the list of whom a file may name; a repository's own tools know nothing of those logins."""
    lent = Lent(name="TOKEN", value=Secret("hunter22"), repositories=(), hosts=frozenset({ANYWHERE}))
    registries = Registries(
        options={"npm": {"url": "https://npm.internal", "token": "TOKEN"}},
        allow={"npm": ("npm.internal",)},
        secrets={"TOKEN": lent},
    )
    powers = given.without(registries=registries)

    assert powers.shelf_of_all().allow == {"npm": ("npm.internal",)}
    assert set(powers.all_sources()) == set(kinds(sources))
    with pytest.raises(ConfigProblem, match="there is no secret 'TOKEN'"):
        given.without(registries=replace(registries, secrets={})).all_sources()
    wants = {"url": "https://a.example", "json": "v", "token": "TOKEN"}
    described = {"tool": Adapted(kind="http", options=wants, where="f:3")}
    with pytest.raises(ConfigProblem, match=r"f:3: .*there is no secret 'TOKEN'"):
        powers.sources_of(RepoConfig(updates=Updates(endpoints=described)), REPO)
    await given.shop.gh.getitem(f"/repos/{REPO}")


async def test_each_repository_sees_its_own_endpoints(given):
    """Beside the sources of all; the list of where they are goes with them, and news of them reaches their pollers."""
    described = {"tool": Adapted(kind="http", options={"url": "https://a.example", "json": "v"})}
    config = RepoConfig(updates=Updates(endpoints=described))

    mine, others = given.powers.shelf_of(config, REPO), given.powers.shelf_of(RepoConfig(), REPO)

    assert mine.endpoints == {"tool": "https://a.example"} and others.endpoints == {}
    assert mine.sources["npm"] is others.sources["npm"] and mine.sources["http"] is not others.sources["http"]
    assert given.powers.news(["tool"]) is None
    await given.shop.gh.getitem(f"/repos/{REPO}")


async def test_a_forge_is_a_forge(given):
    """A client for an installation speaks for it, whatever the update says."""
    gh = await given.powers.client(given.shop.installation)

    assert isinstance(given.powers.forge(), Forge)
    assert REPO == (await gh.getitem(f"/repos/{REPO}"))["full_name"]
