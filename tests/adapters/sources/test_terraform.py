"""The source of Terraform providers and modules: discovery, lists, and the page and files of one version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _sums
from bot.adapters.sources import terraform as module
from bot.adapters.sources.terraform import Terraform
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost", "registry.example"])
AWS = Component(name="hashicorp/aws", ecosystem="terraform")
VPC = Component(name="terraform-aws-modules/vpc/aws", ecosystem="terraform")
WELL_KNOWN = "/.well-known/terraform.json"
SHA, OTHER = "ab" * 32, "cd" * 32


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, **options: Any) -> AsyncIterator[Terraform]:
    """A source over the registry of this server."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent("127.0.0.1", "registry.example", TOKEN="t0ken"))
        yield open_one(sources, "terraform", {"url": shelf.url, **options}, tools)


def provider(shelf: Shelf, *versions: str, **more: Any) -> None:
    """A provider's versions (developer.hashicorp.com/terraform/internals/provider-registry-protocol)."""
    platforms = [{"os": "darwin", "arch": "arm64"}, {"os": "linux", "arch": "amd64"}]
    listed = [{"version": version, "protocols": ["5.0"], "platforms": platforms} for version in versions]
    shelf.pages["/v1/providers/hashicorp/aws/versions"] = {
        "id": "hashicorp/aws",
        "versions": listed,
        "warnings": None,
    } | more


def modules(shelf: Shelf, *versions: dict[str, Any]) -> None:
    """A module's versions (…/module-registry-protocol); its dependencies may follow it."""
    listed = {"source": "terraform-aws-modules/vpc/aws", "versions": list(versions)}
    shelf.pages["/v1/modules/terraform-aws-modules/vpc/aws/versions"] = {
        "modules": [listed, {"versions": [{"version": "9.9.9"}]}]
    }


def download(shelf: Shelf, version: str, **more: Any) -> None:
    """Where one platform's archive is, as a registry tells it."""
    name = f"terraform-provider-aws_{version}_linux_amd64.zip"
    said = {"os": "linux", "arch": "amd64", "filename": name, "download_url": f"/files/{name}", "shasum": SHA.upper(),
            "shasums_url": f"/files/{version}_SHA256SUMS", "shasums_signature_url": "/files/x.sig"}  # fmt: skip
    shelf.pages[f"/v1/providers/hashicorp/aws/{version}/download/linux/amd64"] = said | more


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        made.pages[WELL_KNOWN] = {
            "modules.v1": "/v1/modules/",
            "providers.v1": f"{made.url}/v1/providers/",
            "login.v1": {"client": "terraform-cli"},
        }
        yield made


async def test_a_provider_becomes_releases(shelf: Shelf) -> None:
    """What its maker warns of counts for every version; times are not in the list."""
    provider(shelf, "5.0.0", "5.1.0-beta1", warnings=["This provider\nis archived"])
    async with source(shelf) as registry:
        one, two = await registry.releases(AWS)
    assert (one.version, one.deprecated, one.partial, one.published) == (
        "5.0.0",
        "This provider is archived",
        True,
        None,
    )
    assert (two.version, two.url) == ("5.1.0-beta1", None)
    assert shelf.paths == [WELL_KNOWN, "/v1/providers/hashicorp/aws/versions"]


async def test_a_module_becomes_releases(shelf: Shelf) -> None:
    """Its own versions and not those of what it depends on; single ones may be deprecated; parts of it are itself."""
    modules(
        shelf,
        {"version": "1.0.0", "deprecation": {"reason": "use 2", "link": "https://x.example"}},
        {"version": "1.1.0", "deprecation": {}},
        {"version": "2.0.0", "deprecation": None, "root": {"providers": []}},
    )
    part = Component(name=f"{VPC.name}//modules/endpoints", ecosystem="terraform")
    async with source(shelf, cached=True) as registry:
        found = await registry.releases(VPC)
        assert await registry.releases(part) is found
        full = await registry.detail(VPC, found[2])
    assert [one.deprecated for one in found] == ["use 2", "its maker has given this version up", ""]
    assert (full.partial, full.artifacts, full.published) == (False, (), None)
    shelf.pages["/v1/modules/terraform-aws-modules/vpc/aws/versions"] = {"modules": []}
    async with source(shelf) as registry:
        assert await registry.releases(VPC) == ()


async def test_a_release_that_is_proposed_is_complete(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """With its time, its repository, and the archives for all platforms with their digests."""
    monkeypatch.setattr(module, "PUBLIC", shelf.url)
    provider(shelf, "5.0.0")
    shelf.pages["/v1/providers/hashicorp/aws/5.0.0"] = {
        "owner": "hashicorp",
        "published_at": "2026-01-02T03:04:05Z",
        "source": "https://github.com/hashicorp/terraform-provider-aws",
    }
    download(shelf, "5.0.0")
    name = "terraform-provider-aws_5.0.0"
    shelf.pages["/files/5.0.0_SHA256SUMS"] = (
        f"{SHA}  {name}_linux_amd64.zip\n{OTHER}  {name}_darwin_arm64.zip\n{OTHER}  {name}_manifest.json\n"
    )
    async with source(shelf, cached=True) as registry:
        (one,) = await registry.releases(AWS)
        full = await registry.detail(AWS, one)
    assert full.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) and not full.partial
    assert full.links == (("repository", "https://github.com/hashicorp/terraform-provider-aws"),)
    assert [(file.filename, file.sha256) for file in full.artifacts] == [
        (f"{name}_darwin_arm64.zip", OTHER), (f"{name}_linux_amd64.zip", SHA),
    ]  # fmt: skip
    assert full.artifacts[0].url == f"{shelf.url}/files/{name}_darwin_arm64.zip"
    assert one.url == f"{shelf.url}/providers/hashicorp/aws/5.0.0"
    # The list is not sent a second time, and where the services are is not asked again.
    assert [asked.status for asked in shelf.seen if asked.path.endswith("/versions")] == [200, 304]
    assert shelf.paths.count(WELL_KNOWN) == 1


async def test_a_private_registry_tells_less(shelf: Shelf) -> None:
    """No page of a version, sums that are away or of other files, no files at all: what is not said is not known."""
    provider(shelf, "5.0.0")
    download(shelf, "5.0.0")
    async with source(shelf) as registry:
        (one,) = await registry.releases(AWS)
        full = await registry.detail(AWS, one)
        assert [(file.filename[-15:], file.sha256) for file in full.artifacts] == [("linux_amd64.zip", SHA)]
        assert (full.published, full.partial) == (None, False)
        shelf.pages["/files/5.0.0_SHA256SUMS"] = f"{OTHER}  {full.artifacts[0].filename}"
        assert len((await registry.detail(AWS, one)).artifacts) == 1
        download(shelf, "5.0.0", shasum="", shasums_url=None)
        assert (await registry.detail(AWS, one)).artifacts[0].sha256 is None
        download(shelf, "5.0.0", download_url="http://[")
        assert (await registry.detail(AWS, one)).artifacts == ()
        shelf.pages["/v1/providers/hashicorp/aws/versions"] = {"versions": [{"version": "5.0.0"}]}
        assert (await registry.detail(AWS, one)).artifacts == ()


async def test_the_public_registry_not_answering_is_no_absence(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Where the page of a version is known to exist, a 404 is an error."""
    monkeypatch.setattr(module, "PUBLIC", shelf.url)
    provider(shelf, "5.0.0")
    async with source(shelf) as registry:
        (one,) = await registry.releases(AWS)
        with pytest.raises(Missing):
            await registry.detail(AWS, one)


async def test_a_name_may_begin_with_its_host(shelf: Shelf) -> None:
    """Then that registry is asked, in the way that is known for it, and no other."""
    provider(shelf, "5.0.0")
    host = shelf.url.removeprefix("http://")
    async with source(shelf) as registry:
        (one,) = await registry.releases(Component(name=f"{host}/hashicorp/aws", ecosystem="terraform"))
        assert one.version == "5.0.0"
        named = Component(name="hashicorp/aws", ecosystem="terraform", registry=f"{shelf.url}/")
        assert [each.version for each in await registry.releases(named)] == ["5.0.0"]
        before = len(shelf.seen)
        with pytest.raises((Transient, Permanent)):
            await registry.releases(Component(name="localhost.localdomain:1/hashicorp/aws", ecosystem="terraform"))
        assert len(shelf.seen) == before


async def test_a_token_goes_to_its_registry_alone(shelf: Shelf) -> None:
    """Neither to where it sends us, nor to where its files lie, nor over an open wire."""
    shelf.login = "Bearer t0ken"
    provider(shelf, "5.0.0")
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        provider(stranger, "6.6.6")
        stranger.pages["/sums"] = ""
        async with source(shelf, tokens={shelf.url.removeprefix("http://"): "TOKEN"}) as registry:
            (one,) = await registry.releases(AWS)
            download(shelf, "5.0.0", shasums_url=f"{stranger.url}/sums")
            assert len((await registry.detail(AWS, one)).artifacts) == 1
            shelf.pages["/v1/providers/hashicorp/aws/versions"] = sends_to(
                f"{stranger.url}/v1/providers/hashicorp/aws/versions"
            )
            assert [each.version for each in await registry.releases(AWS)] == ["6.6.6"]
        assert len(stranger.seen) == 2 and {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as registry:
        with pytest.raises(Refused):
            await registry.releases(AWS)
    async with source(shelf, url="http://registry.example", tokens={"registry.example": "TOKEN"}) as registry:
        with pytest.raises(Refused, match="plain http"):
            await registry.releases(AWS)
    with pytest.raises(ConfigProblem, match="no secret 'NONE'"):
        async with source(shelf, tokens={"a.example": "NONE"}):
            pass


@pytest.mark.parametrize(
    "name",
    [
        "",
        "aws",
        "a/b/c/d",
        "../x",
        "a/../b",
        "a//b",
        "a/b//c",
        "a/b?c",
        "a/b\n",
        "-a/b",
        "a/b/c\n",
        "é/x",
        "host.example/a",
    ],
)
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf) as registry:
        with pytest.raises(Missing, match="can be no provider's or module's name"):
            await registry.releases(Component(name=name, ecosystem="terraform"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, no such service, broken, away: each is told apart."""
    async with source(shelf) as registry:
        with pytest.raises(Missing):
            await registry.releases(AWS)
        shelf.pages["/v1/providers/hashicorp/aws/versions"] = "<html>"
        with pytest.raises(Permanent, match="versions of the provider hashicorp/aws"):
            await registry.releases(AWS)
        shelf.pages["/v1/modules/terraform-aws-modules/vpc/aws/versions"] = []
        with pytest.raises(Permanent, match="versions of the module terraform-aws-modules/vpc/aws"):
            await registry.releases(VPC)
        shelf.fail = 500
        with pytest.raises(Transient):
            await registry.releases(AWS)
    shelf.fail = 0
    shelf.pages[WELL_KNOWN] = {"modules.v1": "http://["}
    async with source(shelf) as registry:
        with pytest.raises(Permanent, match="no registry of modules"):
            await registry.releases(VPC)
        with pytest.raises(Permanent, match="no registry of providers"):
            await registry.releases(AWS)
    with pytest.raises(ConfigProblem, match="terraform"):
        async with source(shelf, url="registry"):
            pass


def test_checksum_files_of_every_kind() -> None:
    """GNU's and BSD's lines, comments, paths; what contradicts itself and what is no evidence is left out."""
    text = (
        f"# made today\n{SHA} *a.zip\n{'1' * 128}  ./b.zip\r\nSHA256 (c d.zip) = {OTHER.upper()}\n{'2' * 32}  md5.zip\n"
        f"{SHA}  twice.zip\n{OTHER}  twice.zip\n{SHA}  same.zip\n{SHA}  same.zip\nSHA512(e.zip)= {'3' * 128}\n{SHA}\n"
    )
    assert _sums.read(text.encode()) == {
        "a.zip": f"sha256:{SHA}", "b.zip": "sha512:" + "1" * 128, "c d.zip": f"sha256:{OTHER}",
        "same.zip": f"sha256:{SHA}", "e.zip": "sha512:" + "3" * 128,
    }  # fmt: skip
    assert _sums.alone(f"{SHA}\n".encode(), "x.zip") == f"sha256:{SHA}"
    assert _sums.alone(f"{SHA}  out/x.zip\n".encode(), "x.zip") == f"sha256:{SHA}"
    assert _sums.alone(f"{SHA}  y.zip\n".encode(), "x.zip") is None
    assert _sums.alone(b"<html>", "x.zip") is None and _sums.alone(b"1" * 41, "x.zip") is None
