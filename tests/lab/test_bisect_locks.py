"""A group that uv.lock binds is taken apart by uv itself, with real locks for each smaller group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.adapters import Tools, manifests, open_all
from bot.core.bisecting import Bisected
from bot.core.locks import Followed
from bot.core.model import Component, Grade, Isolation, Kind, Member, Release, Sha, Simulation, SuiteResult
from bot.core.ports import Say, Trial, silent
from bot.lab import bisect
from bot.lab.host import Host
from bot.lab.locks import follow
from bot.lab.relocked import Remembering
from bot.tools.http import Http
from bot.tools.pip import IndexSettings
from tests.lab import world
from tests.lab.registries import Wheels
from tests.lab.test_locks import Shop, project, smith
from tests.lab.world import a_trial, tree

READERS = open_all(manifests, Tools(http=Http()))


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """pad and tie stand alone; top 1.1 needs the new pad."""
    folder = tmp_path / "wheels"
    for name in ("pad", "tie", "top"):
        world.wheel(folder, name, "1.0", {f"{name}.py": ""})
        world.wheel(folder, name, "1.1", {f"{name}.py": "#1"}, ["pad>=1.1"] if name == "top" else [])
    async with Wheels(folder=folder).running(tmp_path) as index:
        yield Shop(index, folder)


@dataclass(frozen=True)
class Keeping:
    """A `core.locks.Keeper` over a locker."""

    locker: Remembering

    async def follow(
        self,
        changed: Mapping[str, str],
        files: Collection[str],
        read: Callable[[str], Awaitable[str | None]],
        target: tuple[Component, str],
    ) -> Followed:
        made = await follow(changed, files, read, target, self.locker)
        return Followed(files=made.files, moved=made.moved)


@dataclass
class Lab:
    """Fails where the lock has this one at 1.1; keeps which versions each lock has."""

    bad: str
    seen: list[dict[str, str]] = field(default_factory=list)

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        lines = (trial.candidate / "uv.lock").read_text().splitlines()
        named = {
            line[8:-1]: lines[number + 1][11:-1] for number, line in enumerate(lines) if line.startswith('name = "')
        }
        self.seen.append({name: version for name, version in named.items() if name != "app"})
        return told(Grade.FAILED if named[self.bad] == "1.1" else Grade.PASSED)


def told(grade: Grade) -> Simulation:
    suite = SuiteResult(kind="unit", command="pytest", grade=grade, why="x")
    return Simulation(head=Sha("b"), base=Sha("a"), grade=grade, why="x", isolation=Isolation.FULL, suites=(suite,))


NAMES = ("pad", "tie", "top")


def bound(shop: Shop, folder: Path) -> Trial:
    """All three at 1.0, in one project with its lock, and their steps to 1.1."""
    lock = shop.lock(*(shop.entry(name, "1.0") for name in NAMES), asks=dict.fromkeys(NAMES, "==1.0"))
    text = project(*(f"{name}==1.0" for name in NAMES))
    base = tree(folder / "base", {"pyproject.toml": text, "uv.lock": lock, "src/app.py": ""})
    steps = [
        Member(
            component=pin.component,
            current="1.0",
            target="1.1",
            kind=Kind.MINOR,
            release=Release(version="1.1"),
            pins=(pin,),
        )
        for pin in READERS["pyproject"].read("pyproject.toml", text)
    ]
    return replace(a_trial(base, base), parts=tuple(steps))


async def taken_apart(host: Host, shop: Shop, trial: Trial, lab: Lab) -> Bisected:
    async with smith(host, IndexSettings(index_url=shop.url)) as locksmith:
        keeper = Keeping(Remembering(locker=locksmith))
        means = bisect.Means(lab=lab, manifests=READERS, keeper=keeper)
        return await bisect.culprits(trial, told(Grade.FAILED), means)


async def test_each_smaller_group_has_the_lock_that_uv_makes_of_it(host: Host, shop: Shop, tmp_path: Path) -> None:
    """The members of the smaller group are at their new versions, all else where it was; the guilty one is named."""
    lab = Lab("pad")
    found = await taken_apart(host, shop, bound(shop, tmp_path), lab)
    assert ["pad"] == [part.component.name for part in found.guilty], found
    assert all(set(versions) == set(NAMES) for versions in lab.seen)
    assert {"pad": "1.1", "tie": "1.0", "top": "1.0"} in lab.seen


async def test_who_cannot_be_locked_without_another_is_no_culprit_by_that(
    host: Host, shop: Shop, tmp_path: Path
) -> None:
    """top 1.1 needs pad 1.1, in uv's own words; together they fail, and pad alone passes: top stays behind."""
    found = await taken_apart(host, shop, bound(shop, tmp_path), Lab("top"))
    assert ["pad", "top"] == [part.component.name for part in found.guilty], found
    assert ["top"] == [part.component.name for part in found.spare]
    assert "`top` alone cannot be had: uv.lock" in found.why and "pad" in found.why
