"""The machine's trust store, read when the first https URL is asked for and not already while aiohttp is loaded.

aiohttp makes its TLS contexts as it is imported, and each of them reads some hundred certificates. A program that asks
few questions, or none over https, need not wait for that. A context that was not given the store yet trusts nobody.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

# Two ways to it: the store for one purpose, and the same files by their default places.
_READERS = ("load_default_certs", "set_default_verify_paths")
_waiting: list[Callable[[], object]] = []


@contextmanager
def unread() -> Iterator[None]:
    """What is imported meanwhile makes its contexts without the store; `read` hands it to them."""
    own = {name: vars(ssl.SSLContext).get(name) for name in _READERS}
    for name in _READERS:
        setattr(ssl.SSLContext, name, _later(getattr(ssl.SSLContext, name)))
    try:
        yield
    finally:
        for name, method in own.items():
            if method is None:  # it was inherited
                delattr(ssl.SSLContext, name)
            else:
                setattr(ssl.SSLContext, name, method)


def _later(reader: Callable[..., object]) -> Callable[..., None]:
    def wait(context: ssl.SSLContext, *given: Any) -> None:
        _waiting.append(partial(reader, context, *given))

    return wait


def read() -> None:
    """Give the store to all contexts that wait for it; to be called before the first of them is used."""
    while _waiting:
        _waiting.pop()()
