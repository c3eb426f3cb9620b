"""A checkout on disk, only ever read: its files as git sees them, and copies of it for the lab."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bot.core.errors import ConfigProblem
from bot.core.model import Sha
from bot.tools import processes

MOST_FILES = 50_000
MOST_BYTES = 4 << 20  # of one manifest
GIT_SECONDS = 60.0
SKIPPED = frozenset({".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules", "__pycache__", "site-packages"})

# A checkout's own configuration may name programs for git to run; none of them is to run for a look.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*")


async def files(root: Path) -> list[str]:
    """Paths below root with forward slashes: what git tracks or would, and without git all that lie there.

    ConfigProblem when there are more than 50 000.
    """
    listed = await _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = _walk(root) if listed is None else listed.split("\0")
    found = []
    for name in names:
        if name and _is_plain(root / name):
            found.append(name)
        if len(found) > MOST_FILES:
            raise ConfigProblem(f"holds more than {MOST_FILES} files", where=str(root), mend="Name a smaller folder")
    return sorted(set(found))


async def commit(root: Path) -> str | None:
    """The commit that is checked out, None where there is none."""
    said = await _git(root, "rev-parse", "--verify", "HEAD")
    return said.strip() if said else None


async def _git(root: Path, *words: str) -> str | None:
    """What git says, None when it is not there or says no."""
    # Optional locks would let a mere look rewrite the checkout's index.
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        process = await processes.start(*_GIT, "-C", str(root), *words, env=env)
        told, _ = await processes.communicate(process, GIT_SECONDS)
    except (OSError, TimeoutError):
        return None
    return os.fsdecode(told) if process.returncode == 0 else None


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _is_plain(path: Path) -> bool:
    """A file or a link: no socket, no pipe, and no folder (which is how git lists a submodule)."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False  # tracked, and deleted from the working tree
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def read(root: Path, name: str) -> str:
    """A file's text as its bytes have it, line ends included. ConfigProblem when it is none, or leads elsewhere."""
    path = root / name
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise ConfigProblem("is a link that leads out of the checkout", where=name)
        if path.stat().st_size > MOST_BYTES:
            raise ConfigProblem(f"is larger than {MOST_BYTES >> 20} MiB", where=name)
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigProblem("is not UTF-8", where=name) from None
    except OSError as error:
        raise ConfigProblem(f"cannot be read: {error.strerror}", where=name) from None


def copy(root: Path, names: Sequence[str], into: Path) -> None:
    """These files, with their modes and their links, into a new folder."""
    for name in names:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target, follow_symlinks=False)


def candidate(base: Path, changed: Mapping[str, str], into: Path) -> None:
    """A copy of the base with these files written anew."""
    shutil.copytree(base, into, symlinks=True)
    for name, text in changed.items():
        place = into / name
        if place.is_symlink():  # what it leads to is a file of its own, and changes by itself
            continue
        place.write_bytes(text.encode())


def name_of(base: str, changed: Mapping[str, str]) -> Sha:
    """A commit's name for a tree that was never committed: the same base and change give the same one."""
    total = hashlib.sha256(base.encode())
    for name in sorted(changed):
        total.update(f"\0{name}\0{changed[name]}".encode())
    return Sha(total.hexdigest()[:40])
