"""uv.lock (version 1 of its format), poetry.lock (2.0 and 2.1), pdm.lock (4.4 and 4.5) and Pipfile.lock (spec 6)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.core import tomls
from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import PUBLIC, Locked


def uv(text: str) -> Iterator[Locked]:
    """Every package of a uv.lock."""
    document = tomls.loads(text)
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
    document = tomls.loads(text)
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


def pdm(text: str) -> Iterator[Locked]:
    """Every package of a pdm.lock; one with extras stands there twice, and is told once."""
    document = tomls.loads(text)
    version = str(document.get("metadata", {}).get("lock_version"))
    if version.split(".")[:2] not in (["4", "4"], ["4", "5"]):
        raise ConfigProblem(
            f"has lock_version {version!r}; only 4.4 and 4.5 are known",
            where="pdm.lock", mend="Run `pdm lock` once with PDM 2.10 or newer",
        )  # fmt: skip
    for package in document.get("package", ()):
        if package.get("extras"):
            continue
        place = str(package.get("git") or package.get("url") or "")
        aside = any(kind in package for kind in ("git", "url", "path", "hg", "svn", "bzr"))
        yield Locked(
            name=str(package["name"]),
            version=str(package["version"]),
            origin=place if aside else PUBLIC,
            files={_named(file): str(file["hash"]) for file in package.get("files", ()) if "hash" in file},
            aside=aside,
        )


def _named(file: Mapping[str, Any]) -> str:
    return str(file["file"]) if "file" in file else str(file["url"]).partition("#")[0].rpartition("/")[2]


def pipfile(text: str) -> Iterator[Locked]:
    """Every package of a Pipfile.lock, which knows the checksums of files and not their names."""
    document = json.loads(text)
    if (spec := document["_meta"].get("pipfile-spec")) != 6:
        raise ConfigProblem(f"has pipfile-spec {spec!r}; only 6 is known", where="Pipfile.lock")
    places = {str(one["name"]): str(one["url"]).rstrip("/") for one in document["_meta"].get("sources", ())}
    for section, packages in document.items():
        for name, package in packages.items() if section != "_meta" else ():
            version = str(package.get("version", ""))
            held = [str(one) for one in package.get("hashes", ())]
            yield Locked(
                name=str(name),
                version=version.removeprefix("=="),
                origin=places.get(str(package.get("index", "")), "") if version else _elsewhere(package),
                files={one: one for one in held},
                aside=not version,
            )


def _elsewhere(package: Mapping[str, Any]) -> str:
    return str(package.get("git") or package.get("file") or "")
