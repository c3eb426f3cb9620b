"""What a tree pins: manifests are fetched by what they hold, so that one that did not change costs nothing again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from posixpath import basename
from typing import TypeAlias

from cachetools import LRUCache
from gidgethub.abc import GitHubAPI

from bot.core.errors import ConfigProblem
from bot.core.model import Pin, RepoName, Sha
from bot.core.ports import Manifest
from bot.core.survey import PROJECT, oldest_python
from bot.github import commits

MOST_FILES = 500
LARGE = 64 << 10  # characters; a longer text is read in a thread, so that nobody waits for it
LINK = "120000"
# Whose pins hang on more than the file: on what a repository's configuration says.
UNKEPT = frozenset({"regex"})
# Whose names say little: every YAML file may be one. Those that say more are read first.
VAGUE = ("kubernetes", "helm_values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one manifest says, or why it cannot be read. python: the oldest that its project runs on; "" for nothing."""

    pins: tuple[Pin, ...] = ()
    problem: str = ""
    python: str = ""


Key: TypeAlias = tuple[str, str, Sha]  # the kind of manifest, the path, and the blob
Kept: TypeAlias = MutableMapping[Key, Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads, by kind, and what was read before."""

    manifests: Mapping[str, Manifest]
    kept: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the tree says. files: every path in it. pythons: as `core.survey.pythons_of` takes them."""

    pins: tuple[Pin, ...] = ()
    pythons: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


def readings(most: int = 50_000) -> Kept:
    """Room for what was read, counted in pins; the least used goes first."""
    return LRUCache(most, getsizeof=lambda reading: 1 + len(reading.pins))


async def of_tree(gh: GitHubAPI, repo: RepoName, tip: Sha, reader: Reader) -> Found:
    """The pins of every manifest in the tree of a commit, file by file in the tree's order."""
    manifests, kept = reader.manifests, reader.kept
    files = [file for file in await commits.tree(gh, repo, tip) if file.mode != LINK]
    mine = [(kind, file) for file in files for kind, manifest in manifests.items() if manifest.matches(file.path)]
    problems: list[str] = []
    if len(mine) > MOST_FILES:
        mine = sorted(mine, key=lambda one: one[0] in VAGUE)[:MOST_FILES]
        problems.append(f"more than {MOST_FILES} files may pin something; those whose names say most were read")
    order = {file.path: number for number, file in enumerate(files)}
    pins: list[Pin] = []
    pythons: dict[str, str] = {}
    for kind, file in sorted(mine, key=lambda one: order[one[1].path]):
        reading = kept.get((kind, file.path, file.sha))
        if reading is None:
            reading = await _read(gh, repo, file, kind, manifests[kind])
            if kind not in UNKEPT:
                kept[kind, file.path, file.sha] = reading
        pins += reading.pins
        if reading.python:
            pythons[file.path] = reading.python
        problems += [reading.problem] if reading.problem else []
    return Found(pins=tuple(pins), pythons=pythons, files=frozenset(order), problems=tuple(problems))


async def _read(gh: GitHubAPI, repo: RepoName, file: commits.File, kind: str, manifest: Manifest) -> Reading:
    text = await commits.text_of(gh, repo, file)
    if text is None:
        return Reading()
    try:
        if len(text) < LARGE:
            return _said(file.path, text, manifest)
        return await asyncio.to_thread(_said, file.path, text, manifest)
    except ConfigProblem as error:
        return Reading(problem=str(error))


def _said(path: str, text: str, manifest: Manifest) -> Reading:
    python = oldest_python(text) if basename(path) == PROJECT else None
    return Reading(pins=tuple(manifest.read(path, text)), python=python or "")
