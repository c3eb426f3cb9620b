"""The locks of npm: what is made of its answers and what it is given, without npm itself."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import npm, packages
from bot.lab.locking.programs import Program
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab.registries import integrity, tarball

REGISTRY = "https://npm.example"


def lock_of(pad: str, wish: str, *, registry: str = REGISTRY, version: int = 3, **more: Any) -> str:
    """pad and tie. more: what else it says of pad."""

    def entry(name: str, at: str) -> dict[str, Any]:
        place = f"{registry}/{name}/-/{name}-{at}.tgz"
        return {"version": at, "resolved": place, "integrity": integrity(tarball(name, at, {}))}

    held = {"node_modules/pad": {**entry("pad", pad), **more}, "node_modules/tie": entry("tie", "1.0.0")}
    root = {"name": "app", "dependencies": {"pad": wish, "tie": "1.0.0"}}
    document = {"name": "app", "lockfileVersion": version, "requires": True, "packages": {"": root, **held}}
    return json.dumps(document, indent=2) + "\n"


OLD, NEW = lock_of("1.0.0", "^1.0.0"), lock_of("1.1.0", "^1.1.0")


@asynccontextmanager
async def smith(host: Host) -> AsyncIterator[Locksmith]:
    """The locksmith of a machine with a registry of its own."""
    settings = NpmSettings(registry=f"{REGISTRY}/", scopes={"@acme": "https://me:hunter2@acme.example/npm/"})
    async with Http(Reach()) as http:
        room = Room(host=host, http=http, reach=Reach(), seconds=60, memory_mib=512)
        yield Locksmith(room=room, uv=resolver.find_uv(IndexSettings()), npm=lambda: settings)


def job(lock: str = OLD, **more: str) -> LockJob:
    """pad moves to 1.1.0. more: other files, or the manifest."""
    text = json.dumps({"name": "app", "dependencies": {"pad": "^1.1.0", "tie": "1.0.0"}})
    files = {"package.json": text, "package-lock.json": lock, **more}
    pad = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock="package-lock.json", manifest="package.json", component=pad, version="1.1.0")


def answering(folder: Path, text: str, *, code: int = 0) -> Program:
    """An npm that hands back this text, or shows what it was given and fails."""
    folder.mkdir(exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    script = folder / "npm"
    shown = f"cat package.json ../npmrc; ls -A; exit {code}"
    script.write_text(f'#!/bin/sh\n[ {code} = 0 ] || {{ {shown}; }}\ncat "{folder}/answer" > package-lock.json\n')
    for path in (folder, script):
        path.chmod(0o755)
    return Program(command=(str(script),), folders=(folder,))


async def relocked(host: Host, work: LockJob, program: Program, monkeypatch: pytest.MonkeyPatch) -> Relocked:
    """What comes of it where npm answers so."""
    monkeypatch.setattr(npm, "find", lambda: program)
    async with smith(host) as one:
        return await one.lock(work)


async def test_a_lock_that_is_what_was_asked_for_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And behind a mirror it keeps the public registry's name."""
    made = await relocked(host, job(), answering(tmp_path / "bin", NEW), monkeypatch)
    assert made == Relocked(files={"package-lock.json": NEW}, moved=(Moved("pad", "1.0.0", "1.1.0"),))
    public = packages.public_registry()
    old, new = (lock_of(pad, f"^{pad}", registry=public) for pad in ("1.0.0", "1.1.0"))
    answer = new.replace(f"{public}/pad", f"{REGISTRY}/pad")
    made = await relocked(host, job(old), answering(tmp_path / "bin", answer), monkeypatch)
    assert made.files == {"package-lock.json": new}


async def test_what_npm_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, other bytes, a server of strangers, no checksum, another format, or no lock at all."""
    tie = integrity(tarball("tie", "1.0.0", {}))
    cases: Mapping[str, str] = {
        OLD: "npm keeps pad at 1.0.0",
        OLD.replace("pad", "bad"): "npm keeps pad at no version",
        NEW.replace(tie, "sha512-evil"): "other files under the old version of tie 1.0.0",
        NEW.replace(f"{REGISTRY}/pad", "https://evil.example/pad"): "the registry sends pad to https://evil.example",
        lock_of("1.1.0", "^1.1.0", integrity=""): "gives no checksum for pad 1.1.0",
        "{": "cannot be read",
    }
    for text, why in cases.items():
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(), answering(tmp_path / "bin", text), monkeypatch)
    other = lock_of("1.1.0", "^1.1.0", version=2)
    with pytest.raises(Permanent, match=r"writes package-lock\.json in another format"):
        await relocked(host, job(), answering(tmp_path / "bin", other), monkeypatch)


async def test_npm_is_given_this_machines_registries_and_none_of_the_projects(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without their logins; of the project's settings what shapes a tree."""
    own = "registry=https://evil.example\nlegacy-peer-deps=true\nbefore=2026-01-01\nprefer-dedupe=x y\n"
    silent = json.loads(OLD)
    for one in silent["packages"].values():
        one.pop("resolved", None)
    work = job(json.dumps(silent), **{".npmrc": own})
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, work, answering(tmp_path / "bin", "", code=4), monkeypatch)
    said = str(caught.value)
    assert '"pad": "1.1.0"' in said and f"registry={REGISTRY}/ @acme:registry=https://acme.example/npm/" in said
    assert "omit-lockfile-registry-resolved=true before=2026-01-01 legacy-peer-deps=true" in said
    assert "evil.example" not in said and "hunter2" not in said and "prefer-dedupe" not in said and ".npmrc" not in said


@pytest.mark.parametrize("text", ["{", "[]", '{"dependencies": 1}', "{}", "[" * 100_000])
async def test_a_manifest_that_is_none_is_said(host: Host, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    nobody = Program(command=("/nowhere",), folders=())
    with pytest.raises(ConfigProblem, match=r"package\.json: (is no package\.json|names no range of pad)"):
        await relocked(host, job(**{"package.json": text}), nobody, monkeypatch)


def test_npm_is_found_where_a_jail_can_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folder of its package; a wrapper around another one is none."""
    folder = tmp_path / "lib" / "node_modules" / "npm" / "bin"
    folder.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for name in ("node", "npm-cli.js"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    (tmp_path / "bin" / "node").symlink_to(folder / "node")
    (tmp_path / "bin" / "npm").symlink_to(folder / "npm-cli.js")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert npm.find() == Program(
        command=(str(folder / "node"), str(folder / "npm-cli.js")), folders=(folder, folder.parent)
    )
    (tmp_path / "bin" / "npm").unlink()
    (tmp_path / "bin" / "npm").symlink_to(folder / "node")
    with pytest.raises(Permanent, match="a wrapper around another one"):
        npm.find()
    (tmp_path / "bin" / "npm").unlink()
    with pytest.raises(Permanent, match=r"npm is not installed.*npm \(7 or newer\)"):
        npm.find()


def test_complaints_are_one_paragraph() -> None:
    """Without codes, logs and warnings."""
    said = "npm warn old\nnpm error code ETARGET\nnpm error notarget No matching version\n"
    assert npm.in_plain_words(f"{said}npm ERR! A complete log of this run\n") == "notarget No matching version"
