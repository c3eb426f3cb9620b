"""Finds the test commands of a Node project: what its own scripts say, else what its packages and files tell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.core.errors import ConfigProblem
from bot.core.suites import INTEGRATION, UNIT
from bot.lab import nodes, reading

# How each is called where no script says it; each is caught by `inside/surefoot_report.cjs`.
_CALLED = {"vitest": "npx vitest run", "jest": "npx jest", "mocha": "npx mocha"}
_KNOWN = ("node --test", "node:test", "jest", "vitest", "mocha", "react-scripts test")
_NPM_TEST = "npm test"
_PLACEHOLDER = "no test specified"  # what `npm init` writes
_TEST_FILES = ("*.test.js", "*.test.mjs", "*.test.cjs", "test/**/*.js", "test/**/*.mjs", "test/**/*.cjs", "test.js",
               "*/**/*.test.js", "*/**/*.test.mjs", "*/**/*.test.cjs")  # fmt: skip


def commands(tree: Path) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Kind -> (command, notes), empty when there are no tests."""
    where = nodes.folder_of(tree)
    if where is None:
        return {}
    try:
        manifest = reading.table(tree, f"{where}/{nodes.MANIFEST}" if where else nodes.MANIFEST)
    except ConfigProblem:
        return {UNIT: (_NPM_TEST, ())}  # it is said by whoever prepares the packages
    there = f"cd {shlex.quote(where)} && " if where else ""
    notes = (_NO_REPORT,) if not _is_known(manifest) else ()
    return {kind: (there + command, notes) for kind, command in _found(manifest, tree / where)}


_NO_REPORT = "test by test is known what node --test, jest, vitest and mocha report"


def _found(manifest: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    scripts = {str(name): str(text) for name, text in _table(manifest, "scripts").items()}
    test = scripts.get("test", "")
    apart = next((name for name in ("test:integration", "integration") if name in scripts), None)
    if apart and "test:unit" in scripts:
        yield UNIT, "npm run test:unit"
    elif test and _PLACEHOLDER not in test:
        yield UNIT, _NPM_TEST
    elif (called := _by_package(manifest)) or _has_test_files(folder):
        yield UNIT, called or "node --test"
    if apart and not ("integration" in test and "test:unit" not in scripts):
        yield INTEGRATION, f"npm run {apart}"


def _table(manifest: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = manifest.get(name)
    return found if isinstance(found, dict) else {}


def _packages(manifest: Mapping[str, Any]) -> set[str]:
    return {*_table(manifest, "dependencies"), *_table(manifest, "devDependencies")}


def _by_package(manifest: Mapping[str, Any]) -> str:
    there = _packages(manifest)
    return next((command for name, command in _CALLED.items() if name in there), "")


def _has_test_files(folder: Path) -> bool:
    found = (path.relative_to(folder).parts for pattern in _TEST_FILES for path in folder.glob(pattern))
    return any(not nodes.APART & set(parts) for parts in found)


def _is_known(manifest: Mapping[str, Any]) -> bool:
    """Whether anything tells of a runner whose reports are understood; none does where there is no script either."""
    said = " ".join(str(text) for text in _table(manifest, "scripts").values())
    return not said or any(word in said for word in _KNOWN) or bool(_packages(manifest) & _CALLED.keys())
