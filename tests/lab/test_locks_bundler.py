"""Gemfile.lock: what is made of Bundler's answers, what it is given, and where it is, without Bundler itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.lockreaders import PUBLIC
from bot.core.lockreaders import gem as reader
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import bundler
from bot.lab.locking.bundler import Bundler
from bot.lab.locking.gateway import Document
from bot.lab.locking.programs import Program
from bot.lab.locking.showing import Gems as Shown
from bot.lab.locks import LockJob, Locksmith, Relocked, Room, RubyGems
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.lab.gem_locks import lock_of

GEMFILE = 'source "https://rubygems.org"\ngem "pad", "~> 1.0"\n'
OLD = lock_of({("pad", "1.0.0"): [], ("tie", "1.0.0"): []}, ["pad (~> 1.0)", "tie"])
NEW = lock_of({("pad", "1.1.0"): [], ("tie", "1.0.0"): []}, ["pad (~> 1.0)", "tie"], bundler="2.3.15")


def job(lock: str = OLD, version: str = "1.1.0", **more: str) -> LockJob:
    """pad moves to a version."""
    files = {"Gemfile": GEMFILE, "Gemfile.lock": lock, **more}
    pad = Component(name="pad", ecosystem="gem")
    return LockJob(files=files, lock="Gemfile.lock", manifest="Gemfile", component=pad, version=version)


def answering(folder: Path, text: str, refusals: tuple[str, ...] = (), version: tuple[int, ...] = (2, 3)) -> Bundler:
    """A Bundler that hands back this text, after refusing as often as there are words; "" shows what it was given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    lines = ["#!/bin/sh"]
    for number, words in enumerate(refusals):
        spot = f'case "$*" in *"{words.partition("|")[0]}"*) cat "{folder}/{number}"; exit 7;; esac'
        (folder / str(number)).write_text(words.partition("|")[2])
        lines.append(spot)
    if not text:
        lines.append('echo "$@"; env; cat Gemfile; echo "Fetching gem metadata."; exit 5')
    lines.append(f'cat "{folder}/answer" > Gemfile.lock')
    script = folder / "ruby"
    script.write_text("\n".join(lines) + "\n")
    for path in (folder, script):
        path.chmod(0o755)
    program = Program(command=(str(script),), folders=(folder,), version=version)
    return Bundler(program=program, platform="x86_64-linux", version="2.3.15")


async def relocked(host: Host, work: LockJob, mine: Bundler, monkeypatch: pytest.MonkeyPatch) -> Relocked:
    """What comes of it where Bundler answers so."""

    async def there() -> Bundler:
        return mine

    monkeypatch.setattr(bundler, "there", there)
    async with Http(Reach()) as http:
        room = Room(host=host, http=http, reach=Reach(), seconds=60, memory_mib=512)
        uv = resolver.find_uv(IndexSettings())
        return await Locksmith(room=room, uv=uv, gems=RubyGems(index="https://gems.example")).lock(work)


async def test_a_lock_that_is_what_was_asked_for_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line ends that it had, and the name of the Bundler that wrote it."""
    for end in ("\n", "\r\n"):
        made = await relocked(host, job(OLD.replace("\n", end)), answering(tmp_path / "a", NEW), monkeypatch)
        assert made.files == {"Gemfile.lock": NEW.replace("2.3.15", "2.2.33").replace("\n", end)}
        assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


async def test_what_bundler_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, another server, other platforms, other bytes, or no lock at all."""
    sums = "\nCHECKSUMS\n  pad (1.0.0) sha256=aa\n  tie (1.0.0) sha256=bb\n"
    for old, new, why in (
        (OLD, OLD, "Bundler keeps pad at 1.0.0"),
        (
            OLD,
            NEW.replace("https://rubygems.org/", "https://evil.example/"),
            "would take pad from https://evil.example",
        ),
        (OLD, NEW.replace("  ruby\n", "  java\n  ruby\n"), "would be for java, ruby and was for ruby"),
        (OLD, "{", "cannot be read"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(old), answering(tmp_path / "a", new), monkeypatch)
    for new, why in (
        (NEW + sums, "no checksum for pad 1.1.0"),
        (NEW + sums.replace("=bb", "=cc"), "old version of tie"),
    ):
        newer = answering(tmp_path / "a", new.replace("pad (1.0.0)", "pad (1.0.0)"), version=(2, 6))
        with pytest.raises(ConfigProblem, match=why):
            await relocked(host, job(OLD + sums), newer, monkeypatch)
    with pytest.raises(Permanent, match="holds checksums, which Bundler"):
        await relocked(host, job(OLD + sums), answering(tmp_path / "a", NEW), monkeypatch)


async def test_those_in_the_way_are_let_move_one_after_the_other(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at last all; what nobody locked, and what stands for no gem, frees nothing."""
    freeing = ('lock|could not find compatible versions for gem "tie":\n',)
    mine = answering(tmp_path / "a", NEW, freeing)
    script = (tmp_path / "a" / "ruby").read_text().replace('*"lock"*)', "lock)")
    (tmp_path / "a" / "ruby").write_text(script)
    assert (await relocked(host, job(), mine, monkeypatch)).moved
    stuck = answering(tmp_path / "b", NEW, ("lock|Because pad depends on other >= 1\nBecause it depends on pad\n",))
    with pytest.raises(ConfigProblem, match=r"Bundler cannot lock pad 1\.1\.0: Because pad depends on other"):
        await relocked(host, job(), stuck, monkeypatch)


async def test_bundler_is_given_the_files_and_nothing_of_the_machine(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs as the one that it is, whatever the lock names, and with settings of its own."""
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(), answering(tmp_path / "a", ""), monkeypatch)
    said = str(caught.value)
    assert "BUNDLER_VERSION=2.3.15" in said and "BUNDLE_GEMFILE=Gemfile" in said and 'gem "pad"' in said
    assert "Fetching" not in said and "lock --update pad --conservative" in said


async def test_what_cannot_be_made_is_said_before_anything_is_started(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no gem, servers of others, and git."""
    nobody = answering(tmp_path / "a", NEW)
    git = "GIT\n  remote: https://git.example/x\n  revision: 01\n  specs:\n    x (1.0)\n\n" + OLD
    with pytest.raises(Permanent, match="takes gems from git, and nothing is checked out for a lock"):
        await relocked(host, job(git), nobody, monkeypatch)
    for work, why in (
        (job(version="one"), "is no gem"),
        (
            job(OLD.replace("https://rubygems.org/", "https://other.example/")),
            "which is not the server of this machine",
        ),
    ):
        with pytest.raises(ConfigProblem, match=why):
            await relocked(host, work, nobody, monkeypatch)


def test_a_lock_is_read_to_its_gems() -> None:
    """Those of a folder come from nowhere, those of git from elsewhere; a platform is none of a version."""
    text = (
        "GIT\n  remote: https://git.example/x.git\n  revision: 01\n  specs:\n    x (1.0)\n\n"
        "PATH\n  remote: .\n  specs:\n    app (0.1)\n      pad\n\n"
        + lock_of({("pad", "1.0.0-java"): ["tie (~> 1)"], ("tie", "2.0.pre1"): []}, ["pad"])
        + "\nCHECKSUMS\n  pad (1.0.0-java) sha256=aa\n  tie (2.0.pre1)\n"
    )
    git, app, pad, tie = lockfiles.read(text, "Gemfile.lock")
    assert (git.aside, git.origin, app.aside, app.origin) == (True, "https://git.example/x.git", True, "")
    assert (pad.version, pad.origin, pad.files) == ("1.0.0", PUBLIC, {"pad-1.0.0-java.gem": "sha256=aa"})
    assert (tie.version, tie.files) == ("2.0.pre1", {})
    assert reader.remotes(text) == ["https://rubygems.org"] and reader.platforms(text) == ["ruby"]


async def test_of_a_gem_only_what_is_meant_is_shown() -> None:
    """All its platforms; what has no such version is not there, and other pages stay as they are."""
    page = b"---\n1.0.0 |checksum:a\n1.1.0 tie:>= 1|checksum:b\n1.1.0-java |checksum:c\n1.10.0 |checksum:d\n"

    async def get(url: str, accept: str) -> Document:
        return Document(page, "text/plain")

    desk = Shown(["https://gems.example"], {"pad": {"1.1.0"}, "odd": {"3"}})
    found = await desk.answer("https://gems.example/info/pad", get)
    assert found and found.body == b"---\n1.1.0 tie:>= 1|checksum:b\n1.1.0-java |checksum:c\n"
    assert await desk.answer("https://gems.example/versions", get) is None
    with pytest.raises(Exception, match="has no version 3 of odd"):
        await desk.answer("https://gems.example/info/odd", get)


def test_rubygems_is_asked_by_all_its_names() -> None:
    """Its index has one of its own, and a mirror stands for both."""
    plain = {one.url: one.asked for one in RubyGems().places}
    assert plain == {
        "https://rubygems.org": "https://rubygems.org",
        "https://index.rubygems.org": "https://index.rubygems.org",
    }
    mirror = RubyGems(index="https://gems.example")
    assert {one.asked for one in mirror.places} == {"https://gems.example"} and len(mirror.places) == 3


async def test_bundler_is_found_with_its_ruby(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, or with one that is too old or says nothing, it is told how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"Ruby is not installed.*Install Ruby with Bundler 2\.3 or newer"):
        await bundler.find()
    ruby = tmp_path / "ruby"

    def says(text: str) -> None:
        ruby.write_text(f"#!/bin/sh\necho '{text}'\n")
        ruby.chmod(0o755)

    says(json.dumps(["/r/bin/ruby", "/r", "2.1.4", "/r/gems/bundler/lib", "x86_64-linux"]))
    with pytest.raises(Permanent, match=r"Bundler 2\.1\.4 is installed, and it is too old"):
        await bundler.find()
    says("what")
    with pytest.raises(Permanent, match="cannot be asked for its Bundler"):
        await bundler.find()
    says(json.dumps(["/r/bin/ruby", "/r", "2.6.1", "/g/bundler/lib", "x86_64-linux"]))
    found = await bundler.find()
    assert found.command[0] == "/r/bin/ruby" and "/g/bundler/lib" in found.command
    assert found.folders == (Path("/r"), Path("/g/bundler")) and found.version == (2, 6)
