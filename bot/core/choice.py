"""Which published version a component should go to, and an answer in words when it is none.

Sources list and this chooses. Releases newer than the pinned one fall into two lanes, because people decide about them
apart: steps within a major version, and major steps with changes of the numbering itself. In each lane the newest
release without an objection is proposed; every newer one that was passed over is named with its objection.

The list of releases is taken as it is now. Nothing is remembered but what became of versions that were tried before:
one that was turned back, rejected or closed is not proposed again, and a newer one is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core import ecosystems, versions
from bot.core.durations import spoken
from bot.core.errors import ConfigProblem
from bot.core.model import Kind, Pin, Priority, Release, State, Verdict
from bot.core.quoting import code

LARGE = frozenset({Kind.MAJOR, Kind.SCHEME})
NAMED = 3  # how many passed-over releases are named; the rest is counted

REMEMBERED: Mapping[State, str] = {
    State.ROLLED_BACK: "was rolled back before",
    State.ROLLING_BACK: "is being rolled back",
    State.REJECTED: "was rejected before",
    State.CLOSED: "was closed by a person before",
    State.SUPERSEDED: "gave way to a newer one before",
    State.DONE: "was rolled out before, and somebody went back since",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the repository's owner wants for one component.

    minimum_age: since publication; ignore: ranges to leave alone; allowed: a range to stay in, "" for any;
    pythons: the Python versions that must all be able to install it; prereleases: whether unfinished versions may come.
    """

    minimum_age: timedelta = timedelta(days=3)
    ignore: tuple[str, ...] = ()
    allowed: str = ""
    pythons: tuple[str, ...] = ()
    prereleases: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer about a component. verdict is one of three.

    APPROVE: `target` may be proposed (the policy has not spoken yet); HOLD: there is something newer, and `why` says
    what holds it, `held_until` (UTC) for how long where time alone will free it; CURRENT: nothing newer to be had.
    current: the pinned version, or the range as written where no pin is exact.
    """

    verdict: Verdict
    current: str
    target: Release | None = None
    kind: Kind | None = None
    priority: Priority = Priority.LOW
    why: tuple[str, ...] = ()
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objection:
    """Why a release is passed over. holds: whether a person would want to know that it is there."""

    why: str
    holds: bool = True
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What stays the same for all releases of one call."""

    scheme: str
    current: str
    pins: Sequence[Pin]
    now: datetime
    rules: Rules
    known: Mapping[str, State]


def choose(
    pins: Sequence[Pin],
    releases: Sequence[Release],
    *,
    now: datetime,
    rules: Rules,
    known: Mapping[str, State],
) -> tuple[Choice, ...]:
    """One or two answers for the pins of one component in one repository; the smaller step comes first.

    pins: at least one, all of the same component. known: what became of the versions tried before.
    ConfigProblem when the rules hold a range that the scheme cannot read, or the ecosystem has no version scheme.
    """
    scheme = ecosystems.scheme_of(pins[0].component)
    exact = sorted({pin.version for pin in pins if pin.version is not None})
    broken = next((version for version in exact if not versions.is_valid(scheme, version)), None)
    if broken is not None:
        why = f"{broken!r} is no {scheme} version, so nothing can be said to be newer"
        return (Choice(verdict=Verdict.HOLD, current=broken, why=(why,)),)
    readable = [release for release in releases if versions.is_valid(scheme, release.version)]
    ordered = _newest_first(scheme, readable)
    if not exact:
        return (_of_ranges(scheme, pins, ordered, rules=rules, now=now),)
    current = _newest_first(scheme, [Release(version=version) for version in exact])[-1].version
    question = _Question(scheme=scheme, current=current, pins=pins, now=now, rules=rules, known=known)
    return _answers(question, ordered, _notes(exact, len(releases) - len(readable)))


def _answers(question: _Question, ordered: Sequence[Release], notes: tuple[str, ...]) -> tuple[Choice, ...]:
    scheme, current = question.scheme, question.current
    newer = [release for release in ordered if versions.compare(scheme, release.version, current) > 0]
    urgent = _urgency(question, ordered)
    lanes: list[list[Release]] = [[], []]
    for release in newer:
        lanes[versions.bump(scheme, current, release.version) in LARGE].append(release)
    answers = [_lane(question, lane, urgent, notes) for lane in lanes if lane]
    told = [answer for answer in answers if answer.verdict is not Verdict.CURRENT]
    if told:
        return tuple(told)
    passed = tuple(dict.fromkeys(line for answer in answers for line in answer.why))
    why = passed or (f"{current} is the newest of {len(ordered)} listed releases", *notes)
    return (Choice(verdict=Verdict.CURRENT, current=current, why=why),)


def _lane(question: _Question, lane: Sequence[Release], urgent: str | None, notes: tuple[str, ...]) -> Choice:
    """lane: newest first, never empty."""
    passed: list[tuple[Release, _Objection]] = []
    for release in lane:
        objection = _objection(question, release) or _by_closed(question, release, passed)
        if objection is None:
            return _proposal(question, release, passed, urgent, notes)
        passed.append((release, objection))
    held = [(release, objection) for release, objection in passed if objection.holds]
    why = (*_lines(held or passed), *notes)
    if not held:
        return Choice(verdict=Verdict.CURRENT, current=question.current, why=why)
    # What time alone will free comes first of all; else the newest is what a person would ask about.
    timed = [(objection.until, release) for release, objection in held if objection.until is not None]
    until, target = min(timed, key=lambda pair: pair[0]) if timed else (None, held[0][0])
    kind = versions.bump(question.scheme, question.current, target.version)
    return Choice(
        verdict=Verdict.HOLD,
        current=question.current,
        target=target,
        kind=kind,
        priority=_priority(kind, urgent),
        why=why,
        held_until=until,
    )


def _proposal(
    question: _Question,
    release: Release,
    passed: Sequence[tuple[Release, _Objection]],
    urgent: str | None,
    notes: tuple[str, ...],
) -> Choice:
    kind = versions.bump(question.scheme, question.current, release.version)
    age = f", published {spoken(question.now - release.published)} ago" if release.published else ""
    lines = [f"{release.version} is the newest {_lane_name(kind)} that nothing speaks against{age}"]
    if kind is Kind.SCHEME:
        lines.append(f"the numbering changed from {question.current} to {release.version}: a person should look")
    if versions.is_zero(question.scheme, question.current) and kind is Kind.MINOR:
        lines.append(f"{question.current} is a 0.y version: a minor step may break like a major one")
    lines += [urgent] if urgent else []
    return Choice(
        verdict=Verdict.APPROVE,
        current=question.current,
        target=release,
        kind=kind,
        priority=_priority(kind, urgent),
        why=(*lines, *_lines(passed), *notes),
    )


def _objection(question: _Question, release: Release) -> _Objection | None:
    """The first thing that speaks against a release: what never changes first, what time will heal last."""
    if release.yanked:
        return _Objection(why=f"yanked{_reason(release)}", holds=False)
    if not _finished(question, release):
        return _Objection(why="not a finished version", holds=False)
    state = question.known.get(release.version)
    if state is not None and state in REMEMBERED:
        return _Objection(why=REMEMBERED[state])
    settled = _by_rules(question, release) or _by_python(question.rules, release) or _by_pins(question, release)
    return settled or _by_age(question, release)


def _finished(question: _Question, release: Release) -> bool:
    """A pre-release comes only to who asks for such, or already runs one that leads to the same version."""
    scheme, current = question.scheme, question.current
    if question.rules.prereleases or versions.is_stable(scheme, release.version):
        return True
    return not versions.is_stable(scheme, current) and versions.same_release(scheme, current, release.version)


def _by_rules(question: _Question, release: Release) -> _Objection | None:
    for wanted in question.rules.ignore:
        if versions.satisfies(question.scheme, release.version, wanted):
            return _Objection(why=f"ignored by the configuration ({wanted or 'all versions'})")
    if not versions.satisfies(question.scheme, release.version, question.rules.allowed):
        return _Objection(why=f"outside of what the configuration allows ({question.rules.allowed})")
    return None


def _by_python(rules: Rules, release: Release) -> _Objection | None:
    wanted = tuple(dict.fromkeys(file.requires_python for file in release.artifacts))
    for python in rules.pythons:
        if wanted and not any(_runs_on(python, one) for one in wanted):
            return _Objection(why=f"needs Python {' or '.join(filter(None, wanted))}, and {python} is in use here")
    return None


def _runs_on(python: str, requires: str | None) -> bool:
    try:
        return requires is None or versions.satisfies("pypi", python, requires)
    except ConfigProblem:
        return True  # installers take a file whose demand they cannot read


def _by_pins(question: _Question, release: Release) -> _Objection | None:
    """A range beside the exact pin stays as it is written, so the target must lie in it."""
    for pin in question.pins:
        if pin.version is None and not _allows(question.scheme, pin, release):
            return _Objection(why=f"held by the range {pin.requirement} in {pin.path}:{pin.line}")
    return None


def _by_age(question: _Question, release: Release) -> _Objection | None:
    least = question.rules.minimum_age
    if not least:
        return None
    if release.published is None:
        return _Objection(why="its time of publication is not known, so it counts as too young")
    ready = release.published + least
    if ready <= question.now:
        return None
    age = spoken(question.now - release.published)
    return _Objection(why=f"{age} old and must be {spoken(least)}: ready at {ready:%Y-%m-%d %H:%M} UTC", until=ready)


def _by_closed(question: _Question, release: Release, newer: Sequence[tuple[Release, _Objection]]) -> _Objection | None:
    """Who closed the newer one did not ask for the older one that was there already; a later backport is news."""
    for other, _ in newer:
        closed = question.known.get(other.version) is State.CLOSED
        if closed and not (release.published and other.published and release.published > other.published):
            return _Objection(why=f"a person closed {other.version}, which came after it")
    return None


def _of_ranges(scheme: str, pins: Sequence[Pin], ordered: Sequence[Release], *, rules: Rules, now: datetime) -> Choice:
    """No pin is exact: what lies in the range needs no edit, and what lies outside is held by it."""
    written = pins[0].requirement or "any version"
    question = _Question(scheme=scheme, current=written, pins=(), now=now, rules=rules, known={})
    stable = [release for release in ordered if rules.prereleases or versions.is_stable(scheme, release.version)]
    wanted = [r for r in stable if not r.yanked and not _by_rules(question, r) and not _by_python(rules, r)]
    if not wanted:
        why = "no finished release is listed that could be taken"
        return Choice(verdict=Verdict.CURRENT, current=written, why=(why,))
    newest = wanted[0]
    holder = next((pin for pin in pins if not _allows(scheme, pin, newest)), None)
    if holder is None:
        why = f"{written} already takes the newest release, {newest.version}: nothing to edit"
        return Choice(verdict=Verdict.CURRENT, current=written, why=(why,))
    inside = next((r for r in wanted if all(_allows(scheme, pin, r) for pin in pins)), None)
    best = f"the newest inside is {inside.version}" if inside else "no listed release lies inside"
    why = f"{newest.version} is held by the range {holder.requirement} in {holder.path}:{holder.line}; {best}"
    kind = versions.bump(scheme, inside.version, newest.version) if inside else None
    return Choice(verdict=Verdict.HOLD, current=written, target=newest, kind=kind, why=(why,))


def _allows(scheme: str, pin: Pin, release: Release) -> bool:
    """Whether a pin's range takes the release. One that cannot be read takes nothing: it is not ours to overrule."""
    try:
        return versions.satisfies(scheme, release.version, pin.requirement)
    except ConfigProblem:
        return False


def _urgency(question: _Question, ordered: Sequence[Release]) -> str | None:
    """What makes any way out of the current version urgent."""
    for release in ordered:
        if release.yanked and versions.compare(question.scheme, release.version, question.current) == 0:
            return f"{question.current}, in use here, was yanked{_reason(release)}"
    return None


def _reason(release: Release) -> str:
    return f": {code(release.yanked_reason)}" if release.yanked_reason else ""


def _priority(kind: Kind, urgent: str | None) -> Priority:
    """Without advisories; who knows of one takes the greater."""
    if urgent:
        return Priority.HIGH
    return Priority.MEDIUM if kind is Kind.MINOR else Priority.LOW


def _lines(passed: Sequence[tuple[Release, _Objection]]) -> tuple[str, ...]:
    lines = [f"{release.version}: {objection.why}" for release, objection in passed[:NAMED]]
    return (*lines, f"and {len(passed) - NAMED} more passed over") if len(passed) > NAMED else tuple(lines)


def _notes(exact: Sequence[str], unreadable: int) -> tuple[str, ...]:
    notes = []
    if len(exact) > 1:
        notes.append(f"pinned at {', '.join(exact)} in different places; the oldest counts")
    if unreadable:
        notes.append(f"{unreadable} listed versions cannot be ordered and were passed over")
    return tuple(notes)


def _lane_name(kind: Kind) -> str:
    return "major step" if kind in LARGE else "step within its major version"


def _newest_first(scheme: str, releases: Sequence[Release]) -> list[Release]:
    return sorted(releases, key=lambda release: versions.key(scheme, release.version), reverse=True)
