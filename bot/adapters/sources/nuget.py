"""NuGet packages from nuget.org or any feed that speaks version 3 of its protocol; lists releases and chooses nothing.

A feed's service index (`…/index.json`) tells once an hour where things are. The registration of a package lists its
versions with the time of publication, whether they are listed, and what their owner says who deprecated them. A feed
keeps long lists in pages; a page whose commit is known already is not asked for again. An unlisted version counts as
yanked, and has no time of publication, since nuget.org overwrites it (1900). For a release that is about to be
proposed, its own documents are asked for the sha512 and the size of the package. A feed without registrations is read
by its plain list of versions, which tells nothing else. Nobody says who uploaded a version. Known vulnerabilities are
not read here: the advisories know them. Feeds that only speak version 2 are refused.

Options: `url`, the service index (default nuget.org's); `logins`, a user's name and the name of a secret for each
host, as `{nuget.example: {username: me, secret: NUGET_PASSWORD}}`. Feeds that take an API key take it as the password
of a login (ProGet with the user `api`, GitHub and Azure with any user).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.sources._caller import Caller, hour, joined
from bot.adapters.sources._logins import Login, logins_of, origin_of
from bot.adapters.sources._pages import Pages, configured, place_of
from bot.adapters.sources._paging import Kept, Releases, decoded
from bot.adapters.sources._said import links_of, text_of, time_of, web_url
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Artifact, Component, Release

KIND = "nuget"
PUBLIC = "https://api.nuget.org/v3/index.json"
PAGE = "https://www.nuget.org/packages"
NAME = re.compile(r"\w+(?:[.-]\w+)*")  # NuGet's own rule; \w is Unicode there too
MOST_PAGES = 1_000
# The hives for clients that know SemVer 2 come first: the others leave such packages out.
HIVES = ("/3.6.0", "/Versioned", "/3.4.0", "/3.0.0-rc", "/3.0.0-beta", "")
REGISTRATIONS = tuple(f"RegistrationsBaseUrl{hive}" for hive in HIVES)
CONTENT = ("PackageBaseAddress/3.0.0",)
HASHES = {"SHA512": ("sha512", 64), "SHA256": ("sha256", 32)}


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = PUBLIC
    logins: dict[str, Login] = {}


class _Resource(msgspec.Struct):
    id: str = msgspec.field(name="@id", default="")
    type: str | list[str] = msgspec.field(name="@type", default="")


class _Service(msgspec.Struct):
    resources: list[_Resource]


class _Alternate(msgspec.Struct):
    id: str = ""


class _Deprecation(msgspec.Struct, rename="camel"):
    reasons: list[str] | None = None
    message: str | None = None
    alternate_package: _Alternate | None = None


class _Entry(msgspec.Struct, rename="camel"):
    """One version in a registration. listed: left out where the feed knows no unlisted versions."""

    version: str
    published: str | None = None
    listed: bool | None = None
    deprecation: _Deprecation | None = None
    project_url: str | None = None


class _Leaf(msgspec.Struct, rename="camel"):
    catalog_entry: _Entry
    package_content: str | None = None


class _Page(msgspec.Struct):
    """A page in an index, with its items or without; commit: what changes when anything in the page does."""

    id: str = msgspec.field(name="@id", default="")
    items: list[_Leaf] | None = None
    commit: str = msgspec.field(name="commitId", default="")
    stamp: str = msgspec.field(name="commitTimeStamp", default="")


class _Index(msgspec.Struct):
    items: list[_Page]


class _Facts(msgspec.Struct, rename="camel"):
    """What the catalog says of one version."""

    package_hash: str | None = None
    package_hash_algorithm: str | None = None
    package_size: int | None = None


class _Single(msgspec.Struct, rename="camel"):
    """The document of one version: where the catalog has it, or what the catalog says."""

    catalog_entry: str | _Facts | None = None


class _Versions(msgspec.Struct):
    versions: list[str]


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_SERVICES = msgspec.json.Decoder(_Service)
_INDEXES = msgspec.json.Decoder(_Index)
_PAGES = msgspec.json.Decoder(_Page)
_SINGLES = msgspec.json.Decoder(_Single)
_FACTS = msgspec.json.Decoder(_Facts)
_VERSIONS = msgspec.json.Decoder(_Versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed:
    """index: the feed's own URL. registrations, content: its services without a slash at the end, "" for none."""

    index: str
    registrations: str
    content: str


def open(options: Options, tools: Tools) -> NuGet:
    """Works without options. ConfigProblem for what is no URL, or when a login names a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    return NuGet(Caller(tools.http, logins_of(chosen.logins, tools, KIND)), configured(chosen.url, KIND))


class NuGet:
    """A `core.ports.Source`. url: the service index for packages whose file names no feed."""

    def __init__(self, caller: Caller, url: str) -> None:
        self._caller, self._url = caller, url
        self._feeds: Pages[_Feed] = Pages(lambda _: 1, most=512)
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions, the oldest first. Missing when the feed does not know the name, or the name is none."""
        name = _named(component)
        feed = await self._feed(component)
        if feed.registrations:
            return await self._registered(feed, name)
        return await self._listed(feed, name)

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with the digest and the size of its package, as far as the feed has them."""
        name = _named(component)
        feed = await self._feed(component)
        said = await self._facts(feed, name, release.version) if feed.registrations else None
        files = tuple(_with(file, said) for file in release.artifacts) if said else release.artifacts
        return replace(release, artifacts=files, partial=False)

    async def _feed(self, component: Component) -> _Feed:
        index = place_of(component.registry) if component.registry else self._url
        return await self._feeds.fetch(index, hour(), lambda: self._ask(index))

    async def _ask(self, index: str) -> _Feed:
        answer = await self._caller.get(index, index)
        service = await decoded(_SERVICES, answer, "service index of NuGet's version 3")
        feed = _Feed(index=index, registrations=_one(service, REGISTRATIONS), content=_one(service, CONTENT))
        if not feed.registrations and not feed.content:
            raise Permanent(f"{index} is no feed that lists packages: it names no registrations")
        return feed

    async def _registered(self, feed: _Feed, name: str) -> Releases:
        url = f"{feed.registrations}/{_quoted(name)}/index.json"
        answer = await self._caller.get(url, feed.index)
        key = (url, answer.digest)
        known = self._kept.get(key)
        if known is not None:
            return known
        pages = (await decoded(_INDEXES, answer, f"registration of {name}")).items
        if len(pages) > MOST_PAGES:
            raise Permanent(f"{urlsplit(url).hostname} lists {name} in more pages than are looked through")
        found = await asyncio.gather(*(self._page(feed, name, page) for page in pages))
        releases = tuple(release for part in found for release in part)
        # Where a page has no commit, only asking for it tells whether anything in it changed.
        settled = all(page.items is not None or page.commit for page in pages)
        return self._kept.keep(key, releases) if settled else releases

    async def _page(self, feed: _Feed, name: str, page: _Page) -> Releases:
        if page.items is not None:
            return _releases(page.items, feed, name)
        key = (page.id, page.commit, page.stamp)
        known = self._kept.get(key) if page.commit else None
        if known is not None:
            return known
        # A login goes along, and what is listed must be the feed's own.
        url = joined(feed.registrations, page.id)
        if url is None or origin_of(url) != origin_of(feed.registrations):
            raise Permanent(f"{urlsplit(feed.index).hostname} continues the list of {name} at another host")
        answer = await self._caller.get(url, feed.index)
        items = (await decoded(_PAGES, answer, f"registration page of {name}")).items
        if items is None:
            raise Permanent(f"{urlsplit(url).hostname} sends a registration page of {name} without items")
        releases = _releases(items, feed, name)
        return self._kept.keep(key, releases) if page.commit else releases

    async def _listed(self, feed: _Feed, name: str) -> Releases:
        url = f"{feed.content}/{_quoted(name)}/index.json"
        answer = await self._caller.get(url, feed.index)
        versions = (await decoded(_VERSIONS, answer, f"list of versions of {name}")).versions
        return tuple(Release(version=one, artifacts=(_package(feed, name, one, None),)) for one in versions)

    async def _facts(self, feed: _Feed, name: str, version: str) -> _Facts | None:
        """What the catalog says of a version; None where a feed has no catalog, as most private ones."""
        url = f"{feed.registrations}/{_quoted(name)}/{_quoted(version)}.json"
        try:
            single = await decoded(_SINGLES, await self._caller.get(url, feed.index), f"document of {name} {version}")
            entry = single.catalog_entry
            if not isinstance(entry, str):
                return entry
            there = joined(url, entry)
            if there is None or origin_of(there) != origin_of(url):
                return None
            answer = await self._caller.get(there, feed.index)
            return await decoded(_FACTS, answer, f"catalog entry of {name} {version}")
        except (Missing, Refused):
            if feed.index == PUBLIC:
                raise
            return None


def _named(component: Component) -> str:
    if not NAME.fullmatch(component.name) or len(component.name) > 100:
        raise Missing(f"{component.name[:100]!r} can be no NuGet package's name")
    return component.name


def _quoted(text: str) -> str:
    # Feeds keep names and versions in lower case.
    return quote(text.lower(), safe="")


def _one(service: _Service, wanted: Sequence[str]) -> str:
    """The URL of the first of these services that the feed has; "" when it has none of them."""
    have: dict[str, str] = {}
    for resource in service.resources:
        kinds = [resource.type] if isinstance(resource.type, str) else resource.type
        have |= {kind: resource.id for kind in kinds if kind not in have and web_url(resource.id)}
    return next((have[kind].rstrip("/") for kind in wanted if kind in have), "")


def _releases(items: Sequence[_Leaf], feed: _Feed, name: str) -> Releases:
    return tuple(_release(leaf, feed, name) for leaf in items)


def _release(leaf: _Leaf, feed: _Feed, name: str) -> Release:
    said = leaf.catalog_entry
    # Build metadata is no part of a package's identity: 1.0.0+a is asked for, and pinned, as 1.0.0.
    version = said.version.partition("+")[0]
    at = time_of(said.published)
    hidden = at is not None and at.year <= 1900
    yanked = said.listed is False or hidden
    return Release(
        version=version,
        published=None if hidden else at,
        yanked=yanked,
        yanked_reason="its owner has unlisted it" if yanked else "",
        deprecated=_deprecated(said.deprecation),
        artifacts=(_package(feed, name, version, leaf.package_content),),
        url=f"{PAGE}/{quote(name)}/{quote(version)}" if feed.index == PUBLIC else None,
        links=links_of(homepage=web_url(said.project_url)),
        partial=True,
    )


def _package(feed: _Feed, name: str, version: str, url: str | None) -> Artifact:
    low, filename = _quoted(name), f"{name}.{version}.nupkg".lower()
    usual = f"{feed.content}/{low}/{_quoted(version)}/{quote(filename)}" if feed.content else ""
    return Artifact(filename=filename, url=web_url(url) or usual)


def _deprecated(said: _Deprecation | None) -> str:
    """The owner's words, or the reasons that he ticked; "" when it is not deprecated."""
    if said is None:
        return ""
    words = text_of(said.message) or text_of(", ".join(said.reasons or ())) or "its owner has given it up"
    instead = text_of(said.alternate_package.id) if said.alternate_package else ""
    return f"{words} (use {instead})" if instead else words


def _with(file: Artifact, said: _Facts) -> Artifact:
    name, size = HASHES.get((said.package_hash_algorithm or "").upper(), ("", 0))
    try:
        digest = base64.b64decode(said.package_hash or "", validate=True)
    except binascii.Error:
        digest = b""
    if not name or len(digest) != size:
        return replace(file, size=said.package_size)
    if name == "sha256":
        return replace(file, size=said.package_size, sha256=digest.hex())
    return replace(file, size=said.package_size, checksum=f"{name}:{digest.hex()}")
