"""Elixir and Erlang packages from hex.pm, an organisation there, or a Hex repository of your own; lists releases.

Of hex.pm the HTTP API is asked: `/packages/<name>` lists versions with the times at which Hex took them in and which
were retired, and for a release that is about to be proposed `/packages/<name>/releases/<version>` adds the sha256 of
its tarball, who published it, and its documentation. A name `org/package` (or `hexpm:org/package`) is a package of an
organisation and needs a key. A component that names a repository (`https://hex.example`, what `mix hex.repo add` is
given) is read from that repository's registry (`/packages/<name>`, protobuf), which tells versions, retirements and
sha256, and no times.

What was retired as invalid, for its security or for another reason counts as yanked, with the reason; what was retired
as deprecated or renamed is deprecated.

Options: `url`, the API (default https://hex.pm/api); `token`, the name of a secret with an API key, sent there only;
`keys`, the name of a secret with the key for each repository host, as `{hex.example: HEX_EXAMPLE_KEY}`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources import _hex_registry
from bot.adapters.sources._hex_registry import Listed
from bot.adapters.sources._logins import host_of, is_private_way
from bot.adapters.sources._pages import Place, configured, place_of
from bot.adapters.sources._paging import SMALL, Kept, decoded
from bot.adapters.sources._said import Links, links_of, repository_url, text_of, time_of, web_url
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Artifact, Component, Release, Trust
from bot.tools.http import Answer, Http
from bot.tools.secrets import Secret

KIND = "hex"
PUBLIC = "https://hex.pm/api"
TARBALLS = "https://repo.hex.pm"
NAME = re.compile(r"(?:(?:hexpm:)?(?P<org>[a-z0-9][a-z0-9_.-]{0,99})/)?(?P<name>[a-z][a-z0-9_]{0,99})")
MOST_BYTES = 16 << 20
# Retired so, a release still does what it did.
MERELY_OLD = ("deprecated", "renamed")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = PUBLIC
    token: str = ""
    keys: dict[str, str] = {}


class _Item(msgspec.Struct):
    version: str
    inserted_at: str | None = None


class _Retirement(msgspec.Struct):
    reason: str = "other"
    message: str | None = None


class _Meta(msgspec.Struct):
    links: Any = None


class _Package(msgspec.Struct):
    releases: list[_Item]
    retirements: dict[str, _Retirement] = {}
    meta: _Meta | None = None
    html_url: str | None = None


class _User(msgspec.Struct):
    username: str | None = None


class _Single(msgspec.Struct):
    checksum: str | None = None
    publisher: _User | None = None
    has_docs: bool = False
    docs_html_url: str | None = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_PACKAGES = msgspec.json.Decoder(_Package)
_SINGLES = msgspec.json.Decoder(_Single)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One package. url: its document; repository: where its tarballs are, "" when nobody says."""

    name: str
    url: str
    repository: str
    by_api: bool


def open(options: Options, tools: Tools) -> Hex:
    """Works without options. ConfigProblem for what is no URL, or a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    secrets = {host.lower(): secret_of(tools, name, KIND, f"https://{host}") for host, name in chosen.keys.items()}
    keys = {host: key for host, key in secrets.items() if key}
    api = Place(url=configured(chosen.url, KIND), header=secret_of(tools, chosen.token, KIND, chosen.url))
    return Hex(tools.http, api, keys)


class Hex:
    """A `core.ports.Source`. api: for packages that name no repository; keys: of repositories, by host."""

    def __init__(self, http: Http, api: Place, keys: Mapping[str, Secret]) -> None:
        self._http, self._api, self._keys = http, api, keys
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions, in Hex's order. Missing when the name is unknown there, hidden from us, or none at all."""
        asked = self._asked(component)
        answer = await self._get(asked)
        key = (asked.url, answer.digest)
        known = self._kept.get(key)
        if known is not None:
            return known
        if asked.by_api:
            package = await decoded(_PACKAGES, answer, f"releases of {asked.name}")
            return self._kept.keep(key, tuple(_of_api(one, package, asked) for one in package.releases))
        found = await _registry(answer, asked)
        return self._kept.keep(key, tuple(_of_registry(one, asked) for one in found))

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its digest, its publisher and its documentation, as far as there is an API."""
        asked = self._asked(component)
        if not asked.by_api:
            return release
        url = f"{asked.url}/releases/{quote(release.version, safe='')}"
        said = await decoded(_SINGLES, await self._get(replace(asked, url=url)), f"{asked.name} {release.version}")
        docs = web_url(said.docs_html_url) if said.has_docs else None
        return replace(
            release,
            artifacts=_tarball(asked, release.version, said.checksum or ""),
            trust=Trust(publisher=(said.publisher.username or None) if said.publisher else None),
            links=(*release.links, *links_of(documentation=docs)),
            partial=False,
        )

    def _asked(self, component: Component) -> _Asked:
        found = NAME.fullmatch(component.name)
        if not found:
            raise Missing(f"{component.name[:100]!r} can be no Hex package's name")
        name, org = found["name"], found["org"]
        if component.registry and not (org is None and place_of(component.registry) == TARBALLS):
            repository = place_of(component.registry) + (f"/repos/{org}" if org else "")
            return _Asked(name=name, url=f"{repository}/packages/{name}", repository=repository, by_api=False)
        inside = f"/repos/{org}" if org else ""
        repository = f"{TARBALLS}{inside}" if self._api.url == PUBLIC else ""
        return _Asked(name=name, url=f"{self._api.url}{inside}/packages/{name}", repository=repository, by_api=True)

    async def _get(self, asked: _Asked) -> Answer:
        login = self._api.headers(asked.url) if asked.by_api else {}
        if not asked.by_api and (key := self._keys.get(host_of(asked.url))):
            login = {"Authorization": key.reveal()}
        if login and not is_private_way(asked.url):
            raise Refused(f"the key for {host_of(asked.url)} is not sent over plain http; write https")
        accept = {"Accept": "application/json"} if asked.by_api else {}
        return await self._http.get(asked.url, headers={**accept, **login}, most_bytes=MOST_BYTES)


async def _registry(answer: Answer, asked: _Asked) -> tuple[Listed, ...]:
    try:
        if len(answer.body) < SMALL:
            return _hex_registry.read(answer.body, asked.name)
        return await asyncio.to_thread(_hex_registry.read, answer.body, asked.name)
    except ValueError as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no registry file of {asked.name}: {error}") from None


def _of_api(one: _Item, package: _Package, asked: _Asked) -> Release:
    retired = package.retirements.get(one.version)
    page = web_url(package.html_url)
    release = Release(
        version=one.version,
        published=time_of(one.inserted_at),
        artifacts=_tarball(asked, one.version, ""),
        url=f"{page}/{quote(one.version)}" if page else None,
        links=_links(package.meta.links if package.meta else None),
        partial=True,
    )
    return _retired(release, retired.reason, retired.message or "") if retired else release


def _of_registry(one: Listed, asked: _Asked) -> Release:
    release = Release(version=one.version, artifacts=_tarball(asked, one.version, one.sha256))
    return _retired(release, one.retired, one.message) if one.retired else release


def _retired(release: Release, reason: str, message: str) -> Release:
    words = ": ".join(filter(None, (f"retired as {text_of(reason)}", text_of(message))))
    if reason in MERELY_OLD:
        return replace(release, deprecated=words)
    return replace(release, yanked=True, yanked_reason=words)


def _tarball(asked: _Asked, version: str, sha256: str) -> tuple[Artifact, ...]:
    if not asked.repository:
        return ()
    filename = f"{asked.name}-{version}.tar"
    known = sha256.lower() if re.fullmatch("[0-9a-fA-F]{64}", sha256) else None
    return (Artifact(filename=filename, url=f"{asked.repository}/tarballs/{quote(filename)}", sha256=known),)


def _links(named: object) -> Links:
    """The links that a publisher gave names of his own, as far as their names are the usual ones."""
    if not isinstance(named, dict):
        return ()
    low = {str(what).lower(): url for what, url in named.items()}
    repository = next(
        (low[what] for what in ("github", "gitlab", "repository", "source", "source code") if what in low), ""
    )
    changelog = next((low[what] for what in ("changelog", "changes", "release notes") if what in low), "")
    return links_of(repository=repository_url(repository), changelog=web_url(changelog))
