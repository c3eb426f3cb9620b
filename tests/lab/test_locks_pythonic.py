"""pdm.lock and Pipfile.lock: what is made of their tools' answers, and what these are shown, without the tools."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Missing, Permanent
from bot.core.lockfiles import Moved
from bot.core.lockreaders import PUBLIC
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import pdm, pipenv
from bot.lab.locking.gateway import Document
from bot.lab.locking.programs import Program
from bot.lab.locking.shelves import Desk
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.lab import world
from tests.lab.registries import Wheels

PROJECT = '[project]\nname = "app"\nrequires-python = ">=3.9"\ndependencies = ["pad==1.1"]\n'
PIPFILE = (
    '[[source]]\nname = "acme"\nurl = "{url}"\n[packages]\npad = "==1.1"\n[requires]\npython_version = "{python}"\n'
)


@dataclass(frozen=True, slots=True)
class Shop:
    """An index with wheels of pad and tie, and locks of them."""

    index: Wheels
    folder: Path

    def sha(self, name: str, version: str) -> str:
        """The checksum of a wheel."""
        wheel = self.folder / f"{name}-{version}-py3-none-any.whl"
        return f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"

    def pdm(self, *held: str, edition: str = "4.5.0", summary: str = "", more: str = "") -> str:
        """held: `pad 1.0`."""
        blocks = []
        for name, _, version in (one.partition(" ") for one in held):
            file = f'{{file = "{name}-{version}-py3-none-any.whl", hash = "{self.sha(name, version)}"}}'
            about = f'name = "{name}"\nversion = "{version}"\nsummary = "{summary}"\ngroups = ["default"]\n'
            blocks.append(f"[[package]]\n{about}files = [\n    {file},\n]\n")
        head = f'[metadata]\ngroups = ["default"]\nlock_version = "{edition}"\ncontent_hash = "sha256:{len(held)}"\n'
        return f"{head}{more}\n" + "\n".join(blocks)

    def pipfile(self, *held: str, **more: Any) -> str:
        """held: `pad 1.0`; more: what each entry says besides."""
        entries = {
            name: {"hashes": [self.sha(name, version)], "version": f"=={version}", **more}
            for name, _, version in (one.partition(" ") for one in held)
        }
        sources = [{"name": "acme", "url": f"{self.index.url}/simple", "verify_ssl": True}]
        meta = {"hash": {"sha256": "00"}, "pipfile-spec": 6, "requires": {}, "sources": sources}
        document = {"_meta": meta, "default": entries, "develop": {}}
        return json.dumps(document, indent=4, separators=(",", ": "), sort_keys=True) + "\n"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """pad 1.0 and 1.1, tie 1.0 and 1.1."""
    folder = tmp_path / "wheels"
    for name in ("pad", "tie"):
        for version in ("1.0", "1.1"):
            world.wheel(folder, name, version, {f"{name}.py": f"#{version}"})
    async with Wheels(folder=folder).running(tmp_path) as index:
        yield Shop(index, folder)


def answering(folder: Path, lock: str, text: str, refusals: Mapping[str, str] | None = None) -> Program:
    """A tool that hands back this text for a lock; refusals: what it says as long as no such word is in its place."""
    folder.mkdir(exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    lines = ["#!/bin/sh"]
    for number, (word, said) in enumerate((refusals or {}).items()):
        (folder / str(number)).write_text(said)
        once = f'[ -e "{folder}/{number}.done" ]'
        lines.append(f'{once} || {{ echo "{word}" > /dev/null; cat "{folder}/{number}"; exit 4; }}')
    lines.append(f'cat "{folder}/answer" > {lock}')
    script = folder / "tool"
    script.write_text("\n".join(lines) + "\n")
    for path in (folder, script):
        path.chmod(0o755)
    return Program(command=(str(script),), folders=(folder,), version=(2099, 1))


async def relocked(
    host: Host, shop: Shop, tool: tuple[ModuleType, Program], files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Relocked:
    """What comes of it where the tool answers so."""
    module, program = tool

    async def find() -> Program:
        return program

    monkeypatch.setattr(module, "find", find)
    index = IndexSettings(index_url=f"{shop.index.url}/simple")
    reach = Reach(trusted=index.hosts)
    manifest = "Pipfile" if module is pipenv else "pyproject.toml"
    async with Http(reach) as http:
        room = Room(host=host, http=http, reach=reach, seconds=60, memory_mib=512)
        work = LockJob(files=files, lock=module.NAME, manifest=manifest, component=Component(name="Pad"), version="1.1")
        return await Locksmith(room=room, uv=resolver.find_uv(index)).lock(work)


async def test_what_did_not_move_in_a_lock_of_pdm_keeps_its_words(
    host: Host, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its summary, the edition of the format, and the line ends."""
    old = shop.pdm("pad 1.0", "tie 1.0", summary="old")
    new = shop.pdm("pad 1.1", "tie 1.0", summary="new", edition="4.5.2")
    program = answering(tmp_path / "a", "pdm.lock", new)
    for end in ("\n", "\r\n"):
        files = {"pyproject.toml": PROJECT, "pdm.lock": old.replace("\n", end)}
        made = await relocked(host, shop, (pdm, program), files, monkeypatch)
        wanted = shop.pdm("pad 1.1", "tie 1.0", summary="old").replace('summary = "old"', 'summary = "new"', 1)
        assert made.files == {"pdm.lock": wanted.replace("\n", end)}
        assert made.moved == (Moved("pad", "1.0", "1.1"),)


async def test_what_pdm_says_is_held_against_what_was_asked(
    host: Host, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, other bytes, files that no index has, another format, and words of its own."""
    old = shop.pdm("pad 1.0", "tie 1.0")
    files = {"pyproject.toml": PROJECT, "pdm.lock": old}
    new = shop.pdm("pad 1.1", "tie 1.0")
    for text, why in (
        (old, "PDM keeps pad at 1.0"),
        (new.replace(shop.sha("tie", "1.0"), "sha256:" + "0" * 64), "other files under the old version of tie 1.0"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, shop, (pdm, answering(tmp_path / "a", "pdm.lock", text)), files, monkeypatch)
    for text, why in (
        (shop.pdm("pad 1.1", edition="4.4"), "lock_version"),
        (new.replace('["default"]', '["x"]', 1), "groups"),
    ):
        with pytest.raises(Permanent, match=f"with another {why}"):
            await relocked(host, shop, (pdm, answering(tmp_path / "a", "pdm.lock", text)), files, monkeypatch)
    refusing = answering(tmp_path / "b", "pdm.lock", "", {"x": "INFO: x\nUnable to find a resolution\nfor tie\n"})
    with pytest.raises(ConfigProblem, match=r"PDM cannot lock Pad 1\.1: Unable to find a resolution for tie"):
        await relocked(host, shop, (pdm, refusing), files, monkeypatch)
    monkeypatch.setattr("bot.lab.locking.pips.public_host", lambda: "public.example")
    addressed = {**files, "pdm.lock": old.replace("lock_version", 'strategy = ["static_urls"]\nlock_version', 1)}
    with pytest.raises(Permanent, match="names files by their addresses, and this machine asks a mirror"):
        await relocked(host, shop, (pdm, refusing), addressed, monkeypatch)
    broken = {**files, "pyproject.toml": "["}
    with pytest.raises(ConfigProblem, match=r"pyproject\.toml: cannot be read"):
        await relocked(host, shop, (pdm, refusing), broken, monkeypatch)


async def test_what_did_not_move_in_a_pipfile_lock_keeps_its_words(
    host: Host, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marks that another Pipenv would write otherwise, and the line ends."""
    old, new = shop.pipfile("pad 1.0", "tie 1.0", markers="old"), shop.pipfile("pad 1.1", "tie 1.0", index="acme")
    program = answering(tmp_path / "a", "Pipfile.lock", new)
    text = PIPFILE.format(url=f"{shop.index.url}/simple", python="{}.{}".format(*sys.version_info))
    for end in ("\n", "\r\n"):
        files = {"Pipfile": text, "Pipfile.lock": old.replace("\n", end), ".env": "EVIL=1"}
        made = await relocked(host, shop, (pipenv, program), files, monkeypatch)
        kept, got = json.loads(old), json.loads(made.files["Pipfile.lock"])
        assert got["default"]["tie"] == kept["default"]["tie"] and got["default"]["pad"]["version"] == "==1.1"
        assert made.files["Pipfile.lock"].endswith(f"}}{end}")
        assert made.moved == (Moved("pad", "1.0", "1.1"),)


async def test_what_pipenv_says_is_held_against_what_was_asked(
    host: Host, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, and its complaint: what it names is let move, until it names nothing new."""
    text = PIPFILE.format(url=f"{shop.index.url}/simple", python="{}.{}".format(*sys.version_info))
    files = {"Pipfile": text, "Pipfile.lock": shop.pipfile("pad 1.0", "tie 1.0")}
    program = answering(tmp_path / "a", "Pipfile.lock", files["Pipfile.lock"])
    with pytest.raises(ConfigProblem, match=r"Pipenv keeps pad at 1\.0"):
        await relocked(host, shop, (pipenv, program), files, monkeypatch)
    said = "Locking x\nERROR: conflict:\n  pad 1.1 depends on Tie>=2\nTraceback (most recent call last):\n  File x\n"
    refusing = answering(tmp_path / "b", "Pipfile.lock", "", {"x": said})
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, shop, (pipenv, refusing), files, monkeypatch)
    assert str(caught.value) == "Pipfile.lock: Pipenv cannot lock Pad 1.1: ERROR: conflict: pad 1.1 depends on Tie>=2"
    with pytest.raises(ConfigProblem, match="cannot be read"):
        await relocked(host, shop, (pipenv, refusing), {**files, "Pipfile": "["}, monkeypatch)
    lock = (
        files["Pipfile.lock"]
        .replace(shop.index.url, "https://evil.example")
        .replace('"version"', '"index": "acme", "version"')
    )
    with pytest.raises(ConfigProblem, match=r"takes packages from https://evil\.example/simple"):
        await relocked(host, shop, (pipenv, refusing), {**files, "Pipfile.lock": lock}, monkeypatch)


def test_locks_are_read_to_their_packages() -> None:
    """Of PDM with extras once, with URLs or names of files; of Pipenv with the index that each is from."""
    text = """[metadata]
lock_version = "4.5.0"
[[package]]
name = "pad"
version = "1.0"
files = [{url = "https://files.example/x/pad-1.0.whl#a", hash = "sha256:aa"}]
[[package]]
name = "pad"
version = "1.0"
extras = ["x"]
[[package]]
name = "tool"
version = "2.0"
git = "https://git.example/tool"
"""
    pad, tool = lockfiles.read(text, "pdm.lock")
    assert (pad.origin, pad.files, pad.aside) == (PUBLIC, {"pad-1.0.whl": "sha256:aa"}, False)
    assert tool.aside and tool.origin == "https://git.example/tool"
    document = {
        "_meta": {"pipfile-spec": 6, "sources": [{"name": "acme", "url": "https://acme.example/simple/"}]},
        "default": {"pad": {"index": "acme", "version": "==1.0", "hashes": ["sha256:aa"]}},
        "develop": {"tie": {"version": "==2.0"}, "x": {"git": "https://git.example/x", "ref": "01"}},
    }
    pad, tie, x = lockfiles.read(json.dumps(document), "Pipfile.lock")
    assert (pad.origin, pad.version, pad.files) == ("https://acme.example/simple", "1.0", {"sha256:aa": "sha256:aa"})
    assert (tie.origin, tie.aside, x.aside, x.origin) == ("", False, True, "https://git.example/x")
    for lock, odd in (
        ("pdm.lock", '[metadata]\nlock_version = "3.1"\n'),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 5}}'),
    ):
        with pytest.raises(ConfigProblem, match="known"):
            lockfiles.read(odd, lock)


async def test_an_index_shows_what_is_meant_and_nothing_to_build() -> None:
    """By any spelling of a name; checksums of the public index are told out of its page."""
    page = {"files": [
        {"filename": "Pad_X-1.0-py3-none-any.whl", "url": "../a.whl", "hashes": {"sha256": "aa"}},
        {"filename": "pad_x-1.1.tar.gz", "url": "https://f.example/b.tar.gz", "hashes": {"sha256": "bb"}},
        {"filename": "odd", "url": "c", "hashes": {}},
    ]}  # fmt: skip
    asked: list[str] = []

    async def get(url: str, accept: str) -> Document:
        asked.append(url)
        return Document(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")

    desk = Desk(["https://i.example/simple"], {"pad-x": {"1.0"}, "tie": {"9"}}, public="https://i.example")
    found = await desk.answer("https://i.example/simple/Pad.X/", get)
    assert found is not None
    (file,) = json.loads(found.body)["files"]
    assert (file["filename"], file["url"]) == ("Pad_X-1.0-py3-none-any.whl", "https://i.example/simple/a.whl")
    assert await desk.answer("https://i.example/simple/other/", get) is None
    told = await desk.answer("https://i.example/pypi/pad-x/json", get)
    releases = json.loads(told.body if told else b"")["releases"]
    sums = {version: [one["digests"]["sha256"] for one in files] for version, files in releases.items()}
    assert sums == {"1.0": ["aa"], "1.1": ["bb"]}
    assert asked[-1] == "https://i.example/simple/pad-x/"
    with pytest.raises(Missing, match="has no version 9"):
        await desk.answer("https://i.example/simple/tie/", get)
    with pytest.raises(ConfigProblem, match="published as source only"):
        await desk.answer("https://f.example/b.tar.gz", get)


@pytest.mark.parametrize("module", [pdm, pipenv])
async def test_a_missing_tool_is_told_with_the_mend(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is one that is too old, or that nobody can follow."""
    name = module.__name__.rpartition(".")[2]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none" / "python"))
    with pytest.raises(Permanent, match=f"is not installed.*pipx install {name}"):
        await module.find()
    script = tmp_path / name
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(Permanent, match="wrapper around another one"):
        await module.find()
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho \'["/p/bin/python", "/p", "/usr", "1.0"]\'\n')
    python.chmod(0o755)
    with pytest.raises(Permanent, match=r"1\.0 is installed, and locks are made by"):
        await module.find()


VERSIONS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["1.0", "1.1", "2.0"]), max_size=5)


@given(old=VERSIONS, new=VERSIONS, end=st.sampled_from(["\n", "\r\n"]))
def test_only_what_moved_is_written_anew(old: dict[str, str], new: dict[str, str], end: str) -> None:
    """Of Pipenv's answer and of PDM's: the rest is the old lock, and all of the answer is there."""

    def locked(held: dict[str, str], words: str) -> str:
        entries = {name: {"version": f"=={version}", "markers": words} for name, version in held.items()}
        document = {"_meta": {"hash": {"sha256": words}}, "default": entries}
        return json.dumps(document, indent=4, separators=(",", ": "), sort_keys=True) + "\n"

    before = locked(old, "old").replace("\n", end)
    made = json.loads(pipenv.quiet(before, locked(new, "new")))
    assert {name: entry["version"][2:] for name, entry in made["default"].items()} == new
    assert made["_meta"]["hash"]["sha256"] == "new"
    for name, entry in made["default"].items():
        assert entry["markers"] == ("old" if old.get(name) == new[name] else "new")

    def blocks(held: dict[str, str], words: str) -> str:
        about = (
            f'[[package]]\nname = "{name}"\nversion = "{held[name]}"\nsummary = "{words}"\n' for name in sorted(held)
        )
        return f'[metadata]\nlock_version = "4.5.0"\ncontent_hash = "{words}"\n\n' + "\n".join(about)

    wanted = blocks(new, "new")
    for name in (name for name in new if old.get(name) == new[name]):
        there = f'name = "{name}"\nversion = "{new[name]}"\nsummary = "new"'
        wanted = wanted.replace(there, there.replace('"new"', '"old"'))
    assert pdm.quiet(blocks(old, "old"), blocks(new, "new")) == wanted
