"""poetry.lock by Poetry itself (2.0 or newer), which keeps what need not move where it is.

Poetry has no way to say "this version, and my range beside it": so it runs twice in one jail. First with a dependency
group added to the manifest that names the component exactly, and then with the manifest as it is, to which that lock is
an answer already. Nothing is installed or built: a source archive is not let through, and Poetry may install no wheel
to build with. No plugin is loaded, neither the project's nor the machine's.

The public index stands for pip's `index-url` of this machine. Other sources of a project are asked where pip's settings
name them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bot.core import lockfiles, tomls
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand, pips, poetry_text, pythonic, words
from bot.lab.locking.errand import AUTHORITY, Brought, Errand, Room, Step
from bot.lab.locking.pips import Indexes
from bot.lab.locking.poetry_text import Known
from bot.lab.locking.programs import Program
from bot.lab.locking.warehouse import Desk
from bot.lab.ready import Interpreter
from bot.lab.resolver import Uv

NAME = "poetry.lock"
OLDEST = (2, 0)
_MEND = "Install it where Surefoot runs (`pipx install poetry`), first on PATH or beside Surefoot's own Python"
_GROUP = "surefoot-moves"
_WORDS = ("--no-plugins", "--no-interaction", "--no-ansi", "lock")
_NOISE = re.compile(
    r"(Resolving|Updating) dependencies|Creating virtualenv|Using virtualenv|Writing lock file|Warning:"
)
# What of a project's poetry.toml may have shaped its lock, and can do no more than that.
_SHAPING = ("min-release-age", "min-release-age-exclude", "min-release-age-exclude-source")
_CONDITIONS = ("python", "platform", "markers", "source")
_ENVIRONMENT: Mapping[str, str] = {
    "REQUESTS_CA_BUNDLE": f"{{work}}/{AUTHORITY}",
    "POETRY_CONFIG_DIR": "{work}/poetry-config",
    "POETRY_CACHE_DIR": "{work}/poetry-cache",
    "POETRY_KEYRING_ENABLED": "false",
    "POETRY_SOLVER_LAZY_WHEEL": "false",
    # What builds a package is itself made of wheels: without any, nothing is ever built.
    "POETRY_INSTALLER_NO_BINARY": ":all:",
    "POETRY_REQUESTS_MAX_RETRIES": "0",
    "POETRY_VIRTUALENVS_CREATE": "false",
    "VIRTUAL_ENV": "{work}/venv",
}


async def find() -> Program:
    """As `pythonic.find`."""
    return await pythonic.find("Poetry", "poetry", OLDEST, _MEND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Poetry in the jail. uv: who finds Pythons, and the indexes of this machine; also: more that projects may name."""

    uv: Uv
    room: Room
    also: Sequence[str] = ()

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        name, version = pips.wish(job)
        old, root = job.files[job.lock], _root(job)
        indexes = Indexes.of(self.uv, self.also)
        places, public = pythonic.places_of(indexes, job)
        program = await find()
        python = await self._python(job)
        folder = job.lock.rpartition("/")[0]
        asked = (*program.command, *_WORDS)
        steps = (
            Step(command=(str(python.path), "-I", "-m", "venv", "--without-pip", "../venv")),
            Step(command=asked, folder=folder, files=_exactly(job, root, name, version)),
            Step(command=asked, folder=folder, files={root: job.files[root]}),
        )
        wanted = Errand(
            steps=steps, wanted=(job.lock,), files=_without_settings(job), env=_ENVIRONMENT,
            visible=(*program.folders, python.prefix),
        )  # fmt: skip
        brought = await errand.through(wanted, places, self.room, Desk(public, Known(old)))
        if brought.code:
            raise words.refusal("Poetry", job, in_plain_words(brought.said))
        return await self._judged(job, root, brought)

    async def _python(self, job: LockJob) -> Interpreter:
        """One that the lock is made for: Poetry looks for it, though what it locks is the same with any."""
        *first, last = poetry_text.pythons(_pythons(job.files[job.lock]))
        for asked in first:
            with contextlib.suppress(Permanent):
                return await pips.python_for(asked, job, self.uv, "Poetry")
        return await pips.python_for(last, job, self.uv, "Poetry")

    async def _judged(self, job: LockJob, root: str, brought: Brought) -> str:
        """The lock to be kept. ConfigProblem for one that is not what was asked for."""
        old = job.files[job.lock]
        new = brought.files.get(job.lock, old)
        await pips.judge(job, new, self.uv, "Poetry")
        if (was := _pythons(old)) != (now := _pythons(new)):
            raise ConfigProblem(
                f"would be for Python {now} instead of {was}", where=job.lock, mend="Run `poetry lock` once yourself"
            )
        made = await asyncio.to_thread(poetry_text.quiet, old, new, job.files[root])
        if _packages(made) != _packages(new):
            raise Permanent(f"{job.lock} could not be put together: it would name other packages than Poetry does")
        return made


def _packages(lock: str) -> list[tuple[str, str, str]]:
    return [(one.name.lower(), one.version, one.origin) for one in lockfiles.read(lock, NAME)]


def _root(job: LockJob) -> str:
    """The manifest that the lock is of; ConfigProblem where it was not handed over."""
    folder = job.lock.rpartition("/")[0]
    root = f"{folder}/pyproject.toml" if folder else "pyproject.toml"
    if root not in job.files:
        raise ConfigProblem("is not there, and the lock beside it is of nothing else", where=root)
    return root


def _pythons(lock: str) -> str:
    return str(tomls.loads(lock)["metadata"].get("python-versions", "*"))


def _without_settings(job: LockJob) -> dict[str, str]:
    """The files, and of a project's own settings of Poetry what shapes a lock."""
    files = {path: text for path, text in job.files.items() if path.rpartition("/")[2] != "poetry.toml"}
    folder = job.lock.rpartition("/")[0]
    place = f"{folder}/poetry.toml" if folder else "poetry.toml"
    if place in job.files:
        try:
            solver = tomls.loads(job.files[place]).get("solver", {})
            kept = {key: solver[key] for key in _SHAPING if key in solver}
        except (tomllib.TOMLDecodeError, AttributeError, TypeError) as problem:
            raise ConfigProblem(f"cannot be read: {problem}", where=place) from problem
        files |= {place: words.as_toml({"solver": kept})} if kept else {}
    return files


def _exactly(job: LockJob, root: str, name: str, version: str) -> dict[str, str]:
    """The manifest with one more group, which names the component exactly and from where the project takes it.

    A component that is locked in several versions, each under its own marker, is left to what the manifest says.
    """
    text = job.files[root]
    try:
        manifest = tomls.loads(text)
        tool = manifest.setdefault("tool", {}).setdefault("poetry", {})
        # Its plugins and scripts are of no use here.
        tool.pop("requires-plugins", None)
        locked = {
            one.version for one in lockfiles.read(job.files[job.lock], NAME) if canonicalize_name(one.name) == name
        }
        if len(locked) < 2:
            wishes = [{"version": f"=={version}", **one} for one in _conditions(manifest, name)]
            tool.setdefault("group", {})[_GROUP] = {"dependencies": {name: wishes}}
        return {root: words.as_toml(manifest)}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as problem:
        raise ConfigProblem(f"cannot be read: {type(problem).__name__}", where=root) from problem


def _conditions(manifest: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Under which conditions, and from which source, the project itself asks for the component; once each.

    A version that is asked for under other Pythons than the project may be no answer for them.
    """
    own = manifest["tool"]["poetry"]
    groups = (group.get("dependencies", {}) for group in own.get("group", {}).values())
    tables = (own.get("dependencies", {}), own.get("dev-dependencies", {}), *groups)
    wishes = (wish for table in tables for key, wish in table.items() if canonicalize_name(key) == name)
    each = (one for wish in wishes for one in (wish if isinstance(wish, list) else [wish]))
    found = [{key: one[key] for key in _CONDITIONS if key in one} if isinstance(one, dict) else {} for one in each]
    sources = [one["source"] for one in found if "source" in one]
    # In a project of the standard's kind Poetry's own table adds the source, and nothing else, to what stands there.
    if standard := [line for line in _lines(manifest) if canonicalize_name(line.name) == name]:
        marks = dict.fromkeys(str(line.marker) if line.marker else "" for line in standard)
        source = {"source": sources[0]} if sources else {}
        found = [{**source, **({"markers": mark} if mark else {})} for mark in marks]
    return [one for place, one in enumerate(found) if one not in found[:place]] or [{}]


def _lines(manifest: Mapping[str, Any]) -> Iterator[Requirement]:
    """Every requirement in the words of PEP 508; an extra's own marker is none of Python's conditions."""
    project = manifest.get("project", {})
    lists = (project.get("dependencies", []), *project.get("optional-dependencies", {}).values(),
             *manifest.get("dependency-groups", {}).values())  # fmt: skip
    for text in (text for one in lists for text in one if isinstance(text, str)):
        with contextlib.suppress(InvalidRequirement):
            yield Requirement(text)


def in_plain_words(said: str) -> str:
    """Poetry's complaint as one paragraph, without its chatter."""
    return words.paragraph(line for line in said.splitlines() if not _NOISE.match(line.strip()))
