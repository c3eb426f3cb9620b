"""GitHub's door: checks the signature, puts the delivery on disk, answers; nothing is thought before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec
import structlog
from aiohttp import web

from bot.core.errors import SurefootError
from bot.core.model import InstallationId
from bot.github import signatures
from bot.store.rows import Delivery
from bot.store.store import Store
from bot.tools import metrics
from bot.tools.secrets import Secret

log = structlog.get_logger(__name__)

MOST_BYTES = 25 * 1024 * 1024  # GitHub's own bound of a payload
DEEPEST = 100
SMALL = 1024 * 1024  # what nearly all deliveries are
LARGE_AT_ONCE = 4
PATIENCE = 10.0  # seconds for a body to come; GitHub itself waits no longer for our answer
_UNSIGNED = "the SHA-256 signature is missing or wrong"
# What `app.yml` subscribes to and what every App gets. A figure has a label for each and one for all others: whoever
# knocks may write any name.
EVENTS = frozenset(
    {
        "check_run",
        "check_suite",
        "dependabot_alert",
        "deployment_protection_rule",
        "deployment_status",
        "installation",
        "installation_repositories",
        "issue_comment",
        "issues",
        "merge_group",
        "package",
        "ping",
        "pull_request",
        "pull_request_review",
        "push",
        "registry_package",
        "release",
        "repository",
        "security_advisory",
        "status",
        "workflow_run",
    }
)


class _Installation(msgspec.Struct):
    id: int


class _Envelope(msgspec.Struct):
    installation: _Installation | None = None


class _Answer(NamedTuple):
    status: int
    words: str
    outcome: str  # the figure's word for it


class Door:
    """`POST /github`. secret: None while the operator has not set one; then nobody can be believed."""

    def __init__(
        self, store: Store, *, secret: Secret | None, nudge: Callable[[], None], clock: Callable[[], datetime]
    ) -> None:
        self._store, self._secret, self._nudge, self._clock = store, secret, nudge, clock
        self._room = asyncio.Semaphore(LARGE_AT_ONCE)

    async def __call__(self, request: web.Request) -> web.Response:
        """202 stored, 200 known already, 400 not understood, 401 not signed, 408 late, 413 too large, 503 not ready."""
        event = request.headers.get("X-GitHub-Event", "")
        answer = await self._heard(request, event)
        metrics.DELIVERIES.labels(event if event in EVENTS else "other", answer.outcome).inc()
        return web.json_response({"message": answer.words}, status=answer.status)

    async def _heard(self, request: web.Request, event: str) -> _Answer:
        if self._secret is None:
            return _Answer(503, "WEBHOOK_SECRET is not set, so no delivery can be believed", "unready")
        signature = request.headers.get("X-Hub-Signature-256")
        if not signatures.may_sign(signature):
            return _Answer(401, _UNSIGNED, "unsigned")  # before a byte of it is held
        try:
            body = await self._body(request)
        except web.HTTPRequestEntityTooLarge:
            return _Answer(413, f"a payload has at most {MOST_BYTES} bytes", "too_large")
        except TimeoutError:
            return _Answer(408, f"the body did not come within {PATIENCE:.0f} seconds", "late")
        if not signatures.signed_by(self._secret.reveal(), signature, body):
            return _Answer(401, _UNSIGNED, "unsigned")
        guid = request.headers.get("X-GitHub-Delivery", "")
        if not event or not guid or len(event) > 100 or len(guid) > 100:
            return _Answer(400, "X-GitHub-Event and X-GitHub-Delivery are needed", "malformed")
        if problem := signatures.too_deep(body, DEEPEST):
            return _Answer(400, problem, "malformed")
        try:
            envelope = msgspec.json.decode(body, type=_Envelope)
        except (msgspec.MsgspecError, RecursionError) as error:
            return _Answer(400, f"the body is no JSON object: {error}", "malformed")
        return await self._keep(event, guid, body, envelope)

    async def _body(self, request: web.Request) -> bytes:
        """All of it. TimeoutError, HTTPRequestEntityTooLarge.

        Whoever knocks may send a body, and nobody is known before it is there: so few large ones are held at a time.
        """
        small = request.content_length is not None and request.content_length <= SMALL
        async with asyncio.timeout(PATIENCE):
            if small:
                return await request.read()
            async with self._room:
                return await request.read()

    async def _keep(self, event: str, guid: str, body: bytes, envelope: _Envelope) -> _Answer:
        installation = InstallationId(envelope.installation.id) if envelope.installation else None
        delivery = Delivery(guid=guid, event=event, received=self._clock(), body=body, installation=installation)
        try:
            new = await self._store.keep(delivery)
        except SurefootError as error:
            # GitHub keeps it in its log, and the sweep asks for it again.
            log.error("a delivery could not be stored", guid=guid, why=str(error))
            return _Answer(503, "could not be stored just now", "unstored")
        asyncio.get_running_loop().call_soon(self._nudge)
        return _Answer(202, "stored", "stored") if new else _Answer(200, "known already", "known")
