"""Pipfile.lock by Pipenv itself, which resolves all anew; so it is shown little (`bot.lab.locking.shelves`).

Of the component the index shows the chosen version alone, and of all others in the lock what is locked: then nothing
else can move. Where that has no answer, those that Pipenv names as the reason are let move. What did not move keeps its
own words. Nothing is installed or built: a source archive is not let through. The public index stands for pip's
`index-url` of this machine, and other sources are asked where pip's settings name them.
"""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from bot.core import lockfiles, tomls
from bot.core.errors import ConfigProblem
from bot.core.locks import LockJob
from bot.lab.locking import errand, packages, pips, pythonic, words
from bot.lab.locking.allowed import Place
from bot.lab.locking.errand import AUTHORITY, Brought, Errand, Room, Step
from bot.lab.locking.pips import Indexes
from bot.lab.locking.programs import Program
from bot.lab.locking.shelves import Desk
from bot.lab.ready import Interpreter
from bot.lab.resolver import Uv

NAME, MANIFEST = "Pipfile.lock", "Pipfile"
OLDEST = (2023, 2)
MOST_FREED = 8  # packages that are let move one after the other, until a person has to look
_MEND = "Install it where Surefoot runs (`pipx install pipenv`), first on PATH or beside Surefoot's own Python"
_REASON = re.compile(
    r"(?:depends on|user requested|distribution found for|satisfies the requirement) (?P<name>[A-Za-z0-9._-]{1,200})"
)
_NOISE = re.compile(
    r"(Locking|Building requirements|Resolving dependencies|Updated Pipfile|Success|✔|✘|WARNING:|for help)"
)
_ENVIRONMENT: Mapping[str, str] = {
    "HOME": "{work}",
    "LANG": "C.UTF-8",
    "COLUMNS": "2000",
    "VIRTUAL_ENV": "{work}/venv",
    "PIPENV_CACHE_DIR": "{work}/pipenv-cache",
    "PIPENV_DONT_LOAD_ENV": "1",
    "PIPENV_NOSPIN": "1",
    "PIPENV_VERBOSITY": "-1",
    "PIPENV_YES": "1",
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_CERT": f"{{work}}/{AUTHORITY}",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_RETRIES": "0",
    "REQUESTS_CA_BUNDLE": f"{{work}}/{AUTHORITY}",
}


async def find() -> Program:
    """As `pythonic.find`."""
    return await pythonic.find("Pipenv", "pipenv", OLDEST, _MEND)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every run has in common."""

    program: Program
    python: Interpreter
    places: Sequence[Place]
    public: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Pipenv in the jail. uv: who finds Pythons, and the indexes of this machine; also: more that projects may name."""

    uv: Uv
    room: Room
    also: Sequence[str] = ()

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        pips.wish(job)
        places, public = pythonic.places_of(Indexes.of(self.uv, self.also), job)
        program = await find()
        python = await pips.python_for(_pythons(job), job, self.uv, "Pipenv")
        brought = await self._tried(job, _Asked(program=program, python=python, places=places, public=public))
        if brought.code:
            raise words.refusal("Pipenv", job, in_plain_words(brought.said))
        old = job.files[job.lock]
        new = await asyncio.to_thread(quiet, old, brought.files.get(job.lock, old))
        await pips.judge(job, new, self.uv, "Pipenv")
        return new

    async def _tried(self, job: LockJob, asked: _Asked) -> Brought:
        """With all others as they are, then with those let go that Pipenv names as the reason."""
        name, version = pips.wish(job)
        locked: dict[str, set[str]] = {}
        for one in lockfiles.read(job.files[job.lock], job.lock):
            if not one.aside:
                locked.setdefault(canonicalize_name(one.name), set()).add(one.version)
        freed = [name]
        while True:
            kept = {other: held for other, held in locked.items() if other not in freed}
            brought = await self._once(job, asked, {**kept, name: {version}})
            named = (canonicalize_name(one["name"]) for one in _REASON.finditer(brought.said))
            more = [one for one in dict.fromkeys(named) if one in kept]
            if brought.code == 0 or not more or len(freed) + len(more) > MOST_FREED:
                return brought
            freed += more

    async def _once(self, job: LockJob, asked: _Asked, kept: Mapping[str, set[str]]) -> Brought:
        steps = (
            Step(command=(str(asked.python.path), "-I", "-m", "venv", "--without-pip", "../venv")),
            Step(command=(*asked.program.command, "lock"), folder=job.lock.rpartition("/")[0]),
        )
        wanted = Errand(
            steps=steps, wanted=(job.lock,), files=packages.without(job.files, ".env"), env=_ENVIRONMENT,
            visible=(*asked.program.folders, asked.python.prefix),
        )  # fmt: skip
        desk = Desk([place.url for place in asked.places], kept, public=asked.public)
        return await errand.through(wanted, asked.places, self.room, desk)


def _pythons(job: LockJob) -> str:
    """Which Python the project is for."""
    path = packages.beside(job.lock, MANIFEST)
    try:
        requires = tomls.loads(job.files.get(path, "")).get("requires", {})
        full, minor = str(requires.get("python_full_version", "")), str(requires.get("python_version", ""))
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError) as problem:
        raise ConfigProblem(f"cannot be read: {type(problem).__name__}", where=path) from problem
    if full:
        return f"=={full}"
    return f"=={minor}.*" if minor else ">=3"


def quiet(old: str, new: str) -> str:
    """The new lock, in which each package of the same version has its old words, as Pipenv itself writes it."""
    before, made = json.loads(old), json.loads(new)
    kept = {section: _kept(before.get(section, {}), made[section]) for section in made if section != "_meta"}
    text = json.dumps({"_meta": made["_meta"], **kept}, indent=4, separators=(",", ": "), sort_keys=True) + "\n"
    return text.replace("\n", "\r\n") if "\r\n" in old else text


def _kept(before: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: before[name] if name in before and before[name].get("version") == package.get("version") else package
        for name, package in made.items()
    }


def in_plain_words(said: str) -> str:
    """Pipenv's complaint as one paragraph, without its progress and the way to it in its own code."""
    lines = (line.strip() for line in said.partition("Traceback (most recent")[0].splitlines())
    return words.paragraph(line for line in lines if not _NOISE.match(line))
