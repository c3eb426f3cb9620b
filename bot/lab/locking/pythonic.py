"""What the tools of Python's locks share that are programs of Python themselves: where they are, and what they ask."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

from bot.core import lockfiles
from bot.core.errors import Permanent
from bot.core.lockreaders import PUBLIC
from bot.core.locks import LockJob
from bot.lab.locking import pips
from bot.lab.locking.allowed import Place
from bot.lab.locking.pips import Indexes
from bot.lab.locking.programs import Program, told


async def find(name: str, package: str, oldest: tuple[int, ...], mend: str) -> Program:
    """The one on PATH, else the one beside our interpreter, as a module of its own Python.

    package: what it is called where it is installed. Permanent with the mend where there is none of use.
    """
    beside = Path(sys.executable).with_name(package)
    script = shutil.which(package) or (str(beside) if beside.is_file() else None)
    if script is None:
        raise Permanent(f"{name} is not installed, so its lock files are not made anew. {mend}")
    python = await asyncio.to_thread(python_of, name, Path(script), mend)
    ask = (
        "import importlib.metadata as m, json, sys; "
        f"print(json.dumps([sys.executable, sys.prefix, sys.base_prefix, m.version({package!r})]))"
    )
    said = await told(python, "-I", "-c", ask, mend=mend)
    try:
        executable, prefix, base, version = json.loads(said)
    except ValueError as problem:
        raise Permanent(f"{name} at {script} cannot be asked what it is. {mend}") from problem
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < oldest:
        needed = ".".join(map(str, oldest))
        raise Permanent(f"{name} {version} is installed, and locks are made by {needed} or newer. {mend}")
    folders = (Path(prefix), *await asyncio.to_thread(_real, base))
    return Program(command=(executable, "-I", "-m", package), folders=folders, version=numbers)


def _real(base: str) -> list[Path]:
    """The folder that the interpreter itself lies in, and where that is in truth."""
    return list(dict.fromkeys((Path(base), Path(os.path.realpath(base)))))


def python_of(name: str, found: Path, mend: str) -> str:
    """The interpreter of an installed script: the one beside it, else the one that its first line names."""
    script = found.resolve()
    beside = script.with_name("python")
    if beside.is_file():
        return str(beside)
    try:
        with script.open("rb") as file:
            first = file.readline(4096).decode("utf-8", "replace")
    except OSError:
        first = ""
    named = first.removeprefix("#!").split()
    if not first.startswith("#!/") or not named or not Path(named[0]).name.startswith("python"):
        raise Permanent(f"{name} at {script} is a wrapper around another one, which no jail can follow. {mend}")
    return named[0]


def places_of(indexes: Indexes, job: LockJob) -> tuple[list[Place], str]:
    """What may be asked, and the URL of the public index's server. ConfigProblem for a lock that names a stranger."""
    public = f"https://{pips.public_host()}"
    places = indexes.places
    simple, known = f"{public}/simple", indexes.known
    if pips.key(simple) not in known and (mirror := indexes.mirror(simple)):
        places.append(mirror)
        known.append(pips.key(simple))
    for one in lockfiles.read(job.files[job.lock], job.lock):
        if not one.aside and one.origin not in ("", PUBLIC) and (
            not pips.is_web(one.origin) or pips.key(one.origin) not in known
        ):  # fmt: skip
            raise indexes.stranger(one.origin, job.lock)
    return places, public
