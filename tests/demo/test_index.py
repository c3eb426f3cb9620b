"""Promises about the demo's package index: any installer and any bot can read it, and it never swaps a file."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import uv

from bot.demo import releases
from bot.demo.index import HTML, JSON, Index


@pytest.fixture
async def index():
    made = Index()
    await made.start()
    made.publish(releases.wheel_of(releases.FIRST))
    made.publish(releases.wheel_of(releases.PATCH))
    yield made
    await made.close()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_the_json_page_has_what_pep_691_and_700_ask_for(index, http):
    """Hash, size, time and Python version of every file, so that a client need not open one."""
    async with http.get(f"{index.url}/{releases.PROJECT}/", headers={"Accept": JSON}) as response:
        assert response.content_type == JSON
        page = await response.json(content_type=JSON)
    wheel = releases.wheel_of(releases.PATCH)
    file = page["files"][1]
    assert page["versions"] == [releases.FIRST, releases.PATCH]
    assert file["hashes"] == {"sha256": wheel.sha256}
    assert file["size"] == len(wheel.content)
    assert file["yanked"] is False
    uploaded = datetime.strptime(file["upload-time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - uploaded) < timedelta(minutes=1)


async def test_a_file_is_behind_its_link(index, http):
    """The address is relative to the page, as the standard lets it be."""
    async with http.get(f"{index.url}/{releases.PROJECT}/", headers={"Accept": JSON}) as response:
        link = response.url.join(type(response.url)((await response.json(content_type=JSON))["files"][0]["url"]))
    async with http.get(link) as response:
        assert await response.read() == releases.wheel_of(releases.FIRST).content


async def test_the_html_page_says_the_same(index, http):
    """For clients that know only PEP 503."""
    index.yank(releases.PROJECT, releases.FIRST, "greets <nobody>")
    async with http.get(f"{index.url}/{releases.PROJECT}/") as response:
        page = await response.text()
        assert response.content_type == HTML
    assert f"#sha256={releases.wheel_of(releases.PATCH).sha256}" in page
    assert 'data-yanked="greets &lt;nobody&gt;"' in page


async def test_the_front_page_lists_the_projects(index, http):
    """In both forms."""
    async with http.get(f"{index.url}/") as response:
        assert f'<a href="{releases.PROJECT}/">' in await response.text()
    async with http.get(f"{index.url}/", headers={"Accept": JSON}) as response:
        assert (await response.json(content_type=JSON))["projects"] == [{"name": releases.PROJECT}]


async def test_every_spelling_leads_to_the_project(index, http):
    """PEP 503 lets people write names as they like."""
    async with http.get(f"{index.url}/Surefoot_Demo.Greeter/") as response:
        assert response.status == 200
        assert str(response.url).endswith(f"/{releases.PROJECT}/")


async def test_what_is_not_here_is_a_404(index, http):
    """So that a client goes on to its next index."""
    for path in ("simple/pytest/", "files/pytest.whl"):
        async with http.get(f"{index.url.removesuffix('simple')}{path}") as response:
            assert response.status == 404


async def test_a_published_name_keeps_its_bytes(index):
    """A second upload under the same name is refused."""
    with pytest.raises(ValueError, match="already published"):
        index.publish(releases.wheel_of(releases.FIRST))
    with pytest.raises(KeyError):
        index.yank(releases.PROJECT, "9.9", "never was")


async def test_the_index_knows_how_often_it_was_asked(index, http):
    """That somebody looked again after a release can be told from the index itself."""
    before = index.asked[releases.PROJECT]
    async with http.get(f"{index.url}/{releases.PROJECT}/"):
        pass
    assert index.asked[releases.PROJECT] == before + 1


async def test_an_installer_chooses_the_newest_and_shuns_the_yanked(index):
    """uv reads the page and picks as a user expects."""
    assert await resolved(index) == f"{releases.PROJECT}=={releases.PATCH}"
    index.yank(releases.PROJECT, releases.PATCH, "no")
    assert await resolved(index) == f"{releases.PROJECT}=={releases.FIRST}"


async def resolved(index: Index) -> str:
    process = await asyncio.create_subprocess_exec(
        *(uv.find_uv_bin(), "pip", "compile", "-q", "--no-config", "--no-cache", "--no-header", "--no-annotate", "-"),
        *("--python", sys.executable, "--default-index", index.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate(releases.PROJECT.encode())
    return out.decode().strip()
