"""composer.lock: what is made of Composer's answers, whom it lets move, and where it is, without Composer itself."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import composer
from bot.lab.locking.programs import Program
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.lab.composer_locks import lock_of, manifest

WAS, NOW = manifest(pad="^1.0"), manifest(pad="^1.1")
TIE = {"acme/tie": "^1.0"}
OLD = lock_of(WAS, [("acme/pad", "1.0.0", {}), ("acme/tie", "1.0.0", {}), ("acme/top", "1.0.0", TIE)])
NEW = lock_of(NOW, [("acme/pad", "1.1.0", TIE), ("acme/tie", "1.0.0", {}), ("acme/top", "1.0.0", TIE)])


@asynccontextmanager
async def smith(host: Host) -> AsyncIterator[Locksmith]:
    """A locksmith."""
    async with Http(Reach()) as http:
        room = Room(host=host, http=http, reach=Reach(), seconds=60, memory_mib=512)
        yield Locksmith(room=room, uv=resolver.find_uv(IndexSettings()))


def job(lock: str = OLD, version: str = "1.1.0", name: str = "acme/pad") -> LockJob:
    """pad moves to a version."""
    files = {"composer.json": NOW, "composer.lock": lock}
    component = Component(name=name, ecosystem="composer")
    return LockJob(files=files, lock="composer.lock", manifest="composer.json", component=component, version=version)


def answering(folder: Path, text: str, *, until: str = "update", said: str = "") -> Program:
    """A Composer that hands back this text as soon as it is asked to update these words; before that it complains."""
    folder.mkdir(exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    (folder / "said").write_text(said)
    script = folder / "composer"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in "{until}"*) cat "{folder}/answer" > composer.lock;;\n'
        f'*) cat "{folder}/said"; echo "asked: $*"; exit 2;; esac\n'
    )
    for path in (folder, script):
        path.chmod(0o755)
    return Program(command=(str(script),), folders=(folder,), version=(2, 7))


async def relocked(host: Host, work: LockJob, program: Program, monkeypatch: pytest.MonkeyPatch) -> Relocked:
    """What comes of it where Composer answers so."""

    async def find() -> Program:
        return program

    monkeypatch.setattr(composer, "find", find)
    async with smith(host) as one:
        return await one.lock(work)


async def test_a_lock_that_is_what_was_asked_for_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line ends that it had, and the old words about Composer itself."""
    newer = NEW.replace('"2.0.0"', '"2.6.0"').replace('"platform": []', '"platform": {}')
    assert newer != NEW
    for end in ("\n", "\r\n"):
        made = await relocked(host, job(OLD.replace("\n", end)), answering(tmp_path / "bin", newer), monkeypatch)
        assert made.files == {"composer.lock": NEW.replace("\n", end)}
        assert made.moved == (Moved("acme/pad", "1.0.0", "1.1.0"),)
    tagged = NEW.replace('"version": "1.1.0"', '"version": "v1.1.0"')
    assert (await relocked(host, job(), answering(tmp_path / "bin", tagged), monkeypatch)).files


async def test_what_composer_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, another commit under an old version, another registry, nothing to be checked, no lock at all."""
    evil = NEW.replace("https://packagist.org/downloads/", "https://evil.example/downloads/", 1)
    told = json.loads(NEW)
    tie = told["packages"][1]
    swapped = NEW.replace(tie["dist"]["reference"], "0" * 40)
    bare = json.loads(NEW)
    del bare["packages"][0]["dist"], bare["packages"][0]["source"]
    for text, why in (
        (OLD, "Composer keeps acme/pad at 1.0.0"),
        (OLD.replace("acme/pad", "acme/bad"), "Composer keeps acme/pad at no version"),
        (swapped, "other files under the old version of acme/tie 1.0.0"),
        (evil, "would take acme/pad from https://evil.example/downloads/, not from where it comes now"),
        (json.dumps(bare), "gives no checksum for acme/pad 1.1.0"),
        ("{", "cannot be read"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(), answering(tmp_path / "bin", text), monkeypatch)


async def test_only_what_is_in_the_way_is_let_move(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Composer names as fixed, as far as the lock has it: nothing else can be talked into moving."""
    said = (
        "  - acme/pad 1.1.0 requires acme/tie ^1.1 -> found acme/tie[1.1.0] but the package is fixed to 1.0.0\n"
        "  - acme/top is locked to version 1.0.0 and an update of this package was not requested.\n"
        "  - evil/x is locked to version 1.0.0\n"
    )
    until = "update acme/pad acme/tie acme/top --with acme/pad:1.1.0 --no-install"
    program = answering(tmp_path / "bin", NEW, until=until, said=said)
    assert (await relocked(host, job(), program, monkeypatch)).files == {"composer.lock": NEW}


async def test_what_stays_in_the_way_is_told(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Composer is asked again only while it names something new, and not without end."""
    said = "Loading composer repositories\n - acme/tie is locked to version 1.0.0 and more\n"
    program = answering(tmp_path / "bin", NEW, until="never", said=said)
    with pytest.raises(ConfigProblem, match=r"Composer cannot lock acme/pad 1\.1\.0: - acme/tie is locked") as caught:
        await relocked(host, job(), program, monkeypatch)
    assert "asked: update acme/pad acme/tie --with" in str(caught.value) and "Loading" not in str(caught.value)
    monkeypatch.setattr(composer, "MOST_FREED", 1)
    with pytest.raises(ConfigProblem, match="asked: update acme/pad --with"):
        await relocked(host, job(), program, monkeypatch)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("pad", "1.0.0"),
        ("acme/--evil", "1.0.0"),
        ("a" * 60 + "-/x", "1.0.0"),
        ("acme/pad", "dev-x"),
        ("acme/pad", "1 -W"),
    ],
)
async def test_what_is_no_package_is_refused(host: Host, name: str, version: str) -> None:
    """Before anything is started."""
    async with smith(host) as one:
        with pytest.raises(ConfigProblem, match="is no package of Composer"):
            await one.lock(job(version=version, name=name))


# --- where Composer is -----------------------------------------------------------------------------------------------


def programs(folder: Path, version: str, told: str = '["/x", ["ctype", "mbstring", "json"]]') -> Path:
    """A PHP that knows some extensions by its settings, and a Composer of a version."""
    folder.mkdir()
    php = folder / "php"
    php.write_text(
        f"#!/bin/sh\ncase \"$1\" in -n) echo '[\"/x\", [\"json\"]]';; -r) echo '{told}';; *) echo '{version}';; esac\n"
    )
    (folder / "composer").write_text("#!/usr/bin/env php\n")
    for path in (php, folder / "composer"):
        path.chmod(0o755)
    return folder


async def test_composer_is_started_without_the_machines_settings_of_php(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those extensions that it uses and the machine has."""
    folder = programs(tmp_path / "bin", "Composer version 2.7.1 2024-02-09")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    found = await composer.find()
    options = ("-n", "-d", "extension_dir=/x", "-d", "extension=ctype", "-d", "extension=mbstring")
    assert found == Program(
        command=(str(folder / "php"), *options, str(folder / "composer")), folders=(folder, folder), version=(2, 7)
    )


async def test_without_composer_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one that is too old, one that says nothing, and a PHP that does not."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"Composer is not installed.*Install PHP with Composer 2\.2"):
        await composer.find()
    for name, said, told, why in (
        ("old", "Composer version 1.10.22", "[]", r"Composer 1\.10 is installed"),
        ("mute", "", "[]", "Composer without a version is installed"),
        ("odd", "Composer version 2.7.1", "[]", "cannot be asked what it has"),
    ):
        monkeypatch.setenv("PATH", f"{programs(tmp_path / name, said, told)}:/usr/bin:/bin")
        with pytest.raises(Permanent, match=why):
            await composer.find()
    (tmp_path / "mute" / "php").write_text("no program")
    monkeypatch.setenv("PATH", f"{tmp_path / 'mute'}:/usr/bin:/bin")
    with pytest.raises(Permanent, match="cannot be asked what it is"):
        await composer.find()
