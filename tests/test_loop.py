"""The loop with a real store and made-up stages: what is saved, tried again, told, and in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem, InvalidVersion, Missing, Permanent, Refused, Transient
from bot.core.events import Concern, Installed, Mail, Uninstalled
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Entry, Login, State, Update
from bot.core.second_look import Seen
from bot.loop import ARCHIVED, AWAY, MISSING_TRIES, MOST_TRIES, Looked, Loop, Stages
from bot.store.rows import Delivery, RepoRow, UpdateRow
from bot.store.store import Store
from tests.builders import INSTALLATION, MINUTE, NOW, REPO, a_pull, an_id, an_update

Step = Callable[[Update], Awaitable[Outcome | None]]


async def nothing(_update: Update) -> Outcome | None:
    """A stage that sees nothing to do."""
    return None


class Bench:
    """A store, a clock that is moved by hand, and a queue that works when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.keys: list[str] = []
        self.store = Store(f"sqlite:///{folder / 'loop.sqlite'}", enqueue=lambda conn, key, seq: self.keys.append(key))
        self.now = NOW
        self.path: dict[State, Step] = {}
        self.watch: Step = nothing
        self.spoken: list[tuple[State, bool]] = []
        self.heard: list[Mail] = []
        self.looked: list[RepoRow] = []
        self.found = Looked()
        self.voice_breaks: Exception | None = None
        self.ear_breaks: Exception | None = None
        self.full: Callable[[Update], bool] = lambda _: False

    async def ear(self, update: Update, mail: Mail) -> Outcome | None:
        """Hears everything and changes the note."""
        if self.ear_breaks:
            raise self.ear_breaks
        self.heard.append(mail)
        return Waiting(update=update, until=self.now, why=f"heard {mail.text}", told=True, actor=mail.author)

    async def voice(self, row: UpdateRow, important: bool) -> None:
        """Remembers what it was told to say."""
        if self.voice_breaks:
            raise self.voice_breaks
        self.spoken.append((row.update.state, important))

    async def look(self, row: RepoRow) -> Looked:
        """Finds what the test laid out."""
        self.looked.append(row)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def add(self, update: Update) -> None:
        """A row that was just detected."""
        await self.store.add(update, Entry(update=update.id, at=NOW, was=update.state, now=update.state, why="found"))

    async def run(self) -> None:
        """Work until the queue is empty."""
        stages = Stages(path=self.path, watch=self.watch, ear=self.ear, look=self.look, full=self.full)
        loop = Loop(self.store, stages, voice=self.voice, clock=lambda: self.now)
        while self.keys:
            await loop.work(self.keys.pop(0))

    async def later(self, span: timedelta) -> None:
        """Time goes by, what is due is woken."""
        self.now += span
        await self.store.wake_due(self.now)
        await self.run()

    async def writes(self, text: str, *, number: int = 1) -> None:
        """Somebody comments on the pull request."""
        pull = a_pull().number
        key = f"comment:{number}"
        letter = Mail(key=key, repo=REPO, author=Login("eve"), text=text, at=NOW, pull=pull, comment=number)
        await self.hears(Concern(repo=REPO, pulls=(pull,), mail=letter), guid=key)

    async def hears(self, concern: Concern, *, guid: str) -> None:
        """GitHub tells something; nobody has worked on it yet."""
        await self.store.keep(Delivery(guid=guid, event="any", received=NOW, body=b"{}"))
        await self.store.drain(guid, concern, now=self.now)

    async def state(self, update: Update) -> UpdateRow:
        """The row as it stands."""
        row = await self.store.load(update.id)
        assert row is not None
        return row

    async def whys(self, update: Update) -> list[str]:
        """The audit's sentences."""
        return [entry.why for entry in await self.store.audit(update.id)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    await made.store.migrate()
    yield made
    made.store.close()


def goes(to: State, why: str = "because") -> Step:
    """A stage that moves on."""

    async def stage(update: Update) -> Outcome:
        return Moved(update=update, to=to, why=why)

    return stage


def waits(until: timedelta | None, why: str = "waits", *, told: bool = True) -> Step:
    """A stage that waits."""

    async def stage(update: Update) -> Outcome:
        return Waiting(update=update, until=NOW + until if until else None, why=why, told=told)

    return stage


def breaks(error: Exception) -> Step:
    """A stage that raises."""

    async def stage(update: Update) -> Outcome:
        raise error

    return stage


async def test_an_update_goes_as_far_as_it_can_in_one_run(bench: Bench) -> None:
    """One event, three states, each with its line and its announcement."""
    update = an_update(state=State.DETECTED)
    bench.path = {
        State.DETECTED: goes(State.PROPOSED, "opened"),
        State.PROPOSED: goes(State.SIMULATED, "passed"),
        State.SIMULATED: waits(None, "waits for ci"),
    }

    await bench.add(update)
    await bench.run()

    assert State.SIMULATED is (await bench.state(update)).update.state
    assert ["found", "opened", "passed", "waits for ci"] == await bench.whys(update)
    assert [State.PROPOSED, State.SIMULATED] == [state for state, _ in bench.spoken]


async def test_what_waits_for_a_time_goes_on_then_and_not_before(bench: Bench) -> None:
    """A due time is a promise: nothing before, everything after."""
    update = an_update(state=State.DEFERRED)
    bench.path = {State.DEFERRED: waits(5 * MINUTE)}
    await bench.add(update)
    await bench.run()
    bench.path = {State.DEFERRED: goes(State.APPROVED)}

    await bench.later(4 * MINUTE)
    before = (await bench.state(update)).update.state
    await bench.later(2 * MINUTE)

    assert (State.DEFERRED, State.APPROVED) == (before, (await bench.state(update)).update.state)


async def test_a_passing_fault_is_tried_again_later_and_later(bench: Bench) -> None:
    """The state stays, the wait doubles, one line tells of it, and success forgets it."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(Transient("GitHub is away"))}
    await bench.add(update)
    await bench.run()
    first = await bench.state(update)
    await bench.later(first.due - bench.now if first.due else MINUTE)
    second = await bench.state(update)

    assert (1, 2) == (first.tries, second.tries)
    assert first.due and second.due and second.due - bench.now == 2 * (first.due - NOW)
    assert ["found", "did not work just now: GitHub is away"] == await bench.whys(update)

    bench.path = {State.DETECTED: goes(State.PROPOSED)}
    await bench.later(MINUTE)
    assert (State.PROPOSED, 0) == ((await bench.state(update)).update.state, (await bench.state(update)).tries)


async def test_the_other_side_names_the_wait(bench: Bench) -> None:
    """A rate limit's reset is obeyed."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(Transient("limit", after=timedelta(hours=1)))}
    await bench.add(update)
    await bench.run()

    assert NOW + timedelta(hours=1) == (await bench.state(update)).due


@pytest.mark.parametrize(
    "error",
    [
        Permanent("no such branch"),
        ConfigProblem("version must be 1", where="f.yml:1"),
        InvalidVersion("'latest' is no version"),
    ],
)
async def test_what_cannot_be_mended_by_waiting_asks_a_person(bench: Bench, error: Exception) -> None:
    """It stops in `failed`, says why and how to go on, and remembers where it was."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(error)}
    await bench.add(update)
    await bench.run()
    row = await bench.state(update)

    assert (State.FAILED, State.DETECTED, None) == (row.update.state, row.update.paused_from, row.due)
    assert str(error) in row.update.note and "/surefoot retry" in row.update.note


async def test_a_defect_of_ours_does_not_loop_for_ever(bench: Bench) -> None:
    """An unexpected error is tried a dozen times, then a person is asked."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(KeyError("oops"))}
    await bench.add(update)
    await bench.run()
    for _ in range(MOST_TRIES):
        await bench.later(timedelta(hours=1))

    assert State.FAILED is (await bench.state(update)).update.state


async def test_an_undrawn_road_stops_the_update(bench: Bench) -> None:
    """A stage that asks for what must not be is caught, and nothing is saved of it."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: goes(State.DONE)}
    await bench.add(update)
    await bench.run()

    assert State.FAILED is (await bench.state(update)).update.state


async def test_people_are_heard_first_and_once(bench: Bench) -> None:
    """Mail comes before any stage; heard mail is not heard again."""
    update = an_update(state=State.IN_REVIEW, pull=a_pull())
    bench.path = {State.IN_REVIEW: waits(None)}
    await bench.add(update)
    await bench.run()
    letter = Mail(key="comment:1", repo=REPO, author=Login("maria"), text="hi", at=NOW, pull=a_pull().number, comment=1)
    await bench.store.keep(Delivery(guid="g", event="issue_comment", received=NOW, body=b"{}"))

    await bench.store.drain("g", Concern(repo=REPO, pulls=(a_pull().number,), mail=letter), now=NOW)
    await bench.run()
    await bench.store.wake([f"u:{update.id}"], now=NOW)
    await bench.run()

    assert ["comment:1"] == [mail.key for mail in bench.heard]
    assert ("heard hi", "maria") in [(e.why, e.actor) for e in await bench.store.audit(update.id)]


async def test_what_changed_under_us_comes_before_the_stage(bench: Bench) -> None:
    """A merge by hand is seen before anything else is done."""
    update = an_update(state=State.APPROVED, pull=a_pull())
    bench.watch = goes(State.MERGED, "a person merged it")
    bench.path = {State.APPROVED: breaks(AssertionError("must not run")), State.MERGED: waits(None)}

    async def watch_once(row: Update) -> Outcome | None:
        return Moved(update=row, to=State.MERGED, why="a person merged it") if row.state is State.APPROVED else None

    bench.watch = watch_once
    await bench.add(update)
    await bench.run()

    assert State.MERGED is (await bench.state(update)).update.state


async def test_a_silent_voice_hinders_nothing(bench: Bench) -> None:
    """What cannot be said is said later; the update goes on."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: goes(State.PROPOSED), State.PROPOSED: waits(None)}
    for error in (Transient("away"), ValueError("defect")):
        bench.voice_breaks = error
        await bench.add(update)
        await bench.run()

    assert State.PROPOSED is (await bench.state(update)).update.state
    assert [update.id] == list(await bench.store.unsaid())


async def test_siblings_look_when_a_newer_one_is_proposed(bench: Bench) -> None:
    """The older update of the same component is woken, so that it can give way."""
    old, new = an_update(state=State.IN_REVIEW), an_update(target="1.2.5", state=State.DETECTED)
    seen: list[str] = []

    async def watch(update: Update) -> Outcome | None:
        seen.append(update.target)
        return None

    bench.watch = watch
    bench.path = {State.DETECTED: goes(State.PROPOSED), State.PROPOSED: waits(None), State.IN_REVIEW: waits(None)}
    await bench.add(old)
    await bench.run()
    seen.clear()
    await bench.add(new)
    await bench.run()

    assert old.target in seen


async def test_a_look_finds_each_update_once(bench: Bench) -> None:
    """Looking twice at the same releases adds one row; the answers are kept with the repository."""
    found = an_update(state=State.DETECTED, why_now=("newest",))
    bench.path = {State.DETECTED: waits(None)}
    bench.found = Looked(found=(found,), due=NOW + 5 * MINUTE, notes={"said": "1 component"})
    installed = Installed(installation=INSTALLATION, repos=(REPO,))
    await bench.store.keep(Delivery(guid="i", event="installation", received=NOW, body=b"{}"))

    await bench.store.drain("i", Concern(installed=installed), now=NOW)
    await bench.run()
    await bench.later(6 * MINUTE)
    row = await bench.store.repo(REPO)

    assert 2 == len(bench.looked)
    assert ["newest"] == [why for why in await bench.whys(found) if why == "newest"]
    assert row is not None and {"said": "1 component"} == row.notes


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (Transient("away"), timedelta(seconds=2)),
        (ConfigProblem("wrong"), timedelta(hours=1)),
        (InvalidVersion("'x' is no version"), timedelta(hours=1)),
    ],
)
async def test_a_look_that_fails_is_told_and_done_again(bench: Bench, error: Exception, wait: timedelta) -> None:
    """The problem stands in the repository's notes, and the next look has its time."""
    bench.found = error  # type: ignore[assignment]  # any error
    installed = Installed(installation=INSTALLATION, repos=(REPO,))
    await bench.store.keep(Delivery(guid="i", event="installation", received=NOW, body=b"{}"))

    await bench.store.drain("i", Concern(installed=installed), now=NOW)
    await bench.run()
    row = await bench.store.repo(REPO)

    assert row is not None and (NOW + wait, str(error)) == (row.due, row.notes["problem"])


async def test_what_is_not_there_is_no_error(bench: Bench) -> None:
    """A key of a row that is gone does nothing."""
    bench.keys = ["u:none", "r:nobody/nothing"]

    await bench.run()

    assert [] == bench.spoken


async def test_a_change_by_another_hand_is_read_again(bench: Bench) -> None:
    """Compare-and-set loses, so the loop reads the row again and thinks again."""
    update = an_update(state=State.DETECTED)
    turns: list[int] = []

    async def stage(row: Update) -> Outcome:
        turns.append(1)
        if len(turns) == 1:
            mine = await bench.state(row)
            await bench.store.save(mine, replace(row, note="another hand"), due=None)
        return Waiting(update=row, until=None, why=f"after {row.note}", told=True)

    bench.path = {State.DETECTED: stage}
    await bench.add(update)
    await bench.run()

    assert "after another hand" == (await bench.state(update)).update.note


async def test_thirty_events_are_one_look(bench: Bench) -> None:
    """Each event enqueues a run; the first sees all the news there is, and the others have nothing to do."""
    update = an_update(state=State.IN_REVIEW, pull=a_pull())
    looks: list[int] = []

    async def stage(row: Update) -> Outcome:
        looks.append(1)
        return Waiting(update=row, until=bench.now + 5 * MINUTE, why="waits")

    bench.path = {State.IN_REVIEW: stage}
    await bench.add(update)
    for _ in range(30):
        await bench.store.wake([f"u:{update.id}"], now=NOW)
    runs = len(bench.keys)
    await bench.run()

    assert (31, 1) == (runs, len(looks))
    await bench.later(6 * MINUTE)
    assert 2 == len(looks)


async def test_thirty_events_are_one_look_at_a_repository(bench: Bench) -> None:
    """The same for what is detected."""
    bench.found = Looked(due=NOW + 5 * MINUTE)
    await bench.hears(Concern(installed=Installed(installation=INSTALLATION, repos=(REPO,))), guid="i")
    for _ in range(30):
        await bench.store.wake([f"r:{REPO}"], now=NOW)
    await bench.run()

    assert 1 == len(bench.looked)


async def test_a_run_that_was_cut_off_between_two_stages_goes_on(bench: Bench) -> None:
    """Its first stage is saved and its news are settled; the next start does the rest."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: goes(State.PROPOSED), State.PROPOSED: breaks(SystemExit())}  # type: ignore[arg-type]  # it ends the process
    await bench.add(update)
    with pytest.raises(SystemExit):
        await bench.run()
    bench.path = {State.PROPOSED: goes(State.SIMULATED), State.SIMULATED: waits(None)}

    bench.keys = [f"u:{update.id}"]  # as the engine does with a run that it finds unfinished
    await bench.run()

    assert State.SIMULATED is (await bench.state(update)).update.state


async def test_a_lost_run_is_due_again(bench: Bench) -> None:
    """Even where the engine has forgotten the run, the row says that it has to go on."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: goes(State.PROPOSED), State.PROPOSED: breaks(SystemExit())}  # type: ignore[arg-type]  # it ends the process
    await bench.add(update)
    with pytest.raises(SystemExit):
        await bench.run()
    bench.path = {State.PROPOSED: goes(State.SIMULATED), State.SIMULATED: waits(None)}

    await bench.later(timedelta(seconds=1))

    assert State.SIMULATED is (await bench.state(update)).update.state


async def test_news_in_a_pause_is_no_further_try(bench: Bench) -> None:
    """While GitHub is away events may come; they neither make the pauses longer nor put the next try off."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(Transient("away"))}
    await bench.add(update)
    await bench.run()
    before = await bench.state(update)
    for _ in range(10):
        await bench.store.wake([f"u:{update.id}"], now=NOW)
        await bench.run()
    after = await bench.state(update)

    assert (before.tries, before.due) == (after.tries, after.due) == (1, NOW + timedelta(seconds=2))


async def test_what_was_made_a_moment_ago_may_be_missing_still(bench: Bench) -> None:
    """GitHub answers 404 for a pull request that it made a second ago: a few tries, and only then a person."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(Missing("POST labels: 404"))}
    await bench.add(update)
    await bench.run()
    states = []
    for _ in range(MISSING_TRIES):
        states.append((await bench.state(update)).update.state)
        await bench.later(MINUTE)

    assert [State.DETECTED] * MISSING_TRIES == states
    assert State.FAILED is (await bench.state(update)).update.state


async def test_an_archived_repository_is_waited_for(bench: Bench) -> None:
    """No webhook tells that it is writable again, so nothing fails for good."""
    update = an_update(state=State.DETECTED)
    bench.path = {State.DETECTED: breaks(Refused("403 Repository was archived so is read-only."))}
    await bench.add(update)
    await bench.run()
    row = await bench.state(update)
    assert (State.DETECTED, NOW + timedelta(hours=1)) == (row.update.state, row.due)

    bench.path = {State.DETECTED: goes(State.PROPOSED)}
    await bench.later(timedelta(hours=1))
    assert State.PROPOSED is (await bench.state(update)).update.state


async def test_a_suspended_app_leaves_updates_alone_and_comes_back(bench: Bench) -> None:
    """Nothing is done and nothing fails while the App is away; given back, the update goes on where it was."""
    update = an_update(state=State.IN_REVIEW, pull=a_pull())
    bench.path = {State.IN_REVIEW: waits(None)}
    installed = Installed(installation=INSTALLATION, repos=(REPO,))
    await bench.hears(Concern(installed=installed), guid="i")
    await bench.add(update)
    await bench.run()
    bench.path = {State.IN_REVIEW: breaks(Permanent("suspended"))}
    bench.spoken.clear()

    await bench.hears(Concern(uninstalled=Uninstalled(installation=INSTALLATION)), guid="u")
    for _ in range(3):
        await bench.run()
        await bench.store.wake([f"u:{update.id}"], now=NOW)
    await bench.run()
    row = await bench.state(update)
    assert (State.IN_REVIEW, AWAY, None) == (row.update.state, row.update.note, row.due)
    assert ["found", "waits", AWAY] == await bench.whys(update)
    assert ([], ()) == (bench.spoken, await bench.store.unsaid())
    assert [] == await bench.store.behind(NOW + MINUTE)

    bench.path = {State.IN_REVIEW: goes(State.APPROVED)}
    await bench.hears(Concern(installed=installed), guid="j")
    await bench.run()
    assert State.APPROVED is (await bench.state(update)).update.state


async def test_nothing_is_done_in_an_archived_repository(bench: Bench) -> None:
    """From the word on, with a line of audit; taken out of the archive, the update goes on where it was."""
    update = an_update(state=State.IN_REVIEW, pull=a_pull())
    await bench.hears(Concern(installed=Installed(installation=INSTALLATION, repos=(REPO,))), guid="i")
    await bench.add(update)
    bench.path = {State.IN_REVIEW: waits(None)}
    await bench.run()
    looks = len(bench.looked)
    bench.path = {State.IN_REVIEW: breaks(Permanent("archived"))}
    await bench.hears(Concern(repo=REPO, archived=True), guid="a")
    await bench.run()
    await bench.writes("/surefoot approve")
    await bench.run()
    row = await bench.state(update)
    assert (State.IN_REVIEW, ARCHIVED, None) == (row.update.state, row.update.note, row.due)
    assert (looks, ["found", "waits", ARCHIVED]) == (len(bench.looked), await bench.whys(update))
    assert [] == await bench.store.behind(NOW + MINUTE)

    bench.path = {State.IN_REVIEW: goes(State.APPROVED)}
    await bench.hears(Concern(repo=REPO, archived=False), guid="u")
    await bench.run()
    assert State.APPROVED is (await bench.state(update)).update.state and looks < len(bench.looked)


@pytest.mark.parametrize("error", [Permanent("comment locked"), Refused("403 locked"), KeyError("ours")])
async def test_a_comment_that_cannot_be_answered_stops_nothing(bench: Bench, error: Exception) -> None:
    """Anybody may comment, so it is passed over with a line of audit, and the update goes on."""
    update = an_update(state=State.ROLLING_OUT, pull=a_pull())
    bench.path = {State.ROLLING_OUT: goes(State.DONE)}
    bench.ear_breaks = error
    await bench.add(update)
    await bench.writes("/surefoot approve")
    await bench.run()

    row = await bench.state(update)
    assert (State.DONE, ()) == (row.update.state, row.mail)
    assert any("@eve" in why for why in await bench.whys(update))


async def test_a_comment_that_cannot_be_heard_yet_does_not_hold_up_production(bench: Bench) -> None:
    """The rollout is looked at all the same, and the comment is heard as soon as it can be."""
    update = an_update(state=State.ROLLING_OUT, pull=a_pull())
    bench.path = {State.ROLLING_OUT: waits(None, "looked", told=True)}
    bench.ear_breaks = Transient("no permission can be asked for")
    await bench.add(update)
    await bench.writes("/surefoot rollback")
    await bench.run()
    assert "looked" in await bench.whys(update)
    assert [] == bench.heard

    bench.ear_breaks = None
    await bench.later(timedelta(seconds=10))
    assert ["/surefoot rollback"] == [mail.text for mail in bench.heard]


async def test_before_production_people_are_heard_before_anything_is_done(bench: Bench) -> None:
    """A no that cannot be heard yet must not be overtaken by the merge."""
    update = an_update(state=State.APPROVED, pull=a_pull())
    bench.path = {State.APPROVED: breaks(AssertionError("must not run"))}
    bench.ear_breaks = Transient("no permission can be asked for")
    await bench.add(update)
    await bench.writes("/surefoot reject")
    await bench.run()

    row = await bench.state(update)
    assert (State.APPROVED, 1, 1) == (row.update.state, len(row.mail), row.tries)


async def test_a_flood_of_comments_does_not_hold_up_a_rollout(bench: Bench) -> None:
    """Every few letters production gets its look, and in the end all letters are heard."""
    update = an_update(state=State.ROLLING_OUT, pull=a_pull())
    when: list[int] = []

    async def stage(row: Update) -> Outcome:
        when.append(len(bench.heard))
        return Waiting(update=row, until=NOW + 5 * MINUTE, why="looked")

    bench.path = {State.ROLLING_OUT: stage}
    await bench.add(update)
    for number in range(50):
        await bench.writes("/surefoot approve", number=number)
    await bench.run()
    assert [3, 6, 9] == when[:3]

    await bench.later(timedelta(seconds=10))
    assert 50 == len(bench.heard)
    assert NOW + 5 * MINUTE == (await bench.state(update)).due


async def test_where_there_is_no_place_nothing_is_done_and_nobody_waits(bench: Bench) -> None:
    """It comes again in a few seconds; people are heard meanwhile."""
    update = an_update(state=State.PROPOSED, pull=a_pull())
    bench.path = {State.PROPOSED: goes(State.SIMULATED), State.SIMULATED: waits(None)}
    bench.full = lambda row: row.state is State.PROPOSED
    await bench.add(update)
    await bench.writes("/surefoot status")
    await bench.run()
    row = await bench.state(update)
    assert (State.PROPOSED, NOW + timedelta(seconds=10), 1) == (row.update.state, row.due, len(bench.heard))

    bench.full = lambda _: False
    await bench.later(timedelta(seconds=10))
    assert State.SIMULATED is (await bench.state(update)).update.state


async def test_nothing_is_said_of_what_goes_on_at_once(bench: Bench) -> None:
    """A word that is out of date a moment later costs a write that production may need."""
    update = an_update(state=State.ROLLING_OUT, pull=a_pull())
    turns: list[int] = []

    async def stage(row: Update) -> Outcome:
        turns.append(1)
        until = bench.now if len(turns) < 5 else NOW + MINUTE
        return Waiting(update=row, until=until, why=f"turn {len(turns)}", told=True)

    bench.path = {State.ROLLING_OUT: stage}
    await bench.add(update)
    await bench.run()

    assert (5, 1) == (len(turns), len(bench.spoken))


async def test_a_defect_in_a_look_does_not_end_the_looking(bench: Bench) -> None:
    """An error of our own stands in the notes, and there is a next time."""
    bench.found = KeyError("oops")  # type: ignore[assignment]  # any error
    await bench.hears(Concern(installed=Installed(installation=INSTALLATION, repos=(REPO,))), guid="i")
    await bench.run()
    row = await bench.store.repo(REPO)

    assert row is not None and (NOW + timedelta(seconds=2), 1) == (row.due, row.tries)
    assert "KeyError" in row.notes["problem"]


async def test_a_repository_that_was_left_is_not_looked_at(bench: Bench) -> None:
    """Nor does it lie about as work that was lost."""
    await bench.hears(Concern(installed=Installed(installation=INSTALLATION, repos=(REPO,))), guid="i")
    await bench.hears(Concern(uninstalled=Uninstalled(installation=INSTALLATION)), guid="u")
    await bench.run()

    assert ([], []) == (bench.looked, await bench.store.behind(NOW + MINUTE))


async def test_what_comes_to_light_reaches_the_row_and_its_stage(bench):
    """Once: the row learns it with a line of the audit, its stage runs, and the same look again changes nothing."""
    stopped: list[str] = []

    async def watch(update: Update) -> Outcome | None:
        stopped.append(update.blocked)
        return None

    await bench.store.install([REPO], INSTALLATION, now=NOW)
    await bench.add(an_update(state=State.IN_REVIEW, pull=a_pull()))
    bench.watch = watch
    bench.found = Looked(seen={an_update().id: Seen(blocked="1.2.4 was yanked")})
    await bench.run()
    assert stopped == ["1.2.4 was yanked"]
    assert "1.2.4 was yanked" in [entry.why for entry in await bench.store.audit(an_update().id)]

    await bench.store.wake([f"r:{REPO}"], now=NOW)
    await bench.run()
    assert len(stopped) == 1


async def test_what_is_merged_by_now_learns_nothing(bench):
    """The look took a while; what it says is about a pull request that is no longer open, or was never there."""
    await bench.store.install([REPO], INSTALLATION, now=NOW)
    await bench.add(an_update(state=State.DONE, pull=a_pull()))
    bench.found = Looked(seen={an_update().id: Seen(blocked="x"), an_id(9): Seen(blocked="x")})
    await bench.run()

    row = await bench.store.load(an_update().id)
    assert row is not None and row.update.blocked == ""
