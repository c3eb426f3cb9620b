"""A trial that runs on another machine comes out as it would here, and nobody else may have one run."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot import runner
from bot.adapters.runners.host import RunnerHost
from bot.core.errors import ConfigProblem, Permanent, Transient
from bot.core.model import Grade, Isolation, Sha, Simulation, SuiteResult
from bot.core.ports import Lab, Say, Trial, silent
from bot.lab import bisect, parcels
from bot.lab.trial import Laboratory
from bot.runner import Door
from bot.tools.secrets import Secret
from tests.lab.test_bisect import means, members
from tests.lab.world import a_trial, tree

TOKEN = Secret("a-long-random-text-that-both-know")


@asynccontextmanager
async def a_runner(lab: Lab, **more: object) -> AsyncIterator[tuple[RunnerHost, str, Door]]:
    """A runner on this machine, and who speaks to it."""
    door = Door(lab=lab, token=TOKEN, **more)  # type: ignore[arg-type]  # all that is used
    made = await runner.listen(door, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{made.addresses[0][1]}"
        yield RunnerHost(url, TOKEN), url, door
    finally:
        await made.cleanup()


@dataclass
class Scripted:
    """A lab that answers as it is told, when it is told."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    problem: Exception | None = None
    head: Sha | None = None

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        self.began.set()
        say("waiting for the word")
        try:
            await self.go.wait()
        finally:
            self.ended.set()
        if self.problem:
            raise self.problem
        head = self.head or trial.head
        return Simulation(head=head, base=trial.base_sha, grade=Grade.PASSED, why="fine", isolation=Isolation.FULL)


def a_question(folder: Path) -> Trial:
    return a_trial(tree(folder / "a", {"a.txt": "1"}), tree(folder / "b", {"a.txt": "2"}))


async def test_it_comes_out_as_it_would_here(lab: Laboratory, tmp_path: Path) -> None:
    """The real lab behind the door: the same verdict, the failing test by name, and what is done is told meanwhile."""
    tests = "import greeter\ndef test_hail():\n    assert greeter.hail('you') == 'Hello, you'\n"
    sides = [
        tree(tmp_path / version, {"requirements.txt": f"greeter=={version}\n", "tests/test_it.py": tests})
        for version in ("1.0", "2.0")
    ]
    heard: list[str] = []
    async with a_runner(lab) as (there, _, _door):
        simulation = await there.simulate(a_trial(*sides), heard.append)
    assert Grade.FAILED is simulation.grade and lab.host.isolation is simulation.isolation
    assert ["tests.test_it::test_hail"] == [one.test for one in simulation.suites[0].newly_failing]
    assert "preparing environments" in heard and any("running unit" in words for words in heard)


async def test_a_failing_group_is_taken_apart_there_as_here(tmp_path: Path) -> None:
    """Its parts travel one after the other, each as the base with these pins moved."""

    class Strict:
        async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
            bad = "b==2.0" in (trial.candidate / "requirements.txt").read_text()
            suite = SuiteResult(kind="unit", command="x", grade=Grade.FAILED if bad else Grade.PASSED, why="x")
            return Simulation(
                head=trial.head,
                base=trial.base_sha,
                grade=suite.grade,
                why="x",
                isolation=Isolation.FULL,
                suites=(suite,),
            )

    base = tree(tmp_path / "a", {"requirements.txt": "a==1.0\nb==1.0\nc==1.0\n"})
    parts = members(base / "requirements.txt", dict.fromkeys("abc", ("1.0", "2.0")))
    all_of_it = tree(tmp_path / "b", {"requirements.txt": "a==2.0\nb==2.0\nc==2.0\n"})
    async with a_runner(Strict()) as (there, _, _door):
        trial = replace(a_trial(base, all_of_it), parts=parts)
        found = await bisect.culprits(trial, await there.simulate(trial), means(there))
    assert (["b"], True) == ([part.component.name for part in found.guilty], found.others)


async def test_only_who_knows_the_token_has_anything_run(tmp_path: Path) -> None:
    """Another text, a part of it, or none: refused before the body is read."""
    lab = Scripted()
    async with a_runner(lab) as (_, url, _door), aiohttp.ClientSession() as session:
        for given in ("", "Bearer ", "Bearer wrong", f"Bearer {TOKEN.reveal()[:-1]}", "Bearer ü"):
            async with session.post(f"{url}/simulate", headers={"Authorization": given}, data=b"x") as heard:
                assert 401 == heard.status
        with pytest.raises(Permanent, match="SUREFOOT_RUNNER_TOKEN"):
            await RunnerHost(url, Secret("another")).simulate(a_question(tmp_path))
    assert not lab.began.is_set()


async def test_who_goes_away_leaves_nothing_running(tmp_path: Path) -> None:
    """The bot is stopped in the middle: the runner ends the trial and has its place again."""
    lab = Scripted()
    async with a_runner(lab) as (there, url, door):
        work = asyncio.create_task(there.simulate(a_question(tmp_path)))
        await lab.began.wait()
        assert 1 == len(door.taken)
        work.cancel()
        await asyncio.wait_for(lab.ended.wait(), 10)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as heard:
            assert 200 == heard.status
    assert not door.taken


async def test_a_full_runner_says_when_to_come_again(tmp_path: Path) -> None:
    """The trial is put off, not lost."""
    lab = Scripted()
    async with a_runner(lab, places=1) as (there, _, _door):
        first = asyncio.create_task(there.simulate(a_question(tmp_path / "one")))
        await lab.began.wait()
        with pytest.raises(Transient, match="no place") as refused:
            await there.simulate(a_question(tmp_path / "two"))
        lab.go.set()
        assert Grade.PASSED is (await first).grade
    assert timedelta(seconds=30) == refused.value.after


@pytest.mark.parametrize("problem", [Transient("the index is away"), RuntimeError("secret detail")])
async def test_what_went_wrong_there_is_tried_again(problem: Exception, tmp_path: Path) -> None:
    """In its own words where they are for people; a defect by its name alone."""
    lab = Scripted(problem=problem)
    lab.go.set()
    async with a_runner(lab) as (there, _, _door):
        with pytest.raises(Transient) as raised:
            await there.simulate(a_question(tmp_path))
    assert "secret detail" not in str(raised.value)
    assert "index is away" in str(raised.value) or "RuntimeError" in str(raised.value)


async def test_an_answer_for_other_commits_is_none(tmp_path: Path) -> None:
    """An approval belongs to one commit, and so does a trial."""
    lab = Scripted(head=Sha("f" * 40))
    lab.go.set()
    async with a_runner(lab) as (there, _, _door):
        with pytest.raises(Transient, match="other commits"):
            await there.simulate(a_question(tmp_path))


async def test_what_is_no_trial_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Junk gets 400, too much gets 413; neither begins anything."""
    lab = Scripted()
    headers = {"Authorization": f"Bearer {TOKEN.reveal()}"}
    async with a_runner(lab, folder=tmp_path) as (there, url, door), aiohttp.ClientSession() as session:
        async with session.post(f"{url}/simulate", headers=headers, data=b"junk") as heard:
            assert (400, True) == (heard.status, "no parcel" in await heard.text())
        monkeypatch.setattr(runner, "MOST_PARCEL", 10)
        with pytest.raises(Permanent, match="of this size"):
            await there.simulate(a_question(tmp_path / "trees"))
    assert not lab.began.is_set() and not door.taken and ["trees"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize("answer", [b"", b"\n\n", b"not json\n", b'{"simulation": {"grade": 7}}\n', b'{"say": "a"}\n'])
async def test_a_runner_that_talks_nonsense_is_not_believed(answer: bytes, tmp_path: Path) -> None:
    """It is tried again; no verdict is made up."""

    async def nonsense(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=answer)

    app = web.Application()
    app.add_routes([web.post("/simulate", nonsense)])
    made = web.AppRunner(app)
    await made.setup()
    site = web.TCPSite(made, "127.0.0.1", 0)
    await site.start()
    try:
        there = RunnerHost(f"http://127.0.0.1:{made.addresses[0][1]}", None)
        with pytest.raises(Transient):
            await there.simulate(a_question(tmp_path))
    finally:
        await made.cleanup()


@pytest.mark.parametrize("url", ["http://a.example:8090", "ftp://a.example", "a.example", "https://", ""])
def test_the_token_is_not_shown_on_the_way(url: str) -> None:
    """Only https, or this very machine."""
    with pytest.raises(ConfigProblem, match="https"):
        RunnerHost(url, TOKEN)


def test_a_runner_needs_a_token_that_nobody_guesses() -> None:
    """Who knows it runs code there."""
    for env in ({}, {"SUREFOOT_RUNNER_TOKEN": "short"}):
        with pytest.raises(ConfigProblem, match="SUREFOOT_RUNNER_TOKEN"):
            runner.token_of(env)
    assert Secret("x" * 20) == runner.token_of({"SUREFOOT_RUNNER_TOKEN": "x" * 20})


async def test_a_parcel_that_breaks_off_begins_nothing(tmp_path: Path) -> None:
    """Half a parcel is no trial."""
    lab = Scripted()
    whole = io.BytesIO()
    trees = tree(tmp_path, {f"{n}.txt": str(n) for n in range(20)})
    parcels.pack(a_trial(trees, trees), whole)
    headers = {"Authorization": f"Bearer {TOKEN.reveal()}"}
    data = whole.getvalue()
    async with a_runner(lab) as (_, url, _door), aiohttp.ClientSession() as session:
        for part in (data[: len(data) // 2], data[: len(data) * 3 // 4], data[:-120]):
            heard = await session.post(f"{url}/simulate", headers=headers, data=part)
            assert 400 == heard.status, await heard.text()
    assert not lab.began.is_set()
