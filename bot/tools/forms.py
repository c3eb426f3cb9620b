"""What is kept of a document instead of the document: made once, small, and read again while nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from bot.tools.bundles import Blob

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[T]):
    """How a document is brought into a small form.

    name: another one whenever what is made, or how it is written, changes, so that what was kept before is not
    misread; it also holds whatever else but the document the result hangs on. make: may be called in a thread.
    """

    name: str
    make: Callable[[Any], T]  # of an `http.Answer`, which this module must not know
    pack: Callable[[T], bytes]
    unpack: Callable[[Blob], T]

    def known(self, packed: Blob) -> T | None:
        """What was packed, or None where it cannot be read: then the document is asked for again."""
        try:
            return self.unpack(packed)
        except (msgspec.DecodeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """What a document was brought into. changed: False when it is as it was.

    digest: of the document, or its server's ETag for it; another document of the same URL has another.
    """

    value: T
    digest: str
    changed: bool
