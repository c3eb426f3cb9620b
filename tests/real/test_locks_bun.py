"""bun.lock is made anew by the real Bun in the jail: only what must move moves, and no project's file has power."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import bun
from bot.lab.locks import LockJob
from bot.tools.npm import NpmSettings
from bot.tools.secrets import Secret
from tests.lab.bun_locks import lock_of
from tests.lab.registries import Npm
from tests.real import tools
from tests.real.smithing import PACKAGES, of_npm, refusal, relocked


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Bun that `make servers` installs, unless another is to be tried."""
    tools.first_of_node(monkeypatch, "SUREFOOT_TEST_BUN")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Npm]:
    """With pad, tie and top."""
    async with Npm(packages=PACKAGES).running(tmp_path) as made:
        yield made


def manifest(pad: str, **more: Any) -> str:
    """A package.json."""
    return json.dumps({"name": "app", "dependencies": {"pad": pad, "top": "1.0.0"}, **more}, indent=2)


def locked(wish: str = "^1.0.0", pad: str = "1.0.0", tie: str = "1.0.0", **more: Any) -> str:
    """pad and top, which needs tie."""
    held = [("pad", pad), ("tie", tie), ("top", "1.0.0")]
    return lock_of(PACKAGES, {"pad": wish, "top": "1.0.0"}, held, **more)


def job(version: str, wish: str, **more: str) -> LockJob:
    """pad moves to a version. more: other files, or the manifest."""
    files = {"package.json": manifest(wish), "bun.lock": locked(), **more}
    component = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock="bun.lock", manifest="package.json", component=component, version=version)


@pytest.mark.parametrize("wish", ["^1.1.0", "1.1.0", "^1.0.0"])
async def test_only_what_must_move_moves(best: Host, registry: Npm, wish: str) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    made = await relocked(best, registry, job("1.1.0", wish))
    assert made.files == {"bun.lock": locked(wish, "1.1.0")}
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    assert all("/-/" not in path for path in registry.seen)


async def test_what_the_new_version_needs_moves_with_it(best: Host, registry: Npm) -> None:
    """No script runs, the project's own settings have no say, and what others need stays as it is for them."""
    evil = {
        "package.json": manifest("^1.2.0", scripts={"preinstall": "exit 1"}, packageManager="bun@1.0.0"),
        "bunfig.toml": '[install]\nregistry = "https://evil.example/"\n',
        ".npmrc": "registry=https://evil.example/\n",
    }
    made = await relocked(best, registry, job("1.2.0", "^1.2.0", **evil))
    assert made.moved == (Moved("pad", "1.0.0", "1.2.0"), Moved("tie", "", "1.5.0"))
    text = made.files["bun.lock"]
    assert '["tie@1.0.0", "",' in text and '["tie@1.5.0", "",' in text


async def test_a_registry_that_the_lock_names_stays_named(best: Host, registry: Npm) -> None:
    """Where it was not the public one when the lock was made; with the line ends that it had."""
    old = locked(place=registry.url).replace("\n", "\r\n")
    made = await relocked(best, registry, job("1.1.0", "1.1.0", **{"bun.lock": old}))
    assert made.files == {"bun.lock": locked("1.1.0", "1.1.0", place=registry.url).replace("\n", "\r\n")}


async def test_a_workspace_is_locked_as_a_whole(best: Host, registry: Npm) -> None:
    """The lock lies at the root, and a member names the component."""
    root = json.dumps({"name": "app", "workspaces": ["web"]}, indent=2)
    web = json.dumps({"name": "web", "version": "1.0.0", "dependencies": {"pad": "^1.1.0"}}, indent=2)
    old = lock_of(PACKAGES, {}, [("pad", "1.0.0")])
    old = old.replace('      "dependencies": {\n      },\n    },\n', '    },\n    "web": {\n      "name": "web",\n'
                      '      "version": "1.0.0",\n      "dependencies": {\n'
                      '        "pad": "^1.0.0",\n      },\n    },\n')  # fmt: skip
    old = old.replace("\n  }\n}\n", '\n\n    "web": ["web@workspace:web"],\n  }\n}\n')
    files = {"a/package.json": root, "a/web/package.json": web, "a/bun.lock": old}
    component = Component(name="pad", ecosystem="npm")
    work = LockJob(files=files, lock="a/bun.lock", manifest="a/web/package.json", component=component, version="1.1.0")
    made = await relocked(best, registry, work)
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"), Moved("tie", "", "1.5.0"))
    assert '"pad": "^1.1.0",' in made.files["a/bun.lock"]


async def test_a_registry_with_a_login_over_tls(best: Host, tmp_path: Path) -> None:
    """The login reaches the registry; it is neither in the lock nor in the jail."""
    private = Npm(packages=PACKAGES, tls=True, login="Bearer hunter2")
    async with private.running(tmp_path):
        logins = {f"//{private.url.removeprefix('https://')}/": Secret("Bearer hunter2")}
        settings = NpmSettings(registry=f"{private.url}/", logins=logins)
        async with of_npm(best, settings, ca=private.pem) as one:
            made = await one.lock(job("1.1.0", "^1.1.0"))
    assert made.files == {"bun.lock": locked("^1.1.0", "1.1.0")}
    assert set(private.logins) == {"Bearer hunter2"}


async def refused(host: Host, registry: Npm, work: LockJob) -> str:
    """Why it is refused, in the words that a person gets."""
    return await refusal(relocked(host, registry, work))


async def test_what_cannot_be_locked_is_told_in_buns_words(best: Host, registry: Npm) -> None:
    """A version that is not there; and what comes from elsewhere leads nowhere."""
    said = await refused(best, registry, job("7.0.0", "^7.0.0"))
    assert said.startswith("bun.lock: Bun cannot lock pad 7.0.0: ") and "Resolving" not in said and "\n" not in said
    sly = manifest("^1.1.0", devDependencies={"sly": "https://evil.example/sly.tgz"})
    assert "https://evil.example" in await refused(best, registry, job("1.1.0", "^1.1.0", **{"package.json": sly}))


async def test_a_registry_that_is_away_is_worth_another_try(best: Host, registry: Npm) -> None:
    """Nothing is said about the update then."""
    registry.fail = 503
    with pytest.raises(Transient):
        await relocked(best, registry, job("1.1.0", "^1.1.0"))


async def test_bun_is_found_where_npm_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the package for this platform, when no script put it in its place; else it is said what to do."""
    assert (await bun.find()).version >= bun.OLDEST
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"Bun is not installed.*npm install --global bun"):
        await bun.find()
    script = tmp_path / "bun"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(Permanent, match="is not the program itself"):
        await bun.find()
