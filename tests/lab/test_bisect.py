"""A failing group is taken apart, and the one that breaks the tests is named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters import Tools, manifests, open_all
from bot.core.errors import ConfigProblem, Transient
from bot.core.locks import Followed, Keeper
from bot.core.model import (
    Component,
    Grade,
    Isolation,
    Kind,
    Member,
    Release,
    Simulation,
    SuiteResult,
    TestChange,
)
from bot.core.ports import Lab, Manifest, Say, Trial, silent
from bot.lab import bisect
from bot.lab.trial import Laboratory
from bot.tools.http import Http
from tests.lab import world
from tests.lab.world import a_trial, tree

READERS: dict[str, Manifest] = open_all(manifests, Tools(http=Http()))


def members(path: Path, steps: dict[str, tuple[str, str]], kind: str = "requirements") -> tuple[Member, ...]:
    """The steps of what this file pins."""
    pins = READERS[kind].read(path.name, path.read_text())
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


def told(grade: Grade, isolation: Isolation = Isolation.FULL, tests: Sequence[str] = ()) -> Simulation:
    failing = tuple(TestChange(test=test, before="passed", after="failed") for test in tests)
    suite = SuiteResult(kind="unit", command="pytest", grade=grade, why="x", newly_failing=failing)
    # Commits by a letter, which are texts like others.
    return Simulation(head="b", base="a", grade=grade, why="x", isolation=isolation, suites=(suite,))  # type: ignore[arg-type]  # names of commits


@dataclass
class Smith:
    """A `core.locks.Keeper`: names what it locks in the lock; alone: what it cannot lock without another."""

    alone: dict[str, str] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)

    async def follow(
        self,
        changed: Mapping[str, str],
        files: Collection[str],
        read: Callable[[str], Awaitable[str | None]],
        target: tuple[Component, str],
    ) -> Followed:
        (manifest,) = changed
        name, text = target[0].name, changed[manifest]
        self.jobs.append(name)
        if (other := self.alone.get(name)) and f"{other}==2.0" not in text:
            raise ConfigProblem(f"{name} 2.0 wants {other} 2.0", where="uv.lock")
        return Followed(files={"uv.lock": f"{await read('uv.lock')}{name} {target[1]}\n"})


def means(lab: Lab, keeper: Keeper | None = None) -> bisect.Means:
    return bisect.Means(lab=lab, manifests=READERS, keeper=keeper or Smith())


def named(parts: Sequence[Member]) -> list[str]:
    return [part.component.name for part in parts]


def a_group(folder: Path, count: int = 4) -> Trial:
    names = [f"p{n}" for n in range(count)]
    base = tree(folder / "base", {"requirements.txt": "".join(f"{name}==1.0\n" for name in names) + "# end\n"})
    parts = members(base / "requirements.txt", dict.fromkeys(names, ("1.0", "2.0")))
    return replace(a_trial(base, base), parts=parts)


@pytest.mark.parametrize("bad", [["p2"], ["p0", "p3"]])
async def test_the_guilty_are_found_on_trees_that_differ_in_their_pins_alone(bad: list[str], tmp_path: Path) -> None:
    """One alone, or two together; each smaller group is the base with those pins moved and nothing else."""
    trial, lab, heard = a_group(tmp_path), Picky(bad), list[str]()
    found = await bisect.culprits(trial, told(Grade.FAILED), means(lab), heard.append)
    assert bad == named(found.guilty) and "" == found.why
    assert named(found.spare) == (bad if len(bad) > 1 else [])
    assert all(text.endswith("# end\n") and text.count("==") == 4 for text in lab.seen)
    assert len(heard) == len(lab.seen) and "alone" in heard[0]
    assert "p0==1.0" in (trial.base / "requirements.txt").read_text(), "the base stays as it is"


async def test_what_cannot_be_told_is_not_guessed(tmp_path: Path) -> None:
    """A smaller group whose trial says nothing, an index that is away, no time: nobody is called guilty."""
    trial = a_group(tmp_path)
    unsure = await bisect.culprits(trial, told(Grade.FAILED), means(Picky([], Grade.UNKNOWN)))
    away = await bisect.culprits(trial, told(Grade.FAILED), means(Picky([], problem=Transient("the index is away"))))
    late = await bisect.culprits(replace(trial, seconds=1.0), told(Grade.FAILED), means(Picky(["p0"])))
    assert [(), (), ()] == [one.guilty for one in (unsure, away, late)]
    assert "could not be found out" in unsure.why and "away" in away.why and "were over" in late.why


async def test_a_runner_without_a_place_is_waited_for(tmp_path: Path) -> None:
    """It says when to come again, and that is within the time for the search; one that asks for longer ends it."""

    @dataclass
    class Busy(Picky):
        after: timedelta = timedelta(milliseconds=1)
        turned_away: int = 0

        async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
            self.turned_away += 1
            if self.turned_away % 2:
                raise Transient("the runner has no place now", after=self.after)
            return await super().simulate(trial, say)

    trial = a_group(tmp_path)
    found = await bisect.culprits(trial, told(Grade.FAILED), means(Busy(["p1"])))
    assert ["p1"] == named(found.guilty)
    never = await bisect.culprits(trial, told(Grade.FAILED), means(Busy(["p1"], after=timedelta(hours=1))))
    assert ((), "the runner has no place now") == (never.guilty, never.why)


async def test_who_hinders_the_others_is_found_without_any_trial(tmp_path: Path) -> None:
    """Where a group cannot be locked as a whole: by locks alone, and not without end."""
    parts = a_group(tmp_path, 12).parts

    async def hinders(some: Sequence[Member]) -> bool:
        return "p7" in named(some)

    found = await bisect.unlocked(parts, hinders)
    assert (["p7"], ["p7"], True) == (named(found.guilty), named(found.alone), found.others)

    asked = 0

    async def many(some: Sequence[Member]) -> bool:
        nonlocal asked
        asked += 1
        return {f"p{n}" for n in range(0, 40, 2)} <= {*named(some)}

    lost = await bisect.unlocked(a_group(tmp_path / "large", 40).parts, many)
    assert (asked, lost.guilty) == (bisect.MOST_TRIALS, ())
    assert f"{bisect.MOST_TRIALS} smaller groups were tried" in lost.why


async def test_without_whom_the_others_pass_is_told_though_nothing_is_known_of_him_alone(tmp_path: Path) -> None:
    """His own trial says nothing: the others are free to go on without him."""
    found = await bisect.culprits(a_group(tmp_path), told(Grade.FAILED), means(Picky(["p0"], Grade.UNKNOWN)))
    assert (["p0", "p1", "p2", "p3"], ["p0"]) == (named(found.guilty), named(found.spare))


async def test_a_link_pins_nothing(tmp_path: Path) -> None:
    """A tree in which the file is a link to elsewhere: nothing outside is read, and nothing is written through it."""
    trial = a_group(tmp_path)
    outside = tmp_path / "outside.txt"
    outside.write_text("p0==1.0\n")
    (trial.base / "requirements.txt").unlink()
    (trial.base / "requirements.txt").symlink_to(outside)
    await bisect.culprits(trial, told(Grade.FAILED), means(Picky(["p0"])))
    assert "p0==1.0\n" == outside.read_text()


def a_bound_group(folder: Path, count: int = 4) -> Trial:
    """All of them in one project, and one lock beside it."""
    names = [f"p{n}" for n in range(count)]
    wanted = ", ".join(f'"{name}==1.0"' for name in names)
    project = f'[project]\nname = "shop"\nversion = "1"\ndependencies = [{wanted}]\n'
    base = tree(folder / "base", {"pyproject.toml": project, "uv.lock": "# lock\n"})
    parts = members(base / "pyproject.toml", dict.fromkeys(names, ("1.0", "2.0")), kind="pyproject")
    return replace(a_trial(base, base), parts=parts)


@dataclass
class Bound:
    """Fails where the lock names all of these; what it was shown of both files."""

    bad: Sequence[str]
    seen: list[tuple[str, str]] = field(default_factory=list)
    isolation: Isolation = Isolation.FULL
    written: list[Mapping[str, str]] = field(default_factory=list)

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        lock, project = ((trial.candidate / name).read_text() for name in ("uv.lock", "pyproject.toml"))
        self.seen.append((lock, project))
        self.written.append(trial.written)
        failed = all(f"{name} 2.0\n" in lock for name in self.bad)
        return told(Grade.FAILED if failed else Grade.PASSED, self.isolation)


@pytest.mark.parametrize("bad", [["p2"], ["p0", "p3"]])
async def test_a_group_that_one_lock_binds_is_taken_apart(bad: list[str], tmp_path: Path) -> None:
    """Each smaller group gets its lock from the lock's own tool, one member after the other, on the base's lock."""
    trial, lab, smith = a_bound_group(tmp_path), Bound(bad), Smith()
    found = await bisect.culprits(trial, told(Grade.FAILED), means(lab, smith))
    assert bad == named(found.guilty)
    for (lock, project), written in zip(lab.seen, lab.written, strict=True):
        moved = [f"p{n}" for n in range(4) if f'"p{n}==2.0"' in project]
        assert lock == "# lock\n" + "".join(f"{name} 2.0\n" for name in moved)
        assert {"uv.lock": lock, "pyproject.toml": project} == written, "a runner elsewhere is told what differs"
    assert "# lock\n" == (trial.base / "uv.lock").read_text(), "the base stays as it is"


async def test_two_that_can_only_be_locked_together_are_blamed_together(tmp_path: Path) -> None:
    """Neither can be had alone, in the tool's own words; the others are acquitted."""
    trial, smith = a_bound_group(tmp_path, 6), Smith(alone={"p2": "p3", "p3": "p2"})
    found = await bisect.culprits(trial, told(Grade.FAILED), means(Bound(["p2"]), smith))
    assert (["p2", "p3"], []) == (named(found.guilty), named(found.spare))
    assert "alone cannot be had" in found.why and "p2 2.0 wants p3 2.0" in found.why


async def test_where_no_lock_can_be_made_nobody_is_called_guilty(tmp_path: Path) -> None:
    """Every smaller group would need a tool that is not there: its name is told, and no trial is made."""
    missing = {f"p{n}": "uv on this machine" for n in range(4)}
    lab = Bound(["p1"])
    found = await bisect.culprits(a_bound_group(tmp_path), told(Grade.FAILED), means(lab, Smith(alone=missing)))
    assert ((), [], "uv on this machine" in found.why) == (found.guilty, lab.seen, True)


async def test_the_repositorys_own_minutes_are_spent_sparingly(tmp_path: Path) -> None:
    """No more than so many runs of its Actions for one group; what was learnt until then is told."""
    parts = [f"p{n}" for n in range(0, 12, 3)]
    trial, lab = a_bound_group(tmp_path, 12), Bound(parts, isolation=Isolation.ACTIONS)
    found = await bisect.culprits(trial, told(Grade.FAILED, Isolation.ACTIONS), means(lab))
    assert () == found.guilty and len(lab.seen) == bisect.MOST_DISPATCHES
    assert f"{bisect.MOST_DISPATCHES} smaller groups were tried, and that is the limit" == found.why


async def test_one_culprit_among_sixteen_is_within_the_limit(tmp_path: Path) -> None:
    """The usual case costs the repository no more than two runs for each halving."""
    trial, lab = a_bound_group(tmp_path, 16), Bound(["p15"], isolation=Isolation.ACTIONS)
    found = await bisect.culprits(trial, told(Grade.FAILED, Isolation.ACTIONS), means(lab))
    assert ["p15"] == named(found.guilty) and len(lab.seen) <= bisect.MOST_DISPATCHES


async def test_who_fails_for_want_of_another_is_not_the_culprit(tmp_path: Path) -> None:
    """p0 alone breaks another test than the whole did: it only misses p1. Who the whole failed for is named."""

    class Needy:
        async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
            text = (trial.candidate / "requirements.txt").read_text()
            broken = {"t_bad": "p3==2.0" in text, "t_other": ("p0==2.0" in text) != ("p1==2.0" in text)}
            tests = tuple(test for test, bad in broken.items() if bad)
            return told(Grade.FAILED if tests else Grade.PASSED, tests=tests)

    found = await bisect.culprits(a_group(tmp_path), told(Grade.FAILED, tests=("t_bad",)), means(Needy()))
    assert ["p3"] == named(found.guilty)


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
    found = await bisect.culprits(trial, whole, means(lab))
    assert ["greeter"] == [part.component.name for part in found.guilty], found
