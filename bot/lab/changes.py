"""What differs between the two sides of a trial in Python packages, and what the tree uses of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.compatibility import Use
from bot.lab import installed, trees, uses
from bot.lab.environments import PYPI, Environment
from bot.lab.installed import Installed
from bot.lab.learnt import Learnt
from bot.lab.workbench import Sample, Workbench


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side. environment: of its Python packages. tree: the hash of its files.

    differing: the distributions that differ from the other side's, by name; used: those that the tree uses directly.
    """

    sample: Sample
    environment: Environment
    tree: str
    differing: Mapping[str, Installed]
    used: tuple[Installed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Both sides. names: of all distributions that differ; uses: the tree's own of those, in the order of its files."""

    before: Side
    after: Side
    names: frozenset[str]
    uses: tuple[Use, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[Side, Side]:
        """Before and after."""
        return self.before, self.after


async def found(bench: Workbench, store: Learnt) -> Change | None:
    """None where no Python package differs. OutOfTime."""
    samples = (bench.before, bench.after)
    environments = [one for sample in samples if (one := _python(sample.environment))]
    names = _differing(*environments) if len(environments) == len(samples) else frozenset()
    if not names:
        return None
    prints = [await asyncio.to_thread(trees.fingerprint, sample.tree) for sample in samples]
    every, notes = await uses.of(bench, store)
    own = await asyncio.to_thread(_own_modules, bench.after.tree)
    held = [await asyncio.to_thread(installed.read, one, names) for one in environments]
    foreign = {use.path for use in every if use.path[0] not in own}
    owners = {path: [one.name for side in held for one in side.values() if one.owns(path)] for path in foreign}
    mine = tuple(use for use in every if owners.get(use.path))
    used = {name for names in owners.values() for name in names}
    before, after = (
        Side(
            sample=sample,
            environment=environment,
            tree=print_,
            differing=side,
            used=tuple(one for name, one in side.items() if name in used),
        )
        for sample, environment, print_, side in zip(samples, environments, prints, held, strict=True)
    )
    return Change(before=before, after=after, names=names, uses=mine, notes=tuple(notes))


def _python(environment: Environment) -> Environment | None:
    """The environment of Python packages, which may stand beside another."""
    return next((one for one in (environment, *environment.beside) if one.ecosystem == PYPI), None)


def _differing(before: Environment, after: Environment) -> frozenset[str]:
    old, new = installed.versions(before), installed.versions(after)
    return frozenset(name for name in {**old, **new} if old.get(name) != new.get(name))


def _own_modules(tree: Path) -> frozenset[str]:
    """What the tree itself calls by these names is found before any package, as its folders come first on the path."""
    places = [place for place in (tree, tree / "src") if place.is_dir()]
    files = {path.stem for place in places for path in place.glob("*.py")}
    return frozenset(files | {path.parent.name for place in places for path in place.glob("*/__init__.py")})
