"""Packages of npm are loaded in the jail and watched: from inside in words, from outside by what the kernel counts."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Grade, Level, SuiteResult
from bot.lab import sandbox, security, security_load
from bot.lab.environments import Environment, Interpreter
from bot.lab.host import Host
from bot.lab.jobs import Limits
from tests.lab.world import tree
from tests.real import tools
from tests.real.npm_world import Registry, a_trial, laboratory, project
from tests.real.test_nodes_pnpm import project as of_pnpm

TOOLS = (tools.node,)
TESTS = {"test/it.test.js": "require('node:test').test('it', () => {});\n"}


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """Where nothing is published yet."""
    made = Registry()
    async with made.running(tmp_path):
        yield made


RAW = (
    "process.binding('spawn_sync').spawn({file: '/bin/true', args: ['true'], "
    "stdio: [{type: 'ignore'}, {type: 'ignore'}, {type: 'ignore'}]})"
)
UNDER = "require('fs').closeSync(3); require('fs').readFileSync(process.env.HOME + '/.npmrc')"
ESM = (
    "import { readFileSync } from 'node:fs';\nimport { spawn } from 'child_process';\n"
    "readFileSync(process.env.HOME + '/.npmrc'); spawn('true');\nexport default await 1;\n"
)
# what a package does when it is loaded -> some of what is told of it
DEEDS: Mapping[str, tuple[str, list[list[str]]]] = {
    "plain": ("module.exports = process.env.HOME && process.env.PATH", [["done", ""]]),
    "starts": ("require('child_' + 'process').execSync('true')", [["process", "sh -c true"], ["done", ""]]),
    "starts-later": ("require('child_process').exec('true')", [["process", "sh -c true"]]),
    "raw": (RAW, [["binding", "spawn_sync"], ["outside", "starts a process"]]),
    "reads": ("require('fs').readFileSync(require('os').homedir() + '/.npmrc')", [["read", "~/.npmrc"]]),
    "reads-promised": ("require('fs').promises.readFile(process.env.HOME + '/.npmrc')", [["read", "~/.npmrc"]]),
    "lists": ("require('fs').readdirSync(process.env.HOME + '/.ssh')", [["list", "~/.ssh"]]),
    "unheard": (UNDER, [["outside", "reads ~/.npmrc"]]),
    "covers-up": (
        "const fs = require('fs'), at = process.env.HOME + '/.netrc', was = fs.statSync(at); fs.closeSync(3); "
        "fs.readFileSync(at); fs.utimesSync(at, was.atime, was.mtime)",
        [["outside", "reads ~/.netrc"]],
    ),
    "connects": ("require('net').connect(80, '192.0.2.1').on('error', () => {})", [["connect", "192.0.2.1:80"]]),
    "fetches": ("fetch('https://evil.example/x')", [["lookup", "evil.example"], ["done", ""]]),
    "asks": ("require('dns').resolve('evil.example', () => {})", [["lookup", "evil.example"]]),
    "sends": ("require('dgram').createSocket('udp4').send('x', 53, '192.0.2.1')", [["connect", "192.0.2.1:53"]]),
    "sends-six": ("require('net').connect(80, '2001:db8::1').on('error', () => {})", [["connect", "2001:db8::1:80"]]),
    "listens": ("require('http').createServer().listen(8080)", [["connect", "localhost:8080"]]),
    "token": ("process.env.NPM_TOKEN", [["env", "NPM_TOKEN"]]),
    "all": ("JSON.stringify({ ...process.env })", [["environ", ""], ["done", ""]]),
    "writes": ("require('fs').appendFileSync(process.env.HOME + '/.bashrc', 'x')", [["write", "~/.bashrc"]]),
    "thread": (
        "new (require('worker_threads').Worker)(\"require('fs').readFileSync(process.env.HOME + '/.netrc')\", "
        "{ eval: true })",
        [["read", "~/.netrc"]],
    ),
    "throws": ("throw new TypeError('x')", [["failed", "throws: TypeError"], ["done", ""]]),
    "https": ("require('net').connect(1, 'name.example')", [["lookup", "name.example"]]),  # as a part of Node is called
    "esm": (ESM, [["read", "~/.npmrc"], ["process", "true"], ["done", ""]]),
}


def node(folder: Path, packages: Mapping[str, str]) -> Environment:
    """An environment with these packages: name -> text."""
    for name, text in packages.items():
        more = {"type": "module", "exports": "./index.js"} if text.startswith("import ") else {}
        manifest = json.dumps({"name": name, "version": "1.0.0", **more})
        tree(folder / "node_modules" / name, {"package.json": manifest, "index.js": text})
    program = Path(os.path.realpath(str(shutil.which("node"))))
    found = Interpreter(path=program, version="20", prefix=program.parent)
    return Environment(key="x", folder=folder, interpreter=found, lock="{}", ecosystem="npm")


async def told(best: Host, folder: Path, packages: Mapping[str, str]) -> dict[str, list[list[str]]]:
    """What loading them tells."""
    folder.chmod(0o755)
    there = node(folder / "modules", packages)
    targets = [(name, name, f"node_modules/{name}") for name in packages]
    ran = await sandbox.run(security_load.job(there, targets, Limits(seconds=90, memory_mib=1024)), best)
    assert ran.code == 0 and ran.results, ran
    found: dict[str, list[list[str]]] = json.loads(ran.results)
    return found


async def test_what_loading_a_package_tries_is_told(best: Host, tmp_path: Path) -> None:
    """However it is spelt, in both kinds of modules; what goes around the watch is counted by the kernel."""
    found = await told(best, tmp_path, {name: text for name, (text, _) in DEEDS.items()})
    missing = {
        name: found[name] for name, (_, wanted) in DEEDS.items() if any(one not in found[name] for one in wanted)
    }
    assert missing == {}
    assert found[""] == found["plain"] == [["done", ""]], "what an honest package does is no deed"
    assert ["env", "NPM_TOKEN"] not in found["all"] + found["starts"], "a copy of all asks for none"


async def test_who_ends_the_process_or_hangs_is_not_done(best: Host, tmp_path: Path) -> None:
    """And the next one is watched all the same, with nothing of it left."""
    daemon = "require('child_process').spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).unref()"
    found = await told(best, tmp_path, {"exits": "process.exit(0)", "stays": daemon, "hangs": "for (;;);", "after": ""})
    assert found["exits"] == [] and found["hangs"] == []
    assert ["process", "sleep 60"] in found["stays"] and found["after"] == [["done", ""]]


def asks(result: SuiteResult) -> list[str]:
    """What a person must look at."""
    return [one.title for one in result.remarks if one.level is not Level.NOTICE]


async def test_a_whole_simulation_tells_it(best: Host, registry: Registry, tmp_path: Path) -> None:
    """Beside good tests, of a package that hides what it does from whoever reads it; the next one knows it already."""
    hidden = "require(Buffer.from('Y2hpbGRfcHJvY2Vzcw', 'base64').toString()).execSync('true');\n"
    registry.publish("greet", "1.0.0", {"index.js": "exports.hail = () => 1;\n"})
    registry.publish("greet", "1.1.0", {"index.js": f"exports.hail = () => 2;\n{hidden}"})
    registry.publish("greet", "1.2.0", {"index.js": "exports.hail = () => 3;\n"})
    trees = [
        project(tmp_path / version, registry, {"greet": version}, TESTS, scripts={"test": "node --test"})
        for version in ("1.0.0", "1.1.0", "1.2.0")
    ]
    for one in trees:
        manifest = json.loads((one / "package.json").read_text())
        (one / "package.json").write_text(json.dumps(manifest, indent=1))
    async with laboratory(best, registry, tmp_path / "lab") as made:
        lab = replace(made, examiners={"security": security.examine})
        simulation = await lab.simulate(a_trial(trees[0], trees[1]))
        good = await lab.simulate(a_trial(trees[0], trees[2]))
    assert simulation.grade is Grade.UNKNOWN, simulation
    assert simulation.why == "security: `greet@1.1.0`: when it is loaded, starts a process `sh -c true`", simulation.why
    remark = simulation.suites[-1].remarks[0]
    assert (remark.path, remark.line) == ("package.json", 5)
    assert good.grade is Grade.PASSED and asks(good.suites[-1]) == [], good
    assert not any("does not know packages of npm" in note and "security" in note for note in simulation.notes)


async def test_packages_of_pnpm_are_loaded_where_they_lie(
    best: Host, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their folders below `.pnpm`, with what they need beside them."""
    tools.first_of_node(monkeypatch, "SUREFOOT_TEST_PNPM")
    registry.publish("deep", "1.0.0", {"index.js": "exports.comma = ',';\n"})
    for version, more in (("1.0.0", ""), ("1.1.0", "require('dns').lookup('evil.example', () => {});\n")):
        text = f"exports.hail = (name) => 'Hello' + require('deep').comma + ' ' + name;\nrequire('deep');\n{more}"
        registry.publish("greet", version, {"index.js": text}, dependencies={"deep": "1.0.0"})
    trees = [of_pnpm(tmp_path / version, registry, version) for version in ("1.0.0", "1.1.0")]
    async with laboratory(best, registry, tmp_path / "lab") as made:
        lab = replace(made, examiners={"security": security.examine})
        simulation = await lab.simulate(a_trial(trees[0], trees[1]))
    assert simulation.grade is Grade.UNKNOWN, simulation
    assert asks(simulation.suites[-1]) == ["`greet@1.1.0`: when it is loaded, looks up the host `evil.example`"], (
        simulation
    )
