"""The source of Hex packages: the API of hex.pm, organisations there, and the registries of other repositories."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _hex_registry
from bot.adapters.sources import hex as module
from bot.adapters.sources._hex_registry import Listed
from bot.adapters.sources.hex import Hex
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Trust
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost", "hex.example"])
PLUG = Component(name="plug", ecosystem="hex")
SHA = "ab" * 32


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, **options: Any) -> AsyncIterator[Hex]:
    """A source over the API of this server."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent("127.0.0.1", "localhost", "hex.example", KEY="k3y"))
        yield open_one(sources, "hex", {"url": f"{shelf.url}/api", **options}, tools)


def package(*versions: str, **more: Any) -> dict[str, Any]:
    """A package as hex.pm's API has it (hexdocs.pm/hex_core, hex_api_package)."""
    releases = [
        {
            "version": version,
            "has_docs": True,
            "inserted_at": "2026-01-02T03:04:05.678901Z",
            "url": f"https://hex.pm/api/packages/plug/releases/{version}",
        }
        for version in versions
    ]
    meta = {
        "description": "Plug",
        "licenses": ["Apache-2.0"],
        "links": {
            "GitHub": "https://github.com/elixir-plug/plug",
            "Changelog": "https://hexdocs.pm/plug/changelog.html",
        },
    }
    said = {"name": "plug", "repository": "hexpm", "meta": meta, "html_url": "https://hex.pm/packages/plug"}
    return {**said, "releases": releases, "retirements": {}, "owners": [{"username": "josevalim"}], **more}


def field(number: int, value: bytes | int) -> bytes:
    """A protobuf field, as protobuf.dev's encoding page has it."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))


def release(version: str, retired: tuple[int, str] | None = None, sha: str = SHA) -> bytes:
    """A release in a registry file, with a dependency and an inner checksum that nobody needs."""
    made = field(1, version.encode()) + field(2, b"\x01" * 32) + field(3, field(1, b"other") + field(3, 1))
    if retired:
        made += field(4, field(1, retired[0]) + (field(2, retired[1].encode()) if retired[1] else b""))
    return made + (field(5, bytes.fromhex(sha)) if sha else b"")


def registry(*releases: bytes, name: str = "plug") -> bytes:
    """A registry file: packed and signed."""
    payload = b"".join(field(1, one) for one in releases) + field(2, name.encode()) + field(3, b"acme")
    return gzip.compress(field(1, payload) + field(2, b"signature"))


def serves(body: bytes) -> Any:
    return lambda request: web.Response(body=body, content_type="application/octet-stream")


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


async def test_the_api_becomes_releases(shelf: Shelf) -> None:
    """Times, and what was retired: what is broken is yanked, what is merely old is deprecated."""
    retirements = {
        "1.0.0": {"reason": "security", "message": "CVE-1\nUpdate"},
        "1.1.0": {"reason": "renamed", "message": "use plugs"},
        "1.2.0": {"reason": "invalid"},
        "1.3.0": {"reason": "deprecated", "message": None},
    }
    shelf.pages["/api/packages/plug"] = package(
        "1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0-rc.1", retirements=retirements
    )
    async with source(shelf) as hexpm:
        one, two, three, four, five = await hexpm.releases(PLUG)
    assert (one.yanked, one.yanked_reason, one.deprecated) == (True, "retired as security: CVE-1 Update", "")
    assert (two.yanked, two.deprecated) == (False, "retired as renamed: use plugs")
    assert (three.yanked_reason, four.deprecated) == ("retired as invalid", "retired as deprecated")
    assert five.published == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC) and five.partial and not five.yanked
    assert five.url == "https://hex.pm/packages/plug/2.0.0-rc.1"
    assert five.links == (
        ("repository", "https://github.com/elixir-plug/plug"), ("changelog", "https://hexdocs.pm/plug/changelog.html"),
    )  # fmt: skip
    assert shelf.paths == ["/api/packages/plug"]


async def test_a_release_that_is_proposed_is_complete(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """With the digest of its tarball, who published it, and its documentation."""
    monkeypatch.setattr(module, "PUBLIC", f"{shelf.url}/api")
    shelf.pages["/api/packages/plug"] = package("1.0.0+build", "1.1.0", meta=None, html_url="javascript:x")
    told = {"checksum": SHA.upper(), "publisher": {"username": "josevalim", "email": "x"}, "has_docs": True,
            "docs_html_url": "https://hexdocs.pm/plug/1.0.0/", "retirement": None}  # fmt: skip
    shelf.pages["/api/packages/plug/releases/1.0.0%2Bbuild"] = told
    shelf.pages["/api/packages/plug/releases/1.1.0"] = {"checksum": "short", "publisher": None, "has_docs": False}
    async with source(shelf) as hexpm:
        one, two = [await hexpm.detail(PLUG, each) for each in await hexpm.releases(PLUG)]
    assert (one.partial, one.trust.publisher, one.url) == (False, "josevalim", None)
    assert one.artifacts[0].url == "https://repo.hex.pm/tarballs/plug-1.0.0%2Bbuild.tar"
    assert one.artifacts[0].sha256 == SHA and one.published is not None
    assert one.links == (("documentation", "https://hexdocs.pm/plug/1.0.0/"),)
    assert (two.trust, two.links, two.artifacts[0].sha256) == (Trust(), (), None)


async def test_another_server_of_the_api_has_its_files_nobody_knows_where(shelf: Shelf) -> None:
    """Then a release has no files, rather than wrong ones; links of any shape are endured."""
    shelf.pages["/api/packages/plug"] = package("1.0.0", meta={"links": ["x"]})
    async with source(shelf) as hexpm:
        (one,) = await hexpm.releases(PLUG)
    assert (one.artifacts, one.links) == ((), ())


@pytest.mark.parametrize("name", ["acme/plug", "hexpm:acme/plug"])
async def test_an_organisations_packages_need_a_key(shelf: Shelf, name: str) -> None:
    """It goes to the API and nowhere else."""
    shelf.login = "k3y"
    shelf.pages["/api/repos/acme/packages/plug"] = package("1.0.0")
    shelf.pages["/api/repos/acme/packages/plug/releases/1.0.0"] = {"checksum": SHA}
    component = Component(name=name, ecosystem="hex")
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        stranger.pages["/api/packages/plug"] = package("6.6.6")
        async with source(shelf, token="KEY") as hexpm:
            (one,) = await hexpm.releases(component)
            assert not (await hexpm.detail(component, one)).partial
            shelf.pages["/api/packages/plug"] = sends_to(f"{stranger.url}/api/packages/plug")
            assert [each.version for each in await hexpm.releases(PLUG)] == ["6.6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as hexpm:
        with pytest.raises(Refused):
            await hexpm.releases(component)


async def test_a_repository_of_ones_own_is_read_by_its_registry(shelf: Shelf) -> None:
    """Versions, retirements and digests; no times, and nothing that its API could add."""
    shelf.login = "k3y"
    retired, renamed = release("1.0.0", (2, "CVE-1")), release("1.1.0", (4, ""))
    body = registry(retired, renamed, release("1.2.0", sha=""), release("2.0.0", (9, "?")))
    shelf.pages["/packages/plug"] = serves(body)
    component = Component(name="plug", ecosystem="hex", registry=f"{shelf.url}/")
    async with source(shelf, keys={shelf.url.removeprefix("http://"): "KEY"}) as hexpm:
        one, two, three, four = await hexpm.releases(component)
        assert await hexpm.detail(component, one) is one
    assert (one.yanked_reason, one.artifacts[0].sha256, one.partial) == ("retired as security: CVE-1", SHA, False)
    assert one.artifacts[0].url == f"{shelf.url}/tarballs/plug-1.0.0.tar" and one.published is None
    assert (two.deprecated, three.artifacts[0].sha256, three.yanked) == ("retired as renamed", None, False)
    assert four.yanked_reason == "retired as other: ?"
    async with source(shelf, token="KEY") as hexpm:
        with pytest.raises(Refused):
            await hexpm.releases(component)


async def test_hex_pms_own_repository_means_its_api(shelf: Shelf) -> None:
    """A file that names the usual repository names nothing unusual."""
    shelf.pages["/api/packages/plug"] = package("1.0.0")
    async with source(shelf) as hexpm:
        named = Component(name="plug", ecosystem="hex", registry="https://repo.hex.pm")
        assert [each.version for each in await hexpm.releases(named)] == ["1.0.0"]


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """What did not change is neither sent nor read again."""
    shelf.pages["/api/packages/plug"] = package("1.0.0")
    async with source(shelf, cached=True) as hexpm:
        first = await hexpm.releases(PLUG)
        assert await hexpm.releases(PLUG) is first
    assert [one.status for one in shelf.seen] == [200, 304]


async def test_a_big_registry_is_read_as_well(shelf: Shelf) -> None:
    """In a thread, so that nobody waits for it."""
    many = [release(f"1.{number}.0", sha=f"{number:064x}") for number in range(9_000)]
    body = registry(*many)
    assert len(body) > 256 << 10 or len(gzip.decompress(body)) > 256 << 10
    shelf.pages["/packages/plug"] = serves(gzip.compress(gzip.decompress(body), 0))
    async with source(shelf) as hexpm:
        found = await hexpm.releases(Component(name="plug", ecosystem="hex", registry=shelf.url))
    assert len(found) == 9_000 and found[-1].artifacts[0].sha256 == f"{8_999:064x}"


@pytest.mark.parametrize("name", ["../x", "a/b/c", "Plug", "-a", "", "a?b", "a\n", "1a", "../a/b", "hexpm:plug", "a-b"])
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf) as hexpm:
        with pytest.raises(Missing, match="can be no Hex package's name"):
            await hexpm.releases(Component(name=name, ecosystem="hex"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, broken, another package's file, away, or a way that is open to everybody: each is told apart."""
    async with source(shelf) as hexpm:
        with pytest.raises(Missing):
            await hexpm.releases(PLUG)
        shelf.pages["/api/packages/plug"] = "<html>"
        with pytest.raises(Permanent, match="releases of plug"):
            await hexpm.releases(PLUG)
        own = Component(name="plug", ecosystem="hex", registry=shelf.url)
        for body in (b"<html>", registry(name="other"), registry()[:-9], gzip.compress(b""), gzip.compress(b"\x0b")):
            shelf.pages["/packages/plug"] = serves(body)
            with pytest.raises(Permanent, match="no registry file of plug"):
                await hexpm.releases(own)
        shelf.fail = 502
        with pytest.raises(Transient):
            await hexpm.releases(PLUG)
    async with source(shelf, keys={"hex.example": "KEY"}) as hexpm:
        with pytest.raises(Refused, match="plain http"):
            await hexpm.releases(Component(name="plug", ecosystem="hex", registry="http://hex.example"))
    with pytest.raises(ConfigProblem, match="no secret 'NONE'"):
        async with source(shelf, token="NONE"):
            pass


def test_a_registry_that_unfolds_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may hold gigabytes."""
    monkeypatch.setattr(_hex_registry, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="too big"):
        _hex_registry.read(gzip.compress(b"\0" * 5000), "plug")


@given(st.binary(max_size=60))
def test_no_message_breaks_the_reader(body: bytes) -> None:
    """Whatever a server sends, it is read or refused, and never anything else."""
    for text in (
        body,
        gzip.compress(body),
        gzip.compress(field(1, body)),
        gzip.compress(field(1, field(2, b"x") + body)),
    ):
        with suppress(ValueError):
            assert all(isinstance(one, Listed) for one in _hex_registry.read(text, "x"))
