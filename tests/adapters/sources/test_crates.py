"""The source of Rust crates: the sparse index lists, crates.io's API tells who published, private registries differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import crates as module
from bot.adapters.sources._attestations import UNNAMED
from bot.adapters.sources.crates import Crates
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Trust
from bot.core.trust import Loss, drops
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
API = "/api/v1/crates/Tiny-Box?include=versions"
BOX = Component(name="Tiny-Box", ecosystem="cargo")


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, secret: str = "", **options: Any) -> AsyncIterator[Crates]:
    """A source over the index of this shelf."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(**({"T": secret} if secret else {})))
        yield open_one(sources, "crates", {"url": f"sparse+{shelf.url}/index/", **options}, tools)


def line(version: str, **more: Any) -> str:
    """A line of an index file, with the fields that nobody needs (Cargo's book, registry index)."""
    dep = {"name": "rand", "req": "^0.6", "features": ["i128"], "optional": False, "default_features": True}
    said = {
        "name": "Tiny-Box",
        "vers": version,
        "deps": [{**dep, "target": None, "kind": "normal"}],
        "cksum": hashlib.sha256(version.encode()).hexdigest(),
        "features": {"default": []},
        "yanked": False,
        "links": None,
        "v": 2,
        "rust_version": "1.70",
        **more,
    }
    return json.dumps(said, separators=(",", ":"))


def told(version: str, **more: Any) -> dict[str, Any]:
    """A version as crates.io's API has it (rust-lang/crates.io, EncodableVersion)."""
    return {
        "id": 1,
        "num": version,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-02-02T03:04:05Z",
        "downloads": 5,
        "yanked": False,
        "yank_message": None,
        "published_by": {"id": 7, "login": "ann", "name": "Ann", "avatar": None, "url": "https://github.com/ann"},
        "trustpub_data": None,
        **more,
    }


def fill(shelf: Shelf, *lines: str, api: bool = True) -> None:
    shelf.pages["/index/config.json"] = {"dl": "https://dl.example/crates", **({"api": shelf.url} if api else {})}
    shelf.pages["/index/ti/ny/tiny-box"] = "\n".join(lines) + "\n"


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


async def test_an_index_file_becomes_releases(shelf: Shelf) -> None:
    """Versions in the index's order, with sha256, what was yanked, and the time where the index writes it."""
    fill(shelf, line("0.9.0", yanked=True), line("0.10.0"), line("1.0.0-rc.1", pubtime="2026-01-15T12:53:12Z"))
    async with source(shelf) as crates:
        old, one, rc = await crates.releases(BOX)
        await crates.releases(Component(name="tiny-box", ecosystem="cargo"))
    assert (old.version, old.yanked, one.yanked) == ("0.9.0", True, False)
    assert one.artifacts[0].sha256 == hashlib.sha256(b"0.10.0").hexdigest()
    assert one.artifacts[0].url == "https://dl.example/crates/Tiny-Box/0.10.0/download"
    assert one.artifacts[0].filename == "Tiny-Box-0.10.0.crate"
    assert one.published is None and one.partial and one.url is None
    assert rc.published == datetime(2026, 1, 15, 12, 53, 12, tzinfo=UTC)
    # Where files are is asked once, and a crate costs one request.
    assert shelf.paths == ["/index/config.json", "/index/ti/ny/tiny-box", "/index/ti/ny/tiny-box"]


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """The index answers 304, and what the API told is asked for again only when the index file changed."""
    fill(shelf, line("1.0.0"))
    shelf.pages[API] = {"crate": {}, "versions": [told("1.0.0"), told("1.1.0")]}
    async with source(shelf, cached=True) as crates:
        first = await crates.releases(BOX)
        assert await crates.releases(BOX) is first
        await crates.detail(BOX, first[0])
        await crates.detail(BOX, first[0])
        fill(shelf, line("1.0.0"), line("1.1.0"))
        _, new = await crates.releases(BOX)
        assert (await crates.detail(BOX, new)).published is not None
    assert [asked.status for asked in shelf.seen] == [200, 200, 304, 200, 200, 304]


async def test_the_api_tells_who_published(shelf: Shelf) -> None:
    """Time, publisher, links and why it was yanked; one question for all releases of a crate."""
    fill(shelf, line("0.9.0", yanked=True), line("1.0.0"), line("1.1.0"))
    crate = {"repository": "https://github.com/acme/box", "homepage": "https://github.com/acme/box",
             "documentation": "https://docs.example/box"}  # fmt: skip
    versions = [told("0.9.0", yank_message=" unsound\n", published_by=None), told("1.0.0")]
    shelf.pages[API] = {"crate": crate, "versions": versions}
    async with source(shelf) as crates:
        old, one, unknown = [await crates.detail(BOX, release) for release in await crates.releases(BOX)]
    assert one.published == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC) and not one.partial
    assert one.trust == Trust(publisher="ann", provenance="")
    assert one.links == (("repository", "https://github.com/acme/box"), ("documentation", "https://docs.example/box"))
    assert old.yanked_reason == "unsound" and old.trust.publisher is None and one.yanked_reason == ""
    assert unknown.published is None and not unknown.partial
    assert len([path for path in shelf.paths if path.startswith("/api")]) == 1


async def test_trusted_publishing_counts_as_provenance(shelf: Shelf) -> None:
    """A release from a laptop after releases from a workflow is told, and so is another workflow's."""
    fill(shelf, *(line(f"1.{n}.0") for n in range(5)))
    trusted = {"provider": "github", "repository": "acme/box", "run_id": "1", "sha": "0" * 40}
    versions = [
        told("1.0.0", trustpub_data=trusted, published_by=None),
        told("1.1.0", published_by={"login": "mallory"}),
        told("1.2.0", trustpub_data={**trusted, "repository": "evil/box"}),
        told("1.3.0", trustpub_data={"provider": "gitlab", "project_path": "acme/sub/box"}),
        told("1.4.0", trustpub_data={"provider": ["new"]}),
    ]
    shelf.pages[API] = {"crate": {}, "versions": versions}
    async with source(shelf) as crates:
        first, laptop, other, lab, odd = [await crates.detail(BOX, one) for one in await crates.releases(BOX)]
    assert first.trust == Trust(
        publisher="trusted publisher github acme/box", provenance="https://github.com/acme/box"
    )  # fmt: skip
    assert laptop.trust == Trust(publisher="mallory", provenance="")
    assert other.trust.provenance == "https://github.com/evil/box"
    assert lab.trust.provenance == "https://gitlab.com/acme/sub/box"
    assert odd.trust == Trust(publisher="trusted publisher", provenance=UNNAMED)
    earlier = [module.replace(first, published=datetime(2025, 1, 1, tzinfo=UTC))]
    assert {drop.loss for drop in drops(laptop, earlier)} == {Loss.PROVENANCE, Loss.PUBLISHER}
    assert Loss.SOURCE in {drop.loss for drop in drops(other, earlier)}


async def test_a_private_registry_says_what_it_can(shelf: Shelf) -> None:
    """Without an API, or with one that knows no such call, the list alone counts and is not asked for again."""
    for api in (False, True):
        fill(shelf, line("1.0.0"), api=api)
        async with source(shelf) as crates:
            (one,) = await crates.releases(BOX)
            whole = await crates.detail(BOX, one)
        assert not whole.partial and whole.trust == Trust() and whole.published is None
    shelf.pages["/index/config.json"] = {"dl": "https://dl.example/{lowerprefix}/{crate}-{version}.{sha256-checksum}"}
    async with source(shelf) as crates:
        (one,) = await crates.releases(BOX)
    digest = hashlib.sha256(b"1.0.0").hexdigest()
    assert one.artifacts[0].url == f"https://dl.example/ti/ny/Tiny-Box-1.0.0.{digest}"


async def test_a_token_goes_to_the_registry_alone(shelf: Shelf) -> None:
    """As Cargo sends it, to the index and the named API; not to where they send us, nor to what a file names."""
    shelf.login = "tok3n"
    fill(shelf, line("1.0.0"))
    shelf.pages["/web" + API] = {"crate": {}, "versions": [told("1.0.0")]}
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        fill(stranger, line("6.6.6"))
        async with source(shelf, token="T", secret="tok3n", api=f"{shelf.url}/web") as crates:
            (one,) = await crates.releases(BOX)
            assert (await crates.detail(BOX, one)).trust.publisher == "ann"
            shelf.pages["/index/ti/ny/tiny-box"] = sends_to(f"{stranger.url}/index/ti/ny/tiny-box")
            assert [release.version for release in await crates.releases(BOX)] == ["6.6.6"]
            named = Component(name="tiny-box", ecosystem="cargo", registry=f"sparse+{stranger.url}/index/")
            assert [release.version for release in await crates.releases(named)] == ["6.6.6"]
            assert (await crates.detail(named, one)).trust == Trust()
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as crates:
        with pytest.raises(Refused):
            await crates.releases(BOX)


def test_names_lie_where_cargo_puts_them() -> None:
    """Short names have folders of their own; all is lower case."""
    async_http = Http()
    crates = Crates(async_http, module.Place(url="https://i.example"))
    places = {"a": "1/a", "AB": "2/ab", "abc": "3/a/abc", "Serde_json": "se/rd/serde_json"}
    for name, path in places.items():
        assert crates._where(Component(name=name, ecosystem="cargo"))[1] == f"https://i.example/{path}"


def test_the_public_registry_under_all_its_names() -> None:
    """Cargo's lock files call crates.io by the git repository that its index once was; others such are refused."""
    crates = open_one(sources, "crates", {}, Tools(http=Http()))
    for registry in ("", module.INDEX, f"sparse+{module.INDEX}/", module.OLD_INDEX, f"registry+{module.OLD_INDEX}"):
        index, url = crates._where(Component(name="serde", ecosystem="cargo", registry=registry))
        assert (index, url) == (module.INDEX, f"{module.INDEX}/se/rd/serde")
    with pytest.raises(Permanent, match="only sparse"):
        crates._where(Component(name="serde", ecosystem="cargo", registry="registry+https://git.example/index"))
    public = module._Config(dl="https://static.example", api=f"{module.PUBLIC}/")
    one = module._release(module._Line(name="serde", vers="1.0.0", cksum="0"), public)
    assert one.url == "https://crates.io/crates/serde/1.0.0"


async def test_crates_io_not_answering_is_no_absence(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Where the call is known to exist, a refusal is a refusal."""
    monkeypatch.setattr(module, "PUBLIC", shelf.url)
    fill(shelf, line("1.0.0"))
    async with source(shelf) as crates:
        (one,) = await crates.releases(BOX)
        with pytest.raises(Missing):
            await crates.detail(BOX, one)


@pytest.mark.parametrize("name", ["../x", "a/b", "a?b", "", "-a", "a.b", "x" * 65, "é", "a\n"])
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf) as crates:
        with pytest.raises(Missing, match="can be no crate's name"):
            await crates.releases(Component(name=name, ecosystem="cargo"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, no index, broken, another crate's file, away: each is told apart."""
    async with source(shelf) as crates:
        with pytest.raises(Permanent, match="no sparse index"):
            await crates.releases(BOX)
        shelf.pages["/index/config.json"] = "<html>"
        with pytest.raises(Permanent, match=r"no config\.json"):
            await crates.releases(BOX)
        fill(shelf, line("1.0.0", name="tiny-ox"))
        with pytest.raises(Permanent, match="the file of 'tiny-ox'"):
            await crates.releases(BOX)
        fill(shelf, line("1.0.0"), "{")
        with pytest.raises(Permanent, match="no index file for Tiny-Box"):
            await crates.releases(BOX)
        with pytest.raises(Missing):
            await crates.releases(Component(name="other", ecosystem="cargo"))
        fill(shelf, line("1.0.0"))
        shelf.pages[API] = "[]"
        (one,) = await crates.releases(BOX)
        shelf.pages["/index/bo/x3/box3"] = line("1.0.0", name="box3")
        shelf.pages[API.replace("Tiny-Box", "box3")] = {"crate": {}, "versions": [{"num": "1.0.0"}]}
        bare = await crates.detail(Component(name="box3", ecosystem="cargo"), one)
        assert bare.trust == Trust()
        with pytest.raises(Permanent, match="no description of Tiny-Box"):
            await crates.detail(BOX, one)
        shelf.fail = 500
        with pytest.raises(Transient):
            await crates.releases(BOX)
    with pytest.raises(ConfigProblem, match="no URL of a registry"):
        open_one(sources, "crates", {"url": "registry+https://git.example"}, Tools(http=Http()))
