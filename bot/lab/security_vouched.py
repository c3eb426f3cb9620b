"""Who vouches for the very files that an update installs, verified, and compared with the files that they replace."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TypeVar

import msgspec
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from bot.core import trust, vouching
from bot.core.attestations import Answer, Heard, Standing, Told, compare, worst
from bot.core.errors import SurefootError
from bot.core.quoting import code
from bot.lab import origins
from bot.lab.learnt import Learnt, key_of
from bot.lab.ready import NPM, PYPI
from bot.lab.security_lock import Change, Sides
from bot.lab.vouched import verifying
from bot.lab.vouched.registries import File, Registries, Unasked, sha512_of
from bot.lab.vouched.verifying import Trust
from bot.lab.workbench import OutOfTime, Workbench

MOST = 60  # packages of one update that are asked for, those that it is about first
_SECONDS = 60.0
T = TypeVar("T")
_LAYOUT = "1"  # part of every key: raise it when something is verified or judged differently
_KEPT = frozenset({Standing.VERIFIED, Standing.NONE, Standing.WRONG})  # nobody can attest a file of an index later
# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_ANSWERS = msgspec.json.Decoder(Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One side of a change. bound: what binds its content, as the lock has it."""

    name: str
    version: str
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What is to be said: (name, sentence, what it means). Of those asked for: how many are verified, and how many have
    none. left_out: how many were not asked for.
    """

    told: tuple[tuple[str, str, Told], ...] = ()
    asked: int = 0
    verified: int = 0
    without: int = 0
    left_out: int = 0


def registries(bench: Workbench) -> Registries:
    """Whom to ask: one for all questions of an examination, so that nothing is asked twice."""
    assert bench.fetching is not None, "who calls has looked"
    given = bench.fetching
    return Registries(http=given.room.http, index=bench.uv.index, npm=given.npm, keys=given.keys)


def pairs(bench: Workbench, changes: Sequence[Change]) -> tuple[list[tuple[Package | None, Package]], int]:
    """What comes, each with what it takes the place of, if anything; and how many more there are than are asked for."""
    meant = {part.name for part in bench.trial.components}
    coming = sorted((one for one in changes if one.after), key=lambda one: one.name not in meant)
    asked = [(_package(one, one.before) if one.before else None, _package(one, one.after)) for one in coming[:MOST]]
    return asked, len(coming) - len(asked)


async def examine(
    bench: Workbench, sides: Sides, changes: Sequence[Change], learnt: Learnt, asked: Registries | None = None
) -> Vouched:
    """What the attestations of these come to. Unverified where this machine cannot do it; OutOfTime.

    What could not be asked for or looked at is an answer of its own (UNKNOWN), and is not kept. asked: by `registries`.
    """
    if sides.ecosystem not in (PYPI, NPM) or bench.fetching is None:
        return Vouched()
    by = await asyncio.to_thread(verifying.trust, bench.fetching.root)
    both, left_out = pairs(bench, changes)
    wanted = [one for pair in both for one in pair if one is not None]
    answers = await _answers(bench, sides, wanted, _With(by=by, learnt=learnt, asked=asked or registries(bench)))
    told, known = [], {part.component.name for part in bench.trial.parts if any(map(trust.about_source, part.gates))}
    for before, after in both:
        if said := compare(answers[before] if before else None, answers[after]):
            # What was lost of it was asked of a person when the version was chosen: once is enough.
            asks = said.asks and (after.name not in known or answers[after].standing is Standing.UNKNOWN)
            title = f"{code(f'{after.name} {after.version}')} {said.why}"
            told.append((after.name, title, replace(said, asks=asks)))
    counted = Counter(answers[after].standing for _, after in both)
    return Vouched(
        told=tuple(told), asked=len(both), verified=counted[Standing.VERIFIED], without=counted[Standing.NONE],
        left_out=left_out,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _With:
    """By what it is verified, what is known already, and who is asked for the rest."""

    by: Trust
    learnt: Learnt
    asked: Registries


def _package(change: Change, line: str) -> Package:
    if line.startswith(f"{change.name}@"):  # of npm; a version of Python's has no such sign
        return Package(name=change.name, version=line.partition(" ")[0][len(change.name) + 1 :], bound=line)
    return Package(name=change.name, version=origins.name_and_version(line.split(" --hash=")[0])[1], bound=line)


async def _answers(bench: Workbench, sides: Sides, wanted: Sequence[Package], given: _With) -> Mapping[Package, Answer]:
    keys = await asyncio.to_thread(lambda: {one: _key(bench, sides, one, given.by) for one in wanted})
    found = await asyncio.to_thread(_recalled, given.learnt, keys)
    missing = [one for one in keys if one not in found]
    if not missing:
        return found
    bench.say("asking who vouches for what changed")
    fresh = await _fresh(bench, sides, missing, given)
    kept = {keys[one]: msgspec.json.encode(answer) for one, answer in fresh.items() if answer.standing in _KEPT}
    for key, data in kept.items():
        await asyncio.to_thread(given.learnt.remember, key, data)
    return {**found, **fresh}


def _key(bench: Workbench, sides: Sides, one: Package, by: Trust) -> str:
    """The hashes of the lock bind the content; interpreter and machine say which of the files is installed."""
    here = (sides.ecosystem, sides.after.interpreter.version, platform.system(), platform.machine())
    return key_of("vouched", _LAYOUT, *here, by.key, *places(bench, sides, one), one.name, one.version, one.bound)


def places(bench: Workbench, sides: Sides, one: Package) -> tuple[str, ...]:
    """Who is asked (blocking). That settings cannot be read is said when they are needed."""
    assert bench.fetching is not None, "who calls has looked"
    with contextlib.suppress(SurefootError):
        return (bench.fetching.npm().of(one.name),) if sides.ecosystem == NPM else bench.uv.index.all
    return ()


def _recalled(learnt: Learnt, keys: Mapping[Package, str]) -> dict[Package, Answer]:
    found = {}
    for one, key in keys.items():
        with contextlib.suppress(msgspec.DecodeError):  # of an older form, or cut off
            if (data := learnt.recall(key)) is not None:
                found[one] = _ANSWERS.decode(data)
    return found


async def in_time(
    bench: Workbench, ask: Callable[[Package], Coroutine[None, None, T | Answer]], wanted: Sequence[Package]
) -> Sequence[T | Answer]:
    """What comes of asking for these, side by side; UNKNOWN of all where it takes too long. OutOfTime."""
    left = bench.budget.left()
    try:
        async with asyncio.timeout(min(left, _SECONDS)):
            return await asyncio.gather(*map(ask, wanted))
    except TimeoutError:
        if left < _SECONDS:
            raise OutOfTime from None
        return [Answer(standing=Standing.UNKNOWN, why=f"there was no answer in {_SECONDS:.0f} s")] * len(wanted)


async def _fresh(bench: Workbench, sides: Sides, wanted: Sequence[Package], given: _With) -> dict[Package, Answer]:
    """Asked side by side, and verified in one jail."""
    ask = _of_npm if sides.ecosystem == NPM else _of_python(sides.after.interpreter.version)
    published = await in_time(bench, partial(ask, given.asked), wanted)
    files = {one: found for one, found in zip(wanted, published, strict=True) if not isinstance(found, Answer)}
    every = [file for found in files.values() for file in found]
    heard = dict(zip(map(id, every), await verifying.heard(bench, every, given.by), strict=True))
    judged = {
        one: worst([_judged(one, file, heard[id(file)], sides.ecosystem) for file in found])
        for one, found in files.items()
    }
    return {**judged, **{one: found for one, found in zip(wanted, published, strict=True) if isinstance(found, Answer)}}


def _judged(one: Package, file: File, heard: Sequence[Heard], ecosystem: str) -> Answer:
    if ecosystem == NPM:
        return vouching.of_npm((one.name, one.version), file.digest, heard, trusted=file.trusted)
    publishers = (attestation.publisher for attestation in file.attestations)
    return vouching.of_python(file.filename, file.digest, list(zip(publishers, heard, strict=True)))


async def _of_npm(asked: Registries, one: Package) -> tuple[File, ...] | Answer:
    """A package that is not of the registry, or is bound by an old hash alone, is nobody's to vouch for."""
    digests = sha512_of(one.bound)
    try:
        return tuple([await asked.of_npm(one.name, one.version, digest) for digest in digests])
    except (Unasked, UnicodeError) as problem:  # a lock may hold any name
        return Answer(standing=Standing.UNKNOWN, why=f"the registry did not say: {problem}")


def _of_python(version: str) -> Callable[[Registries, Package], Coroutine[None, None, tuple[File, ...] | Answer]]:
    """Asks for the wheels that this Python may have been given; which of them it was is nobody's word to take."""
    tags = _tags(version)

    def fits(filename: str) -> bool:
        try:
            return not tags or not tags.isdisjoint(parse_wheel_filename(filename)[3])
        except InvalidWheelFilename:
            return False

    async def ask(asked: Registries, one: Package) -> tuple[File, ...] | Answer:
        try:
            return await asked.of_python(one.name, one.bound.split(" --hash=")[1:], fits)
        except (Unasked, UnicodeError) as problem:
            return Answer(standing=Standing.UNKNOWN, why=f"the index did not say: {problem}")

    return ask


def _tags(version: str) -> frozenset[Tag]:
    """Of the wheels that a CPython of this version takes on this machine; none where the version does not tell."""
    if not (found := re.match(r"(\d+)\.(\d+)", version)):
        return frozenset()
    python = (int(found[1]), int(found[2]))
    every = (cpython_tags(python), compatible_tags(python, interpreter=f"cp{found[1]}{found[2]}"))
    return frozenset(chain.from_iterable(every))
