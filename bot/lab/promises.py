"""What a tree relies on beside names: the Pythons that it promises, extras that it asks for, programs that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.core import supported
from bot.core.errors import ConfigProblem
from bot.core.model import Grade, Level, Remark
from bot.core.quoting import code
from bot.core.verdicts import Looked
from bot.lab import reading, wants
from bot.lab.installed import Installed
from bot.lab.wants import Want

Side = Mapping[str, Installed]

_COMMAND_FILES = (
    "Makefile", "justfile", "tox.ini", "noxfile.py", "Procfile", "Dockerfile", ".pre-commit-config.yaml", "*.sh",
    "scripts/*.sh", "bin/*", ".github/workflows/*.yml", ".github/workflows/*.yaml",
)  # fmt: skip
_MOST_FILES, _MOST_BYTES = 200, 1 << 20


def look(tree: Path, before: Side, after: Side, commands: Iterable[str] = ()) -> Looked:
    """UNKNOWN, with the place, for each that is gone: whether it is still needed is a person's to say.

    before, after: what changes, by its normalised name. commands: those of the suites.
    """
    try:
        asked = wants.read(tree)
    except ConfigProblem:
        return Looked()  # whoever prepares the environment says so
    remarks = [
        *_pythons(tree, asked.python, asked.all, before, after),
        *_extras(tree, asked.all, before, after),
        *_programs(tree, before, after, commands),
    ]
    if not remarks:
        return Looked()
    first = remarks[0]
    more = f" ({len(remarks) - 1} more)" if len(remarks) > 1 else ""
    return Looked(grade=Grade.UNKNOWN, why=f"{first.title}, and {first.message}{more}", remarks=tuple(remarks))


def _pythons(tree: Path, promised: str, asked: Iterable[Want], before: Side, after: Side) -> Iterator[Remark]:
    for want in _first_of_each(asked):
        old, new = before.get(want.name), after.get(want.name)
        if old is None or new is None or not _binds(want, old):
            continue
        gone = [one for one in supported.lost(promised, old.python, new.python) if _applies(want, one)]
        if gone:
            yield Remark(
                level=Level.WARNING,
                title=f"{code(f'{new.name} {new.version}')} does not run on Python {_listed(gone)} any more",
                message=f"this project says that it does: requires-python is {code(promised)}",
                path=_file(want),
                line=_line(tree, want),
            )


def _first_of_each(asked: Iterable[Want]) -> Iterable[Want]:
    return {want.name: want for want in reversed(list(asked))}.values()


def _binds(want: Want, old: Installed) -> bool:
    """A requirement that also allows the old version leaves it to those who need it."""
    try:
        return not Requirement(want.text).specifier.contains(old.version, prereleases=True)
    except ValueError:  # a version that is none, as a package's own folder may claim
        return True


def _applies(want: Want, python: str) -> bool:
    marker = Requirement(want.text).marker
    try:
        return marker is None or marker.evaluate({"python_version": python, "python_full_version": f"{python}.99"})
    except ValueError:  # a comparison that makes no sense
        return True


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _extras(tree: Path, asked: Iterable[Want], before: Side, after: Side) -> Iterator[Remark]:
    for want in asked:
        old, new = before.get(want.name), after.get(want.name)
        if old is None or new is None:
            continue
        named: dict[str, str] = {canonicalize_name(one): one for one in Requirement(want.text).extras}
        for extra in sorted((old.extras - new.extras) & named.keys()):
            yield Remark(
                level=Level.WARNING,
                title=f"{code(f'{new.name} {new.version}')} has no extra {code(named[extra])} any more",
                message="it is asked for here: what it brought is silently left out",
                path=_file(want),
                line=_line(tree, want),
            )


def _file(want: Want) -> str:
    return want.where.partition(":")[0]


def _line(tree: Path, want: Want) -> int | None:
    """Where a requirement stands; in pyproject.toml, the first line that names it."""
    file, _, rest = want.where.partition(":")
    if rest.isdecimal():
        return int(rest)
    pattern = re.compile(rf"[\"']{re.escape(Requirement(want.text).name)}\b", re.IGNORECASE)
    return next((number for number, line in _lines(tree, file) if pattern.search(line)), None)


def _programs(tree: Path, before: Side, after: Side, commands: Iterable[str]) -> Iterator[Remark]:
    gone = {
        name: old.name for old in before.values() if (new := after.get(old.name)) for name in old.scripts - new.scripts
    }
    yield from programs_gone(tree, gone, commands)


def programs_gone(tree: Path, gone: Mapping[str, str], commands: Iterable[str]) -> Iterator[Remark]:
    """Each place that calls one. gone: program -> its package. commands: those of the suites."""
    for name, package in sorted(gone.items()):
        called = re.compile(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])")
        title = f"the program {code(name)} of {code(package)} is gone"
        for file, number in _calls(tree, called):
            yield Remark(level=Level.WARNING, title=title, message="it is called here", path=file, line=number)
        if any(called.search(command) for command in commands):
            yield Remark(level=Level.WARNING, title=title, message="a command of the suites calls it")


def _calls(tree: Path, called: re.Pattern[str]) -> Iterator[tuple[str, int]]:
    """The first line of each file that calls it."""
    paths = sorted({path for pattern in _COMMAND_FILES for path in tree.glob(pattern) if path.is_file()})
    for path in paths[:_MOST_FILES]:
        name = path.relative_to(tree).as_posix()
        hits = (number for number, line in _lines(tree, name) if called.search(line.partition("#")[0]))
        if (number := next(hits, None)) is not None:
            yield name, number


def _lines(tree: Path, name: str) -> list[tuple[int, str]]:
    try:
        return list(enumerate(reading.text(tree, name, _MOST_BYTES).splitlines(), 1))
    except (ConfigProblem, OSError):
        return []
