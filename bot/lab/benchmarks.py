"""Whether an update makes the code slower: the repository's own benchmarks, or else how long its imports take.

The owner's command comes first, then what the tree has: tests with pytest-benchmark's fixture, functions `time_*` as
asv knows them. Where nobody wrote any, the packages that changed and that the tree's own code imports are imported.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Mapping, Sequence

from bot.core import benchmarks
from bot.core.comparisons import Bounds
from bot.core.model import Grade, SuiteResult
from bot.core.suites import PERFORMANCE, Asked
from bot.lab import installed, trees
from bot.lab.benchmarking import finding, importing, known, probes
from bot.lab.benchmarking.comparing import Comparing, Outcome
from bot.lab.benchmarking.finding import Found
from bot.lab.benchmarking.probes import Probe
from bot.lab.environments import PYPI
from bot.lab.learnt import Learnt
from bot.lab.workbench import Workbench

_SHARE, _MOST_SECONDS = 1 / 3, 60.0  # of what is left of the budget, and at most
_MOST_UNASKED = 15.0  # seconds for what nobody asked to have measured
_LEAST_IMPORT = 0.005  # seconds: a smaller difference of an import is not worth a word
_MOST_LINES = 50  # of the table
_FIXTURE = "pytest-benchmark"


async def examine(bench: Workbench) -> SuiteResult | None:
    """Both sides by turns, one at a time. None where there is nothing to measure. OutOfTime."""
    began, asked = bench.budget.spent, bench.asked(PERFORMANCE)
    found = Found() if asked.run else await asyncio.to_thread(_found, bench)
    ways = await _ways(bench, asked, found)
    until = bench.budget.spent + min(_MOST_SECONDS, bench.budget.left() * _SHARE)
    outcomes = []
    for place, probe in enumerate(ways):
        spent = bench.budget.spent
        share = (until - spent) / (len(ways) - place)
        outcomes.append(
            await _outcome(bench, probe, found, spent + (share if probe.own else min(share, _MOST_UNASKED)))
        )
    if not any(probe.own for probe in ways) and not any(outcome.measured or outcome.troubles for outcome in outcomes):
        return None  # nobody asked for it, so nobody is to be asked about it
    command = ", ".join(dict.fromkeys(probe.title for probe in ways))
    outcomes[0].notes += found.notes
    return _result(outcomes, command, bench.budget.spent - began, asked)


def _found(bench: Workbench) -> Found:
    """Of both trees; where a file is in both, its places are those of the later one."""
    locks = _locks(bench)
    if len(locks) < 2:
        return Found()
    plugin = all(_FIXTURE in lock for lock in locks)
    old, new = (finding.look(side.tree, fixtures_too=plugin) for side in (bench.before, bench.after))
    return Found(
        fixtures=tuple(sorted({*old.fixtures, *new.fixtures})),
        timed={**old.timed, **new.timed},
        places={**old.places, **new.places},
        gone=old.paths - new.paths,
        notes=new.notes,
    )


def _locks(bench: Workbench) -> list[Mapping[str, str]]:
    """The versions of the Python packages of each side that has any."""
    sides = ((side.environment, *side.environment.beside) for side in (bench.before, bench.after))
    found = (next((one for one in environments if one.ecosystem == PYPI), None) for environments in sides)
    return [installed.versions(one) for one in found if one is not None]


async def _ways(bench: Workbench, asked: Asked, found: Found) -> list[Probe]:
    """The owner's word, else what people wrote, else what nobody has to write."""
    if asked.run:
        return [probes.of_command(asked.run)]
    ways = []
    if found.fixtures:
        ways.append(probes.of_fixtures(found, _locks(bench)[-1]))
    if found.timed:
        ways.append(probes.of_functions(found))
    if ways:
        return ways
    groups = await importing.groups(bench)
    return [probes.of_imports(groups)] if groups else []


async def _outcome(bench: Workbench, probe: Probe, found: Found, until: float) -> Outcome:
    """Known from an earlier run, or measured now; what was quiet is remembered."""
    store = Learnt(folder=bench.folder / PERFORMANCE)
    asked = bench.asked(PERFORMANCE)
    key = await asyncio.to_thread(_key, bench, probe, asked)
    if told := known.recall(store, key):
        return Outcome(measured=list(told), notes=["known from an earlier run of the same pair"])
    seed = hashlib.sha256(f"{bench.trial.head}\0{probe.title}".encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - an order that can be told again, no secret
    bounds = Bounds(warn=asked.warn, fail=asked.fail)
    comparing = Comparing(bench=bench, probe=probe, places=found, bounds=bounds, chance=chance, until=until)
    outcome = await comparing.outcome()
    if not probe.own:
        # What there was no time for is not worth asking a person, as nobody asked for it either.
        outcome.measured = [benchmarks.unasked(one, _LEAST_IMPORT) for one in outcome.measured if one.is_known]
    if not outcome.notes and not outcome.troubles:
        known.remember(store, key, outcome.measured)
    return outcome


def _key(bench: Workbench, probe: Probe, asked: Asked) -> str:
    """Of imports the trees are no part: the same two environments are the same in every repository."""
    sides = (bench.before, bench.after)
    grounds = [trees.fingerprint(side.tree) for side in sides] if probe.own else []
    run = probe.run(0, None)
    what = (*run.command, *(f"{name}={value}" for name, value in sorted(run.env.items())))
    limits = (str(asked.warn), str(asked.fail), bench.host.isolation)
    packages = [one.key for side in sides for one in (side.environment, *side.environment.beside)]
    return known.key_of(*packages, *grounds, *what, *limits)


def _result(outcomes: Sequence[Outcome], command: str, seconds: float, asked: Asked) -> SuiteResult:
    measured = [one for outcome in outcomes for one in outcome.measured]
    troubles = [one for outcome in outcomes for one in outcome.troubles]
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    notes = [note for outcome in outcomes for note in outcome.notes]
    lines = benchmarks.measures(measured)
    if len(lines) > _MOST_LINES:
        notes.append(f"{len(lines) - _MOST_LINES} more figures, none worse than these")
    grade, why = benchmarks.verdict(measured, troubles, asked.fail)
    if problems and grade is not Grade.FAILED:
        grade, why = Grade.UNKNOWN, problems[0]
    return SuiteResult(
        kind=PERFORMANCE,
        command=command,
        grade=grade,
        why=why,
        seconds=seconds,
        notes=tuple(dict.fromkeys([*notes, *problems])),
        remarks=benchmarks.remarks(measured, troubles),
        measures=lines[:_MOST_LINES],
    )
