"""PHP packages from Packagist or any Composer repository; lists releases and chooses nothing.

Of packagist.org one document is asked for (`/p2/<vendor>/<name>.json`, where each version says only what differs from
the one before); another repository says in its `packages.json`, asked once an hour, where such documents are, or lists
its packages right there (Satis). They tell versions, the commit that each was made from, the archive with its sha1
where the repository has one, and whether the maker has abandoned the package. Branches (`dev-…`) are left out. There
are no withdrawn versions: they are just gone.

The `time` of a version is the date of its commit, which is whatever its author wrote, so it counts for nothing unless
you say that it may; without it a version's age runs from when its commit was first seen here. Nobody says who
published a version. Repositories that only speak the first version of the protocol (`providers-url`) are refused.

Options: `url`, the repository (default https://repo.packagist.org); `logins`, a user's name and the name of a secret
for each host, as `{composer.example: {username: me, secret: COMPOSER_PASSWORD}}` (Private Packagist: the user `token`);
`trust-time: true` where a repository that you trust writes the times itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from bot.adapters import Options, Tools, decode
from bot.adapters.sources._caller import Caller, hour, joined
from bot.adapters.sources._logins import Login, logins_of, origin_of
from bot.adapters.sources._pages import Pages, configured, place_of
from bot.adapters.sources._paging import Kept, Releases, decoded
from bot.adapters.sources._said import links_of, repository_url, text_of, time_of, web_url
from bot.core.errors import Missing, Permanent
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Answer

KIND = "packagist"
PUBLIC = "https://repo.packagist.org"
# Composer's files name it by either host.
ALIASES = (PUBLIC, "https://packagist.org")
PAGE = "https://packagist.org/packages"
NAME = re.compile(r"[a-z0-9](?:[_.-]?[a-z0-9]+)*/[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9]+)*")  # Composer's own rule
MOST_NAME = 200
MOST_INCLUDES = 50
MINIFIED = "composer/2.0"
REMOVED = "__unset"
UNTOLD: Any = UNSET


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = PUBLIC
    logins: dict[str, Login] = {}
    trust_time: bool = msgspec.field(name="trust-time", default=False)


class _Place(msgspec.Struct):
    """A `dist` or a `source`."""

    type: str | None = None
    url: str | None = None
    reference: str | None = None
    shasum: str | None = None


class _Version(msgspec.Struct):
    """A version, or what of it differs from the one before. PHP writes an empty mapping as [], so `support` is any."""

    version: str | UnsetType = UNSET
    time: str | UnsetType | None = UNSET
    dist: _Place | str | UnsetType | None = UNSET
    source: _Place | str | UnsetType | None = UNSET
    abandoned: bool | str | UnsetType | None = UNSET
    homepage: str | UnsetType | None = UNSET
    support: Any = UNTOLD


Listed = dict[str, dict[str, _Version] | list[_Version]]


class _Document(msgspec.Struct):
    """What a package's own document, an include and a whole small repository have in common."""

    packages: Listed | list[Any] = []
    minified: str = ""


class _Root(msgspec.Struct, rename="kebab"):
    packages: Listed | list[Any] = []
    metadata_url: str = ""
    providers_url: str = ""
    includes: dict[str, Any] | list[Any] = []


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_DOCUMENTS = msgspec.json.Decoder(_Document)
_ROOTS = msgspec.json.Decoder(_Root)


def open(options: Options, tools: Tools) -> Packagist:
    """Works without options. ConfigProblem for what is no URL, or when a login names a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    caller = Caller(tools.http, logins_of(chosen.logins, tools, KIND))
    return Packagist(caller, configured(chosen.url, KIND), trusted=chosen.trust_time)


class Packagist:
    """A `core.ports.Source`. url: the repository for packages whose file names none."""

    def __init__(self, caller: Caller, url: str, *, trusted: bool) -> None:
        self._caller, self._url, self._trusted = caller, url, trusted
        self._templates: Pages[str] = Pages(lambda _: 1, most=512)
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """All tagged versions, in the repository's order. Missing when it does not know the name, or it is none."""
        name = component.name.lower()
        if not NAME.fullmatch(name) or len(name) > MOST_NAME:
            raise Missing(f"{component.name[:100]!r} can be no Composer package's name")
        place = place_of(component.registry).removesuffix("/packages.json") if component.registry else self._url
        if place in ALIASES:
            return await self._own(PUBLIC, f"{PUBLIC}/p2/%package%.json", name)
        template = await self._templates.fetch(place, hour(), lambda: self._template(place))
        return await (self._own(place, template, name) if template else self._inline(place, name))

    async def detail(self, component: Component, release: Release) -> Release:
        """The list holds all that a repository says."""
        return release

    async def _template(self, place: str) -> str:
        """The URL of a package's document with %package% in it; "" where the packages stand in packages.json."""
        answer = await self._ask(f"{place}/packages.json", place)
        root = await decoded(_ROOTS, answer, "packages.json of a Composer repository")
        if root.metadata_url:
            template = joined(f"{place}/packages.json", root.metadata_url)
            if template is None or "%package%" not in template:
                raise Permanent(f"{urlsplit(place).hostname} names a metadata-url that is none")
            return template
        if root.providers_url and not root.packages:
            raise Permanent(
                f"{urlsplit(place).hostname} only speaks version 1 of Composer's protocol (providers-url); it must "
                "name a metadata-url or list its packages"
            )
        return ""

    async def _own(self, place: str, template: str, name: str) -> Releases:
        """The releases of a package's own document."""
        answer = await self._ask(template.replace("%package%", name), place)
        found = await self._read(answer, name, place)
        if found is None:
            raise Missing(f"{urlsplit(place).hostname} lists nothing under the name {name}")
        return found

    async def _inline(self, place: str, name: str) -> Releases:
        """The releases in packages.json, or in one of the files that it includes."""
        root_url = f"{place}/packages.json"
        answer = await self._ask(root_url, place)
        found = await self._read(answer, name, place)
        if found is not None:
            return found
        includes = (await decoded(_ROOTS, answer, "packages.json of a Composer repository")).includes
        for path in list(includes)[:MOST_INCLUDES]:
            url = joined(root_url, path)
            if url is None or origin_of(url) != origin_of(place):
                raise Permanent(f"{urlsplit(place).hostname} includes packages of another host")
            found = await self._read(await self._ask(url, place), name, place)
            if found is not None:
                return found
        raise Missing(f"{urlsplit(place).hostname} lists no package {name}")

    async def _read(self, answer: Answer, name: str, place: str) -> Releases | None:
        """What a document lists under the name; None when it is not there."""
        key = (answer.url, name, answer.digest)
        known = self._kept.get(key)
        if known is not None:
            return known
        document = await decoded(_DOCUMENTS, answer, f"list of Composer packages with {name}")
        if document.minified not in ("", MINIFIED):
            raise Permanent(f"{urlsplit(answer.url).hostname} minifies {name} in an unknown way, {document.minified!r}")
        listed = document.packages.get(name) if isinstance(document.packages, dict) else None
        if listed is None:
            return None
        versions = list(listed.values()) if isinstance(listed, dict) else listed
        every = _expanded(versions, minified=bool(document.minified))
        releases = tuple(self._release(said, name, place) for said in every if not _is_branch(said))
        return self._kept.keep(key, releases)

    async def _ask(self, url: str, place: str) -> Answer:
        return await self._caller.get(url, place)

    def _release(self, said: Mapping[str, Any], name: str, place: str) -> Release:
        version = text_of(said.get("version"))
        source, dist = (one if isinstance(one, _Place) else _Place() for one in (said.get("source"), said.get("dist")))
        support = said.get("support")
        changelog = support.get("changelog") if isinstance(support, dict) else None
        return Release(
            version=version,
            published=time_of(said.get("time")) if self._trusted else None,
            digest=text_of(source.reference or dist.reference or ""),
            deprecated=_abandoned(said.get("abandoned")),
            artifacts=_archive(dist, name, version),
            url=f"{PAGE}/{name}#{quote(version)}" if place == PUBLIC else web_url(said.get("homepage")),
            links=links_of(repository=repository_url(source.url), changelog=web_url(changelog)),
        )


def _expanded(versions: Sequence[_Version], *, minified: bool) -> Iterator[Mapping[str, Any]]:
    """Each version with all that it says. Source: Composer's metadata-minifier, whose README has the rule."""
    state: dict[str, Any] = {}
    for one in versions:
        state = dict(state) if minified else {}
        for field in _Version.__struct_fields__:
            value = getattr(one, field)
            if value == REMOVED:
                state.pop(field, None)
            elif value is not UNSET:
                state[field] = value
        yield state


def _is_branch(said: Mapping[str, Any]) -> bool:
    version = said.get("version") or "dev-"
    return bool(version.startswith("dev-") or version.endswith("-dev"))


def _abandoned(said: object) -> str:
    """true, or the name of the package to be used instead."""
    if isinstance(said, str) and said:
        return f"its maker has abandoned it (use {text_of(said)})"
    return "its maker has abandoned it" if said else ""


def _archive(dist: _Place, name: str, version: str) -> tuple[Artifact, ...]:
    url = web_url(dist.url)
    if url is None:
        return ()
    filename = f"{name.replace('/', '-')}-{version}.{dist.type or 'zip'}".replace("/", "-")
    sha1 = (dist.shasum or "").lower()
    return (
        Artifact(filename=filename, url=url, checksum=f"sha1:{sha1}" if re.fullmatch("[0-9a-f]{40}", sha1) else None),
    )
