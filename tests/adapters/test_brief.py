"""Lists in brief: enough to decide by, small to hold, and whole as soon as anybody wants the rest."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, listing, open_one, sources
from bot.adapters.listing import Shelf
from bot.adapters.poller import Poller
from bot.adapters.sources import _packument, _simple
from bot.adapters.sources.npm import Npm
from bot.adapters.sources.pypi import PyPI
from bot.core.choice import Choice, choose
from bot.core.errors import Missing
from bot.core.model import Component, Pin, Release
from bot.core.objections import Rules
from bot.core.survey import Group
from bot.tools.cache import Cache, Folder, Memory
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from bot.tools.sightings import FolderSightings
from tests.adapters.index_server import Index, sdist, wheel
from tests.adapters.sources.npm_registry import attestations, document, put, trusted, version
from tests.adapters.sources.shelf import Shelf as Registry

TRUSTED = Reach(trusted=["127.0.0.1"])
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BIG, PAD = Component(name="big"), Component(name="pad", ecosystem="npm")


@asynccontextmanager
async def pypi(*urls: str, cache: Cache | None = None, **settings: Any) -> AsyncIterator[PyPI]:
    index = IndexSettings(index_url=urls[0], extra=urls[1:], **settings)
    async with Http(TRUSTED, cache=cache or Memory()) as http:
        yield open_one(sources, "pypi", {}, Tools(http=http, index=lambda: index))


@asynccontextmanager
async def npm(registry: str, cache: Cache | None = None) -> AsyncIterator[Npm]:
    known = NpmSettings(registry=registry)
    async with Http(TRUSTED, cache=cache or Memory()) as http:
        yield Npm(http, {}, settings=lambda: known)


def many(python: str = ">=3.9") -> list[dict[str, Any]]:
    """A hundred and twenty versions of four files in two majors; the newest of all is withdrawn."""
    files = []
    for major in (1, 2):
        for minor in range(60):
            number, old = f"{major}.{minor}", minor < 30
            last = (major, minor) == (2, 59)
            more = {"requires-python": ">=3.7" if old else python, "yanked": "broken" if last else False}
            files += [
                wheel("big", number, filename=f"big-{number}-cp313-cp313-win32.whl", **more),
                wheel("big", number, filename=f"big-{number}-cp312-cp312-win32.whl", **more),
                sdist("big", number, **{**more, "requires-python": ">=3.6"}),
                wheel("big", number, **more),
            ]
    return files


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    async with Index(projects={"big": many()}).running() as made:
        yield made


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with Registry().running() as made:
        yield made


def without_files(release: Release) -> tuple[object, ...]:
    demands = list(dict.fromkeys(file.requires_python for file in release.artifacts))
    return release.version, release.published, release.yanked, release.yanked_reason, demands


async def test_only_what_updates_lead_to_has_all_its_files(index: Index) -> None:
    """The newest sound releases of each major version are whole; of the others, every demand on Python is known."""
    async with pypi(index.url) as source:
        brief = await source.brief(BIG)
        whole = await source.releases(BIG)
    assert [one.version for one in brief if not one.partial] == ["1.58", "1.59", "2.57", "2.58"]
    assert list(map(without_files, brief)) == list(map(without_files, whole))
    assert [one for one in brief if not one.partial] == [whole[n] for n in (58, 59, 117, 118)]


async def test_the_rest_is_there_when_it_is_wanted(index: Index) -> None:
    """A release that was listed in brief gets all its files; one that was taken back meanwhile is missing."""
    async with pypi(index.url) as source:
        brief = await source.brief(BIG)
        full = await source.detail(BIG, brief[3])
        assert [file.filename for file in full.artifacts] == [
            "big-1.3-cp313-cp313-win32.whl", "big-1.3-cp312-cp312-win32.whl", "big-1.3.tar.gz",
            "big-1.3-py3-none-any.whl",
        ]  # fmt: skip
        assert not full.partial and await source.detail(BIG, full) is full
        del index.projects["big"][:40]
        with pytest.raises(Missing, match=r"lists big 1\.3 any longer"):
            await source.detail(BIG, brief[3])


async def test_a_second_look_at_a_big_page_reads_no_page(index: Index, tmp_path: Path) -> None:
    """Also by a later process, and what lies on the disk meanwhile is no page."""
    folder = tmp_path / "c"
    async with pypi(index.url, cache=Folder(folder)) as source:
        first = await source.brief(BIG)
    async with pypi(index.url, cache=Folder(folder)) as source:
        assert await source.brief(BIG) == first
        index.projects["big"].append(wheel("big", "3.0"))
        assert (await source.brief(BIG))[-1].version == "3.0"
    assert [status for _, status in index.seen] == [200, 304, 200]
    (file,) = folder.iterdir()
    assert b"core-metadata" not in file.read_bytes()


async def test_a_small_page_is_whole(index: Index) -> None:
    """Where there is little to leave out, nothing is."""
    index.projects["big"] = index.projects["big"][:90]
    async with pypi(index.url) as source:
        assert await source.brief(BIG) == await source.releases(BIG)


async def test_several_indexes_are_compared_file_by_file(index: Index, tmp_path: Path) -> None:
    """A stranger's project of the same name is told by its files, so there the list is whole."""
    stranger = Index(projects={"big": [wheel("big", "99.0")]})
    async with stranger.running(), pypi(stranger.url, index.url) as source:
        assert await source.brief(BIG) == await source.releases(BIG)
        assert "99.0" not in {one.version for one in await source.brief(BIG)}
    (tmp_path / "only_links-1.0-py3-none-any.whl").write_text("")
    async with pypi(index.url, find_links=(str(tmp_path),)) as source:
        assert [one.version for one in await source.brief(Component(name="only-links"))] == ["1.0"]


async def test_a_name_that_is_not_there_costs_one_request(index: Index) -> None:
    """Asked for in brief as for the whole, with the same words."""
    async with pypi(index.url) as source:
        with pytest.raises(Missing, match="no index that pip uses here knows absent"):
            await source.brief(Component(name="absent"))
        assert len(index.seen) == 1
        with pytest.raises(Missing, match="can be no package's name"):
            await source.brief(Component(name="../x"))
    assert len(index.seen) == 1


FILES = st.lists(
    st.builds(
        lambda number, kind, python, yanked, when: {
            **(wheel if kind else sdist)("big", number, yanked=yanked),
            "requires-python": python,
            "upload-time": when,
        },
        st.from_regex(r"[0-3]\.[0-9](\.0|rc1)?", fullmatch=True),
        st.booleans(),
        st.sampled_from([None, "", ">=3.8", ">=3.9"]),
        st.sampled_from([False, False, True, "broken"]),
        st.sampled_from(
            [None, "soon", "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z", "2025-01-02T03:04:05.5+02:00"]
        ),
    ),
    max_size=160,
)


@given(FILES, st.integers(0, 3))
def test_brief_and_whole_never_contradict_each_other(files: list[dict[str, Any]], times: int) -> None:
    """Whatever is on a page, both readings name the same releases, times, withdrawals and demands on Python."""
    body = json.dumps({"files": files * (times + 1), "meta": {"api-version": "1.0"}}).encode()
    brief = _simple.of_json(body, "big", "https://index.example/simple/big/", brief=True)
    whole = _simple.of_json(body, "big", "https://index.example/simple/big/")
    assert list(map(without_files, brief)) == list(map(without_files, whole))
    for short, full in zip(brief, whole, strict=True):
        assert short == full if not short.partial else set(short.artifacts) <= set(full.artifacts)


async def answers(
    source: PyPI | Npm, component: Component, pinned: str, folder: Path, **rules: Any
) -> Sequence[Choice]:
    """What a repository that pins this version is told."""
    pin = Pin(path="f", line=1, column=1, manifest="requirements", component=component, requirement=f"=={pinned}",
              version=pinned)  # fmt: skip
    look = partial(choose, (pin,), now=NOW, rules=Rules(minimum_age=timedelta(days=3), **rules), known={})
    poller = Poller(source, "x", fresh=timedelta(hours=1), now=lambda: NOW)
    shelf = Shelf(sources={}, sightings=FolderSightings(folder / "seen"))
    return await listing.answers(Group(component=component, pins=(pin,)), poller, look, shelf, NOW)


class Whole:
    """The same source, from which nobody takes a list in brief."""

    def __init__(self, source: PyPI | Npm) -> None:
        self._source = source
        self.releases, self.detail = source.releases, source.detail


@pytest.mark.parametrize("rules", [{}, {"pythons": ("3.8",)}, {"pythons": ("3.5",)}, {"allowed": "<2.20"}])
@pytest.mark.parametrize("pinned", ["1.2", "1.59", "2.5", "2.58", "2.59"])
async def test_answers_are_those_of_the_whole_list(
    index: Index, tmp_path: Path, rules: dict[str, Any], pinned: str
) -> None:
    """However far back the release lies that an update leads to, it is found, with all its files."""
    index.projects["big"] = many(">=3.12")
    async with pypi(index.url) as source:
        brief = await answers(source, BIG, pinned, tmp_path, **rules)
        assert brief == await answers(Whole(source), BIG, pinned, tmp_path, **rules)  # type: ignore[arg-type]  # as its source
    for choice in brief:
        assert choice.target is None or len(choice.target.artifacts) == 4


async def test_an_abbreviated_document_lists_what_decides(registry: Registry) -> None:
    """Versions, words of deprecation and scripts; files, people and times come with the detail."""
    put(registry, document(version("pad", "1.0.0", deprecated="use 2"), version("pad", "2.0.0", hasInstallScript=True)))
    async with npm(registry.url) as source:
        brief = await source.brief(PAD)
        whole = await source.releases(PAD)
        details = [await source.detail(PAD, one) for one in brief]
    assert [(one.version, one.deprecated, one.trust, one.partial) for one in brief] == [
        (one.version, one.deprecated, one.trust, True) for one in whole
    ]
    assert all(not one.artifacts and one.published is None for one in brief)
    assert all(one.artifacts and one.published and not one.partial for one in details)


async def test_a_registry_with_one_form_is_asked_once(registry: Registry) -> None:
    """One that answers every question with the full document has said everything by that."""
    registry.pages["/pad"] = document(version("pad", "1.0.0"), version("pad", "1.1.0"))
    cache = Memory()
    for _ in range(2):
        async with npm(registry.url, cache) as source:
            brief = await source.brief(PAD)
            assert brief == await source.releases(PAD) and not brief[0].partial
            assert (await source.detail(PAD, brief[1])).published is not None
    assert {asked.accept.partition(";")[0] for asked in registry.seen} == {_packument.INSTALL}


async def test_a_later_process_asks_for_the_list_alone(registry: Registry, tmp_path: Path) -> None:
    """While the list is as it was, the full document and the attestations are too."""
    put(registry, document(version("pad", "1.0.0"), trusted("1.1.0"), trusted("1.2.0")))
    for number in ("1.1.0", "1.2.0"):
        registry.pages[f"/-/npm/v1/attestations/pad@{number}"] = attestations(number)
    told = []
    for _ in range(2):
        async with npm(registry.url, Folder(tmp_path / "c")) as source:
            told.append([await source.detail(PAD, one) for one in await source.brief(PAD)])
    assert told[0] == told[1] and told[0][2].trust.provenance == "https://github.com/acme/pad"
    assert [asked.status for asked in registry.seen] == [200, 200, 200, 200, 304]
    put(registry, document(version("pad", "1.0.0", deprecated="no"), trusted("1.1.0"), trusted("1.2.0")))
    async with npm(registry.url, Folder(tmp_path / "c")) as source:
        assert (await source.detail(PAD, (await source.brief(PAD))[0])).deprecated == "no"
    assert [asked.status for asked in registry.seen[5:]] == [200, 200]


async def test_npms_answers_are_those_of_the_whole_list(registry: Registry, tmp_path: Path) -> None:
    """Also what a release lost of what its forerunners had."""
    bad = version("pad", "1.3.0", _npmUser={"name": "mallory"}, hasInstallScript=True)
    put(registry, document(version("pad", "1.0.0"), trusted("1.1.0"), trusted("1.2.0"), bad, version("pad", "2.0.0")))
    for number in ("1.1.0", "1.2.0"):
        registry.pages[f"/-/npm/v1/attestations/pad@{number}"] = attestations(number)
    async with npm(registry.url) as source:
        brief = await answers(source, PAD, "1.0.0", tmp_path)
        assert brief == await answers(Whole(source), PAD, "1.0.0", tmp_path)  # type: ignore[arg-type]  # as its source
    assert brief[0].target is not None and brief[0].target.version == "1.2.0"


def test_a_packed_document_says_the_same() -> None:
    """What is kept of npm's document is all that is read of it, down to odd fields."""
    odd = document(
        version("pad", "0.0.1", scripts={"preinstall": "x"}, deprecated=False, repository="acme/pad"),
        version("pad", "0.0.2", scripts={"test": "x"}, maintainers="ann", gypfile=True),
        trusted("0.0.3", readme="long" * 1000),
    )
    read = partial(_packument.read, name="pad", url="https://r.example/pad", kind="application/json", asked_full=True)
    first = read(json.dumps(odd).encode(), page="https://page.example/{}")
    packed = first.packed()
    again = _packument.unpacked(packed, full=True, page="https://page.example/{}")
    assert again.releases == first.releases and again.attested == first.attested and len(again) == 3
    assert again.packed() is packed and b"long" not in packed
    assert first.release("9.9.9") is None and first.release("0.0.1") == first.releases["0.0.1"]
