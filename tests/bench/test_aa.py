"""How often an update that changes nothing is called slower, and how often one with a tenth more work is found.

Samples are taken in the jail by the code that simulations use, with two programs of our own that burn the processor all
the while; then every window over them is judged. The figures are this machine's at this hour; what must hold of the
rule is asserted on recorded samples by tests/core/test_comparisons.py. AA_ROUNDS sets how many, AA_SAVE keeps them.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.suites import PERFORMANCE
from bot.lab import probe, resolver, trial
from bot.lab.benchmarking import finding, probes
from bot.lab.benchmarking.rounds import Rounds, Side
from bot.lab.workbench import Workbench
from tests.bench.rates import IMPORT, Pool, rates, save
from tests.lab import world

ROUNDS = int(os.environ.get("AA_ROUNDS", "100"))
BURNERS = (0, 2)
BENCHMARKS = """
import json, re
from mill import COST

TEXT = "the quick brown fox 123 jumps 4567 over " * int(1500 * COST)
THINGS = [{"a": number, "b": [1, 2, 3], "c": "x" * 20} for number in range(int(300 * COST))]

def time_dict():
    held = {}
    for number in range(int(18_000 * COST)):
        held[number % 977] = number

def time_json():
    json.loads(json.dumps(THINGS))

def time_regex():
    re.findall(r"([a-z]+) ([0-9]+)", TEXT)
"""
START = "from mill import COST\nHELD = {}\nfor n in range(int(100_000 * COST)):\n    HELD[str(n % 977)] = (n, n)\n"


@pytest.fixture(params=BURNERS)
def burners(request: pytest.FixtureRequest) -> Iterator[int]:
    """So many programs that do nothing but compute."""
    spin = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(spin) for _ in range(request.param)]
    yield request.param
    for one in running:
        one.kill()
        one.wait()


async def sampled(folder: Path) -> Pool:
    """Samples of both ways: repeats of functions, and imports, which run but once in a process."""
    kept: dict[str, dict[str, list[probes.Took]]] = {}

    async def take(bench: Workbench) -> None:
        found = finding.look(bench.after.tree)
        for one in (probes.of_functions(found), probes.of_imports({IMPORT: ["mill.start"]})):
            chance = random.Random(1)
            rounds = Rounds(bench, one, chance, bench.budget.spent + 3000, 0)
            first = await rounds.one(bench.before, None)
            sides = {"A": Side(bench.before), "B": Side(bench.before), "C": Side(bench.after)}
            await rounds.take(tuple(sides.values()), first.plans, ROUNDS)
            for name in first.plans:
                kept[name.rpartition("::")[2]] = {side: held.took[name] for side, held in sides.items()}

    wheels = world.with_pytest(folder / "wheels")
    for version, cost in (("1.0", 1.0), ("1.1", 1.1)):
        world.wheel(wheels, "mill", version, {"mill/__init__.py": f"COST = {cost}\n", "mill/start.py": START})
    files = {"benchmarks/of_mill.py": BENCHMARKS}
    trees = [world.tree(folder / v, {"requirements.txt": f"mill=={v}\n", **files}) for v in ("1.0", "1.1")]
    uv = resolver.find_uv(world.index(wheels))
    # A function that keeps the bench for itself and gives no result.
    lab = trial.laboratory(folder / "lab", host=await probe.probe(), uv=uv, examiners={PERFORMANCE: take})  # type: ignore[dict-item]
    await lab.simulate(world.a_trial(*trees, seconds=4000))
    return kept


@pytest.mark.timeout(3600)
def test_the_rates_under_load(burners: int, tmp_path: Path) -> None:
    """The promise: at most one alarm in a hundred rounds without a change, a tenth more found in 95 of a hundred.

    Of imports, which nobody asked to have measured, the first half only.
    """
    pool = asyncio.run(sampled(tmp_path))
    if keep := os.environ.get("AA_SAVE"):
        save(pool, Path(keep) / f"burners-{burners}.json")
    for name, sides in pool.items():
        print(f"\n{burners} burners, {name:12} {rates({name: sides})}", end="")
    own = {name: sides for name, sides in pool.items() if name != IMPORT}
    print(f"\n{burners} burners, {'benchmarks':12} {rates(own)}")
    assert all(len(side) == ROUNDS for sides in pool.values() for side in sides.values())
