"""Reads the lock files of several tools as one thing: packages, with where they come from and their checksums.

A reader is a file of this folder, loaded when the first lock of its tool is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from bot.core.lockreaders.locked import PUBLIC as PUBLIC
from bot.core.lockreaders.locked import Locked as Locked

Reader = Callable[[str], Iterator[Locked]]


def _reader(module: str, name: str = "read") -> Reader:
    def read(text: str) -> Iterator[Locked]:
        found: Reader = getattr(import_module(f"{__name__}.{module}"), name)
        return found(text)

    return read


READERS: Mapping[str, Reader] = {
    "uv.lock": _reader("python", "uv"),
    "poetry.lock": _reader("python", "poetry"),
    "pdm.lock": _reader("python", "pdm"),
    "Pipfile.lock": _reader("python", "pipfile"),
    "package-lock.json": _reader("npm"),
    "npm-shrinkwrap.json": _reader("npm"),
    "pnpm-lock.yaml": _reader("pnpm"),
    "yarn.lock": _reader("yarn"),
    "Cargo.lock": _reader("cargo"),
    "composer.lock": _reader("composer"),
    "bun.lock": _reader("bun"),
    "go.sum": _reader("golang"),
    "Gemfile.lock": _reader("gem"),
    "gems.locked": _reader("gem"),
}
