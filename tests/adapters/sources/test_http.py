"""The source of versions from any endpoint: every reader, every wrong description, and hostile answers."""

from __future__ import annotations

import base64
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _apart, _apart_main
from bot.adapters.sources import http as module
from bot.adapters.sources.http import Endpoints
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost", "api.example"])
TOOL = Component(name="tool", ecosystem="http")


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, logins: Any = None, **how: Any) -> AsyncIterator[Endpoints]:
    """A source that reads the component `tool` at /tool of this server in this way."""
    options = {"components": {"tool": {"url": f"{shelf.url}/tool", **how}}, "logins": logins or {}}
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent("127.0.0.1", "api.example", TOKEN="t0ken"))
        yield open_one(sources, "http", options, tools)


async def versions(shelf: Shelf, **how: Any) -> list[str]:
    async with source(shelf, **how) as endpoints:
        return [one.version for one in await endpoints.releases(TOOL)]


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


@pytest.mark.parametrize(
    ("document", "expression", "wanted"),
    [
        ({"latest": "1.2.3"}, "latest", ["1.2.3"]),
        ({"build": 42}, "build", ["42"]),
        ([{"v": "2.0"}, {"v": "1.0"}, {"v": "2.0"}, {}], "[*].v", ["2.0", "1.0"]),
        ({"1.0": {}, "1.1": {}}, "keys(@)", ["1.0", "1.1"]),
        ([{"tag": "a", "pre": True}, {"tag": "b", "pre": False}], "[?!pre].tag", ["b"]),
        ('{"version": 1.10}', "version", ["1.10"]),
        ('["3.0"]', "@", ["3.0"]),
    ],
)
async def test_json_is_read_by_a_path(shelf: Shelf, document: Any, expression: str, wanted: list[str]) -> None:
    """A version, a list of them, each once; and numbers as they are written."""
    shelf.pages["/tool"] = document
    assert await versions(shelf, json=expression) == wanted


async def test_json_may_tell_times_and_digests(shelf: Shelf) -> None:
    """Objects with these fields; what is no time is not known."""
    shelf.pages["/tool"] = {"all": [
        {"tag": "v1.0", "date": "2026-01-02T03:04:05Z", "sum": "sha256:aa"},
        {"tag": "v1.1", "date": "soon", "sum": None},
    ]}  # fmt: skip
    how = {"json": "all[].{version: tag, published: date, digest: sum}", "match": "^v(.+)$"}
    async with source(shelf, **how) as endpoints:
        one, two = await endpoints.releases(TOOL)
        assert await endpoints.detail(TOOL, one) is one
    assert (one.version, one.digest, one.published) == ("1.0", "sha256:aa", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert (two.version, two.digest, two.published, two.partial) == ("1.1", "", None, False)


async def test_text_is_read_by_a_pattern(shelf: Shelf) -> None:
    """Everywhere in it; the named group counts before the only one; big texts are read as well."""
    shelf.pages["/tool"] = "tool 1.0 (old)\ntool 2.0 (new)\n"
    assert await versions(shelf, regex=r"tool (\S+)") == ["1.0", "2.0"]
    assert await versions(shelf, regex=r"(tool) (?P<version>\S+) \(new\)") == ["2.0"]
    shelf.pages["/tool"] = "x" * 300_000 + "tool 3.0"
    assert await versions(shelf, regex=r"tool (\S+)") == ["3.0"]


async def test_html_is_read_by_a_selector(shelf: Shelf) -> None:
    """The text of elements or an attribute of theirs, out of which `match` takes the version."""
    shelf.pages["/tool"] = (
        '<ul><li class=r>Version <b>1.0</b> (stable)<li class=r data-v="9">Version <b>1.1</b> beta</ul><p class=r>no'
    )
    how = {"selector": "li.r", "match": r"Version (?P<version>[0-9.]+)"}
    assert await versions(shelf, **how) == ["1.0", "1.1"]
    assert await versions(shelf, selector=".r", attribute="data-v") == ["9"]


async def test_a_header_may_tell_a_version(shelf: Shelf) -> None:
    """Or the place to which the endpoint sends everybody."""
    headers = {"ETag": '"release-1.4"'}
    shelf.pages["/tool"] = lambda request: web.Response(text="same", headers=headers)
    assert await versions(shelf, header="ETag", match='^"release-(.*)"$') == ["1.4"]
    async with source(shelf, header="etag") as endpoints:
        first = await endpoints.releases(TOOL)
        headers["ETag"] = '"release-1.5"'
        assert await endpoints.releases(TOOL) != first
    shelf.pages["/tool"] = sends_to("/releases/v2.0")
    shelf.pages["/releases/v2.0"] = "hello"
    assert await versions(shelf, header="location", match=r"/v([0-9.]+)$") == ["2.0"]


async def test_any_header_may_tell_a_version(shelf: Shelf) -> None:
    """Also one that changes while the body, its validator and so a cache's answer stay the same."""
    headers = {"ETag": '"same"', "X-App-Version": "1.4"}

    def answer(request: web.Request) -> web.Response:
        same = request.headers.get("If-None-Match") == headers["ETag"]
        return web.Response(status=304) if same else web.Response(text="same", headers=headers)

    shelf.pages["/tool"] = answer
    async with source(shelf, cached=True, header="x-app-version") as endpoints:
        assert [one.version for one in await endpoints.releases(TOOL)] == ["1.4"]
        headers["X-App-Version"] = "1.5"
        assert [one.version for one in await endpoints.releases(TOOL)] == ["1.5"]
        del headers["X-App-Version"]
        with pytest.raises(Permanent, match=r"127\.0\.0\.1:[0-9]+ sends no header x-app-version for tool"):
            await endpoints.releases(TOOL)


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """What did not change is not read again, also where a server gives no validator."""
    shelf.pages["/tool"] = {"v": "1.0"}
    for etags, statuses in ((True, [200, 304]), (False, [200, 200])):
        shelf.etags, shelf.seen = etags, []
        async with source(shelf, cached=True, json="v") as endpoints:
            first = await endpoints.releases(TOOL)
            assert await endpoints.releases(TOOL) is first
        assert [one.status for one in shelf.seen] == statuses


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "components.tool needs exactly one reader"),
        ({"json": "a", "regex": "(a)"}, "exactly one reader"),
        ({"json": "a["}, r"components\.tool\.json cannot be used"),
        ({"json": "nope(@)"}, r"no function nope\(\)"),
        ({"json": "a[?nope(@)].b"}, r"no function nope\(\)"),
        ({"json": "[" * 900}, "json cannot be used"),
        ({"json": "a" * 1001}, "longer than 1000"),
        ({"regex": "("}, r"components\.tool\.regex cannot be used: missing"),
        ({"regex": "a"}, "needs a group named version"),
        ({"selector": "a["}, r"components\.tool\.selector cannot be used"),
        ({"selector": "a", "match": "("}, r"components\.tool\.match cannot be used"),
        ({"header": "X Version"}, "'X Version' can be no header's name"),
        ({"json": "a", "attribute": "b"}, r"components\.tool\.attribute"),
        ({"json": "a", "url": "file:///etc/passwd"}, r"components\.tool\.url"),
        ({"json": "a", "token": "NONE"}, "no secret 'NONE'"),
        ({"json": "a", "token": "TOKEN", "url": "https://elsewhere.example"}, "not to be sent to elsewhere"),
        ({"jsno": "a"}, "jsno"),
    ],
)
async def test_a_wrong_description_is_refused_at_once(shelf: Shelf, how: dict[str, Any], words: str) -> None:
    """With the component and the option, not when the first version is missed."""
    with pytest.raises(ConfigProblem, match=words):
        async with source(shelf, **how):
            pass


async def test_a_token_goes_to_its_host_alone(shelf: Shelf) -> None:
    """Neither to where it sends us, nor to another registry of the component, nor over an open wire."""
    shelf.login = "Bearer t0ken"
    shelf.pages["/tool"] = {"v": "1.0"}
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        stranger.pages["/tool"] = {"v": "6.6"}
        async with source(shelf, json="v", token="TOKEN") as endpoints:
            assert [one.version for one in await endpoints.releases(TOOL)] == ["1.0"]
            named = Component(name="tool", ecosystem="http", registry=f"{stranger.url}/tool")
            assert [one.version for one in await endpoints.releases(named)] == ["6.6"]
            shelf.pages["/tool"] = sends_to(f"{stranger.url}/tool")
            assert [one.version for one in await endpoints.releases(TOOL)] == ["6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
    with pytest.raises(Refused):
        await versions(shelf, json="v")
    with pytest.raises(Refused, match="plain http"):
        await versions(shelf, json="v", token="TOKEN", url="http://api.example/tool")
    shelf.login = "Basic " + base64.b64encode(b"me:t0ken").decode()
    shelf.pages["/tool"] = {"v": "2.0"}
    logins = {shelf.url.removeprefix("http://"): {"username": "me", "secret": "TOKEN"}}
    assert await versions(shelf, json="v", logins=logins) == ["2.0"]


async def test_private_addresses_are_not_asked() -> None:
    """Unless the operator allows it: an endpoint is described by whoever writes a file."""
    options = {"components": {"tool": {"url": "http://127.0.0.1:9/", "json": "v"}}}
    async with Http() as http:
        endpoints = open_one(sources, "http", options, Tools(http=http))
        with pytest.raises(Refused, match="not a public address"):
            await endpoints.releases(TOOL)


@pytest.mark.parametrize(
    ("document", "how", "words"),
    [
        ({"v": None}, {"json": "v"}, "can be no version"),
        ({"v": []}, {"json": "v"}, "tells no version"),
        ({"v": True}, {"json": "v"}, "can be no version"),
        ({"v": [{"version": {}}]}, {"json": "v"}, "can be no version"),
        ({"v": "x" * 201}, {"json": "v"}, "can be no version"),
        ({"v": ""}, {"json": "v"}, "can be no version"),
        ({"v": "abc"}, {"json": "v", "match": r"(\d+)"}, "tells no version"),
        ({"v": 3}, {"json": "keys(v)"}, "the expression does not fit it"),
        ("<html>", {"json": "v"}, "it is no JSON"),
        ("[" * 100_000, {"json": "v"}, "it is no JSON"),
        ("hello", {"regex": r"tool (\S+)"}, "tells no version"),
        ("<p>", {"selector": "li"}, "tells no version"),
        ("x", {"header": "link"}, "sends no header link"),
        ("x" * (4 << 20) + "y", {"regex": "(x)"}, "sends more than"),
    ],
)
async def test_what_tells_no_version_is_an_error(shelf: Shelf, document: Any, how: dict[str, Any], words: str) -> None:
    """A page that was built anew must not look as one without releases; and nothing is guessed."""
    shelf.pages["/tool"] = document
    with pytest.raises(Permanent, match=words):
        await versions(shelf, **how)


async def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Not described, without a place, gone, away, too many: each is told apart."""
    async with source(shelf, json="v") as endpoints:
        with pytest.raises(Missing, match="nothing says how 'other' is read"):
            await endpoints.releases(Component(name="other", ecosystem="http"))
        with pytest.raises(Missing):
            await endpoints.releases(TOOL)
        shelf.fail = 503
        with pytest.raises(Transient):
            await endpoints.releases(TOOL)
    shelf.fail = 0
    with pytest.raises(Permanent, match="has no URL"):
        await versions(shelf, json="v", url="")
    monkeypatch.setattr(module, "MOST_RELEASES", 2)
    shelf.pages["/tool"] = ["1", "2", "3"]
    with pytest.raises(Permanent, match="tells 3 versions"):
        await versions(shelf, json="@")


async def test_a_document_that_needs_forever_is_given_up(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    """Deep documents and doubling expressions take more than this universe has; the kernel ends their reader."""
    monkeypatch.setattr(_apart, "CPU_SECONDS", 1)
    shelf.pages["/tool"] = "<div>" * 700_000
    with pytest.raises(Permanent, match="more time or memory"):
        await versions(shelf, selector="div div a")
    shelf.pages["/tool"] = ["1"]
    with pytest.raises(Permanent, match="more time or memory"):
        await versions(shelf, json="|".join(["[@,@][]"] * 60))


async def test_a_machine_that_is_too_busy_is_no_fault_of_the_document(
    monkeypatch: pytest.MonkeyPatch, shelf: Shelf
) -> None:
    """Then it is tried again later; also where no program can be started."""
    shelf.pages["/tool"] = {"v": "1.0"}
    monkeypatch.setattr(_apart, "WALL_SECONDS", 0.0)
    with pytest.raises(Transient, match="too busy"):
        await versions(shelf, json="v")
    monkeypatch.setattr(_apart.sys, "executable", "/nonexistent/python")
    with pytest.raises(Transient, match="no program"):
        await versions(shelf, json="v")


def test_the_reader_says_in_words_what_it_cannot_read(tmp_path: Path) -> None:
    """As a program of its own: what was found on its output, or a complaint and a failure."""
    document = tmp_path / "document"
    document.write_text('{"v": 1.10, "w": "x"}')
    limits = [resource.getrlimit(one) for one in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_CORE)]
    words = [sys.executable, "-I", str(_apart._MAIN), "json", "v", "", str(document), "5"]
    assert subprocess.run(words, check=True, capture_output=True).stdout == b'"1.10"'
    words[4] = "keys(v)"
    failed = subprocess.run(words, check=False, capture_output=True)
    assert failed.returncode == 1 and b"does not fit" in failed.stdout
    # The limits are those of the program, and never ours.
    assert limits == [
        resource.getrlimit(one) for one in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_CORE)
    ]


@pytest.mark.parametrize(
    ("reader", "expression", "attribute", "body", "wanted"),
    [
        ("json", "[*].v", "", b'[{"v": "1"}, {"w": 2}]', ["1"]),
        ("selector", "a", "", b"<a> 1 <b>2</b></a><a>3</a>", ["1 2", "3"]),
        ("selector", "a", "href", b"<a href=x>1</a><a>2</a><a href>3</a>", ["x"]),
    ],
)
def test_what_is_found(reader: str, expression: str, attribute: str, body: bytes, wanted: Any) -> None:
    """Plain JSON values, in the document's order."""
    assert _apart_main.found(reader, expression, attribute, body) == wanted


@pytest.mark.parametrize(("expression", "body"), [("v", b"<html>"), ("v", b"[" * 100_000), ("abs(v)", b'{"v": "x"}')])
def test_what_cannot_be_read(expression: str, body: bytes) -> None:
    """In words that an operator can act upon."""
    with pytest.raises(ValueError, match=r"it is no JSON|does not fit"):
        _apart_main.found("json", expression, "", body)
