"""Cargo.lock by cargo itself: `cargo update --workspace`, which keeps what need not move where it is.

It runs twice in one jail: with manifests in which the component is named exactly, then with the manifests as they are,
to which that lock is an answer already. Only the registry's index is read; no crate is fetched, no build script runs,
and of a manifest only what shapes a lock is handed over. The project's own settings of cargo and its choice of a
toolchain stay outside.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core import tomls
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand, judging, words
from bot.lab.locking.allowed import Place
from bot.lab.locking.errand import AUTHORITY, PORT, Errand, Room, Step
from bot.lab.locking.programs import Program, told
from bot.tools.secrets import Secret

NAME, MANIFEST = "Cargo.lock", "Cargo.toml"
INDEX = "https://index.crates.io"
OLDEST = (1, 70)  # reads an index over HTTP without being told to
_MEND = "Install Rust 1.70 or newer where Surefoot runs, with cargo on PATH"
_SECTIONS = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")
_PACKAGE = ("name", "version", "edition", "rust-version", "links", "workspace", "resolver")
_KEPT = (*_SECTIONS, "target", "features", "workspace", "patch", "replace")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NOISE = re.compile(r"\s*(Updating|Locking|Adding|Removing|Downgrading|note: pass|perhaps a crate was updated)\b")
_ENVIRONMENT: Mapping[str, str] = {
    "CARGO_HOME": "{work}/cargo",
    "CARGO_HTTP_PROXY": f"http://127.0.0.1:{PORT}",
    "CARGO_HTTP_CAINFO": f"{{work}}/{AUTHORITY}",
    "CARGO_HTTP_MULTIPLEXING": "false",
    "CARGO_NET_RETRY": "0",
    "CARGO_TERM_COLOR": "never",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crates:
    """What stands for crates.io on this machine. index: a sparse one, without a slash; login: the header for it."""

    index: str = INDEX
    login: Secret | None = None


CRATES_IO = Crates()


async def find() -> Program:
    """The cargo on PATH, or the one behind rustup there. Permanent with the mend where there is none of use."""
    path = shutil.which("cargo")
    if path is None:
        raise Permanent(f"cargo is not installed, so its lock files are not made anew. {_MEND}")
    real = await asyncio.to_thread(os.path.realpath, path)
    own = {name: os.environ[name] for name in ("HOME", "RUSTUP_HOME", "CARGO_HOME") if name in os.environ}
    if Path(real).name == "rustup":
        real = (await told(real, "which", "cargo", env=own, mend=_MEND)).strip()
    said = re.search(r"cargo (\d+)\.(\d+)", await told(real, "--version", env=own, mend=_MEND))
    version = (int(said[1]), int(said[2])) if said else ()
    found = Program(command=(real,), folders=(Path(real).parents[1],), version=version)
    if version < OLDEST:
        raise Permanent(f"cargo {found.said_version} is installed, and it is too old. {_MEND}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """cargo in the jail. crates: the index of this machine."""

    room: Room
    crates: Crates = CRATES_IO

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        exact, plain = _exactly(job), {path: _bare(path, text) for path, text in _manifests(job).items()}
        program = await find()
        command = (*program.command, "update", "--workspace")
        folder = job.lock.rpartition("/")[0]
        steps = (Step(command=command, folder=folder, files=exact), Step(command=command, folder=folder, files=plain))
        wanted = Errand(
            steps=steps, wanted=(job.lock,), files={job.lock: job.files[job.lock]}, settings=self._settings(),
            env={**_ENVIRONMENT, "RUSTC": str(Path(program.command[0]).with_name("rustc"))}, visible=program.folders,
        )  # fmt: skip
        place = Place(url=self.crates.index, asked=self.crates.index, login=self.crates.login)
        brought = await errand.through(wanted, [place], self.room)
        if brought.code:
            raise words.refusal("cargo", job, in_plain_words(brought.said))
        return await asyncio.to_thread(_judged, job, brought.files.get(job.lock, job.files[job.lock]))

    def _settings(self) -> dict[str, str]:
        """cargo's own, by which the machine's index stands for crates.io."""
        if self.crates.index == INDEX:
            return {}
        told = {"crates-io": {"replace-with": "machine"}, "machine": {"registry": f"sparse+{self.crates.index}/"}}
        return {"cargo/config.toml": words.as_toml({"source": told})}


def _judged(job: LockJob, new: str) -> str:
    """The lock to be kept. ConfigProblem for one that is not what was asked for, or in another format."""
    old = job.files[job.lock]
    judging.judge(job, new, "cargo")
    if _format(old) != _format(new):
        raise Permanent(f"cargo on this machine writes {job.lock} in another format")
    return new.replace("\n", "\r\n") if "\r\n" in old and "\r\n" not in new else new


def _format(lock: str) -> Any:
    return tomls.loads(lock).get("version")


def _manifests(job: LockJob) -> dict[str, str]:
    return {path: text for path, text in job.files.items() if path.rpartition("/")[2] == MANIFEST}


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        return tomls.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise ConfigProblem(f"is no manifest of cargo: {problem}", where=path) from problem


def _bare(path: str, text: str) -> str:
    """A manifest with nothing but what shapes a lock: its targets are files that are not here."""
    return words.as_toml(_kept(_parsed(path, text)))


def _kept(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: manifest[key] for key in _KEPT if key in manifest}
    package = manifest.get("package")
    if not isinstance(package, Mapping):
        return kept
    own = {key: package[key] for key in _PACKAGE if key in package}
    own |= {"autobins": False, "autoexamples": False, "autotests": False, "autobenches": False, "build": False}
    return {"package": own, "lib": {"path": "src/lib.rs"}, **kept}


def _exactly(job: LockJob) -> dict[str, str]:
    """The manifests, with the component named by its exact version. ConfigProblem where none names it."""
    name, version = job.component.name, job.version
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ConfigProblem(f"{name[:200]!r} at {version[:200]!r} is no crate", where=job.manifest)
    found: dict[str, str] = {}
    count = 0
    for path, text in _manifests(job).items():
        manifest = _parsed(path, text)
        try:
            count += sum(_fix(table, name, version) for table in _tables(manifest))
        except (AttributeError, TypeError) as problem:
            raise ConfigProblem("is no manifest of cargo", where=path) from problem
        found[path] = words.as_toml(_kept(manifest))
    if not count:
        raise ConfigProblem(f"names no version of {name}, and only what a manifest names is moved", where=job.manifest)
    return found


def _tables(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every table of dependencies: of the package, for single platforms, of the workspace."""
    tops = (manifest, *manifest.get("target", {}).values(), manifest.get("workspace", {}))
    return (top[section] for top in tops for section in _SECTIONS if section in top)


def _fix(wishes: dict[str, Any], name: str, version: str) -> int:
    """Name the component exactly, also under another name (`x = {package = "name"}`); how often it was named."""
    count = 0
    for key, wish in wishes.items():
        if isinstance(wish, str) and key == name:
            wishes[key] = f"={version}"
        elif isinstance(wish, dict) and wish.get("package", key) == name and "version" in wish:
            wish["version"] = f"={version}"
        else:
            continue
        count += 1
    return count


def in_plain_words(said: str) -> str:
    """cargo's complaint as one paragraph, without its progress."""
    lines = (re.sub(r"^error:\s*", "", line) for line in said.splitlines() if not _NOISE.match(line))
    return words.paragraph(lines)
