"""JavaScript packages from the registries that npm uses on this machine, or from one that is named.

A package comes from one registry alone: the one that its file names, else its scope's, else the main one; so a public
package never takes the name of a private one. The list is asked for as npm asks when it installs (`GET /<name>`,
abbreviated): versions with checksum, deprecation and, as far as the registry says so, install scripts. The times of
publication, who published and who maintained are in the full document only, up to a hundred times as big, which is
asked for once when the first release of a package is about to be proposed. Where a release has a build attestation,
one more question (`/-/npm/v1/attestations/<name>@<version>`) tells the repository that it was built from.

Registries differ in what they say. What one leaves out is not known, which is neither good nor bad. Whether a script
runs at installation is what the publisher's manifest says; the archive could hold another. Who published is the name of
an account, or "trusted publisher" with the provider and its configuration. A package cannot be withdrawn in npm but by
taking it back, after which it is not listed. `latest` and other tags choose nothing here: all versions are listed, with
the one that is called the latest, and what each says of the Node that it needs and the systems that it is for.

Registries and logins come from npm's own settings: the environment and the `.npmrc` of the user and of the machine,
never that of a repository. Options add to them: `url`, the main registry; `token`, the name of a secret for it;
`scopes`, as `{"@acme": {url: https://npm.acme.example, token: ACME_TOKEN}}`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import quote, urlsplit

import msgspec
from cachetools import LRUCache

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources import _packument
from bot.adapters.sources._attestations import repository_of
from bot.adapters.sources._packument import INSTALL, Listing
from bot.adapters.sources._pages import Pages, Place, bearer, below, configured, place_of
from bot.adapters.sources.pypi import without_login
from bot.core.errors import Missing, Permanent
from bot.core.model import Component, Release
from bot.core.releases import UNNAMED
from bot.tools.bundles import Blob
from bot.tools.forms import Form
from bot.tools.http import Http
from bot.tools.keeping import Answer
from bot.tools.npm import NpmSettings, settings_of_npm

KIND = "npm"
ACCEPT = f"{INSTALL}; q=1.0, application/json; q=0.8, */*"
NAME = re.compile(r"(?:@[a-z0-9~_-][\w.~-]*/)?[a-z0-9~_-][\w.~!'()*-]*", re.IGNORECASE | re.ASCII)
LONGEST_NAME = 214
MOST_LISTS = 100_000  # a digest each
MOST_PROOF = 4 << 20  # bytes of an attestation; real ones have some tens of thousands


class _Registry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    url: str = ""
    token: str = ""


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    token: str = ""
    scopes: dict[str, _Registry] = {}


def open(options: Options, tools: Tools) -> Npm:
    """Options: url, token (the name of a secret) and scopes. ConfigProblem for a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    own = {"": _Registry(url=chosen.url, token=chosen.token), **chosen.scopes}
    places = {
        scope.lower(): Place(url=configured(one.url, KIND), header=bearer(token) if token else None)
        for scope, one in own.items()
        if one.url
        for token in (secret_of(tools, one.token, KIND, one.url),)
    }
    return Npm(tools.http, places)


class Npm:
    """A `core.ports.Source`. places: by scope, "" for the main one, over what npm's `settings` say."""

    def __init__(
        self, http: Http, places: dict[str, Place], settings: Callable[[], NpmSettings] = settings_of_npm
    ) -> None:
        self._http = http
        self._places = places
        self._settings = settings
        self._known: NpmSettings | None = None
        self._asking = asyncio.Lock()
        # What each list was when it was last asked for, by its place; it holds the document where that is full already.
        self._lists: LRUCache[str, tuple[str, _List]] = LRUCache(MOST_LISTS)
        # The full document as it was when the short one had this digest: unchanged there means unchanged here.
        self._full: Pages[Listing] = Pages(len, most=10_000)
        self._built: LRUCache[str, str] = LRUCache(4096)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions as the registry lists them. Missing when it does not know the name, or the name is none."""
        url, _ = await self._where(component)
        made = await self._http.made(url, _listing(component.name, full=False), headers=self._headers(url, ACCEPT))
        self._heard(url, made.digest, _List(listing=made.value if made.value.full else None))
        return tuple(made.value.releases.values())

    async def brief(self, component: Component, turn: str = "") -> Sequence[Release]:
        """The same without what `detail` tells better: files, links and times; nothing else is read of a short list.

        turn: see `Http.made`.
        """
        url, _ = await self._where(component)
        made = await self._http.made(url, _brief(component.name), headers=self._headers(url, ACCEPT), turn=turn)
        self._heard(url, made.digest, made.value)
        return made.value.releases or tuple(made.value.listing.releases.values() if made.value.listing else ())

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its time, its people and what its attestation names. Missing when it was taken back."""
        url, registry = await self._where(component)
        listing = await self._whole(url, component.name)
        found = listing.release(release.version)
        if found is None:
            raise Missing(f"{urlsplit(url).hostname} no longer lists {component.name} {release.version}")
        provenance = found.trust.provenance
        if (proof := listing.attested.get(release.version)) is not None:
            provenance = await self._proof(proof, registry, component.name, found)
        if provenance == found.trust.provenance and not found.partial:
            return found
        return replace(found, trust=replace(found.trust, provenance=provenance), partial=False)

    async def _where(self, component: Component) -> tuple[str, str]:
        """The URL of the package's document, and of the registry."""
        name = component.name
        if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            raise Missing(f"{name[:LONGEST_NAME]!r} can be no npm package's name")
        if self._known is None:
            async with self._asking:  # many want to know at once, and one asks
                if self._known is None:
                    self._known = await asyncio.to_thread(self._settings)
        registry = place_of(component.registry) if component.registry else self._registry(name, self._known)
        # npm writes the slash of a scope like this, and some registries know no other way.
        return f"{registry}/{quote(name, safe='@')}".replace("%2F", "%2f"), registry

    def _registry(self, name: str, known: NpmSettings) -> str:
        """A scope is nearer than the main registry, and our options are nearer than npm's settings."""
        scope = name.partition("/")[0].lower() if name.startswith("@") else ""
        if scope in self._places or (scope not in known.scopes and "" in self._places):
            return self._places[scope if scope in self._places else ""].url
        return without_login(known.of(name))[0]

    def _headers(self, url: str, accept: str) -> dict[str, str]:
        return {"Accept": accept, **self._login(url)}

    def _heard(self, url: str, digest: str, said: _List) -> None:
        self._lists[url] = (digest, said if said.listing else _List())

    def _login(self, url: str) -> dict[str, str]:
        for place in self._places.values():
            if found := place.headers(url):
                return found
        if self._known and (header := self._known.login(url)):
            return {"Authorization": header.reveal()}
        inside = (self._known.registry, *self._known.scopes.values()) if self._known else ()
        return next((dict(without_login(one)[1]) for one in inside if below(url, without_login(one)[0])), {})

    async def _whole(self, url: str, name: str) -> Listing:
        """The package with all that its registry says: what was read last, or the full document."""
        digest, said = self._lists.get(url, ("", _List()))
        if said.listing:
            return said.listing

        async def ask() -> Listing:
            headers = self._headers(url, "application/json")
            return (await self._http.made(url, _listing(name, full=True), headers=headers, mark=digest)).value

        return await self._full.fetch(url, digest, ask)

    async def _proof(self, said: str, registry: str, name: str, release: Release) -> str:
        """The repository that an attestation names, by the registry's own word."""
        checksum = release.artifacts[0].checksum if release.artifacts else None
        if not checksum:
            return UNNAMED
        own = f"{registry}/-/npm/v1/attestations/{quote(name, safe='@')}@{quote(release.version, safe='')}"
        # A mirror passes on URLs of the registry behind it: only the one that was meant is asked.
        url = said if below(said, registry) else own.replace("%2F", "%2f")
        key = f"{checksum} {url}"
        if key not in self._built:
            headers = self._headers(url, "application/json")
            try:
                # What is said of a file's build hangs on the file alone.
                named = _named(checksum)
                made = await self._http.made(url, named, headers=headers, most_bytes=MOST_PROOF, mark=checksum)
            except Permanent:
                return UNNAMED
            self._built[key] = made.value
        return self._built[key]


@dataclass(frozen=True, slots=True)
class _List:
    """A list in brief. listing: the document, where the registry gave the full one for it."""

    releases: tuple[Release, ...] = ()
    listing: Listing | None = None


class _Packed(msgspec.Struct):
    releases: tuple[Release, ...] = ()
    document: bytes = b""


def _read(answer: Answer, name: str, *, full: bool) -> Listing:
    kind, page = answer.headers.get("content-type", ""), _page(answer.url, name)
    return _packument.read(answer.body, name, answer.url, kind=kind, asked_full=full, page=page)


def _slim(read: Listing) -> Listing:
    """The same out of few bytes: what is decoded holds on to those that it came from."""
    return _packument.unpacked(read.packed(), full=read.full, page=read.page)


def _listing(name: str, *, full: bool) -> Form[Listing]:
    """The document, slim. full: whether it is asked for as such; a registry may give it in either case."""

    def make(answer: Answer) -> Listing:
        return _slim(_read(answer, name, full=full))

    def pack(listing: Listing) -> bytes:
        return msgspec.msgpack.encode((listing.full, listing.page, listing.packed()))

    def unpack(packed: Blob) -> Listing:
        said, page, document = _LISTINGS.decode(packed)
        return _packument.unpacked(document, full=said, page=page)

    return Form(name=f"npm listing 4 {name} {full}", make=make, pack=pack, unpack=unpack)


def _brief(name: str) -> Form[_List]:
    whole = _listing(name, full=False)

    def make(answer: Answer) -> _List:
        read = _read(answer, name, full=False)
        return _List(listing=_slim(read)) if read.full else _List(releases=read.brief())

    def pack(said: _List) -> bytes:
        document = whole.pack(said.listing) if said.listing else b""
        return msgspec.msgpack.encode(_Packed(releases=said.releases, document=document))

    def unpack(packed: Blob) -> _List:
        said = _BRIEFS.decode(packed)
        return _List(releases=said.releases, listing=whole.unpack(said.document) if said.document else None)

    return Form(name=f"npm brief 4 {name}", make=make, pack=pack, unpack=unpack)


def _named(checksum: str) -> Form[str]:
    def make(answer: Answer) -> str:
        return repository_of(answer.body, checksum)

    return Form(name=f"npm proof 1 {checksum}", make=make, pack=str.encode, unpack=_text)


def _text(packed: Blob) -> str:
    return str(packed, "utf-8")


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_BRIEFS = msgspec.msgpack.Decoder(_Packed)
_LISTINGS = msgspec.msgpack.Decoder(tuple[bool, str, memoryview])


@cache
def _public_place() -> str:
    """The host from which the library that knows package URLs would download."""
    from packageurl.contrib import purl2url

    return urlsplit(purl2url.get_download_url("pkg:npm/x@1") or "").netloc  # type: ignore[no-untyped-call]  # no types


def _page(url: str, name: str) -> str:
    """Where people read of a version of a public package, with {} for it; "" for a package of another registry."""
    from packageurl.contrib import purl2url  # slow to load, and only for a document that is new

    if urlsplit(url).netloc != _public_place():
        return ""
    shown = purl2url.get_repo_url(f"pkg:npm/{quote(name, safe='/')}@1") or ""  # type: ignore[no-untyped-call]  # no types
    return f"{shown[:-1]}{{}}" if shown.endswith("/1") else ""
