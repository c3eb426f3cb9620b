"""Which repository a Sigstore bundle names for one file: its certificate says what it was built from.

As with other attestations (`_attestations`), the registry's word counts and no signature is checked here.
"""

from __future__ import annotations

import base64

import msgspec
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from bot.adapters.sources._attestations import BUNDLES, STATEMENTS, Bundle
from bot.adapters.sources._said import repository_url
from bot.core.releases import UNNAMED

# What Sigstore's certificate authority writes about a build: the URL of its source (sigstore/fulcio, docs/oid-info.md).
SOURCE = ObjectIdentifier("1.3.6.1.4.1.57264.1.12")


def repository_of_bundles(body: bytes, sha256: str) -> str:
    """The same out of a list of Sigstore bundles, as RubyGems gives them: the certificate names the repository.

    "" for an empty list, or when what is signed is another file; UNNAMED when that cannot be told.
    """
    try:
        bundles = BUNDLES.decode(body)
        about = [bundle for bundle in bundles if sha256.lower() in _signed(bundle)]
        return next((_source(bundle) for bundle in about), "")
    except (msgspec.DecodeError, ValueError, x509.ExtensionNotFound, x509.InvalidVersion, RecursionError):
        return UNNAMED


def _signed(bundle: Bundle) -> set[str]:
    """The sha256 of each file that a bundle is about, in hex."""
    if bundle.message_signature:
        return {base64.b64decode(bundle.message_signature.message_digest.digest).hex()}
    if bundle.dsse_envelope:
        statement = STATEMENTS.decode(base64.b64decode(bundle.dsse_envelope.payload))
        return {subject.digest.get("sha256", "").lower() for subject in statement.subject}
    return set()


def _source(bundle: Bundle) -> str:
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
