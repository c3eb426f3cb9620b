"""Finds out which members of a failing group make it fail: smaller groups are tried, as far as the budget allows."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.core import bisecting, locks
from bot.core.bisecting import Bisected
from bot.core.errors import ConfigProblem, Permanent, SurefootError, Transient
from bot.core.locks import Keeper
from bot.core.model import Grade, Isolation, Member, Simulation
from bot.core.ports import Lab, Manifest, Say, Trial, silent
from bot.core.quoting import code
from bot.core.rewriting import rewritten
from bot.core.suites import BESIDE, Asked
from bot.lab import chained
from bot.lab.hunting import Hunt

# Whole branches are tried there, in minutes that may be paid for: enough for one guilty member among sixteen.
MOST_DISPATCHES = 8
MOST_TRIALS = 64
_MOST_BYTES = 16 << 20  # of a file that pins or locks something
_MOST_WORDS = 300
_LEAST_SECONDS = 5.0
_APART = "it did not fail for the whole group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What smaller groups are made and tried with. keeper: who makes the lock files that must follow."""

    lab: Lab
    manifests: Mapping[str, Manifest]
    keeper: Keeper


async def culprits(trial: Trial, failed: Simulation, means: Means, say: Say = silent) -> Bisected:
    """Which of `trial.parts` make it fail, as `failed` tells that all of them do together.

    Locks and trials take as long as one simulation may, and where the repository's own Actions run them there are at
    most MOST_DISPATCHES. Nothing is raised: what cannot be tried is said.
    """
    search = _Search(trial=trial, failed=failed, means=means, say=say)
    hunt = Hunt(parts=trial.parts, fails=search.fails, stop=search.stop, unsure=search.unsure)
    try:
        async with asyncio.timeout(trial.seconds):
            return await hunt.run()
    except TimeoutError:
        return hunt.told(f"the {trial.seconds:.0f} s for that were over")
    except SurefootError as problem:
        return hunt.told(str(problem))


async def unlocked(parts: Sequence[Member], fails: Callable[[Sequence[Member]], Awaitable[bool]]) -> Bisected:
    """Which members of a group make it impossible to lock, where all of them together do. fails: tries some alone.

    Errors of `fails` are let through: an index that is away says nothing of anybody.
    """
    tries = 0

    def stop() -> str:
        nonlocal tries
        tries += 1
        return f"{MOST_TRIALS} smaller groups were tried, and that is the limit" if tries > MOST_TRIALS else ""

    return await Hunt(parts=tuple(parts), fails=fails, stop=stop).run()


@dataclass(slots=True, kw_only=True)
class _Search:
    """One search under way. unsure: why some could not be tried, with how many of them."""

    trial: Trial
    failed: Simulation
    means: Means
    say: Say
    unsure: list[tuple[int, str]] = field(default_factory=list)
    trials: int = 0
    began: float = field(default_factory=time.monotonic)

    def stop(self) -> str:
        """Why no more may be tried."""
        if self._left() < _LEAST_SECONDS:
            return f"the {self.trial.seconds:.0f} s for that were over"
        most = MOST_DISPATCHES if self.failed.isolation is Isolation.ACTIONS else MOST_TRIALS
        return f"{self.trials} smaller groups were tried, and that is the limit" if self.trials >= most else ""

    async def fails(self, parts: tuple[Member, ...]) -> bool | None:
        """The base with the steps of these members alone; None where that cannot be told."""
        self.say(f"trying {_names(parts)} alone")
        try:
            written = await self._written(parts)
        except (ConfigProblem, Permanent) as problem:
            self.unsure.append((len(parts), f"{_names(parts)} alone cannot be had: {str(problem)[:_MOST_WORDS]}"))
            return None
        tried = await self._tried(parts, written)
        fails = bisecting.fails_alike(self.failed, tried)
        if fails is None:
            self.unsure.append((len(parts), f"how {_names(parts)} does alone could not be found out"))
        return fails

    def _left(self) -> float:
        return self.trial.seconds - (time.monotonic() - self.began)

    async def _written(self, parts: Sequence[Member]) -> dict[str, str]:
        """The files that these steps change, path -> new text; also the lock files, made by their own tools."""
        base = self.trial.base
        texts = {path: _text(base, path) for path in sorted({pin.path for part in parts for pin in part.pins})}
        found = {path: text for path, text in texts.items() if text is not None}
        after = dict(found)
        for part in parts:
            if part.release is not None:
                after |= rewritten(after, part.pins, part.release, self.means.manifests)
        changed = {path: text for path, text in after.items() if text != found[path]}
        if not any(map(locks.may_be_bound, changed)):
            return changed
        files = await asyncio.to_thread(_files, base)

        async def read(path: str) -> str | None:
            return await asyncio.to_thread(_text, base, path)

        followed = await chained.followed(parts, changed, files, read, self.means.keeper)
        return {**changed, **followed.files}

    async def _tried(self, parts: tuple[Member, ...], written: Mapping[str, str]) -> Simulation:
        self.trials += 1
        with tempfile.TemporaryDirectory(prefix="surefoot-part-", ignore_cleanup_errors=True) as folder:
            candidate = Path(folder) / "candidate"
            await asyncio.to_thread(_lay_out, self.trial.base, written, candidate)
            asked = replace(
                self.trial,
                candidate=candidate,
                parts=parts,
                component=parts[0].component,
                suites=_again(self.trial, self.failed),
                seconds=max(_LEAST_SECONDS, self._left()),
                written=written,
            )
            return await self._in_its_turn(asked)

    async def _in_its_turn(self, asked: Trial) -> Simulation:
        """A runner that has no place says when to come again; to begin the whole search anew would cost it more."""
        while True:
            try:
                return await self.means.lab.simulate(asked)
            except Transient as busy:
                if busy.after is None or busy.after.total_seconds() > self._left() - _LEAST_SECONDS:
                    raise
                await asyncio.sleep(busy.after.total_seconds())
            asked = replace(asked, seconds=max(_LEAST_SECONDS, self._left()))


def _again(trial: Trial, failed: Simulation) -> Mapping[str, Asked]:
    """The suites that failed; what passed for all of them need not be asked again."""
    bad = {suite.kind for suite in failed.suites if suite.grade is Grade.FAILED}
    off = {kind: Asked(off=_APART) for kind in BESIDE if kind not in bad}
    return {**trial.suites, **off}


def _names(parts: Sequence[Member]) -> str:
    return ", ".join(code(part.component.name) for part in parts)


def _lay_out(base: Path, written: Mapping[str, str], candidate: Path) -> None:
    shutil.copytree(base, candidate, symlinks=True)
    for path, text in written.items():
        if _is_plain(candidate, path):
            (candidate / path).write_bytes(text.encode())


def _files(tree: Path) -> frozenset[str]:
    """The paths of all plain files of the tree."""
    found = [Path(folder, name) for folder, _, names in os.walk(tree) for name in names]
    return frozenset(path.relative_to(tree).as_posix() for path in found if not path.is_symlink())


def _is_plain(tree: Path, name: str) -> bool:
    """Whether it is a file of the tree itself; whatever else bears that name pins nothing."""
    place = tree / name
    return not place.is_symlink() and place.is_file() and place.resolve().is_relative_to(tree.resolve())


def _text(tree: Path, name: str) -> str | None:
    if not _is_plain(tree, name):
        return None
    place = tree / name
    data = place.read_bytes() if place.stat().st_size <= _MOST_BYTES else b""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
