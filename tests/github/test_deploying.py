"""Deployments, workflow runs and deliveries: found again by key, said once, asked for again when lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Missing, Refused
from bot.core.model import InstallationId
from bot.github import actions, deployments, hooks
from bot.github.hooks import MOST_TRIES, Delivery, lost
from tests.github.hub import hub_and_forge, said
from tests.github.town import REPO, Town

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
WE = InstallationId(7)
WORKFLOW = """
name: Deploy
run-name: Deploy (${{ inputs.deploy_id }})
on: {workflow_dispatch: {inputs: {deploy_id: {required: true}}}}
jobs:
  go:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""


async def test_a_deployment_is_found_by_its_key(shop):
    """After a crash the very act is found again: not another commit's, environment's or key's."""
    made = await deployments.create(
        shop.gh, REPO, environment="production", sha=shop.tip, key="u1:prod", description="x" * 500
    )
    other = await deployments.create(shop.gh, REPO, environment="production", sha=shop.tip, key="u2:prod")
    find = deployments.find

    assert made == await find(shop.gh, REPO, environment="production", sha=shop.tip, key="u1:prod")
    assert other == await find(shop.gh, REPO, environment="production", sha=shop.tip, key="u2:prod")
    for words in ({"environment": "stage"}, {"key": "u3"}, {"sha": "f" * 40}):
        given = {"environment": "production", "sha": shop.tip, "key": "u1:prod"} | words
        assert await find(shop.gh, REPO, **given) is None


async def test_a_deployment_deploys_what_it_says_and_merges_nothing(shop):
    """A red check does not hinder it, and the branch is not merged into it: both were decided before."""
    await shop.people["ben"].post(f"/repos/{REPO}/statuses/{shop.tip}", data={"state": "failure", "context": "ci"})
    number = await deployments.create(shop.gh, REPO, environment="production", sha=shop.tip, key="k")
    assert shop.tip == (await shop.gh.getitem(f"/repos/{REPO}/deployments/{number}"))["sha"]
    (asked,) = shop.asked("POST", "/deployments")
    assert (False, []) == (asked.body["auto_merge"], asked.body["required_contexts"])


async def test_a_state_is_said_once(shop):
    """The same state with the same words is not repeated; a new one is added."""
    number = await deployments.create(shop.gh, REPO, environment="production", sha=shop.tip, key="k")

    async def say(state, **words):
        await deployments.set_status(shop.gh, REPO, number, state=state, **words)

    for state, words in (
        ("in_progress", {}),
        ("in_progress", {}),
        ("in_progress", {"log_url": "https://ci.example/1"}),
        ("in_progress", {"log_url": "https://ci.example/1"}),
        ("failure", {"description": "y" * 300}),
        ("failure", {"description": "y" * 300}),
    ):
        await say(state, **words)
    raw = await shop.gh.getitem(f"/repos/{REPO}/deployments/{number}/statuses")
    assert ["failure", "in_progress", "in_progress"] == [one["state"] for one in raw]


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"surefoot": "k"}, True),
        ('{"surefoot": "k"}', True),
        ('{"surefoot": 1}', False),
        ("k", False),
        ("", False),
        (None, False),
        ([], False),
    ],
)
async def test_a_key_is_found_in_any_form_of_payload(payload, found):
    """Older servers give the payload as text; what others put there is not ours."""
    one = {"id": 1, "sha": "a" * 40, "environment": "e", "created_at": "2026-03-04T12:00:00Z", "payload": payload}
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/deployments", lambda asked: said([one]))
        gh = await forge.installation(WE)
        assert found == bool(await deployments.find(gh, REPO, environment="e", sha="a" * 40, key="k"))


async def deployed(shop: Town, sha, *states: str, environment: str = "production") -> None:
    number = await deployments.create(shop.gh, REPO, environment=environment, sha=sha, key=f"{sha}:{states}")
    for state in states:
        await deployments.set_status(shop.gh, REPO, number, state=state)


async def test_what_ran_well_last_is_known(shop):
    """The newest deployment that ended well and was not turned back, in this environment alone."""
    first, second = shop.tip, await shop.push({"a": "1"})
    third, fourth = await shop.push({"a": "2"}), await shop.push({"a": "3"})
    assert await deployments.last_good(shop.gh, REPO, "production") is None

    await deployed(shop, first, "in_progress", "success")
    await deployed(shop, second, "success")
    assert second == await deployments.last_good(shop.gh, REPO, "production")
    await deployed(shop, third, "success", "failure")  # rolled back after it was fine
    await deployed(shop, fourth, "in_progress")
    await deployed(shop, fourth, "success", environment="stage")

    assert second == await deployments.last_good(shop.gh, REPO, "production")
    assert fourth == await deployments.last_good(shop.gh, REPO, "stage")


async def test_a_run_is_dispatched_and_found_again_by_its_key(shop):
    """The run's number is told at once; lost before it was written down, it is found by the key in its title."""
    await shop.push({".github/workflows/deploy.yml": WORKFLOW})
    since = shop.box.now() - timedelta(minutes=1)
    number = await actions.dispatch(shop.gh, REPO, "deploy.yml", ref="main", inputs={"deploy_id": "u:prod:1"})
    ten = await actions.dispatch(shop.gh, REPO, "deploy.yml", ref="main", inputs={"deploy_id": "u:prod:10"})
    await shop.box.settle()

    found = await actions.find_run(shop.gh, REPO, "deploy.yml", "u:prod:1", since=since)
    assert (number, "completed", "success", shop.tip) == (found.id, found.status, found.conclusion, found.sha)
    assert ten == (await actions.find_run(shop.gh, REPO, "deploy.yml", "u:prod:10", since=since)).id
    assert found == await actions.run(shop.gh, REPO, number)
    assert await actions.find_run(shop.gh, REPO, "deploy.yml", "u:prod:2", since=since) is None
    await actions.cancel(shop.gh, REPO, number)  # it has ended, which is as good


async def test_a_dispatch_that_cannot_be_is_told(shop):
    """No such file, and an input that the workflow does not declare, in GitHub's words."""
    await shop.push({".github/workflows/deploy.yml": WORKFLOW})
    with pytest.raises(Missing):
        await actions.dispatch(shop.gh, REPO, "other.yml", ref="main", inputs={})
    with pytest.raises(Refused, match="422"):
        await actions.dispatch(shop.gh, REPO, "deploy.yml", ref="main", inputs={"deploy_id": "1", "odd": "2"})


async def test_an_older_server_that_knows_no_run_details_is_served_too():
    """Where the field is unknown it is left out, and the run's number is then looked for; 204 says nothing either."""
    async with hub_and_forge() as (hub, forge):
        url = "/repos/acme/shop/actions/workflows/deploy.yml/dispatches"

        def old(asked):
            if "return_run_details" in asked.body:
                return said({"message": 'Invalid request.\n\n"return_run_details" is not a permitted key.'}, 400)
            return web.Response(status=204)

        hub.on("POST", url, old)
        gh = await forge.installation(WE)
        assert await actions.dispatch(gh, REPO, "deploy.yml", ref="main", inputs={}) is None
        assert 2 == len(hub.to(url))

        hub.on("POST", url, lambda asked: said({"message": "No ref found for: x"}, 422))
        with pytest.raises(Refused, match="No ref found"):
            await actions.dispatch(gh, REPO, "deploy.yml", ref="x", inputs={})
        assert 3 == len(hub.to(url))


async def test_a_run_that_does_not_stop_is_told():
    """A refusal to cancel a run that still runs is no success."""
    async with hub_and_forge() as (hub, forge):
        raw = {"id": 1, "display_title": "x", "head_sha": "a" * 40, "html_url": "u"}
        raw |= {"created_at": "2026-03-04T12:00:00Z", "status": "in_progress"}
        hub.on("GET", "/repos/acme/shop/actions/runs/1", lambda asked: said(raw))
        hub.on("POST", "/repos/acme/shop/actions/runs/1/cancel", lambda asked: said({"message": "no"}, 409))
        gh = await forge.installation(WE)
        with pytest.raises(Refused):
            await actions.cancel(gh, REPO, 1)
        hub.on("POST", "/repos/acme/shop/actions/runs/1/cancel", lambda asked: said({}, 202))
        await actions.cancel(gh, REPO, 1)


@given(
    st.text("ab1:-._ ()", max_size=12), st.text("ab1:-.", min_size=1, max_size=4), st.text("ab1:-._ ()", max_size=12)
)
def test_a_key_is_seen_only_as_a_whole(before, key, after):
    """A key inside of a longer one is another key; beside spaces and brackets it is seen."""
    assert actions.shows(f"{before} ({key}) {after}", key)
    assert not actions.shows(f"x{key}1", key)


def a_try(number: int, guid: str, ok: bool = False) -> Delivery:
    return Delivery(id=number, guid=guid, at=EPOCH + timedelta(minutes=number), ok=ok, event="push")


def test_only_what_never_arrived_is_asked_for():
    """An event of which one try arrived is not lost; of a lost one the newest is repeated; the hopeless are left."""
    tries = [
        a_try(9, "lost-twice"),
        a_try(8, "came-later", ok=True),
        a_try(5, "lost-twice"),
        a_try(4, "came-later"),
        a_try(2, "lost"),
        *(a_try(100 + index, "hopeless") for index in range(MOST_TRIES)),
    ]
    assert [2, 9] == [one.id for one in lost(tries)]
    assert () == lost([])


async def test_what_was_lost_is_asked_for_again(shop):
    """GitHub's log is read to the last look, each lost delivery is sent again, and it arrives."""
    got: list[str] = []

    async def door(request):
        got.append(request.headers["X-GitHub-Delivery"])
        return web.Response(status=202 if len(got) > 2 else 500)

    app = web.Application()
    app.router.add_post("/github", door)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.box.set_webhook(shop.us.app_id, "http://{}:{}/github".format(*runner.addresses[0][:2]))
    await shop.push({"a": "1"})
    await shop.box.settle()
    since = shop.box.now() - timedelta(hours=1)
    first = list(got)
    tries = await hooks.deliveries(shop.forge.app(), since=since)
    assert first and {one.guid for one in tries if not one.ok} >= set(first[:2])

    asked = await hooks.redeliver(shop.forge.app(), since=since)
    await shop.box.settle()
    assert asked == len(lost(tries)) and set(first[:2]) <= set(got[len(first) :])
    assert () == await hooks.deliveries(shop.forge.app(), since=shop.box.now() + timedelta(hours=1))
    await runner.cleanup()


async def test_what_is_in_our_inbox_is_not_asked_for():
    """A delivery that we stored but answered too late is not sent again; one that GitHub no longer has is passed by."""
    raw = [
        {
            "id": number,
            "guid": f"g{number}",
            "delivered_at": "2026-03-04T12:00:00Z",
            "status_code": 502,
            "event": "push",
        }
        for number in (3, 2, 1)
    ]
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/app/hook/deliveries", lambda asked: said(raw))
        hub.on("POST", "/app/hook/deliveries/3/attempts", lambda asked: said({}, 202))

        async def known(guid: str) -> bool:
            return guid == "g1"

        assert 1 == await hooks.redeliver(forge.app(), since=EPOCH, known=known)
        assert 0 == len(hub.to("/app/hook/deliveries/1/attempts"))
        assert 1 == len(hub.to("/app/hook/deliveries/2/attempts"))
