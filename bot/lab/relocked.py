"""A lock that was made a while ago of the very same files is not made again: a group that is taken apart asks often.

What is tried of a failing group is often what comes next: the rest of it, or the same on a base that moved elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cachetools import TTLCache

from bot.core.locks import Locker, LockJob, Relocked

_SECONDS = 3600.0  # only what must move moves, so what was published meanwhile hardly changes the answer
_MOST_CHARACTERS = 64 << 20


def _weight(made: Relocked) -> int:
    return 1000 + sum(map(len, made.files.values())) + 100 * len(made.moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembering:
    """A `core.locks.Locker` over another one. made: by the content of all that was asked. No error is remembered."""

    locker: Locker
    made: TTLCache[str, Relocked] = field(
        default_factory=lambda: TTLCache(_MOST_CHARACTERS, _SECONDS, getsizeof=_weight)
    )

    async def lock(self, job: LockJob) -> Relocked:
        """As `Locker.lock`."""
        key = key_of(job)
        found = self.made.get(key)
        if found is None:
            found = await self.locker.lock(job)
            if _weight(found) <= _MOST_CHARACTERS:
                self.made[key] = found
        return found


def key_of(job: LockJob) -> str:
    """The same files and the same wish give the same key; each part is told with its length."""
    one = job.component
    parts = [job.lock, job.manifest, one.ecosystem, one.name, one.registry, one.scheme, job.version]
    parts += [part for path in sorted(job.files) for part in (path, job.files[path])]
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        total.update(b"%d:" % len(data))
        total.update(data)
    return total.hexdigest()
