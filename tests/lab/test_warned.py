"""A deprecation that an update newly raises while the tests run is shown at the repository's own line."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Side, Warned
from bot.core.model import Component, Grade, Level, Remark
from bot.lab import warned
from bot.lab.trial import Laboratory
from tests.lab import world
from tests.lab.world import a_trial, tree

OLD = "def sigh(): pass\ndef deep(): pass\ndef loud(): pass\nclass Gone(DeprecationWarning): pass\n"
NEW = """\
import warnings
class Gone(DeprecationWarning): pass
def sigh(): warnings.warn("use breathe() at 0x7f00deadbeef", DeprecationWarning, stacklevel=2)
def deep(): inner()
def inner(): warnings.warn("inner is old", Gone)
def loud(): warnings.warn("mind the gap", UserWarning)
"""
APP = "import sigher\ndef run():\n    sigher.sigh()\n\n\ndef dive():\n    sigher.deep()\n"
TESTS = """\
import warnings, pytest, app, sigher
def test_run(): app.run()
def test_run_again(): app.run()
def test_dive(): app.dive()
def test_loud(): sigher.loud()
def test_own(): warnings.warn("always there", DeprecationWarning)
def test_hidden():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sigher.sigh()
"""


@pytest.fixture(scope="module")
def sighing(wheels: Path) -> None:
    """Two versions of a package, of which the second warns."""
    world.wheel(wheels, "sigher", "1.0", {"sigher/__init__.py": OLD})
    world.wheel(wheels, "sigher", "1.1", {"sigher/__init__.py": NEW})


def a_tree(folder: Path, version: str, **more: str) -> Path:
    """A project that uses it."""
    files = {"requirements.txt": f"sigher=={version}\npytest\n", "app.py": APP, "tests/test_app.py": TESTS}
    return tree(folder, {**files, **more})


@pytest.mark.usefixtures("sighing")
async def test_what_is_newly_raised_is_shown_at_the_trees_own_line(lab: Laboratory, tmp_path: Path) -> None:
    """Also where the warning itself names a line of the package; once each, and never one that was there before."""
    component = Component(name="sigher")
    trial = replace(a_trial(a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")), component=component)
    for _ in range(2):  # the second time the baseline is one that was remembered
        found = await lab.simulate(trial)
        assert found.grade is Grade.PASSED, found.why
        (suite,) = found.suites
        assert sorted((one.path, one.line, one.title, one.message) for one in suite.remarks) == [
            ("app.py", 3, "`DeprecationWarning` is newly raised here, by `sigher`", "`use breathe() at 0x…`"),
            ("app.py", 7, "`Gone` is newly raised here, by `sigher`", "`inner is old`"),
        ]
        assert {one.level for one in suite.remarks} == {Level.WARNING}
        (measure,) = [one for one in suite.measures if one.name.startswith("deprecations")]
        assert (measure.before, measure.after, measure.change) == ("1", "3", "+2")
    back = await lab.simulate(replace(trial, base=trial.candidate, candidate=trial.base))
    assert back.suites[0].remarks == ()


@pytest.mark.usefixtures("sighing")
async def test_the_projects_own_filters_hold(lab: Laboratory, tmp_path: Path) -> None:
    """What it hides stays hidden, and what it makes an error is an error of the test."""
    for rule, grade in (("ignore::DeprecationWarning", Grade.PASSED), ("error::DeprecationWarning", Grade.FAILED)):
        ini = {"pytest.ini": f"[pytest]\nfilterwarnings = {rule}\n"}
        before, after = (a_tree(tmp_path / f"{grade}{at}", at, **ini) for at in ("1.0", "1.1"))
        found = await lab.simulate(replace(a_trial(before, after), component=Component(name="sigher")))
        assert (found.grade, found.suites[0].remarks) == (grade, ()), found.why


def report(told: object) -> bytes:
    """As pytest writes it."""
    value = html.escape(told if isinstance(told, str) else json.dumps(told))
    return (
        f'<testsuite><properties><property name="surefoot_warned" value="{value}"/></properties></testsuite>'.encode()
    )


LINE = ["a.py", 3, "DeprecationWarning", 'say "it" <b>', "lib"]


def test_a_report_is_read_as_a_claim() -> None:
    """Lines outside of the tree are none of ours, and what cannot be read says nothing."""
    (one,) = warned.read(report([LINE])) or ()
    assert (one.path, one.line, one.message, one.package) == ("a.py", 3, 'say "it" <b>', "lib")
    assert warned.read(report([["/etc/passwd", *LINE[1:]], ["a/../../b", *LINE[1:]], ["a.py", 0, *LINE[2:]]])) == ()
    for data in (None, b"", b"<testsuite/>", report("[["), report([1]), report([["a.py", "x", "", "", ""]])):
        assert warned.read(data) is None
    many = [["a.py", 3, "DeprecationWarning", f"{number}", ""] for number in range(2000)]
    assert len(warned.read(report([LINE, LINE])) or ()) == 1 and len(warned.read(report(many)) or ()) == 500


def test_what_processes_of_node_say_is_read_together() -> None:
    """A line each; a report without any says that there are none, and one that cannot be read says nothing."""
    lines = "".join(json.dumps(one) + "\n" for one in (["a.js", 3, "DeprecationWarning", "old", "lib"], LINE))

    def of(*parts: dict[str, str]) -> bytes:
        return json.dumps({"work": "/w", "parts": list(parts)}, separators=(",", ":")).encode()

    part = {"kind": "warned", "text": lines}
    assert [one.path for one in warned.read(of({"kind": "jest", "text": "{}"}, part, part)) or ()] == ["a.js", "a.py"]
    assert warned.read(of({"kind": "jest", "text": "{}"})) == ()
    beside = {"kind": "pytest", "text": report([LINE]).decode()}
    assert [one.package for one in warned.read(of(beside)) or ()] == ["lib"]
    assert warned.read(of({"kind": "warned", "text": "odd"})) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_not(data: bytes) -> None:
    """Nothing is raised."""
    warned.read(b'<property name="surefoot_warned" value="' + data + b'"/>')


def side(*found: Warned, ended: str = "finished", known: bool = True) -> Side:
    """One run."""
    return Side(outcomes={}, warned=found if known else None, ended=ended)


def test_only_what_can_be_compared_is_said() -> None:
    """Nothing where a side says nothing of warnings, or the baseline was cut off; a moved line is no new one."""
    one = Warned(path="a.py", line=3, category="DeprecationWarning", message="x")
    assert [remark.line for remark in warned.compare(side(), side(one))[0]] == [3]
    assert warned.compare(side(replace(one, line=9)), side(one))[0] == ()
    for before in (side(known=False), side(ended="timeout")):
        assert warned.compare(before, side(one)) == ((), ())
    assert warned.compare(side(), side(known=False)) == ((), ())
    assert warned.compare(side(), side()) == ((), ())


def test_the_same_is_not_told_by_two_suites() -> None:
    """What the tests raised is no news when the test files are imported."""
    told = Remark(level=Level.WARNING, title="newly raised here, by `lib`", message="`x`", path="a.py", line=3)
    other = replace(told, level=Level.NOTICE, title="newly raised here")
    assert warned.without([other, replace(other, line=4)], [told]) == (replace(other, line=4),)
