"""An image's reference, taken apart as Docker does: `python:3.12-slim@sha256:…` is a name, a tag and a digest.

Only the tag and the digest are ever rewritten. A reference may come in parts, some of which are the value of a
variable; then the part that the variable gives is what is rewritten, and the rest of the tag must stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.adapters.manifests._file import File
from bot.adapters.manifests._places import Place, Read
from bot.adapters.manifests._spots import Spot
from bot.adapters.manifests._yaml import Text
from bot.core.model import Component

LONGEST = 600  # a name has at most 255 characters, a tag 128 and a digest less than 150

# The grammar is that of github.com/distribution/reference; a first component is a host when it looks like one.
_REFERENCE = re.compile(
    r"""(?:(?P<host>(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+|\[[0-9a-fA-F:]+\]
        (?::[0-9]+)?)/)?
        (?P<path>[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*)
        (?::(?P<tag>\w[\w.-]{0,127}))?
        (?:@(?P<digest>[a-z0-9]+:[0-9a-fA-F]{32,128}))?""",
    re.VERBOSE | re.ASCII,
)
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-fA-F]{32,128}")
_USUAL = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_OPEN = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """name_at, tag_at and digest_at are offsets in the reference; tag None and digest "" where there is none."""

    component: Component
    name_at: int
    tag: str | None = None
    tag_at: int = 0
    digest: str = ""
    digest_at: int = 0

    @property
    def version(self) -> str | None:
        """The tag, unless it is the one that says nothing."""
        return None if self.tag == "latest" else self.tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of characters and where it stands in the file.

    given: how many variables it came through; 0 for what is written in the place itself.
    """

    text: str
    at: int
    given: int = 0


def parse(reference: str) -> Image | None:
    """The image of a reference; None for what is none, as one with a variable or a template in it."""
    found = _REFERENCE.fullmatch(reference) if len(reference) <= LONGEST else None
    if found is None:
        return None
    host, name = (found["host"] or "").lower(), found["path"]
    if not host or host in _USUAL:
        host, name = "", name.removeprefix("library/")
    registry = f"{'http' if _OPEN.fullmatch(host) else 'https'}://{host}" if host else ""
    return Image(
        component=Component(name=name, ecosystem="docker", registry=registry),
        name_at=found.end("path") - len(name),
        tag=found["tag"],
        tag_at=found.start("tag"),
        digest=found["digest"] or "",
        digest_at=found.start("digest"),
    )


def read(file: File, parts: Sequence[Part]) -> Read | None:
    """The pin of a reference that stands in these parts, None when it is no image."""
    reference = "".join(part.text for part in parts)
    image = parse(reference)
    if image is None:
        return None
    tag = _within(parts, image.tag_at, len(image.tag or ""))
    digest = _within(parts, image.digest_at, len(image.digest))
    name = _within(parts, image.name_at, 1)[0]
    # A digest in pieces, or a tag out of two variables, has no one place that could be exchanged.
    deepest = max((part.given for part in tag), default=0)
    chosen = [part for part in tag if part.given == deepest]
    known = image.version is not None and len(chosen) == 1 and len(digest) <= 1
    asks = reference[image.tag_at :] if image.tag else image.digest
    shown = chosen[0] if known and chosen[0].given and not name.given else name
    pin = file.pin(
        image.component, shown.at, requirement=asks, version=image.version if known else None, digest=image.digest
    )
    return pin, _place(chosen[0] if known else None, tag, digest)


def _place(chosen: Part | None, tag: Sequence[Part], digest: Sequence[Part]) -> Place:
    beside = _span(digest[0]) if len(digest) == 1 else None
    if chosen is None:
        return Place(spot=Spot(version=None, digest=beside))
    at = list(tag).index(chosen)
    lead, tail = ("".join(part.text for part in some) for some in (tag[:at], tag[at + 1 :]))
    return Place(spot=Spot(version=_span(chosen), digest=beside), lead=lead, tail=tail)


def _span(part: Part) -> tuple[int, int]:
    return part.at, part.at + len(part.text)


def _within(parts: Sequence[Part], start: int, length: int) -> list[Part]:
    """The stretches of a slice of the whole; neighbours in the file are one."""
    found: list[Part] = []
    here = 0
    for part in parts:
        first, last = max(start, here) - here, min(start + length, here + len(part.text)) - here
        here += len(part.text)
        if first >= last:
            continue
        piece = Part(text=part.text[first:last], at=part.at + first, given=part.given)
        before = found[-1] if found else None
        if before and before.given == piece.given and _span(before)[1] == piece.at:
            found[-1] = replace(before, text=before.text + piece.text)
        else:
            found.append(piece)
    return found


def single(file: File, text: str, at: int) -> Read | None:
    """The pin of a reference that stands in one piece at an offset."""
    return read(file, (Part(text=text, at=at),))


def split(file: File, name: Text, tag: Text | None, digest: Text | None, *, registry: str = "") -> Read | None:
    """The pin of an image whose name, tag and digest stand apart, as charts write it; None for what is no image.

    A tag may carry the digest behind an @, as in one piece. With neither a tag nor a digest nothing is pinned here.
    """
    bare = parse(f"{registry}/{name.value}" if registry else name.value)
    image = parse(f"x:{tag.value}") if tag else bare
    if bare is None or image is None or bare.tag or bare.digest or not (tag or digest):
        return None
    spot = Spot(version=None)
    if tag:
        within = (tag.at + image.digest_at - image.tag_at, tag.at + len(tag.value)) if image.digest else None
        spot = Spot(version=(tag.at, tag.at + len(image.tag or "")), digest=within)
    if digest:
        spot = replace(spot, digest=(digest.at, digest.at + len(digest.value)))
    # What stands where a digest should and is none cannot be renewed, and the tag must not leave it behind.
    sound = image.version is not None and (digest is None or _DIGEST.fullmatch(digest.value) is not None)
    pin = file.pin(
        bare.component,
        name.at + max(0, len(name.value) - len(bare.component.name)),
        requirement=tag.value if tag else digest.value if digest else "",
        version=image.version if sound else None,
        digest=digest.value if digest else image.digest,
    )
    place = Place(spot=spot if sound else replace(spot, version=None), bare=tag is not None and tag.plain)
    return pin, replace(place, bare=place.bare and not image.digest)
