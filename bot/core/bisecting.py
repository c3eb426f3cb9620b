"""Which parts of a failing whole make it fail: halves are tried until what is left cannot be halved any more.

Delta debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, 2002), for a handful of parts
and a costly trial: one guilty part among n costs about log2 n trials, and parts that fail only together are found
together. A part that cannot be tried without another (two packages that must move at once) is neither guilty nor free.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, TypeVar

from bot.core.model import Grade, Member, Simulation
from bot.core.quoting import code

T = TypeVar("T")
OFF = "the configuration turns it off (simulate.bisect)"
Search = Generator[tuple[T, ...], bool | None, "Found[T]"]
_Told = dict[frozenset[int], bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[T]):
    """parts: the fewest that are known to fail together; one alone is guilty by itself.

    spare: those of several without each of which all the others of them pass. Of the rest that could not be told.
    """

    parts: tuple[T, ...]
    spare: tuple[T, ...] = ()


def guilty(parts: Sequence[T]) -> Search[T]:
    """Yields what is to be tried alone, is sent whether that fails (None: nobody can tell), and returns what is found.

    parts: known to fail all together. Nothing is tried twice. Where all can be told, all of several are `spare`.
    """
    left = tuple(parts)
    pieces = 2
    told: _Told = {}
    while len(left) > 1:
        found = yield from _smaller(left, pieces, told)
        if found is not None:
            # A piece is halved again; of what was left without one, the other pieces are smaller than halves.
            pieces = 2 if 2 * len(found) <= len(left) else max(2, min(len(found), pieces - 1))
            left = found
        elif pieces >= len(left):
            break
        else:
            pieces = min(len(left), 2 * pieces)
    spare = tuple(one for one in left if told.get(_key(_without(left, (one,)))) is False)
    return Found(parts=left, spare=spare)


def _smaller(
    left: tuple[T, ...], pieces: int, told: _Told
) -> Generator[tuple[T, ...], bool | None, tuple[T, ...] | None]:
    """A piece that fails, or what is left without one; None when none of them is known to."""
    cuts = [len(left) * place // pieces for place in range(pieces + 1)]
    chunks = [left[start:end] for start, end in pairwise(cuts)]
    rests = [_without(left, chunk) for chunk in chunks]
    for wanted in [*chunks, *(rests if pieces > 2 else [])]:
        key = _key(wanted)
        if key not in told:
            told[key] = yield wanted
        if told[key]:
            return wanted
    return None


def _key(parts: Sequence[T]) -> frozenset[int]:
    return frozenset(map(id, parts))


def _without(left: tuple[T, ...], some: Sequence[T]) -> tuple[T, ...]:
    return tuple(one for one in left if all(one is not other for other in some))


def fails_alike(whole: Simulation, part: Simulation) -> bool | None:
    """Whether a smaller group fails as the whole did; None where it fails otherwise, or nothing can be said.

    A package that moves without one that it needs fails, too, and is not guilty of what the whole failed for.
    """
    if part.grade is Grade.PASSED:
        return False
    if part.grade is Grade.UNKNOWN:
        return None
    before, now = _failures(whole), _failures(part)
    alike = any(kind in now and (not tests or not now[kind] or tests & now[kind]) for kind, tests in before.items())
    return True if alike else None


def _failures(simulation: Simulation) -> dict[str, frozenset[str]]:
    """By suite the tests that newly fail; none where it fails as a whole, as one that cannot even be set up."""
    bad = [suite for suite in simulation.suites if suite.grade is Grade.FAILED]
    return {suite.kind: frozenset(one.test for one in suite.newly_failing) for suite in bad} or {"": frozenset()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisected:
    """guilty: who makes a group fail; empty where that could not be found out, and why then says so.

    alone: those of them that fail by themselves. The others fail together: spare are those without each of which the
    rest of them pass; where there are none they could not be tried apart, and why says so. others: whether the rest of
    the group was seen to pass. among: the smallest group that was seen to fail, where nobody was found.
    """

    guilty: tuple[Member, ...] = ()
    alone: tuple[Member, ...] = ()
    spare: tuple[Member, ...] = ()
    among: tuple[Member, ...] = ()
    others: bool = False
    why: str = ""


def named(failed: Simulation, found: Bisected) -> Simulation:
    """The verdict on a failing group, with those of it that make it fail in words and by name."""
    if not found.guilty:
        among = f"; it is among {_all_of(found.among)}" if found.among else ""
        note = f"who of the group makes it fail is not known: {found.why}{among}"
        return replace(failed, notes=(*failed.notes, note))
    told = found.why and len(found.alone) < len(found.guilty)
    return replace(
        failed,
        why=f"{failed.why}; of the group, {_how(found)}",
        culprits=tuple((part.component, part.target) for part in found.guilty),
        spare=tuple((part.component, part.target) for part in found.spare),
        notes=(*failed.notes, *([found.why] if told else ())),
    )


def _how(found: Bisected) -> str:
    said = []
    if found.alone:
        said.append(f"{_all_of(found.alone)} {'makes' if len(found.alone) == 1 else 'each make'} it fail")
    if together := [part for part in found.guilty if part not in found.alone]:
        said.append(f"{_all_of(together)} {_together(found, together)}")
    if found.others:
        said.append("the others pass without")
    return "; ".join(said)


def _together(found: Bisected, parts: Sequence[Member]) -> str:
    if len(found.spare) == len(parts):
        return "fail only together"
    if found.spare:
        return f"fail together, and pass without {' or without '.join(map(_named, found.spare))}"
    return "fail together, and could not be tried apart"


def _all_of(parts: Sequence[Member]) -> str:
    names = [*map(_named, parts)]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _named(part: Member) -> str:
    return code(f"{part.component.name} {part.target}")
