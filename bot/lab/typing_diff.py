"""Runs the type checker that a repository uses, in the jail, with each side's packages; only new errors count."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from bot.core import tomls, typing_errors
from bot.core.errors import ConfigProblem
from bot.core.model import Grade, Level, Measure, Remark
from bot.core.quoting import code
from bot.core.suites import counted
from bot.core.typing_errors import Complaint
from bot.core.verdicts import Looked
from bot.lab import installed, learnt, reading
from bot.lab.changes import Side
from bot.lab.environments import Environment
from bot.lab.jobs import Ran, Reason
from bot.lab.learnt import Learnt
from bot.lab.together import all_of
from bot.lab.workbench import Sample, Workbench

_LAYOUT = "1"  # part of every key: raise it when checkers are run or read differently
_SECONDS = 180.0
_MOST_REMARKS = 30
_MYPY = ("python", "-m", "mypy", "--no-color-output", "--hide-error-context", "--show-error-codes", "--no-pretty")
_MYPY_MORE = ("--no-error-summary", "--cache-dir=/tmp/mypy")  # - a tmpfs of the jail's own
_PYRIGHT = ("basedpyright", "--outputjson")
_OF_LINES = {"mypy": typing_errors.of_mypy, "tsc": typing_errors.of_tsc}
_NOT_RUN = "pyright is not run: it fetches itself when it is first started, and there is no network in the jail"


class Checked(Protocol):
    """One side, of whichever ecosystem."""

    @property
    def sample(self) -> Sample:
        """What it is run on."""

    @property
    def environment(self) -> Environment:
        """The packages that it finds."""

    @property
    def tree(self) -> str:
        """The hash of the files."""


class Place(msgspec.Struct, frozen=True):
    """Where an error begins; lines count from 0."""

    line: int = 0


class Range(msgspec.Struct, frozen=True):
    """Of an error."""

    start: Place = Place()


class Diagnostic(msgspec.Struct, frozen=True):
    """One line of pyright's report."""

    file: str = ""
    severity: str = ""
    message: str = ""
    rule: str = ""
    range: Range = Range()


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """pyright's own, as its documentation of `--outputjson` has it."""

    general_diagnostics: list[Diagnostic]


_REPORTS = msgspec.json.Decoder(Report)
_KEPT = msgspec.json.Decoder(list[Complaint])


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """One that the repository uses. name: of the package; command: what is run in the tree."""

    name: str
    command: tuple[str, ...]


async def look(bench: Workbench, store: Learnt, before: Side, after: Side) -> Looked:
    """UNKNOWN where it newly reports errors: a person must see whether they are real. OutOfTime."""
    checker = await asyncio.to_thread(found, bench.after.tree, before.environment, after.environment)
    if checker is None:
        unable = await asyncio.to_thread(_asks_for, bench.after.tree, "pyright")
        return Looked(notes=(_NOT_RUN,)) if unable else Looked()
    bench.say(f"running {checker.name}")
    return await compare(bench, store, checker, before, after)


async def compare(bench: Workbench, store: Learnt, checker: Checker, before: Checked, after: Checked) -> Looked:
    """What it newly reports. A checker that does not come to its end on both sides says nothing. OutOfTime."""
    old, new = await all_of(_errors(bench, store, checker, side) for side in (before, after))
    if isinstance(old, str) or isinstance(new, str):
        said = old if isinstance(old, str) else new
        return Looked(notes=(f"{checker.name} could not be run on both sides: {code(str(said))}",))
    return _compared(checker, old, new)


def found(tree: Path, before: Environment, after: Environment) -> Checker | None:
    """mypy or basedpyright, where both environments have it and the tree is set up for it."""
    there = installed.versions(before).keys() & installed.versions(after).keys()
    if "mypy" in there and _asks_for(tree, "mypy"):
        named = {"files", "packages", "modules"} & _settings(tree, "mypy")
        return Checker(name="mypy", command=(*_MYPY, *_MYPY_MORE, *(() if named else (".",))))
    if "basedpyright" in there:
        return Checker(name="basedpyright", command=_PYRIGHT)
    return None


def _asks_for(tree: Path, name: str) -> bool:
    """Has the tree settings of its own for this checker?"""
    own = {"mypy": ("mypy.ini", ".mypy.ini"), "pyright": ("pyrightconfig.json",)}[name]
    return any((tree / file).is_file() for file in own) or bool(_settings(tree, name))


def _settings(tree: Path, name: str) -> set[str]:
    """The names of the checker's settings in whichever file has them."""
    keys: set[str] = set()
    try:
        table = tomls.loads(reading.text(tree, "pyproject.toml")).get("tool", {}).get(name)
        keys |= {*table, "set"} if isinstance(table, dict) else set()
    except (ConfigProblem, tomllib.TOMLDecodeError, AttributeError):
        pass  # a tree without one, or with one that whoever prepares the environment complains about
    for file in ("mypy.ini", ".mypy.ini", "setup.cfg"):
        keys |= _section(tree, file, name)
    return keys


def _section(tree: Path, file: str, name: str) -> set[str]:
    """The keys of `[mypy]` in a file of settings."""
    keys: set[str] = set()
    inside = False
    try:
        lines = reading.text(tree, file).splitlines()
    except ConfigProblem:
        return keys
    for line in lines:
        if line.startswith("["):
            inside = line.strip() == f"[{name}]"
            keys |= {"set"} if inside else set()
        elif inside and "=" in line:
            keys.add(line.partition("=")[0].strip())
    return keys


async def _errors(bench: Workbench, store: Learnt, checker: Checker, side: Checked) -> tuple[Complaint, ...] | str:
    """What it reports on one side, or why it cannot be told."""
    key = learnt.key_of("types", _LAYOUT, side.environment.key, side.tree, bench.host.isolation, *checker.command)
    try:
        return tuple(_KEPT.decode(store.recall(key) or b""))
    except msgspec.DecodeError:
        pass  # not known yet
    ran = await bench.run(side.sample, checker.command, seconds=_SECONDS)
    errors = _read(checker, ran)
    if not isinstance(errors, str):
        store.remember(key, msgspec.json.encode(errors))
    return errors


def _read(checker: Checker, ran: Ran) -> tuple[Complaint, ...] | str:
    # 0: nothing to report, 1: errors; the rest is a checker that gave up.
    if ran.reason is not Reason.FINISHED or ran.code not in ((0, 2) if checker.name == "tsc" else (0, 1)):
        return ran.text.strip()[-300:] or str(ran.reason)
    if (lines := _OF_LINES.get(checker.name)) is not None:
        return lines(ran.text)
    try:
        report = _REPORTS.decode(ran.output)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ran.text.strip()[-300:]
    told = (one for one in report.general_diagnostics if one.severity == "error")
    return tuple(
        Complaint(path=_below(one.file), line=one.range.start.line + 1, rule=one.rule, words=one.message[:500])
        for one in told
    )


def _below(file: str) -> str:
    """The path within the tree; the jail has it at `…/tree`."""
    return file.rpartition("/tree/")[2] if "/tree/" in file else file.lstrip("/")


def _compared(checker: Checker, old: tuple[Complaint, ...], new: tuple[Complaint, ...]) -> Looked:
    fresh = typing_errors.newly(old, new)
    measure = Measure(
        name=f"errors of {checker.name}", before=str(len(old)), after=str(len(new)), change=counted(len(old), len(new))
    )
    if not fresh:
        return Looked(measures=(measure,))
    first, count = fresh[0], len(fresh)
    errors = "an error" if count == 1 else f"{count} errors, the first"
    return Looked(
        grade=Grade.UNKNOWN,
        why=f"{checker.name} newly reports {errors} in {code(f'{first.path}:{first.line}')}: {code(first.words)}",
        remarks=tuple(_remark(checker, one) for one in fresh[:_MOST_REMARKS]),
        measures=(measure,),
    )


def _remark(checker: Checker, one: Complaint) -> Remark:
    rule = f" ({code(one.rule)})" if one.rule else ""
    return Remark(
        level=Level.WARNING,
        title=f"{checker.name} newly reports an error{rule}",
        message=code(one.words, most=400),
        path=one.path,
        line=one.line,
    )
