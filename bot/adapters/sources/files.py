"""Files in a folder that a web server lists, as projects without a registry publish them; lists and chooses nothing.

A component's registry is the folder's URL (or `url`), its name what the files begin with: `<name>-<version>.tar.gz` or
`<name>_<version>_linux_amd64.zip`, with a v before the version, and words for platforms and kinds of builds around it.
Versions may be folders too (`v20.1.0/`). Listings of Apache, nginx (HTML or JSON), Caddy and others alike are read;
only what lies directly in the folder counts. For a release that is about to be proposed its folder is opened, and the
digests are read that lie beside the files: `SHA256SUMS` and the like, `<file>.sha256`, `.sha512`; a signature beside a
file is named, and not checked.

The times in a listing are those of the server's disk, which an upload may set to whatever it likes, and without a time
zone; so they count for nothing unless you say that they may (`trust-times`; they are taken for UTC then), and without
them a version's age runs from when it was first seen here. There are no withdrawn versions: they are just gone.

Options: `url`; `pattern`, for names that are built in another way: a pattern of re2 that must fit the whole name (a
folder's with a slash at its end), with a group `version`, where `{name}` stands for the component's name; `patterns`,
one for each component's name; `trust-times: true`; `logins`, a user's name and the name of a secret for each host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.sources import _autoindex, _file_names, _sums
from bot.adapters.sources._autoindex import Entry
from bot.adapters.sources._caller import Caller
from bot.adapters.sources._logins import Login, logins_of
from bot.adapters.sources._pages import Pages, configured, made_of, place_of
from bot.adapters.sources._paging import Releases
from bot.adapters.sources._patterns import Pattern
from bot.adapters.sources._said import Links
from bot.core.errors import ConfigProblem, Missing
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Answer

KIND = "files"
ACCEPT = "application/json, text/html;q=0.9, */*;q=0.1"
MOST_BYTES = 16 << 20
MOST_SUMS = 4 << 20
MOST_FILES = 200
MOST_ASKED = 12  # checksum files that are read for one release


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    pattern: str = ""
    patterns: dict[str, str] = {}
    logins: dict[str, Login] = {}
    trust_times: bool = msgspec.field(name="trust-times", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """How names are read. file, folder: patterns for the one and the other."""

    file: Pattern
    folder: Pattern

    def version(self, entry: Entry) -> str | None:
        """The version that a file or folder speaks of, None when it is of something else."""
        return self.folder.whole(f"{entry.name}/") if entry.folder else self.file.whole(entry.name)


def open(options: Options, tools: Tools) -> Files:
    """Works without options. ConfigProblem names an option that cannot be used, or a secret that nobody set."""
    chosen = decode(options, _Options, KIND)
    for where, text in {
        "pattern": chosen.pattern,
        **{f"patterns.{name}": one for name, one in chosen.patterns.items()},
    }.items():
        if text:
            _must_be_usable(where, text)
    url = configured(chosen.url, KIND) if chosen.url else ""
    return Files(Caller(tools.http, logins_of(chosen.logins, tools, KIND)), chosen, url)


class Files:
    """A `core.ports.Source`. url: the folder for components that name none."""

    def __init__(self, caller: Caller, options: _Options, url: str) -> None:
        self._caller, self._url = caller, url
        self._pattern, self._patterns, self._trusted = options.pattern, options.patterns, options.trust_times
        self._read: Pages[Releases] = Pages(len)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions, in the folder's order. Missing when there is no such folder, or no file of that name in it."""
        names = self._names(component.name)
        url = self._folder(component)
        answer = await self._ask(url)
        key = f"{component.name} {url}"
        listed = await self._read.read(key, answer, lambda got: self._releases(_autoindex.entries(got), names))
        if not listed:
            raise Missing(
                f"there are no files of {component.name} in {url}, or they are named in another way: set `pattern`"
            )
        return listed

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its files, their digests and where a signature is."""
        names = self._names(component.name)
        shelf = await self._entries(self._folder(component))
        mine = [entry for entry in shelf if names.version(entry) == release.version]
        files = [entry for entry in mine if not entry.folder]
        if not files and mine:
            shelf = await self._entries(mine[0].url)
            files = [entry for entry in shelf if not entry.folder and _file_names.is_archive(entry.name)]
        files = files[:MOST_FILES]
        digests = await self._digests(files, shelf, release.version)
        artifacts = tuple(_artifact(entry, digests.get(entry.name)) for entry in files)
        return replace(release, artifacts=artifacts, links=_signature(files, shelf), partial=False)

    def _names(self, name: str) -> _Names:
        if not name or len(name) > 200 or not name.isprintable():
            raise Missing(f"{name[:100]!r} can be no name of files")
        text = self._patterns.get(name) or self._pattern
        if text:
            pattern = _file_names.written(text, name)
            return _Names(file=pattern, folder=pattern)
        file, folder = _file_names.usual(name)
        return _Names(file=file, folder=folder)

    def _folder(self, component: Component) -> str:
        url = place_of(component.registry) if component.registry else self._url
        if not url:
            raise Missing(f"nothing says in which folder {component.name} lies; name it as its registry, or set `url`")
        return f"{url}/"

    async def _entries(self, url: str) -> tuple[Entry, ...]:
        return await made_of(await self._ask(url), _autoindex.entries)

    async def _ask(self, url: str) -> Answer:
        return await self._caller.get(url, url, accept=ACCEPT, most_bytes=MOST_BYTES)

    def _releases(self, entries: Sequence[Entry], names: _Names) -> Releases:
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            version = names.version(entry)
            if version:
                found.setdefault(version, []).append(entry)
        return tuple(self._release(version, found[version]) for version in found)

    def _release(self, version: str, entries: Sequence[Entry]) -> Release:
        times = [entry.at for entry in entries if entry.at]
        files = [_artifact(entry, None) for entry in entries[:MOST_FILES] if not entry.folder]
        # The last file counts: what came before it was not yet the whole release.
        published = max(times) if times and self._trusted else None
        return Release(version=version, published=published, artifacts=tuple(files), partial=True)

    async def _digests(self, files: Sequence[Entry], shelf: Sequence[Entry], version: str) -> Mapping[str, str]:
        """Digests by file name: from lists of many files first, then from the files' own checksum files."""
        found: dict[str, str] = {}
        wanted = {entry.name for entry in files}
        asked = 0
        for entry in _lists(shelf, version):
            if wanted <= found.keys() or asked == MOST_ASKED:
                break
            asked += 1
            said = _sums.read((await self._sum(entry)).body)
            found = {**{name: digest for name, digest in said.items() if name in wanted}, **found}
        beside = {entry.name: entry for entry in shelf if not entry.folder}
        for name in sorted(wanted - found.keys())[: MOST_ASKED - asked]:
            own = next((beside[name + end] for end in _file_names.OWN_SUMS if name + end in beside), None)
            digest = _sums.alone((await self._sum(own)).body, name) if own else None
            if digest:
                found[name] = digest
        return found

    async def _sum(self, entry: Entry) -> Answer:
        return await self._caller.get(entry.url, entry.url, accept="*/*", most_bytes=MOST_SUMS)


def _must_be_usable(where: str, text: str) -> None:
    try:
        _file_names.written(text, "name")
    except ValueError as error:
        raise ConfigProblem(f"{KIND}: {where} cannot be used: {error}", mend="Mend the pattern") from None


def _lists(shelf: Sequence[Entry], version: str) -> list[Entry]:
    """Checksum lists that may hold a version's files, the stronger before the weaker: its own ones if there are any."""
    lists = [entry for entry in shelf if not entry.folder and _file_names.SUMS.fullmatch(entry.name)]
    own = [entry for entry in lists if version in entry.name]
    shared = [entry for entry in lists if not re.search(r"\d\.\d", entry.name)]
    return sorted(own or shared, key=lambda entry: ("256" not in entry.name, "512" not in entry.name))


def _artifact(entry: Entry, digest: str | None) -> Artifact:
    kind, _, value = (digest or "").partition(":")
    file = Artifact(filename=entry.name, url=entry.url, size=entry.size)
    if kind == "sha256":
        return replace(file, sha256=value)
    return replace(file, checksum=digest) if digest else file


def _signature(files: Sequence[Entry], shelf: Sequence[Entry]) -> Links:
    """Where the first file's signature is; nobody here has checked it."""
    beside = {entry.name: entry.url for entry in shelf if not entry.folder}
    ends = (beside.get(file.name + end) for file in files for end in _file_names.SIGNATURES)
    found = next((url for url in ends if url), None)
    return (("signature", found),) if found else ()
