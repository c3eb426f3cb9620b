"""What the benchmark libraries of Node really print is understood: vitest's, tinybench, mitata and benchmark.js."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.suites import PERFORMANCE, UNIT, Asked
from bot.lab.benchmarking import probes, scripts
from bot.lab.benchmarking.probes import Sheet
from bot.lab.benchmarking.rounds import Rounds
from bot.lab.host import Host
from bot.lab.workbench import Workbench
from bot.tools.http import Reach
from bot.tools.npm import settings_of_npm
from tests.lab.world import tree
from tests.real import labs, tools
from tests.real.npm_world import a_trial

TOOLS = (tools.node,)
WORK = "JSON.parse(JSON.stringify(Array.from({ length: 100 }, (_, n) => [n])))"
FILES = {
    "package.json": json.dumps(
        {
            "name": "app",
            "version": "1.0.0",
            "devDependencies": {"vitest": "^3.0.0", "tinybench": "*", "mitata": "^1.0.0", "benchmark": "^2.1.4"},
        }
    ),
    "src/a.bench.mjs": (
        "import { bench, describe } from 'vitest';\n"
        f"describe('outer', () => {{ bench('inner [1]', () => {{ {WORK}; }}, {{ time: 100 }}); }});\n"
    ),
    "tiny.mjs": (
        "import { Bench } from 'tinybench';\nconst bench = new Bench({ time: 100 });\n"
        f"bench.add('a task', () => {{ {WORK}; }});\nawait bench.run();\nconsole.table(bench.table());\n"
    ),
    "mitata.mjs": f"import {{ bench, run }} from 'mitata';\nbench('a task', () => {WORK});\nawait run();\n",
    "classic.cjs": (
        "const { Suite } = require('benchmark');\n"
        f"new Suite().add('a task', () => {WORK}, {{ maxTime: 0.2 }})\n"
        "  .on('cycle', (event) => console.log(String(event.target))).run();\n"
    ),
}


async def sheets(best: Host, place: Path) -> Mapping[str, Sheet]:
    """One sample of each, in the jail."""
    kept: dict[str, Sheet] = {}

    async def take(bench: Workbench) -> None:
        ((of_vitest, found),) = scripts.ways(bench.before.tree, bench.after.tree)
        assert found.place_of("src/a.bench.mjs::outer > other") is not None
        commands = (probes.of_command(f"node {name}") for name in ("tiny.mjs", "mitata.mjs", "classic.cjs"))
        for one in (of_vitest, *commands):
            rounds = Rounds(bench, one, random.Random(1), bench.budget.spent + 300, 0)
            kept[one.title] = await rounds.one(bench.before, None)

    reach = Reach(trusted=(await asyncio.to_thread(settings_of_npm)).hosts)
    one = tree(place / "app", FILES)
    question = replace(a_trial(one, one), seconds=900.0, suites={UNIT: Asked(off="not asked here")})
    async with labs.laboratory(best, place / "lab", reach=reach, examiners={PERFORMANCE: take}) as lab:
        said = await lab.simulate(question)
    assert kept, said
    return kept


@pytest.mark.timeout(900)
async def test_what_they_print_is_understood(best: Host, tmp_path: Path) -> None:
    """By name, and in seconds: each takes between a microsecond and a millisecond for the same work."""
    for title, sheet in (await sheets(best, tmp_path)).items():
        assert not sheet.problem and not sheet.failed, (title, sheet)
        ((name, took),) = sheet.figures.items()
        assert name == ("src/a.bench.mjs::outer > inner [1]" if "vitest" in title else "a task"), title
        assert 1e-6 < took.wall < 1e-2 and sheet.plans == {name: (1, 1)}, (title, sheet)
