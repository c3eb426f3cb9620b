"""Historical upgrades of npm packages: what broke its users is refused, with file and line; other ones are let through.

Each row is an upgrade that happened, with a small program of ours that uses the package as people did. The line that
broke bears the mark `// breaks`. The test beside it does not come to those lines.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.core.model import Grade, Level, Simulation, SuiteResult
from bot.lab import compatibility
from bot.lab.host import Host
from bot.lab.trial import Laboratory
from bot.tools.http import Reach
from bot.tools.npm import settings_of_npm
from tests.lab.world import tree
from tests.real import labs, tools
from tests.real.npm_world import a_trial

TOOLS = (tools.node,)
MARK = "// breaks"
TEST = 'const { test } = require("node:test");\ntest("steady", () => {});\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """One that happened. program: with a mark on each line that breaks; none is marked where nobody was hurt.

    words: what the first sentence must say of it. also: packages that stay as they are. manifest: more of package.json.
    """

    package: str
    before: str
    after: str
    program: str
    words: str = ""
    file: str = "program.js"
    also: Mapping[str, str] = field(default_factory=dict)
    manifest: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def breaks(self) -> set[tuple[str, int]]:
        """The marked lines."""
        lines = enumerate(self.program.splitlines(), 1)
        return {(self.file, number) for number, line in lines if MARK in line}

    def laid_out(self, folder: Path, version: str) -> Path:
        """The tree with this version pinned."""
        wishes = {self.package: version, **self.also}
        manifest = {"name": "app", "version": "1.0.0", "dependencies": wishes, **self.manifest}
        return tree(
            folder,
            {
                "package.json": json.dumps(manifest, indent=2),
                self.file: self.program,
                "test/it.cjs": TEST,
                **self.files,
            },
        )


BROKE = [
    Upgrade(
        package="chalk",
        before="4.1.2",
        after="5.3.0",
        words="`chalk.green.bold` is gone",
        program="""\
const chalk = require("chalk");
exports.ok = (text) => chalk.green.bold(text); // breaks
exports.odd = (text) => chalk["red"](text); // breaks
""",
    ),
    Upgrade(
        package="chalk",
        before="4.1.2",
        after="5.3.0",
        words="`chalk.keyword` is gone",
        file="program.mjs",
        program="""\
import chalk from "chalk";
export const ok = (text) => chalk.green.bold(text);
export const odd = (text) => chalk.keyword("orange")(text); // breaks
""",
    ),
    Upgrade(
        package="node-fetch",
        before="2.7.0",
        after="3.3.2",
        words="`node-fetch` is no function any more",
        program="""\
const fetch = require("node-fetch");
const { Headers } = require("node-fetch");
exports.get = async (url) => (await fetch(url, { headers: new Headers() })).text(); // breaks
""",
    ),
    Upgrade(
        package="uuid",
        before="7.0.3",
        after="8.3.2",
        words="`uuid/v4` is not exported any more",
        program="""\
const v4 = require("uuid/v4"); // breaks
const { v1 } = require("uuid");
exports.both = () => [v4(), v1()];
""",
    ),
    Upgrade(
        package="uuid",
        before="3.4.0",
        after="7.0.3",
        words="`uuid` is no function any more",
        program="""\
const uuid = require("uuid");
exports.one = () => uuid(); // breaks
exports.four = () => uuid.v4();
""",
    ),
    Upgrade(
        package="glob",
        before="8.1.0",
        after="9.3.5",
        words="`glob.GlobSync` is gone",
        program="""\
const { Glob, GlobSync, sync } = require("glob"); // breaks
exports.all = () => sync("*.js");
exports.walk = () => new GlobSync("*"); // breaks
exports.any = () => Glob;
""",
    ),
    Upgrade(
        package="p-limit",
        before="3.1.0",
        after="4.0.0",
        words="`p-limit` is no function any more",
        program="""\
const pLimit = require("p-limit");
exports.slowly = (work) => pLimit(2)(work); // breaks
""",
    ),
    Upgrade(
        package="minimatch",
        before="5.1.6",
        after="9.0.5",
        words="`minimatch` is no function any more",
        program="""\
const minimatch = require("minimatch");
exports.fits = (name) => minimatch(name, "*.js"); // breaks
exports.sorted = minimatch.filter("*.js");
""",
    ),
    Upgrade(
        package="lru-cache",
        before="6.0.0",
        after="10.4.3",
        words="`lru-cache` is no class any more",
        program="""\
const LRU = require("lru-cache");
exports.made = () => new LRU({ max: 3 }); // breaks
""",
    ),
    Upgrade(
        package="lru-cache",
        before="7.18.3",
        after="10.4.3",
        words="the default export of `lru-cache` is gone",
        file="program.mjs",
        program="""\
import LRU from "lru-cache"; // breaks
export const made = () => new LRU({ max: 3 }); // breaks
""",
    ),
]
FINE = [
    Upgrade(
        package="lodash",
        before="4.17.20",
        after="4.17.21",
        program="""\
const _ = require("lodash");
const debounce = require("lodash/debounce");
exports.all = (list) => _.chain(list).map((one) => one * 2).value();
exports.late = debounce(() => {}, 10);
""",
    ),
    Upgrade(
        package="semver",
        before="7.5.4",
        after="7.7.2",
        program="""\
const semver = require("semver");
const { satisfies } = semver;
const gt = require("semver/functions/gt");
exports.ok = (one) => satisfies(one, "^1") && gt(one, "1.0.0") && new semver.Range("^1").test(one);
""",
    ),
    Upgrade(
        package="ms",
        before="2.1.2",
        after="2.1.3",
        program='const ms = require("ms");\nexports.two = ms("2 days");\n',
    ),
    Upgrade(
        package="yargs-parser",
        before="20.2.9",
        after="21.1.1",
        program="""\
const parse = require("yargs-parser");
exports.args = parse(process.argv.slice(2));
exports.more = parse.detailed("--x");
""",
    ),
    Upgrade(
        package="chalk",
        before="4.1.2",
        after="5.3.0",
        file="program.mjs",
        program='import chalk from "chalk";\nexport const ok = (text) => chalk.green.bold(text);\n',
    ),
    Upgrade(
        package="node-fetch",
        before="2.7.0",
        after="3.3.2",
        manifest={"type": "module"},
        program='import fetch, { Headers } from "node-fetch";\nexport const get = (url) => fetch(url, Headers);\n',
    ),
    Upgrade(
        package="glob",
        before="8.1.0",
        after="9.3.5",
        program='const { sync } = require("glob");\nexports.all = () => sync("*.js");\n',
    ),
    Upgrade(
        package="commander",
        before="12.1.0",
        after="13.1.0",
        program="""\
const { Command, program } = require("commander");
class Mine extends Command { run() { return this.opts(); } }
exports.made = new Mine().option("-y").parse([]);
exports.words = () => program.name();
""",
    ),
]


TYPES = """\
import type { Instance, Options } from "chalk"; // breaks
export const made = (one: Options): Instance | undefined => undefined;
"""
SETTINGS = '{"compilerOptions": {"module": "nodenext", "strict": true, "skipLibCheck": true, "types": []}}'
ASKED = [
    Upgrade(
        package="rimraf",
        before="3.0.2",
        after="4.4.1",
        words="`rimraf` seems to take no callback any more",
        program="""\
const rimraf = require("rimraf");
exports.gone = (done) => rimraf("/nowhere", () => done()); // breaks
exports.now = () => rimraf.sync("/nowhere");
""",
    ),
    Upgrade(
        package="nanoid",
        before="3.3.7",
        after="4.0.2",
        words="`nanoid` is an ES module now, which Node 16.x cannot require",
        manifest={"engines": {"node": ">=16"}},
        program="""\
const { nanoid } = require("nanoid"); // breaks
exports.id = () => nanoid();
""",
    ),
    Upgrade(
        package="chalk",
        before="4.1.2",
        after="5.3.0",
        words="`chalk.Instance` is not declared any more",
        file="program.mts",
        program=TYPES,
        files={"tsconfig.json": SETTINGS},
    ),
    Upgrade(
        package="chalk",
        before="4.1.2",
        after="5.3.0",
        words="tsc newly reports an error in `program.mts:1`",
        file="program.mts",
        program=TYPES,
        files={"tsconfig.json": SETTINGS},
        also={"typescript": "5.4.5"},
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one lab keeps what it knows, so that a package is fetched and looked at once."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture
async def lab(best: Host, place: Path) -> AsyncIterator[Laboratory]:
    """A lab that asks the registry of this machine, and examines nothing but compatibility."""
    reach, examiners = Reach(trusted=settings_of_npm().hosts), {"compatibility": compatibility.examine}
    async with labs.laboratory(best, place, reach=reach, examiners=examiners) as made:
        yield made


async def simulated(lab: Laboratory, upgrade: Upgrade, folder: Path) -> tuple[Simulation, SuiteResult]:
    """Both versions tried, and what was said of compatibility."""
    before, after = (upgrade.laid_out(folder / version, version) for version in (upgrade.before, upgrade.after))
    simulation = await lab.simulate(a_trial(before, after, upgrade.package, unit="node --test test/"))
    assert simulation.suites, simulation
    return simulation, simulation.suites[-1]


def _id(upgrade: Upgrade) -> str:
    return f"{upgrade.package}-{upgrade.before}-{upgrade.after}-{upgrade.file.rpartition('.')[2]}"


@pytest.mark.parametrize("upgrade", BROKE, ids=_id)
async def test_an_upgrade_that_broke_its_users_is_refused(upgrade: Upgrade, lab: Laboratory, tmp_path: Path) -> None:
    """Every broken use is named, no other is, and the tests alone would not have seen it."""
    simulation, suite = await simulated(lab, upgrade, tmp_path)
    failures = {(one.path, one.line) for one in suite.remarks if one.level is Level.FAILURE}
    assert simulation.grade is suite.grade is Grade.FAILED, (simulation.why, suite.remarks, suite.notes)
    assert failures == upgrade.breaks, suite.remarks
    assert upgrade.words in suite.why, suite.why
    assert simulation.suites[0].grade is Grade.PASSED, simulation.suites[0]


@pytest.mark.parametrize("upgrade", ASKED, ids=_id)
async def test_what_is_not_certain_asks_a_person(upgrade: Upgrade, lab: Laboratory, tmp_path: Path) -> None:
    """With the line, and why it is not certain."""
    simulation, suite = await simulated(lab, upgrade, tmp_path)
    places = {(one.path, one.line) for one in suite.remarks if one.level is Level.WARNING}
    assert simulation.grade is suite.grade is Grade.UNKNOWN, (simulation.why, suite.remarks, suite.notes)
    assert upgrade.words in suite.why and places >= upgrade.breaks, (suite.why, suite.remarks)
    assert not [one for one in suite.remarks if one.level is Level.FAILURE]


@pytest.mark.parametrize("upgrade", FINE, ids=_id)
async def test_an_upgrade_that_hurts_nobody_here_is_let_through(
    upgrade: Upgrade, lab: Laboratory, tmp_path: Path
) -> None:
    """However much of the package is gone that this program does not use."""
    simulation, suite = await simulated(lab, upgrade, tmp_path)
    assert simulation.grade is suite.grade is Grade.PASSED, (simulation.why, suite.remarks, suite.notes)
    assert not [one for one in suite.remarks if one.level is not Level.NOTICE]
