"""Lock files that follow several steps: made anew for one component after the other, each on what the last one made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from bot.core import locks
from bot.core.lockfiles import Moved
from bot.core.locks import Followed, Keeper
from bot.core.model import Member

Read = Callable[[str], Awaitable[str | None]]


async def followed(
    parts: Sequence[Member], changed: Mapping[str, str], files: Collection[str], read: Read, keeper: Keeper
) -> Followed:
    """What must follow the manifests that all these steps have changed (path -> new text); no files where nothing must.

    files: all paths of the repository; read: the text of one of them as it was. Errors as `Keeper.follow`.
    """
    written, made = dict(changed), dict[str, str]()
    moved: list[Moved] = []
    gates: list[str] = []

    async def now(path: str) -> str | None:
        return written[path] if path in written else await read(path)

    for part in parts:
        mine = {pin.path: written[pin.path] for pin in part.pins if pin.path in written}
        if locks.wanted(mine, files):
            done = await keeper.follow(mine, files, now, (part.component, part.target))
            made |= done.files
            written |= done.files
            moved += done.moved
            gates += done.gates
    return Followed(files=made, moved=tuple(dict.fromkeys(moved)), gates=tuple(dict.fromkeys(gates)))
