"""Which modules of the packages that changed the tree's own code takes in when it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.core.compatibility import Guard
from bot.core.suites import COMPATIBILITY
from bot.lab import changes
from bot.lab.installed import Installed
from bot.lab.learnt import Learnt
from bot.lab.workbench import Workbench

_MOST_PACKAGES = 8
_BESIDE = frozenset({"test", "tests", "testing", "docs", "doc", "examples", "benchmarks", "asv_bench"})
_TOOLS = frozenset({"conftest.py", "setup.py", "noxfile.py"})


async def groups(bench: Workbench) -> Mapping[str, Sequence[str]]:
    """Name -> modules, of each package that changed, that the tree uses, and that both sides have. OutOfTime."""
    # What the tree uses is kept where compatibility keeps it: it is read once for both.
    change = await changes.found(bench, Learnt(folder=bench.folder / COMPATIBILITY))
    if change is None:
        return {}
    names = {".".join(use.path) for use in change.uses if is_own(use.file) and use.guard is not Guard.TYPES}
    old = {one.name: one for one in change.before.used}
    found = {
        f"import of {one.name}": wanted
        for one in change.after.used
        if one.name in old and (wanted := imported(names, _every(old[one.name]) & _every(one)))
    }
    return dict(list(found.items())[:_MOST_PACKAGES])


def _every(one: Installed) -> frozenset[str]:
    return one.modules | one.compiled


def is_own(path: str) -> bool:
    """Not a test, an example or a tool of the build: those do not run where the code is used."""
    *folders, name = path.split("/")
    apart = name.startswith("test_") or name.endswith("_test.py") or name in _TOOLS
    return not apart and not _BESIDE.intersection(folders)


def imported(names: Iterable[str], there: frozenset[str]) -> tuple[str, ...]:
    """Of each used name the longest part that is a module; one that comes with another anyway is left out."""
    found = set()
    for name in names:
        parts = name.split(".")
        wholes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        found |= {next((one for one in wholes if one in there), "")} - {""}
    return tuple(sorted(name for name in found if not any(other.startswith(f"{name}.") for other in found)))
