"""Dataclasses whose methods are compiled when they are first called: a short run uses few of those that it loads.

Up to Python 3.12 the standard library compiles six methods for each frozen dataclass as its module is imported, which
for a hundred of them takes longer than all else that an import does. From 3.13 on it compiles them at one go, and there
is nothing to put off.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_NAME = "_create_fn"


@contextmanager
def dataclass_methods() -> Iterator[None]:
    """The dataclasses that are imported meanwhile behave as ever, and cost less to make."""
    at_once = getattr(dataclasses, _NAME, None)
    if at_once is None:
        yield
        return

    def later(name: str, *given: Any, **options: Any) -> Callable[..., Any]:
        return _compiled_when_called(name, lambda: at_once(name, *given, **options))

    setattr(dataclasses, _NAME, later)
    try:
        yield
    finally:
        setattr(dataclasses, _NAME, at_once)


def _compiled_when_called(name: str, compiled: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    made: list[Callable[..., Any]] = []

    def first(self: Any, *given: Any, **options: Any) -> Any:
        if not made:
            made.append(compiled())
            # From here on the class calls it without this detour, unless something stands around it, as of __repr__.
            for owner in type(self).__mro__:
                if owner.__dict__.get(name) is first:
                    made[0].__qualname__ = first.__qualname__
                    setattr(owner, name, made[0])
        return made[0](self, *given, **options)

    first.__name__ = name
    return first
