"""The one way out of a jail: what is allowed passes, all else is refused and noted, and no login is ever inside."""

from __future__ import annotations

import asyncio
import json
import ssl
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem, Permanent, Refused, Transient
from bot.core.model import Isolation
from bot.lab.host import Host
from bot.lab.locking import allowed, errand, gateway
from bot.lab.locking.allowed import Allowed, Place, canonical
from bot.lab.locking.errand import Errand, Room, Step
from bot.lab.locking.gateway import Desk, Document, Gateway
from bot.tools.http import Http, Reach
from bot.tools.secrets import Secret
from tests.lab import world
from tests.lab.registries import Npm, Wheels

INDEX = "https://index.example/simple"
HIDDEN = "hunter2-of-the-operator"


# --- what may be fetched -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (f"{INDEX}/pad/", f"{INDEX}/pad/"),
        (INDEX, INDEX),
        ("https://INDEX.example:443/simple/pad/", f"{INDEX}/pad/"),
        ("https://mirrored.example/all/@acme%2fpad", f"{INDEX}/@acme%2Fpad"),
        ("https://mirrored.example/all/own/x", "https://own.example/x"),
        ("http://index.example/simple/pad/", None),
        ("https://index.example:8443/simple/pad/", None),
        ("https://index.example/simplest/pad/", None),
        ("https://index.example/", None),
        ("https://index.example/simple/../admin", None),
        ("https://index.example/simple/%2e%2e/admin", None),
        ("https://index.example/simple/a%2f..%2f..%2fadmin", None),
        ("https://index.example/simple\\..\\admin", None),
        (f"{INDEX}/pad/?to=evil", None),
        ("https://me:pw@index.example/simple/pad/", None),
        ("https://index.example@evil.example/simple/pad/", None),
        ("https://index.example.evil.example/simple/pad/", None),
        ("http://169.254.169.254/latest/meta-data/", None),
        ("http://127.0.0.1:8080/", None),
        ("file:///etc/passwd", None),
        ("gopher://index.example/simple/", None),
        ("https://index.example:x/simple/", None),
        ("", None),
    ],
)
def test_only_what_lies_below_a_place_may_be_fetched(url: str, asked: str | None) -> None:
    """By scheme, host, port and whole path segments, however it is spelt; nothing climbs out."""
    list_of_places = Allowed([
        Place(url=INDEX, asked=INDEX),
        Place(url="https://mirrored.example/all", asked=INDEX),
        Place(url="https://mirrored.example/all/own", asked="https://own.example"),
    ])  # fmt: skip
    ticket = list_of_places.ticket(url)
    assert (ticket and ticket.url) == asked


@given(st.text() | st.from_regex(r"https?://[a-z.@:/%0-9\\?#-]{0,40}", fullmatch=True))
def test_a_spelling_is_one_or_none(url: str) -> None:
    """Whatever a hostile file calls a URL has one spelling, which stays itself, or none."""
    try:
        once = canonical(url)
    except ValueError:
        return
    assert canonical(once) == once


def test_a_page_lets_its_own_files_through_and_nothing_else() -> None:
    """Relative ones as the tool makes them whole, and those elsewhere without the login of the index."""
    secret = Secret(HIDDEN)
    known = Allowed([Place(url="https://said.example/simple", asked=INDEX, login=secret, lists=True)])
    page = known.ticket("https://said.example/simple/pad/")
    assert page is not None and page.login == secret
    body = json.dumps({"files": [{"url": "../../f/pad-1.whl#sha256=aa"}, {"url": "https://cdn.example/pad-1%2B2.whl"},
                                 {"url": "ftp://x/y"}]}).encode()  # fmt: skip
    known.learn(page, "https://said.example/simple/pad/", f"{INDEX}/pad/", body, "application/json")

    beside = known.ticket("https://said.example/f/pad-1.whl")
    assert beside is not None and (beside.url, beside.login) == ("https://index.example/f/pad-1.whl", secret)
    apart = known.ticket("https://cdn.example/pad-1%2B2.whl.metadata")
    assert apart is not None and (apart.url, apart.login) == ("https://cdn.example/pad-1%2B2.whl.metadata", None)
    assert known.has_origin("https://cdn.example") and not known.has_origin("https://cdn.example:1")
    assert known.ticket("https://said.example/f/pad-2.whl") is None
    assert known.ticket("https://cdn.example/") is None


def test_what_is_no_page_lists_nothing() -> None:
    """A registry that lists nothing by its kind is not asked for links, nor is a tarball."""
    known = Allowed([Place(url=INDEX, asked=INDEX)])
    ticket = known.ticket(f"{INDEX}/pad")
    assert ticket is not None
    known.learn(ticket, f"{INDEX}/pad", f"{INDEX}/pad", b'{"files": [{"url": "https://cdn.example/x"}]}', "text/json")
    assert known.ticket("https://cdn.example/x") is None
    assert allowed.links(b"{no json", "application/json") == []
    assert allowed.links(b"\x1f\x8b", "application/octet-stream") == []
    page = b'<base href="https://a.example/f/"><a href="x.whl">x</a><a>none</a>'
    assert allowed.links(page, "text/html") == ["https://a.example/f/x.whl"]


def test_a_login_is_taken_out_of_a_url() -> None:
    """It is a header then, and never part of what a tool is told."""
    bare, login = allowed.without_login("https://me:p%40w@index.example/simple/")
    assert bare == INDEX
    assert login == Secret("Basic bWU6cEB3")
    assert allowed.without_login(INDEX) == (INDEX, None)


# --- the tool's side, in the jail ----------------------------------------------------------------------------------

START = """
import errno, json, os, socket, ssl, sys, urllib.error, urllib.request
def tried(f, *args):
    try:
        return f(*args)
    except urllib.error.HTTPError as problem:
        return problem.code
    except OSError as problem:
        found = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        return errno.errorcode.get(getattr(found, "errno", None), str(found))
def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    return urllib.request.urlopen(request, timeout=10, context=CONTEXT).read().decode("latin-1")
def direct(host, port):
    return socket.create_connection((host, port), 5) and "CONNECTED"
CONTEXT = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
def say(**facts):
    print("FACTS" + json.dumps(facts), flush=True)
"""


@asynccontextmanager
async def way_out(
    host: Host, places: Sequence[Place], desk: Desk | None = None, **reach: Any
) -> AsyncIterator[tuple[Gateway, Room]]:
    """A room with a way out to these places."""
    there = Reach(**{"trusted": {"127.0.0.1", "localhost"}, **reach})
    async with Http(there) as http:
        room = Room(host=host, http=http, reach=there, seconds=30, memory_mib=256)
        async with room.gateway(places, desk) as way:
            yield way, room


async def inside(way: Gateway, room: Room, code: str) -> dict[str, Any]:
    """What a tool that runs this Python reports."""
    import os
    import sys

    text = START + textwrap.dedent(code)
    step = Step(command=(os.path.realpath(sys.executable), "-I", "-S", "-c", text))
    brought = await errand.run(Errand(steps=[step], wanted=(), files={"file": "x"}), way, room)
    lines = [line for line in brought.said.splitlines() if line.startswith("FACTS")]
    assert lines, brought
    return dict(json.loads(lines[-1].removeprefix("FACTS")))


def at(server: Any, **more: Any) -> Place:
    """The whole server as a place."""
    return Place(url=server.url, asked=server.url, **more)


async def test_a_tool_reaches_its_registry_and_nothing_else_of_the_host(host: Host, tmp_path: Path) -> None:
    """Neither a service on the host's loopback, nor the metadata address, nor any name: not by itself, not by us."""
    allowed_one, other = Npm(packages={"pad": {"1.0.0": {}}}), Npm(packages={"pad": {"1.0.0": {}}})
    async with allowed_one.running(tmp_path), other.running(tmp_path), way_out(host, [at(allowed_one)]) as (way, room):
        port = int(other.url.rpartition(":")[2])
        told = await inside(way, room, f"""
            say(own=tried(get, "{allowed_one.url}/pad")[:1], other=tried(get, "{other.url}/pad"),
                metadata=tried(get, "http://169.254.169.254/latest/"), stranger=tried(get, "https://evil.example/"),
                post=tried(lambda: urllib.request.urlopen("{allowed_one.url}/pad", data=b"x", timeout=10)),
                loopback=tried(direct, "127.0.0.1", {port}), far=tried(direct, "169.254.169.254", 80),
                name=tried(direct, "evil.example", 80)[:0])
        """)  # fmt: skip
        with pytest.raises(ConfigProblem, match="wants to fetch from") as caught:
            way.check()
    refused = {"other": 403, "metadata": 403, "stranger": "Tunnel connection failed: 403 Forbidden", "post": 405}
    assert told == {"own": "{", **refused, "loopback": "ECONNREFUSED", "far": "ENETUNREACH", "name": ""}
    assert other.seen == [] and allowed_one.seen == ["/pad"]
    assert way.strangers == {other.url, "http://169.254.169.254", "https://evil.example"}
    assert "name it in this machine's settings" in str(caught.value)


async def test_the_login_stays_outside_and_reaches_the_registry(host: Host, tmp_path: Path) -> None:
    """Over what the tool believes to be TLS to the registry itself; a login that it sends of its own is dropped."""
    registry = Npm(packages={"pad": {"1.0.0": {}}}, login=HIDDEN, tls=True)
    async with (
        registry.running(tmp_path),
        way_out(host, [at(registry, login=Secret(HIDDEN))], ca=str(tmp_path / "ca.pem")) as (way, room),
    ):
        told = await inside(way, room, f"""
            import glob
            texts = [open(path, "rb").read() for path in glob.glob("/proc/[0-9]*/environ")]
            texts += [open(path, "rb").read() for path in glob.glob("/home/sim/tree/**", recursive=True)
                      if os.path.isfile(path)]
            body = get("{registry.url}/pad", Authorization="Bearer mine")
            say(body=body[:1], found=[HIDDEN for HIDDEN in ["hunter2"] if any(b"hunter2" in t for t in texts)])
        """.replace('["hunter2"]', '["hunter" + "2"]').replace('b"hunter2"', '(b"hunter" + b"2")'))  # fmt: skip
        way.check()
    assert told == {"body": "{", "found": []}
    assert registry.logins == [HIDDEN]


async def test_files_that_the_index_lists_are_open_over_https_only(host: Host, tmp_path: Path) -> None:
    """A server of files may have a private address as the index may, if its certificate shows who it is."""
    (tmp_path / "tls").mkdir()
    world.wheel(tmp_path / "wheels", "pad", "1.0", {"pad.py": ""})
    for tls, expected in ((True, "PK"), (False, 403)):
        files, index = Wheels(folder=tmp_path / "wheels", tls=tls), Wheels(folder=tmp_path / "wheels")
        async with files.running(tmp_path / "tls"), index.running(tmp_path):
            index.files = files.url.replace("127.0.0.1", "localhost")
            place = Place(url=f"{index.url}/simple", asked=f"{index.url}/simple", lists=True)
            async with way_out(host, [place], ca=files.pem or None, trusted={"127.0.0.1"}) as (way, room):
                told = await inside(
                    way,
                    room,
                    f"""
                    page = json.loads(get("{index.url}/simple/pad/"))
                    got = tried(get, page["files"][0]["url"])
                    say(got=got if isinstance(got, int) else got[:2])
                """,
                )
                assert told == {"got": expected}
                if not tls:
                    with pytest.raises(Refused, match=r"leads to 127\.0\.0\.1"):
                        way.check()


@pytest.mark.parametrize(("status", "error"), [(503, Transient), (429, Transient), (403, Refused), (418, Permanent)])
async def test_what_goes_wrong_outside_is_remembered(
    host: Host, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    """A tool may go on without a document that it could not have; what it makes then is not to be taken."""
    registry = Npm(fail=status)
    async with registry.running(tmp_path), way_out(host, [at(registry)]) as (way, room):
        told = await inside(way, room, f'say(got=tried(get, "{registry.url}/pad"))')
        assert told == {"got": 503 if error is Transient else 403}
        with pytest.raises(error):
            way.check()


async def test_a_package_that_is_not_there_is_no_trouble(host: Host, tmp_path: Path) -> None:
    """The tool is told so, and draws its own conclusion."""
    async with Npm().running(tmp_path) as registry, way_out(host, [at(registry)]) as (way, room):
        assert await inside(way, room, f'say(got=tried(get, "{registry.url}/pad"))') == {"got": 404}
        way.check()


class Clerk:
    """A desk that makes one document of another, refuses a second, and has nothing to say of the rest."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def answer(self, url: str, get: Callable[[str, str], Awaitable[Document]]) -> Document | None:
        """By the last part of the URL."""
        match url.rpartition("/")[2]:
            case "made":
                return Document(b"made of " + (await get(f"{self.url}/pad", "*/*")).body[:9], "text/plain")
            case "stray":
                return await get("https://evil.example/pad", "*/*")
            case "refused":
                raise ConfigProblem("that is not wanted")
        return None


async def test_a_desk_makes_documents_and_refuses_some(host: Host, tmp_path: Path) -> None:
    """It may fetch what the tool may, and no more; what it refuses makes the lock worthless."""
    registry = Npm(packages={"pad": {"1": {}}})
    async with registry.running(tmp_path), way_out(host, [at(registry)], Clerk(registry.url)) as (way, room):
        names = ("made", "stray", "pad")
        code = f"say(got=[str(tried(get, '{registry.url}/' + one))[:18] for one in {names}])"
        made, stray, pad = (await inside(way, room, code))["got"]
        assert (made[:17], stray, pad[:9]) == ('made of {"name": ', "404", '{"name": ')
        way.check()
        await inside(way, room, f'say(got=tried(get, "{registry.url}/refused"))')
        with pytest.raises(ConfigProblem, match="that is not wanted"):
            way.check()
        assert not way.strangers and registry.seen == ["/pad", "/pad"]


async def test_a_flood_is_ended(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock cannot make us fetch for ever."""
    monkeypatch.setattr(gateway, "_MOST_REQUESTS", 2)
    async with (
        Npm(packages={"pad": {"1": {}}}).running(tmp_path) as registry,
        way_out(host, [at(registry)]) as (way, room),
    ):
        code = f'say(got=[isinstance(tried(get, "{registry.url}/pad"), str) for _ in range(4)])'
        assert await inside(way, room, code) == {"got": [True, True, False, False]}
        with pytest.raises(Permanent, match="more than 2 documents"):
            way.check()


# --- the socket ----------------------------------------------------------------------------------------------------


async def spoken(way: Gateway, said: bytes, *, then: bool = True) -> bytes:
    """How the gateway's answer to these bytes begins; then: whether we stay on the line for it."""
    reader, writer = await asyncio.open_unix_connection(str(way.socket))
    writer.write(said)
    if not then:
        writer.write_eof()
    async with asyncio.timeout(10):
        heard = await reader.read(1000)
    writer.close()
    return heard


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 403"),
        (b"CONNECT [::1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 403"),
        (b"CONNECT nowhere\r\n\r\n", b"HTTP/0.9 405"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"HTTP/1.1 403"),
        (b"rubbish\r\n\r\n", b"HTTP/1.0 400"),
        (b"x" * 20_000, b""),
        (b"", b""),
    ],
)
async def test_what_is_no_request_for_us_gets_nothing(said: bytes, answer: bytes) -> None:
    """And the next one is served all the same."""
    async with Http() as http, gateway.opened([Place(url=INDEX, asked=INDEX)], http, Reach()) as way:
        heard = await spoken(way, said, then=bool(answer))
        assert heard.startswith(answer) and (answer or not heard)
        assert (await spoken(way, b"CONNECT index.example:443 HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert not way.socket.parent.stat().st_mode & 0o044
    assert not way.socket.exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("x:y", "an address that cannot be read"),
        ("evil.example:443", "https://evil.example"),
        ("http://" + "x" * 300 + "/", "an address that cannot be shown"),
        ("https://index.example/simple/pad?to=1", "https://index.example/simple/pad?to=1"),
        ("https://index.example/" + "x" * 300, "an address that cannot be shown"),
        ("http://evil.example/a?b", "http://evil.example"),
    ],
)
async def test_who_was_asked_for_is_said_within_bounds(target: str, said: str) -> None:
    """The server alone where it is a strange one; a hostile file has no say in how long that is."""
    async with Http() as http, gateway.opened([Place(url=INDEX, asked=INDEX)], http, Reach()) as way:
        method = "GET" if "/" in target else "CONNECT"
        assert b"403 Forbidden" in await spoken(way, f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert way.strangers == {said}
        with pytest.raises(ConfigProblem, match="no part of the indexes and registries of this machine"):
            way.check()


async def test_a_plain_registry_behind_connect_is_served_too(tmp_path: Path) -> None:
    """Some tools ask a proxy for a tunnel to a plain http server."""
    async with Npm(packages={"pad": {"1.0.0": {}}}).running(tmp_path) as registry:
        there = Reach(trusted={"127.0.0.1"})
        async with Http(there) as http, gateway.opened([at(registry)], http, there) as way:
            reader, writer = await asyncio.open_unix_connection(str(way.socket))
            host = registry.url.removeprefix("http://")
            writer.write(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert await reader.readuntil(b"\r\n\r\n")
            writer.write(f"GET /pad HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert b'"dist-tags"' in await reader.read()
            writer.close()
    assert registry.seen == ["/pad"]


async def test_nobody_else_trusts_the_certificates_of_a_run() -> None:
    """A client that does not know the run's own authority refuses; one that does sees the host that it wanted."""
    async with Http() as http, gateway.opened([Place(url=INDEX, asked=INDEX)], http, Reach()) as way:

        async def greeted(context: ssl.SSLContext) -> str:
            reader, writer = await asyncio.open_unix_connection(str(way.socket))
            writer.write(b"CONNECT index.example:443 HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await writer.start_tls(context, server_hostname="index.example")
            found = dict(pair[0] for pair in writer.get_extra_info("peercert")["subject"])
            writer.close()
            return found["commonName"]

        assert await greeted(ssl.create_default_context(cadata=way.authority.pem)) == "a package index"
        with pytest.raises(ssl.SSLCertVerificationError):
            await greeted(ssl.create_default_context())
        assert await greeted(ssl.create_default_context(cadata=way.authority.pem)) == "a package index"


# --- the errand ----------------------------------------------------------------------------------------------------


async def do(host: Host, *commands: Sequence[str], files: Mapping[str, str], **more: Any) -> errand.Brought:
    """Some shell commands, one after the other, without any place to go to."""
    room_more = {name: more.pop(name) for name in ("seconds", "memory_mib") if name in more}
    async with way_out(host, []) as (way, room):
        steps = [Step(command=("/bin/sh", "-c", *command)) for command in commands]
        wanted = more.pop("wanted", ())
        return await errand.run(
            Errand(steps=steps, wanted=wanted, files=files, **more), way, replace(room, **room_more)
        )


async def test_files_go_in_and_come_back_byte_for_byte(host: Host) -> None:
    """With every line end and every sign; what was not made does not come."""
    text = "a\r\nü\u2028\n\tb"
    came = await do(host, ["cat a/x > b/y; cat ../npmrc"], ["mv b/y z"], files={"a/x": text, "b/z": ""},
                    wanted=("z", "none"), settings={"npmrc": "secret=none"})  # fmt: skip
    assert (came.code, came.files, came.said) == (0, {"z": text}, "secret=none")


async def test_the_first_step_that_fails_ends_the_errand(host: Host) -> None:
    """With its code and its words, and without any file."""
    came = await do(host, ["echo no; exit 3"], ["echo never"], files={}, wanted=("x",))
    assert (came.code, came.said, came.files) == (3, "no\n", {})
    assert (await do(host, ["kill -9 $$"], files={})).code == 137


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", ".git/hooks/x", "a\0b", "a/./b", "x" * 5000])
async def test_a_path_that_leads_out_is_refused(host: Host, path: str) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigProblem, match="no path inside"):
        await do(host, ["true"], files={path: ""})


async def test_files_that_stand_in_each_others_way_are_refused(host: Host) -> None:
    """A file cannot be a folder, and nothing is too great a heap."""
    with pytest.raises(ConfigProblem, match="cannot be laid out"):
        await do(host, ["true"], files={"a": "", "a/b": ""})
    with pytest.raises(ConfigProblem, match="greater than 64 MiB"):
        await do(host, ["true"], files={"a": "x" * (65 << 20)})


async def test_bounds_are_said(host: Host) -> None:
    """Time is worth another try; the rest is not."""
    with pytest.raises(Transient, match="not made in 0 s"):
        await do(host, ["sleep 60"], files={}, seconds=0.4)
    with pytest.raises(Permanent, match="says too much"):
        await do(host, ["yes"], files={})
    with pytest.raises(Permanent, match="nothing came back, or more"):
        await do(host, ["head -c 30000000 /dev/zero | tr '\\0' x > big"], files={}, wanted=("big",))


@pytest.mark.parametrize("isolation", [Isolation.NONE, Isolation.UNJAILED])
async def test_without_a_jail_nothing_is_started(host: Host, isolation: Isolation, tmp_path: Path) -> None:
    """Not even where tests of our own code would run unjailed."""
    bare = replace(host, isolation=isolation, reason="no bubblewrap", mend="Install it")
    with pytest.raises(Permanent, match=r"in a jail only, and here is none: no bubblewrap\. Install it"):
        await do(bare, [f"touch {tmp_path}/ran"], files={})
    assert not (tmp_path / "ran").exists()


async def test_the_plain_grade_serves_too(plain: Host, tmp_path: Path) -> None:
    """The way out is the same without a cgroup."""
    running = Npm(packages={"pad": {"1.0.0": {}}}).running(tmp_path)
    async with running as registry, way_out(plain, [at(registry)]) as (way, room):
        assert await inside(way, room, f'say(got=tried(get, "{registry.url}/pad")[:1])') == {"got": "{"}
