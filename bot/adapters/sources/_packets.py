"""Reads the refs that a git server tells over smart HTTP, in all three versions of its protocol; bytes in, values out.

The formats are git's own: gitprotocol-common (packet lines), gitprotocol-http, gitprotocol-pack and gitprotocol-v2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.core.errors import Missing, Permanent

FLUSH, DELIMITER = b"0000", b"0001"
MOST_REFS = 100_000
TAGS = b"refs/tags/"
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_OBJECT = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
AGENT = b"agent=surefoot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """name: without refs/tags/. commit: what it comes to in the end, also where the tag is an object of its own."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a server says first. tags: None when it speaks version 2 and wants to be asked for them.

    object_format: "sha1" or "sha256", to be said again when asking.
    """

    tags: tuple[Tag, ...] | None
    object_format: str = "sha1"


def packets(body: bytes) -> Iterator[bytes | None]:
    """The packet lines, without their length and line end; None for a flush, a delimiter or an end of response.

    Permanent when the bytes are no packet lines.
    """
    at = 0
    while at < len(body):
        prefix = body[at : at + 4]
        if not _LENGTH.fullmatch(prefix):
            raise Permanent("no packet line where one should begin")
        length = int(prefix, 16)
        if length <= 2:
            at += 4
            yield None
            continue
        if length < 4 or at + length > len(body):
            raise Permanent("a packet line is cut short")
        line = body[at + 4 : at + length]
        at += length
        yield line[:-1] if line.endswith(b"\n") else line


def greeting(body: bytes) -> Greeting:
    """The answer to `info/refs?service=git-upload-pack`. Permanent when it is none, Missing when git says so."""
    lines = [line for line in packets(body) if line is not None]
    # Version 2 may leave the service line out.
    if lines and lines[0].startswith(b"# service="):
        del lines[0]
    if not lines:
        return Greeting(tags=())  # an empty repository in version 0 of old servers
    _complain(lines[0])
    if lines[0] == b"version 2":
        capabilities = lines[1:]
        if not any(one == b"ls-refs" or one.startswith(b"ls-refs=") for one in capabilities):
            raise Permanent("it speaks version 2 of git's protocol and cannot list refs")
        return Greeting(tags=None, object_format=_format(capabilities))
    if lines[0] == b"version 1":
        del lines[0]
    if not lines:
        return Greeting(tags=())
    first, _, capabilities_text = lines[0].partition(b"\0")
    refs = [first, *lines[1:]]
    return Greeting(tags=_plain(refs), object_format=_format(capabilities_text.split()))


def question(object_format: str) -> bytes:
    """The body that asks a server of version 2 for the tags, with what each comes to."""
    said = [b"command=ls-refs", AGENT]
    if object_format != "sha1":
        said.append(b"object-format=" + object_format.encode())
    wanted = (b"peel", b"ref-prefix " + TAGS)
    return b"".join((*map(packet, said), DELIMITER, *map(packet, wanted), FLUSH))


def packet(line: bytes) -> bytes:
    """One packet line."""
    return b"%04x%s\n" % (len(line) + 5, line)


def listed(body: bytes) -> tuple[Tag, ...]:
    """The tags in the answer of version 2. Permanent when it is none, or when it ends before its end."""
    found: list[Tag] = []
    ended = False
    for line in packets(body):
        if line is None:
            ended = True
            break
        _complain(line)
        oid, _, rest = line.partition(b" ")
        name, *attributes = rest.split(b" ")
        if not name.startswith(TAGS):
            continue
        peeled = next((one[7:] for one in attributes if one.startswith(b"peeled:")), oid)
        found.append(_tag(name, peeled))
        _bounded(found)
    if not ended:
        raise Permanent("its list of refs breaks off")
    return tuple(found)


def _plain(refs: Sequence[bytes]) -> tuple[Tag, ...]:
    """Versions 0 and 1: a line "<oid> <ref>" each; behind an annotated tag a second one, "<oid> <ref>^{}"."""
    found: dict[bytes, bytes] = {}
    for line in refs:
        if line.startswith((b"shallow ", b"unshallow ")):
            continue
        _complain(line)
        oid, _, name = line.partition(b" ")
        if not _OBJECT.fullmatch(oid):
            raise Permanent("a line of its list of refs is none")
        if name.startswith(TAGS):
            found[name.removesuffix(b"^{}")] = oid
            _bounded(found)
    return tuple(_tag(name, oid) for name, oid in found.items())


def _tag(name: bytes, oid: bytes) -> Tag:
    if not _OBJECT.fullmatch(oid):
        raise Permanent("a line of its list of refs is none")
    return Tag(name=name[len(TAGS) :].decode("utf-8", "replace"), commit=oid.decode())


def _bounded(found: Sequence[object] | dict[bytes, bytes]) -> None:
    if len(found) > MOST_REFS:
        raise Permanent(f"it has more than {MOST_REFS} tags, which is more than is looked through")


def _format(capabilities: Sequence[bytes]) -> str:
    found = next((one[14:] for one in capabilities if one.startswith(b"object-format=")), b"sha1")
    if found not in (b"sha1", b"sha256"):
        raise Permanent(f"it names its objects by {found[:20].decode('ascii', 'replace')}, which we do not know")
    return found.decode()


def _complain(line: bytes) -> None:
    """What a server has to say instead of an answer."""
    if not line.startswith(b"ERR "):
        return
    words = line[4:204].decode("utf-8", "replace")
    kind = Missing if "not found" in words.lower() else Permanent
    raise kind(f"it says: {words}")
