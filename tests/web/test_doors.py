"""The doors over real HTTP: what is let in, what is answered, and what is on disk before the answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from ruamel.yaml import YAML
from yarl import URL

from bot.core.model import ENDS, Entry, InstallationId, RepoName, State
from bot.store.store import Store
from bot.tools.secrets import Secret
from bot.web import webhook
from bot.web.api import Api
from bot.web.dashboard import Dashboard
from bot.web.guard import guard
from bot.web.inventory import Inventory
from bot.web.webhook import EVENTS, MOST_BYTES, Door
from tests.builders import NOW, a_rollout, a_simulation, a_suite, an_entry, an_update

SECRET = "it's a secret"
MANIFEST = Path(__file__).parent.parent.parent / "app.yml"
SCHEMAS = Path(__file__).parent.parent / "openapi" / "slice" / "api.json"
OTHER = ("other", "stored")


class Doors:
    """A store on disk, and the doors before it."""

    def __init__(self, store: Store, client: TestClient[Any, Any], nudges: list[int]) -> None:
        self.store, self.client, self.nudges = store, client, nudges

    async def deliver(self, body: bytes = b'{"zen": "x"}', *, secret: str = SECRET, **headers: str) -> tuple[int, str]:
        """As GitHub delivers; headers given as None are left out."""
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        given = {"X-Hub-Signature-256": signature, "X-GitHub-Event": "ping", "X-GitHub-Delivery": "guid-1"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value != "-"}
        answer = await self.client.post("/github", data=body, headers=given)
        return answer.status, await answer.text()


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async for made in _doors(tmp_path, secret=Secret(SECRET), token=None):
        yield made


async def _doors(tmp_path: Path, *, secret: Secret | None, token: Secret | None) -> AsyncIterator[Doors]:
    store, nudges = Store(f"sqlite:///{tmp_path / 'store.sqlite'}", enqueue=lambda conn, key, seq: None), []
    await store.migrate()
    application = web.Application(client_max_size=MOST_BYTES, middlewares=[guard(token)])
    door = Door(store, secret=secret, nudge=lambda: nudges.append(1), clock=lambda: datetime.now(UTC))
    application.router.add_post("/github", door)
    application.router.add_routes(
        [*Api(store, missing=("APP_ID: x",)).routes(), *Inventory(store).routes(), *Dashboard(store).routes()]
    )
    async with TestClient(TestServer(application)) as client:
        yield Doors(store, client, nudges)
    store.close()


async def test_a_signed_delivery_is_on_disk_before_the_answer(doors: Doors) -> None:
    """Who gets 202 may forget the delivery: it is ours now, byte for byte."""
    body = json.dumps({"installation": {"id": 7}, "x": "ü"}).encode()

    status, _ = await doors.deliver(body)
    [kept] = await doors.store.undrained()

    assert status == 202
    assert ("guid-1", "ping", body, 7) == (kept.guid, kept.event, kept.body, kept.installation)
    assert doors.nudges == [1]


async def test_the_same_guid_twice_is_one_event(doors: Doors) -> None:
    """A redelivery is answered kindly and stored once."""
    answers = await asyncio.gather(*(doors.deliver() for _ in range(5)))

    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 202]
    assert len(await doors.store.undrained()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Hub_Signature_256": "-"},
        {"X_Hub_Signature_256": "-", "X_Hub_Signature": "sha1=" + "a" * 40},
        {"X_Hub_Signature_256": "sha256=" + "0" * 64},
        {"X_Hub_Signature_256": "sha1=" + "0" * 40},
        {"X_Hub_Signature_256": "sha256=zz"},
        {"X_Hub_Signature_256": "sha256=" + "é" * 64},
        {"X_Hub_Signature_256": ""},
    ],
)
async def test_whoever_cannot_sign_is_nobody(doors: Doors, headers: dict[str, str]) -> None:
    """Missing, malformed, SHA-1 and non-ASCII signatures get 401, and nothing is stored."""
    status, _ = await doors.deliver(**headers)

    assert status == 401
    assert await doors.store.undrained() == []


async def test_another_secret_is_no_secret(doors: Doors) -> None:
    """A body signed with a wrong secret gets 401."""
    assert (await doors.deliver(secret="guess"))[0] == 401


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[1]", {}),
        (b"\xff", {}),
        (b'{"a":' * 200 + b"1" + b"}" * 200, {}),
        (b'{"installation": {"id": "x"}}', {}),
        (b"{}", {"X_GitHub_Event": "-"}),
        (b"{}", {"X_GitHub_Delivery": "-"}),
    ],
)
async def test_what_cannot_be_read_is_refused(doors: Doors, body: bytes, headers: dict[str, str]) -> None:
    """Bad JSON, JSON that is too deep, and missing headers get 400, and nothing is stored."""
    status, words = await doors.deliver(body, **headers)

    assert status == 400, words
    assert await doors.store.undrained() == []


async def test_a_body_beyond_githubs_bound_is_refused(doors: Doors) -> None:
    """25 MiB is GitHub's own bound; more gets 413."""
    status, _ = await doors.deliver(b" " * (MOST_BYTES + 1))

    assert status == 413


async def test_an_unknown_event_is_stored_too(doors: Doors) -> None:
    """What we do not know today we may want to know tomorrow."""
    assert (await doors.deliver(X_GitHub_Event="star"))[0] == 202


async def test_without_a_secret_nobody_is_believed(tmp_path: Path) -> None:
    """An operator who set no secret gets a clear 503 instead of an open door."""
    async for doors in _doors(tmp_path, secret=None, token=None):
        status, words = await doors.deliver()

        assert status == 503
        assert "WEBHOOK_SECRET" in words


async def test_pages_show_the_story_and_escape_it(doors: Doors) -> None:
    """The list and the story of an update are there, and nothing in them is markup of a stranger."""
    update = an_update(state=State.ROLLING_OUT, rollout=a_rollout(), note="<script>alert(1)</script>")
    first = Entry(update=update.id, at=NOW, was=State.DETECTED, now=State.DETECTED, why="<b>found</b>")
    await doors.store.add(update, first)

    listed = await (await doors.client.get("/")).text()
    story = await (await doors.client.get(f"/updates/{update.id}")).text()
    data = await (await doors.client.get(f"/api/updates/{update.id}")).json()

    assert update.component.name in listed and "rolling out" in listed
    assert "<script>alert" not in listed and "&lt;b&gt;found" in story
    assert (data["update"]["state"], data["audit"][0]["why"]) == ("rolling_out", "<b>found</b>")
    assert (
        404 == (await doors.client.get("/updates/none")).status == (await doors.client.get("/api/updates/none")).status
    )


async def test_a_simulation_is_read_by_machines(doors: Doors) -> None:
    """As JSON, as JUnit, and what its run printed, without what looks like a login."""
    login = "ghp_" + "a" * 36
    tried = a_simulation(suites=(a_suite(log=f"token {login}\nboom <b>"),))
    update = an_update(simulation=tried)
    await doors.store.add(update, an_entry(update=update.id))
    told = await (await doors.client.get(f"/api/updates/{update.id}/simulation")).json()
    junit = await (await doors.client.get(f"/api/updates/{update.id}/simulation.xml")).text()
    log = await doors.client.get(f"/api/updates/{update.id}/log/unit")

    assert ("passed", "unit") == (told["grade"], told["suites"][0]["kind"])
    assert 'name="unit"' in junit
    assert "text/plain" == log.content_type and "boom <b>" in await log.text() and login not in await log.text()
    for path in (f"/api/updates/{update.id}/log/none", "/api/updates/none/simulation", "/api/updates/none/log/unit"):
        assert 404 == (await doors.client.get(path)).status


async def test_the_fleet_has_one_table(doors: Doors) -> None:
    """Which repository is on what, for people and machines; a name narrows it down, and foreign words stay words."""
    answers = [
        {
            "name": "<b>urllib3",
            "ecosystem": "pypi",
            "current": "1.26.20",
            "verdict": "hold",
            "target": "2.5.0",
            "why": ["a <i>"],
        },
        {"written": "by another version"},
    ]
    await doors.store.install([RepoName("acme/shop"), RepoName("acme/gone")], InstallationId(1), now=NOW)
    for name in ("acme/shop", "acme/gone"):
        row = await doors.store.repo(name)
        assert row is not None
        await doors.store.save_repo(replace(row, notes={"answers": answers}), due=None)

    page = await (await doors.client.get("/inventory")).text()
    data = await (await doors.client.get("/api/inventory?name=URLLIB")).json()
    none = await (await doors.client.get("/inventory?name=other")).text()

    assert "&lt;b&gt;urllib3" in page and "<b>urllib3" not in page and "a &lt;i&gt;" in page and "2 of 2" in page
    [entry] = data["components"]
    assert (2, 2, "2.5.0") == (entry["repos"], entry["behind"], entry["newest"])
    assert [{"version": "1.26.20", "repos": ["acme/gone", "acme/shop"]}] == entry["versions"]
    assert "Nobody uses anything of that name" in none


async def test_lists_are_bounded_and_by_repository(doors: Doors) -> None:
    """`repo` narrows the list, a wrong `limit` is told."""
    update = an_update()
    await doors.store.add(update, Entry(update=update.id, at=NOW, was=update.state, now=update.state, why="found"))

    mine = await (await doors.client.get(f"/api/updates?repo={update.repo}")).json()
    others = await (await doors.client.get("/api/updates?repo=nobody/nothing")).json()

    assert [update.id] == [one["id"] for one in mine["updates"]]
    assert others["updates"] == []
    assert (await doors.client.get("/api/updates?limit=many")).status == 400
    assert await (await doors.client.get("/api/repos")).json() == {"repos": []}
    assert len((await (await doors.client.get("/api/updates?limit=9")).json())["updates"]) == 1


async def test_health_says_what_is_missing(doors: Doors) -> None:
    """The operator's first look tells what to set."""
    health = await (await doors.client.get("/healthz")).json()

    assert (health["ok"], health["missing"]) == (True, ["APP_ID: x"])
    assert "surefoot_deliveries" in await (await doors.client.get("/metrics")).text()


async def test_the_figures_tell_how_many_updates_are_in_which_state(doors: Doors) -> None:
    """As it is now: a state that everybody has left says 0, and what has ended is not counted."""

    async def told() -> dict[str, float]:
        lines = (await (await doors.client.get("/metrics")).text()).splitlines()
        counted = [line.removeprefix("surefoot_updates{") for line in lines if line.startswith("surefoot_updates{")]
        return {line.split('"')[1]: float(line.split()[-1]) for line in counted}

    update = an_update(state=State.IN_REVIEW)
    await doors.store.add(update, an_entry(update=update.id))
    before = await told()
    row = await doors.store.load(update.id)
    await doors.store.save(row, replace(update, state=State.DONE))
    after = await told()

    assert (1, 0) == (before["in_review"], before["paused"])
    assert {0.0} == set(after.values()) and set(before) == set(after) == {s.value for s in State if s not in ENDS}


async def test_the_figures_tell_events_apart(doors: Doors) -> None:
    """Each event of the App's own has its label; what anybody else may call an event does not get one each."""

    async def counted(event: str, outcome: str) -> float:
        label = f'surefoot_deliveries_total{{event="{event}",outcome="{outcome}"}} '
        lines = (await (await doors.client.get("/metrics")).text()).splitlines()
        return sum(float(line.removeprefix(label)) for line in lines if line.startswith(label))

    pushes, unsigned, others = [await counted(*one) for one in (("push", "stored"), ("push", "unsigned"), OTHER)]
    await doors.deliver(X_GitHub_Event="push")
    await doors.deliver(X_GitHub_Event="push", secret="guessed")
    await doors.deliver(X_GitHub_Event="made_up", X_GitHub_Delivery="guid-2")

    assert [await counted("push", "stored"), await counted("push", "unsigned")] == [pushes + 1, unsigned + 1]
    assert (await counted(*OTHER), await counted("made_up", "stored")) == (others + 1, 0)


def test_every_event_that_the_app_asks_for_is_known() -> None:
    """Whoever subscribes to one more sees it in the figures too."""
    asked = YAML(typ="safe").load(MANIFEST.read_text())["default_events"]

    assert set(asked) | {"installation", "installation_repositories", "ping"} == EVENTS


# GitHub's page "Webhook events and payloads": which permission (read at least) an App needs to be sent an event.
NEEDED = {
    "check_run": "checks",
    "check_suite": "checks",
    "dependabot_alert": "vulnerability_alerts",
    "deployment_protection_rule": "deployments",
    "deployment_status": "deployments",
    "issue_comment": "issues",
    "issues": "issues",
    "merge_group": "merge_queues",
    "package": "packages",
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "push": "contents",
    "registry_package": "packages",
    "release": "contents",
    "repository": "metadata",
    "security_advisory": "metadata",  # of GitHub's own list, so that every App may have it
    "status": "statuses",
    "workflow_run": "actions",
}


def test_every_event_that_the_app_asks_for_is_sent_to_it() -> None:
    """GitHub takes a subscription without its permission, or drops it, and then never says a word."""
    manifest = YAML(typ="safe").load(MANIFEST.read_text())

    assert {event: NEEDED[event] for event in manifest["default_events"]} == NEEDED
    assert set(NEEDED.values()) <= manifest["default_permissions"].keys()


def test_every_permission_that_the_app_asks_for_exists() -> None:
    """A name or a level that GitHub does not know would make it refuse the whole manifest."""
    known = json.loads(SCHEMAS.read_text())["components"]["schemas"]["app-permissions"]["properties"]
    asked = YAML(typ="safe").load(MANIFEST.read_text())["default_permissions"]

    assert {name: level for name, level in asked.items() if level not in known[name]["enum"]} == {}


async def test_pages_are_for_this_machine_or_the_token(tmp_path: Path) -> None:
    """Behind a proxy everybody would look like this machine; a token opens the pages to its holder alone."""
    async for doors in _doors(tmp_path / "", secret=None, token=None):
        assert (await doors.client.get("/")).status == 200
        assert (await doors.client.get("/", headers={"X-Forwarded-For": "192.0.2.1"})).status == 403
        assert (await doors.client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.1"})).status == 200
        for proxy in ("Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto", "CF-Connecting-IP"):
            assert (await doors.client.get("/api/updates", headers={proxy: "192.0.2.1"})).status == 403

    async for doors in _doors(tmp_path / "", secret=None, token=Secret("let me in")):
        assert (await doors.client.get("/")).status == 403
        assert (await doors.client.get("/", headers={"Authorization": "Bearer é"})).status == 403
        assert (await doors.client.get("/", headers={"Authorization": "Bearer let me in"})).status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
async def test_a_foreign_page_reads_nothing_through_a_browser_of_this_machine(
    tmp_path: Path, host: str, status: int
) -> None:
    """A page whose name its maker lets lead to this machine calls us by that name, and gets nothing."""
    async for doors in _doors(tmp_path / "", secret=None, token=None):
        assert (await doors.client.get("/api/updates", headers={"Host": host})).status == status


@pytest.mark.parametrize("path", ["/", "/api/updates", "/updates/none", "/no/such/page"])
async def test_nobody_frames_or_keeps_what_pages_tell(doors: Doors, path: str) -> None:
    """Found or not, an answer says that it is not to be kept, framed, or taken for what it does not call itself."""
    headers = (await doors.client.get(path)).headers

    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/hints/../api/updates",
        "/hints/%2e%2e/api/updates",
        "/hints/..%2fapi%2fupdates",
        "//api/updates",
        "/github/../api/updates",
        "/healthz/../api/updates",
    ],
)
async def test_no_way_of_writing_a_path_leads_past_the_guard(tmp_path: Path, path: str) -> None:
    """What is open to all opens nothing beside it."""
    async for doors in _doors(tmp_path / "", secret=None, token=Secret("let me in")):
        answer = await doors.client.session.get(URL(str(doors.client.make_url("/")).rstrip("/") + path, encoded=True))

        assert answer.status in (403, 404, 405) and "updates" not in await answer.text()


async def test_unfinished_bodies_of_strangers_keep_nobody_out(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knocks may promise large bodies and send none: deliveries still come in, and each promise ends."""
    monkeypatch.setattr(webhook, "PATIENCE", 0.3)
    signed = f"X-Hub-Signature-256: sha256={'0' * 64}"
    head = f"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n{signed}\r\n\r\n"
    port = doors.client.server.port
    knocking = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * webhook.LARGE_AT_ONCE)]
    for _, writer in knocking:
        writer.write(head.encode() + b"{")
    assert (await doors.deliver())[0] == 202

    told = [await reader.readline() for reader, _ in knocking]
    for _, writer in knocking:
        writer.close()
    assert {b"HTTP/1.1 408 Request Timeout\r\n"} == set(told)


async def test_a_body_that_nobody_signed_is_not_waited_for(doors: Doors) -> None:
    """Without the form of a signature the answer comes before the body does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.client.server.port)
    writer.write(b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n{")

    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()
