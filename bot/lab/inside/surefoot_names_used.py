"""Reads a tree's Python files in the jail, without running them, and lists which foreign names they use, and where.

Asked by JSON: tree, most_files, most_bytes (of one file), most_uses. Nothing but the standard library and its siblings.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.lab.inside.surefoot_names_reader import uses

LEFT_OUT = {".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules", "site-packages", "__pycache__", "_vendor"}


def files(tree: Path) -> Iterator[Path]:
    """The tree's own Python files, in the order of their names; links are not followed."""
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder) / name
            if name.endswith(".py") and not path.is_symlink():
                yield path


def main(asked: dict[str, Any]) -> None:
    """Hand over {uses: [[file, path, line, guard, shape]], notes}."""
    sys.setrecursionlimit(2000)
    tree = Path(asked["tree"])
    found: list[tuple[Any, ...]] = []
    notes: list[str] = []
    for count, path in enumerate(files(tree)):
        name = path.relative_to(tree).as_posix()
        if count >= asked["most_files"] or len(found) >= asked["most_uses"]:
            notes.append(f"{name} and what comes after it is not read, as there is too much")
            break
        try:
            with path.open("rb") as file:
                data = file.read(asked["most_bytes"] + 1)
            if len(data) > asked["most_bytes"]:
                raise ValueError("too long")
            found += [(name, *one) for one in uses(data.decode("utf-8", "replace"))]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
            notes.append(f"{name}:{getattr(problem, 'lineno', None) or 1}: not read: {type(problem).__name__}")
    told = {"uses": found[: asked["most_uses"]], "notes": notes[:20]}
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps(told, separators=(",", ":")), "utf-8")
