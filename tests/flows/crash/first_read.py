"""Many fresh processes in each of which many threads read for the first time; says how many of them died."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable

import msgspec

from bot.adapters.sources import _simple
from bot.core.model import Update
from bot.store import rows
from tests.builders import an_update

PROCESSES, THREADS = 60, 6


def dead(read: Callable[[], object]) -> int:
    """How many processes die when all their threads do this at once, before any did."""
    ends = []
    for _ in range(PROCESSES):
        child = os.fork()
        if child == 0:
            _race(read)
            os._exit(0)
        ends.append(os.waitpid(child, 0)[1])
    return sum(end != 0 for end in ends)


def _race(read: Callable[[], object]) -> None:
    together = threading.Barrier(THREADS)

    def one() -> None:
        together.wait()
        read()

    threads = [threading.Thread(target=one) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> int:
    """Nothing printed and 0 when none died."""
    sys.setswitchinterval(1e-6)  # so that threads get in each other's way as they would in a long time
    row = msgspec.json.encode(an_update()).decode()  # not by `rows.dump`, which would be the first reading
    page = json.dumps({"meta": {"api-version": "1.0"}, "name": "x", "files": []}).encode()
    died = {
        "a row": dead(lambda: rows.parse(row, Update)),
        "a page": dead(lambda: _simple.of_json(page, "x", "http://index.test/simple/x/")),
    }
    for what, count in died.items():
        if count:
            print(f"{count} of {PROCESSES} processes died of reading {what} in {THREADS} threads at once")
    return int(any(died.values()))


if __name__ == "__main__":
    sys.exit(main())
