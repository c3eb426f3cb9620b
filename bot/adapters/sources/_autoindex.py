"""A folder as a web server lists it, HTML (Apache, nginx, …) or JSON (nginx, Caddy): what lies in it and nothing else.

HTML is searched for links by patterns of re2 and not parsed into a tree: such pages come from programs, are big, and a
tree over what a stranger wrote can take any amount of time.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
import re2

from bot.adapters.sources._said import time_of
from bot.core.errors import Permanent
from bot.tools.http import Answer

MOST_ENTRIES = 50_000
LONGEST_NAME = 300
LONGEST_REST = 300  # of the text after a link that is looked through for a time and a size

_LINK: Any = re2.compile(r"""(?i)<a\s[^<>]*?\bhref\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>]+))[^<>]*>""")
_TAG = re.compile(r"<[^<>]*>")
_TIME = re.compile(r"\b(?:(\d{4}-\d\d-\d\d)|(\d\d-[A-Z][a-z]{2}-\d{4}))[ T]+(\d\d:\d\d(?::\d\d)?)\b")
# Bytes stand alone at the end; rounded sizes (1.2M) are not worth knowing.
_SIZE = re.compile(r"\s(\d{1,15})\s*$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file or folder. name: as it is, decoded, without a slash; at: the time that the list shows, taken for UTC."""

    name: str
    url: str
    folder: bool = False
    at: datetime | None = None
    size: int | None = None


class _Item(msgspec.Struct):
    name: str
    type: str = ""
    is_dir: bool = False
    mtime: str = ""
    mod_time: str = ""
    size: int | None = None


_ITEMS = msgspec.json.Decoder(list[_Item])


def entries(answer: Answer) -> tuple[Entry, ...]:
    """What the folder holds, in the list's order, each name once. Permanent when it is no list."""
    if "json" in answer.headers.get("content-type", "") or answer.body[:1] == b"[":
        found = _of_json(answer)
    else:
        found = _of_html(answer)
    known: dict[tuple[str, bool], Entry] = {}
    for entry in found:
        before = known.get((entry.name, entry.folder))
        # A picture before a name links to the same place, and the time stands after the second.
        if before is None or (before.at is None and entry.at is not None):
            known[entry.name, entry.folder] = entry
        if len(known) > MOST_ENTRIES:
            raise Permanent(f"{urlsplit(answer.url).hostname} lists more in a folder than is looked through")
    return tuple(known.values())


def _of_json(answer: Answer) -> Iterator[Entry]:
    try:
        items = _ITEMS.decode(answer.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no list of files: {error}") from error
    for item in items:
        name = item.name.removesuffix("/")
        folder = item.is_dir or item.type == "directory" or item.name.endswith("/")
        at = time_of(item.mod_time) or _http_time(item.mtime)
        entry = _entry(answer.url, "./" + _quoted(name) + ("/" if folder else ""))
        if entry is not None:
            yield Entry(name=entry.name, url=entry.url, folder=folder, at=at, size=None if folder else item.size)


def _of_html(answer: Answer) -> Iterator[Entry]:
    text = _without_comments(answer.body.decode("utf-8", "replace"))
    links = list(_LINK.finditer(text))
    for place, link in enumerate(links):
        href = html.unescape(link.group(1) or link.group(2) or link.group(3) or "")
        entry = _entry(answer.url, href)
        if entry is None:
            continue
        end = links[place + 1].start() if place + 1 < len(links) else len(text)
        after = text[link.end() : min(end, link.end() + LONGEST_NAME + LONGEST_REST)]
        rest = _TAG.sub(" ", after.partition("</a")[2])[:LONGEST_REST]
        size = _SIZE.search(rest.split("\n", 1)[0])
        yield Entry(
            name=entry.name,
            url=entry.url,
            folder=entry.folder,
            at=_shown_time(rest),
            size=int(size[1]) if size else None,
        )


def _entry(base: str, href: str) -> Entry | None:
    """What a link leads to when that is just below the folder, else None: parents, sorting links, other places."""
    try:
        split = urlsplit(urljoin(base, href.strip()))
        here = urlsplit(base)
    except ValueError:
        return None
    folder = here.path[: here.path.rfind("/") + 1]
    if (split.scheme, split.netloc) != (here.scheme, here.netloc) or split.query or not split.path.startswith(folder):
        return None
    own = split.path[len(folder) :]
    name = unquote(own.removesuffix("/"))
    if not name or "/" in name or name in (".", "..") or len(name) > LONGEST_NAME or not name.isprintable():
        return None
    return Entry(name=name, url=split._replace(fragment="").geturl(), folder=own.endswith("/"))


def _quoted(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._~+@=,-]", lambda one: "".join(f"%{byte:02X}" for byte in one[0].encode()), name)


def _without_comments(text: str) -> str:
    """What a browser does not show is not listed."""
    return "".join(_shown(text))


def _shown(text: str) -> Iterable[str]:
    at = 0
    while (start := text.find("<!--", at)) >= 0:
        yield text[at:start]
        end = text.find("-->", start + 4)
        if end < 0:
            return
        at = end + 3
    yield text[at:]


def _shown_time(text: str) -> datetime | None:
    found = _TIME.search(text)
    if not found:
        return None
    day, named, clock = found.groups()
    if named:
        number, month, year = named.split("-")
        if month.lower() not in _MONTHS:
            return None
        day = f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{number}"
    return time_of(f"{day}T{clock}")


def _http_time(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
