"""Reads a tree's JavaScript and TypeScript in the jail, without running it, and lists which names of packages it uses.

Asked by JSON: tree, wanted (names of packages), paths (folders in which the parser lies), most_files, most_bytes (of
one file), most_uses, seconds. The parser is tree-sitter with its grammars; beside it the standard library and siblings.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.lab.inside.surefoot_scripts_reader import Reader

LEFT_OUT = {
    ".git", ".hg", ".svn", "node_modules", "bower_components", ".yarn", ".pnpm-store", ".next", ".nuxt", ".cache",
    "coverage", ".venv", "venv", "site-packages",
}  # fmt: skip
PLAIN = (".js", ".cjs", ".mjs", ".jsx")
TYPED = (".ts", ".cts", ".mts", ".tsx")
_SMALL = (".min.js", ".min.mjs", ".d.ts.map")
# A bundle is the work of a machine; such lines are in no file that people write.
_LONG_LINE = 20_000


def files(tree: Path) -> Iterator[Path]:
    """The tree's own, in the order of their names; links are not followed."""
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder) / name
            if name.endswith((*PLAIN, *TYPED)) and not name.endswith(_SMALL) and not path.is_symlink():
                yield path


def parsers(paths: list[str]) -> dict[str, Any]:
    """One for each grammar; typed files without JSX have another grammar than those with it."""
    sys.path[:0] = paths
    import tree_sitter
    import tree_sitter_javascript
    import tree_sitter_typescript

    grammars = {
        "plain": tree_sitter_javascript.language(),
        "typed": tree_sitter_typescript.language_typescript(),
        "mixed": tree_sitter_typescript.language_tsx(),
    }
    return {name: tree_sitter.Parser(tree_sitter.Language(one)) for name, one in grammars.items()}


def grammar_of(name: str) -> str:
    """By the end of a file's name."""
    if name.endswith(".tsx"):
        return "mixed"
    return "typed" if name.endswith(TYPED) else "plain"


def data_of(path: Path, most: int) -> bytes:
    """ValueError for what is too long, or no work of people."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError("too long")
    return data


def main(asked: dict[str, Any]) -> None:
    """Hand over {uses: [[file, form, specifier, path, line, guard, shape, loads]], notes}."""
    sys.setrecursionlimit(6000)
    tree, wanted = Path(asked["tree"]), asked["wanted"]
    names = [name.encode() for name in wanted]
    ready = parsers(asked["paths"])
    until = time.monotonic() + asked["seconds"]
    found: list[tuple[Any, ...]] = []
    notes: list[str] = []
    for count, path in enumerate(files(tree)):
        name = path.relative_to(tree).as_posix()
        if count >= asked["most_files"] or len(found) >= asked["most_uses"] or time.monotonic() > until:
            notes.append(f"{name} and what comes after it is not read, as there is too much")
            break
        try:
            data = data_of(path, asked["most_bytes"])
            if not any(one in data for one in names):
                continue
            if max(map(len, data.split(b"\n"))) > _LONG_LINE:
                raise ValueError("too long lines")
            root = ready[grammar_of(name)].parse(data).root_node
            found += [(name, *one) for one in Reader(root, wanted).found]
        except (OSError, ValueError, RecursionError, MemoryError) as problem:
            notes.append(f"{name}: not read: {str(problem)[:80] or type(problem).__name__}")
    told = {"uses": found[: asked["most_uses"]], "notes": notes[:20]}
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps(told, separators=(",", ":")), "utf-8")
