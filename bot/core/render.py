"""All that people read on a pull request is made here: the body, the one status comment, answers, merge messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from bot.core import names
from bot.core.lifecycle import MAY_GO
from bot.core.model import Grade, Isolation, Member, Simulation, State, Update, Verdict
from bot.core.quoting import block, calm, code, table
from bot.core.repo_config import CONFIG_PATH

MOST_LINES = 80  # of the reasons in a pull request's text
MOST_PLACES = 8  # of one component

ICONS = {
    State.DONE: "✅",
    State.MERGED: "✅",
    State.APPROVED: "✅",
    State.REJECTED: "❌",
    State.FAILED: "❌",
    State.ROLLED_BACK: "⏪",
    State.ROLLING_BACK: "⏪",
    State.IN_REVIEW: "👀",
    State.PAUSED: "👀",
    State.DEFERRED: "⏳",
}
WORDS = {
    State.DETECTED: "found",
    State.PROPOSED: "being simulated",
    State.SIMULATED: "simulated",
    State.IN_REVIEW: "waits for a person",
    State.DEFERRED: "deferred",
    State.REJECTED: "rejected",
    State.APPROVED: "approved",
    State.MERGED: "merged",
    State.DEPLOYING: "being deployed",
    State.ROLLING_OUT: "rolling out",
    State.ROLLING_BACK: "being rolled back",
    State.ROLLED_BACK: "rolled back",
    State.DONE: "done",
    State.SUPERSEDED: "superseded",
    State.CLOSED: "closed",
    State.PAUSED: "paused",
    State.FAILED: "stopped: a person is needed",
}


def pull_body(update: Update) -> str:
    """The pull request's text: what is proposed and why. What happens to it stands in the status comment."""
    why = [f"- {calm(line)}" for line in update.why_now[:MOST_LINES]]
    more = [f"- and {len(update.why_now) - MOST_LINES} more"] if len(update.why_now) > MOST_LINES else []
    head = ("Component", "From", "To", "Kind", "Published", "Pinned in")
    parts = [
        f"Group {code(update.component.name)}: all of it is tried, merged and taken back together."
        if update.members
        else "",
        table(head, [_step(part) for part in update.parts]),
        f"Priority: {update.priority.name.lower()}.",
        f"**Why {'these versions' if update.members else 'this version'}**\n\n" + "\n".join(why + more) if why else "",
        _moved_along(update),
        _to_be_seen(update),
        "Surefoot now runs this repository's tests with the old and the new version, in a jail without network, "
        "decides by the policy of the default branch, and tells each step in one comment below.",
        "Comment `/surefoot help` for what you can tell it.",
    ]
    return "\n\n".join(part for part in parts if part)


def _step(part: Member) -> tuple[str, ...]:
    published = part.release.published if part.release else None
    places = [code(f"{pin.path}:{pin.line}") for pin in part.pins]
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return (
        code(part.component.name),
        code(part.current),
        code(part.target),
        part.kind.value,
        f"{published:%Y-%m-%d %H:%M} UTC" if published else "not known",
        (", ".join(places[:MOST_PLACES]) or "nowhere") + more,
    )


def _to_be_seen(update: Update) -> str:
    """What stands between it and a merge by itself."""
    if not update.gates:
        return ""
    return "**A person has to look at this before it is merged**\n\n" + "\n".join(
        f"- {calm(gate)}" for gate in update.gates
    )


def _moved_along(update: Update) -> str:
    """What the tools of its lock files moved besides."""
    if not update.locks:
        return ""
    lines = [f"- {code(one)}" for one in update.moved[:20]]
    more = [f"- and {len(update.moved) - 20} more"] if len(update.moved) > 20 else []
    paths = ", ".join(code(path) for path, _ in update.locks)
    return f"**Made anew by its own tool:** {paths}\n\n" + "\n".join(lines + more)


def status(update: Update, *, now: datetime) -> str:
    """The one comment that is kept on a pull request; its mark lets us find it again."""
    icon = ICONS.get(update.state, "🔎")
    head = f"{names.mark_of(update)}\n### {icon} {calm(names.title_of(update))}: {WORDS[update.state]}"
    ahead = ", ".join(sorted(WORDS[state] for state in MAY_GO[update.state] & _NEXT))
    parts = [head, calm(update.note), table(("Step", "How it stands"), steps(update))]
    if ahead:
        parts.append(f"Next may be: {ahead}.")
    parts.append("<sub>`/surefoot help` lists what you can say. Times are UTC.</sub>")
    return "\n\n".join(part for part in parts if part)


_NEXT = frozenset({State.APPROVED, State.MERGED, State.DEPLOYING, State.ROLLING_OUT, State.DONE, State.ROLLED_BACK})


def steps(update: Update) -> list[tuple[str, ...]]:
    """What has been done to an update, row by row."""
    rows: list[tuple[str, ...]] = []
    if update.simulation:
        rows.append(("Simulation", f"{update.simulation.grade.value}: {calm(update.simulation.why)}"))
    elif update.state is State.PROPOSED:
        rows.append(("Simulation", "running"))
    if update.decision:
        # What the simulation says stands in its own row already.
        said = [f for f in update.decision.findings if f.rule != "simulation" or update.simulation is None]
        rows.extend((f"Policy: {f.rule}", f"{f.verdict.value}: {calm(f.why)}") for f in said)
    if update.approvals:
        rows.append(("Approved by", ", ".join(f"@{a.who} for {code(a.head[:9])}" for a in update.approvals)))
    if update.merge:
        rows.append(("Merged", f"{code(update.merge.sha[:9])} at {update.merge.at:%Y-%m-%d %H:%M}"))
    rows.extend((f"Environment {name}", "all traffic") for name in update.environments_done)
    if update.rollout and update.rollout.environment not in update.environments_done:
        rows.append((f"Environment {update.rollout.environment}", _where(update)))
    if update.revert:
        rows.append(("Revert", f"#{update.revert}"))
    return rows or [("Found", calm(names.brought(update)))]


def _where(update: Update) -> str:
    rollout = update.rollout
    assert rollout is not None
    seen = rollout.evidence
    counts = (
        f"; new: {seen.canary.errors} of {seen.canary.requests} requests failed, "
        f"old: {seen.stable.errors} of {seen.stable.requests}"
        if seen.looks
        else ""
    )
    if rollout.because:
        return f"turned back: {calm(rollout.because)}"
    weight = rollout.step.weight if rollout.step else 0
    return f"{weight} % of the traffic{counts}"


def merge_message(update: Update) -> str:
    """The body of the merge commit: what was tried and what was decided, in our own words alone.

    The names of tests and checks are foreign, and a message is read by machines too: `[skip ci]`, `Fixes #1`.
    """
    tried = _tried(update.simulation) if update.simulation else "not simulated"
    rules = "\n".join(f"- {f.rule}: {f.verdict.value}" for f in update.decision.findings) if update.decision else ""
    return f"Simulated: {tried}\n\n{rules}\n\n{names.trailer_of(update)}\n"


def _tried(simulation: Simulation) -> str:
    ran = sum(suite.after.total for suite in simulation.suites)
    before = sum(suite.before.total for suite in simulation.suites)
    return f"{simulation.grade.value}; {ran} tests ran, {before} before, at {simulation.head[:9]}"


def revert_body(update: Update) -> str:
    """The text of the pull request that takes an update back."""
    number = f"#{update.pull.number}" if update.pull else "the update"
    because = update.rollout.because if update.rollout and update.rollout.because else update.note
    remembered = [code(f"{part.component.name} {part.target}") for part in update.parts]
    return (
        f"{number} was rolled back: {calm(because)}.\n\n{table(('Step', 'How it stands'), steps(update))}\n\n"
        f"{', '.join(remembered)} {'is' if len(remembered) == 1 else 'are'} remembered and not proposed again; "
        "a newer version is. Nothing else is deployed before this pull request is merged or closed, "
        "since the default branch still holds the bad version."
    )


def unread_right(author: str) -> str:
    """The answer to somebody who may or may not command."""
    return f"@{author}, your permission here could not be read just now; please say it again later."


def onboarding_config(environments: Sequence[tuple[str, str, str]]) -> str:
    """A first configuration. environments: name, workflow file, health address, as found in the workflows."""
    lines = [
        "# Surefoot keeps this repository's dependencies up to date. All keys: docs/configuration.md of the project.",
        "version: 1",
        "",
        "updates:",
        '  match: ["*"]          # which components to look after',
        "  ignore: []",
        "  minimum_age: 3 days   # a release must have been out this long",
        "",
        "policy:                 # what may happen to an update that passed: merge, review or reject",
        "  patch: merge",
        "  minor: merge",
        "  major: review",
    ]
    for name, workflow, health in environments:
        lines += [
            *([] if "environments:" in lines else ["", "environments:"]),
            f"  - name: {json.dumps(name)}",
            "    provider:",
            "      kind: github_actions",
            f"      workflow: {json.dumps(workflow)}",
            "    strategy:",
            "      kind: canary",
            "      steps: [5, 25, 50, 100]",
            "      bake: 5m           # how long each step is watched",
            "      min_requests: 100  # and how many requests the new release must have served",
            "    health:",
            "      kind: http",
            f"      url: {json.dumps(health)}",
        ]
    return "\n".join(lines) + "\n"


def onboarding_body(environments: Sequence[tuple[str, str, str]]) -> str:
    """The text of the onboarding pull request."""
    found = "\n".join(
        f"- **{name}**, deployed by {code(workflow)}, watched at {code(url)}" for name, workflow, url in environments
    )
    return (
        f"Merge this to let Surefoot look after this repository; close it to be left alone.\n\n"
        f"It adds {code(CONFIG_PATH)}. Until it is merged, nothing else happens.\n\n"
        + (
            f"**Environments found in your workflows** (check the health address):\n\n{found}"
            if found
            else "No deploy workflow with the inputs `sha` and `weight` was found, so updates end when they are merged."
        )
    )


def isolation_line(simulation: Simulation) -> str:
    """How foreign code was locked in, said in every check run."""
    return {
        Isolation.GVISOR: "Foreign code ran in a jail, under a kernel of its own (gVisor): no network, no files of the"
        " host, memory and processes bounded.",
        Isolation.FULL: "Foreign code ran in a jail: no network, no files of the host, memory and processes bounded.",
        Isolation.PLAIN: "Foreign code ran in a jail without a cgroup: memory was bounded per process only.",
        Isolation.ACTIONS: "Foreign code ran in the repository's own GitHub Actions, away from the bot.",
        Isolation.NONE: "No foreign code ran.",
        Isolation.UNJAILED: "**Foreign code ran without a jail**: only the demo may, whose code is its own.",
    }[simulation.isolation]


def log_of(simulation: Simulation) -> str:
    """The last part of the candidate's output, for the check run's text."""
    return "\n\n".join(block(suite.log) for suite in simulation.suites if suite.log and suite.grade is not Grade.PASSED)


VERDICT_WORDS = {
    Verdict.APPROVE: "approved",
    Verdict.REVIEW: "a person decides",
    Verdict.REJECT: "rejected",
    Verdict.DEFER: "deferred",
    Verdict.HOLD: "waiting",
    Verdict.CURRENT: "nothing to do",
}
