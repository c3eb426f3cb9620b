"""What the tool of an ecosystem needs it fetches in the jail, through the gateway; what it laid out is taken out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cachetools import TTLCache

from bot.core.errors import Permanent
from bot.core.model import Grade
from bot.lab import jail, unpacking
from bot.lab.locking import errand
from bot.lab.locking.allowed import Place
from bot.lab.locking.cargo import CRATES_IO, Crates
from bot.lab.locking.errand import PROJECT, Brought, Errand, Room, Step
from bot.lab.locking.gateway import Desk
from bot.lab.ready import INSIDE
from bot.lab.resolver import NotPrepared
from bot.lab.vouched.documents import Key
from bot.tools.npm import NpmSettings, settings_of_npm

_SENDER = INSIDE / "surefoot_send.py"
_MEMORY_MIB = 2048  # of the tool and of what it lays out, which lies in memory until it is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """What this machine has for it: where tools are run, who asks for npm's settings, and what is its crates.io.

    opened: where a repository's own command may fetch from, by the operator's word. root: a file of a trusted root of
    Sigstore, for signatures of a private one; None for the public one alone.
    keys: see `Registries` of `vouched.registries`; a key that is not among them is asked for at once.
    """

    room: Room
    npm: Callable[[], NpmSettings] = settings_of_npm
    crates: Crates = CRATES_IO
    opened: tuple[Place, ...] = ()
    root: Path | None = None
    keys: TTLCache[str, Mapping[str, Key]] = field(default_factory=lambda: TTLCache(50, 3600.0))

    async def run(self, given: Errand, places: Sequence[Place], desk: Desk | None = None) -> Brought:
        """Do the errand. NotPrepared where it cannot be done here; ConfigProblem, Transient as `errand.through`."""
        room = replace(self.room, memory_mib=max(self.room.memory_mib, _MEMORY_MIB))
        try:
            return await errand.through(replace(given, roomy=True), places, room, desk)
        except Permanent as problem:
            raise NotPrepared(Grade.UNKNOWN, f"the packages cannot be installed: {problem}") from problem

    async def take(
        self, given: Errand, folders: str | Sequence[str], place: Path, *, places: Sequence[Place],
        desk: Desk | None = None,
    ) -> Brought:  # fmt: skip
        """Do the errand, and lay out in place all folders of that name that it made, as they lie in the project.

        folders: a name, or paths from the working folder of an errand that runs there, each beginning with "./".

        Nothing is laid out where a step of the errand failed. Errors as `run`.
        """
        async with unpacking.opened(place.with_name(f"{place.name}.tar")) as inbox:
            words = (_python(), "-I", "-S", "-c", _SENDER.read_text(), str(inbox.socket))
            wanted = (f"{PROJECT}", folders) if isinstance(folders, str) else (".", *folders)
            send = Step(command=(*words, f"{jail.WORK}/{wanted[0]}", *wanted[1:]))
            visible = (*given.visible, inbox.socket.parent)
            brought = await self.run(replace(given, steps=(*given.steps, send), visible=visible), places, desk)
            if brought.code == 0:
                try:
                    await inbox.unpack(place)
                except Permanent as problem:
                    raise NotPrepared(Grade.UNKNOWN, f"the packages cannot be installed: {problem}") from problem
        return brought


def _python() -> str:
    return os.path.realpath(sys.executable)
