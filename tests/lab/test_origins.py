"""Of several indexes none can slip a package in under a name of another: what is installed is what was listed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.adapters import Tools, open_one, sources
from bot.core.errors import Permanent, Transient
from bot.core.model import Component, Grade, Release
from bot.lab import environments, origins, resolver
from bot.lab.cache import Cache
from bot.lab.environments import Environment
from bot.lab.resolver import NotPrepared
from bot.tools.http import Http
from bot.tools.pip import IndexSettings
from tests.lab import world


@dataclass(slots=True)
class Shelves:
    """Indexes of files, as pip's settings name them: folders with a page for each project that they know."""

    folder: Path
    pytest_wheels: Path
    cache: Cache
    asked: list[str] = field(default_factory=list)

    def put(self, index: str, name: str, version: str, says: str, requires: Sequence[str] = ()) -> Path:
        """A wheel of one module, listed on an index. What says the same is the same file."""
        made = world.wheel(self.folder / "files" / says, name, version, {f"{name}.py": f"SAYS = {says!r}\n"}, requires)
        self._list(index, name, made)
        return made

    def _list(self, index: str, name: str, file: Path) -> None:
        page = self.folder / index / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        with page.open("a") as out:
            out.write(f'<a href="{file.as_uri()}#sha256={digest}">{file.name}</a>\n')

    def url(self, index: str) -> str:
        """Also of one that is not there."""
        return (self.folder / index).as_uri()

    @asynccontextmanager
    async def environment(self, *lines: str, find_links: str = "", listed: bool = True) -> AsyncIterator[Environment]:
        """That of a tree with these requirements, with the indexes "main", "early" and "late" in pip's order."""
        for wheel in sorted(self.pytest_wheels.glob("*.whl")):
            self._list("main", wheel.name.split("-")[0], wheel)
        index = IndexSettings(
            index_url=self.url("main"),
            extra=(self.url("early"), self.url("late")),
            find_links=(find_links,) if find_links else (),
        )
        tree = world.tree(self.folder / "tree", {"requirements.txt": "".join(f"{line}\n" for line in lines)})
        async with Http() as http:
            source = open_one(sources, "pypi", {}, Tools(http=http, index=lambda: index))

            async def releases(component: Component) -> Sequence[Release]:
                self.asked.append(component.name)
                found: Sequence[Release] = await source.releases(component)
                return found

            uv = resolver.find_uv(index, releases if listed else None)
            async with environments.prepared(tree, uv=uv, cache=self.cache) as made:
                yield made


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    """No more than pytest is on them."""
    return Shelves(tmp_path, world.with_pytest(tmp_path / "pytest"), Cache(folder=tmp_path / "cache"))


def says(made: Environment, name: str) -> str:
    """What the module that was installed says."""
    (path,) = made.folder.rglob(f"{name}.py")
    return path.read_text().split("'")[1]


async def test_an_index_that_lacks_a_package_is_no_hindrance(shelves: Shelves) -> None:
    """Nor is one whose folder does not exist: the next is asked."""
    shelves.put("main", "common", "1.0", "common")
    shelves.put("early", "other", "1.0", "other")
    async with shelves.environment("common") as made:
        assert says(made, "common") == "common"


async def test_the_public_namesake_of_an_internal_package_is_not_installed(shelves: Shelves) -> None:
    """However high its version: the extra index was added on purpose, and of two the later one counts."""
    shelves.put("main", "inner", "99.0", "stranger")
    shelves.put("early", "inner", "2.0", "early")
    shelves.put("late", "inner", "1.0", "late")
    async with shelves.environment("inner") as made:
        assert says(made, "inner") == "late"


@pytest.mark.parametrize("line", ["inner==99.0", "needy"])
async def test_who_asks_for_the_namesake_gets_nothing(shelves: Shelves, line: str) -> None:
    """Neither by name nor by way of another package; nothing is known then, which is no fault of the update."""
    shelves.put("main", "needy", "1.0", "needy", ["inner>=50"])
    shelves.put("main", "inner", "99.0", "stranger")
    shelves.put("early", "inner", "1.0", "early")
    with pytest.raises(NotPrepared, match=r"inner 99.0 is not installed: another index counts") as caught:
        async with shelves.environment(line):
            pass
    assert caught.value.grade is Grade.UNKNOWN


async def test_a_mirror_that_is_behind_holds_nobody_back(shelves: Shelves) -> None:
    """It shows the same files of the same project, so what it lacks is taken from the main index."""
    shelves.put("main", "shared", "1.0", "one")
    shelves.put("late", "shared", "1.0", "one")
    shelves.put("main", "shared", "2.0", "two")
    async with shelves.environment("shared==2.0") as made:
        assert says(made, "shared") == "two"


async def test_without_a_reader_of_releases_the_first_index_has_the_name(shelves: Shelves) -> None:
    """What it lacks is not known then, and nobody is sent to a strategy that mixes."""
    shelves.put("main", "shared", "2.0", "two")
    shelves.put("late", "shared", "1.0", "one")
    with pytest.raises(NotPrepared, match="the index that counts lacks a version") as caught:
        async with shelves.environment("shared==2.0", listed=False):
            pass
    assert caught.value.grade is Grade.UNKNOWN and "unsafe" not in caught.value.why


async def test_the_trees_own_hashes_say_which_file_is_meant(shelves: Shelves) -> None:
    """Whoever offers it; a lock needs no resolver and no reader of releases."""
    wheel = shelves.put("main", "inner", "2.0", "meant")
    shelves.put("late", "inner", "1.0", "late")
    line = f"inner==2.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    async with shelves.environment(line, "pytest") as made:
        assert says(made, "inner") == "meant"
    assert "inner" not in shelves.asked


async def test_what_the_operator_laid_into_a_folder_of_links_is_meant(shelves: Shelves) -> None:
    """As pip takes it, too: a build for this machine, say."""
    shelves.put("main", "heavy", "1.0", "main")
    light = world.wheel(shelves.folder / "links", "heavy", "1.0", {"heavy.py": "SAYS = 'light'\n"})
    (light.parent / "notes.txt").write_text("no package")
    for link in (str(light.parent), light.parent.as_uri()):
        async with shelves.environment("heavy", find_links=link) as made:
            assert says(made, "heavy") == "light"


async def test_a_lock_that_was_checked_is_not_checked_again_at_once(shelves: Shelves) -> None:
    """Both sides of an update share most of theirs, and a lab tries many updates."""
    lock = f"inner==1.0 --hash=sha256:{'1' * 64} --hash=sha256:{'2' * 64}\n"
    wheel = shelves.put("main", "inner", "1.0", "x")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    found = lock.replace("1" * 64, digest)
    asked: list[str] = []

    async def listed(component: Component) -> Sequence[Release]:
        asked.append(component.name)
        raise Permanent("unused") if component.name == "gone" else Transient("away")

    index = IndexSettings(index_url=shelves.url("main"), extra=(shelves.url("late"),))
    async with Http() as http:
        source = open_one(sources, "pypi", {}, Tools(http=http, index=lambda: index))
        uv = resolver.find_uv(index, source.releases)
        assert await origins.checked(found, uv) == f"inner==1.0 --hash=sha256:{digest}\n"
    away = resolver.find_uv(index, listed)
    away.proven.update(uv.proven)
    assert await origins.checked(found, away) == f"inner==1.0 --hash=sha256:{digest}\n"
    with pytest.raises(Transient, match="away"):
        await origins.checked(lock, away)
    with pytest.raises(NotPrepared, match="gone 1 is not installed: unused"):
        await origins.checked("gone==1 --hash=sha256:11\n", away)
    assert asked == ["inner", "gone"]
