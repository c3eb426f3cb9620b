"""The rates of `test_aa` for what is measured beside Python's functions: benchmarks of Go, loads of Node, starts.

Needs Go and Node with npm. Samples are taken in the jail by the code that simulations use, under what load there is;
AA_ROUNDS sets how many, AA_SAVE keeps them. Of loads, starts and commands only the work is a tenth more: with what Node
itself needs to start, the whole is less than that, and less than the limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.suites import PERFORMANCE, UNIT, Asked
from bot.lab import probe, resolver, trial
from bot.lab.benchmarking import building, compiled, probes, scripts, starting
from bot.lab.benchmarking.probes import Probe
from bot.lab.benchmarking.rounds import Rounds, Side
from bot.lab.environments import GOLANG, Fetching
from bot.lab.locks import Room
from bot.lab.workbench import Examiner, Workbench
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.bench.rates import IMPORT, Pool, rates, save
from tests.lab.world import tree
from tests.real.npm_world import Registry, a_trial, laboratory, project

ROUNDS = int(os.environ.get("AA_ROUNDS", "100"))
QUIET = {UNIT: Asked(off="not asked here")}
GO = """\
package app
import ("testing"; "mill.example/mill")
var sink int
func BenchmarkLoop(b *testing.B) { for i := 0; i < b.N; i++ { sink += mill.Loop() } }
func BenchmarkMemory(b *testing.B) { for i := 0; i < b.N; i++ { sink += mill.Memory() } }
"""
MILL = """\
package mill
func Loop() (total int) {
	for i := 0; i < 400000*{cost}/100; i++ { total += i * i % 7 }
	return
}
func Memory() int {
	held := map[int][]byte{}
	for i := 0; i < 3000*{cost}/100; i++ { held[i%97] = make([]byte, 200) }
	return len(held)
}
"""
LOADED = "const held = {};\nfor (let n = 0; n < 2000 * COST; n += 1) held[`k${n % 977}`] = [n, String(n)];\n"
# What is long to load is mostly code to be compiled, as in real packages.
JS = "exports.work = (n) => { let t = 0; for (let i = 0; i < n * COST; i += 1) t += i % 7; return t; };\n" + LOADED

Ways = Callable[[Workbench], Awaitable[Mapping[str, Probe]]]


async def sampled(bench: Workbench, ways: Mapping[str, Probe]) -> Mapping[str, Pool]:
    """Samples of A, of A again and of a tenth more work, of each way."""
    found: dict[str, Pool] = {}
    for title, one in ways.items():
        async with building.built(bench, one, 900.0) as made:
            assert isinstance(made, Probe), made
            rounds = Rounds(bench, made, random.Random(1), bench.budget.spent + 3000, 0)
            first = await rounds.one(bench.before, None)
            assert not first.problem, first.problem
            sides = {"A": Side(bench.before), "B": Side(bench.before), "C": Side(bench.after)}
            await rounds.take(tuple(sides.values()), first.plans, ROUNDS)
        found[title] = {
            (name.rpartition("::")[2] if one.own else IMPORT): {key: side.took[name] for key, side in sides.items()}
            for name in first.plans
        }
    return found


def keeping(kept: dict[str, Pool], ways: Ways) -> Examiner:
    """An examiner that keeps what it took, and gives no result."""

    async def take(bench: Workbench) -> None:
        kept.update(await sampled(bench, await ways(bench)))

    return take


async def of_go(folder: Path) -> Mapping[str, Pool]:
    """By vendored modules, so that no proxy is needed."""
    kept: dict[str, Pool] = {}
    trees = [
        tree(folder / str(cost), {
            "go.mod": "module app.example/app\n\ngo 1.18\n\nrequire mill.example/mill v1.0.0\n",
            "vendor/modules.txt": "# mill.example/mill v1.0.0\n## explicit; go 1.18\nmill.example/mill\n",
            "vendor/mill.example/mill/mill.go": MILL.replace("{cost}", str(cost)), "it_test.go": GO,
        })
        for cost in (100, 110)
    ]  # fmt: skip
    reach = Reach(trusted=set())
    http, host = Http(reach), await probe.probe()
    uv = resolver.find_uv(IndexSettings(no_index=True))
    made = trial.laboratory(folder / "lab", host=host, uv=uv)

    async def ways(bench: Workbench) -> Mapping[str, Probe]:
        return {"go": compiled.ways(bench.before.tree, bench.after.tree, GOLANG)[0][0]}

    lab = replace(
        made,
        fetching=Fetching(room=Room(host=host, http=http, reach=reach)),
        examiners={PERFORMANCE: keeping(kept, ways)},
    )
    said = await lab.simulate(replace(a_trial(trees[0], trees[1], ecosystem=GOLANG), seconds=6000.0, suites=QUIET))
    await http.close()
    assert kept, said
    return kept


async def of_node(folder: Path) -> Mapping[str, Pool]:
    """How a package loads, how a program starts, and a command as a whole."""
    kept: dict[str, Pool] = {}
    registry = Registry()
    for version, cost in (("1.0.0", 100), ("1.1.0", 110)):
        registry.publish("mill", version, {"index.js": JS.replace("COST", str(cost))})
    files = {"app.js": "require('mill');\n", "bench.js": "require('mill').work(1e6);\n"}

    async def ways(bench: Workbench) -> Mapping[str, Probe]:
        loads, starts = await scripts.loads(bench), starting.starts(bench)
        assert loads and starts
        return {"loads": loads, "starts": starts, "command": probes.of_command("node bench.js")}

    async with registry.running(folder):
        trees = [
            project(folder / version, registry, {"mill": version}, files, bin={"app": "app.js"})
            for version in ("1.0.0", "1.1.0")
        ]
        async with laboratory(await probe.probe(), registry, folder / "lab") as made:
            lab = replace(made, examiners={PERFORMANCE: keeping(kept, ways)})
            said = await lab.simulate(replace(a_trial(trees[0], trees[1]), seconds=6000.0, suites=QUIET))
    assert kept, said
    return kept


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("of", [of_go, of_node])
def test_the_rates_of_others(of: Callable[[Path], Coroutine[None, None, Mapping[str, Pool]]], tmp_path: Path) -> None:
    """Of what nobody asked to have measured, hardly any alarm; of benchmarks, a tenth more is found too."""
    pools = asyncio.run(of(tmp_path))
    for title, pool in pools.items():
        if keep := os.environ.get("AA_SAVE"):
            save(pool, Path(keep) / f"{title}.json")
        for name, sides in pool.items():
            print(f"\n{title:8} {name:14} {rates({name: sides})}", end="")
        assert all(len(side) == ROUNDS for sides in pool.values() for side in sides.values()), json.dumps(list(pool))
