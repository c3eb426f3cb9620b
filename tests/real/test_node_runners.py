"""The real test runners, as the registry of this machine has them, report test by test however they are called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.differential import Came
from bot.lab import environments, resolver, sandbox, suites, trees
from bot.lab.cache import Cache
from bot.lab.environments import Environment
from bot.lab.host import Host
from bot.lab.jobs import Limits
from bot.tools.http import Reach
from bot.tools.npm import settings_of_npm
from bot.tools.pip import IndexSettings
from tests.lab.world import tree
from tests.real import labs, tools

TOOLS = (tools.node,)
WISHES = {"jest": "^29.0.0", "mocha": "^10.0.0", "vitest": "^2.0.0"}
BODY = """\
describe("outer (x)", () => {
  it("works", () => {});
  it("fails [1]", () => { throw new Error("boom"); });
  it.skip("later", () => {});
});
"""
FILES = {
    "package.json": json.dumps({"name": "app", "version": "1.0.0", "devDependencies": WISHES}),
    "jest/a.test.js": BODY,
    "jest/broken.test.js": "require('no-such-module');\n",
    "mocha/m.js": BODY,
    "vitest/v.test.mjs": "import { describe, it } from 'vitest';\n" + BODY,
}
NAMES = {"passed": "works", "failed": "fails [1]", "skipped": "later"}
JEST, VITEST, MOCHA = "jest/a.test.js::outer (x) > ", "vitest/v.test.mjs::outer (x) > ", "outer (x)::"


@pytest.fixture(scope="module")
def project(best: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Environment]]:
    """A project that has all three, prepared once; its entry of the cache outlives the preparation."""
    made = tree(tmp_path_factory.mktemp("project"), FILES)
    cache = Cache(folder=tmp_path_factory.mktemp("cache"))

    async def prepare() -> Environment:
        needs = (environments.NPM,)
        uv = resolver.find_uv(IndexSettings(no_index=True))
        async with (
            labs.fetching(best, Reach(trusted=settings_of_npm().hosts)) as fetching,
            environments.prepared(made, uv=uv, cache=cache, needs=needs, fetching=fetching) as ready,
        ):
            return ready

    yield made, asyncio.run(prepare())


async def outcomes(
    best: Host, project: tuple[Path, Environment], command: str, only: list[str] | None = None
) -> dict[str, Came]:
    """What one command reports."""
    made, ready = project
    limits = Limits(seconds=120, memory_mib=1536)
    with trees.offered(made, best) as offered:
        job = suites.job(suites.Suite(kind="unit", command=command), offered, ready, limits, only)
        ran = await sandbox.run(job, best)
    side = suites.side(ran, limits, ready)
    assert side.outcomes is not None, (side.problem, ran.text)
    return {test: outcome.came for test, outcome in side.outcomes.items()}


CALLS = [
    ("npx jest jest/a.test.js", JEST),
    ("node node_modules/jest/bin/jest.js jest/a.test.js", JEST),
    ("NODE_OPTIONS=--experimental-vm-modules jest --outputFile own.json jest/a.test.js", JEST),
    ("node --experimental-vm-modules ./node_modules/.bin/../jest/bin/jest.js --ci jest/a.test.js", JEST),
    ("npx mocha mocha", MOCHA),
    ("NODE_OPTIONS=--no-warnings mocha --reporter dot -O a=b mocha/m.js", MOCHA),
    ("npx vitest run vitest", VITEST),
    ("vitest --reporter=dot vitest", VITEST),
]


@pytest.mark.parametrize(("command", "prefix"), CALLS, ids=[command for command, _ in CALLS])
async def test_it_reports_however_it_is_called(
    best: Host, project: tuple[Path, Environment], command: str, prefix: str
) -> None:
    """By its program, by its file, with options of its own, and where NODE_OPTIONS is set by the script."""
    found = await outcomes(best, project, command)
    assert found == {f"{prefix}{name}": Came[came.upper()] for came, name in NAMES.items()}


async def test_several_runs_of_one_command_are_one_report(best: Host, project: tuple[Path, Environment]) -> None:
    """And a file that cannot be loaded is an error of that file."""
    found = await outcomes(
        best, project, "jest jest; mocha mocha; vitest run vitest; node --test --test-reporter tap mocha"
    )
    assert found["jest/broken.test.js"] is Came.ERROR
    assert {test for test in found if test.endswith("works")} == {f"{one}works" for one in (JEST, MOCHA, VITEST)}


@pytest.mark.parametrize(
    ("command", "prefix"),
    [
        ("jest -t nothing jest/a.test.js", JEST),
        ("mocha -g nothing mocha", MOCHA),
        ("vitest -t nothing run vitest", VITEST),
    ],
)
async def test_only_what_is_named_runs_again(
    best: Host, project: tuple[Path, Environment], command: str, prefix: str
) -> None:
    """Signs that mean something to a pattern are meant as they are; others are not run, whatever the script says."""
    found = await outcomes(best, project, command, [f"{prefix}fails [1]"])
    assert {test for test, came in found.items() if came is not Came.SKIPPED} == {f"{prefix}fails [1]"}
    every = await outcomes(best, project, command.replace("nothing", "works"), ["jest/broken.test.js"])
    assert every[f"{prefix}works"] is Came.PASSED
