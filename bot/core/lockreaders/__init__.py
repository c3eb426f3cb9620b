"""Reads the lock files of several tools as one thing: packages, with where they come from and their checksums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bot.core.lockreaders import bun, cargo, composer, gem, golang, npm, pnpm, python, yarn
from bot.core.lockreaders.locked import PUBLIC as PUBLIC
from bot.core.lockreaders.locked import Locked as Locked

READERS: Mapping[str, Callable[[str], Iterator[Locked]]] = {
    "uv.lock": python.uv,
    "poetry.lock": python.poetry,
    "pdm.lock": python.pdm,
    "Pipfile.lock": python.pipfile,
    "package-lock.json": npm.read,
    "npm-shrinkwrap.json": npm.read,
    "pnpm-lock.yaml": pnpm.read,
    "yarn.lock": yarn.read,
    "Cargo.lock": cargo.read,
    "composer.lock": composer.read,
    "bun.lock": bun.read,
    "go.sum": golang.read,
    "Gemfile.lock": gem.read,
    "gems.locked": gem.read,
}
