"""People who visit: requests at a steady mean rate, whether or not the service keeps up, under the names people have.

Open loop: a slow service gets no fewer visitors, so waiting shows as latency and never hides as a lower rate.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

from bot.demo import wire

# About one visitor in twenty has a name of one word, or of more than two, as in the guest books of real services.
UNUSUAL = 0.05
# fmt: off
GIVEN = (
    "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Ken", "Margaret", "Dennis", "Radia", "Linus",
    "Katherine", "Guido", "Adele", "Leslie", "Shafi", "Tim", "Karen", "Niklaus", "Sophie", "Vint", "Evelyn", "Robin",
    "Anita", "John", "Mary", "Tony", "Joan", "Claude", "Hedy", "Kurt", "Emmy", "Srinivasa", "Maryam", "Terence",
)
FAMILY = (
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Thompson", "Hamilton", "Ritchie",
    "Perlman", "Torvalds", "Johnson", "Rossum", "Goldberg", "Lamport", "Goldwasser", "Lee", "Jones", "Wirth", "Wilson",
    "Cerf", "Boyd", "Milner", "Borg", "Backus", "Shaw", "Hoare", "Clarke", "Shannon", "Lamarr", "Noether",
)
# fmt: on
OTHER = (
    "Pelé",
    "Ludwig van Beethoven",
    "Björk",
    "Juana Inés de la Cruz",
    "Teller",
    "Ursula von der Leyen",
    "Sukarno",
    "Gabriel García Márquez",
    "Zendaya",
    "Martin Luther King",
)


@dataclass(slots=True, kw_only=True)
class Traffic:
    """The running visitors. rate: mean requests a second. answers: how many by status; dropped: no answer at all."""

    site: str
    rate: float = 200.0
    seed: int | None = None
    answers: Counter[int] = field(default_factory=Counter)
    dropped: int = 0
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=4000))
    began: float = 0.0
    last_drop: str = ""
    _task: asyncio.Task[None] | None = None
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def sent(self) -> int:
        """All requests that have ended, one way or the other."""
        return sum(self.answers.values()) + self.dropped

    @property
    def failed(self) -> int:
        """Those that ended badly for the visitor: 5xx or no answer."""
        return sum(many for status, many in self.answers.items() if status >= 500) + self.dropped

    @property
    def pace(self) -> float:
        """Requests a second, from the first to now."""
        return self.sent / (time.monotonic() - self.began) if self.began else 0.0

    def wait_at(self, share: float) -> float:
        """Seconds within which this share of the last few thousand visitors had their answer; 0 when none came."""
        ordered = sorted(self.waits)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0

    def start(self) -> None:
        """Open the doors."""
        self.began = time.monotonic()
        self._task = asyncio.create_task(self._keep_coming())

    async def stop(self) -> None:
        """No new visitors; those inside get their answers first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _keep_coming(self) -> None:
        draw = random.Random(self.seed)
        url = urlsplit(self.site)
        pool = wire.Pool(host=str(url.hostname), port=int(url.port or 80))
        due = time.monotonic()
        try:
            while True:
                due += draw.expovariate(self.rate)
                if (pause := due - time.monotonic()) > 0:
                    await asyncio.sleep(pause)
                visit = asyncio.create_task(self._visit(pool, a_name(draw)))
                self._visits.add(visit)
                visit.add_done_callback(self._visits.discard)
        finally:
            pool.close()

    async def _visit(self, pool: wire.Pool, name: str) -> None:
        began = time.monotonic()
        head = f"GET /hello?name={quote_plus(name)} HTTP/1.1\r\nHost: {pool.host}:{pool.port}\r\n\r\n"
        try:
            answer = await pool.exchange(head.encode())
        except (OSError, TimeoutError) as error:
            self.dropped += 1
            self.last_drop = f"{type(error).__name__}: {error}"
            return
        self.answers[answer.status] += 1
        self.waits.append(time.monotonic() - began)


def a_name(draw: random.Random) -> str:
    """The next visitor's name."""
    if draw.random() < UNUSUAL:
        return draw.choice(OTHER)
    return f"{draw.choice(GIVEN)} {draw.choice(FAMILY)}"
