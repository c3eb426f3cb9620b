"""The image source against a real registry (the distribution project's own): open, with a login, and with tokens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.adapters import Tools, open_one, sources
from bot.core.errors import Missing, Refused
from bot.core.model import Component, Release
from bot.core.ports import Source
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.builders import lent

PROGRAM = shutil.which("docker-registry") or shutil.which("registry")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ME = aiohttp.BasicAuth("me", "pass word")
# "me" with "pass word", by bcrypt at its lowest cost, which is what the registry reads.
HTPASSWD = "me:$2b$04$abcdefghijklmnopqrstuuFcV8WPKEefLKdOWfX8pW1yTVya21P7a\n"
SERVICE = "a registry"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def registry(folder: Path, auth: Mapping[str, Any] | None = None) -> AsyncIterator[str]:
    """A registry on loopback that keeps its images in the folder; gives its URL once it is ready."""
    if PROGRAM is None:
        pytest.fail("docker-registry is not on PATH. On Debian: apt-get install docker-registry")
    url = f"http://127.0.0.1:{free_port()}"
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": url.removeprefix("http://"), "secret": "of a test"},
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "serve", str(folder / "config.yml"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            while not await ready(session, url):  # noqa: ASYNC110 - nobody tells when another process is ready
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/v2/") as answer:
            return answer.status in (200, 401)
    except aiohttp.ClientError:
        return False


async def push(url: str, name: str, tag: str, text: str, **login: Any) -> str:
    """Push the smallest image that there is, by plain PUTs; gives its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"what": text}}}).encode()
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    part = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": part, "layers": []}).encode()
    async with aiohttp.ClientSession(raise_for_status=True, **login) as session:
        async with session.post(f"{url}/v2/{name}/blobs/uploads/") as begun:
            there = begun.headers["Location"]
        joined = "&" if "?" in there else "?"
        await session.put(f"{there}{joined}digest={digest.replace(':', '%3A')}", data=config)
        kind = {"Content-Type": MANIFEST}
        async with session.put(f"{url}/v2/{name}/manifests/{tag}", data=body, headers=kind) as answer:
            return answer.headers["Docker-Content-Digest"]


@asynccontextmanager
async def source(**options: object) -> AsyncIterator[Source]:
    async with Http(Reach(trusted=["127.0.0.1"])) as http:
        yield open_one(sources, "oci", options, Tools(http=http, secrets=lent(PASSWORD="pass word")))


def image(url: str, name: str) -> Component:
    return Component(name=f"{url.removeprefix('http://')}/{name}", ecosystem="docker")


async def test_an_open_registry_is_read(tmp_path: Path) -> None:
    """All tags, the digest of each as the registry says it, and the new one after a push of the same tag."""
    async with registry(tmp_path) as url, source() as images:
        digests = {tag: await push(url, "team/app", tag, tag) for tag in ("1.0.0", "1.1.0", "1.1.0-slim")}
        found = await images.releases(image(url, "team/app"))
        assert {release.version for release in found} == set(digests)
        for release in found:
            assert (await images.detail(image(url, "team/app"), release)).digest == digests[release.version]
        again = await push(url, "team/app", "1.1.0", "rebuilt")
        assert again != digests["1.1.0"]
        assert (await images.detail(image(url, "team/app"), Release(version="1.1.0"))).digest == again
        with pytest.raises(Missing):
            await images.releases(image(url, "team/none"))
        with pytest.raises(Missing):
            await images.detail(image(url, "team/app"), Release(version="9.9.9", partial=True))


async def test_a_registry_with_a_login_is_read(tmp_path: Path) -> None:
    """With the login, and not without."""
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "here", "path": str(tmp_path / "htpasswd")}}
    async with registry(tmp_path, auth) as url:
        digest = await push(url, "app", "1.0", "x", auth=ME)
        logins = {url.removeprefix("http://"): {"username": "me", "secret": "PASSWORD"}}
        async with source(logins=logins) as images:
            (release,) = await images.releases(image(url, "app"))
            assert (await images.detail(image(url, "app"), release)).digest == digest
        async with source() as images:
            with pytest.raises(Refused, match="set `logins`"):
                await images.releases(image(url, "app"))


@dataclass
class Tokens:
    """A token server: what it signs is believed by a registry that was given its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    asked: int = 0

    def sign(self, scope: str) -> str:
        """A token for one scope, as the registry's documentation has it."""
        kind, name, actions = scope.split(":")
        now = datetime.now(UTC)
        claims = {
            "iss": "the test", "sub": "", "aud": SERVICE, "iat": now, "nbf": now - timedelta(minutes=1),
            "exp": now + timedelta(minutes=5), "jti": str(self.asked),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }  # fmt: skip
        chain = [base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()]
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"x5c": chain})

    async def handle(self, request: web.Request) -> web.Response:
        """Anybody may pull everything but what is private."""
        self.asked += 1
        assert request.query["service"] == SERVICE
        if "private" in request.query["scope"]:
            return web.json_response({"details": "no"}, status=401)
        return web.json_response({"token": self.sign(request.query["scope"]), "expires_in": 300})


def tokens() -> Tokens:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1)).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    )  # fmt: skip
    return Tokens(key=key, certificate=made.sign(key, hashes.SHA256()))


async def test_a_registry_with_tokens_is_read(tmp_path: Path) -> None:
    """Anybody gets a token for what is public; it is used again, and what is private is refused."""
    server = tokens()
    (tmp_path / "root.pem").write_bytes(server.certificate.public_bytes(serialization.Encoding.PEM))
    app = web.Application()
    app.router.add_get("/token", server.handle)
    async with serving(app) as base:
        auth = {"token": {"realm": f"{base}/token", "service": SERVICE, "issuer": "the test",
                          "rootcertbundle": str(tmp_path / "root.pem")}}  # fmt: skip
        async with registry(tmp_path, auth) as url, source() as images:
            bearer = {"Authorization": f"Bearer {server.sign('repository:team/app:pull,push')}"}
            digest = await push(url, "team/app", "1.0", "x", headers=bearer)
            (release,) = await images.releases(image(url, "team/app"))
            assert (await images.detail(image(url, "team/app"), release)).digest == digest
            assert await images.releases(image(url, "team/app"))
            assert server.asked == 1
            with pytest.raises(Refused, match="gives no token for private/app"):
                await images.releases(image(url, "private/app"))
