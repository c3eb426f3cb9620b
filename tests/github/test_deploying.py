"""Deployments, workflow runs and deliveries: found again by key, said once, asked for again when lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bot.core.model import InstallationId
from bot.github import deployments, hooks
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


async def by_a_job(shop: Town, sha, state: str, link: str = "") -> None:
    """What GitHub makes of every workflow job that has an environment: a deployment without a key of ours."""
    ann = shop.people["ann"]
    body = {"ref": sha, "environment": "production", "auto_merge": False, "required_contexts": []}
    made = await ann.post(f"/repos/{REPO}/deployments", data=body)
    await ann.post(f"/repos/{REPO}/deployments/{made['id']}/statuses", data={"state": state, "log_url": link})


async def test_the_deployments_of_jobs_do_not_make_a_bad_commit_good(shop):
    """Each dispatch leaves a successful deployment of its job at the head of main, a turn back does too: ours count."""
    by_hand, bad = shop.tip, await shop.push({"a": "1"})
    await by_a_job(shop, by_hand, "success")
    assert by_hand == await deployments.last_good(shop.gh, REPO, "production")

    await deployed(shop, bad, "in_progress", "failure")
    await by_a_job(shop, bad, "success")
    assert by_hand == await deployments.last_good(shop.gh, REPO, "production")

    good = await shop.push({"a": "2"})
    await deployed(shop, good, "success")
    await by_a_job(shop, bad, "success")

    assert good == await deployments.last_good(shop.gh, REPO, "production")


async def test_the_newest_good_one_counts_whoever_made_it(shop):
    """A person's later release is what runs; the deployment of a job of our own run, at a later head, is not."""
    first, second = shop.tip, await shop.push({"a": "1"})
    await deployed(shop, first, "success")
    await by_a_job(shop, second, "success")
    assert second == await deployments.last_good(shop.gh, REPO, "production")

    third, fourth = await shop.push({"a": "2"}), await shop.push({"a": "3"})
    number = await deployments.create(shop.gh, REPO, environment="production", sha=third, key="k3")
    run = "https://github.example/acme/shop/actions/runs/77"
    for state in ("in_progress", "failure"):
        await deployments.set_status(shop.gh, REPO, number, state=state, log_url=run)
    await by_a_job(shop, fourth, "success", link=f"{run}/job/1")
    assert second == await deployments.last_good(shop.gh, REPO, "production")

    await by_a_job(shop, fourth, "success", link=f"{run}8/job/1")
    assert fourth == await deployments.last_good(shop.gh, REPO, "production")
