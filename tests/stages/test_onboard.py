"""Onboard: one pull request with a first configuration, from what the repository's own workflows say, and no other."""

from __future__ import annotations

import pytest

from bot import config
from bot.core import names
from bot.core.errors import Permanent
from bot.core.model import RepoName
from bot.core.repo_config import CONFIG_PATH
from bot.github import pulls
from bot.powers import known_kinds
from bot.stages import onboard
from tests.github.town import REPO
from tests.stages.world import text_at

DEPLOY = """\
on:
  workflow_dispatch:
    inputs: {deploy_id: {required: true}, sha: {required: true}, weight: {required: true}}
jobs:
  test: {runs-on: ubuntu-latest}
  deploy:
    environment: {name: production, url: "https://shop.example/"}
"""


async def run(shop):
    return await onboard.run(REPO, gh=shop.gh, us=shop.us)


async def test_the_configuration_is_made_from_the_workflows(shop):
    """Name, workflow and health address of each environment; and it can be read as it is."""
    await shop.push(
        {".github/workflows/deploy.yml": DEPLOY, ".github/workflows/notes.txt": DEPLOY, "deploy.yml": DEPLOY}
    )
    greeted = await run(shop)
    pull = await pulls.get(shop.gh, REPO, greeted.pull)
    text = await text_at(shop, CONFIG_PATH, pull.head)
    [environment] = config.parse(text, CONFIG_PATH, kinds=known_kinds()).environments

    assert f"opened the onboarding pull request #{pull.number}" == greeted.why
    assert (names.ONBOARD_BRANCH, (names.LABEL,)) == (pull.head_ref, pull.labels)
    assert ("production", "deploy.yml") == (environment.name, environment.provider.options["workflow"])
    assert "https://shop.example/healthz/releases" == environment.health.options["url"]
    assert "production" in pull.body and "/healthz/releases" in pull.body


async def test_a_repository_that_deploys_nothing_is_told_so(shop):
    """The file has no environment, and the pull request says that updates end when they are merged."""
    pull = await pulls.get(shop.gh, REPO, (await run(shop)).pull)

    assert () == config.parse(await text_at(shop, CONFIG_PATH, pull.head), CONFIG_PATH).environments
    assert "updates end when they are merged" in pull.body


async def test_it_is_opened_once_and_waited_for(shop):
    """Every later look finds it, and opens no other."""
    first, again = await run(shop), await run(shop)

    assert first.pull == again.pull and "waits for somebody to merge it" in again.why
    assert 1 == len(shop.repo.pulls)


async def test_who_closes_it_is_left_alone(shop):
    """For good: no other pull request, whatever the branch."""
    first = await run(shop)
    await pulls.close(shop.people["ann"], REPO, first.pull)
    again = await run(shop)

    assert (first.pull, 1) == (again.pull, len(shop.repo.pulls))
    assert "was closed, so this repository is left alone" in again.why


async def test_a_process_that_died_before_opening_begins_again_on_the_base_of_now(shop):
    """Its branch is there and its pull request is not: the branch moves to the base as it is, and it is opened."""
    shop.box.world.faults.request("answer", method="POST", path="/pulls$", status=502)
    with pytest.raises(Exception, match="502"):
        await run(shop)
    tip = await shop.push({"new.py": "x = 1\n"})
    pull = await pulls.get(shop.gh, REPO, (await run(shop)).pull)

    assert (tip,) == (await shop.repo.git.commit(pull.head)).parents


async def test_somebodys_branch_of_that_name_is_not_overwritten(shop):
    """Named, and left as it is."""
    theirs = await shop.push({"mine.txt": "x\n"}, branch=names.ONBOARD_BRANCH)
    with pytest.raises(Permanent, match=f"{names.ONBOARD_BRANCH} holds commits that are not ours"):
        await run(shop)

    assert theirs == shop.repo.git.refs[f"refs/heads/{names.ONBOARD_BRANCH}"]


async def test_what_somebody_opens_from_our_branch_in_the_same_moment_is_not_ours(shop):
    """Ours is pushed, and ben is quicker to open it: he is named, and his is neither labelled nor taken for ours."""

    async def quicker() -> None:
        body = {"head": names.ONBOARD_BRANCH, "base": "main", "title": "mine", "body": ""}
        await shop.people["ben"].post(f"/repos/{REPO}/pulls", data=body)

    shop.box.world.faults.call(quicker, method="POST", path="/pulls$")
    greeted = await run(shop)
    again = await run(shop)

    assert greeted == again and "was opened by ben, not by us" in greeted.why
    assert () == (await pulls.get(shop.gh, REPO, greeted.pull)).labels

    await shop.people["ann"].patch(f"/repos/{REPO}/pulls/{greeted.pull}", data={"state": "closed"})
    assert "opened the onboarding pull request" in (await run(shop)).why


async def test_an_empty_repository_has_nothing_to_greet(shop):
    """No commit, no pull request."""
    empty = await shop.box.add_repo("acme", "empty", {})
    shop.box.install(shop.us.app_id, shop.repo, empty)
    with pytest.raises(Permanent, match="default branch main has no commit yet"):
        await onboard.run(RepoName("acme/empty"), gh=shop.gh, us=shop.us)


def bomb(levels: int = 40) -> str:
    """Lists of lists of lists: ten to the power of `levels` entries in a few lines."""
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(["a0: &a0 [x, x]", *rows]) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a list",
        "just words",
        "on: push\njobs: {}",
        "on: [workflow_dispatch]\njobs: {a: {environment: production}}",
        DEPLOY.replace("weight: {required: true}", "how_much: {required: true}"),
        DEPLOY.replace('{name: production, url: "https://shop.example/"}', "production"),
        DEPLOY.replace("production", '"${{ inputs.where }}"'),
        DEPLOY.replace("https://shop.example/", "${{ steps.deploy.outputs.url }}"),
        DEPLOY.replace('"https://shop.example/"', "7"),
        DEPLOY.replace("jobs:", "jobs: [1, 2]\nrest:"),
        "jobs: {a: 7, b: [x], c:}\non: {workflow_dispatch: {inputs: {sha: , weight: }}}",
        "on: {workflow_dispatch: {inputs: [sha, weight]}}\njobs: {}",
        "on: &a {b: *a}",
        "a: !!python/object/apply:os.system ['true']",
        "{" * 500,
        "\t\x00",
        "x: " + "y" * 300_000,
        bomb(),
    ],
)
def test_a_workflow_that_tells_nothing_or_attacks_gives_no_environment(text):
    """Whatever is in a foreign file: no environment is guessed, nothing runs, nothing grows."""
    assert [] == onboard.environments_in(text, ".github/workflows/x.yml")


def test_a_hostile_rest_does_not_hide_the_environment():
    """What we look for is found beside a billion entries, which nobody copies."""
    assert [("production", "https://shop.example/healthz/releases")] == onboard.environments_in(bomb() + DEPLOY, "w")


async def test_signs_in_a_name_cannot_write_configuration(shop):
    """A workflow's text goes into our file as one quoted value."""
    name = 'prod"\\n    provider: {kind: evil}'
    await shop.push({".github/workflows/d.yaml": DEPLOY.replace("name: production", f"name: '{name}'")})
    pull = await pulls.get(shop.gh, REPO, (await run(shop)).pull)
    [environment] = config.parse(await text_at(shop, CONFIG_PATH, pull.head), CONFIG_PATH).environments

    assert (name, "github_actions") == (environment.name, environment.provider.kind)
