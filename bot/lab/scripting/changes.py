"""What differs between the two sides of a trial in packages of npm, and what the tree uses of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.core import modules
from bot.core.calls import Call
from bot.core.compatibility import Guard, Use
from bot.core.modules import Form, Taken
from bot.lab import trees
from bot.lab.inside.surefoot_scripts_reader import package_of
from bot.lab.learnt import Learnt
from bot.lab.ready import Environment
from bot.lab.scripting import packages, uses
from bot.lab.scripting.compiled import Surroundings
from bot.lab.scripting.packages import Bounds
from bot.lab.scripting.seen import Ask
from bot.lab.scripting.uses import Written
from bot.lab.workbench import Sample, Workbench


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side. environment: of its packages of npm. tree: the hash of its files. bounds: what binds their content."""

    sample: Sample
    environment: Environment
    tree: str
    bounds: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Both sides. names: of all packages that differ; taken: the tree's uses of those, by the folder they load from."""

    before: Side
    after: Side
    names: frozenset[str]
    taken: Mapping[str, tuple[Taken, ...]]
    notes: tuple[str, ...] = ()

    @property
    def uses(self) -> tuple[Taken, ...]:
        """All of them, in the order of files and lines."""
        every = (one for group in self.taken.values() for one in group)
        return tuple(sorted(every, key=lambda one: (one.use.file, one.use.line)))

    @property
    def asks(self) -> tuple[Ask, ...]:
        """What the running packages must be asked for."""
        return tuple(sorted({ask for base, group in self.taken.items() for one in group for ask in asked(base, one)}))


def asked(base: str, taken: Taken) -> Iterator[Ask]:
    """The questions of one use; where only types are meant there is nothing to load."""
    if taken.use.guard is not Guard.TYPES:
        for how in taken.hows:
            yield Ask(base=base, how=how.load, specifier=taken.specifier, package=package_of(taken.specifier))


async def found(bench: Workbench, store: Learnt) -> Change | None:
    """None where no package of npm differs. OutOfTime."""
    environments = [packages.node_of(one.environment) for one in (bench.before, bench.after)]
    old, new = environments
    if old is None or new is None or old.lock == new.lock:
        return None
    held = [await asyncio.to_thread(packages.contents, one) for one in (old, new)]
    names = frozenset(name for name in {**held[0], **held[1]} if held[0].get(name) != held[1].get(name))
    if not names:
        return None
    prints = [await asyncio.to_thread(trees.fingerprint, one.tree) for one in (bench.before, bench.after)]
    direct = await asyncio.to_thread(packages.direct, bench.after.tree, new.where)
    written, notes = await uses.of(bench, store, sorted(names, key=lambda name: (name not in direct, name)))
    before, after = (
        Side(sample=sample, environment=environment, tree=print_, bounds=packages.bounds_of(found))
        for sample, environment, print_, found in zip(
            (bench.before, bench.after), (old, new), prints, held, strict=True
        )
    )
    taken = await asyncio.to_thread(_taken, written, before, after)
    return Change(before=before, after=after, names=names, taken=taken, notes=tuple(notes))


def _taken(written: Iterable[Written], before: Side, after: Side) -> dict[str, tuple[Taken, ...]]:
    """Of what a file finds another version of; what it finds on neither side is no package, but the tree's own name."""
    around, groups = Surroundings(after.sample.tree), dict[str, list[Taken]]()
    known: dict[tuple[str, str], str | None] = {}
    for one in written:
        place = (PurePosixPath(one.file).parent.as_posix(), package_of(one.specifier))
        if place not in known:
            known[place] = _base(before, after, *place)
        if (base := known[place]) is not None:
            groups.setdefault(base, []).append(_one(around, one))
    return {base: tuple(group) for base, group in groups.items()}


def _base(before: Side, after: Side, folder: str, name: str) -> str | None:
    """From where both sides would load it: the deeper of both, as the other one is found from there too."""
    was, now = (packages.found_from(one.environment, folder, name) for one in (before, after))
    there = [one for one in (was, now) if one is not None]
    if was is not None and now is not None:
        old = packages.closure(before.environment, before.bounds, was, name)
        if old is not None and old == packages.closure(after.environment, after.bounds, now, name):
            return None
    return max(there, key=lambda one: len(PurePosixPath(one).parts), default=None)


def _one(around: Surroundings, one: Written) -> Taken:
    shape = one.shape
    given = None if shape is None or shape[1] else shape[0]
    makes = shape is not None and shape[3]
    form = Form.RESOLVE if modules.is_asset(one.specifier) else one.form
    module, compiled = around.is_module(one.file), around.compiled(one.file)
    return Taken(
        use=Use(
            path=(one.specifier, *one.path), file=one.file, line=one.line, guard=one.guard,
            call=None if shape is None else Call(positional=shape[0], star=shape[1]),
        ),
        hows=modules.hows(form, one.file, module=module, compiled=compiled),
        called=shape is not None and not makes, makes=makes, given=given,
        callback=shape is not None and shape[2], loads=one.loads,
    )  # fmt: skip
