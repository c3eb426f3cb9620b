"""An update is tried on both sides, and only what it changes counts."""

from __future__ import annotations

from pathlib import Path

from bot.core.model import Grade
from bot.lab.trial import Laboratory
from tests.lab.world import a_trial, tree

TESTS = """\
import greeter

def test_hail():
    assert greeter.hail("you") == "Hello, you"

def test_other():
    assert True

def test_broken_already():
    assert 1 == 2
"""


def a_tree(folder: Path, version: str, tests: str = TESTS, **more: str) -> Path:
    """A project that pins greeter."""
    return tree(folder, {"requirements.txt": f"greeter=={version}\n", "tests/test_it.py": tests, **more})


async def test_a_good_update_passes_although_the_baseline_has_a_failing_test(lab: Laboratory, tmp_path: Path) -> None:
    """What failed before and fails now is not the update's fault, and is said."""
    simulation = await lab.simulate(a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")))
    assert simulation.grade is Grade.PASSED, simulation
    assert simulation.isolation is lab.host.isolation
    (suite,) = simulation.suites
    assert (suite.before.total, suite.after.total, suite.after.failed) == (3, 3, 1)
    assert "1 fail on both sides" in suite.why


async def test_a_bad_update_fails_and_the_test_is_named(lab: Laboratory, tmp_path: Path) -> None:
    """The reader sees which test, its message, its file and its line."""
    simulation = await lab.simulate(a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "2.0")))
    assert simulation.grade is Grade.FAILED, simulation
    (change,) = simulation.suites[0].newly_failing
    assert change.test == "tests.test_it::test_hail"
    assert (change.before, change.after, change.path, change.line) == ("passed", "failed", "tests/test_it.py", 3)
    assert "Hail, you" in change.message
    assert "test_hail" in simulation.why
