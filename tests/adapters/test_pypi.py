"""The source of Python packages: what an index lists arrives whole, from any index that pip can use."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _simple
from bot.adapters.sources.pypi import PyPI, without_login
from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Component, Release
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.adapters.index_server import Index, digest, sdist, serving, wheel

TRUSTED = Reach(trusted=["127.0.0.1"])


@asynccontextmanager
async def source(*urls: str, cached: bool = True, **settings: object) -> AsyncIterator[PyPI]:
    """A source over these indexes, the main one first."""
    index = IndexSettings(index_url=urls[0] if urls else None, extra=urls[1:], **settings)  # type: ignore[arg-type]  # any field
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        yield open_one(sources, "pypi", {}, Tools(http=http, index=lambda: index))


def versions(releases: object) -> list[str]:
    return [release.version for release in releases]  # type: ignore[attr-defined]  # releases of a source


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    made = Index(
        projects={
            "cache-tools": [
                wheel("cache-tools", "1.10.0", **{"upload-time": "2026-02-02T00:00:00Z"}),
                sdist("cache-tools", "1.10.0", **{"upload-time": "2026-02-01T00:00:00.5Z"}),
                wheel("cache-tools", "1.9.0", yanked="broken"),
                sdist("cache-tools", "1.9.0", yanked=True),
                wheel("cache-tools", "1.9.1", yanked="this file only"),
                sdist("cache-tools", "1.9.1"),
                sdist("cache-tools", "2.0rc1", hashes={}, **{"requires-python": None, "upload-time": None}),
                wheel("cache-tools", "0.1", filename="cache_tools-0.1-py2.7.egg"),
                wheel("cache-tools", "not.a.version"),
            ]
        }
    )
    async with made.running():
        yield made


async def test_a_page_becomes_releases(index: Index) -> None:
    """Oldest first, dates as the earliest file's, withdrawn only when every file is, with hashes and sizes."""
    async with source(index.url) as pypi:
        found = {release.version: release for release in await pypi.releases(Component(name="Cache_Tools"))}
    assert list(found) == ["1.9.0", "1.9.1", "1.10.0", "2.0rc1"]
    newest = found["1.10.0"]
    assert newest.published == datetime(2026, 2, 1, 0, 0, 0, 500000, tzinfo=UTC)
    assert {file.sha256 for file in newest.artifacts} == {
        digest("cache_tools-1.10.0-py3-none-any.whl"), digest("cache-tools-1.10.0.tar.gz"),
    }  # fmt: skip
    assert newest.artifacts[0].requires_python == ">=3.8" and newest.artifacts[0].size == 12345
    assert newest.artifacts[0].url == f"{index.url.removesuffix('/simple')}/files/cache_tools-1.10.0-py3-none-any.whl"
    assert (found["1.9.0"].yanked, found["1.9.0"].yanked_reason) == (True, "broken")
    assert not found["1.9.1"].yanked
    assert [file.filename for file in found["1.9.1"].artifacts] == ["cache-tools-1.9.1.tar.gz"]
    assert found["2.0rc1"].published is None and found["2.0rc1"].artifacts[0].sha256 is None


async def test_html_pages_say_the_same(index: Index) -> None:
    """A private index that knows only HTML serves as well; what HTML cannot say is not known."""
    async with source(index.url) as pypi:
        by_json = await pypi.releases(Component(name="cache-tools"))
    index.html_only = True
    async with source(index.url) as pypi:
        by_html = await pypi.releases(Component(name="cache-tools"))
    assert versions(by_json) == versions(by_html)
    for one, other in zip(by_json, by_html, strict=True):
        assert [(a.filename, a.url, a.sha256, a.requires_python) for a in one.artifacts] == [
            (a.filename, a.url, a.sha256, a.requires_python) for a in other.artifacts
        ]
        assert (one.yanked, other.published) == (other.yanked, None)


@pytest.mark.parametrize("etags", [True, False])
async def test_a_second_look_is_cheap(index: Index, etags: bool) -> None:
    """With validators the index answers 304; without them the same releases are simply known again."""
    index.etags = etags
    async with source(index.url) as pypi:
        first = await pypi.releases(Component(name="cache-tools"))
        assert await pypi.releases(Component(name="cache-tools")) is first
        index.projects["cache-tools"].append(wheel("cache-tools", "3.0"))
        assert versions(await pypi.releases(Component(name="cache-tools")))[-1] == "3.0"
    assert [status for _, status in index.seen] == [200, 304 if etags else 200, 200]


async def test_one_request_asks_for_a_component(index: Index) -> None:
    """Polling ten thousand components costs ten thousand requests, not more."""
    async with source(index.url) as pypi:
        await pypi.releases(Component(name="cache-tools"))
    assert index.seen == [("/simple/cache-tools/", 200)]


async def test_what_no_index_knows_is_missing(index: Index) -> None:
    """A name that is not there is told apart from an index that is away; a name that is none is never asked for."""
    async with source(index.url) as pypi:
        with pytest.raises(Missing, match="knows nothing-here"):
            await pypi.releases(Component(name="nothing-here"))
        with pytest.raises(Missing, match="can be no package's name"):
            await pypi.releases(Component(name="../../etc/passwd"))
        index.fail = 503
        with pytest.raises(Transient) as caught:
            await pypi.releases(Component(name="cache-tools"))
    assert caught.value.after is not None and caught.value.after.total_seconds() == 30


async def test_a_private_package_is_not_taken_over_by_a_stranger() -> None:
    """When the public index has another project of the same name, the private one counts."""
    public = Index(projects={"ours": [wheel("ours", "99.0")]})
    private = Index(projects={"ours": [wheel("ours", "1.0"), wheel("ours", "1.1")]})
    async with public.running(), private.running(), source(public.url, private.url) as pypi:
        assert versions(await pypi.releases(Component(name="ours"))) == ["1.0", "1.1"]
        # The same file name with other content is no evidence of kinship either.
        public.projects["ours"].append(wheel("ours", "1.0", hashes={"sha256": "0" * 64}))
        assert versions(await pypi.releases(Component(name="ours"))) == ["1.0", "1.1"]
        private.fail = 500
        with pytest.raises(Transient):
            await pypi.releases(Component(name="ours"))


async def test_a_mirror_adds_to_what_is_known() -> None:
    """An extra index that evidently holds the same project widens the list; the main one's word counts first."""
    main = Index(projects={"it": [wheel("it", "1.0"), wheel("it", "2.0", yanked="bad")]})
    more = [wheel("it", "1.0", **{"upload-time": None}), sdist("it", "1.0.0"), wheel("it", "1.5"), sdist("it", "2.0")]
    extra = Index(projects={"it": more})
    async with main.running(), extra.running(), source(main.url, extra.url) as pypi:
        found: dict[str, Release] = {release.version: release for release in await pypi.releases(Component(name="it"))}
    assert list(found) == ["1.0", "1.5", "2.0"]
    assert found["1.0"].published is not None
    assert [file.filename for file in found["1.0"].artifacts] == ["it-1.0-py3-none-any.whl", "it-1.0.0.tar.gz"]
    assert found["2.0"].yanked and len(found["2.0"].artifacts) == 1


async def test_a_folder_is_an_index_too(index: Index, tmp_path: Path) -> None:
    """file: indexes, as pip has them, are read from the disk and do not break the others."""
    (tmp_path / "only-here").mkdir()
    page = '<a href="../../files/only_here-1.0-py3-none-any.whl#sha256=abc">only_here-1.0-py3-none-any.whl</a>'
    (tmp_path / "only-here" / "index.html").write_text(page)
    async with source(index.url, tmp_path.as_uri()) as pypi:
        (release,) = await pypi.releases(Component(name="only.here"))
        assert release.artifacts[0].sha256 == "abc" and release.artifacts[0].url.startswith("file://")
        assert versions(await pypi.releases(Component(name="cache-tools")))[-1] == "2.0rc1"


async def test_links_are_looked_at_when_no_index_knows_a_name(index: Index, tmp_path: Path) -> None:
    """find-links may be a folder of files, a page on disk or one on the net."""
    (tmp_path / "from_disk-1.2-py3-none-any.whl").write_text("")
    (tmp_path / "from-disk-1.1.tar.gz").write_text("")
    page = tmp_path / "links.html"
    page.write_text('<a href="on_page-3.0.zip">x</a>')

    async def links(request: web.Request) -> web.Response:
        return web.Response(text='<a href="/on_net-4.0-py3-none-any.whl">x</a>', content_type="text/html")

    app = web.Application()
    app.router.add_get("/links", links)
    async with serving(app) as base:
        places = (str(tmp_path), str(page), str(tmp_path / "nowhere"), f"{base}/links", f"{base}/gone")
        async with source(index.url, find_links=places) as pypi:
            assert versions(await pypi.releases(Component(name="from-disk"))) == ["1.1", "1.2"]
            assert versions(await pypi.releases(Component(name="on-page"))) == ["3.0"]
            (release,) = await pypi.releases(Component(name="on-net"))
            assert release.artifacts[0].url == f"{base}/on_net-4.0-py3-none-any.whl"
            with pytest.raises(Missing):
                await pypi.releases(Component(name="nothing"))
        async with source(index.url, find_links=(str(tmp_path),), no_index=True) as pypi:
            with pytest.raises(Missing):
                await pypi.releases(Component(name="cache-tools"))
            assert versions(await pypi.releases(Component(name="from-disk"))) == ["1.1", "1.2"]


async def test_a_login_in_pips_configuration_is_sent_as_a_header(index: Index) -> None:
    """An index that asks for a login gets it, and no URL or error message shows it."""
    index.login = "Basic " + base64.b64encode(b"me:pass word").decode()
    url = index.url.replace("http://", "http://me:pass%20word@")
    async with source(url) as pypi:
        assert await pypi.releases(Component(name="cache-tools"))
    async with source(index.url) as pypi:
        with pytest.raises(Refused):
            await pypi.releases(Component(name="cache-tools"))
    async with source(url.replace("word", "other")) as pypi:
        with pytest.raises(Refused) as caught:
            await pypi.releases(Component(name="cache-tools"))
    assert "other" not in str(caught.value)
    assert without_login("https://x.example/simple") == ("https://x.example/simple", {})


async def test_a_big_page_is_read_as_well(index: Index) -> None:
    """Pages of many files do not stop anybody else, and are complete."""
    index.projects["big"] = [wheel("big", f"1.{n}") for n in range(900)]
    assert len(json.dumps(index.page("big"))) > 256 << 10
    async with source(index.url, cached=False) as pypi:
        assert versions(await pypi.releases(Component(name="big"))) == [f"1.{n}" for n in range(900)]


@pytest.mark.parametrize(
    "body", [b"{", b'{"files": 3}', b'{"files": [], "meta": {"api-version": "2.0"}}', b'{"name": "x"}']
)
def test_a_page_of_another_kind_is_refused(body: bytes) -> None:
    """Nothing is guessed out of what is no page of version 1."""
    with pytest.raises(Permanent):
        _simple.of_json(body, "x", "https://index.example/simple/x/")
    with pytest.raises(Permanent):
        _simple.of_html('<meta name="pypi:repository-version" content="2.0">', "x", "https://index.example/simple/x/")


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        ("my_app-1.0-py3-none-any.whl", "1.0"),
        ("My.App-1.0+local.1-1build-cp311-cp311-linux_x86_64.whl", "1.0+local.1"),
        ("my_app-1.0.post1-py3-none-any.whl", "1.0.post1"),
        ("my-app-1.0-2.tar.gz", "1.0-2"),
        ("my-app-1.0.zip", "1.0"),
        ("my-app-extra-1.0.tar.gz", None),
        ("my_app_extra-1.0-py3-none-any.whl", None),
        ("my-app-1.0.exe", None),
        ("my-app.tar.gz", None),
        ("my_app-1.0.whl", None),
    ],
)
def test_a_files_name_tells_its_version(filename: str, version: str | None) -> None:
    """Also where names and versions hold dashes; files of other projects are nobody's."""
    assert _simple.version_of(filename, "my-app") == version


def test_a_base_and_strange_times_are_understood() -> None:
    """A page's base counts for its links, and a time that is none is not known."""
    html = '<base href="https://files.example/d/"><a href="x-1.0.tar.gz#md5=1">x</a><a name="top">y</a>'
    (release,) = _simple.of_html(html, "x", "https://index.example/simple/x/")
    assert release.artifacts[0].url == "https://files.example/d/x-1.0.tar.gz"
    page = {
        "files": [
            {**sdist("x", "1"), "upload-time": "yesterday"},
            {**sdist("x", "2"), "upload-time": "2026-01-01T00:00:00"},
        ]
    }
    one, two = _simple.of_json(json.dumps(page).encode(), "x", "https://index.example/simple/x/")
    assert one.published is None and two.published == datetime(2026, 1, 1, tzinfo=UTC)
