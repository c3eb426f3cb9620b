"""A Hex repository's own list of a package: gzip around a signed protobuf message, read as far as it concerns us.

Source of the format: hexpm/specifications, registry-v2.md, registry/package.proto and registry/signed.proto. Signatures
are not checked: no option names a repository's public key, and the way there is https.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

REASONS = ("other", "invalid", "security", "deprecated", "renamed")
MOST_BYTES = 32 << 20  # unfolded
GZIP = 31  # zlib's number for a gzip header and the widest window


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One version. retired: why, as Hex's API words it, "" when it is not; sha256: of the tarball, "" when not said."""

    version: str
    retired: str = ""
    message: str = ""
    sha256: str = ""


def read(body: bytes, name: str) -> tuple[Listed, ...]:
    """The versions in `/packages/<name>`. ValueError when it is no such file, or that of another package."""
    payload = next(
        (value for number, value in _fields(_unfolded(body)) if number == 1 and isinstance(value, bytes)), None
    )
    if payload is None:
        raise ValueError("it has no payload")
    fields = list(_fields(payload))
    named = [value.decode() for number, value in fields if number == 2 and isinstance(value, bytes)]
    if named != [name]:
        raise ValueError(f"it is that of {named or 'no package'}")
    return tuple(_listed(value) for number, value in fields if number == 1 and isinstance(value, bytes))


def _unfolded(body: bytes) -> bytes:
    unfold = zlib.decompressobj(GZIP)
    try:
        text = unfold.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"it is no gzip: {error}") from None
    if unfold.unconsumed_tail or not unfold.eof:
        raise ValueError("it is cut off, or too big")
    return text


def _listed(message: bytes) -> Listed:
    fields = {number: value for number, value in _fields(message) if isinstance(value, bytes)}
    retired = dict(_fields(fields[4])) if 4 in fields else None
    code, words = (retired.get(1, 0), retired.get(2, b"")) if retired is not None else (0, b"")
    known = isinstance(code, int) and code < len(REASONS)
    return Listed(
        version=fields[1].decode() if 1 in fields else "",
        retired="" if retired is None else REASONS[int(code)] if known else "other",
        message=words.decode() if isinstance(words, bytes) else "",
        sha256=fields.get(5, b"").hex(),
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message by their numbers: whole numbers, and bytes for texts and messages."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _number(message, at)
            yield key >> 3, value
            continue
        size, at = _number(message, at) if kind == 2 else ({1: 8, 5: 4}.get(kind, -1), at)
        if size < 0 or at + size > len(message):
            raise ValueError("it is no protobuf")
        yield key >> 3, message[at : at + size]
        at += size


def _number(message: bytes, at: int) -> tuple[int, int]:
    """A base 128 varint, and where it ends."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    raise ValueError("it is no protobuf")
