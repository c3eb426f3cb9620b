"""uv.lock (version 1 of its format) and poetry.lock (2.0 and 2.1)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import PUBLIC, Locked


def uv(text: str) -> Iterator[Locked]:
    """Every package of a uv.lock."""
    document = tomllib.loads(text)
    if document.get("version") != 1:
        raise ConfigProblem(f"is of version {document.get('version')!r}; only 1 is known", where="uv.lock")
    for package in document.get("package", ()):
        # A package whose version is found out by building it has none in the lock.
        source, version = package["source"], str(package.get("version", ""))
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        kind = next(iter(source))
        yield Locked(
            name=str(package["name"]),
            version=version,
            origin="" if kind in ("virtual", "editable", "directory") else str(source[kind]),
            files={_last(file): str(file["hash"]) for file in files if "hash" in file},
            aside=kind != "registry",
        )


def _last(file: Mapping[str, Any]) -> str:
    """The name of a file, by its URL or its path."""
    return str(file.get("url") or file.get("path") or file["filename"]).partition("#")[0].rpartition("/")[2]


def poetry(text: str) -> Iterator[Locked]:
    """Every package of a poetry.lock."""
    document = tomllib.loads(text)
    version = document.get("metadata", {}).get("lock-version")
    if version not in ("2.0", "2.1"):
        raise ConfigProblem(
            f"has lock-version {version!r}; only 2.0 and 2.1 are known",
            where="poetry.lock", mend="Run `poetry lock` once with Poetry 1.5 or newer",
        )  # fmt: skip
    for package in document.get("package", ()):
        source = package.get("source", {})
        kind = source.get("type", "")
        origin = str(source.get("url", "")) if source else PUBLIC
        yield Locked(
            name=str(package["name"]),
            version=str(package["version"]),
            # A folder of the repository is no place that anyone could publish at.
            origin="" if kind in ("directory", "file") else origin,
            files={str(file["file"]): str(file["hash"]) for file in package["files"]},
            aside=kind not in ("", "legacy"),
        )
