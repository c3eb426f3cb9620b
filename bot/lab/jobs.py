"""What is asked of a jail, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bot.core.errors import SurefootError
from bot.core.model import Isolation

MIB = 1 << 20


class NoJail(SurefootError):
    """This machine offers no way to lock foreign code in, so it was not run; says why and how to mend it."""


class Reason(StrEnum):
    """Why a run ended."""

    FINISHED = "finished"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    BROKEN = "broken"  # the jail could not be set up; the output says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run: wall seconds, memory and disk in MiB, tasks at a time, cores, bytes of output and results."""

    seconds: float = 600.0
    memory_mib: int = 2048
    pids: int = 512
    cpus: float = 2.0
    disk_mib: int = 512
    keep_output: int = MIB
    most_output: int = 64 * MIB
    keep_results: int = 16 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to run. tree: a folder whose private, writable copy is the working folder; None for an empty one.

    visible: folders to be seen at their own path, read-only (an environment, an interpreter). placed: folders to be
    seen elsewhere, read-only too: path inside -> folder outside; without a jail they are not there. over: a folder of
    which a copy is laid over that of the tree, as far as that can be done; not without a jail. env: all that the
    command finds in its environment besides HOME, PATH, LANG, TMPDIR. The command may leave one file of results
    at the path that stands in its environment as SUREFOOT_RESULTS; "{work}" and "{results}" in env stand for the
    working folder and that path. roomy: it reserves far more address space than it ever fills, as Node does for
    WebAssembly, so what it may fill is bounded in its stead. outward: a socket in one of the visible folders is there
    to be spoken to; a jail with a kernel of its own lets nobody through to it else.
    """

    command: tuple[str, ...]
    tree: Path | None = None
    visible: tuple[Path, ...] = ()
    placed: Mapping[str, Path] = field(default_factory=dict)
    over: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    roomy: bool = False
    outward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How it went. code: the exit code, negative for a signal, None when it was ended by us.

    peak: most memory in bytes; of all processes together where there is a cgroup, else of the greatest one.
    results: the bytes of the results file; None when there was more than the limit. clean: nothing was left behind.
    """

    code: int | None
    reason: Reason
    seconds: float
    peak: int
    cpu_seconds: float
    output: bytes
    results: bytes | None
    isolation: Isolation
    clean: bool
    slot: int

    @property
    def text(self) -> str:
        """The output for people to read."""
        return self.output.decode("utf-8", "replace")
