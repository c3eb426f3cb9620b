"""Pipfile.lock is made anew by the real Pipenv in the jail: only what must move moves, and nothing is ever built."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import pips
from bot.lab.locks import LockJob, Relocked
from tests.lab.registries import Wheels
from tests.real import tools, wheel_world
from tests.real.smithing import refusal

PAD = Component(name="pad")
SOURCE = {"name": "pypi", "url": f"https://{pips.public_host()}/simple", "verify_ssl": True}


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Pipenv that `make servers` installs, unless another is to be tried."""
    tools.first(monkeypatch, "Pipenv", setting="SUREFOOT_TEST_PIPENV")


@dataclass(frozen=True, slots=True)
class Shop:
    """An index with wheels, and the locks that Pipenv would have made of them."""

    index: Wheels
    folder: Path

    def lock(self, held: Mapping[str, str], asked: Sequence[str], pipfile: str, **marks: Mapping[str, str]) -> str:
        """held: name -> version; asked: those that the Pipfile names; marks: what an entry says besides."""
        entries = {name: self._entry(name, version, name in asked, marks) for name, version in held.items()}
        meta = {"hash": {"sha256": content_hash(pipfile)}, "pipfile-spec": 6, "requires": {}, "sources": [SOURCE]}
        document = {"_meta": meta, "default": entries, "develop": {}}
        return json.dumps(document, indent=4, separators=(",", ": "), sort_keys=True) + "\n"

    def _entry(self, name: str, version: str, named: bool, marks: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        index = {"index": "pypi"} if named else {}
        _, checksum = wheel_world.wheel(self.folder, name, version)
        return {"hashes": [checksum], **index, "version": f"=={version}", **marks.get(name, {})}


def content_hash(pipfile: str) -> str:
    """As Pipenv makes it of a Pipfile (plette.pipfiles, Pipfile.get_hash)."""
    read = tomllib.loads(pipfile)
    told = {
        "_meta": {"sources": read["source"], "requires": read.get("requires", {})},
        "default": read.get("packages", {}),
        "develop": read.get("dev-packages", {}),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """pad 1.0 to 2.0 (1.1 and 1.2 need tie), tie 1.0 to 1.2, top that needs tie."""
    async with wheel_world.pads(tmp_path) as index:
        yield Shop(index, index.folder)


def pipfile(pad: str, more: str = "") -> str:
    """A Pipfile that asks so for pad, and for top."""
    head = f'[[source]]\nname = "pypi"\nurl = "{SOURCE["url"]}"\nverify_ssl = true\n'
    return f'{head}\n[packages]\npad = "{pad}"\ntop = "*"\n{more}'


def job(shop: Shop, text: str, version: str, **more: str) -> LockJob:
    """pad moves to a version. more: other files."""
    old = shop.lock({"pad": "1.0", "tie": "1.0", "top": "1.0"}, ["pad", "top"], pipfile("==1.0"))
    files = {"Pipfile": text, "Pipfile.lock": old, **more}
    return LockJob(files=files, lock="Pipfile.lock", manifest="Pipfile", component=PAD, version=version)


async def relocked(host: Host, shop: Shop, work: LockJob) -> Relocked:
    """What comes of it on a machine that asks the shop in the stead of the public index."""
    return await wheel_world.relocked(host, shop.index, work, seconds=200)


@pytest.mark.parametrize("wish", ["==1.1", ">=1.0"])
async def test_only_what_must_move_moves(best: Host, shop: Shop, wish: str) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    text, marks = pipfile(wish), {"tie": {"markers": "python_version >= '3.1'"}}
    old = shop.lock({"pad": "1.0", "tie": "1.0", "top": "1.0"}, ["pad", "top"], pipfile("==1.0"), **marks)
    made = await relocked(best, shop, job(shop, text, "1.1", **{"Pipfile.lock": old}))
    new = shop.lock({"pad": "1.1", "tie": "1.0", "top": "1.0"}, ["pad", "top"], text, **marks)
    assert made.files == {"Pipfile.lock": new}
    assert made.moved == (Moved("pad", "1.0", "1.1"),)


async def test_what_the_new_version_needs_moves_with_it(best: Host, shop: Shop) -> None:
    """And is named; line ends stay as they were."""
    work = job(shop, pipfile("==1.2"), "1.2")
    files = {**work.files, "Pipfile.lock": work.files["Pipfile.lock"].replace("\n", "\r\n"), ".env": "EVIL=1"}
    work = LockJob(files=files, lock="Pipfile.lock", manifest="Pipfile", component=PAD, version="1.2")
    made = await relocked(best, shop, work)
    assert made.moved == (Moved("pad", "1.0", "1.2"), Moved("tie", "1.0", "1.2"))
    new = shop.lock({"pad": "1.2", "tie": "1.2", "top": "1.0"}, ["pad", "top"], pipfile("==1.2"))
    assert made.files == {"Pipfile.lock": new.replace("\n", "\r\n")}


async def refused(host: Host, shop: Shop, work: LockJob) -> str:
    """Why it is refused, in the words that a person gets."""
    return await refusal(relocked(host, shop, work))


async def test_what_cannot_be_locked_is_told_in_pipenvs_words(best: Host, shop: Shop) -> None:
    """A version that contradicts another wish, and what would have to be built."""
    said = await refused(best, shop, job(shop, pipfile("==1.2", 'tie = "<1.1"\n'), "1.2"))
    assert said.startswith("Pipfile.lock: Pipenv cannot lock pad 1.2: ") and "tie" in said and "\n" not in said
    assert "Traceback" not in said and "Locking" not in said
    (shop.folder / "raw-1.0.tar.gz").write_bytes(b"x")
    said = await refused(best, shop, job(shop, pipfile("==1.1", 'raw = "*"\n'), "1.1"))
    assert "raw-1.0.tar.gz is published as source only" in said


async def test_packages_from_elsewhere_lead_nowhere(best: Host, shop: Shop) -> None:
    """A source that only the project names, and a URL."""
    sly = 'sly = {file = "https://evil.example/sly-1.0-py3-none-any.whl"}\n'
    assert "https://evil.example" in await refused(best, shop, job(shop, pipfile("==1.1", sly), "1.1"))


async def test_an_index_that_is_away_is_worth_another_try(best: Host, shop: Shop) -> None:
    """Nothing is said about the update then."""
    work = job(shop, pipfile("==1.1"), "1.1")
    shop.index.fail = 503
    with pytest.raises(Transient):
        await relocked(best, shop, work)
