"""Java artifacts from Maven Central or any repository laid out like it (Nexus, Artifactory, a web server); lists only.

`maven-metadata.xml` beside an artifact lists its versions and nothing else; SNAPSHOTs are left out. For a release that
is about to be proposed its POM is read (packaging, relocation, links), and the sha256 or, where there is none, the sha1
beside its main file. Names are `group:artifact`; a name without a group is a plugin of one of Maven's own two groups.

Repositories are asked in their order, and the first that knows the name is the only one that counts, so that a stranger
cannot publish higher versions of what is yours elsewhere. One that is away or refuses us makes the whole look fail.

Nobody says when a version was published. The Last-Modified of its POM is when it was uploaded on Central, and mostly on
a Nexus or an Artifactory too; elsewhere it may be whatever the uploader's own disk said. So it counts as the time of
publication for Central alone, unless `trust-last-modified` is set: true for all repositories, false for none. There are
no yanked versions, and nobody says who uploaded one.

Options: `url`, the repository (default https://repo.maven.apache.org/maven2), or `urls`, several of them, yours first;
`logins`, a user's name and the name of a secret for each host, as `{nexus.example: {username: me, secret: NEXUS}}`;
`trust-last-modified`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

import msgspec
from cachetools import LRUCache

from bot.adapters import Options, Tools, decode
from bot.adapters.sources import _poms
from bot.adapters.sources._caller import Caller
from bot.adapters.sources._logins import Login, logins_of
from bot.adapters.sources._pages import configured, made_of, place_of
from bot.adapters.sources._paging import Kept, Releases
from bot.adapters.sources._poms import Pom
from bot.core.errors import ConfigProblem, Missing, Permanent
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Answer

KIND = "maven"
CENTRAL = "https://repo.maven.apache.org/maven2"
PAGE = "https://central.sonatype.com/artifact"
PART = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,200}(?<!\.)")
VERSION = re.compile(r"(?!\.+$)[^\s/\\?#%\x00-\x1f]{1,200}")
# Where Maven itself looks for a plugin that is named without a group.
PLUGIN_GROUPS = ("org.apache.maven.plugins", "org.codehaus.mojo")
MOST_POM = 4 << 20
MOST_SUM = 64 << 10
SUMS = (("sha256", 64), ("sha1", 40))


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    urls: list[str] = []
    logins: dict[str, Login] = {}
    trust_last_modified: bool | None = msgspec.field(name="trust-last-modified", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One artifact in one repository."""

    repository: str
    group: str
    artifact: str

    @property
    def folder(self) -> str:
        """Where its versions are."""
        return f"{self.repository}/{self.group.replace('.', '/')}/{self.artifact}"

    def file(self, version: str, end: str) -> str:
        """The URL of a version's file."""
        number = quote(version, safe="+~:@!$&'()*,;=")
        return f"{self.folder}/{number}/{self.artifact}-{number}.{end}"


def open(options: Options, tools: Tools) -> Maven:
    """Works without options. ConfigProblem for what is no URL, or when a login names a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    if chosen.url and chosen.urls:
        raise ConfigProblem(f"{KIND}: both url and urls are set", mend="Write all repositories under urls, yours first")
    urls = chosen.urls or [chosen.url or CENTRAL]
    caller = Caller(tools.http, logins_of(chosen.logins, tools, KIND))
    return Maven(caller, [configured(url, KIND) for url in urls], trusted=chosen.trust_last_modified)


class Maven:
    """A `core.ports.Source`. urls: repositories for artifacts whose file names none, in their order."""

    def __init__(self, caller: Caller, urls: Sequence[str], *, trusted: bool | None) -> None:
        self._caller, self._urls, self._trusted = caller, urls, trusted
        self._kept = Kept()
        # Who answered for a component the last time: the details must come from the same place as the list.
        self._found: LRUCache[Component, _Place] = LRUCache(50_000)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions but SNAPSHOTs, in the repository's order. Missing when none knows the name, or it is none."""
        groups, artifact = _coordinates(component.name)
        urls = [place_of(component.registry)] if component.registry else self._urls
        for url in urls:
            for group in groups:
                place = _Place(repository=url, group=group, artifact=artifact)
                listed = await self._listed(place)
                if listed is not None:
                    self._found[component] = place
                    return listed
        raise Missing(f"{', '.join(urlsplit(url).hostname or url for url in urls)} knows no {component.name}")

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its files' digests, its links and, where that is trusted, its time."""
        if component not in self._found:
            await self.releases(component)
        place = self._found[component]
        url = place.file(release.version, "pom")
        answer = await self._caller.get(url, place.repository, accept="*/*", most_bytes=MOST_POM, known=(404,))
        said = _poms.pom(answer.body) if answer.status == 200 else None
        said = said or Pom()
        if answer.status == 404:
            answer = await self._caller.head(place.file(release.version, said.end), place.repository)
        return replace(
            release,
            published=self._time(place, answer),
            artifacts=(await self._file(place, release.version, said.end),),
            links=said.links,
            deprecated=f"it has moved to {said.moved}" if said.moved else "",
            partial=False,
        )

    async def _listed(self, place: _Place) -> Releases | None:
        """The releases in one repository; None when it does not know the artifact."""
        url = f"{place.folder}/maven-metadata.xml"
        answer = await self._caller.get(url, place.repository, accept="*/*", known=(404,))
        if answer.status == 404:
            return None
        key = (url, answer.digest)
        known = self._kept.get(key)
        if known is None:
            known = self._kept.keep(key, await made_of(answer, lambda got: _releases(got, place)))
        return known

    def _time(self, place: _Place, answer: Answer) -> datetime | None:
        trusted = place.repository == CENTRAL if self._trusted is None else self._trusted
        try:
            at = parsedate_to_datetime(answer.headers.get("last-modified", ""))
        except ValueError:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC) if trusted else None

    async def _file(self, place: _Place, version: str, end: str) -> Artifact:
        """The main file with the best digest that lies beside it."""
        url = place.file(version, end)
        file = Artifact(filename=f"{place.artifact}-{version}.{end}", url=url)
        for kind, length in SUMS:
            answer = await self._caller.get(
                f"{url}.{kind}", place.repository, accept="*/*", most_bytes=MOST_SUM, known=(404,)
            )
            found = re.match(rf"\s*([0-9a-fA-F]{{{length}}})\b", answer.body.decode("latin-1"))
            if answer.status == 200 and found:
                digest = found[1].lower()
                return replace(file, sha256=digest) if kind == "sha256" else replace(file, checksum=f"{kind}:{digest}")
        return file


def _coordinates(name: str) -> tuple[Sequence[str], str]:
    """The groups that may hold it, and the artifact. Missing for what can be no name."""
    group, colon, artifact = name.rpartition(":")
    groups = (group,) if colon else PLUGIN_GROUPS
    if not all(PART.fullmatch(part) and ".." not in part for part in (*groups, artifact)):
        raise Missing(f"{name[:100]!r} can be no artifact of Maven; write it as group:artifact")
    return groups, artifact


def _releases(answer: Answer, place: _Place) -> Releases:
    try:
        found = _poms.versions(answer.body)
    except ValueError as error:
        host = urlsplit(answer.url).hostname
        raise Permanent(f"{host} sends no maven-metadata.xml of {place.group}:{place.artifact}: {error}") from None
    page = f"{PAGE}/{place.group}/{place.artifact}" if place.repository == CENTRAL else None
    # A version is a folder: what can be no folder's name can have no files.
    shown = (one for one in found if VERSION.fullmatch(one) and not one.endswith("-SNAPSHOT"))
    return tuple(Release(version=one, url=f"{page}/{quote(one)}" if page else None, partial=True) for one in shown)
