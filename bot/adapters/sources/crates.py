"""Rust crates from crates.io or any registry with a sparse index; lists releases and chooses nothing.

The index file of a crate (`/se/rd/serde`, a line for each version) gives versions, whether they are yanked, sha256 and,
where the registry writes `pubtime`, when they were published; `/config.json` tells once where files and the web API
are. Who published, why something was yanked and the links are asked of the API (`/api/v1/crates/<name>`) once, when the
first release of a crate is about to be proposed. That call is crates.io's own and no part of Cargo's protocol, so most
private registries do not answer it, and then these things are not known. Whether a crate has a build script is in no
list. A release by trusted publishing names the repository that it came from, by the word of the registry, which saw
the workflow's identity; that counts as provenance.

Options: `url`, the sparse index (default crates.io's); `token`, the name of a secret, for a registry that asks for one
(`auth-required`); `api`, the web API, when it is elsewhere than the index says. The token is sent to these two alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources._pages import Pages, Place, configured, made_of, place_of
from bot.adapters.sources._said import Links, links_of, repository_url, text_of, time_of, web_url
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import Artifact, Component, Release, Trust
from bot.core.releases import TRUSTED, UNNAMED
from bot.tools.http import Answer, Http

KIND = "crates"
INDEX = "https://index.crates.io"
PUBLIC = "https://crates.io"
# How Cargo's files still call crates.io, after the git repository that its index once was.
OLD_INDEX = "https://github.com/rust-lang/crates.io-index"
NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}", re.IGNORECASE | re.ASCII)
FORGES = {"github": "https://github.com", "gitlab": "https://gitlab.com"}
ABSENT = msgspec.Raw()

Releases = tuple[Release, ...]


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = INDEX
    token: str = ""
    api: str = ""


class _Config(msgspec.Struct):
    """`config.json` of an index (Cargo's book, registry index). api: None where there is none."""

    dl: str
    api: str | None = None


class _Line(msgspec.Struct):
    """One version in an index file; features and dependencies, the most of it, are skipped unread."""

    name: str
    vers: str
    cksum: str
    yanked: bool = False
    pubtime: str | None = None


class _User(msgspec.Struct):
    login: str


class _Trusted(msgspec.Struct):
    provider: str = ""
    repository: str | None = None
    project_path: str | None = None


class _Version(msgspec.Struct):
    num: str
    created_at: str | None = None
    yank_message: str | None = None
    published_by: _User | None = None
    trustpub_data: msgspec.Raw = ABSENT


class _Crate(msgspec.Struct):
    repository: str | None = None
    homepage: str | None = None
    documentation: str | None = None


class _Document(msgspec.Struct):
    crate: _Crate
    versions: list[_Version]


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_CONFIGS = msgspec.json.Decoder(_Config)
_LINES = msgspec.json.Decoder(_Line)
_DOCUMENTS = msgspec.json.Decoder(_Document)
_TRUSTED = msgspec.json.Decoder(_Trusted | None)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the API says of a crate. versions: by number; empty where there is no such API."""

    versions: Mapping[str, _Version] = field(default_factory=dict)
    links: Links = ()

    def __len__(self) -> int:
        return len(self.versions)


def open(options: Options, tools: Tools) -> Crates:
    """Options: url, token (the name of a secret) and api. ConfigProblem for what is no URL, or an unset secret."""
    chosen = decode(options, _Options, KIND)
    url = configured(chosen.url.removeprefix("sparse+"), KIND)
    api = configured(chosen.api, KIND) if chosen.api else None
    token = secret_of(tools, chosen.token, KIND, url, api or url)
    return Crates(tools.http, Place(url=url, header=token), Place(url=api, header=token) if api else None)


class Crates:
    """A `core.ports.Source`. place: the index for crates whose file names none; api: None means what it says."""

    def __init__(self, http: Http, place: Place, api: Place | None = None) -> None:
        self._http = http
        self._place = place
        self._api = api
        self._configs: Pages[_Config] = Pages(lambda _: 1, most=512)
        self._lists: Pages[Releases] = Pages(len)
        # What the API said when the index file had this digest.
        self._told: Pages[_Told] = Pages(len, most=10_000)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions of the index, oldest first. Missing when it does not know the name, or the name is none."""
        index, url = self._where(component)
        config = await self._config(index)
        answer = await self._get(url)
        return await self._lists.read(url, answer, lambda got: _releases(got, component.name, config))

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its time, its publisher and its links, as far as the registry has an API that tells them."""
        index, url = self._where(component)
        config = await self._config(index)
        digest, _ = self._lists.known(url) or ("", None)
        told = await self._told.fetch(url, digest, lambda: self._ask(self._api_of(index, config), component.name))
        version = told.versions.get(release.version)
        known = _with(release, version) if version else release
        return replace(known, links=told.links, partial=False)

    def _where(self, component: Component) -> tuple[str, str]:
        """The index, and the file of the crate in it."""
        name = component.name
        if not NAME.fullmatch(name):
            raise Missing(f"{name[:100]!r} can be no crate's name")
        named = _plain(component.registry)
        index = place_of(named) if named and named != OLD_INDEX else self._place.url
        return index, f"{index}/{_folder(name.lower())}/{name.lower()}"

    def _api_of(self, index: str, config: _Config) -> str:
        if self._api and index == self._place.url:
            return self._api.url
        return place_of(config.api) if config.api else ""

    async def _config(self, index: str) -> _Config:
        async def ask() -> _Config:
            try:
                return _CONFIGS.decode((await self._get(f"{index}/config.json")).body)
            except Missing as error:
                raise Permanent(f"{urlsplit(index).hostname} has no sparse index of crates: {error}") from error
            except msgspec.DecodeError as error:
                raise Permanent(f"{urlsplit(index).hostname} sends no config.json of an index: {error}") from error

        return await self._configs.fetch(index, "", ask)

    async def _ask(self, api: str, name: str) -> _Told:
        """What the API tells of a crate; nothing where there is none, or one that knows no such call."""
        if not api:
            return _Told()
        try:
            answer = await self._get(f"{api}/api/v1/crates/{name}?include=versions")
        except (Missing, Refused):
            if api == PUBLIC:
                raise
            return _Told()
        return await made_of(answer, lambda got: _told(got, name))

    async def _get(self, url: str) -> Answer:
        return await self._http.get(
            url, headers=self._place.headers(url) or (self._api.headers(url) if self._api else {})
        )


def _plain(url: str) -> str:
    """The URL of an index without Cargo's mark of its protocol. Permanent for an index that is a git repository."""
    plain = url.removeprefix("sparse+").removeprefix("registry+").rstrip("/")
    if url.startswith("registry+") and plain != OLD_INDEX:
        raise Permanent(f"{urlsplit(plain).hostname} is an index in a git repository; only sparse ones are read")
    return plain


def _folder(name: str) -> str:
    """Where in an index a crate's file lies (Cargo's book, registry index, index files)."""
    match len(name):
        case 1 | 2:
            return str(len(name))
        case 3:
            return f"3/{name[0]}"
        case _:
            return f"{name[:2]}/{name[2:4]}"


def _releases(answer: Answer, name: str, config: _Config) -> Releases:
    try:
        lines = _LINES.decode_lines(answer.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no index file for {name}: {error}") from error
    if stranger := next((line.name for line in lines if line.name.lower() != name.lower()), None):
        raise Permanent(f"{urlsplit(answer.url).hostname} sends the file of {stranger[:100]!r} for {name}")
    return tuple(_release(line, config) for line in lines)


def _release(line: _Line, config: _Config) -> Release:
    public = config.api is not None and config.api.rstrip("/") == PUBLIC
    file = Artifact(filename=f"{line.name}-{line.vers}.crate", url=_download(line, config), sha256=line.cksum)
    return Release(
        version=line.vers,
        published=time_of(line.pubtime),
        yanked=line.yanked,
        artifacts=(file,),
        url=f"{PUBLIC}/crates/{line.name}/{line.vers}" if public else None,
        partial=True,
    )


def _download(line: _Line, config: _Config) -> str:
    marks = {
        "{crate}": line.name,
        "{version}": line.vers,
        "{prefix}": _folder(line.name),
        "{lowerprefix}": _folder(line.name.lower()),
        "{sha256-checksum}": line.cksum,
    }
    template = config.dl if any(mark in config.dl for mark in marks) else f"{config.dl}/{{crate}}/{{version}}/download"
    return re.sub(r"\{[a-z0-9-]+\}", lambda match: marks.get(match[0], match[0]), template)


def _told(answer: Answer, name: str) -> _Told:
    try:
        document = _DOCUMENTS.decode(answer.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no description of {name}: {error}") from error
    said = document.crate
    links = links_of(
        repository=repository_url(said.repository),
        homepage=web_url(said.homepage),
        documentation=web_url(said.documentation),
    )
    return _Told({version.num: version for version in document.versions}, links)


def _with(release: Release, said: _Version) -> Release:
    trusted, provenance = _trusted(said.trustpub_data)
    publisher = trusted or (said.published_by.login if said.published_by else None)
    return replace(
        release,
        published=time_of(said.created_at) or release.published,
        yanked_reason=text_of(said.yank_message) if release.yanked else "",
        trust=Trust(publisher=publisher, provenance=provenance),
    )


def _trusted(raw: msgspec.Raw) -> tuple[str, str | None]:
    """The trusted publisher, "" for none, and the repository that it published from; None where nothing is said."""
    if not bytes(raw):
        return "", None
    try:
        said = _TRUSTED.decode(raw)
    except msgspec.DecodeError:
        # The field is not stable yet, says crates.io; that it is there tells that a workflow published.
        return TRUSTED, UNNAMED
    if said is None:
        return "", ""
    path = said.repository or said.project_path or ""
    forge = FORGES.get(said.provider)
    known = repository_url(f"{forge}/{path}") if forge and path else None
    return f"{TRUSTED} {text_of(said.provider)} {text_of(path)}".rstrip(), known or UNNAMED
