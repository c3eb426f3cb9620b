"""The security suite: known flaws of the whole lock, what changed inside the packages, and what importing them tries.

What is known to be bad fails; what attacks do and ordinary releases hardly ever do asks a person; all else is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.core.artifacts import Found
from bot.core.model import Grade, Level, Measure, Remark, SuiteResult
from bot.core.quoting import code
from bot.core.suites import SECURITY
from bot.lab import artifact_diff, security_advisories, security_lock, security_watch
from bot.lab.learnt import Learnt
from bot.lab.ready import PYPI
from bot.lab.security_advisories import Known
from bot.lab.security_lock import Change, Places, Sides
from bot.lab.workbench import OutOfTime, Workbench

COMMAND = "known flaws, contents and imports of what changed"
_MOST_WEIGHTY, _MOST_TOLD = 100, 40  # remarks that count, and such that decide nothing
_MOST_LEARNT = 64 << 20
_SEVERITY = (Grade.PASSED, Grade.UNKNOWN, Grade.FAILED)
_LEVELS = {Grade.PASSED: Level.NOTICE, Grade.UNKNOWN: Level.WARNING, Grade.FAILED: Level.FAILURE}
_CLAIM = "what importing does is watched from inside, and code that looks for the watch can go around it"


async def examine(bench: Workbench) -> SuiteResult | None:
    """See `workbench.Examiner`. None when both sides have the same packages."""
    began = bench.budget.spent
    every = [(one, security_lock.changes(one.old, one.new)) for one in security_lock.sides(bench)]
    differing = [(one, changes) for one, changes in every if changes]
    if not differing:
        return None
    report = _Report(bench.trial.component.name)
    try:
        for sides, changes in differing:
            await _examined(bench, report, sides, changes)
    except OutOfTime:
        if not report.grave:  # else what was found must not be lost with what was not
            raise
        report.unknown("not all was examined", "the time was over")
    return report.result(sum(len(changes) for _, changes in differing), seconds=bench.budget.spent - began)


async def _examined(bench: Workbench, report: _Report, sides: Sides, changes: Sequence[Change]) -> None:
    learnt = Learnt(folder=bench.folder / SECURITY, most=_MOST_LEARNT)
    report.places = await asyncio.to_thread(security_lock.places, bench.after.tree, sides)
    report.figure(f"packages ({sides.ecosystem})", len(sides.old), len(sides.new), Level.NOTICE)
    await _flaws(bench, report, sides)
    await _contents(bench, report, sides, changes, learnt)
    if sides.ecosystem == PYPI:
        await _imports(bench, report, sides, [change.name for change in changes if change.after], learnt)
    else:
        report.notes.append("not run: what importing does (it is watched for Python alone)")


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
        self.said.append((grade, remark))

    def found(self, subject: str, name: str, found: Sequence[Found]) -> None:
        """Differences of one package, or of the whole environment. subject: how the sentence begins."""
        for one in found:
            title = f"{subject}: {one.why}"
            self.say(Grade.UNKNOWN if one.asks else Grade.PASSED, name, title, _in(one.place))

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
        return f"{many}, and nothing in that asks for a person ({told} {noun} told)"
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
        known = await security_advisories.compare(bench, sides)
    except security_advisories.Unasked as problem:
        report.unknown("known flaws could not be asked for", str(problem))
        return
    if known is None:
        report.notes.append("not run: known flaws (nobody is asked for them here)")
        return
    _tell(report, sides.ecosystem, known)


def _tell(report: _Report, ecosystem: str, known: Known) -> None:
    for flaw in known.brought:
        report.say(flaw.grade, flaw.name, flaw.words, flaw.advisory.url and code(flaw.advisory.url))
    for flaw in known.mended:
        title = f"{code(flaw.name)}: {code(flaw.advisory.name)} of {code(flaw.version)} is mended"
        report.say(Grade.PASSED, flaw.name, title)
    for name, version, why in known.ended:
        report.say(Grade.PASSED, name, f"{code(f'{name} {version}')} gets no more fixes: {code(why)}")
    worse = known.after > known.before
    report.figure(f"known flaws ({ecosystem})", known.before, known.after, Level.WARNING if worse else Level.NOTICE)


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


async def _imports(bench: Workbench, report: _Report, sides: Sides, names: Sequence[str], learnt: Learnt) -> None:
    try:
        watched = await security_watch.compare(bench, sides, names, learnt)
    except security_watch.Unwatched as problem:
        report.unknown("what importing does could not be seen", str(problem))
        return
    for name, found in watched.found.items():
        report.found(code(name) if name else "the start of Python", name, found)
    report.notes.append(_CLAIM)
    if watched.unwatched:
        report.notes.append(f"newly not to be imported alone: {', '.join(watched.unwatched[:5])}")
    if watched.left_out:
        report.notes.append(f"not watched: {len(watched.left_out)} packages, since too many differ")
