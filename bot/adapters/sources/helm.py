"""Helm charts: a repository's `index.yaml`, or charts in an image registry (`oci://`), which Helm keeps as tags.

A component is a chart's name, and its registry the repository as Chart.yaml names it: `https://charts.example`, whose
`/index.yaml` is read, or `oci://registry.example/charts`, whose tags are listed. An index tells each version's digest
(sha256 of the archive), its URLs, and whether its maker gave it up (`deprecated`). Of a chart in an image registry a
version that is about to be proposed is asked for by HEAD, for the digest of its manifest.

The `created` of an index is written by whoever runs `helm repo index`, often anew for all versions, so it counts for
nothing unless you say that it may; without it a version's age runs from when its digest was first seen here. No
repository tells of withdrawn versions: they are just gone.

Options: `url`, the repository for charts that name none; `logins`, a user's name and the name of a secret for each
host, as `{charts.example: {username: me, secret: CHARTS_PASSWORD}}`; `trust-created: true` where a server that you
trust writes the index (ChartMuseum, Harbor, Artifactory), so that `created` is when it took the chart in.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urljoin, urlsplit

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.sources import _chart_index
from bot.adapters.sources._chart_index import Chart
from bot.adapters.sources._distribution import Distribution, Place, base_of, place_of
from bot.adapters.sources._logins import Login, Logins, host_of, logins_of
from bot.adapters.sources._paging import SMALL, Kept, Releases, web_url
from bot.core.errors import Missing, Permanent
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Answer, Http

KIND = "helm"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
MOST_INDEX = 48 << 20


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    logins: dict[str, Login] = {}
    trust_created: bool = msgspec.field(name="trust-created", default=False)


def open(options: Options, tools: Tools) -> Charts:
    """Works without options. ConfigProblem when a login names a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    return Charts(tools.http, logins_of(chosen.logins, tools, KIND), chosen)


class Charts:
    """A `core.ports.Source`."""

    def __init__(self, http: Http, logins: Logins, options: _Options) -> None:
        self._http, self._logins = http, logins
        self._url, self._trusted = options.url, options.trust_created
        self._registries = Distribution(http, logins)
        self._kept = Kept()

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions, in the repository's order; partial ones where an image registry has the chart."""
        if not NAME.fullmatch(component.name):
            raise Missing(f"{component.name[:100]!r} can be no chart's name")
        repository = self._repository(component)
        if repository.startswith("oci://"):
            return await self._registries.releases(_place(repository, component.name), _tagged)
        return await self._indexed(repository, component.name)

    async def detail(self, component: Component, release: Release) -> Release:
        """A chart of an image registry with its digest; an index holds all that a repository says."""
        repository = self._repository(component)
        if not repository.startswith("oci://"):
            return release
        digest = await self._registries.digest(_place(repository, component.name), _tag(release.version))
        return replace(release, digest=digest, partial=False)

    def _repository(self, component: Component) -> str:
        repository = (component.registry or self._url).rstrip("/")
        if not repository:
            raise Missing(f"nothing says in which repository the chart {component.name} is; set `url`, or name it")
        plain = web_url(re.sub("^oci://", "https://", repository))
        if plain is None or urlsplit(plain).username is not None or urlsplit(plain).query:
            shown = repository.rpartition("@")[2][:100]
            raise Permanent(f"{shown!r} is no chart repository; write it as https:// or oci://, without a login")
        return repository

    async def _indexed(self, repository: str, name: str) -> Releases:
        url = f"{repository}/index.yaml"
        login = self._logins.header(host_of(url), url)
        answer = await self._http.get(url, headers=login, most_bytes=MOST_INDEX)
        key = (url, name, answer.digest)
        found = self._kept.get(key)
        if found is None:
            read = partial(_releases, answer, name, self._trusted)
            found = read() if len(answer.body) < SMALL else await asyncio.to_thread(read)
            self._kept.keep(key, found)
        return found


def _tagged(place: Place, tags: Sequence[str]) -> Releases:
    # A tag cannot hold a plus, so Helm writes an underscore, which no chart's version can hold.
    return tuple(Release(version=tag.replace("_", "+"), partial=True) for tag in tags)


def _place(repository: str, name: str) -> Place:
    return place_of(f"{base_of(repository)}/{name}", "")


def _tag(version: str) -> str:
    return version.replace("+", "_")


def _releases(answer: Answer, name: str, trusted: bool) -> Releases:
    try:
        found = _chart_index.charts(answer.body, name)
    except Permanent as error:
        raise Permanent(f"{host_of(answer.url)} sends no index of charts for {name}: {error}") from None
    if found is None:
        raise Missing(f"{host_of(answer.url)} has no chart {name} in its index")
    # What has no version can be pinned by nobody.
    return tuple(_release(chart, answer.url, trusted) for chart in found if chart.version)


def _release(chart: Chart, index: str, trusted: bool) -> Release:
    digest = chart.digest.removeprefix("sha256:").lower()
    sha256 = digest if re.fullmatch(r"[0-9a-f]{64}", digest) else None
    urls = [url for one in chart.urls if (url := _joined(index, one))]
    sources = [url for one in chart.sources if (url := web_url(one))]
    home = web_url(chart.home)
    return Release(
        version=chart.version,
        published=_time(chart.created) if trusted else None,
        deprecated="its maker has given this chart up" if chart.deprecated == "true" else "",
        artifacts=tuple(Artifact(filename=_filename(url), url=url, sha256=sha256) for url in urls),
        url=home,
        links=(("repository", sources[0]),) if sources else (),
    )


def _filename(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _joined(index: str, url: str) -> str | None:
    """A chart's URL, which may be relative to the index; what is no http(s) URL, such as oci://, is not one of ours."""
    try:
        return web_url(urljoin(index, url))
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
