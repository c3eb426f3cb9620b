"""Examines whether an update takes away what this repository uses, and names each broken use by file and line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from bot.core import compatibility, verdicts
from bot.core.api import Api, Kind
from bot.core.compatibility import Doubt, Finding
from bot.core.model import Measure, SuiteResult
from bot.core.suites import COMPATIBILITY, counted
from bot.core.verdicts import Looked
from bot.lab import api_diff, changes, deprecations, promises, typing_diff
from bot.lab.changes import Change
from bot.lab.learnt import Learnt
from bot.lab.scripting import changes as scripts
from bot.lab.scripting import look
from bot.lab.together import all_of
from bot.lab.workbench import OutOfTime, Workbench

_COMMAND = "what is used here of the packages that change, on both sides"
_MOST_REMARKS = 100


async def examine(bench: Workbench) -> SuiteResult | None:
    """None where no package of Python or npm changes. OutOfTime."""
    began = bench.budget.spent
    store = Learnt(folder=bench.folder / COMPATIBILITY)
    change, moved = await changes.found(bench, store), await scripts.found(bench, store)
    if change is None and moved is None:
        return None
    bench.say("comparing what is used of what changes")
    looks = [
        *(await _looks(bench, store, change) if change is not None else ()),
        *(await look.looks(bench, store, moved) if moved is not None else ()),
    ]
    told = verdicts.folded(looks)
    return SuiteResult(
        kind=COMPATIBILITY,
        command=_COMMAND,
        grade=told.grade,
        why=told.why or _nothing(change, moved),
        seconds=bench.budget.spent - began,
        notes=(*(change.notes if change is not None else ()), *told.notes),
        remarks=told.remarks[:_MOST_REMARKS],
        measures=told.measures,
    )


async def _looks(bench: Workbench, store: Learnt, change: Change) -> list[Looked]:
    """In the order in which equal ones speak. Where nothing that changes is used, nothing is run."""
    before, after = change.sides
    commands = [one.run for one in bench.trial.suites.values() if one.run]
    kept = await asyncio.to_thread(promises.look, bench.after.tree, before.differing, after.differing, commands)
    if not change.uses:
        return [kept]
    names, *more = await all_of(
        (
            _names(bench, store, change),
            _in_time("the type checker", typing_diff.look(bench, store, before, after)),
            _in_time("the search for deprecations", deprecations.look(bench, store, before, after)),
        )
    )
    return [names, kept, *more]


async def _in_time(what: str, look: Awaitable[Looked]) -> Looked:
    """What is found without it is not lost for want of time."""
    try:
        return await look
    except OutOfTime:
        return Looked(notes=(f"{what} was not run: no time was left",))


def _nothing(change: Change | None, moved: scripts.Change | None) -> str:
    count = sum(len(one.names) for one in (change, moved) if one is not None)
    used = bool(change is not None and change.uses) or bool(moved is not None and moved.uses)
    packages, of_it = ("1 package changes", "it") if count == 1 else (f"{count} packages change", "them")
    if not used:
        return f"{packages}, and nothing of {of_it} is used directly"
    return f"{packages}, and every name that is used of {of_it} is still there"


async def _names(bench: Workbench, store: Learnt, change: Change) -> Looked:
    """The names and calls that are used, on both sides: by the files first, by the running packages where in doubt."""
    (before, old_notes), (after, new_notes) = await all_of(
        api_diff.read(bench, store, side.environment, side.used) for side in change.sides
    )
    looked = await asyncio.to_thread(compatibility.looks, before, after, change.uses)
    found, notes = await _confirmed(bench, store, change, compatibility.doubts(looked, change.uses), after)
    found += compatibility.ageing(looked, change.uses)
    told = verdicts.of_findings(found)
    return Looked(
        grade=told.grade,
        why=told.why,
        remarks=told.remarks,
        measures=await asyncio.to_thread(_measures, before, after, change, found),
        notes=(*old_notes, *new_notes, *notes),
    )


async def _confirmed(
    bench: Workbench, store: Learnt, change: Change, doubtful: Sequence[Doubt], after: Api
) -> tuple[list[Finding], tuple[str, ...]]:
    """Both running sides are asked at once."""
    if not doubtful:
        return [], ()
    (old, old_note), (new, new_note) = await all_of(
        api_diff.seen(bench, store, side.environment, [doubt.asks[place] for doubt in doubtful])
        for place, side in enumerate(change.sides)
    )
    found = await asyncio.to_thread(compatibility.findings, doubtful, old, new, names=tuple(after))
    return found, tuple(note for note in (old_note, new_note) if note)


def _measures(before: Api, after: Api, change: Change, found: Sequence[Finding]) -> tuple[Measure, ...]:
    used = {use.path for use in change.uses}
    broken = {finding.use.path for finding in found}
    old, new = _public(before), _public(after)
    return (
        Measure(name="public names", before=str(old), after=str(new), change=counted(old, new)),
        Measure(
            name="names used",
            before=str(len(used)),
            after=str(len(used - broken)),
            change=counted(len(used), len(used - broken)),
        ),
    )


def _public(api: Api) -> int:
    plain = (name for name, entry in api.items() if entry.kind is not Kind.MODULE)
    return sum(1 for name in plain if not any(part.startswith("_") for part in name.split(".")))
