"""An authority that lives as long as one run, and vouches for hosts to the tool in one jail; no one else trusts it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

STORE_PASSWORD = "changeit"  # noqa: S105 - it guards nothing, Java alone wants one
_LIFE = timedelta(days=1)


class Authority:
    """Issues certificates. Its key never leaves this process; the key of the hosts lies in folder while it is read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._host_key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("Surefoot, for one run")
        self._own = self._issued(self._name, self._key.public_key(), None)
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def pem(self) -> str:
        """The certificate by which the jailed tool knows the others."""
        return self._own.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def store(self) -> bytes:
        """The same as Java reads it. Java asks for a password; this one guards nothing."""
        form = serialization.BestAvailableEncryption(STORE_PASSWORD.encode())
        return pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(self._own, b"surefoot")], form)

    def context(self, host: str) -> ssl.SSLContext:
        """To answer as this host over TLS."""
        if host not in self._contexts:
            self._contexts[host] = self._made(host)
        return self._contexts[host]

    def _made(self, host: str) -> ssl.SSLContext:
        certificate = self._issued(_named("a package index"), self._host_key.public_key(), host)
        form = serialization.PrivateFormat.PKCS8
        key = self._host_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        place = self._folder / "host.pem"
        place.touch(mode=0o600)
        # The ssl module reads certificates from files only.
        place.write_bytes(key + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(place)
        place.unlink()
        return context

    def _issued(self, name: x509.Name, key: ec.EllipticCurvePublicKey, host: str | None) -> x509.Certificate:
        """For a host, or for the authority itself where host is None."""
        now = datetime.now(UTC)
        building = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _LIFE)  # clocks differ
            .not_valid_after(now + _LIFE)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=0 if host is None else None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
            .add_extension(_usage(authority=host is None), True)
        )
        if host is not None:
            building = building.add_extension(x509.SubjectAlternativeName([_general(host)]), False)
            building = building.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return building.sign(self._key, hashes.SHA256())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
