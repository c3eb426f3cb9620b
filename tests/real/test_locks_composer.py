"""composer.lock is made anew by the real Composer in the jail: only what must move moves, and nothing is installed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bot.core.errors import Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import composer
from bot.lab.locks import LockJob, Locksmith, Packagist, Relocked
from bot.tools.http import Reach
from bot.tools.secrets import Secret
from tests.lab import registries
from tests.lab.composer_locks import lock_of, manifest
from tests.real import smithing

TOOLS = (composer.find,)
PACKAGES: dict[str, dict[str, Mapping[str, str]]] = {
    "acme/pad": {
        "1.0.0": {}, "1.1.0": {"acme/tie": "^1.0"}, "1.2.0": {"acme/tie": "^1.1"}, "1.9.0": {},
        "2.0.0": {"acme/tie": "^2.0"},
    },
    "acme/tie": {"1.0.0": {}, "1.1.0": {}},
    "acme/top": {"1.0.0": {"acme/tie": "^1.0"}},
}  # fmt: skip
PAD = Component(name="acme/pad", ecosystem="composer")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[registries.Composer]:
    """With the packages above."""
    async with registries.Composer(packages=PACKAGES).running(tmp_path) as made:
        yield made


def locked(text: str, pad: str = "1.0.0", tie: str = "1.0.0") -> str:
    """pad and top, which needs tie."""
    held = {"acme/pad": pad, "acme/tie": tie, "acme/top": "1.0.0"}
    return lock_of(text, [(name, at, PACKAGES[name][at]) for name, at in held.items()])


def smith(host: Host, packagist: Packagist) -> AbstractAsyncContextManager[Locksmith]:
    """The locksmith of a machine where this registry stands for the public one."""
    return smithing.smith(host, Reach(trusted={"127.0.0.1"}), packagist=packagist)


def job(version: str, old: str, new: str, **more: str) -> LockJob:
    """pad moves to a version. old, new: what the manifest says of it; more: other files."""
    files = {"composer.json": manifest(pad=new, top="1.0.0"), "composer.lock": locked(manifest(pad=old, top="1.0.0"))}
    return LockJob(
        files={**files, **more}, lock="composer.lock", manifest="composer.json", component=PAD, version=version
    )


async def relocked(host: Host, registry: registries.Composer, work: LockJob) -> Relocked:
    """What comes of it on a machine that knows this registry alone."""
    async with smith(host, Packagist(index=registry.url)) as one:
        return await one.lock(work)


@pytest.mark.parametrize("new", ["^1.1", "^1.0", "1.1.0"])
async def test_only_what_must_move_moves(best: Host, registry: registries.Composer, new: str) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    made = await relocked(best, registry, job("1.1.0", "^1.0", new))
    assert made.files == {"composer.lock": locked(manifest(pad=new, top="1.0.0"), "1.1.0")}
    assert made.moved == (Moved("acme/pad", "1.0.0", "1.1.0"),)


async def test_what_the_new_version_needs_moves_with_it_and_nothing_is_run(
    best: Host, registry: registries.Composer
) -> None:
    """Neither scripts nor plugins of the project; what was in the way is let move, and named."""
    told = json.loads(manifest(pad="^1.2", top="1.0.0"))
    evil = {"pre-update-cmd": "exit 9", "post-update-cmd": "exit 9", "pre-pool-create": "exit 9"}
    text = json.dumps({**told, "scripts": evil, "config": {"allow-plugins": True}})
    made = await relocked(best, registry, job("1.2.0", "^1.0", "^1.2", **{"composer.json": text}))
    assert made.moved == (Moved("acme/pad", "1.0.0", "1.2.0"), Moved("acme/tie", "1.0.0", "1.1.0"))
    assert not any(".zip" in path for path in registry.seen)


async def test_a_registry_with_a_login(best: Host, tmp_path: Path) -> None:
    """The login reaches it; it is neither in the lock nor in the jail."""
    private = registries.Composer(packages=PACKAGES, login="Basic hunter2")
    async with private.running(tmp_path):
        there = Packagist(index=private.url, login=Secret("Basic hunter2"))
        async with smith(best, there) as one:
            made = await one.lock(job("1.1.0", "^1.0", "^1.1"))
    assert "hunter2" not in made.files["composer.lock"]
    assert set(private.logins) == {"Basic hunter2"}


async def refused(host: Host, registry: registries.Composer, work: LockJob) -> str:
    """Why it is refused, in the words that a person gets."""
    return await smithing.refusal(relocked(host, registry, work))


async def test_what_cannot_be_locked_is_told_in_composers_words(best: Host, registry: registries.Composer) -> None:
    """A version that is not there, and one that contradicts another package's wishes."""
    said = await refused(best, registry, job("7.0.0", "^1.0", "^7.0"))
    assert said.startswith("composer.lock: Composer cannot lock acme/pad 7.0.0: ")
    assert "does not match the constraint" in said and "Loading" not in said and "\n" not in said
    assert "acme/tie" in await refused(best, registry, job("2.0.0", "^1.0", "^2.0"))


@pytest.mark.parametrize("kind", ["composer", "vcs"])
async def test_a_place_of_the_project_is_not_asked(best: Host, registry: registries.Composer, kind: str) -> None:
    """A registry or a repository that this machine does not name."""
    told = json.loads(manifest(pad="^1.1", top="1.0.0"))
    text = json.dumps({**told, "repositories": [{"type": kind, "url": "https://evil.example/x.git"}]})
    said = await refused(best, registry, job("1.1.0", "^1.0", "^1.1", **{"composer.json": text}))
    assert "wants to fetch from https://evil.example" in said


async def test_a_registry_that_is_away_is_worth_another_try(best: Host, registry: registries.Composer) -> None:
    """The loop waits and asks again."""
    registry.fail = 503
    with pytest.raises(Transient):
        await relocked(best, registry, job("1.1.0", "^1.0", "^1.1"))
