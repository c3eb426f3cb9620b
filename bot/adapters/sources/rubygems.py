"""Ruby gems from rubygems.org or any server with a compact index; lists releases and chooses nothing.

The compact index (`/info/<name>`), which Bundler itself resolves with, lists versions with the sha256 of each file and,
where the server writes its second form, when they were published. A gem may have files for several platforms: they
are files of one release, which is listed whatever platforms it has, the one for any Ruby first. What was yanked is not
in the index any more. For a release that is about to be proposed, `/api/v1/versions/<name>.json` tells times and links,
once for a gem and ten times as big, and `/api/v1/attestations/<file>.json` who built it: the repository that the
certificate of a Sigstore bundle names. Servers that do not answer these leave it unknown. Nobody says who published a
version, who maintained it then, or whether it runs code when it is installed.

Options: `url`, the server (default https://rubygems.org); `token`, the name of a secret with `user:password` or a token
alone, sent to that server only, as Bundler sends it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources._bundles import repository_of_bundles
from bot.adapters.sources._pages import Pages, Place, basic, configured, made_of, place_of
from bot.adapters.sources._said import Links, links_of, time_of, web_url
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Artifact, Component, Release, Trust
from bot.tools.http import Answer, Http

KIND = "rubygems"
PUBLIC = "https://rubygems.org"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,254}", re.IGNORECASE | re.ASCII)
LINE = re.compile(r"([0-9][0-9A-Za-z.]*)(?:-(\S+))? [^|]*\|(.*)", re.ASCII)
MOST_PROOF = 4 << 20  # bytes of an attestation; real ones have some tens of thousands

Releases = tuple[Release, ...]


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = PUBLIC
    token: str = ""


class _Version(msgspec.Struct):
    """A version of `/api/v1/versions`; metadata is what the publisher wrote."""

    number: str
    created_at: str | None = None
    metadata: Any = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_VERSIONS = msgspec.json.Decoder(list[_Version])

Told = Mapping[str, tuple[datetime | None, Links]]


def open(options: Options, tools: Tools) -> RubyGems:
    """Options: url and token (the name of a secret). ConfigProblem for what is no URL, or an unset secret."""
    chosen = decode(options, _Options, KIND)
    token = secret_of(tools, chosen.token, KIND, chosen.url)
    return RubyGems(tools.http, Place(url=configured(chosen.url, KIND), header=basic(token) if token else None))


class RubyGems:
    """A `core.ports.Source`. place: the server for gems whose file names none."""

    def __init__(self, http: Http, place: Place) -> None:
        self._http = http
        self._place = place
        self._lists: Pages[Releases] = Pages(len)
        # What the API said when the index had this digest.
        self._told: Pages[Told] = Pages(len, most=10_000)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions of the index, oldest first. Missing when it does not know the name, or the name is none."""
        server, url = self._where(component)
        answer = await self._get(url)
        return await self._lists.read(url, answer, lambda got: _releases(got, component.name, server))

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its time, its links and where it was built from, as far as the server tells."""
        server, url = self._where(component)
        digest, _ = self._lists.known(url) or ("", None)
        told = await self._told.fetch(url, digest, lambda: self._ask(server, component.name))
        published, links = told.get(release.version, (None, ()))
        trust = Trust(provenance=await self._proof(server, release))
        return replace(release, published=release.published or published, links=links, trust=trust, partial=False)

    def _where(self, component: Component) -> tuple[str, str]:
        """The server, and the index of the gem on it."""
        name = component.name
        if not NAME.fullmatch(name):
            raise Missing(f"{name[:100]!r} can be no gem's name")
        server = place_of(component.registry) if component.registry else self._place.url
        return server, f"{server}/info/{name}"

    async def _ask(self, server: str, name: str) -> Told:
        try:
            answer = await self._get(f"{server}/api/v1/versions/{name}.json")
        except (Missing, Refused):
            if server == PUBLIC:
                raise
            return {}
        return await made_of(answer, lambda got: _told(got, name))

    async def _proof(self, server: str, release: Release) -> str | None:
        """The repository that the first file was built from, "" for none; None where the server does not say."""
        file = next((one for one in release.artifacts if one.sha256), None)
        if file is None:
            return None
        name = quote(file.filename.removesuffix(".gem"), safe="")
        try:
            answer = await self._get(f"{server}/api/v1/attestations/{name}.json", most=MOST_PROOF)
        except (Missing, Refused):
            return None
        return repository_of_bundles(answer.body, file.sha256 or "")

    async def _get(self, url: str, *, most: int | None = None) -> Answer:
        return await self._http.get(url, headers=self._place.headers(url), most_bytes=most)


def _releases(answer: Answer, name: str, server: str) -> Releases:
    lines = answer.body.decode("utf-8", "replace").splitlines()
    start = lines.index("---") + 1 if "---" in lines else 0
    files: dict[str, list[tuple[str, Mapping[str, str]]]] = {}
    for line in filter(None, lines[start:]):
        found = LINE.fullmatch(line)
        if not found:
            raise Permanent(f"{urlsplit(server).hostname} sends no compact index for {name}: {line[:100]!r}")
        pairs = (part.partition(":") for part in found[3].split(","))
        files.setdefault(found[1], []).append((found[2] or "", {key: value for key, _, value in pairs}))
    return tuple(_release(version, files[version], name, server) for version in files)


def _release(version: str, files: Sequence[tuple[str, Mapping[str, str]]], name: str, server: str) -> Release:
    times = [at for _, said in files if (at := time_of(said.get("created_at")))]
    # The file for any Ruby, which has no platform, stands first.
    ordered = sorted(files, key=lambda file: file[0])
    return Release(
        version=version,
        published=min(times) if times else None,
        artifacts=tuple(_artifact(f"{name}-{version}", platform, said, server) for platform, said in ordered),
        url=f"{PUBLIC}/gems/{name}/versions/{version}" if server == PUBLIC else None,
        partial=True,
    )


def _artifact(stem: str, platform: str, said: Mapping[str, str], server: str) -> Artifact:
    filename = f"{stem}-{platform}.gem" if platform else f"{stem}.gem"
    return Artifact(filename=filename, url=f"{server}/gems/{quote(filename)}", sha256=said.get("checksum") or None)


def _told(answer: Answer, name: str) -> Told:
    try:
        versions = _VERSIONS.decode(answer.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no versions of {name}: {error}") from error
    told: dict[str, tuple[datetime | None, Links]] = {}
    for said in versions:
        at, known = time_of(said.created_at), told.get(said.number, (None, ()))
        first = min((one for one in (at, known[0]) if one), default=None)
        told[said.number] = (first, known[1] or _links(said.metadata))
    return told


def _links(metadata: object) -> Links:
    if not isinstance(metadata, dict):
        return ()
    named = {"repository": "source_code_uri", "changelog": "changelog_uri", "homepage": "homepage_uri"}
    return links_of(**{what: web_url(metadata.get(key)) for what, key in named.items()})
