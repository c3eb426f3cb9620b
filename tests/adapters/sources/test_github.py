"""Releases and tags on GitHub: by the App's own client where there is one, else as anybody or with a token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from gidgethub.abc import GitHubAPI

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import github
from bot.adapters.sources.github import API, GitHubReleases, api_of, web_of
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Release
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.builders import lent
from tests.github.town import Town, town

SHA = "0123456789abcdef0123456789abcdef01234567"
HASH = "ab" * 32


def asset(name: str, **more: Any) -> dict[str, Any]:
    """One file of a release, with fields that nobody needs."""
    url = f"https://files.example/{name}"
    own = {
        "id": 1,
        "name": name,
        "browser_download_url": url,
        "size": 7,
        "state": "uploaded",
        "digest": f"sha256:{HASH}",
    }
    return {**own, **more}


def published(tag: str, **more: Any) -> dict[str, Any]:
    """One release as the API's documentation shows it, shortened."""
    return {
        "id": 1, "tag_name": tag, "target_commitish": "main", "name": tag, "body": "words\n" * 9, "draft": False,
        "prerelease": False, "immutable": False, "created_at": "2020-01-01T00:00:00Z",
        "published_at": "2026-01-02T03:04:05Z", "html_url": f"https://hub.example/acme/lib/releases/tag/{tag}",
        "author": {"login": "ann", "id": 1, "type": "User"}, "assets": [], **more,
    }  # fmt: skip


def tagged(name: str, sha: str = SHA) -> dict[str, Any]:
    return {"name": name, "commit": {"sha": sha, "url": "x"}, "zipball_url": "x", "node_id": "x"}


@dataclass
class Api:
    """A GitHub's API on loopback. page: how many at once. token: what is wanted. limited: out of requests."""

    lists: dict[str, Any] = field(default_factory=dict)
    page: int = 100
    token: str = ""
    limited: bool = False
    fail: int = 0
    moved: str = ""
    seen: list[tuple[str, int, str | None]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        answer = self._answer(request)
        self.seen.append((request.path, answer.status, request.headers.get("Authorization")))
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        if self.limited:
            return web.json_response({"message": "API rate limit exceeded for 192.0.2.1."}, status=403)
        if self.fail:
            return web.json_response({"message": "Resource not accessible"}, status=self.fail)
        if self.moved:
            return web.Response(status=301, headers={"Location": self.moved + request.path_qs})
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"message": "Bad credentials"}, status=401)
        if request.path not in self.lists:
            return web.json_response({"message": "Not Found"}, status=404)
        return self._listed(request, self.lists[request.path])

    def _listed(self, request: web.Request, data: Any) -> web.Response:
        number = int(request.query.get("page", "1"))
        headers = {}
        if isinstance(data, list) and len(data) > number * self.page:
            headers["Link"] = f'<{self.url}{request.path}?page={number + 1}&per_page=100>; rel="next", <x>; rel="last"'
        some = data[(number - 1) * self.page : number * self.page] if isinstance(data, list) else data
        text = some if isinstance(some, str) else json.dumps(some)
        headers["ETag"] = f'"{hash(text)}"'
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304)
        return web.Response(text=text, content_type="application/json", headers=headers)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api(
        lists={
            "/repos/acme/lib/releases": [
                published("v2.0.0", immutable=True, assets=[asset("lib.tgz"), asset("new.tgz", state="new")]),
                published("v2.1.0", draft=True, published_at=None),
                published("v1.1.0", prerelease=True),
                published("v1.1.0rc1", prerelease=True),
                published("v1.0.0", author=None, immutable=None, assets=[
                    asset("old.tgz", digest=None), asset("odd.tgz", digest="sha512:" + "cd" * 64),
                    asset("bad.tgz", browser_download_url="javascript:1"),
                ]),
            ],
            "/repos/acme/lib/tags": [tagged("v2.0.0"), tagged("v1.1.0"), tagged("v0.9.0", "f" * 40), tagged("v1.0.0")],
        }
    )  # fmt: skip
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    async with serving(app) as base:
        made.url = base
        yield made


@asynccontextmanager
async def source(client: GitHubAPI | None = None, **options: object) -> AsyncIterator[GitHubReleases]:
    async with Http(Reach(trusted=["127.0.0.1", "localhost"]), cache=Memory()) as http:
        tools = Tools(http=http, github=client, secrets=lent("127.0.0.1", "hub.example", TOKEN="s3cret"))
        yield open_one(sources, "github", options, tools)


def repo(name: str = "acme/lib", registry: str = "") -> Component:
    # By the numbers of Python's packages, since what is a pre-release depends on the scheme.
    return Component(name=name, ecosystem="github", registry=registry, scheme="pypi")


async def test_releases_and_bare_tags_come_together(api: Api) -> None:
    """With GitHub's own time, files with their hashes, and the commit; a tag alone has no time."""
    async with source(url=api.url) as hub:
        found = {release.version: release for release in await hub.releases(repo())}
    assert list(found) == ["v2.0.0", "v1.1.0rc1", "v1.0.0", "v0.9.0"]
    newest = found["v2.0.0"]
    assert newest.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) and not newest.partial
    assert (newest.digest, newest.url) == (SHA, "https://hub.example/acme/lib/releases/tag/v2.0.0")
    (file,) = newest.artifacts
    assert (file.filename, file.url, file.sha256, file.size) == ("lib.tgz", "https://files.example/lib.tgz", HASH, 7)
    assert [(one.sha256, one.checksum) for one in found["v1.0.0"].artifacts] == [
        (None, None),
        (None, "sha512:" + "cd" * 64),
    ]
    bare = found["v0.9.0"]
    assert (bare.published, bare.digest, bare.partial) == (None, "f" * 40, False)
    assert bare.url == f"{api.url}/acme/lib/releases/tag/v0.9.0" and bare.links == (
        ("repository", f"{api.url}/acme/lib"),
    )


async def test_who_vouches_for_a_release_is_told(api: Api) -> None:
    """An immutable release is attested by GitHub; one that is not, and one of a GitHub that does not say, differ."""
    async with source(url=api.url) as hub:
        found = {release.version: release.trust for release in await hub.releases(repo())}
    assert (found["v2.0.0"].provenance, found["v2.0.0"].publisher) == (f"{api.url}/acme/lib", "ann")
    assert (found["v1.1.0rc1"].provenance, found["v1.0.0"].provenance) == ("", None)
    assert found["v1.0.0"].publisher is None and found["v0.9.0"].provenance is None


async def test_what_its_maker_calls_unfinished_does_not_pass_for_finished(api: Api) -> None:
    """A pre-release that is numbered like a release is left out, also as a bare tag; so is a draft."""
    async with source(url=api.url) as hub:
        found = [release.version for release in await hub.releases(repo())]
        assert not {"v1.1.0", "v2.1.0"} & set(found) and "v1.1.0rc1" in found
        api.lists["/repos/acme/lib/releases"] = [published("nightly", prerelease=True)]
        assert "nightly" not in [release.version for release in await hub.releases(repo())]


async def test_releases_alone_cost_one_request(api: Api) -> None:
    """Then the commit of one is asked for when it is needed, through a tag that is an object of its own as well."""
    api.lists["/repos/acme/lib/git/ref/tags/v2.0.0"] = {"ref": "x", "object": {"type": "tag", "sha": "a" * 40}}
    api.lists["/repos/acme/lib/git/tags/" + "a" * 40] = {"tag": "x", "object": {"type": "commit", "sha": SHA}}
    api.lists["/repos/acme/lib/git/ref/tags/v1.0.0"] = {"object": {"type": "commit", "sha": "b" * 40}}
    api.lists["/repos/acme/lib/git/ref/tags/loop"] = {"object": {"type": "tag", "sha": "c" * 40}}
    api.lists["/repos/acme/lib/git/tags/" + "c" * 40] = {"object": {"type": "tag", "sha": "c" * 40}}
    async with source(**{"url": api.url, "releases-only": True}) as hub:
        found = {release.version: release for release in await hub.releases(repo())}
        assert list(found) == ["v2.0.0", "v1.1.0rc1", "v1.0.0"] and all(one.partial for one in found.values())
        assert len(api.seen) == 1
        whole = await hub.detail(repo(), found["v2.0.0"])
        assert (whole.digest, whole.partial, whole.published) == (SHA, False, found["v2.0.0"].published)
        assert (await hub.detail(repo(), found["v1.0.0"])).digest == "b" * 40
        with pytest.raises(Missing):
            await hub.detail(repo(), found["v1.1.0rc1"])
        with pytest.raises(Permanent, match="from tag to tag"):
            await hub.detail(repo(), Release(version="loop", partial=True))


async def test_a_list_is_read_to_its_end_and_not_twice(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page; a second look is answered by 304 all the way; too many are said and not cut short."""
    api.lists["/repos/acme/lib/tags"] = [tagged(f"v0.{n}") for n in range(25)]
    api.page = 10
    async with source(url=api.url) as hub:
        first = await hub.releases(repo())
        assert len(first) == 3 + 25
        assert await hub.releases(repo()) is first
        assert [status for _, status, _ in api.seen] == [200] * 4 + [304] * 4
        monkeypatch.setattr(github, "MOST_PAGES", 2)
        with pytest.raises(Permanent, match="more for /repos/acme/lib/tags than is looked through"):
            await hub.releases(repo())


async def test_a_token_goes_to_its_own_github_only(api: Api) -> None:
    """Not to one that a file names, not along a redirect, and not where others can read it."""
    api.token = "s3cret"
    async with source(url=api.url, token="TOKEN") as hub:
        assert await hub.releases(repo())
        host = urlsplit(api.url).netloc.replace("127.0.0.1", "localhost")
        with pytest.raises(Refused):
            await hub.releases(repo(registry=f"http://{host}/"))
        api.moved = f"http://{host}"
        before = len(api.seen)
        with pytest.raises(Permanent):
            await hub.releases(repo())
        assert {login for path, _, login in api.seen[before + 1 :]} == {None}
    async with source(url="http://hub.example/api/v3", token="TOKEN") as hub:
        with pytest.raises(Refused, match="plain http") as caught:
            await hub.releases(repo())
        assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigProblem, match="no secret 'OTHER'"):
        async with source(token="OTHER"):
            pass


async def test_a_limit_is_waited_for_and_a_refusal_is_not(api: Api) -> None:
    """GitHub says both by 403; only its words tell them apart here."""
    async with source(url=api.url) as hub:
        api.limited = True
        with pytest.raises(Transient, match="with a `token` it is much higher") as caught:
            await hub.releases(repo())
        assert caught.value.after == timedelta(minutes=15)
        api.limited, api.fail = False, 403
        with pytest.raises(Refused, match="Resource not accessible"):
            await hub.releases(repo())
        api.fail = 502
        with pytest.raises(Transient):
            await hub.releases(repo())
        api.fail = 0
        with pytest.raises(Missing):
            await hub.releases(repo("acme/none"))


@pytest.mark.parametrize(
    "name", ["", "lib", "acme/", "/lib", "acme/..", "acme/.", "a/b/c", "acme/lib?x", "-a/b", "acme/l b", "a/é", "a/b\n"]
)
async def test_a_name_that_can_be_none_is_not_asked_for(api: Api, name: str) -> None:
    """Names come from files that strangers write, and go into URLs."""
    async with source(url=api.url) as hub:
        with pytest.raises(Missing, match="owner/name"):
            await hub.releases(repo(name))
    assert api.seen == []


@pytest.mark.parametrize("body", ["{", "{}", "[3]", '[{"tag_name": 3}]', "<html>"])
async def test_another_document_is_said(api: Api, body: str) -> None:
    """Nothing is guessed out of it."""
    api.lists["/repos/acme/lib/releases"] = body
    async with source(url=api.url) as hub:
        with pytest.raises(Permanent, match=r"127\.0\.0\.1 sends no releases of acme/lib"):
            await hub.releases(repo())


async def test_a_403_without_words_is_a_refusal() -> None:
    """A proxy's own page has no message."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="no" if request.path.startswith("/repos/a/") else "[]", status=403)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with serving(app) as base, source(url=base) as hub:
        for name in ("a/b", "b/b"):
            with pytest.raises(Refused, match="answers 403"):
                await hub.releases(repo(name))


def test_a_place_is_an_api_or_what_people_use() -> None:
    """Both lead to the same API; what is none is said without its password."""
    assert api_of("https://github.com") == api_of("https://api.github.com/") == API
    assert api_of("https://ghe.example") == api_of("https://ghe.example/api/v3/") == "https://ghe.example/api/v3"
    assert web_of(API) == "https://github.com" and web_of("https://ghe.example/api/v3") == "https://ghe.example"
    for wrong in ("", "git@ghe.example:a/b", "https://me:pw@ghe.example", "ftp://ghe.example"):
        with pytest.raises(Permanent, match="no GitHub's URL") as caught:
            api_of(wrong)
        assert "pw" not in str(caught.value)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as made:
        ann = made.people["ann"]
        for tag, more in (("v1.0.0", {}), ("v1.1.0", {"prerelease": True}), ("v9.0.0", {"draft": True})):
            await ann.post("/repos/acme/shop/releases", data={"tag_name": tag, **more})
        await ann.post("/repos/acme/shop/git/refs", data={"ref": "refs/tags/v0.1.0", "sha": made.tip})
        yield made


async def test_the_app_asks_by_its_own_client(place: Town) -> None:
    """With the App's limits instead of anybody's; what it is told is the same."""
    async with source(place.gh) as hub:
        found = {release.version: release for release in await hub.releases(repo("acme/shop"))}
        assert list(found) == ["v1.0.0", "v0.1.0"]
        assert found["v1.0.0"].published is not None and found["v0.1.0"].published is None
        assert found["v1.0.0"].digest == found["v0.1.0"].digest == place.tip
        assert found["v1.0.0"].trust.publisher == "ann"
        with pytest.raises(Missing):
            await hub.releases(repo("acme/none"))
    async with source(place.gh, **{"releases-only": True}) as hub:
        (release,) = await hub.releases(repo("github.com/acme/shop"))
        assert release.partial and (await hub.detail(repo("acme/shop"), release)).digest == place.tip
    assert place.asked("GET", "/releases") and place.asked("GET", "/tags")


async def test_another_github_is_not_asked_by_the_apps_client(place: Town, api: Api) -> None:
    """Its token is for the GitHub that it stands on."""
    async with source(place.gh) as hub:
        before = len(place.of_app())
        api.lists = {f"/api/v3{path}": data for path, data in api.lists.items()}
        assert await hub.releases(repo(registry=api.url))
        assert len(place.of_app()) == before and {login for *_, login in api.seen} == {None}


async def test_too_many_for_the_client_are_said(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part never passes for the whole."""
    monkeypatch.setattr(github, "MOST_PAGES", 0)
    async with source(place.gh) as hub:
        with pytest.raises(Permanent, match="more than 0 releases"):
            await hub.releases(repo("acme/shop"))


@pytest.mark.parametrize("data", [3, {"a": 1}, [3], None])
async def test_another_document_by_the_client_is_said(data: Any) -> None:
    """A proxy between us and GitHub may answer with anything."""

    class Odd:
        """A client whose lists are of another form, as gidgethub would hand them on."""

        base_url = "https://api.github.com"

        async def getiter(self, url: str) -> AsyncIterator[Any]:
            for one in data:
                yield one

    async with source(Odd()) as hub:  # type: ignore[arg-type]  # an odd client
        with pytest.raises(Permanent, match="sends no releases of acme/lib"):
            await hub.releases(repo())
