"""`surefoot check`: a checkout is looked at, tried and judged, and stays exactly as it is."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner
from rich.console import Console

from bot import check
from bot.adapters import Tools, kinds, open_one, sources
from bot.adapters.listing import Shelf
from bot.check import checkout, report
from bot.check.judging import NOT_TRIED
from bot.check.progress import Progress
from bot.check.report import Report, Row
from bot.check.workshop import Place
from bot.cli import cli
from bot.core.errors import ConfigProblem, Transient
from bot.core.lockfiles import Moved
from bot.core.locks import Locker, LockJob, Relocked
from bot.core.model import Grade, Isolation, Kind, Level, Measure, Priority, Remark, Simulation, Verdict
from bot.core.ports import Say, Trial, silent
from bot.core.survey import oldest_python
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from bot.tools.sightings import FolderSightings
from tests.adapters.index_server import Index, digest, sdist, wheel
from tests.adapters.sources import npm_registry
from tests.adapters.sources.shelf import Shelf as Documents
from tests.builders import a_simulation, a_suite

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PYPROJECT = """\
[project]
name = "shop"
requires-python = ">=3.9"
dependencies = ["steady==1.0", "moving==1.0.0", "ranged>=1"]
"""
REQUIREMENTS = """\
# compiled
moving==1.0.0 \\
    --hash=sha256:{old}
big==1.0
private==3
"""


@dataclass
class FakeLab:
    """Grades what it is told to fail; keeps what it saw on disk."""

    failing: set[str] = field(default_factory=set)
    away: bool = False
    trials: list[Trial] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        self.trials.append(trial)
        if self.away:
            raise Transient("the index is away")
        files = {
            p.relative_to(trial.candidate).as_posix(): p.read_text()
            for p in trial.candidate.rglob("*.t*")
            if p.is_file()
        }
        self.seen.append(files)
        assert (trial.base / "pyproject.toml").read_text() == PYPROJECT
        failed = trial.component.name in self.failing
        return Simulation(
            head=trial.head,
            base=trial.base_sha,
            grade=Grade.FAILED if failed else Grade.PASSED,
            why="tests.test_a::test_b fails" if failed else "7 tests pass, none newly fails",
            isolation=Isolation.FULL,
            notes=("not run: integration (it needs a network)",),
        )


@pytest.fixture(autouse=True)
def _nobody_is_asked_about_flaws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test speaks to its own servers alone."""
    monkeypatch.setenv("SUREFOOT_OSV", "off")


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    old, young = {"upload-time": "2026-01-01T00:00:00Z"}, {"upload-time": "2026-02-28T12:00:00Z"}
    made = Index(
        projects={
            "steady": [wheel("steady", "1.0", **old)],
            "moving": [
                wheel("moving", "1.0.0", **old), wheel("moving", "1.0.2", **old), sdist("moving", "1.0.2", **old),
                wheel("moving", "1.1.0", **{**old, "requires-python": ">=3.12"}),
            ],
            "big": [wheel("big", "1.0", **old), wheel("big", "2.0", **old), wheel("big", "1.0.1", **young)],
            "ranged": [wheel("ranged", "1.5", **old)],
        }
    )  # fmt: skip
    async with made.running():
        yield made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git checkout with an ignored and a new file."""
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "sub/requirements.txt").write_text(REQUIREMENTS.format(old=digest("moving-1.0.0-py3-none-any.whl")))
    (root / ".gitignore").write_text("ignored/\n")
    (root / "ignored").mkdir()
    (root / "ignored/requirements.txt").write_text("nonsense==1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("run.sh")
    git(root, "init", "-q", ".")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def fingerprint(root: Path) -> str:
    """Everything below root, times and git's own files too."""
    told = [f"{p.relative_to(root)} {p.lstat().st_mode} {p.lstat().st_mtime_ns}" for p in sorted(root.rglob("*"))]
    data = [p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and not p.is_symlink()]
    return hashlib.sha256("\n".join(told).encode() + b"".join(data)).hexdigest()


async def looked(
    root: Path, index: Index, lab: FakeLab | None = None, only: tuple[str, ...] = (), locker: Locker | None = None
) -> Report:
    settings = IndexSettings(index_url=index.url)
    async with Http(Reach(trusted=settings.hosts)) as http:
        tools = Tools(http=http, index=lambda: settings)
        look = check.Look(
            root=root,
            tools=tools,
            shelf=Shelf(
                sources={kind: open_one(sources, kind, {}, tools) for kind in kinds(sources)},
                sightings=FolderSightings(root.parent / "seen"),
            ),
            lab=lab,
            locker=locker,
            progress=Progress(Console(file=io.StringIO())),
            now=NOW,
        )
        return await check.of(look, only)


def rows(made: Report) -> dict[tuple[str, str | None], Row]:
    return {(row.name, row.target): row for row in made.rows}


async def test_a_group_is_tried_at_once_and_told_row_by_row(tree: Path, index: Index) -> None:
    """One trial of all of it; who makes it fail is found and turned down, and the others are tried without it."""
    (tree / ".github").mkdir()
    text = "version: 1\nupdates: {rules: [{match: [moving, big], group: web, kinds: [patch, minor, major]}]}\n"
    (tree / ".github/surefoot.yml").write_text(text)
    index.projects["big"].append(wheel("big", "1.1", **{"upload-time": "2026-01-01T00:00:00Z"}))
    lab = FakeLab(failing={"big"})
    made = await looked(tree, index, lab)
    found = {(row.name, row.target): row for row in made.rows if row.group}

    assert {row.group for row in found.values()} == {"web"}
    together = next(trial for trial in lab.trials if len(trial.parts) > 1)
    assert {part.component.name for part in together.parts} == {"big", "moving"}
    small = {part.component.name: found[part.component.name, part.target] for part in together.parts}
    assert (small["big"].verdict, small["moving"].verdict) == (Verdict.REJECT, Verdict.APPROVE)
    assert (
        "tests.test_a::test_b fails; of the group, `big 1.1` makes it fail; the others pass without" in small["big"].why
    )
    assert [["big", "moving"], ["big"], ["moving"], ["moving"]] == [
        [part.component.name for part in trial.parts]
        for trial in lab.trials
        if trial.parts[-1].target != "2.0"  # the large steps of a group are another one
    ]
    seen = lab.seen[lab.trials.index(together)]
    assert any(f"{part.component.name}=={part.target}" in text for text in seen.values() for part in together.parts)
    said = json.loads(report.as_json(made))["components"]
    assert {one["group"] for one in said if one["name"] in {"big", "moving"} and one["target"]} == {"web"}
    culprits = {
        one["name"]: (one["simulation"] or {}).get("culprits") for one in said if one["target"] in ("1.1", "1.0.2")
    }
    assert {"big": [{"name": "big", "ecosystem": "pypi", "target": "1.1", "spare": False}], "moving": []} == culprits
    console = Console(file=io.StringIO(), width=200)
    report.show(made, console=console)
    assert "moving (web)" in console.file.getvalue()  # type: ignore[attr-defined]  # it was opened above


async def test_every_component_gets_an_answer(tree: Path, index: Index) -> None:
    """Up to date, newer, too young, unknown to the index: each is listed with its place and its reason."""
    made = await looked(tree, index)
    found = rows(made)
    assert set(found) == {
        ("steady", None), ("moving", "1.0.2"), ("big", "1.0.1"), ("big", "2.0"), ("ranged", None), ("private", None),
    }  # fmt: skip
    assert found["steady", None].verdict is Verdict.CURRENT
    moving = found["moving", "1.0.2"]
    assert (moving.manifest, moving.line, moving.current, moving.kind) == ("pyproject.toml", 4, "1.0.0", Kind.PATCH)
    assert moving.verdict is Verdict.HOLD and "not tried" in " ".join(moving.why)
    assert "1.1.0: needs Python >=3.12, and 3.9 is in use here" in moving.why
    young = found["big", "1.0.1"]
    assert young.verdict is Verdict.HOLD and young.held_until == datetime(2026, 3, 3, 12, tzinfo=UTC)
    assert (young.manifest, young.line) == ("sub/requirements.txt", 4)
    assert found["big", "2.0"].verdict is Verdict.REVIEW
    assert found["private", None].verdict is Verdict.HOLD and "knows private" in found["private", None].why[0]
    assert made.errors == () and made.code == 1
    assert sorted(path for path, _ in index.seen) == sorted(
        f"/simple/{name}/" for name in ("steady", "moving", "big", "ranged", "private")
    )


async def test_of_two_that_fail_only_together_one_is_held(tree: Path, index: Index) -> None:
    """Neither is turned down: the more urgent passes without the other, which says for whom it stays behind."""
    (tree / ".github").mkdir()
    text = "version: 1\nupdates: {rules: [{match: [moving, big], group: web, kinds: [patch, minor]}]}\n"
    (tree / ".github/surefoot.yml").write_text(text)
    index.projects["big"].append(wheel("big", "1.1", **{"upload-time": "2026-01-01T00:00:00Z"}))

    class Clashing(FakeLab):
        async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
            told = await super().simulate(trial, say)
            return replace(told, grade=Grade.FAILED if len(trial.parts) > 1 else Grade.PASSED)

    made = await looked(tree, index, Clashing())
    found = rows(made)
    big, moving = found["big", "1.1"], found["moving", "1.0.2"]
    assert (big.verdict, moving.verdict) == (Verdict.APPROVE, Verdict.HOLD)
    assert "it fails only together with `big 1.1`, and that comes first" == moving.why[0]


@dataclass
class Smith:
    """Locks what it is asked for on top of what the lock says already."""

    jobs: list[LockJob] = field(default_factory=list)

    async def lock(self, job: LockJob) -> Relocked:
        self.jobs.append(job)
        text = f"{job.files[job.lock]}# {job.component.name} {job.version}\n"
        return Relocked(files={job.lock: text}, moved=(Moved("helper", "1.0", "1.1"),))


async def test_the_lock_file_of_a_group_follows_every_member(tree: Path, index: Index) -> None:
    """What is tried holds the lock as it would be, each member on top of the one before; what moves along is told."""
    index.projects["steady"].append(wheel("steady", "1.1", **{"upload-time": "2026-01-01T00:00:00Z"}))
    (tree / "uv.lock").write_text("version = 1\n")
    (tree / ".github").mkdir()
    (tree / ".github/surefoot.yml").write_text("version: 1\nupdates: {rules: [{group: web}]}\n")
    git(tree, "add", ".")
    smith, lab = Smith(), LockingLab()
    settings = IndexSettings(index_url=index.url)
    async with Http(Reach(trusted=settings.hosts)) as http:
        tools = Tools(http=http, index=lambda: settings)
        look = check.Look(
            root=tree,
            tools=tools,
            shelf=Shelf(
                sources={kind: open_one(sources, kind, {}, tools) for kind in kinds(sources)},
                sightings=FolderSightings(tree.parent / "seen"),
            ),
            lab=lab,
            locker=smith,
            progress=Progress(Console(file=io.StringIO())),
            now=NOW,
        )
        made = await check.of(look)

    found = {row.name: row for row in made.rows if row.group}
    assert set(found) == {"moving", "steady"} and made.errors == ()
    assert [job.component.name for job in smith.jobs] == ["moving", "steady"]
    assert lab.locks == ["version = 1\n# moving 1.0.2\n# steady 1.1\n"]
    assert all("helper 1.0 → 1.1 in its lock" in row.why for row in found.values())
    assert (tree / "uv.lock").read_text() == "version = 1\n"


async def test_a_group_that_cannot_be_locked_is_tried_without_who_hinders_it(tree: Path, index: Index) -> None:
    """Only the one with which the requirements conflict is held, in the tool's words."""
    index.projects["steady"].append(wheel("steady", "1.1", **{"upload-time": "2026-01-01T00:00:00Z"}))
    (tree / "uv.lock").write_text("version = 1\n")
    (tree / ".github").mkdir()
    (tree / ".github/surefoot.yml").write_text("version: 1\nupdates: {rules: [{group: web}]}\n")
    git(tree, "add", ".")

    class Picky(Smith):
        async def lock(self, job: LockJob) -> Relocked:
            if "moving==1.0.2" in job.files["pyproject.toml"]:
                raise ConfigProblem("moving 1.0.2 wants another steady", where="uv.lock")
            return await super().lock(job)

    lab = FakeLab()
    made = await looked(tree, index, lab, locker=Picky())
    found = {row.name: row for row in made.rows if row.group}
    assert (found["moving"].verdict, found["steady"].verdict) == (Verdict.HOLD, Verdict.APPROVE)
    assert "could not be tried: uv.lock: moving 1.0.2 wants another steady" in found["moving"].why
    told = found["moving"].simulation
    assert told is not None and [("moving", "1.0.2")] == [(one.name, to) for one, to in told.culprits]
    assert [["steady"]] == [
        [part.component.name for part in trial.parts] for trial in lab.trials if trial.parts[0].target == "1.1"
    ]
    assert made.errors == ()


@dataclass
class LockingLab(FakeLab):
    """Keeps the lock files that it was given."""

    locks: list[str] = field(default_factory=list)

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        if len(trial.parts) > 1:
            self.locks.append((trial.candidate / "uv.lock").read_text())
        return await super().simulate(trial, say)


async def test_each_folder_has_its_row_and_one_target_is_tried_once(tree: Path, index: Index) -> None:
    """Who stands at another version reads of his own step; what comes in one pull request is tried as one."""
    (tree / "api").mkdir()
    (tree / "api/requirements.txt").write_text("big==1.5\n")
    (tree / "old").mkdir()
    (tree / "old/requirements.txt").write_text("big==1.0\nbig<2\n")
    lab = FakeLab()
    made = await looked(tree, index, lab, only=("big",))
    told = {(row.manifest, row.current, row.target, row.places) for row in made.rows if row.verdict is Verdict.REVIEW}

    assert told == {
        ("api/requirements.txt", "1.5", "2.0", ("api/requirements.txt:1",)),
        ("sub/requirements.txt", "1.0", "2.0", ("sub/requirements.txt:4",)),
    }
    held = [row for row in made.rows if row.manifest == "old/requirements.txt" and row.target == "2.0"]
    assert "held by the range <2 in old/requirements.txt:2" in held[0].why[0]
    (trial,) = lab.trials
    assert {pin.path for pin in trial.parts[0].pins} == {"api/requirements.txt", "sub/requirements.txt"}
    assert lab.seen[0]["old/requirements.txt"] == "big==1.0\nbig<2\n"
    assert lab.seen[0]["api/requirements.txt"] == "big==2.0\n"


async def test_the_checkout_stays_as_it_is(tree: Path, index: Index) -> None:
    """Not a byte, a mode or a time changes, in the files or in git's own folder."""
    before = fingerprint(tree)
    await looked(tree, index, FakeLab())
    assert fingerprint(tree) == before


async def test_updates_are_tried_on_copies(tree: Path, index: Index) -> None:
    """Every place that pins the component moves, hashes with it; all else is what the checkout holds."""
    lab = FakeLab()
    made = await looked(tree, index, lab)
    by_name = dict(zip([(t.component.name) for t in lab.trials], lab.seen, strict=True))
    assert set(by_name) == {"moving", "big"}
    hashes = sorted([digest("moving-1.0.2-py3-none-any.whl"), digest("moving-1.0.2.tar.gz")])
    files = by_name["moving"]
    assert files["pyproject.toml"] == PYPROJECT.replace("moving==1.0.0", "moving==1.0.2")
    lines = [f"    --hash=sha256:{one}" for one in hashes]
    text = " \\\n".join(["# compiled\nmoving==1.0.2", *lines])
    assert files["sub/requirements.txt"] == f"{text}\nbig==1.0\nprivate==3\n"
    assert "ignored/requirements.txt" not in files
    found = rows(made)
    assert found["moving", "1.0.2"].verdict is Verdict.APPROVE
    assert found["big", "2.0"].verdict is Verdict.REVIEW
    assert "not run: integration (it needs a network)" in found["moving", "1.0.2"].why
    heads = {trial.head for trial in lab.trials}
    assert len(heads) == 2 and all(len(head) == 40 for head in heads)
    assert {len(trial.base_sha) for trial in lab.trials} == {40}
    assert not any(trial.base.exists() or trial.candidate.exists() for trial in lab.trials)


async def test_a_failed_trial_rejects(tree: Path, index: Index) -> None:
    """An update that breaks the tests is rejected, and the test is named."""
    made = await looked(tree, index, FakeLab(failing={"moving"}))
    row = rows(made)["moving", "1.0.2"]
    assert row.verdict is Verdict.REJECT and "tests.test_a::test_b fails" in row.why
    assert made.code == 1


async def test_what_could_not_be_tried_is_no_success(tree: Path, index: Index) -> None:
    """When the lab cannot work the update is held, the error is told and the exit code says so."""
    made = await looked(tree, index, FakeLab(away=True))
    assert rows(made)["moving", "1.0.2"].verdict is Verdict.HOLD
    assert any("the index is away" in error for error in made.errors) and made.code == 2


async def test_a_release_without_hashes_is_held_in_a_hashed_file(tree: Path, index: Index) -> None:
    """The reason is on the row; it is an answer and no error."""
    for file in index.projects["moving"]:
        file["hashes"] = {}
    made = await looked(tree, index, FakeLab())
    row = rows(made)["moving", "1.0.2"]
    assert row.verdict is Verdict.HOLD and "no sha256" in row.why[-1]
    assert made.errors == ()


async def test_only_some_components(tree: Path, index: Index) -> None:
    """--only names one or several, spelled as people spell; a name that nobody asks for is an error."""
    made = await looked(tree, index, only=("Moving", "BIG"))
    assert {row.name for row in made.rows} == {"moving", "big"}
    assert {path for path, _ in index.seen} == {"/simple/moving/", "/simple/big/"}
    made = await looked(tree, index, only=("absent",))
    assert made.errors == ("no file here asks for absent",) and made.code == 2


async def test_an_index_that_is_away_is_an_error(tree: Path, index: Index) -> None:
    """Nothing is called up to date that could not be looked up."""
    index.fail = 503
    made = await looked(tree, index)
    assert made.rows == () and len(made.unreached) == 5 and made.code == 2
    assert any(error.startswith("big: ") and "503" in error for error in made.unreached)
    assert json.loads(report.as_json(made))["errors"] == list(made.unreached)


async def test_what_was_found_is_found_whoever_is_away(tree: Path, index: Index) -> None:
    """An update is an update, though a registry of others cannot be reached; without one that would be an error."""
    (tree / "Dockerfile").write_text("FROM 127.0.0.1:9/shop:1.0\n")
    made = await looked(tree, index)
    assert made.code == 1 and [error.partition(":")[0] for error in made.unreached] == ["shop"]
    assert replace(made, rows=()).code == 2


async def test_the_repositorys_configuration_counts(tree: Path, index: Index) -> None:
    """Ignored components, the suites to run and the policy come from .github/surefoot.yml."""
    (tree / ".github").mkdir()
    (tree / ".github/surefoot.yml").write_text(
        "version: 1\n"
        "updates: {match: ['m*', big], ignore: [{name: big, versions: '>=2'}], minimum_age: 0d}\n"
        "simulate: {suites: {unit: {run: make quick}}, timeout: 5m, memory_mib: 512,\n"
        "  prepare: {run: make deps, files: lock, keep: deps}}\n"
        "policy: {patch: review}\n"
    )
    lab = FakeLab()
    made = await looked(tree, index, lab)
    found = rows(made)
    assert found["moving", "1.0.2"].verdict is Verdict.REVIEW
    assert found["big", "1.0.1"].verdict is Verdict.REVIEW
    assert found["steady", None].why == ("left alone by updates.match",)
    assert "/simple/steady/" not in {path for path, _ in index.seen}
    assert {(t.seconds, t.memory_mib, t.suites["unit"].run) for t in lab.trials} == {(300.0, 512, "make quick")}
    assert {t.prepare.run for t in lab.trials if t.prepare} == {"make deps"}


@pytest.mark.parametrize("widen", [False, True])
async def test_ranges_are_widened_where_the_configuration_asks(tmp_path: Path, index: Index, widen: bool) -> None:
    """Tried with the range as it would be written; else it holds what it shuts out."""
    (tmp_path / ".github").mkdir()
    ranges = "widen" if widen else "keep"
    (tmp_path / ".github/surefoot.yml").write_text(f"version: 1\nupdates: {{rules: [{{ranges: {ranges}}}]}}\n")
    (tmp_path / "requirements.txt").write_text("ranged>=1,<1.5  # ours\nbig>1.1,<3\n")
    made = await looked(tmp_path, index)
    found = rows(made)

    assert found["big", None].verdict is Verdict.CURRENT
    row = found["ranged", "1.5"]
    assert (row.current, row.kind) == (">=1,<1.5", Kind.MAJOR if widen else None)
    assert row.verdict is (Verdict.REVIEW if widen else Verdict.HOLD)
    words = "is widened for it" if widen else "held by the range >=1,<1.5 in requirements.txt:1"
    assert words in " ".join(row.why) and not made.errors
    assert (tmp_path / "requirements.txt").read_text().startswith("ranged>=1,<1.5  # ours")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (".github/surefoot.yml", "version: 1\nupdate: {}\n", "surefoot.yml:2"),
        ("requirements.txt", "a=1\n", "requirements.txt:1"),
        ("pyproject.toml", "[project\n", "pyproject.toml:1"),
    ],
)
async def test_a_file_that_cannot_be_read_is_named(tree: Path, index: Index, name: str, text: str, says: str) -> None:
    """The exit code is 2, since what is in that file is not known."""
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text(text)
    made = await looked(tree, index)
    assert made.code == 2 and any(says in error for error in made.errors)


async def test_a_folder_without_git_is_looked_through(tmp_path: Path, index: Index) -> None:
    """Environments and caches in it are left out."""
    for name in ("a", ".venv/lib", "node_modules/x", ".git/x"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "requirements.txt").write_text("steady==1.0\n")
    made = await looked(tmp_path, index)
    assert [(row.manifest, row.verdict) for row in made.rows] == [("a/requirements.txt", Verdict.CURRENT)]
    assert made.code == 0


async def test_a_checkout_cannot_make_us_run_its_programs(tree: Path, index: Index, tmp_path: Path) -> None:
    """A hostile .git/config names a program for every look; it is not run."""
    trap = tmp_path / "ran"
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(program))
    assert (await looked(tree, index)).rows
    assert not trap.exists()


async def test_links_do_not_lead_out(tree: Path, index: Index, tmp_path: Path) -> None:
    """A link to a file elsewhere is not read; one that stays inside is no second copy to be changed."""
    (tmp_path / "secret.txt").write_text("token==1\n")
    (tree / "requirements.txt").symlink_to(tmp_path / "secret.txt")
    made = await looked(tree, index)
    assert any("leads out of the checkout" in error for error in made.errors)
    assert "token" not in {row.name for row in made.rows}
    (tree / "requirements.txt").unlink()
    (tree / "requirements.txt").symlink_to("sub/requirements.txt")
    lab = FakeLab()
    made = await looked(tree, index, lab)
    assert rows(made)["moving", "1.0.2"].verdict is Verdict.APPROVE


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """Too large, not text, not there: each by its name."""
    (tmp_path / "big").write_bytes(b"0" * (checkout.MOST_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, says in (("big", "larger"), ("binary", "UTF-8"), ("none", "cannot be read")):
        with pytest.raises(ConfigProblem, match=says):
            checkout.read(tmp_path, name)


async def test_a_huge_tree_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder given by mistake is not walked for ever."""
    monkeypatch.setattr(checkout, "MOST_FILES", 3)
    for name in "abcde":
        (tmp_path / name).write_text("")
    with pytest.raises(ConfigProblem, match="more than 3 files"):
        await checkout.files(tmp_path)


async def test_special_files_are_left_out(tree: Path) -> None:
    """A pipe would never end, and a deleted file is not there; links and modes are kept in the copy."""
    os.mkfifo(tree / "pipe")
    (tree / "pyproject.toml").unlink()
    names = await checkout.files(tree)
    assert "pipe" not in names and "pyproject.toml" not in names and "link" in names
    copy = tree.parent / "copy"
    checkout.copy(tree, names, copy)
    assert (copy / "link").readlink() == Path("run.sh") and os.access(copy / "run.sh", os.X_OK)


async def test_without_git_there_is_no_commit(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a folder without history nor a machine without git is an error."""
    assert len(await checkout.commit(tree) or "") == 40
    (tmp_path / "empty").mkdir()
    assert await checkout.commit(tmp_path / "empty") is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert await checkout.commit(tree) is None


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ('requires-python = ">=3.9"', "3.9"), ('requires-python = ">=3.9,<4,>=3.10.1"', "3.10.1"),
        ('requires-python = "==3.11.*"', "3.11"), ('requires-python = "<4"', None), ("", None),
        ('requires-python = "new"', None), ("requires-python = [", None),
    ],
)  # fmt: skip
def test_the_oldest_python_of_a_project(text: str, python: str | None) -> None:
    """A release that the oldest supported Python cannot install is not proposed."""
    assert oldest_python(f"[project]\n{text}\n") == python


ROW = Row(
    name="a", ecosystem="pypi", manifest="requirements.txt", line=3, current="1.0", target="1.1", kind=Kind.MINOR,
    priority=Priority.MEDIUM, verdict=Verdict.HOLD, why=("too [young]",),
    held_until=datetime(2026, 3, 3, 12, tzinfo=UTC), group="web",
)  # fmt: skip
STEADY = Row(
    name="b", ecosystem="pypi", manifest="pyproject.toml", line=1, current="2", verdict=Verdict.CURRENT, why=()
)
UNKNOWN = Row(
    name="c", ecosystem="pypi", manifest="pyproject.toml", line=2, current="2", verdict=Verdict.HOLD, why=("not known",)
)


def test_the_json_has_stable_keys() -> None:
    """Machines rely on every one of them."""
    made = json.loads(report.as_json(Report(rows=(ROW, STEADY), errors=("broken",))))
    assert made == {
        "components": [
            {
                "name": "a", "ecosystem": "pypi", "manifest": "requirements.txt", "line": 3, "current": "1.0",
                "places": [],
                "target": "1.1", "kind": "minor", "priority": "medium", "verdict": "hold", "why": ["too [young]"],
                "held_until": "2026-03-03T12:00:00Z", "group": "web", "simulation": None,
            },
            {
                "name": "b", "ecosystem": "pypi", "manifest": "pyproject.toml", "line": 1, "current": "2",
                "places": [],
                "target": None, "kind": None, "priority": "low", "verdict": "current", "why": [], "held_until": None,
                "group": None, "simulation": None,
            },
        ],
        "errors": ["broken"],
        "notes": [],
    }  # fmt: skip


def test_what_a_trial_found_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Machines get every suite; people those that did not just pass, with file and line and the figures that moved."""
    remark = Remark(level=Level.FAILURE, title="`cachetools.MRUCache` is gone", path="app.py", line=5)
    quiet = Remark(level=Level.NOTICE, title="by the way")
    figure = Measure(name="import [x]", before="10 ms", after="15 ms", change="+50 %", level=Level.WARNING)
    simulation = a_simulation(
        grade=Grade.FAILED,
        suites=(
            a_suite(),
            a_suite(kind="compatibility", grade=Grade.FAILED, why="one use breaks", remarks=(remark, quiet)),
            a_suite(kind="performance", measures=(figure,)),
        ),
    )
    made = Report(rows=(replace(ROW, simulation=simulation), replace(STEADY, simulation=None)))
    assert (
        "app.py" == json.loads(report.as_json(made))["components"][0]["simulation"]["suites"][1]["remarks"][0]["path"]
    )
    report.show(made)
    out, _ = capsys.readouterr()
    assert "failed a: compatibility: one use breaks" in out and "app.py:5: `cachetools.MRUCache` is gone" in out
    assert "import [x]: 10 ms, now 15 ms (+50 %)" in out
    assert "by the way" not in out and "unit" not in out


def test_exit_codes() -> None:
    """0 nothing to do, 1 an update even if it is held, 2 an error."""
    assert Report(rows=(STEADY, UNKNOWN)).code == 0
    assert Report(rows=(STEADY, ROW)).code == 1
    assert Report(rows=(ROW,), errors=("x",)).code == 2


def test_the_table_says_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """People see the updates with their reasons, what is not known, and a count of the rest; errors go apart."""
    report.show(Report(rows=(ROW, STEADY, UNKNOWN), errors=("broken [badly]",)))
    out, err = capsys.readouterr()
    for words in ("too [young]", "requirements", "minor", "hold", "1 update found, 1 component up to date"):
        assert (words in out) == (words != "requirements")
    assert "hold c: not known" in out
    assert "broken [badly]" in err and "broken" not in out


def test_two_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """In a repository of many projects each row says whose it is; where a name stands alone it is not said."""
    twice = [replace(ROW, manifest=path, group="") for path in ("api/it.txt", "web/it.txt")]
    report.show(Report(rows=(*twice, replace(twice[0], name="alone"))))
    out = capsys.readouterr().out
    assert "(api/it.txt)" in out and "(web/it.txt)" in out and "alone (" not in out


def test_where_there_is_nothing_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """No count of nothing: a folder without manifests is told apart from one where all is up to date."""
    report.show(Report(rows=()))
    report.show(Report(rows=(), errors=("broken",)))
    out, err = capsys.readouterr()
    assert out == "Nothing to look at: no file here pins a version.\n" and "broken" in err


async def test_a_look_says_that_nothing_was_tried(
    tree: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asked for no simulation reads no more of it than that."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(check, "index_of_pip", lambda: IndexSettings(index_url=index.url))
    await check.run(tree, as_json=True, simulate=False, only=("moving",))
    (row,) = json.loads(capsys.readouterr().out)["components"]
    assert NOT_TRIED in row["why"] and not any("simulated yet" in line for line in row["why"])


async def test_networks_that_the_operator_opened_are_asked(
    tree: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SUREFOOT_ALLOW_NETWORKS counts here as it does for the bot, and a value that is no network is named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(check, "index_of_pip", lambda: IndexSettings(index_url=index.url))
    image = f"FROM {index.url.removeprefix('http://').partition('/')[0].replace('127.0.0.1', '127.0.0.2')}/shop:1.0\n"
    (tree / "Dockerfile").write_text(image)
    told = {}
    for networks in ("", "127.0.0.0/8"):
        monkeypatch.setenv("SUREFOOT_ALLOW_NETWORKS", networks)
        await check.run(tree, as_json=True, simulate=False, only=("shop",))
        out = capsys.readouterr().out  # before it, without a command line, what it would log
        told[networks] = " ".join(json.loads(out[out.index("{\n") :])["errors"])
    assert "is not a public address" in told[""] and "is not a public address" not in told["127.0.0.0/8"]
    monkeypatch.setenv("SUREFOOT_ALLOW_NETWORKS", "10.0.0.0/99")
    with pytest.raises(ConfigProblem, match="SUREFOOT_ALLOW_NETWORKS"):
        await check.run(tree, as_json=True, simulate=False)


@pytest.mark.parametrize("as_json", [True, False])
async def test_the_whole_command(
    tree: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:  # fmt: skip
    """It asks the index that pip is configured for, keeps its cache in the user's folder, and prints one document."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(check, "index_of_pip", lambda: IndexSettings(index_url=index.url))
    assert await check.run(tree, as_json=as_json, simulate=False) == 1
    assert await check.run(tree, as_json=as_json, simulate=False, only=("steady",)) == 0
    out, _ = capsys.readouterr()
    assert ('"components"' in out) is as_json
    assert [status for path, status in index.seen if path == "/simple/steady/"] == [200, 304]
    assert list((tmp_path / "cache/surefoot/http").iterdir())


async def test_a_lab_is_made_only_when_asked_for(
    tree: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --no-simulate what is proposed is tried in this machine's lab."""
    lab = FakeLab()

    async def made(settings: IndexSettings, _: object, place: Place) -> tuple[FakeLab, None]:
        assert (place.folder, settings.main) == (tmp_path / "cache/surefoot/lab", index.url)
        return lab, None

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(check, "index_of_pip", lambda: IndexSettings(index_url=index.url))
    monkeypatch.setattr("bot.check.workshop.fitted", made)
    assert await check.run(tree, as_json=True, only=("moving",)) == 1
    (component,) = json.loads(capsys.readouterr().out)["components"]
    assert component["verdict"] == "approve" and len(lab.trials) == 1


def test_a_watching_person_sees_how_far_it_is() -> None:
    """The bar names what is being done."""
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=80)) as progress:
        progress.of(2, "asking for versions")
        progress.step()
        progress.say("moving 1.0.2")
    assert "moving 1.0.2" in out.getvalue() and "1/2" in out.getvalue()
    with Progress() as silent:
        silent.step()


ENDPOINTS = """\
version: 1
updates:
  minimum_age: 0s
  files:
    - {paths: [Makefile], pattern: '^TOOL *= *(?P<version>[0-9.]+)', ecosystem: http, name: tool}
  endpoints:
    tool: {url: "SHELF/tool", json: v}
  components:
    - {name: steady, ecosystem: pypi, current: {url: "SHELF/status", header: X-Steady}}
    - {name: moving, ecosystem: pypi, current: {url: "SHELF/status", header: X-Moving}}
    - {name: lost, ecosystem: pypi, current: {url: "SHELF/none", json: v}}
"""


@pytest.fixture
async def shelf() -> AsyncIterator[Documents]:
    async with Documents().running() as made:
        made.pages = {
            "/tool": {"v": "2.1"},
            "/status": lambda _: web.Response(headers={"X-Steady": "1.0", "X-Moving": "1.0.0"}),
        }
        yield made


def described(folder: Path, shelf: Documents, text: str = ENDPOINTS) -> Path:
    """A checkout with a Makefile that pins `tool` 2.0, and this configuration."""
    root = folder / "described"
    (root / ".github").mkdir(parents=True)
    (root / "Makefile").write_text("TOOL = 2.0\n")
    (root / ".github/surefoot.yml").write_text(text.replace("SHELF", shelf.url))
    git(root, "init", "-q", ".")
    return root


async def test_endpoints_of_the_checkout_are_asked(tmp_path: Path, index: Index, shelf: Documents) -> None:
    """A pin follows one, and what no file pins stands in the report with the line that describes it."""
    made = await looked(described(tmp_path, shelf), index)

    assert made.errors == () and made.unreached == ()
    found = rows(made)
    tool, steady, moving = found["tool", "2.1"], found["steady", None], found["moving", "1.1.0"]
    assert (tool.manifest, tool.line, tool.kind) == ("Makefile", 1, Kind.MINOR)
    assert (steady.verdict, steady.manifest, steady.line) == (Verdict.CURRENT, ".github/surefoot.yml", 9)
    assert (moving.verdict, moving.current, moving.line) == (Verdict.HOLD, "1.0.0", 10)
    assert moving.why[0] == "1.1.0 is there, and no file pins it: whoever deploys it has to move it"
    assert "what runs now is not known" in found["lost", None].why[0]
    assert shelf.paths.count("/tool") == 1


async def test_a_registered_component_can_be_asked_for_alone(tmp_path: Path, index: Index, shelf: Documents) -> None:
    """By its name, as any other; when its endpoint is away, that is said."""
    shelf.fail = 503
    made = await looked(described(tmp_path, shelf), index, only=("steady",))

    assert made.rows == () and made.errors == ()
    assert len(made.unreached) == 1 and made.unreached[0].startswith("steady: 127.0.0.1 answers 503")


async def test_an_endpoint_that_cannot_be_used_is_an_error(tmp_path: Path, index: Index, shelf: Documents) -> None:
    """With its line."""
    made = await looked(described(tmp_path, shelf, ENDPOINTS.replace("json: v}\n  comp", "json: '['}\n  comp")), index)

    assert made.code == 2
    assert made.errors[0].startswith(".github/surefoot.yml:7 updates.endpoints.tool: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("npm: {token: 5}\n", "sources.yml:1 npm: npm: Expected `str`, got `int`"),
        ("allow: {nmp: []}\n", "sources.yml:1 allow.nmp: there is no ecosystem"),
        ("npm: {url: 'https://a.example', token: NONE_SUCH}\n", "NONE_SUCH is no variable that is set"),
    ],
)
def test_a_mistake_of_the_operator_ends_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    """Exit code 2, and the line of the file."""
    (tmp_path / "sources.yml").write_text(text)
    monkeypatch.setenv("SUREFOOT_SOURCES", str(tmp_path / "sources.yml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    told = CliRunner().invoke(cli, ["check", str(tmp_path), "--no-simulate"])

    assert told.exit_code == 2
    assert words in told.output


def test_the_operators_registries_are_asked_with_their_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its address counts as meant, though it is private; a place that is not allowed is not asked."""

    async def look() -> list[str]:
        async with Documents(login="Bearer hunter22").running() as shelf:
            npm_registry.put(shelf, npm_registry.document(npm_registry.version("pad", "1.0.0"),
                                                          npm_registry.version("pad", "1.0.1")))  # fmt: skip
            sources = f"npm: {{url: {shelf.url}, token: CHECK_TOKEN}}\nallow: {{docker: [docker.io]}}\n"
            (tmp_path / "sources.yml").write_text(sources)
            await check.run(root, as_json=True, simulate=False)
            return shelf.paths

    root = tmp_path / "web"
    root.mkdir()
    (root / "package.json").write_text('{"name": "web", "dependencies": {"pad": "1.0.0"}}\n')
    (root / "Dockerfile").write_text("FROM images.internal/base:1.0\n")
    git(root, "init", "-q", ".")
    monkeypatch.setenv("SUREFOOT_SOURCES", str(tmp_path / "sources.yml"))
    monkeypatch.setenv("CHECK_TOKEN", "hunter22")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    assert "/pad" in asyncio.run(look())
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)["components"]}
    assert told["pad"]["target"] == "1.0.1"
    image = told["base"]
    assert (image["verdict"], image["target"]) == ("hold", None)
    assert "may not be taken from images.internal: the operator allows docker.io" in image["why"][0]
