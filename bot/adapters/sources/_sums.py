"""Checksum files as tools write them: GNU's and BSD's lines, or one digest alone; anything else is no checksum."""

from __future__ import annotations

import re

ALGORITHMS = {40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
MOST_LINES = 20_000

# sha256sum writes "<digest>  <name>", with a star before the name in its binary mode, perhaps with a path.
_GNU = re.compile(r"([0-9a-fA-F]{40,128})[ \t]+[*]?(?:\./)?(\S[^\r]*?)\s*")
_BSD = re.compile(r"SHA(?:-?\d+)?\s*\((?:\./)?([^)]+)\)\s*=\s*([0-9a-fA-F]{40,128})\s*")
_ALONE = re.compile(r"\s*([0-9a-fA-F]{40,128})\s*")


def read(body: bytes) -> dict[str, str]:
    """File names and their digests as "<algorithm>:<hex>"; names keep their folders. Lines that are none are skipped.

    The algorithm is told by the digest's length. MD5 is no evidence of anything and is left out. A name that has two
    different digests in one file has none.
    """
    found: dict[str, str] = {}
    twice: set[str] = set()
    for line in body.decode("utf-8", "replace").splitlines()[:MOST_LINES]:
        if match := _GNU.fullmatch(line):
            digest, name = match[1], match[2]
        elif match := _BSD.fullmatch(line):
            name, digest = match[1], match[2]
        else:
            continue
        if (known := checksum(digest)) and found.setdefault(name, known) != known:
            twice.add(name)
    return {name: digest for name, digest in found.items() if name not in twice}


def alone(body: bytes, name: str) -> str | None:
    """The digest in a file that is about one other file, with its name or without; None when it holds none."""
    text = body.decode("utf-8", "replace")
    if match := _ALONE.fullmatch(text):
        return checksum(match[1])
    listed = read(body)
    # It may lie in another folder where the sum was made.
    return next((digest for one, digest in listed.items() if one.rpartition("/")[2] == name), None)


def checksum(digest: str) -> str | None:
    """A digest in hex with the name of its algorithm; None for a length that no known one has."""
    kind = ALGORITHMS.get(len(digest))
    return f"{kind}:{digest.lower()}" if kind else None
