"""The drainer: what lies in the inbox becomes news for the rows, and nothing in it can stop what lies behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import Transient
from bot.core.model import InstallationId, State
from bot.drain import BATCH, MOST_TRIES, Drainer
from bot.store.rows import key_of
from tests.builders import DAY, HEAD, INSTALLATION, MINUTE, NOW, PULL, REPO, a_pull, an_entry, an_update
from tests.github.hub import APP_ID
from tests.store.world import World, a_delivery, a_world

REPOSITORY = {"full_name": REPO, "default_branch": "main"}
SENDER = {"login": "alice", "type": "User"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A store in which greeter 1.2.4 waits for a review."""
    async with a_world(f"sqlite:///{tmp_path / 'drain.sqlite'}") as made:
        await made.store.add(an_update(state=State.IN_REVIEW, pull=a_pull()), an_entry(), enqueue=False)
        yield made


def drainer(world: World, app_id: int | None = APP_ID) -> Drainer:
    return Drainer(world.store, app_id=app_id, clock=lambda: NOW)


async def comes(world: World, guid: str, event: str, body: object) -> None:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    await world.store.keep(a_delivery(guid, event=event, body=text))


def pressed(app: int) -> dict[str, object]:
    run = {"head_sha": HEAD, "app": {"id": app}}
    return {
        "action": "requested_action",
        "requested_action": {"identifier": "approve"},
        "check_run": run,
        "repository": REPOSITORY,
        "sender": SENDER,
    }


def a_comment(text: str) -> dict[str, object]:
    comment = {"id": 5, "body": text, "user": SENDER, "created_at": "2026-03-04T12:00:00Z"}
    issue = {"number": PULL, "pull_request": {}}
    return {"action": "created", "comment": comment, "issue": issue, "repository": REPOSITORY, "sender": SENDER}


async def mail(world: World) -> list[str]:
    row = await world.store.load(an_update().id)
    assert row is not None
    return [one.text for one in row.mail]


async def drained(world: World) -> None:
    """Wait until the inbox is empty."""
    async with asyncio.timeout(20):
        while True:
            if not await world.store.undrained(1):
                return
            await asyncio.sleep(0.01)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_comment_becomes_mail_of_its_update_and_its_work(world):
    """The row is bumped and enqueued in the transaction that marks the delivery drained."""
    await comes(world, "g1", "issue_comment", a_comment("/surefoot approve"))

    assert 1 == await drainer(world).once()

    assert ["/surefoot approve"] == await mail(world)
    assert {key_of(an_update().id)} == world.woken()
    assert [] == await world.store.undrained()


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"action": 7}', b"{}", b"\xff\xfe"])
async def test_what_cannot_be_read_is_put_away_and_hinders_nothing(world, body):
    """A malformed delivery is drained without effect, and the one behind it is followed."""
    await comes(world, "bad", "check_run", body)
    await comes(world, "good", "status", {"sha": HEAD, "repository": REPOSITORY, "state": "success", "context": "ci"})

    assert 2 == await drainer(world).once()

    assert [] == await world.store.undrained()
    assert {key_of(an_update().id)} == world.woken()
    assert 0 == await drainer(world).once()


@pytest.mark.parametrize("text", ["nice work!", "> /surefoot rollback", "", "I would not say `/surefoot reject` here"])
async def test_talk_is_nobodys_mail(world, text):
    """People may talk below a pull request as they like: no update stops to listen."""
    await comes(world, "talk", "issue_comment", a_comment(text))
    await drainer(world).once()

    assert ([], set(), []) == (await mail(world), world.woken(), await world.store.undrained())


async def test_a_delivery_that_breaks_us_hinders_nothing_and_is_put_away(world, monkeypatch):
    """A defect met by one delivery: those behind it are followed at once, and it is not tried for ever."""
    true = world.store.drain

    async def drain(guid, concern, *, now):
        if guid == "bad" and concern is not None:
            raise ValueError("half a character")
        return await true(guid, concern, now=now)

    monkeypatch.setattr(world.store, "drain", drain)
    await comes(world, "bad", "ping", {})
    await comes(world, "good", "issue_comment", a_comment("/surefoot approve"))
    one = drainer(world)
    assert 1 == await one.once()
    assert ["/surefoot approve"] == await mail(world)

    tries = 1
    while await world.store.undrained():
        await one.once()
        tries += 1
    assert MOST_TRIES == tries


async def test_a_database_that_is_away_puts_nothing_away(world, monkeypatch):
    """That is no fault of the delivery, however long it lasts."""

    async def away(guid, concern, *, now):
        raise Transient("the database does not answer")

    await comes(world, "g", "ping", {})
    one = drainer(world)
    monkeypatch.setattr(world.store, "drain", away)
    for _ in range(MOST_TRIES + 1):
        with pytest.raises(Transient):
            await one.once()

    assert 1 == len(await world.store.undrained())


async def test_an_event_of_tomorrow_is_put_away(world):
    """GitHub adds events; an unknown one is nobody's news."""
    await comes(world, "g", "sponsorship_of_the_future", {"anything": True})
    await drainer(world).once()

    assert ([], set()) == (await world.store.undrained(), world.woken())


@pytest.mark.parametrize(("app", "heard"), [(APP_ID, ["/surefoot approve"]), (99, [])])
async def test_only_our_own_button_is_pressed_for_us(world, app, heard):
    """Another App may name its button like ours; pressing that is no word to us."""
    await comes(world, "b", "check_run", pressed(app))
    await drainer(world).once()

    assert heard == await mail(world)


async def test_without_an_app_no_button_is_ours(world):
    """An operator who has not given the App's number yet gets no approvals by mistake."""
    await comes(world, "b", "check_run", pressed(99) | {"check_run": {"head_sha": HEAD}})
    await drainer(world, app_id=None).once()

    assert [] == await mail(world)


async def test_a_heap_is_drained_in_portions_without_waiting_in_between(world):
    """More than one portion at once: nothing is left lying until the next nudge."""
    for number in range(BATCH + 5):
        await comes(world, f"g{number}", "ping", {})
    task = asyncio.create_task(drainer(world).run(every=3600))
    await drained(world)
    await ended(task)


async def test_a_nudge_wakes_it_and_time_does_too(world):
    """A delivery is followed at once where the door nudges, and soon where the nudge was lost."""
    for every, nudged in ((3600.0, True), (0.01, False)):
        one = drainer(world)
        task = asyncio.create_task(one.run(every=every))
        await asyncio.sleep(0.02)
        await comes(world, f"every-{every}", "ping", {})
        if nudged:
            one.nudge()
        await drained(world)
        await ended(task)


async def test_a_database_that_was_away_is_asked_again(world, monkeypatch):
    """An error of the store ends neither the process nor the draining."""
    true, tries = world.store.undrained, []

    async def undrained(limit: int = 100):
        tries.append(limit)
        if tries == [BATCH]:
            raise OSError("the disk is away")
        return await true(limit)

    await comes(world, "g", "ping", {})
    monkeypatch.setattr(world.store, "undrained", undrained)
    task = asyncio.create_task(drainer(world).run(every=0.01))
    await asyncio.sleep(0)
    await drained(world)
    await ended(task)

    assert tries.count(BATCH) >= 2


@pytest.mark.parametrize("steps", range(8))
async def test_an_end_in_the_moment_of_a_delivery_is_an_end(world, steps):
    """Who is told to stop just when news come in stops: a process that does not would never end."""
    one = drainer(world)
    task = asyncio.create_task(one.run(every=3600))
    await asyncio.sleep(0.02)
    one.nudge()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2)
    task.cancel()

    assert task in done and task.cancelled()


async def test_a_removed_installation_is_told(world):
    """The repository is left alone from then on, and what is in flight there is looked at."""
    body = {
        "action": "deleted",
        "installation": {"id": 7, "account": {"login": "acme"}},
        "repositories": [],
        "sender": SENDER,
    }
    gone: list[InstallationId] = []
    await comes(world, "g", "installation", body)
    await Drainer(world.store, app_id=APP_ID, clock=lambda: NOW, gone=gone.append).once()
    row = await world.store.repo(REPO)

    assert row is not None and (False, InstallationId(7)) == (row.active, row.installation)
    assert [InstallationId(7)] == gone


async def test_a_repository_that_is_taken_from_us_leaves_the_installation(world):
    """What is kept of the installation is still needed for its other repositories."""
    gone: list[InstallationId] = []
    body = {"action": "removed", "installation": {"id": 7}, "repositories_removed": [{"full_name": REPO}]}
    await comes(world, "g", "installation_repositories", body)
    await Drainer(world.store, app_id=APP_ID, clock=lambda: NOW, gone=gone.append).once()

    assert [] == gone and not (await world.store.repo(REPO)).active


async def test_a_repository_is_followed_by_its_number(world):
    """Its name changed unheard: the next delivery under the new one is about the same repository."""
    review = {"action": "submitted", "pull_request": {"number": PULL}, "sender": SENDER}
    await comes(world, "g1", "pull_request_review", review | {"repository": REPOSITORY | {"id": 5}})
    await drainer(world).once()
    world.forget()
    named = {"full_name": "acme/store", "default_branch": "main", "id": 5}
    await comes(world, "g2", "pull_request_review", review | {"repository": named})
    await drainer(world).once()

    assert ["acme/store"] == [row.name for row in await world.store.repos()]
    assert {key_of(an_update().id)} == world.woken()


async def test_a_registrys_hint_names_lists_and_looks_where_they_are_used(world):
    """The lists are told of at once, and who uses what is named is looked at when they may be asked for."""
    row = await world.store.repo(REPO)
    await world.store.save_repo(replace(row, notes={"answers": [{"name": "acme/tool"}]}), due=NOW + DAY)
    await comes(world, "h", "hint.quay", {"repository": "acme/tool"})
    told = []

    def news(names):
        told.append(names)
        return NOW + MINUTE

    drain = Drainer(world.store, app_id=APP_ID, clock=lambda: NOW, news=news)

    assert 1 == await drain.once()

    assert [("acme/tool",)] == told
    assert ([], ["r:acme/shop"]) == (await world.store.due(NOW), await world.store.due(NOW + MINUTE))


async def test_a_hint_cannot_speak_in_githubs_name(world):
    """Only GitHub is believed in which number a repository has: a hint that brings one along renames nobody."""
    await world.store.install([REPO], INSTALLATION, numbers={REPO: 7}, now=NOW)
    body = {"alerts": [{"labels": {"repository": "mallory/shop"}}], "repository": {"id": 7, "full_name": REPO}}
    await comes(world, "h", "hint.alertmanager", body)

    assert 1 == await drainer(world).once()

    assert ["acme/shop"] == [one.name for one in await world.store.repos()]


async def test_a_hint_of_another_form_is_put_away(world):
    """It hinders nothing, and nobody is told."""
    await comes(world, "h", "hint.harbor", {"type": 5})
    told = []
    drain = Drainer(world.store, app_id=APP_ID, clock=lambda: NOW, news=lambda names: told.append(names))

    assert (1, 0, []) == (await drain.once(), await drain.once(), told)


async def test_an_advisory_asks_for_the_list_in_which_the_mend_may_be(world):
    """It came a minute ago, and a list of half an hour ago does not hold it; what is told is heard from then on."""
    asked: list[tuple[str, ...]] = []
    drain = Drainer(world.store, app_id=APP_ID, clock=lambda: NOW, news=lambda names: asked.append(names))
    vulnerability = {"package": {"ecosystem": "pip", "name": "greeter"}, "vulnerable_version_range": "< 1.2.4"}
    advice = {"ghsa_id": "GHSA-aaaa-bbbb-cccc", "summary": "x", "vulnerabilities": [vulnerability]}
    await world.store.install([REPO], INSTALLATION, now=NOW)
    row = await world.store.repo(REPO)
    await world.store.save_repo(replace(row, notes={"answers": [{"name": "greeter"}]}), due=NOW + DAY)
    await comes(world, "a", "security_advisory", {"action": "published", "security_advisory": advice})
    await drain.once()

    assert asked == [("greeter",)]
    assert ["r:acme/shop"] == await world.store.due(NOW)
    assert ["GHSA-aaaa-bbbb-cccc"] == [heard.word.id for heard in await world.store.words()]


async def test_a_dismissed_alert_is_known_by_the_number_of_its_repository(world):
    """Whatever it is called later."""
    advice = {"ghsa_id": "GHSA-aaaa-bbbb-cccc", "summary": "x"}
    body = {
        "action": "dismissed",
        "alert": {"security_advisory": advice, "dismissed_reason": "not_used"},
        "repository": {**REPOSITORY, "id": 77},
    }
    await world.store.install([REPO], INSTALLATION, now=NOW)
    await comes(world, "d", "dependabot_alert", body)
    await drainer(world).once()

    assert {"GHSA-aaaa-bbbb-cccc"} == await world.store.asides(REPO)
