"""A Sigstore of our own, small and real: an authority, a log of certificates, a log of signatures, and who signs.

What it makes is verified by the same code as the public one's; its trusted root is a file that an operator could name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAYLOAD = "application/vnd.in-toto+json"
GITHUB = "https://token.actions.githubusercontent.com"
PUBLISHED = "https://docs.example.org/attestations/publish/v1"
NPM_PUBLISHED = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
SLSA = "https://slsa.dev/provenance/v1"
_ARC = "1.3.6.1.4.1.57264.1"

Key = ec.EllipticCurvePrivateKey


def _key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    """As JSON holds bytes."""
    return base64.b64encode(data).decode()


def spki(key: Key) -> bytes:
    """The public half in DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _sign(key: Key, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(SHA256()))


@dataclass(frozen=True, kw_only=True)
class Build:
    """Who signs: a workflow of a repository, at a ref and a commit."""

    repository: str = "https://github.com/acme/greeter"
    workflow: str = ".github/workflows/release.yml"
    ref: str = "refs/tags/v1.1"
    commit: str = "c" * 40
    issuer: str = GITHUB
    environment: str = "release"
    old_fashioned: bool = False

    @property
    def config(self) -> str:
        """The URL of the workflow."""
        return f"{self.repository}/{self.workflow}@{self.ref}"

    @property
    def old_claims(self) -> Mapping[int, str]:
        """What it wrote before 2023, in plain bytes."""
        name = self.repository.removeprefix("https://github.com/")
        return {1: self.issuer, 3: self.commit, 5: name, 6: self.ref}

    @property
    def claims(self) -> Mapping[int, str]:
        """What the authority writes of it."""
        said = {8: self.issuer, 9: self.config, 11: "github-hosted", 12: self.repository, 13: self.commit}
        return said | {14: self.ref, 18: self.config, 23: self.environment}


@dataclass
class Sigstore:
    """Its keys. entries: what the log holds already, so that proofs have a path."""

    authority: Key = field(default_factory=_key)
    certificates: Key = field(default_factory=_key)
    log: Key = field(default_factory=_key)
    entries: list[bytes] = field(default_factory=lambda: [b"one", b"two", b"three"])
    at: datetime = NOW

    @cached_property
    def root(self) -> x509.Certificate:
        """The authority's own certificate."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
        key = self.authority.public_key()
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key)
        builder = builder.not_valid_before(NOW - timedelta(days=900)).not_valid_after(NOW + timedelta(days=3650))
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            builder.serial_number(7)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self.authority, SHA384())
        )

    def trusted_root(self) -> dict[str, Any]:
        """The file that says whom to trust (sigstore/protobuf-specs, sigstore_trustroot.proto)."""
        since = {"start": "2020-01-01T00:00:00Z"}

        def instance(key: Key, url: str) -> dict[str, Any]:
            shown = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since}
            name = {"keyId": b64(hashlib.sha256(spki(key)).digest())}
            return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": shown, "logId": name}

        chain = {"certificates": [{"rawBytes": b64(self.root.public_bytes(Encoding.DER))}]}
        subject = {"organization": "private", "commonName": "a private authority"}
        authority = {"subject": subject, "uri": "https://fulcio.example.org", "certChain": chain, "validFor": since}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [instance(self.log, "https://rekor.example.org")],
            "certificateAuthorities": [authority],
            "ctlogs": [instance(self.certificates, "https://ct.example.org")],
            "timestampAuthorities": [],
        }

    def certificate(self, key: Key, who: Build) -> x509.Certificate:
        """A short-lived one, which stands in the log of certificates."""
        bare = self._issued(key, who, None)
        issuer = hashlib.sha256(spki(self.authority)).digest()
        tbs, at = bare.tbs_certificate_bytes, int(self.at.timestamp() * 1000)
        signed = struct.pack("!BBQH32s", 0, 0, at, 1, issuer) + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = _sign(self.certificates, signed)
        one = struct.pack("!B32sQH", 0, hashlib.sha256(spki(self.certificates)).digest(), at, 0)
        one += b"\x04\x03" + len(signature).to_bytes(2, "big") + signature
        every = len(one).to_bytes(2, "big") + one
        every = len(every).to_bytes(2, "big") + every
        return self._issued(key, who, b"\x04" + _length(len(every)) + every)

    def _issued(self, key: Key, who: Build, stamps: bytes | None) -> x509.Certificate:
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(key.public_key())
            .serial_number(11)
            .not_valid_before(self.at - timedelta(minutes=1))
            .not_valid_after(self.at + timedelta(minutes=9))
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(who.config)]), critical=True)
        )
        for number, text in who.old_claims.items() if who.old_fashioned else ():
            oid = x509.ObjectIdentifier(f"{_ARC}.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, text.encode()), critical=False)
        for number, text in () if who.old_fashioned else who.claims.items():
            oid = x509.ObjectIdentifier(f"{_ARC}.{number}")
            told = b"\x0c" + _length(len(text.encode())) + text.encode()
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, told), critical=False)
        if stamps is not None:
            oid = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, stamps), critical=False)
        return builder.sign(self.authority, SHA384())

    def bundle(self, said: Any, who: Build) -> dict[str, Any]:
        """A statement, signed by a build and taken in by the log."""
        key = _key()
        certificate = self.certificate(key, who)
        payload = json.dumps(said).encode()
        signature = _signed(key, payload)
        body = _body(payload, signature, certificate.public_bytes(Encoding.PEM))
        material = {"certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))}}
        return _bundle(payload, signature, {**material, "tlogEntries": [self.entry(body)]})

    def old(self, said: Any, who: Build) -> dict[str, Any]:
        """The same in the form of early 2023: another kind of entry, with the log's promise and without its proof."""
        key = _key()
        certificate = self.certificate(key, who)
        payload = json.dumps(said).encode()
        signature = _signed(key, payload)
        digest = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
        signed = {"publicKey": b64(certificate.public_bytes(Encoding.PEM)), "sig": b64(b64(signature).encode())}
        content = {"envelope": {"payloadType": PAYLOAD, "signatures": [signed]}, "hash": digest, "payloadHash": digest}
        body = {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content}}
        entry = {**self.entry(json.dumps(body).encode()), "inclusionProof": None}
        chain = {"certificates": [{"rawBytes": b64(certificate.public_bytes(Encoding.DER))}]}
        return _bundle(payload, signature, {"x509CertificateChain": chain, "tlogEntries": [entry]})

    def by_key(self, said: Any, key: Key, name: str) -> dict[str, Any]:
        """A statement, signed by a registry's own key of that name."""
        payload = json.dumps(said).encode()
        signature = _signed(key, payload)
        body = _body(payload, signature, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        material = {"publicKey": {"hint": name}, "tlogEntries": [self.entry(body)]}
        return _bundle(payload, signature, material, name)

    def entry(self, body: bytes) -> dict[str, Any]:
        """What the log answers: where the entry stands, with the log's promise and proof."""
        index, log = len(self.entries), hashlib.sha256(spki(self.log)).digest()
        leaves = [*self.entries, body]
        head, path = _tree(leaves, index)
        note = f"rekor.example.org - 1\n{len(leaves)}\n{b64(head)}\n"
        sign = b64(log[:4] + _sign(self.log, note.encode()))
        at = int(self.at.timestamp())
        named = {"body": b64(body), "integratedTime": at, "logID": log.hex(), "logIndex": index}
        promise = _sign(self.log, json.dumps(named, separators=(",", ":")).encode())
        kind = json.loads(body)
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(log)},
            "kindVersion": {"kind": kind["kind"], "version": kind["apiVersion"]},
            "integratedTime": str(at),
            "inclusionPromise": {"signedEntryTimestamp": b64(promise)},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(head),
                "treeSize": str(len(leaves)),
                "hashes": [b64(one) for one in path],
                "checkpoint": {"envelope": f"{note}\n\u2014 rekor.example.org {sign}\n"},
            },
            "canonicalizedBody": b64(body),
        }


def _length(size: int) -> bytes:
    """Of a value in DER (X.690, 8.1.3)."""
    if size < 128:
        return bytes([size])
    more = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(more)]) + more


def _signed(key: Key, payload: bytes) -> bytes:
    return _sign(key, b"DSSEv1 %d %b %d %b" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload))


def _body(payload: bytes, signature: bytes, pem: bytes) -> bytes:
    digest = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    signed = [{"signature": b64(signature), "verifier": b64(pem)}]
    spec = {"envelopeHash": digest, "payloadHash": digest, "signatures": signed}
    return json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}).encode()


def _bundle(payload: bytes, signature: bytes, material: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    signed = {"sig": b64(signature), **({"keyid": name} if name else {})}
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": dict(material),
        "dsseEnvelope": {"payload": b64(payload), "payloadType": PAYLOAD, "signatures": [signed]},
    }


def _tree(leaves: Sequence[bytes], index: int) -> tuple[bytes, list[bytes]]:
    """The head of a Merkle tree, and the path of one leaf (RFC 6962, 2.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest(), []
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, path_left = _tree(leaves[:half], index if index < half else 0)
    right, path_right = _tree(leaves[half:], index - half if index >= half else 0)
    head = hashlib.sha256(b"\1" + left + right).digest()
    return (head, [*path_left, right]) if index < half else (head, [*path_right, left])


def as_pep740(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """The same as an index for Python publishes it."""
    material, envelope = bundle["verificationMaterial"], bundle["dsseEnvelope"]
    signed = {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]}
    kept = {"certificate": material["certificate"]["rawBytes"], "transparency_entries": material["tlogEntries"]}
    return {"version": 1, "verification_material": kept, "envelope": signed}


def about(name: str, predicate: str = PUBLISHED, more: Any = None, **digest: str) -> dict[str, Any]:
    """A statement about one file."""
    subject = [{"name": name, "digest": digest}]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": predicate,
        "predicate": more,
    }


def built(who: Build) -> dict[str, Any]:
    """What npm writes of a build (slsa.dev/spec/v1.0/provenance)."""
    workflow = {"ref": who.ref, "repository": who.repository, "path": who.workflow}
    return {"buildDefinition": {"externalParameters": {"workflow": workflow}}}
