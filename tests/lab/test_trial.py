"""An update is tried on both sides, and only what it changes counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.errors import Transient
from bot.core.model import Component, Grade, Isolation, Kind, Member, Release, SuiteResult
from bot.core.ports import Trial
from bot.lab import host as hosts
from bot.lab.baselines import Baselines
from bot.lab.trial import Laboratory
from bot.lab.workbench import OutOfTime, Workbench
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
    assert "1 fails on both sides" in suite.why


async def test_a_bad_update_fails_and_the_test_is_named(lab: Laboratory, tmp_path: Path) -> None:
    """The reader sees which test, its message, its file and its line."""
    simulation = await lab.simulate(a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "2.0")))
    assert simulation.grade is Grade.FAILED, simulation
    (change,) = simulation.suites[0].newly_failing
    assert change.test == "tests.test_it::test_hail"
    assert (change.before, change.after, change.path, change.line) == ("passed", "failed", "tests/test_it.py", 3)
    assert "Hail, you" in change.message
    assert "test_hail" in simulation.why


IN_COMPANY = """
import greeter, os
def test_steady(): pass
def test_shaky():
    assert os.environ.get("SUREFOOT_ONLY") or greeter.hail("you") == "Hello, you"
"""


async def test_a_failure_in_company_is_no_accident(lab: Laboratory, tmp_path: Path) -> None:
    """Alone the test passes, but in the whole suite it fails each time: the update did that."""
    before, after = a_tree(tmp_path / "a", "1.0", IN_COMPANY), a_tree(tmp_path / "b", "2.0", IN_COMPANY)
    simulation = await lab.simulate(a_trial(before, after))
    assert simulation.grade is Grade.FAILED, simulation
    assert [change.test for change in simulation.suites[0].newly_failing] == ["tests.test_it::test_shaky"]
    assert simulation.suites[0].flaky == ()


class BadLuck:
    """A laboratory's ear: the first run of each side finds a file that makes the test fail, the later ones do not."""

    def __init__(self, tree: Path) -> None:
        self.mark = tree / "bad-luck"
        self.mark.write_text("")

    def __call__(self, word: str) -> None:
        if "again" in word:
            self.mark.unlink()


async def test_a_test_that_sometimes_fails_is_set_apart(lab: Laboratory, tmp_path: Path) -> None:
    """It failed once, and passes with nothing of ours changed: flaky, and no reason to refuse the update."""
    tests = "import os\ndef test_steady(): pass\ndef test_shaky(): assert not os.path.exists('bad-luck')\n"
    before, after = a_tree(tmp_path / "a", "1.0", tests), a_tree(tmp_path / "b", "1.1", tests)
    simulation = await replace(lab, say=BadLuck(after)).simulate(a_trial(before, after))
    assert simulation.grade is Grade.PASSED, simulation
    assert [change.test for change in simulation.suites[0].flaky] == ["tests.test_it::test_shaky"]
    assert "1 is flaky" in simulation.why


HAIL, HELLO = "greeter.hail('')[1] == 'a'", "greeter.hail('')[1] == 'e'"  # the update is in, or is not
VANISHING = {
    "early exit": ("import os", f"if {HAIL}: os._exit(0)", Grade.FAILED, "no report"),
    "gone": ("", f"if {HELLO}:\n    def test_b(): pass", Grade.UNKNOWN, "test_b"),
    "skipped": (
        "import pytest",
        f"@pytest.mark.skipif({HAIL}, reason='x')\ndef test_b(): pass",
        Grade.UNKNOWN,
        "skipped",
    ),
    "broken": ("", f"assert {HELLO}", Grade.FAILED, "`tests.test_it` fails"),
}


@pytest.mark.parametrize("how", VANISHING)
async def test_tests_that_vanish_are_no_success(how: str, lab: Laboratory, tmp_path: Path) -> None:
    """An early exit with code 0, a test that is not there any more, one that skips itself, a file that breaks."""
    imports, line, grade, word = VANISHING[how]
    tests = f"import greeter\n{imports}\n{line}\ndef test_a(): pass\n"
    simulation = await lab.simulate(a_trial(a_tree(tmp_path / "a", "1.0", tests), a_tree(tmp_path / "b", "2.0", tests)))
    assert (simulation.grade, word in simulation.why) == (grade, True), simulation


async def test_a_candidate_that_hangs_is_ended(lab: Laboratory, tmp_path: Path) -> None:
    """In a time that the baseline might have needed as well, nothing is known; the log is there, and the reason."""
    tests = "import greeter, time\ndef test_a():\n    if greeter.hail('')[1] == 'a': time.sleep(600)\n"
    before, after = a_tree(tmp_path / "a", "1.0", tests), a_tree(tmp_path / "b", "2.0", tests)
    await lab.simulate(a_trial(before, before))
    simulation = await lab.simulate(a_trial(before, after, seconds=4))
    assert simulation.grade is Grade.UNKNOWN, simulation
    assert "time ran out" in simulation.why or "were over" in simulation.why, "a slow machine may not come to the run"


async def test_a_conflict_refuses_the_update(lab: Laboratory, tmp_path: Path) -> None:
    """In the resolver's words; when the baseline has one too, nothing can be said."""
    after = tree(tmp_path / "b", {"requirements.txt": "greeter==2.0\ngreeter<2\n", "test_a.py": ""})
    simulation = await lab.simulate(a_trial(a_tree(tmp_path / "a", "1.0"), after))
    assert simulation.grade is Grade.FAILED and "greeter" in simulation.why, simulation
    both = await lab.simulate(a_trial(after, after))
    assert both.grade is Grade.UNKNOWN and "baseline cannot be set up" in both.why


async def test_an_index_that_is_behind_proves_nothing(lab: Laboratory, tmp_path: Path) -> None:
    """It listed a version that it does not have: asked again while that is new, then a person is asked.

    What nobody has and nobody listed is missing for certain.
    """
    base = tree(tmp_path / "base", {"requirements.txt": "greeter==1.0\n", "tests/test_it.py": TESTS})
    ahead = tree(tmp_path / "ahead", {"requirements.txt": "greeter==9.9\n", "tests/test_it.py": TESTS})

    def of(name: str, published: datetime) -> Trial:
        release = Release(version="9.9", published=published)
        step = Member(component=Component(name=name), current="1.0", target="9.9", kind=Kind.MAJOR, release=release)
        return replace(a_trial(base, ahead), parts=(step,))

    now = datetime.now(UTC)
    with pytest.raises(Transient, match=r"`Greeter 9\.9` was listed"):
        await lab.simulate(of("Greeter", now - timedelta(hours=1)))
    old = await lab.simulate(of("greeter", now - timedelta(days=4)))
    assert Grade.UNKNOWN is old.grade and "was listed when it was found" in old.why
    other = await lab.simulate(of("another", now))
    assert Grade.FAILED is other.grade and "no index has `greeter==9.9`" in other.why


async def test_requirements_that_cannot_be_read_are_not_known(lab: Laboratory, tmp_path: Path) -> None:
    """File and line are named."""
    after = tree(tmp_path / "b", {"requirements.txt": "greeter==1.1\n???\n", "test_it.py": "def test_it(): pass\n"})
    simulation = await lab.simulate(a_trial(a_tree(tmp_path / "a", "1.0"), after))
    assert simulation.grade is Grade.UNKNOWN and "requirements.txt:2" in simulation.why


async def test_no_tests_means_not_known(lab: Laboratory, tmp_path: Path) -> None:
    """What was not tried has not passed."""
    trees = [tree(tmp_path / name, {"requirements.txt": "greeter==1.0\n"}) for name in "ab"]
    simulation = await lab.simulate(a_trial(*trees))
    assert simulation.grade is Grade.UNKNOWN and "no tests" in simulation.why


async def test_suites_of_the_config(lab: Laboratory, tmp_path: Path) -> None:
    """Each kind is run as it stands; the worst speaks for all, and one without a report proves nothing."""
    trees = [a_tree(tmp_path / name, "1.0") for name in "ab"]
    simulation = await lab.simulate(a_trial(*trees, unit="sh -c 'python -m pytest tests'", integration="true"))
    assert [(suite.kind, suite.grade) for suite in simulation.suites] == [
        ("unit", Grade.PASSED),
        ("integration", Grade.UNKNOWN),
    ]
    assert simulation.grade is Grade.UNKNOWN and simulation.why.startswith(
        "integration: the baseline gave no test report"
    )


async def test_an_exit_code_counts_too(lab: Laboratory, tmp_path: Path) -> None:
    """No test fails, but the command does: a bound on coverage, say."""
    trees = [a_tree(tmp_path / name, version) for name, version in (("a", "1.0"), ("b", "2.0"))]
    command = "python -m pytest -k other && python -c 'import greeter; exit(greeter.hail(str())[1] == chr(97))'"
    simulation = await lab.simulate(a_trial(*trees, unit=command))
    assert simulation.grade is Grade.FAILED and "the command ended with 1" in simulation.why


async def test_modules_below_src_are_found_and_the_trees_stay_clean(lab: Laboratory, tmp_path: Path) -> None:
    """The project is not installed; nothing is written into what was given."""
    files = {
        "requirements.txt": "greeter==1.0\n",
        "src/mine.py": "X = 1\n",
        "test_a.py": "import mine\ndef test_a(): open('left', 'w')\n",
    }
    trees = [tree(tmp_path / name, files) for name in "ab"]
    simulation = await lab.simulate(a_trial(*trees))
    assert simulation.grade is Grade.PASSED, simulation
    assert {path.name for path in trees[0].rglob("*")} == {"requirements.txt", "src", "mine.py", "test_a.py"}


async def test_without_a_jail_nothing_is_run_and_it_is_said(lab: Laboratory, tmp_path: Path) -> None:
    """Only who says so has code run without one, and then it stands in the result."""
    trial_ = a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1"))
    none = replace(
        lab, host=hosts.Host(isolation=Isolation.NONE, reason="user namespaces are forbidden", mend="Allow them")
    )
    refused = await none.simulate(trial_)
    assert (refused.grade, refused.isolation, refused.suites) == (Grade.UNKNOWN, Isolation.NONE, ())
    assert "user namespaces are forbidden. Allow them" in refused.why
    ours = await replace(lab, host=hosts.unjailed()).simulate(trial_)
    assert (ours.grade, ours.isolation) == (Grade.PASSED, Isolation.UNJAILED), ours
    assert "run without a jail" in ours.notes


async def test_the_lower_grade_and_what_was_left_out_are_said(lab: Laboratory, tmp_path: Path) -> None:
    """In the notes that every reader sees."""
    plain = replace(lab.host, isolation=Isolation.PLAIN, groups={}, reason="no cgroup can be made here")
    trial_ = a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1"))
    simulation = await replace(lab, host=plain).simulate(replace(trial_, left_out={"tests/x": "they need a jail"}))
    assert "plain: no cgroup can be made here" in simulation.notes
    assert "not run: tests/x (they need a jail)" in simulation.notes


async def test_time_that_is_over_before_anything_ran(lab: Laboratory, tmp_path: Path) -> None:
    """Nothing is known then."""
    trial_ = a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1"), seconds=0.5)
    simulation = await lab.simulate(trial_)
    assert simulation.grade is Grade.UNKNOWN and "were over" in simulation.why


async def test_a_baseline_that_cannot_be_read_is_made_anew(lab: Laboratory, tmp_path: Path) -> None:
    """And the store of baselines keeps within its bound."""
    small = replace(lab, baselines=Baselines(folder=tmp_path / "baselines", most=1500))
    trees = [a_tree(tmp_path / name, "1.0", f"def test_{name}(): pass\n" * 1) for name in "abc"]
    for one in trees:
        simulation = await small.simulate(a_trial(one, one))
        assert simulation.grade is Grade.PASSED
    kept = sorted((tmp_path / "baselines").iterdir(), key=lambda path: path.stat().st_mtime)
    assert sum(path.stat().st_size for path in kept) <= 1500
    kept[-1].write_text("{")
    again = await small.simulate(a_trial(trees[2], trees[2]))
    assert again.grade is Grade.PASSED
    assert "before: known from an earlier run" not in again.suites[0].notes


async def test_what_the_tests_say_and_why_it_is_so_stand_together(lab: Laboratory, tmp_path: Path) -> None:
    """A failing test speaks first; what was found beside it and fails as well is named behind it."""

    async def gone(_: Workbench) -> SuiteResult:
        return SuiteResult(kind="compatibility", command="", grade=Grade.FAILED, why="`greeter.hail` is gone")

    bad = a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "2.0"))
    told = await replace(lab, examiners={"compatibility": gone}).simulate(bad)
    good = await replace(lab, examiners={"compatibility": gone}).simulate(
        a_trial(a_tree(tmp_path / "c", "1.0"), a_tree(tmp_path / "d", "1.1"))
    )
    assert "`tests.test_it::test_hail` fails; compatibility: `greeter.hail` is gone" == told.why
    assert (Grade.FAILED, "compatibility: `greeter.hail` is gone") == (good.grade, good.why)


async def test_what_could_not_be_examined_in_time_is_not_known(lab: Laboratory, tmp_path: Path) -> None:
    """Green tests are not enough where nobody could look into the packages; of how fast it is nothing need be known."""

    async def late(_: Workbench) -> None:
        raise OutOfTime

    trial = a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1"))
    unsafe = await replace(lab, examiners={"security": late}).simulate(trial)
    slow = await replace(lab, examiners={"performance": late}).simulate(trial)
    assert (Grade.UNKNOWN, "security could not be examined in time") == (unsafe.grade, unsafe.why)
    assert Grade.PASSED is slow.grade and any("not run: performance" in note for note in slow.notes)
