"""The law of the house, held by a machine: sizes, docstrings, a core without I/O or clock, a README that is true."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BOT = ROOT / "bot"
FILES = sorted(BOT.rglob("*.py"))
CORE = sorted((BOT / "core").rglob("*.py"))

# A table of cases or of fields is one thing, however long; each entry carries its reason.
LONGER_FUNCTIONS: dict[str, str] = {}
LONGER_FILES: dict[str, str] = {}
MORE_PARAMETERS: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, Function))


def _nesting(node: ast.AST) -> int:
    """How deep branches and loops stand in one another; an elif is no deeper than its if, a with is no branch."""
    blocks = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        chained = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deepest = max(deepest, _nesting(child) + (isinstance(child, blocks) and not chained))
    return deepest


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_file_is_a_room_not_a_hall(path: Path) -> None:
    """No file has more than 400 lines."""
    lines = path.read_text().count("\n")

    assert lines <= 400 or _name(path) in LONGER_FILES


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    """At most 40 lines, 6 parameters and 3 levels of blocks."""
    for node in _functions(path):
        where = f"{_name(path)}:{node.name}"
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        count = len([name for name in arguments if name not in ("self", "cls")])

        assert lines <= 40 or where in LONGER_FUNCTIONS, f"{where} has {lines} lines"
        assert count <= 6 or where in MORE_PARAMETERS or _is_command(node), f"{where} has {count} parameters"
        assert _nesting(node) <= 3, f"{where} nests {_nesting(node)} deep"


def _is_command(node: Function) -> bool:
    """click hands every option as a parameter."""
    return any("command" in ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_module_opens_with_its_law(path: Path) -> None:
    """A module's docstring begins with one line that says what holds there."""
    if path.read_text().strip():
        first = (ast.get_docstring(_tree(path)) or "").partition("\n")[0]

        assert len(first) >= 20, f"{_name(path)} does not say its law"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_what_is_public_is_explained(path: Path) -> None:
    """Every public function, method and class has a docstring."""
    for holder in ast.walk(_tree(path)):
        if not isinstance(holder, ast.Module | ast.ClassDef) or getattr(holder, "name", "").startswith("_"):
            continue
        for node in holder.body:
            public = isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
            if public and not any("overload" in ast.unparse(d) for d in node.decorator_list):
                assert ast.get_docstring(node), f"{_name(path)}:{node.name} is not explained"


@pytest.mark.parametrize("path", CORE, ids=_name)
def test_the_core_neither_waits_nor_looks_at_a_clock(path: Path) -> None:
    """Protocols may be async; nothing in the core awaits, opens a file, or asks what time it is."""
    forbidden = {"now", "utcnow", "today", "monotonic", "sleep", "open", "getenv", "urlopen", "perf_counter"}
    banned = {"asyncio", "aiohttp", "socket", "os", "subprocess", "time", "pathlib", "sqlalchemy", "requests"}
    for node in ast.walk(_tree(path)):
        assert not isinstance(node, ast.Await), f"{_name(path)}:{node.lineno} awaits"
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert name not in forbidden, f"{_name(path)}:{node.lineno} calls {name}"
        if isinstance(node, ast.Import) and path.name != "ports.py":
            assert not banned & {alias.name.partition(".")[0] for alias in node.names}, _name(path)
        if isinstance(node, ast.ImportFrom) and path.name != "ports.py":
            assert (node.module or "").partition(".")[0] not in banned, _name(path)


def test_every_stage_gets_only_powers_that_there_are() -> None:
    """What a stage writes in its signature is a power of that name; nothing else can reach it."""
    from bot import app
    from bot.powers import Powers
    from bot.stages import converse, watch

    for run in (*app.PATH.values(), watch.run, converse.run):
        wanted = {p.name for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY}

        assert wanted - {"mail"} <= set(dir(Powers)), run.__module__


def test_the_readme_names_every_state() -> None:
    """The picture of the path in the README shows all the states that there are."""
    from bot.core.model import State

    text = (ROOT / "README.md").read_text()

    assert [state for state in State if state.value not in text] == []


def test_no_page_names_a_registry_or_this_machine() -> None:
    """Hosts of package registries come from the user's own configuration, and no path of a machine is left behind."""
    from urllib.parse import urlsplit

    from packageurl.contrib import purl2url

    hosts = {urlsplit(purl2url.get_repo_url(purl) or "").hostname for purl in ("pkg:pypi/x@1", "pkg:npm/x@1")} - {None}
    here = f"{ROOT}/"
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if not path.is_file() or parts[0] in (".git", ".venv", ".venv-real") or path.stat().st_size > 2_000_000:
            continue
        if any(part.endswith("_cache") or part in ("__pycache__", ".hypothesis") for part in parts):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        assert not [host for host in hosts if host in text], path
        assert here not in text, path
