"""Speaks to uv: requirements in, a lock with hashes or an environment out. Nothing foreign is built or run."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cachetools import TTLCache

from bot.core import conflicts
from bot.core.errors import ConfigProblem, SurefootError, Transient
from bot.core.model import Component, Grade, Release
from bot.lab import indexes
from bot.tools import processes
from bot.tools.pip import IndexSettings
from bot.tools.secrets import redact

Listed = Callable[[Component], Awaitable[Sequence[Release]]]  # of a component, as `core.ports.Source.releases`

_AWAY = (
    "Failed to fetch", "error sending request", "Could not connect", "timed out", "dns error",
    "HTTP status server error",
)  # fmt: skip
_DECORATION = ("Using Python", "Resolved", "warning:")
_ELSEWHERE = "A compatible version may be available on a subsequent index"
_NO_WHEEL = ("no usable wheels", "has no wheels", "building from source is disabled", "Building source distributions")


class NotPrepared(SurefootError):
    """An environment that cannot be had, in the resolver's own words.

    grade: FAILED when the requirements contradict each other, UNKNOWN when we cannot know (a source build, a Python
    that is not here). absent: what no index has, as `core.conflicts.absent` reads it.
    """

    def __init__(self, grade: Grade, why: str, *, absent: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.grade = grade
        self.why = why
        self.absent = absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """The program, where it asks, and how long one call may take (seconds).

    listed: the reader of releases that decides which of several indexes counts for a name; without it a name belongs
    to the first index that knows it. proven: lines of a lock that it agreed to, for a quarter of an hour. resolved:
    the resolver's answers, by all that it was asked, for five minutes: the next update has the same baseline.
    """

    path: str
    index: IndexSettings
    listed: Listed | None = None
    seconds: float = 300.0
    proven: TTLCache[str, str] = field(default_factory=lambda: TTLCache(10_000, 900.0))
    resolved: TTLCache[tuple[str, ...], str] = field(default_factory=lambda: TTLCache(200, 300.0))

    @property
    def mixes(self) -> bool:
        """Whether what it finds comes from several indexes and must be checked by `origins`."""
        return self.listed is not None and len(self.index.all) > 1

    async def run(self, folder: Path, *words: str) -> str:
        """One call in a neutral folder, so that no tree's settings are read. Its standard output.

        NotPrepared with the resolver's words; Transient when the index does not answer.
        """
        # uv hears of this by no variable of the environment.
        alone = ("--no-index",) if words[0] == "pip" and self.index.no_index else ()
        env = indexes.environment(self.index, indexes.FIRST_MATCH if self.mixes else indexes.FIRST_INDEX)
        process = await processes.start(self.path, *words, *alone, env=env, folder=folder)
        try:
            told, complaint = await processes.communicate(process, self.seconds)
        except TimeoutError as problem:
            raise Transient(f"uv {words[0]} did not end in {self.seconds:.0f} s") from problem
        if process.returncode != 0:
            raise _refusal(complaint.decode("utf-8", "replace"))
        return told.decode()


def find_uv(index: IndexSettings, listed: Listed | None = None) -> Uv:
    """The one beside our interpreter, else the one on PATH. listed: see `Uv`."""
    beside = Path(sys.executable).with_name("uv")
    path = str(beside) if beside.is_file() else shutil.which("uv")
    if path is None:
        raise ConfigProblem("uv is not installed, so no environment can be made", mend="`pip install uv`")
    return Uv(path=path, index=index, listed=listed)


def _refusal(complaint: str) -> NotPrepared | Transient:
    """Sort by what can be done next. The words are uv's; only its decoration is taken off."""
    words = in_plain_words(complaint)
    if any(mark in complaint for mark in _AWAY):
        return Transient(f"the package index does not answer: {words}")
    if any(mark in complaint for mark in _NO_WHEEL):
        return NotPrepared(Grade.UNKNOWN, f"a package is published as source only, and nothing is built here: {words}")
    if _ELSEWHERE in complaint:
        # The hint would send people to a strategy that mixes indexes.
        return NotPrepared(Grade.UNKNOWN, f"the index that counts lacks a version: {words.partition(' `')[0]}")
    if "No solution found" in complaint:
        short = conflicts.plain(words)
        return NotPrepared(Grade.FAILED, f"{short}. {words}" if short else words, absent=conflicts.absent(words))
    return NotPrepared(Grade.UNKNOWN, f"the environment cannot be made: {words}")


def in_plain_words(complaint: str) -> str:
    """uv's complaint as one paragraph of at most 1500 characters, without any login of an index."""
    lines = [line.strip() for line in complaint.splitlines() if not line.startswith(_DECORATION)]
    words = redact(" ".join(re.sub(r"^(error|cause|hint):\s*", "", line) for line in lines if line))
    return words if len(words) <= 1500 else words[:1500] + " …"


async def compile_bytecode(python: Path, folder: Path, seconds: float) -> None:
    """Compile all below folder, as a read-only environment cannot do it later.

    By the interpreter itself, isolated and without `site`: uv's own --compile-bytecode starts the new environment's
    interpreter, and that runs every line of a foreign .pth file, here, outside of any jail.
    """
    words = (str(python), "-I", "-S", "-m", "compileall", "-q", "-j", "2", str(folder))
    process = await processes.start(*words, env={}, listen=False)
    with contextlib.suppress(TimeoutError):
        await processes.communicate(process, seconds)  # not 0 when a file is no valid Python, as test data often is not
