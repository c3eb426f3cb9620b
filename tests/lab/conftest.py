"""The jail of this machine, found once; where there is none the tests of the jail fail and say why."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Isolation
from bot.lab import probe, resolver, trial
from bot.lab.host import Host
from tests.lab import world


@pytest.fixture(scope="session")
def host() -> Host:
    """The best jail there is."""
    found = asyncio.run(probe.probe())
    if found.isolation is Isolation.NONE:
        said = f"no jail on this machine: {found.reason}. {found.mend}. Set CI_NO_USERNS=1 to leave these tests out"
        if os.environ.get("CI_NO_USERNS"):
            pytest.skip(said)
        pytest.fail(said)
    return found


@pytest.fixture(scope="session")
def plain(host: Host) -> Host:
    """The same without a cgroup."""
    return replace(host, isolation=Isolation.PLAIN, groups={})


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with pytest and a small library in three versions."""
    folder = world.with_pytest(tmp_path_factory.mktemp("wheels"))
    world.wheel(folder, "greeter", "1.0", {"greeter.py": "def hail(name):\n    return 'Hello, ' + name\n"})
    world.wheel(folder, "greeter", "1.1", {"greeter.py": "def hail(name):\n    return f'Hello, {name}'\n"})
    world.wheel(folder, "greeter", "2.0", {"greeter.py": "def hail(name):\n    return f'Hail, {name}'\n"})
    return folder


@pytest.fixture(scope="session")
def lab(host: Host, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> trial.Laboratory:
    """One laboratory for all tests, so that environments are made once."""
    uv = resolver.find_uv(world.index(wheels))
    # Tests alone; what is examined beside them has tests of its own.
    return trial.laboratory(tmp_path_factory.mktemp("lab"), host=host, uv=uv, examiners={})
