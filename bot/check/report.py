"""What `surefoot check` says: a table for people, JSON for machines, and one exit code; the keys are stable."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bot.core.model import Grade, Kind, Level, Priority, Simulation, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NOTHING, FOUND, ERROR = 0, 1, 2
MOST_REMARKS = 10  # of one suite, on a terminal

STYLES = {
    Verdict.APPROVE: "green",
    Verdict.CURRENT: "dim",
    Verdict.HOLD: "cyan",
    Verdict.DEFER: "cyan",
    Verdict.REVIEW: "yellow",
    Verdict.REJECT: "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One component and one answer about it. manifest, line: where it is pinned; target: None when there is nothing.

    places: every "file:line" that the answer is about; a component may have another answer in another folder.
    group: with whose name it would come, in one pull request with others; "" for one of its own. simulation: of the
    whole pull request, where it was tried.
    """

    name: str
    ecosystem: str
    manifest: str
    line: int
    current: str
    verdict: Verdict
    why: tuple[str, ...]
    target: str | None = None
    kind: Kind | None = None
    priority: Priority = Priority.LOW
    held_until: datetime | None = None
    group: str = ""
    places: tuple[str, ...] = ()
    simulation: Simulation | None = None

    @property
    def found(self) -> bool:
        """Whether there is an update, held or not."""
        return self.target is not None and self.verdict is not Verdict.CURRENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rows, and what went wrong on the way.

    unreached: components of which nothing is known, since who lists them could not be reached. notes: what else could
    not be looked at.
    """

    rows: tuple[Row, ...]
    errors: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """0 nothing to do, 1 updates found, 2 an error.

        An update that was found is there, whoever else could not be reached; that nothing is to be done is only true
        when all of them could.
        """
        if self.errors:
            return ERROR
        if any(row.found for row in self.rows):
            return FOUND
        return ERROR if self.unreached else NOTHING


def as_json(report: Report) -> str:
    """The report for machines."""
    rows, errors, notes = [_plain(row) for row in report.rows], [*report.errors, *report.unreached], list(report.notes)
    # With an indent Python's own encoder goes on foot, and a report on some hundred components is long.
    said = json.dumps({"components": rows, "errors": errors, "notes": notes})
    return str(msgspec.json.format(said, indent=2))


def _plain(row: Row) -> dict[str, object]:
    until = row.held_until
    return {
        "name": row.name,
        "ecosystem": row.ecosystem,
        "manifest": row.manifest,
        "line": row.line,
        "places": list(row.places),
        "current": row.current,
        "target": row.target,
        "kind": row.kind.value if row.kind else None,
        "priority": row.priority.name.lower(),
        "group": row.group or None,
        "verdict": row.verdict.value,
        "why": list(row.why),
        "held_until": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if until else None,
        "simulation": _tried(row.simulation),
    }


def _tried(simulation: Simulation | None) -> Mapping[str, object] | None:
    if simulation is None:
        return None
    from bot.core import reports  # there was a lab, so half of us is loaded already

    return reports.as_plain(simulation)


def show(report: Report, *, console: Console | None = None) -> None:
    """The table of what was found, a line on the rest, and the errors on standard error."""
    from rich.console import Console  # here and below: JSON needs none of it, and it is slow to load
    from rich.markup import escape

    # A pipe has no width of its own, and 80 columns would break every reason into bits.
    out = console or Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140)
    found = [row for row in report.rows if row.found]
    if found:
        out.print(_table(found))
    for simulation in {id(row.simulation): row.simulation for row in found if row.simulation is not None}.values():
        _show(out, simulation, ", ".join(row.name for row in found if row.simulation is simulation))
    # A row without a target that is not current has something to say, too: nobody could tell what is newer.
    for row in report.rows:
        if not row.found and row.verdict is not Verdict.CURRENT:
            out.print(f"[cyan]{row.verdict}[/] {escape(row.name)}: {escape('; '.join(row.why))}", soft_wrap=True)
    current = sum(row.verdict is Verdict.CURRENT for row in report.rows)
    if report.rows:
        out.print(f"{_count(len(found), 'update')} found, {_count(current, 'component')} up to date.")
    elif not (report.errors or report.unreached):
        out.print("Nothing to look at: no file here pins a version.")
    errors = Console(stderr=True)
    for note in report.notes:
        errors.print(f"[yellow]note:[/] {escape(note)}", soft_wrap=True)
    for error in (*report.errors, *report.unreached):
        errors.print(f"[red]error:[/] {escape(error)}", soft_wrap=True)


def _show(out: Console, simulation: Simulation, names: str) -> None:
    """The suites of one simulation that did not just pass, with what they found and where."""
    from rich.markup import escape

    for suite in simulation.suites:
        worth = [one for one in suite.remarks if one.level is not Level.NOTICE]
        slower = [one for one in suite.measures if one.level is not Level.NOTICE]
        if suite.grade is Grade.PASSED and not worth and not slower:
            continue
        style = {Grade.FAILED: "red", Grade.UNKNOWN: "yellow", Grade.PASSED: "green"}[suite.grade]
        line = f"[{style}]{suite.grade.value}[/] {escape(f'{names}: {suite.kind}: {suite.why}')}"
        out.print(line, soft_wrap=True)
        for one in worth[:MOST_REMARKS]:
            place = f"{one.place}: " if one.place else ""
            out.print(escape(f"  {place}{one.title}{f' ({one.message})' if one.message else ''}"), soft_wrap=True)
        for figure in slower[:MOST_REMARKS]:
            out.print(escape(f"  {figure.name}: {figure.before}, now {figure.after} ({figure.change})"), soft_wrap=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _table(rows: list[Row]) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("component", "from", "to", "kind", "priority", "verdict"):
        table.add_column(head, no_wrap=head not in {"component", "from"}, overflow="fold")
    table.add_column("why", ratio=1)
    alike = Counter(row.name for row in rows)
    for row in rows:
        beside = ", ".join(filter(None, (row.group, row.manifest if alike[row.name] > 1 else "")))
        table.add_row(
            escape(f"{row.name} ({beside})" if beside else row.name),
            escape(row.current),
            escape(row.target or ""),
            row.kind.value if row.kind else "",
            row.priority.name.lower(),
            f"[{STYLES[row.verdict]}]{row.verdict}[/]",
            escape("\n".join(row.why)),
        )
    return table
