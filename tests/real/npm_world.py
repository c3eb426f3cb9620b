"""A small world of npm: packages with files at a registry on loopback, projects with locks, and a lab that knows it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.core.model import Component, Sha
from bot.core.ports import Trial
from bot.core.suites import Asked
from bot.lab.host import Host
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab import registries
from tests.lab.world import tree
from tests.real import labs

Files = Mapping[str, str]


@dataclass
class Registry(registries.Npm):
    """files: (name, version) -> what the package holds beside its package.json."""

    files: dict[tuple[str, str], Files] = field(default_factory=dict)

    def publish(self, name: str, version: str, files: Files, **more: Any) -> None:
        """One more version of a package."""
        self.packages.setdefault(name, {})[version] = more
        self.files[name, version] = files

    def packed(self, name: str, version: str) -> bytes:
        """The tarball, the same bytes each time."""
        manifest = json.dumps({"name": name, "version": version, **self.packages[name][version]})
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz") as archive:
            for path, text in {"package.json": manifest, **self.files[name, version]}.items():
                entry = tarfile.TarInfo(f"package/{path}")
                entry.size, entry.mode = len(text.encode()), 0o644
                archive.addfile(entry, io.BytesIO(text.encode()))
        # The time of packing, which gzip writes down, is taken out.
        return held.getvalue()[:4] + bytes(4) + held.getvalue()[8:]

    def answer(self, path: str, accept: str) -> web.Response:
        name, inside, file = path[1:].replace("%2f", "/").partition("/-/")
        if not inside or name not in self.packages:
            return super().answer(path, accept)
        return web.Response(body=self.packed(name, file.removeprefix(f"{name.rpartition('/')[2]}-")[: -len(".tgz")]))

    def _about(self, name: str, version: str) -> dict[str, Any]:
        own = {"name": name, "version": version, **self.packages[name][version]}
        return {**own, "dist": {"tarball": self.place(name, version), "integrity": self.integrity(name, version)}}

    def place(self, name: str, version: str) -> str:
        """The address of a tarball."""
        return f"{self.url}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"

    def integrity(self, name: str, version: str) -> str:
        """As a lock names it."""
        return registries.integrity(self.packed(name, version))

    def entry(self, name: str, version: str, **more: Any) -> dict[str, Any]:
        """What a lock says of it."""
        own = self.packages[name][version]
        kept = {key: own[key] for key in ("dependencies", "bin") if key in own}
        scripts = {"hasInstallScript": True} if "postinstall" in own.get("scripts", {}) else {}
        place = {"version": version, "resolved": self.place(name, version), "integrity": self.integrity(name, version)}
        return {**place, **kept, **scripts, **more}


def project(
    folder: Path, registry: Registry, wishes: Mapping[str, str], files: Files, *, where: str = "", **manifest: Any
) -> Path:
    """A project that pins these packages, with its lock. where: the folder of the tree that it is in."""
    root = {"name": "app", "version": "1.0.0", "dependencies": dict(wishes)}
    packages = {f"node_modules/{name}": registry.entry(name, version) for name, version in wishes.items()}
    lock = {"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": root, **packages}}
    below = f"{where}/" if where else ""
    own = {"package.json": json.dumps({**root, **manifest}), "package-lock.json": json.dumps(lock, indent=2)}
    return tree(folder, {f"{below}{path}": text for path, text in own.items()} | dict(files))


@asynccontextmanager
async def laboratory(host: Host, registry: Registry, folder: Path, wheels: Path | None = None) -> AsyncIterator[Any]:
    """A lab on a machine that knows this registry alone; and, for Python, this folder of wheels."""
    index = IndexSettings(find_links=(str(wheels),) if wheels else (), no_index=True)
    settings = NpmSettings(registry=registry.url)
    async with labs.laboratory(host, folder, index=index, npm=lambda: settings) as made:
        yield made


def a_trial(base: Path, candidate: Path, component: str = "greet", ecosystem: str = "npm", **suites: str) -> Trial:
    """A question for the lab."""
    return Trial(
        base=base,
        candidate=candidate,
        head=Sha("b" * 40),
        base_sha=Sha("a" * 40),
        component=Component(name=component, ecosystem=ecosystem),
        suites={kind: Asked(run=command) for kind, command in suites.items()},
        seconds=120.0,
        memory_mib=1024,
    )
