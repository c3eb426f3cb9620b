"""Reads packages in the jail, without running them, and lists every name that they define, with its shape.

Asked by JSON: site (the folder of packages), tops (packages and modules in it), paths (folders that hold griffe), most
(names). Nothing but the standard library and griffe.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Names = dict[str, dict[str, Any]]
_TESTS = {"tests", "test", "_tests"}
_DEEPEST = 30
_LONGEST = 200
_KINDS = {
    "positional-only": "/",
    "positional or keyword": "",
    "variadic positional": "*",
    "keyword-only": "!",
    "variadic keyword": "**",
}


def names_of(loaded: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every name of a module that was read, under its full path: one entry each."""
    waiting = [(loaded, 0)]
    while waiting:
        found, depth = waiting.pop()
        yield found.path, entry(found)
        if found.is_alias or depth >= _DEEPEST or not (found.is_module or found.is_class):
            continue
        waiting += [(inner, depth + 1) for name, inner in found.members.items() if name not in _TESTS]
        # A stub may have nothing but overloads, and no one shape.
        yield from (
            (f"{found.path}.{name}", {"kind": "function"}) for name in found.overloads if name not in found.members
        )


def entry(found: Any) -> dict[str, Any]:
    """What is known of one name, as `bot.core.api.Entry` has it."""
    if found.is_alias:
        return {"kind": "alias", "to": found.target_path[:_LONGEST]}
    if found.is_module:
        return _module(found)
    if found.is_class:
        bases = [text for base in found.bases if (text := _place(base))]
        blind = len(bases) != len(found.bases) or any(key for key in getattr(found, "keywords", {}) or {})
        return {"kind": "class", "bases": bases, **_flags(found, blind=blind)}
    if found.is_function:
        shape = [_parameter(one) for one in found.parameters]
        how = sorted(found.labels & {"staticmethod", "classmethod"})
        odd = len(found.decorators) > len(how)
        return {
            "kind": "function",
            "parameters": shape,
            "returns": _place(found.returns),
            **_flags(found, how=how, odd=odd),
        }
    return _attribute(found)


def _attribute(found: Any) -> dict[str, Any]:
    made_in_class = "instance-attribute" not in found.labels
    if made_in_class and found.annotation is None and (other := _other_name(found.value)):
        return {"kind": "alias", "to": other}
    alone = "instance-attribute" in found.labels and "class-attribute" not in found.labels
    return {
        "kind": "attribute",
        "returns": _place(found.annotation),
        **_flags(found, alone=alone, how=_property(found)),
    }


def _other_name(value: Any) -> str:
    """What `Str = String` means; "" where more than a name is given."""
    named = type(value).__name__ in ("ExprName", "ExprAttribute")
    return _place(value) if named else ""


def _property(found: Any) -> list[str]:
    return ["property"] if "property" in found.labels else []


def _module(found: Any) -> dict[str, Any]:
    # What a module makes of itself while it is imported cannot be read.
    lazy = "__getattr__" in found.members or any(name.endswith("/*") for name in found.members)
    return {"kind": "module", **_flags(found, lazy=lazy)}


def _flags(found: Any, **flags: Any) -> dict[str, Any]:
    """Only those that are set, as most are not."""
    said = _deprecated(found)
    return {name: flag for name, flag in {**flags, "old": said}.items() if flag}


def _deprecated(found: Any) -> str:
    """The words of a `deprecated` decorator (PEP 702), or that there is one."""
    for decorator in getattr(found, "decorators", ()):
        with contextlib.suppress(Exception):
            if decorator.callable_path.rpartition(".")[2] == "deprecated":
                return str(decorator.value)[:_LONGEST]
    return ""


def _parameter(one: Any) -> dict[str, Any]:
    kind = one.kind.value if one.kind else ""
    optional = one.default is not None or kind.startswith("variadic")
    told = {"name": one.name, "how": _KINDS.get(kind, ""), "optional": optional}
    return {name: value for name, value in told.items() if value}


def _place(expression: Any) -> str:
    """The full path that an annotation or a base means, without what stands in its brackets; "" for none."""
    if expression is None:
        return ""
    with contextlib.suppress(Exception):
        path = expression if isinstance(expression, str) else expression.canonical_path
        return path[:_LONGEST] if all(part.isidentifier() for part in path.split(".")) else ""
    return ""


def read(site: str, tops: Iterable[str]) -> tuple[Any, list[str]]:
    """The packages as griffe sees them, and what could not be read. Nothing of them is imported."""
    from griffe import GriffeLoader, load_extensions

    loader = GriffeLoader(search_paths=[site], allow_inspection=False, extensions=load_extensions("dataclasses"))
    inside = loader.finder.submodules
    # A package's own tests are often half of it, and are nobody's interface.
    # griffe has no other way to leave out a package's own tests.
    loader.finder.submodules = lambda module: [one for one in inside(module) if not _TESTS & {*one[0]}]  # type: ignore[method-assign]
    missed = []
    for top in tops:
        try:
            loader.load(top, try_relative_path=False)
        except Exception as problem:  # whatever a hostile file makes of the reader, the others are read
            missed.append(f"{top}: {type(problem).__name__}: {problem}"[:_LONGEST])
    for module in list(loader.modules_collection.members.values()):
        with contextlib.suppress(Exception):
            loader.expand_exports(module)
            loader.expand_wildcards(module, external=False)
    return loader.modules_collection.members, missed


def main(asked: dict[str, Any]) -> None:
    """Hand over {names, missed, cut}."""
    sys.path[:0] = asked["paths"]
    sys.setrecursionlimit(3000)
    logging.disable(logging.CRITICAL)
    gc.disable()  # syntax trees are millions of things that live long; looking through them takes most of the time
    members, missed = read(asked["site"], asked["tops"])
    every = itertools.chain.from_iterable(names_of(module) for module in members.values() if not module.is_alias)
    names = dict(itertools.islice(every, asked["most"]))
    told = {"names": names, "missed": missed, "cut": len(names) >= asked["most"]}
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps(told, separators=(",", ":")), "utf-8")
