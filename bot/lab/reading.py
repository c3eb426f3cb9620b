"""Reads a file of a tree that may be hostile: bounded, and never one that a link in the tree leads to elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.core.errors import ConfigProblem

MOST_BYTES = 4 << 20


def text(tree: Path, name: str, most: int = MOST_BYTES) -> str:
    """The text of the file of that name (a path within the tree). ConfigProblem for what is none, or too large."""
    real = (tree / name).resolve()
    if not real.is_relative_to(tree.resolve()) or not real.is_file():
        raise ConfigProblem("is no file of this tree", where=name)
    with real.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ConfigProblem(f"is larger than {most >> 20} MiB", where=name)
    return data.decode("utf-8", "replace")


def table(tree: Path, name: str) -> dict[str, Any]:
    """A JSON file that holds an object. ConfigProblem for all else."""
    try:
        found = json.loads(text(tree, name))
    except (ValueError, RecursionError) as problem:
        raise ConfigProblem(f"is no JSON: {str(problem)[:200]}", where=name) from problem
    if not isinstance(found, dict):
        raise ConfigProblem("holds no object", where=name)
    return found
