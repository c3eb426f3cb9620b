"""npm's documents as the public registry has them, full and abbreviated, to be put on a shelf."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from aiohttp import web

from tests.adapters.sources.shelf import Shelf

INSTALL = "application/vnd.npm.install-v1+json"
# The fields that npm's abbreviated form keeps (npm/registry, docs/responses/package-metadata.md, and hasInstallScript).
SHORT = ("name", "version", "deprecated", "dependencies", "bin", "dist", "engines", "hasInstallScript")


def sha512(text: str) -> bytes:
    return hashlib.sha512(text.encode()).digest()


def version(name: str, number: str, **more: Any) -> dict[str, Any]:
    """One version as npm's full document has it."""
    file = f"{name.rpartition('/')[2]}-{number}.tgz"
    dist = {
        "shasum": hashlib.sha1(file.encode()).hexdigest(),
        "tarball": f"https://registry.example/{name}/-/{file}",
        "integrity": "sha512-" + base64.b64encode(sha512(file)).decode(),
        "fileCount": 3,
        "unpackedSize": 4096,
        "signatures": [{"keyid": "SHA256:x", "sig": "MEUC"}],
        **more.pop("dist", {}),
    }
    said = {
        "name": name,
        "version": number,
        "_id": f"{name}@{number}",
        "main": "index.js",
        "scripts": {"test": "node test.js"},
        "repository": {"type": "git", "url": "git+https://github.com/acme/pad.git"},
        "homepage": "https://pad.example/",
        "maintainers": [{"name": "ann", "email": "ann@mail.example"}, {"name": "bob", "email": "bob@mail.example"}],
        "_npmUser": {"name": "ann", "email": "ann@mail.example"},
        "dist": dist,
        **more,
    }
    return {key: value for key, value in said.items() if value is not None}


def trusted(number: str, **more: Any) -> dict[str, Any]:
    """A version that a workflow published, with a build attestation."""
    user = {
        "name": "GitHub Actions",
        "email": "oidc@mail.example",
        "trustedPublisher": {"id": "github", "oidcConfigId": "oidc:1f"},
    }
    url = f"https://registry.example/-/npm/v1/attestations/pad@{number}"
    proof = {"url": url, "provenance": {"predicateType": "https://slsa.dev/provenance/v1"}}
    return version("pad", number, _npmUser=user, dist={"attestations": proof}, **more)


def attestations(number: str, repository: str = "https://github.com/acme/pad", file: str = "") -> dict[str, Any]:
    """npm's answer to the question for a version's attestations (slsa-framework/slsa-verifier, docs of npm)."""
    digest = sha512(file or f"pad-{number}.tgz").hex()
    workflow = {"ref": "refs/heads/main", "repository": repository, "path": ".github/workflows/publish.yml"}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"pkg:npm/pad@{number}", "digest": {"sha512": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"externalParameters": {"workflow": workflow}}},
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    published = {"predicateType": "https://github.com/npm/attestation/tree/main/specs/publish/v0.1", "bundle": {}}
    envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}
    return {
        "attestations": [
            published,
            {"predicateType": "https://slsa.dev/provenance/v1", "bundle": {"dsseEnvelope": envelope}},
        ]
    }


def document(*versions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The full document of these versions, published a day apart from the first of January on."""
    name = versions[0]["name"]
    times = {one["version"]: f"2026-01-{day:02}T10:00:00.000Z" for day, one in enumerate(versions, 1)}
    return {
        "_id": name,
        "name": name,
        "dist-tags": {"latest": versions[-1]["version"]},
        "versions": {one["version"]: one for one in versions},
        "time": {"created": "2026-01-01T09:00:00.000Z", "modified": "2026-02-01T00:00:00.000Z", **times},
        "readme": "#" * 100,
        **more,
    }


def short(full: dict[str, Any]) -> dict[str, Any]:
    """The abbreviated form of a document."""
    versions = {
        number: {key: said[key] for key in SHORT if key in said} for number, said in full["versions"].items()
    }  # fmt: skip
    return {"name": full["name"], "modified": "x", "dist-tags": full["dist-tags"], "versions": versions}


def put(shelf: Shelf, full: dict[str, Any], path: str = "/pad") -> None:
    """Serve a document in both forms, as the public registry does."""

    def answer(request: web.Request) -> web.Response:
        abbreviated = INSTALL in request.headers.get("Accept", "")
        text = json.dumps(short(full) if abbreviated else full)
        kind = INSTALL if abbreviated else "application/json"
        tag = f'"{hashlib.sha1(text.encode()).hexdigest()}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(text=text, content_type=kind, headers={"ETag": tag})

    shelf.pages[path] = answer
