"""Finds a tree's test commands, and runs them locked in so that they must say, test by test, how each came out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.differential import Side
from bot.core.suites import BESIDE, Asked
from bot.lab import (
    cargoreports,
    cargos,
    goreports,
    gos,
    junit,
    nodereports,
    noderunners,
    pytests,
    reports,
    services,
    warned,
)
from bot.lab.environments import CARGO, GOLANG, NPM, OTHER, PYPI, Environment
from bot.lab.jobs import MIB, Job, Limits, Ran, Reason
from bot.lab.ready import INSIDE

PYTEST = pytests.PYTEST

# By the environment it reaches pytest however it is called: by make, by tox, under coverage. One collection error
# must not hide how the other tests came out.
_REPORT = (
    "--junitxml={results} -o junit_family=xunit1 -o junit_logging=no --continue-on-collection-errors "
    "-p surefoot_rerun -p surefoot_first -p surefoot_warned"
)
_FINDERS = {
    PYPI: pytests.commands,
    NPM: noderunners.commands,
    GOLANG: gos.commands,
    CARGO: cargos.commands,
}
# Where several are there: pytest's reports are among those of npm.
_READERS = {NPM: nodereports.read, GOLANG: goreports.read, CARGO: cargoreports.read}
_NAME_IT = "name the JUnit files that it writes under `report` beside it"
_ENDED = 124  # what `timeout` says of a command that it had to end
_INTERRUPTED = 2  # pytest's exit code when it was told to stop
_TESTS_REPORT = (18, 15)  # the first Node whose own runner takes a reporter from NODE_OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One command of one kind (unit, integration, …), as a shell reads it. services: what runs beside it.

    report: patterns of the JUnit files that it writes by itself; empty where its runner is known.
    """

    kind: str
    command: str
    notes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    report: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        """The command and what runs beside it, as one text to tell suites apart by."""
        return "\0".join((self.command, *self.services, *(f"report {one}" for one in self.report)))


def find(tree: Path, asked: Mapping[str, Asked], ecosystem: str = PYPI) -> tuple[Suite, ...]:
    """The commands that the config gives, else those that the tree's files tell of for this ecosystem."""
    given = {kind: one for kind, one in asked.items() if one.run and not one.off and kind not in BESIDE}
    if given:
        return tuple(
            Suite(kind=kind, command=one.run, services=one.services, report=one.report) for kind, one in given.items()
        )
    found = _FINDERS[ecosystem](tree) if ecosystem in _FINDERS else {}
    said = {kind: asked.get(kind, Asked()) for kind in found}
    return tuple(
        Suite(kind=kind, command=command, notes=notes, services=said[kind].services)
        for kind, (command, notes) in found.items()
        if not said[kind].off
    )


def job(
    suite: Suite,
    tree: Path,
    environment: Environment,
    limits: Limits,
    only: Sequence[str] | None = None,
    first: Sequence[str] = (),
) -> Job:
    """The suite on one side. only: ids of the tests to run, or None for all. first: files to begin with.

    NoService where something is to run beside it that this machine has not.
    """
    env = {**environment.variables, "SUREFOOT_UNTIL": f"{time.monotonic() + limits.seconds - _margin(limits)}"}
    for one in (environment, *environment.beside):
        env |= _told(one, env)
    if only is not None:
        env |= {"SUREFOOT_ONLY": json.dumps(list(only)), "SUREFOOT_RUN": goreports.pattern(only)}
    if first:
        env["SUREFOOT_FIRST"] = json.dumps(list(first))
    if suite.report:
        env["SUREFOOT_REPORTS"] = "\n".join(suite.report)
        env["SUREFOOT_SECONDS"] = f"{limits.seconds - _margin(limits):.2f}"
    collector = ("/bin/sh", str(INSIDE / "surefoot_reports.sh")) if suite.report else ()
    starter = (*environment.starter, *services.starter(suite.services), *collector)
    return Job(
        command=(*starter, "/bin/sh", "-c", suite.command),
        tree=tree,
        visible=(*environment.visible, INSIDE),
        placed=environment.placed,
        env=env,
        limits=limits,
        roomy=environment.roomy,
    )


def _told(one: Environment, env: Mapping[str, str]) -> dict[str, str]:
    """What makes the runners of an ecosystem report."""
    if one.ecosystem in (GOLANG, CARGO, OTHER):
        return {}  # the program that stands before Go's own does it, and of others the suite names the report
    if one.ecosystem == PYPI:
        return {"PYTHONPATH": f"{env['PYTHONPATH']}:{INSIDE}", "PYTEST_ADDOPTS": _REPORT}
    words = [f"--require={INSIDE}/surefoot_report.cjs"]
    version = tuple(int(part) for part in one.interpreter.version.split(".")[:2] if part.isdigit())
    if version >= _TESTS_REPORT:
        for reporter, place in (("spec", "stdout"), (f"{INSIDE}/surefoot_tests.cjs", "stderr")):
            words += [f"--test-reporter={reporter}", f"--test-reporter-destination={place}"]
    return {"NODE_OPTIONS": " ".join(words)}


def _margin(limits: Limits) -> float:
    """Seconds before the end of the time at which no further test is begun, so that a report can still be written."""
    return min(10.0, max(1.0, limits.seconds / 20))


def side(ran: Ran, limits: Limits, environment: Environment | None = None, *, own_report: bool = False) -> Side:
    """What the run claims, read as hostile. own_report: the suite says which files it writes."""
    outcomes, problem = None, ""
    there = environment.ecosystems if environment else frozenset[str]()
    read = next((reader for ecosystem, reader in _READERS.items() if ecosystem in there), junit.read)
    read = reports.read if own_report else read
    try:
        outcomes = read(ran.results)
    except junit.Unreadable as said:
        problem = f"{said}; the command ended with {ran.code}"
        mend = [_NAME_IT] if there == {OTHER} and not own_report else []
        problem = "; ".join([problem, *_own_words(ran.text), *mend])
    if ran.reason is Reason.BROKEN:
        problem = ran.text.strip()[-300:]
    told = _ENDED if own_report else _INTERRUPTED
    # The clock of a run begins a little after its time was set: on a busy machine by as much as it takes to start it.
    stopped = ran.code == told and ran.seconds > limits.seconds - 2 * _margin(limits)
    return Side(
        outcomes=outcomes,
        code=ran.code,
        ended=Reason.TIMEOUT.value if stopped else ran.reason.value,
        problem=problem,
        seconds=ran.seconds,
        allowed=limits.seconds,
        peak=ran.peak,
        allowed_memory=limits.memory_mib * MIB,
        cpu_seconds=ran.cpu_seconds,
        warned=None if own_report else warned.read(ran.results),
    )


def _own_words(said: str) -> list[str]:
    """What a starter of ours complained about, as far as the code under test lets it be heard."""
    return [line[:300] for line in said.splitlines() if line.startswith("surefoot: ")][:1]
