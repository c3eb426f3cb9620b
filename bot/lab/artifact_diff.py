"""What changed inside the packages of an environment: read in a jail, told by `core.artifacts`, learnt once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.core.artifacts import Contents, Found, differences
from bot.core.artifacts_built import TONGUES
from bot.core.quoting import code
from bot.lab import sandbox
from bot.lab.jobs import Job, Ran, Reason
from bot.lab.learnt import Learnt, key_of
from bot.lab.ready import PYPI, Interpreter
from bot.lab.security_lock import Change, Lock, Sides
from bot.lab.workbench import Workbench

News = dict[str, tuple[Found, ...]]  # what is new, by package

MOST_NAMES = 200  # distributions of one update that are looked into
STRAYS = ""  # the name under which stands what belongs to no single distribution
_SECONDS = 180.0
_LAYOUT = "5"  # part of every key: raise it when something is read or judged differently
_INSIDE = Path(__file__).resolve().parent / "inside"
_ROOT = str(Path(__file__).resolve().parents[2])
# Below the root only that one folder is seen, so that nothing else of ours is there to be imported.
_START = f"import sys; sys.path.insert(0, {_ROOT!r}); from bot.lab.inside.surefoot_watch_packages import main; main()"


class _Both(msgspec.Struct):
    before: Contents | None
    after: Contents | None


class _Shared(msgspec.Struct):
    path: str
    owners: list[str]


class _Whole(msgspec.Struct):
    shared: list[_Shared]
    strays: _Both


class _Facts(msgspec.Struct):
    packages: dict[str, _Both]
    whole: _Whole | None = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_FACTS = msgspec.json.Decoder(_Facts)
_FOUND = msgspec.json.Decoder(tuple[Found, ...])


class Unread(Exception):
    """The packages could not be read; says why in words that may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What is new, by distribution, and under STRAYS what belongs to none. known: how many were learnt before."""

    found: Mapping[str, tuple[Found, ...]]
    known: int = 0
    left_out: tuple[str, ...] = ()


async def compare(bench: Workbench, sides: Sides, changes: Sequence[Change], learnt: Learnt) -> Looked:
    """What is new in these packages. Unread when the jail gives no answer; OutOfTime."""
    looked_at, left_out = changes[:MOST_NAMES], changes[MOST_NAMES:]
    keys = keys_of(sides, looked_at)
    found = await asyncio.to_thread(_recalled, learnt, keys)
    known = len(found)
    if wanted := [name for name in keys if name not in found]:
        bench.say("reading what changed inside the packages")
        by_label = {change.label: change for change in looked_at}
        fresh = await (_look if sides.ecosystem == PYPI else _look_placed)(bench, sides, wanted, by_label)
        await asyncio.to_thread(_remember, learnt, keys, fresh)
        found |= fresh
    return Looked(found=found, known=known, left_out=tuple(change.label for change in left_out))


def keys_of(sides: Sides, changes: Sequence[Change]) -> dict[str, str]:
    """Under what each is kept. The hashes in the lock bind the content; the interpreter and the machine say which of
    the files is installed. What belongs to no distribution is bound by both environments.
    """
    here = (sides.ecosystem, sides.after.interpreter.version, platform.system(), platform.machine())
    keys = {change.label: key_of(_LAYOUT, *here, change.name, change.before, change.after) for change in changes}
    if sides.ecosystem == PYPI:
        keys[STRAYS] = key_of(_LAYOUT, sides.before.key, sides.after.key)
    return keys


def _recalled(learnt: Learnt, keys: Mapping[str, str]) -> dict[str, tuple[Found, ...]]:
    found = {}
    for name, key in keys.items():
        with contextlib.suppress(msgspec.DecodeError):  # of an older form, or cut off
            if (data := learnt.recall(key)) is not None:
                found[name] = _FOUND.decode(data)
    return found


def _remember(learnt: Learnt, keys: Mapping[str, str], found: Mapping[str, tuple[Found, ...]]) -> None:
    for name, some in found.items():
        learnt.remember(keys[name], msgspec.json.encode(some))


async def _look(bench: Workbench, sides: Sides, names: Sequence[str], changes: Mapping[str, Change]) -> News:
    before, after = sides.before.folder, sides.after.folder
    wanted = [name for name in names if name != STRAYS]
    plan = {"before": str(before), "after": str(after), "names": wanted, "whole": STRAYS in names}
    facts = await _facts(bench, plan, (before, after), sides.after.interpreter)
    nothing = _Both(None, None)
    found = {name: _of_one(facts.packages.get(name, nothing), changes[name]) for name in wanted}
    return found | ({STRAYS: _of_whole(facts.whole)} if facts.whole else {})


async def _look_placed(bench: Workbench, sides: Sides, names: Sequence[str], changes: Mapping[str, Change]) -> News:
    """A package for another system is in the lock and not on the disk; there is nothing to be read of it."""
    found = (changes[name] for name in names)
    packages = [
        (one.label, _side(sides.old, one.was, one.before), _side(sides.new, one.now, one.after)) for one in found
    ]
    roots = [str(one.folder / one.where) for one in (sides.before, sides.after)]
    plan = {"ecosystem": sides.ecosystem, "roots": roots, "packages": packages}
    facts = await _facts(bench, plan, (sides.before.folder, sides.after.folder), _ours())
    tongue = TONGUES[sides.ecosystem]
    return {name: differences(both.before, both.after, tongue) for name, both in facts.packages.items()}


def _side(lock: Lock, place: str, line: str) -> tuple[str, str, str]:
    """Where it lies, its digest, and its name with its version; of npm, what lies in it and is another package."""
    named, _, digest = line.partition(" --hash=")
    if "node_modules/" not in place:
        return place, digest, named
    # All of it is one argument of a process, which has a bound: a digest of npm's is of no use inside.
    inside = (one.place[len(place) + 1 :] for one in lock if one.place.startswith(f"{place}/node_modules/"))
    return place, "", "\n".join(inside)


def _ours() -> Interpreter:
    """The Python that runs us; where the packages are Node's, there may be no other."""
    path = Path(os.path.realpath(sys.executable))
    prefix = Path(os.path.realpath(sys.base_prefix))
    return Interpreter(path=path, version=platform.python_version(), prefix=prefix)


def _of_one(both: _Both, change: Change) -> tuple[Found, ...]:
    """What is missing is not known to be harmless; what differs under one version is not what was released."""
    if change.after and both.after is None:
        return (Found(rule="absent", why="is in the lock, and its record is not in the environment", asks=True),)
    found = differences(both.before, both.after)
    differs = both.before and both.after and [path for path, held in both.after.files.items() if held.changed]
    if change.same and differs:
        why = "has other files under the same version"
        return (Found(rule="swapped", why=why, place=differs[0], asks=True), *found)
    return found


def _of_whole(whole: _Whole) -> tuple[Found, ...]:
    """A file that two distributions write is the one's that was installed last; one in no record is nobody's."""
    twice = [
        Found(rule="overwrites", why=f"{_all(one.owners)} write the same file", place=one.path, asks=True)
        for one in whole.shared
    ]
    strays = [
        Found(rule=one.rule, why=f"a file that is in no record {one.why}", place=one.place, asks=one.asks)
        for one in differences(whole.strays.before, whole.strays.after)
    ]
    return (*twice, *strays)


def _all(names: Sequence[str]) -> str:
    return " and ".join(code(name) for name in names[:4])


async def _facts(
    bench: Workbench, plan: Mapping[str, object], folders: tuple[Path, ...], python: Interpreter
) -> _Facts:
    """Read in a jail: what parses hostile text may be broken by it."""
    job = Job(
        command=(str(python.path), "-I", "-S", "-c", _START, json.dumps(plan)),
        visible=tuple(dict.fromkeys((*folders, python.prefix, _INSIDE))),
        limits=bench.limits(_SECONDS),
    )
    ran = await sandbox.run(job, bench.host)
    if ran.reason is not Reason.FINISHED or ran.code != 0 or not ran.results:
        raise Unread(_why(ran))
    try:
        return await asyncio.to_thread(_FACTS.decode, ran.results)
    except msgspec.DecodeError as problem:
        raise Unread(f"what was read of them makes no sense: {code(str(problem))}") from problem


def _why(ran: Ran) -> str:
    if ran.reason is not Reason.FINISHED:
        return f"reading them was ended ({ran.reason.value})"
    return f"reading them failed: {code(ran.text.strip().rpartition(chr(10))[2] or f'exit code {ran.code}')}"
