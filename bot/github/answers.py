"""One answer of GitHub, judged once: what it means for us is an error of the core, in GitHub's own words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
from gidgethub import sansio

from bot.core.errors import Missing, Refused, SurefootError, Transient

FINE = frozenset({200, 201, 202, 204})  # what gidgethub takes for a success
MOST_WORDS = 600  # of GitHub's own words in one message of ours
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"  # gidgethub would look for a webhook's payload in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Said(Refused):
    """Refused, with the status that GitHub answered, for the few places where the number itself has a meaning."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


def spoken(method: str, url: str) -> str:
    """How a request is named in a message: without host and query, which say nothing to a person."""
    return f"{method} {urlsplit(url).path}"


def decoded(answer: Answer) -> Any:
    """The body as plain values, or None where it is no JSON."""
    try:
        return msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return None


def _one_error(error: Any) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    where = ".".join(str(error[key]) for key in ("resource", "field") if error.get(key))
    words = str(error.get("message") or error.get("code") or "")
    return f"{where}: {words}" if where and words else where or words


def _errors(found: Any) -> Iterable[str]:
    if isinstance(found, str):
        return [found]
    return [_one_error(error) for error in found] if isinstance(found, list) else []


def words(answer: Answer) -> str:
    """GitHub's own words with what it found wrong field by field, bounded; empty where it said nothing readable."""
    data = decoded(answer)
    if not isinstance(data, Mapping):
        return ""
    parts = [str(data.get("message") or ""), *_errors(data.get("errors"))]
    return "; ".join(part for part in parts if part)[:MOST_WORDS]


def _seconds(header: str | None) -> timedelta | None:
    return timedelta(seconds=int(header)) if header and header.isdecimal() and len(header) < 7 else None


def error_of(answer: Answer, what: str) -> SurefootError | None:
    """What an answer means: None when it is fine. Rate limits are told apart before, by `limits.limit_of`."""
    status = answer.status
    if status in FINE:
        return _garbled(answer, what)
    text = f"{what}: {status} {words(answer)}".rstrip()
    if status >= 500 or status == 408:
        return Transient(text, after=_seconds(answer.headers.get("retry-after")))
    if status == 401:
        # A wrong key is the operator's matter and not this update's end: once it is mended, the loop goes on by itself.
        mend = "GitHub does not accept our credentials: see APP_ID, PRIVATE_KEY and this host's clock"
        return Transient(f"{text}; {mend}")
    if status in (404, 410):
        return Missing(f"{text}; it is not there, or the App may not see it")
    if status < 300:
        # Not GitHub's: 203 is a proxy's own version of an answer, 206 a part of one.
        return Transient(f"{text}; nothing that GitHub answers to this")
    if status < 400:
        # Without its query, which may be a key to what lies there.
        place = answer.headers.get("location", "").partition("?")[0] or "an unnamed place"
        return Said(f"{text}; it has moved to {place}", status=status)
    return Said(text, status=status)


def _garbled(answer: Answer, what: str) -> SurefootError | None:
    """A success that gidgethub could not read, such as a proxy's own page, is no success."""
    kind, charset = _kind(answer)
    try:
        text = answer.body.decode(charset)
        if kind == JSON and text:
            msgspec.json.decode(text)
    except (LookupError, ValueError, RecursionError):
        told = "JSON" if kind == JSON else "text"
        return Transient(f"{what}: {answer.status}, and the answer is not the {told} that it calls itself")
    if kind == FORM or not _is_addressed(answer):
        return Transient(f"{what}: {answer.status}, and nothing that GitHub answers to this")
    return None


def _kind(answer: Answer) -> tuple[str, str]:
    """Media type and charset, as gidgethub finds them."""
    header = Message()
    header["content-type"] = answer.headers.get("content-type", "")
    return header.get_content_type(), str(header.get_param("charset") or "utf-8")


def _is_addressed(answer: Answer) -> bool:
    """Whether the next page, where there is one, has an address that can be asked for."""
    try:
        _, _, url = sansio.decipher_response(200, {"link": answer.headers.get("link", "")}, b"")
        return url is None or (urlsplit(url).port != 0 and "{" not in url)
    except ValueError:
        return False


def calm(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without figures of the rate limit that are none: gidgethub takes them for figures unseen."""
    return {name: value for name, value in headers.items() if not name.startswith("x-ratelimit-") or _is_figure(value)}


def _is_figure(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 12


def onward(answer: Answer, method: str, url: str) -> str | None:
    """Where a redirect may be followed to: the same host only, and a write only where its method is kept (307, 308).

    A renamed repository answers 301 to reads and 307 to writes.
    """
    location = answer.headers.get("location")
    if not location or answer.status not in (301, 302, 307, 308):
        return None
    if method != "GET" and answer.status in (301, 302):
        return None
    try:
        target = urljoin(url, location)
        return target if origin(target) == origin(url) else None
    except ValueError:
        return None


def origin(url: str) -> tuple[str, str]:
    """Scheme and host with port: who is spoken to. ValueError for what is no URL at all."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


# GraphQL answers 200 for almost everything; only these kinds of error say that trying again is useless.
_GRAPHQL_NO = frozenset({"FORBIDDEN", "UNPROCESSABLE", "INSUFFICIENT_SCOPES", "undefinedField", "argumentNotAccepted"})


def kinds(response: Any) -> frozenset[str]:
    """What kinds of error a GraphQL answer tells of; empty where it tells of none. An error without a kind is ""."""
    return frozenset(_kind_of(error) for error in _told(response))


def _told(response: Any) -> list[Mapping[str, Any]]:
    errors = response.get("errors") if isinstance(response, Mapping) else None
    return [error for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else []


def _kind_of(error: Mapping[str, Any]) -> str:
    more = error.get("extensions")
    return str(error.get("type") or (more.get("code") if isinstance(more, Mapping) else "") or "")


def graphql_error(response: Any, what: str) -> SurefootError:
    """What the errors of a GraphQL answer mean. A rate limit is told apart before, by `limits.graphql_limit_of`."""
    text = f"{what}: {'; '.join(str(error.get('message', '')) for error in _told(response))[:MOST_WORDS]}"
    if "NOT_FOUND" in kinds(response):
        return Missing(text)
    return Refused(text) if kinds(response) & _GRAPHQL_NO else Transient(text)
