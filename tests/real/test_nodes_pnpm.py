"""A project with a lock of pnpm is laid out by pnpm, as its people have it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import Grade
from bot.lab.host import Host
from bot.lab.locking import pnpm
from bot.lab.trial import Laboratory
from tests.lab.world import tree
from tests.real import jails, tools
from tests.real.npm_world import Registry, a_trial, laboratory

TESTS = """\
const { test } = require("node:test"), assert = require("node:assert");
test("hails", () => assert.equal(require("greet").hail("you"), "Hello, you"));
test("member", () => assert.equal(require("member").say("you"), "Hello, you"));
test("strict", () => assert.throws(() => require("deep")));
"""


@pytest.fixture
def best(monkeypatch: pytest.MonkeyPatch) -> Host:
    """The best jail of this machine, and the pnpm that `make servers` installs; none is a failure, not a skip."""
    tools.first_of_node(monkeypatch, "SUREFOOT_TEST_PNPM")
    return jails.best(pnpm.find)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """greet, which needs deep; the second version breaks its users."""
    made = Registry()
    made.publish("deep", "1.0.0", {"index.js": "exports.comma = ',';\n"})
    for version, word in (("1.0.0", "Hello"), ("1.1.0", "Hello"), ("2.0.0", "Hail")):
        code = f"exports.hail = (name) => '{word}' + require('deep').comma + ' ' + name;\n"
        made.publish("greet", version, {"index.js": code}, dependencies={"deep": "1.0.0"})
    async with made.running(tmp_path):
        yield made


@pytest.fixture
async def lab(best: Host, registry: Registry, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab that knows this registry."""
    async with laboratory(best, registry, tmp_path / "lab") as made:
        yield made


def project(folder: Path, registry: Registry, version: str, wish: str = "") -> Path:
    """A workspace whose root and member ask for greet."""
    held = "".join(
        f"\n  {name}@{one}:\n    resolution: {{integrity: {registry.integrity(name, one)}}}\n"
        for name, one in (("deep", "1.0.0"), ("greet", version))
    )
    asked = f"      greet:\n        specifier: {version}\n        version: {version}\n"
    lock = (
        "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\n"
        f"importers:\n\n  .:\n    dependencies:\n{asked}      member:\n        specifier: workspace:*\n"
        f"        version: link:packages/m\n\n  packages/m:\n    dependencies:\n{asked}\n"
        f"packages:\n{held}\nsnapshots:\n\n  deep@1.0.0: {{}}\n\n  greet@{version}:\n    dependencies:\n"
        "      deep: 1.0.0\n"
    )
    own = f'"version": "1.0.0", "dependencies": {{"greet": "{wish or version}"'
    files = {
        "package.json": f'{{"name": "app", "scripts": {{"test": "node --test"}}, {own}, "member": "workspace:*"}}}}',
        "packages/m/package.json": f'{{"name": "member", "main": "m.js", {own}}}}}',
        "packages/m/m.js": "exports.say = require('greet').hail;\n",
        "pnpm-workspace.yaml": "packages:\n  - packages/*\n",
        "pnpm-lock.yaml": lock,
        "test/it.test.js": TESTS,
    }
    return tree(folder, files)


async def test_an_update_that_breaks_a_test_is_refused(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Members of the workspace are found, and what nobody asked for is not."""
    before, after = project(tmp_path / "a", registry, "1.0.0"), project(tmp_path / "b", registry, "2.0.0")
    simulation = await lab.simulate(a_trial(before, after))
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    names = {change.test for change in suite.newly_failing}
    assert names == {"test/it.test.js::hails", "test/it.test.js::member"}, suite
    assert (suite.before.passed, suite.before.failed) == (3, 0), suite.log
    registry.seen.clear()
    good = await lab.simulate(a_trial(before, project(tmp_path / "c", registry, "1.1.0")))
    assert good.grade is Grade.PASSED, good
    assert [path for path in registry.seen if path.endswith(".tgz")] == ["/greet/-/greet-1.1.0.tgz"]


async def test_a_lock_that_does_not_fit_is_the_updates_fault(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """Who installs it would be refused as well."""
    good, bad = project(tmp_path / "a", registry, "1.0.0"), project(tmp_path / "b", registry, "1.0.0", wish="2.0.0")
    simulation = await lab.simulate(a_trial(good, bad))
    assert simulation.grade is Grade.FAILED and "frozen-lockfile" in simulation.why, simulation
