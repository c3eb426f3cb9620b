"""npm's document of one package, abbreviated or full, whole or reduced, as releases; the unsaid stays unsaid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from bot.adapters.sources import _rows
from bot.adapters.sources._said import (
    Links,
    checksum_of_sri,
    links_of,
    repository_url,
    text_of,
    time_of,
    web_url,
)
from bot.core.errors import Missing, Permanent
from bot.core.model import Artifact, Release, Trust
from bot.core.releases import TRUSTED
from bot.tools.bundles import Blob

INSTALL = "application/vnd.npm.install-v1+json"
SCRIPTS = ("preinstall", "install", "postinstall")  # what npm runs when it installs a package out of a registry
ABSENT = msgspec.Raw()
_NO_SCRIPTS = msgspec.Raw(b"{}")
T = TypeVar("T")


class _Dist(msgspec.Struct, frozen=True, omit_defaults=True):
    tarball: str = ""
    integrity: str | None = None
    shasum: str | None = None
    attestations: msgspec.Raw = ABSENT


class _Version(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"has_install_script": "hasInstallScript", "npm_user": "_npmUser"},
):
    """What we need of a version. Raw is what publishers wrote, in any shape: twenty years of it are in the registry."""

    dist: _Dist = _Dist()
    deprecated: msgspec.Raw = ABSENT
    has_install_script: msgspec.Raw = ABSENT
    scripts: msgspec.Raw = ABSENT
    gypfile: msgspec.Raw = ABSENT
    os: msgspec.Raw = ABSENT
    cpu: msgspec.Raw = ABSENT
    engines: msgspec.Raw = ABSENT
    npm_user: msgspec.Raw = ABSENT
    maintainers: msgspec.Raw = ABSENT
    repository: msgspec.Raw = ABSENT
    homepage: msgspec.Raw = ABSENT


class _Document(msgspec.Struct, omit_defaults=True):
    versions: dict[str, _Version] | None = None
    time: dict[str, msgspec.Raw] = {}
    tags: msgspec.Raw = msgspec.field(name="dist-tags", default=ABSENT)


class _Packed(msgspec.Struct, omit_defaults=True):
    """A document as it is kept, with what its versions say together; each of them is read when it is wanted.

    versions, time: as JSON, in one piece each, so that nobody goes through all of them to find one. scripts: whether it
    says of any version whether its installation runs a script. systems: whether any is for some systems alone. latest:
    what it calls so.
    """

    versions: dict[str, memoryview] = {}
    time: dict[str, bytes] = {}
    scripts: bool = False
    systems: bool = False
    latest: str = ""
    attested: dict[str, str] = {}


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_DOCUMENTS = msgspec.json.Decoder(_Document)
_VERSIONS = msgspec.json.Decoder(_Version)
_PACKED = msgspec.msgpack.Decoder(_Packed)


class Listing:
    """A document as releases, each made when it is wanted. attested: version -> where its attestations are, or "".

    full: nothing more can be had for asking in another way, but for the attestations.
    """

    __slots__ = ("_known", "_packed", "_reader", "_versions", "attested", "full", "page")

    def __init__(self, document: _Document | _Packed, *, full: bool, page: str, packed: Blob = b"") -> None:
        self._versions: Mapping[str, _Version | memoryview] = document.versions or {}
        self._packed = packed
        self._reader = _Reader(document, full=full, page=page)
        self._known: dict[str, Release] = {}
        self.attested = self._reader.attested
        self.full = full
        self.page = page

    @property
    def releases(self) -> Mapping[str, Release]:
        """All of them, in the order of the document."""
        return {version: self._made(version, said) for version, said in self._versions.items()}

    def release(self, version: str) -> Release | None:
        """This one, None where it is not listed."""
        said = self._versions.get(version)
        return None if said is None else self._made(version, said)

    def brief(self) -> tuple[Release, ...]:
        """All of them without what `release` tells better: files, people, times and links. All are partial."""
        return _rows.releases([self._reader.brief(version, _read(said)) for version, said in self._versions.items()])

    def packed(self) -> Blob:
        """The document without all that nobody here reads."""
        return self._packed or self._reader.packed(self._versions)

    def _made(self, version: str, said: _Version | memoryview) -> Release:
        if version not in self._known:
            self._known[version] = self._reader.release(version, _read(said))
        return self._known[version]

    def __len__(self) -> int:
        return len(self._versions)


def unpacked(packed: Blob, *, full: bool, page: str) -> Listing:
    """The listing that was packed so. DecodeError for anything else."""
    return Listing(_PACKED.decode(packed), full=full, page=page, packed=packed)


def _read(said: _Version | memoryview) -> _Version:
    return said if isinstance(said, _Version) else _VERSIONS.decode(said)


def _slim(said: _Version) -> _Version:
    """Without the scripts that do not run at installation, which are most of what is left."""
    quiet = _is_there(said.scripts) and b"install" not in bytes(said.scripts)
    return msgspec.structs.replace(said, scripts=_NO_SCRIPTS) if quiet else said


def read(body: bytes, name: str, url: str, *, kind: str, asked_full: bool, page: str = "") -> Listing:
    """A document in the order in which the registry lists its versions.

    kind: its content type. page: where a person reads of a version, with {} for it. Missing when the package was
    taken back as a whole; Permanent when this is no such document.
    """
    try:
        document = _DOCUMENTS.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Permanent(f"{urlsplit(url).hostname} sends no npm document for {name}: {error}") from error
    if document.versions is None:
        if "unpublished" in document.time:
            raise Missing(f"{name} was taken back by its publisher, and no version is left")
        raise Permanent(f"{urlsplit(url).hostname} sends no npm document for {name}: it has no versions")
    # Some registries know only one form and answer every question with it.
    return Listing(document, full=asked_full or (INSTALL not in kind and bool(document.time)), page=page)


class _Reader:
    """Makes releases of one document; equal texts, of which it is full, become one object."""

    def __init__(self, document: _Document | _Packed, *, full: bool, page: str) -> None:
        self._time: Mapping[str, msgspec.Raw | bytes] = document.time
        self._full = full
        self._page = page
        self._same: dict[tuple[Callable[..., Any], bytes], Any] = {}
        self._trusts: dict[tuple[object, ...], Trust] = {}
        self._silent: dict[str | None, Trust] = {}
        if isinstance(document, _Packed):
            self._says_scripts, self.attested = document.scripts, document.attested
            self._says_systems, self._latest = document.systems, document.latest
        else:
            self._together(document.versions or {})
            self._latest = _latest(document.tags)
        self._says_attested = bool(self.attested)

    def _together(self, versions: Mapping[str, _Version]) -> None:
        # A registry that says something for no version at all leaves it out; one that says it for some means the rest.
        every = versions.values()
        self._says_scripts = any(_is_there(one.has_install_script) or _is_there(one.scripts) for one in every)
        self._says_systems = any(one.os is not one.cpu for one in every)  # but for both absent, no two are one
        # Most are absent, and there are thousands of them: that is seen without a call.
        self.attested = {
            version: self._once(_attestations, raw)
            for version, said in versions.items()
            if (raw := said.dist.attestations) is not ABSENT and _is_there(raw)
        }

    def packed(self, versions: Mapping[str, _Version | memoryview]) -> bytes:
        """The document as it is kept."""
        slim = {version: msgspec.json.encode(_slim(_read(said))) for version, said in versions.items()}
        times = {version: bytes(said) for version, said in self._time.items()}
        together = {"scripts": self._says_scripts, "attested": self.attested}
        together |= {"systems": self._says_systems, "latest": self._latest}
        return msgspec.msgpack.encode({"versions": slim, "time": times, **together})

    def release(self, version: str, said: _Version) -> Release:
        """One version, partial where asking again would tell more."""
        return Release(
            version=version,
            # A string without escapes is its own bytes, and there are thousands of them.
            published=time_of(str(self._time.get(version, ABSENT), "ascii", "replace").strip('"')),
            deprecated=self._once(_deprecated, said.deprecated),
            artifacts=_artifacts(said.dist),
            trust=self._trust(version, said),
            url=self._page.replace("{}", version) or None,
            links=self._links(said),
            latest=self._latest,
            node=self._once(_node, said.engines),
            partial=not self._full or version in self.attested,
        )

    def brief(self, version: str, said: _Version) -> _rows.Row:
        """Only what decides whether it is looked at, as an abbreviated document knows no more."""
        words = "" if said.deprecated is ABSENT else self._once(_deprecated, said.deprecated)
        node = "" if said.engines is ABSENT else self._once(_node, said.engines)
        trust = self._trust(version, said)
        return _rows.Row(version=version, deprecated=words, trust=trust, latest=self._latest, node=node, partial=True)

    def _trust(self, version: str, said: _Version) -> Trust:
        provenance = "" if self._says_attested and version not in self.attested else None
        # An abbreviated document mostly says none of this, thousands of times.
        if (
            said.npm_user is said.maintainers is said.has_install_script is said.scripts is said.gypfile is ABSENT
            and said.os is said.cpu
        ):
            if provenance not in self._silent:
                script, binary = False if self._says_scripts else None, False if self._says_systems else None
                self._silent[provenance] = Trust(provenance=provenance, install_script=script, binary=binary)
            return self._silent[provenance]
        publisher, maintainers = self._once(_publisher, said.npm_user), self._once(_people, said.maintainers)
        script, binary = self._script(said), self._binary(said)
        key = (provenance, publisher, maintainers, script, binary)
        if key not in self._trusts:
            self._trusts[key] = Trust(
                provenance=provenance,
                publisher=publisher,
                maintainers=maintainers,
                install_script=script,
                binary=binary,
            )
        return self._trusts[key]

    def _binary(self, said: _Version) -> bool | None:
        if not self._says_systems:
            return None
        return self._once(_systems, said.os) or self._once(_systems, said.cpu)

    def _script(self, said: _Version) -> bool | None:
        runs = (
            self._once(_value, said.has_install_script) is True
            or self._once(_runs, said.scripts)
            or self._once(_value, said.gypfile) is True
        )
        return True if runs else (False if self._says_scripts else None)

    def _links(self, said: _Version) -> Links:
        repository, homepage = self._once(_repository, said.repository), self._once(_homepage, said.homepage)
        return links_of(repository=repository, homepage=homepage)

    def _once(self, make: Callable[[msgspec.Raw], T], raw: msgspec.Raw) -> T:
        key = (make, b"" if raw is ABSENT else bytes(raw))
        if key not in self._same:
            self._same[key] = make(raw)
        made: T = self._same[key]
        return made


def _is_there(raw: msgspec.Raw) -> bool:
    # Most are not: the first look spares the others.
    return raw is not ABSENT and bytes(raw) not in (b"", b"null")


def _value(raw: msgspec.Raw) -> Any:
    try:
        return json.loads(bytes(raw)) if _is_there(raw) else None
    except (ValueError, RecursionError):
        # A number of thousands of digits, or lists in lists without an end: nobody who publishes writes such.
        return None


def _artifacts(dist: _Dist) -> tuple[Artifact, ...]:
    url = web_url(dist.tarball)
    if url is None:
        return ()
    # The sha1 is only better than nothing, and all that old releases have.
    checksum = checksum_of_sri(dist.integrity) or (f"sha1:{dist.shasum}" if dist.shasum else None)
    kind, _, digest = (checksum or "").partition(":")
    filename = url.partition("?")[0].rpartition("/")[2]
    if kind == "sha256":
        return (Artifact(filename=filename, url=url, sha256=digest),)
    return (Artifact(filename=filename, url=url, checksum=checksum),)


def _attestations(raw: msgspec.Raw) -> str:
    said = _value(raw)
    return web_url(said.get("url")) or "" if isinstance(said, dict) else ""


def _deprecated(raw: msgspec.Raw) -> str:
    said = _value(raw)
    return "deprecated" if said is True else text_of(said)


def _publisher(raw: msgspec.Raw) -> str | None:
    """Who uploaded it: a name, or the trusted publisher, which no person can be called: a name has no space."""
    said = _value(raw)
    trusted = said.get("trustedPublisher") if isinstance(said, dict) else None
    if isinstance(trusted, dict) and (kind := text_of(trusted.get("id"))):
        # All who publish so share one name ("GitHub Actions"); the configuration tells them apart.
        return f"{TRUSTED} {kind} {text_of(trusted.get('oidcConfigId'))}".rstrip()
    return _name(said)


def _people(raw: msgspec.Raw) -> tuple[str, ...] | None:
    said = _value(raw)
    if not isinstance(said, list):
        return None
    return tuple(sorted({name for one in said if (name := _name(one))})) or None


def _name(said: object) -> str | None:
    if isinstance(said, dict):
        said = said.get("name")
    return text_of(said).partition(" <")[0] or None


def _runs(raw: msgspec.Raw) -> bool:
    # Most have scripts, few have these: a look at the bytes spares reading them.
    said = _value(raw) if b"install" in bytes(raw) else None
    return isinstance(said, dict) and any(said.get(name) for name in SCRIPTS)


def _systems(raw: msgspec.Raw) -> bool:
    """Whether it names systems that it is for; those that it is not for ("!win32") are no sign of compiled code."""
    said = _value(raw)
    named = said if isinstance(said, list) else [said]
    return any(isinstance(one, str) and one not in ("", "any") and not one.startswith("!") for one in named)


def _latest(raw: msgspec.Raw) -> str:
    said = _value(raw)
    return text_of(said.get("latest")) if isinstance(said, dict) else ""


def _node(raw: msgspec.Raw) -> str:
    said = _value(raw)
    return text_of(said.get("node")) if isinstance(said, dict) else ""


def _homepage(raw: msgspec.Raw) -> str | None:
    return web_url(_value(raw))


def _repository(raw: msgspec.Raw) -> str | None:
    said = _value(raw)
    candidates: Iterable[object] = said if isinstance(said, list) else (said,)
    urls = (repository_url(one.get("url") if isinstance(one, dict) else one) for one in candidates)
    return next((url for url in urls if url), None)
