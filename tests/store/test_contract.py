"""The store's contract on an SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.store.contract")

from tests.store.contract import *  # noqa: F403 (the tests themselves)
from tests.store.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(f"sqlite:///{tmp_path}/surefoot.sqlite") as one:
        yield one
