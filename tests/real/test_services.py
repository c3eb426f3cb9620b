"""The real servers run inside the jail, each side's own: nothing of one run is seen by another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Grade, Isolation
from bot.core.suites import Asked
from bot.lab import resolver, services, trial
from bot.lab.host import Host
from tests.lab import world
from tests.lab.world import a_trial, tree
from tests.real import jails

TESTS = """\
import os, socket, subprocess
import greeter

def ask(words):
    return subprocess.run(["psql", "-Atqc", words], capture_output=True, text=True, check=True).stdout.strip()

def test_postgresql():
    assert os.environ["DATABASE_URL"] == "postgresql://postgres:postgres@127.0.0.1:5432/test"
    ask("create table t (x text); insert into t values ('" + greeter.hail("you") + "')")
    assert ask("select count(*), min(x) from t") == "1|Hello, you"

def talk(port, words):
    with socket.create_connection(("127.0.0.1", port)) as way:
        way.sendall(words)
        return way.recv(100)

def test_redis():
    assert os.environ["REDIS_URL"] == "redis://127.0.0.1:6379/0"
    assert talk(6379, b"INCR runs\\r\\n") == b":1\\r\\n"

def test_memcached():
    assert talk(11211, b"version\\r\\n").startswith(b"VERSION")
"""


@pytest.fixture(scope="module")
def best() -> Host:
    """The best jail of this machine, which has the servers; none is a failure, not a skip."""
    for name, find in services.KNOWN.items():
        if find() is None:
            pytest.fail(f"{name} is not installed: {services._MENDS[name]}")
    return jails.best()


@pytest.mark.parametrize("grade", ["full", "plain"])
async def test_a_suite_with_its_services(best: Host, grade: str, tmp_path: Path) -> None:
    """They start before it and end with it; the second run begins as the first did."""
    host = best if grade == "full" else replace(best, isolation=Isolation.PLAIN, groups={})
    wheels = world.with_pytest(tmp_path / "wheels")
    for version, word in (("1.0", "Hello"), ("2.0", "Hail")):
        world.wheel(wheels, "greeter", version, {"greeter.py": f"def hail(name): return '{word}, ' + name\n"})
    lab = trial.laboratory(tmp_path / "lab", host=host, uv=resolver.find_uv(world.index(wheels)), examiners={})

    def at(version: str) -> Path:
        return tree(tmp_path / version, {"requirements.txt": f"greeter=={version}\n", "test_it.py": TESTS})

    asked = {"integration": Asked(run="python -m pytest", services=("postgresql", "redis", "memcached"))}
    simulation = await lab.simulate(replace(a_trial(at("1.0"), at("2.0")), suites=asked))
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    assert [change.test for change in suite.newly_failing] == ["test_it::test_postgresql"], suite
    assert (suite.before.passed, suite.after.passed) == (3, 2)
