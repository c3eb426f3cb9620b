"""What every new lock is held to, whichever tool made it: it is what was asked for, and holds nothing that is odd."""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import eq

from bot.core import lockfiles
from bot.core.errors import ConfigProblem
from bot.core.lockfiles import Locked
from bot.core.locks import LockJob


def judge(
    job: LockJob, new: str, tool: str, *, known: Collection[str] | None = None, normal: Callable[[str], str] = str,
    same: Callable[[str, str], bool] = eq,
) -> list[Locked]:  # fmt: skip
    """What of a registry came in. ConfigProblem for a lock that is not what was asked for, or holds what nobody asked.

    known: the registries that may be named, None for any. normal: the one spelling of a name; same: whether a locked
    version is the one that was asked for.
    """
    old, found = lockfiles.read(job.files[job.lock], job.lock), lockfiles.read(new, job.lock)
    name = normal(job.component.name)
    there = {one.version for one in found if normal(one.name) == name}
    if not any(same(held, job.version) for held in there):
        raise ConfigProblem(f"{tool} keeps {name} at {', '.join(sorted(there)) or 'no version'}", where=job.lock)
    if swapped := lockfiles.swapped(job.files[job.lock], new, job.lock):
        raise ConfigProblem(f"would get other files under the old version of {swapped[0]}", where=job.lock)
    had = {(one.name, one.version) for one in old}
    added = [one for one in found if not one.aside and (one.name, one.version) not in had]
    for one in added:
        # A registry may answer with addresses of others; whoever installs would follow.
        if known is not None and one.origin and one.origin not in known:
            raise ConfigProblem(f"the registry sends {one.name} to {one.origin[:200]}", where=job.lock)
        if one.origin and not one.files:
            raise ConfigProblem(f"the registry gives no checksum for {one.name} {one.version}", where=job.lock)
    return added
