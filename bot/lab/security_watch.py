"""Imports the changed distributions of both sides in the jail and says what that newly reaches for."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.core.artifacts import Found
from bot.core.artifacts_deeds import Deed, behaviour, unwatched
from bot.lab import sandbox
from bot.lab.inside.surefoot_watch import MOST_NAMES
from bot.lab.jobs import Job, Ran, Reason
from bot.lab.learnt import Learnt, key_of
from bot.lab.ready import Environment
from bot.lab.security_lock import Sides
from bot.lab.workbench import Workbench

START = ""  # the name under which stands what the mere start of Python does
_SECONDS = 120.0
_LAYOUT = "1"  # part of every key: raise it when something is watched or judged differently
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


async def compare(bench: Workbench, sides: Sides, names: Sequence[str], learnt: Learnt) -> Watched:
    """Import these on both sides, each distribution in a process of its own. Unwatched; OutOfTime."""
    looked_at, left_out = tuple(names[:MOST_NAMES]), tuple(names[MOST_NAMES:])
    key = key_for(bench, sides, looked_at)
    seen = await asyncio.to_thread(_recalled, learnt, key)
    if seen is None:
        bench.say("watching what importing the packages does")
        seen = _told(*await _both(bench, sides, looked_at))
        await asyncio.to_thread(learnt.remember, key, msgspec.json.encode(seen))
    return Watched(found=seen.found, unwatched=seen.unwatched, left_out=left_out)


def key_for(bench: Workbench, sides: Sides, names: Sequence[str]) -> str:
    """Under what it is kept: what importing does depends on all that is installed beside it."""
    return key_of(_LAYOUT, sides.before.key, sides.after.key, bench.host.isolation, *names)


def _recalled(learnt: Learnt, key: str) -> _Seen | None:
    with contextlib.suppress(msgspec.DecodeError):
        if (data := learnt.recall(key)) is not None:
            return _SEEN.decode(data)
    return None


def _told(before: Mapping[str, list[Deed]], after: Mapping[str, list[Deed]]) -> _Seen:
    found = {name: some for name in after if (some := behaviour(name, before, after))}
    return _Seen(found=found, unwatched=tuple(unwatched(before, after)))


async def _both(
    bench: Workbench, sides: Sides, names: Sequence[str]
) -> tuple[dict[str, list[Deed]], dict[str, list[Deed]]]:
    """Side by side. Where one goes wrong the other is waited for, so that nothing runs behind our back."""
    runs = (_imported(bench, one, names) for one in (sides.before, sides.after))
    before, after = await asyncio.gather(*runs, return_exceptions=True)
    for problem in (before, after):
        if isinstance(problem, BaseException):
            raise problem
    assert not isinstance(before, BaseException) and not isinstance(after, BaseException)
    return before, after


async def _imported(bench: Workbench, there: Environment, names: Sequence[str]) -> dict[str, list[Deed]]:
    """Without the tree, and without CI in the environment: many a thief stays quiet where it sees that."""
    watch = str(_INSIDE / "surefoot_watch.py")
    job = Job(
        command=(str(there.programs / "python"), "-I", "-S", watch, json.dumps({"names": list(names)})),
        visible=(*there.visible, _INSIDE),
        env={"PATH": there.variables["PATH"], "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        limits=bench.limits(_SECONDS),
    )
    return await asyncio.to_thread(_read, await sandbox.run(job, bench.host), names)


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
