"""One walk with deaths at given points, to look into a failure: `python -m tests.flows.crash.replay bad POINT…`."""

from __future__ import annotations

import asyncio
import sys

from tests.flows.crash.plan import walk_through
from tests.flows.crash.proof import BAD, GOOD
from tests.flows.crash.world import nursery


def main() -> None:
    """Print where it died, the points of the last life, and what is wrong at the end."""
    name, *deadly = sys.argv[1:]
    outcome = asyncio.run(walk_through(nursery(), {"good": GOOD, "bad": BAD}[name], deadly))
    print(*outcome.points, "", "died at:", *outcome.died, "", "wrong:", *outcome.wrong, sep="\n")


if __name__ == "__main__":
    main()
