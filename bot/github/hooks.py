"""What GitHub tried to tell us and could not: it never tries a failed delivery again by itself, so we ask for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.errors import Missing, Refused
from bot.github.shapes import each

MOST_TRIES = 5  # deliveries of one event, after which asking again is no help
MOST_LOOKED = 5_000  # deliveries looked through in one sweep

Known = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One try to deliver one event. guid: the event's, the same for every try; ok: whether we answered 2xx."""

    id: int
    guid: str
    at: datetime
    ok: bool
    event: str


class _Delivery(Struct):
    id: int
    guid: str
    delivered_at: datetime
    status_code: int
    event: str


async def deliveries(app: GitHubAPI, *, since: datetime) -> tuple[Delivery, ...]:
    """The tries since then (UTC), newest first. app: the App's own client."""
    found: list[Delivery] = []
    async for raw in each(app, "/app/hook/deliveries", _Delivery):
        if raw.delivered_at < since or len(found) >= MOST_LOOKED:
            break
        ok = 200 <= raw.status_code < 300
        found.append(Delivery(id=raw.id, guid=raw.guid, at=raw.delivered_at, ok=ok, event=raw.event))
    return tuple(found)


def lost(tries: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """The newest try of each event that never arrived, oldest first; one that failed too often is given up."""
    by_event: dict[str, list[Delivery]] = {}
    for one in tries:
        by_event.setdefault(one.guid, []).append(one)
    left = [max(all_of_it, key=lambda one: one.id) for all_of_it in by_event.values() if _is_worth_it(all_of_it)]
    return tuple(sorted(left, key=lambda one: one.id))


def _is_worth_it(tries: Sequence[Delivery]) -> bool:
    return len(tries) < MOST_TRIES and not any(one.ok for one in tries)


async def redeliver(app: GitHubAPI, *, since: datetime, known: Known | None = None) -> int:
    """Ask again for what was lost since then; how many were asked for.

    known: whether an event is in our inbox all the same, as when we stored it and our answer came too late.
    """
    asked = 0
    for one in lost(await deliveries(app, since=since)):
        if known is not None and await known(one.guid):
            continue
        asked += await _ask(app, one)
    return asked


async def _ask(app: GitHubAPI, one: Delivery) -> bool:
    try:
        await app.post(f"/app/hook/deliveries/{one.id}/attempts", data=b"")
    except (Missing, Refused):  # GitHub keeps deliveries for some days only, and an App may have changed its events
        return False
    return True
