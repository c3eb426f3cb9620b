"""The security suite: known flaws of the whole lock, what changed inside the packages, and what importing them tries.

What is known to be bad fails; what attacks do and ordinary releases hardly ever do asks a person; all else is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.artifacts import Found
from bot.core.artifacts_built import TONGUES
from bot.core.attestations import Told
from bot.core.model import Grade, Level, Measure, Remark, SuiteResult
from bot.core.quoting import code
from bot.core.suites import SECURITY
from bot.lab import (
    artifact_diff,
    security_advisories,
    security_lock,
    security_lone,
    security_signed,
    security_vouched,
    security_watch,
)
from bot.lab.learnt import Learnt
from bot.lab.ready import NPM, PYPI
from bot.lab.security_advisories import Known
from bot.lab.security_lock import Change, Places, Sides
from bot.lab.security_lone import Lone
from bot.lab.vouched.registries import Registries
from bot.lab.vouched.verifying import Unverified
from bot.lab.workbench import OutOfTime, Workbench

COMMAND = "known flaws, contents and imports of what changed"
_MOST_WEIGHTY, _MOST_TOLD = 100, 40  # remarks that count, and such that decide nothing
_MOST_LEARNT = 64 << 20
_SEVERITY = (Grade.PASSED, Grade.UNKNOWN, Grade.FAILED)
_LEVELS = {Grade.PASSED: Level.NOTICE, Grade.UNKNOWN: Level.WARNING, Grade.FAILED: Level.FAILURE}
_CLAIM = "what importing does is watched from inside, and code that looks for the watch can go around it"
_NOBODY = "not run: known flaws (nobody is asked for them here)"
_WATCHED = (PYPI, NPM)


async def examine(bench: Workbench) -> SuiteResult | None:
    """See `workbench.Examiner`. None when both sides have the same packages."""
    began = bench.budget.spent
    differing = await asyncio.to_thread(_differing, bench)
    lone = await asyncio.to_thread(security_lone.differing, bench)
    if not differing and not lone:
        return None
    report = _Report(bench.trial.component.name)
    try:
        for sides, changes in differing:
            await _examined(bench, report, sides, changes)
        for one in lone:
            await _locked(bench, report, one)
    except OutOfTime:
        if not report.grave:  # else what was found must not be lost with what was not
            raise
        report.unknown("not all was examined", "the time was over")
    changed = sum(len(changes) for _, changes in differing) + sum(one.changed for one in lone)
    return report.result(changed, seconds=bench.budget.spent - began)


def _differing(bench: Workbench) -> list[tuple[Sides, Sequence[Change]]]:
    """What differs, by ecosystem; first what the update is about, since only so much is looked into."""
    meant = {one.name for one in bench.trial.components}
    every = ((one, security_lock.changes(one.old, one.new)) for one in security_lock.sides(bench))
    return [(one, sorted(changes, key=lambda change: change.name not in meant)) for one, changes in every if changes]


async def _examined(bench: Workbench, report: _Report, sides: Sides, changes: Sequence[Change]) -> None:
    learnt = Learnt(folder=bench.folder / SECURITY, most=_MOST_LEARNT)
    report.places = await asyncio.to_thread(security_lock.places, bench.after.tree, sides)
    report.figure(f"packages ({sides.ecosystem})", len(sides.old), len(sides.new), Level.NOTICE)
    await _flaws(bench, report, sides)
    await _contents(bench, report, sides, changes, learnt)
    await _vouched(bench, report, sides, changes, learnt)
    if sides.ecosystem in _WATCHED:
        await _imports(bench, report, sides, changes, learnt)
    else:
        report.notes.append(
            f"not run: what packages of {sides.ecosystem} do by themselves (only the tests' build does it)"
        )


async def _locked(bench: Workbench, report: _Report, lone: Lone) -> None:
    """A lock that nothing was installed from here: what is known against it is all that can be said."""
    names = {one.name for one in (*lone.old, *lone.new)} | {report.component}
    report.places = {name: (lone.path, lone.lines.get(name, 1)) for name in names}
    where = code(lone.path)
    report.figure(f"packages ({where})", len(lone.old), len(lone.new), Level.NOTICE)
    try:
        known = await security_advisories.compare(bench, lone.ecosystem, lone.old, lone.new)
    except security_advisories.Unasked as problem:
        report.unknown("known flaws could not be asked for", str(problem))
        return
    if known is None:
        report.notes += [_NOBODY] if _NOBODY not in report.notes else []
        return
    _tell(report, where, known)


@dataclass(slots=True)
class _Report:
    """What was found so far. component: what the update is about; places: where the tree asks for what."""

    component: str
    places: Places = field(default_factory=dict)
    said: list[tuple[Grade, Remark]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)

    @property
    def grave(self) -> bool:
        """Is there anything yet that is more than told?"""
        return any(grade is not Grade.PASSED for grade, _ in self.said)

    def say(self, grade: Grade, name: str, title: str, message: str = "") -> None:
        """A sentence about one distribution, at the place that asks for it or else for what brings it in."""
        path, line = self.places.get(name, self.places.get(self.component, (None, None)))
        remark = Remark(level=_LEVELS[grade], title=title, message=message, path=path, line=line)
        # An environment and a lock beside it may say the same of one package.
        if all((one.title, one.message) != (title, message) for _, one in self.said):
            self.said.append((grade, remark))

    def found(self, subject: str, name: str, found: Sequence[Found]) -> None:
        """Differences of one package, or of the whole environment. subject: how the sentence begins."""
        for one in found:
            title = f"{subject}: {one.why}"
            self.say(Grade.UNKNOWN if one.asks else Grade.PASSED, name, title, _in(one.place))

    def vouched(self, told: Sequence[tuple[str, str, Told]]) -> None:
        """What is to be said of who vouches for a package: (its name, the sentence, what it means)."""
        for name, title, one in told:
            self.say(Grade.FAILED if one.grave else Grade.UNKNOWN if one.asks else Grade.PASSED, name, title)

    def figure(self, name: str, before: int, after: int, level: Level) -> None:
        """A count on both sides."""
        change = f"{after - before:+d}" if after != before else "same"
        self.measures.append(Measure(name=name, before=str(before), after=str(after), change=change, level=level))

    def unknown(self, what: str, why: str) -> None:
        """Something could not be found out, so a person must look."""
        self.said.append((Grade.UNKNOWN, Remark(level=Level.WARNING, title=f"{what}: {why}")))

    def result(self, changed: int, *, seconds: float) -> SuiteResult:
        """The gravest first; of what is only told, no more than can be read."""
        ranked = sorted(self.said, key=lambda one: -_SEVERITY.index(one[0]))
        grade = ranked[0][0] if ranked else Grade.PASSED
        weighty = [remark for weight, remark in ranked if weight is not Grade.PASSED]
        told = [remark for weight, remark in ranked if weight is Grade.PASSED]
        if more := max(len(weighty) - _MOST_WEIGHTY, 0) + max(len(told) - _MOST_TOLD, 0):
            self.notes.append(f"{more} more differences are not listed")
        return SuiteResult(
            kind=SECURITY,
            command=COMMAND,
            grade=grade,
            why=_why(weighty, changed, len(told)),
            seconds=seconds,
            notes=tuple(self.notes),
            remarks=(*weighty[:_MOST_WEIGHTY], *told[:_MOST_TOLD]),
            measures=tuple(self.measures),
        )


def _why(weighty: Sequence[Remark], changed: int, told: int) -> str:
    if not weighty:
        many = "1 package differs" if changed == 1 else f"{changed} packages differ"
        noun = "difference is" if told == 1 else "differences are"
        return f"{many}, and nothing in that asks for a person" + (f" ({told} {noun} told)" if told else "")
    first = weighty[0]
    where = f", in {first.message}" if first.message else ""
    more = f", and {len(weighty) - 1} more" if len(weighty) > 1 else ""
    return f"{first.title}{where}{more}"


def _in(place: str) -> str:
    return code(place.replace("`", "")) if place else ""


async def _flaws(bench: Workbench, report: _Report, sides: Sides) -> None:
    for pinned in security_lock.swapped(sides.old, sides.new):
        title = f"{code(pinned)} has other bytes under the same version"
        report.say(Grade.UNKNOWN, pinned.rpartition(" ")[0], title)
    try:
        known = await security_advisories.compare(bench, sides.ecosystem, sides.old, sides.new)
    except security_advisories.Unasked as problem:
        report.unknown("known flaws could not be asked for", str(problem))
        return
    if known is None:
        report.notes += [_NOBODY] if _NOBODY not in report.notes else []
        return
    _tell(report, sides.ecosystem, known)


def _tell(report: _Report, where: str, known: Known) -> None:
    for flaw in known.brought:
        report.say(flaw.grade, flaw.name, flaw.words, flaw.advisory.url and code(flaw.advisory.url))
    for flaw in known.mended:
        title = f"{code(flaw.name)}: {code(flaw.advisory.name)} of {code(flaw.version)} is mended"
        report.say(Grade.PASSED, flaw.name, title)
    for name, version, why in known.ended:
        report.say(Grade.PASSED, name, f"{code(f'{name} {version}')} gets no more fixes: {code(why)}")
    worse = known.after > known.before
    report.figure(f"known flaws ({where})", known.before, known.after, Level.WARNING if worse else Level.NOTICE)


async def _contents(bench: Workbench, report: _Report, sides: Sides, changes: Sequence[Change], learnt: Learnt) -> None:
    try:
        looked = await artifact_diff.compare(bench, sides, changes, learnt)
    except artifact_diff.Unread as problem:
        report.unknown("the packages could not be read", str(problem))
        return
    names = {change.label: change.name for change in changes}
    for label, found in looked.found.items():
        report.found(code(label) if label else "the environment", names.get(label, ""), found)
    if looked.left_out:
        report.unknown("not looked into", f"{len(looked.left_out)} packages, since too many differ")
    if looked.known:
        report.notes.append(f"{looked.known} of {len(looked.found)} differences of contents were known already")


async def _vouched(bench: Workbench, report: _Report, sides: Sides, changes: Sequence[Change], learnt: Learnt) -> None:
    asked = security_vouched.registries(bench) if bench.fetching else None
    await _attested(bench, report, sides, changes, learnt, asked)
    signed = await security_signed.examine(bench, sides, changes, learnt, asked)
    report.vouched(signed.told)
    report.notes += signed.notes


async def _attested(
    bench: Workbench, report: _Report, sides: Sides, changes: Sequence[Change], learnt: Learnt,
    asked: Registries | None,
) -> None:  # fmt: skip
    try:
        vouched = await security_vouched.examine(bench, sides, changes, learnt, asked)
    except Unverified as problem:
        report.notes.append(f"not run: attestations ({problem})")
        return
    report.vouched(vouched.told)
    if vouched.verified:
        report.notes.append(f"attestations: {vouched.verified} of {vouched.asked} packages are verified")
    if vouched.without:
        has = "has" if vouched.without == 1 else "have"
        report.notes.append(f"attestations: {vouched.without} of {vouched.asked} packages {has} none")
    if vouched.left_out:
        report.notes.append(f"attestations: not asked for of {vouched.left_out} packages, since too many differ")


async def _imports(bench: Workbench, report: _Report, sides: Sides, changes: Sequence[Change], learnt: Learnt) -> None:
    try:
        watched = await security_watch.compare(bench, sides, changes, learnt)
    except security_watch.Unwatched as problem:
        report.unknown("what importing does could not be seen", str(problem))
        return
    names = {change.label: change.name for change in changes}
    for label, found in watched.found.items():
        start = f"the start of {TONGUES[sides.ecosystem].language}"
        report.found(code(label) if label else start, names.get(label, ""), found)
    report.notes += [_CLAIM] if _CLAIM not in report.notes else []
    if watched.unwatched:
        report.notes.append(f"newly not to be imported alone: {', '.join(watched.unwatched[:5])}")
    if watched.left_out:
        report.notes.append(f"not watched: {len(watched.left_out)} packages, since too many differ")
