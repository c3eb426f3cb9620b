"""The whole bot in one process where something is missing: it starts, says what, stores, and ends when told to."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot import config
from bot.app import WORKERS, App, _next_look, _notes, utc_now
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lifecycle import Moved
from bot.core.model import Isolation, State, Update, Verdict
from bot.core.ports import Trial
from bot.lab import host
from bot.loop import Loop
from bot.stages.detect import Answer, Detected
from bot.tools.pip import IndexSettings
from tests.adapters.index_server import serving
from tests.builders import BASE, HEAD, HOUR, MINUTE, NOW, a_component, an_entry, an_update

SECRET = "it is a secret"
NOWHERE = "http://127.0.0.1:9/simple"  # nothing is fetched here


def an_app(folder: Path, lab: object = "no lab", **env: str) -> App:
    settings = config.settings({"SUREFOOT_DATA_DIR": str(folder), "WEBHOOK_SECRET": SECRET, **env})
    return App(settings, lab=lab, index=IndexSettings(index_url=NOWHERE))  # type: ignore[arg-type]  # a test's own lab


async def test_without_the_apps_key_it_stores_and_says_what_is_missing(tmp_path):
    """Deliveries are on disk and drained, pages answer, nothing is done on GitHub, and it ends at once."""
    app = an_app(tmp_path)
    with pytest.raises(Permanent, match="before the start"):
        await app._work("u:1")
    await app.open()
    await app.start()
    body = b'{"zen": "Keep it logically awesome."}'
    signed = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signed, "X-GitHub-Event": "ping", "X-GitHub-Delivery": "guid-1"}
    async with serving(app.web()) as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/healthz") as answer:
            missing = (await answer.json())["missing"]
        async with http.post(f"{url}/github", data=body, headers=headers) as answer:
            assert 202 == answer.status
        async with asyncio.timeout(10):
            while True:
                if not await app.store.undrained():
                    break
                await asyncio.sleep(0.01)
        await app._work("u:1")  # of nobody: looked for, and that is all
    async with asyncio.timeout(20):
        await app.stop()

    assert ["APP_ID", "PRIVATE_KEY"] == [line.split()[0].rstrip(":") for line in missing]
    with pytest.raises(Permanent, match="APP_ID and PRIVATE_KEY are not set"):
        app.powers.forge()


async def test_two_of_it_do_not_share_one_folder(tmp_path):
    """The second one is refused before it touches a table, with the way out."""
    first, second = an_app(tmp_path), an_app(tmp_path)
    await first.open()
    with pytest.raises(ConfigProblem, match=r"another surefoot.*works in this folder"):
        await second.open()
    first.store.close()
    second.store.close()


async def test_the_lab_is_this_machines_and_runs_nothing_where_there_is_no_jail(tmp_path, monkeypatch):
    """Foreign code is not run unjailed because somebody forgot to install something."""
    nowhere = host.Host(isolation=Isolation.NONE, reason="user namespaces are forbidden here", mend="allow them")

    async def probed(*, gvisor: bool = False) -> host.Host:
        return nowhere

    monkeypatch.setattr("bot.app.probe.probe", probed)
    app = an_app(tmp_path, lab=None)
    await app.open()
    await app.start()
    try:
        for side in ("base", "candidate"):
            (tmp_path / side).mkdir()
            (tmp_path / side / "test_it.py").write_text("raise SystemExit('it ran')\n")
        trial = Trial(
            base=tmp_path / "base",
            candidate=tmp_path / "candidate",
            head=HEAD,
            base_sha=BASE,
            component=a_component(),
        )
        told = await app.powers._world.lab.simulate(trial)
    finally:
        await app.stop()

    assert (Isolation.NONE, ()) == (told.isolation, told.suites)
    assert "user namespaces are forbidden here" in told.why


async def test_trials_never_hold_the_workers_that_a_rollout_needs(tmp_path):
    """Forty trials that do not end, with room for few: what is in production is looked at all the same."""
    tried, never = [], asyncio.Event()

    async def nothing(update: Update) -> None:
        return None

    async def trial(update: Update) -> None:
        tried.append(update.id)
        await never.wait()

    async def rollout(update: Update) -> Moved:
        return Moved(update=update, to=State.DONE, why="healthy")

    app = an_app(tmp_path)
    await app.open()
    await app.start()
    try:
        gate = app.loop._stages.path[State.PROPOSED]
        gate._stage = trial
        path = {State.PROPOSED: gate, State.ROLLING_OUT: rollout}
        stages = replace(app.loop._stages, path=path, watch=nothing)
        app.loop = Loop(app.store, stages, voice=lambda row, important: nothing(row.update), clock=utc_now)
        for number in range(40):
            waits = an_update(target=f"2.{number}", state=State.PROPOSED)
            await app.store.add(waits, an_entry(update=waits.id))
        urgent = an_update(state=State.ROLLING_OUT)
        await app.store.add(urgent, an_entry(update=urgent.id))
        async with asyncio.timeout(20):
            while True:
                row = await app.store.load(urgent.id)
                if row is not None and row.update.state is State.DONE:
                    break
                await asyncio.sleep(0.02)
        assert 1 <= len(tried) <= WORKERS // 2
    finally:
        never.set()
        await app.stop()


def held(until=None) -> Answer:
    return Answer(name="greeter", current="1", verdict=Verdict.HOLD, why=("young",), target="2", held_until=until)


@pytest.mark.parametrize(
    ("answers", "look"),
    [
        ((), HOUR),
        ((held(),), HOUR),
        ((held(NOW + 2 * HOUR), held()), HOUR),
        ((held(NOW + 5 * MINUTE), held(NOW + 2 * MINUTE)), 2 * MINUTE),
    ],
)
def test_the_next_look_comes_when_something_is_free(answers, look):
    """A release that becomes old enough in two minutes is not left lying until the next poll."""
    assert NOW + look == _next_look(Detected(found=(), answers=answers), NOW + HOUR)


def test_what_a_look_found_is_kept_for_who_asks_why():
    """Every answer with its reason, the problems, and a sentence; all of it plain JSON."""
    notes = _notes(Detected(found=(an_update(),), answers=(held(NOW),), problems=("a.txt:1: broken", "b")))

    assert ("1 components, 1 with an update to propose", "a.txt:1: broken; b") == (notes["said"], notes["problem"])
    [answer] = json.loads(json.dumps(notes))["answers"]
    assert ("greeter", "hold", ["young"]) == (answer["name"], answer["verdict"], answer["why"])


def test_its_clock_is_utc():
    """Whatever the machine's zone is."""
    assert timedelta(0) == utc_now().utcoffset()
