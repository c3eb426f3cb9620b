"""The source of Ruby gems: the compact index lists, the API adds times and links, a certificate tells who built it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import rubygems as module
from bot.adapters.sources._attestations import UNNAMED
from bot.adapters.sources._bundles import SOURCE, repository_of_bundles
from bot.adapters.sources.rubygems import RubyGems
from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Component, Trust
from bot.tools.cache import Memory
from bot.tools.http import Answer, Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
PRISM = Component(name="prism", ecosystem="gem")
API = "/api/v1/versions/prism.json"


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, secret: str = "", **options: Any) -> AsyncIterator[RubyGems]:
    """A source over this server."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(**({"T": secret} if secret else {})))
        yield open_one(sources, "rubygems", {"url": shelf.url, **options}, tools)


def sha(file: str) -> str:
    return hashlib.sha256(file.encode()).hexdigest()


def line(version: str, *, at: str = "") -> str:
    """A line of the index (guides.rubygems.org, Compact Index API; `created_at` is of its second form)."""
    needs = "mini_portile2:~> 2.8.2&>= 2.8,racc:>= 0"
    return f"{version} {needs}|checksum:{sha(version)},ruby:>= 2.7&< 4,rubygems:>= 1.8.11" + (
        f",created_at:{at}" if at else ""
    )


def fill(shelf: Shelf, *lines: str) -> None:
    shelf.pages["/info/prism"] = "\n".join(("---", *lines)) + "\n"


def told(number: str, **more: Any) -> dict[str, Any]:
    """A version as the API has it."""
    metadata = {
        "source_code_uri": "https://github.com/ruby/prism",
        "changelog_uri": "https://github.com/ruby/prism/blob/main/CHANGELOG.md",
        "rubygems_mfa_required": "true",
    }
    said = {"number": number, "platform": "ruby", "created_at": "2026-01-02T03:04:05.678Z", "downloads_count": 9}
    return {**said, "sha": sha(number), "prerelease": False, "metadata": metadata, **more}


@lru_cache
def certificate(repository: str | None) -> bytes:
    """A certificate as Sigstore's authority writes one, which names the repository of a build."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(minutes=10))
    if repository is not None:
        text = repository.encode()
        length = bytes([len(text)]) if len(text) < 128 else bytes([0x81, len(text)])
        extension = x509.UnrecognizedExtension(SOURCE, (b"\x0c" if text else b"\x05") + length + text)
        made = made.add_extension(extension, critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def bundle(
    file: str, repository: str | None = "https://github.com/ruby/prism", *, twice: bool = True
) -> dict[str, Any]:
    """A Sigstore bundle as rubygems.org serves it, the certificate encoded twice (rubygems/rubygems.org#6098)."""
    raw = base64.b64encode(certificate(repository))
    raw = base64.b64encode(raw) if twice else raw
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file, "digest": {"sha256": sha(file)}}],
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"certificate": {"rawBytes": raw.decode()}, "tlogEntries": []},
        "dsseEnvelope": {"payload": base64.b64encode(json.dumps(statement).encode()).decode(), "signatures": []},
    }


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


async def test_the_index_becomes_releases(shelf: Shelf) -> None:
    """Files for many platforms are one release, the file for any Ruby first, as old as the oldest."""
    fill(
        shelf,
        line("1.0.0-java", at="2026-01-03T00:00:00Z"),
        line("1.0.0", at="2026-01-02T03:04:05Z"),
        line("1.0.0-x86_64-linux-musl"),
        line("2.0.0.rc1"),
        line("2.0.0-java"),
    )
    async with source(shelf) as gems:
        one, rc, java = await gems.releases(PRISM)
    assert [file.filename for file in one.artifacts] == [
        "prism-1.0.0.gem", "prism-1.0.0-java.gem", "prism-1.0.0-x86_64-linux-musl.gem",
    ]  # fmt: skip
    assert one.artifacts[0].sha256 == sha("1.0.0") and one.artifacts[0].url == f"{shelf.url}/gems/prism-1.0.0.gem"
    assert one.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) and one.partial and one.url is None
    assert (rc.version, rc.published) == ("2.0.0.rc1", None)
    assert [file.filename for file in java.artifacts] == ["prism-2.0.0-java.gem"]
    assert shelf.paths == ["/info/prism"]


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """The index answers 304, and the API is asked again only when the index changed."""
    fill(shelf, line("1.0.0"))
    shelf.pages[API] = [told("1.0.0"), told("1.1.0")]
    async with source(shelf, cached=True) as gems:
        first = await gems.releases(PRISM)
        assert await gems.releases(PRISM) is first
        await gems.detail(PRISM, first[0])
        await gems.detail(PRISM, first[0])
        fill(shelf, line("1.0.0"), line("1.1.0"))
        _, new = await gems.releases(PRISM)
        assert (await gems.detail(PRISM, new)).published is not None
    asked = [one for one in shelf.seen if "attestations" not in one.path]
    assert [(one.path, one.status) for one in asked] == [
        ("/info/prism", 200), ("/info/prism", 304), (API, 200), ("/info/prism", 200), (API, 304),
    ]  # fmt: skip


async def test_the_api_adds_times_and_links(shelf: Shelf) -> None:
    """The index's own time counts before the API's; of several files of a version the first one's does."""
    fill(shelf, line("1.0.0", at="2025-12-31T00:00:00Z"), line("1.1.0"), line("1.2.0"), line("1.3.0"))
    odd = told("1.2.0", created_at="soon", metadata={"source_code_uri": "javascript:x", "changelog_uri": 3})
    late = told("1.1.0", platform="java", created_at="2026-02-02T00:00:00Z", metadata=None)
    shelf.pages[API] = [told("1.0.0"), late, told("1.1.0"), odd, told("1.4.0", metadata=[])]
    shelf.pages["/api/v1/attestations/prism-1.1.0.json"] = []
    async with source(shelf) as gems:
        one, two, three, four = [await gems.detail(PRISM, release) for release in await gems.releases(PRISM)]
    assert one.published == datetime(2025, 12, 31, tzinfo=UTC) and not one.partial
    assert two.published == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert two.links == (
        ("repository", "https://github.com/ruby/prism"),
        ("changelog", "https://github.com/ruby/prism/blob/main/CHANGELOG.md"),
    )
    assert (three.published, three.links) == (None, ())
    assert (four.published, four.links, four.partial) == (None, (), False)
    # An empty list is a no, no answer is no word.
    assert (two.trust, one.trust) == (Trust(provenance=""), Trust())


async def test_a_certificate_names_the_repository(shelf: Shelf) -> None:
    """Who built the file for any Ruby, as far as a bundle is about this very file."""
    fill(shelf, line("1.0.0-java"), line("1.0.0"), line("1.1.0-java"))
    shelf.pages[API] = []
    shelf.pages["/api/v1/attestations/prism-1.0.0.json"] = [bundle("other"), bundle("1.0.0")]
    shelf.pages["/api/v1/attestations/prism-1.1.0-java.json"] = [bundle("1.0.0")]
    async with source(shelf) as gems:
        one, two = [await gems.detail(PRISM, release) for release in await gems.releases(PRISM)]
    assert one.trust.provenance == "https://github.com/ruby/prism"
    assert two.trust.provenance == ""


def test_bundles_of_every_kind() -> None:
    """Signed as a message or as a statement; a certificate that names nothing, or is none, names nobody."""

    def read(*bundles: Any) -> str:
        return repository_of_bundles(json.dumps(bundles).encode(), sha("x"))

    assert read(bundle("x", twice=False)) == "https://github.com/ruby/prism"
    message = bundle("y", "https://gitlab.com/a/b.git")
    del message["dsseEnvelope"]
    assert read(message) == ""
    digest = base64.b64encode(bytes.fromhex(sha("x"))).decode()
    message["messageSignature"] = {"messageDigest": {"algorithm": "SHA2_256", "digest": digest}, "signature": ""}
    assert read(message) == "https://gitlab.com/a/b"
    assert read(bundle("x", None)) == UNNAMED
    assert read(bundle("x", "nobody")) == UNNAMED
    assert read(bundle("x", "")) == UNNAMED
    long = "https://gitlab.example/" + "a" * 150
    assert read(bundle("x", long)) == long
    broken = bundle("x")
    broken["verificationMaterial"]["certificate"]["rawBytes"] = "MAA="
    assert read(broken) == UNNAMED
    assert repository_of_bundles(b"{}", sha("x")) == UNNAMED


@given(st.binary() | st.text("1.0-|:, a\n", max_size=60).map(str.encode))
def test_no_server_breaks_us(body: bytes) -> None:
    """What is no index and no bundle is refused or unknown, whatever it is."""
    with contextlib.suppress(Permanent):
        module._releases(Answer(url="https://a.example/info/x", body=body, digest=""), "x", "https://a.example")
    assert repository_of_bundles(body, "00") in (UNNAMED, "")


async def test_a_gem_without_checksums_has_no_proof(shelf: Shelf) -> None:
    """Old servers list no digest: then there is nothing that an attestation could be about."""
    shelf.pages["/info/prism"] = "1.0.0 |ruby:>= 2\n"
    async with source(shelf) as gems:
        (one,) = await gems.releases(PRISM)
        assert one.artifacts[0].sha256 is None
        assert (await gems.detail(PRISM, one)).trust == Trust()
    assert shelf.paths == ["/info/prism", API]


async def test_a_login_goes_to_the_server_alone(shelf: Shelf) -> None:
    """As Bundler sends it; not to where the server sends us, nor to what a Gemfile names."""
    fill(shelf, line("1.0.0"))
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        fill(stranger, line("6.6.6"))
        for secret, pair in (("me:pass", b"me:pass"), ("tok3n", b"tok3n:")):
            shelf.login = "Basic " + base64.b64encode(pair).decode()
            async with source(shelf, token="T", secret=secret) as gems:
                fill(shelf, line("1.0.0"))
                (one,) = await gems.releases(PRISM)
                assert not (await gems.detail(PRISM, one)).partial
                shelf.pages["/info/prism"] = sends_to(f"{stranger.url}/info/prism")
                assert [release.version for release in await gems.releases(PRISM)] == ["6.6.6"]
                named = Component(name="prism", ecosystem="gem", registry=f"{stranger.url}/")
                assert [release.version for release in await gems.releases(named)] == ["6.6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as gems:
        with pytest.raises(Refused):
            await gems.releases(PRISM)


async def test_the_public_server_not_answering_is_no_absence(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Where the API is known to exist, a 404 is an error; and a public gem has a page."""
    monkeypatch.setattr(module, "PUBLIC", shelf.url)
    fill(shelf, line("1.0.0"))
    async with source(shelf) as gems:
        (one,) = await gems.releases(PRISM)
        assert one.url == f"{shelf.url}/gems/prism/versions/1.0.0"
        with pytest.raises(Missing):
            await gems.detail(PRISM, one)


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "a?b", "", "-a", "x" * 256, "é", "a\n", "a b"])
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf) as gems:
        with pytest.raises(Missing, match="can be no gem's name"):
            await gems.releases(Component(name=name, ecosystem="gem"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, all yanked, no index, broken, away: each is told apart."""
    async with source(shelf) as gems:
        with pytest.raises(Missing):
            await gems.releases(PRISM)
        fill(shelf)
        assert await gems.releases(PRISM) == ()
        for broken in ("<html>", "---\n1.0.0", "---\nx y|z"):
            shelf.pages["/info/prism"] = broken
            with pytest.raises(Permanent, match="no compact index for prism"):
                await gems.releases(PRISM)
        fill(shelf, line("1.0.0"))
        (one,) = await gems.releases(PRISM)
        shelf.pages[API] = {}
        with pytest.raises(Permanent, match="no versions of prism"):
            await gems.detail(PRISM, one)
        shelf.pages[API] = []
        shelf.pages["/api/v1/attestations/prism-1.0.0.json"] = lambda request: web.Response(status=502)
        with pytest.raises(Transient):
            await gems.detail(PRISM, one)
        shelf.fail = 500
        with pytest.raises(Transient):
            await gems.releases(PRISM)
