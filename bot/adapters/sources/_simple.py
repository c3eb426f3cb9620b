"""The simple repository API: one project's page, JSON (PEP 691, 700) or HTML (PEP 503), as releases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import urldefrag, urljoin, urlsplit

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.adapters.sources import _rows
from bot.adapters.sources._said import time_of
from bot.core import versions
from bot.core.errors import InvalidVersion, Permanent
from bot.core.model import Release
from bot.core.versions import pypi

SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
FEW = 100  # so many files are listed whole, however brief the list is to be
NEWEST = 2  # of each major version; the newest may be too young, or be turned down


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
    namer, lists = _Namer(name), _Lists(spelled)
    began, add = namer.began, list[File]().append
    for file in files:
        filename = file.filename
        # The wheels of one version mostly stand side by side, and there may be ten thousand.
        if not (filename.startswith(began) and filename.endswith(".whl") and 3 < filename.count("-") < 6):
            text = namer.version(filename)
            began = namer.began
            if text is None:
                continue
            add = lists.of(text).append
        add(file)
    count = sum(map(len, lists.found.values()))
    listed = {key: _Listed(lists.spellings[key], lists.found[key]) for key in sorted(lists.found)}
    whole = _likely(listed) if brief and count > FEW else listed.keys()
    return _rows.releases([one.row(url, whole=key in whole) for key, one in listed.items()])


class _Lists:
    """The files of each version, however a file's name spells it. spelled: as the index itself writes versions."""

    def __init__(self, spelled: Sequence[str]) -> None:
        self.spellings = {key: text for text in spelled if (key := _key(text))}
        self.found: dict[pypi.Key, list[File]] = {}
        self._by_text: dict[str, list[File]] = {}

    def of(self, text: str) -> list[File]:
        """The list to add to; one that nobody will see for what is no version."""
        if text not in self._by_text:
            self._by_text[text] = self._new(text)
        return self._by_text[text]

    def _new(self, text: str) -> list[File]:
        key = _key(text)
        if key is None:  # pip cannot install what is no PEP 440 version, so it is no release either
            return []
        if key not in self.spellings:
            self.spellings[key] = str(Version(text))
        return self.found.setdefault(key, [])


def _likely(listed: dict[pypi.Key, _Listed]) -> set[pypi.Key]:
    """The newest finished releases of each major version: what updates lead to. listed: oldest version first."""
    chosen: set[pypi.Key] = set()
    counted: defaultdict[tuple[int, int], int] = defaultdict(int)
    for key, one in reversed(listed.items()):
        line = pypi.line(key)
        if counted[line] < NEWEST and not one.yanked and pypi.is_finished(key):
            counted[line] += 1
            chosen.add(key)
    return chosen


def _key(text: str) -> pypi.Key | None:
    """Remembered, since whoever compares releases asks for the same ones. None for what is no version."""
    try:
        return pypi.key(text) if len(text) > versions.LONGEST else cast(pypi.Key, versions.key("pypi", text))
    except (ValueError, InvalidVersion):
        return None


def version_of(filename: str, name: str) -> str | None:
    """The version in the name of a wheel or an sdist of this project (`name` normalised), else None."""
    return _Namer(name).version(filename)


class _Namer:
    """Tells versions by the names of one project's files."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._same: dict[str, bool] = {}
        self.began = "-"  # how the wheel began that `version` was last asked for; no file's name begins with a dash

    def version(self, filename: str) -> str | None:
        """None for a file of another project, and for one that is neither a wheel nor an sdist."""
        self.began = "-"
        if filename.endswith(".whl"):
            parts = filename.split("-")
            if len(parts) not in (5, 6) or not self._is(parts[0]):
                return None
            self.began = f"{parts[0]}-{parts[1]}-"
            return parts[1].replace("_", "-")
        if not filename.endswith(SDISTS):
            return None
        stem = next(filename[: -len(end)] for end in SDISTS if filename.endswith(end))
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
        offered = files if _all_offered(files) else [file for file in files if file.yanked is False] or files
        self._offered = offered
        self.yanked = offered[0].yanked is not False

    def row(self, url: str, *, whole: bool) -> _rows.Row:
        """whole: with all its files, else one for each demand on Python, and partial if that is not all."""
        kept = self._offered if whole else _demanding(self._offered)
        said = (file.yanked for file in self._files if isinstance(file.yanked, str) and file.yanked)
        return _rows.Row(
            version=self._version,
            published=_first([file.upload_time for file in self._files if file.upload_time]),
            yanked=self.yanked,
            yanked_reason=next(said, "") if self.yanked else "",
            artifacts=[_file(file, url) for file in kept],
            partial=len(kept) < len(self._offered),
        )


def _demanding(files: Sequence[File]) -> Sequence[File]:
    """The first file of each demand on Python, in their order."""
    if len({file.requires_python for file in files}) == 1:
        return files[:1]
    first: dict[str | None, File] = {}
    for file in files:
        first.setdefault(file.requires_python, file)
    return list(first.values())


def _all_offered(files: Sequence[File]) -> bool:
    return {file.yanked for file in files} == {False}


def _file(file: File, url: str) -> _rows.File:
    place = file.url
    if not _is_whole(place):
        place = urldefrag(urljoin(url, place))[0]
    return _rows.File(file.filename, place, file.hashes.sha256, file.requires_python or None, file.size)


def _is_whole(url: str) -> bool:
    """Already absolute and without anything that would have to be cut off."""
    return url.startswith(("https://", "http://")) and "#" not in url and url.isascii() and url.isprintable()


def _first(texts: Sequence[str]) -> datetime | None:
    """The earliest of these times."""
    # An index writes all times in one form; texts of one length that end in Z sort as their times do.
    if len(set(map(len, texts))) == 1:
        low, high = min(texts), max(texts)
        if low[10:11] == high[10:11] == "T" and low[-1] == high[-1] == "Z" and (first := time_of(low)) is not None:
            return first
    return min((time for text in texts if (time := time_of(text))), default=None)


def by_version(releases: Iterable[Release]) -> Mapping[Version, Release]:
    """Releases by what their version means, so that "1.0" and "1.0.0" meet."""
    return {Version(release.version): release for release in releases}
