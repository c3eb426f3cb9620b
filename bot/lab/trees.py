"""A tree that is to be tried: what it holds, in one hash, and whether the jail's uid can read it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bot.lab.host import Host

APART = frozenset({".git", ".hg", "__pycache__"})  # not part of what is tested


def fingerprint(tree: Path, *endings: str) -> str:
    """The same files with the same content and the same modes give the same text, wherever the tree lies.

    endings: only files whose names end so count, where there are any.
    """
    total = hashlib.sha256()
    for path in _walk(tree):
        if endings and not path.name.endswith(endings):
            continue
        name = path.relative_to(tree).as_posix()
        if path.is_symlink():
            told = f"link {path.readlink()}"
        elif path.is_file():
            with path.open("rb") as file:
                told = hashlib.file_digest(file, "sha256").hexdigest()
            told += " x" if path.stat().st_mode & stat.S_IXUSR else ""
        else:
            continue
        total.update(f"{name}\0{told}\0".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _walk(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in APART)
        # A link to a folder is listed among the folders, but not walked into.
        for name in sorted([*files, *(name for name in folders if (Path(folder) / name).is_symlink())]):
            yield Path(folder) / name


@contextlib.contextmanager
def offered(tree: Path, host: Host) -> Iterator[Path]:
    """The tree at a place where the jail's uid can read it: itself where it can, else a copy that goes away again."""
    tree = tree.resolve()
    if not host.root or (_is_open(tree) and (host.stage or _reachable(tree))):
        yield tree
        return
    with tempfile.TemporaryDirectory(prefix="surefoot-tree-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        shutil.copytree(tree, place / "tree", symlinks=True, copy_function=_copy, ignore=_special)
        for path in [place / "tree", *(place / "tree").rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        yield place / "tree"


def _is_open(tree: Path) -> bool:
    for folder, _, files in os.walk(tree):
        if not Path(folder).stat().st_mode & stat.S_IXOTH:
            return False
        for name in files:
            found = (Path(folder) / name).lstat()
            if stat.S_ISREG(found.st_mode) and not found.st_mode & stat.S_IROTH:
                return False
    return True


def _reachable(tree: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in tree.parents)


def _copy(source: str, target: str) -> None:
    shutil.copy2(source, target)
    mode = Path(target).stat().st_mode
    Path(target).chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def _special(folder: str, names: list[str]) -> list[str]:
    """Sockets, pipes and devices are no part of a tree; copying from a pipe would wait for ever."""
    return [name for name in names if not _plain((Path(folder) / name).lstat().st_mode)]


def _plain(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
