"""Releases and tags on GitLab, the public one or your own: times that nobody can set back, and a private token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import gitlab
from bot.adapters.sources.gitlab import GitLabReleases
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.builders import lent

SHA, OTHER = "1" * 40, "2" * 40
PROJECT = "/api/v4/projects/group%2Fsub%2Flib"


def published(tag: str, **more: Any) -> dict[str, Any]:
    """One release as the API's documentation shows it, shortened."""
    return {
        "tag_name": tag, "name": tag, "description": "words", "created_at": "2026-01-02T03:04:05.678Z",
        "released_at": "2026-01-02T03:04:05.678Z", "upcoming_release": False,
        "author": {"id": 1, "username": "ann", "state": "active"},
        "commit": {"id": OTHER, "short_id": "2222", "created_at": "2001-01-01T00:00:00Z"},
        "assets": {"count": 1, "sources": [{"format": "zip", "url": "https://x.example/a.zip"}], "links": []},
        "_links": {"self": f"https://lab.example/group/sub/lib/-/releases/{tag}"}, **more,
    }  # fmt: skip


def tagged(name: str, sha: str = SHA) -> dict[str, Any]:
    commit = {"id": sha, "created_at": "2001-01-01T00:00:00Z"}
    return {"name": name, "message": "", "target": "x", "commit": commit, "release": None, "protected": False}


@dataclass
class Lab:
    """A GitLab on loopback. page: how many at once; token: what is wanted, else nothing is there, as GitLab does it."""

    lists: dict[str, Any] = field(default_factory=dict)
    page: int = 100
    token: str = ""
    fail: int = 0
    moved: str = ""
    seen: list[tuple[str, int, str | None]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        answer = self._answer(request)
        self.seen.append((request.raw_path.partition("?")[0], answer.status, request.headers.get("PRIVATE-TOKEN")))
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        if self.fail:
            return web.Response(status=self.fail, headers={"Retry-After": "60"})
        if self.moved:
            return web.Response(status=302, headers={"Location": self.moved + request.raw_path})
        if path not in self.lists or (self.token and request.headers.get("PRIVATE-TOKEN") != self.token):
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        data, number, headers = self.lists[path], int(request.query.get("page", "1")), {}
        if isinstance(data, list) and len(data) > number * self.page:
            headers["Link"] = f'<{self.url}{path}?page={number + 1}&per_page=100>; rel="next"'
        some = data[(number - 1) * self.page : number * self.page] if isinstance(data, list) else data
        text = some if isinstance(some, str) else json.dumps(some)
        headers["ETag"] = f'W/"{hash(text)}"'
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304)
        return web.Response(text=text, content_type="application/json", headers=headers)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    link = {
        "id": 1,
        "name": "lib.tgz",
        "url": "https://files.example/1",
        "direct_asset_url": "https://lab.example/dl/lib.tgz",
    }
    links = [link, {"name": "odd", "url": "javascript:1"}, {"name": "plain", "url": "https://files.example/2"}]
    made = Lab(
        lists={
            f"{PROJECT}/releases": [
                published("v3.0.0", upcoming_release=True, released_at="2099-01-01T00:00:00Z"),
                published("v2.0.0", assets={"links": links}),
                published("v1.1.0", released_at="2012-01-01T00:00:00Z", author=None, commit=None, _links={}),
                published("v1.0.0", released_at="2026-03-01T00:00:00+01:00"),
            ],
            f"{PROJECT}/repository/tags": [tagged("v3.0.0"), tagged("v2.0.0"), tagged("v0.9/x", "f" * 40)],
        }
    )
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    async with serving(app) as base:
        made.url = base
        yield made


@asynccontextmanager
async def source(**options: object) -> AsyncIterator[GitLabReleases]:
    async with Http(Reach(trusted=["127.0.0.1", "localhost"]), cache=Memory()) as http:
        tools = Tools(http=http, secrets=lent("127.0.0.1", "lab.example", TOKEN="s3cret"))
        yield open_one(sources, "gitlab", options, tools)


def project(name: str = "group/sub/lib", registry: str = "") -> Component:
    return Component(name=name, ecosystem="gitlab", registry=registry)


async def test_releases_and_bare_tags_come_together(lab: Lab) -> None:
    """With commits and linked files; what is announced for later is left out, also as a bare tag."""
    async with source(url=lab.url) as labs:
        found = {release.version: release for release in await labs.releases(project())}
        assert list(found) == ["v2.0.0", "v1.1.0", "v1.0.0", "v0.9/x"]
        assert await labs.detail(project(), found["v2.0.0"]) is found["v2.0.0"]
    newest = found["v2.0.0"]
    # Its tag has been moved since; what a pin would get is where it leads now.
    assert newest.digest == SHA and not newest.partial and newest.trust.publisher == "ann"
    assert newest.url == "https://lab.example/group/sub/lib/-/releases/v2.0.0"
    assert [(one.filename, one.url) for one in newest.artifacts] == [
        ("lib.tgz", "https://lab.example/dl/lib.tgz"), ("plain", "https://files.example/2"),
    ]  # fmt: skip
    assert (found["v1.1.0"].digest, found["v1.1.0"].trust.publisher) == ("", None)
    assert found["v1.1.0"].url == f"{lab.url}/group/sub/lib/-/releases" and found["v1.0.0"].digest == OTHER
    bare = found["v0.9/x"]
    assert (bare.published, bare.digest) == (None, "f" * 40)
    assert bare.url == f"{lab.url}/group/sub/lib/-/tags/v0.9%2Fx"
    assert bare.links == (("repository", f"{lab.url}/group/sub/lib"),)


async def test_a_time_cannot_be_set_back(lab: Lab) -> None:
    """Whoever makes a release may say that it is old; GitLab's own clock counts then. Later than that may be said."""
    async with source(url=lab.url) as labs:
        found = {release.version: release for release in await labs.releases(project())}
    created = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert found["v2.0.0"].published == found["v1.1.0"].published == created
    assert found["v1.0.0"].published == datetime(2026, 2, 28, 23, tzinfo=UTC)
    lab.lists[f"{PROJECT}/releases"] = [published("v1", created_at=None)]
    async with source(url=lab.url) as labs:
        assert (await labs.releases(project()))[0].published is None


async def test_releases_alone_cost_one_request(lab: Lab) -> None:
    """And say their commits themselves."""
    async with source(**{"url": lab.url, "releases-only": True}) as labs:
        found = await labs.releases(project())
    assert [(release.version, release.digest) for release in found] == [
        ("v2.0.0", OTHER), ("v1.1.0", ""), ("v1.0.0", OTHER),
    ]  # fmt: skip
    assert [path for path, *_ in lab.seen] == [f"{PROJECT}/releases"]


async def test_a_list_is_read_to_its_end_and_not_twice(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page; a second look is answered by 304 all the way; too many are said and not cut short."""
    lab.lists[f"{PROJECT}/repository/tags"] = [tagged(f"v0.{n}") for n in range(25)]
    lab.page = 10
    async with source(url=lab.url) as labs:
        first = await labs.releases(project())
        assert len(first) == 3 + 25
        assert await labs.releases(project()) is first
        assert [status for _, status, _ in lab.seen] == [200] * 4 + [304] * 4
        monkeypatch.setattr(gitlab, "MOST_PAGES", 2)
        with pytest.raises(Permanent, match="than is looked through"):
            await labs.releases(project())


async def test_a_token_goes_to_its_own_gitlab_only(lab: Lab) -> None:
    """Not to one that a file names, not along a redirect, and not where others can read it."""
    lab.token = "s3cret"
    async with source(url=f"{lab.url}/", token="TOKEN") as labs:
        assert await labs.releases(project())
        elsewhere = f"http://{urlsplit(lab.url).netloc.replace('127.0.0.1', 'localhost')}"
        with pytest.raises(Missing):
            await labs.releases(project(registry=elsewhere))
        assert lab.seen[-1][2] is None
        lab.moved, before = elsewhere, len(lab.seen)
        with pytest.raises(Permanent):
            await labs.releases(project())
        assert {token for *_, token in lab.seen[before + 1 :]} == {None}
    async with source(url="http://lab.example", token="TOKEN") as labs:
        with pytest.raises(Refused, match="plain http") as caught:
            await labs.releases(project())
        assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigProblem, match="no secret 'OTHER'"):
        async with source(token="OTHER"):
            pass


async def test_what_is_not_there_and_who_is_away(lab: Lab) -> None:
    """GitLab says the same of what is not there and of what is not shown."""
    async with source(url=lab.url) as labs:
        with pytest.raises(Missing):
            await labs.releases(project("group/none"))
        lab.token = "other"
        with pytest.raises(Missing):
            await labs.releases(project())
        lab.fail = 429
        with pytest.raises(Transient) as caught:
            await labs.releases(project())
        assert caught.value.after is not None and caught.value.after.total_seconds() == 60


@pytest.mark.parametrize(
    "name",
    [
        "",
        "lib",
        "group/",
        "/lib",
        "group/..",
        "../x",
        "a//b",
        "a/b?c",
        "a/b c",
        "-a/b",
        "a/é",
        "a/b\n",
        "a/" * 300 + "b",
    ],
)
async def test_a_name_that_can_be_none_is_not_asked_for(lab: Lab, name: str) -> None:
    """Names come from files that strangers write, and go into URLs."""
    async with source(url=lab.url) as labs:
        with pytest.raises(Missing, match="group/project"):
            await labs.releases(project(name))
    assert lab.seen == []


async def test_a_place_that_is_none_is_said(lab: Lab) -> None:
    """Without its password; and a host before the path is the host that is asked."""
    async with source(url=lab.url) as labs:
        for wrong in (
            "git@lab.example:a/b",
            "https://me:pw@lab.example",
            "ftp://lab.example",
            "https://lab.example?x",
            "/",
        ):
            with pytest.raises(Permanent, match="no GitLab's URL") as caught:
                await labs.releases(project(registry=wrong))
            assert "pw" not in str(caught.value)
        assert await labs.releases(project(f"{urlsplit(lab.url).netloc}/group/sub/lib"))


@pytest.mark.parametrize(
    "body", ["{", "{}", "[3]", '[{"tag_name": 3}]', "<html>", '[{"tag_name": "x", "created_at": "old"}]']
)
async def test_another_document_is_said(lab: Lab, body: str) -> None:
    """Nothing is guessed out of it."""
    lab.lists[f"{PROJECT}/releases"] = body
    async with source(url=lab.url) as labs:
        with pytest.raises(Permanent, match=r"127\.0\.0\.1 sends no releases of group/sub/lib"):
            await labs.releases(project())


async def test_a_big_list_is_read_as_well(lab: Lab) -> None:
    """Long descriptions stop nobody else, and none of them is kept."""
    long = [published(f"v1.{n}", description="x" * 9_000) for n in range(60)]
    lab.lists[f"{PROJECT}/releases"] = long
    async with source(url=lab.url) as labs:
        assert len([one for one in await labs.releases(project()) if one.published]) == 60
