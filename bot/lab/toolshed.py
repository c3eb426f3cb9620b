"""Which lock files this machine can make anew: by the tools that it has, asked once in a while and remembered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from bot.core.errors import Permanent
from bot.lab.locking import bun, bundler, cargo, composer, golang, npm, pdm, pipenv, pnpm, poetry, yarn
from bot.lab.locking.programs import Program

Find = Callable[[], Awaitable[Program]]
REMEMBERED = 300.0  # seconds: who installed a tool need not start anything anew


def _in_a_thread(find: Callable[[], Program]) -> Find:
    return lambda: asyncio.to_thread(find)


# By the lock's name: any of these will do. uv is a part of Surefoot.
FINDERS: Mapping[str, Sequence[Find]] = {
    "poetry.lock": (poetry.find,),
    "pdm.lock": (pdm.find,),
    "Pipfile.lock": (pipenv.find,),
    "Cargo.lock": (cargo.find,),
    "composer.lock": (composer.find,),
    "bun.lock": (bun.find,),
    "go.sum": (golang.find,),
    "Gemfile.lock": (bundler.find,),
    "gems.locked": (bundler.find,),
    "package-lock.json": (_in_a_thread(npm.find),),
    "npm-shrinkwrap.json": (_in_a_thread(npm.find),),
    "pnpm-lock.yaml": (_in_a_thread(pnpm.find),),
    "yarn.lock": tuple(_in_a_thread(partial(yarn.find, classic=classic)) for classic in (True, False)),
}


async def lacking() -> tuple[str, ...]:
    """Which lock files cannot be made anew on this machine for want of their tools, and how to mend it; in words."""
    finders = dict.fromkeys(find for finds in FINDERS.values() for find in finds)
    said = await asyncio.gather(*map(_why_not, finders))
    return tuple(dict.fromkeys(filter(None, said)))


async def _why_not(find: Find) -> str:
    try:
        await find()
    except Permanent as problem:
        return str(problem)
    return ""


class Toolshed:
    """What is found is remembered for a while. clock: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}

    async def lacks(self, lock: str) -> str:
        """Why no tool of this machine makes this lock file (a path), with the mend; "" where one does."""
        name = lock.rpartition("/")[2]
        if name not in FINDERS:
            return ""
        now = self._clock()
        at, said = self._known.get(name, (now - REMEMBERED, ""))
        if now - at >= REMEMBERED:
            answers = [await _why_not(find) for find in FINDERS[name]]
            said = "" if "" in answers else answers[-1]
            self._known[name] = (now, said)
        return said
