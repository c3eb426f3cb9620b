"""What a later look says of an update: how urgent it is by now, what is to be looked at, whether it must go.

A release that was sound when it was proposed may be withdrawn, taken back or reported as malicious a day later, and a
flaw that made it urgent may turn out to be none. The row learns of it here; the stages then do what follows. A person's
approval answers what was known when it was given: what came to light since asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core import advisories, ecosystems, objections, trust, versions, weight
from bot.core.advisories import Advisory
from bot.core.errors import InvalidVersion
from bot.core.lifecycle import PULL_IS_OPEN
from bot.core.model import Decision, Finding, Kind, Member, Priority, Release, State, Update, Verdict
from bot.core.objections import Question, Rules
from bot.core.quoting import code

# Merged, and not everywhere yet. Only what is malicious is taken back from there; the rest is for the judge.
ON_ITS_WAY = frozenset({State.MERGED, State.DEPLOYING, State.ROLLING_OUT})
LOOKED_AT = PULL_IS_OPEN | ON_ITS_WAY
RULE = "release"  # of the finding by which an update is stopped here
# Whose lists are whole: what is not in one was taken back. Others are cut, or told page by page.
WHOLE = frozenset({"pypi", "npm", "cargo", "gem", "nuget", "composer", "hex"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look says of an open update, or a step of it. blocked: why it must not be merged, "" when nothing says so.

    priority: None where nobody could be asked; then it stays as it was, and what it mends. malicious: whether what
    blocks it is that.
    """

    gates: tuple[str, ...] = ()
    blocked: str = ""
    malicious: bool = False
    priority: Priority | None = None
    fixes: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def question_of(
    step: Member, listed: Sequence[Release], flaws: dict[str, Sequence[Advisory]], now: datetime
) -> Question:
    """The question that a step was an answer to, as it stands now."""
    scheme = ecosystems.scheme_of(step.component)
    return Question(
        scheme=scheme,
        current=step.current,
        pins=step.pins,
        now=now,
        rules=Rules(),
        known={},
        listed=_newest_first(scheme, listed),
        flaws=flaws,
    )


def gone(step: Member) -> Seen | None:
    """Its release is no longer in the list; None where a list says nothing of what is not in it."""
    why = f"{step.target} is no longer listed: its maker or its registry took it back"
    return Seen(blocked=why) if step.component.ecosystem in WHOLE else None


def seen(step: Member, release: Release, question: Question, *, asked: bool) -> Seen:
    """What follows from the release as it is listed now. asked: whether the advisories could be asked."""
    flaws = question.flaws.get(release.version, ())
    # That a tag was moved was seen against what was pinned then; it stays to be looked at.
    moved = step.gates if step.kind is Kind.DIGEST else ()
    gates = tuple(dict.fromkeys((*moved, *weight.gates(question, release))))
    made = Seen(gates=gates, blocked=_blocked(release, question, flaws), malicious=bool(advisories.malice(flaws)))
    if not asked or not versions.is_valid(question.scheme, step.current):  # where it widens a range, that is current
        return made
    urgent = weight.urgency(question, question.listed)
    current = question.flaws.get(step.current, ())
    told = [urgent or "", advisories.told(step.current, current), advisories.fixes(release.version, current, flaws)]
    return replace(
        made,
        priority=weight.priority(question, release, step.kind, urgent),
        fixes=tuple(one.name for one in question.mended(release)),
        why=tuple(line for line in (*told, *gates) if line),
    )


def together(steps: Sequence[tuple[Member, Seen]]) -> Seen:
    """What is to be said of an update that makes all these steps; of a group each line says which it is about."""
    if len(steps) == 1:
        return steps[0][1]
    named = [(step.component.name, one) for step, one in steps]
    worst = sorted(named, key=lambda step: not step[1].malicious)
    urgent = [one.priority for _, one in named if one.priority is not None]
    return Seen(
        gates=tuple(f"{code(name)}: {gate}" for name, one in named for gate in one.gates),
        blocked=next((f"{code(name)}: {one.blocked}" for name, one in worst if one.blocked), ""),
        malicious=any(one.malicious for _, one in named),
        # One that nobody could be asked about may be the urgent one.
        priority=max(urgent) if len(urgent) == len(named) else None,
        fixes=tuple(dict.fromkeys(fix for _, one in named for fix in one.fixes)),
        why=tuple(f"{code(name)}: {line}" for name, one in named for line in one.why),
    )


def _blocked(release: Release, question: Question, flaws: Sequence[Advisory]) -> str:
    if malice := advisories.malice(flaws):
        return f"{release.version} is {malice}"
    if release.yanked:
        return f"{release.version} was yanked since it was proposed{objections.reason(release)}"
    if release.altered:
        return f"{release.version}: {release.altered}"
    if why := trust.blocked(trust.drops(release, question.listed)):
        return f"attacks look like this: {why}"
    return ""


def learnt(update: Update, found: Seen, now: datetime) -> tuple[Update, str]:
    """The row with what was seen, and what is new in words; "" when nothing is."""
    if update.state not in LOOKED_AT:
        return update, ""
    if update.state in ON_ITS_WAY:
        bad = found.blocked if found.malicious else update.blocked
        return replace(update, blocked=bad), bad if bad != update.blocked else ""
    others = tuple(gate for gate in update.gates if gate not in update.looked)
    gates = tuple(dict.fromkeys((*found.gates, *others)))
    fresh = [gate for gate in gates if gate not in update.gates]
    known = replace(
        update,
        gates=gates,
        looked=found.gates,
        gated=now if fresh else update.gated,
        blocked=found.blocked,
        priority=update.priority if found.priority is None else found.priority,
        fixes=update.fixes if found.priority is None else found.fixes,
    )
    news = _news(update, known, fresh)
    if not news:
        return update, ""
    # Which version of each it is, and that it was chosen.
    chosen = tuple(part.why_now[0] for part in update.parts if part.why_now)
    first = tuple(line for line in update.why_now if line.endswith(chosen)) if chosen else ()
    why = (*first, *(line for line in found.why if line not in first)) if found.priority is not None else update.why_now
    return replace(known, why_now=why), "; ".join(news)


def _news(was: Update, now: Update, fresh: Sequence[str]) -> list[str]:
    news = [f"to be looked at since: {gate}" for gate in fresh]
    if now.blocked != was.blocked:
        news.append(now.blocked or f"nothing stands against {now.target} any longer: {was.blocked}, as it seemed")
    if now.priority is not was.priority:
        news.append(f"its priority is {now.priority.name.lower()} now, and was {was.priority.name.lower()}")
    if set(now.fixes) != set(was.fixes):
        news.append(f"what it mends is {', '.join(now.fixes) or 'nothing that is known'} now")
    if set(now.gates) < set(was.gates):
        news.append("less is to be looked at than before")
    return news


def decision(update: Update) -> Decision:
    """The decision that stops it; no approval changes that."""
    stop = Finding(rule=RULE, verdict=Verdict.REJECT, why=update.blocked)
    return Decision(verdict=Verdict.REJECT, findings=(stop,), head=update.pull.head if update.pull else None)


def stopped_for(update: Update) -> str:
    """Why its last decision stopped it here; "" when it was another one."""
    findings = update.decision.findings if update.decision is not None else ()
    return next((one.why for one in findings if one.rule == RULE), "")


def _newest_first(scheme: str, listed: Sequence[Release]) -> tuple[Release, ...]:
    keyed: list[tuple[versions.Key, int, Release]] = []
    for release in listed:
        with suppress(InvalidVersion):
            keyed.append((versions.key(scheme, release.version), len(keyed), release))
    keyed.sort(key=lambda one: one[:1], reverse=True)
    return tuple(release for _, _, release in keyed)
