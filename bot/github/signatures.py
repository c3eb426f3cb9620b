"""Whom a delivery is from, and whether its JSON may be read at all: both are known before a byte of it is parsed."""

from __future__ import annotations

import hashlib
import hmac
import re
from array import array
from itertools import accumulate

PREFIX = "sha256="
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Brackets become the steps +1 and -1 of a signed byte; everything else is no step.
_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_NO_BRACKET = bytes(sign for sign in range(256) if sign not in b"{}[]")


def may_sign(header: str | None) -> bool:
    """Whether the header has the form of a signature at all, which is known before the body is there."""
    return header is not None and header.startswith(PREFIX) and bool(_HEX.fullmatch(header.removeprefix(PREFIX)))


def signed_by(secret: str, header: str | None, body: bytes) -> bool:
    """Whether the `X-Hub-Signature-256` header is this body's HMAC-SHA-256 under this secret.

    An empty secret signs nothing: a door without a secret is closed. SHA-1 is never taken.
    """
    if not secret or header is None or not may_sign(header):  # compare_digest raises for what is not ASCII
        return False
    given = header.removeprefix(PREFIX)
    return hmac.compare_digest(given, hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())


def too_deep(body: bytes, deepest: int) -> str | None:
    """In words why the JSON is not read: its brackets nest deeper than that. None when they do not.

    Needs no recursion and no Python step for each sign: without escapes every second part between quotes is a string,
    and the rest is a walk up and down whose highest point is the depth.
    """
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(plain.split(b'"')[::2]).translate(_STEPS, _NO_BRACKET)
    if max(accumulate(array("b", outside)), default=0) > deepest:
        return f"the JSON is nested deeper than {deepest} levels"
    return None
