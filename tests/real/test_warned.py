"""Deprecations that an update newly raises are found by the real runners: those of Node, and pytest with workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Component, Grade
from bot.lab import resolver, trial
from bot.lab.host import Host
from bot.tools.pip import index_of_pip
from tests.lab import world
from tests.lab.world import tree
from tests.real import tools
from tests.real.npm_world import Registry, a_trial, laboratory, project

TOOLS = (tools.node,)
GREET = "exports.hail = () => 'Hello';\nexports.deep = () => exports.hail();\n"
WARNS = """\
const util = require("node:util");
exports.hail = util.deprecate(() => "Hello", "use greet()", "GREET001");
exports.deep = () => { process.emitWarning("deep is old", "DeprecationWarning"); return "Hello"; };
"""
APP = 'const { hail, deep } = require("greet");\nexports.a = () =>\n  hail();\nexports.b = () => deep();\n'
TESTS = """\
const { test } = require("node:test");
const assert = require("node:assert");
const { a, b } = require("./app.js");
test("a", () => assert.equal(a(), "Hello"));
test("b", () => assert.equal(b(), "Hello"));
test("own", () => process.emitWarning("our own", "DeprecationWarning"));
test("loud", () => process.emitWarning("no deprecation"));
"""


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """With two versions of a package, of which the second warns."""
    made = Registry()
    made.publish("greet", "1.0.0", {"index.js": GREET})
    made.publish("greet", "1.1.0", {"index.js": WARNS})
    async with made.running(tmp_path):
        yield made


async def test_nodes_own_warnings_are_heard(best: Host, registry: Registry, tmp_path: Path) -> None:
    """At the line of the tree that leads to the package; what the tree warns of by itself is nothing new."""
    files = {"app.js": APP, "it.test.js": TESTS}
    before, after = (
        project(tmp_path / at, registry, {"greet": at}, files, scripts={"test": "node --test"})
        for at in ("1.0.0", "1.1.0")
    )
    async with laboratory(best, registry, tmp_path / "lab") as lab:
        found = await lab.simulate(a_trial(before, after))
        again = await lab.simulate(a_trial(before, after))
    assert found.grade is Grade.PASSED, found.why
    for told in (found, again):
        assert sorted((one.path, one.line, one.title, one.message) for one in told.suites[0].remarks) == [
            ("app.js", 3, "`DeprecationWarning` is newly raised here", "`use greet()`"),
            ("app.js", 4, "`DeprecationWarning` is newly raised here, by `greet`", "`deep is old`"),
        ]


async def test_the_workers_of_xdist_are_heard(best: Host, tmp_path: Path) -> None:
    """Each hears for itself; what they heard is in the one report."""
    index = await asyncio.to_thread(index_of_pip)
    wheels = tmp_path / "wheels"
    world.wheel(wheels, "sigher_of_ours", "1.0", {"sigher.py": "def sigh(): pass\n"})
    text = "import warnings\ndef sigh(): warnings.warn('use breathe()', DeprecationWarning)\n"
    world.wheel(wheels, "sigher_of_ours", "1.1", {"sigher.py": text})
    uv = resolver.find_uv(replace(index, find_links=(*index.find_links, str(wheels))))
    lab = trial.laboratory(tmp_path / "lab", host=best, uv=uv, examiners={})
    tests = "import sigher, pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_it(n): sigher.sigh()\n"
    before, after = (
        tree(
            tmp_path / at,
            {
                "requirements.txt": f"sigher_of_ours=={at}\npytest\npytest-xdist\n",
                "test_it.py": tests,
                "pytest.ini": "[pytest]\naddopts = -n 2\n",
            },
        )
        for at in ("1.0", "1.1")
    )
    component = Component(name="sigher-of-ours")
    found = await lab.simulate(replace(a_trial(before, after), component=component))
    assert found.grade is Grade.PASSED, found.why
    (suite,) = found.suites
    assert [(one.path, one.line, one.message) for one in suite.remarks] == [("test_it.py", 3, "`use breathe()`")]
    assert suite.after.passed == 4
