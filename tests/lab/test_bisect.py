"""A failing group is taken apart, and the one that breaks the tests is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.adapters import Tools, manifests, open_all
from bot.core.errors import Transient
from bot.core.model import Component, Grade, Isolation, Kind, Member, Release, Simulation, SuiteResult
from bot.core.ports import Manifest, Say, Trial, silent
from bot.lab import bisect
from bot.lab.trial import Laboratory
from bot.tools.http import Http
from tests.lab import world
from tests.lab.world import a_trial, tree

READERS: dict[str, Manifest] = open_all(manifests, Tools(http=Http()))


def members(path: Path, steps: dict[str, tuple[str, str]]) -> tuple[Member, ...]:
    """The steps of what this file pins."""
    pins = READERS["requirements"].read(path.name, path.read_text())
    return tuple(
        Member(
            component=pin.component,
            current=steps[pin.component.name][0],
            target=steps[pin.component.name][1],
            kind=Kind.MAJOR,
            release=Release(version=steps[pin.component.name][1]),
            pins=(pin,),
        )
        for pin in pins
        if pin.component.name in steps
    )


@dataclass
class Picky:
    """Fails where all of these are pinned at 2.0."""

    bad: Sequence[str]
    grade: Grade = Grade.FAILED
    seen: list[str] = field(default_factory=list)
    problem: Exception | None = None

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        if self.problem:
            raise self.problem
        text = (trial.candidate / "requirements.txt").read_text()
        self.seen.append(text)
        failed = all(f"{name}==2.0" in text for name in self.bad)
        return told(self.grade if failed else Grade.PASSED)


def told(grade: Grade) -> Simulation:
    suite = SuiteResult(kind="unit", command="pytest", grade=grade, why="x")
    # Commits by a letter, which are texts like others.
    return Simulation(head="b", base="a", grade=grade, why="x", isolation=Isolation.FULL, suites=(suite,))  # type: ignore[arg-type]


def a_group(folder: Path, count: int = 4) -> Trial:
    names = [f"p{n}" for n in range(count)]
    base = tree(folder / "base", {"requirements.txt": "".join(f"{name}==1.0\n" for name in names) + "# end\n"})
    parts = members(base / "requirements.txt", dict.fromkeys(names, ("1.0", "2.0")))
    return replace(a_trial(base, base), parts=parts)


@pytest.mark.parametrize("bad", [["p2"], ["p0", "p3"]])
async def test_the_guilty_are_found_on_trees_that_differ_in_their_pins_alone(bad: list[str], tmp_path: Path) -> None:
    """One alone, or two together; each smaller group is the base with those pins moved and nothing else."""
    trial, lab, heard = a_group(tmp_path), Picky(bad), list[str]()
    found = await bisect.culprits(trial, told(Grade.FAILED), lab, READERS, heard.append)
    assert bad == [part.component.name for part in found.guilty] and "" == found.why
    assert all(text.endswith("# end\n") and text.count("==") == 4 for text in lab.seen)
    assert len(heard) == len(lab.seen) and "alone" in heard[0]
    assert "p0==1.0" in (trial.base / "requirements.txt").read_text(), "the base stays as it is"


async def test_what_cannot_be_told_is_not_guessed(tmp_path: Path) -> None:
    """A smaller group whose trial says nothing, an index that is away, no time: nobody is called guilty."""
    trial = a_group(tmp_path)
    unsure = await bisect.culprits(trial, told(Grade.FAILED), Picky(["p0"], Grade.UNKNOWN), READERS)
    away = await bisect.culprits(trial, told(Grade.FAILED), Picky([], problem=Transient("the index is away")), READERS)
    late = await bisect.culprits(replace(trial, seconds=1.0), told(Grade.FAILED), Picky(["p0"]), READERS)
    assert [(), (), ()] == [one.guilty for one in (unsure, away, late)]
    assert "could not be found out" in unsure.why and "away" in away.why and "were over" in late.why


async def test_a_link_pins_nothing(tmp_path: Path) -> None:
    """A tree in which the file is a link to elsewhere: nothing outside is read, and nothing is written through it."""
    trial = a_group(tmp_path)
    outside = tmp_path / "outside.txt"
    outside.write_text("p0==1.0\n")
    (trial.base / "requirements.txt").unlink()
    (trial.base / "requirements.txt").symlink_to(outside)
    await bisect.culprits(trial, told(Grade.FAILED), Picky(["p0"]), READERS)
    assert "p0==1.0\n" == outside.read_text()


async def test_the_real_lab_finds_the_one_that_breaks_a_test(lab: Laboratory, wheels: Path, tmp_path: Path) -> None:
    """greeter 2.0 says another word; its companion is innocent."""
    for version in ("1.0", "1.1"):
        world.wheel(wheels, "companion", version, {"companion.py": f"VERSION = {version!r}\n"})
    tests = "import greeter, companion\ndef test_hail():\n    assert greeter.hail('you') == 'Hello, you'\n"
    pins = {"base": ("1.0", "1.0"), "all": ("2.0", "1.1")}
    sides = {
        name: tree(
            tmp_path / name,
            {"requirements.txt": f"greeter=={one}\ncompanion=={other}\n", "tests/test_it.py": tests},
        )
        for name, (one, other) in pins.items()
    }
    steps = {"greeter": ("1.0", "2.0"), "companion": ("1.0", "1.1")}
    parts = members(sides["base"] / "requirements.txt", steps)
    trial = replace(
        a_trial(sides["base"], sides["all"]), parts=parts, component=Component(name="both", ecosystem="group")
    )
    whole = await lab.simulate(trial)
    assert Grade.FAILED is whole.grade
    found = await bisect.culprits(trial, whole, lab, READERS)
    assert ["greeter"] == [part.component.name for part in found.guilty], found
