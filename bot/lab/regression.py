"""What the project's commands say and how they end must stay as it was: recorded ones, and the help of its programs.

A command that does not say the same twice on the baseline proves nothing and is left out, with a word. Nothing is
guessed away but our own paths. Another output is for a person to look at; a command that newly fails is a failure.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bot.core.model import Grade, Level, Remark, SuiteResult
from bot.core.quoting import block, code
from bot.core.suites import REGRESSION
from bot.lab import contracts, trees
from bot.lab.contracts import Case
from bot.lab.jobs import Reason
from bot.lab.learnt import Learnt
from bot.lab.workbench import Sample, Workbench

_LAYOUT = "1"  # part of every key: raise it when commands are run or read differently
_HELP_SECONDS = 15.0  # a program that does not know --help may begin its work instead
_MOST_OUTPUT = 256 << 10
_MOST_DIFF = 40
_WORDS = {
    Reason.TIMEOUT: "does not end in time",
    Reason.MEMORY: "needs too much memory",
    Reason.OUTPUT: "says too much",
}


class Said(msgspec.Struct, frozen=True):
    """How a command came out. ended: as `bot.lab.jobs.Reason`; code: what a shell would give."""

    ended: str
    code: int | None
    output: str


class Before(msgspec.Struct, frozen=True):
    """The baseline of a command: what it said, and whether it said the same twice."""

    said: Said
    steady: bool


# Made once and here: a decoder must not be made in a thread.
_BEFORE = msgspec.json.Decoder(Before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What came of one command. remark: a finding; note: why nothing can be said of it; neither: it is as it was."""

    remark: Remark | None = None
    note: str = ""


async def examine(bench: Workbench) -> SuiteResult | None:
    """The commands that the owner recorded, and the programs that the project declares; None where there are none."""
    began = bench.budget.spent
    cases = await asyncio.to_thread(_cases, bench)
    if not cases:
        return None
    bench.say(f"comparing what {len(cases)} commands say")
    tree = await asyncio.to_thread(trees.fingerprint, bench.before.tree)
    seen = [await _one(bench, case, tree) for case in cases]
    remarks = [one.remark for one in seen if one.remark]
    notes = [one.note for one in seen if one.note]
    grade, why = _verdict(remarks, len(cases) - len(notes))
    return SuiteResult(
        kind=REGRESSION,
        command="; ".join(case.shown for case in cases)[:500],
        grade=grade,
        why=why,
        seconds=bench.budget.spent - began,
        notes=tuple(notes),
        remarks=tuple(remarks),
    )


def _cases(bench: Workbench) -> list[Case]:
    asked = bench.asked(REGRESSION)
    recorded = [*([asked.run] if asked.run else []), *asked.commands]
    ecosystem = bench.after.environment.ecosystem
    there = {case.shown for case in contracts.find(bench.after.tree, ecosystem)}
    found = [case for case in contracts.find(bench.before.tree, ecosystem) if case.shown in there]
    return [*(Case(shown=text, command=("/bin/sh", "-c", text)) for text in recorded), *found]


def _verdict(remarks: Sequence[Remark], compared: int) -> tuple[Grade, str]:
    """A command that newly fails breaks something; another output is for a person; nothing compared is no yes."""
    for remark in sorted(remarks, key=lambda one: one.level is not Level.FAILURE):
        more = f", and {len(remarks) - 1} more" if len(remarks) > 1 else ""
        return (Grade.FAILED if remark.level is Level.FAILURE else Grade.UNKNOWN), f"{remark.title}{more}"
    if not compared:
        return Grade.UNKNOWN, "no command could be compared"
    return Grade.PASSED, f"{compared} command{'' if compared == 1 else 's'} as before"


async def _one(bench: Workbench, case: Case, tree: str) -> _Seen:
    before, after = await asyncio.gather(_before(bench, case, tree), _run(bench, bench.after, case))
    old, name = before.said, code(case.shown)
    if old.ended != Reason.FINISHED:
        return _Seen(note=f"left out: {name} {_WORDS.get(Reason(old.ended), 'cannot be run')} on the baseline")
    if case.contract and old.code != 0:
        # It may need what is there only when the project is installed.
        return _Seen(note=f"left out: {name} ends with {old.code} on the baseline")
    if not before.steady:
        return _Seen(note=f"left out: {name} says something else each time")
    if after == old:
        return _Seen()
    if await _run(bench, bench.after, case) != after:
        return _Seen(note=f"left out: {name} says something else each time now")
    return _Seen(remark=_remark(case, old, after))


def _remark(case: Case, old: Said, new: Said) -> Remark:
    name = code(case.shown)
    if new.ended != Reason.FINISHED:
        level, title = Level.WARNING, f"{name} {_WORDS.get(Reason(new.ended), 'cannot be run')}; before it did not"
    elif old.code == 0 and new.code != 0:
        level, title = Level.FAILURE, f"{name} ends with {new.code}; before it ended well"
    elif old.code != new.code:
        level, title = Level.WARNING, f"{name} ends with {new.code}; before with {old.code}"
    else:
        level, title = Level.WARNING, f"{name} says something else"
    return Remark(level=level, title=title, message=_diff(old.output, new.output), path=case.path, line=case.line)


def _diff(old: str, new: str) -> str:
    """What differs, in few lines; "" where nothing does."""
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "after", lineterm="", n=1))
    shown = [line[:300] for line in lines[:_MOST_DIFF]]
    more = [f"… {len(lines) - _MOST_DIFF} more lines"] if len(lines) > _MOST_DIFF else []
    return block("\n".join([*shown, *more])) if lines else ""


async def _before(bench: Workbench, case: Case, tree: str) -> Before:
    """Run twice, or known from an earlier time: the same tree and environment say the same."""
    learnt = Learnt(folder=bench.folder / REGRESSION)
    environment, isolation = bench.before.environment.key, bench.host.isolation
    parts = (_LAYOUT, environment, tree, isolation, *case.command)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    known = await asyncio.to_thread(learnt.recall, key)
    if known is not None:
        try:
            return _BEFORE.decode(known)
        except msgspec.MsgspecError:
            pass
    had_time = bench.budget.seconds - bench.budget.spent > _HELP_SECONDS
    first = await _run(bench, bench.before, case)
    steady = first.ended != Reason.FINISHED or await _run(bench, bench.before, case) == first
    found = Before(said=first, steady=steady)
    # One that was cut off by what is left of a budget may end the next time.
    if first.ended == Reason.FINISHED or (case.contract and had_time):
        await asyncio.to_thread(learnt.remember, key, msgspec.json.encode(found))
    return found


async def _run(bench: Workbench, sample: Sample, case: Case) -> Said:
    seconds = _HELP_SECONDS if case.contract else None
    ran = await bench.run(sample, case.command, env=contracts.SAME_FOR_ALL, seconds=seconds)
    output = ran.text[:_MOST_OUTPUT].replace(str(sample.environment.folder), "{environment}")
    return Said(ended=ran.reason.value, code=ran.code if ran.reason is Reason.FINISHED else None, output=output)
