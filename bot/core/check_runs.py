"""The three check runs, made from the row alone: the same row always gives the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from bot.core import names, policy, render
from bot.core.durations import spoken
from bot.core.model import (
    Grade,
    Level,
    Remark,
    Sha,
    Simulation,
    State,
    SuiteResult,
    Tally,
    TestChange,
    Update,
    Verdict,
)
from bot.core.quoting import calm, code, table
from bot.core.suites import BESIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark on one line of a file of the commit."""

    path: str
    line: int
    level: Literal["notice", "warning", "failure"]
    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button of a check run; GitHub allows 20 signs for label and identifier, 40 for the description."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """A check run as it should stand. conclusion is None while status is not `completed`."""

    name: str
    head: Sha
    key: str  # our external id
    status: str
    conclusion: str | None
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[Button, ...] = ()
    page: str = ""  # where the whole story is, "" where the bot does not know its own address


def wanted(update: Update, pages: str = "") -> tuple[WantedRun, ...]:
    """The check runs that this update should show now. pages: the address of our own, without a slash at its end."""
    runs = []
    if update.pull is not None:
        runs.append(_simulation(update, update.pull.head))
        runs.append(_policy(update, update.pull.head))
    if update.rollout is not None:
        runs.append(_rollout(update, update.rollout.sha))
    page = f"{pages}/updates/{update.id}" if pages else ""
    return tuple(replace(run, page=page, summary=_linked(run, update, pages)) for run in runs if run is not None)


def _linked(run: WantedRun, update: Update, pages: str) -> str:
    """The summary, with the way to what the candidate printed."""
    if not pages or run.name != names.SIMULATION or update.simulation is None:
        return run.summary
    kinds = dict.fromkeys(suite.kind for suite in update.simulation.suites if suite.log)
    links = [f"[{kind}]({pages}/api/updates/{update.id}/log/{quote(kind, safe='')})" for kind in kinds]
    return f"{run.summary}\n\nOutput of the candidate: {', '.join(links)}." if links else run.summary


MOST_TOLD = 20  # steps of a trial that is under way
MOST_REMARKS = 40  # of one suite; GitHub takes 50 annotations at a time, and a person reads fewer
CONCLUSIONS = {Grade.PASSED: "success", Grade.FAILED: "failure", Grade.UNKNOWN: "neutral"}


def _simulation(update: Update, head: Sha) -> WantedRun | None:
    key = f"{update.id}:simulation"
    simulation = update.simulation
    if simulation is None:
        return simulating(update, head) if update.state is State.PROPOSED else None
    return WantedRun(
        name=names.SIMULATION,
        head=simulation.head,
        key=key,
        status="completed",
        conclusion=CONCLUSIONS[simulation.grade],
        title=_cut(simulation.why),
        summary=_simulation_summary(update, simulation),
        text=render.log_of(simulation),
        annotations=_annotations(update, simulation),
        actions=(Button(label="Try again", description="Simulate this commit once more", identifier="retry"),),
    )


def simulating(update: Update, head: Sha, told: Sequence[str] = ()) -> WantedRun:
    """The check run while a trial goes on. told: what was done so far, the last of it being done now."""
    usual = "The tests run with the old and with the new version."
    return WantedRun(
        name=names.SIMULATION,
        head=head,
        key=f"{update.id}:simulation",
        status="in_progress",
        conclusion=None,
        title=_cut(told[-1].capitalize()) if told else "Running both sides' tests",
        summary="\n".join((usual, "", *(f"- {code(words)}" for words in told[-MOST_TOLD:]))) if told else usual,
    )


def _simulation_summary(update: Update, simulation: Simulation) -> str:
    rows = [(suite.kind, suite.grade.value, *_tallies(suite), calm(suite.why)) for suite in simulation.suites]
    parts = [
        f"**{simulation.grade.value.capitalize()}**: {calm(simulation.why)}.",
        table(("Suite", "Verdict", "Before", "After", "Why"), rows) if rows else "",
        *(_changes(suite) for suite in simulation.suites),
        *(_found(suite) for suite in simulation.suites),
        "\n".join(f"- {calm(note)}" for suite in simulation.suites for note in suite.notes),
        "\n".join(f"- {calm(note)}" for note in simulation.notes),
        f"Tried {code(simulation.head[:9])} merged into {code(simulation.base[:9])} in "
        f"{spoken(timedelta(seconds=simulation.seconds))}. {render.isolation_line(simulation)}",
    ]
    return "\n\n".join(part for part in parts if part)


def _tallies(suite: SuiteResult) -> tuple[str, str]:
    """How many tests came out how; a suite that is none of tests counts none."""
    return ("", "") if suite.kind in BESIDE else (_tally(suite.before), _tally(suite.after))


def _tally(tally: Tally) -> str:
    words = [f"{tally.passed} passed"]
    if tally.failed:
        words.append(f"{tally.failed} failed")
    if tally.skipped:
        words.append(f"{tally.skipped} skipped")
    return ", ".join(words) if tally.total else "none"


def _changes(suite: SuiteResult) -> str:
    groups = (
        ("Newly failing", suite.newly_failing),
        ("Gone missing", suite.missing),
        ("Flaky", suite.flaky),
        ("Newly passing", suite.newly_passing),
    )
    rows = [
        (group, code(change.test), change.before, change.after, code(change.message) if change.message else "")
        for group, changes in groups
        for change in changes[:30]
    ]
    return table(("", "Test", "Before", "After", "What it says"), rows) if rows else ""


def _found(suite: SuiteResult) -> str:
    """What was found beside tests, and the figures on both sides."""
    remarks = [
        (one.level.value, calm(one.title), calm(one.place), calm(one.message)) for one in suite.remarks[:MOST_REMARKS]
    ]
    figures = [(calm(one.name), calm(one.before), calm(one.after), calm(one.change)) for one in suite.measures]
    parts = [
        table((suite.kind.capitalize(), "What", "Where", "What it says"), remarks) if remarks else "",
        f"and {len(suite.remarks) - MOST_REMARKS} more" if len(suite.remarks) > MOST_REMARKS else "",
        table((suite.kind.capitalize(), "Before", "After", "Change"), figures) if figures else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _annotations(update: Update, simulation: Simulation) -> tuple[Annotation, ...]:
    if simulation.grade is Grade.PASSED:
        return ()
    level: Literal["warning", "failure"] = "failure" if simulation.grade is Grade.FAILED else "warning"
    pins = [
        Annotation(path=pin.path, line=pin.line, level=level, title=_cut(title), message=simulation.why)
        for part in update.parts
        for title in (f"{part.component.name} {part.current} to {part.target}: {simulation.grade.value}",)
        for pin in part.pins[:10]
    ]
    failing = (test for suite in simulation.suites for test in suite.newly_failing[:40])
    tests = [_on_test(test) for test in failing if test.path and test.line]
    remarks = (one for suite in simulation.suites for one in suite.remarks[:MOST_REMARKS])
    return (*pins, *tests, *(_on_use(one) for one in remarks if one.path and one.line))


def _on_test(test: TestChange) -> Annotation:
    assert test.path is not None and test.line is not None
    return Annotation(
        path=test.path,
        line=test.line,
        level="failure",
        title=_cut(f"Newly failing: {test.test}"),
        message=test.message or "passed with the old version",
    )


def _on_use(remark: Remark) -> Annotation:
    assert remark.path is not None and remark.line is not None
    return Annotation(
        path=remark.path,
        line=remark.line,
        level=_LEVELS[remark.level],
        title=_cut(remark.title),
        message=remark.message or remark.title,
    )


_LEVELS: dict[Level, Literal["notice", "warning", "failure"]] = {
    Level.NOTICE: "notice",
    Level.WARNING: "warning",
    Level.FAILURE: "failure",
}

_POLICY_ENDS = {
    Verdict.APPROVE: "success",
    Verdict.REJECT: "failure",
    Verdict.REVIEW: "action_required",
    Verdict.DEFER: "neutral",
}


def _policy(update: Update, head: Sha) -> WantedRun | None:
    decision = update.decision
    if decision is None or decision.head != head:
        return None
    conclusion = _POLICY_ENDS.get(decision.verdict)
    rows = [(finding.rule, finding.verdict.value, calm(finding.why)) for finding in decision.findings]
    buttons = (
        Button(label="Approve", description="Approve exactly this commit", identifier="approve"),
        Button(label="Reject", description="Close it and do not propose it again", identifier="reject"),
        Button(label="Defer a day", description="Look at it again tomorrow", identifier="defer 1 day"),
    )
    return WantedRun(
        name=names.POLICY,
        head=head,
        key=f"{update.id}:policy",
        status="completed" if conclusion else "in_progress",
        conclusion=conclusion,
        title=_cut(f"{render.VERDICT_WORDS[decision.verdict]}: {policy.why_of(decision)}"),
        summary=table(("Rule", "Verdict", "Why"), rows),
        actions=buttons if decision.verdict in (Verdict.REVIEW, Verdict.DEFER) else (),
    )


_ROLLOUT_ENDS = {
    State.DONE: "success",
    State.ROLLED_BACK: "failure",
    State.FAILED: "failure",
    State.PAUSED: "action_required",
}


def _rollout(update: Update, head: Sha) -> WantedRun:
    rollout = update.rollout
    assert rollout is not None
    finished = rollout.environment in update.environments_done and not rollout.because
    conclusion = "success" if finished and update.state is not State.FAILED else _ROLLOUT_ENDS.get(update.state)
    button = Button(label="Roll back", description="Give all traffic to the old release", identifier="rollback")
    return WantedRun(
        name=names.ROLLOUT,
        head=head,
        key=f"{update.id}:rollout:{rollout.environment}",
        status="completed" if conclusion else "in_progress",
        conclusion=conclusion,
        title=_cut(f"{rollout.environment}: {update.note}"),
        summary=table(("Step", "How it stands"), render.steps(update)),
        actions=(button,) if update.state in (State.ROLLING_OUT, State.PAUSED, State.DEPLOYING, State.DONE) else (),
    )


def _cut(text: str) -> str:
    return text if len(text) <= 240 else text[:239] + "…"
