"""pip's requirements files: `requirements*.txt` and `.in`, also inside a folder named `requirements`.

Lines are joined at a trailing backslash and comments cut as pip does. Options (`-r`, `-c`, `-e`, indexes), URLs and
paths are left alone. Rewriting a pin that carries hashes replaces its hash list by the sha256 of the release's files. A
range is edited where ranges are widened, unless it carries hashes, or stands on more than one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.requirements import InvalidRequirement

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _requirement, _spots
from bot.adapters.manifests._spots import Spot
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin, Release

KIND = "requirements"

_NAME = re.compile(r"(?:[\w.-]*[-_.])?requirements(?:[-_.][\w.-]*)?\.(?:txt|in)")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
# Blanks are looked at from where they begin: from each of them anew, a long line of them would take hours.
_COMMENT = re.compile(r"(?:^|(?<!\s)\s+)#.*$")
_OPTION = re.compile(r"(?<!\s)\s+--?[A-Za-z]")  # what follows a requirement, as --hash and --config-settings
_HASH = re.compile(r"--hash[= ]\s*(?P<kind>[a-z0-9]+):(?P<digest>[0-9A-Fa-f]+)")
_ELSEWHERE = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://|\.{0,2}/|~/|[A-Za-z]:\\|file:|-)|\.(?:whl|zip|tar\.gz|tar\.bz2|tgz)$", re.I
)


def open(options: Options, tools: Tools) -> Requirements:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Requirements()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Logical:
    """Several lines of the file as the one that pip sees. at: for each character its offset in the file."""

    text: str
    at: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """Where the parts of a pin stand: the version, and for a hashed one each hash, as offsets in the file.

    requirement: the range that may be widened, None where there is none.
    """

    version: tuple[int, int]
    requirement: tuple[int, int] | None
    hashes: tuple[tuple[int, int], ...]
    lead: int  # where the blanks in front of the first hash begin


class Requirements:
    """A `core.ports.Manifest`."""

    def matches(self, path: str) -> bool:
        """By name: requirements.txt, requirements-dev.in, dev-requirements.txt, requirements/base.txt."""
        folder, _, name = path.rpartition("/")
        inside = folder.rpartition("/")[2] == "requirements" and name.endswith((".txt", ".in"))
        return inside or _NAME.fullmatch(name) is not None

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """Every requirement, exact or not. ConfigProblem with the line for what is no requirement."""
        return [pin for pin, _ in _found(path, text)]

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this pin, and its hashes if it has any, at the release.

        ConfigProblem when the pin is no longer there, or when hashes are wanted and the release has none.
        """
        spot = _requirement.nearest(_found(pin.path, text), pin)
        where = f"{pin.path}:{pin.line}"
        if spot is not None and spot.requirement is not None and pin.version is None:
            place = Spot(version=None, requirement=spot.requirement)
            return _spots.rewrite(text, [(pin, place)], pin, release)
        if spot is None or pin.version is None:
            raise ConfigProblem(f"no longer pins {pin.component.name} to {pin.version}", where=where)
        if spot.hashes:
            # The later part first, so that the earlier offsets stay true.
            text = _rehash(text, spot, release, where)
        start, end = spot.version
        return text[:start] + release.version + text[end:]


def _rehash(text: str, spot: _Spot, release: Release, where: str) -> str:
    digests = release.digests
    if not digests:
        raise ConfigProblem(
            f"the index gives no sha256 for version {release.version}, and this file asks for hashes",
            where=where,
            mend="Use an index that publishes hashes, or take the hashes out of the file",
        )
    first, last = spot.hashes[0], spot.hashes[-1]
    # Whatever the author put between two hashes (a blank, a backslash and an indent) stands between the new ones too.
    between = text[first[1] : spot.hashes[1][0]] if len(spot.hashes) > 1 else text[spot.lead : first[0]]
    return text[: first[0]] + between.join(f"--hash=sha256:{digest}" for digest in digests) + text[last[1] :]


# One text is read for its pins, and again for each that is rewritten.
@lru_cache(maxsize=8)
def _found(path: str, text: str) -> tuple[tuple[Pin, _Spot], ...]:
    return tuple(_pins(path, text))


def _pins(path: str, text: str) -> Iterator[tuple[Pin, _Spot]]:
    for logical in _logical(text):
        if made := _pin(path, text, logical):
            yield made


def _pin(path: str, text: str, logical: _Logical) -> tuple[Pin, _Spot] | None:
    start = len(logical.text) - len(logical.text.lstrip())
    if start == len(logical.text):
        return None
    option = _OPTION.search(logical.text, start)
    head = logical.text[: option.start() if option else len(logical.text)].rstrip()
    line, column = _requirement.place(text, logical.at[start])
    try:
        found = None if _ELSEWHERE.search(head.strip()) else _requirement.parse(head)
    except InvalidRequirement as error:
        first = str(error).splitlines()[0]
        raise ConfigProblem(f"{head.strip()!r} is no requirement: {first}", where=f"{path}:{line}:{column}") from None
    if found is None:
        return None
    hashes = list(_HASH.finditer(logical.text, len(head)))
    line, column = _requirement.place(text, logical.at[found.name_at])
    spot = _spot(logical, found, hashes)
    pin = Pin(
        path=path,
        line=line,
        column=column,
        manifest=KIND,
        component=Component(name=found.name),
        requirement=found.spec,
        version=found.version,
        hashes=tuple(f"{one['kind']}:{one['digest']}" for one in hashes),
        widens=spot.requirement is not None,
    )
    return pin, spot


def _spot(logical: _Logical, found: _requirement.Found, hashes: Sequence[re.Match[str]]) -> _Spot:
    at = logical.at
    version_at = found.version_at or 0
    lead = len(logical.text[: hashes[0].start()].rstrip()) if hashes else 0
    ranged = found.version is None and not hashes
    return _Spot(
        requirement=_requirement.contiguous(at, found.spec_at, len(found.spec)) if ranged else None,
        version=(at[version_at], _after(at, version_at + len(found.version or ""))),
        hashes=tuple((at[one.start()], _after(at, one.end())) for one in hashes),
        lead=_after(at, lead),
    )


def _after(at: Sequence[int], end: int) -> int:
    """The offset right behind the last character of a span: a joined line leaves a gap in front of the next one."""
    return at[end - 1] + 1 if end else at[0]


def _logical(text: str) -> Iterator[_Logical]:
    """The file's lines as pip joins and cuts them (pip's `join_lines`, then `ignore_comments`)."""
    signs: list[str] = []
    places: list[int] = []
    for line in _LINE.finditer(text):
        body = line.group().rstrip("\r\n")
        if not line.group() and line.start() == len(text):
            break
        comment = re.match(r"\s*#", body) is not None
        goes_on = body.endswith("\\") and not comment
        if comment:
            body = ""
        part = body[:-1] if goes_on else body
        signs.append(part)
        places.extend(range(line.start(), line.start() + len(part)))
        if not goes_on:
            yield _cut("".join(signs), places)
            signs, places = [], []
    if signs:
        yield _cut("".join(signs), places)


def _cut(text: str, places: Sequence[int]) -> _Logical:
    comment = _COMMENT.search(text)
    # A byte order mark counts as a blank.
    kept = (text[: comment.start()] if comment else text).replace("\ufeff", " ")
    return _Logical(text=kept, at=tuple(places[: len(kept)]))
