"""Cargo.lock is made anew by the real cargo in the jail: only what must move moves, and nothing is fetched or run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import cargo
from bot.lab.locks import Crates, LockJob, Locksmith, Relocked
from bot.tools.http import Reach
from bot.tools.secrets import Secret
from tests.lab import registries
from tests.lab.cargo_locks import lock_of, manifest
from tests.real import smithing

TOOLS = (cargo.find,)
CRATES: dict[str, dict[str, Mapping[str, str]]] = {
    "pad": {"1.0.0": {}, "1.1.0": {"tie": "^1"}, "1.2.0": {"tie": "^1.1"}, "1.9.0": {}, "2.0.0": {"tie": "^2"}},
    "tie": {"1.0.0": {}, "1.1.0": {}},
    "top": {"1.0.0": {"tie": "^1"}},
}
PAD = Component(name="pad", ecosystem="cargo")


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[registries.Crates]:
    """With the crates above."""
    async with registries.Crates(crates=CRATES).running(tmp_path) as made:
        yield made


def locked(pad: str = "1.0.0", tie: str = "1.0.0") -> str:
    """pad and top, which needs tie."""
    needs = [] if pad in ("1.0.0", "1.9.0") else ["tie"]
    return lock_of(["pad", "top"], {("pad", pad): needs, ("tie", tie): [], ("top", "1.0.0"): ["tie"]})


def smith(host: Host, crates: Crates, **reach: Any) -> AbstractAsyncContextManager[Locksmith]:
    """The locksmith of a machine where this index stands for crates.io."""
    return smithing.smith(host, Reach(trusted={"127.0.0.1", "localhost"}, **reach), crates=crates)


def job(version: str, text: str, **more: str) -> LockJob:
    """pad moves to a version. more: other files."""
    files = {"Cargo.toml": text, "Cargo.lock": locked(), **more}
    return LockJob(files=files, lock="Cargo.lock", manifest="Cargo.toml", component=PAD, version=version)


async def relocked(host: Host, index: registries.Crates, work: LockJob) -> Relocked:
    """What comes of it on a machine that knows this index alone."""
    async with smith(host, Crates(index=index.url)) as one:
        return await one.lock(work)


@pytest.mark.parametrize("said", ['"1.1"', '"1"', '{ version = "1.1", default-features = false }'])
async def test_only_what_must_move_moves(best: Host, index: registries.Crates, said: str) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    more = '\n[[bin]]\nname = "evil"\n[[bench]]\nname = "slow"\n'
    made = await relocked(best, index, job("1.1.0", manifest(said, more)))
    assert made.files == {"Cargo.lock": locked("1.1.0")}
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    assert all(path == "/config.json" or path.rpartition("/")[2] in CRATES for path in index.seen)


async def test_what_the_new_version_needs_moves_with_it(best: Host, index: registries.Crates) -> None:
    """And is named; the project's own settings and toolchain have no say."""
    evil = {
        ".cargo/config.toml": '[source.crates-io]\nreplace-with = "evil"\n[source.evil]\nregistry = "sparse+https://evil.example/"\n',
        "rust-toolchain.toml": '[toolchain]\nchannel = "evil"\n',
        "build.rs": "compile_error!()",
    }
    made = await relocked(best, index, job("1.2.0", manifest('"1.2"'), **evil))
    assert made.files == {"Cargo.lock": locked("1.2.0", "1.1.0")}
    assert made.moved == (Moved("pad", "1.0.0", "1.2.0"), Moved("tie", "1.0.0", "1.1.0"))


async def test_a_workspace_is_locked_as_a_whole(best: Host, index: registries.Crates) -> None:
    """The lock lies at the root; the version is named there, and a member takes it over under another name."""
    root = '[workspace]\nmembers = ["app"]\nresolver = "2"\n'
    root += '[workspace.dependencies]\nstuff = { package = "pad", version = "1.1" }\n'
    app = '[package]\nname = "app"\nversion = "0.1.0"\n[dependencies]\nstuff.workspace = true\ntop = "1"\n'
    files = {"a/Cargo.toml": root, "a/app/Cargo.toml": app, "a/Cargo.lock": locked()}
    work = LockJob(files=files, lock="a/Cargo.lock", manifest="a/Cargo.toml", component=PAD, version="1.1.0")
    made = await relocked(best, index, work)
    assert made.files == {"a/Cargo.lock": locked("1.1.0")}


async def test_an_index_with_a_login_over_tls(best: Host, tmp_path: Path) -> None:
    """The login reaches the index; it is neither in the lock nor in the jail."""
    private = registries.Crates(crates=CRATES, tls=True, login="hunter2")
    async with private.running(tmp_path):
        there = Crates(index=private.url, login=Secret("hunter2"))
        async with smith(best, there, ca=private.pem) as one:
            made = await one.lock(job("1.1.0", manifest('"1.1"')))
    assert made.files == {"Cargo.lock": locked("1.1.0")}
    assert set(private.logins) == {"hunter2"}


async def refused(host: Host, index: registries.Crates, work: LockJob) -> str:
    """Why it is refused, in the words that a person gets."""
    return await smithing.refusal(relocked(host, index, work))


async def test_what_cannot_be_locked_is_told_in_cargos_words(best: Host, index: registries.Crates) -> None:
    """A version that is not there, and one that contradicts another crate's wishes."""
    said = await refused(best, index, job("7.0.0", manifest('"7"')))
    assert said.startswith("Cargo.lock: cargo cannot lock pad 7.0.0: failed to select a version for the requirement")
    assert "Updating" not in said and "\n" not in said
    assert 'tie = "^2"' in await refused(best, index, job("2.0.0", manifest('"2"')))


@pytest.mark.parametrize(
    "wish", ['{ git = "https://evil.example/x" }', '{ version = "1", registry-index = "sparse+https://evil.example/" }']
)
async def test_a_dependency_from_elsewhere_leads_nowhere(best: Host, index: registries.Crates, wish: str) -> None:
    """cargo would fetch it, and has no way to."""
    said = await refused(best, index, job("1.1.0", manifest('"1.1"', f"sly = {wish}\n")))
    assert "wants to fetch from https://evil.example" in said


async def test_an_index_that_is_away_is_worth_another_try(best: Host, index: registries.Crates) -> None:
    """The loop waits and asks again."""
    index.fail = 503
    with pytest.raises(Transient):
        await relocked(best, index, job("1.1.0", manifest('"1.1"')))
