"""Registries that publish attestations, on loopback, and a workbench that asks them: nothing is installed for it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.core.model import Component, Member
from bot.lab.environments import Environment, Fetching, Interpreter
from bot.lab.host import Host
from bot.lab.locks import Room
from bot.lab.resolver import Uv
from bot.lab.workbench import Budget, Sample, Workbench
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab import registries
from tests.lab.signing import NPM_PUBLISHED, SLSA, Build, Sigstore, _key, _sign, about, as_pep740, b64, built, spki
from tests.lab.world import a_trial

PUBLISHER = {"kind": "GitHub", "repository": "acme/greeter", "workflow": "release.yml", "environment": "release"}
KEY_ID = "SHA256:ours"
HTML = "text/html"


@dataclass
class Index(registries.Server):
    """An index of Python packages. files: filename -> its bytes; said: filename -> the provenance that is published.

    shas: filename -> sha256 of a file that there really is. html: pages as PEP 503 has them. gone: what its pages name
    is not there.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    shas: dict[str, str] = field(default_factory=dict)
    html: bool = False
    gone: bool = False

    def publish(self, filename: str, *bundles: Mapping[str, Any], publisher: Mapping[str, Any] = PUBLISHER) -> str:
        """A file, and what is attested of it. Its sha256."""
        self.files[filename] = filename.encode()
        if bundles:
            every = [as_pep740(one) for one in bundles]
            said = {"publisher": dict(publisher), "attestations": every}
            self.said[filename] = {"version": 1, "attestation_bundles": [said]}
        return self.sha(filename)

    def sha(self, filename: str) -> str:
        """In hex; shas has those of files that there really are."""
        return self.shas.get(filename) or hashlib.sha256(filename.encode()).hexdigest()

    def answer(self, path: str, accept: str) -> web.Response:
        if path.startswith("/provenance/"):
            name = path.rpartition("/")[2]
            return web.Response(status=404) if self.gone else web.json_response(self.said[name])
        listed = [one for one in self.files if path == f"/simple/{one.partition('-')[0]}/"]
        if not listed:
            return web.Response(status=404)
        if self.html:
            return web.Response(text="".join(map(self._anchor, listed)), content_type=HTML)
        return web.Response(body=json.dumps({"files": [self._entry(one) for one in listed]}))

    def _anchor(self, name: str) -> str:
        more = f' data-provenance="/provenance/{name}"' if name in self.said else ""
        return f'<a href="/f/{name}#sha256={self.sha(name)}"{more}>{name}</a><br>\n'

    def _entry(self, name: str) -> dict[str, Any]:
        more = {"provenance": f"/provenance/{name}"} if name in self.said else {}
        return {"filename": name, "url": f"/f/{name}", "hashes": {"sha256": self.sha(name)}, **more}


@dataclass
class Npm(registries.Server):
    """A registry of npm. versions: "name@version" -> its document; said: -> its attestations. keys: more than its own;
    no_keys: it publishes none. whole: it knows only whole packages. times: name -> when its versions were published.
    """

    versions: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=_key)
    keys: list[dict[str, Any]] = field(default_factory=list)
    no_keys: bool = False
    whole: bool = False
    times: dict[str, dict[str, str]] = field(default_factory=dict)

    def sign(self, name: str, version: str, *, key: Any = None, key_id: str = KEY_ID, said: str = "") -> None:
        """As npm's registry signs what was published. said: something else that is signed instead."""
        dist = self.versions[f"{name}@{version}"]["dist"]
        what = said or f"{name}@{version}:{dist['integrity']}"
        one = {"keyid": key_id, "sig": b64(_sign(key or self.key, what.encode()))}
        dist.setdefault("signatures", []).append(one)

    def publish(self, name: str, version: str, *bundles: Mapping[str, Any], trusted: str = "") -> str:
        """A package, and what is attested of it. Its integrity."""
        digest = self.sha512(name, version)
        integrity = f"sha512-{b64(bytes.fromhex(digest))}"
        dist: dict[str, Any] = {"integrity": integrity}
        place = f"{name}@{version}"
        if bundles:
            # What a mirror passes on is the address at another registry.
            dist["attestations"] = {"url": "https://registry.example.org/elsewhere"}
            self.said[place] = {"attestations": [{"predicateType": "any", "bundle": one} for one in bundles]}
        user = {"_npmUser": {"name": "x", "trustedPublisher": {"id": trusted}}} if trusted else {}
        self.versions[place] = {"name": name, "version": version, "dist": dist, **user}
        return integrity

    def sha512(self, name: str, version: str) -> str:
        """In hex."""
        return hashlib.sha512(f"{name} {version}".encode()).hexdigest()

    def answer(self, path: str, accept: str) -> web.Response:
        path = path.replace("%2f", "/")
        if path == "/-/npm/v1/keys":
            keys = [{"keyid": KEY_ID, "key": b64(spki(self.key)), "expires": None}, *self.keys]
            return web.Response(status=404) if self.no_keys else web.json_response({"keys": keys})
        if path.startswith("/-/npm/v1/attestations/"):
            return web.json_response(self.said[path.removeprefix("/-/npm/v1/attestations/")])
        name, _, version = path[1:].rpartition("/")
        if f"{name}@{version}" in self.versions and not self.whole:
            return web.json_response(self.versions[f"{name}@{version}"])
        listed = {
            key.rpartition("@")[2]: one for key, one in self.versions.items() if key.rpartition("@")[0] == path[1:]
        }
        more = {"time": self.times[path[1:]]} if path[1:] in self.times else {}
        return web.json_response({"versions": listed, **more}) if listed else web.Response(status=404)


def of_wheel(ours: Sigstore, filename: str, who: Build | None = None, sha: str = "") -> dict[str, Any]:
    """What a build attests of a wheel of the index."""
    return ours.bundle(about(filename, sha256=sha or hashlib.sha256(filename.encode()).hexdigest()), who or Build())


def of_package(
    ours: Sigstore, registry: Npm, name: str, version: str, who: Build | None = None
) -> list[dict[str, Any]]:
    """What npm's registry has of a package: its build's word, and its own."""
    purl, digest = f"pkg:npm/{name.replace('@', '%40')}@{version}", registry.sha512(name, version)
    build = who or Build()
    own = about(purl, NPM_PUBLISHED, {"name": name, "version": version, "registry": "https://r"}, sha512=digest)
    return [
        ours.bundle(about(purl, SLSA, built(build), sha512=digest), build), ours.by_key(own, registry.key, KEY_ID),
    ]  # fmt: skip


@dataclass
class Bench:
    """Who asks. said: what who watches was told."""

    folder: Path
    host: Host
    index: Index
    npm: Npm
    http: Http
    root: Path | None = None
    said: list[str] = field(default_factory=list)

    def made(self, before: str, after: str, ecosystem: str, parts: Sequence[Member] = ()) -> Workbench:
        """Both sides have these locks."""
        python = Interpreter(
            path=Path(os.path.realpath(sys.executable)),
            version="3.11.7",
            prefix=Path(os.path.realpath(sys.base_prefix)),
        )
        tree = self.folder / "tree"
        tree.mkdir(exist_ok=True)

        def side(lock: str) -> Sample:
            made = Environment(key="k", folder=tree, interpreter=python, lock=lock, ecosystem=ecosystem)
            return Sample(tree=tree, environment=made)

        room = Room(host=self.host, http=self.http, reach=Reach())
        fetching = Fetching(room=room, npm=lambda: NpmSettings(registry=self.npm.url), root=self.root)
        trial = replace(
            a_trial(tree, tree), component=Component(name="greeter", ecosystem=ecosystem), parts=tuple(parts)
        )
        return Workbench(
            trial=trial, before=side(before), after=side(after), host=self.host,
            uv=Uv(path="uv", index=IndexSettings(index_url=f"{self.index.url}/simple")), budget=Budget(60.0),
            folder=self.folder / "learnt", say=self.said.append, fetching=fetching,
        )  # fmt: skip


@asynccontextmanager
async def a_bench(folder: Path, host: Host, ours: Sigstore) -> AsyncIterator[Bench]:
    """Both registries run, and our own Sigstore is trusted."""
    root = folder / "trusted_root.json"
    root.write_text(json.dumps(ours.trusted_root()))
    index, npm, http = Index(), Npm(), Http(Reach(trusted={"127.0.0.1"}))
    async with index.running(folder), npm.running(folder), http:
        yield Bench(folder, host, index, npm, http, root)
