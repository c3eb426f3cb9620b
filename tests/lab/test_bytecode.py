"""A candidate is a tree that never ran; what it shares with the base is compiled all the same, and nothing else is."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Grade, Simulation
from bot.lab import bytecode, pytests
from bot.lab import host as hosts
from bot.lab.bytecode import Known, Module
from bot.lab.environments import Environment, Interpreter
from bot.lab.trial import Laboratory
from bot.lab.workbench import Sample
from tests.lab.world import a_trial, tree

LONG = "".join(f"def number_{n}():\n    assert {n} == int('{n}')\n    return {n}\n" for n in range(2500))
# What lay there before anything of the tree was loaded, as the first file that pytest loads sees it.
CONFTEST = "import pathlib\nBEFORE = sorted(path.name for path in pathlib.Path().rglob('*.pyc'))\n"
SEEN = """\
import conftest, {module}

def test_what_lies_there():
    for name in {there}:
        assert any(one.startswith(name) for one in conftest.BEFORE), conftest.BEFORE
    for name in {absent}:
        assert not any(one.startswith(name) for one in conftest.BEFORE), conftest.BEFORE

def test_number():
    assert {module}.number_7() == {seven}
"""
TAG = sys.implementation.cache_tag


def a_tree(
    folder: Path, version: str, *, there: Sequence[str], absent: Sequence[str] = (), seven: int = 7, **files: str
) -> Path:
    """A project of some size that says, by a test, what it was given."""
    seen = SEEN.format(module="long", there=there, absent=absent, seven=seven)
    held = {"requirements.txt": f"greeter=={version}\n", "conftest.py": CONFTEST, "long.py": LONG, "test_seen.py": seen}
    return tree(folder, held | {f"{name}.py": text for name, text in files.items()})


async def tried(lab: Laboratory, base: Path, candidate: Path) -> Simulation:
    """One simulation of it."""
    return await lab.simulate(a_trial(base, candidate))


async def test_a_tree_that_never_ran_has_its_modules_compiled(lab: Laboratory, tmp_path: Path) -> None:
    """For Python, and for pytest with its rewritten assertions; a module that must not be run is not run for it."""
    there = [f"long.{TAG}.pyc", f"test_seen.{TAG}-pytest-", f"conftest.{TAG}-pytest-", f"trap.{TAG}.pyc"]
    trap = "raise SystemExit('a module of the tree was run')\n"
    base, candidate = (
        a_tree(tmp_path / name, version, there=there, trap=trap) for name, version in (("a", "1.0"), ("b", "1.1"))
    )
    simulation = await tried(lab, base, candidate)
    assert simulation.grade is Grade.PASSED, simulation
    assert (simulation.suites[0].before.passed, simulation.suites[0].after.passed) == (2, 2)


async def test_what_an_update_changes_is_never_served_from_before(lab: Laboratory, tmp_path: Path) -> None:
    """A file with other bytes gets nothing that was compiled of the old ones."""
    base = a_tree(tmp_path / "a", "1.0", there=[f"long.{TAG}.pyc"])
    candidate = a_tree(tmp_path / "b", "1.1", there=[f"conftest.{TAG}.pyc"], absent=["long."], seven=8)
    (candidate / "long.py").write_text(LONG.replace("return 7\n", "return 8\n"))
    simulation = await tried(lab, base, candidate)
    assert simulation.grade is Grade.PASSED, simulation


async def test_what_python_has_to_say_of_a_source_is_still_said(lab: Laboratory, tmp_path: Path) -> None:
    """A file that warns while it is compiled is compiled by those who run it, so that they hear of it."""
    warns = "NAME = '\\d'\n"
    sides = [a_tree(tmp_path / one, one, there=["long."], absent=["warns."], warns=warns) for one in ("1.0", "1.1")]
    simulation = await tried(lab, *sides)
    assert simulation.grade is Grade.PASSED, simulation


async def test_a_small_tree_is_left_alone(lab: Laboratory, tmp_path: Path) -> None:
    """Where compiling takes no time to speak of, none is spent on it ahead."""
    sides = [a_tree(tmp_path / one, one, there=[], absent=["long.", "test_seen."]) for one in ("1.0", "1.1")]
    for side in sides:
        (side / "long.py").write_text("def number_7():\n    return 7\n")
    simulation = await tried(lab, *sides)
    assert simulation.grade is Grade.PASSED, simulation


async def test_without_a_jail_nothing_is_laid_in(lab: Laboratory, tmp_path: Path) -> None:
    """Bytecode tells of the path of its source, and only in a jail that is always the same."""
    sides = [a_tree(tmp_path / one, one, there=[], absent=["long."]) for one in ("1.0", "1.1")]
    open_lab = replace(lab, host=hosts.unjailed())
    simulation = await tried(open_lab, *sides)
    assert simulation.grade is Grade.PASSED, simulation


async def test_a_base_that_cannot_be_compiled_is_tried_all_the_same(lab: Laboratory, tmp_path: Path) -> None:
    """Less than the time it takes, or foreign code in the way: the tests compile what they need, as ever."""
    broken = "def broken(:\n"
    sides = [a_tree(tmp_path / one, one, there=["long."], absent=["broken."], broken=broken) for one in ("1.0", "1.1")]
    assert (await tried(lab, *sides)).grade is Grade.PASSED


@given(st.binary(max_size=300))
def test_any_bytes_out_of_a_jail_can_be_read(data: bytes) -> None:
    """What foreign code hands over never raises: it is what was asked for, or nothing."""
    assert isinstance(bytecode.read(data), dict)


@pytest.mark.parametrize(
    "told",
    [
        ["a.py", "../a.x.pyc", "0" * 64, 16],
        ["a.py", "a./x.pyc", "0" * 64, 16],
        ["a.py", "b.x.pyc", "0" * 64, 16],
        ["a.py", "a.x.so", "0" * 64, 16],
        ["a.py", "a.x.pyc", "0" * 64, 17],
        ["a.py", "a.x.pyc", "0" * 64, -1],
    ],
)
def test_a_name_that_leads_elsewhere_spoils_all(told: list[object]) -> None:
    """A file that is not named as its source is, or longer than what was handed over, is no honest mistake."""
    good = ["a.py", "a.x.pyc", "0" * 64, 16]
    assert list(bytecode.read(json.dumps([good]).encode() + b"\n" + bytes(16))) == ["a.py"]
    assert bytecode.read(json.dumps([good, told]).encode() + b"\n" + bytes(32)) == {}


def a_side(folder: Path) -> Sample:
    """A tree with one module, below a folder of its own mode, and a link out of it."""
    tree(folder, {"pkg/mod.py": "x = 1\n"})
    (folder / "pkg").chmod(0o750)
    (folder / "away").symlink_to("/etc")
    nothing = Environment(
        key="", folder=folder, interpreter=Interpreter(path=folder, version="", prefix=folder), lock=""
    )
    return Sample(tree=folder, environment=nothing)


def known_of(source: bytes, flags: bytes) -> Known:
    """As a jail would tell of pkg/mod.py."""
    data = importlib.util.MAGIC_NUMBER + flags + bytes(8) + b"code"
    one = Module(name="mod.x.pyc", digest=sha256(source).hexdigest(), data=memoryview(data))
    return {"pkg/mod.py": [one], "away/passwd.py": [one], "../out.py": [one]}


def laid_over(side: Sample, known: Known, place: Path) -> Mapping[str, bytes]:
    """Path -> content of all that would be laid over the tree."""
    place.mkdir()
    given = bytecode.with_known(side, known, {}, place)
    assert given.ahead is not None
    found = given.ahead
    assert [(found / one).stat().st_mode & 0o777 for one in ("", "pkg")] == [0o755, 0o750]
    return {path.relative_to(found).as_posix(): path.read_bytes() for path in found.rglob("*") if path.is_file()}


def test_bytecode_that_goes_by_time_gets_the_time_of_this_tree(tmp_path: Path) -> None:
    """pytest before 9.2 looks at nothing else; what goes by the hash of its source is laid in as it is."""
    side = a_side(tmp_path / "tree")
    os.utime(side.tree / "pkg/mod.py", (1_700_000_000, 1_700_000_000))
    by_time = laid_over(side, known_of(b"x = 1\n", bytes(4)), tmp_path / "a")
    assert list(by_time) == ["pkg/__pycache__/mod.x.pyc"], "nothing beside the tree's own files"
    assert int.from_bytes(by_time["pkg/__pycache__/mod.x.pyc"][8:12], "little") == 1_700_000_000
    by_hash = laid_over(side, known_of(b"x = 1\n", b"\x03\0\0\0"), tmp_path / "b")
    assert by_hash["pkg/__pycache__/mod.x.pyc"][8:12] == bytes(4)


def test_patterns_are_those_of_the_project(tmp_path: Path) -> None:
    """Its own `python_files` too; none where a setting of pytest would make it write something else."""
    usual = ("test_*.py", "*_test.py")
    assert pytests.rewritten(tmp_path) == usual
    tree(tmp_path, {"pytest.ini": "[pytest]\npython_files = check_*.py\n  tests/*.py\n"})
    assert pytests.rewritten(tmp_path) == (*usual, "check_*.py", "tests/*.py")
    tree(tmp_path, {"setup.cfg": "[tool:pytest]\nenable_assertion_pass_hook = true\n"})
    assert pytests.rewritten(tmp_path) == ()
