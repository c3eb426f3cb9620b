"""The door for hints over real HTTP: who is believed, what is on disk before the answer, and what a flood costs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from bot import config
from bot.adapters.hints import KINDS
from bot.app import App
from bot.core.errors import Transient
from bot.tools import metrics
from bot.tools.pip import IndexSettings
from bot.web.hints import MOST_BYTES, SAME
from tests.builders import NOW

SECRET = "it's a secret, too"
BODY = b'{"names": ["greeter"]}'


class Doors:
    """The bot's own web application before a store on disk; nothing drains it."""

    def __init__(self, app: App, client: TestClient[Any, Any]) -> None:
        self.app, self.client, self.now = app, client, NOW

    async def hint(self, kind: str = "generic", body: bytes = BODY, **headers: Any) -> int:
        """As a registry posts it; the status."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.post(f"/hints/{kind}", data=body, headers=given) as answer:
            return answer.status

    async def stored(self) -> list[tuple[str, bytes]]:
        """What is on disk and waits, the oldest first."""
        return [(one.event, one.body) for one in await self.app.store.undrained()]


async def doors_of(folder: Path, **env: str) -> AsyncIterator[Doors]:
    settings = config.settings({"SUREFOOT_DATA_DIR": str(folder), **env})
    app = App(settings, clock=lambda: made.now, index=IndexSettings(index_url="http://127.0.0.1:9/simple"))
    await app.open()
    async with TestClient(TestServer(app.web())) as client:
        made = Doors(app, client)
        yield made
    await app.engine.stop()
    app.store.close()


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async for made in doors_of(tmp_path, SUREFOOT_HINTS_SECRET=SECRET):
        yield made


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


BEARER: dict[str, Any] = {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_who_knows_the_secret_is_believed(doors: Doors, kind: str) -> None:
    """By a signature over the body or by the token itself; and 202 means that it is on disk, byte for byte."""
    assert await doors.hint(kind, X_Surefoot_Signature_256=signed(BODY)) == 202
    assert await doors.hint(kind, b'{"x": 1}', **BEARER) == 202

    assert await doors.stored() == [(f"hint.{kind}", BODY), (f"hint.{kind}", b'{"x": 1}')]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer guess"},
        {"Authorization": "Bearer "},
        {"Authorization": SECRET},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": "Bearer \udcff"},
        {"X_Surefoot_Signature_256": signed(BODY, "guess")},
        {"X_Surefoot_Signature_256": signed(b"another body")},
        {"X_Surefoot_Signature_256": signed(BODY).upper()},
        {"X_Surefoot_Signature_256": "sha1=" + "0" * 40},
        {"X_Hub_Signature_256": signed(BODY)},
        {"X_Surefoot_Signature_256": signed(BODY, "guess"), **BEARER},
    ],
)
async def test_whoever_does_not_is_nobody(doors: Doors, headers: dict[str, Any]) -> None:
    """401, and nothing is stored; a wrong signature is not mended by a right token beside it."""
    assert await doors.hint(**headers) == 401
    assert await doors.stored() == []


async def test_a_secret_in_the_address_is_none(doors: Doors) -> None:
    """Addresses end up in the logs of whatever lies between."""
    assert await doors.hint(f"generic?token={SECRET}&secret={SECRET}") == 401


async def test_without_a_secret_nobody_is_believed(tmp_path: Path) -> None:
    """Not even who sends an empty one; and the log says how to set it, once a minute and not once a knock."""
    async for doors in doors_of(tmp_path):
        with capture_logs() as logs:
            assert await doors.hint(Authorization="Bearer ") == 401
            assert await doors.hint(X_Surefoot_Signature_256=signed(BODY, "")) == 401
            doors.now += timedelta(minutes=1)
            assert await doors.hint() == 401

        said = [line for line in logs if "SUREFOOT_HINTS_SECRET" in line["event"]]
        assert (len(said), await doors.stored()) == (2, [])
        assert "long random text" in said[0]["mend"]


async def test_the_door_is_open_to_other_machines(doors: Doors) -> None:
    """Pages answer this machine alone; registries are elsewhere, and so is the proxy that they come through."""
    elsewhere = {"X-Forwarded-For": "192.0.2.1"}
    async with doors.client.get("/healthz", headers=elsewhere) as answer:
        assert answer.status == 200
    async with doors.client.get("/", headers=elsewhere) as answer:
        assert answer.status == 403

    assert await doors.hint(X_Forwarded_For="192.0.2.1", **BEARER) == 202


@pytest.mark.parametrize("kind", ["", "github", "npm", "generic/x", "..%2fgithub", "hint.generic", "GENERIC"])
async def test_another_kind_is_not_found(doors: Doors, kind: str) -> None:
    """404 for all that there is no reader for, with or without the secret."""
    assert await doors.hint(kind, **BEARER) == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_it_is_only_posted_to(doors: Doors, method: str) -> None:
    """405 for every other method."""
    async with doors.client.request(method, "/hints/generic", headers=BEARER, data=BODY) as answer:
        assert answer.status == 405


async def test_a_large_body_is_refused(doors: Doors) -> None:
    """A MiB is taken and a byte more is not, and neither is what only unpacks to more; nothing of it is stored."""
    pad = b'{"names": ["' + b"x" * (MOST_BYTES - 15) + b'"]}'
    assert len(pad) == MOST_BYTES
    assert await doors.hint(body=pad, **BEARER) == 202
    assert await doors.hint(body=pad + b" ", **BEARER) == 413
    async with doors.client.post("/hints/generic", data=pad + b" ", headers=BEARER, compress="deflate") as answer:
        assert answer.status == 413

    assert len(await doors.stored()) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff", b'{"a":' * 60 + b"1" + b"}" * 60])
async def test_what_is_no_json_object_is_refused(doors: Doors, body: bytes) -> None:
    """400, also where it is only nested too deep; nothing is stored."""
    assert await doors.hint(body=body, **BEARER) == 400
    assert await doors.stored() == []


async def test_the_same_hint_again_is_one(doors: Doors) -> None:
    """Within ten seconds; another body, another kind and a later time are others."""
    answers = await asyncio.gather(*(doors.hint(**BEARER) for _ in range(20)))
    assert sorted(answers) == [200] * 19 + [202]

    assert await doors.hint(body=BODY + b" ", **BEARER) == 202
    assert await doors.hint("quay", **BEARER) == 202
    doors.now += timedelta(seconds=SAME)
    assert await doors.hint(**BEARER) == 202


async def test_a_database_that_is_away_is_said(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, so that the registry sends it again."""

    async def keep(_: object) -> bool:
        raise Transient("no disk")

    monkeypatch.setattr(doors.app.store, "keep", keep)

    assert await doors.hint(**BEARER) == 503


async def test_figures_have_a_closed_set_of_labels(doors: Doors) -> None:
    """Whoever knocks with names of their own makes no new series."""
    for number in range(5):
        await doors.hint(f"mine-{number}", **BEARER)
    await doors.hint("quay", b'{"repository": "a/b"}')

    lines = metrics.exposition().decode()
    assert "mine-" not in lines
    assert 'surefoot_deliveries_total{event="other",outcome="unknown"}' in lines
    assert 'surefoot_deliveries_total{event="hint.quay",outcome="unsigned"}' in lines


async def test_a_hint_is_drained_to_nothing_where_it_names_nobody(doors: Doors) -> None:
    """Before the first repository is installed, with what cannot be read, and with an alert that lacks its label."""
    for kind in sorted(KINDS):
        assert await doors.hint(kind, json.dumps({"names": ["x"], "alerts": []}).encode(), **BEARER) == 202

    with capture_logs() as logs:
        assert await doors.app.drainer.once() == len(KINDS)

    assert await doors.stored() == []
    assert any("no firing alert has a label surefoot_repository" in line.get("why", "") for line in logs)
