"""The source of PHP packages: minified documents and plain ones, Packagist's own and those of other repositories."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import packagist as module
from bot.adapters.sources.packagist import Packagist
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
LOG = Component(name="acme/log", ecosystem="composer")
BASIC = "Basic " + base64.b64encode(b"token:pass").decode()
SHA = "ab" * 20
DOCUMENT = "/p2/acme/log.json"


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, **options: Any) -> AsyncIterator[Packagist]:
    """A source over the repository of this server."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(PASS="pass"))
        yield open_one(sources, "packagist", {"url": shelf.url, **options}, tools)


def version(number: str, **more: Any) -> dict[str, Any]:
    """A whole version as Packagist has it, with fields that nobody needs."""
    return {
        "name": "acme/log",
        "description": "Logs",
        "version": number,
        "version_normalized": f"{number}.0",
        "source": {"url": "https://github.com/acme/log.git", "type": "git", "reference": SHA},
        "dist": {
            "url": f"https://api.github.example/repos/acme/log/zipball/{SHA}",
            "type": "zip",
            "shasum": "",
            "reference": SHA,
        },
        "time": "2026-01-02T03:04:05+00:00",
        "require": {"php": ">=8.1"},
        "support": {"issues": "https://github.com/acme/log/issues", "changelog": "https://github.com/acme/log/wiki"},
        **more,
    }


def fill(shelf: Shelf, *versions: dict[str, Any], minified: bool = True) -> None:
    """The document of the package, and packages.json that leads to it."""
    shelf.pages["/packages.json"] = {
        "packages": [],
        "metadata-url": "/p2/%package%.json",
        "search": "https://x.example",
    }
    shelf.pages[DOCUMENT] = {"packages": {"acme/log": list(versions)}, "security-advisories": []} | (
        {"minified": "composer/2.0"} if minified else {}
    )


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


async def test_what_differs_becomes_whole(shelf: Shelf) -> None:
    """Each version of a minified document says what differs from the one before it, also that something is gone."""
    fill(
        shelf,
        version("3.0.0", abandoned="acme/logger"),
        {"version": "2.1.0", "time": "2025-01-01T00:00:00+00:00", "source": {"url": "git@github.com:acme/log.git",
            "type": "git", "reference": "cd" * 20}, "support": []},
        {"version": "2.0.0", "abandoned": "__unset", "source": "__unset"},
        {"version": "1.0.0-beta1", "dist": None},
        {"version": "dev-main"},
        {"version": "1.x-dev"},
    )  # fmt: skip
    async with source(shelf) as php:
        three, two, two_zero, beta = await php.releases(LOG)
        assert await php.detail(LOG, three) is three
    assert (three.version, three.digest, three.published, three.partial) == ("3.0.0", SHA, None, False)
    assert three.deprecated == "its maker has abandoned it (use acme/logger)" == two.deprecated
    assert three.links == (
        ("repository", "https://github.com/acme/log"), ("changelog", "https://github.com/acme/log/wiki"),
    )  # fmt: skip
    assert three.artifacts[0].filename == "acme-log-3.0.0.zip" and three.artifacts[0].checksum is None
    assert (two.digest, two.links) == ("cd" * 20, (("repository", "https://github.com/acme/log"),))
    assert (two_zero.deprecated, two_zero.digest, two_zero.links) == ("", SHA, ())
    assert (beta.version, beta.artifacts, beta.digest, beta.yanked) == ("1.0.0-beta1", (), "", False)


async def test_whole_versions_inherit_nothing(shelf: Shelf) -> None:
    """A document that is not minified says all in each version, and what one leaves out it does not have."""
    dist = {"url": "https://files.example/log.tar", "type": "tar", "shasum": SHA.upper(), "reference": None}
    fill(shelf, version("2.0.0", abandoned=True, dist=dist), {"version": "1.0.0"}, minified=False)
    async with source(shelf) as php:
        two, one = await php.releases(LOG)
    assert two.deprecated == "its maker has abandoned it"
    assert (two.artifacts[0].filename, two.artifacts[0].checksum) == ("acme-log-2.0.0.tar", f"sha1:{SHA}")
    assert (one.deprecated, one.digest, one.artifacts, one.links) == ("", "", (), ())


async def test_times_count_only_when_they_are_trusted(shelf: Shelf) -> None:
    """The date of a commit is whatever its author wrote."""
    fill(shelf, version("1.0.0"), {"version": "0.9.0", "time": "long ago"})
    async with source(shelf) as php:
        assert [one.published for one in await php.releases(LOG)] == [None, None]
    async with source(shelf, **{"trust-time": True}) as php:
        assert [one.published for one in await php.releases(LOG)] == [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None]


async def test_packagist_itself_costs_one_request(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Where its documents are is known; a public package has a page; both of its hosts mean the same."""
    monkeypatch.setattr(module, "PUBLIC", shelf.url)
    monkeypatch.setattr(module, "ALIASES", (shelf.url, "https://packagist.example"))
    fill(shelf, version("1.0.0"))
    async with source(shelf, cached=True) as php:
        first = await php.releases(LOG)
        again = await php.releases(
            Component(name="Acme/Log", ecosystem="composer", registry="https://packagist.example/")
        )
    assert again is first and first[0].url == "https://packagist.org/packages/acme/log#1.0.0"
    assert [(one.path, one.status) for one in shelf.seen] == [(DOCUMENT, 200), (DOCUMENT, 304)]


async def test_a_repository_says_once_where_its_documents_are(shelf: Shelf) -> None:
    """A second look asks only for the document, and reads it only when it is new."""
    fill(shelf, version("1.0.0", homepage="https://log.example"))
    named = Component(name="acme/log", ecosystem="composer", registry=f"{shelf.url}/packages.json")
    async with source(shelf, cached=True) as php:
        first = await php.releases(LOG)
        assert await php.releases(named) is first
    assert [(one.path, one.status) for one in shelf.seen] == [("/packages.json", 200), (DOCUMENT, 200), (DOCUMENT, 304)]
    assert first[0].url == "https://log.example"


async def test_a_small_repository_lists_its_packages_right_there(shelf: Shelf) -> None:
    """In packages.json, or in the files that it includes; the first that has the name counts."""
    packages = {"acme/log": {"1.0.0": version("1.0.0"), "dev-main": version("dev-main")}}
    shelf.pages["/packages.json"] = {"packages": packages, "includes": {"include/all$1.json": {"sha1": "x"}}}
    shelf.pages["/include/all$1.json"] = {"packages": {"acme/more": [version("2.0.0")]}}
    async with source(shelf) as php:
        assert [one.version for one in await php.releases(LOG)] == ["1.0.0"]
        assert [one.version for one in await php.releases(Component(name="acme/more"))] == ["2.0.0"]
        with pytest.raises(Missing, match="lists no package acme/none"):
            await php.releases(Component(name="acme/none"))
        shelf.pages["/packages.json"] = {"packages": [], "includes": {"//elsewhere.example/all.json": {}}}
        with pytest.raises(Permanent, match="another host"):
            await php.releases(LOG)


async def test_a_login_goes_to_its_repository_alone(shelf: Shelf) -> None:
    """Neither to where it sends us, nor to a repository that a project's file names."""
    shelf.login = BASIC
    fill(shelf, version("1.0.0"))
    logins = {shelf.url.removeprefix("http://"): {"username": "token", "secret": "PASS"}}
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        fill(stranger, version("6.6.6"))
        async with source(shelf, logins=logins) as php:
            assert [one.version for one in await php.releases(LOG)] == ["1.0.0"]
            shelf.pages[DOCUMENT] = sends_to(f"{stranger.url}{DOCUMENT}")
            assert [one.version for one in await php.releases(LOG)] == ["6.6.6"]
            named = Component(name="acme/log", ecosystem="composer", registry=stranger.url)
            assert [one.version for one in await php.releases(named)] == ["6.6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
        shelf.pages["/packages.json"] = {"metadata-url": f"{stranger.url}/p2/%package%.json"}
        async with source(shelf, logins=logins) as php:
            with pytest.raises(Refused, match="token-host"):
                await php.releases(LOG)
    async with source(shelf) as php:
        with pytest.raises(Refused):
            await php.releases(LOG)


@pytest.mark.parametrize(
    "name",
    ["php", "ext-json", "../x", "a/../b", "a/b/c", "a/b?c", "", "/", "a/", "a b/c", "a/b\n", "é/x", "a/" + "b" * 200],
)  # fmt: skip
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs; what PHP itself brings is no package either."""
    async with source(shelf) as php:
        with pytest.raises(Missing, match="can be no Composer package's name"):
            await php.releases(Component(name=name, ecosystem="composer"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, replaced by another, an old protocol, broken, away: each is told apart."""
    fill(shelf, version("1.0.0"))
    async with source(shelf) as php:
        with pytest.raises(Missing):
            await php.releases(Component(name="acme/none", ecosystem="composer"))
        shelf.pages[DOCUMENT] = {"packages": {"acme/other": []}, "minified": "composer/2.0"}
        with pytest.raises(Missing, match="nothing under the name acme/log"):
            await php.releases(LOG)
        shelf.pages[DOCUMENT] = {"packages": {}, "minified": "composer/3.0"}
        with pytest.raises(Permanent, match="unknown way"):
            await php.releases(LOG)
        shelf.pages[DOCUMENT] = "<html>"
        with pytest.raises(Permanent, match="list of Composer packages with acme/log"):
            await php.releases(LOG)
        shelf.fail = 500
        with pytest.raises(Transient):
            await php.releases(LOG)
    shelf.fail = 0
    for root, words in (
        ({"providers-url": "/p/%package%$%hash%.json", "packages": []}, "version 1"),
        ({"metadata-url": "/p2/all.json"}, "that is none"),
        ({"metadata-url": "http://[/%package%"}, "that is none"),
        ("<html>", r"packages\.json"),
    ):
        shelf.pages["/packages.json"] = root
        async with source(shelf) as php:
            with pytest.raises(Permanent, match=words):
                await php.releases(LOG)
    with pytest.raises(ConfigProblem, match="packagist"):
        async with source(shelf, url="ftp://x.example"):
            pass


FIELDS = st.fixed_dictionaries(
    {}, optional={"time": st.text(max_size=3), "homepage": st.text(max_size=3), "abandoned": st.booleans()}
)


@given(st.lists(FIELDS, max_size=6))
def test_minifying_loses_nothing(versions: list[dict[str, Any]]) -> None:
    """Whatever the versions say, what was minified by Composer's rule reads as if it had not been."""
    whole = [{"version": str(number), **fields} for number, fields in enumerate(versions)]
    small: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for one in whole:
        changed = {key: value for key, value in one.items() if key not in before or before[key] != value}
        small.append(changed | {key: "__unset" for key in before if key not in one})
        before = one

    def read(listed: list[dict[str, Any]], minified: bool) -> list[dict[str, Any]]:
        made = [module._Version(**one) for one in listed]
        return [dict(one) for one in module._expanded(made, minified=minified)]

    assert read(small, True) == read(whole, False) == whole
