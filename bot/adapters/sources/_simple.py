"""The simple repository API: one project's page, JSON (PEP 691, 700) or HTML (PEP 503), as releases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core.errors import Permanent
from bot.core.model import Artifact, Release

SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")


class File(msgspec.Struct, rename="kebab", frozen=True):
    """What we need of a file's entry; msgspec skips the rest unread. yanked: a reason, or whether."""

    filename: str
    url: str
    hashes: dict[str, str] = {}
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


def of_json(body: bytes, name: str, url: str) -> tuple[Release, ...]:
    """Releases of a JSON page, oldest version first. Permanent when it is not one of major version 1."""
    try:
        page = _PAGES.decode(body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(url).hostname} sends no simple API page for {name}: {error}") from error
    _must_be_known(page.meta.api_version, url)
    return _releases(page.files, name, url, page.versions)


def of_html(text: str, name: str, url: str) -> tuple[Release, ...]:
    """Releases of an HTML page, oldest version first; such a page says neither dates nor sizes."""
    reader = _Links()
    reader.feed(text)
    _must_be_known(reader.version, url)
    return _releases(reader.files, name, urljoin(url, reader.base), ())


def of_files(files: Iterable[File], name: str, url: str) -> tuple[Release, ...]:
    """Releases of a flat listing, as `find-links` has them: files of other projects are left out."""
    return _releases(files, name, url, ())


def _must_be_known(version: str, url: str) -> None:
    if version.partition(".")[0] != "1":
        raise Permanent(f"{urlsplit(url).hostname} speaks version {version} of the simple API, and we know version 1")


class _Links(HTMLParser):
    """The anchors of a page; a file's name is the last part of its link."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.files: list[File] = []
        self.base = ""
        self.version = "1.0"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each opening tag."""
        got = dict(attrs)
        if tag == "base":
            self.base = self.base or got.get("href") or ""
        elif tag == "meta" and got.get("name") == "pypi:repository-version":
            self.version = got.get("content") or "1.0"
        elif tag == "a" and (href := got.get("href")):
            plain, fragment = urldefrag(href)
            kind, _, digest = fragment.partition("=")
            # The attribute alone means yanked; its text, if any, is the reason.
            yanked = (got["data-yanked"] or True) if "data-yanked" in got else False
            self.files.append(
                File(
                    filename=unquote(urlsplit(plain).path.rpartition("/")[2]),
                    url=plain,
                    hashes={kind: digest} if digest else {},
                    requires_python=got.get("data-requires-python"),
                    yanked=yanked,
                )
            )


def _releases(files: Iterable[File], name: str, url: str, spelled: Sequence[str]) -> tuple[Release, ...]:
    spellings = {version: text for text in spelled if (version := _version(text))}
    known: dict[str, Version | None] = {}
    found: defaultdict[Version, list[File]] = defaultdict(list)
    for file in files:
        text = version_of(file.filename, name)
        if text is None:
            continue
        if text not in known:
            known[text] = _version(text)
        # pip cannot install what is no PEP 440 version, so it is no release either.
        if (version := known[text]) is not None:
            found[version].append(file)
    return tuple(_release(spellings.get(version, str(version)), found[version], url) for version in sorted(found))


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def version_of(filename: str, name: str) -> str | None:
    """The version in the name of a wheel or an sdist of this project (`name` normalised), else None."""
    if filename.endswith(".whl"):
        parts = filename[:-4].split("-")
        fits = len(parts) in (5, 6) and canonicalize_name(parts[0]) == name
        return parts[1].replace("_", "-") if fits else None
    stem = next((filename[: -len(end)] for end in SDISTS if filename.endswith(end)), None)
    if stem is None:
        return None
    # Both the name and an old version may hold dashes: the name is what tells where it ends.
    at = stem.find("-")
    while at > 0:
        if canonicalize_name(stem[:at]) == name and stem[at + 1 : at + 2].isdigit():
            return stem[at + 1 :]
        at = stem.find("-", at + 1)
    return None


def _release(version: str, files: Sequence[File], url: str) -> Release:
    # A release is withdrawn only when all its files are; a single withdrawn file is just not offered.
    offered = [file for file in files if file.yanked is False] or files
    yanked = offered[0].yanked is not False
    times = [time for file in files if (time := _time(file.upload_time))]
    reasons = [file.yanked for file in files if isinstance(file.yanked, str) and file.yanked]
    return Release(
        version=version,
        published=min(times) if times else None,
        yanked=yanked,
        yanked_reason=reasons[0] if yanked and reasons else "",
        artifacts=tuple(_artifact(file, url) for file in offered),
    )


def _artifact(file: File, url: str) -> Artifact:
    return Artifact(
        filename=file.filename,
        url=urldefrag(urljoin(url, file.url))[0],
        sha256=file.hashes.get("sha256"),
        requires_python=file.requires_python or None,
        size=file.size,
    )


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def by_version(releases: Iterable[Release]) -> Mapping[Version, Release]:
    """Releases by what their version means, so that "1.0" and "1.0.0" meet."""
    return {Version(release.version): release for release in releases}
