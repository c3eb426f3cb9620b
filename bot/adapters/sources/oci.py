"""Container images from any registry of the OCI distribution specification: Docker Hub, GHCR, Quay, Harbor, your own.

A component is an image as people write it, without a tag: `python` is library/python on Docker Hub, and
`ghcr.io/owner/image`, `quay.io/a/b` and `localhost:5000/x` are found on the registry that they name. The list of tags
(`/v2/<image>/tags/list`) is read to its end; of a tag that is about to be proposed, `HEAD /v2/<image>/manifests/<tag>`
tells the digest. Registries that ask for a token, for a login or for nothing at all are all served.

A list of tags holds no times, and the `created` inside an image is its maker's own word, so it counts for nothing: an
image's age runs from when its digest was first seen here. Docker Hub alone says when it took a tag in
(`tag_last_pushed`), and that counts as long as it speaks of the same digest. Nothing says that a tag was withdrawn.
Docker Hub counts requests for manifests against its limits, but not HEAD.

Options: `url`, the registry for names without one, such as a mirror (default Docker Hub); `logins`, a user's name and
the name of a secret for each registry (`docker.io` for Docker Hub), as `{ghcr.io: {username: me, secret: GHCR_TOKEN}}`,
with `token-host` where its tokens come from another domain; `plain`, registries beyond this machine that are spoken to
without TLS; `hub`, where Docker Hub's own API is, for `tag_last_pushed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.sources._distribution import Distribution, Place, base_of, place_of
from bot.adapters.sources._logins import Login, host_of, logins_of
from bot.adapters.sources._paging import Releases, decoded
from bot.core.errors import Missing
from bot.core.model import Component, Release
from bot.tools.http import Http

KIND = "oci"
HUB = "docker.io"
HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
HUB_REGISTRY = "https://registry-1.docker.io"
HUB_API = "https://hub.docker.com"


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    logins: dict[str, Login] = {}
    plain: list[str] = []
    hub: str = ""


class _HubTag(msgspec.Struct):
    """What Docker Hub's own API says of one tag."""

    digest: str | None = None
    tag_last_pushed: datetime | None = None


_HUB_TAG = msgspec.json.Decoder(_HubTag)


def open(options: Options, tools: Tools) -> Images:
    """Works without options. ConfigProblem when a login names a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    return Images(tools.http, Distribution(tools.http, logins_of(chosen.logins, tools, KIND)), chosen)


class Images:
    """A `core.ports.Source`."""

    def __init__(self, http: Http, registries: Distribution, options: _Options) -> None:
        self._http, self._registries = http, registries
        self._plain = frozenset(host.lower() for host in options.plain)
        self._url = options.url or HUB_REGISTRY
        self._hub = (options.hub or ("" if options.url else HUB_API)).rstrip("/")

    async def releases(self, component: Component) -> Sequence[Release]:
        """A partial release for each tag, in the registry's order."""
        return await self._registries.releases(self._place(component), _releases)

    async def detail(self, component: Component, release: Release) -> Release:
        """The same with its digest, and with a time where it is Docker Hub's."""
        place = self._place(component)
        digest = await self._registries.digest(place, release.version)
        pushed = await self._pushed(place, release.version, digest)
        return replace(release, digest=digest, published=pushed, partial=False)

    async def _pushed(self, place: Place, tag: str, digest: str) -> datetime | None:
        """When Docker Hub took in what the tag points at; None elsewhere, and where it does not say."""
        namespace, _, name = place.repository.partition("/")
        if not self._hub or host_of(place.base) != host_of(self._url) or not name or "/" in name:
            return None
        url = f"{self._hub}/v2/namespaces/{namespace}/repositories/{name}/tags/{quote(tag, safe='')}"
        try:
            answer = await self._http.get(url, headers={"Accept": "application/json"}, keep=False)
        except Missing:
            return None  # its own API shows no private images to who has not signed in there
        said = await decoded(_HUB_TAG, answer, f"tag {place.repository}:{tag}")
        if said.digest != digest or said.tag_last_pushed is None:
            return None
        pushed = said.tag_last_pushed
        return (pushed if pushed.tzinfo else pushed.replace(tzinfo=UTC)).astimezone(UTC)

    def _place(self, component: Component) -> Place:
        """Where an image is: on the registry that its file names, else on the one in its name, else on ours."""
        named, path = split_name(component.name)
        if component.registry:
            base = base_of(component.registry, self._plain)
            whole = path if named and named == host_of(base) else component.name
            if host_of(base) in HUB_NAMES:
                return place_of(HUB_REGISTRY, _official(whole), host=HUB)
            return place_of(base, whole)
        if named and named not in HUB_NAMES:
            return place_of(base_of(f"oci://{named}", self._plain), path)
        base = base_of(self._url, self._plain)
        return place_of(base, _official(path), host=HUB if host_of(base) in HUB_NAMES else "")


def _releases(place: Place, tags: Sequence[str]) -> Releases:
    page = _page(place)
    return tuple(Release(version=tag, url=page, partial=True) for tag in tags)


def split_name(name: str) -> tuple[str, str]:
    """The registry in an image's name, "" when it has none, and the rest.

    A first part with a dot or a colon, or `localhost`, is a registry (the distribution project's reference grammar).
    """
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first.lower(), rest
    return "", name


def _official(path: str) -> str:
    return path if "/" in path else f"library/{path}"


def _page(place: Place) -> str | None:
    """Where a person looks at the tags, for the registries that have a page for all."""
    name = place.repository
    if place.host == HUB:
        path = f"_/{name.removeprefix('library/')}" if name.startswith("library/") else f"r/{name}"
        return f"{HUB_API}/{path}/tags"
    return f"https://quay.io/repository/{name}?tab=tags" if place.host == "quay.io" else None
