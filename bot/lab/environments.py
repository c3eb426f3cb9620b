"""Prepare with network, run without: the packages that a tree asks for, locked by hashes, ready for a jail.

Which ecosystems a tree needs is decided here; how each is prepared stands in a module of its own.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.core.model import Grade
from bot.core.ports import Trial
from bot.core.preparing import Prepare
from bot.lab import cargos, gos, nodes, others, pythons
from bot.lab.cache import Cache
from bot.lab.fetching import Fetching as Fetching
from bot.lab.ready import CARGO as CARGO
from bot.lab.ready import GOLANG as GOLANG
from bot.lab.ready import NPM as NPM
from bot.lab.ready import OTHER as OTHER
from bot.lab.ready import PYPI as PYPI
from bot.lab.ready import Environment as Environment
from bot.lab.ready import Interpreter as Interpreter
from bot.lab.resolver import NotPrepared, Uv

_PYTHON_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "requirements.txt")
_FETCHED = {NPM: nodes.prepared, GOLANG: gos.prepared, CARGO: cargos.prepared}
_WORDS = {
    PYPI: re.compile(r"\b(python[\d.]*|pytest|tox|nox|unittest|coverage)\b"),
    NPM: re.compile(r"\b(npm|npx|node|yarn|pnpm|vitest|jest|mocha)\b"),
}


def needed(trial: Trial) -> tuple[str, ...]:
    """The ecosystems that this trial needs, the one that counts first: that of what is updated, where the tree has it.

    Python and Node both, where a group has members of both, or the owner's commands need both or do not say which; Go
    and Rust stand alone. What a command of the owner's prepares is there always; it counts first where what is updated
    is of none of these.
    """
    if trial.prepare is not None:
        return _with_own(trial)
    there = _there(trial.candidate)
    return _of_known(trial, there)


def _with_own(trial: Trial) -> tuple[str, ...]:
    there = _there(trial.candidate, bare=())
    if any(one.ecosystem in there for one in trial.components):
        return (*_of_known(trial, there), OTHER)
    # Here a command that names none needs none: it is made for what was prepared.
    commands = [asked.run for asked in trial.suites.values() if asked.run and not asked.off]
    named = [one for one, words in _WORDS.items() if one in there and any(words.search(run) for run in commands)]
    return (OTHER, *named)


def _of_known(trial: Trial, there: Sequence[str]) -> tuple[str, ...]:
    moved = [one.ecosystem for one in trial.components if one.ecosystem in there]
    first = moved[0] if moved else there[0]
    commands = [asked.run for asked in trial.suites.values() if asked.run and not asked.off]
    others = [one for one in _WORDS if one in there and one != first and first in _WORDS]
    return (first, *(one for one in others if one in moved or any(_may_need(run, one) for run in commands)))


def _there(tree: Path, bare: tuple[str, ...] = (PYPI,)) -> tuple[str, ...]:
    """Python wherever there may be any; the others by their manifests. bare: for a tree with nothing of all that."""
    found = [NPM] if nodes.folder_of(tree) is not None else []
    found += [GOLANG] if (tree / gos.MANIFEST).is_file() else []
    found += [CARGO] if (tree / cargos.MANIFEST).is_file() else []
    python = any((tree / name).is_file() for name in _PYTHON_FILES) or any(
        next(tree.glob(pattern), None) is not None for pattern in ("requirements/*.txt", "*.py", "tests/*.py")
    )
    return (PYPI, *found) if python else tuple(found) or bare


def _may_need(command: str, ecosystem: str) -> bool:
    """A command that names neither may be anything, as `make test` is."""
    said = [one for one, words in _WORDS.items() if words.search(command)]
    return ecosystem in said or not said


@contextlib.asynccontextmanager
async def prepared(
    tree: Path, *, uv: Uv, cache: Cache, needs: Sequence[str] = (PYPI,), fetching: Fetching | None = None,
    own: Prepare | None = None,
) -> AsyncIterator[Environment]:  # fmt: skip
    """The environment for a tree's tests, made or reused; it stays while the context lasts.

    needs: ecosystems, see `needed`; the first is the environment, the others are beside it. fetching: for what is
    no package of Python. own: how OTHER is made. NotPrepared with the reason; ConfigProblem for a file of the tree
    that cannot be read; Transient when the index or registry is away.
    """
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for ecosystem in needs:
            if ecosystem == PYPI:
                one = pythons.prepared(tree, uv, cache)
            elif fetching is None:
                raise NotPrepared(
                    Grade.UNKNOWN, f"packages of {ecosystem} cannot be fetched here: the lab has no way to"
                )
            elif ecosystem == OTHER:
                assert own is not None, "it is needed only where it is asked for"
                one = others.prepared(tree, own, fetching=fetching, cache=cache)
            else:
                one = _FETCHED[ecosystem](tree, fetching=fetching, cache=cache)
            made.append(await stack.enter_async_context(one))
        yield made[0] if len(made) == 1 else _together(made)


def _together(made: Sequence[Environment]) -> Environment:
    """The first, with the others beside it."""
    notes = tuple(dict.fromkeys(note for one in made for note in one.notes))
    return replace(made[0], key="-".join(one.key for one in made), notes=notes, beside=tuple(made[1:]))
