"""How an environment was configured when a rollout began, as text; later changes of the file are no part of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bot.core.ports import Provider
from bot.core.repo_config import Environment

# Worked out while there is one thread: see `store.rows`.
_READER = msgspec.json.Decoder(Environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment and who deploys there."""

    environment: Environment
    provider: Provider


def kept(environment: Environment) -> str:
    """As JSON. The options come from YAML, so they are plain."""
    return msgspec.json.encode(environment).decode()


def environment(plan: str) -> Environment | None:
    """The reverse; None for a rollout that began before plans were kept, or in a shape that is no more."""
    try:
        return _READER.decode(plan)
    except msgspec.DecodeError:
        return None
