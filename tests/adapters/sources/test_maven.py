"""The source of Java artifacts: metadata lists, the POM and the checksum files beside it complete one version."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _poms
from bot.adapters.sources import maven as module
from bot.adapters.sources.maven import Maven
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])
LIB = Component(name="com.acme.tools:lib-core", ecosystem="maven")
FOLDER = "/m2/com/acme/tools/lib-core"
SHA256, SHA1 = "ab" * 32, "cd" * 20
BASIC = "Basic " + base64.b64encode(b"me:pass").decode()
POM = """<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <artifactId>lib-core</artifactId>{}<url> https://lib.example </url>
  <scm><connection>scm:git:x</connection><url>https://github.com/acme/lib/tree/main</url></scm>
</project>"""


@asynccontextmanager
async def source(*shelves: Shelf, cached: bool = False, **options: Any) -> AsyncIterator[Maven]:
    """A source over the repositories of these servers, in this order."""
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(PASS="pass"))
        yield open_one(sources, "maven", {"urls": [f"{shelf.url}/m2/" for shelf in shelves], **options}, tools)


def metadata(*versions: str, space: str = "") -> str:
    """A maven-metadata.xml (maven.apache.org, repository metadata model); some servers write its namespace."""
    listed = "".join(f"<version>{version}</version>" for version in versions)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><metadata{space}><groupId>com.acme.tools</groupId>'
        f"<artifactId>lib-core</artifactId><versioning><latest>2</latest><release>2</release><versions>{listed}</versions>"
        "<lastUpdated>20260102030405</lastUpdated></versioning></metadata>"
    )


def fill(shelf: Shelf, *versions: str, folder: str = FOLDER) -> None:
    shelf.pages[f"{folder}/maven-metadata.xml"] = metadata(*versions)


def pom(shelf: Shelf, version: str, inside: str = "", modified: str = "Fri, 02 Jan 2026 03:04:05 GMT") -> None:
    headers = {"Last-Modified": modified} if modified else {}
    text = POM.format(inside)
    place = f"{FOLDER}/{version}/lib-core-{version}.pom"
    shelf.pages[place] = lambda request: web.Response(text=text, content_type="text/xml", headers=headers)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


async def test_metadata_becomes_releases(shelf: Shelf) -> None:
    """One request, every version once; SNAPSHOTs are nobody's release, and what can be no folder has no files."""
    fill(shelf, "1.0", "1.1-SNAPSHOT", "1.1-rc-1", "1.0", "../../etc", "..", " 2.0 ", "", "1.2 beta", "33.0.0-jre")
    async with source(shelf) as maven:
        found = await maven.releases(LIB)
    assert [one.version for one in found] == ["1.0", "1.1-rc-1", "2.0", "33.0.0-jre"]
    assert all(one.partial and one.published is None and one.url is None for one in found)
    assert shelf.paths == [f"{FOLDER}/maven-metadata.xml"]


def test_a_namespace_changes_nothing() -> None:
    """Some servers write one."""
    body = metadata("1.0", space=' xmlns="http://maven.apache.org/METADATA/1.1.0"').encode()
    assert _poms.versions(body) == ("1.0",)


async def test_a_release_that_is_proposed_is_complete(shelf: Shelf) -> None:
    """Its main file, the best digest beside it, links, and the time if that is trusted."""
    fill(shelf, "1.0", "1.1")
    pom(shelf, "1.0")
    pom(shelf, "1.1", "<packaging>war</packaging>")
    shelf.pages[f"{FOLDER}/1.0/lib-core-1.0.jar.sha256"] = f"{SHA256.upper()}  lib-core-1.0.jar\n"
    shelf.pages[f"{FOLDER}/1.1/lib-core-1.1.war.sha256"] = "<html>"
    shelf.pages[f"{FOLDER}/1.1/lib-core-1.1.war.sha1"] = SHA1
    async with source(shelf, **{"trust-last-modified": True}) as maven:
        one, two = [await maven.detail(LIB, release) for release in await maven.releases(LIB)]
    assert one.published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) and not one.partial
    assert one.artifacts[0].url == f"{shelf.url}{FOLDER}/1.0/lib-core-1.0.jar"
    assert (one.artifacts[0].sha256, one.artifacts[0].checksum) == (SHA256, None)
    assert one.links == (
        ("repository", "https://github.com/acme/lib/tree/main"), ("homepage", "https://lib.example"),
    )  # fmt: skip
    assert (two.artifacts[0].filename, two.artifacts[0].checksum) == ("lib-core-1.1.war", f"sha1:{SHA1}")


@pytest.mark.parametrize(
    ("trusted", "central", "known"), [(None, True, True), (None, False, False), (False, True, False)]
)
async def test_a_time_counts_on_central_or_where_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch, shelf: Shelf, trusted: bool | None, central: bool, known: bool
) -> None:
    """Elsewhere Last-Modified may be what the uploader's own disk said."""
    if central:
        monkeypatch.setattr(module, "CENTRAL", f"{shelf.url}/m2")
    fill(shelf, "1.0")
    pom(shelf, "1.0")
    async with source(shelf, **{"trust-last-modified": trusted}) as maven:
        (one,) = await maven.releases(LIB)
        full = await maven.detail(LIB, one)
    assert (full.published is not None, full.artifacts[0].checksum) == (known, None)
    assert full.url == ("https://central.sonatype.com/artifact/com.acme.tools/lib-core/1.0" if central else None)


@pytest.mark.parametrize("modified", ["", "yesterday"])
async def test_a_server_may_tell_no_time(shelf: Shelf, modified: str) -> None:
    """Then it is not known."""
    fill(shelf, "1.0")
    pom(shelf, "1.0", modified=modified)
    async with source(shelf, **{"trust-last-modified": True}) as maven:
        (one,) = await maven.releases(LIB)
        assert (await maven.detail(LIB, one)).published is None


async def test_an_artifact_that_moved_is_deprecated(shelf: Shelf) -> None:
    """A relocation is the maker's word that another name should be used."""
    fill(shelf, "1.0", "2.0", "3.0")
    place = "<distributionManagement><relocation>{}</relocation></distributionManagement>"
    pom(shelf, "1.0", place.format("<groupId>org.acme</groupId><artifactId>lib</artifactId>"))
    pom(shelf, "2.0", place.format(""))
    pom(shelf, "3.0", "<packaging>pom</packaging>")
    async with source(shelf) as maven:
        one, two, three = [await maven.detail(LIB, release) for release in await maven.releases(LIB)]
    assert (one.deprecated, two.deprecated) == ("it has moved to org.acme:lib", "it has moved to elsewhere")
    assert (three.artifacts[0].filename, three.deprecated) == ("lib-core-3.0.pom", "")


async def test_a_file_without_a_pom(shelf: Shelf) -> None:
    """What was put there by hand has none: then the file itself must be there."""
    fill(shelf, "1.0", "2.0")
    jar = web.Response(headers={"Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"})
    shelf.pages[f"{FOLDER}/1.0/lib-core-1.0.jar"] = lambda request: jar
    async with source(shelf, **{"trust-last-modified": True}) as maven:
        one, two = await maven.releases(LIB)
        assert (await maven.detail(LIB, one)).published == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        with pytest.raises(Missing):
            await maven.detail(LIB, two)


async def test_ones_own_repository_counts_alone(shelf: Shelf) -> None:
    """A stranger who publishes higher versions of the same name elsewhere is not listened to, not even for a detail."""
    fill(shelf, "99.0", "1.0")
    pom(shelf, "1.0", "<packaging>war</packaging>")
    async with Shelf().running() as mine:
        fill(mine, "1.0")
        pom(mine, "1.0")
        async with source(mine, shelf) as maven:
            (one,) = await maven.releases(LIB)
            assert (await maven.detail(LIB, one)).artifacts[0].url.startswith(mine.url)
        async with source(mine, shelf) as maven:
            # A bot that was started anew knows the release from its own memory, and must look for the place first.
            assert (await maven.detail(LIB, one)).artifacts[0].url.startswith(mine.url)
            for status, error in ((503, Transient), (401, Refused)):
                mine.fail = status
                with pytest.raises(error):
                    await maven.releases(LIB)
            mine.fail = 404
            assert [release.version for release in await maven.releases(LIB)] == ["99.0", "1.0"]
            named = Component(name=LIB.name, ecosystem="maven", registry=f"{mine.url}/m2")
            with pytest.raises(Missing, match="knows no com"):
                await maven.releases(named)


async def test_a_plugin_may_be_named_without_its_group(shelf: Shelf) -> None:
    """Maven looks for it in its own two groups, in this order."""
    fill(shelf, "3.0", folder="/m2/org/codehaus/mojo/exec-maven-plugin")
    async with source(shelf) as maven:
        plugin = Component(name="exec-maven-plugin", ecosystem="maven")
        assert [one.version for one in await maven.releases(plugin)] == ["3.0"]
    assert shelf.paths[0] == "/m2/org/apache/maven/plugins/exec-maven-plugin/maven-metadata.xml"


async def test_a_login_goes_to_its_repository_alone(shelf: Shelf) -> None:
    """Neither to where it sends us, nor to a repository that a project's file names."""
    shelf.login = BASIC
    fill(shelf, "1.0")
    logins = {shelf.url.removeprefix("http://"): {"username": "me", "secret": "PASS"}}
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        fill(stranger, "6.6.6")
        async with source(shelf, logins=logins) as maven:
            (one,) = await maven.releases(LIB)
            shelf.pages[f"{FOLDER}/1.0/lib-core-1.0.jar"] = "x"
            assert not (await maven.detail(LIB, one)).partial
            shelf.pages[f"{FOLDER}/maven-metadata.xml"] = sends_to(f"{stranger.url}{FOLDER}/maven-metadata.xml")
            assert [release.version for release in await maven.releases(LIB)] == ["6.6.6"]
            named = Component(name=LIB.name, ecosystem="maven", registry=f"{stranger.url}/m2")
            assert [release.version for release in await maven.releases(named)] == ["6.6.6"]
        assert {asked.authorization for asked in stranger.seen} == {""}
    async with source(shelf) as maven:
        with pytest.raises(Refused):
            await maven.releases(LIB)


async def test_a_second_look_is_cheap(shelf: Shelf) -> None:
    """What did not change is neither sent nor read again."""
    fill(shelf, "1.0")
    async with source(shelf, cached=True) as maven:
        first = await maven.releases(LIB)
        assert await maven.releases(LIB) is first
    assert [one.status for one in shelf.seen] == [200, 304]


@pytest.mark.parametrize(
    "name",
    ["", ":", "a:", ":b", "../x:y", "a..b:c", "a:..", "a/b:c", "a:b:c?d", "a:b/c", "a:b\n", ".a:b", "a:b%2f", "é:x"],
)
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf) as maven:
        with pytest.raises(Missing, match="can be no artifact of Maven"):
            await maven.releases(Component(name=name, ecosystem="maven"))
    assert not shelf.seen


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><metadata>&b;</metadata>'


@pytest.mark.parametrize(
    "text", ["<html>", "", "{}", "<html/>", BOMB, '<!DOCTYPE x SYSTEM "file:///etc/passwd"><metadata/>']
)
async def test_what_is_no_metadata_is_said(shelf: Shelf, text: str) -> None:
    """Nothing is guessed, and no entity is ever unfolded."""
    shelf.pages[f"{FOLDER}/maven-metadata.xml"] = text
    async with source(shelf) as maven:
        with pytest.raises(Permanent, match=r"no maven-metadata\.xml of com\.acme\.tools:lib-core"):
            await maven.releases(LIB)


async def test_a_pom_that_cannot_be_read_says_nothing(shelf: Shelf) -> None:
    """Old ones are broken in many ways; the file is then a jar, as it mostly is."""
    fill(shelf, "1.0")
    shelf.pages[f"{FOLDER}/1.0/lib-core-1.0.pom"] = BOMB
    async with source(shelf) as maven:
        (one,) = await maven.releases(LIB)
        full = await maven.detail(LIB, one)
    assert (full.artifacts[0].filename, full.links) == ("lib-core-1.0.jar", ())


def test_options_that_contradict_each_other_are_refused() -> None:
    """One way to name repositories, and only URLs."""
    tools = Tools(http=Http())
    with pytest.raises(ConfigProblem, match="both url and urls"):
        open_one(sources, "maven", {"url": "https://a.example", "urls": ["https://b.example"]}, tools)
    with pytest.raises(ConfigProblem, match="maven"):
        open_one(sources, "maven", {"urls": ["nexus"]}, tools)
