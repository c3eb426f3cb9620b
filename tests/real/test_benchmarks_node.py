"""What is measured of Node projects: a script of their own, vitest's benchmarks, and how packages load.

What changes is a small library: in its other version it does everything twice.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import comparisons
from bot.core.model import Grade, Level, SuiteResult
from bot.core.suites import PERFORMANCE, Asked
from bot.lab import benchmarks
from bot.lab.benchmarking import comparing
from bot.lab.host import Host
from bot.lab.trial import Laboratory
from tests.real import tools
from tests.real.npm_world import Registry, a_trial, laboratory, project
from tests.real.sampling import samples

TOOLS = (tools.node,)
WORK = """\
const times = {times};
function work(n) {{
  let total = 0;
  for (let i = 0; i < n * times; i += 1) total += i % 7;
  return total;
}}
work({loading});
module.exports = {{ times, work }};
"""
RUN = "const { work } = require('mill');\nwork(2e8);\n"
# As benchmark.js says it; the figure is told by the code under test instead of a clock.
SAYS = "const { times } = require('mill');\nconsole.log(`grind#coffee x ${1000 / times} ops/sec ±1.00% (90 runs)`);\n"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few samples as can be: twice the work is beyond any chance. Nothing is cut off."""
    samples(monkeypatch, 2)
    for name in ("_MOST_SECONDS", "_MOST_UNASKED"):
        monkeypatch.setattr(benchmarks, name, 1000.0)


@pytest.fixture
def enough(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as ranks need to be sure, where only the clock is known."""
    samples(monkeypatch, 5)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """With a mill: 1.1 is as 1.0, 2.0 does everything twice, 3.0 cannot be loaded."""
    made = Registry()
    for version, times, loading in (("1.0.0", 1, 5e7), ("1.1.0", 1, 5e7), ("2.0.0", 2, 5e7)):
        made.publish("mill", version, {"index.js": WORK.format(times=times, loading=int(loading))})
    made.publish("mill", "3.0.0", {"index.js": "throw new Error('no `water`');\n"})
    async with made.running(tmp_path):
        yield made


@pytest.fixture
async def lab(best: Host, registry: Registry, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """One that only measures."""
    async with laboratory(best, registry, tmp_path / "lab") as made:
        yield replace(made, examiners={PERFORMANCE: benchmarks.examine})


async def tried(
    lab: Laboratory, registry: Registry, place: Path, versions: tuple[str, str], files: Any, asked: Asked, **more: Any
) -> SuiteResult | None:
    """What the suite says of two trees."""
    where = more.pop("where", "")
    trees = [project(place / version, registry, {"mill": version}, files, where=where, **more) for version in versions]
    question = replace(
        a_trial(trees[0], trees[1]), seconds=3000.0, suites={PERFORMANCE: asked, "unit": Asked(off="not asked here")}
    )
    simulation = await lab.simulate(question)
    assert "cannot be set up" not in simulation.why, simulation.why
    return next((suite for suite in simulation.suites if suite.kind == PERFORMANCE), None)


FOUND = Asked()
WIDE = Asked(warn=5.0, fail=9.0)  # whatever else this machine does


@pytest.mark.timeout(300)
@pytest.mark.parametrize("where", ["", "web"])
async def test_a_script_of_the_projects_own_is_timed(
    lab: Laboratory, registry: Registry, tmp_path: Path, where: str
) -> None:
    """As a whole, wherever the project is; the reader is led to the line that names it."""
    below = f"{where}/" if where else ""
    suite = await tried(
        lab, registry, tmp_path, ("1.0.0", "2.0.0"), {f"{below}bench.js": RUN}, FOUND, where=where,
        scripts={"bench": "node bench.js"},
    )  # fmt: skip
    assert suite is not None and suite.grade is Grade.FAILED, suite
    assert suite.command == ("cd web && npm run bench" if where else "npm run bench")
    (remark,) = [one for one in suite.remarks if one.level is Level.FAILURE]
    assert (remark.path, remark.line) == (f"{below}package.json", 1) and "% longer" in remark.title


@pytest.mark.timeout(300)
async def test_figures_that_a_script_tells_count(
    enough: None, lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """What measures by itself takes as long as it likes, so nothing would be seen from outside."""
    scripts = {"benchmark": "node bench.js"}
    suite = await tried(lab, registry, tmp_path, ("1.0.0", "2.0.0"), {"bench.js": SAYS}, FOUND, scripts=scripts)
    assert suite is not None and suite.grade is Grade.FAILED, suite
    assert suite.why == "`grind#coffee` takes 100 % longer"
    told = next(one for one in suite.measures if one.name == "`grind#coffee`")
    assert (told.before, told.after) == ("1 ms", "2 ms")


@pytest.mark.timeout(300)
async def test_the_owners_command_works_in_a_node_tree(lab: Laboratory, registry: Registry, tmp_path: Path) -> None:
    """Also where tests run in it, which report otherwise."""
    test = "require('node:test').test('it', () => require('mill').work(2e8));\n"
    suite = await tried(lab, registry, tmp_path, ("1.0.0", "2.0.0"), {"it.test.js": test}, Asked(run="node --test"))
    assert suite is not None and suite.grade is Grade.FAILED and suite.command == "node --test", suite
    again = await tried(lab, registry, tmp_path / "b", ("1.0.0", "3.0.0"), {"it.test.js": test}, Asked(run="npm start"))
    assert again is not None and again.grade is Grade.UNKNOWN and "ended with 1" in " ".join(again.notes), again


OWN = {
    "src/app.js": "import type { Nothing } from 'mill/types';\nconst { work } = require('mill');\nwork(1);\n",
    "test/it.test.js": "require('mill/never');\n",
}


@pytest.mark.timeout(300)
async def test_without_benchmarks_the_loading_of_packages_is_compared(
    lab: Laboratory, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that changed and that the code itself takes in; nobody asked for it, so it warns at most."""
    same = await tried(lab, registry, tmp_path / "same", ("1.0.0", "1.1.0"), OWN, WIDE)
    assert same is not None and same.grade is Grade.PASSED and same.remarks == (), same
    monkeypatch.setattr(comparisons, "FEWEST", 5)
    monkeypatch.setattr(comparing, "USUAL", 6)
    slow = await tried(lab, registry, tmp_path / "slow", ("1.0.0", "2.0.0"), OWN, FOUND)
    assert slow is not None and slow.grade is not Grade.FAILED, slow
    assert slow.measures[0].name == "`load of mill`" and slow.measures[0].level is Level.WARNING
    gone = await tried(lab, registry, tmp_path / "gone", ("1.0.0", "3.0.0"), OWN, FOUND)
    assert gone is not None and "no 'water'" in gone.remarks[0].message, gone
    none = await tried(lab, registry, tmp_path / "none", ("1.0.0", "1.1.0"), {"src/app.js": "1;\n"}, FOUND)
    assert none is None


@pytest.mark.timeout(300)
async def test_modules_and_programs_are_started_as_they_are(
    lab: Laboratory, registry: Registry, tmp_path: Path
) -> None:
    """What can only be imported is imported; a program is run for its help."""
    registry.files["mill", "1.0.0"] = {"index.mjs": "export const work = 1;\n"}
    registry.packages["mill"]["1.0.0"] = {"exports": {"import": "./index.mjs"}}
    registry.files["mill", "1.1.0"] = registry.files["mill", "1.0.0"]
    registry.packages["mill"]["1.1.0"] = registry.packages["mill"]["1.0.0"]
    files = {"lib/app.mjs": "import { work } from 'mill';\n", "bin/go.mjs": "import 'mill';\n"}
    suite = await tried(lab, registry, tmp_path, ("1.0.0", "1.1.0"), files, WIDE, bin={"go": "bin/go.mjs"})
    assert suite is not None and suite.grade is Grade.PASSED, suite
    names = {one.name for one in suite.measures}
    assert names == {"`load of mill`", "`loads`, peak memory", "`start of go --help`"}, suite


def test_the_lock_of_pnpm_is_read_as_well() -> None:
    """And what is no lock holds nothing."""
    from bot.lab.benchmarking import scripts

    text = "lockfileVersion: '9.0'\n\npackages:\n\n  mill@1.0.0:\n    resolution: {integrity: sha512-x}\n"
    assert scripts.versions(text) == {"mill": frozenset({"1.0.0"})}
    for bad in ("", "{", "{}", "lockfileVersion: '6.0'\n", json.dumps({"lockfileVersion": 3, "packages": []})):
        assert scripts.versions(bad) == {}
