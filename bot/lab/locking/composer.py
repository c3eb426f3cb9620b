"""composer.lock by Composer itself: a partial update of the component to the one version that is allowed for it.

Where that is not possible while other packages stay, those that Composer names as the reason are let move as well, one
after the other. Nothing is installed, and neither scripts nor plugins are run. The extensions of PHP that a project
asks for are taken to be there; which PHP it is for its `config.platform` says, else the PHP of this machine counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand, judging, words
from bot.lab.locking.allowed import Place
from bot.lab.locking.errand import Brought, Errand, Room, Step
from bot.lab.locking.gateway import Gateway
from bot.lab.locking.programs import Program, told
from bot.tools.secrets import Secret

NAME, MANIFEST = "composer.lock", "composer.json"
INDEX = "https://repo.packagist.org"
OLDEST = (2, 2)
MOST_FREED = 8  # packages that are let move one after the other, until a person has to look
_MEND = "Install PHP with Composer 2.2 or newer where Surefoot runs, with php and composer on PATH"
_ASK = 'echo json_encode([ini_get("extension_dir"), array_map("strtolower", get_loaded_extensions())]);'
_EXTENSIONS = ("phar", "ctype", "iconv", "mbstring", "tokenizer", "curl")
_QUIET = (
    "--no-install", "--no-scripts", "--no-plugins", "--no-progress", "--no-ansi", "--no-interaction",
    "--ignore-platform-req=ext-*", "--ignore-platform-req=lib-*",
)  # fmt: skip
_PART = r"[a-z0-9]+(?:[_.-]{1,2}[a-z0-9]+){0,20}"
_NAME = re.compile(rf"{_PART}/{_PART}")
_VERSION = re.compile(r"v?\d[0-9A-Za-z.+_-]{0,60}")
_FIXED = re.compile(
    r"found (?P<needed>[a-z0-9_./-]{3,200})\[[^\]\n]*\] but the package is fixed to "
    r"|- (?P<held>[a-z0-9_./-]{3,200}) is locked to version "
)
_NOISE = re.compile(
    r"Composer is operating|Loading composer|Updating dependencies|Warning: Accessing|Use the option --with|.* \(-W\)"
)
_EMPTY = re.compile(r'^    "(platform|platform-dev|stability-flags)": (\[\]|\{\})', re.MULTILINE)
_PLUGINS = re.compile(r'^    "plugin-api-version": "[^"\n]*"', re.MULTILINE)
_ENVIRONMENT: Mapping[str, str] = {
    "COMPOSER_HOME": "{work}/composer-home",
    "COMPOSER_CACHE_DIR": "{work}/composer-cache",
    "COMPOSER_ALLOW_SUPERUSER": "1",
    "COMPOSER_NO_AUDIT": "1",
    "COMPOSER_MEMORY_LIMIT": "-1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packagist:
    """What stands for packagist.org on this machine. index: without a slash; login: the header for it."""

    index: str = INDEX
    login: Secret | None = None


PACKAGIST = Packagist()


async def find() -> Program:
    """The Composer on PATH. Permanent with the mend where there is none of use."""
    php, script = shutil.which("php"), shutil.which("composer")
    if php is None or script is None:
        raise Permanent(f"Composer is not installed, so its lock files are not made anew. {_MEND}")
    program, real = await asyncio.to_thread(lambda: (os.path.realpath(php), os.path.realpath(script)))
    said = re.search(r"Composer version (\d+)\.(\d+)", await _asked(program, real, "--version", "--no-ansi"))
    version = (int(said[1]), int(said[2])) if said else ()
    found = Program(command=(program, real), folders=(Path(program).parent, Path(real).parent), version=version)
    if version < OLDEST:
        raise Permanent(f"Composer {found.said_version} is installed. {_MEND}")
    return replace(found, command=(program, *await _extensions(program), real))


async def _asked(*command: str) -> str:
    return await told(*command, env={"COMPOSER_ALLOW_SUPERUSER": "1"}, mend=_MEND)


async def _extensions(php: str) -> list[str]:
    """Options in the stead of the machine's settings of PHP, which stay outside: the extensions that Composer uses."""
    with_all, without = await asyncio.gather(_asked(php, "-r", _ASK), _asked(php, "-n", "-r", _ASK))
    try:
        (folder, loaded), (_, built_in) = json.loads(with_all), json.loads(without)
    except (ValueError, TypeError) as problem:
        raise Permanent(f"PHP at {php} cannot be asked what it has. {_MEND}") from problem
    names = [name for name in _EXTENSIONS if name in loaded and name not in built_in]
    return ["-n", "-d", f"extension_dir={folder}", *(word for name in names for word in ("-d", f"extension={name}"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Composer in the jail. packagist: the registry of this machine."""

    room: Room
    packagist: Packagist = PACKAGIST

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        _must_be_a_package(job)
        program = await find()
        place = Place(url=INDEX, asked=self.packagist.index, login=self.packagist.login)
        freed = [job.component.name]
        async with self.room.gateway([place]) as way:
            while (brought := await self._ask(job, program, freed, way)).code:
                more = [name for name in _in_the_way(brought.said, job) if name not in freed]
                if not more or len(freed) + len(more) > MOST_FREED:
                    raise words.refusal("Composer", job, in_plain_words(brought.said))
                freed += more
        return await asyncio.to_thread(_judged, job, brought.files.get(job.lock, job.files[job.lock]))

    async def _ask(self, job: LockJob, program: Program, freed: list[str], way: Gateway) -> Brought:
        wish = f"{job.component.name}:{job.version}"
        step = Step(
            command=(*program.command, "update", *freed, "--with", wish, *_QUIET), folder=job.lock.rpartition("/")[0]
        )
        wanted = Errand(
            steps=(step,), wanted=(job.lock,), files=job.files, env=_ENVIRONMENT, visible=program.folders
        )  # fmt: skip
        brought = await errand.run(wanted, way, self.room)
        way.check()
        return brought


def _must_be_a_package(job: LockJob) -> None:
    if not _NAME.fullmatch(job.component.name) or not _VERSION.fullmatch(job.version):
        raise ConfigProblem(
            f"{job.component.name[:200]!r} at {job.version[:200]!r} is no package of Composer", where=job.manifest
        )


def _in_the_way(said: str, job: LockJob) -> list[str]:
    """What Composer names as fixed by the lock; only what the lock has."""
    held = {one.name for one in lockfiles.read(job.files[job.lock], job.lock)}
    named = (one["needed"] or one["held"] for one in _FIXED.finditer(said))
    return [name for name in dict.fromkeys(named) if name in held]


def _judged(job: LockJob, made: str) -> str:
    """The lock to be kept. ConfigProblem for one that is not what was asked for."""
    judging.judge(job, made, "Composer", same=_same)
    return quiet(job.files[job.lock], made)


def _same(locked: str, asked: str) -> bool:
    return locked.removeprefix("v") == asked.removeprefix("v")


def quiet(old: str, new: str) -> str:
    """The new text, with the old words about Composer itself: which one wrote it, and how it writes nothing at all."""
    before = dict(_EMPTY.findall(old))
    made = _EMPTY.sub(lambda found: f'    "{found[1]}": {before.get(found[1], found[2])}', new)
    plugins = _PLUGINS.search(old)
    made = _PLUGINS.sub(lambda _: plugins[0], made) if plugins else made
    return made.replace("\n", "\r\n") if "\r\n" in old and "\r\n" not in made else made


def in_plain_words(said: str) -> str:
    """Composer's complaint as one paragraph, without its chatter."""
    return words.paragraph(line for line in said.splitlines() if not _NOISE.match(line.strip()))
