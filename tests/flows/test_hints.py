"""Hints against the whole bot: what a registry says is looked at at once, and what it says of versions is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters import poller
from bot.core.model import State
from bot.demo import releases
from tests.flows.flow import REPO, Flow, dispatches, flowing

SECRET = "what the registry was given"
CALM = {"SUREFOOT_FRESH": "1h", "SUREFOOT_POLL": "1h", "SUREFOOT_HINTS_SECRET": SECRET}


async def hint(flow: Flow, kind: str, body: object, secret: str | None = SECRET) -> int:
    """Post it to the bot's door as a registry would; the status."""
    door = flow.box.world.apps[flow.app_id].webhook_url.removesuffix("github") + f"hints/{kind}"
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    async with flow.rosa.http.post(door, json=body, headers=headers) as answer:
        return answer.status


async def test_a_registrys_word_brings_a_version_before_its_list_is_stale(tmp_path: Path) -> None:
    """An hour's list is asked for again at a hint that is believed, and at no other; the version in it is nobody's."""
    stored = {"action": "CREATED", "component": {"format": "pypi", "name": "Surefoot_Demo.Greeter", "version": "6.6.6"}}
    async with flowing(tmp_path, env=CALM) as flow:
        await flow.quiet()
        flow.publish("1.2.4")
        await flow.look()
        await flow.quiet()
        assert await flow.update("1.2.4") is None

        assert await hint(flow, "nexus", stored, secret=None) == 401
        assert await hint(flow, "nexus", stored, secret="a guess") == 401
        assert await hint(flow, "nexus", {**stored, "component": {"name": "other"}}) == 202
        await flow.quiet()
        await flow.look()
        await flow.quiet()
        assert await flow.update("1.2.4") is None

        assert await hint(flow, "nexus", stored) == 202
        await flow.reach("1.2.4", State.DONE)

        assert [update.target for update in await flow.app.store.of_repo(REPO)] == ["1.2.4"]


async def test_two_versions_in_one_breath_are_both_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second hint comes too early for its list: nothing more is heard, and yet the bot comes back for it."""
    monkeypatch.setattr(poller, "FLOOR", timedelta(seconds=3))
    async with flowing(tmp_path, env=CALM) as flow:
        await flow.configure(flow.config.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}"))
        await flow.quiet()
        flow.publish("1.2.4")
        assert await hint(flow, "generic", {"names": [releases.PROJECT]}) == 202
        await flow.until(lambda: flow.update("1.2.4"))
        flow.publish("1.2.5")
        assert await hint(flow, "generic", {"names": ["other", releases.PROJECT]}) == 202

        await flow.until(lambda: flow.update("1.2.5"))


async def test_an_alert_makes_the_judge_look_at_once(tmp_path: Path) -> None:
    """A canary that would be looked at in an hour is looked at now; what decides is still what was measured."""
    patient = "bake: 1h, min_requests: 5"
    async with flowing(tmp_path, env=CALM) as flow:
        await flow.configure(flow.config.replace("bake: 1s, min_requests: 5", patient))
        await flow.quiet()
        flow.publish("1.2.4")
        assert await hint(flow, "generic", {"names": [releases.PROJECT]}) == 202
        await flow.until(lambda: any(one["weight"] == "50" for one in dispatches(flow.box)))
        await flow.reach("1.2.4", State.ROLLING_OUT)
        await flow.quiet()
        alert: dict[str, object] = {
            "alerts": [{"status": "firing", "labels": {"alertname": "Slow", "repository": "ACME/shop"}}]
        }

        looked = sum(flow.production.counts[dispatches(flow.box)[-1]["sha"]])
        assert await hint(flow, "alertmanager", alert) == 202
        await flow.until(lambda: sum(flow.production.counts[dispatches(flow.box)[-1]["sha"]]) > looked)
        await flow.quiet()
        await flow.reach("1.2.4", State.ROLLING_OUT)

        flow.production.share_of_new = 1.0
        again = {**alert, "groupKey": "another"}
        await flow.until(lambda: _sent(flow, again))
        await flow.reach("1.2.4", State.ROLLED_BACK)


async def _sent(flow: Flow, body: dict[str, object]) -> bool:
    return await hint(flow, "alertmanager", body) == 202
