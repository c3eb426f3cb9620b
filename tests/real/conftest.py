"""What the test files here share without asking."""

from __future__ import annotations

import pytest

from bot.lab.host import Host
from tests.real import jails


@pytest.fixture(scope="module")
def best(request: pytest.FixtureRequest) -> Host:
    """The best jail of this machine, and the programs whose finders the test file names as its TOOLS.

    None is a failure, not a skip.
    """
    return jails.best(*getattr(request.module, "TOOLS", ()))
