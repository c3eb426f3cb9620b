"""The source of Go modules: proxies by Go's rules, retractions, and no date that a publisher could have set."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _goenv, _gomod
from bot.adapters.sources import go as module
from bot.adapters.sources._goenv import GoSettings, go_settings
from bot.adapters.sources.go import Go, escaped, majors_after
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Trust
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
PATH = "/example.com/!acme/box"
BOX = Component(name="example.com/Acme/box", ecosystem="golang")
MOD = "module example.com/Acme/box\n\ngo 1.22\n"


@asynccontextmanager
async def source(proxy: str, *, private: str = "", cached: bool = False, **more: Any) -> AsyncIterator[Go]:
    """A source on a machine with this GOPROXY."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        yield Go(http, settings=lambda: GoSettings(proxy=proxy, private=private), **more)


def fill(shelf: Shelf, *listed: str, mod: str = MOD, of: str = "") -> None:
    """A module with these versions, the newest of which has this go.mod."""
    shelf.pages[f"{PATH}/@v/list"] = "".join(f"{version}\n" for version in listed)
    shelf.pages[f"{PATH}/@v/{of or listed[-1]}.mod"] = mod


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


def said(releases: Any) -> list[str]:
    return [release.version for release in releases]


async def test_a_list_becomes_releases(shelf: Shelf) -> None:
    """In the order of versions, however the proxy lists them; commits and other paths' majors are no releases of it."""
    fill(
        shelf, "v1.10.0", "v1.9.0", "v1.11.0-rc.1", "v0.1.0", "v2.0.0", "v1.9.1-0.20260102030405-abcdefabcdef", "junk",
        of="v1.10.0",
    )  # fmt: skip
    async with source(shelf.url) as go:
        found = await go.releases(BOX)
    assert said(found) == ["v0.1.0", "v1.9.0", "v1.10.0", "v1.11.0-rc.1"]
    assert found[0].published is None and found[0].partial and found[0].trust == Trust() and found[0].url is None
    assert found[0].artifacts[0].url == f"{shelf.url}{PATH}/@v/v0.1.0.zip"
    assert shelf.paths == [f"{PATH}/@v/list", f"{PATH}/@v/v1.10.0.mod"]


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """An unchanged list costs a 304 and nothing else; a go.mod is never asked for twice."""
    fill(shelf, "v1.0.0")
    async with source(shelf.url, cached=True) as go:
        first = await go.releases(BOX)
        assert await go.releases(BOX) is first
        fill(shelf, "v1.0.0", "v1.1.0-rc.1", of="v1.0.0")
        assert said(await go.releases(BOX)) == ["v1.0.0", "v1.1.0-rc.1"]
    assert [asked.status for asked in shelf.seen] == [200, 200, 304, 200]


async def test_retracted_and_deprecated_are_told(shelf: Shelf) -> None:
    """What the newest go.mod takes back is withdrawn, itself too, with its maker's reason."""
    mod = """// Deprecated: use example.com/other
// instead.
module example.com/Acme/box

go 1.22

// A comment of nobody.

retract v1.0.0 // Published by accident.

retract (
	// Broken on Windows.
	[v1.1.0, v1.1.9]
	v1.3.0 // Only retracts.
	v9.bad
	[v1.0.0, v2
)

require example.com/x v1.2.0 // not about us
"""
    fill(shelf, "v1.0.0", "v1.0.1", "v1.1.0", "v1.1.9", "v1.2.0", "v1.3.0", mod=mod)
    async with source(shelf.url) as go:
        found = {one.version: one for one in await go.releases(BOX)}
    assert {version: one.yanked_reason for version, one in found.items() if one.yanked} == {
        "v1.0.0": "Published by accident.", "v1.1.0": "Broken on Windows.", "v1.1.9": "Broken on Windows.",
        "v1.3.0": "Only retracts.",
    }  # fmt: skip
    assert {one.deprecated for one in found.values()} == {"use example.com/other instead."}


@pytest.mark.parametrize(
    ("text", "deprecated", "why"),
    [
        ("module a.b/c // Deprecated: no", "no", None),
        ("// Deprecated:\nmodule a.b/c", "deprecated", None),
        ("// Deprecated: no\n\nmodule a.b/c", "", None),
        ("// We say:\n//\n// Deprecated: yes.\n//\n// More.\nmodule a.b/c", "yes.", None),
        ("// deprecated: no\nmodule a.b/c", "", None),
        ("// Deprecated: this line\ngo 1.22\nmodule a.b/c", "", None),
        ("// all of it\nretract (\n  v1.0.0\n)", "", "all of it"),
        ("retract \"v1.0.0\"", "", ""),
        ("retract v1", "", ""),
        ("retract [ v0.9.0 ,v1.0.0 ] // a // b", "", "a // b"),
        ("retract v1.0.0,", "", None),
        ("retract", "", None),
        ("exclude v1.0.0 // x", "", None),
    ],
)  # fmt: skip
def test_a_go_mod_is_read_as_go_reads_it(text: str, deprecated: str, why: str | None) -> None:
    """Comments belong to the line they stand on or the next one; what is not understood is passed over."""
    mod = _gomod.read(text, "a.b/c")
    assert (mod.deprecated, mod.retracted("v1.0.0")) == (deprecated, why)
    assert mod.retracted("no version") is None


@given(st.text('modulertc v1.0,[]()/\n\t"D:', max_size=80))
def test_no_go_mod_stops_us(text: str) -> None:
    """A stranger's file can be anything."""
    _gomod.read(text, "a.b/c").retracted("v1.0.0")


async def test_incompatible_versions_end_where_a_go_mod_begins(shelf: Shelf) -> None:
    """As Go decides: v2.0.0+incompatible counts only while the newest v1 has no go.mod of its own."""
    listed = ("v2.0.0+incompatible", "v1.5.0", "v1.4.0")
    fill(shelf, *listed, mod="module example.com/Acme/box\n", of="v1.5.0")
    async with source(shelf.url) as go:
        assert said(await go.releases(BOX)) == ["v1.4.0", "v1.5.0", "v2.0.0+incompatible"]
    fill(shelf, *listed, of="v1.5.0")
    async with source(shelf.url) as go:
        assert said(await go.releases(BOX)) == ["v1.4.0", "v1.5.0"]
    shelf.seen.clear()
    fill(shelf, "v2.0.0+incompatible")
    async with source(shelf.url) as go:
        assert said(await go.releases(BOX)) == ["v2.0.0+incompatible"]
    assert shelf.paths == [f"{PATH}/@v/list"]


async def test_a_module_without_versions_has_its_newest_commit(shelf: Shelf) -> None:
    """Then the proxy says which, and each look asks it anew."""
    commit = "v0.0.0-20260102030405-abcdefabcdef"
    shelf.pages[f"{PATH}/@v/list"] = ""
    shelf.pages[f"{PATH}/@latest"] = {"Version": commit, "Time": "2026-01-02T03:04:05Z"}
    shelf.pages[f"{PATH}/@v/{commit}.mod"] = MOD
    async with source(shelf.url) as go:
        assert said(await go.releases(BOX)) == [commit]
        shelf.pages[f"{PATH}/@latest"] = {"Version": "v0.0.0-20260202030405-abcdefabcdef"}
        with pytest.raises(Missing):
            await go.releases(BOX)


async def test_the_detail_tells_the_commit_and_no_time(shelf: Shelf) -> None:
    """Whoever commits sets the commit's time, so it counts only where the operator takes it."""
    fill(shelf, "v1.0.0")
    origin = {"VCS": "git", "URL": "https://github.com/acme/box.git", "Hash": "a" * 40, "Ref": "refs/tags/v1.0.0"}
    shelf.pages[f"{PATH}/@v/v1.0.0.info"] = {"Version": "v1.0.0", "Time": "2026-01-02T03:04:05Z", "Origin": origin}
    async with source(shelf.url) as go:
        (one,) = await go.releases(BOX)
        whole = await go.detail(BOX, one)
    assert (whole.published, whole.digest, whole.partial) == (None, "a" * 40, False)
    assert whole.links == (("repository", "https://github.com/acme/box"),)
    async with source(shelf.url, commit_times=True) as go:
        whole = await go.detail(BOX, one)
        assert whole.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        shelf.pages[f"{PATH}/@v/v1.0.0.info"] = {"Version": "v1.0.0", "Time": "yesterday"}
        whole = await go.detail(BOX, one)
        assert (whole.published, whole.digest, whole.links) == (None, "", ())
        shelf.pages[f"{PATH}/@v/v1.0.0.info"] = []
        with pytest.raises(Permanent, match=r"no info of example\.com/Acme/box"):
            await go.detail(BOX, one)


async def test_a_newer_major_is_a_hint(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is another module, so the list has none of it, and the public proxy tells where it is."""
    monkeypatch.setattr(module, "PUBLIC", shelf.url)
    fill(shelf, "v1.0.0")
    shelf.pages[f"{PATH}/@v/v1.0.0.info"] = {"Version": "v1.0.0"}
    for major in (2, 3, 5):
        shelf.pages[f"{PATH}/v{major}/@latest"] = {"Version": f"v{major}.0.0"}
    async with source(f"{shelf.url},direct") as go:
        (one,) = await go.releases(BOX)
        assert one.url == "https://pkg.go.dev/example.com/Acme/box@v1.0.0"
        assert (await go.detail(BOX, one)).links == (("newer major", "https://pkg.go.dev/example.com/Acme/box/v3"),)
        shelf.pages[f"{PATH}/v2/@latest"] = lambda request: web.Response(status=500)
        assert (await go.detail(BOX, one)).links == ()


async def test_proxies_are_asked_by_gos_rules(shelf: Shelf) -> None:
    """After a comma only when the one before does not know the module, after a bar whatever went wrong there."""
    fill(shelf, "v1.0.0")
    async with Shelf().running() as other:
        async with source(f"{other.url},{shelf.url},direct") as go:
            assert said(await go.releases(BOX)) == ["v1.0.0"]
            other.fail = 500
            with pytest.raises(Transient):
                await go.releases(BOX)
        async with source(f" {other.url} | {shelf.url}") as go:
            assert said(await go.releases(BOX)) == ["v1.0.0"]
        async with source(f"{other.url}|{shelf.url}/nothing") as go:
            # That one is away must not look as if nobody knew it.
            with pytest.raises(Transient):
                await go.releases(BOX)
        async with source(f"{shelf.url}/nothing,{shelf.url}/none") as go:
            with pytest.raises(Missing, match="404"):
                await go.releases(BOX)
    async with source("off") as go:
        with pytest.raises(Refused, match="GOPROXY is off"):
            await go.releases(BOX)
    for nobody in ("direct", f"direct,{shelf.url}", ""):
        async with source(nobody) as go:
            with pytest.raises(Missing, match="no proxy of GOPROXY knows"):
                await go.releases(BOX)
    assert [one.place.url for one in module._of_goproxy("goproxy.example|https://b.example/x/,off")] == [
        "https://goproxy.example", "https://b.example/x",
    ]  # fmt: skip


async def test_private_modules_are_not_asked_of_proxies(shelf: Shelf) -> None:
    """A name that GOPRIVATE keeps does not leave the machine, but for a proxy that was named for it."""
    fill(shelf, "v1.0.0")
    async with source(shelf.url, private="other.example,*.com/Acme") as go:
        with pytest.raises(Permanent, match="private by GONOPROXY"):
            await go.releases(BOX)
        assert not shelf.seen
        named = Component(name=BOX.name, ecosystem="golang", registry=shelf.url)
        assert said(await go.releases(named)) == ["v1.0.0"]


@pytest.mark.parametrize(
    ("pattern", "private"),
    [
        ("example.com", True), ("*.com", True), ("example.com/Acme/", True), ("example.com/*/box", True),
        ("example.com/Acme/box/deep", False), ("example", False), ("ample.com", False), ("example.com/acme", False),
        ("", False), (",,", False), ("none", False), ("a.b, example.com", True), ("example.com/[^B]cme", True),
        ("example.com/[^A]cme", False),
    ],
)  # fmt: skip
def test_patterns_match_as_in_go(pattern: str, private: bool) -> None:
    """The first elements of a path, element by element."""
    assert GoSettings(private=pattern).is_private(BOX.name) == private


def test_go_itself_says_which_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment over the file of `go env -w`, and Go's default where neither says anything."""
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "env").write_text("# by go env -w\nGOPROXY=https://file.example\nGOPRIVATE=a.example\nodd\n")
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert go_settings(home) == GoSettings(proxy="https://file.example", private="a.example")
    more = {**home, "GOPROXY": "https://env.example", "GONOPROXY": "none"}
    assert go_settings(more) == GoSettings(proxy="https://env.example", private="none")
    assert go_settings({**home, "GOENV": "off"}) == GoSettings(proxy=_goenv.DEFAULT, private="")
    assert go_settings({"HOME": str(tmp_path / "nobody")}) == GoSettings()
    assert go_settings({"GOENV": str(tmp_path / "go" / "env")}).proxy == "https://file.example"
    with pytest.raises(ConfigProblem, match="cannot be read"):
        go_settings({"GOENV": str(tmp_path)})
    for platform, folder in (("darwin", ("Library", "Application Support")), ("win32", ("AppData", "Roaming"))):
        monkeypatch.setattr("sys.platform", platform)
        place = tmp_path.joinpath(platform, *folder, "go")
        place.mkdir(parents=True)
        (place / "env").write_text(f"GOPROXY=https://{platform}.example\n")
        assert go_settings({"HOME": str(tmp_path / platform)}).proxy == f"https://{platform}.example"
    monkeypatch.setenv("GOPROXY", "https://process.example")
    assert go_settings().proxy == "https://process.example"


async def test_a_login_goes_to_its_proxy_alone(shelf: Shelf) -> None:
    """Of the options or out of GOPROXY; not to where the proxy sends us, and into no release."""
    fill(shelf, "v1.0.0")
    shelf.login = "Basic " + base64.b64encode(b"me:pa ss").decode()
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        fill(stranger, "v6.6.6", of="v6.6.6")
        fill(stranger, "v1.6.6")
        async with source(f"{stranger.url}/none,{shelf.url.replace('//', '//me:pa%20ss@')}") as go:
            (one,) = await go.releases(BOX)
            assert "pa" not in str(one.artifacts)
        async with Http(TRUSTED) as http:
            tools = Tools(http=http, secrets=lent(PAIR="me:pa ss", ONE="tok3n"))
            go = open_one(sources, "go", {"url": f"{shelf.url}/", "token": "PAIR"}, tools)
            assert said(await go.releases(BOX)) == ["v1.0.0"]
            shelf.pages[f"{PATH}/@v/list"] = sends_to(f"{stranger.url}{PATH}/@v/list")
            shelf.pages[f"{PATH}/@v/v1.6.6.mod"] = MOD
            assert said(await go.releases(BOX)) == ["v1.6.6"]
            same = Component(name=BOX.name, ecosystem="golang", registry=shelf.url)
            assert said(await go.releases(same)) == ["v1.6.6"]
            shelf.login = "Bearer tok3n"
            go = open_one(sources, "go", {"url": shelf.url, "token": "ONE", "commit_times": True}, tools)
            assert said(await go.releases(BOX)) == ["v1.6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf.url) as go:
        with pytest.raises(Refused):
            await go.releases(BOX)


@pytest.mark.parametrize(
    "name",
    ["../x", "box", "a.com/../x", "a.com/a..b", "a.com//x", "a.com/x/", "", "-a.com/x", "a.com/x y", "A.com/x",
     "a.com/é", "a.com/x\n", "a.com/.git", "a.com/x.", "a.com/x?y", "a.com/!a", "a.com/" + "x" * 300],
)  # fmt: skip
async def test_what_can_be_no_path_is_never_asked(shelf: Shelf, name: str) -> None:
    """Paths come out of strangers' files and go into URLs."""
    async with source(shelf.url) as go:
        with pytest.raises(Missing, match="can be no Go module's path"):
            await go.releases(Component(name=name, ecosystem="golang"))
    assert not shelf.seen


async def test_what_is_no_list_is_said(shelf: Shelf) -> None:
    """A page for people is not taken for an empty list."""
    shelf.pages[f"{PATH}/@v/list"] = "<html>not a proxy</html>"
    async with source(shelf.url) as go:
        with pytest.raises(Permanent, match=r"no list of versions for example\.com/Acme/box"):
            await go.releases(BOX)


def test_paths_are_written_as_proxies_have_them() -> None:
    """Capitals become `!` and the small letter; major versions have places of their own."""
    assert escaped("github.com/Azure/azure-sdk-for-go") == "github.com/!azure/azure-sdk-for-go"
    assert escaped("v1.0.0-RC.1+incompatible") == "v1.0.0-!r!c.1+incompatible"
    assert majors_after("a.b/c")[:2] == ["a.b/c/v2", "a.b/c/v3"]
    assert majors_after("a.b/c/v9")[0] == "a.b/c/v10"
    assert majors_after("gopkg.in/yaml.v2")[0] == "gopkg.in/yaml.v3"
    assert [module._is_of(one, 2) for one in ("v2.0.0", "v1.0.0")] == [True, False]
