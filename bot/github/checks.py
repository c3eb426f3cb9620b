"""Check runs and statuses of a commit: what others say about it, what its branch asks for, and our own word, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.check_runs import Annotation, WantedRun
from bot.core.errors import Missing
from bot.core.model import RepoName, Sha
from bot.github.answers import Said
from bot.github.shapes import AppRef, at, every, item, shaped

MOST_TEXT = 65_535  # bytes of a summary or a text
MOST_MESSAGE = 65_536  # bytes of one annotation
MOST_BUTTONS = 3
BATCH = 50  # annotations of one request
Note: TypeAlias = dict[str, Any]  # an annotation as GitHub takes it
ANY_APP = -1  # how branch protection writes "whoever says so"
CUT = "\n\n… cut here: GitHub shows no more than 64 KiB."


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One check run. status: queued, in_progress, completed, …; conclusion: None until it is completed."""

    id: int
    name: str
    status: str
    conclusion: str | None
    app: int | None
    html_url: str
    started: datetime | None
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The newest status of one context: error, failure, pending or success."""

    context: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """A check that must be green before a merge; app: the only App whose word counts, None for anybody's."""

    context: str
    app: int | None


class _Output(Struct, frozen=True):
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations_count: int = 0


class _Run(Struct):
    id: int
    name: str
    status: str
    conclusion: str | None = None
    app: AppRef | None = None
    html_url: str | None = None
    started_at: datetime | None = None
    external_id: str | None = None
    details_url: str | None = None
    output: _Output = _Output()


class _Annotation(Struct):
    path: str
    start_line: int
    annotation_level: str | None = None
    message: str | None = None
    title: str | None = None


class _Status(Struct):
    context: str
    state: str


class _Check(Struct):
    context: str
    app_id: int | None = None
    integration_id: int | None = None  # the same thing, as rulesets call it


class _Checks(Struct):
    enforcement_level: str = ""
    contexts: tuple[str, ...] = ()
    checks: tuple[_Check, ...] = ()


class _Protection(Struct):
    required_status_checks: _Checks | None = None


class _Branch(Struct):
    protected: bool
    protection: _Protection | None = None


class _Parameters(Struct):
    required_status_checks: tuple[_Check, ...] = ()


class _Rule(Struct):
    type: str
    parameters: Any = None  # each type has its own


def _run(raw: _Run) -> CheckRun:
    return CheckRun(
        id=raw.id,
        name=raw.name,
        status=raw.status,
        conclusion=raw.conclusion,
        app=raw.app.id if raw.app else None,
        html_url=raw.html_url or "",
        started=raw.started_at,
        external_id=raw.external_id or "",
    )


async def runs(gh: GitHubAPI, repo: RepoName, sha: Sha) -> tuple[CheckRun, ...]:
    """The newest check run of each name and App on a commit."""
    raw = await every(gh, at(repo, "commits", sha, "check-runs", filter="latest"), _Run, key="check_runs")
    return tuple(map(_run, raw))


async def statuses(gh: GitHubAPI, repo: RepoName, sha: Sha) -> tuple[Status, ...]:
    """The newest status of each context on a commit."""
    raw = await every(gh, at(repo, "commits", sha, "status"), _Status, key="statuses")
    return tuple(Status(context=one.context, state=one.state) for one in raw)


async def required(gh: GitHubAPI, repo: RepoName, branch: str) -> tuple[Required, ...] | None:
    """The checks that branch protection and rulesets ask for on a branch; None where GitHub does not let us know."""
    try:
        protected = await item(gh, at(repo, "branches", branch), _Branch)
        ruled = await _rules(gh, repo, branch)
    except Missing:
        return None
    except Said as error:
        if error.status != 403:
            raise
        return None
    if protected.protected and protected.protection is None:
        return None
    found = _from_protection(protected.protection) | ruled
    return tuple(sorted(found, key=lambda one: (one.context, one.app or 0)))


def _from_protection(protection: _Protection | None) -> set[Required]:
    checks = protection.required_status_checks if protection else None
    if checks is None or checks.enforcement_level == "off":
        return set()
    named = {_needed(check) for check in checks.checks}
    # `contexts` is the older list of the same checks, without their Apps; old servers have only that.
    known = {one.context for one in named}
    return named | {Required(context=name, app=None) for name in checks.contexts if name not in known}


def _needed(check: _Check) -> Required:
    app = check.app_id if check.app_id is not None else check.integration_id
    return Required(context=check.context, app=None if app == ANY_APP else app)


async def _rules(gh: GitHubAPI, repo: RepoName, branch: str) -> set[Required]:
    url = at(repo, "rules", "branches", branch)
    try:
        rules = await every(gh, url, _Rule)
    except Said as error:
        # A plan without rulesets has no rules, and this is how GitHub says so.
        if error.status == 403 and "upgrade to github" in str(error).lower():
            return set()
        raise
    asked = [rule.parameters for rule in rules if rule.type == "required_status_checks"]
    return {_needed(check) for one in asked for check in shaped(one, _Parameters, url).required_status_checks}


def cut(text: str, most: int = MOST_TEXT) -> str:
    """The text within so many bytes of UTF-8, with a note where something is missing."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - len(CUT.encode())].decode(errors="ignore") + CUT


async def publish(gh: GitHubAPI, repo: RepoName, wanted: WantedRun) -> int:
    """Say it in our check run on that commit: found again if it is there, made if not, silent if it says so already.

    The answer is the run's id. Missing when the commit is gone.

    GitHub only ever adds annotations, so a run whose notes are no longer the wanted ones is left behind for a new one
    of the same name, which is what GitHub then shows. Buttons cannot be read back; they follow from the same row as
    the words do, so they are told whenever the words are.
    """
    ours = await _ours(gh, repo, wanted)
    notes = [_note(one) for one in wanted.annotations]
    there = await _notes(gh, repo, ours) if ours else []
    if ours is None or notes[: len(there)] != there:
        made = await gh.post(at(repo, "check-runs"), data=_body(wanted, notes[:BATCH]) | {"head_sha": wanted.head})
        return await _add(gh, repo, shaped(made, _Run, "POST check-runs").id, wanted, notes[BATCH:])
    left = notes[len(there) :]
    if not left and not _says(ours, wanted):
        await gh.patch(at(repo, "check-runs", ours.id), data=_body(wanted, []))
    return await _add(gh, repo, ours.id, wanted, left)


async def _add(gh: GitHubAPI, repo: RepoName, run: int, wanted: WantedRun, notes: Sequence[Note]) -> int:
    """Append the notes, as many at once as GitHub takes."""
    for start in range(0, len(notes), BATCH):
        await gh.patch(at(repo, "check-runs", run), data=_body(wanted, notes[start : start + BATCH]))
    return run


async def _ours(gh: GitHubAPI, repo: RepoName, wanted: WantedRun) -> _Run | None:
    """Our newest run of that name and key on that commit; a run of another App with our name is not ours."""
    url = at(repo, "commits", wanted.head, "check-runs", check_name=wanted.name, filter="all")
    try:
        found = await every(gh, url, _Run, key="check_runs")
    except Said as error:
        if error.status == 422:  # how GitHub says that it has no such commit, here alone
            raise Missing(str(error)) from None
        raise
    ours = [run for run in found if run.name == wanted.name and run.external_id == wanted.key and _is_ours(gh, run)]
    return max(ours, key=lambda run: run.id, default=None)


def _is_ours(gh: GitHubAPI, run: _Run) -> bool:
    return run.app is not None and str(run.app.id) == gh.app_id


def _says(run: _Run, wanted: WantedRun) -> bool:
    """Whether it reads as wanted already."""
    output = run.output
    return (
        run.status == wanted.status
        and run.conclusion == wanted.conclusion
        and output.title == wanted.title
        and output.summary == cut(wanted.summary)
        and (output.text or "") == cut(wanted.text)
        and (not wanted.page or run.details_url == wanted.page)
    )


def _body(wanted: WantedRun, notes: Sequence[Note]) -> dict[str, Any]:
    output: dict[str, Any] = {"title": wanted.title, "summary": cut(wanted.summary)}
    if wanted.text:
        output["text"] = cut(wanted.text)
    if notes:
        output["annotations"] = notes
    body: dict[str, Any] = {"name": wanted.name, "external_id": wanted.key, "status": wanted.status, "output": output}
    if wanted.page:
        body["details_url"] = wanted.page
    if wanted.conclusion:
        body["conclusion"] = wanted.conclusion
    body["actions"] = [
        {"label": one.label[:20], "description": one.description[:40], "identifier": one.identifier}
        for one in wanted.actions[:MOST_BUTTONS]
    ]
    return body


def _note(one: Annotation) -> Note:
    return _as_sent(one.path, one.line, one.level, one.message, one.title)


def _as_sent(path: str, line: int, level: str, message: str, title: str) -> Note:
    note: Note = {
        "path": path,
        "start_line": line,
        "end_line": line,
        "annotation_level": level,
        "message": cut(message, MOST_MESSAGE),
    }
    return note | ({"title": title[:255]} if title else {})


async def _notes(gh: GitHubAPI, repo: RepoName, run: _Run) -> list[Note]:
    """The annotations that a run has, in the form in which we send them."""
    if not run.output.annotations_count:
        return []
    raw = await every(gh, at(repo, "check-runs", run.id, "annotations"), _Annotation)
    return [
        _as_sent(one.path, one.start_line, one.annotation_level or "", one.message or "", one.title or "")
        for one in raw
    ]
