"""A document of TOML is read in the time that its length takes, whoever wrote it."""

from __future__ import annotations

import tomllib

import pytest

from bot.core import lockfiles, tomls
from bot.core.errors import ConfigProblem

LONG = "a." * 250_000 + "a"


@pytest.mark.parametrize("text", [f"{LONG} = 1\n", f"[{LONG}]\nb = 1\n"])
def test_a_key_without_end_is_refused(text: str) -> None:
    """Nobody means it, and it would take hours (a slower reading would hit the time limit)."""
    with pytest.raises(tomllib.TOMLDecodeError, match="more parts"):
        tomls.loads(text)


def test_all_else_is_read_as_ever() -> None:
    """Keys of some parts, and long strings that look like words with dots between them once or twice."""
    assert {"a": {"b": {"c": "x.y.z"}}, "d": "e" * 1000} == tomls.loads(f'd = "{"e" * 1000}"\na.b.c = "x.y.z"\n')
    with pytest.raises(tomllib.TOMLDecodeError):
        tomls.loads("a = ")


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock", "pdm.lock", "Cargo.lock"])
def test_a_hostile_lock_file_holds_nobody_up(lock: str) -> None:
    """A lock is as foreign as all else in a repository: it is refused, with its name."""
    with pytest.raises(ConfigProblem, match="cannot be read"):
        lockfiles.read(f"{LONG} = 1\n", lock)
