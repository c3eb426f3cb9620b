"""Small registries on loopback for locks: an index of wheels and an npm registry, with logs, plain or over TLS."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.core.lockreaders.composer import COUNTED
from bot.lab.locking.certificates import Authority

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Server:
    """What is common: who asked for what, with which login, and an answer for everything when it is to fail."""

    login: str = ""
    fail: int = 0
    tls: bool = False
    seen: list[str] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    url: str = ""
    pem: str = ""

    def answer(self, path: str, accept: str) -> web.Response:
        """What each kind of registry says."""
        raise AssertionError("a kind of registry answers for itself")

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(request.raw_path)
        self.logins.append(request.headers.get("Authorization"))
        if self.fail:
            # A 403 that names a time would be a limit and no refusal.
            return web.Response(status=self.fail, headers={"Retry-After": "30"} if self.fail in (429, 503) else {})
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401)
        return self.answer(request.path, request.headers.get("Accept", ""))

    @asynccontextmanager
    async def running(self, folder: Path) -> AsyncIterator[Any]:
        """Serve on a free port while the block runs; over TLS by an authority whose PEM is left in folder."""
        app = web.Application()
        app.router.add_get("/{all:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        context: ssl.SSLContext | None = None
        if self.tls:
            authority = Authority(folder)
            context = authority.context("localhost")
            (folder / "ca.pem").write_text(authority.pem)
            self.pem = str(folder / "ca.pem")
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"https://localhost:{port}" if self.tls else f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()


@dataclass
class Wheels(Server):
    """An index of the wheels in a folder. html: pages as PEP 503 has them. metadata: PEP 658 is offered.

    files: where its pages say that the files are, this server by default.
    """

    folder: Path = Path()
    html: bool = False
    metadata: bool = True
    files: str = ""

    def answer(self, path: str, accept: str) -> web.Response:
        _, first, name, *rest = path.split("/")
        if first == "simple" and rest:
            return self._page(name)
        place = self.folder / path.rpartition("/")[2].removesuffix(".metadata")
        if not place.is_file():
            return web.Response(status=404)
        if path.endswith(".metadata"):
            return web.Response(body=metadata_of(place)) if self.metadata else web.Response(status=404)
        return web.Response(body=place.read_bytes())

    def _page(self, name: str) -> web.Response:
        stem = name.replace("-", "_")
        paths = sorted(path for kind in ("whl", "tar.gz") for path in self.folder.glob(f"{stem}-*.{kind}"))
        if not paths:
            return web.Response(status=404)
        if self.html:
            links = [f'<a href="{self._link(path)}#sha256={_sha256(path)}">{path.name}</a>' for path in paths]
            return web.Response(text=f"<html><body>{''.join(links)}</body></html>", content_type="text/html")
        files = [self._file(path) for path in paths]
        body = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
        return web.Response(text=json.dumps(body), content_type=JSON)

    def _file(self, path: Path) -> dict[str, Any]:
        own = {"filename": path.name, "url": self._link(path), "hashes": {"sha256": _sha256(path)}, "yanked": False}
        when = {"upload-time": "2026-01-02T03:04:05.678901Z", "size": path.stat().st_size}
        return {**own, **when, "core-metadata": self.metadata and path.suffix == ".whl"}

    def _link(self, path: Path) -> str:
        return f"{self.files or '../..'}/files{by_content(path)}"


def by_content(path: Path) -> str:
    """Where a warehouse keeps a file."""
    digest = hashlib.blake2b(path.read_bytes(), digest_size=32).hexdigest()
    return f"/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{path.name}"


def metadata_of(wheel: Path) -> bytes:
    """The METADATA of a wheel."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Npm(Server):
    """An npm registry. packages: name -> version -> what its package.json says besides.

    tarballs: where its documents say that the tarballs are, this server by default.
    """

    packages: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    tarballs: str = ""
    checksums: bool = True

    def answer(self, path: str, accept: str) -> web.Response:
        name, inside, file = path[1:].replace("%2f", "/").partition("/-/")
        if name not in self.packages:
            return web.json_response({"error": "Not found"}, status=404)
        versions = self.packages[name]
        if inside:
            version = file.removeprefix(f"{name.rpartition('/')[2]}-").removesuffix(".tgz")
            return web.Response(body=tarball(name, version, versions[version]))
        about = {version: self._about(name, version) for version in versions}
        latest = list(versions)[-1]
        return web.json_response({"name": name, "dist-tags": {"latest": latest}, "versions": about})

    def _about(self, name: str, version: str) -> dict[str, Any]:
        body = tarball(name, version, self.packages[name][version])
        place = f"{self.tarballs or self.url}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        dist = {"tarball": place, "shasum": hashlib.sha1(body).hexdigest(), "integrity": integrity(body)}
        if not self.checksums:
            dist = {"tarball": place}
        return {"name": name, "version": version, **self.packages[name][version], "dist": dist}


@dataclass
class Crates(Server):
    """A sparse index of crates. crates: name -> version -> what it needs, name -> requirement."""

    crates: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)

    def answer(self, path: str, accept: str) -> web.Response:
        if path == "/config.json":
            return web.json_response({"dl": f"{self.url}/files"})
        name = path.rpartition("/")[2]
        if name not in self.crates:
            return web.Response(status=404)
        lines = (crate(name, version, needs) for version, needs in self.crates[name].items())
        return web.Response(text="".join(f"{line}\n" for line in lines), content_type="text/plain")


def crate(name: str, version: str, needs: Mapping[str, str]) -> str:
    """A line of a sparse index."""
    more = {"features": [], "optional": False, "default_features": True, "target": None, "kind": "normal"}
    deps = [{"name": need, "req": wish, **more} for need, wish in needs.items()]
    about = {"name": name, "vers": version, "deps": deps, "cksum": cksum(name, version), "features": {}}
    return json.dumps({**about, "yanked": False})


def cksum(name: str, version: str) -> str:
    """Of a crate that nobody ever fetches."""
    return hashlib.sha256(f"{name}-{version}".encode()).hexdigest()


@dataclass
class Composer(Server):
    """A registry for Composer. packages: name -> version -> what it requires, name -> constraint."""

    packages: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)

    def answer(self, path: str, accept: str) -> web.Response:
        if path == "/packages.json":
            return web.json_response({"packages": [], "metadata-url": "/p2/%package%.json", "notify-batch": COUNTED})
        name = path.removeprefix("/p2/").removesuffix(".json")
        if name not in self.packages:
            return web.Response(status=404)
        about = [
            {**archive(name, version), "version_normalized": f"{version}.0", "require": needs}
            for version, needs in self.packages[name].items()
        ]
        return web.json_response({"packages": {name: about}})


def archive(name: str, version: str) -> dict[str, Any]:
    """A package of Composer's, which nobody ever fetches."""
    digest = hashlib.sha1(f"{name}-{version}".encode()).hexdigest()
    place = {"type": "zip", "url": f"https://git.example/{name}/{digest}.zip", "reference": digest, "shasum": ""}
    source = {"type": "git", "url": f"https://git.example/{name}.git", "reference": digest}
    return {"name": name, "version": version, "source": source, "dist": place}


@dataclass
class Gems(Server):
    """A compact index of gems. gems: name -> version (with a platform, `1.0.0-java`) -> what it needs."""

    gems: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)  # what a version asks of Ruby, by "name version"

    def answer(self, path: str, accept: str) -> web.Response:
        if path == "/versions":
            lines = (f"{name} {','.join(versions)} {self._md5(name)}\n" for name, versions in self.gems.items())
            return web.Response(text=f"created_at: 2026-01-01T00:00:00Z\n---\n{''.join(lines)}")
        name = path.removeprefix("/info/")
        return web.Response(text=self._page(name)) if name in self.gems else web.Response(status=404)

    def _page(self, name: str) -> str:
        lines = (self._line(name, version, needs) for version, needs in self.gems[name].items())
        return "---\n" + "".join(lines)

    def _line(self, name: str, version: str, needs: Mapping[str, str]) -> str:
        asked = self.more.get(f"{name} {version}", "")
        deps = ",".join(f"{need}:{wish}" for need, wish in needs.items())
        return f"{version} {deps}|checksum:{cksum(name, version)}{asked and f',ruby:{asked}'}\n"

    def _md5(self, name: str) -> str:
        return hashlib.md5(self._page(name).encode(), usedforsecurity=False).hexdigest()


def integrity(body: bytes) -> str:
    """As npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()


def tarball(name: str, version: str, more: Mapping[str, Any]) -> bytes:
    """A package with nothing but a package.json, the same bytes each time."""
    text = json.dumps({"name": name, "version": version, **more}).encode()
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return held.getvalue()
