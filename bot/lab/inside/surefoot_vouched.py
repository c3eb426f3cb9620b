"""Verifies attestations in the jail, where nothing can be asked of anybody: only what is in them, and a trusted root.

Asked by JSON: file (what to verify), root (the file of a trusted root that comes before Sigstore's own, or ""), paths
(folders that hold sigstore). Sigstore does what it can; it takes no keys that have no certificate, and not the log
entries that npm had until 2024, so those are verified here with its parts.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.lab.inside.surefoot_vouched_said import claims, statement

_MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD = "application/vnd.in-toto+json"
_BY_LIBRARY = (("dsse", "0.0.1"), ("hashedrekord", "0.0.2"))
_BY_US = (("dsse", "0.0.1"), ("intoto", "0.0.2"))
# How the library says that a time of signing is missing, or by somebody whom it does not know.
_OF_TIME = ("sources of verified time", "Timestamp Authorities", "Integrated time")
_LONGEST = 500
_MEND = " (a newer sigstore may, or name its root by SUREFOOT_TRUSTED_ROOT)"


class _Said(Exception):
    """detail: what a library said of it, which may hold a stranger's words."""

    def __init__(self, why: str, detail: object = "") -> None:
        super().__init__(why)
        self.words = {"why": why, "detail": str(detail)[:_LONGEST]}


class Wrong(_Said):
    """A check was made, and failed."""


class Unread(_Said):
    """It could not be looked at."""


class Root:
    """Whom to trust. known: the identifiers of its authorities' keys, its logs and its logs of certificates."""

    def __init__(self, trusted: Any) -> None:
        from cryptography.x509 import ExtensionNotFound, SubjectKeyIdentifier
        from sigstore._internal.trust import KeyringPurpose
        from sigstore.verify import Verifier

        self.trusted = trusted
        self.verifier = Verifier(trusted_root=self.trusted)
        self.logs = self.trusted.rekor_keyring(KeyringPurpose.VERIFY)
        self.ctlogs = self.trusted.ct_keyring(KeyringPurpose.VERIFY)
        self.log_ids = {log.log_id.key_id for log in self.trusted._inner.tlogs if log.log_id}
        self.ct_ids = {log.log_id.key_id for log in self.trusted._inner.ctlogs if log.log_id}
        self.keys: set[bytes] = set()
        for one in self.trusted.get_fulcio_certs():
            with contextlib.suppress(ExtensionNotFound):
                self.keys.add(one.extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest)

    def knows(self, certificate: Any) -> bool:
        """Whether one of its authorities is named as who issued this."""
        from cryptography.x509 import AuthorityKeyIdentifier, ExtensionNotFound

        try:
            named = certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier).value.key_identifier
        except (ExtensionNotFound, ValueError):
            return False
        return named in self.keys

    def unknown(self, entry: Mapping[str, Any], certificate: Any = None) -> str:
        """Which log this root does not know, "" when it knows all."""
        from cryptography.x509 import ExtensionNotFound, PrecertificateSignedCertificateTimestamps

        if _bytes(entry["logId"]["keyId"]) not in self.log_ids:
            return f"it stands in a log that the trusted root does not know{_MEND}"
        with contextlib.suppress(ExtensionNotFound, ValueError):
            if certificate is not None:
                stamps = PrecertificateSignedCertificateTimestamps
                every = certificate.extensions.get_extension_for_class(stamps).value
                if any(one.log_id not in self.ct_ids for one in every):
                    return f"its certificate stands in a log that the trusted root does not know{_MEND}"
        return ""


def heard(item: Mapping[str, Any], roots: Sequence[Root]) -> dict[str, Any]:
    """What comes of one, in the shape of `bot.core.attestations.Heard`."""
    try:
        return {"standing": "verified", **_verified(item, roots)}
    except Wrong as problem:
        return {"standing": "wrong", **problem.words}
    except Unread as problem:
        return {"standing": "unknown", **problem.words}
    except Exception as problem:  # a library that reads hostile bytes may raise anything; that is no proof of anything
        detail = f"{type(problem).__name__}: {problem}"[:_LONGEST]
        return {"standing": "unknown", "why": "it cannot be read", "detail": detail}


def _verified(item: Mapping[str, Any], roots: Sequence[Root]) -> dict[str, Any]:
    bundle = item["bundle"] if "bundle" in item else as_bundle(item["attestation"])
    entries = bundle["verificationMaterial"].get("tlogEntries") or []
    if len(entries) != 1 or "dsseEnvelope" not in bundle:
        raise Unread("it is of a form that is not known here")
    if bundle["dsseEnvelope"]["payloadType"] != _PAYLOAD:
        raise Unread("it is signed, and it is no statement about a file")
    if item.get("key"):
        log = _bytes(entries[0]["logId"]["keyId"])
        knowing = [root for root in roots if log in root.log_ids]
        payload = _first(knowing or roots, lambda root: _by_key(bundle, entries[0], item, root))
        return {"statement": statement(payload)}
    certificate = _leaf(bundle)
    fitting = [root for root in roots if root.knows(certificate)]
    if not fitting:
        raise Unread(f"its certificate is by an authority that the trusted root does not know{_MEND}")
    payload = _first(fitting, lambda root: _by_certificate(bundle, entries[0], certificate, root))
    return {"claims": claims(certificate), "statement": statement(payload)}


def _first(roots: Sequence[Root], look: Any) -> bytes:
    """What the first root vouches for that does. One that knows all who are named, and says no, is right."""
    problems: list[_Said] = []
    for root in roots:
        try:
            found: bytes = look(root)
            return found
        except (Wrong, Unread) as problem:
            problems.append(problem)
    raise next((one for one in problems if isinstance(one, Wrong)), problems[0])


def as_bundle(attestation: Mapping[str, Any]) -> dict[str, Any]:
    """An attestation of PEP 740 in the form that all others have."""
    material, envelope = attestation["verification_material"], attestation["envelope"]
    signed = {"payload": envelope["statement"], "payloadType": _PAYLOAD, "signatures": [{"sig": envelope["signature"]}]}
    return {
        "mediaType": _MEDIA,
        "verificationMaterial": {
            "certificate": {"rawBytes": material["certificate"]},
            "tlogEntries": material["transparency_entries"],
        },
        "dsseEnvelope": signed,
    }


def _leaf(bundle: Mapping[str, Any]) -> Any:
    from cryptography.x509 import load_der_x509_certificate

    material = bundle["verificationMaterial"]
    chain = (material.get("x509CertificateChain") or {}).get("certificates") or [material.get("certificate") or {}]
    if "rawBytes" not in chain[0]:
        raise Unread("it names neither a certificate nor a key that is known")
    return load_der_x509_certificate(_bytes(chain[0]["rawBytes"]))


def _kind(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["kindVersion"]["kind"], entry["kindVersion"]["version"]


def _by_certificate(bundle: Mapping[str, Any], entry: Mapping[str, Any], certificate: Any, root: Root) -> bytes:
    """What was signed, once all holds: chain, certificate's log, the log's entry and its proof, signature and time."""
    from sigstore.errors import VerificationError

    try:
        if _kind(entry) in _BY_LIBRARY and entry.get("inclusionProof"):
            return _by_library(bundle, root)
        return _by_parts(bundle, entry, certificate, root)
    except VerificationError as problem:
        if unknown := root.unknown(entry, certificate):
            raise Unread(unknown) from None
        if any(word in str(problem) for word in _OF_TIME):
            raise Unread("nobody whom the trusted root knows says when it was signed", problem) from None
        raise Wrong("a check failed", problem) from None


def _by_library(bundle: Mapping[str, Any], root: Root) -> bytes:
    from sigstore.models import Bundle
    from sigstore.verify import policy

    # Who signed is judged by who asks, out of the claims.
    payload: bytes = root.verifier.verify_dsse(Bundle.from_json(json.dumps(bundle)), policy.UnsafeNoOp())[1]
    return payload


def _by_parts(bundle: Mapping[str, Any], entry: Mapping[str, Any], certificate: Any, root: Root) -> bytes:
    """The same for entries that the library does not take. It has the order of its own steps."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import ExtendedKeyUsage, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID
    from sigstore._internal.sct import verify_sct
    from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult

    at = _logged(entry, root)
    stamp = TimestampVerificationResult(source=TimestampSource.TRANSPARENCY_SERVICE, time=at)
    verify_sct(certificate, root.verifier._verify_chain_at_time(certificate, stamp), root.ctlogs)
    usage = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.CODE_SIGNING not in usage or not (
        certificate.extensions.get_extension_for_class(KeyUsage).value.digital_signature
    ):
        raise Wrong("its certificate is not one for signing")
    key = certificate.public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _signed(bundle["dsseEnvelope"], entry, key, spki)


def _by_key(bundle: Mapping[str, Any], entry: Mapping[str, Any], item: Mapping[str, Any], root: Root) -> bytes:
    """What a registry signed with its own key, which has no certificate, while that key was good."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from sigstore.errors import VerificationError

    try:
        at = _logged(entry, root)
    except VerificationError as problem:
        raise Wrong("a check failed", problem) from None
    if item.get("expires") and at >= datetime.fromisoformat(item["expires"]):
        raise Wrong(f"it was signed with a key of the registry that was no longer good ({item['expires']})")
    spki = _bytes(item["key"])
    return _signed(bundle["dsseEnvelope"], entry, load_der_public_key(spki), spki)


def _logged(entry: Mapping[str, Any], root: Root) -> datetime:
    """When the log took it in, by the log's signature; its proof too, where there is one (npm's have none before 2023).

    VerificationError when that does not hold.
    """
    from sigstore._utils import KeyID
    from sigstore.errors import VerificationError
    from sigstore.models import TransparencyLogEntry
    from sigstore_models.rekor.v1 import TransparencyLogEntry as Inner

    promise = (entry.get("inclusionPromise") or {}).get("signedEntryTimestamp")
    if _kind(entry) not in _BY_US or not promise:
        raise Unread(f"it stands in its log in a form that is not known here ({' '.join(_kind(entry))})")
    log, body = _bytes(entry["logId"]["keyId"]), entry["canonicalizedBody"]
    named = {"integratedTime": int(entry["integratedTime"]), "logID": log.hex(), "logIndex": int(entry["logIndex"])}
    signed = json.dumps({"body": base64.b64encode(_bytes(body)).decode(), **named}, separators=(",", ":"))
    if log not in root.log_ids:
        raise Unread(f"it stands in a log that the trusted root does not know{_MEND}")
    try:
        root.logs.verify(key_id=KeyID(log), signature=_bytes(promise), data=signed.encode())
    except VerificationError:
        raise VerificationError("its log did not sign the entry") from None
    if entry.get("inclusionProof"):
        TransparencyLogEntry(Inner.from_dict(dict(entry)))._verify(root.logs)
    return datetime.fromtimestamp(int(entry["integratedTime"]), tz=UTC)


def _signed(envelope: Mapping[str, Any], entry: Mapping[str, Any], key: Any, spki: bytes) -> bytes:
    """The payload, once its signature holds and the entry of the log is about that signature, payload and key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    if len(envelope["signatures"]) != 1 or not isinstance(key, ec.EllipticCurvePublicKey):
        raise Unread("it is signed in a way that is not known here")
    payload, signature = _bytes(envelope["payload"]), _bytes(envelope["signatures"][0]["sig"])
    # The form that is signed: secure-systems-lab/dsse, protocol.md.
    signed = b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise Wrong("its signature does not hold") from None
    body = json.loads(_bytes(entry["canonicalizedBody"]))
    if (body["kind"], body["apiVersion"]) != _kind(entry) or _entered(body) != (
        hashlib.sha256(payload).hexdigest(),
        signature,
        spki,
    ):
        raise Wrong("the entry in its log is about something else")
    return payload


def _entered(body: Mapping[str, Any]) -> tuple[str, bytes, bytes]:
    """What an entry is about: the payload's sha256, the signature, and the key in DER (sigstore/rekor, pkg/types)."""
    spec = body["spec"]
    if body["kind"] == "dsse":
        signature, digest = spec["signatures"][0], spec["payloadHash"]
        return digest["value"], _bytes(signature["signature"]), _spki(_bytes(signature["verifier"]))
    signature, digest = spec["content"]["envelope"]["signatures"][0], spec["content"]["payloadHash"]
    # This kind of entry has its signatures in base64 twice.
    return digest["value"], _bytes(_bytes(signature["sig"]).decode()), _spki(_bytes(signature["publicKey"]))


def _spki(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    found = load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE" in pem else load_pem_public_key(pem)
    return found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _bytes(text: Any) -> bytes:
    return base64.b64decode(text, validate=True)


def roots_of(own: str) -> list[Root]:
    """The operator's, if there is one, and the one that came with the library: what it knew when it was released."""
    from sigstore.models import ClientTrustConfig, TrustedRoot

    named = [TrustedRoot.from_file(own)] if own else []
    return [Root(one) for one in (*named, ClientTrustConfig.production(offline=True).trusted_root)]


def main(asked: dict[str, Any]) -> None:
    """Leaves a list of answers, in the order of what was asked."""
    sys.path[:0] = asked["paths"]
    logging.disable()  # it warns that we look at who signed by ourselves, and that it is offline: both are meant
    roots = roots_of(asked["root"])
    items = json.loads(Path(asked["file"]).read_bytes())
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps([heard(one, roots) for one in items]))
