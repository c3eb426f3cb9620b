"""Imports or loads the changed packages of both sides in the jail and says what that newly reaches for."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.core.artifacts import Found
from bot.core.artifacts_deeds import IMPORTED, Deed, behaviour, unwatched
from bot.lab import sandbox, security_load
from bot.lab.inside.surefoot_watch import MOST_NAMES
from bot.lab.jobs import Job, Limits, Ran, Reason
from bot.lab.learnt import Learnt, key_of
from bot.lab.ready import NPM, Environment
from bot.lab.security_lock import Change, Sides
from bot.lab.workbench import Workbench

START = ""  # the name under which stands what the mere start of the language does
_SECONDS = 120.0
_LAYOUT = "3"  # part of every key: raise it when something is watched or judged differently
_INSIDE = Path(__file__).resolve().parent / "inside"

# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_DEEDS = msgspec.json.Decoder(dict[str, list[Deed]])


class _Seen(msgspec.Struct):
    found: dict[str, tuple[Found, ...]]
    unwatched: tuple[str, ...] = ()


_SEEN = msgspec.json.Decoder(_Seen)


class Unwatched(Exception):
    """What importing does could not be seen; says why in words that may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What importing newly tries, by distribution and under START. unwatched: modules that could not be imported."""

    found: Mapping[str, tuple[Found, ...]]
    unwatched: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


async def compare(bench: Workbench, sides: Sides, changes: Sequence[Change], learnt: Learnt) -> Watched:
    """Import or load these on both sides, each package in a process of its own. Unwatched; OutOfTime."""
    there = [change for change in changes if change.after and _is_there(sides, change)]
    looked_at, left_out = there[:MOST_NAMES], tuple(change.label for change in there[MOST_NAMES:])
    key = key_for(bench, sides, [change.label for change in looked_at])
    seen = await asyncio.to_thread(_recalled, learnt, key)
    if seen is None:
        bench.say("watching what importing the packages does")
        seen = _told(
            *await _both(bench, sides, looked_at), IMPORTED if sides.ecosystem != NPM else security_load.MOMENT
        )
        await asyncio.to_thread(learnt.remember, key, msgspec.json.encode(seen))
    return Watched(found=seen.found, unwatched=seen.unwatched, left_out=left_out)


def _is_there(sides: Sides, change: Change) -> bool:
    """A package for another system is in the lock of npm and not on the disk."""
    return not change.now or (sides.after.folder / sides.after.where / change.now).is_dir()


def key_for(bench: Workbench, sides: Sides, names: Sequence[str]) -> str:
    """Under what it is kept: what importing does depends on all that is installed beside it."""
    return key_of(_LAYOUT, sides.before.key, sides.after.key, bench.host.isolation, *names)


def _recalled(learnt: Learnt, key: str) -> _Seen | None:
    with contextlib.suppress(msgspec.DecodeError):
        if (data := learnt.recall(key)) is not None:
            return _SEEN.decode(data)
    return None


def _told(before: Mapping[str, list[Deed]], after: Mapping[str, list[Deed]], moment: str) -> _Seen:
    found = {name: some for name in after if (some := behaviour(name, before, after, moment))}
    return _Seen(found=found, unwatched=tuple(unwatched(before, after)))


async def _both(
    bench: Workbench, sides: Sides, changes: Sequence[Change]
) -> tuple[dict[str, list[Deed]], dict[str, list[Deed]]]:
    """Side by side. Where one goes wrong the other is waited for, so that nothing runs behind our back."""
    was = [(change.label, change.name, change.was) for change in changes if change.before]
    now = [(change.label, change.name, change.now) for change in changes]
    runs = (_imported(bench, sides.before, was), _imported(bench, sides.after, now))
    before, after = await asyncio.gather(*runs, return_exceptions=True)
    for problem in (before, after):
        if isinstance(problem, BaseException):
            raise problem
    assert not isinstance(before, BaseException) and not isinstance(after, BaseException)
    return before, after


async def _imported(
    bench: Workbench, there: Environment, targets: Sequence[security_load.Target]
) -> dict[str, list[Deed]]:
    of = security_load.job if there.ecosystem == NPM else _job
    names = [label for label, _, _ in targets]
    return await asyncio.to_thread(
        _read, await sandbox.run(of(there, targets, bench.limits(_SECONDS)), bench.host), names
    )


def _job(there: Environment, targets: Sequence[security_load.Target], limits: Limits) -> Job:
    """Without the tree, and without CI in the environment: many a thief stays quiet where it sees that."""
    watch, names = str(_INSIDE / "surefoot_watch.py"), [name for _, name, _ in targets]
    return Job(
        command=(str(there.programs / "python"), "-I", "-S", watch, json.dumps({"names": names})),
        visible=(*there.visible, _INSIDE),
        env={"PATH": there.variables["PATH"], "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        limits=limits,
    )


def _read(ran: Ran, names: Sequence[str]) -> dict[str, list[Deed]]:
    """A claim of foreign code. Of whom nothing at all is told, nothing is known."""
    if ran.reason is not Reason.FINISHED or not ran.results:
        raise Unwatched(f"the watched run was ended ({ran.reason.value}, exit code {ran.code})")
    try:
        told = _DEEDS.decode(ran.results)
    except msgspec.DecodeError as problem:
        raise Unwatched("what the watched run handed over makes no sense") from problem
    if not {START, *names} <= told.keys():
        raise Unwatched("the watched run says nothing of some packages")
    return {name: told[name] for name in (START, *names)}
