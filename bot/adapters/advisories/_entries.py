"""A document of OSV becomes one entry for each package that it speaks of; only what is needed is kept, and checked.

What decides whether a version is affected must be readable, or the whole document is refused. The rest is read as far
as it goes. Identifiers end up in titles and texts: one that is no plain word is not passed on, and an advisory without
a usable one is called UNNAMED rather than left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from bot.adapters.advisories import _cvss, _names

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{1,60}", re.ASCII)
UNNAMED = "UNNAMED"
MOST_ALIASES = 20
MOST_VECTORS = 20
LONGEST_SUMMARY = 200
KINDS = ("introduced", "fixed", "last_affected", "limit")
EMBEDDED_MALICE = "CWE-506"  # "Embedded Malicious Code"; every report in OpenSSF's malicious-packages carries it
# RustSec's words for advice that is about no flaw (rustsec/advisory-db, "informational").
NOTICES = frozenset({"unmaintained", "notice"})
ABSENT = msgspec.Raw()
_LINK = re.compile(r"""https?://[^\s/?#@<>"'\\`]+(?:[/?#][^\s<>"\\^`{|}]*)?""", re.IGNORECASE | re.ASCII)
LONGEST_LINK = 500

Event: TypeAlias = tuple[str, str]  # one of KINDS, and a version


class Entry(msgspec.Struct, array_like=True, frozen=True, kw_only=True, omit_defaults=True):
    """What one advisory says of one package.

    vectors: CVSS, in any of its versions. word: the severity in a word. link: a page about it.
    reviewed: False where its database says that nobody looked at it. notice: it speaks of no flaw.
    ranges: events in the order written. versions: those listed by name.
    """

    id: str
    ranges: tuple[tuple[Event, ...], ...] = ()
    versions: tuple[str, ...] = ()
    summary: str = ""
    aliases: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    word: str = ""
    link: str = ""
    malicious: bool = False
    withdrawn: bool = False
    reviewed: bool = True
    notice: bool = False


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Event(msgspec.Struct):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class _Range(msgspec.Struct):
    type: str = ""
    events: list[_Event] | None = None


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] | None = None
    versions: list[str] | None = None
    severity: msgspec.Raw = ABSENT
    database_specific: msgspec.Raw = ABSENT
    ecosystem_specific: msgspec.Raw = ABSENT


class Document(msgspec.Struct):
    """One record in the OSV format, with the fields that are read."""

    id: str
    affected: list[_Affected] | None = None
    withdrawn: str | None = None
    aliases: msgspec.Raw = ABSENT
    summary: msgspec.Raw = ABSENT
    severity: msgspec.Raw = ABSENT
    references: msgspec.Raw = ABSENT
    database_specific: msgspec.Raw = ABSENT


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
DOCUMENTS = msgspec.json.Decoder(Document)
_ANYTHING = msgspec.json.Decoder()


def entries_of(document: Document) -> Iterator[tuple[str, str, Entry]]:
    """OSV's ecosystem, the package's name in its folded spelling, and the entry, for every package of the document."""
    shared = _shared(document)
    blocks: dict[tuple[str, str], list[_Affected]] = {}
    for block in document.affected or ():
        if block.package is not None:
            ecosystem = _names.plain(block.package.ecosystem)
            blocks.setdefault((ecosystem, _names.folded(ecosystem, block.package.name)), []).append(block)
    for (ecosystem, name), found in blocks.items():
        yield ecosystem, name, _entry(shared, found)


def bare(identifier: str) -> Entry:
    """An advisory of which nothing but its name is known: it speaks of every version, since it may."""
    name = identifier if IDENTIFIER.fullmatch(identifier) else UNNAMED
    return Entry(id=name, malicious=name.startswith("MAL-"), ranges=((("introduced", "0"),),))


def _shared(document: Document) -> Entry:
    """What holds for all packages of a document."""
    specific = _mapping(document.database_specific)
    aliases = [one for one in _texts(document.aliases) if IDENTIFIER.fullmatch(one)]
    name = document.id if IDENTIFIER.fullmatch(document.id) else UNNAMED
    names = [name, *aliases]
    return Entry(
        id=name,
        aliases=tuple(dict.fromkeys(aliases))[:MOST_ALIASES],
        summary=_line(_read(document.summary)),
        vectors=_vectors(document.severity),
        word=_word(specific),
        link=_link(document.references),
        malicious=any(one.startswith("MAL-") for one in names) or _malicious(specific),
        withdrawn=bool(document.withdrawn),
        reviewed=specific.get("github_reviewed") is not False,
    )


def _entry(shared: Entry, blocks: Sequence[_Affected]) -> Entry:
    theirs = [_mapping(block.database_specific) for block in blocks]
    said = [*theirs, *(_mapping(block.ecosystem_specific) for block in blocks)]
    vectors = tuple(vector for block in blocks for vector in _vectors(block.severity))
    ranges = (one for block in blocks for one in block.ranges or () if one.type in ("SEMVER", "ECOSYSTEM"))
    return msgspec.structs.replace(
        shared,
        vectors=(vectors or shared.vectors)[:MOST_VECTORS],
        word=shared.word or next(filter(None, map(_word, said)), ""),
        malicious=shared.malicious or any(map(_malicious, theirs)),
        notice=bool(theirs) and all(one.get("informational") in NOTICES for one in theirs),
        ranges=tuple(_events(one) for one in ranges),
        versions=tuple(dict.fromkeys(version for block in blocks for version in block.versions or ())),
    )


def _events(said: _Range) -> tuple[Event, ...]:
    found = ((kind, getattr(event, kind)) for event in said.events or () for kind in KINDS)
    return tuple((kind, text) for kind, text in found if text is not None)


def _malicious(specific: dict[str, Any]) -> bool:
    weaknesses = [specific.get("cwe_ids"), specific.get("cwes")]
    named = [str(one) for some in weaknesses if isinstance(some, list) for one in some]
    return bool(specific.get("malicious-packages-origins")) or any(EMBEDDED_MALICE in one for one in named)


def _word(specific: dict[str, Any]) -> str:
    word = specific.get("severity")
    return word if isinstance(word, str) and word.strip().upper() in _cvss.WORDS else ""


def _vectors(raw: msgspec.Raw) -> tuple[str, ...]:
    said = _read(raw)
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    found = (row.get("score") for row in rows if str(row.get("type")).startswith("CVSS_V"))
    return tuple(one for one in found if isinstance(one, str) and len(one) <= _cvss.LONGEST)[:MOST_VECTORS]


def _link(raw: msgspec.Raw) -> str:
    said = _read(raw)
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    urls = (row.get("url") for row in rows if row.get("type") == "ADVISORY")
    good = (url for url in urls if isinstance(url, str) and len(url) <= LONGEST_LINK and _LINK.fullmatch(url))
    return next(good, "")


def _line(said: object) -> str:
    if not isinstance(said, str):
        return ""
    return "".join(one for one in " ".join(said.split()) if one.isprintable())[:LONGEST_SUMMARY]


def _texts(raw: msgspec.Raw) -> list[str]:
    said = _read(raw)
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def _mapping(raw: msgspec.Raw) -> dict[str, Any]:
    said = _read(raw)
    return said if isinstance(said, dict) else {}


def _read(raw: msgspec.Raw) -> Any:
    return _ANYTHING.decode(raw) if bytes(raw) else None
