"""What the names of a file mean, scope by scope, and the shape of its calls. Part of what runs in the jail."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

CALLED = "()"
PLAIN, FALLBACK, TYPES = "", "fallback", "types"

_ASKING = ("version", "hasattr", "getattr", "find_spec", "importorskip")
# PYDANTIC_V2, sqla_14, PY3: what people call the answer when they have asked once for all.
_ASKED = re.compile(r"_*(?:[A-Z][A-Z_]{0,60}?|\w{1,60}?_)[vV]?\d+(?:_\d+){0,3}|_*(?:has|have|HAS|HAVE)_\w{1,60}")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Ref:
    """What a name of the file means.

    guard: how far its own being there is taken for granted; deep: that of what is below it.
    """

    path: tuple[str, ...]
    guard: str = PLAIN
    deep: str = PLAIN

    def then(self, *steps: str) -> Ref:
        """So many steps further."""
        return Ref((*self.path, *steps), self.deep, self.deep)


@dataclass(slots=True)
class Scope:
    """The names of a module, class or function; None for one that means nothing foreign."""

    names: dict[str, Ref | None] = field(default_factory=dict)
    above: Scope | None = None
    me: str = ""  # how a method calls its object
    own: dict[str, Ref | None] = field(default_factory=dict)  # what stands in the object's attributes
    base: Ref | None = None  # the one foreign class that it is made from

    def find(self, name: str) -> Ref | None:
        """What it means here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.above
        return None

    def object(self, name: str) -> Scope | None:
        """The scope in which this is the name of the object whose method we are in."""
        scope: Scope | None = self
        while scope is not None and scope.me != name:
            scope = scope.above
        return scope


def names_in(node: ast.AST) -> Iterator[str]:
    """Every name and attribute that stands in it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def is_static(node: Function) -> bool:
    """A method that is not given its object."""
    return any(isinstance(one, ast.Name) and one.id in ("staticmethod", "classmethod") for one in node.decorator_list)


def given_twice(node: Function) -> dict[str, Ref | None]:
    """Names that a function gives more than once mean now this, now that."""
    count = Counter(
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    )
    return {name: None for name, times in count.items() if times > 1}


def shape_of(call: ast.Call) -> tuple[int, tuple[str, ...], bool, bool]:
    """How many positional ones, which keywords, and whether more of either may come out of a star."""
    plain = [one for one in call.args if not isinstance(one, ast.Starred)]
    named = tuple(one.arg for one in call.keywords if one.arg is not None)
    return len(plain), named, len(plain) < len(call.args), len(named) < len(call.keywords)


def asks(test: ast.expr) -> bool:
    """Is it a question for a version, or for whether a name is there?"""
    return any(any(word in name.lower() for word in _ASKING) or _ASKED.fullmatch(name) for name in names_in(test))


def leaves(body: list[ast.stmt]) -> bool:
    """Does a block end by going elsewhere?"""
    return isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)
