"""Versions from any HTTP endpoint, read by JMESPath, a pattern, a CSS selector or a header, as you describe it.

    components:
      my-service:
        url: https://releases.example/my-service.json
        json: "releases[?channel == 'stable'].{version: tag, published: date, digest: sha256}"

Under `components` stands, for each name, the `url` to be asked (a component's own registry takes its place) and exactly
one reader:

- `json`: a JMESPath whose answer is a version, a list of versions, or a list of objects with `version` and, if you
  like, `published` (ISO 8601; it counts as the time of publication, so choose one that the publisher cannot set) and
  `digest`. Numbers with a decimal point are read as they are written, so 1.10 stays 1.10;
- `regex`: a pattern of re2, found anywhere and as often as it is there; its group `version`, or its only group, counts;
- `selector`: a CSS selector for HTML; the text of each element, or its `attribute`;
- `header`: any header of the answer, or `location`: the URL at which redirects ended.

`match`, a pattern too, takes the version out of what was found; what it does not match is left out. `token` names a
secret that is sent as a bearer token, to the host of `url` only. What finds nothing is an error: a page that was built
anew must not look as one without releases. Where no times are told, a version's age runs from when it was first seen.

Options: `components`, and `logins`, a user's name and the name of a secret for each host.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources import _apart, _patterns
from bot.adapters.sources._logins import Login, Logins, host_of, is_private_way, logins_of, origin_of
from bot.adapters.sources._pages import Pages
from bot.adapters.sources._paging import SMALL, web_url
from bot.adapters.sources._patterns import Pattern
from bot.adapters.sources._said import text_of, time_of
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused
from bot.core.model import Component, Release
from bot.tools.http import Answer, Http
from bot.tools.secrets import Secret

KIND = "http"
READERS = ("json", "regex", "selector", "header")
MOST_BYTES = 4 << 20
MOST_RELEASES = 20_000
MOST_KEPT = 2_000  # releases; each repository with endpoints has a source like this
LONGEST_VERSION = 200
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, 5.6.2

Releases = tuple[Release, ...]


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    json: str = ""
    regex: str = ""
    selector: str = ""
    attribute: str = ""
    header: str = ""
    match: str = ""
    token: str = ""


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    components: dict[str, _Described] = {}
    logins: dict[str, Login] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """How one component is read; everything in it has been checked."""

    name: str
    url: str
    reader: str
    expression: str
    attribute: str = ""
    pattern: Pattern | None = None
    match: Pattern | None = None
    token: Secret | None = None


def open(options: Options, tools: Tools) -> Endpoints:
    """ConfigProblem names the component and the option that is wrong, also in an expression."""
    chosen = decode(options, _Options, KIND)
    known = {name: _endpoint(name, said, tools) for name, said in chosen.components.items()}
    return Endpoints(tools.http, known, logins_of(chosen.logins, tools, KIND))


class Endpoints:
    """A `core.ports.Source`. known: how each component is read, by its name."""

    def __init__(self, http: Http, known: Mapping[str, _Endpoint], logins: Logins) -> None:
        self._http, self._known, self._logins = http, known, logins
        self._read: Pages[Releases] = Pages(len, most=MOST_KEPT)
        self._room = asyncio.Semaphore(2)  # readers at once: more would only make each of them slower

    async def releases(self, component: Component) -> Sequence[Release]:
        """What the endpoint tells now, in its order. Missing when nothing says how the component is to be read."""
        endpoint = self._known.get(component.name)
        if endpoint is None:
            said = f"nothing says how {component.name[:100]!r} is read"
            raise Missing(f"{said}; describe it under updates.endpoints, or as one of the components of {KIND}")
        url = component.registry or endpoint.url
        if web_url(url) is None:
            raise Permanent(f"{endpoint.name} has no URL to be asked; write it as https://host/path")
        want = (endpoint.expression,) if endpoint.reader == "header" and not _is_location(endpoint.expression) else ()
        answer = await self._http.get(url, headers=self._login(endpoint, url), most_bytes=MOST_BYTES, want=want)
        # A header may change where the body does not, and there is nothing to be saved by knowing the body.
        if endpoint.reader == "header":
            header = _header(answer, endpoint.expression)
            if header is None:
                raise Permanent(f"{host_of(answer.url)} sends no header {endpoint.expression} for {endpoint.name}")
            return self._releases(endpoint, [header], answer)
        key = f"{endpoint.name} {url}"
        return await self._read.fetch(key, answer.digest, lambda: self._found(endpoint, answer))

    async def detail(self, component: Component, release: Release) -> Release:
        """The endpoint has told all that it tells."""
        return release

    async def _found(self, endpoint: _Endpoint, answer: Answer) -> Releases:
        if endpoint.pattern is not None:
            text = answer.body.decode("utf-8", "replace")
            find = endpoint.pattern.every
            found: Any = list(find(text)) if len(text) < SMALL else await asyncio.to_thread(lambda: list(find(text)))
            return self._releases(endpoint, found, answer)
        try:
            async with self._room:
                found = await _apart.found(endpoint.reader, endpoint.expression, endpoint.attribute, answer.body)
        except ValueError as error:
            raise Permanent(f"{host_of(answer.url)} cannot be read for {endpoint.name}: {error}") from None
        return self._releases(endpoint, found if isinstance(found, list) else [found], answer)

    def _releases(self, endpoint: _Endpoint, found: Sequence[Any], answer: Answer) -> Releases:
        where = f"{host_of(answer.url)}, as read for {endpoint.name} by its {endpoint.reader},"
        if len(found) > MOST_RELEASES:
            raise Permanent(f"{where} tells {len(found)} versions, which is more than is looked through")
        made = (_release(one, endpoint.match, where) for one in found)
        known = _once(one for one in made if one is not None)
        if not known:
            raise Permanent(f"{where} tells no version")
        return known

    def _login(self, endpoint: _Endpoint, url: str) -> dict[str, str]:
        if endpoint.token is None or origin_of(url) != origin_of(endpoint.url):
            return self._logins.header(host_of(url), url)
        if not is_private_way(url):
            raise Refused(f"the token for {host_of(url)} is not sent over plain http; write https")
        return {"Authorization": f"Bearer {endpoint.token.reveal()}"}


def _endpoint(name: str, said: _Described, tools: Tools) -> _Endpoint:
    where = f"{KIND}: components.{name}"
    chosen = [reader for reader in READERS if getattr(said, reader)]
    if len(chosen) != 1:
        raise ConfigProblem(f"{where} needs exactly one reader", mend=f"Write one of {', '.join(READERS)}")
    if said.attribute and not said.selector:
        raise ConfigProblem(f"{where}.attribute is of no use without a selector", mend="Take it out")
    reader, expression = chosen[0], getattr(said, chosen[0])
    return _Endpoint(
        name=name,
        url=_url(said.url, where),
        reader=reader,
        expression=_checked(reader, expression, f"{where}.{reader}"),
        attribute=said.attribute,
        pattern=_pattern(said.regex, f"{where}.regex"),
        match=_pattern(said.match, f"{where}.match"),
        token=secret_of(tools, said.token, where, said.url),
    )


def _url(url: str, where: str) -> str:
    if url and web_url(url) is None:
        raise ConfigProblem(f"{where}.url is no URL", mend="Write it as https://host/path")
    return url


def _checked(reader: str, expression: str, where: str) -> str:
    try:
        if reader == "json":
            _apart.check_path(expression)
        elif reader == "selector":
            _apart.check_selector(expression)
    except ValueError as error:
        raise ConfigProblem(f"{where} cannot be used: {error}", mend="Mend the expression") from None
    if reader == "header" and not HEADER.fullmatch(expression):
        raise ConfigProblem(f"{where}: {expression[:100]!r} can be no header's name", mend="Write header: X-Version")
    return expression


def _pattern(text: str, where: str) -> Pattern | None:
    try:
        return _patterns.compiled(text) if text else None
    except ValueError as error:
        raise ConfigProblem(f"{where} cannot be used: {error}", mend="Mend the pattern") from None


def _header(answer: Answer, name: str) -> str | None:
    return answer.url if _is_location(name) else answer.headers.get(name.lower())


def _is_location(header: str) -> bool:
    return header.lower() == "location"


def _release(said: Any, match: Pattern | None, where: str) -> Release | None:
    """One release of what was found; None when `match` leaves it out. Permanent for what can be no version."""
    fields = said if isinstance(said, dict) else {"version": said}
    version = fields.get("version")
    # Whole numbers are versions too (42); true and false are none.
    whole = str(version) if isinstance(version, str | int) and not isinstance(version, bool) else ""
    text = text_of(whole) if match is None else match.first(whole)
    if text is None:
        return None
    if not 0 < len(text) <= LONGEST_VERSION:
        raise Permanent(f"{where} tells {str(said)[:100]!r}, which can be no version")
    return Release(version=text, published=time_of(fields.get("published")), digest=text_of(fields.get("digest")))


def _once(releases: Iterable[Release]) -> Releases:
    """Each version once, as it was told first."""
    known: dict[str, Release] = {}
    for release in releases:
        known.setdefault(release.version, release)
    return tuple(known.values())
