"""A lock file follows its manifest all the way: in our commit, known as ours, and never made by anybody else's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem
from bot.core.lockfiles import Moved
from bot.core.locks import LockJob, Relocked
from bot.core.model import State
from tests.flows.flow import CONFIG, Flow, flowing

PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["surefoot-demo-greeter==1.2.3"]\n'
ASKING = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}")


@dataclass(slots=True)
class Smith:
    """Makes a lock of another text each time, as a tool does whose registry moves on; or refuses in its own words."""

    jobs: list[LockJob] = field(default_factory=list)
    conflict: str = ""

    async def lock(self, job: LockJob) -> Relocked:
        """A lock that names what it is asked for, and one package that moved along."""
        self.jobs.append(job)
        if self.conflict:
            raise ConfigProblem(self.conflict, where=job.lock)
        text = f"version = 1\n# {len(self.jobs)}: {job.component.name} {job.version}\n"
        moved = (Moved(name="helper", before="1.0", after="1.1"),)
        return Relocked(files={job.lock: text}, moved=moved)


@pytest.fixture
async def smith() -> Smith:
    return Smith()


@pytest.fixture
async def flow(tmp_path: Path, smith: Smith) -> AsyncIterator[Flow]:
    """The world, with a repository whose pins are bound by a lock file."""
    files = {"pyproject.toml": PROJECT, "uv.lock": "version = 1\n# old\n"}
    async with flowing(tmp_path, locker=smith, files=files) as made:
        yield made


async def test_the_lock_file_comes_with_the_pull_request(flow: Flow, smith: Smith) -> None:
    """One commit moves the manifest and its lock; what else moved is told; and it merges by itself."""
    flow.publish("1.2.4")
    await flow.look()
    done = await flow.reach("1.2.4", State.DONE)

    (job,) = smith.jobs
    assert (job.lock, job.manifest, job.version) == ("uv.lock", "pyproject.toml", "1.2.4")
    assert "surefoot-demo-greeter==1.2.4" in job.files["pyproject.toml"]
    assert done.moved == ("helper 1.0 → 1.1",)
    assert done.gates == ()
    assert done.pull is not None
    pull = await flow.rosa._ask("GET", f"/pulls/{done.pull.number}")
    files = await flow.rosa._ask("GET", f"/pulls/{done.pull.number}/files")
    assert {"pyproject.toml", "uv.lock"} <= {file["filename"] for file in files}
    assert "helper 1.0 → 1.1" in pull["body"]


async def test_our_commit_is_known_as_ours_though_no_tool_makes_it_twice(flow: Flow, smith: Smith) -> None:
    """The text that was made is remembered by its digest: nobody has to make it again to see that it is ours."""
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    assert update.pull is not None and update.pull.ours

    await flow.say(update, "/surefoot approve")
    done = await flow.reach("1.2.4", State.DONE)

    assert done.pull is not None and done.pull.ours
    assert len(smith.jobs) == 1


async def test_what_comes_in_with_it_is_looked_at(flow: Flow) -> None:
    """A package that nobody asked for is too young, or unknown: nothing merges before a person has seen it."""
    await flow.configure(CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 1s}"))
    flow.publish("1.2.4")
    await asyncio.sleep(1.1)
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)

    assert any("helper" in gate and "comes in with the lock file" in gate for gate in update.gates)
    assert update.decision is not None
    assert "trust" in {finding.rule for finding in update.decision.findings}


async def test_somebody_elses_lock_is_somebody_elses_commit(flow: Flow) -> None:
    """Whoever changes the lock on our branch has pushed to it, and a person has to look."""
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    assert update.pull is not None
    await flow.commit("uv.lock", "version = 1\n# mine\n", branch=update.pull.branch)

    async def seen() -> bool:
        now = await flow.update("1.2.4")
        return now.pull is not None and not now.pull.ours

    await flow.until(seen)


async def test_a_conflict_is_told_in_the_tools_words(flow: Flow, smith: Smith) -> None:
    """Nothing is proposed that cannot be locked, and the person reads why."""
    smith.conflict = "helper 1.0 wants surefoot-demo-greeter<1.2.4"
    flow.publish("1.2.4")
    await flow.look()
    failed = await flow.reach("1.2.4", State.FAILED)

    assert "helper 1.0 wants surefoot-demo-greeter<1.2.4" in failed.note
