"""Bad weather on demand: a fault is set before the moment, counts itself down, and is spent."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

HOOK_KINDS = ("drop", "lose", "duplicate", "delay", "reorder")
REQUEST_KINDS = ("answer", "reset", "hang")


@dataclass(slots=True, kw_only=True)
class HookFault:
    """What happens to the next ``left`` webhooks of ``event`` (empty: any).

    drop: not delivered, but in the delivery log as failed. lose: not even in the log. duplicate: sent twice, one GUID.
    delay: sent ``seconds`` later, the others pass. reorder: sent after the one behind it.
    """

    kind: str
    event: str = ""
    left: int = 1
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class RequestFault:
    """What happens to the next ``left`` requests that match, ``before`` or ``after`` their effect.

    answer: ``status`` instead of the true answer. reset: the connection breaks. hang: no answer ever comes.
    call: ``run`` is awaited, then the request goes on (a test kills the client here).
    """

    kind: str
    when: str = "before"
    method: str = ""
    path: str = ".*"
    status: int = 502
    headers: dict[str, str] = field(default_factory=dict)
    left: int = 1
    run: Callable[[], Awaitable[None]] | None = None

    def meets(self, when: str, method: str, path: str) -> bool:
        """Is this request the one it waits for?"""
        return (
            self.left > 0
            and self.when == when
            and self.method in ("", method)
            and re.search(self.path, path) is not None
        )


class Faults:
    """All faults that are set, and what hides for a moment after its creation."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._hooks: list[HookFault] = []
        self._requests: list[RequestFault] = []
        self._hidden: dict[str, datetime] = {}
        self.hide_new_ms = 0
        self.secondary_until: datetime | None = None

    def hook(self, kind: str, event: str = "", *, count: int = 1, seconds: float = 0.2) -> None:
        """Trouble for the next ``count`` webhooks of ``event``; kinds as in HookFault."""
        if kind not in HOOK_KINDS:
            raise ValueError(f"no webhook fault {kind!r}; there are {', '.join(HOOK_KINDS)}")
        self._hooks.append(HookFault(kind=kind, event=event, left=count, seconds=seconds))

    def request(self, kind: str, **how: Any) -> None:
        """Trouble for requests to come; the words are the fields of RequestFault, ``count`` for how many."""
        if kind not in REQUEST_KINDS:
            raise ValueError(f"no request fault {kind!r}; there are {', '.join(REQUEST_KINDS)}")
        left = how.pop("count", 1)
        self._requests.append(RequestFault(kind=kind, left=left, **how))

    def call(self, run: Callable[[], Awaitable[None]], **how: Any) -> None:
        """Await ``run`` at a matching request, before or after its effect; only from Python."""
        left = how.pop("count", 1)
        self._requests.append(RequestFault(kind="call", run=run, left=left, **how))

    def secondary(self, seconds: float) -> None:
        """Answer every API request with the secondary rate limit for so long."""
        self.secondary_until = self._now() + timedelta(seconds=seconds)

    def clear(self) -> None:
        """Good weather."""
        self._hooks.clear()
        self._requests.clear()
        self._hidden.clear()
        self.hide_new_ms = 0
        self.secondary_until = None

    def for_hook(self, event: str) -> HookFault | None:
        """The fault that meets this webhook, counted down."""
        for fault in self._hooks:
            if fault.left > 0 and fault.event in ("", event):
                fault.left -= 1
                return fault
        return None

    def for_request(self, when: str, method: str, path: str) -> RequestFault | None:
        """The fault that meets this request, counted down."""
        for fault in self._requests:
            if fault.meets(when, method, path):
                fault.left -= 1
                return fault
        return None

    def created(self, *paths: str) -> None:
        """Something was made at these paths; with ``hide_new_ms`` they are not found for a moment."""
        if self.hide_new_ms:
            until = self._now() + timedelta(milliseconds=self.hide_new_ms)
            self._hidden.update(dict.fromkeys(paths, until))

    def hides(self, path: str) -> bool:
        """Is this path, or what it lies under, still unknown to the replica that answers?"""
        now = self._now()
        self._hidden = {place: until for place, until in self._hidden.items() if until > now}
        return any(path == place or path.startswith(place + "/") for place in self._hidden)
