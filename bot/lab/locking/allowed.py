"""What a tool in the jail may fetch: what lies below the places that the operator's settings name, and what these list.

Pure. A place has a URL as the tool spells it and one that is asked in its stead, which may be a mirror of it. Only a
page of an index adds to what may be fetched, and only the very URLs that stand in it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import msgspec
from yarl import URL

from bot.tools.secrets import Secret

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:]+(:[0-9.]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A registry. url: as the tool asks it, asked: where that really is; both without a login and a slash at the end.

    login: the Authorization header for it. lists: whether its pages name the files that may be fetched besides.
    repositories: for whose own commands it is open, by names of owners and of repositories (owner/name) in small
    letters; none: for those of all.
    """

    url: str
    asked: str
    login: Secret | None = None
    lists: bool = False
    repositories: tuple[str, ...] = ()

    def is_open_to(self, repo: str) -> bool:
        """Whether a command of this repository may ask it; "" is none of those that are named."""
        name = repo.lower()
        return not self.repositories or bool({name, name.partition("/")[0]} & set(self.repositories))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A fetch that is let through: what is asked in truth, by which login, and whose page it may be.

    listed: it is no part of a place; a page of one named it.
    """

    url: str
    login: Secret | None = None
    place: Place | None = None
    listed: bool = False


class Allowed:
    """The list for one run; grows by what the pages of its places list."""

    def __init__(self, places: Sequence[Place]) -> None:
        # The longest first: one place may lie below another.
        self._places = sorted(places, key=lambda place: -len(place.url))
        self._listed: dict[str, Ticket] = {}
        self._origins = {origin_of(place.url) for place in places}

    def ticket(self, url: str) -> Ticket | None:
        """Leave to fetch this URL, or None."""
        try:
            plain = canonical(url)
        except ValueError:
            return None
        if known := self._listed.get(plain):
            return known
        for place in self._places:
            if (rest := _below(plain, canonical(place.url))) is not None:
                return Ticket(url=place.asked + rest, login=place.login, place=place if place.lists else None)
        return None

    def has_origin(self, origin: str) -> bool:
        """Whether anything of this scheme, host and port may be fetched."""
        return origin in self._origins

    def learn(self, ticket: Ticket, url: str, where: str, body: bytes, kind: str) -> None:
        """Let through what a page of an index lists.

        url: the page as the tool asked for it, where: as it was found, both without effect on each other: a tool
        makes a relative link whole by the one, and it leads to what the other makes of it. kind: its content type.
        """
        if ticket.place is None:
            return
        for link in links(body, kind):
            try:
                said, real = canonical(urljoin(url, link)), canonical(urljoin(where, link))
            except ValueError:
                continue
            # A login goes nowhere but to the server that it was given for.
            login = ticket.login if origin_of(real) == origin_of(ticket.place.asked) else None
            for more in ("", ".metadata"):  # PEP 658: what a wheel says of itself lies beside it
                self._listed.setdefault(said + more, Ticket(url=real + more, login=login, listed=True))
            self._origins.add(origin_of(said))


def canonical(url: str) -> str:
    """The one spelling of a URL that is compared: ValueError for what is odd, has a login, or climbs out of a path."""
    if any(sign in url for sign in "\\\t\r\n") or not url.isascii():
        raise ValueError("an odd sign in a URL")
    split = urlsplit(url)
    if split.scheme not in _PORTS or "@" in split.netloc or not _HOST.fullmatch(split.hostname or ""):
        raise ValueError("no plain http or https URL")
    if any(part in (".", "..") for part in unquote(split.path).split("/")):
        raise ValueError("a path that climbs")
    # The same quoting on both sides, whoever wrote it.
    return str(URL(urlunsplit((split.scheme, _netloc(url), split.path or "/", split.query, ""))))


def origin_of(url: str) -> str:
    """Scheme, host and port, as `https://host` where the port is the usual one."""
    return f"{urlsplit(url).scheme}://{_netloc(url)}"


def _netloc(url: str) -> str:
    split = urlsplit(url)
    host = (split.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    return host if split.port in (None, _PORTS.get(split.scheme)) else f"{host}:{split.port}"


def _below(plain: str, place: str) -> str | None:
    """The rest of a URL below a place, beginning with a slash; None when it lies elsewhere or has a query."""
    root = place.rstrip("/")
    if "?" in plain or not (plain + "/").startswith(root + "/"):
        return None
    return plain[len(root) :]


def without_login(url: str) -> tuple[str, Secret | None]:
    """The URL without a login and a slash at its end, and the header that carries the login instead."""
    split = urlsplit(url)
    bare = urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2])).rstrip("/")
    if split.username is None:
        return bare, None
    pair = f"{unquote(split.username)}:{unquote(split.password or '')}"
    return bare, Secret("Basic " + base64.b64encode(pair.encode()).decode())


class _File(msgspec.Struct):
    url: str


class _Page(msgspec.Struct):
    files: list[_File]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if href and tag == "base":
            self.base = href
        elif href and tag == "a":
            self.found.append(urljoin(self.base, href))


def links(body: bytes, kind: str) -> Sequence[str]:
    """The links to all files that a page of an index lists, by PEP 691 or PEP 503; none for what is no such page."""
    if "json" in kind or body[:1] == b"{":
        try:
            return [file.url for file in msgspec.json.decode(body, type=_Page).files]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return []
    if "html" not in kind:
        return []
    reading = _Anchors()
    reading.feed(body.decode("utf-8", "replace"))
    return reading.found
