"""What a repository uses of packages of npm is held against both versions as a real Node loads them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import Grade, Level, SuiteResult
from bot.lab import compatibility
from bot.lab.host import Host
from bot.lab.trial import Laboratory
from tests.real import tools
from tests.real.npm_world import Registry, a_trial, laboratory, project

TOOLS = (tools.node,)
MARK = "// breaks"
OLD = {
    "index.js": """\
class Base { clear() {} }
class Basket extends Base { constructor() { super(); this.own = 1; } add() {} pay() {} }
class Loose { old() {} }
const shop = () => 1;
module.exports = Object.assign(shop, {
  Basket, Loose, total: (a, b) => 1, discount() {}, deep: { inner() {}, other() {} }, later(name, done) { done(); },
  Tool: class {}, make() {}, ticket: { price: 1 },
});
Object.defineProperty(shop, "lazy", { enumerable: true, get() { return { x: 1 }; } });
""",
    "lib/part.js": "exports.part = () => 1;\n",
}
NEW = {
    "index.js": """\
class Basket { constructor() { this.own = 1; } add() {} }
class Loose { constructor() { Object.assign(this, { old() {} }); } }
const shop = { Basket, Loose, total: (a, b) => 1, deep: { inner() {} }, async later(name) {},
  Tool: {}, make: class {}, made: new Proxy({}, {}), lazyish: 1 };
module.exports = shop;
Object.defineProperty(shop, "lazy", { enumerable: true, get() { throw new Error("moved to shop-lazy"); } });
process.emitWarning("shop is old", "DeprecationWarning");
""",
    "lib/part.js": "exports.part = () => 1;\n",
}
ESM = "export default function () {}\nexport const named = () => 1;\nexport class Kept { go() {} }\n"
CJS = "module.exports = () => 1;\nmodule.exports.named = () => 1;\nmodule.exports.Kept = class { go() {} };\n"
FLAGGED = (
    "Object.defineProperty(exports, '__esModule', { value: true });\nexports.default = () => 1;\nexports.one = 1;\n"
)
RUDE = {
    "it ends the process": "process.exit(0);\n",
    "it raises what is no error": "throw null;\n",
    "it waits for ever": "for (;;) {}\n",
    "it answers in our place": (
        "require('fs').writeFileSync(process.env.SUREFOOT_RESULTS, '[0,{}]\\n[1,{}]\\n');\n"
        "require('fs').writeFileSync('/tmp/surefoot-part', '{\"thing\":7}');\nprocess.exit(0);\n"
    ),
    "it speaks": "for (let i = 0; i < 9999; i++) console.log('[0,{}]');\nmodule.exports = {};\n",
}
TSC = """\
const fs = require("fs"), path = require("path");
if (!process.argv.includes("--noEmit")) process.exit(9);
const version = JSON.parse(fs.readFileSync("node_modules/shop/package.json")).version;
console.log("typed.ts(1,1): error TS1: always");
if (version[0] === "2") console.log("typed.ts(2,5): error TS2305: Module has no exported member 'discount'.");
process.exit(2);
"""


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """With packages that break their users in each of the ways."""
    made = Registry()
    made.publish("shop", "1.0.0", OLD, main="index.js", engines={"node": ">=14"})
    made.publish("shop", "2.0.0", NEW, main="index.js", engines={"node": ">=19"})
    for version in ("1.0.0", "2.0.0"):
        made.publish("plugin", version, {"index.js": ""}, peerDependencies={"esm": f"^{version}"})
    made.publish("esm", "1.0.0", {"index.js": CJS})
    made.publish("esm", "2.0.0", {"index.js": ESM}, type="module", exports="./index.js")
    held = {"index.js": "exports.x = 1;\n", "lib/a.js": "exports.a = 1;\n", "style.css": ""}
    made.publish("mapped", "1.0.0", held)
    made.publish("mapped", "2.0.0", held, exports={".": "./index.js", "./package.json": "./package.json"})
    made.publish("flagged", "1.0.0", {"index.js": FLAGGED})
    made.publish("flagged", "2.0.0", {"index.js": FLAGGED.replace("exports.default", "exports.other")})
    made.publish("typescript", "99.0.0", {"lib/tsc.js": TSC})
    for number, text in enumerate(RUDE.values()):
        made.publish(f"rude{number}", "1.0.0", {"index.js": f"{'' if number % 2 else 'exports.x = 1;'}\n"})
        made.publish(f"rude{number}", "2.0.0", {"index.js": text})
    async with made.running(tmp_path):
        yield made


@pytest.fixture
async def lab(best: Host, registry: Registry, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab that knows this registry, and examines nothing but compatibility."""
    async with laboratory(best, registry, tmp_path / "lab") as made:
        yield replace(made, examiners={"compatibility": compatibility.examine})


async def examined(
    lab: Laboratory, registry: Registry, folder: Path, names: tuple[str, ...], files: dict[str, str], **manifest: Any
) -> SuiteResult:
    """What is said where these packages go from 1 to 2."""
    still = {"typescript": "99.0.0"} if "tsconfig.json" in files else {}
    before, after = (
        project(folder / version, registry, {**dict.fromkeys(names, version), **still}, files, **manifest)
        for version in ("1.0.0", "2.0.0")
    )
    simulation = await lab.simulate(a_trial(before, after, names[0]))
    assert simulation.suites, simulation
    return simulation.suites[-1]


PROGRAMS = {
    "shop.js": """\
const shop = require("shop");
shop(); // breaks
shop.discount(); // breaks
shop.deep.inner();
shop.deep.other(); // breaks
shop.total(1, 2);
const { Basket, ticket: { price } } = shop; // breaks
const mine = new Basket();
mine.add();
mine.own = 2;
mine.pay(); // breaks
mine.clear(); // breaks
new shop.Tool(); // breaks
shop.make(); // breaks
class Own extends shop.Basket {
  go() { this.pay(); } // breaks
  pay2() { this.pay2(); }
}
shop.lazy;
""",
    "asking.js": """\
const shop = require("shop");
if (shop.discount) shop.discount();
""",
    "esm.js": """\
const esm = require("esm");
esm(); // breaks
const { named, Kept } = esm;
new Kept().go();
""",
    "esm.mjs": """\
import esm, { named } from "esm";
esm(named());
""",
    "mapped.js": """\
const { a } = require("mapped/lib/a"); // breaks
require.resolve("mapped/package.json");
require.resolve("mapped/style.css"); // breaks
exports.x = require("mapped").x + a;
""",
    "mapped.mjs": """\
import "mapped/style.css"; // breaks
import { x } from "mapped";
const late = await import("mapped/lib/a.js"); // breaks
export { x as y } from "mapped";
""",
    "flagged.cts": """\
import flagged, { one } from "flagged"; // breaks
flagged(); // breaks
one;
""",
}


async def test_each_break_is_named_and_nothing_else(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Names, calls, classes, ES modules, and what is not exported any more; the rest goes unsaid."""
    result = await examined(lab, registry, tmp_path, ("shop", "esm", "mapped", "flagged", "plugin"), PROGRAMS)
    wanted = {
        (file, number)
        for file, text in PROGRAMS.items()
        for number, line in enumerate(text.splitlines(), 1)
        if MARK in line
    }
    said = {(one.path, one.line): one.title for one in result.remarks if one.level is Level.FAILURE}
    assert result.grade is Grade.FAILED, result
    assert said.keys() == wanted, {place: said.get(place) for place in said.keys() ^ wanted}
    assert said["esm.js", 2] == "`esm` is no function any more"
    assert said["mapped.js", 1] == "`mapped/lib/a` is not exported any more"
    assert said["shop.js", 2] == "`shop` is no function any more"
    assert said["shop.js", 13] == "`shop.Tool` is no class any more"
    assert said["shop.js", 14] == "`shop.make` is a class now, which only `new` may call"
    assert said["flagged.cts", 1] == "the default export of `flagged` is gone"
    esm = next(one for one in result.remarks if (one.path, one.line) == ("esm.js", 2))
    assert "`esm` is an ES module now, and what it was is its `default`" in esm.message
    softer = [(one.path, one.line, one.level) for one in result.remarks if one.level is not Level.FAILURE]
    assert ("asking.js", 2, Level.NOTICE) in softer
    assert any(one.message.endswith("`shop is old`.") for one in result.remarks), result.remarks


async def test_what_only_people_can_judge_asks_them(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """A callback that an async function never calls, a class whose objects may get more, a Node that is promised."""
    files = {
        "a.js": "const shop = require('shop');\nshop.later('x', () => {});\nnew shop.Loose().old();\n",
        "b.ts": "import esm from 'esm';\nesm();\n",
    }
    result = await examined(lab, registry, tmp_path, ("shop", "esm"), files, engines={"node": ">=18"})
    assert result.grade is Grade.UNKNOWN, result
    said = {(one.path, one.line): one.title for one in result.remarks if one.level is Level.WARNING}
    assert said["a.js", 2] == "`shop.later` seems to take no callback any more"
    assert said["a.js", 3] == "`shop.Loose().old` is gone"
    assert said["package.json", 1] == "`shop@2.0.0` does not run on Node 18.x any more"
    assert said["b.ts", 1] == "`esm` is an ES module now, which Node 18.x cannot require"


async def test_rude_packages_do_no_harm(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Each is loaded alone: who ends, hangs, speaks or lies is judged by itself."""
    names = tuple(f"rude{number}" for number in range(len(RUDE)))
    files = {f"{name}.js": f"require('{name}');\n" for name in names}
    files["shop.js"] = "require('shop').discount();\n"
    result = await examined(lab, registry, tmp_path, (*names, "shop"), files)
    said = {
        one.path: one.title for one in result.remarks if one.level is not Level.NOTICE and one.path != "package.json"
    }
    cannot = {f"{name}.js": f"`{name}` cannot be loaded any more" for name in names[:4]}
    assert said == {**cannot, "shop.js": "`shop.discount` is gone"}, result
    assert result.grade is Grade.FAILED


async def test_a_new_error_of_tsc_asks_a_person(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """By file and line; the errors of before are not the update's."""
    files = {"tsconfig.json": '{"compilerOptions": {}}', "typed.ts": "// 1\n// 2\n"}
    result = await examined(lab, registry, tmp_path, ("shop",), {**files, "a.js": "require('shop').total();\n"})
    assert result.grade is Grade.UNKNOWN, result
    assert result.why.startswith("tsc newly reports an error in `typed.ts:2`"), result.why
    (error,) = [one for one in result.remarks if one.level is Level.WARNING and one.path == "typed.ts"]
    assert error.line == 2 and "TS2305" in error.title


async def test_a_member_of_a_workspace_is_held_against_its_own_packages(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """The root keeps its version, and so does what is written there."""

    def at(folder: str, version: str) -> Path:
        member = {"name": "member", "version": "1.0.0", "dependencies": {"shop": version}}
        line = "require('shop').discount();\n"
        files = {"packages/m/package.json": json.dumps(member), "packages/m/m.js": line, "root.js": line}
        made = project(tmp_path / folder, registry, {"shop": "1.0.0"}, files, workspaces=["packages/*"])
        lock = json.loads((made / "package-lock.json").read_text())
        lock["packages"][""]["workspaces"] = ["packages/*"]
        lock["packages"]["node_modules/member"] = {"resolved": "packages/m", "link": True}
        lock["packages"]["packages/m"] = member
        if version != "1.0.0":
            lock["packages"]["packages/m/node_modules/shop"] = registry.entry("shop", version)
        (made / "package-lock.json").write_text(json.dumps(lock))
        return made

    simulation = await lab.simulate(a_trial(at("a", "1.0.0"), at("b", "2.0.0"), "shop"))
    result = simulation.suites[-1]
    failures = [(one.path, one.line) for one in result.remarks if one.level is Level.FAILURE]
    assert failures == [("packages/m/m.js", 1)], result


async def test_what_stands_beside_a_package_must_suit_it(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """A lock that was forced, as people do: who wants what is said."""
    trees = [
        project(tmp_path / version, registry, {"plugin": version, "esm": "1.0.0"}, {}) for version in ("1.0.0", "2.0.0")
    ]
    for made in trees:
        (made / ".npmrc").write_text("legacy-peer-deps=true\n")
    result = (await lab.simulate(a_trial(trees[0], trees[1], "plugin"))).suites[-1]
    assert result.grade is Grade.UNKNOWN, result
    assert result.why == "`plugin@2.0.0` wants `esm@^2.0.0` beside it, and what is there is `esm@1.0.0`"


async def test_a_conflict_that_npm_itself_finds_is_said_in_plain_words(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """Where there is no lock: before npm's own words."""
    trees = [
        project(tmp_path / version, registry, {"plugin": version, "esm": "1.0.0"}, {}) for version in ("1.0.0", "2.0.0")
    ]
    for made in trees:
        (made / "package-lock.json").unlink()
    simulation = await lab.simulate(a_trial(trees[0], trees[1], "plugin"))
    assert simulation.grade is Grade.FAILED, simulation
    assert "`plugin@2.0.0` wants `esm@^2.0.0` beside it, and what is there is `esm@1.0.0`. " in simulation.why
