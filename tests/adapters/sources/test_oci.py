"""Images from any registry: open or guarded, every tag, the digest that a tag has now, and no login given away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _distribution, oci
from bot.adapters.sources._distribution import Distribution, base_of, place_of
from bot.adapters.sources._logins import Login, logins_of
from bot.adapters.sources.oci import Images, split_name
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Release
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.adapters.sources.registry_world import Registry, basic, digest_of, manifest
from tests.builders import lent

SECRETS = lent(PASSWORD="pass word")


@asynccontextmanager
async def source(*, cached: bool = True, **options: object) -> AsyncIterator[Images]:
    """The source with these options, which may reach loopback."""
    async with Http(Reach(trusted=["127.0.0.1", "localhost"]), cache=Memory() if cached else None) as http:
        yield open_one(sources, "oci", options, Tools(http=http, secrets=SECRETS))


def image(name: str, registry: str = "") -> Component:
    return Component(name=name, ecosystem="docker", registry=registry)


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    tags = {tag: manifest(tag) for tag in ("3.12", "3.13", "3.13-slim", "latest")}
    made = Registry(repositories={"team/app": tags, "library/python": tags})
    async with made.running():
        yield made


@pytest.mark.parametrize("way", ["open", "basic", "token"])
async def test_every_kind_of_registry_is_read(registry: Registry, way: str) -> None:
    """Also one that answers without asking who we are, where others give up."""
    registry.way, registry.login = way, "" if way == "open" else basic("me", "pass word")
    logins = {registry.host: {"username": "me", "secret": "PASSWORD"}}
    async with source(logins=logins) as images:
        found = await images.releases(image(f"{registry.host}/team/app"))
        assert [release.version for release in found] == ["3.12", "3.13", "3.13-slim", "latest"]
        assert all(release.partial and release.published is None and not release.digest for release in found)
        whole = await images.detail(image(f"{registry.host}/team/app"), found[1])
    assert (whole.digest, whole.partial) == (digest_of(manifest("3.13")), False)
    assert "HEAD /v2/team/app/manifests/3.13" in registry.requests()
    assert "GET /v2/team/app/manifests/3.13" not in registry.requests()


async def test_a_token_for_anybody_is_fetched_and_used_again(registry: Registry) -> None:
    """The first look at a registry costs three requests, later ones and a digest one, and another image two."""
    registry.way = "token"
    async with source() as images:
        for name in ("team/app", "team/app", "library/python", "library/python"):
            (release, *_) = await images.releases(image(f"{registry.host}/{name}"))
        await images.detail(image(f"{registry.host}/library/python"), release)
    token, app, python = "GET /token", "GET /v2/team/app/tags/list", "GET /v2/library/python/tags/list"
    assert registry.requests() == [
        app, token, app, app, token, python, python, "HEAD /v2/library/python/manifests/3.12",
    ]  # fmt: skip
    assert registry.asked[0] == {"service": "reg.example", "scope": "repository:team/app:pull"}
    assert registry.logins[1] is None


async def test_a_token_serves_until_it_expires(registry: Registry) -> None:
    """Then a new one is fetched without asking in vain first; one that was taken back is replaced at once."""
    registry.way, registry.lives = "token", 120
    now = [0.0]

    def none(place: object, tags: object) -> tuple[Release, ...]:
        return ()

    async with Http(Reach(trusted=["127.0.0.1"])) as http:
        registries = Distribution(http, logins_of({}, Tools(http=http), "oci"), clock=lambda: now[0])
        place = place_of(registry.url, "team/app")
        await registries.releases(place, none)
        now[0] = 100.0
        await registries.releases(place, none)
        assert len(registry.asked) == 1
        now[0] = 119.0
        await registries.releases(place, none)
        assert len(registry.asked) == 2 and [status for *_, status in registry.seen].count(401) == 1
        registry.tokens.clear()
        await registries.releases(place, none)
        assert len(registry.asked) == 3
        registry.lives = None  # says nothing, which means 60 seconds
        now[0] = 500.0
        await registries.releases(place, none)
        now[0] = 556.0
        await registries.releases(place, none)
        assert len(registry.asked) == 5


async def test_a_list_is_read_to_its_end(registry: Registry) -> None:
    """Page after page, each tag once; a list that goes on elsewhere or without end is none."""
    many = {f"1.{n}": manifest(str(n)) for n in range(25)}
    registry.repositories["big"] = {**many, "sha256-" + "a" * 64 + ".sig": b"", "sha256-" + "b" * 64: b""}
    registry.page = 10
    async with source() as images:
        found = await images.releases(image(f"{registry.host}/big"))
        assert [release.version for release in found] == list(many)
        assert len(registry.seen) == 3
        registry.next_host = "http://127.0.0.1:1"
        with pytest.raises(Permanent, match="continues its list at"):
            await images.releases(image(f"{registry.host}/big"))


async def test_too_much_is_not_looked_through(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a list never passes for the whole."""
    registry.repositories["big"] = {f"1.{n}": manifest(str(n)) for n in range(25)}
    monkeypatch.setattr(_distribution, "MOST_TAGS", 24)
    async with source() as images:
        with pytest.raises(Permanent, match="more than 24 tags"):
            await images.releases(image(f"{registry.host}/big"))
        registry.page = 2
        monkeypatch.setattr(_distribution, "MOST_PAGES", 12)
        with pytest.raises(Permanent, match="more for /v2/big/tags/list than is looked through"):
            await images.releases(image(f"{registry.host}/big"))


@pytest.mark.parametrize("etags", [True, False])
async def test_a_list_that_did_not_change_is_not_read_again(registry: Registry, etags: bool) -> None:
    """The very same releases come back, with a 304 where the registry knows such."""
    registry.etags = etags
    async with source() as images:
        first = await images.releases(image(f"{registry.host}/team/app"))
        assert await images.releases(image(f"{registry.host}/team/app")) is first
        registry.repositories["team/app"]["3.14"] = manifest("3.14")
        assert (await images.releases(image(f"{registry.host}/team/app")))[-1].version == "3.14"
    assert [status for *_, status in registry.seen] == [200, 304 if etags else 200, 200]


@pytest.mark.parametrize("head", [True, False])
async def test_a_digest_is_found_without_the_header_or_without_head(registry: Registry, head: bool) -> None:
    """Then the manifest itself is fetched and hashed; what is none is not."""
    registry.tells_digest, registry.knows_head = False, head
    name = image(f"{registry.host}/team/app")
    async with source() as images:
        whole = await images.detail(name, Release(version="latest", partial=True))
        assert whole.digest == digest_of(manifest("latest"))
        registry.repositories["team/app"]["html"] = b"<html>sign in</html>"
        with pytest.raises(Permanent, match="sends no manifest of team/app:html"):
            await images.detail(name, Release(version="html", partial=True))
        registry.repositories["team/app"]["old"] = json.dumps({"schemaVersion": 1}).encode()
        with pytest.raises(Permanent, match="of before 2016"):
            await images.detail(name, Release(version="old", partial=True))


async def test_a_tag_that_moved_shows_its_new_digest(registry: Registry) -> None:
    """So that the same tag with other content can be seen as an update."""
    name = image(f"{registry.host}/team/app")
    async with source() as images:
        before = await images.detail(name, Release(version="latest", partial=True))
        registry.repositories["team/app"]["latest"] = manifest("rebuilt")
        after = await images.detail(name, before)
        assert before.digest != after.digest == digest_of(manifest("rebuilt"))
        del registry.repositories["team/app"]["latest"]
        with pytest.raises(Missing):
            await images.detail(name, after)
        with pytest.raises(Missing, match="can be no tag"):
            await images.detail(name, Release(version="../../_catalog", partial=True))


async def test_what_is_not_there_and_who_is_away(registry: Registry) -> None:
    """An unknown image, one that is not shown, a registry in trouble and one that is gone are told apart."""
    async with source() as images:
        with pytest.raises(Missing):
            await images.releases(image(f"{registry.host}/team/none"))
        registry.repositories["empty"] = {}
        assert await images.releases(image(f"{registry.host}/empty")) == ()
        registry.way, registry.login = "basic", basic("me", "other")
        with pytest.raises(Refused, match=r"set `logins` for 127\.0\.0\.1"):
            await images.releases(image(f"{registry.host}/team/app"))
        registry.way = "token"
        for _ in range(3):  # it is asked from the start again, should it have changed its ways
            with pytest.raises(Refused, match="gives no token for team/app"):
                await images.releases(image(f"{registry.host}/team/app"))
    async with source() as images:
        registry.fail = 429
        with pytest.raises(Transient) as caught:
            await images.releases(image(f"{registry.host}/team/app"))
        assert caught.value.after is not None and caught.value.after.total_seconds() == 30
        with pytest.raises(Transient):
            await images.releases(image("127.0.0.1:1/x"))


async def test_a_login_that_is_not_good_enough_is_said(registry: Registry) -> None:
    """A registry that wants something else after a good token is not asked for ever; no secret is shown."""
    registry.way, registry.login = "basic", basic("me", "other")
    logins = {registry.host: {"username": "me", "secret": "PASSWORD"}}
    async with source(logins=logins) as images:
        for _ in range(2):
            with pytest.raises(Refused, match="may not see it") as caught:
                await images.releases(image(f"{registry.host}/team/app"))
            assert "pass word" not in str(caught.value) and "cGFzcy" not in str(caught.value)
    assert len(registry.seen) == 3


@pytest.mark.parametrize(
    "realm", ["http://tokens.example/token", "ftp://127.0.0.1/token", "/token", "http://user@127.0.0.1:9/token"]
)
async def test_a_registry_does_not_lead_astray(registry: Registry, realm: str) -> None:
    """The place that it names for tokens is foreign text: only https, or its own host, and never with a login in it."""
    registry.way, registry.realm = "token", realm
    async with source() as images:
        with pytest.raises(Refused):
            await images.releases(image(f"{registry.host}/team/app"))
    assert registry.asked == []


async def test_a_token_server_inside_the_house_is_not_reached(registry: Registry) -> None:
    """Addresses that may not be reached may not be reached by way of a realm either."""
    registry.way, registry.realm = "token", "https://169.254.169.254/latest"
    async with source() as images:
        with pytest.raises(Refused, match="not a public address"):
            await images.releases(image(f"{registry.host}/team/app"))


async def test_a_login_goes_to_its_own_registry_only(registry: Registry) -> None:
    """Not to another registry, not to a token server of another domain, and not along a redirect."""
    logins = {registry.host: {"username": "me", "secret": "PASSWORD"}}
    other = Registry(repositories=registry.repositories, way="token")
    async with other.running(), source(logins=logins) as images:
        await images.releases(image(f"{other.host}/team/app"))
        assert not any((login or "").startswith("Basic") for login in other.logins)
        registry.way, registry.realm = "token", "https://tokens.example/token"
        with pytest.raises(Refused, match=r"token-host: tokens\.example"):
            await images.releases(image(f"{registry.host}/team/app"))

    async def away(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != basic("me", "pass word"):
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        raise web.HTTPTemporaryRedirect(f"{other.url.replace('127.0.0.1', 'localhost')}{request.path_qs}")

    app = web.Application()
    app.router.add_get("/{path:.*}", away)
    other.way, other.logins[:] = "open", []
    async with other.running(), serving(app) as base:
        host = base.removeprefix("http://")
        async with source(logins={host: {"username": "me", "secret": "PASSWORD"}}) as images:
            assert await images.releases(image(f"{host}/team/app"))
    assert other.logins == [None]


def test_where_a_login_may_go() -> None:
    """To its host, to that domain's token server, and to one that is named; never readable through a network."""
    hosts = ("docker.io", "registry.gitlab.example", "quay.io", "a.example", "tokens.other")
    numbers = ("127.0.0.1:5000", "[::1]:5000", "10.0.0.1", "[fe80::1]:5000")
    tools = Tools(http=Http(), secrets=lent(*hosts, *numbers, PASSWORD="pass word"))

    def goes(host: str, url: str, token_host: str = "") -> bool:
        known = logins_of({host: Login(secret="PASSWORD", token_host=token_host)}, tools, "oci")
        try:
            return bool(known.header(host.lower(), url))
        except Refused:
            return False

    assert goes("docker.io", "https://auth.docker.io/token")
    assert goes("docker.io", "https://registry-1.docker.io/v2/")
    assert goes("registry.gitlab.example", "https://gitlab.example/jwt/auth")
    assert goes("Quay.io", "https://quay.io/v2/auth")
    assert goes("a.example", "https://tokens.other/", token_host="tokens.other")
    assert goes("127.0.0.1:5000", "http://127.0.0.1:5001/token") and goes("[::1]:5000", "http://[::1]:5000/")
    assert not goes("a.example", "http://a.example/")
    assert not goes("a.example", "https://b.example/")
    assert not goes("quay.io", "https://docker.io/token")
    assert not goes("quay.io", "https://notquay.io/token")
    assert not goes("10.0.0.1", "https://11.0.0.1/") and not goes("[fe80::1]:5000", "https://[fe80::2]:5000/")
    assert logins_of({}, tools, "oci").header("a.example", "https://a.example/") == {}
    with pytest.raises(ConfigProblem, match="no secret 'NONE'"):
        logins_of({"a.example": Login(secret="NONE")}, tools, "oci")


async def test_short_names_go_to_the_usual_registry(registry: Registry) -> None:
    """Or to a mirror that stands in for it; and Docker Hub's own time counts where it speaks of the same digest."""
    said: dict[str, object] = {"tag_last_pushed": "2026-02-03T04:05:06.7+01:00"}

    async def hub(request: web.Request) -> web.Response:
        if request.match_info["tag"] == "3.12":
            return web.Response(status=404)
        return web.json_response({"id": 1, "images": [], "last_updated": "2020-01-01T00:00:00Z", **said})

    app = web.Application()
    app.router.add_get("/v2/namespaces/library/repositories/python/tags/{tag}", hub)
    async with serving(app) as base, source(url=registry.url, hub=base) as images:
        found = {release.version: release for release in await images.releases(image("python"))}
        assert list(found) == ["3.12", "3.13", "3.13-slim", "latest"]
        assert [r.version for r in await images.releases(image("docker.io/python"))] == list(found)
        assert await images.releases(image("team/app"))
        said["digest"] = digest_of(manifest("3.13"))
        whole = await images.detail(image("python"), found["3.13"])
        assert whole.published == datetime(2026, 2, 3, 3, 5, 6, 700000, tzinfo=UTC) and not whole.partial
        assert (await images.detail(image("python"), found["latest"])).published is None  # of another digest
        assert (await images.detail(image("python"), found["3.12"])).published is None
        said["tag_last_pushed"] = None
        assert (await images.detail(image("python"), found["3.13"])).published is None


async def test_a_file_may_name_the_registry(registry: Registry) -> None:
    """Beside the name or within it, and with a path in front of every image."""
    async with source() as images:
        beside = await images.releases(image("app", f"{registry.url}/team"))
        assert beside and beside == await images.releases(image(f"{registry.host}/team/app", registry.url))
        assert beside == await images.releases(image("team/app", f"oci://{registry.host}"))
        for wrong in ("registry.example", "ftp://registry.example", "https://me:secret@registry.example", "https://[x"):
            with pytest.raises(Permanent, match="no registry's URL") as caught:
                await images.releases(image("app", wrong))
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "a/../b", "UPPER", "a//b", "x?n=1", "a b", "python:3", "ghcr.io/", "quay.io/a@b", "a" * 300, "é"]
)
async def test_a_name_that_can_be_none_is_not_asked_for(registry: Registry, name: str) -> None:
    """Names come from files that strangers write, and go into URLs."""
    async with source(url=registry.url) as images:
        with pytest.raises(Missing):
            await images.releases(image(name))
    assert registry.seen == []


@pytest.mark.parametrize(
    ("body", "ask"),
    [
        (b"{", None), (b'{"tags": 3}', None), (b"<html>", None), (b"", "Negotiate"), (b"", ""),
        (b"", "Bearer service=x"),
    ],
)  # fmt: skip
async def test_what_is_no_registry_is_said(body: bytes, ask: str | None) -> None:
    """Nothing is guessed out of another document, or out of a way to sign in that nobody knows."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body) if ask is None else web.Response(status=401, headers={"WWW-Authenticate": ask})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with serving(app) as base, source() as images:
        with pytest.raises(Permanent, match=r"127\.0\.0\.1"):
            await images.releases(image(f"{base.removeprefix('http://')}/x"))


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y"])
async def test_a_token_that_is_none_is_not_sent(registry: Registry, token: str) -> None:
    """What a token server answers goes into a header, so it must be a token."""

    async def tokens(request: web.Request) -> web.Response:
        return web.json_response({"token": token})

    app = web.Application()
    app.router.add_get("/t", tokens)
    async with serving(app) as base, source() as images:
        registry.way, registry.realm = "token", f"{base}/t?account=me"
        with pytest.raises(Permanent, match="sends no token"):
            await images.releases(image(f"{registry.host}/team/app"))


async def test_scopes_of_other_kinds_are_given_back(registry: Registry) -> None:
    """Some registries ask for other rights, or have one scope for all images."""
    registry.way = "token"
    async with source() as images:
        for scope in ("repository:{}:metadata_read,pull", "everything"):
            registry.scope = scope
            for name in ("team/app", "library/python"):
                assert await images.releases(image(f"{registry.host}/{name}"))
            registry.tokens.clear()
    assert [one["scope"] for one in registry.asked] == [
        "repository:team/app:metadata_read,pull", "repository:library/python:metadata_read,pull", "everything",
    ]  # fmt: skip


def test_where_people_and_machines_look() -> None:
    """Docker Hub and Quay have pages; what is on this machine needs no TLS, and what is elsewhere does."""
    images = open_one(sources, "oci", {"plain": ["Old.example:5000"]}, Tools(http=Http()))
    made = {}
    for name in (
        "python",
        "grafana/grafana",
        "docker.io/a/b",
        "quay.io/a/b/c",
        "localhost:5000/x",
        "old.example:5000/x",
    ):
        made[name] = images._place(image(name))
    assert made["python"] == place_of("https://registry-1.docker.io", "library/python", host="docker.io")
    assert made["docker.io/a/b"].repository == "a/b" and made["docker.io/a/b"].host == "docker.io"
    assert images._place(image("python", "https://index.docker.io")) == made["python"]
    assert made["quay.io/a/b/c"].base == "https://quay.io"
    assert made["localhost:5000/x"].base == "http://localhost:5000"
    assert made["old.example:5000/x"].base == "http://old.example:5000"
    assert images._place(image("x", "https://old.example:5000")) == made["old.example:5000/x"]
    pages = [oci._page(made[name]) for name in ("python", "grafana/grafana", "quay.io/a/b/c", "localhost:5000/x")]
    assert pages == [
        "https://hub.docker.com/_/python/tags", "https://hub.docker.com/r/grafana/grafana/tags",
        "https://quay.io/repository/a/b/c?tab=tags", None,
    ]  # fmt: skip
    assert base_of("oci://[::1]:5000/x") == "http://[::1]:5000/x" and base_of("oci://r.example") == "https://r.example"


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    """Whatever a file says, the path that is asked for is of letters, digits and the few signs of the grammar."""
    _, path = split_name(text)
    try:
        place = place_of("https://registry.example", path)
    except Missing:
        return
    assert _distribution.REPOSITORY.fullmatch(place.repository) and place.base == "https://registry.example"
