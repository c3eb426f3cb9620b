"""The trust store is read when it is needed, and nobody is trusted before that."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from bot.core.errors import Permanent, Transient
from bot.tools import trust
from bot.tools.http import Http, Reach


def authority() -> bytes:
    """A certificate that signs itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "us")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1, not_valid_before=now,
        not_valid_after=now + timedelta(days=1),
    )  # fmt: skip
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def certificates(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that trusts one authority."""
    (tmp_path / "store.pem").write_bytes(authority())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


@pytest.mark.usefixtures("store")
def test_contexts_wait_for_the_store() -> None:
    """Made meanwhile, one knows nobody and still checks; afterwards it knows whom every other one knows."""
    with trust.unread():
        waiting = ssl.create_default_context()
    assert certificates(waiting) == 0 and waiting.verify_mode is ssl.CERT_REQUIRED and waiting.check_hostname
    assert certificates(ssl.create_default_context()) == 1
    trust.read()
    assert certificates(waiting) == 1


@pytest.mark.usefixtures("store")
def test_default_places_wait_as_well() -> None:
    """One that is made to look in the default places looks there no sooner."""
    with trust.unread():
        waiting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        waiting.set_default_verify_paths()
    assert certificates(waiting) == 0
    trust.read()
    assert certificates(waiting) == 1
    assert "set_default_verify_paths" not in vars(ssl.SSLContext)


@pytest.mark.usefixtures("store")
async def test_the_first_https_url_reads_it() -> None:
    """A request over http needs no store; before one over https is sent, it is there."""
    with trust.unread():
        waiting = ssl.create_default_context()
    async with Http(Reach(trusted=["127.0.0.1"])) as http:
        with pytest.raises(Transient):
            await http.get("http://127.0.0.1:1/x")
        assert certificates(waiting) == 0
        with pytest.raises(Transient):
            await http.get("https://127.0.0.1:1/x")
    assert certificates(waiting) == 1


async def test_a_bundle_that_is_none_is_named(tmp_path: Path) -> None:
    """What pip's setting calls a bundle and is none stops what needs it, and says which file it is."""
    (tmp_path / "bundle.pem").write_text("no certificate")
    async with Http(Reach(trusted=["127.0.0.1"], ca=str(tmp_path / "bundle.pem"))) as http:
        with pytest.raises(Permanent, match=r"bundle\.pem cannot be read"):
            await http.get("https://127.0.0.1:1/x")
