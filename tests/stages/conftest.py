"""The worlds of these tests."""

import pytest

from tests.github.town import town
from tests.stages.world import PINNED


@pytest.fixture
async def shop(tmp_path):
    """A town with our App in it, whose repository pins greeter 1.2.3."""
    async with town(tmp_path) as made:
        await made.push(PINNED)
        yield made
