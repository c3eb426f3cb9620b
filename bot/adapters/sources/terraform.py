"""Terraform and OpenTofu providers and modules from a registry; lists releases and chooses nothing.

A name of two parts is a provider (`hashicorp/aws`), one of three a module (`terraform-aws-modules/vpc/aws`); a host
before it (`registry.example/acme/vault`), as well as a component's registry, names another registry than the usual one.
What a registry offers it tells once an hour (`/.well-known/terraform.json`); `…/versions` lists versions, warnings of a
provider's maker and deprecated versions of a module, and nothing else. For a release that is about to be proposed the
registry is asked for that version, which tells the time of publication and the repository where it has such a page
(registry.terraform.io has; most private ones have not, and then a version's age runs from when it was first seen here),
and for a provider's files with their sha256, as its checksum file lists them. Nobody says who published a version, and
none can be withdrawn without being gone.

Options: `url`, the registry for names without a host (default https://registry.terraform.io); `tokens`, the name of a
secret for each host, as `{app.terraform.io: TFC_TOKEN}`, sent to that host only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources import _sums
from bot.adapters.sources._caller import hour, joined
from bot.adapters.sources._logins import host_of, is_private_way, origin_of
from bot.adapters.sources._pages import Pages, configured, place_of
from bot.adapters.sources._paging import Kept, decoded
from bot.adapters.sources._said import links_of, repository_url, text_of, time_of
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Answer, Http
from bot.tools.secrets import Secret

KIND = "terraform"
PUBLIC = "https://registry.terraform.io"
PART = r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?"
HOST = r"(?:[0-9A-Za-z-]+\.)+[0-9A-Za-z-]+(?::[0-9]{1,5})?"
NAME = re.compile(rf"(?:(?P<host>{HOST})/)?(?P<path>{PART}/{PART}(?P<module>/{PART})?)(?(module)(?://.*)?)")
MOST_BYTES = 16 << 20
MOST_SUMS = 1 << 20
T = TypeVar("T")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = PUBLIC
    tokens: dict[str, str] = {}


class _Services(msgspec.Struct):
    """Service discovery. Source: HashiCorp's remote service discovery protocol; a service may be text or an object."""

    providers: Any = msgspec.field(name="providers.v1", default=None)
    modules: Any = msgspec.field(name="modules.v1", default=None)


class _Platform(msgspec.Struct):
    os: str
    arch: str


class _Deprecation(msgspec.Struct):
    reason: str | None = None


class _Version(msgspec.Struct):
    version: str
    platforms: list[_Platform] | None = None
    deprecation: _Deprecation | None = None


class _Provider(msgspec.Struct):
    versions: list[_Version]
    warnings: list[str] | None = None


class _Module(msgspec.Struct):
    versions: list[_Version]


class _Modules(msgspec.Struct):
    modules: list[_Module]


class _Single(msgspec.Struct):
    """registry.terraform.io's page of one version; no part of the protocol."""

    published_at: str | None = None
    source: str | None = None


class _Download(msgspec.Struct):
    filename: str
    download_url: str
    shasum: str = ""
    shasums_url: str | None = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_SERVICES = msgspec.json.Decoder(_Services)
_PROVIDERS = msgspec.json.Decoder(_Provider)
_MODULES = msgspec.json.Decoder(_Modules)
_SINGLES = msgspec.json.Decoder(_Single)
_DOWNLOADS = msgspec.json.Decoder(_Download)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """One provider or module. registry: where it was asked for; url: its own root in that registry's API."""

    registry: str
    path: str
    module: bool
    url: str


def open(options: Options, tools: Tools) -> Terraform:
    """Works without options. ConfigProblem for what is no URL, or a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    secrets = {host.lower(): secret_of(tools, name, KIND, f"https://{host}") for host, name in chosen.tokens.items()}
    tokens = {host: token for host, token in secrets.items() if token}
    return Terraform(tools.http, configured(chosen.url, KIND), tokens)


class Terraform:
    """A `core.ports.Source`. url: the registry of names without a host; tokens: by host."""

    def __init__(self, http: Http, url: str, tokens: Mapping[str, Secret]) -> None:
        self._http, self._url, self._tokens = http, url, tokens
        self._services: Pages[Mapping[bool, str]] = Pages(lambda _: 1, most=512)
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions, in the registry's order. Missing when it does not know the name, or the name is none."""
        thing = await self._thing(component)
        url = f"{thing.url}/versions"
        answer = await self._get(url, thing)
        key = (url, answer.digest)
        known = self._kept.get(key)
        if known is not None:
            return known
        said = await _versions(answer, thing)
        return self._kept.keep(key, tuple(_release(one, thing, said.warnings) for one in said.versions))

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its time, its repository and its files, as far as the registry tells them."""
        thing = await self._thing(component)
        number = quote(release.version, safe="")
        said = await self._optional(f"{thing.url}/{number}", thing, _SINGLES)
        files = () if thing.module else await self._files(thing, number)
        return replace(
            release,
            published=time_of(said.published_at) if said else None,
            links=links_of(repository=repository_url(said.source)) if said else (),
            artifacts=files,
            partial=False,
        )

    async def _thing(self, component: Component) -> _Thing:
        found = NAME.fullmatch(component.name)
        if not found:
            raise Missing(f"{component.name[:100]!r} can be no provider's or module's name")
        module = found["module"] is not None
        registry = self._registry(component, (found["host"] or "").lower())
        services = await self._services.fetch(registry, hour(), lambda: self._discover(registry))
        root = services[module]
        if not root:
            raise Permanent(f"{host_of(registry)} is no registry of {'modules' if module else 'providers'}")
        return _Thing(registry=registry, path=found["path"], module=module, url=f"{root}/{found['path']}")

    def _registry(self, component: Component, host: str) -> str:
        """The name's own host counts most; the scheme and the port of a URL that is known for it are kept."""
        known = place_of(component.registry) if component.registry else self._url
        return known if not host or host == host_of(known) else f"https://{host}"

    async def _discover(self, registry: str) -> Mapping[bool, str]:
        """The roots of the services, "" for one that there is not; by whether it is that of modules."""
        url = f"{registry}/.well-known/terraform.json"
        answer = await self._http.get(url, headers=self._login(registry, url), most_bytes=MOST_BYTES)
        said = await decoded(_SERVICES, answer, "service discovery of a Terraform registry")
        return {True: _root(answer.url, said.modules), False: _root(answer.url, said.providers)}

    async def _files(self, thing: _Thing, number: str) -> tuple[Artifact, ...]:
        """The archives of a provider for all platforms, as its checksum file names them."""
        platform = await self._platform(thing, number)
        if platform is None:
            return ()
        url = f"{thing.url}/{number}/download/{quote(platform.os, safe='')}/{quote(platform.arch, safe='')}"
        said = await decoded(_DOWNLOADS, await self._get(url, thing), f"download of {thing.path}")
        place = joined(url, said.download_url)
        sums_url = joined(url, said.shasums_url)
        if place is None:
            return ()
        own = Artifact(filename=text_of(said.filename), url=place, sha256=said.shasum.lower() or None)
        sums = await self._sums(sums_url, thing) if sums_url else {}
        # Where the sums do not hold the very file that we were told of, they are not those of this version.
        if not own.sha256 or sums.get(own.filename) != f"sha256:{own.sha256}":
            return (own,)
        return tuple(_beside(own, name, digest) for name, digest in sorted(sums.items()) if name.endswith(".zip"))

    async def _platform(self, thing: _Thing, number: str) -> _Platform | None:
        """A platform for which there is this version, Linux before others; the list is known and not sent again."""
        said = await _versions(await self._get(f"{thing.url}/versions", thing), thing)
        version = next((one for one in said.versions if quote(one.version, safe="") == number), None)
        platforms = version.platforms if version else None
        return min(platforms or (), key=lambda one: ((one.os, one.arch) != ("linux", "amd64"), one.os), default=None)

    async def _sums(self, url: str, thing: _Thing) -> Mapping[str, str]:
        try:
            answer = await self._get(url, thing, most_bytes=MOST_SUMS)
        except (Missing, Refused):
            return {}
        return _sums.read(answer.body)

    async def _optional(self, url: str, thing: _Thing, decoder: msgspec.json.Decoder[T]) -> T | None:
        """A page that is no part of the protocol; None where a registry does not have it."""
        try:
            return await decoded(decoder, await self._get(url, thing), f"page of a version of {thing.path}")
        except (Missing, Refused):
            if thing.registry == PUBLIC:
                raise
            return None

    async def _get(self, url: str, thing: _Thing, *, most_bytes: int = MOST_BYTES) -> Answer:
        return await self._http.get(url, headers=self._login(thing.registry, url), most_bytes=most_bytes)

    def _login(self, registry: str, url: str) -> dict[str, str]:
        """The token of a registry, for URLs at its own host or below it: checksum files may lie anywhere."""
        token = self._tokens.get(host_of(registry))
        if token is None or not (
            origin_of(url) == origin_of(registry) or host_of(url).endswith(f".{host_of(registry)}")
        ):
            return {}
        if not is_private_way(url):
            raise Refused(f"the token for {host_of(url)} is not sent over plain http; write https")
        return {"Authorization": f"Bearer {token.reveal()}"}


async def _versions(answer: Answer, thing: _Thing) -> _Provider:
    if not thing.module:
        return await decoded(_PROVIDERS, answer, f"versions of the provider {thing.path}")
    modules = (await decoded(_MODULES, answer, f"versions of the module {thing.path}")).modules
    # The protocol lists the module asked for first; later ones would be its dependencies.
    return _Provider(versions=modules[0].versions if modules else [])


def _release(said: _Version, thing: _Thing, warnings: Sequence[str] | None) -> Release:
    words = " ".join(text_of(one) for one in warnings or ())
    if said.deprecation is not None:
        words = text_of(said.deprecation.reason) or "its maker has given this version up"
    kind = "modules" if thing.module else "providers"
    page = f"{PUBLIC}/{kind}/{thing.path}/{quote(said.version)}" if thing.registry == PUBLIC else None
    return Release(version=said.version, deprecated=text_of(words), url=page, partial=True)


def _root(url: str, said: object) -> str:
    """A service's root without a slash at the end, "" for none."""
    return (joined(url, said) or "").rstrip("/")


def _beside(own: Artifact, name: str, digest: str) -> Artifact:
    return Artifact(filename=name, url=urljoin(own.url, quote(name)), sha256=digest.partition(":")[2])
