"""Which repository a build attestation names for one file, by the registry's word: no signature is checked here.

The registry checked the signature when it took the file in, and the installer checks it again. Here only the statement
counts: whether it is about this very file, and where it says that the file was built from.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from bot.adapters.sources._said import repository_url
from bot.core.releases import UNNAMED

PROVENANCE = "https://slsa.dev/provenance/"
# Where each version of the predicate names the source (slsa.dev/spec/v1.0/provenance and v0.2; npm, GitHub, GitLab).
_PLACES = (
    ("buildDefinition", "externalParameters", "workflow", "repository"),
    ("buildDefinition", "externalParameters", "source"),
    ("invocation", "configSource", "uri"),
)


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


class Bundle(msgspec.Struct, rename="camel"):
    """One attestation as Sigstore bundles it: what is signed, and the certificate of who signed."""

    dsse_envelope: _Envelope | None = None
    message_signature: _Message | None = None
    verification_material: _Material = msgspec.field(default_factory=_Material)


class _Attestation(msgspec.Struct, rename="camel"):
    predicate_type: str = ""
    bundle: Bundle = msgspec.field(default_factory=Bundle)


class _Document(msgspec.Struct):
    attestations: list[_Attestation]


class _Subject(msgspec.Struct):
    digest: dict[str, str] = {}


class _Statement(msgspec.Struct):
    subject: list[_Subject] = []
    predicate: Any = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_DOCUMENTS = msgspec.json.Decoder(_Document)
STATEMENTS = msgspec.json.Decoder(_Statement)
BUNDLES = msgspec.json.Decoder(list[Bundle])


def repository_of(body: bytes, checksum: str) -> str:
    """The repository that a file was built from, out of npm's answer to the question for its attestations.

    checksum: the file's, "<algorithm>:<hex>". "" when what is attested is another file; UNNAMED when that cannot be
    told, or no repository is named.
    """
    try:
        found = [STATEMENTS.decode(payload) for payload in _payloads(body)]
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
