"""Every identity has its hour: requests are counted per token owner, 304 answers are free, the window rolls over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(slots=True, kw_only=True)
class Bucket:
    """One hour of one identity."""

    limit: int
    used: int
    reset: datetime

    @property
    def remaining(self) -> int:
        """How many requests are left."""
        return max(0, self.limit - self.used)

    def shown(self) -> dict[str, int]:
        """As /rate_limit prints it; ``reset`` in seconds since 1970."""
        return {
            "limit": self.limit,
            "used": min(self.used, self.limit),
            "remaining": self.remaining,
            "reset": int(self.reset.timestamp()),
        }

    def headers(self, resource: str) -> dict[str, str]:
        """The X-RateLimit headers of an answer."""
        return {f"X-RateLimit-{key.title()}": str(value) for key, value in self.shown().items()} | {
            "X-RateLimit-Resource": resource
        }


class Limits:
    """The primary rate limit."""

    def __init__(self, now: Callable[[], datetime], limit: int = 5000) -> None:
        self.limit = limit
        self._now = now
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, identity: str) -> Bucket:
        """The running hour of an identity (an installation, a user, or an address without token: 60)."""
        limit = 60 if identity == "anonymous" else self.limit
        found = self._buckets.get(identity)
        if found is None or found.reset <= self._now():
            found = Bucket(limit=limit, used=0, reset=self._now() + timedelta(hours=1))
            self._buckets[identity] = found
        return found

    def exhaust(self, seconds: float = 3600) -> None:
        """Use up every identity's hour, known or to come, until so many seconds from now."""
        reset = self._now() + timedelta(seconds=seconds)
        for bucket in self._buckets.values():
            bucket.used, bucket.reset = bucket.limit, reset

    def overview(self, identity: str) -> dict[str, Any]:
        """The body of GET /rate_limit."""
        core = self.bucket(identity).shown()
        still = {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}
        return {"resources": {"core": core, "search": still, "graphql": core}, "rate": core}
