"""A tree's test command is found, and what it claims is read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.core.differential import Came
from bot.core.model import Isolation
from bot.core.suites import Asked
from bot.lab import junit, suites
from bot.lab.environments import Environment, Interpreter
from bot.lab.inside import surefoot_rerun
from bot.lab.jobs import Limits, Ran, Reason
from tests.lab.world import tree

PYTHON = Interpreter(path=Path("/py/bin/python"), version="3.11.7", prefix=Path("/py"))
ENVIRONMENT = Environment(key="k", folder=Path("/env"), interpreter=PYTHON, lock="")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tests/test_a.py", True),
        ("pkg/a_test.py", True),
        ("test_a.txt", False),
        ("tests/a.py", False),
        (".venv/lib/test_a.py", False),
        ("node_modules/x/test_a.py", False),
    ],
)
def test_tests_are_what_pytest_would_look_into(name: str, found: bool, tmp_path: Path) -> None:
    """Not what lies in an environment of the developer's."""
    asked = suites.find(tree(tmp_path, {name: "", "main.py": ""}), {})
    assert [suite.command for suite in asked] == (["python -m pytest"] if found else [])


def test_the_config_has_the_last_word(tmp_path: Path) -> None:
    """Its commands are run as they stand, and none is added; what it turns off is not run."""
    asked = {"unit": Asked(run="make test"), "integration": Asked(run="tox -e it"), "security": Asked(run="scan")}
    found = suites.find(tree(tmp_path, {"test_a.py": ""}), asked)
    assert suites.find(tmp_path, {"unit": Asked(off="needs a phone")}) == ()
    assert [(suite.kind, suite.command) for suite in found] == [("unit", "make test"), ("integration", "tox -e it")]


def test_pytest_is_reached_however_it_is_called() -> None:
    """By its environment; the environment's programs come first, the tree's modules are on the path."""
    job = suites.job(suites.Suite(kind="unit", command="make test"), Path("/tree"), ENVIRONMENT, Limits(), ["a::b"])
    assert job.command == ("/bin/sh", "-c", "make test")
    assert "--junitxml={results}" in job.env["PYTEST_ADDOPTS"]
    assert job.env["PATH"].startswith("/env/bin:") and job.env["PYTHONPATH"].startswith("{work}:{work}/src:")
    assert json.loads(job.env["SUREFOOT_ONLY"]) == ["a::b"]
    assert {Path("/env"), Path("/py")} <= set(job.visible)


def ran(results: bytes | None, reason: Reason = Reason.FINISHED, code: int | None = 0, output: bytes = b"") -> Ran:
    """A run that sent this back."""
    return Ran(
        code=code, reason=reason, seconds=1.0, peak=1, cpu_seconds=1.0, output=output, results=results,
        isolation=Isolation.FULL, clean=True, slot=0,
    )  # fmt: skip


def test_a_run_without_a_report_says_why() -> None:
    """Exit code 0 and no report is no success."""
    silent = suites.side(ran(b""), Limits())
    assert silent.outcomes is None and silent.problem == "no report was written; the command ended with 0"
    broken = suites.side(ran(b"", Reason.BROKEN, None, b"bwrap: no\n"), Limits())
    assert (broken.ended, broken.problem) == ("broken", "bwrap: no")


@pytest.mark.parametrize(("code", "own"), [(2, False), (124, True)])
def test_a_run_that_was_told_to_stop_is_known_though_it_began_late(code: int, own: bool) -> None:
    """A busy machine starts a jail after its time was set: what it did not come to is not called a failure of its own.

    Of one that ends so long before its time is over, the same exit code is its own word.
    """
    limits, stopped = Limits(seconds=100.0), ran(b"", code=code)
    took = {
        seconds: suites.side(replace(stopped, seconds=seconds), limits, own_report=own).ended
        for seconds in (96.0, 94.9, 91.0, 50.0)
    }
    assert took == {96.0: "timeout", 94.9: "timeout", 91.0: "timeout", 50.0: "finished"}


ODD = """
import pytest
class TestIt:
    @pytest.mark.parametrize("x", ["a/b.py", "c::d", "[e]", "\\x00", "é", "a b"])
    def test_odd(self, x): assert x != "[e]"
@pytest.mark.parametrize("x", [object()], ids=repr)
def test_address(x): pass
@pytest.fixture
def bad():
    yield
    raise ValueError("teardown")
def test_teardown(bad): pass
@pytest.mark.skip(reason="why not")
def test_skipped(): pass
"""


def pytest_run(folder: Path, **env: str) -> dict[str, junit.Outcome]:
    """A true run of pytest in a process of its own, read by our reader."""
    options = suites._REPORT.format(results=folder / "report.xml")
    path = f"{suites.INSIDE}"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "sub"],
        cwd=folder,
        env={"PYTHONPATH": path, "PYTEST_ADDOPTS": options, "PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        check=False,
    )
    return junit.read((folder / "report.xml").read_bytes())


def test_only_the_named_tests_run_again(tmp_path: Path) -> None:
    """The plugin calls a test what the report calls it, odd names and all."""
    tree(
        tmp_path, {"sub/test_odd.py": ODD, "sub/test_broken.py": "import no_such_module\n", "pytest.ini": "[pytest]\n"}
    )
    found = pytest_run(tmp_path)
    assert found["sub.test_broken"].came is Came.ERROR
    assert found["sub.test_odd::test_teardown"].came is Came.ERROR
    assert found["sub.test_odd::test_skipped"].came is Came.SKIPPED
    assert len(found) == 10
    named = [test for test in found if "::" in test]
    again = pytest_run(tmp_path, SUREFOOT_ONLY=json.dumps(named))
    assert {test for test in again if "::" in test} == set(named)
    one = pytest_run(tmp_path, SUREFOOT_ONLY=json.dumps(named[:1]))
    assert {test for test in one if "::" in test} == {named[0]}


def test_the_plugin_does_nothing_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run is the whole suite; a second one tells pytest what it leaves out."""
    told: list[object] = []
    config = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=lambda items: told.extend(items)))
    items = [
        SimpleNamespace(nodeid="tests/test_a.py::test_x[a/b.py::c]"),
        SimpleNamespace(nodeid="test_b.py::C::test_y"),
    ]
    both = list(items)
    monkeypatch.delenv("SUREFOOT_ONLY", raising=False)
    surefoot_rerun.pytest_collection_modifyitems(config, items)
    assert (items, told) == (both, [])
    monkeypatch.setenv("SUREFOOT_ONLY", json.dumps(["test_b.C::test_y"]))
    surefoot_rerun.pytest_collection_modifyitems(config, items)
    assert (items, told) == (both[1:], both[:1])
    assert surefoot_rerun.junit_id(both[0].nodeid) == "tests.test_a::test_x[a/b.py::c]"
