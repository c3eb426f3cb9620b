"""HTTP: what may be reached, how much is taken, and what each answer means."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.tools.addresses import CarefulResolver, is_public, may_reach
from bot.tools.cache import Folder, Memory
from bot.tools.http import Http, Reach, retry_after
from tests.adapters.index_server import serving

LOOPBACK = Reach(allow=[ip_network("127.0.0.0/8")])


class World:
    """A server whose answers a test sets by path."""

    def __init__(self) -> None:
        self.base = ""
        self.routes: dict[str, Callable[[web.Request], web.Response]] = {}
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return self.routes[request.path](request)

    def says(self, path: str, **answer: object) -> str:
        self.routes[path] = lambda _: web.Response(**answer)  # type: ignore[arg-type]  # any argument
        return self.base + path


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    app = web.Application()
    app.router.add_get("/{rest:.*}", made.handle)
    async with serving(app) as made.base:
        yield made


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "2001:db8::1",
        "fec0::2", "::127.0.0.1",
    ],
)  # fmt: skip
def test_no_address_of_the_operators_own_network_is_public(address: str) -> None:
    """However it is written, loopback, private, link-local, metadata and multicast addresses are refused."""
    assert not is_public(ip_address(address))
    assert not may_reach(address)


def test_ordinary_addresses_are_public() -> None:
    """The guard does not shut out the Internet."""
    assert may_reach("8.8.8.8") and may_reach("2606:4700::1111") and may_reach("64:ff9b::808:808")
    assert not may_reach("not an address")


@given(st.ip_addresses(v=4))
def test_an_ipv6_address_is_judged_by_the_ipv4_one_inside(inside: object) -> None:
    """Wrapping an address into IPv6 opens no door."""
    assert may_reach(f"::ffff:{inside}") == may_reach(str(inside))


def test_the_operator_opens_networks_by_name() -> None:
    """What is listed may be reached, also in its mapped form, and nothing beside it."""
    allow = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert may_reach("10.9.9.9", allow) and may_reach("::ffff:10.9.9.9", allow) and may_reach("fd00::1", allow)
    assert not may_reach("192.168.0.1", allow)


async def test_a_name_that_leads_home_is_refused() -> None:
    """A host name is judged by where it leads, and by all of it."""
    async with Http() as http:
        with pytest.raises(Refused, match="localhost leads to"):
            await http.get("http://localhost:9/")
    resolver = CarefulResolver(trusted=["LOCALHOST"])
    assert await resolver.resolve("localhost", 9)


async def test_the_operators_own_host_is_trusted(world: World) -> None:
    """An index on a private address works when the operator configured it himself."""
    url = world.says("/x", text="hello")
    async with Http(Reach(trusted=["127.0.0.1"])) as http:
        assert (await http.get(url)).body == b"hello"
    async with Http() as http:
        with pytest.raises(Refused, match="not a public address"):
            await http.get(url)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "http://[::1]/", "http://user:pass@example.org/", "//x", "http://[",
            "http://2130706433/", "http://127.1/"],
)  # fmt: skip
async def test_only_plain_http_urls_are_fetched(url: str) -> None:
    """Other schemes, logins in the URL and tricks with numbers are refused before anything is sent."""
    async with Http() as http:
        with pytest.raises(Refused):
            await http.get(url)


async def test_a_redirect_may_not_lead_home(world: World) -> None:
    """Every hop is judged anew: an allowed host cannot send us to the metadata service."""
    for target in ("http://169.254.169.254/latest", "file:///etc/passwd", "http://[::1]:1/"):
        url = world.says("/away", status=302, headers={"Location": target})
        async with Http(LOOPBACK) as http:
            with pytest.raises(Refused):
                await http.get(url)


async def test_redirects_are_followed_and_end(world: World) -> None:
    """A moved page is found, a circle is not walked for ever, and a redirect to nowhere is said."""
    world.says("/new", text="moved here")
    url = world.says("/old", status=301, headers={"Location": "/new"})
    circle = world.says("/circle", status=302, headers={"Location": "/circle"})
    nowhere = world.says("/nowhere", status=302)
    async with Http(LOOPBACK) as http:
        answer = await http.get(url)
        assert (answer.body, answer.url) == (b"moved here", f"{world.base}/new")
        with pytest.raises(Permanent, match="redirects more than"):
            await http.get(circle)
        with pytest.raises(Permanent, match="nowhere"):
            await http.get(nowhere)


async def test_a_login_does_not_follow_to_another_host(world: World) -> None:
    """A redirect to another origin loses the Authorization header; within the origin it stays."""
    target = world.base.replace("127.0.0.1", "localhost")
    world.says("/there", text="ok")
    away = world.says("/away", status=307, headers={"Location": f"{target}/there"})
    near = world.says("/near", status=307, headers={"Location": "/there"})
    async with Http(Reach(trusted=["localhost", "127.0.0.1"])) as http:
        await http.get(away, headers={"Authorization": "Bearer x"})
        assert "Authorization" not in world.requests[-1].headers
        await http.get(near, headers={"Authorization": "Bearer x"})
        assert "Authorization" in world.requests[-1].headers


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Missing), (410, Missing), (401, Refused), (403, Refused), (400, Permanent), (451, Permanent),
     (429, Transient), (500, Transient), (503, Transient), (408, Transient)],
)  # fmt: skip
async def test_each_status_means_one_thing(world: World, status: int, error: type[Exception]) -> None:
    """What will never work is told apart from what may work later."""
    url = world.says("/x", status=status)
    async with Http(LOOPBACK) as http:
        with pytest.raises(error, match=str(status)) as caught:
            await http.get(url)
    assert type(caught.value) is error


async def test_retry_after_is_obeyed(world: World) -> None:
    """A server that names a time is not asked sooner; a 403 that names one is a limit."""
    for status in (429, 503, 403):
        url = world.says("/x", status=status, headers={"Retry-After": "17"})
        async with Http(LOOPBACK) as http:
            with pytest.raises(Transient) as caught:
                await http.get(url)
        assert caught.value.after == timedelta(seconds=17)


def test_retry_after_may_be_a_date() -> None:
    """Both forms of the header are understood, and nonsense is no time."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now=now) == timedelta(minutes=1)
    assert retry_after("Wed, 31 Dec 2025 00:00:00 GMT", now=now) == timedelta()
    assert retry_after("soon", now=now) is None
    assert retry_after(None, now=now) is None
    assert retry_after("99999999", now=now) == timedelta(days=1)
    assert retry_after("Fri, 31 Dec 9998 23:59:59 GMT", now=now) == timedelta(days=1)


@pytest.mark.parametrize("hostile", ["²", "9" * 5000, "Mon, 1 Jan 2024 10:00:00 +999999999999999999999999"])
def test_a_retry_after_that_is_no_time_is_none(hostile: str) -> None:
    """A server cannot break whoever asks it by what it writes there."""
    assert retry_after(hostile, now=datetime(2026, 1, 1, tzinfo=UTC)) is None


async def test_a_big_answer_is_not_swallowed(world: World) -> None:
    """The bound counts what comes out of the compression, so that a small bomb does not fill the memory."""
    bomb = gzip.compress(b"0" * 5_000_000)
    assert len(bomb) < 10_000
    url = world.says("/bomb", body=bomb, headers={"Content-Encoding": "gzip"})
    async with Http(LOOPBACK, most_bytes=1_000_000) as http:
        with pytest.raises(Permanent, match="more than 1000000 bytes"):
            await http.get(url)


async def test_a_silent_server_is_left_after_its_time() -> None:
    """No answer in time is a reason to come back later."""

    async def sleep(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    app = web.Application()
    app.router.add_get("/", sleep)
    async with serving(app) as base, Http(LOOPBACK, seconds=0.1) as http:
        with pytest.raises(Transient, match="no answer in time"):
            await http.get(base)


async def test_a_closed_port_is_transient() -> None:
    """A server that is down may be up again later."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with Http(LOOPBACK) as http:
        with pytest.raises(Transient, match="cannot be reached: connection refused"):
            await http.get(f"http://127.0.0.1:{port}/")


async def test_a_name_that_nobody_knows_is_said_in_words() -> None:
    """People read this in reports: they need no name of an exception."""
    async with Http(Reach()) as http:
        with pytest.raises(Transient, match=r"nowhere\.invalid cannot be reached: its name is not known here"):
            await http.get("https://nowhere.invalid/")


async def test_neither_proxies_nor_netrc_are_taken_from_the_air(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment of the operator's shell neither redirects our requests nor logs us in somewhere."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    url = world.says("/x", text="direct")
    async with Http(LOOPBACK) as http:
        assert (await http.get(url)).body == b"direct"
    assert "Authorization" not in world.requests[-1].headers


@pytest.mark.parametrize("kind", ["memory", "folder"])
async def test_a_page_that_has_not_changed_is_not_sent_again(world: World, tmp_path: Path, kind: str) -> None:
    """With an ETag or a date the second look costs no body, and says that nothing changed."""
    cache = Memory() if kind == "memory" else Folder(tmp_path / "cache")
    for header, asked in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
        path = f"/{header}"

        def page(request: web.Request, header: str = header, asked: str = asked) -> web.Response:
            if request.headers.get(asked):
                return web.Response(status=304)
            return web.Response(
                text="page", headers={header: '"1"' if header == "ETag" else "Thu, 01 Jan 2026 00:00:00 GMT"}
            )

        world.routes[path] = page
        async with Http(LOOPBACK, cache=cache) as http:
            first = await http.get(world.base + path)
            again = await http.get(world.base + path)
            unkept = await http.get(world.base + path, keep=False)
        assert (first.changed, again.changed, unkept.changed) == (True, False, True)
        assert first.body == again.body == unkept.body == b"page"
        assert first.digest == again.digest


async def test_without_validators_the_body_itself_tells(world: World) -> None:
    """Some indexes give no ETag: then the digest says whether anything is new."""
    url = world.says("/x", text="one")
    async with Http(LOOPBACK, cache=Memory()) as http:
        assert (await http.get(url)).changed
        assert not (await http.get(url)).changed
        world.says("/x", text="two")
        assert (await http.get(url)).changed


async def test_what_one_login_sees_is_not_shown_to_another(world: World) -> None:
    """The cache keeps answers apart by who asked, and by what form was asked for."""

    def page(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"t"':
            return web.Response(status=304)
        return web.Response(text=request.headers.get("Authorization", "nobody"), headers={"ETag": '"t"'})

    world.routes["/x"] = page
    async with Http(LOOPBACK, cache=Memory()) as http:
        for who in ("a", "b", "a"):
            assert (await http.get(f"{world.base}/x", headers={"Authorization": who})).body == who.encode()
        assert (await http.get(f"{world.base}/x")).body == b"nobody"


async def test_many_requests_are_few_at_a_time(world: World) -> None:
    """One host is not flooded, however many pages are wanted."""
    now, most = 0, 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return web.Response(text="x")

    app = web.Application()
    app.router.add_get("/{n}", slow)
    async with serving(app) as base, Http(LOOPBACK, per_host=3) as http:
        await asyncio.gather(*(http.get(f"{base}/{n}") for n in range(20)))
    assert most == 3


async def test_a_bad_bundle_is_named(tmp_path: Path) -> None:
    """A certificate bundle that is not there is said at once, by its path."""
    with pytest.raises(Permanent, match=r"nowhere\.pem"):
        Http(Reach(ca=str(tmp_path / "nowhere.pem")))
    Http(Reach(ca=str(tmp_path)))


def test_a_damaged_cache_file_is_no_answer(tmp_path: Path) -> None:
    """A file that somebody cut short is as good as none, and old ones are swept away."""
    from bot.tools.cache import Kept

    folder = Folder(tmp_path / "c")
    kept = Kept(url="u", digest="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", body=b"abc")
    folder.keep("key", kept)
    assert folder.load("key") == kept
    (file,) = (tmp_path / "c").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert folder.load("key") is None
    file.write_bytes(b"not json\nabc")
    assert folder.load("key") is None
    assert folder.sweep() == 0
    assert folder.sweep(now=file.stat().st_mtime + 31 * 86400) == 1
    assert Folder(tmp_path / "none").sweep() == 0


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Losing the cache costs speed only."""
    from bot.tools.cache import Kept

    (tmp_path / "file").write_text("")
    Folder(tmp_path / "file").keep("key", Kept(url="u", digest="d", body=b""))
    small = Memory(most=10)
    small.keep("key", Kept(url="u", digest="d", body=b"0" * 100))
    assert small.load("key") is None


def test_the_cache_lies_in_the_users_folder() -> None:
    """XDG_CACHE_HOME is obeyed when it is absolute, and ~/.cache is the usual place."""
    from bot.tools.user import user_folder

    assert user_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/surefoot")
    assert user_folder({"XDG_CACHE_HOME": "x"}) == Path.home() / ".cache/surefoot"


async def test_headers_that_are_wanted_are_given_back(world: World) -> None:
    """Beside the usual ones, by their names in lower case, and no others; what was kept does not stand in for them."""
    url = world.says("/x", text="a", headers={"ETag": '"1"', "X-Version": "1.0", "X-Other": "o"})
    async with Http(Reach(trusted=["127.0.0.1"]), cache=Memory()) as http:
        plain = await http.get(url)
        wanted = await http.get(url, want=["X-Version", "etag"])

    assert "x-version" not in plain.headers
    assert (wanted.headers["x-version"], wanted.headers["etag"]) == ("1.0", '"1"')
    assert "x-other" not in wanted.headers
    assert "If-None-Match" not in world.requests[-1].headers
