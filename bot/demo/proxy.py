"""A weighted reverse proxy: every request goes to one release, by weight, and every answer is counted for that release.

It only routes and counts. Which releases there are and how much each gets is set from outside, in one assignment, so
there is no moment at which a request finds all weights at zero.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.demo import wire

REPEATABLE = (b"GET ", b"HEAD ")


@dataclass(slots=True, kw_only=True)
class Arm:
    """One release behind the proxy. requests and errors (5xx) are cumulative and outlive its replicas.

    credit: its standing in the smooth weighted round robin, as nginx does it. quiet: set while nothing is in flight.
    """

    replicas: list[wire.Pool] = field(default_factory=list)
    turn: int = 0
    in_flight: int = 0
    requests: int = 0
    errors: int = 0
    credit: int = 0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.quiet.set()

    def next(self) -> wire.Pool:
        """The replica whose turn it is."""
        self.turn += 1
        return self.replicas[self.turn % len(self.replicas)]


@dataclass(slots=True, kw_only=True)
class Proxy:
    """The running proxy. weights: release -> share in per cent, none for the others. moves: all weights so far."""

    arms: dict[str, Arm] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    moves: list[Mapping[str, int]] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> str:
        """Serve on a free loopback port; answers the address, without a slash at its end."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=wire.MOST_HEAD, backlog=512)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        return self.url

    async def close(self) -> None:
        """Stop, and hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.close()
        for arm in self.arms.values():
            for replica in arm.replicas:
                replica.close()

    def attach(self, release: str, replicas: Sequence[wire.Pool]) -> None:
        """Let a release be reachable, with no traffic yet; its counters go on where they were."""
        self.arms.setdefault(release, Arm()).replicas = list(replicas)

    def shift(self, weights: Mapping[str, int]) -> None:
        """Set all weights at once. ValueError when one has no replicas or they do not make 100."""
        for release, weight in weights.items():
            if weight and not self._ready(release):
                raise ValueError(f"release {release} has no replicas; attach it before it gets traffic")
        if sum(weights.values()) != 100:
            raise ValueError(f"weights must make 100, these make {sum(weights.values())}: {dict(weights)}")
        self.weights = {release: weight for release, weight in weights.items() if weight}
        self.moves.append(self.weights)
        for arm in self.arms.values():
            arm.credit = 0

    async def drained(self, release: str) -> None:
        """Return once a release without traffic has answered everything that it was asked."""
        await self.arms[release].quiet.wait()

    def shares(self, release: str) -> tuple[int, ...]:
        """The shares that a release has had one after another, in per cent, from its first traffic on."""
        seen: list[int] = []
        for weights in self.moves:
            share = weights.get(release, 0)
            if (seen or share) and seen[-1:] != [share]:
                seen.append(share)
        return tuple(seen)

    def counts(self) -> dict[str, dict[str, int]]:
        """Release -> requests and errors since the proxy started."""
        return {release: {"requests": arm.requests, "errors": arm.errors} for release, arm in self.arms.items()}

    def _ready(self, release: str) -> bool:
        return release in self.arms and bool(self.arms[release].replicas)

    def pick(self) -> Arm | None:
        """Whose turn it is: smooth weighted round robin, exact over every 100 requests. None before the first shift."""
        best: Arm | None = None
        for release, weight in self.weights.items():
            arm = self.arms[release]
            arm.credit += weight
            if best is None or arm.credit > best.credit:
                best = arm
        if best is not None:
            best.credit -= 100
        return best

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while request := await wire.read(reader):
                writer.write(await self._answer(request))
                if request.last:
                    break
        except (wire.Garbled, ValueError, IndexError) as error:
            writer.write(wire.response("400 Bad Request", json.dumps({"error": str(error)}).encode()))
        except ConnectionError:
            pass  # the client has gone; there is nobody to tell
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, request: wire.Message) -> bytes:
        match request.path:
            case "/healthz/releases":
                return wire.response("200 OK", json.dumps({"releases": self.counts()}).encode())
            case "/metrics":
                return wire.response("200 OK", self._metrics(), "text/plain; version=0.0.4")
        arm = self.pick()
        if arm is None:
            return wire.response("503 Service Unavailable", b'{"error": "no release gets traffic yet"}')
        arm.in_flight += 1
        arm.quiet.clear()
        try:
            return await self._ask(arm, request)
        finally:
            arm.in_flight -= 1
            if not arm.in_flight:
                arm.quiet.set()

    async def _ask(self, arm: Arm, request: wire.Message) -> bytes:
        """A replica's answer, counted for its release. One out of reach is skipped once, where that is safe."""
        arm.requests += 1
        tries = min(2, len(arm.replicas)) if request.start.startswith(REPEATABLE) else 1
        for _ in range(tries):
            try:
                answer = await arm.next().exchange(request.raw)
            except (OSError, TimeoutError):
                continue
            arm.errors += answer.status >= 500
            return answer.raw
        arm.errors += 1
        return wire.response("502 Bad Gateway", b'{"error": "no replica answered"}')

    def _metrics(self) -> bytes:
        """The same counters in Prometheus' text format."""
        lines = [
            "# HELP demo_requests_total Requests answered, by release and outcome.",
            "# TYPE demo_requests_total counter",
        ]
        for release, arm in self.arms.items():
            good = arm.requests - arm.errors
            lines.append(f'demo_requests_total{{release="{release}",outcome="ok"}} {good}')
            lines.append(f'demo_requests_total{{release="{release}",outcome="error"}} {arm.errors}')
        lines += ["# HELP demo_weight Share of the traffic in per cent.", "# TYPE demo_weight gauge"]
        lines += [f'demo_weight{{release="{name}"}} {self.weights.get(name, 0)}' for name in self.arms]
        return ("\n".join(lines) + "\n").encode()
