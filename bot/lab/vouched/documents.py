"""Reads what registries publish of who vouches for a file; of a document that is none, nothing is believed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import parse_qs, urldefrag, urljoin

import msgspec

from bot.core.errors import Permanent
from bot.core.vouching import Publisher

MOST_ATTESTATIONS = MOST_SIGNATURES = 20  # of one file
MOST_KEYS = 100  # of one registry; npm's has two
NOBODY = Publisher()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One, as it was published. form: "attestation" (of PEP 740) or "bundle" (of Sigstore); data: its JSON.

    publisher: whom the index names. signer: the name of the registry's key that signed, "" where a certificate did.
    """

    form: str
    data: bytes
    publisher: Publisher = NOBODY
    signer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file on the page of a project. sha256: hex, "" where it is not said. provenance: where its attestations are."""

    filename: str
    sha256: str
    provenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A registry's own. der: base64. expires: until when it is good, None for always."""

    der: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """By a registry's own key, over a version and its content. key: its name; sig: base64."""

    key: str
    sig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Of npm. integrity: its tarball's hashes; attested: has it attestations? trusted: see `vouching.of_npm`.

    signatures: None for what is no list of such.
    """

    integrity: str = ""
    attested: bool = False
    trusted: str = ""
    signatures: tuple[Signature, ...] | None = ()


class _Hashes(msgspec.Struct):
    sha256: str | None = None


class _File(msgspec.Struct):
    filename: str
    hashes: _Hashes = msgspec.field(default_factory=_Hashes)
    provenance: str | None = None


class _Page(msgspec.Struct):
    files: list[_File]


class _Publisher(msgspec.Struct):
    kind: str = ""
    repository: str | None = None
    workflow: str | None = None
    workflow_filepath: str | None = None
    environment: str | None = None
    email: str | None = None
    project_id: str | None = None
    pipeline_definition_id: str | None = None
    vcs_origin: str | None = None


class _Bundle(msgspec.Struct):
    publisher: _Publisher
    attestations: list[msgspec.Raw]


class _Provenance(msgspec.Struct):
    attestation_bundles: list[_Bundle]


class _Trusted(msgspec.Struct):
    id: str = ""


class _User(msgspec.Struct, rename="camel"):
    trusted_publisher: _Trusted | None = None


class _Dist(msgspec.Struct):
    integrity: str | None = None
    attestations: msgspec.Raw = msgspec.Raw()
    signatures: msgspec.Raw = msgspec.Raw()


class _OfRegistry(msgspec.Struct):
    keyid: str
    sig: str


class _Version(msgspec.Struct, rename={"user": "_npmUser"}):
    dist: _Dist = msgspec.field(default_factory=_Dist)
    user: _User | None = None


class _Packument(msgspec.Struct):
    versions: dict[str, _Version] = {}


class _Times(msgspec.Struct):
    time: dict[str, object] = {}  # what was withdrawn has more than a time here


class _Key(msgspec.Struct):
    keyid: str
    key: str
    expires: str | None = None


class _Keys(msgspec.Struct):
    keys: list[_Key]


class _Signature(msgspec.Struct):
    keyid: str | None = None


class _Envelope(msgspec.Struct):
    signatures: list[_Signature] = []


class _Signed(msgspec.Struct, rename="camel"):
    dsse_envelope: _Envelope = msgspec.field(default_factory=_Envelope)


class _Attested(msgspec.Struct):
    bundle: msgspec.Raw


class _Document(msgspec.Struct):
    attestations: list[_Attested]


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_PAGES = msgspec.json.Decoder(_Page)
_PROVENANCES = msgspec.json.Decoder(_Provenance)
_VERSIONS = msgspec.json.Decoder(_Version)
_PACKUMENTS = msgspec.json.Decoder(_Packument)
_TIMES = msgspec.json.Decoder(_Times)
_KEYS = msgspec.json.Decoder(_Keys)
_SIGNATURES = msgspec.json.Decoder(list[_OfRegistry])
_SIGNED = msgspec.json.Decoder(_Signed)
_DOCUMENTS = msgspec.json.Decoder(_Document)
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOTHING = (b"", b"null")


def page(body: bytes, url: str) -> list[Listed]:
    """The files of a project's page, JSON or HTML (PEP 691, 503, 740). Permanent for JSON that is none such."""
    if body.lstrip()[:1] != b"{":
        reader = _Anchors(url)
        reader.feed(body.decode("utf-8", "replace"))
        return reader.files
    try:
        files = _PAGES.decode(body).files
    except _BROKEN as problem:
        raise Permanent(f"the index sends no page of a project: {problem}") from None
    return [
        Listed(filename=one.filename, sha256=one.hashes.sha256 or "", provenance=_joined(url, one.provenance))
        for one in files
    ]


def _joined(url: str, said: str | None) -> str:
    return urljoin(url, said) if said else ""


class _Anchors(HTMLParser):
    """The links of a page; its text counts as the name of the file."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.files: list[Listed] = []
        self._url = url
        self._open: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = dict(attrs) if tag == "a" else self._open

    def handle_data(self, data: str) -> None:
        if self._open is None or not data.strip():
            return
        digest = parse_qs(urldefrag(self._open.get("href") or "").fragment).get("sha256", [""])[0]
        where = _joined(self._url, self._open.get("data-provenance"))
        self.files.append(Listed(filename=data.strip(), sha256=digest, provenance=where))
        self._open = None


def provenance(body: bytes) -> tuple[Attestation, ...]:
    """What stands in a provenance object of PEP 740. Permanent for what is none, and for too many."""
    try:
        bundles = _PROVENANCES.decode(body).attestation_bundles
    except _BROKEN as problem:
        raise Permanent(f"the index sends no provenance of a file: {problem}") from None
    return _bounded(
        [
            Attestation(form="attestation", data=bytes(raw), publisher=_publisher(bundle.publisher))
            for bundle in bundles
            for raw in bundle.attestations
        ]
    )


def _publisher(said: _Publisher) -> Publisher:
    return Publisher(
        kind=said.kind, repository=said.repository or "", workflow=said.workflow or said.workflow_filepath or "",
        environment=said.environment or "", email=said.email or "", project_id=said.project_id or "",
        pipeline_definition_id=said.pipeline_definition_id or "", vcs_origin=said.vcs_origin or "",
    )  # fmt: skip


def _bounded(every: Sequence[Attestation]) -> tuple[Attestation, ...]:
    if len(every) > MOST_ATTESTATIONS:
        raise Permanent(
            f"there are {len(every)} attestations of one file, and no more than {MOST_ATTESTATIONS} are read"
        )
    return tuple(every)


def version(body: bytes) -> Version:
    """One version's own document of npm. Permanent for what is none."""
    try:
        return _of_version(_VERSIONS.decode(body))
    except _BROKEN as problem:
        raise Permanent(f"the registry sends no document of a version: {problem}") from None


def packument(body: bytes, wanted: str) -> Version:
    """The same out of the document of the whole package. Permanent for what is none, or lacks the version."""
    try:
        found = _PACKUMENTS.decode(body).versions.get(wanted)
    except _BROKEN as problem:
        raise Permanent(f"the registry sends no document of a package: {problem}") from None
    if found is None:
        raise Permanent("the registry no longer lists that version")
    return _of_version(found)


def _of_version(said: _Version) -> Version:
    trusted = said.user.trusted_publisher.id if said.user and said.user.trusted_publisher else ""
    attested = bytes(said.dist.attestations) not in _NOTHING
    signatures = _signatures(bytes(said.dist.signatures))
    return Version(integrity=said.dist.integrity or "", attested=attested, trusted=trusted, signatures=signatures)


def _signatures(said: bytes) -> tuple[Signature, ...] | None:
    """Of another form than is known, or too many, they are no reason not to read the rest."""
    try:
        found = _SIGNATURES.decode(said) if said not in _NOTHING else []
    except _BROKEN:
        return None
    return tuple(Signature(key=one.keyid, sig=one.sig) for one in found) if len(found) <= MOST_SIGNATURES else None


def published(body: bytes, wanted: str) -> datetime | None:
    """When that version was, by the document of the whole package; None where it says no time. Permanent for none."""
    try:
        said = _TIMES.decode(body).time.get(wanted)
    except _BROKEN as problem:
        raise Permanent(f"the registry sends no document of a package: {problem}") from None
    with contextlib.suppress(ValueError):
        return _time(said) if isinstance(said, str) else None
    return None


def attestations(body: bytes) -> tuple[Attestation, ...]:
    """What npm's registry answers to the question for those of a version. Permanent for what is none such."""
    try:
        bundles = [bytes(one.bundle) for one in _DOCUMENTS.decode(body).attestations]
        signers = [_SIGNED.decode(one).dsse_envelope.signatures for one in bundles]
    except _BROKEN as problem:
        raise Permanent(f"the registry sends no attestations: {problem}") from None
    return _bounded(
        [
            Attestation(form="bundle", data=data, signer=(signed[0].keyid or "") if signed else "")
            for data, signed in zip(bundles, signers, strict=True)
        ]
    )


def keys(body: bytes) -> Mapping[str, Key]:
    """A registry's own keys by their names. Permanent for what is no list of such, and for too many."""
    try:
        found = {one.keyid: Key(der=one.key, expires=_time(one.expires)) for one in _KEYS.decode(body).keys}
    except (*_BROKEN, ValueError) as problem:
        raise Permanent(f"the registry sends no list of its keys: {problem}") from None
    if len(found) > MOST_KEYS:
        raise Permanent(f"the registry lists {len(found)} keys, and no more than {MOST_KEYS} are read")
    return found


def _time(said: str | None) -> datetime | None:
    if not said:
        return None
    time = datetime.fromisoformat(said)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
