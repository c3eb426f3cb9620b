"""What there is to show: scenes and how they stand, what was said and proved, and how the traffic goes just now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SPAN = 3.0  # seconds over which a rate is taken


@dataclass(slots=True, kw_only=True)
class Row:
    """One scene in the table. ok is None until it has ended."""

    title: str
    outcome: str = ""
    ok: bool | None = None
    seconds: float = 0.0
    began: float | None = None
    evidence: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The row for machines; these keys are stable."""
        return {
            "scene": self.title,
            "ok": bool(self.ok),
            "outcome": self.outcome,
            "seconds": round(self.seconds, 1),
            "evidence": self.evidence,
        }


@dataclass(slots=True, kw_only=True)
class Board:
    """Everything that a viewer may see. heard: called with each line as it is said."""

    heard: Callable[[str], None] = lambda line: None
    rows: list[Row] = field(default_factory=list)
    said: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    links: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since the curtain rose."""
        return time.monotonic() - self.began

    @property
    def row(self) -> Row | None:
        """The scene that is being played, or was last."""
        return next((row for row in reversed(self.rows) if row.began is not None), None)

    def tell(self, text: str) -> None:
        """Say what happens, in plain words."""
        line = f"{self.now:6.1f}s  {text}"
        self.said.append(line)
        self.heard(line)

    def prove(self, text: str) -> None:
        """Say it, and keep it as evidence of the scene in play."""
        if self.row is not None:
            self.row.evidence.append(text)
        self.tell(text)

    def open(self, row: Row) -> None:
        """A scene begins."""
        row.began = time.monotonic()
        self.tell(f"== {row.title}")

    def close(self, row: Row, *, ok: bool, outcome: str) -> None:
        """A scene has ended."""
        assert row.began is not None, "only a scene that began can end"
        row.ok, row.outcome, row.seconds = ok, outcome, time.monotonic() - row.began
        self.tell(f"{'as it should' if ok else 'NOT as it should'}: {outcome} ({row.seconds:.1f} s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one release does just now: requests a second, share of failures (0 to 1), and its weight in per cent."""

    release: str
    rate: float
    failing: float
    weight: int


@dataclass(slots=True, kw_only=True)
class Meter:
    """Turns cumulative counts into paces over the last few seconds."""

    seen: deque[tuple[float, Mapping[str, Mapping[str, int]]]] = field(default_factory=deque)

    def read(
        self, counts: Mapping[str, Mapping[str, int]], weights: Mapping[str, int], *, at: float
    ) -> tuple[Pace, ...]:
        """The pace of every release that has traffic or had some within the span. at: seconds of a steady clock."""
        self.seen.append((at, counts))
        while len(self.seen) > 2 and at - self.seen[0][0] > SPAN:
            self.seen.popleft()
        since, before = self.seen[0]
        return tuple(
            _pace(release, count, before.get(release, {}), weights.get(release, 0), max(at - since, 0.001))
            for release, count in counts.items()
            if weights.get(release) or count["requests"] > before.get(release, {}).get("requests", 0)
        )


def _pace(release: str, count: Mapping[str, int], before: Mapping[str, int], weight: int, seconds: float) -> Pace:
    requests = count["requests"] - before.get("requests", 0)
    errors = count["errors"] - before.get("errors", 0)
    failing = errors / requests if requests else 0.0
    return Pace(release=release, rate=requests / seconds, failing=failing, weight=weight)
