"""Real attestations, made by others on the public Sigstore, are verified as they are; a changed sign of one is found.

Those of Python come out of the tests of pypi-attestations (Apache-2.0), fetched from the index of this machine; those
of npm are in `npm_attested`. Registries that publish them are stood in for on loopback.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import shutil
import ssl
import tarfile
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from aiohttp import web

from bot.core import vouching
from bot.core.attestations import Standing
from bot.core.model import Grade
from bot.lab import probe, resolver, security, security_lock, security_signed, security_vouched, trial
from bot.lab.environments import Fetching
from bot.lab.host import Host
from bot.lab.learnt import Learnt
from bot.lab.locks import Room
from bot.lab.vouched import documents, verifying
from bot.lab.vouched.holding import holds
from bot.lab.vouched.registries import File, Registries
from bot.tools.http import Http, Reach
from bot.tools.npm import settings_of_npm
from bot.tools.pip import IndexSettings, index_of_pip
from tests.lab import registries
from tests.lab.signing import Build, Sigstore, as_pep740, b64
from tests.lab.test_signed import REAL, REAL_KEY
from tests.lab.vouching import PUBLISHER, Bench, a_bench, of_wheel
from tests.lab.world import a_trial, tree, wheel, with_pytest
from tests.real import npm_attested

SOURCE = "pypi_attestations-0.0.30.tar.gz"
BY_GITHUB = "pypi_attestations-0.0.19.tar.gz"
BY_GOOGLE = "gcb_attestation_test-0.0.0.tar.gz"
BY_GITLAB = "gitlab_oidc_project-0.0.3.tar.gz"
BY_CIRCLE = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """Reaches what pip and npm reach."""
    index = index_of_pip()
    async with Http(Reach(trusted=index.hosts | settings_of_npm().hosts | {"127.0.0.1"}, ca=index.cert)) as made:
        yield made


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Nothing but the public Sigstore is trusted."""
    tmp_path.chmod(0o755)
    host: Host = await probe.probe()
    async with a_bench(tmp_path, host, Sigstore()) as made:
        made.root = None
        yield made


async def assets(http: Http) -> dict[str, bytes]:
    """What lies beside the tests of pypi-attestations."""
    page = f"{index_of_pip().main}/pypi-attestations/"
    answer = await http.get(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    (listed,) = (one for one in json.loads(answer.body)["files"] if one["filename"] == SOURCE)
    body = await asyncio.to_thread(_fetched, urljoin(answer.url, listed["url"]))
    assert hashlib.sha256(body).hexdigest() == listed["hashes"]["sha256"]
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return dict(_of(archive))


def _by_gitlab(attestation: bytes) -> bytes:
    """As an index would publish it."""
    publisher = {
        "kind": "GitLab",
        "repository": "facutuesca/gitlab-oidc-project",
        "workflow_filepath": ".gitlab-ci.yml",
    }
    bundle = {"publisher": publisher, "attestations": [json.loads(attestation)]}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()


def _fetched(url: str) -> bytes:
    """As pip does it: where an index says that its files are, may be a mirror at a private address."""
    with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=index_of_pip().cert)) as answer:
        body: bytes = answer.read()
        return body


def _of(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        if "/test/assets/" in member.name and (file := archive.extractfile(member)):
            yield member.name.rpartition("/")[2], file.read()


@pytest.mark.parametrize(
    ("name", "word"),
    [
        (BY_GITHUB, ".github/workflows/release.yml"),
        (BY_GITLAB, ".gitlab-ci.yml"),
        (BY_GOOGLE, "compute@developer.gserviceaccount.com"),
        (BY_CIRCLE, "github.com/CircleCI-Public/sign-and-publish-examples"),
    ],
)
async def test_what_public_builds_signed_is_verified(bench: Bench, http: Http, name: str, word: str) -> None:
    """GitHub's, GitLab's, Google's and CircleCI's; another file, and another publisher than it names, do not pass."""
    held = await assets(http)
    sha = hashlib.sha256(held[name]).hexdigest()
    by = verifying.trust(None)
    made = bench.made("", "", "pypi")

    async def judged(provenance: bytes, digest: str = sha) -> Any:
        file = File(filename=name, digest=digest, attestations=documents.provenance(provenance))
        (heard,) = await verifying.heard(made, [file], by)
        return vouching.of_python(name, digest, [(file.attestations[0].publisher, heard[0])])

    said = held.get(f"{name}.provenance") or _by_gitlab(held[f"{name}.publish.attestation"])
    found = await judged(said)
    assert found.standing is Standing.VERIFIED and word in found.builder.words
    assert (await judged(said, "0" * 64)).standing is Standing.WRONG
    document = json.loads(said)
    publisher = document["attestation_bundles"][0]["publisher"]
    publisher |= {"repository": "mallory/x", "email": "mallory@example.org", "project_id": "mallory"}
    assert (await judged(json.dumps(document).encode())).standing is Standing.WRONG
    document = json.loads(said)
    envelope = document["attestation_bundles"][0]["attestations"][0]["envelope"]
    envelope["statement"] = b64(json.dumps({"forged": True}).encode())
    assert (await judged(json.dumps(document).encode())).standing is Standing.WRONG


async def test_the_whole_way_for_a_real_wheel(bench: Bench, http: Http) -> None:
    """Page, provenance and lock are put together; the wheel is a real one, and so is what was signed of it."""
    held = await assets(http)
    bench.index.shas[BY_CIRCLE] = hashlib.sha256(held[BY_CIRCLE]).hexdigest()
    bench.index.files[BY_CIRCLE], bench.index.said[BY_CIRCLE] = b"", json.loads(held[f"{BY_CIRCLE}.provenance"])
    page = bench.index.answer
    bench.index.answer = lambda path, accept: page(
        path.replace("-sign-publish-example", "_sign_publish_example"), accept
    )  # type: ignore[method-assign]  # the index writes the name with dashes
    name = "circleci-sign-publish-example"
    found = await looked(bench, "", f"{name}==0.0.1.dev137 --hash=sha256:{bench.index.shas[BY_CIRCLE]}\n", "pypi")
    ((_, title, told),) = found.told
    assert not told.asks and not told.grave and "is verified to be built" in title


async def test_a_real_package_of_npm_is_verified(bench: Bench, http: Http) -> None:
    """sigstore 0.4.0 has its build's signature and the registry's own; today's tarball is the one that was signed."""
    name, version = npm_attested.NAME, npm_attested.VERSION
    place = f"{settings_of_npm().of(name)}/{name}/{version}"
    listed = json.loads((await http.get(place)).body)["dist"]["integrity"]
    bench.npm.versions[f"{name}@{version}"] = {"dist": {"integrity": listed, "attestations": {"url": "x"}}}
    bench.npm.said[f"{name}@{version}"] = npm_attested.document()
    keys = [{"keyid": npm_attested.KEY_ID, "key": npm_attested.KEY, "expires": "2025-01-29T00:00:00.000Z"}]
    bench.npm.keys = keys
    entry = {"version": version, "integrity": listed}
    lock = json.dumps({"lockfileVersion": 3, "packages": {"": {}, f"node_modules/{name}": entry}})
    ((_, title, told),) = (await looked(bench, '{"packages": {"": {}}}', lock, "npm")).told
    assert not told.asks and not told.grave and "sigstore/sigstore-js" in title and "own signature" in title
    keys[0]["expires"] = "2023-01-01T00:00:00.000Z"
    shutil.rmtree(bench.folder / "kept")  # another machine, so nothing is known of it
    ((_, title, told),) = (await looked(bench, '{"packages": {"": {}}}', lock, "npm")).told
    assert told.grave and "no longer good" in title


async def test_the_registry_of_this_machine_signs_or_has_no_keys(bench: Bench, http: Http) -> None:
    """What the public registry of npm signed once is the content that is listed today, by its keys if it has any."""
    name, version = "node-fetch", "1.7.1"
    package = f"{name}@{version}"
    listed = json.loads((await http.get(f"{settings_of_npm().of(name)}/{name}/{version}")).body)["dist"]["integrity"]
    assert holds(REAL_KEY, REAL[package][1], f"{package}:{listed}")
    entry = {"version": version, "integrity": listed}
    lock = json.dumps({"lockfileVersion": 3, "packages": {"": {}, f"node_modules/{name}": entry}})
    made = bench.made('{"packages": {"": {}}}', lock, "npm")
    (sides,) = security_lock.sides(made)
    changes = security_lock.changes(sides.old, sides.new)
    asked = Registries(http=http, index=index_of_pip(), npm=settings_of_npm)
    found = await security_signed.examine(made, sides, changes, Learnt(folder=bench.folder / "kept"), asked)
    assert not found.told and (found.verified or found.keyless), found


async def looked(bench: Bench, before: str, after: str, ecosystem: str) -> security_vouched.Vouched:
    """What is found between two locks."""
    made = bench.made(before, after, ecosystem)
    (sides,) = security_lock.sides(made)
    changes = security_lock.changes(sides.old, sides.new)
    return await security_vouched.examine(made, sides, changes, Learnt(folder=bench.folder / "kept"))


async def test_the_index_of_this_machine_is_understood(bench: Bench, http: Http) -> None:
    """Whether it publishes attestations or not: what is found of a real wheel is none, or it is verified."""
    asked = Registries(http=http, index=index_of_pip(), npm=settings_of_npm)
    answer = await http.get(
        f"{index_of_pip().main}/sigstore/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    hashes = {
        f"sha256:{one['hashes']['sha256']}" for one in json.loads(answer.body)["files"] if "-4.5.1-" in one["filename"]
    }
    files = await asked.of_python("sigstore", hashes, lambda name: name.endswith(".whl"))
    heard = await verifying.heard(bench.made("", "", "pypi"), files, verifying.trust(None))
    for file, one in zip(files, heard, strict=True):
        publishers = (attestation.publisher for attestation in file.attestations)
        found = vouching.of_python(file.filename, file.digest, list(zip(publishers, one, strict=True)))
        assert found.standing in (Standing.NONE, Standing.VERIFIED), found
    assert files


@dataclass
class Attesting(registries.Wheels):
    """An index that publishes what is attested of its wheels. said: filename -> its provenance."""

    said: dict[str, Any] = field(default_factory=dict)

    def answer(self, path: str, accept: str) -> web.Response:
        name = path.rpartition("/")[2]
        return web.json_response(self.said[name]) if path.startswith("/provenance/") else super().answer(path, accept)

    def _file(self, path: Path) -> dict[str, Any]:
        more = {"provenance": f"/provenance/{path.name}"} if path.name in self.said else {}
        return {**super()._file(path), **more}


async def test_a_simulation_shows_who_built_what_it_installs(tmp_path: Path) -> None:
    """From the index to the verdict, with uv and its lock: a verified build is told, one of other bytes is refused."""
    tmp_path.chmod(0o755)
    ours, wheels = Sigstore(), with_pytest(tmp_path / "wheels")
    index = Attesting(folder=wheels)
    for version, sha in (("1.0", ""), ("1.1", ""), ("1.2", "f" * 64)):
        path = wheel(wheels, "greeter", version, {"greeter.py": f"VERSION = {version!r}\n"})
        who = Build(ref=f"refs/tags/v{version}")
        bundle = of_wheel(ours, path.name, who, sha or hashlib.sha256(path.read_bytes()).hexdigest())
        bundles = {"publisher": PUBLISHER, "attestations": [as_pep740(bundle)]}
        index.said[path.name] = {"version": 1, "attestation_bundles": [bundles]}
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps(ours.trusted_root()))
    files = {"test_it.py": "import greeter\n\n\ndef test_it():\n    assert greeter.VERSION\n"}
    trees = [
        tree(tmp_path / version, {**files, "requirements.txt": f"greeter=={version}\npytest\n"})
        for version in ("1.0", "1.1", "1.2")
    ]
    host, reach = await probe.probe(), Reach(trusted={"127.0.0.1"})
    async with index.running(tmp_path), Http(reach) as http:
        uv = resolver.find_uv(IndexSettings(index_url=f"{index.url}/simple"))
        fetching = Fetching(room=Room(host=host, http=http, reach=reach), root=root)
        lab = trial.laboratory(
            tmp_path / "lab", host=host, uv=uv, fetching=fetching, examiners={"security": security.examine}
        )
        good = await lab.simulate(a_trial(trees[0], trees[1], seconds=300.0))
        bad = await lab.simulate(a_trial(trees[1], trees[2], seconds=300.0))
    titles = [one.title for one in good.suites[-1].remarks]
    assert good.grade is Grade.PASSED and any("is verified to be built by" in one for one in titles), good
    assert bad.grade is Grade.FAILED and "`greeter 1.2` has an attestation that does not hold" in bad.why, bad
