"""The machine's trust store, read when the first https URL is asked for and not already while aiohttp is loaded.

aiohttp makes its TLS contexts as it is imported, and each of them reads some hundred certificates. A program that asks
few questions, or none over https, need not wait for that. A context that was not given the store yet trusts nobody.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

_waiting: list[tuple[ssl.SSLContext, ssl.Purpose]] = []


@contextmanager
def unread() -> Iterator[None]:
    """What is imported meanwhile makes its contexts without the store; `read` hands it to them."""
    at_once = ssl.SSLContext.load_default_certs

    def later(context: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        _waiting.append((context, purpose))

    ssl.SSLContext.load_default_certs = later  # type: ignore[method-assign, assignment]  # for the moment of an import
    try:
        yield
    finally:
        ssl.SSLContext.load_default_certs = at_once  # type: ignore[method-assign]  # as it was


def read() -> None:
    """Give the store to all contexts that wait for it; to be called before the first of them is used."""
    while _waiting:
        context, purpose = _waiting.pop()
        context.load_default_certs(purpose)
