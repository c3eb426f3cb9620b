"""pdm.lock by PDM itself, which keeps what need not move where it is (`pdm lock --update-reuse`).

PDM takes the newest that a manifest lets through, so of the component only the chosen version is shown
(`bot.lab.locking.shelves`). Nothing is installed or built: a source archive is not let through. Settings of the machine
and plugins stay outside; of a project's own the sources are asked that pip's settings of this machine name.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from bot.core import tomls
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand, packages, pips, pythonic, words
from bot.lab.locking.errand import AUTHORITY, Errand, Room, Step
from bot.lab.locking.pips import Indexes
from bot.lab.locking.programs import Program
from bot.lab.locking.shelves import Desk
from bot.lab.resolver import Uv

NAME = "pdm.lock"
OLDEST = (2, 10)
_MEND = "Install it where Surefoot runs (`pipx install pdm`), first on PATH or beside Surefoot's own Python"
_NOISE = re.compile(r"(Resolving|Lock successful|Changes are written|See .* for detailed|INFO: |WARNING: |Use `-q)")
_MARK = "[[package]]\n"
_FORMAT = re.compile(r'^lock_version = "[0-9.]+"$', re.MULTILINE)
_ENVIRONMENT: Mapping[str, str] = {
    "HOME": "{work}",
    "PDM_HOME": "{work}/pdm",
    "PDM_CONFIG_FILE": "{work}/pdm.toml",
    "PDM_CACHE_DIR": "{work}/pdm-cache",
    "PDM_CHECK_UPDATE": "0",
    "PDM_IGNORE_SAVED_PYTHON": "1",
    "PDM_IGNORE_ACTIVE_VENV": "1",
    "PDM_USE_VENV": "0",
    "PDM_NON_INTERACTIVE": "1",
    "PDM_LOG_DIR": "{work}/pdm-logs",
    "PDM_RESOLVE_MAX_ROUNDS": "10000",
    "PDM_PYPI_CA_CERTS": f"{{work}}/{AUTHORITY}",
    "REQUESTS_CA_BUNDLE": f"{{work}}/{AUTHORITY}",
}


async def find() -> Program:
    """As `pythonic.find`."""
    return await pythonic.find("PDM", "pdm", OLDEST, _MEND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """PDM in the jail. uv: who finds Pythons, and the indexes of this machine; also: more that projects may name."""

    uv: Uv
    room: Room
    also: Sequence[str] = ()

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        name, version = pips.wish(job)
        old = job.files[job.lock]
        indexes = Indexes.of(self.uv, self.also)
        places, public = pythonic.places_of(indexes, job)
        if "static_urls" in _shape(old).get("strategy", ()) and indexes.mirror(f"{public}/simple"):
            raise Permanent(f"{job.lock} names files by their addresses, and this machine asks a mirror of them")
        program = await find()
        python = await pips.python_for(_pythons(job), job, self.uv, "PDM")
        # What is locked is taken without asking, so the lock is handed over without the component.
        step = Step(
            command=(*program.command, "lock", "--update-reuse"), folder=job.lock.rpartition("/")[0],
            files={job.lock: await asyncio.to_thread(without, old, name)},
        )  # fmt: skip
        env = {**_ENVIRONMENT, "PDM_PYTHON": str(python.path), "PDM_PYPI_URL": f"{public}/simple"}
        wanted = Errand(
            steps=(step,), wanted=(job.lock,), files=packages.without(job.files, "pdm.toml", ".pdm-python"), env=env,
            visible=(*program.folders, python.prefix),
        )  # fmt: skip
        desk = Desk([place.url for place in places], {name: {version}})
        brought = await errand.through(wanted, places, self.room, desk)
        if brought.code:
            raise words.refusal("PDM", job, in_plain_words(brought.said))
        new = brought.files.get(job.lock, old)
        await pips.judge(job, new, self.uv, "PDM")
        return await asyncio.to_thread(_kept, job, new)


def _pythons(job: LockJob) -> str:
    """Which Pythons the project is for."""
    root = packages.beside(job.lock, "pyproject.toml")
    try:
        return str(tomls.loads(job.files.get(root, "")).get("project", {}).get("requires-python", "")) or ">=3"
    except (tomllib.TOMLDecodeError, AttributeError) as problem:
        raise ConfigProblem(f"cannot be read: {type(problem).__name__}", where=root) from problem


def _kept(job: LockJob, new: str) -> str:
    """The lock to be kept. Permanent for one that is in another format or for other Pythons."""
    old = job.files[job.lock]
    before, now = (_shape(text) for text in (old, new))
    if differs := next((key for key in (*before, *now) if before.get(key) != now.get(key)), None):
        raise Permanent(
            f"PDM on this machine would write {job.lock} with another {differs}. Run `pdm lock` once with it"
        )
    made = quiet(old.replace("\r\n", "\n"), new)
    return made.replace("\n", "\r\n") if "\r\n" in old else made


def _shape(lock: str) -> dict[str, Any]:
    metadata: dict[str, Any] = tomls.loads(lock).get("metadata", {})
    version = ".".join(str(metadata.get("lock_version")).split(".")[:2])
    return {**{key: value for key, value in metadata.items() if key != "content_hash"}, "lock_version": version}


def quiet(old: str, new: str) -> str:
    """The new text, with the old text of each package that says the same but for its files and its summary.

    Also the old words about the format: of the same one a later edition only says more.
    """
    before = {_said(package): text for package, text in _packages(old)}
    head, *_ = new.partition(_MARK)
    had = _FORMAT.search(old)
    head = _FORMAT.sub(had[0], head, count=1) if had else head
    texts = [before.get(_said(package), text) for package, text in _packages(new)]
    return head + "\n".join(text.rstrip("\n") + "\n" for text in texts)


def without(lock: str, name: str) -> str:
    """The lock without what it says of one package."""
    plain = lock.replace("\r\n", "\n")
    head, *_ = plain.partition(_MARK)
    kept = [text for package, text in _packages(plain) if canonicalize_name(str(package["name"])) != name]
    return head + "".join(kept)


def _packages(text: str) -> list[tuple[Mapping[str, Any], str]]:
    parts = re.split(r"^\[\[package\]\]\n", text, flags=re.MULTILINE)[1:]
    read = tomls.loads(text).get("package", [])
    return [(package, _MARK + part) for package, part in zip(read, parts, strict=len(read) == len(parts))]


def _said(package: Mapping[str, Any]) -> str:
    return str(sorted((key, value) for key, value in package.items() if key not in ("files", "summary")))


def in_plain_words(said: str) -> str:
    """PDM's complaint as one paragraph, without its chatter."""
    return words.paragraph(line.strip() for line in said.splitlines() if not _NOISE.match(line.strip()))
