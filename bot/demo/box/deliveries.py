"""Webhooks leave in the order in which things happened, each is sent once, and the log keeps what came of it.

GitHub never sends again by itself: a lost delivery is found in the log (``GET /app/hook/deliveries``) and asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from bot.demo.box.faults import Faults
from bot.demo.box.rows import App

PATIENCE = 10.0  # seconds; GitHub.com gives up on a slower receiver


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver one event to one App."""

    id: int
    guid: str
    app: App
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    body: bytes
    redelivery: bool = False
    delivered_at: datetime
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""

    @property
    def ok(self) -> bool:
        """Did the receiver take it?"""
        return 200 <= self.status_code < 300


def sign(delivery: Delivery) -> dict[str, str]:
    """The headers of a delivery; signatures only where the App has a secret."""
    app = delivery.app
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(app.hook_id),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
    }
    if app.webhook_secret:
        key = app.webhook_secret.encode()
        headers["X-Hub-Signature"] = "sha1=" + hmac.new(key, delivery.body, hashlib.sha1).hexdigest()
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(key, delivery.body, hashlib.sha256).hexdigest()
    return headers


class Deliveries:
    """The outbox of all Apps, and the log of what was sent."""

    def __init__(self, now: Callable[[], datetime], faults: Faults, next_id: Callable[[], int]) -> None:
        self.log: dict[int, Delivery] = {}
        self._now, self._faults, self._next_id = now, faults, next_id
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._held: list[Delivery] = []
        self._late: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the line."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Close the line; what has not left yet stays unsent."""
        for task in filter(None, [self._worker, *self._late]):
            task.cancel()
        if self._session:
            await self._session.close()

    async def settle(self) -> None:
        """Wait until everything that is due has been sent, delayed ones too."""
        await self._queue.join()
        while self._late:
            await asyncio.gather(*self._late, return_exceptions=True)

    def post(
        self, app: App, event: str, payload: dict[str, Any], *, installation_id: int | None, repository_id: int | None
    ) -> None:
        """Put an event in the outbox; the payload is frozen now, as it is sent."""
        delivery = Delivery(
            id=self._next_id(),
            guid=str(uuid.uuid4()),
            app=app,
            event=event,
            action=payload.get("action"),
            installation_id=installation_id,
            repository_id=repository_id,
            body=json.dumps(payload).encode(),
            delivered_at=self._now(),
        )
        self._queue.put_nowait(delivery)

    async def redeliver(self, old: Delivery) -> None:
        """Send it again under the same GUID, as a new attempt; waits for the answer."""
        await self._send(self._again(old))

    def _again(self, old: Delivery) -> Delivery:
        return Delivery(
            id=self._next_id(),
            guid=old.guid,
            app=old.app,
            event=old.event,
            action=old.action,
            installation_id=old.installation_id,
            repository_id=old.repository_id,
            body=old.body,
            redelivery=True,
            delivered_at=self._now(),
        )

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                await self._leave(delivery)
            finally:
                self._queue.task_done()

    async def _leave(self, delivery: Delivery) -> None:
        """Send one, or let the fault that meets it happen."""
        fault = self._faults.for_hook(delivery.event)
        match fault.kind if fault else "":
            case "lose":
                return
            case "drop":
                self._record(delivery, 502, "failed to connect to host")
            case "reorder":
                self._held.append(delivery)
                return
            case "delay" if fault:
                self._later(delivery, fault.seconds)
            case "duplicate":
                await self._send(delivery)
                await self._send(self._again(delivery))
            case _:
                await self._send(delivery)
        while self._held:
            await self._send(self._held.pop(0))

    def _later(self, delivery: Delivery, seconds: float) -> None:
        async def wait_and_send() -> None:
            await asyncio.sleep(seconds)
            await self._send(delivery)

        task = asyncio.create_task(wait_and_send())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _record(self, delivery: Delivery, code: int, status: str) -> None:
        delivery.request_headers = sign(delivery)
        delivery.status_code, delivery.status = code, status
        delivery.delivered_at = self._now()
        self.log[delivery.id] = delivery

    async def _send(self, delivery: Delivery) -> None:
        assert self._session is not None, "start() comes first"
        if not delivery.app.webhook_url:
            return
        began = time.monotonic()
        try:
            async with self._session.post(
                delivery.app.webhook_url, data=delivery.body, headers=sign(delivery)
            ) as answer:
                delivery.response_body = await answer.text(errors="replace")
                delivery.response_headers = dict(answer.headers)
                self._record(delivery, answer.status, answer.reason or "OK")
        except TimeoutError:
            self._record(delivery, 504, "timed out")
        except (aiohttp.ClientError, OSError):
            self._record(delivery, 502, "failed to connect to host")
        delivery.duration = round(time.monotonic() - began, 2)
