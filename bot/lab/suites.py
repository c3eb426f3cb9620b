"""Finds a tree's test command, and runs it locked in so that it must say, test by test, how each came out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.differential import Side
from bot.core.suites import BESIDE, UNIT, Asked
from bot.lab import junit
from bot.lab.environments import Environment
from bot.lab.jobs import MIB, Job, Limits, Ran, Reason

PYTEST = "python -m pytest"
_INSIDE = Path(__file__).resolve().parent / "inside"
_LEFT_OUT = frozenset({".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules", "site-packages", "__pycache__"})

# By the environment it reaches pytest however it is called: by make, by tox, under coverage. One collection error
# must not hide how the other tests came out.
_REPORT = (
    "--junitxml={results} -o junit_family=xunit1 -o junit_logging=no --continue-on-collection-errors -p surefoot_rerun"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One command of one kind (unit, integration, …), as a shell reads it."""

    kind: str
    command: str
    notes: tuple[str, ...] = ()


def find(tree: Path, asked: Mapping[str, Asked]) -> tuple[Suite, ...]:
    """The commands that the config gives, else pytest where there are test files. It runs unittest's test cases too."""
    given = {kind: one.run for kind, one in asked.items() if one.run and not one.off and kind not in BESIDE}
    if given:
        return tuple(Suite(kind=kind, command=command) for kind, command in given.items())
    if not has_tests(tree) or asked.get(UNIT, Asked()).off:
        return ()
    return (Suite(kind=UNIT, command=PYTEST),)


def has_tests(tree: Path) -> bool:
    """Is there a file that pytest would look into by its own rules?"""
    for _, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        if any(name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py")) for name in files):
            return True
    return False


def job(suite: Suite, tree: Path, environment: Environment, limits: Limits, only: Sequence[str] | None = None) -> Job:
    """The suite on one side. only: ids of the tests to run, or None for all."""
    usual = environment.variables
    env = {**usual, "PYTHONPATH": f"{usual['PYTHONPATH']}:{_INSIDE}", "PYTEST_ADDOPTS": _REPORT}
    if only is not None:
        env["SUREFOOT_ONLY"] = json.dumps(list(only))
    visible = (*environment.visible, _INSIDE)
    return Job(command=("/bin/sh", "-c", suite.command), tree=tree, visible=visible, env=env, limits=limits)


def side(ran: Ran, limits: Limits) -> Side:
    """What the run claims, read as hostile."""
    outcomes, problem = None, ""
    try:
        outcomes = junit.read(ran.results)
    except junit.Unreadable as said:
        problem = f"{said}; the command ended with {ran.code}"
    if ran.reason is Reason.BROKEN:
        problem = ran.text.strip()[-300:]
    return Side(
        outcomes=outcomes,
        code=ran.code,
        ended=ran.reason.value,
        problem=problem,
        seconds=ran.seconds,
        allowed=limits.seconds,
        peak=ran.peak,
        allowed_memory=limits.memory_mib * MIB,
    )
