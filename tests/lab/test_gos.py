"""Go projects without Go: what is read, what is asked, and what a jail is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem
from bot.lab import gos, suites
from bot.lab.environments import GOLANG, Environment, Interpreter
from bot.lab.jobs import Limits
from tests.lab.world import tree

GO = Interpreter(path=Path("/go/bin/go"), version="1.24.1", prefix=Path("/go"))


def test_proxies_are_those_of_the_machine() -> None:
    """A login goes beside; what would ask anybody on the Internet is no proxy."""
    found = gos._places("https://me:pw@a.example/go/,https://b.example|direct,off")
    assert [(one.url, one.login is not None) for one in found] == [
        ("https://a.example/go", True),
        ("https://b.example", False),
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a_test.go", True),
        ("pkg/deep/a_test.go", True),
        ("a.go", False),
        ("testdata/a_test.go", False),
        ("vendor/x/a_test.go", False),
        ("_old/a_test.go", False),
    ],
)
def test_tests_are_where_go_looks_for_them(name: str, found: bool, tmp_path: Path) -> None:
    """Not in what it passes over."""
    made = tree(tmp_path, {"go.mod": "", name: ""})
    assert [suite.command for suite in suites.find(made, {}, GOLANG)] == (["go test ./..."] if found else [])


def test_every_module_of_a_tree_is_read(tmp_path: Path) -> None:
    """A replacement may lead to one of them; a tree without any is none of Go's."""
    with pytest.raises(ConfigProblem, match=r"go\.mod: there is none"):
        gos._read(tmp_path)
    files = {"go.mod": "a", "go.sum": "b", "go.work": "c", "x/go.mod": "d", "testdata/go.mod": "e", "x/go.sum": "f"}
    assert set(gos._read(tree(tmp_path, files))) == {"go.mod", "go.sum", "go.work", "x/go.mod"}


def test_go_is_reached_however_it_is_called() -> None:
    """By a program of its name before it in PATH; without any way out."""
    made = Environment(key="k", folder=Path("/m"), interpreter=GO, lock="", ecosystem=GOLANG, folders=(Path("/go"),))
    job = suites.job(suites.Suite(kind="unit", command="make"), Path("/t"), made, Limits(), ["p::TestA/x"])
    assert job.env["PATH"].startswith(f"{suites.INSIDE}/programs:/go/bin:")
    assert job.env["SUREFOOT_RUN"] == "^(TestA)$" and job.env["GOPROXY"] == "off" and job.roomy
    assert job.placed == {job.env["GOMODCACHE"]: Path("/m")} and Path("/go") in job.visible
    assert job.command == ("/bin/sh", "-c", "make") and "NODE_OPTIONS" not in job.env
