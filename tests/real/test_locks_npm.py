"""npm locks are made anew by the real npm in the jail: only what must move moves, and no project's file has power."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import ConfigProblem, Permanent, Refused, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component, Isolation
from bot.lab.host import Host
from bot.lab.locking import packages
from bot.lab.locks import LockJob
from bot.tools.npm import NpmSettings
from bot.tools.secrets import Secret
from tests.lab.registries import Npm, integrity, tarball
from tests.real import jails
from tests.real.smithing import of_npm, refusal, relocked

PACKAGES: dict[str, dict[str, Mapping[str, Any]]] = {
    "pad": {
        "1.0.0": {},
        "1.1.0": {"dependencies": {"tie": "^1.0.0"}},
        "1.2.0": {"dependencies": {"tie": "^1.1.0"}, "scripts": {"postinstall": "touch /home/sim/tree/project/EVIL"}},
        "1.9.0": {},
        "2.0.0": {"peerDependencies": {"tie": "^2.0.0"}},
    },
    "tie": {"1.0.0": {}, "1.1.0": {}, "1.5.0": {}},
    "top": {"1.0.0": {"dependencies": {"tie": "^1.0.0"}}},
    "@acme/own": {"1.0.0": {}, "1.0.1": {}},
}


@pytest.fixture(scope="module")
def best() -> Host:
    """The best jail of this machine, and an npm; none is a failure, not a skip."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.fail("node and npm are not on PATH: install Node.js with npm 7 or newer")
    return jails.best()


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Npm]:
    """With the packages above."""
    async with Npm(packages=PACKAGES).running(tmp_path) as made:
        yield made


def entry(registry: str, name: str, version: str, **more: Any) -> dict[str, Any]:
    """One installed package, as npm writes it."""
    about = PACKAGES[name][version]
    place = f"{registry}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    kept = {key: value for key, value in about.items() if key.endswith("ependencies")}
    checksum = integrity(tarball(name, version, about))
    return {"version": version, "resolved": place, "integrity": checksum, **kept, **more}


def manifest(dependencies: Mapping[str, str], **more: Any) -> str:
    """A package.json."""
    return json.dumps({"name": "app", "version": "1.0.0", "dependencies": dependencies, **more}, indent=2) + "\n"


def lock_of(dependencies: Mapping[str, str], packages: Mapping[str, Any], *, indent: Any = 2, **more: Any) -> str:
    """A package-lock.json."""
    root = {"name": "app", "version": "1.0.0", "dependencies": dict(sorted(dependencies.items()))}
    head = {"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": True, **more}
    return json.dumps({**head, "packages": {"": root, **packages}}, indent=indent) + "\n"


WISHES = {"pad": "^1.0.0", "top": "1.0.0"}


def before(registry: str, **more: Any) -> str:
    """pad at 1.0.0 and top, which holds tie at 1.0.0."""
    found = {name: entry(registry, name, "1.0.0") for name in ("pad", "tie", "top")}
    return lock_of(WISHES, {f"node_modules/{name}": one for name, one in found.items()}, **more)


def job(lock: str, version: str, *, wish: str = "^1.0.0", name: str = "package-lock.json", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or the manifest."""
    files = {"package.json": manifest({**WISHES, "pad": wish}), name: lock, **more}
    component = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock=name, manifest="package.json", component=component, version=version)


@pytest.mark.parametrize("grade", ["full", "plain"])
async def test_only_what_must_move_moves(best: Host, registry: Npm, grade: str) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    host = best if grade == "full" else replace(best, isolation=Isolation.PLAIN, groups={})
    made = await relocked(host, registry, job(before(registry.url), "1.1.0", wish="^1.1.0"))
    wishes = {**WISHES, "pad": "^1.1.0"}
    found = {"pad": "1.1.0", "tie": "1.0.0", "top": "1.0.0"}
    after = lock_of(
        wishes, {f"node_modules/{name}": entry(registry.url, name, version) for name, version in found.items()}
    )
    assert made.files == {"package-lock.json": after}
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


async def test_what_the_new_version_needs_moves_with_it_and_no_script_runs(best: Host, registry: Npm) -> None:
    """Neither of the project nor of a package; npm notes that there is one."""
    evil = manifest({**WISHES, "pad": "^1.2.0"}, scripts={"preinstall": "exit 1", "prepare": "exit 1"})
    made = await relocked(best, registry, job(before(registry.url), "1.2.0", **{"package.json": evil}))
    assert made.moved == (Moved("pad", "1.0.0", "1.2.0"), Moved("tie", "1.0.0", "1.5.0"))
    assert not any("/-/" in path for path in registry.seen), "no tarball was fetched"


@pytest.mark.parametrize("indent", ["    ", "\t"])
@pytest.mark.parametrize("name", ["package-lock.json", "npm-shrinkwrap.json"])
async def test_the_form_of_the_lock_is_kept(best: Host, registry: Npm, name: str, indent: str) -> None:
    """Its indentation and line ends, its name and the version of its format."""
    old = json.loads(before(registry.url))
    old["lockfileVersion"] = 2
    legacy = {one: {"version": "1.0.0"} for one in ("pad", "tie", "top")}
    lock = json.dumps({**old, "dependencies": legacy}, indent=indent) + "\n"
    work = job(lock.replace("\n", "\r\n"), "1.1.0", name=name)
    made = await relocked(best, registry, work)
    text = made.files[name]
    assert json.loads(text)["lockfileVersion"] == 2 and "dependencies" in json.loads(text)
    assert text.startswith(f'{{\r\n{indent}"name"') and "\n" not in text.replace("\r\n", "")
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


async def test_a_member_of_a_workspace_moves_alone(best: Host, registry: Npm) -> None:
    """The lock lies at the root; the manifests of all members are laid out."""
    root = json.dumps({"name": "app", "version": "1.0.0", "workspaces": ["web"]})
    web = {"name": "web", "version": "1.0.0", "devDependencies": {"pad": "~1.0.0", "nick": "npm:pad@^1.0.0"}}
    packages = {
        "": {"name": "app", "version": "1.0.0", "workspaces": ["web"]},
        "node_modules/nick": {"name": "pad", **entry(registry.url, "pad", "1.0.0", dev=True)},
        "node_modules/pad": entry(registry.url, "pad", "1.0.0", dev=True),
        "node_modules/web": {"resolved": "web", "link": True},
        "web": web,
    }
    lock = json.dumps({"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": packages})
    moved = {**web, "devDependencies": {"pad": "~1.1.0", "nick": "npm:pad@~1.1.0"}}
    files = {"a/package.json": root, "a/web/package.json": json.dumps(moved), "a/package-lock.json": lock}
    pad = Component(name="pad", ecosystem="npm")
    work = LockJob(
        files=files, lock="a/package-lock.json", manifest="a/web/package.json", component=pad, version="1.1.0"
    )
    made = await relocked(best, registry, work)
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"), Moved("tie", "", "1.5.0"))
    assert list(made.files) == ["a/package-lock.json"]
    found = json.loads(made.files["a/package-lock.json"])["packages"]
    assert found["web"]["devDependencies"] == moved["devDependencies"]


async def test_a_private_scope_with_a_login_over_tls(best: Host, registry: Npm, tmp_path: Path) -> None:
    """The login reaches that registry and no other; it is neither in the lock nor in the jail."""
    (tmp_path / "tls").mkdir()
    private = Npm(packages=PACKAGES, tls=True, login="Bearer hunter2")
    async with private.running(tmp_path / "tls"):
        wishes = {"@acme/own": "^1.0.1", "pad": "1.0.0"}
        held = {"@acme/own": entry(private.url, "@acme/own", "1.0.0"), "pad": entry(registry.url, "pad", "1.0.0")}
        lock = lock_of({**wishes, "@acme/own": "^1.0.0"}, {f"node_modules/{name}": one for name, one in held.items()})
        settings = NpmSettings(
            registry=registry.url, scopes={"@acme": private.url},
            logins={private.url.removeprefix("https:") + "/": Secret("Bearer hunter2")},
        )  # fmt: skip
        own = Component(name="@acme/own", ecosystem="npm")
        work = replace(job(lock, "1.0.1", **{"package.json": manifest(wishes)}), component=own)
        async with of_npm(best, settings, ca=private.pem) as one:
            made = await one.lock(work)
    assert made.moved == (Moved("@acme/own", "1.0.0", "1.0.1"),)
    assert "hunter2" not in made.files["package-lock.json"]
    assert set(private.logins) == {"Bearer hunter2"} and set(registry.logins) <= {None}


async def test_npm_behind_a_mirror_keeps_the_public_name(
    best: Host, registry: Npm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a lock the public registry stands for whichever is configured; what moves is written so as well."""
    monkeypatch.setattr(packages, "public_registry", lambda: "https://public.example")
    made = await relocked(best, registry, job(before("https://public.example"), "1.1.0"))
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    assert "https://public.example/pad/-/pad-1.1.0.tgz" in made.files["package-lock.json"]
    assert registry.url not in made.files["package-lock.json"]


async def test_a_lock_that_does_not_say_where_from_stays_so(best: Host, registry: Npm) -> None:
    """As `omit-lockfile-registry-resolved` makes it, wherever that was set."""
    old = json.loads(before(registry.url))
    for one in old["packages"].values():
        one.pop("resolved", None)
    made = await relocked(best, registry, job(json.dumps(old, indent=2) + "\n", "1.1.0"))
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    assert "resolved" not in made.files["package-lock.json"]


# --- refusals ------------------------------------------------------------------------------------------------------


async def refused(host: Host, registry: Npm, work: LockJob, **settings: Any) -> str:
    """Why it is refused, in the words that a person gets."""
    return await refusal(relocked(host, registry, work, **settings))


async def test_a_conflict_is_told_in_npms_words(best: Host, registry: Npm) -> None:
    """Bounded, without its codes and the paths of its logs."""
    said = await refused(best, registry, job(before(registry.url), "2.0.0", wish="^2.0.0"))
    assert said.startswith("package-lock.json: npm cannot lock pad 2.0.0: ")
    assert "tie@^2.0.0" in said and "debug" not in said and len(said) < 1700
    said = await refused(best, registry, job(before(registry.url), "7.0.0", wish="^7.0.0"))
    assert "No matching version found for pad@7.0.0" in said


async def test_settings_of_the_project_have_no_power(best: Host, registry: Npm) -> None:
    """Its registry, its scripts and its programs are not heard; what shapes a tree is."""
    evil = (
        "registry=https://evil.example/\n@acme:registry=https://evil.example/\nignore-scripts=false\n"
        "node-options=--require=/home/sim/tree/project/evil.js\nscript-shell=/home/sim/tree/project/evil.sh\n"
        "git=/home/sim/tree/project/evil.sh\ncafile=/etc/shadow\nproxy=\nhttps-proxy=\nnoproxy=*\n"
        "legacy-peer-deps=true\n"
    )
    wishes = {**WISHES, "tie": "1.0.0", "pad": "^2.0.0"}
    more = {".npmrc": evil, "evil.js": "process.exit(9)", "evil.sh": "exit 9", "package.json": manifest(wishes)}
    made = await relocked(best, registry, job(before(registry.url), "2.0.0", **more))
    assert made.moved == (Moved("pad", "1.0.0", "2.0.0"),)
    without = {**more, ".npmrc": evil.replace("legacy-peer-deps=true", "")}
    said = await refused(best, registry, job(before(registry.url), "2.0.0", **without))
    assert 'peer tie@"^2.0.0" from pad@2.0.0' in said and "og files" not in said


async def test_a_package_stays_with_its_registry(best: Host, registry: Npm) -> None:
    """One that the lock takes from elsewhere is not taken from here: it may be someone else's of that name."""
    lock = before(registry.url).replace(f"{registry.url}/pad/", "https://evil.example/pad/")
    said = await refused(best, registry, job(lock, "1.1.0"))
    assert f"would take pad from {registry.url}, not from where it comes now" in said


async def test_another_hosts_entry_that_stays_is_neither_asked_nor_changed(best: Host, registry: Npm) -> None:
    """It is the project's own; nothing is fetched from there."""
    lock = before(registry.url).replace(f"{registry.url}/top/", "https://other.example/top/")
    made = await relocked(best, registry, job(lock, "1.1.0"))
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    assert "https://other.example/top/-/top-1.0.0.tgz" in made.files["package-lock.json"]


async def test_a_registry_that_sends_elsewhere_is_refused(best: Host, registry: Npm) -> None:
    """A tarball at another server would be fetched by whoever installs; so would one without a checksum."""
    old = before(registry.url)
    registry.tarballs = "https://evil.example"
    assert "https://evil.example" in await refused(best, registry, job(old, "1.1.0"))
    registry.tarballs, registry.checksums = "", False
    assert "no checksum for pad 1.1.0" in await refused(best, registry, job(old, "1.1.0"))


@pytest.mark.parametrize(
    "wish",
    ["git+https://evil.example/x.git", "https://evil.example/x.tgz", "http://169.254.169.254/x.tgz", "acme/evil"],
)
async def test_a_dependency_from_elsewhere_leads_nowhere(best: Host, registry: Npm, wish: str) -> None:
    """npm would fetch it, and has no way to."""
    more = {"package.json": manifest({**WISHES, "sly": wish})}
    said = await refused(best, registry, job(before(registry.url), "1.1.0", **more))
    assert "is no part of the indexes" in said or "npm cannot lock" in said


async def test_a_local_service_is_out_of_reach(best: Host, registry: Npm, tmp_path: Path) -> None:
    """A tarball URL that names a service on the host's loopback is never asked there."""
    (tmp_path / "other").mkdir()
    async with Npm(packages=PACKAGES).running(tmp_path / "other") as service:
        more = {"package.json": manifest({**WISHES, "sly": f"{service.url}/pad/-/pad-1.0.0.tgz"})}
        assert service.url in await refused(best, registry, job(before(registry.url), "1.1.0", **more))
    assert service.seen == []


@pytest.mark.parametrize(("status", "error"), [(503, Transient), (403, Refused)])
async def test_a_registry_that_is_away_or_refuses(
    best: Host, registry: Npm, status: int, error: type[Exception]
) -> None:
    """The one is worth another try, the other a person."""
    registry.fail = status
    with pytest.raises(error):
        await relocked(best, registry, job(before(registry.url), "1.1.0"))


async def test_what_cannot_be_understood_is_said(best: Host, registry: Npm) -> None:
    """Before anything is started."""
    old = before(registry.url)
    odd: list[tuple[LockJob, str]] = [
        (job(old, "1.1.0 || 9"), "is no package of npm"),
        (job(old, "1.1.0", **{"package.json": "{"}), "is no package.json"),
        (job(old, "1.1.0", **{"package.json": '{"dependencies": []}'}), "is no package.json"),
        (job(old, "1.1.0", **{"package.json": manifest({"top": "1"})}), "names no range of pad"),
        (job(old, "1.1.0", **{"package.json": manifest({"pad": "file:../pad"})}), "names no range of pad"),
        (job(old.replace('"lockfileVersion": 3', '"lockfileVersion": 1'), "1.1.0"), "only 2 and 3 are known"),
    ]
    for work, why in odd:
        assert why in await refused(best, registry, work)
    assert registry.seen == []


async def test_without_npm_or_a_jail_it_is_said_how_to_get_them(
    best: Host, registry: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper on PATH is no npm either."""
    work = job(before(registry.url), "1.1.0")
    bare = replace(best, isolation=Isolation.UNJAILED, reason="no jail", mend="Get one")
    with pytest.raises(Permanent, match="in a jail only"):
        await relocked(bare, registry, work)
    for name in ("npm", "node"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"wrapper around another one.*Install Node\.js"):
        await relocked(best, registry, work)
    (tmp_path / "npm").unlink()
    with pytest.raises(Permanent, match=r"npm is not installed.*Install Node\.js"):
        await relocked(best, registry, work)


async def test_what_npm_says_is_held_against_what_was_asked(
    best: Host, registry: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version or another format; and bytes that changed under an old version."""
    folder = tmp_path / "bin"
    (folder / "lib" / "bin").mkdir(parents=True)
    (folder / "npm").symlink_to(folder / "lib" / "bin" / "npm-cli.js")
    (folder / "lib" / "bin" / "npm-cli.js").touch()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    old = before(registry.url)
    right = old.replace("pad-1.0.0", "pad-1.1.0").replace('"version": "1.0.0"', '"version": "1.1.0"', 3)
    answers: list[tuple[str, type[Exception], str]] = [
        (old, ConfigProblem, "npm keeps pad at 1.0.0"),
        (old.replace("pad", "bad"), ConfigProblem, "npm keeps pad at no version"),
        (right.replace('"lockfileVersion": 3', '"lockfileVersion": 2'), Permanent, "another format"),
        (right.replace(integrity(tarball("top", "1.0.0", PACKAGES["top"]["1.0.0"])), "sha512-x"), ConfigProblem,
         "other files under the old version of top 1.0.0"),
    ]  # fmt: skip
    for lock, error, why in answers:
        text = f"require('fs').writeFileSync('package-lock.json', {json.dumps(lock)})"
        (folder / "lib" / "bin" / "npm-cli.js").write_text(text)
        with pytest.raises(error, match=why):
            await relocked(best, registry, job(old, "1.1.0"))
