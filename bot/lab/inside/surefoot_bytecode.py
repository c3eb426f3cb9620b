"""In the jail: compiles a tree's modules as Python does, and its tests as pytest does; no line of the tree is run.

Called as `-I -S surefoot_bytecode.py SITE`, SITE being where the environment's packages lie. SUREFOOT_REWRITTEN holds
the patterns of the files whose assertions pytest rewrites, SUREFOOT_UNTIL when to stop. The result: one line of JSON, a
list of [path of the source, name of the file, SHA-256 of the source, its bytes], then these files, in this order.
They are checked by the hash of their source (PEP 552). pytest before 9.2 knows only its time, which is left 0 here.
What warns while it is compiled is left out, since whoever runs it must hear that, and what does not compile at all.
"""

from __future__ import annotations

import ast
import fnmatch
import hashlib
import importlib.util
import json
import marshal
import os
import sys
import time
import warnings
from typing import Any

MOST_FILES, MOST_SOURCE = 20_000, 4 << 20
_LEFT_OUT = {".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules", "site-packages", "__pycache__"}
_BY_TIME, _BY_HASH = bytes(4), b"\x03\0\0\0"


def main(site: str) -> None:
    """Compile what lies in the working folder."""
    root = os.environ["SUREFOOT_WORK"]
    patterns = json.loads(os.environ["SUREFOOT_REWRITTEN"])
    until = float(os.environ["SUREFOOT_UNTIL"])
    pytest = _pytest(site) if patterns else None
    told, made = [], []
    for path in _sources(root):
        if time.monotonic() > until:
            break
        with open(path, "rb") as file:
            source = file.read(MOST_SOURCE + 1)
        if len(source) > MOST_SOURCE:
            continue
        name = os.path.relpath(path, root)
        ways = [(f".{sys.implementation.cache_tag}.pyc", _plainly, _BY_HASH)]
        if pytest is not None and _matches(name, patterns):
            ways.append(pytest)
        for tail, way, kind in ways:
            code = _compiled(way, source, path)
            if code is not None:
                data = _head(kind, source) + code
                file_name = os.path.basename(name).removesuffix(".py") + tail
                told.append([name, file_name, hashlib.sha256(source).hexdigest(), len(data)])
                made.append(data)
    with open(os.environ["SUREFOOT_RESULTS"], "wb") as file:
        file.write(json.dumps(told).encode() + b"\n")
        file.writelines(made)


def _sources(root: str) -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        paths = (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))
        found += [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
        if len(found) > MOST_FILES:
            break
    return found[:MOST_FILES]


def _matches(name: str, patterns: list[str]) -> bool:
    """As pytest matches `python_files`: a pattern with a slash by the end of the path, any other by the name alone."""
    base = os.path.basename(name)
    return base == "conftest.py" or any(
        fnmatch.fnmatch(f"/{name}", f"*/{one}") if "/" in one else fnmatch.fnmatch(base, one) for one in patterns
    )


def _compiled(way: Any, source: bytes, path: str) -> bytes | None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            code = marshal.dumps(way(source, path))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return None if heard else code


def _head(kind: bytes, source: bytes) -> bytes:
    told = importlib.util.source_hash(source) if kind == _BY_HASH else bytes(4) + len(source).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + kind + told


def _plainly(source: bytes, path: str) -> Any:
    return compile(source, path, "exec", dont_inherit=True)


def _pytest(site: str) -> Any:
    """(the tail of its files' names, how it compiles, how they are checked), as the environment's own pytest does it.

    None where there is none, or one with other names inside: its files are compiled when they are run then.
    """
    sys.path.append(site)
    try:
        from _pytest.assertion import rewrite
    except Exception:
        return None
    if not (hasattr(rewrite, "PYC_TAIL") and hasattr(rewrite, "rewrite_asserts")):
        return None

    def rewritten(source: bytes, path: str) -> Any:
        tree = ast.parse(source, filename=path)
        rewrite.rewrite_asserts(tree, source, path, None)
        return compile(tree, path, "exec", dont_inherit=True)

    return rewrite.PYC_TAIL, rewritten, _BY_HASH if _reads_hashes(rewrite) else _BY_TIME


def _reads_hashes(rewrite: Any) -> bool:
    from pathlib import Path

    source, compiled = Path("/tmp/surefoot_tried.py"), Path("/tmp/surefoot_tried.pyc")  # noqa: S108 - inside
    try:
        source.write_bytes(b"")
        compiled.write_bytes(_head(_BY_HASH, b"") + marshal.dumps(_plainly(b"", str(source))))
        return rewrite._read_pyc(source, compiled) is not None
    except Exception:
        return False


main(sys.argv[1])
