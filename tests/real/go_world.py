"""A small world of Go: a module proxy on loopback, and what go.sum says of its modules."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass
class Proxy:
    """A module proxy: "module@version" -> files; one without a go.mod gets a plain one."""

    modules: dict[str, Mapping[str, str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    fail: int = 0
    url: str = ""

    database: Database | None = None

    def files(self, name: str) -> dict[str, bytes]:
        """What a module's zip holds."""
        module = name.partition("@")[0]
        own = {"go.mod": f"module {module}\n\ngo 1.18\n", **self.modules[name]}
        return {f"{name}/{path}": text.encode() for path, text in own.items()}

    def sums(self, name: str) -> str:
        """The lines of go.sum for it."""
        module, _, version = name.partition("@")
        return f"{module} {version} {h1(self.files(name))}\n{self.mod(name)}"

    def mod(self, name: str) -> str:
        """The line of go.sum for its go.mod alone."""
        module, _, version = name.partition("@")
        return f"{module} {version}/go.mod {h1({'go.mod': self.files(name)[f'{name}/go.mod']})}\n"

    async def answer(self, request: web.Request) -> web.Response:
        """As GOPROXY's protocol has it."""
        self.seen.append(request.path)
        if self.fail:
            return web.Response(status=self.fail)
        if self.database and (said := self.database.answer(request.path, self)) is not None:
            return web.Response(body=said)
        module, _, file = request.path[1:].partition("/@v/")
        if file == "list":
            versions = [name.partition("@")[2] for name in self.modules if name.startswith(f"{module}@")]
            return web.Response(text="".join(f"{one}\n" for one in versions))
        name = f"{module}@{file.rpartition('.')[0]}"
        if name not in self.modules:
            return web.Response(status=404)
        if file.endswith(".info"):
            return web.json_response({"Version": name.partition("@")[2], "Time": "2026-01-01T00:00:00Z"})
        if file.endswith(".mod"):
            return web.Response(body=self.files(name)[f"{name}/go.mod"])
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            for path, data in self.files(name).items():
                archive.writestr(path, data)
        return web.Response(body=held.getvalue())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        """On a free port while the block runs."""
        app = web.Application()
        app.router.add_get("/{all:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


def h1(files: Mapping[str, bytes]) -> str:
    """golang.org/x/mod/sumdb/dirhash, Hash1."""
    lines = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


@dataclass
class Database:
    """A checksum database (golang.org/x/mod/sumdb) of what a proxy has. lies: modules of which it knows other bytes."""

    name: str = "sums.example"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    lies: tuple[str, ...] = ()

    @property
    def setting(self) -> str:
        """GOSUMDB's words for it."""
        public, mark = self._public()
        return f"{self.name}+{mark.hex()}+{base64.b64encode(public).decode()} http://{self.name}"

    def _public(self) -> tuple[bytes, bytes]:
        public = b"\x01" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return public, hashlib.sha256(f"{self.name}\n".encode() + public).digest()[:4]

    def answer(self, path: str, proxy: Proxy) -> bytes | None:
        """A record with the signed tree, or a tile of its hashes."""
        names = sorted(proxy.modules)
        records = [self._record(proxy, name) for name in names]
        leaves = [hashlib.sha256(b"\x00" + record).digest() for record in records]
        if path == f"/tile/8/0/000.p/{len(leaves)}":
            return b"".join(leaves)
        asked = path.removeprefix("/lookup/")
        if asked == path or asked not in names:
            return None
        at = names.index(asked)
        return b"%d\n%s\n%s" % (at, records[at], self._signed(leaves))

    def _record(self, proxy: Proxy, name: str) -> bytes:
        text = proxy.sums(name)
        return (text.replace(" h1:", " h1:A") if name in self.lies else text).encode()

    def _signed(self, leaves: list[bytes]) -> bytes:
        root = base64.b64encode(_root(leaves)).decode()
        text = f"go.sum database tree\n{len(leaves)}\n{root}\n"
        said = base64.b64encode(self._public()[1] + self.key.sign(text.encode())).decode()
        return f"{text}\n\u2014 {self.name} {said}\n".encode()


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()
