"""The source of Java artifacts against a Maven repository as files behind a real nginx: as `mvn deploy` lays them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters import Tools, open_one, sources
from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Component, Kind, Release, Verdict
from bot.core.ports import Source
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.builders import lent
from tests.real.nginx import Server, nginx
from tests.real.serving import Bench, eventually, free_port

LIB = Component(name="com.acme.tools:lib-core", ecosystem="maven")
DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; each has a repository of its own in it."""
    with nginx(tmp_path_factory.mktemp("repositories")) as made:
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A Maven repository as a folder. sums: the kinds of checksum files that its uploader's program writes."""

    place: Path
    url: str
    group: str = "com.acme.tools"
    artifact: str = "lib-core"
    sums: Sequence[str] = ("md5", "sha1")

    @property
    def folder(self) -> Path:
        """Where the artifact's versions are."""
        return self.place / self.group.replace(".", "/") / self.artifact

    def deploy(
        self, version: str, at: datetime = FIRST, *, packaging: str = "jar", inside: str = "", end: str = "jar"
    ) -> Path:
        """Put one version there, as `mvn deploy` does, uploaded at this time; gives its main file."""
        main, pom = (self.folder / version / f"{self.artifact}-{version}.{one}" for one in (end, "pom"))
        main.parent.mkdir(parents=True)
        files = {main: f"the bytes of {self.artifact} {version}", pom: self.pom(version, packaging, inside)}
        for file, text in files.items():
            self.write(file, text, at)
        self.announce([*self.announced(), version], at)
        return main

    def write(self, file: Path, text: str, at: datetime) -> None:
        """A file and its checksums, with a time on the disk."""
        for one, content in {
            file: text,
            **{Path(f"{file}.{kind}"): hashlib.new(kind, text.encode()).hexdigest() for kind in self.sums},
        }.items():
            one.write_text(content)
            os.utime(one, (at.timestamp(), at.timestamp()))

    def pom(self, version: str, packaging: str, inside: str) -> str:
        """The smallest POM with links."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<project xmlns="http://maven.apache.org/POM/4.0.0">'
            f"<modelVersion>4.0.0</modelVersion><groupId>{self.group}</groupId><artifactId>{self.artifact}</artifactId>"
            f"<version>{version}</version><packaging>{packaging}</packaging>{inside}"
            "<scm><url>https://github.com/acme/lib</url></scm></project>\n"
        )

    def announced(self) -> list[str]:
        """The versions that its metadata lists by now."""
        there = self.folder / "maven-metadata.xml"
        return re.findall("<version>(.+?)</version>", there.read_text()) if there.exists() else []

    def announce(self, versions: Sequence[str], at: datetime) -> None:
        """Its metadata, as Maven writes it."""
        listed = "".join(f"      <version>{version}</version>\n" for version in versions)
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata>\n  <groupId>{self.group}</groupId>\n'
            f"  <artifactId>{self.artifact}</artifactId>\n  <versioning>\n    <latest>{versions[-1]}</latest>\n"
            f"    <release>{versions[-1]}</release>\n    <versions>\n{listed}    </versions>\n"
            f"    <lastUpdated>{at:%Y%m%d%H%M%S}</lastUpdated>\n  </versioning>\n</metadata>\n"
        )
        self.write(self.folder / "maven-metadata.xml", text, at)


def repository(server: Server, path: str, **more: object) -> Repository:
    return Repository(place=server.files / path, url=f"{server.url}/{path}", **more)  # type: ignore[arg-type]  # any field


@asynccontextmanager
async def source(*urls: str, cached: bool = False, **options: object) -> AsyncIterator[tuple[Source, Http]]:
    """Maven for an operator who named these repositories."""
    async with Http(Reach(trusted=["127.0.0.1"]), cache=Memory() if cached else None) as http:
        tools = Tools(http=http, secrets=lent(PASS="pass", WRONG="word"))
        yield open_one(sources, "maven", {"urls": list(urls), **options}, tools), http


async def whole(maven: Source, component: Component = LIB) -> dict[str, Release]:
    return {one.version: await maven.detail(component, one) for one in await maven.releases(component)}


async def test_a_repository_of_files_is_read(server: Server) -> None:
    """Versions by its metadata without SNAPSHOTs, digests as those of the files; the server's times only on trust."""
    old, new = repository(server, "read"), repository(server, "read", sums=("md5", "sha1", "sha256", "sha512"))
    files = {
        "1.0": old.deploy("1.0"),
        "1.1-beta-2": old.deploy("1.1-beta-2", FIRST + DAY),
        "1.1": new.deploy("1.1", FIRST + 2 * DAY),
    }
    old.deploy("1.2-SNAPSHOT", FIRST + 3 * DAY)
    async with source(old.url) as (maven, http):
        found = await whole(maven)
        assert list(found) == list(files)
        for version, file in files.items():
            (artifact,) = found[version].artifacts
            assert artifact.filename == file.name
            assert (await http.get(artifact.url)).body == file.read_bytes()
            kind, digest = ("sha256", artifact.sha256) if artifact.sha256 else (artifact.checksum or "").split(":")
            assert digest == hashlib.new(kind, file.read_bytes()).hexdigest()
    assert [bool(one.artifacts[0].sha256) for one in found.values()] == [False, False, True]
    assert all(one.published is None and not one.partial and not one.yanked for one in found.values())
    assert dict(found["1.0"].links)["repository"] == "https://github.com/acme/lib"
    async with source(old.url, **{"trust-last-modified": True}) as (maven, _):
        times = [one.published for one in (await whole(maven)).values()]
    assert times == [FIRST, FIRST + DAY, FIRST + 2 * DAY]


async def test_unchanged_files_are_not_sent_again(server: Server) -> None:
    """A second look is answered "not modified" for the list and for the POM, also where nginx compresses them."""
    mine = repository(server, "again")
    mine.deploy("1.0")
    place = "/again/com/acme/tools/lib-core/"
    detail = ["1.0/lib-core-1.0.pom", "1.0/lib-core-1.0.jar.sha256", "1.0/lib-core-1.0.jar.sha1"]
    async with source(mine.url, cached=True) as (maven, _):
        first = await maven.releases(LIB)
        assert await maven.releases(LIB) is first
        await eventually(lambda: server.asked(place), ["200 maven-metadata.xml", "304 maven-metadata.xml"])
        before = len(server.asked(place))
        one, other = [await maven.detail(LIB, first[0]) for _ in range(2)]
        assert one == other
        wanted = [f"{status} {file}" for said in ((200, 404, 200), (304, 404, 304))
                  for status, file in zip(said, detail, strict=True)]  # fmt: skip
        await eventually(lambda: server.asked(place)[before:], wanted)
        mine.deploy("1.1", FIRST + DAY)
        assert [one.version for one in await maven.releases(LIB)] == ["1.0", "1.1"]
    await eventually(lambda: server.asked(place)[-1], "200 maven-metadata.xml")


async def test_a_private_repository_needs_its_login(server: Server) -> None:
    """With the login of its host all is read; without, or with a wrong one, nothing is, and no secret is told."""
    mine = repository(server, "closed")
    file = mine.deploy("1.0")
    host = server.url.removeprefix("http://")
    async with source(mine.url, logins={host: {"username": "me", "secret": "PASS"}}) as (maven, _):
        found = await whole(maven)
    assert found["1.0"].artifacts[0].checksum == "sha1:" + hashlib.sha1(file.read_bytes()).hexdigest()
    for logins in ({}, {host: {"username": "me", "secret": "WRONG"}}, {"127.0.0.1": {"secret": "PASS"}}):
        async with source(mine.url, logins=logins) as (maven, _):
            with pytest.raises(Refused, match="401") as refused:
                await maven.releases(LIB)
            assert "word" not in str(refused.value)


async def test_what_a_version_is_follows_from_its_pom(server: Server) -> None:
    """A war is a war, what has moved says where to, and an old jar without a POM is a jar."""
    mine = repository(server, "kinds")
    inside = (
        "<distributionManagement><relocation><artifactId>lib-next</artifactId></relocation></distributionManagement>"
    )
    war = mine.deploy("1.0", packaging="war", end="war")
    mine.deploy("1.1", packaging="pom", inside=inside, end="pom")
    bare = mine.deploy("0.9", FIRST + DAY)
    for file in bare.parent.glob("*.pom*"):
        file.unlink()
    async with source(mine.url, **{"trust-last-modified": True}) as (maven, _):
        found = await whole(maven)
    assert [one.artifacts[0].filename for one in found.values()] == [war.name, "lib-core-1.1.pom", bare.name]
    assert found["1.1"].deprecated == "it has moved to lib-next" and not found["1.0"].deprecated
    assert found["0.9"].published == FIRST + DAY, "the time of its jar"
    assert found["0.9"].artifacts[0].checksum == "sha1:" + hashlib.sha1(bare.read_bytes()).hexdigest()


async def test_the_first_repository_that_knows_a_name_is_the_only_one(server: Server) -> None:
    """Nobody can publish a higher version of it in a later one; and when the first is away, nothing is known."""
    ours, theirs = repository(server, "ours"), repository(server, "theirs")
    ours.deploy("1.0")
    theirs.deploy("99.0")
    tool = repository(server, "theirs", artifact="tool")
    tool.deploy("5.0")
    async with source(ours.url, theirs.url) as (maven, _):
        assert list(await whole(maven)) == ["1.0"]
        assert list(await whole(maven, Component(name="com.acme.tools:tool", ecosystem="maven"))) == ["5.0"]
    away = f"http://127.0.0.1:{free_port()}/ours"
    async with source(away, theirs.url) as (maven, _):
        with pytest.raises(Transient, match="cannot be reached"):
            await maven.releases(LIB)
    async with source(f"{server.url}/portal", theirs.url) as (maven, _):
        with pytest.raises(Permanent, match=r"sends no maven-metadata\.xml of com\.acme\.tools:lib-core"):
            await maven.releases(LIB)


async def test_what_no_repository_knows_is_missing(server: Server) -> None:
    """A name that can be none is not even asked for; a repository that a file names is asked instead of ours."""
    mine = repository(server, "missing")
    mine.deploy("1.0")
    async with source(f"{server.url}/nothing") as (maven, _):
        with pytest.raises(Missing, match=r"knows no com\.acme\.tools:lib-core"):
            await maven.releases(LIB)
        named = Component(name=LIB.name, ecosystem="maven", registry=f"{mine.url}/")
        assert list(await whole(maven, named)) == ["1.0"]
        before = server.log.read_text()
        for name in ("..:..", "com.acme/../..:x", "com.acme:a?b", "a:b\r\nHost: x", "com.acme:", ":x", ""):
            with pytest.raises(Missing, match="can be no artifact of Maven"):
                await maven.releases(Component(name=name, ecosystem="maven"))
        assert server.log.read_text() == before


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_answer_waits_for_three_days(server: Server, tmp_path: Path, trusted: bool) -> None:
    """Since the upload where the web server's times are trusted, else since the first look; the newest then comes."""
    mine = repository(server, f"answers-{trusted}")
    mine.deploy("1.0")
    uploaded = FIRST + 30 * DAY
    mine.deploy("1.1", uploaded)
    mine.deploy("1.2-rc1", uploaded)
    looked = uploaded + timedelta(hours=5)
    began = uploaded if trusted else looked
    async with source(mine.url, **{"trust-last-modified": trusted}) as (maven, _):
        bench = Bench(component=LIB, source=maven, seen=tmp_path / "seen", manifest="pom", version="1.0")
        (held,) = await bench.answers(looked)
        (free,) = await bench.answers(began + 3 * DAY)
    assert (held.verdict, held.held_until) == (Verdict.HOLD, began + 3 * DAY)
    assert free.target is not None
    assert (free.verdict, free.target.version, free.kind) == (Verdict.APPROVE, "1.1", Kind.MINOR)
    assert free.target.artifacts[0].checksum is not None
