"""Under which terms, by whom and with what a package comes: its metadata, compared across the ways of writing it.

Metadata 2.4 puts a licence into License-Expression where older files have a classifier or free words, and people into
one head with their address where there were two. Both spell the same, so neither is a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum

from bot.core.quoting import code

Meta = Mapping[str, Sequence[str]]
_NAMED = 5


class Freedom(IntEnum):
    """How much a licence asks of whoever uses a library; ordered, so that more is graver."""

    PERMISSIVE = 0
    WEAK = 1  # the library's own source must stay open
    STRONG = 2  # what uses it must be opened as well
    CLOSED = 3  # not open source: use itself is limited


# By the first that is found in the lower-cased text; the names are SPDX's families.
_FAMILIES: tuple[tuple[str, str, Freedom], ...] = (
    (r"\bagpl|affero", "AGPL", Freedom.STRONG),
    (r"\blgpl|lesser general public|library general public", "LGPL", Freedom.WEAK),
    (r"\bgpl|general public licen[sc]e", "GPL", Freedom.STRONG),
    (r"\bmpl\b|mozilla public", "MPL", Freedom.WEAK),
    (r"\bepl\b|eclipse public", "EPL", Freedom.WEAK),
    (r"busl|business source", "BUSL", Freedom.CLOSED),
    (r"sspl|server side public", "SSPL", Freedom.CLOSED),
    (r"elastic", "Elastic", Freedom.CLOSED),
    (r"commons clause|polyform|fair ?source|functional source|\bfsl\b", "source-available", Freedom.CLOSED),
    (r"proprietary|commercial|all rights reserved|eula", "proprietary", Freedom.CLOSED),
    (r"apache", "Apache", Freedom.PERMISSIVE),
    (r"\bmit\b|expat", "MIT", Freedom.PERMISSIVE),
    (r"\b0?bsd\b|bsd-\d", "BSD", Freedom.PERMISSIVE),
    (r"\bisc\b|iscl", "ISC", Freedom.PERMISSIVE),
    (r"\bpsf\b|python software foundation|python-2", "PSF", Freedom.PERMISSIVE),
    (r"unlicen[sc]e|public domain|\bcc0\b", "public domain", Freedom.PERMISSIVE),
    (r"\bzpl\b|zope", "ZPL", Freedom.PERMISSIVE),
    (r"\bhpnd\b|historical permission|cmu", "HPND", Freedom.PERMISSIVE),
    (r"zlib", "Zlib", Freedom.PERMISSIVE),
)
_FREEDOM = {name: freedom for _, name, freedom in _FAMILIES}
_PARTS = re.compile(r"\s+(?:and|or|with)\s+|[/,;()&]", re.IGNORECASE)
_EITHER = re.compile(r"\bor\b(?!\s+later)", re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")


def terms(before: Meta, after: Meta, language: str = "Python") -> Iterator[tuple[str, str, bool]]:
    """(rule, why, whether a person must look) for what differs. language: whose version is asked for."""
    yield from _licence(before, after)
    people = sorted(_people(after) - _people(before))
    if people and _people(before):
        yield "people", f"names somebody who was not named before: {_listed(people)}", False
    needs = sorted(_needs(after) - _needs(before))
    if needs:
        yield "needs", f"newly needs {_listed(needs)}", False
    was, now = (_first(meta, "Requires-Python") for meta in (before, after))
    if was != now:
        yield (
            "python",
            f"asks for {language} {code(now or 'of any version')}, and asked for {code(was or 'any')}",
            False,
        )


def licences(meta: Meta) -> tuple[frozenset[str], bool]:
    """The families of licences that a package names, and whether one may choose among them.

    Of an expression, of classifiers, or of free words, whichever says something first.
    """
    classifiers = [text for text in meta.get("Classifier", ()) if text.startswith("License ::")]
    for texts in (meta.get("License-Expression", ()), classifiers, meta.get("License", ())):
        # What is longer is the licence's own text, which names others at will: its head says which one it is.
        short = [text.strip()[:200] for text in texts]
        if found := frozenset(family for text in short for part in _PARTS.split(text) if (family := _family(part))):
            return found, any(_EITHER.search(text.replace("or later", "")) for text in short)
    return frozenset(), False


def _family(text: str) -> str:
    return next((name for pattern, name, _ in _FAMILIES if re.search(pattern, text.lower())), "")


def _licence(before: Meta, after: Meta) -> Iterator[tuple[str, str, bool]]:
    (was, _), (now, either) = licences(before), licences(after)
    if was == now:
        return
    said = f"{_listed(sorted(now)) or 'nothing that is known'}, and was {_listed(sorted(was)) or 'not said'}"
    graver = bool(was and now) and _asks(now, either) > _asks(was, False) >= Freedom.PERMISSIVE
    yield "licence", f"has another licence: {said}", graver and _asks(now, either) >= Freedom.STRONG


def _asks(families: frozenset[str], either: bool) -> Freedom:
    """The gravest of those that hold together, the mildest of those to choose among."""
    fold = min if either else max
    return fold((_FREEDOM[name] for name in families), default=Freedom.PERMISSIVE)


def _people(meta: Meta) -> frozenset[str]:
    """Addresses in lower case; names only of a package that gives no address."""
    heads = ("Author", "Author-email", "Maintainer", "Maintainer-email")
    texts = [text for head in heads for text in meta.get(head, ())]
    found = frozenset(one.lower() for text in texts for one in _ADDRESS.findall(text))
    return found or frozenset(one.strip().lower() for text in texts for one in text.split(",") if one.strip())


def _needs(meta: Meta) -> frozenset[str]:
    """Names of what is needed whatever extra is asked for."""
    always = [text for text in meta.get("Requires-Dist", ()) if "extra ==" not in text.replace("extra==", "extra ==")]
    names = (re.match(r"@?[A-Za-z0-9][A-Za-z0-9._/-]*", text) for text in always)
    return frozenset(re.sub(r"[-_.]+", "-", one[0]).lower() for one in names if one)


def _first(meta: Meta, head: str) -> str:
    return ",".join(sorted(part.strip() for part in next(iter(meta.get(head, ())), "").split(",")))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(code(name, most=60) for name in names[:_NAMED]) + more
