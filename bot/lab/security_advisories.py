"""Asks for known flaws of every package of both locks, and tells what the update brings in and what it mends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core import advisories
from bot.core.advisories import Advisory
from bot.core.errors import SurefootError
from bot.core.model import Component, Grade, Priority
from bot.core.ports import Advisories
from bot.core.quoting import code
from bot.lab.security_installed import Lock
from bot.lab.workbench import OutOfTime, Workbench

_SECONDS = 60.0
_AT_A_TIME = 1000  # of what an adapter that joins questions would send as one


class Unasked(Exception):
    """What is known could not be asked for; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One advisory that stands on one side only. grade: what it makes of the update; PASSED where it is only told."""

    name: str
    version: str
    advisory: Advisory
    grade: Grade

    @property
    def words(self) -> str:
        """`name version`: the flaw, how grave it is, and what it is about."""
        about = f": {code(self.advisory.summary, most=120)}" if self.advisory.summary else ""
        flaw = f"{code(self.advisory.name)} ({advisories.severity(self.advisory)})"
        return f"{code(f'{self.name} {self.version}')} has the known flaw {flaw}{about}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the update changes about known flaws. before, after: how many stand against each lock.

    ended: (name, version, why) of what newly gets no more fixes.
    """

    brought: tuple[Flaw, ...]
    mended: tuple[Flaw, ...]
    before: int
    after: int
    ended: tuple[tuple[str, str, str], ...] = ()


async def compare(bench: Workbench, ecosystem: str, before: Lock, after: Lock) -> Known | None:
    """All packages of both locks. None where nobody is to be asked; Unasked when the answer cannot be had."""
    if bench.advisories is None:
        return None
    bench.say("asking for known flaws")
    versions = _versions(before, after)
    left = bench.budget.left()
    try:
        async with asyncio.timeout(min(left, _SECONDS)):
            told = await _asked(bench.advisories, ecosystem, versions)
    except TimeoutError as problem:
        if left < _SECONDS:
            raise OutOfTime from None
        raise Unasked(f"there was no answer in {_SECONDS:.0f} s") from problem
    except SurefootError as problem:
        raise Unasked(str(problem)) from problem
    had = {name for name, _, _ in _ended(before, told)}
    ended = tuple(one for one in _ended(after, told) if one[0] not in had)
    return replace(_known(_of(before, told), _of(after, told)), ended=ended)


def _versions(*locks: Lock) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for lock in locks:
        for one in lock:
            if one.version not in (listed := found.setdefault(one.name, [])):
                listed.append(one.version)
    return found


Told = Mapping[str, Mapping[str, Sequence[Advisory]]]


async def _asked(port: Advisories, ecosystem: str, versions: Mapping[str, list[str]]) -> Told:
    """All side by side, since an adapter joins what is asked together."""
    room = asyncio.Semaphore(_AT_A_TIME)

    async def one(name: str) -> Mapping[str, Sequence[Advisory]]:
        async with room:
            return await port.of(Component(name=name, ecosystem=ecosystem), versions[name])

    answers = await asyncio.gather(*(one(name) for name in versions), return_exceptions=True)
    found = {}
    for name, answer in zip(versions, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        if why := next((why for some in answer.values() if (why := advisories.unasked(some))), ""):
            raise Unasked(f"{code(name)}: {why}")
        found[name] = answer
    return found


# name -> version -> what stands against it; npm may install several of a name.
Standing = Mapping[str, Mapping[str, tuple[Advisory, ...]]]


def _of(lock: Lock, told: Told) -> Standing:
    found: dict[str, dict[str, tuple[Advisory, ...]]] = {}
    for one in lock:
        if known := advisories.standing(told[one.name].get(one.version, ())):
            found.setdefault(one.name, {})[one.version] = known
    return found


def _count(standing: Standing) -> int:
    return sum(len(some) for versions in standing.values() for some in versions.values())


def _minus(some: Standing, other: Standing) -> list[tuple[str, str, Advisory]]:
    """What stands here and against no version of the same name there, under whatever name it is known."""
    found = []
    for name, versions in some.items():
        others = [one for known in other.get(name, {}).values() for one in known]
        for version, known in versions.items():
            found += [(name, version, one) for one in advisories.mended(known, others)]
    return found


def _ended(lock: Lock, told: Told) -> list[tuple[str, str, str]]:
    found = ((one.name, one.version, advisories.ended(told[one.name].get(one.version, ()))) for one in lock)
    return [one for one in found if one[2]]


def _known(before: Standing, after: Standing) -> Known:
    brought = [
        Flaw(name=name, version=version, advisory=one, grade=_grade(one))
        for name, version, one in _minus(after, before)
    ]
    mended = [
        Flaw(name=name, version=version, advisory=one, grade=Grade.PASSED)
        for name, version, one in _minus(before, after)
    ]
    order = (Grade.FAILED, Grade.UNKNOWN, Grade.PASSED)
    return Known(
        brought=tuple(sorted(brought, key=lambda flaw: order.index(flaw.grade))),
        mended=tuple(mended),
        before=_count(before),
        after=_count(after),
    )


def _grade(advisory: Advisory) -> Grade:
    """Grave ones refuse the update, lesser ones ask; a notice that is no flaw (score 0) is told."""
    if advisory.score == 0 and not (advisory.malicious or advisory.exploited):
        return Grade.PASSED
    return Grade.FAILED if advisories.urgency([advisory]) >= Priority.HIGH else Grade.UNKNOWN
