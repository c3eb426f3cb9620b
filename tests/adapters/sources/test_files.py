"""The source of plain files: listings of every kind of server, names of every kind of project, digests beside them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _autoindex, _file_names, _patterns
from bot.adapters.sources.files import Files
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Answer, Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
SHA, OTHER, LONG = "ab" * 32, "cd" * 32, "ef" * 64
BASIC = "Basic " + base64.b64encode(b"me:pass").decode()

# As nginx's autoindex writes it.
NGINX = """<html>
<head><title>Index of /dist/</title></head>
<body>
<h1>Index of /dist/</h1><hr><pre><a href="../">../</a>
<a href="old/">old/</a>                                               01-Jan-2024 00:00                   -
<a href="tool-1.0.tar.gz">tool-1.0.tar.gz</a>     02-Jan-2024 10:11               12345
<a href="tool-1.0.zip">tool-1.0.zip</a>     03-Jan-2024 10:11                 999
<a href="tool-1.1-rc.1_linux_amd64.tar.gz">tool-1.1-rc.1_linux_amd64.ta..&gt;</a>    04-Feb-2025 01:02      7
<a href="tool%2B-9.0.zip">tool+-9.0.zip</a>     03-Jan-2024 10:11                 999
<a href="tool-extra-2.0.zip">tool-extra-2.0.zip</a>     03-Jan-2024 10:11                 999
<!-- <a href="tool-6.6.6.zip">hidden</a> -->
</pre><hr></body>
</html>
"""

# As Apache's mod_autoindex writes it with HTMLTable and icons.
APACHE = """<!DOCTYPE HTML><html><head><title>Index of /dist</title></head><body><table>
<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td valign="top"><a href="tool_1.0.deb"><img src="/icons/x.gif" alt="[   ]"></a></td>
<td><a href='tool_1.0.deb'>tool_1.0.deb</a></td>
<td align="right">2024-05-06 07:08  </td><td align="right">1.2M</td></tr>
<tr><td><a href="/dist/">Parent Directory</a></td><td><A HREF=tool_1.1.deb>x</A></td><td>2024-13-45 07:08</td></tr>
<tr><td><a href="https://elsewhere.example/dist/tool_7.0.deb">x</a><a href="/other/tool_8.0.deb">x</a>
<a href="http://[">x</a><a href="a/tool_9.0.deb">x</a><a href="..%2ftool_9.1.deb">x</a><a name="top">x</a></td></tr>
</table></body></html>"""


@asynccontextmanager
async def source(shelf: Shelf, *, cached: bool = False, **options: Any) -> AsyncIterator[Files]:
    """A source over the folder /dist of this server."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(PASS="pass"))
        yield open_one(sources, "files", {"url": f"{shelf.url}/dist", **options}, tools)


def tool(name: str = "tool", registry: str = "") -> Component:
    return Component(name=name, ecosystem="files", registry=registry)


def fill(shelf: Shelf, listing: Any, folder: str = "/dist/") -> None:
    shelf.pages[folder] = listing
    if isinstance(listing, str):
        shelf.kinds[folder] = "text/html"


def html(*names: str) -> str:
    return "".join(f'<a href="{name}">{name}</a>  02-Jan-2024 10:11  5\n' for name in names)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


async def test_a_listing_of_nginx_becomes_releases(shelf: Shelf) -> None:
    """Files of one version are one release; files of others, and what is hidden in a comment, are nobody's."""
    fill(shelf, NGINX)
    async with source(shelf) as files:
        one, two = await files.releases(tool())
    assert [(file.filename, file.size) for file in one.artifacts] == [("tool-1.0.tar.gz", 12345), ("tool-1.0.zip", 999)]
    assert one.artifacts[0].url == f"{shelf.url}/dist/tool-1.0.tar.gz"
    assert (two.version, two.partial, two.published) == ("1.1-rc.1", True, None)
    assert shelf.paths == ["/dist/"]


async def test_a_listing_of_apache_becomes_releases(shelf: Shelf) -> None:
    """Only what lies directly in the folder counts; a time that is none is not known; rounded sizes are left out."""
    fill(shelf, APACHE)
    async with source(shelf, **{"trust-times": True}) as files:
        one, two = await files.releases(tool())
    assert (one.version, one.published, one.artifacts[0].size) == ("1.0", datetime(2024, 5, 6, 7, 8, tzinfo=UTC), None)
    assert (two.version, two.published) == ("1.1", None)


async def test_times_count_only_when_they_are_trusted(shelf: Shelf) -> None:
    """Then the last file's counts; what came before was not yet the whole release."""
    fill(shelf, NGINX)
    async with source(shelf, **{"trust-times": True}) as files:
        one, two = await files.releases(tool())
    assert one.published == datetime(2024, 1, 3, 10, 11, tzinfo=UTC)
    assert two.published == datetime(2025, 2, 4, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "items",
    [
        [
            {"name": "tool-1.0 beta.zip", "type": "file", "mtime": "Wed, 07 Oct 2015 07:28:00 GMT", "size": 7},
            {"name": "tool-2.0.zip", "type": "file", "mtime": "Wed, 07 Oct 2015 07:28:00 GMT", "size": 8},
            {"name": "3.0", "type": "directory", "mtime": "x"},
        ],
        [
            {"name": "tool-2.0.zip", "size": 8, "url": "./x", "mod_time": "2015-10-07T07:28:00Z", "is_dir": False},
            {"name": "3.0/", "size": 4096, "url": "./3.0/", "mod_time": "", "is_dir": True},
        ],
    ],
    ids=["nginx", "caddy"],
)
async def test_json_says_the_same(shelf: Shelf, items: list[dict[str, Any]]) -> None:
    """Servers that list in JSON are asked for it."""
    fill(shelf, items)
    async with source(shelf, **{"trust-times": True}) as files:
        two, three = await files.releases(tool())
    assert (two.version, two.published) == ("2.0", datetime(2015, 10, 7, 7, 28, tzinfo=UTC))
    assert (two.artifacts[0].size, two.artifacts[0].url) == (8, f"{shelf.url}/dist/tool-2.0.zip")
    assert (three.version, three.published, three.artifacts) == ("3.0", None, ())
    assert shelf.seen[0].accept.startswith("application/json")


async def test_versions_may_be_folders(shelf: Shelf) -> None:
    """The files and their digests are in there, and only the one that is proposed is opened."""
    fill(shelf, html("../", "latest/", "v20.1.0/", "v20.2.0/", "node-v18.0.0.tar.gz"))
    inside = ("node-v20.1.0.tar.gz", "node-v20.1.0-x64.msi", "docs/", "SHASUMS256.txt", "SHASUMS256.txt.sig")
    fill(shelf, html("../", *inside, "node-v20.1.0.tar.gz.sig"), "/dist/v20.1.0/")
    shelf.pages["/dist/v20.1.0/SHASUMS256.txt"] = f"{SHA}  node-v20.1.0.tar.gz\n{OTHER}  win-x64/node.exe\n"
    async with source(shelf) as files:
        found = await files.releases(tool("node"))
        assert [one.version for one in found] == ["20.1.0", "20.2.0", "18.0.0"]
        full = await files.detail(tool("node"), found[0])
    assert [(file.filename, file.sha256) for file in full.artifacts] == [
        ("node-v20.1.0.tar.gz", SHA), ("node-v20.1.0-x64.msi", None),
    ]  # fmt: skip
    assert full.links == (("signature", f"{shelf.url}/dist/v20.1.0/node-v20.1.0.tar.gz.sig"),) and not full.partial
    assert shelf.paths == ["/dist/", "/dist/", "/dist/v20.1.0/", "/dist/v20.1.0/SHASUMS256.txt"]


async def test_digests_lie_beside_the_files(shelf: Shelf) -> None:
    """In a version's own list, or one by one; those of other versions are not opened; the strongest counts."""
    fill(
        shelf,
        html(
            "tool_1.5.0_linux_amd64.zip", "tool_1.5.0_darwin_arm64.zip", "tool_1.5.0_src.zip", "tool_1.5.0_SHA256SUMS",
            "tool_1.4.0_SHA256SUMS", "tool_1.5.0_darwin_arm64.zip.sha512", "tool_1.5.0_src.zip.sha256",
            "tool_1.4.0_src.zip",
        ),
    )  # fmt: skip
    shelf.pages["/dist/tool_1.5.0_SHA256SUMS"] = f"{SHA}  tool_1.5.0_linux_amd64.zip\n"
    shelf.pages["/dist/tool_1.5.0_darwin_arm64.zip.sha512"] = LONG
    shelf.pages["/dist/tool_1.5.0_src.zip.sha256"] = "<html>not here</html>"
    async with source(shelf) as files:
        one, _ = await files.releases(tool())
        full = await files.detail(tool(), one)
    assert [(file.sha256, file.checksum) for file in full.artifacts] == [
        (SHA, None), (None, f"sha512:{LONG}"), (None, None),
    ]  # fmt: skip
    assert full.links == () and "/dist/tool_1.4.0_SHA256SUMS" not in shelf.paths


async def test_a_list_for_all_versions(shelf: Shelf) -> None:
    """It is enough, and one that is away makes the look fail rather than be left out."""
    fill(shelf, html("tool-1.0.zip", "tool-2.0.zip", "sha512sums.txt", "SHA256SUMS", "tool-1.0.zip.asc"))
    shelf.pages["/dist/SHA256SUMS"] = f"{SHA}  tool-1.0.zip\n"
    async with source(shelf) as files:
        one, two = await files.releases(tool())
        assert (await files.detail(tool(), one)).artifacts[0].sha256 == SHA
        assert "/dist/sha512sums.txt" not in shelf.paths
        with pytest.raises(Missing):
            await files.detail(tool(), two)


async def test_a_project_may_name_its_files_in_its_own_way(shelf: Shelf) -> None:
    """A pattern for all, or for one component; it must fit the whole name."""
    fill(
        shelf,
        html("go1.21.0.linux-amd64.tar.gz", "go1.21.1.src.tar.gz", "xgo1.0.src.tar.gz", "release-7/", "tool-1.0.zip"),
    )
    async with source(
        shelf, pattern=r"{name}(?P<version>\d+(?:\.\d+)*)\..*", patterns={"r": r"release-(\d+)/"}
    ) as files:
        assert [one.version for one in await files.releases(tool("go"))] == ["1.21.0", "1.21.1"]
        assert [one.version for one in await files.releases(tool("r"))] == ["7"]
    async with source(shelf) as files:
        with pytest.raises(Missing, match="set `pattern`"):
            await files.releases(tool("go"))
    for options, words in (
        ({"pattern": "("}, "pattern cannot be used: missing"),
        ({"patterns": {"a": r"(a)(b)"}}, r"patterns\.a cannot be used: it needs a group named version"),
        ({"pattern": r"(?P<version>a)\1"}, "invalid escape"),
        ({"pattern": "x" * 2001}, "longer"),
    ):
        with pytest.raises(ConfigProblem, match=words):
            async with source(shelf, **options):
                pass


@pytest.mark.parametrize(
    ("name", "file", "version"),
    [
        ("node", "node-v20.1.0-linux-x64.tar.gz", "20.1.0"),
        ("terraform", "terraform_1.5.0_linux_amd64.zip", "1.5.0"),
        ("openssl", "openssl-1.1.1w.tar.gz", "1.1.1w"),
        ("openssh", "openssh-9.6p1.tar.gz", "9.6p1"),
        ("tool", "tool-1.2.3-4.tar.gz", "1.2.3-4"),
        ("tool", "tool-1.2.3-32bit.zip", "1.2.3"),
        ("tool", "tool-1.2.3-1.el8.x86_64.rpm", "1.2.3-1"),
        ("tool", "tool-2.0rc1-src.tar.xz", "2.0rc1"),
        ("tool", "tool-linux-amd64-1.0.tgz", "1.0"),
        ("jdk", "jdk-21_linux-x64_bin.tar.gz", "21"),
        ("a.b", "a.b-1.0.zip", "1.0"),
        ("a.b", "aXb-1.0.zip", None),
        ("tool", "tool-2-bar-1.0.tar.gz", None),
        ("tool", "toolbox-1.0.tar.gz", None),
        ("tool", "tool-1.0.tar.gz.asc", None),
        ("tool", "tool-latest.zip", None),
    ],
)
def test_a_files_name_tells_its_version(name: str, file: str, version: str | None) -> None:
    """Platforms and kinds of builds are no part of it, and any other word makes it a stranger's file."""
    assert _file_names.usual(name)[0].whole(file) == version


def test_lists_of_checksums_are_known_by_their_names() -> None:
    """As the usual tools call them, with a name and a version before or without."""
    lists = (
        "SHA256SUMS",
        "SHASUMS256.txt",
        "sha512sum.txt",
        "tool_1.0_SHA256SUMS",
        "tool_1.0_checksums.txt",
        "checksums.txt",
    )
    assert [name for name in lists if not _file_names.SUMS.fullmatch(name)] == []
    assert not any(_file_names.SUMS.fullmatch(name) for name in ("SHASUMS256.txt.sig", "tool-1.0.zip", "sums"))


async def test_a_login_goes_to_its_server_alone(shelf: Shelf) -> None:
    """Neither to where it sends us, nor to a folder that somebody else names."""
    shelf.login = BASIC
    fill(shelf, html("tool-1.0.zip"))
    logins = {shelf.url.removeprefix("http://"): {"username": "me", "secret": "PASS"}}
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        fill(stranger, html("tool-6.6.zip"))
        async with source(shelf, logins=logins) as files:
            (one,) = await files.releases(tool())
            assert not (await files.detail(tool(), one)).partial
            assert [each.version for each in await files.releases(tool(registry=f"{stranger.url}/dist"))] == ["6.6"]
            shelf.pages["/dist/"] = sends_to(f"{stranger.url}/dist/")
            (moved,) = await files.releases(tool())
        # What a redirect leads to is the folder that is listed.
        assert moved.artifacts[0].url == f"{stranger.url}/dist/tool-6.6.zip"
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as files:
        with pytest.raises(Refused):
            shelf.pages["/dist/"] = html("tool-1.0.zip")
            await files.releases(tool())


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """What did not change is neither sent nor read again."""
    fill(shelf, NGINX)
    async with source(shelf, cached=True) as files:
        first = await files.releases(tool())
        assert await files.releases(tool()) is first
    assert [one.status for one in shelf.seen] == [200, 304]


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """No folder named, no such folder, nothing in it, broken, away: each is told apart."""
    async with source(shelf) as files:
        with pytest.raises(Missing):
            await files.releases(tool())
        fill(shelf, "[1]")
        with pytest.raises(Permanent, match="no list of files"):
            await files.releases(tool())
        for name in ("", "x" * 201, "a\n"):
            with pytest.raises(Missing, match="can be no name"):
                await files.releases(tool(name))
        shelf.fail = 503
        with pytest.raises(Transient):
            await files.releases(tool())
    async with source(shelf, url="") as files:
        with pytest.raises(Missing, match="in which folder tool lies"):
            await files.releases(tool())
        with pytest.raises(Permanent):
            await files.releases(tool(registry="file:///etc"))
    with pytest.raises(ConfigProblem, match="files"):
        async with source(shelf, url="dist"):
            pass


def answer(text: str, kind: str = "text/html") -> Answer:
    return Answer(url="https://files.example/dist/", body=text.encode(), digest="", headers={"content-type": kind})


def test_a_folder_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than read in part: a version that is not seen must not look as if it were gone."""
    monkeypatch.setattr(_autoindex, "MOST_ENTRIES", 3)
    with pytest.raises(Permanent, match="more in a folder"):
        _autoindex.entries(answer(html("a", "b", "c", "d")))


@pytest.mark.parametrize(
    "text",
    [
        "<a " + "href=x " * 200_000,
        "<a href=x" * 100_000,
        "<!--" * 200_000,
        "<a href=x>" + "<" * 1_000_000,
        "<!-- x" + html("a"),
    ],
    ids=["attributes", "open", "comments", "tags", "hidden"],
)
def test_hostile_pages_are_read_in_no_time(text: str) -> None:
    """Patterns that go back and forth would need hours for these; the test would run into its time limit."""
    assert len(_autoindex.entries(answer(text))) <= 1


@given(st.text(max_size=80), st.sampled_from(["text/html", "application/json"]))
def test_no_page_leads_out_of_its_folder(text: str, kind: str) -> None:
    """Whatever a server sends, what is found lies directly below the folder, or the page is refused."""
    try:
        found = _autoindex.entries(
            answer(f"<a href=\"{text}\">x</a> <a href='{text}/'>x</a>" if kind == "text/html" else text, kind)
        )
    except Permanent:
        return
    for entry in found:
        rest = entry.url.removeprefix("https://files.example/dist/")
        assert rest != entry.url and "/" not in rest.removesuffix("/") and entry.name not in ("", ".", "..")


def test_a_pattern_may_find_nothing_in_its_group() -> None:
    """A group that took no part in the match is no version."""
    pattern = _patterns.compiled("a(?P<version>b)?|c(d)")
    assert list(pattern.every("a ab cd")) == ["b"]
    assert (pattern.first("x"), pattern.whole("xab")) == (None, None)


async def test_a_stranger_answer_is_no_folder(shelf: Shelf) -> None:
    """A page without links has no files."""
    fill(shelf, lambda request: web.Response(text="<p>hello", content_type="text/html"))
    async with source(shelf) as files:
        with pytest.raises(Missing):
            await files.releases(tool())
