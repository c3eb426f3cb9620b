"""Looks at what an update does to the uses of packages of npm: names, promises, types, and what is going away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

from bot.core import modules, nodes, verdicts, versions
from bot.core.errors import ConfigProblem
from bot.core.model import Grade, Measure
from bot.core.modules import Loaded
from bot.core.quoting import code
from bot.core.suites import counted
from bot.core.verdicts import Looked
from bot.lab import reading
from bot.lab.learnt import Learnt
from bot.lab.ready import Environment
from bot.lab.scripting import declared, packages, promises, seen, tsc
from bot.lab.scripting.changes import Change
from bot.lab.scripting.promises import Project
from bot.lab.scripting.seen import Ask
from bot.lab.together import all_of
from bot.lab.workbench import OutOfTime, Workbench


async def looks(bench: Workbench, store: Learnt, change: Change) -> list[Looked]:
    """In the order in which equal ones speak. Where nothing that changes is used, nothing is loaded. OutOfTime."""
    promised = await asyncio.to_thread(_promised, bench, change)
    work: list[Awaitable[Looked]] = [_named(bench, store, change, promised), _kept(store, bench, change, promised)]
    checker = await asyncio.to_thread(tsc.found, bench, change)
    if checker is not None:
        work.append(_in_time("tsc", tsc.look(bench, store, change, checker)))
    every = await all_of(work)
    if checker is None and change.uses:
        told = [remark for one in every for remark in one.remarks]
        every.append(await _in_time("the look at types", declared.look(bench, store, change, told)))
    return [*every, Looked(notes=change.notes)]


async def _named(bench: Workbench, store: Learnt, change: Change, promised: Sequence[str]) -> Looked:
    return await _names(bench, store, change, promised) if change.asks else Looked()


async def _in_time(what: str, look: Awaitable[Looked]) -> Looked:
    """What is found without it is not lost for want of time."""
    try:
        return await look
    except OutOfTime:
        return Looked(notes=(f"{what} was not run: no time was left",))


def _promised(bench: Workbench, change: Change) -> tuple[str, ...]:
    """The Nodes that the repository says it runs on, the oldest of each of its words, oldest first."""
    where = change.after.environment.where
    texts = {}
    for name in nodes.FILES:
        try:
            texts[name] = reading.text(bench.after.tree, f"{where}/{name}" if where else name)
        except ConfigProblem:
            continue  # most have not all of them
    return tuple(sorted(nodes.nodes_of(texts), key=lambda one: versions.key("npm", one)))


async def _kept(store: Learnt, bench: Workbench, change: Change, promised: Sequence[str]) -> Looked:
    sides = (change.before.environment, change.after.environment)
    old, new = await all_of(packages.held(store, one) for one in sides)
    return await asyncio.to_thread(promises.look, _project(bench, sides[1], promised), old, new)


def _project(bench: Workbench, there: Environment, promised: Sequence[str]) -> Project:
    tree, where, tried = bench.after.tree, there.where, there.interpreter.version
    return Project(
        tree=tree,
        where=where,
        asked=packages.direct(tree, where),
        nodes=promised,
        tried=tried,
        scripts=packages.scripts(tree, where),
        commands=[one.run for one in bench.trial.suites.values() if one.run],
    )


async def _names(bench: Workbench, store: Learnt, change: Change, promised: Sequence[str]) -> Looked:
    """What is used, on both running sides at once."""
    (old, old_note), (new, new_note) = await all_of(
        seen.answers(bench, store, side.environment, side.bounds, change.asks) for side in (change.before, change.after)
    )
    oldest = promised[0] if promised else ""
    found = [
        finding
        for base, taken in change.taken.items()
        for finding in modules.findings(taken, _of(base, old), _of(base, new), oldest=oldest)
    ]
    told = verdicts.of_findings(sorted(found, key=lambda one: (one.use.file, one.use.line)))
    used = {one.use.path for one in change.uses}
    gone = {one.use.path for one in found}
    measure = Measure(
        name="names used of npm", before=str(len(used)), after=str(len(used - gone)),
        change=counted(len(used), len(used - gone)),
    )  # fmt: skip
    notes = tuple(note for note in dict.fromkeys((old_note, new_note, _unable(old))) if note)
    unknown = next((code(ask.specifier) for ask in change.asks if ask not in old), "")
    if unknown and not told.why:
        why = f"{unknown} gave no answer when it was loaded as it is now, so nothing is known of its uses"
        told = Looked(grade=Grade.UNKNOWN, why=why, remarks=told.remarks)
    return Looked(grade=told.grade, why=told.why, remarks=told.remarks, measures=(measure,), notes=notes)


def _unable(before: Mapping[Ask, Loaded]) -> str:
    """Whose uses nobody can judge, as it needs something that is not here; what is not there is no module."""
    names = {ask.specifier: True for ask, one in before.items() if one.problem and not modules.is_lost(one.problem)}
    shown = ", ".join(map(code, list(names)[:5])) + (" …" if len(names) > 5 else "")
    return f"not to be loaded alone, so nothing is known of its uses: {shown}" if names else ""


def _of(base: str, found: Mapping[Ask, Loaded]) -> dict[tuple[str, str], Loaded]:
    return {(ask.how, ask.specifier): one for ask, one in found.items() if ask.base == base}
