"""Versions that get no more fixes, by endoflife.date or a document of its form: a way out of one of them is urgent.

The document lists products, each with the lines of its releases and the day on which its maker stops to mend a line.
A product is found by the package URLs (`purl`) that the document gives for it, as `pkg:pypi/django` or
`pkg:docker/library/node`; where it gives none for a package, nothing is known of that package. A version belongs to the
longest line that it begins with: 3.9.2-slim to 3.9, and 3.10 not to 3.1.

It is off unless the operator names a place for it in `SUREFOOT_EOL`: the public document with all products
(`https://endoflife.date/api/v1/products/full`), a mirror of it, or the path of a file; a document with a single product
is read as well. It is fetched again every six hours, a file within a minute after it changed. While it cannot be had
the last one counts.

Options: `place`, a URL or a path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from urllib.parse import unquote

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.advisories import _names
from bot.adapters.advisories._document import Document, checked
from bot.core.advisories import Advisory
from bot.core.errors import Permanent
from bot.core.model import Component
from bot.core.quoting import code

KIND = "endoflife"
MOST_LINES = 100_000
LONGEST = 200
# What package URLs call the ecosystems that have other names there (the purl specification, "Known purl types").
_TYPES = {"githubactions": "github", "git": "github"}
_LIBRARY = "library/"  # where Docker Hub keeps its own images, which are written without it
_NUMBER = re.compile(r"v?([0-9].*)", re.ASCII | re.DOTALL)

Line = tuple[str, str, date | None]  # the product, the line, and its end; None: it has ended, nobody says when
Lines = Mapping[str, tuple[Line, ...]]  # by package URL without a version


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    place: str


class _Identifier(msgspec.Struct):
    id: str = ""
    type: str = ""


class _Release(msgspec.Struct, rename="camel"):
    name: str
    is_eol: bool = False
    eol_from: str | None = None


class _Product(msgspec.Struct):
    name: str
    label: str = ""
    identifiers: list[_Identifier] = []
    releases: list[_Release] = []


class _Products(msgspec.Struct):
    result: list[_Product] | _Product


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_DOCUMENTS = msgspec.json.Decoder(_Products)


def today() -> date:
    """The day, UTC."""
    return datetime.now(UTC).date()


def open(options: Options, tools: Tools) -> EndOfLife:
    """Options: place. ConfigProblem for a file that is not there."""
    place = checked(decode(options, _Options, KIND).place, KIND)
    return EndOfLife(Document(tools.http, place, read))


def read(body: bytes) -> Lines:
    """The lines that have an end, by package URL. Permanent when it is no such document."""
    try:
        result = _DOCUMENTS.decode(body).result
    except msgspec.DecodeError as error:
        raise Permanent(f"it is no list of products and their ends: {error}") from error
    products = result if isinstance(result, list) else [result]
    if sum(len(one.releases) for one in products) > MOST_LINES:
        raise Permanent("it is no list of products and their ends: no world has so many")
    return {url: tuple(_lines(product)) for product in products for url in _urls(product)}


def _urls(product: _Product) -> Iterator[str]:
    for one in product.identifiers:
        if one.type == "purl" and one.id.startswith("pkg:"):
            bare = unquote(one.id.partition("?")[0].partition("#")[0])
            kind, _, name = bare.removeprefix("pkg:").partition("/")
            yield _url(kind.lower(), name.rpartition("@")[0] or name)


def _url(kind: str, name: str) -> str:
    """A package URL in one spelling: the type's own names, in the folding of its registry."""
    name = name.removeprefix(_LIBRARY) if kind == "docker" else name
    osv = _names.OSV_NAMES.get(kind, "")
    return f"{kind}/{_names.folded(osv, name) if osv else name.lower()}"


def _lines(product: _Product) -> Iterator[Line]:
    label = (product.label or product.name)[:LONGEST]
    for one in product.releases:
        if 0 < len(one.name) <= LONGEST:
            yield label, one.name, _day(one.eol_from) or (None if one.is_eol else date.max)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


class EndOfLife:
    """A `core.ports.Advisories`. document: the list; now: the day."""

    def __init__(self, document: Document[Lines], now: Callable[[], date] = today) -> None:
        self._document, self._now = document, now

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """For each version whose line has ended, when it did. Never raises: a list that is missing says nothing."""
        lines = (await self._document.now() or {}).get(_package(component), ())
        found = {version: _ended(lines, version, self._now()) for version in versions} if lines else {}
        return {version: (Advisory(id="EOL", ended=why),) for version, why in found.items() if why}


def _package(component: Component) -> str:
    name = component.name.replace(":", "/") if component.ecosystem == "maven" else component.name
    return _url(_TYPES.get(component.ecosystem, component.ecosystem), name)


def _ended(lines: Sequence[Line], version: str, today: date) -> str:
    mine = [line for line in lines if _belongs(version, line[1])]
    if not mine:
        return ""
    product, name, ends = max(mine, key=lambda line: len(line[1]))
    if ends is not None and ends >= today:
        return ""
    told = f"{code(product)} {code(name)}"
    return f"{told} was maintained until {ends}" if ends else f"{told} has ended"


def _belongs(version: str, line: str) -> bool:
    """Whether a version is of the line: it begins with it, and the next sign is no part of the same number."""
    plain, start = (found[1] if (found := _NUMBER.fullmatch(text)) else text for text in (version, line))
    rest = plain[len(start) :]
    return plain.startswith(start) and not rest[:1].isalnum()
