"""Several components in one pull request: found, tried, merged and taken back together, and each of them told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import board
from bot.core.errors import ConfigProblem
from bot.core.lockfiles import Moved
from bot.core.locks import LockJob, Relocked
from bot.core.model import GROUP, Grade, RepoName, State, Update
from bot.demo import releases
from tests.flows.flow import CONFIG, Flow, flowing

PINNED = f"{releases.PROJECT}=={releases.FIRST}\nsurefoot-helper==1.0\n"
ALONE = CONFIG
GROUPED = CONFIG.replace("{minimum_age: 0s}", '{minimum_age: 0s, rules: [{match: ["surefoot-*"], group: demo}]}')


def publish(flow: Flow, version: str) -> None:
    """Upstream releases the second component."""
    first = releases.wheel_of(releases.FIRST)
    flow.index.publish(
        replace(
            first, project="surefoot-helper", version=version, filename=f"surefoot_helper-{version}-py3-none-any.whl"
        )
    )


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """The world, with a repository that pins two components, and new versions of both."""
    async with flowing(tmp_path, files={"requirements.txt": PINNED}) as made:
        publish(made, "1.0")
        publish(made, "1.1")
        made.publish("1.2.4")
        yield made


async def group(flow: Flow, *names: str, state: State | None = None) -> Update | None:
    """The newest update of the group that moves these."""
    found = [one for one in await flow.app.store.of_repo("acme/shop") if one.component.ecosystem == GROUP]
    mine = [one for one in found if {part.component.name for part in one.parts} == set(names)]
    return next((one for one in reversed(mine) if state in (None, one.state)), None)


async def reached(flow: Flow, state: State) -> Update:
    """The group of both, once it is in this state."""
    found = await flow.until(lambda: group(flow, releases.PROJECT, "surefoot-helper", state=state))
    assert isinstance(found, Update)
    return found


def number(update: Update) -> int:
    """Of its pull request."""
    assert update.pull is not None
    return update.pull.number


async def test_two_components_come_in_one_pull_request_and_are_merged_as_one(flow: Flow) -> None:
    """One branch, one commit, one table with both, one trial and one merge; then the dashboard has nothing left."""
    await flow.configure(GROUPED)
    await flow.look()
    done = await reached(flow, State.DONE)

    assert done.pull is not None and done.pull.ours
    assert len(await flow.rosa._ask("GET", "/pulls?state=all")) == 1
    pull = await flow.rosa._ask("GET", f"/pulls/{done.pull.number}")
    assert pull["title"].startswith(
        "Update demo: surefoot-demo-greeter from 1.2.3 to 1.2.4, surefoot-helper from 1.0 to"
    )
    assert "| `surefoot-demo-greeter` | `1.2.3` | `1.2.4` | patch |" in pull["body"]
    assert "| `surefoot-helper` | `1.0` | `1.1` | minor |" in pull["body"]
    assert await flow.rosa.text("requirements.txt", "main") == PINNED.replace("1.2.3", "1.2.4").replace("1.0", "1.1")
    assert [len(trial.parts) for trial in flow.lab.trials] == [2]
    await flow.look()
    await flow.quiet()
    assert [one.state for one in await flow.app.store.of_repo("acme/shop")] == [State.DONE]
    issues = await flow.rosa._ask("GET", "/issues")
    (shown,) = [one["body"] for one in issues if board.MARK in (one["body"] or "")]
    assert "2 answers: 2 up to date" in shown


async def test_the_dashboard_shows_every_member_of_an_open_group(flow: Flow) -> None:
    """Each in its own row with its step, all of them with the one pull request and the group's name."""
    await flow.configure(GROUPED + "policy: {minor: review}\n")
    await flow.look()
    update = await reached(flow, State.IN_REVIEW)
    await flow.look()

    async def shown() -> bool:
        issues = await flow.rosa._ask("GET", "/issues")
        body = next((one["body"] for one in issues if board.MARK in (one["body"] or "")), "")
        mine = f"| #{number(update)} |"
        return all(
            f"{mine} {row} |" in body
            for row in (
                "`surefoot-demo-greeter` (`demo`) | `1.2.3` → `1.2.4`",
                "`surefoot-helper` (`demo`) | `1.0` → `1.1`",
            )
        )

    await flow.until(shown)


async def test_a_group_takes_the_place_of_single_pull_requests(flow: Flow) -> None:
    """Who groups what is open already gets one pull request for all of it, and the older ones are closed for it."""
    asking = "policy: {patch: review, minor: review}\n"
    await flow.configure(ALONE + asking)
    await flow.look()
    first = await flow.reach("1.2.4", State.IN_REVIEW)
    second = await flow.reach("1.1", State.IN_REVIEW)
    await flow.configure(GROUPED + asking)
    await flow.look()
    update = await reached(flow, State.IN_REVIEW)

    await flow.reach("1.2.4", State.SUPERSEDED)
    gone = await flow.reach("1.1", State.SUPERSEDED)
    assert gone.note == f"superseded by #{number(update)}"
    open_now = [one["number"] for one in await flow.rosa._ask("GET", "/pulls?state=open")]
    assert open_now == [number(update)] and number(update) not in (number(first), number(second))
    await flow.look()
    await flow.quiet()
    assert await group(flow, releases.PROJECT, "surefoot-helper", state=State.IN_REVIEW)


async def test_another_set_takes_the_older_ones_place(flow: Flow) -> None:
    """A newer version of one member makes another set: it comes as a whole, and the older pull request is closed."""
    await flow.configure(GROUPED + "policy: {patch: review, minor: review}\n")
    await flow.look()
    older = await reached(flow, State.IN_REVIEW)
    flow.publish("1.2.5")
    await flow.look()

    gone = await reached(flow, State.SUPERSEDED)
    newer = await reached(flow, State.IN_REVIEW)
    assert (gone.id, newer.id != older.id) == (older.id, True)
    assert [part.target for part in newer.parts] == ["1.2.5", "1.1"]


async def test_what_was_taken_back_with_a_group_comes_neither_again_nor_alone(flow: Flow) -> None:
    """Production told against the set: one revert for both, and no version of it is proposed before a newer one is."""
    flow.production.share_of_new = 0.5
    await flow.configure(GROUPED)
    await flow.look()
    back = await reached(flow, State.ROLLED_BACK)
    assert back.revert is not None
    await flow.rosa._ask("PUT", f"/pulls/{back.revert}/merge", {})
    assert await flow.rosa.text("requirements.txt", "main") == PINNED

    await flow.configure(ALONE)
    await flow.look()
    await flow.quiet()
    assert len(await flow.app.store.of_repo("acme/shop")) == 1

    flow.production.share_of_new = 0.0
    flow.publish("1.2.5")
    await flow.look()
    await flow.reach("1.2.5", State.DONE)


@dataclass(slots=True)
class Smith:
    """Locks what it is asked for on top of what the lock says already. refused: what it cannot lock a project with."""

    jobs: list[LockJob] = field(default_factory=list)
    refused: str = ""

    async def lock(self, job: LockJob) -> Relocked:
        """One line more."""
        self.jobs.append(job)
        if self.refused and self.refused in job.files[job.manifest]:
            raise ConfigProblem("the requirements conflict", where=job.lock)
        text = f"{job.files[job.lock]}# {job.component.name} {job.version}\n"
        return Relocked(files={job.lock: text}, moved=(Moved(job.component.name, "", job.version),))


async def test_a_lock_file_of_several_members_follows_all_of_them(tmp_path: Path) -> None:
    """Made anew for one after the other, each on what the one before it made; and our commit is known as ours."""
    names = (releases.PROJECT, "surefoot-helper")
    wanted = f'["{names[0]}==1.2.3", "{names[1]}==1.0"]'
    project = f'[project]\nname = "shop"\nversion = "1"\ndependencies = {wanted}\n'
    files = {"pyproject.toml": project, "uv.lock": "version = 1\n", "requirements.txt": "# none\n"}
    smith = Smith()
    async with flowing(tmp_path, locker=smith, files=files) as flow:
        publish(flow, "1.0")
        publish(flow, "1.1")
        flow.publish("1.2.4")
        await flow.configure(GROUPED)
        await flow.look()
        done = await reached(flow, State.DONE)

        assert [job.component.name for job in smith.jobs] == [*names]
        assert all("==1.2.4" in job.files["pyproject.toml"] for job in smith.jobs)
        assert done.pull is not None and done.pull.ours and done.gates == ()
        lock = f"version = 1\n# {names[0]} 1.2.4\n# {names[1]} 1.1\n"
        assert await flow.rosa.text("uv.lock", "main") == lock


async def test_who_makes_a_group_fail_is_left_behind(flow: Flow) -> None:
    """The culprit is found and remembered; the others come without it, and the failed pull request makes room."""
    flow.lab.grades["1.2.4"] = Grade.FAILED
    await flow.configure(GROUPED)
    await flow.look()
    failed = await reached(flow, State.REJECTED)
    assert f"`{releases.PROJECT} 1.2.4` makes it fail" in failed.note
    await flow.look()

    await flow.until(lambda: group(flow, "surefoot-helper", state=State.DONE))
    await reached(flow, State.SUPERSEDED)
    await flow.look()
    await flow.quiet()
    assert len(await flow.app.store.of_repo("acme/shop")) == 2
    assert await flow.rosa.text("requirements.txt", "main") == PINNED.replace("==1.0", "==1.1")
    told = await answers(flow)
    assert told[releases.PROJECT]["why"][0].endswith("was rejected before")


async def test_two_that_fail_only_together_come_one_after_the_other(flow: Flow) -> None:
    """Each passes alone: the more urgent is merged; the other waits for a new version, or for a person's word."""
    flow.lab.clashing = ("==1.2.4", "==1.1")
    await flow.configure(GROUPED)
    await flow.look()
    failed = await reached(flow, State.REJECTED)
    assert f"`{releases.PROJECT} 1.2.4` and `surefoot-helper 1.1` fail only together" in failed.note
    await flow.look()

    await flow.until(lambda: group(flow, "surefoot-helper", state=State.DONE))
    await reached(flow, State.SUPERSEDED)
    await flow.look()
    await flow.quiet()
    assert await flow.rosa.text("requirements.txt", "main") == PINNED.replace("==1.0", "==1.1")
    told = (await answers(flow))[releases.PROJECT]
    why = "it fails only together with `surefoot-helper 1.1`, as is pinned here"
    assert (told["verdict"], told["why"][0], told["waits"]) == ("hold", why, True)

    flow.publish("1.2.5")
    await flow.look()
    await flow.until(lambda: group(flow, releases.PROJECT, state=State.DONE))
    ended = PINNED.replace("1.2.3", "1.2.5").replace("==1.0", "==1.1")
    assert await flow.rosa.text("requirements.txt", "main") == ended


async def test_a_bound_group_is_taken_apart_with_locks_of_its_own(tmp_path: Path) -> None:
    """One lock binds both: the guilty one is found by locks that are made for each, and the other comes without it."""
    names = (releases.PROJECT, "surefoot-helper")
    wanted = f'["{names[0]}==1.2.3", "{names[1]}==1.0"]'
    project = f'[project]\nname = "shop"\nversion = "1"\ndependencies = {wanted}\n'
    files = {"pyproject.toml": project, "uv.lock": "version = 1\n", "requirements.txt": "# none\n"}
    smith = Smith()
    async with flowing(tmp_path, locker=smith, files=files) as flow:
        flow.lab.read, flow.lab.clashing = "uv.lock", (f"# {names[0]} 1.2.4",)
        publish(flow, "1.0")
        publish(flow, "1.1")
        flow.publish("1.2.4")
        await flow.configure(GROUPED)
        await flow.look()
        failed = await reached(flow, State.REJECTED)
        assert f"`{names[0]} 1.2.4` makes it fail" in failed.note
        tried = [(trial.candidate.name, len(trial.parts)) for trial in flow.lab.trials]
        assert ("candidate", 1) in tried
        await flow.look()

        await flow.until(lambda: group(flow, names[1], state=State.DONE))
        assert await flow.rosa.text("uv.lock", "main") == f"version = 1\n# {names[1]} 1.1\n"


async def test_a_group_that_cannot_be_locked_comes_without_who_hinders_it(tmp_path: Path) -> None:
    """The lock's tool says that the requirements conflict: whoever brought that in stays out, and the other comes."""
    names = (releases.PROJECT, "surefoot-helper")
    wanted = f'["{names[0]}==1.2.3", "{names[1]}==1.0"]'
    project = f'[project]\nname = "shop"\nversion = "1"\ndependencies = {wanted}\n'
    files = {"pyproject.toml": project, "uv.lock": "version = 1\n", "requirements.txt": "# none\n"}
    async with flowing(tmp_path, locker=Smith(refused=f"{names[0]}==1.2.4"), files=files) as flow:
        publish(flow, "1.0")
        publish(flow, "1.1")
        flow.publish("1.2.4")
        await flow.configure(GROUPED)
        await flow.look()
        gone = await reached(flow, State.SUPERSEDED)
        assert "the requirements conflict" in gone.note and f"`{names[0]} 1.2.4` makes it fail" in gone.note
        await flow.look()

        await flow.until(lambda: group(flow, names[1], state=State.DONE))
        assert await flow.rosa.text("uv.lock", "main") == f"version = 1\n# {names[1]} 1.1\n"
        assert len(await flow.rosa._ask("GET", "/pulls?state=all")) == 1


async def test_a_group_whose_culprit_is_not_known_is_told_member_by_member(flow: Flow) -> None:
    """The same set is not proposed again, and each member's answer says why."""
    flow.lab.grades["1.2.4"] = Grade.FAILED
    await flow.configure(GROUPED + "simulate: {timeout: 1s}\n")
    await flow.look()
    await reached(flow, State.REJECTED)
    await flow.look()
    await flow.quiet()

    assert len(await flow.app.store.of_repo("acme/shop")) == 1
    told = await answers(flow)
    assert {one["group"] for one in told.values()} == {"demo"}
    assert all("it was rejected before" in one["why"][0] and one["verdict"] == "hold" for one in told.values())


async def answers(flow: Flow) -> dict[str, dict[str, Any]]:
    """What the last look said, by component."""
    row = await flow.app.store.repo(RepoName("acme/shop"))
    assert row is not None
    return {one["name"]: one for one in row.notes["answers"]}
