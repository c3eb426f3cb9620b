"""What changed between two runs of one suite, test by test. The baseline may fail: only the difference counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from bot.core.model import Grade, SuiteResult, Tally, TestChange
from bot.core.quoting import code

# A candidate that was cut off by the clock is at fault only if it had this much more time than the baseline needed.
_PATIENCE, _HEAD_START = 2.0, 10.0


class Came(IntEnum):
    """How a test came out; ordered, so that `max` picks the worse."""

    PASSED = 0
    SKIPPED = 1
    FAILED = 2
    ERROR = 3

    @property
    def bad(self) -> bool:
        """Failed, in one way or the other."""
        return self >= Came.FAILED

    @property
    def word(self) -> str:
        """As people read it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One test on one side. line counts from 1; seconds: wall time."""

    test: str
    came: Came
    message: str = ""
    path: str | None = None
    line: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A line of the tree that earned a deprecation warning. package: which raised it, "" where that is not known."""

    path: str
    line: int
    category: str
    message: str
    package: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One run of the suite. outcomes is None when there is no report that can be used; `problem` then says why.

    ended: "finished", or what cut it off ("timeout", "memory", "output", "broken"). allowed: the seconds it had.
    peak: most memory in bytes. allowed_memory: bytes. warned: None where its runner says nothing of that.
    """

    outcomes: Mapping[str, Outcome] | None
    code: int | None = 0
    ended: str = "finished"
    problem: str = ""
    seconds: float = 0.0
    allowed: float = 600.0
    peak: int = 0
    allowed_memory: int = 0
    cpu_seconds: float = 0.0
    warned: tuple[Warned, ...] | None = None

    @property
    def known(self) -> Mapping[str, Outcome]:
        """The outcomes there are."""
        return self.outcomes or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The two runs, laid side by side."""

    before: Tally = field(default_factory=Tally)
    after: Tally = field(default_factory=Tally)
    newly_failing: tuple[TestChange, ...] = ()
    newly_passing: tuple[TestChange, ...] = ()
    missing: tuple[TestChange, ...] = ()  # ran before and gave an answer; now absent or skipped
    flaky: tuple[TestChange, ...] = ()
    still_failing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A test that was run again: how it came out each time, on both sides. Empty where it could not be."""

    before: Sequence[Came] = field(default_factory=tuple)
    after: Sequence[Came] = field(default_factory=tuple)


def tally(side: Side) -> Tally:
    """Errors count as failed."""
    came = [outcome.came for outcome in side.known.values()]
    bad = sum(one.bad for one in came)
    return Tally(passed=came.count(Came.PASSED), failed=bad, skipped=came.count(Came.SKIPPED))


def compare(before: Side, after: Side) -> Difference:
    """Per test id. A test that is new and fails is newly failing: the update brought it."""
    old, new = before.known, after.known
    was_bad = {test for test, outcome in old.items() if outcome.came.bad}
    is_bad = {test for test, outcome in new.items() if outcome.came.bad}
    passes = {test for test, outcome in new.items() if outcome.came is Came.PASSED}
    return Difference(
        before=tally(before),
        after=tally(after),
        newly_failing=tuple(_change(old.get(test), new[test]) for test in sorted(is_bad - was_bad)),
        newly_passing=tuple(_change(old[test], new[test]) for test in sorted(was_bad & passes)),
        missing=tuple(_gone(old[test], new.get(test)) for test in sorted(old) if _lost(old[test], new.get(test))),
        still_failing=len(was_bad & is_bad),
    )


def _lost(old: Outcome, new: Outcome | None) -> bool:
    """A test that passed and does not say so any more. One that failed and is gone is nothing to miss."""
    return old.came is Came.PASSED and (new is None or new.came is Came.SKIPPED)


def _change(old: Outcome | None, new: Outcome) -> TestChange:
    before = old.came.word if old else "absent"
    return TestChange(
        test=new.test, before=before, after=new.came.word, message=new.message, path=new.path, line=new.line
    )


def _gone(old: Outcome, new: Outcome | None) -> TestChange:
    after = new.came.word if new else "absent"
    message = new.message if new else ""
    return TestChange(test=old.test, before=old.came.word, after=after, message=message, path=old.path)


def is_flaky(again: Again) -> bool:
    """It failed where it had passed, or passed where it had failed, with nothing changed between the runs."""
    return any(came.bad for came in again.before) or any(not came.bad for came in again.after)


def confirmed(difference: Difference, again: Mapping[str, Again]) -> Difference:
    """Take the flaky ones out of the newly failing; a test that was not run again stays as it was found."""
    flaky = {change.test for change in difference.newly_failing if is_flaky(again.get(change.test, Again()))}
    return replace(
        difference,
        newly_failing=tuple(change for change in difference.newly_failing if change.test not in flaky),
        flaky=tuple(change for change in difference.newly_failing if change.test in flaky),
    )


def verdict(before: Side, after: Side, difference: Difference) -> tuple[Grade, str]:
    """The grade, and one sentence that says why. What cannot be known is UNKNOWN, never PASSED."""
    for rule in (_cut_off, _without_report, _compared):
        if said := rule(before, after, difference):
            return said
    return Grade.PASSED, _passed(difference)


def told(kind: str, command: str, before: Side, after: Side, difference: Difference) -> SuiteResult:
    """The suite's result, with its verdict; whoever ran it adds how long it took and what else is to be said."""
    grade, why = verdict(before, after, difference)
    return SuiteResult(
        kind=kind,
        command=command,
        grade=grade,
        why=why,
        before=difference.before,
        after=difference.after,
        newly_failing=difference.newly_failing,
        newly_passing=difference.newly_passing,
        missing=difference.missing,
        flaky=difference.flaky,
    )


def _cut_off(before: Side, after: Side, _: Difference) -> tuple[Grade, str] | None:
    if after.ended == before.ended == "finished":
        return None
    if before.ended != "finished":
        return Grade.UNKNOWN, f"the baseline did not finish ({_ending(before)}), so there is nothing to compare with"
    patience = _PATIENCE * before.seconds + _HEAD_START
    if after.ended == "timeout" and after.allowed < patience:
        return Grade.UNKNOWN, f"time ran out after {after.seconds:.0f} s; the baseline needed {before.seconds:.0f} s"
    if after.ended == "broken":
        return Grade.UNKNOWN, f"the candidate could not be run: {code(after.problem)}"
    return Grade.FAILED, f"the candidate did not finish ({_ending(after)}); the baseline did, in {before.seconds:.1f} s"


def _ending(side: Side) -> str:
    words = {
        "timeout": f"stopped after {side.allowed:.0f} s",
        "memory": f"more than {side.allowed_memory >> 20} MiB of memory",
        "output": "too much output",
    }
    return words.get(side.ended, code(side.problem) if side.problem else side.ended)


def _without_report(before: Side, after: Side, _: Difference) -> tuple[Grade, str] | None:
    """Exit code 0 alone proves nothing: a module that calls os._exit(0) while it is imported has it too."""
    if before.outcomes is None:
        return Grade.UNKNOWN, f"the baseline gave no test report ({code(before.problem)}): nothing to compare with"
    if not before.outcomes:
        return Grade.UNKNOWN, "the baseline ran no test"
    if after.outcomes is None:
        return (
            Grade.FAILED,
            f"{_tests(len(before.outcomes))} ran before; now there is no report ({code(after.problem)})",
        )
    if not after.outcomes:
        return Grade.FAILED, f"{_tests(len(before.outcomes))} ran before; now none does"
    return None


def _compared(before: Side, after: Side, difference: Difference) -> tuple[Grade, str] | None:
    if difference.newly_failing:
        first = code(difference.newly_failing[0].test)
        count = len(difference.newly_failing)
        return Grade.FAILED, f"{first} fails" if count == 1 else f"{count} tests newly fail, the first is {first}"
    if before.code == 0 and after.code != 0 and not difference.flaky:  # a flaky failure explains the code
        return Grade.FAILED, f"no test fails, but the command ended with {after.code} (before: 0)"
    if difference.missing:
        return Grade.UNKNOWN, _missing(difference.missing)
    if difference.after.total < difference.before.total:
        return Grade.UNKNOWN, f"{_tests(difference.after.total)} ran, and {difference.before.total} ran before"
    if not difference.after.passed:
        return Grade.UNKNOWN, "no test passes on either side"
    return None


def _missing(missing: Sequence[TestChange]) -> str:
    count, gone = len(missing), code(missing[0].test)
    if count == 1:
        return f"{gone} passed before and is absent or skipped now"
    return f"{count} tests that passed before are absent or skipped, the first is {gone}"


def _passed(difference: Difference) -> str:
    passed, failing, flaky = difference.after.passed, difference.still_failing, len(difference.flaky)
    words = f"{_tests(passed)} {'passes' if passed == 1 else 'pass'}, none newly fails"
    if failing:
        words += f", {failing} {'fails' if failing == 1 else 'fail'} on both sides"
    if flaky:
        words += f", {flaky} {'is' if flaky == 1 else 'are'} flaky"
    return words


def _tests(count: int) -> str:
    return f"{count} test" if count == 1 else f"{count} tests"
