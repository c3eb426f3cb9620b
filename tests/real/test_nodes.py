"""Node projects are tried as Python ones are: packages by npm in the jail, tests by their own runners, one by one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Transient
from bot.core.model import Grade, Isolation
from bot.lab import regression
from bot.lab.host import Host
from bot.lab.trial import Laboratory
from tests.lab.world import with_pytest
from tests.real import tools
from tests.real.npm_world import Registry, a_trial, laboratory, project

TOOLS = (tools.node,)
GREET = "exports.hail = (name) => `{word}, ${{name}}`;\n"
TESTS = """\
const { test, describe, it } = require("node:test");
const assert = require("node:assert");
const { hail } = require("greet");
test("hails", () => assert.equal(hail("you"), "Hello, you"));
describe("outer", () => { it("is steady", () => {}); it.skip("later", () => {}); });
test("broken already", () => assert.equal(1, 2));
"""
SCRIPTS = {"test": "node --test"}


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """With three versions of a small library, whose script must not run; the last one breaks its users."""
    made = Registry()
    for version, word in (("1.0.0", "Hello"), ("1.1.0", "Hello"), ("2.0.0", "Hail")):
        scripts = {"postinstall": "touch /home/sim/tree/project/node_modules/EVIL && exit 1"}
        made.publish("greet", version, {"index.js": GREET.format(word=word)}, scripts=scripts)
    async with made.running(tmp_path):
        yield made


@pytest.fixture
async def lab(best: Host, registry: Registry, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab that knows this registry."""
    async with laboratory(best, registry, tmp_path / "lab") as made:
        yield made


def a_project(folder: Path, registry: Registry, version: str, tests: str = TESTS, **more: str) -> Path:
    """One that pins greet."""
    return project(folder, registry, {"greet": version}, {"test/it.test.js": tests, **more}, scripts=SCRIPTS)


async def test_an_update_that_breaks_a_test_is_refused(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """The test is named with its file and its line; what failed before is not the update's fault; no script ran."""
    before, after = a_project(tmp_path / "a", registry, "1.0.0"), a_project(tmp_path / "b", registry, "2.0.0")
    simulation = await lab.simulate(a_trial(before, after))
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    (change,) = suite.newly_failing
    assert (change.test, change.path, change.line) == ("test/it.test.js::hails", "test/it.test.js", 4)
    assert "Hail, you" in change.message and suite.command == "npm test"
    assert (suite.before.total, suite.after.failed, suite.after.skipped) == (4, 2, 1)
    assert "no install script is run: greet" in simulation.notes
    assert not list(lab.cache.folder.rglob("EVIL"))


async def test_a_good_update_passes_and_fetches_what_changed_alone(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """What was prepared is kept by its lock; tarballs by their content; the baseline is not run again."""
    registry.publish("still", "1.0.0", {"index.js": ""})

    def at(folder: str, version: str) -> Path:
        wishes = {"greet": version, "still": "1.0.0"}
        return project(tmp_path / folder, registry, wishes, {"test/it.test.js": TESTS}, scripts=SCRIPTS)

    first = await lab.simulate(a_trial(at("a", "1.0.0"), at("b", "1.1.0")))
    assert first.grade is Grade.PASSED, first
    seen = [path for path in registry.seen if path.endswith(".tgz")]
    assert seen.count("/still/-/still-1.0.0.tgz") <= 2, "at most once by each side, as both begin at once"
    registry.seen.clear()
    second = await lab.simulate(a_trial(tmp_path / "a", at("c", "2.0.0")))
    assert second.grade is Grade.FAILED, second
    assert "before: known from an earlier run" in second.suites[0].notes
    assert [path for path in registry.seen if path.endswith(".tgz")] == ["/greet/-/greet-2.0.0.tgz"]


@pytest.mark.parametrize("command", ["npm test", "node --test --test-reporter tap test/"])
async def test_a_jail_without_a_cgroup_does_as_well(
    best: Host, registry: Registry, tmp_path: Path, command: str
) -> None:
    """There the address space of a process cannot be bounded, as Node reserves more than it fills."""
    wasm = "new WebAssembly.Memory({ initial: 1, maximum: 65536 });\n" + TESTS
    trees = [a_project(tmp_path / version, registry, version, wasm) for version in ("1.0.0", "2.0.0")]
    plain = replace(best, isolation=Isolation.PLAIN, groups={})
    async with laboratory(plain, registry, tmp_path / "lab") as lab:
        simulation = await lab.simulate(a_trial(*trees, unit=command))
    assert simulation.grade is Grade.FAILED, simulation
    assert [change.test for change in simulation.suites[0].newly_failing] == ["test/it.test.js::hails"]


# --- layouts -------------------------------------------------------------------------------------------------------


async def test_a_workspace_has_its_members_and_their_own_packages(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """A member is found where it lies in the tree; one that needs another version of a package has that."""
    test = (
        "const { test } = require('node:test'), assert = require('node:assert'), { say } = require('member');\n"
        "test('member', () => assert.equal(say('you'), 'Hail, you'));\n"
        "test('root', () => assert.equal(require('greet').hail('you'), 'Hello, you'));\n"
    )
    member = {"name": "member", "version": "1.0.0", "main": "m.js", "dependencies": {"greet": "2.0.0"}}

    def at(folder: str, version: str) -> Path:
        files = {
            "packages/m/package.json": json.dumps(member), "packages/m/m.js": "exports.say = require('greet').hail;\n",
            "test/it.test.js": test,
        }  # fmt: skip
        made = project(
            tmp_path / folder, registry, {"greet": version}, files, scripts=SCRIPTS, workspaces=["packages/*"]
        )
        lock = json.loads((made / "package-lock.json").read_text())
        lock["packages"][""]["workspaces"] = ["packages/*"]
        lock["packages"]["node_modules/member"] = {"resolved": "packages/m", "link": True}
        lock["packages"]["packages/m"] = member
        lock["packages"]["packages/m/node_modules/greet"] = registry.entry("greet", "2.0.0")
        (made / "package-lock.json").write_text(json.dumps(lock))
        return made

    simulation = await lab.simulate(a_trial(at("a", "1.0.0"), at("b", "1.1.0")))
    assert simulation.grade is Grade.PASSED, simulation
    assert simulation.suites[0].after.passed == 2


async def test_a_project_in_a_folder_of_its_own(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Beside a Python one; the command says where it is."""
    files = {"web/test/it.test.js": TESTS, "requirements.txt": "", "test_a.py": "def test_a(): pass\n"}
    trees = [
        project(tmp_path / version, registry, {"greet": version}, files, where="web", scripts=SCRIPTS)
        for version in ("1.0.0", "2.0.0")
    ]
    simulation = await lab.simulate(a_trial(*trees))
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    assert suite.command == "cd web && npm test"
    assert [change.test for change in suite.newly_failing] == ["web/test/it.test.js::hails"]


async def test_one_command_runs_both_worlds(best: Host, registry: Registry, tmp_path: Path) -> None:
    """pytest and node beside each other; the tests of both are in one report."""
    wheels = with_pytest(tmp_path / "wheels")
    files = {"requirements.txt": "", "test_a.py": "def test_a(): pass\n", "test/it.test.js": TESTS}
    trees = [
        project(tmp_path / version, registry, {"greet": version}, files, scripts=SCRIPTS)
        for version in ("1.0.0", "2.0.0")
    ]
    async with laboratory(best, registry, tmp_path / "lab", wheels) as both:
        simulation = await both.simulate(a_trial(*trees, unit="python -m pytest -q && npm test"))
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    assert [change.test for change in suite.newly_failing] == ["test/it.test.js::hails"]
    assert suite.before.total == 5


async def test_without_a_lock_npm_chooses_and_it_is_said(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Within the ranges of the manifest."""
    trees = [a_project(tmp_path / name, registry, "1.0.0") for name in "ab"]
    for made, wish in zip(trees, ("1.0.0", "^1.0.0"), strict=True):
        (made / "package-lock.json").unlink()
        manifest = json.loads((made / "package.json").read_text())
        (made / "package.json").write_text(json.dumps({**manifest, "dependencies": {"greet": wish}}))
    simulation = await lab.simulate(a_trial(*trees))
    assert simulation.grade is Grade.PASSED, simulation
    assert "no lock file: npm chose the versions" in simulation.notes


async def test_a_tool_may_write_beside_its_packages_and_not_into_them(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """node_modules is the tree's own; the packages in it are not."""
    tests = (
        "const { test } = require('node:test'), fs = require('node:fs'), assert = require('node:assert');\n"
        "test('beside', () => fs.mkdirSync('node_modules/.cache'));\n"
        "test('into', () => assert.throws(() => fs.writeFileSync('node_modules/greet/x', ''), /EROFS/));\n"
        "test('its program', () => assert.ok(process.env.PATH.includes('node_modules/.bin')));\n"
    )
    trees = [a_project(tmp_path / version, registry, version, tests) for version in ("1.0.0", "1.1.0")]
    simulation = await lab.simulate(a_trial(*trees))
    assert simulation.grade is Grade.PASSED, simulation
    assert simulation.suites[0].after.passed == 3


# --- refusals ------------------------------------------------------------------------------------------------------


def with_lock(made: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The project with its lock changed."""
    lock = json.loads((made / "package-lock.json").read_text())
    change(lock)
    (made / "package-lock.json").write_text(json.dumps(lock))
    return made


async def why(lab: Laboratory, before: Path, after: Path) -> tuple[Grade, str]:
    """How it ends, and the reason."""
    simulation = await lab.simulate(a_trial(before, after))
    assert simulation.suites == ()
    return simulation.grade, simulation.why


async def test_a_lock_that_does_not_fit_is_the_updates_fault(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """Who installs it would be refused as well: it is another manifest's, or names other bytes."""
    good = a_project(tmp_path / "a", registry, "1.0.0")

    def manifest(lock: dict[str, Any]) -> None:
        lock["packages"]["node_modules/greet"] = registry.entry("greet", "1.0.0")

    def other(lock: dict[str, Any]) -> None:
        lock["packages"]["node_modules/greet"]["integrity"] = registry.integrity("greet", "1.1.0")

    unmoved = a_project(tmp_path / "d", registry, "2.0.0")
    (unmoved / "package-lock.json").write_bytes((good / "package-lock.json").read_bytes())
    grade, said = await why(lab, good, unmoved)
    assert (grade, "in sync" in said) == (Grade.FAILED, True), "the lock is the baseline's, and so is no answer"
    grade, said = await why(lab, good, with_lock(a_project(tmp_path / "b", registry, "2.0.0"), manifest))
    assert (grade, "in sync" in said) == (Grade.FAILED, True), said
    grade, said = await why(lab, good, with_lock(a_project(tmp_path / "c", registry, "2.0.0"), other))
    assert (grade, "ntegrity" in said) == (Grade.FAILED, True), said


async def test_a_package_from_elsewhere_is_not_fetched(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """A person has to say that it is meant; nobody there was asked."""

    def elsewhere(lock: dict[str, Any]) -> None:
        lock["packages"]["node_modules/greet"]["resolved"] = "https://evil.example/greet/-/greet-2.0.0.tgz"

    bad = with_lock(a_project(tmp_path / "b", registry, "2.0.0"), elsewhere)
    grade, said = await why(lab, a_project(tmp_path / "a", registry, "1.0.0"), bad)
    assert grade is Grade.UNKNOWN and "https://evil.example, which is no part" in said


async def test_a_registry_that_is_away_is_worth_another_try(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """Nothing is said about the update."""
    registry.fail = 503
    with pytest.raises(Transient):
        await lab.simulate(a_trial(*(a_project(tmp_path / name, registry, "1.0.0") for name in "ab")))


async def test_without_npm_it_is_said(
    lab: Laboratory, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How to get it stands in the reason."""
    made = a_project(tmp_path / "a", registry, "1.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    grade, said = await why(lab, made, made)
    assert grade is Grade.UNKNOWN and "npm is not installed" in said and "Install Node.js" in said


async def test_without_a_jail_nothing_is_installed(best: Host, registry: Registry, tmp_path: Path) -> None:
    """Not even where code may run without one: npm reads hostile files."""
    bare = replace(best, isolation=Isolation.UNJAILED, reason="no jail", mend="Get one")
    made = a_project(tmp_path / "a", registry, "1.0.0")
    async with laboratory(bare, registry, tmp_path / "lab") as lab:
        grade, said = await why(lab, made, made)
    assert grade is Grade.UNKNOWN and "no jail. Get one" in said


# --- what tests do -------------------------------------------------------------------------------------------------

SHAKY = (
    "const { test } = require('node:test'), fs = require('node:fs'), assert = require('node:assert');\n"
    "test('steady', () => {});\n"
    "test('shaky', () => assert.ok(!fs.existsSync('bad-luck')));\n"
)


async def test_a_test_that_sometimes_fails_is_set_apart(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """As with every other runner."""
    before, after = (a_project(tmp_path / version, registry, version, SHAKY) for version in ("1.0.0", "1.1.0"))
    (after / "bad-luck").touch()

    def luck(word: str) -> None:
        if "again" in word:
            (after / "bad-luck").unlink()

    simulation = await replace(lab, say=luck).simulate(a_trial(before, after))
    assert simulation.grade is Grade.PASSED, simulation
    assert [change.test for change in simulation.suites[0].flaky] == ["test/it.test.js::shaky"]


async def test_an_early_exit_is_no_success(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Neither is a suite that says nothing."""
    tests = "if (require('greet').hail('')[1] === 'a') process.exit(0);\n" + TESTS
    trees = [a_project(tmp_path / version, registry, version, tests) for version in ("1.0.0", "2.0.0")]
    simulation = await lab.simulate(a_trial(*trees))
    assert simulation.grade in (Grade.FAILED, Grade.UNKNOWN), simulation
    assert simulation.suites[0].after.passed < simulation.suites[0].before.passed
    silent = await lab.simulate(a_trial(*trees, unit="true"))
    assert silent.grade is Grade.UNKNOWN and "gave no test report" in silent.why, silent


async def test_programs_of_the_project_keep_their_words(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """The regression suite knows package.json's `bin`."""
    files = {"app.js": "console.log(require('greet').hail(process.argv[2]));\n"}
    trees = [
        project(tmp_path / version, registry, {"greet": version}, files, bin={"app": "app.js"})
        for version in ("1.0.0", "2.0.0")
    ]

    with_examiners = replace(lab, examiners={"regression": regression.examine})
    simulation = await with_examiners.simulate(a_trial(*trees))
    (suite,) = simulation.suites
    assert suite.grade is Grade.UNKNOWN and suite.why == "`app --help` says something else"
    assert "-Hello, --help" in suite.remarks[0].message and suite.remarks[0].path == "package.json"
