"""bun.lock by Bun itself (1.2 or newer), which keeps what need not move where it is.

It runs twice in one jail: with manifests in which the component is named exactly, then with the manifests as they are,
to which that lock is an answer already. No script runs, nothing is installed, and the project's own settings of Bun
stay outside. A binary lock (bun.lockb) is for a person to turn into text first.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core import lockfiles
from bot.core.errors import Permanent
from bot.core.lockreaders import PUBLIC
from bot.core.lockreaders import bun as reader
from bot.core.locks import LockJob
from bot.lab.locking import errand, packages, words
from bot.lab.locking.errand import AUTHORITY, PORT, Errand, Room, Step
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program, told
from bot.tools.npm import NpmSettings

NAME = "bun.lock"
OLDEST = (1, 2)
_MEND = "Install Bun 1.2 or newer where Surefoot runs, on PATH (`npm install --global bun`)"
_WORDS = ("install", "--lockfile-only", "--ignore-scripts", "--no-progress", "--no-summary")
_PROXY = f"http://127.0.0.1:{PORT}"
_NOISE = re.compile(r"bun install v|Resolving|Resolved, downloaded|Saved (lockfile|bun\.lock)")
_CONFIG = re.compile(r'^  "configVersion": \d+,\n', re.MULTILINE)
_ENVIRONMENT: Mapping[str, str] = {
    "HOME": "{work}",
    "BUN_INSTALL_CACHE_DIR": "{work}/bun-cache",
    "BUN_CONFIG_MAX_HTTP_REQUESTS": "8",
    "NODE_EXTRA_CA_CERTS": f"{{work}}/{AUTHORITY}",
    "DO_NOT_TRACK": "1",
}


async def find() -> Program:
    """The Bun on PATH. Permanent with the mend where there is none that a jail can take."""
    script = shutil.which("bun")
    if script is None:
        raise Permanent(f"Bun is not installed, so its lock files are not made anew. {_MEND}")
    program = await asyncio.to_thread(_program, Path(script))
    if program is None:
        raise Permanent(f"Bun at {script} is not the program itself, which no jail can follow. {_MEND}")
    said = re.match(r"(\d+)\.(\d+)", await told(str(program), "--version", mend=_MEND))
    found = Program(
        command=(str(program),), folders=(program.parent,), version=(int(said[1]), int(said[2])) if said else ()
    )
    if found.version < OLDEST:
        raise Permanent(f"Bun {found.said_version} is installed, and it writes no locks of text. {_MEND}")
    return found


def _program(script: Path) -> Path | None:
    """The program of its own, or that of the package for this platform, which npm puts beside the package `bun`."""
    real = Path(os.path.realpath(script))
    return next((one for one in (real, *_beside(real)) if one.is_file() and one.read_bytes()[:4] == b"\x7fELF"), None)


def _beside(real: Path) -> Iterator[Path]:
    for folder in real.parents:
        if folder.name == "node_modules":
            yield from sorted(folder.glob("@oven/bun-*/bin/bun"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Bun in the jail. settings: the registries of this machine."""

    settings: NpmSettings
    room: Room

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        exact, plain = packages.exactly(job), packages.bare(job.files)
        program, registries = await find(), Registries(settings=self.settings)
        command, folder = (*program.command, *_WORDS), job.lock.rpartition("/")[0]
        files = {
            **packages.without(job.files, ".npmrc", "bunfig.toml"),
            packages.beside(job.lock, ".npmrc"): registries.npmrc(),
        }
        wanted = Errand(
            steps=[Step(command=command, folder=folder, files=texts) for texts in (exact, plain)],
            wanted=(job.lock,), files=files, env=_ENVIRONMENT, visible=program.folders, roomy=True,
        )  # fmt: skip
        brought = await errand.through(wanted, registries.places, self.room)
        if brought.code:
            raise words.refusal("Bun", job, in_plain_words(brought.said))
        return await asyncio.to_thread(_judged, job, brought.files.get(job.lock, job.files[job.lock]), registries)


def _judged(job: LockJob, made: str, registries: Registries) -> str:
    """The lock to be kept. ConfigProblem for one that is not what was asked for, or in another format."""
    old = job.files[job.lock]
    new = _respelt(old, made, job.lock, registries)
    registries.judge(job, new, "Bun")
    if reader.parsed(old).get("lockfileVersion") != reader.parsed(new).get("lockfileVersion"):
        raise Permanent(f"Bun on this machine writes {job.lock} in another format than the Bun of this project")
    had = _CONFIG.search(old)
    new = new if had else _CONFIG.sub("", new, count=1)
    return new.replace("\n", "\r\n") if "\r\n" in old and "\r\n" not in new else new


def _respelt(old: str, new: str, lock: str, registries: Registries) -> str:
    """Without the addresses that Bun writes where this machine asks a mirror in the stead of the public registry."""
    mine, origins = registries.by_scope[""], {one.origin for one in lockfiles.read(old, lock)}
    if PUBLIC in origins and mine not in origins:
        return re.sub(rf'", "{re.escape(mine)}/[^"\n]*"', '", ""', new)
    return registries.respelt(old, new, lock)


def in_plain_words(said: str) -> str:
    """Bun's complaint as one paragraph, without its progress."""
    lines = (re.sub(r"^error:\s*", "", line.strip()) for line in said.splitlines())
    return words.paragraph(line for line in lines if not _NOISE.match(line))
