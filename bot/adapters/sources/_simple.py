"""The simple repository API: one project's page, JSON (PEP 691, 700) or HTML (PEP 503), as releases."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import urldefrag, urljoin, urlsplit

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.adapters.sources._said import time_of
from bot.core import errors, versions
from bot.core.errors import Permanent
from bot.core.model import Artifact, Release

SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
FEW = 100  # so many files are listed whole, however brief the list is to be
NEWEST = 2  # of each major version; the newest may be too young, or be turned down
# Already absolute and without anything that would have to be resolved or cut off.
_WHOLE_URL = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?/[\w./%+~:@!$&'()*,=-]*", re.ASCII)


class Hashes(msgspec.Struct, frozen=True, gc=False):
    """Of a file's digests, the one that installers check."""

    sha256: str | None = None


class File(msgspec.Struct, rename="kebab", frozen=True, gc=False):
    """What we need of a file's entry; msgspec skips the rest unread. yanked: a reason, or whether."""

    filename: str
    url: str
    hashes: Hashes = Hashes()
    requires_python: str | None = None
    size: int | None = None
    upload_time: str | None = None
    yanked: str | bool = False


class _Meta(msgspec.Struct, rename="kebab"):
    api_version: str = "1.0"


class _Page(msgspec.Struct):
    files: list[File]
    meta: _Meta = msgspec.field(default_factory=_Meta)
    versions: list[str] = []


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_PAGES = msgspec.json.Decoder(_Page)


def of_json(body: bytes, name: str, url: str, *, brief: bool = False) -> tuple[Release, ...]:
    """Releases of a JSON page, oldest version first. Permanent when it is not one of major version 1.

    brief: of the many releases that nobody will go to, only what they demand of Python is read of their files; they
    are partial then.
    """
    try:
        page = _PAGES.decode(body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(url).hostname} sends no simple API page for {name}: {error}") from error
    _must_be_known(page.meta.api_version, url)
    return _releases(page.files, name, url, page.versions, brief=brief)


def of_html(text: str, name: str, url: str, *, brief: bool = False) -> tuple[Release, ...]:
    """Releases of an HTML page, oldest version first; such a page says neither dates nor sizes. brief: as above."""
    from bot.adapters.sources._anchors import Anchors

    reader = Anchors()
    reader.feed(text)
    _must_be_known(reader.version, url)
    files = (
        File(
            filename=one.filename,
            url=one.url,
            hashes=Hashes(sha256=one.sha256),
            requires_python=one.requires_python,
            yanked=one.yanked,
        )
        for one in reader.files
    )
    return _releases(files, name, urljoin(url, reader.base), (), brief=brief)


def of_files(files: Iterable[File], name: str, url: str) -> tuple[Release, ...]:
    """Releases of a flat listing, as `find-links` has them: files of other projects are left out."""
    return _releases(files, name, url, ())


def _must_be_known(version: str, url: str) -> None:
    if version.partition(".")[0] != "1":
        raise Permanent(f"{urlsplit(url).hostname} speaks version {version} of the simple API, and we know version 1")


def _releases(
    files: Iterable[File], name: str, url: str, spelled: Sequence[str], *, brief: bool = False
) -> tuple[Release, ...]:
    spellings = {version: text for text in spelled if (version := _version(text))}
    namer = _Namer(name)
    found: dict[Version, list[File]] = {}
    lists: dict[str, list[File]] = {}
    count = 0
    for file in files:
        text = namer.version(file.filename)
        if text is None:
            continue
        if text not in lists:
            version = _version(text)
            # pip cannot install what is no PEP 440 version, so it is no release either.
            lists[text] = [] if version is None else found.setdefault(version, [])
        lists[text].append(file)
        count += 1
    listed = {version: _Listed(spellings.get(version, str(version)), found[version]) for version in sorted(found)}
    whole = _likely(listed) if brief and count > FEW else listed.keys()
    return tuple(one.release(url, whole=version in whole) for version, one in listed.items())


def _likely(listed: dict[Version, _Listed]) -> set[Version]:
    """The newest finished releases of each major version: what updates lead to. listed: oldest version first."""
    chosen: set[Version] = set()
    counted: defaultdict[tuple[int, int], int] = defaultdict(int)
    for version, one in reversed(listed.items()):
        major = (version.epoch, version.major)
        if counted[major] < NEWEST and not one.yanked and not version.is_prerelease:
            counted[major] += 1
            chosen.add(version)
    return chosen


def _version(text: str) -> Version | None:
    """Remembered, since whoever compares releases asks for the same ones."""
    try:
        return Version(text) if len(text) > versions.LONGEST else cast(Version, versions.key("pypi", text))
    except (InvalidVersion, errors.InvalidVersion):
        return None


def version_of(filename: str, name: str) -> str | None:
    """The version in the name of a wheel or an sdist of this project (`name` normalised), else None."""
    return _Namer(name).version(filename)


class _Namer:
    """Tells versions by the names of one project's files, of which there may be ten thousand."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._same: dict[str, bool] = {}

    def version(self, filename: str) -> str | None:
        """None for a file of another project, and for one that is neither a wheel nor an sdist."""
        if filename.endswith(".whl"):
            project, _, rest = filename.partition("-")
            fits = rest.count("-") in (3, 4) and self._is(project)
            return rest.partition("-")[0].replace("_", "-") if fits else None
        stem = next((filename[: -len(end)] for end in SDISTS if filename.endswith(end)), None)
        if stem is None:
            return None
        # Both the name and an old version may hold dashes: the name is what tells where it ends.
        at = stem.find("-")
        while at > 0:
            if self._is(stem[:at]) and stem[at + 1 : at + 2].isdigit():
                return stem[at + 1 :]
            at = stem.find("-", at + 1)
        return None

    def _is(self, project: str) -> bool:
        if project not in self._same:
            if len(self._same) > 1000:  # a page of many projects' files
                self._same.clear()
            self._same[project] = canonicalize_name(project) == self._name
        return self._same[project]


class _Listed:
    """The files of one version, and what follows from them."""

    def __init__(self, version: str, files: Sequence[File]) -> None:
        self._version, self._files = version, files
        # A release is withdrawn only when all its files are; a single withdrawn file is just not offered.
        self._offered = [file for file in files if file.yanked is False] or files
        self.yanked = self._offered[0].yanked is not False

    def release(self, url: str, *, whole: bool) -> Release:
        """whole: with all its files, else one for each demand on Python, and partial if that is not all."""
        kept: Sequence[File] = self._offered
        if not whole:
            first: dict[str | None, File] = {}
            for file in self._offered:
                first.setdefault(file.requires_python, file)
            kept = list(first.values())
        said = (file.yanked for file in self._files if isinstance(file.yanked, str) and file.yanked)
        return Release(
            version=self._version,
            published=_first([file.upload_time for file in self._files if file.upload_time]),
            yanked=self.yanked,
            yanked_reason=next(said, "") if self.yanked else "",
            artifacts=tuple(_artifact(file, url) for file in kept),
            partial=len(kept) < len(self._offered),
        )


def _artifact(file: File, url: str) -> Artifact:
    place = file.url if _WHOLE_URL.fullmatch(file.url) else urldefrag(urljoin(url, file.url))[0]
    return Artifact(
        filename=file.filename,
        url=place,
        sha256=file.hashes.sha256,
        requires_python=file.requires_python or None,
        size=file.size,
    )


def _first(texts: Sequence[str]) -> datetime | None:
    """The earliest of these times."""
    # Texts of one length that end in Z have one form, and sort as their times do.
    alike = len(set(map(len, texts))) == 1 and all(text[10:11] == "T" and text[-1] == "Z" for text in texts)
    if alike and (first := time_of(min(texts))) is not None:
        return first
    return min((time for text in texts if (time := time_of(text))), default=None)


def by_version(releases: Iterable[Release]) -> Mapping[Version, Release]:
    """Releases by what their version means, so that "1.0" and "1.0.0" meet."""
    return {Version(release.version): release for release in releases}
