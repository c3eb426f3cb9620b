"""Whether an update makes the code slower: the repository's own benchmarks, or else how its programs and imports start.

The owner's command comes first, then what the tree has: of Python tests with pytest-benchmark's fixture and functions
`time_*` as asv knows them, a script of npm or vitest's benchmarks, those of `go test` and of `cargo bench`. Where
nobody wrote any, programs are started, and what changed and the tree's own code takes in is imported.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Mapping, Sequence

from bot.core import benchmarks
from bot.core.comparisons import Bounds
from bot.core.model import Grade, SuiteResult
from bot.core.quoting import code
from bot.core.suites import PERFORMANCE, Asked
from bot.lab import installed, trees
from bot.lab.benchmarking import building, compiled, finding, importing, known, probes, scripts, starting
from bot.lab.benchmarking.comparing import Comparing, Outcome
from bot.lab.benchmarking.finding import Found
from bot.lab.benchmarking.probes import Probe
from bot.lab.environments import CARGO, GOLANG, NPM, PYPI
from bot.lab.learnt import Learnt
from bot.lab.workbench import Unable, Workbench

_SHARE, _MOST_SECONDS = 1 / 3, 60.0  # of what is left of the budget, and at most
_MOST_UNASKED = 15.0  # seconds for each way of what nobody asked to have measured
_LEAST_UNASKED = 0.005  # seconds: a smaller difference of an import or a start is not worth a word
_MOST_LINES = 50  # of the table
_FIXTURE = "pytest-benchmark"

Way = tuple[Probe, Found]  # and where its benchmarks stand


async def examine(bench: Workbench) -> SuiteResult | None:
    """Both sides by turns, one at a time. None where there is nothing to measure. OutOfTime; Unable."""
    began, asked = bench.budget.spent, bench.asked(PERFORMANCE)
    ways = await _ways(bench, asked)
    until = bench.budget.spent + min(_MOST_SECONDS, bench.budget.left() * _SHARE)
    outcomes = []
    for place, (probe, found) in enumerate(ways):
        share = max(0.0, until - bench.budget.spent) / (len(ways) - place)
        outcomes.append(await _outcome(bench, probe, found, share if probe.own else min(share, _MOST_UNASKED)))
        outcomes[-1].notes += found.notes
    if not any(outcome.measured or outcome.troubles or not outcome.unable for outcome in outcomes):
        if any(probe.own for probe, _ in ways):
            raise Unable("; ".join(words for outcome in outcomes for words in (outcome.problem, *outcome.notes)))
        return None  # nobody asked for it, so nobody is to be asked about it
    command = ", ".join(dict.fromkeys(probe.title for probe, _ in ways))
    return _result(outcomes, command, bench.budget.spent - began, asked)


async def _ways(bench: Workbench, asked: Asked) -> list[Way]:
    """The owner's word, else what people wrote, else what nobody has to write."""
    if asked.run:
        return [(probes.of_command(asked.run), Found())]
    return await asyncio.to_thread(_own, bench) or await _unasked(bench)


def _own(bench: Workbench) -> list[Way]:
    """Of each ecosystem that was prepared."""
    before, after = bench.before.tree, bench.after.tree
    there = bench.before.environment.ecosystems & bench.after.environment.ecosystems
    ways = _of_python(bench) if PYPI in there else []
    ways += scripts.ways(before, after) if NPM in there else []
    return [*ways, *(way for one in (GOLANG, CARGO) if one in there for way in compiled.ways(before, after, one))]


def _of_python(bench: Workbench) -> list[Way]:
    found = _found(bench)
    ways = []
    if found.fixtures:
        ways.append((probes.of_fixtures(found, _locks(bench)[-1]), found))
    if found.timed:
        ways.append((probes.of_functions(found), found))
    return ways


async def _unasked(bench: Workbench) -> list[Way]:
    """Where both sides are made of the same packages there is nothing to be found."""
    if _packages(bench)[0] == _packages(bench)[1]:
        return []
    groups = await importing.groups(bench)
    ways = [probes.of_imports(groups)] if groups else []
    for probe in (await scripts.loads(bench), await asyncio.to_thread(starting.starts, bench)):
        if probe is not None:
            ways.append(probe)
    return [(probe, Found()) for probe in ways]


def _packages(bench: Workbench) -> list[list[str]]:
    sides = (bench.before.environment, bench.after.environment)
    return [[one.key for one in (side, *side.beside)] for side in sides]


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


async def _outcome(bench: Workbench, probe: Probe, found: Found, seconds: float) -> Outcome:
    """Known from an earlier run, or measured now; what was quiet is remembered. seconds: for the measuring alone."""
    store = Learnt(folder=bench.folder / PERFORMANCE)
    asked = bench.asked(PERFORMANCE)
    key = await asyncio.to_thread(_key, bench, probe, asked)
    if told := known.recall(store, key):
        return Outcome(measured=list(told), notes=["known from an earlier run of the same pair"])
    async with building.built(bench, probe, bench.budget.left() * _SHARE) as made:
        outcome = made if isinstance(made, Outcome) else await _measured(bench, made, found, seconds)
    _settle(outcome, probe)
    if not outcome.notes and not outcome.troubles:
        known.remember(store, key, outcome.measured)
    return outcome


def _settle(outcome: Outcome, probe: Probe) -> None:
    """What there was no time for, or never ran here, is not worth asking a person where nobody asked for it either."""
    if probe.own and not probe.guessed:
        return
    outcome.measured = [one for one in outcome.measured if one.is_known]
    outcome.unable = not outcome.measured and not outcome.troubles
    if outcome.unable:
        outcome.problem = outcome.problem or f"no time: {code(probe.title)} could not be run often enough"
    if not probe.own:
        outcome.measured = [benchmarks.unasked(one, _LEAST_UNASKED) for one in outcome.measured]


async def _measured(bench: Workbench, probe: Probe, found: Found, seconds: float) -> Outcome:
    asked, until = bench.asked(PERFORMANCE), bench.budget.spent + seconds
    seed = hashlib.sha256(f"{bench.trial.head}\0{probe.title}".encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - an order that can be told again, no secret
    bounds = Bounds(warn=asked.warn, fail=asked.fail)
    comparing = Comparing(bench=bench, probe=probe, places=found, bounds=bounds, chance=chance, until=until)
    return await comparing.outcome()


def _key(bench: Workbench, probe: Probe, asked: Asked) -> str:
    """Of imports the trees are no part: the same two environments are the same in every repository."""
    sides = (bench.before, bench.after)
    grounds = [] if probe.foreign else [trees.fingerprint(side.tree) for side in sides]
    runs = [probe.run(0, None), *([probe.build] if probe.build else [])]
    what = [word for run in runs for word in (*run.command, *(f"{name}={run.env[name]}" for name in sorted(run.env)))]
    limits = (str(asked.warn), str(asked.fail), bench.host.isolation)
    return known.key_of(*_packages(bench)[0], *_packages(bench)[1], *grounds, *what, *limits)


def _result(outcomes: Sequence[Outcome], command: str, seconds: float, asked: Asked) -> SuiteResult:
    measured = [one for outcome in outcomes for one in outcome.measured]
    troubles = [one for outcome in outcomes for one in outcome.troubles]
    problems = [outcome.problem for outcome in outcomes if outcome.problem and not outcome.unable]
    unable = [f"not run: {outcome.problem}" for outcome in outcomes if outcome.unable and outcome.problem]
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
        notes=tuple(dict.fromkeys([*notes, *problems, *unable])),
        remarks=benchmarks.remarks(measured, troubles),
        measures=lines[:_MOST_LINES],
    )
