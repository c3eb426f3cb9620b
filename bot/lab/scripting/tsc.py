"""Runs TypeScript's own compiler, where a repository has it and settings for it; only new errors count."""

from __future__ import annotations

from pathlib import PurePosixPath

from bot.core.verdicts import Looked
from bot.lab import typing_diff
from bot.lab.learnt import Learnt
from bot.lab.scripting import packages
from bot.lab.scripting.changes import Change
from bot.lab.scripting.compiled import Surroundings
from bot.lab.typing_diff import Checker
from bot.lab.workbench import Workbench

_NAME = "typescript"
_SETTINGS = "tsconfig.json"
_MOST_PROJECTS = 10
# Errors are reported by the one code or the other, with each project; what is worse ends all.
_EACH = """\
node=$1 program=$2; shift 2; worst=0
for project do
  "$node" "$program" --noEmit --pretty false -p "$project"; code=$?
  [ $code -gt 2 ] && exit $code
  [ $code -gt 0 ] && worst=2
done
exit $worst
"""


def _concerns(change: Change) -> bool:
    """Can it say something: is a package used that changes, or are there types or a compiler among them?"""
    return bool(change.uses) or any(name == _NAME or name.startswith("@types/") for name in change.names)


async def look(bench: Workbench, store: Learnt, change: Change, checker: Checker) -> Looked:
    """UNKNOWN where it newly reports errors: a person must see whether they are real. OutOfTime."""
    bench.say("running tsc")
    return await typing_diff.compare(bench, store, checker, change.before, change.after)


def found(bench: Workbench, change: Change) -> Checker | None:
    """The compiler that both sides have, where the tree has settings for it and it can say something."""
    if not _concerns(change):
        return None
    where = change.after.environment.where
    root = PurePosixPath(where)
    environments = (change.before.environment, change.after.environment)
    places = {packages.found_from(one, where or ".", _NAME) for one in environments}
    projects = _projects(bench, root)
    if len(places) != 1 or None in places or not projects:
        return None
    program = (PurePosixPath(places.pop() or ".") / "node_modules" / _NAME / "lib" / "tsc.js").as_posix()
    node = str(change.after.environment.interpreter.path)
    return Checker(name="tsc", command=("/bin/sh", "-c", _EACH, "sh", node, program, *projects))


def _projects(bench: Workbench, root: PurePosixPath) -> list[str]:
    """The settings of the project, or of those that it is put together from."""
    place = (root / _SETTINGS).as_posix()
    said = Surroundings(bench.after.tree).settings(place)
    if not said:
        return []
    parts = said.get("references")
    if said.get("files") != [] or not isinstance(parts, list):
        return [place]
    named = (one.get("path") for one in parts if isinstance(one, dict))
    inside = [root / one for one in named if isinstance(one, str) and not one.startswith("/")]
    return [one.as_posix() for one in inside if not one.as_posix().startswith("-")][:_MOST_PROJECTS]
