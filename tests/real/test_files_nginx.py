"""The source of plain files against a real nginx that lists its folder, in HTML and in JSON."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters import Tools, open_one, sources
from bot.core.errors import Missing
from bot.core.model import Component
from bot.core.ports import Source
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.real.nginx import Server, nginx
from tests.real.serving import eventually

FIRST = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)  # a listing tells no seconds in HTML
DAY = timedelta(days=1)
TOOL = Component(name="tool", ecosystem="files")
FILES = {
    "tool-1.0.tar.gz": FIRST,
    "tool-1.0-x86_64-unknown-linux-musl-static-full-dist.tar.gz": FIRST + DAY,
    "tool-1.1+linux.tar.gz": FIRST + 2 * DAY,
    "tool-1.1+linux.tar.gz.sha512": FIRST + 2 * DAY,
    "tool-2.0-rc.1.zip": FIRST + 3 * DAY,
    "other-9.0.tar.gz": FIRST,
}
KINDS = pytest.mark.parametrize("kind", ["dist", "json"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests, with the files of two projects."""
    with nginx(tmp_path_factory.mktemp("files")) as made:
        folder = made.files / "dist"
        for name, at in FILES.items():
            put(folder / name, f"the bytes of {name}", at)
        put(
            folder / "tool-1.1+linux.tar.gz.sha512",
            f"{digest(folder / 'tool-1.1+linux.tar.gz', 'sha512')}\n",
            FIRST,
        )
        lines = [f"{digest(one)}  {one.name}\n" for one in sorted(folder.glob("tool-1.0*"))]
        put(folder / "SHA256SUMS.txt", "".join(lines), FIRST)
        yield made


def put(file: Path, text: str, at: datetime) -> None:
    file.write_text(text)
    os.utime(file, (at.timestamp(), at.timestamp()))


def digest(file: Path, kind: str = "sha256") -> str:
    return hashlib.new(kind, file.read_bytes()).hexdigest()


@asynccontextmanager
async def source(url: str, **options: object) -> AsyncIterator[tuple[Source, Http]]:
    """Plain files for an operator who named this folder."""
    async with Http(Reach(trusted=["127.0.0.1"]), cache=Memory()) as http:
        yield open_one(sources, "files", {"url": url, **options}, Tools(http=http)), http


@KINDS
async def test_a_folder_is_read(server: Server, kind: str) -> None:
    """Versions by the files' names, digests as those of the files, times only on trust; the links lead to the files."""
    async with source(f"{server.url}/{kind}", **{"trust-times": True}) as (files, http):
        found = {one.version: await files.detail(TOOL, one) for one in await files.releases(TOOL)}
        artifacts = [artifact for one in found.values() for artifact in one.artifacts]
        for artifact in artifacts:
            there = server.files / "dist" / artifact.filename
            assert (await http.get(artifact.url)).body == there.read_bytes()
            algorithm, _, said = (
                f"sha256:{artifact.sha256}" if artifact.sha256 else artifact.checksum or ""
            ).partition(":")
            assert said == (digest(there, algorithm) if algorithm else "")
            assert artifact.size in (None, there.stat().st_size)
        assert [bool(one.sha256) for one in artifacts] == [True, True, False, False]
    assert {one.filename for one in artifacts} == {
        name for name in FILES if name.startswith("tool") and "sha" not in name
    }
    assert {version: one.published for version, one in found.items()} == {
        "1.0": FIRST + DAY, "1.1": FIRST + 2 * DAY, "2.0-rc.1": FIRST + 3 * DAY,
    }  # fmt: skip
    async with source(f"{server.url}/{kind}") as (files, _):
        assert [one.published for one in await files.releases(TOOL)] == [None] * 3
        with pytest.raises(Missing, match="no files of unheard-of"):
            await files.releases(Component(name="unheard-of", ecosystem="files"))


@KINDS
async def test_an_unchanged_listing_is_not_read_again(server: Server, kind: str) -> None:
    """A listing has no validator, so it is sent again, and its digest tells; a new file is seen at the next look."""
    before = len(server.asked(f"/{kind}/"))
    async with source(f"{server.url}/{kind}") as (files, _):
        first = await files.releases(TOOL)
        assert await files.releases(TOOL) is first
        await eventually(lambda: server.asked(f"/{kind}/")[before:], ["200 ", "200 "])
        fresh = server.files / "dist/tool-3.0.zip"
        put(fresh, "new", FIRST)
        assert "3.0" in {one.version for one in await files.releases(TOOL)}
        fresh.unlink()
        assert await files.releases(TOOL) == first
