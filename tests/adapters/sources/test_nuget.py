"""The source of .NET packages: registrations inline or in pages, plain lists, and what a catalog knows of a file."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import nuget as module
from bot.adapters.sources.nuget import NuGet
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
JSON = Component(name="Contoso.Json", ecosystem="nuget")
BASIC = "Basic " + base64.b64encode(b"me:pass").decode()


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, **options: Any) -> AsyncIterator[NuGet]:
    """A source over the feed of this server."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(PASS="pass"))
        yield open_one(sources, "nuget", {"url": f"{shelf.url}/v3/index.json", **options}, tools)


def services(shelf: Shelf, *kinds: str) -> None:
    """A service index, as learn.microsoft.com/nuget/api/service-index has it."""
    where = {"RegistrationsBaseUrl": f"{shelf.url}/reg/", "PackageBaseAddress": f"{shelf.url}/flat/"}
    resources = [{"@id": where[kind.partition("/")[0]], "@type": kind, "comment": "x"} for kind in kinds]
    resources += [{"@id": f"{shelf.url}/query", "@type": ["SearchQueryService", "SearchQueryService/3.5.0"]}]
    shelf.pages["/v3/index.json"] = {"version": "3.0.0", "resources": resources}


def leaf(shelf: Shelf, version: str, **more: Any) -> dict[str, Any]:
    """A version in a registration page (learn.microsoft.com/nuget/api/registration-base-url-resource)."""
    entry = {
        "@id": f"{shelf.url}/catalog/{version}.json",
        "authors": "Contoso",
        "id": "Contoso.Json",
        "version": version,
        "listed": True,
        "published": "2026-02-03T04:05:06.78+00:00",
        "projectUrl": "https://contoso.example/json",
        "dependencyGroups": [{"dependencies": [{"id": "Other", "range": "[1.0, )"}]}],
        "vulnerabilities": [{"advisoryUrl": "https://advisories.example/1", "severity": "2"}],
        **more,
    }
    content = f"{shelf.url}/flat/contoso.json/{version}/contoso.json.{version}.nupkg"
    return {"@id": f"{shelf.url}/reg/contoso.json/{version}.json", "catalogEntry": entry, "packageContent": content}


def page(shelf: Shelf, name: str, *leaves: dict[str, Any], inline: bool = True, commit: str = "c1") -> dict[str, Any]:
    """A page of a registration, in its index or by itself."""
    made = {"@id": f"{shelf.url}/reg/contoso.json/page/{name}.json", "count": len(leaves), "commitId": commit}
    return {**made, "items": list(leaves)} if inline else made


def fill(shelf: Shelf, *pages: dict[str, Any]) -> None:
    shelf.pages["/reg/contoso.json/index.json"] = {"count": len(pages), "items": list(pages)}


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        services(made, "RegistrationsBaseUrl", "RegistrationsBaseUrl/3.6.0", "PackageBaseAddress/3.0.0")
        yield made


async def test_a_registration_becomes_releases(shelf: Shelf) -> None:
    """Times, the unlisted, the owner's words on what is deprecated, and build metadata that no pin ever has."""
    gone = leaf(shelf, "1.0.0", listed=False, published="1900-01-01T00:00:00+00:00")
    only_dated = leaf(shelf, "1.0.1", listed=None, published="1900-01-01T00:00:00Z")
    old = leaf(shelf, "1.1.0-beta.2", deprecation={
        "reasons": ["Legacy", "Other"],
        "message": "Use the\nnew one",
        "alternatePackage": {"id": "New.Json", "range": "*"},
    })  # fmt: skip
    bare = leaf(shelf, "1.2.0", deprecation={"reasons": ["CriticalBugs"]}, projectUrl="javascript:x")
    silent = leaf(shelf, "1.3.0", deprecation={}, published="soon")
    fill(shelf, page(shelf, "a", gone, only_dated, old, bare, silent, leaf(shelf, "2.0.0+build.5")))
    async with source(shelf) as feed:
        one, two, three, four, five, six = await feed.releases(JSON)
    assert (one.yanked, one.yanked_reason, one.published) == (True, "its owner has unlisted it", None)
    assert two.yanked and two.published is None
    assert three.version == "1.1.0-beta.2" and three.deprecated == "Use the new one (use New.Json)" and not three.yanked
    assert three.published == datetime(2026, 2, 3, 4, 5, 6, 780000, tzinfo=UTC)
    assert (four.deprecated, four.links) == ("CriticalBugs", ())
    assert (five.deprecated, five.published) == ("its owner has given it up", None)
    assert (six.version, six.partial, six.url) == ("2.0.0", True, None)
    assert six.links == (("homepage", "https://contoso.example/json"),)
    assert six.artifacts[0].filename == "contoso.json.2.0.0.nupkg"
    assert shelf.paths == ["/v3/index.json", "/reg/contoso.json/index.json"]


async def test_pages_are_asked_for_once(shelf: Shelf) -> None:
    """A long list is whole, and of a second look only the page whose commit is new costs a request."""
    fill(shelf, page(shelf, "a", inline=False), page(shelf, "b", inline=False, commit="c7"))
    shelf.pages["/reg/contoso.json/page/a.json"] = page(shelf, "a", leaf(shelf, "1.0.0"))
    shelf.pages["/reg/contoso.json/page/b.json"] = page(shelf, "b", leaf(shelf, "2.0.0"))
    async with source(shelf, cached=True) as feed:
        first = await feed.releases(JSON)
        assert [one.version for one in first] == ["1.0.0", "2.0.0"]
        assert await feed.releases(JSON) is first
        assert [(one.path, one.status) for one in shelf.seen[-1:]] == [("/reg/contoso.json/index.json", 304)]
        fill(shelf, page(shelf, "a", inline=False), page(shelf, "b", inline=False, commit="c8"))
        shelf.pages["/reg/contoso.json/page/b.json"] = page(shelf, "b", leaf(shelf, "2.0.0"), leaf(shelf, "2.1.0"))
        before = len(shelf.seen)
        assert [one.version for one in await feed.releases(JSON)] == ["1.0.0", "2.0.0", "2.1.0"]
    assert shelf.paths[before:] == ["/reg/contoso.json/index.json", "/reg/contoso.json/page/b.json"]


async def test_pages_without_a_commit_are_always_asked_for(shelf: Shelf) -> None:
    """Then nothing else tells whether a version in them was unlisted since."""
    fill(shelf, page(shelf, "a", inline=False, commit=""))
    shelf.pages["/reg/contoso.json/page/a.json"] = page(shelf, "a", leaf(shelf, "1.0.0"))
    async with source(shelf, cached=True) as feed:
        assert [one.yanked for one in await feed.releases(JSON)] == [False]
        shelf.pages["/reg/contoso.json/page/a.json"] = page(shelf, "a", leaf(shelf, "1.0.0", listed=False))
        assert [one.yanked for one in await feed.releases(JSON)] == [True]


async def test_a_packed_answer_is_read(shelf: Shelf) -> None:
    """nuget.org packs its newer registrations, whatever the client says that it accepts."""
    text = json.dumps({"items": [page(shelf, "a", leaf(shelf, "1.0.0"))]}).encode()
    headers = {"Content-Encoding": "gzip"}
    shelf.pages["/reg/contoso.json/index.json"] = lambda request: web.Response(
        body=gzip.compress(text), headers=headers
    )
    async with source(shelf) as feed:
        assert [one.version for one in await feed.releases(JSON)] == ["1.0.0"]


@pytest.mark.parametrize(
    ("algorithm", "digest", "wanted"),
    [
        ("SHA512", b"\x01" * 64, ("sha512:" + "01" * 64, None)),
        ("sha256", b"\x02" * 32, (None, "02" * 32)),
        ("SHA512", b"\x01" * 20, (None, None)),
        ("MD5", b"\x01" * 16, (None, None)),
    ],
)
async def test_the_catalog_knows_the_digest(shelf: Shelf, algorithm: str, digest: bytes, wanted: Any) -> None:
    """Of one version that is about to be proposed; a digest that can be none is not believed."""
    fill(shelf, page(shelf, "a", leaf(shelf, "1.0.0-RC1")))
    shelf.pages["/reg/contoso.json/1.0.0-rc1.json"] = {"catalogEntry": f"{shelf.url}/catalog/1.json", "listed": True}
    said = {"packageHash": base64.b64encode(digest).decode(), "packageHashAlgorithm": algorithm, "packageSize": 1234}
    shelf.pages["/catalog/1.json"] = said
    async with source(shelf) as feed:
        (one,) = await feed.releases(JSON)
        full = await feed.detail(JSON, one)
    (file,) = full.artifacts
    assert (file.checksum, file.sha256) == wanted and file.size == 1234
    assert not full.partial and full.published == one.published


async def test_most_private_feeds_have_no_catalog(shelf: Shelf) -> None:
    """Then the digest stays unknown; what is inline is read, and a catalog on another host is nobody we know."""
    fill(shelf, page(shelf, "a", leaf(shelf, "1.0.0")))
    async with source(shelf) as feed:
        (one,) = await feed.releases(JSON)
        assert (await feed.detail(JSON, one)).artifacts == one.artifacts
        inline = {"packageHash": "!", "packageHashAlgorithm": "SHA512", "packageSize": 7}
        shelf.pages["/reg/contoso.json/1.0.0.json"] = {"catalogEntry": inline}
        assert (await feed.detail(JSON, one)).artifacts[0].size == 7
        for elsewhere in ("https://catalog.example/1.json", "http://[", None):
            shelf.pages["/reg/contoso.json/1.0.0.json"] = {"catalogEntry": elsewhere}
            full = await feed.detail(JSON, one)
            assert (full.partial, full.artifacts[0].checksum) == (False, None)


async def test_the_public_feed_not_answering_is_no_absence(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Where the catalog is known to exist, a 404 is an error; and a public package has a page."""
    monkeypatch.setattr(module, "PUBLIC", f"{shelf.url}/v3/index.json")
    fill(shelf, page(shelf, "a", leaf(shelf, "1.0.0")))
    async with source(shelf) as feed:
        (one,) = await feed.releases(JSON)
        assert one.url == "https://www.nuget.org/packages/Contoso.Json/1.0.0"
        with pytest.raises(Missing):
            await feed.detail(JSON, one)


async def test_a_feed_may_have_no_more_than_a_list(shelf: Shelf) -> None:
    """A static feed tells versions and where their files are."""
    services(shelf, "PackageBaseAddress/3.0.0")
    shelf.pages["/flat/contoso.json/index.json"] = {"versions": ["1.0.0", "1.1.0-beta"]}
    async with source(shelf) as feed:
        one, two = await feed.releases(JSON)
        assert await feed.detail(JSON, one) == one
    assert (one.partial, one.published, two.version) == (False, None, "1.1.0-beta")
    assert one.artifacts[0].url == f"{shelf.url}/flat/contoso.json/1.0.0/contoso.json.1.0.0.nupkg"


async def test_a_login_goes_to_its_feed_alone(shelf: Shelf) -> None:
    """With every request to the feed, and neither to where it sends us nor to a feed that a project's file names."""
    shelf.login = BASIC
    logins = {shelf.url.removeprefix("http://"): {"username": "me", "secret": "PASS"}}
    fill(shelf, page(shelf, "a", leaf(shelf, "1.0.0")))
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        services(stranger, "RegistrationsBaseUrl/3.6.0")
        fill(stranger, page(stranger, "a", leaf(stranger, "6.6.6")))
        async with source(shelf, logins=logins) as feed:
            assert [one.version for one in await feed.releases(JSON)] == ["1.0.0"]
            shelf.pages["/reg/contoso.json/index.json"] = sends_to(f"{stranger.url}/reg/contoso.json/index.json")
            assert [one.version for one in await feed.releases(JSON)] == ["6.6.6"]
            named = Component(name="Contoso.Json", ecosystem="nuget", registry=f"{stranger.url}/v3/index.json")
            assert [one.version for one in await feed.releases(named)] == ["6.6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as feed:
        with pytest.raises(Refused):
            await feed.releases(JSON)
    with pytest.raises(ConfigProblem, match="no secret 'X'"):
        async with source(shelf, logins={"a.example": {"secret": "X"}}):
            pass


async def test_a_feed_does_not_lead_elsewhere_with_our_login(shelf: Shelf) -> None:
    """Its services may be anywhere, but a login for it goes nowhere else without being asked for."""
    resources = [{"@id": "https://cdn.example/reg/", "@type": "RegistrationsBaseUrl/3.6.0"}]
    shelf.pages["/v3/index.json"] = {"resources": resources}
    logins = {shelf.url.removeprefix("http://"): {"username": "me", "secret": "PASS"}}
    async with source(shelf, logins=logins) as feed:
        with pytest.raises(Refused, match="token-host"):
            await feed.releases(JSON)
    services(shelf, "RegistrationsBaseUrl/3.6.0")
    for there in ("https://elsewhere.example/page.json", "http://[", ""):
        fill(shelf, {"@id": there, "commitId": "c"})
        async with source(shelf) as feed:
            with pytest.raises(Permanent):
                await feed.releases(JSON)


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "a?b", "", "-a", "a..b", "x" * 101, "a b", "a\n", "a%2fb"])
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf) as feed:
        with pytest.raises(Missing, match="can be no NuGet package's name"):
            await feed.releases(Component(name=name, ecosystem="nuget"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, another protocol, broken, away: each is told apart."""
    async with source(shelf) as feed:
        with pytest.raises(Missing):
            await feed.releases(JSON)
        shelf.pages["/reg/contoso.json/index.json"] = "<html>"
        with pytest.raises(Permanent, match="no registration of Contoso"):
            await feed.releases(JSON)
        fill(shelf, page(shelf, "a", inline=False))
        shelf.pages["/reg/contoso.json/page/a.json"] = page(shelf, "a", inline=False)
        with pytest.raises(Permanent, match="without items"):
            await feed.releases(JSON)
        fill(shelf, *[{"@id": "x"}] * 1001)
        with pytest.raises(Permanent, match="more pages"):
            await feed.releases(JSON)
        shelf.fail = 503
        with pytest.raises(Transient):
            await feed.releases(JSON)
    shelf.fail = 0
    services(shelf)
    async with source(shelf) as feed:
        with pytest.raises(Permanent, match="names no registrations"):
            await feed.releases(JSON)
        shelf.pages["/v3/index.json"] = "<feed/>"
        with pytest.raises(Permanent, match="service index"):
            await feed.releases(JSON)
        with pytest.raises(Permanent, match="no URL of a registry"):
            await feed.releases(Component(name="A", ecosystem="nuget", registry="file:///etc"))
    with pytest.raises(ConfigProblem, match="nuget"):
        async with source(shelf, url="feed"):
            pass
