"""Promises about the person in front of GitHub: what they see is what is there, and their clicks do what they say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.demo import hosting, service
from bot.demo.hub import Refusal

SITE = "http://127.0.0.1:9/"
MANIFEST = Path(__file__).parent.parent.parent / "app.yml"


@pytest.fixture
async def github(tmp_path):
    """GitHub in a box, as the show has it; its deploys go nowhere."""
    async with AsyncExitStack() as stack:
        files = {**service.files(site=SITE, fleet=SITE), "deploy.py": "print('asked')"}
        made = await hosting.start(stack, tmp_path, files, "http://127.0.0.1:9/github")
        yield made
        async with made.hub.http.post(f"{made.hub.api}/_box/settle"):
            pass  # workflows that still run end in their own time


async def a_pull(hub, branch: str):
    """A pull request of the person's own with one changed file."""
    await hub._ask("POST", "/git/refs", {"ref": f"refs/heads/{branch}", "sha": await hub.head("main")})
    await hub.commit("requirements.txt", "changed\n", branch=branch, message="Change")
    made = await hub._ask("POST", "/pulls", {"title": "A change", "head": branch, "base": "main"})
    return await hub.pull(made["number"])


async def concluded(look):
    while not (found := await look()):  # noqa: ASYNC110  # GitHub is asked, as a person would ask it
        await asyncio.sleep(0.05)
    return found


async def test_the_app_is_registered_and_its_key_is_nobody_elses(github):
    """The bot finds an App with a key, and the key's file is its owner's alone."""
    assert github.key.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in github.key.read_text()
    assert github.app_login == "surefoot[bot]"
    await github.install()


def test_the_show_needs_no_more_than_the_manifest_asks_for():
    """What the bot does here it can do with the permissions that a real owner is asked for."""
    asked = YAML(typ="safe").load(MANIFEST.read_text())["default_permissions"]
    assert {name: asked.get(name) for name in hosting.GRANTED} == hosting.GRANTED


async def test_a_pull_request_is_seen_from_its_opening_to_its_merge(github):
    """The guarded branch takes it only when its check is green."""
    hub = github.hub
    pull = await a_pull(hub, "mine")
    assert (pull.title, pull.branch, pull.open, pull.author) == ("A change", "mine", True, "rosa")
    assert pull.head == await hub.head("mine")
    assert [one.number for one in await hub.pulls()] == [pull.number]

    async def green():
        check = (await hub.checks(pull.head)).get("build")
        return check and check.conclusion == "success"

    await concluded(green)
    sha = await hub.merge(pull.number)
    after = await hub.pull(pull.number)
    assert (after.open, after.merge_sha, after.merged_by) == (False, sha, "rosa")
    assert await hub.text("requirements.txt", "main") == "changed\n"
    assert sha == await hub.head("main")


async def test_a_check_run_is_seen_with_its_notes(github):
    """None before there is one."""
    hub = github.hub
    sha = await hub.head("main")
    assert await hub.check_with_notes(sha, "no such") is None

    async def build():
        check = await hub.check_with_notes(sha, "build")
        return check if check and check.conclusion else None

    check = await concluded(build)
    assert (check.name, check.conclusion, check.notes) == ("build", "success", ())


async def test_a_workflow_run_by_hand_is_followed_to_its_end(github):
    """With its log, and with the deployment that GitHub writes down for it."""
    hub = github.hub
    sha = await hub.head("main")
    about = {"deploy_id": "x", "sha": sha, "stable_sha": sha, "weight": "100", "environment": "production"}
    run = await hub.dispatch("deploy.yml", "main", about)
    assert await concluded(lambda: hub.run_conclusion(run)) == "success"
    assert "asked" in await hub.run_log(run)
    assert (await hub.deployment_states(sha, "github-actions[bot]"))[-1] == "success"
    assert await hub.deployment_states(sha, "surefoot[bot]") == ()


async def test_a_no_is_told_in_githubs_words(github):
    """Nobody approves their own pull request."""
    pull = await a_pull(github.hub, "mine")
    with pytest.raises(Refusal, match="422"):
        await github.hub.approve(pull)
    with pytest.raises(Refusal, match="404"):
        await github.hub.text("no/such/file", "main")
