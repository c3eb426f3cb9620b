"""Finds out which members of a failing group make it fail: smaller groups are tried, as far as the time allows."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core import bisecting
from bot.core.errors import SurefootError
from bot.core.model import Grade, Member, Simulation
from bot.core.ports import Lab, Manifest, Say, Trial, silent
from bot.core.rewriting import rewritten
from bot.core.suites import BESIDE, Asked

_MOST_BYTES = 4 << 20  # of a file that pins something
_LEAST_SECONDS = 5.0
_APART = "it did not fail for the whole group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisected:
    """guilty: the fewest members that still fail; empty where that could not be found out, and why then says so."""

    guilty: tuple[Member, ...] = ()
    why: str = ""


async def culprits(
    trial: Trial, failed: Simulation, lab: Lab, manifests: Mapping[str, Manifest], say: Say = silent
) -> Bisected:
    """Which of `trial.parts` make it fail, as `failed` tells that all of them do together.

    The trials take as long as one simulation may. Nothing is raised: what cannot be tried is said.
    """
    try:
        async with asyncio.timeout(trial.seconds):
            return await _searched(trial, failed, lab, manifests, say)
    except TimeoutError:
        return Bisected(why=f"the {trial.seconds:.0f} s for that were over")
    except SurefootError as problem:
        return Bisected(why=str(problem))


async def _searched(
    trial: Trial, failed: Simulation, lab: Lab, manifests: Mapping[str, Manifest], say: Say
) -> Bisected:
    began = time.monotonic()
    asked = replace(trial, suites=_again(trial, failed))
    search = bisecting.guilty(trial.parts)
    try:
        wanted = next(search)
        while True:
            say(f"trying {', '.join(part.component.name for part in wanted)} alone")
            left = trial.seconds - (time.monotonic() - began)
            if left < _LEAST_SECONDS:
                return Bisected(why=f"the {trial.seconds:.0f} s for that were over")
            grade = await _tried(replace(asked, seconds=left, parts=wanted), lab, manifests)
            if grade is Grade.UNKNOWN:
                names = ", ".join(part.component.name for part in wanted)
                return Bisected(why=f"how {names} does alone could not be found out")
            wanted = search.send(grade is Grade.FAILED)
    except StopIteration as end:
        return Bisected(guilty=end.value)


def _again(trial: Trial, failed: Simulation) -> Mapping[str, Asked]:
    """The suites that failed; what passed for all of them need not be asked again."""
    bad = {suite.kind for suite in failed.suites if suite.grade is Grade.FAILED}
    off = {kind: Asked(off=_APART) for kind in BESIDE if kind not in bad}
    return {**trial.suites, **off}


async def _tried(trial: Trial, lab: Lab, manifests: Mapping[str, Manifest]) -> Grade:
    """The base with the pins of these members alone."""
    with tempfile.TemporaryDirectory(prefix="surefoot-part-", ignore_cleanup_errors=True) as folder:
        candidate = Path(folder) / "candidate"
        await asyncio.to_thread(_lay_out, trial, manifests, candidate)
        return (await lab.simulate(replace(trial, candidate=candidate))).grade


def _lay_out(trial: Trial, manifests: Mapping[str, Manifest], candidate: Path) -> None:
    texts = {path: _text(trial.base, path) for path in _paths(trial.parts)}
    found = {path: text for path, text in texts.items() if text is not None}
    after = dict(found)
    for part in trial.parts:
        if part.release is not None:
            after |= rewritten(after, part.pins, part.release, manifests)
    shutil.copytree(trial.base, candidate, symlinks=True)
    for path, text in after.items():
        if text != found[path]:
            (candidate / path).write_bytes(text.encode())


def _paths(parts: Sequence[Member]) -> list[str]:
    return sorted({pin.path for part in parts for pin in part.pins})


def _text(tree: Path, name: str) -> str | None:
    """A plain file of the tree itself; whatever else bears that name pins nothing."""
    place = tree / name
    if place.is_symlink() or not place.is_file() or not place.resolve().is_relative_to(tree.resolve()):
        return None
    data = place.read_bytes() if place.stat().st_size <= _MOST_BYTES else b""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
