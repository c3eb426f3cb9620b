"""Every identity has its hour: requests are counted per token owner, 304 answers are free, the window rolls over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(slots=True, kw_only=True)
class Bucket:
    """One hour of one identity, for one resource."""

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
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def bucket(self, identity: str, resource: str = "core") -> Bucket:
        """The running hour of an identity (an installation, a user, or an address without token: 60).

        resource: core, or graphql, which has an hour of its own.
        """
        limit = 60 if identity == "anonymous" else self.limit
        found = self._buckets.get((identity, resource))
        if found is None or found.reset <= self._now():
            found = Bucket(limit=limit, used=0, reset=self._now() + timedelta(hours=1))
            self._buckets[identity, resource] = found
        return found

    def exhaust(self, seconds: float = 3600, *, resource: str = "core") -> None:
        """Use up the hour of every identity that has asked so far, until so many seconds from now."""
        reset = self._now() + timedelta(seconds=seconds)
        for (_, spent), bucket in self._buckets.items():
            if spent == resource:
                bucket.used, bucket.reset = bucket.limit, reset

    def overview(self, identity: str) -> dict[str, Any]:
        """The body of GET /rate_limit."""
        core, graphql = self.bucket(identity).shown(), self.bucket(identity, "graphql").shown()
        still = {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}
        return {"resources": {"core": core, "search": still, "graphql": graphql}, "rate": core}
