"""The jail of this machine, for tests that are about something else."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable

import pytest

from bot.core.errors import Permanent
from bot.core.model import Isolation
from bot.lab import probe
from bot.lab.host import Host


def need(*tools: Callable[[], object]) -> None:
    """What these finders of programs raise (Permanent) fails the test, with the mend in its words."""
    for find in tools:
        try:
            if inspect.iscoroutinefunction(find):
                asyncio.run(find())
            else:
                find()
        except Permanent as problem:
            pytest.fail(str(problem))


def best(*tools: Callable[[], object]) -> Host:
    """The best one. None is a failure, not a skip, but where CI says that the machine cannot have one.

    tools: finders of programs that are needed as well, as `need` has them.
    """
    need(*tools)
    found = asyncio.run(probe.probe())
    if found.isolation is Isolation.NONE:
        if os.environ.get("CI_NO_USERNS"):
            pytest.skip(found.reason)
        pytest.fail(f"{found.reason}. {found.mend}")
    return found
