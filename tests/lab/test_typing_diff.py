"""Which type checker a tree uses is found by its settings, and what it says is read as a stranger's word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.model import Isolation
from bot.core.typing_errors import Complaint
from bot.lab import typing_diff
from bot.lab.environments import Environment, Interpreter
from bot.lab.jobs import Ran, Reason
from bot.lab.typing_diff import Checker
from tests.lab.world import tree


def an_environment(*pins: str) -> Environment:
    python = Interpreter(path=Path("/usr/bin/python3"), version="3.11.1", prefix=Path("/usr"))
    return Environment(key="k", folder=Path("/none"), interpreter=python, lock="".join(f"{pin}\n" for pin in pins))


BOTH = an_environment("mypy==1.0", "shop==1"), an_environment("mypy==1.0", "shop==2")
SETTINGS = {
    "files named": ({"pyproject.toml": "[tool.mypy]\nfiles = ['a']\n"}, "mypy", False),
    "none named": ({"pyproject.toml": "[tool.mypy]\nstrict = true\n"}, "mypy", True),
    "an empty table": ({"pyproject.toml": "[tool.mypy]\n"}, "mypy", True),
    "setup.cfg": ({"setup.cfg": "[metadata]\nfiles = x\n[mypy]\npackages = a\n[other]\n"}, "mypy", False),
    "an ini": ({"mypy.ini": "[mypy]\n"}, "mypy", True),
    "no settings": ({"pyproject.toml": "[tool.ruff]\n"}, "", False),
    "settings that cannot be read": ({"pyproject.toml": "["}, "", False),
    "no table": ({"pyproject.toml": "[tool]\nmypy = 1\n"}, "", False),
}


@pytest.mark.parametrize("how", SETTINGS)
def test_mypy_where_the_tree_is_set_up_for_it(how: str, tmp_path: Path) -> None:
    """On what its settings name, else on all."""
    files, name, whole = SETTINGS[how]
    checker = typing_diff.found(tree(tmp_path, files or {"x": ""}), *BOTH)
    assert (checker.name if checker else "") == name
    assert checker is None or (checker.command[-1] == ".") == whole


def test_only_what_both_sides_have(tmp_path: Path) -> None:
    """A checker that one side lacks has nothing to be compared with."""
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    assert typing_diff.found(tmp_path, BOTH[0], an_environment("shop==2")) is None
    based = an_environment("basedpyright==1")
    checker = typing_diff.found(tmp_path, based, based)
    assert checker is not None and checker.name == "basedpyright"


def ran(output: bytes, code: int | None = 1, reason: Reason = Reason.FINISHED) -> Ran:
    return Ran(
        code=code, reason=reason, seconds=1, peak=1, cpu_seconds=1, output=output, results=None,
        isolation=Isolation.FULL, clean=True, slot=0,
    )  # fmt: skip


def a_diagnostic(**more: object) -> dict[str, object]:
    usual = {"file": "/home/sim/tree/a/b.py", "severity": "error", "message": "no", "rule": "reportX"}
    return {**usual, "range": {"start": {"line": 3, "character": 1}, "end": {}}, **more}


def test_a_report_of_basedpyright() -> None:
    """Errors alone, by the path within the tree; lines count from 1 here."""
    report = {
        "version": "1",
        "generalDiagnostics": [a_diagnostic(), a_diagnostic(severity="warning"), a_diagnostic(rule="")],
    }
    found = typing_diff._read(Checker(name="basedpyright", command=()), ran(json.dumps(report).encode()))
    assert found == tuple(Complaint(path="a/b.py", line=4, rule=rule, words="no") for rule in ("reportX", ""))


@pytest.mark.parametrize("output", [b"", b"{}", b"no node here", b'{"generalDiagnostics": 1}', b"\xff"])
def test_what_is_no_report(output: bytes) -> None:
    """Is said to be none; a checker that gave up or was ended has none either."""
    checker = Checker(name="basedpyright", command=())
    assert isinstance(typing_diff._read(checker, ran(output)), str)
    assert isinstance(typing_diff._read(checker, ran(b"words", code=3)), str)
    assert typing_diff._read(Checker(name="mypy", command=()), ran(b"", None, Reason.TIMEOUT)) == "timeout"
