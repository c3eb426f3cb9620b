"""Asks running packages in the jail for names: is it there, what does a call of it take, what is said of it?

Asked by JSON: names. The answers are written one by one, so that a package that ends the process takes only the rest
with it. Nothing but the standard library.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import types
import warnings
from pathlib import Path
from typing import Any

_LONGEST = 300
_HOW: dict[Any, str] = {
    inspect.Parameter.POSITIONAL_ONLY: "/",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.KEYWORD_ONLY: "!",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def reach(name: str) -> tuple[Any, Any]:
    """What bears this name, and what holds it. ImportError, AttributeError, or whatever the package raises."""
    parts = name.split(".")
    holder, found = None, importlib.import_module(parts[0])
    for place, part in enumerate(parts[1:], 1):
        holder, found = found, below(found, part, ".".join(parts[: place + 1]))
    return holder, found


def below(holder: Any, part: str, module: str) -> Any:
    """The attribute, or the module of that full name, which may not have been imported yet."""
    try:
        return getattr(holder, part)
    except AttributeError:
        if not isinstance(holder, types.ModuleType):
            raise
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as problem:
        if problem.name != module:
            raise
    raise AttributeError(f"module {holder.__name__!r} has no attribute {part!r}")


def shape(holder: Any, found: Any, name: str) -> dict[str, Any]:
    """The parameters of a call, where there is a signature, and whether the first is the object itself."""
    if not callable(found):
        return {}
    try:
        every = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return {}
    told = [
        {
            "name": one.name,
            "how": _HOW.get(one.kind, ""),
            "optional": one.default is not one.empty or one.kind in (2, 4),
        }
        for one in every
    ]
    own = inspect.getattr_static(holder, name, None) if inspect.isclass(holder) else None
    return {"parameters": told, "takes_object": inspect.isfunction(own)}


def answer(name: str) -> dict[str, Any]:
    """One answer, in the shape of `bot.core.compatibility.Seen`."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            holder, found = reach(name)
            told = {"there": True, **shape(holder, found, name.rpartition(".")[2])}
        except (AttributeError, ImportError) as problem:
            told = {"there": False, "error": f"{type(problem).__name__}: {problem}"[:_LONGEST]}
        except BaseException as problem:  # a package may raise anything at all, SystemExit too
            told = {"there": None, "error": f"{type(problem).__name__}: {problem}"[:_LONGEST]}
    old = [
        one for one in heard if issubclass(one.category, DeprecationWarning | PendingDeprecationWarning | FutureWarning)
    ]
    return {**told, "warned": str(old[-1].message)[:_LONGEST] if old else ""}


def main(asked: dict[str, Any]) -> None:
    """One line of JSON for each name: [name, answer]."""
    with Path(os.environ["SUREFOOT_RESULTS"]).open("w") as out:
        for name in asked["names"]:
            out.write(json.dumps([name, answer(name)]) + "\n")
            out.flush()
