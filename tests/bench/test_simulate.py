"""What a simulation costs beside the bare test run that it holds, on real packages with their own tests.

Needs the package index of this machine. Everything is warm: environments made, the baseline known; what is measured is
one more update of the same repository. The floor is pytest itself in the very environment, on a copy of the tree that
it ran on before; beside it stands what it takes on a tree that never ran, as a candidate's is, where it compiles all
modules. SUREFOOT_BENCH_TIMES says how often each is run (3).
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import sys
import tarfile
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from bot.adapters import Tools, open_one, sources
from bot.core.model import Component, Grade, Sha, Simulation
from bot.core.ports import Trial
from bot.lab import environments, probe, sandbox
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits
from bot.lab.resolver import find_uv
from bot.lab.trial import Laboratory, laboratory
from bot.tools.http import Http, Reach
from bot.tools.pip import index_of_pip
from tests.bench.spending import spend

TIMES = int(os.environ.get("SUREFOOT_BENCH_TIMES", "3"))
ALLOWED, SHARE = 0.5, 0.10  # seconds and a share of the floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A published package with its tests, what they need, and the update that is tried on it."""

    name: str
    version: str
    component: str
    steps: tuple[str, str]
    needs: tuple[str, ...] = ()


PROJECTS = (
    Project(name="cachetools", version="5.5.2", component="pluggy", steps=("1.5.0", "1.6.0"), needs=("pytest==8.3.5",)),
    Project(
        name="httpx",
        version="0.28.1",
        component="httpcore",
        steps=("1.0.7", "1.0.9"),
        needs=(
            "pytest==8.3.4", "anyio", "certifi", "idna", "h2", "socksio", "brotli", "zstandard", "chardet==5.2.0",
            "click", "pygments", "rich", "trio==0.27.0", "trustme==1.2.0", "uvicorn==0.32.1", "cryptography==44.0.1",
        ),
    ),
    Project(
        name="attrs",
        version="25.3.0",
        component="cloudpickle",
        steps=("3.1.0", "3.1.1"),
        needs=("pytest==8.3.5", "hypothesis", "pympler"),
    ),
)  # fmt: skip


@asynccontextmanager
async def a_lab(folder: Path) -> AsyncIterator[tuple[Laboratory, Tools]]:
    """The laboratory as `surefoot check` fits it out."""
    index = index_of_pip()
    async with Http(Reach(trusted=index.hosts, ca=index.cert, unverified=index.trusted_hosts)) as http:
        tools = Tools(http=http, index=lambda: index)
        uv = find_uv(index, open_one(sources, "pypi", {}, tools).releases)
        yield laboratory(folder, host=await probe.probe(), uv=uv), tools


def fetched(url: str) -> bytes:
    """The file, from wherever this machine finds that host."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return bytes(answer.read())


async def unpacked(project: Project, tools: Tools, folder: Path) -> Path:
    """Its published source, held against the checksum that the index names."""
    listed = await open_one(sources, "pypi", {}, tools).releases(Component(name=project.name))
    release = next(one for one in listed if one.version == project.version)
    file = next(one for one in release.artifacts if one.filename.endswith(".tar.gz"))
    body = await asyncio.to_thread(fetched, file.url)
    assert hashlib.sha256(body).hexdigest() == file.sha256, "another file than the index names"
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"{project.name}-{project.version}"


def pinned(source: Path, project: Project, version: str, into: Path) -> Path:
    """The repository with the component at this version."""
    shutil.copytree(source, into)
    for name in ("pyproject.toml", "setup.cfg"):  # what it needs is said by the requirements alone
        text = (into / name).read_text() if (into / name).exists() else ""
        (into / f"{name}.away").write_text(text)
    for path in [*into.glob("requirements*"), into / "pyproject.toml"]:
        path.unlink(missing_ok=True)
    lines = (f"{project.component}=={version}", *project.needs)
    (into / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
    (into / "pytest.ini").write_text("[pytest]\n")
    return into


def floor(tree: Path, python: Path) -> tuple[float, float]:
    """Seconds and CPU seconds of pytest alone."""
    path = f"{tree}:{tree / 'src'}"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONHASHSEED": "0", "HOME": str(tree), "CI": "true"}
    words = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(tree), str(python), "-m", "pytest", "-q"]
    spent = spend([*words, "-p", "no:cacheprovider", "--continue-on-collection-errors"], env=env)
    assert " passed" in spent.said, spent.said[-500:]
    return spent.seconds, spent.cpu


async def one_more(lab: Laboratory, trial: Trial) -> tuple[float, Simulation]:
    """Seconds of one simulation."""
    began = time.perf_counter()
    told = await lab.simulate(trial)
    return time.perf_counter() - began, told


@pytest.mark.timeout(1800)
async def test_a_simulation_beside_its_bare_test_run(tmp_path: Path) -> None:
    """End to end, warm: seconds, the floor's, what is on top of it, and what was allowed to be."""
    heads = f"{'fresh tree':>12}{'simulated s':>13}{'on top':>8}{'allowed':>9}"
    print(f"\n\n{'project':<14}{'tests':>6}{'floor s':>9}{heads}  verdict")
    async with a_lab(tmp_path / "lab") as (lab, tools):
        for project in PROJECTS:
            source = await unpacked(project, tools, tmp_path / "source")
            sides = [pinned(source, project, step, tmp_path / f"{project.name}-{step}") for step in project.steps]
            trial = Trial(
                base=sides[0], candidate=sides[1], head=Sha("b" * 40), base_sha=Sha("a" * 40),
                component=Component(name=project.component), seconds=900,
            )  # fmt: skip
            first = (await one_more(lab, trial))[1]  # makes environments and the baseline
            assert first.grade is not Grade.FAILED, first.why
            floors, fresh, whole = [], [], []
            ran_before = pinned(source, project, project.steps[1], tmp_path / f"{project.name}-ran")
            async with environments.prepared(sides[1], uv=lab.uv, cache=lab.cache) as there:
                python = there.folder / "bin" / "python"
                floor(ran_before, python)
                for turn in range(TIMES):
                    never_ran = pinned(source, project, project.steps[1], tmp_path / f"{project.name}-{turn}")
                    fresh.append(floor(never_ran, python)[0])
                    floors.append(floor(ran_before, python)[0])
                    seconds, told = await one_more(lab, trial)
                    whole.append(seconds)
            bare, mine = median(floors), median(whole)
            print(
                f"{project.name:<14}{told.suites[0].after.total:>6}{bare:>9.2f}{median(fresh):>12.2f}{mine:>13.2f}"
                f"{mine - bare:>8.2f}{ALLOWED + SHARE * bare:>9.2f}  {told.grade}: {told.why[:60]}"
            )
            print(f"{'':<14}" + ", ".join(f"{one.kind} {one.seconds:.2f} s" for one in told.suites))


@pytest.mark.timeout(300)
async def test_a_jail_is_set_up_and_taken_down() -> None:
    """What a jail adds to `true`, in milliseconds: the median and one in twenty."""
    host: Host = await probe.probe()
    job = Job(command=("/bin/true",), limits=Limits(seconds=20, memory_mib=64))
    jailed, bare = [], []
    for _ in range(20 * TIMES):
        began = time.perf_counter()
        ran = await sandbox.run(job, host)
        jailed.append(1000 * ran.seconds)
        middle = time.perf_counter()
        process = await asyncio.create_subprocess_exec("/bin/true")
        await process.wait()
        bare.append(1000 * (time.perf_counter() - middle))
        assert ran.code == 0 and middle > began
    worst = sorted(jailed)[len(jailed) * 19 // 20]
    print(
        f"\n\njail, {host.isolation}: {median(jailed):.1f} ms (p95 {worst:.1f}); a process alone {median(bare):.1f} ms"
    )


@pytest.mark.timeout(600)
async def test_two_simulations_side_by_side_come_out_as_alone(tmp_path: Path) -> None:
    """Two of them at a time on one machine: the same verdict for each, test by test, and how long it took."""
    project = PROJECTS[0]
    async with a_lab(tmp_path / "lab") as (lab, tools):
        source = await unpacked(project, tools, tmp_path / "source")
        sides = [pinned(source, project, step, tmp_path / f"{project.name}-{step}") for step in project.steps]
        trials = [
            Trial(
                base=sides[0], candidate=sides[1], head=Sha(f"{n}" * 40), base_sha=Sha("a" * 40),
                component=Component(name=project.component),
            )
            for n in range(2)
        ]  # fmt: skip
        lab = Laboratory(
            host=lab.host, uv=lab.uv, cache=lab.cache, baselines=lab.baselines, folder=lab.folder,
            side_by_side=asyncio.Semaphore(2),
        )  # fmt: skip
        alone = [await one_more(lab, trial) for trial in trials]
        together = await asyncio.gather(*(one_more(lab, trial) for trial in trials))
    for (_, before), (_, after) in zip(alone, together, strict=True):
        assert before.grade is after.grade
        assert [(one.kind, one.grade, one.after) for one in before.suites] == [
            (one.kind, one.grade, one.after) for one in after.suites
        ]
    print(f"\n\nalone {alone[1][0]:.2f} s, side by side {max(one[0] for one in together):.2f} s", file=sys.stdout)
