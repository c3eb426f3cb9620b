"""Reads what a noxfile says of the tests: which words its session gives to pytest, and what it installs for them.

A noxfile is code, and is never run here: its syntax tree is looked at. Only what is constant counts, or what is so
where nobody adds words of his own on the command line (`session.posargs`); all else is passed over and noted.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import ConfigProblem
from bot.lab import reading

NAME = "noxfile.py"
_MOST_BYTES, _MOST_CALLS, _MOST_NOTES = 256 << 10, 500, 5
_RUNS, _INSTALLS = frozenset({"run", "run_always"}), frozenset({"install"})
_CHANGING = frozenset({"append", "extend", "insert", "remove", "pop", "clear"})
_Known = Mapping[str, ast.expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a session, as far as its words are constant. groups: dependency groups that it names."""

    line: int
    words: tuple[str, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one session does in the order of its lines. tests: the words for pytest, None where it runs none.

    moves: it changes its folder, so that its paths are not those of the tree.
    """

    name: str
    tests: tuple[str, ...] | None = None
    installs: tuple[Call, ...] = ()
    notes: tuple[str, ...] = ()
    moves: bool = False


def tests_of(tree: Path) -> Session | None:
    """The session that runs the tests: the first that does so, of those that run by themselves where they are named.

    None where there is no noxfile, or none that can be read, or it runs no pytest and no unittest.
    """
    if not (tree / NAME).is_file():
        return None
    try:
        return _of(ast.parse(reading.text(tree, NAME, most=_MOST_BYTES)))
    except (ConfigProblem, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _of(module: ast.Module) -> Session | None:
    known = _constants(node for node in module.body if not isinstance(node, ast.FunctionDef | ast.ClassDef))
    found = [_session(node, known, *mark) for node in module.body if (mark := _marked(node, known))]
    first = _usual(module, known)
    found.sort(key=lambda one: one.name not in first)  # the order of the file stays within both
    return next((one for one in found if one.tests is not None), None)


def _constants(body: Iterable[ast.stmt], above: _Known | None = None) -> dict[str, ast.expr]:
    """Names that are given a value once, and what that is."""
    found: dict[str, ast.expr | None] = dict(above or {})
    seen: set[str] = set()
    for node in (one for statement in body for one in ast.walk(statement)):
        for name, value in _given(node):
            found[name] = None if name in seen else value
            seen.add(name)
    return {name: value for name, value in found.items() if value is not None}


def _given(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(node, ast.Assign):
        yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value if isinstance(node, ast.AnnAssign) else None
    elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        yield node.target.id, None
    elif isinstance(node, ast.Attribute) and node.attr in _CHANGING and isinstance(node.value, ast.Name):
        yield node.value.id, None


def _marked(node: ast.stmt, known: _Known) -> tuple[str, str] | None:
    """(name of the session, of its parameter), for a function that nox would run as one by itself."""
    if not isinstance(node, ast.FunctionDef) or not node.args.args:
        return None
    for mark in node.decorator_list:
        call = mark if isinstance(mark, ast.Call) else None
        called = call.func if call else mark
        if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "session":
            said = {word.arg: word.value for word in call.keywords} if call else {}
            name = _texts(said["name"], known) if "name" in said else [node.name]
            return (name[0] if name else node.name), node.args.args[0].arg
    return None


def _usual(module: ast.Module, known: _Known) -> frozenset[str]:
    """What `nox.options.sessions` names."""
    found: list[str] = []
    for node in module.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(one) == "nox.options.sessions" for one in node.targets):
            found += _texts(node.value, known) or []
    return frozenset(found)


def _session(node: ast.stmt, known: _Known, name: str, parameter: str) -> Session:
    assert isinstance(node, ast.FunctionDef), "only a function is marked"
    given = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
    known = {name: value for name, value in known.items() if name not in given}
    reader = _Reader(parameter, _constants(node.body, known))
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and reader.method(one)][:_MOST_CALLS]
    calls.sort(key=lambda one: (one.lineno, one.col_offset))
    for call in calls:
        reader.take(call)
    return Session(
        name=name, tests=reader.tests, installs=tuple(reader.installs), notes=tuple(reader.notes[:_MOST_NOTES]),
        moves=reader.moves,
    )  # fmt: skip


@dataclass(slots=True)
class _Reader:
    """What has been found of one session so far."""

    parameter: str
    known: _Known
    tests: tuple[str, ...] | None = None
    installs: list[Call] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    moves: bool = False

    def method(self, call: ast.Call) -> str:
        """Of the session; "" for any other call."""
        called = call.func
        if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == self.parameter:
            return called.attr
        return ""

    def take(self, call: ast.Call) -> None:
        """One call, in the order of the lines."""
        method = self.method(call)
        self.moves = self.moves or method in ("chdir", "cd")
        if method in _INSTALLS:
            words, groups = self._words(call)
            self.installs.append(Call(line=call.lineno, words=tuple(words), groups=tuple(groups)))
        elif method in _RUNS and self.tests is None and (tests := _tests(self._words(call)[0])) is not None:
            self.tests = tuple(tests)
            if any(word.arg == "env" for word in call.keywords):
                self.notes.append(f"{NAME}:{call.lineno}: env is not taken over")

    def _words(self, call: ast.Call) -> tuple[list[str], list[str]]:
        words: list[str] = []
        groups: list[str] = []
        for given in call.args:
            value = given.value if isinstance(given, ast.Starred) else given
            if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("dependency_groups"):
                groups += [text for one in value.args[1:] for text in _texts(one, self.known) or []]
            elif self._is_posargs(value):
                continue
            elif (found := _texts(self._without_posargs(value), self.known)) is not None:
                words += found
            else:
                self.notes.append(f"{NAME}:{given.lineno}: an argument that is not constant is passed over")
        return words, groups

    def _without_posargs(self, value: ast.expr) -> ast.expr:
        """What stands in their place where there are none: `session.posargs or ["tests"]`."""
        named = self.known.get(value.id, value) if isinstance(value, ast.Name) else value
        if isinstance(named, ast.BoolOp) and isinstance(named.op, ast.Or) and self._is_posargs(named.values[0]):
            return named.values[-1]
        return named

    def _is_posargs(self, value: ast.expr) -> bool:
        named = self.known.get(value.id, value) if isinstance(value, ast.Name) else value
        return isinstance(named, ast.Attribute) and named.attr == "posargs"


def _texts(value: ast.expr, known: _Known) -> list[str] | None:
    """The texts of a constant, or of a list of them; None for what is neither."""
    if isinstance(value, ast.Name) and value.id in known:
        value = known[value.id]
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return [value.value]
    if not isinstance(value, ast.List | ast.Tuple | ast.Set):
        return None
    found: list[str] = []
    for one in value.elts:
        if not (isinstance(one, ast.Constant) and isinstance(one.value, str)):
            return None
        found.append(one.value)
    return found


def _tests(words: Sequence[str]) -> list[str] | None:
    """What stands behind pytest, also under coverage; of unittest its folder or files; None for other commands."""
    for at, word in enumerate(words):
        if word in ("install", "add"):
            return None  # a program that brings it
        if word in ("pytest", "py.test"):
            return list(words[at + 1 :])
        if word == "unittest" and words[at - 1 : at] == ["-m"]:
            return _of_unittest(words[at + 1 :])
    return None


def _of_unittest(words: Sequence[str]) -> list[str]:
    """Paths alone; a module is a file of that name."""
    plain = [word for word in words if not word.startswith("-") and word != "discover"]
    paths = [word if "/" in word or word.endswith(".py") else word.replace(".", "/") for word in plain]
    return [one for path in paths for one in (path, f"{path}.py")]
