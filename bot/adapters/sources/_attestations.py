"""Which repository a build attestation names for one file, by the registry's word: no signature is checked here.

The registry checked the signature when it took the file in, and the installer checks it again. Here only the statement
counts: whether it is about this very file, and where it says that the file was built from.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from bot.adapters.sources._said import repository_url
from bot.core.releases import UNNAMED

PROVENANCE = "https://slsa.dev/provenance/"
# Where each version of the predicate names the source (slsa.dev/spec/v1.0/provenance and v0.2; npm, GitHub, GitLab).
_PLACES = (
    ("buildDefinition", "externalParameters", "workflow", "repository"),
    ("buildDefinition", "externalParameters", "source"),
    ("invocation", "configSource", "uri"),
)


# What Sigstore's certificate authority writes about a build: the URL of its source (sigstore/fulcio, docs/oid-info.md).
SOURCE = ObjectIdentifier("1.3.6.1.4.1.57264.1.12")


class _Envelope(msgspec.Struct):
    payload: str = ""


class _Certificate(msgspec.Struct, rename="camel"):
    raw_bytes: str = ""


class _Material(msgspec.Struct):
    certificate: _Certificate = msgspec.field(default_factory=_Certificate)


class _Digest(msgspec.Struct):
    digest: str = ""


class _Message(msgspec.Struct, rename="camel"):
    message_digest: _Digest = msgspec.field(default_factory=_Digest)


class _Bundle(msgspec.Struct, rename="camel"):
    dsse_envelope: _Envelope | None = None
    message_signature: _Message | None = None
    verification_material: _Material = msgspec.field(default_factory=_Material)


class _Attestation(msgspec.Struct, rename="camel"):
    predicate_type: str = ""
    bundle: _Bundle = msgspec.field(default_factory=_Bundle)


class _Document(msgspec.Struct):
    attestations: list[_Attestation]


class _Subject(msgspec.Struct):
    digest: dict[str, str] = {}


class _Statement(msgspec.Struct):
    subject: list[_Subject] = []
    predicate: Any = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_DOCUMENTS = msgspec.json.Decoder(_Document)
_STATEMENTS = msgspec.json.Decoder(_Statement)
_BUNDLES = msgspec.json.Decoder(list[_Bundle])


def repository_of(body: bytes, checksum: str) -> str:
    """The repository that a file was built from, out of npm's answer to the question for its attestations.

    checksum: the file's, "<algorithm>:<hex>". "" when what is attested is another file; UNNAMED when that cannot be
    told, or no repository is named.
    """
    try:
        found = [_STATEMENTS.decode(payload) for payload in _payloads(body)]
    except (msgspec.DecodeError, ValueError, RecursionError):
        return UNNAMED
    kind, _, digest = checksum.partition(":")
    about = [(subject.digest[kind], one) for one in found for subject in one.subject if kind in subject.digest]
    for attested, statement in about:
        if attested.lower() == digest:
            return _named(statement.predicate) or UNNAMED
    return "" if about else UNNAMED


def _payloads(body: bytes) -> list[bytes]:
    return [
        base64.b64decode(one.bundle.dsse_envelope.payload)
        for one in _DOCUMENTS.decode(body).attestations
        if one.predicate_type.startswith(PROVENANCE) and one.bundle.dsse_envelope
    ]


def _named(predicate: object) -> str | None:
    for path in _PLACES:
        said = predicate
        for key in path:
            said = said.get(key) if isinstance(said, dict) else None
        # The older form has the branch or tag behind it: git+https://github.com/owner/name@refs/heads/main
        if isinstance(said, str) and (url := repository_url(said.partition("@refs/")[0])):
            return url
    return None


def repository_of_bundles(body: bytes, sha256: str) -> str:
    """The same out of a list of Sigstore bundles, as RubyGems gives them: the certificate names the repository.

    "" for an empty list, or when what is signed is another file; UNNAMED when that cannot be told.
    """
    try:
        bundles = _BUNDLES.decode(body)
        about = [bundle for bundle in bundles if sha256.lower() in _signed(bundle)]
        return next((_source(bundle) for bundle in about), "")
    except (msgspec.DecodeError, ValueError, x509.ExtensionNotFound, x509.InvalidVersion, RecursionError):
        return UNNAMED


def _signed(bundle: _Bundle) -> set[str]:
    """The sha256 of each file that a bundle is about, in hex."""
    if bundle.message_signature:
        return {base64.b64decode(bundle.message_signature.message_digest.digest).hex()}
    if bundle.dsse_envelope:
        statement = _STATEMENTS.decode(base64.b64decode(bundle.dsse_envelope.payload))
        return {subject.digest.get("sha256", "").lower() for subject in statement.subject}
    return set()


def _source(bundle: _Bundle) -> str:
    raw = base64.b64decode(bundle.verification_material.certificate.raw_bytes)
    # rubygems.org encodes its certificates twice (rubygems/rubygems.org#6098); plain DER begins with 0x30.
    certificate = x509.load_der_x509_certificate(raw if raw[:1] == b"0" else base64.b64decode(raw))
    said = certificate.extensions.get_extension_for_oid(SOURCE).value
    text = _utf8(said.value) if isinstance(said, x509.UnrecognizedExtension) else ""
    return repository_url(text) or UNNAMED


def _utf8(der: bytes) -> str:
    """A UTF8String in DER (X.690, 8.1.3): its kind, its length in one byte or behind 0x81, its text; "" for others."""
    head = 3 if der[1:2] == b"\x81" else 2
    return der[head:].decode() if der[:1] == b"\x0c" and len(der) == head + der[head - 1] else ""
