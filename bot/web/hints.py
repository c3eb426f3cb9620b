"""The door for hints of registries and alerts: it believes who knows its secret, puts them on disk, answers.

A body is signed as GitHub signs its own, or, since most registries and Alertmanager cannot sign, the secret itself
comes as a bearer token. It is never in the address, which ends up in logs.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog
from aiohttp import web

from bot.adapters.hints import KINDS, PREFIX
from bot.core.errors import SurefootError
from bot.github import signatures
from bot.store.rows import Delivery
from bot.store.store import Store
from bot.tools import metrics
from bot.tools.secrets import Secret

log = structlog.get_logger(__name__)

MOST_BYTES = 1024 * 1024
DEEPEST = 50
SIGNATURE = "X-Surefoot-Signature-256"
SAME = 10  # seconds in which the same body says nothing new
QUIET = timedelta(minutes=1)  # between two log lines of the same complaint
_UNSET = "SUREFOOT_HINTS_SECRET is not set, so no hint can be believed"
_UNKNOWN = f"neither {SIGNATURE} nor Authorization: Bearer shows that the secret is known"


class _Answer(NamedTuple):
    status: int
    words: str
    outcome: str  # the figure's word for it


class HintDoor:
    """`POST /hints/{kind}`. secret: None while the operator has not set one; then nobody can be believed."""

    def __init__(
        self, store: Store, *, secret: Secret | None, nudge: Callable[[], None], clock: Callable[[], datetime]
    ) -> None:
        self._store, self._secret, self._nudge, self._clock = store, secret, nudge, clock
        self._said: datetime | None = None

    async def __call__(self, request: web.Request) -> web.Response:
        """202 stored, 200 known already, 400 no JSON object, 401 not believed, 404 no kind, 413 too large, 503 busy."""
        kind = request.match_info["kind"]
        answer = await self._heard(request, kind)
        metrics.DELIVERIES.labels(f"{PREFIX}{kind}" if kind in KINDS else "other", answer.outcome).inc()
        return web.json_response({"message": answer.words}, status=answer.status)

    async def _heard(self, request: web.Request, kind: str) -> _Answer:
        if kind not in KINDS:
            return _Answer(404, f"there is no such kind of hint; there are {', '.join(sorted(KINDS))}", "unknown")
        if self._secret is None:
            self._complain()
            return _Answer(401, _UNSET, "unready")
        try:
            body = await request.clone(client_max_size=MOST_BYTES).read()
        except web.HTTPRequestEntityTooLarge:
            return _Answer(413, f"a hint has at most {MOST_BYTES} bytes", "too_large")
        if not _believed(self._secret.reveal(), request, body):
            return _Answer(401, _UNKNOWN, "unsigned")
        if problem := signatures.too_deep(body, DEEPEST) or _no_object(body):
            return _Answer(400, problem, "malformed")
        return await self._keep(kind, body)

    async def _keep(self, kind: str, body: bytes) -> _Answer:
        now = self._clock()
        digest = hashlib.sha256(kind.encode() + b"\n" + body).hexdigest()
        guid = f"hint:{digest}:{int(now.timestamp()) // SAME}"
        try:
            new = await self._store.keep(Delivery(guid=guid, event=f"{PREFIX}{kind}", received=now, body=body))
        except SurefootError as error:
            log.error("a hint could not be stored", guid=guid, why=str(error))
            return _Answer(503, "could not be stored just now", "unstored")
        asyncio.get_running_loop().call_soon(self._nudge)
        return _Answer(202, "stored", "stored") if new else _Answer(200, "known already", "known")

    def _complain(self) -> None:
        """For the operator; whoever knocks must not fill the log."""
        now = self._clock()
        if self._said is None or now - self._said >= QUIET:
            self._said = now
            log.warning(_UNSET, mend="Set it to a long random text, and give the same text to who sends the hints")


def _believed(secret: str, request: web.Request, body: bytes) -> bool:
    """A signature that is there must be right: then a token beside it counts for nothing."""
    signature = request.headers.get(SIGNATURE)
    if signature is not None:
        return signatures.signed_by(secret, signature, body)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # A header's bytes that are no UTF-8 come as halves of characters, which a plain encode refuses.
    same = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), secret.encode())
    return bool(secret) and same and scheme.lower() == "bearer"


def _no_object(body: bytes) -> str | None:
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError) as error:
        return f"the body is no JSON object: {error}"
    return None
