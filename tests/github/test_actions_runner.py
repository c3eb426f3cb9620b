"""A trial in the repository's own Actions: both sides really run there, and what comes back is read as a claim."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from bot.adapters import Tools, open_one, runners
from bot.adapters.runners.actions import BRANCHES, Actions, _report
from bot.core.bisecting import fails_alike
from bot.core.errors import ConfigProblem, Missing, Transient
from bot.core.model import Component, Grade, Isolation, Sha, Simulation
from bot.core.ports import Trial
from bot.tools.http import Http, Reach
from tests.github.town import REPO, Town, town

WORKFLOW = f"""\
name: Surefoot simulation
run-name: Simulate ${{{{ inputs.key }}}}
on: {{workflow_dispatch: {{inputs: {{key: {{required: true}}}}}}}}
permissions: {{contents: read}}
jobs:
  simulate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: mkdir surefoot && {sys.executable} -m pytest -q --junitxml=surefoot/results.xml -o junit_family=xunit1
      - if: always()
        uses: actions/upload-artifact@v5
        with: {{name: surefoot, path: surefoot}}
"""
TESTS = "from shop import hail\n\ndef test_hail():\n    assert hail() == 'Hello'\n\ndef test_other():\n    pass\n"
GOOD = "def hail():\n    return 'Hel' + 'lo'\n"
BAD = "def hail():\n    return 'Hail'\n"


@dataclass
class Stage:
    """A repository with tests and a workflow, and who tries its branches."""

    shop: Town
    http: Http
    path: Path

    async def tried(self, text: str, *, seconds: float = 120.0, base: Sha | None = None) -> Simulation:
        """A branch with this `shop.py`, tried against main as it is."""
        start = base or self.shop.tip
        await self.shop.gh.post(f"/repos/{REPO}/git/refs", data={"ref": "refs/heads/new", "sha": start})
        head = await self.shop.push({"shop.py": text}, branch="new")
        return await self.runner().simulate(self.trial(head, seconds))

    def trial(self, head: Sha, seconds: float = 120.0) -> Trial:
        return Trial(
            base=self.path,
            candidate=self.path,
            head=head,
            base_sha=self.shop.tip,
            component=Component(name="x"),
            seconds=seconds,
        )

    def runner(self, workflow: str = "try.yml") -> Actions:
        return Actions(self.shop.gh, REPO, self.http, workflow, every=0.2)

    @property
    def leftovers(self) -> list[str]:
        return [name for name in self.shop.repo.git.refs if BRANCHES in name]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with town(tmp_path) as shop, Http(Reach(allow=[ip_network("127.0.0.0/8")])) as http:
        files = {".github/workflows/try.yml": WORKFLOW, "shop.py": "def hail():\n    return 'Hello'\n"}
        await shop.push({**files, "test_shop.py": TESTS, "conftest.py": ""})
        yield Stage(shop, http, tmp_path)


async def test_a_part_of_a_group_runs_without_a_branch_of_its_own_in_the_pull_request(stage: Stage) -> None:
    """The base with these files written anew runs; its baseline is that of the whole group, which ran already."""
    whole = await stage.tried(BAD)
    runs = len(stage.shop.repo.runs)
    trial = stage.trial(whole.head)
    parts = [await stage.runner().simulate(replace(trial, written={"shop.py": text})) for text in (BAD, GOOD)]
    assert [Grade.FAILED, Grade.PASSED] == [part.grade for part in parts]
    assert [True, False] == [fails_alike(whole, part) for part in parts]
    assert runs + 2 == len(stage.shop.repo.runs), "one run for each part, and none for what is known"
    refs = [str(one.body["ref"]) for one in stage.shop.asked("POST", "/git/refs") if BRANCHES in str(one.body["ref"])]
    assert [name.rpartition("/")[2] for name in refs] == ["base", "candidate", "candidate", "candidate"]
    assert [] == stage.leftovers


async def test_a_good_update_passes_and_leaves_nothing_behind(stage: Stage) -> None:
    """Both sides ran by the workflow, each on its own commit; their branches are gone afterwards."""
    told = await stage.tried(GOOD)
    assert (Grade.PASSED, Isolation.ACTIONS) == (told.grade, told.isolation), told
    assert 2 == told.suites[0].before.passed == told.suites[0].after.passed
    assert [] == stage.leftovers
    assert 2 == len({run.head_sha for run in stage.shop.repo.runs.values()})


async def test_a_bad_update_fails_after_it_failed_twice(stage: Stage) -> None:
    """The failing test is named; the candidate ran again before it was believed."""
    told = await stage.tried(BAD)
    assert Grade.FAILED is told.grade
    assert ["test_shop::test_hail"] == [one.test for one in told.suites[0].newly_failing]
    assert 3 == len(stage.shop.repo.runs)


async def test_what_fails_once_and_then_passes_is_flaky(stage: Stage, tmp_path: Path) -> None:
    """It is said, and fails nothing."""
    mark = tmp_path / "mark"
    once = f"import pathlib\nseen = pathlib.Path({str(mark)!r})\ndef hail():\n    new = not seen.exists()\n"
    told = await stage.tried(once + "    seen.touch()\n    return 'Hail' if new else 'Hello'\n")
    assert Grade.PASSED is told.grade and ["test_shop::test_hail"] == [one.test for one in told.suites[0].flaky]


async def test_the_candidate_is_the_merge_with_main_as_it_is_now(stage: Stage) -> None:
    """The branch began before main moved; what is tried has both."""
    old = stage.shop.tip
    await stage.shop.push({"test_more.py": "def test_more():\n    pass\n"})
    told = await stage.tried(GOOD, base=old)
    assert (3, 3) == (told.suites[0].before.passed, told.suites[0].after.passed)


async def test_a_side_that_leaves_no_report_is_not_believed(stage: Stage) -> None:
    """The new code ends the test run with success before any test: exit code 0 proves nothing."""
    told = await stage.tried("import os\nos._exit(0)\n")
    assert Grade.FAILED is told.grade and "no artifact surefoot with results.xml" in told.why


async def test_time_is_bounded(stage: Stage) -> None:
    """What does not end is cancelled, and the trial says that it was cut off."""
    told = await stage.tried("import time\ntime.sleep(600)\n", seconds=3.0)
    assert Grade.PASSED is not told.grade
    assert {"cancelled"} >= {run.conclusion for run in stage.shop.repo.runs.values()} - {"success", None}
    assert [] == stage.leftovers


async def test_a_repository_without_the_workflow_is_told_so(stage: Stage) -> None:
    """The file is named, and nothing is left behind."""
    head = await stage.shop.push({"shop.py": GOOD}, branch="main")
    with pytest.raises(ConfigProblem, match=r"other\.yml"):
        await stage.runner("other.yml").simulate(stage.trial(head))
    assert [] == stage.leftovers


async def test_a_dispatch_that_no_run_shows_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow whose run-name hides the key cannot be followed: it is said, and not waited for without end."""
    monkeypatch.setattr("bot.adapters.runners.actions._LISTED", 0.5)
    head = await stage.shop.push({".github/workflows/try.yml": WORKFLOW.replace("inputs.key }", "github.actor }")})
    with pytest.raises(Transient, match="no run that shows"):
        await stage.runner().simulate(stage.trial(head))


async def test_a_file_without_a_place_is_no_file(stage: Stage) -> None:
    """GitHub answers instead of sending us on: the answer is judged like any other."""
    with pytest.raises(Transient, match="names no place"):
        await stage.shop.gh.place_of(f"/repos/{REPO}")  # type: ignore[attr-defined]  # the client's own
    with pytest.raises(Missing):
        # Our client has it beside what gidgethub declares.
        await stage.shop.gh.place_of(f"/repos/{REPO}/actions/artifacts/1/tar")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "options", [{}, {"workflow": "../x.yml"}, {"workflow": "a.txt"}, {"workflow": "a.yml", "x": 1}]
)
def test_a_workflow_is_a_file_name(options: dict[str, object]) -> None:
    """No path, and nothing else is an option."""
    with pytest.raises(ConfigProblem):
        # It is refused before anybody speaks to GitHub.
        open_one(runners, "actions", options, Tools(http=Http(), github=object(), repo=REPO))  # type: ignore[arg-type]
    with pytest.raises(ConfigProblem, match="installed"):
        open_one(runners, "actions", {"workflow": "a.yml"}, Tools(http=Http()))


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 junk", zipped("other.xml", b"<a/>"), zipped("results.xml", bytes(17 << 20))]
)
def test_an_archive_is_a_claim_too(data: bytes) -> None:
    """Junk, another name, a bomb: no report."""
    assert _report(data) is None


async def test_what_somebody_pushes_to_the_branch_of_a_trial_is_not_tried_as_the_update(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write empties the failing test in the moment before the merge: nothing is said of the update."""
    whole = Actions._merge

    async def raced(self: Actions, branch: str, trial: Trial) -> Sha | None:
        await stage.shop.push({"test_shop.py": "def test_hail():\n    pass\n"}, branch=branch)
        return await whole(self, branch, trial)

    monkeypatch.setattr(Actions, "_merge", raced)
    with pytest.raises(Transient, match="somebody else pushed"):
        await stage.tried(BAD)
    assert [] == stage.leftovers


def test_an_archive_of_countless_names_is_not_opened() -> None:
    """A list of members of thirty megabytes would fill the memory before anything of it is asked for."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("results.xml", "<testsuite/>")
    few = made.getvalue()
    assert b"<testsuite/>" == _report(few)

    with zipfile.ZipFile(made, "a") as archive:
        for number in range(25_000):
            archive.writestr(f"{number:05d}", "")
    assert _report(made.getvalue()) is None
    assert _report(few[:-22] + b"PK\x06\x07" + bytes(16) + few[-22:]) is None
    assert _report(b"PK\x05\x06") is None and _report(b"") is None
