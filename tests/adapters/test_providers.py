"""One step of a deployment: its intention is saved first, its run found again, and nothing is dispatched twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.providers import AT_ONCE, LISTED, carry_out, stop
from bot.adapters.providers.github_actions import shows
from bot.core.errors import Missing
from bot.core.model import Sha, Step
from bot.core.ports import DeployJob, RunStatus
from tests.builders import NOW

EVERY = timedelta(seconds=5)
JOB = DeployJob(key="u:prod:1", environment="prod", sha=Sha("a"), stable=Sha("b"), weight=5, version="x 1", ref="main")


@dataclass
class Pipeline:
    """A provider that lists a run some time after it took the dispatch, as the real ones do."""

    lag: timedelta = timedelta()
    taken: list[datetime] = field(default_factory=list)
    ended: bool | None = None
    now: datetime = NOW

    async def find(self, job: DeployJob, *, since: datetime) -> RunStatus | None:
        """Only what is listed by now."""
        listed = [at for at in self.taken if at + self.lag <= self.now and at >= since]
        return RunStatus(run="1", ok=self.ended, detail="queued") if listed else None

    async def start(self, job: DeployJob) -> RunStatus:
        """Takes every dispatch."""
        self.taken.append(self.now)
        return RunStatus(run="1", ok=None, detail="queued", url="http://run")

    async def status(self, run: str) -> RunStatus:
        """As the test has it."""
        return RunStatus(run=run, ok=self.ended, detail="done" if self.ended is not None else "running")

    async def cancel(self, run: str) -> None:
        """Nobody asks for it here."""


async def look(pipeline: Pipeline, step: Step, at: timedelta):
    """One look at a moment."""
    pipeline.now = NOW + at
    return await carry_out(pipeline, JOB, step, now=pipeline.now, every=EVERY)


async def test_the_intention_is_saved_before_the_act() -> None:
    """The first look dispatches nothing: it only says that it will, so that this is on disk first."""
    pipeline = Pipeline()

    first = await look(pipeline, Step(key=JOB.key, weight=5), timedelta())
    second = await look(pipeline, first.step, timedelta(milliseconds=50))
    third = await look(pipeline, second.step, EVERY)

    assert (None, NOW, None) == (first.step.run, first.until, first.ok)
    assert ("1", "http://run", 1) == (second.step.run, second.step.url, len(pipeline.taken))
    assert ("running", NOW + 2 * EVERY) == (third.detail, third.until)


@pytest.mark.parametrize("ended", [True, False])
async def test_the_end_of_the_run_is_told(ended: bool) -> None:
    """Green and red are told as they are."""
    carried = await look(Pipeline(ended=ended), Step(key=JOB.key, weight=5, run="1", started=NOW), EVERY)

    assert ended is carried.ok


@given(
    died=st.floats(min_value=0, max_value=1),
    back=st.floats(min_value=2.1, max_value=120),
    lag=st.floats(min_value=0, max_value=15),
)
async def test_a_crash_after_the_dispatch_dispatches_once(died: float, back: float, lag: float) -> None:
    """However long the restart takes and the list lags, the run is found and none is started again."""
    pipeline = Pipeline(lag=timedelta(seconds=lag))
    intended = (await look(pipeline, Step(key=JOB.key, weight=5), timedelta())).step
    await look(pipeline, intended, timedelta(seconds=died))  # dispatched, and the process dies before it is saved

    at, step = timedelta(seconds=back), intended
    for _ in range(20):
        carried = await look(pipeline, step, at)
        step = carried.step
        if step.run:
            break
        at = max(at, carried.until - NOW)

    assert "1" == step.run
    assert 1 == len(pipeline.taken)


async def test_a_dispatch_that_was_lost_is_made_again() -> None:
    """Where no run appears for long enough, nobody dispatched it: it is begun anew, its intention saved first."""
    pipeline = Pipeline()
    step = Step(key=JOB.key, weight=5, started=NOW)

    waiting = await look(pipeline, step, AT_ONCE + EVERY)
    again = await look(pipeline, waiting.step, LISTED)
    done = await look(pipeline, again.step, LISTED + timedelta(milliseconds=10))

    assert (None, NOW + LISTED) == (waiting.step.run, waiting.until)
    assert (None, NOW + LISTED) == (again.step.run, again.step.started)
    assert ("1", 1) == (done.step.run, len(pipeline.taken))


keys = st.from_regex(r"[a-z0-9]{4}:[a-z]{3}:(back:)?[0-9]{1,2}", fullmatch=True)


@given(keys, st.sampled_from(["", "Deploy ", "x ("]), st.sampled_from(["", " now", ")"]))
def test_a_key_is_seen_only_as_a_whole(key: str, before: str, after: str) -> None:
    """`a:1` is not in `a:10`, so that one step is never taken for another."""
    assert shows(f"{before}{key}{after}", key)
    assert not shows(f"{before}{key}0{after}", key)


@dataclass
class Stopping(Pipeline):
    """One that remembers whom it was asked to stop, and may have forgotten a run."""

    stopped: list[str] = field(default_factory=list)
    forgotten: bool = False

    async def status(self, run: str) -> RunStatus:
        """Missing where the run was deleted."""
        if self.forgotten:
            raise Missing("no such run")
        return await Pipeline.status(self, run)

    async def cancel(self, run: str) -> None:
        """Remembered."""
        self.stopped.append(run)


@pytest.mark.parametrize(
    ("step", "words", "stopped"),
    [
        (Step(key=JOB.key, weight=5), "", []),
        (Step(key=JOB.key, weight=5, run="1", started=NOW, finished=NOW), "", []),
        (Step(key=JOB.key, weight=5, run="1", started=NOW), "running", ["1"]),
        (Step(key=JOB.key, weight=5, started=NOW), "perhaps started, not listed yet", []),
        (Step(key=JOB.key, weight=5, started=NOW - LISTED), "", []),
    ],
)
async def test_only_what_may_be_under_way_is_stopped(step: Step, words: str, stopped: list[str]) -> None:
    """A dispatch that is not listed yet may still come, so it is waited for; what has ended is left alone."""
    pipeline = Stopping()

    assert (words, stopped) == (await stop(pipeline, JOB, step, now=NOW), pipeline.stopped)


@pytest.mark.parametrize("pipeline", [Stopping(ended=False), Stopping(ended=True), Stopping(forgotten=True)])
async def test_a_run_that_is_over_or_gone_is_not_waited_for(pipeline: Stopping) -> None:
    """Its way back may begin at once."""
    assert "" == await stop(pipeline, JOB, Step(key=JOB.key, weight=5, run="1", started=NOW), now=NOW)
    assert [] == pipeline.stopped


async def test_a_dispatch_that_was_not_written_down_is_found_and_stopped() -> None:
    """The process died right after it: the run is found by its key."""
    pipeline = Stopping(taken=[NOW])
    step = Step(key=JOB.key, weight=5, started=NOW)

    assert "queued" == await stop(pipeline, JOB, step, now=NOW)
    assert ["1"] == pipeline.stopped
