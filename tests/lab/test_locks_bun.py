"""bun.lock: what is made of Bun's answers, what it is given, and how it is read, without Bun itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.lockreaders import PUBLIC
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import bun
from bot.lab.locking.programs import Program
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab.bun_locks import lock_of

PACKAGES: dict[str, dict[str, Mapping[str, Any]]] = {"pad": {"1.0.0": {}, "1.1.0": {}}, "tie": {"1.0.0": {}}}
MIRROR = "https://npm.example"
HELD, NOW = [("pad", "1.0.0"), ("tie", "1.0.0")], [("pad", "1.1.0"), ("tie", "1.0.0")]
OLD = lock_of(PACKAGES, {"pad": "^1.0.0"}, HELD)
NEW = lock_of(PACKAGES, {"pad": "^1.1.0"}, NOW)


def job(lock: str = OLD, version: str = "1.1.0", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or other texts."""
    manifest = json.dumps({"name": "app", "dependencies": {"pad": "^1.1.0"}, "packageManager": "bun@1.0.0"})
    files = {"package.json": manifest, "bun.lock": lock, **more}
    pad = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock="bun.lock", manifest="package.json", component=pad, version=version)


def answering(folder: Path, text: str, *, code: int = 0) -> Program:
    """A Bun that hands back this text, or shows what it was given and fails."""
    folder.mkdir(exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    script = folder / "bun"
    shown = f'echo "error: $@"; cat package.json .npmrc; ls; exit {code}'
    script.write_text(f'#!/bin/sh\n[ {code} = 0 ] || {{ {shown}; }}\ncat "{folder}/answer" > bun.lock\n')
    for path in (folder, script):
        path.chmod(0o755)
    return Program(command=(str(script),), folders=(folder,), version=(1, 4))


async def relocked(host: Host, work: LockJob, program: Program, monkeypatch: pytest.MonkeyPatch) -> Relocked:
    """What comes of it where Bun answers so."""

    async def find() -> Program:
        return program

    monkeypatch.setattr(bun, "find", find)
    async with Http(Reach()) as http:
        room = Room(host=host, http=http, reach=Reach(), seconds=60, memory_mib=512)
        uv, settings = resolver.find_uv(IndexSettings()), NpmSettings(registry=f"{MIRROR}/")
        return await Locksmith(room=room, uv=uv, npm=lambda: settings).lock(work)


async def test_a_lock_that_is_what_was_asked_for_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what a newer Bun says of itself, or by which mirror it was asked; with the line ends that it had."""
    told = lock_of(PACKAGES, {"pad": "^1.1.0"}, NOW, place=MIRROR)
    told = told.replace('  "workspaces"', '  "configVersion": 0,\n  "workspaces"')
    for end in ("\n", "\r\n"):
        made = await relocked(host, job(OLD.replace("\n", end)), answering(tmp_path / "a", told), monkeypatch)
        assert made.files == {"bun.lock": NEW.replace("\n", end)}
        assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    mine = lock_of(PACKAGES, {"pad": "^1.0.0"}, HELD, place=MIRROR)
    made = await relocked(host, job(mine), answering(tmp_path / "a", told), monkeypatch)
    assert made.files == {"bun.lock": lock_of(PACKAGES, {"pad": "^1.1.0"}, NOW, place=MIRROR)}


async def test_what_bun_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, another registry, no checksum, no lock at all, or one of another format."""
    evil = NEW.replace('"pad@1.1.0", ""', '"pad@1.1.0", "https://evil.example/pad/-/pad-1.1.0.tgz"')
    bare = re.sub(r'("pad@1\.1\.0", "", \{\}), "[^"]*"', r"\1", NEW)
    for text, why in (
        (OLD, "Bun keeps pad at 1.0.0"),
        (evil, "the registry sends pad to https://evil.example"),
        (bare, "gives no checksum for pad 1.1.0"),
        ("{", "cannot be read"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(), answering(tmp_path / "a", text), monkeypatch)
    newer = NEW.replace('"lockfileVersion": 1', '"lockfileVersion": 2')
    with pytest.raises(Permanent, match=r"writes bun\.lock in another format"):
        await relocked(host, job(), answering(tmp_path / "a", newer), monkeypatch)


async def test_bun_is_given_nothing_but_what_shapes_a_lock(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registries of the machine and the component by its exact version; no settings, no other Bun."""
    sly = {".npmrc": "registry=https://evil.example/\n", "bunfig.toml": "[install]\n"}
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(**sly), answering(tmp_path / "a", "", code=2), monkeypatch)
    said = str(caught.value)
    assert "install --lockfile-only --ignore-scripts" in said and '"pad": "1.1.0"' in said
    assert f"registry={MIRROR}/" in said and "evil" not in said and "bunfig" not in said and "bun@1.0.0" not in said


def test_a_lock_is_read_to_its_packages() -> None:
    """Other names, scopes, workspaces, git and folders; a comma in a text is none that is too many."""
    text = """{
  "lockfileVersion": 1,
  "packages": {
    "nick": ["pad@1.0.0", "", { "bin": "a,}" }, "sha512-aa"],
    "@acme/own": ["@acme/own@2.0.0", "https://npm.acme.example/@acme/own/-/own-2.0.0.tgz", {}, "sha512-bb"],
    "web": ["web@workspace:web"],
    "forked": ["forked@github:acme/forked#0123", {}, "acme-forked-0123", "sha512-cc"],
    "lib": ["lib@file:lib", {}],
  },
}
"""
    pad, own, forked, lib = lockfiles.read(text, "web/bun.lock")
    assert (pad.name, pad.version, pad.origin, pad.files) == ("pad", "1.0.0", PUBLIC, {"pad-1.0.0.tgz": "sha512-aa"})
    assert (own.name, own.origin) == ("@acme/own", "https://npm.acme.example")
    assert forked.aside and forked.origin == "github:acme/forked#0123"
    assert (lib.aside, lib.origin) == (True, "")
    for odd, why in (('{"lockfileVersion": 9}', "only 0 to 2 are known"), ("[", "cannot be read")):
        with pytest.raises(ConfigProblem, match=why):
            lockfiles.read(odd, "bun.lock")
    assert "no text" in lockfiles.why_not("bun.lockb")


async def test_bun_is_found_where_npm_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the package for this platform, when no script put it in its place; else it is said what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"Bun is not installed.*npm install --global bun"):
        await bun.find()
    script = tmp_path / "node_modules" / "bun" / "bin" / "bun"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    with pytest.raises(Permanent, match="is not the program itself"):
        await bun.find()
    program = tmp_path / "node_modules" / "@oven" / "bun-x" / "bin" / "bun"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF")
    said = "1.4.2"

    async def told(*command: str, mend: str) -> str:
        assert command == (str(program), "--version")
        return said

    monkeypatch.setattr(bun, "told", told)
    assert await bun.find() == Program(command=(str(program),), folders=(program.parent,), version=(1, 4))
    said = "1.1.38"
    with pytest.raises(Permanent, match=r"Bun 1\.1 is installed, and it writes no locks of text"):
        await bun.find()
