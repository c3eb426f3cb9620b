"""Which published version a component should go to, and an answer in words when it is none.

Sources list and this chooses. Releases newer than the pinned one fall into two lanes, because people decide about them
apart: steps within a major version, and major steps with changes of the numbering itself. In each lane the newest
release without an objection is proposed; every newer one that was passed over is named with its objection.

The list of releases is taken as it is now. Nothing is remembered but what became of versions that were tried before:
one that was turned back, rejected or closed is not proposed again, and a newer one is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from bot.core import advisories, ecosystems, objections, versions, weight
from bot.core.advisories import Advisory
from bot.core.durations import spoken
from bot.core.errors import ConfigProblem
from bot.core.model import Kind, Pin, Priority, Release, State, Verdict
from bot.core.objections import Objection, Question, Rules
from bot.core.quoting import code

LARGE = frozenset({Kind.MAJOR, Kind.SCHEME})
NAMED = 3  # how many passed-over releases are named; the rest is counted
SHORT = 19  # how much of a digest is shown: "sha256:" and twelve characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer about a component. verdict is one of three.

    APPROVE: `target` may be proposed (the policy has not spoken yet); HOLD: there is something newer, and `why` says
    what holds it, `held_until` (UTC) for how long where time alone will free it; CURRENT: nothing newer to be had.
    current: the pinned version, or the range as written where no pin is exact.
    gates: what a person has to look at before this may be merged. fixes: the advisories that the target mends.
    asks: a release of which more must be known before there is an answer; `why` holds what can be said until then.
    also: others of which that is known already.
    inside: where ranges are to be widened, the newest version that they take as they are; "" when they take none.
    """

    verdict: Verdict
    current: str
    target: Release | None = None
    kind: Kind | None = None
    priority: Priority = Priority.LOW
    why: tuple[str, ...] = ()
    held_until: datetime | None = None
    gates: tuple[str, ...] = ()
    asks: Release | None = None
    also: tuple[Release, ...] = ()
    fixes: tuple[str, ...] = ()
    inside: str = ""


def choose(
    pins: Sequence[Pin],
    releases: Sequence[Release],
    *,
    now: datetime,
    rules: Rules,
    known: Mapping[str, State],
    flaws: Mapping[str, Sequence[Advisory]] | None = None,
) -> tuple[Choice, ...]:
    """One or two answers for the pins of one component in one repository; the smaller step comes first.

    pins: at least one, all of the same component. known: what became of the versions tried before.
    flaws: what is known against a version; None while nobody was asked.
    ConfigProblem when the rules hold a range that the scheme cannot read, or the ecosystem has no version scheme.
    """
    scheme = ecosystems.scheme_of(pins[0].component)
    exact = sorted({pin.version for pin in pins if pin.version is not None})
    broken = next((version for version in exact if not versions.is_valid(scheme, version)), None)
    if broken is not None:
        why = f"{broken!r} is no {scheme} version, so nothing can be said to be newer"
        return (Choice(verdict=Verdict.HOLD, current=broken, why=(why,)),)
    ordered = [releases[place] for place in _newest_first(scheme, tuple(release.version for release in releases))]
    current = exact[_newest_first(scheme, tuple(exact))[-1]] if exact else ""
    question = Question(
        scheme=scheme, current=current, pins=pins, now=now, rules=rules, known=known, listed=ordered, flaws=flaws or {}
    )
    if not exact:
        return _of_ranges(question, ordered)
    return _answers(question, ordered, _notes(exact, len(releases) - len(ordered)))


def _answers(question: Question, ordered: Sequence[Release], notes: tuple[str, ...]) -> tuple[Choice, ...]:
    scheme, current = question.scheme, question.current
    small, large, others = _lanes(scheme, current, tuple(release.version for release in ordered))
    if others:
        notes = (*notes, f"{others} newer versions are of another shape than {current} and were passed over")
    urgent = weight.urgency(question, ordered)
    lanes = [[ordered[place] for place in places] for places in (small, large)]
    answers = [_lane(question, lane, urgent, notes) for lane in lanes if lane]
    if not lanes[0] or answers[0].verdict is not Verdict.APPROVE:
        answers = [*_same_version(question, ordered), *answers]
    if told := _told(answers):
        return told
    passed = tuple(dict.fromkeys(line for answer in answers for line in answer.why))
    why = passed or (f"{current} is the newest of {len(ordered)} listed releases", *notes)
    return (Choice(verdict=Verdict.CURRENT, current=current, why=why),)


def _told(answers: Sequence[Choice]) -> tuple[Choice, ...]:
    """Those that say more than that there is nothing."""
    return tuple(answer for answer in answers if answer.verdict is not Verdict.CURRENT)


def _same_version(question: Question, ordered: Sequence[Release]) -> list[Choice]:
    """Where a digest is pinned beside the version: whether the version points at another one by now."""
    pinned = {pin.digest for pin in question.pins if pin.digest and pin.version == question.current}
    release = next((one for one in ordered if one.version == question.current), None) if pinned else None
    if release is None or pinned == {release.digest}:
        return []
    if not release.digest:
        if not release.partial:
            return []
        why = f"what {release.version} points at now is not known yet"
        return [Choice(verdict=Verdict.HOLD, current=question.current, why=(why,), asks=release)]
    was = ", ".join(sorted(digest[:SHORT] for digest in pinned))
    moved = f"{release.version} points at {release.digest[:SHORT]} now, and {was} is pinned"
    made = Choice(verdict=Verdict.APPROVE, current=question.current, target=release, kind=Kind.DIGEST, why=(moved,))
    state = question.known.get(f"{release.version}@{release.digest}")
    objection = objections.by_age(question, release)
    if state is not None and state in objections.REMEMBERED:
        objection = Objection(why=objections.REMEMBERED[state])
    if objection is None:
        # A tag of code is meant to stand still; one of an image is built anew with the mended base below it.
        gate = f"the tag {moved}" if question.pins[0].component.ecosystem != "docker" else ""
        return [replace(made, gates=(gate,) if gate else ())]
    asks = release if objection.asks else None
    return [replace(made, verdict=Verdict.HOLD, why=(moved, objection.why), held_until=objection.until, asks=asks)]


def _lane(question: Question, lane: Sequence[Release], urgent: str | None, notes: tuple[str, ...]) -> Choice:
    """lane: newest first; with none in it there is nothing newer to be had."""
    passed: list[tuple[Release, Objection]] = []
    for release in lane:
        objection = objections.objection(question, release) or _by_closed(question, release, passed)
        if objection is None:
            return _proposal(question, release, passed, urgent, notes)
        if objection.asks:
            why = (f"{release.version}: {objection.why}", *notes)
            kind = _step(question, release)
            return Choice(
                verdict=Verdict.HOLD, current=question.current, target=release, kind=kind, why=why, asks=release
            )
        passed.append((release, objection))
    held = [(release, objection) for release, objection in passed if objection.holds]
    why = (*_lines(held or passed), *notes)
    if not held:
        return Choice(verdict=Verdict.CURRENT, current=question.current, why=why)
    # What time alone will free comes first of all; else the newest is what a person would ask about.
    timed = [(objection.until, release) for release, objection in held if objection.until is not None]
    until, target = min(timed, key=lambda pair: pair[0]) if timed else (None, held[0][0])
    kind = _step(question, target)
    return Choice(
        verdict=Verdict.HOLD,
        current=question.current,
        target=target,
        kind=kind,
        priority=weight.priority(question, target, kind, urgent),
        why=why,
        held_until=until,
    )


def _proposal(
    question: Question,
    release: Release,
    passed: Sequence[tuple[Release, Objection]],
    urgent: str | None,
    notes: tuple[str, ...],
) -> Choice:
    kind = _step(question, release)
    age = f", published {spoken(question.now - release.published)} ago" if release.published else ""
    lines = [f"{release.version} is the newest {_lane_name(kind)} that nothing speaks against{age}"]
    if kind is Kind.SCHEME:
        lines.append(f"the numbering changed from {question.current} to {release.version}: a person should look")
    if kind is Kind.MINOR and versions.is_zero(question.scheme, question.current):
        lines.append(f"{question.current} is a 0.y version: a minor step may break like a major one")
    wider = [pin for pin in question.pins if objections.widens(question.scheme, pin, release)]
    lines += [f"the range {pin.requirement} in {pin.path}:{pin.line} is widened for it" for pin in wider]
    lines += [urgent] if urgent else []
    known = question.flaws.get(question.current, ())
    lines += [advisories.told(question.current, known)] if advisories.standing(known) else []
    lines += filter(None, [advisories.fixes(release.version, known, question.flaws.get(release.version, ()))])
    gates, unread = weight.gates(question, release), weight.unread(question, release)
    return Choice(
        verdict=Verdict.APPROVE,
        current=question.current,
        target=release,
        kind=kind,
        priority=weight.priority(question, release, kind, urgent),
        why=(*lines, *gates, *_lines([pair for pair in passed if not pair[1].quiet]), *notes),
        gates=gates,
        asks=unread[0] if unread else None,
        also=unread[1:],
        fixes=tuple(one.name for one in question.mended(release)),
    )


def _by_closed(question: Question, release: Release, newer: Sequence[tuple[Release, Objection]]) -> Objection | None:
    """Who closed the newer one did not ask for the older one that was there already; a later backport is news."""
    for other, _ in newer:
        closed = question.known.get(other.version) is State.CLOSED
        if closed and not (release.published and other.published and release.published > other.published):
            return Objection(why=f"a person closed {other.version}, which came after it")
    return None


def _of_ranges(question: Question, ordered: Sequence[Release]) -> tuple[Choice, ...]:
    """No pin is exact: what lies in the range needs no edit, and what lies outside is held by it, or widens it.

    In two lanes, too, which count from the newest release inside; in one where there is none.
    """
    scheme, pins, rules = question.scheme, question.pins, question.rules
    written = pins[0].requirement or "any version"
    stable = [release for release in ordered if rules.prereleases or versions.is_stable(scheme, release.version)]
    takes = [release for release in stable if not objections.by_fit(question, release)]
    wanted = [release for release in takes if not release.yanked]
    if not wanted:
        why = "no finished release is listed that could be taken"
        return (Choice(verdict=Verdict.CURRENT, current=written, why=(why,)),)
    newest = wanted[0]
    holder = next((pin for pin in pins if not objections.allows(scheme, pin, newest)), None)
    if holder is None:
        why = f"{written} already takes the newest release, {newest.version}: nothing to edit"
        return (Choice(verdict=Verdict.CURRENT, current=written, why=(why,)),)
    if nameless := _nameless(scheme, holder, newest):
        return (Choice(verdict=Verdict.HOLD, current=written, target=newest, why=(nameless,)),)
    inside = _inside(question, wanted)
    if rules.widen:
        return _beyond(question, wanted, inside or _inside(question, ordered), written)
    lanes = _outside(scheme, wanted, inside) if inside else []
    return tuple(_held(question, lane[0], inside, written) for lane in lanes or [wanted])


def _outside(scheme: str, wanted: Sequence[Release], inside: Release) -> list[list[Release]]:
    """What is newer than the newest inside, in its lanes; empty when all of it is of another shape."""
    small, large, _ = _lanes(scheme, inside.version, tuple(release.version for release in wanted))
    return [[wanted[place] for place in places] for places in (small, large) if places]


def _held(question: Question, release: Release, inside: Release | None, written: str) -> Choice:
    """What the range keeps out, and which range that is."""
    scheme, pins = question.scheme, question.pins
    holder = next((pin for pin in pins if not objections.allows(scheme, pin, release)), pins[0])
    best = f"the newest inside is {inside.version}" if inside else "no listed release lies inside"
    why = f"{release.version} is held by the range {holder.requirement} in {holder.path}:{holder.line}; {best}"
    kind = versions.bump(scheme, inside.version, release.version) if inside else None
    return Choice(verdict=Verdict.HOLD, current=written, target=release, kind=kind, why=(why,))


def _inside(question: Question, ordered: Sequence[Release]) -> Release | None:
    """The newest release that every range takes."""
    allows = objections.allows
    return next((one for one in ordered if all(allows(question.scheme, pin, one) for pin in question.pins)), None)


def _beyond(question: Question, wanted: Sequence[Release], inside: Release | None, written: str) -> tuple[Choice, ...]:
    """What the ranges are widened for; the step counts from the newest release inside, and is major where none is.

    wanted: newest first, the first of them outside.
    """
    if inside is None:
        note = f"no listed release lies inside {written}"
        return (replace(_lane(question, wanted, None, (note,)), current=written),)
    base = inside.version
    question = replace(question, current=base)
    newer = [one for one in wanted if versions.compare(question.scheme, one.version, base) > 0]
    lanes = _outside(question.scheme, wanted, inside) or [newer]
    urgent, note = weight.urgency(question, question.listed), f"the newest inside {written} is {base}"
    found = [replace(_lane(question, lane, urgent, (note,)), current=written, inside=base) for lane in lanes]
    return _told(found) or tuple(found[:1])


def _step(question: Question, release: Release) -> Kind:
    """From what is in use; where nobody knows what that is, it may be the largest."""
    return versions.bump(question.scheme, question.current, release.version) if question.current else Kind.MAJOR


def _nameless(scheme: str, pin: Pin, newest: Release) -> str:
    """What to say of a pin that names neither a version nor a range; "" when it does."""
    try:
        versions.satisfies(scheme, newest.version, pin.requirement)
    except ConfigProblem:
        place = f"{pin.path}:{pin.line}"
        if pin.digest:
            mend = "write its version behind it as a comment, and it can be kept fresh"
            return f"{place} pins {pin.digest[:SHORT]} and says of no version that it is that: {mend}"
        return f"{code(pin.requirement)} in {place} names no version that another could be newer than"
    return ""


def _lines(passed: Sequence[tuple[Release, Objection]]) -> tuple[str, ...]:
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


# The same list is judged many times: for each repository that uses it, and again when more is known of a release.
@lru_cache(maxsize=512)
def _newest_first(scheme: str, texts: tuple[str, ...]) -> tuple[int, ...]:
    """The places of those that can be ordered; of equals, the one that stands first."""
    keys = versions.keys(scheme, texts)
    places = [place for place, key in enumerate(keys) if key is not None]
    return tuple(sorted(places, key=keys.__getitem__, reverse=True))  # type: ignore[arg-type]  # none of these is None


@lru_cache(maxsize=512)
def _lanes(scheme: str, current: str, texts: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Of versions, newest first: the places of small steps and of large ones, and how many newer ones do not fit."""
    places: tuple[list[int], list[int]] = ([], [])
    others = 0
    for place, kind in enumerate(versions.steps(scheme, current, texts)):
        if kind is None:
            others += 1
        else:
            places[kind in LARGE].append(place)
    return tuple(places[0]), tuple(places[1]), others
