"""What a project's commands say stays as it was, or a person looks; one that newly fails refuses the update."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Grade, Level, SuiteResult
from bot.core.suites import Asked
from bot.lab import contracts, regression
from bot.lab.trial import Laboratory
from tests.lab.world import a_trial, tree

PROJECT = """\
[project]
name = "app"
version = "1.0"

[project.scripts]
app = "app.cli:main"
"""
CLI = """\
import argparse, greeter, sys
def main():
    parser = argparse.ArgumentParser(description=greeter.hail("you"))
    parser.add_argument("--loud")
    parser.parse_args()
"""


def a_tree(folder: Path, version: str, cli: str = CLI, **more: str) -> Path:
    """A project with one program, which uses greeter."""
    files = {"pyproject.toml": PROJECT, "requirements.txt": f"greeter=={version}\n", "app/cli.py": cli, **more}
    return tree(folder, files)


async def examined(lab: Laboratory, before: Path, after: Path, *commands: str) -> SuiteResult | None:
    """What comes of it, in a lab with nobody but this examiner."""
    alone = replace(lab, examiners={"regression": regression.examine})
    asked = {"unit": Asked(off="not here"), "regression": Asked(commands=commands)}
    simulation = await alone.simulate(replace(a_trial(before, after), suites=asked))
    return simulation.suites[0] if simulation.suites else None


async def test_help_that_stays_the_same_passes(lab: Laboratory, tmp_path: Path) -> None:
    """Run in place, without the project being installed."""
    found = await examined(lab, a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1"))
    assert found is not None and (found.grade, found.why) == (Grade.PASSED, "1 command as before"), found
    assert found.command == "app --help" and found.remarks == ()


async def test_help_that_changes_is_for_a_person(lab: Laboratory, tmp_path: Path) -> None:
    """With what differs, and where the program is declared."""
    found = await examined(lab, a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "2.0"))
    assert found is not None and found.grade is Grade.UNKNOWN, found
    (remark,) = found.remarks
    assert (remark.path, remark.line, remark.level) == ("pyproject.toml", 6, Level.WARNING)
    assert found.why == remark.title == "`app --help` says something else"
    assert "-Hello, you" in remark.message and "+Hail, you" in remark.message


async def test_a_program_that_newly_fails_refuses_the_update(lab: Laboratory, tmp_path: Path) -> None:
    """An option that a library took away breaks at once, whatever the tests reach."""
    cli = CLI + "    assert greeter.hail('').startswith('Hello')\nassert greeter.hail('')[1] == 'e', 'gone'\n"
    found = await examined(lab, a_tree(tmp_path / "a", "1.0", cli), a_tree(tmp_path / "b", "2.0", cli))
    assert found is not None and found.grade is Grade.FAILED, found
    assert found.why == "`app --help` ends with 1; before it ended well"
    assert "AssertionError: gone" in found.remarks[0].message


async def test_recorded_commands_are_held_to_their_words_and_their_code(lab: Laboratory, tmp_path: Path) -> None:
    """Their own code may be any, as long as it stays; our own paths do not count as words."""
    show = "python -c 'import greeter; print(greeter.__file__)'"
    say = "python -c 'import greeter; print(greeter.hail(str(1)))'"
    grep = "python -c 'import greeter; exit(3 if greeter.hail(str())[1] == chr(101) else 4)'"
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "2.0")
    found = await examined(lab, before, after, show, say, grep)
    assert found is not None and found.grade is Grade.UNKNOWN, found
    titles = [remark.title for remark in found.remarks]
    assert len(titles) == 3 and titles[0].startswith("`python -c 'import greeter; print(greeter.hail(str(1)))'` says")
    assert titles[1].endswith("ends with 4; before with 3") and titles[2].startswith("`app --help`")
    assert found.why.endswith(", and 2 more")


async def test_what_differs_by_itself_is_left_out_and_said(lab: Laboratory, tmp_path: Path) -> None:
    """Seen on the baseline first; and with nothing left, nothing is known."""
    cli = CLI.replace('greeter.hail("you")', "str(__import__('uuid').uuid4())")
    found = await examined(lab, a_tree(tmp_path / "a", "1.0", cli), a_tree(tmp_path / "b", "1.1", cli))
    assert found is not None and (found.grade, found.why) == (Grade.UNKNOWN, "no command could be compared"), found
    assert found.notes == ("left out: `app --help` says something else each time",)


async def test_what_does_not_run_in_place_is_no_finding(lab: Laboratory, tmp_path: Path) -> None:
    """A program that asks for the metadata of its own installation fails on both sides; one may never end."""
    bare = "import importlib.metadata as m\ndef main(): print(m.version('app'))\n"
    found = await examined(lab, a_tree(tmp_path / "a", "1.0", bare), a_tree(tmp_path / "b", "2.0", bare))
    assert found is not None and found.notes == ("left out: `app --help` ends with 1 on the baseline",)
    loud = "import sys\ndef main():\n    while True: sys.stdout.write('x' * 100000)\n"
    found = await examined(lab, a_tree(tmp_path / "c", "1.0", loud), a_tree(tmp_path / "d", "2.0", loud))
    assert found is not None and found.notes == ("left out: `app --help` says too much on the baseline",)


async def test_a_candidate_that_floods_is_a_finding(lab: Laboratory, tmp_path: Path) -> None:
    """The baseline ended."""
    cli = CLI + "import sys\nwhile greeter.hail('')[1] == 'a': sys.stdout.write('x' * 100000)\n"
    found = await examined(lab, a_tree(tmp_path / "a", "1.0", cli), a_tree(tmp_path / "b", "2.0", cli))
    assert found is not None and found.grade is Grade.UNKNOWN, found
    assert found.why == "`app --help` says too much; before it did not"


async def test_the_baseline_is_known_the_next_time(lab: Laboratory, tmp_path: Path) -> None:
    """By tree, environment and command; a broken note of it is no note."""
    before, after = a_tree(tmp_path / "a", "1.0", CLI + "# once\n"), a_tree(tmp_path / "b", "1.1", CLI + "# once\n")
    folder = lab.folder / "regression"
    old = {path: path.read_bytes() for path in folder.glob("*.json")}
    await examined(lab, before, after)
    (kept,) = [path for path in folder.glob("*.json") if path not in old]
    kept.write_bytes(kept.read_bytes().replace(b"Hello, you", b"Howdy, you"))
    found = await examined(lab, before, after)
    assert found is not None and "-Howdy, you" in found.remarks[0].message
    kept.write_bytes(b"{")
    found = await examined(lab, before, after)
    assert found is not None and found.grade is Grade.PASSED


async def test_a_project_without_commands_has_nothing_to_say(lab: Laboratory, tmp_path: Path) -> None:
    """No suite at all, rather than one that passes."""
    trees = [tree(tmp_path / name, {"requirements.txt": "greeter==1.0\n"}) for name in "ab"]
    assert await examined(lab, *trees) is None


DECLARED = {
    "pyproject.toml": (
        "[project.scripts]\nrun = 'a.b:c.d [x]'\n'odd name' = 'a:b'\nsly = 'a:b();import os'\n"
        "[tool.poetry.scripts]\nold = {reference = 'x'}\nnew = 'p:q'\n"
    ),
    "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    cfg = m.n:o\n    run=other:thing\n",
}


def test_programs_are_read_from_what_the_project_declares(tmp_path: Path) -> None:
    """Whatever is no entry point is not put into a command."""
    found = {case.shown: case for case in contracts.find(tree(tmp_path, DECLARED), "pypi")}
    assert set(found) == {"run --help", "new --help", "cfg --help"}
    assert found["cfg --help"].path == "setup.cfg" and found["cfg --help"].line == 3
    code = "import sys; from m.n import o; sys.argv = ['cfg', '--help']; sys.exit(o())"
    assert found["cfg --help"].command == ("python", "-c", code)


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": "["}, {"setup.cfg": "no section"}, {"package.json": "[]"}])
def test_what_cannot_be_read_declares_nothing(files: dict[str, str], tmp_path: Path) -> None:
    """Nor does what is not there."""
    assert contracts.find(tree(tmp_path, files), "pypi") == contracts.find(tmp_path, "npm") == ()
    assert contracts.find(tmp_path, "cargo") == ()


def test_programs_of_a_node_project(tmp_path: Path) -> None:
    """Those whose file is in the repository and leads nowhere else."""
    manifest = '{"name": "@a/app", "bin": "./bin/app.js"}'
    made = tree(tmp_path / "one", {"package.json": manifest, "bin/app.js": "x"})
    (case,) = contracts.find(made, "npm")
    assert (case.shown, case.command) == ("app --help", ("node", "./bin/app.js", "--help"))
    several = '{"bin": {"a": "a.js", "built": "dist/b.js", "out": "../../x", "n": 5}}'
    made = tree(tmp_path / "two", {"web/package.json": several, "web/package-lock.json": "{}", "web/a.js": "x"})
    assert [case.command for case in contracts.find(made, "npm")] == [("node", "web/a.js", "--help")]
