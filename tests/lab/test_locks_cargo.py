"""Cargo.lock: what is made of cargo's answers, what it is given, and where it is, without cargo itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import cargo
from bot.lab.locking.programs import Program
from bot.lab.locks import Crates, LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.lab.cargo_locks import lock_of, manifest

OLD = lock_of(["pad", "top"], {("pad", "1.0.0"): [], ("tie", "1.0.0"): [], ("top", "1.0.0"): ["tie"]})
NEW = lock_of(["pad", "top"], {("pad", "1.1.0"): ["tie"], ("tie", "1.0.0"): [], ("top", "1.0.0"): ["tie"]})


@asynccontextmanager
async def smith(host: Host) -> AsyncIterator[Locksmith]:
    """The locksmith of a machine with an index of its own."""
    async with Http(Reach()) as http:
        room = Room(host=host, http=http, reach=Reach(), seconds=60, memory_mib=512)
        crates = Crates(index="https://crates.example")
        yield Locksmith(room=room, uv=resolver.find_uv(IndexSettings()), crates=crates)


def job(lock: str = OLD, version: str = "1.1.0", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or the manifest."""
    files = {"Cargo.toml": manifest('"1.1"'), "Cargo.lock": lock, **more}
    pad = Component(name="pad", ecosystem="cargo")
    return LockJob(files=files, lock="Cargo.lock", manifest="Cargo.toml", component=pad, version=version)


def answering(folder: Path, text: str, *, code: int = 0) -> Program:
    """A cargo that hands back this text, or shows what it was given and fails."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    script = folder / "bin" / "cargo"
    shown = f"cat Cargo.toml ../cargo/config.toml; exit {code}"
    script.write_text(f'#!/bin/sh\n[ {code} = 0 ] || {{ {shown}; }}\ncat "{folder}/answer" > Cargo.lock\n')
    for path in (folder, folder / "bin", script):
        path.chmod(0o755)
    return Program(command=(str(script),), folders=(folder,), version=(1, 90))


async def relocked(host: Host, work: LockJob, program: Program, monkeypatch: pytest.MonkeyPatch) -> Relocked:
    """What comes of it where cargo answers so."""

    async def find() -> Program:
        return program

    monkeypatch.setattr(cargo, "find", find)
    async with smith(host) as one:
        return await one.lock(work)


async def test_a_lock_that_is_what_was_asked_for_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line ends that it had."""
    for end in ("\n", "\r\n"):
        program = answering(tmp_path / "rust", NEW)
        made = await relocked(host, job(OLD.replace("\n", end)), program, monkeypatch)
        assert made.files == {"Cargo.lock": NEW.replace("\n", end)}
        assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


async def test_what_cargo_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, other bytes, another registry, no checksum, or no lock at all."""
    evil = NEW.replace("registry+https://github.com/rust-lang/crates.io-index", "sparse+https://evil.example/", 1)
    tie = re.search(r'name = "tie"\n.*\n.*\nchecksum = "(\w+)"', NEW)
    assert tie
    for text, why in (
        (OLD, "cargo keeps pad at 1.0.0"),
        (OLD.replace("pad", "bad"), "cargo keeps pad at no version"),
        (NEW.replace(tie[1], "00"), "other files under the old version of tie 1.0.0"),
        (evil, "would take pad from https://evil.example/, not from where it comes now"),
        (re.sub(r'checksum = "\w+"\n', "", NEW, count=1), "gives no checksum for pad 1.1.0"),
        ("{", "cannot be read"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(), answering(tmp_path / "rust", text), monkeypatch)
    older = NEW.replace("version = 4", "version = 3")
    with pytest.raises(Permanent, match=r"writes Cargo\.lock in another format"):
        await relocked(host, job(), answering(tmp_path / "rust", older), monkeypatch)


async def test_cargo_is_given_nothing_but_what_shapes_a_lock(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And this machine's index in the stead of the public one."""
    more = (
        'nick = { package = "pad", version = "1", features = ["x"] }\nfree = "1"\n'
        '[dev-dependencies]\npad = { path = "x" }\n'
        '[target."cfg(unix)".dependencies]\npad = "1"\n[[bin]]\nname = "evil"\n[profile.release]\nlto = true\n'
    )
    program = answering(tmp_path / "rust", "", code=2)
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(**{"Cargo.toml": manifest('"1.1"', more)}), program, monkeypatch)
    said = str(caught.value)
    assert said.count('"=1.1.0"') == 3 and 'path = "x"' in said and 'free = "1"' in said
    assert "evil" not in said and "profile" not in said and "autobins = false" in said
    assert 'registry = "sparse+https://crates.example/"' in said


async def test_what_cannot_be_made_is_said_before_anything_is_started(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Manifests that name nothing or are none, and names and versions that are none."""
    nobody = Program(command=("/nowhere/bin/cargo",), folders=())
    for work, why in (
        (job(**{"Cargo.toml": "[package]\n"}), "names no version of pad"),
        (job(**{"Cargo.toml": "[["}), "is no manifest of cargo"),
        (job(**{"Cargo.toml": "dependencies = 1\n"}), "is no manifest of cargo"),
        (job(**{"Cargo.toml": "target = 1\n"}), "is no manifest of cargo"),
        (job(version="one"), "is no crate"),
    ):
        with pytest.raises(ConfigProblem, match=why):
            await relocked(host, work, nobody, monkeypatch)


def test_a_manifest_of_a_workspace_alone_stays_one() -> None:
    """It has no package, and so no target either."""
    text = '[workspace]\nmembers = ["x"]\n[profile.dev]\nopt-level = 1\n'
    assert tomllib.loads(cargo._bare("Cargo.toml", text)) == {"workspace": {"members": ["x"]}}


# --- where cargo is --------------------------------------------------------------------------------------------------


def script(place: Path, body: str) -> Path:
    """A program."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)
    return place


async def test_cargo_is_found_through_rustup_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which stands for it under its name; with all of the toolchain."""
    real = script(tmp_path / "tools" / "bin" / "cargo", "echo cargo 1.95.0")
    rustup = script(tmp_path / "home" / "rustup", f"echo {real}")
    (tmp_path / "home" / "cargo").symlink_to(rustup)
    for folder in (real.parent, rustup.parent):
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        assert await cargo.find() == Program(command=(str(real),), folders=(tmp_path / "tools",), version=(1, 95))


async def test_without_cargo_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one that is too old, and one that is not there after all."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"cargo is not installed.*Install Rust 1\.70 or newer"):
        await cargo.find()
    monkeypatch.setenv("PATH", str(script(tmp_path / "old" / "cargo", "echo cargo 1.63.0").parent))
    with pytest.raises(Permanent, match=r"cargo 1\.63 is installed, and it is too old"):
        await cargo.find()
    monkeypatch.setenv("PATH", str(script(tmp_path / "gone" / "rustup", "echo /nowhere/cargo").parent))
    (tmp_path / "gone" / "cargo").symlink_to(tmp_path / "gone" / "rustup")
    with pytest.raises(Permanent, match="cannot be asked what it is"):
        await cargo.find()


def test_complaints_are_one_paragraph() -> None:
    """Without cargo's progress."""
    said = "    Updating `machine` index\nerror: no matching package named `pad` found\nlocation searched: x\n"
    assert cargo.in_plain_words(said) == "no matching package named `pad` found location searched: x"
