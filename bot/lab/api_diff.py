"""What packages offer on both sides: read off their files in the jail, kept for other repositories, and asked for.

The reading is griffe's, in the jail as well: what it reads may be made to harm whoever reads it. A package in a given
version is read once, and known by the content of its files.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from bot.core.api import Api, Entry, Kind
from bot.core.compatibility import Seen
from bot.lab import learnt, questions
from bot.lab.environments import Environment, Interpreter
from bot.lab.installed import Installed
from bot.lab.jobs import Reason
from bot.lab.learnt import Learnt
from bot.lab.questions import Seat
from bot.lab.workbench import Workbench

_LAYOUT = "1"  # part of every key: raise it when summaries are made or written differently
_MOST_NAMES = 150_000
_READING_SECONDS, _ASKING_SECONDS = 60.0, 60.0
# What is asked travels as one argument, of which the kernel takes 128 KiB.
_MOST_ASKED, _LONGEST, _MOST_TOPS = 400, 200, 400
_OLDEST_READER = (3, 11)  # what griffe runs on


class Summary(msgspec.Struct, frozen=True):
    """All names of one distribution, as the reader in the jail hands them over."""

    names: dict[str, Entry]
    missed: list[str] = []
    cut: bool = False


_TOO_MUCH = b'{"names":{},"cut":true}'
_SUMMARIES = msgspec.json.Decoder(Summary)
_ANSWERS = msgspec.json.Decoder(tuple[str, Seen])


async def read(
    bench: Workbench, store: Learnt, environment: Environment, dists: Sequence[Installed]
) -> tuple[Api, tuple[str, ...]]:
    """The names of these distributions together, and what could not be read of them. OutOfTime.

    Where the files do not tell (compiled modules, what is built while it is imported, what the reader fails on), a
    module is marked as one that may have more names.
    """
    notes: list[str] = []
    names: dict[str, Entry] = {}
    for dist in dists:
        found = await _of_one(bench, store, environment, dist)
        blind = found is None or found.cut
        if blind:
            notes.append(f"{dist.name} {dist.version} could not be read whole: it was asked while running only")
        names |= _shelter(dist, blind)
        if found is not None and not found.cut:
            names |= await asyncio.to_thread(_own, found, dist)
            names |= _unread(names, dist)
    return names, tuple(notes)


def _shelter(dist: Installed, blind: bool) -> dict[str, Entry]:
    """Every module that is there, and the namespaces above, which may have more names than anybody can read."""
    made: dict[str, Entry] = {}
    for module in dist.modules | dist.compiled:
        above = module.split(".")
        for place in range(1, len(above)):
            made.setdefault(".".join(above[:place]), Entry(kind=Kind.MODULE, lazy=True))
    made |= {module: Entry(kind=Kind.MODULE, lazy=blind) for module in dist.modules}
    return made | {module: Entry(kind=Kind.MODULE, lazy=True) for module in dist.compiled}


def _own(found: Summary, dist: Installed) -> Mapping[str, Entry]:
    """Without what other distributions put into a namespace that they share with this one."""
    if all(top in dist.modules for top in dist.tops):
        return found.names
    return {name: entry for name, entry in found.names.items() if dist.owns(tuple(name.split(".")))}


def _unread(names: Mapping[str, Entry], dist: Installed) -> dict[str, Entry]:
    """Modules whose files the reader passed over, as those of tests: nothing is known of what is in them."""
    held = {name.rpartition(".")[0] for name in names}
    empty = (module for module in dist.modules if module not in held and names[module].kind is Kind.MODULE)
    return {module: Entry(kind=Kind.MODULE, lazy=True) for module in empty}


async def _of_one(bench: Workbench, store: Learnt, environment: Environment, dist: Installed) -> Summary | None:
    """None where it cannot be read at all."""
    python = _reader(environment)
    digest = await asyncio.to_thread(learnt.digest_of, [dist.site / path for path in dist.sources])
    griffe = importlib.metadata.version("griffelib")
    minor = ".".join(python.version.split(".")[:2])
    key = learnt.key_of("api", _LAYOUT, griffe, minor, dist.name, dist.version, digest)
    if (known := await asyncio.to_thread(_summary, store.recall(key))) is not None:
        return known
    bench.say(f"reading {dist.name} {dist.version}")
    data = await _asked(bench, environment, python, dist)
    found = await asyncio.to_thread(_summary, data)
    if data is not None and found is not None:
        store.remember(key, data)
    return found


async def _asked(bench: Workbench, environment: Environment, python: Interpreter, dist: Installed) -> bytes | None:
    griffe = _griffe()
    ran = await questions.ask(
        bench,
        "surefoot_names_static",
        {"site": str(dist.site), "tops": dist.tops[:_MOST_TOPS], "paths": [str(griffe.parent)], "most": _MOST_NAMES},
        Seat(python=(str(python.path), "-I", "-S"), visible=(environment.folder, python.prefix, griffe)),
        seconds=_READING_SECONDS,
    )
    if ran.reason is Reason.FINISHED and ran.code == 0 and ran.results is not None:
        return ran.results
    # What is too much for it today is too much tomorrow; what was cut short by the budget may not be.
    too_much = ran.reason is not Reason.BROKEN and (ran.reason is not Reason.TIMEOUT or ran.seconds >= _READING_SECONDS)
    return _TOO_MUCH if too_much else None


def _griffe() -> Path:
    """Where it lies; it is never imported here."""
    spec = importlib.util.find_spec("griffe")
    assert spec is not None and spec.origin is not None, "griffelib is one of our own requirements"
    return Path(spec.origin).resolve().parent


def _reader(environment: Environment) -> Interpreter:
    """The environment's own Python, which knows its packages' grammar; ours where griffe cannot run on that one."""
    version = tuple(int(part) for part in environment.interpreter.version.split(".")[:2])
    return environment.interpreter if version >= _OLDEST_READER else questions.ours()


def _summary(data: bytes | None) -> Summary | None:
    try:
        return _SUMMARIES.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def seen(
    bench: Workbench, store: Learnt, environment: Environment, names: Iterable[str]
) -> tuple[Mapping[str, Seen], str]:
    """What the running packages of one side answer, and why not all of them did, "" if they did. OutOfTime."""
    every = sorted(dict.fromkeys(name for name in names if name))
    asked = [name for name in every if len(name) <= _LONGEST][:_MOST_ASKED]
    more = f"only {len(asked)} of {len(every)} names in doubt were asked for" if len(every) > len(asked) else ""
    if not asked:
        return {}, more
    key = learnt.key_of("seen", _LAYOUT, environment.key, bench.host.isolation, *asked)
    known = _answers(store.recall(key), asked)
    if len(known) == len(asked):
        return known, more
    bench.say(f"asking for {len(asked)} names")
    ran = await questions.ask(
        bench,
        "surefoot_names_seen",
        {"names": asked},
        Seat(
            python=(str(environment.folder / "bin" / "python"),),
            visible=environment.visible,
            env=environment.variables,
        ),
        seconds=_ASKING_SECONDS,
    )
    found = _answers(ran.results, asked)
    if len(found) == len(asked):
        store.remember(key, ran.results or b"")
        return found, more
    return found, f"{len(asked) - len(found)} names in doubt were not answered ({ran.reason})"


def _answers(data: bytes | None, asked: Sequence[str]) -> dict[str, Seen]:
    """Line by line; who writes other lines than ours has not answered."""
    wanted, found = set(asked), dict[str, Seen]()
    for line in (data or b"").splitlines():
        try:
            name, answer = _ANSWERS.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, json.JSONDecodeError):
            continue
        if name in wanted:
            found.setdefault(name, answer)
    return found
