"""Whom a delivery is from, and whether its JSON may be read at all: both are known before a byte of it is parsed."""

from __future__ import annotations

import hashlib
import hmac
import re

PREFIX = "sha256="
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
# One step over a string as a whole, or over one bracket. A string that does not end is stepped over to the end.
_STEP = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def signed_by(secret: str, header: str | None, body: bytes) -> bool:
    """Whether the `X-Hub-Signature-256` header is this body's HMAC-SHA-256 under this secret.

    An empty secret signs nothing: a door without a secret is closed. SHA-1 is never taken.
    """
    if not secret or header is None or not header.startswith(PREFIX):
        return False
    given = header.removeprefix(PREFIX)
    if not _HEX.fullmatch(given):  # compare_digest raises for what is not ASCII
        return False
    return hmac.compare_digest(given, hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())


def too_deep(body: bytes, deepest: int) -> str | None:
    """In words why the JSON is not read: its brackets nest deeper than that. None when they do not.

    Stops at the first bracket that is too deep; needs no recursion and keeps nothing.
    """
    depth = 0
    for step in _STEP.finditer(body):
        sign = body[step.start()]
        if sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
        if depth > deepest:
            return f"the JSON is nested deeper than {deepest} levels"
    return None
