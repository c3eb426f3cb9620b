"""What the packages of one side give when they are loaded in the jail; what one version gives is asked once for all.

A package is loaded from a folder that is empty but for the packages, so that what it gives hangs on it and on what it
loads in its turn, and on no repository.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bot.core.modules import Loaded
from bot.lab import learnt, sandbox
from bot.lab.jobs import Job
from bot.lab.learnt import Learnt
from bot.lab.ready import INSIDE, Environment
from bot.lab.scripting import packages
from bot.lab.scripting.packages import Bounds
from bot.lab.workbench import Workbench

_LAYOUT = "1"  # part of every key: raise it when packages are asked or described differently
# What is asked travels as one argument, of which the kernel takes 128 KiB.
_MOST_ASKED, _LONGEST = 120, 400
_EACH_SECONDS, _ALL_SECONDS, _GRACE = 15, 90, 10
_PROGRAM = str(INSIDE / "surefoot_scripts_seen.cjs")


class _Part(msgspec.Struct, frozen=True):
    text: str


class _Gathered(msgspec.Struct, frozen=True):
    """As `surefoot_node.cjs` hands over what lies at the place of the results."""

    parts: list[_Part]


_GATHERED = msgspec.json.Decoder(_Gathered)
_ONE = msgspec.json.Decoder(Loaded)
_LINES = msgspec.json.Decoder(tuple[int, Loaded])


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Ask:
    """One question. base: the folder of the tree from which it is loaded; package: whose specifier it is."""

    base: str
    how: str
    specifier: str
    package: str


async def answers(
    bench: Workbench, store: Learnt, environment: Environment, bounds: Bounds, asks: Sequence[Ask]
) -> tuple[dict[Ask, Loaded], str]:
    """What came of each, and why not all were answered, "" if they were. OutOfTime."""
    asked = [ask for ask in asks if len(ask.base) + len(ask.specifier) <= _LONGEST][:_MOST_ASKED]
    keys = await asyncio.to_thread(_keys, bench, environment, bounds, asked)
    found = {ask: one for ask in asked if (one := _recalled(store, keys[ask])) is not None}
    open_ones = [ask for ask in asked if ask not in found]
    if open_ones:
        bench.say(f"loading {len(open_ones)} modules")
        fresh = await _loaded(bench, environment, open_ones)
        for ask, one in fresh.items():
            store.remember(keys[ask], msgspec.json.encode(one))
        found |= fresh
    missing = len(asks) - len(found)
    return found, f"{missing} of {len(asks)} modules that are used were not loaded" if missing else ""


def _recalled(store: Learnt, key: str) -> Loaded | None:
    try:
        return _ONE.decode(store.recall(key) or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _keys(bench: Workbench, environment: Environment, bounds: Bounds, asks: Sequence[Ask]) -> dict[Ask, str]:
    """By what is loaded, where that can be told; else by the whole environment."""
    bound: dict[tuple[str, str], str] = {}
    for ask in asks:
        place = (ask.base, ask.package)
        if place not in bound:
            bound[place] = packages.closure(environment, bounds, *place) or f"{environment.key} {ask.base}"
    return {
        ask: learnt.key_of(
            "script", _LAYOUT, bench.host.isolation, environment.interpreter.version, bound[ask.base, ask.package],
            ask.how, ask.specifier,
        )
        for ask in asks
    }  # fmt: skip


async def _loaded(bench: Workbench, environment: Environment, asks: Sequence[Ask]) -> dict[Ask, Loaded]:
    """Line by line; who writes other lines than ours has not answered."""
    limits = bench.limits(_ALL_SECONDS)
    told = [{"base": ask.base, "how": ask.how, "specifier": ask.specifier} for ask in asks]
    words = json.dumps(
        {"asks": told, "seconds": _EACH_SECONDS, "altogether": max(limits.seconds - _GRACE, limits.seconds / 2)}
    )
    job = Job(
        command=(*environment.starter, str(environment.interpreter.path), _PROGRAM, words),
        visible=tuple(dict.fromkeys((*environment.visible, INSIDE))),
        placed=environment.placed,
        env=environment.variables,
        limits=limits,
        roomy=environment.roomy,
    )
    ran = await sandbox.run(job, bench.host)
    found: dict[Ask, Loaded] = {}
    for line in _text(ran.results).splitlines():
        try:
            place, one = _LINES.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if 0 <= place < len(asks):
            found.setdefault(asks[place], one)
    return found


def _text(results: bytes | None) -> str:
    try:
        return _GATHERED.decode(results or b"").parts[-1].text
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError):
        return ""
