"""What the webhook door costs beside doors that keep less: figures and ratios of one run on one machine, no verdicts.

Each door is a process of its own and gets the same signed deliveries over real connections, one after the other and
many at once, in turns. SUREFOOT_BENCH_TIMES says how often (3).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from uuid import uuid4

import pytest

from tests.bench.doors import DOORS, signature
from tests.bench.spending import ROOT

TIMES = int(os.environ.get("SUREFOOT_BENCH_TIMES", "3"))
DELIVERIES = 320  # in a turn
BODY = b'{"installation": {"id": 7}, "padding": "' + b"x" * 20_000 + b'"}'  # GitHub's own are 5 to 40 KB
FLOOR = "one SQLite row"


@contextmanager
def a_door(kind: str, folder: Path) -> Iterator[int]:
    """The port of a running one."""
    folder.mkdir(parents=True)
    place = folder / "port"
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.doors", kind, str(place), str(folder)], cwd=ROOT)
    try:
        while not place.exists():
            assert process.poll() is None, "the door ended before it was open"
            time.sleep(0.02)
        yield int(place.read_text())
    finally:
        process.terminate()
        process.wait(20)


def cpu_of(port: int) -> float:
    """Seconds of CPU that the process has used."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cpu") as answer:
        return float(answer.read())


def delivery() -> bytes:
    """One request as it goes over the wire; the client is to cost as little as it can."""
    head = (
        "POST /github HTTP/1.1", "Host: bench", f"Content-Length: {len(BODY)}", "Content-Type: application/json",
        "X-GitHub-Event: push", f"X-GitHub-Delivery: {uuid4()}", f"X-Hub-Signature-256: {signature(BODY)}",
    )  # fmt: skip
    return "\r\n".join((*head, "", "")).encode() + BODY


async def deliver(port: int, requests: list[bytes]) -> list[float]:
    """One connection, one delivery after the other; how long each took until its answer, in seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 202"), head
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        took.append(time.perf_counter() - began)
    writer.close()
    return took


@dataclass(slots=True)
class Figures:
    """Of each turn. cpu: seconds of the door's process for one delivery; each: seconds until an answer."""

    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)

    def row(self, name: str, floor: Figures) -> str:
        """A line of the table: medians over the turns."""
        ordered = sorted(self.each)
        p50, p99 = (1000 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
        cpu, rate, bare = median(self.cpu), median(self.rate), median(floor.cpu)
        told = f"{name:<20}{rate:>10.0f}{p50:>9.2f}{p99:>9.2f}{1000 * cpu:>9.2f}"
        return f"{told}{cpu / bare:>8.2f}{rate / median(floor.rate):>8.2f}"


async def turn(port: int, clients: int, figures: Figures) -> None:
    """All deliveries over so many connections."""
    shares = [[delivery() for _ in range(DELIVERIES // clients)] for _ in range(clients)]
    used, began = cpu_of(port), time.perf_counter()
    took = await asyncio.gather(*(deliver(port, share) for share in shares))
    seconds, count = time.perf_counter() - began, sum(map(len, shares))
    figures.rate.append(count / seconds)
    figures.cpu.append((cpu_of(port) - used) / count)
    figures.each += [one for each in took for one in each]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("clients", [1, 32])
async def test_the_door_beside_the_least_that_keeps_a_delivery(tmp_path: Path, clients: int) -> None:
    """Every delivery of every turn is answered with 202; the table says at what price."""
    figures = {kind: Figures() for kind in DOORS}
    for number in range(TIMES):
        for at, (kind, kept) in enumerate(figures.items()):
            with a_door(kind, tmp_path / f"{number}-{at}") as port:
                await deliver(port, [delivery() for _ in range(20)])  # what is done once at the beginning
                await turn(port, clients, kept)
    print(f"\n\n{DELIVERIES} deliveries of {len(BODY) / 1000:.0f} KB, {clients} at a time")
    print(f"{'':<20}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'CPU':>8}{'rate':>8}   (of {FLOOR})")
    for kind, kept in figures.items():
        print(kept.row(kind, figures[FLOOR]))
        assert len(kept.each) == TIMES * (DELIVERIES // clients) * clients
