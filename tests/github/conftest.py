"""The worlds of these tests."""

import pytest

from tests.github.town import town


@pytest.fixture
async def shop(tmp_path):
    """A town with our App in it."""
    async with town(tmp_path) as made:
        yield made
