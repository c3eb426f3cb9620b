"""The worlds of these tests."""

from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization

from tests.github.town import town
from tests.stages.world import PINNED

_load = cache(serialization.load_pem_private_key)


@pytest.fixture(autouse=True)
def keys_are_checked_once(monkeypatch):
    """Every town has the same App key, and checking an RSA key costs more than all else that a town is made of."""
    monkeypatch.setattr(serialization, "load_pem_private_key", _load)


@pytest.fixture
async def shop(tmp_path):
    """A town with our App in it, whose repository pins greeter 1.2.3."""
    async with town(tmp_path) as made:
        await made.push(PINNED)
        yield made
