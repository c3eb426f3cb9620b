"""The repository's own GitHub Actions: both sides run there without secrets, and what comes back is a claim.

For a bot without a jail and without a runner host. Both sides get a branch of their own for as long as the trial lasts,
`surefoot-try/<commits>/base` and `…/candidate`, so that what runs is exactly what is compared, and so that caches which
foreign code may write belong to these branches alone. The workflow is dispatched on each:

    name: Surefoot simulation
    run-name: Simulate ${{ inputs.key }}
    on: {workflow_dispatch: {inputs: {key: {required: true}}}}
    permissions: {contents: read}
    jobs:
      simulate:
        runs-on: ubuntu-latest
        timeout-minutes: 15
        steps:
          - uses: actions/checkout@v5
            with: {persist-credentials: false}
          - uses: actions/setup-python@v6
          - run: pip install -r requirements.txt pytest
          - run: mkdir surefoot && python -m pytest --junitxml=surefoot/results.xml -o junit_family=xunit1
          - if: always()
            uses: actions/upload-artifact@v5
            with: {name: surefoot, path: surefoot}

It must be on the default branch (GitHub asks for that), must show `inputs.key` in its run-name, and leave an artifact
`surefoot` with `results.xml`. It must not name a secret: tests of a new version run in it.

Options: `workflow`, the file's name in `.github/workflows`.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import stat
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import quote

import msgspec
from gidgethub.abc import GitHubAPI

from bot.adapters import Options, Tools, decode
from bot.core import differential
from bot.core.differential import Again, Difference, Side
from bot.core.errors import ConfigProblem, Missing, Refused, SurefootError, Transient
from bot.core.model import Isolation, RepoName, Sha, Simulation, SuiteResult
from bot.core.ports import Say, Trial, silent
from bot.core.quoting import code
from bot.core.suites import UNIT
from bot.lab import junit
from bot.tools.http import Http

KIND = "actions"
ARTIFACT, REPORT = "surefoot", "results.xml"
BRANCHES = "surefoot-try"
EVERY = 10.0  # seconds between two looks at a run; two runs, so some twelve requests a minute
_LISTED = 90.0  # seconds after which a dispatch that no run shows was lost
_MOST_ZIP = 32 << 20
_MOST_REPORT = 16 << 20
_MOST_LISTED = 1 << 20  # of an archive's list of members
_SKEW = timedelta(minutes=5)


_Tip = tuple[str, Sha]  # a branch, and the commit that it points to


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    workflow: str


class _Places(Protocol):
    """The one thing beside gidgethub's own that is asked of the client."""

    async def place_of(self, url: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A run that came to its end, or did not in time."""

    id: int
    conclusion: str
    url: str
    seconds: float


def open(options: Options, tools: Tools) -> Actions:
    """ConfigProblem without a repository, or for a workflow that is a path."""
    chosen = decode(options, _Options, KIND)
    if tools.github is None or tools.repo is None:
        raise ConfigProblem(f"{KIND} needs a repository that the GitHub App is installed on")
    if not re.fullmatch(r"[\w.-]+\.ya?ml", chosen.workflow):
        mend = "Write workflow: surefoot-simulate.yml"
        raise ConfigProblem(f"{chosen.workflow!r} is no workflow file's name", mend=mend)
    return Actions(tools.github, tools.repo, tools.http, chosen.workflow)


class Actions:
    """A `core.ports.Lab` in the repository itself. every: seconds between two looks at a run."""

    def __init__(self, github: GitHubAPI, repo: RepoName, http: Http, workflow: str, *, every: float = EVERY) -> None:
        self._github, self._repo, self._http = github, repo, http
        self._workflow, self._every = workflow, every

    async def simulate(self, trial: Trial, say: Say = silent) -> Simulation:
        """See `bot.core.ports.Lab`. Transient when GitHub is away, or lost a dispatch."""
        began = time.monotonic()
        key = f"{trial.head[:12]}-{trial.base_sha[:12]}"
        name = f"{key}-{_digest(trial.written)}" if trial.written else key
        # The base of a smaller group is that of the whole one: its run is found, and not dispatched again.
        known = bool(trial.written) and await self._found(f"{key}-base", trial.base_sha) is not None
        async with self._branches(trial, name, known=known) as tips:
            say("waiting for the repository's own Actions")
            old, new = await asyncio.gather(
                self._side(f"{key}-base", tips[0], trial.seconds),
                self._side(f"{name}-candidate", tips[1], trial.seconds),
            )
            difference = differential.compare(old, new)
            # What fails of a smaller group failed twice for the whole one already.
            if difference.newly_failing and not trial.written:
                say("running the candidate again")
                again = await self._side(f"{key}-again", tips[1], trial.seconds)
                difference = _confirmed(difference, again)
        suite = _suite(old, new, difference, self._workflow)
        return Simulation(
            head=trial.head, base=trial.base_sha, grade=suite.grade, why=suite.why, isolation=Isolation.ACTIONS,
            suites=(suite,), seconds=time.monotonic() - began,
        )  # fmt: skip

    @asynccontextmanager
    async def _branches(self, trial: Trial, name: str, *, known: bool) -> AsyncIterator[tuple[_Tip, _Tip]]:
        """Both sides as branches: what the base is, and the head merged into it or what was written on it.

        known: whether the base ran already. No branch is moved needlessly, for workflows may run on every push.
        """
        names = (f"{BRANCHES}/{name}/base", f"{BRANCHES}/{name}/candidate")
        try:
            if not known:
                await self._put(names[0], trial.base_sha)
            written = await self._write(trial) if trial.written else None
            await self._put(names[1], written or trial.base_sha)
            tried = written or await self._merge(names[1], trial)
            yield (names[0], trial.base_sha), (names[1], tried or trial.base_sha)
        finally:
            for one in names:
                await asyncio.shield(self._remove(one))

    async def _put(self, name: str, sha: Sha) -> None:
        """Anew where a trial that was cut off left it."""
        await self._remove(name)
        await self._github.post(f"/repos/{self._repo}/git/refs", data={"ref": f"refs/heads/{name}", "sha": sha})

    async def _remove(self, name: str) -> None:
        try:
            await self._github.delete(f"/repos/{self._repo}/git/refs/heads/{quote(name)}")
        except (Missing, Refused):
            return  # it is gone; GitHub says 422 to that

    async def _merge(self, branch: str, trial: Trial) -> Sha | None:
        """The merge's commit; None when there was nothing to merge. Refused on a conflict.

        Transient where somebody moved the branch meanwhile: what they put there must not be tried as the update.
        """
        data = {"base": branch, "head": trial.head, "commit_message": "Try an update"}
        made = await self._github.post(f"/repos/{self._repo}/merges", data=data)
        if not isinstance(made, Mapping) or not made.get("sha"):
            return None
        parents = [one.get("sha") for one in made.get("parents", ())]
        if parents != [trial.base_sha, trial.head]:
            raise Transient(f"somebody else pushed to {branch}, which is ours, so nothing is tried on it")
        return Sha(str(made["sha"]))

    async def _write(self, trial: Trial) -> Sha:
        """A commit of the files that were written on the base, for which there is none."""
        git = f"/repos/{self._repo}/git"
        before = (await self._github.getitem(f"{git}/commits/{trial.base_sha}"))["tree"]["sha"]
        files = [
            {"path": path, "mode": _mode(trial.base / path), "type": "blob", "content": text}
            for path, text in sorted(trial.written.items())
        ]
        tree = await self._github.post(f"{git}/trees", data={"base_tree": before, "tree": files})
        data = {"message": "Try a part of an update", "tree": tree["sha"], "parents": [trial.base_sha]}
        return Sha(str((await self._github.post(f"{git}/commits", data=data))["sha"]))

    async def _side(self, key: str, tip: _Tip, seconds: float) -> Side:
        """One side's run, from its dispatch to its report."""
        branch, sha = tip
        run = await self._found(key, sha)
        if run is None:
            await self._dispatch(key, branch)
        ended = await self._watched(key, sha, seconds)
        if ended.conclusion == "timed out":
            return Side(outcomes=None, code=None, ended="timeout", seconds=ended.seconds, allowed=seconds)
        ran = ended.conclusion in ("success", "failure")
        data = await self._artifact(ended.id) if ran else None
        problem = "" if ran else f"its run ended as {ended.conclusion}"
        try:
            outcomes = junit.read(await asyncio.to_thread(_report, data)) if data is not None else None
        except junit.Unreadable as said:
            outcomes, problem = None, str(said)
        return Side(
            outcomes=outcomes,
            code=0 if ended.conclusion == "success" else 1,
            ended="finished" if ran else "broken",
            problem=problem or ("" if outcomes is not None else f"it left no artifact {ARTIFACT} with {REPORT}"),
            seconds=ended.seconds,
            allowed=seconds,
        )

    async def _dispatch(self, key: str, branch: str) -> None:
        url = f"/repos/{self._repo}/actions/workflows/{self._workflow}/dispatches"
        try:
            await self._github.post(url, data={"ref": branch, "inputs": {"key": key}})
        except (Missing, Refused) as error:
            raise self._unusable(error) from None

    def _unusable(self, error: SurefootError) -> ConfigProblem:
        mend = "The documentation of the simulation shows one; it must be on the default branch"
        return ConfigProblem(f"cannot be run: {error}", where=f".github/workflows/{self._workflow}", mend=mend)

    async def _watched(self, key: str, sha: Sha, seconds: float) -> _Ended:
        began = time.monotonic()
        while True:
            run = await self._found(key, sha)
            spent = time.monotonic() - began
            if run is None and spent > _LISTED:
                raise Transient(f"GitHub lists no run that shows {key}")
            if run is not None and run.get("status") == "completed":
                return _ended(run, str(run.get("conclusion") or "unknown"))
            if spent > seconds:
                if run is not None:
                    await self._cancel(int(run["id"]))
                return _ended(run or {}, "timed out", seconds)
            await asyncio.sleep(self._every)

    async def _cancel(self, run: int) -> None:
        try:
            await self._github.post(f"/repos/{self._repo}/actions/runs/{run}/cancel", data={})
        except SurefootError:
            return  # it has ended, or ends by its own limit

    async def _found(self, key: str, sha: Sha) -> Mapping[str, Any] | None:
        """The run of this very commit that shows the key, the newest first."""
        since = quote(f">={datetime.now(UTC) - _SKEW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
        url = f"/repos/{self._repo}/actions/workflows/{self._workflow}/runs?head_sha={sha}&created={since}&per_page=100"
        try:
            got = await self._github.getitem(url)
        except Missing as error:
            raise self._unusable(error) from None
        shown = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        for run in got.get("workflow_runs", ()):
            if run.get("head_sha") == sha and shown.search(str(run.get("display_title") or "")):
                return cast(Mapping[str, Any], run)
        return None

    async def _artifact(self, run: int) -> bytes | None:
        """The archive that the run left; None when there is none. Where it lies needs no token, and gets none."""
        got = await self._github.getitem(f"/repos/{self._repo}/actions/runs/{run}/artifacts?per_page=100")
        for one in got.get("artifacts", ()):
            if one.get("name") == ARTIFACT and not one.get("expired") and int(one.get("size_in_bytes", 0)) <= _MOST_ZIP:
                url = f"/repos/{self._repo}/actions/artifacts/{int(one['id'])}/zip"
                place = await cast(_Places, self._github).place_of(url)
                return (await self._http.get(place, keep=False, most_bytes=_MOST_ZIP)).body
        return None


def _digest(written: Mapping[str, str]) -> str:
    text = "\0".join(f"{path}\0{written[path]}" for path in sorted(written))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _mode(path: Path) -> str:
    return "100755" if path.is_file() and path.stat().st_mode & stat.S_IXUSR else "100644"


def _ended(run: Mapping[str, Any], conclusion: str, seconds: float = 0.0) -> _Ended:
    times = [run.get("run_started_at"), run.get("updated_at")]
    if all(isinstance(one, str) for one in times):
        begun, done = (datetime.fromisoformat(str(one)) for one in times)
        seconds = (done - begun).total_seconds()
    return _Ended(id=int(run.get("id", 0)), conclusion=conclusion, url=str(run.get("html_url") or ""), seconds=seconds)


def _report(data: bytes) -> bytes | None:
    """The report in an archive that foreign code made: one member, by its name, and no more of it than is read."""
    if not _lists_little(data):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(REPORT) as file:
            text = file.read(_MOST_REPORT + 1)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error):
        # NotImplementedError: a compression that zipfile does not know; RuntimeError: a password.
        return None
    return text if len(text) <= _MOST_REPORT else None


def _lists_little(data: bytes) -> bool:
    """Whether its list of members is short, which is read whole before the first: a name takes many times its bytes.

    The last record of a zip says how long the list is, or the record before it, where it is too long for that.
    """
    end = data.rfind(b"PK\x05\x06")
    listed = int.from_bytes(data[end + 12 : end + 16], "little")
    return 0 <= end <= len(data) - 22 and listed <= _MOST_LISTED and data[max(0, end - 20) : end][:4] != b"PK\x06\x07"


def _confirmed(found: Difference, again: Side) -> Difference:
    """What does not fail a second time is flaky; one that the second run does not know stays as it was found."""
    came = {change.test: again.known.get(change.test) for change in found.newly_failing}
    return differential.confirmed(
        found, {test: Again(after=(outcome.came,)) for test, outcome in came.items() if outcome is not None}
    )


def _suite(old: Side, new: Side, difference: Difference, workflow: str) -> SuiteResult:
    note = f"run by {code(workflow)} of this repository: its report is all that is known of it"
    found = differential.told(UNIT, workflow, old, new, difference)
    return replace(found, seconds=old.seconds + new.seconds, notes=(note,))
