"""Rust projects are tried as others are: crates by cargo in the jail, checked by the lock, tests one by one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.errors import Transient
from bot.core.model import Grade
from bot.lab.host import Host
from bot.lab.locking import cargo
from bot.lab.locks import Crates
from bot.lab.trial import Laboratory
from tests.lab import registries
from tests.lab.world import tree
from tests.real import labs
from tests.real.npm_world import a_trial

TOOLS = (cargo.find,)
LIB = """\
pub fn shout(name: &str) -> String { greet::hail(name).to_uppercase() }
/// ```
/// assert_eq!(app::shout("x").len(), 8);
/// ```
pub fn documented() {}
#[cfg(test)]
mod tests {
    #[test]
    fn steady() {}
    #[test]
    #[ignore = "why not"]
    fn later() {}
    #[test]
    fn broken() { panic!("already") }
}
"""
IT = '#[test]\nfn hails() { assert_eq!(app::shout("you"), "HELLO, YOU"); }\n'


@dataclass
class Index(registries.Crates):
    """A sparse index whose crates are there: (name, version) -> its library."""

    libraries: dict[tuple[str, str], str] = field(default_factory=dict)

    def packed(self, name: str, version: str) -> bytes:
        """The .crate file, the same bytes each time."""
        manifest = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n'
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz") as archive:
            for path, text in (("Cargo.toml", manifest), ("src/lib.rs", self.libraries[name, version])):
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        return held.getvalue()[:4] + bytes(4) + held.getvalue()[8:]

    def cksum(self, name: str, version: str) -> str:
        """As the index and a lock have it."""
        return hashlib.sha256(self.packed(name, version)).hexdigest()

    def answer(self, path: str, accept: str) -> web.Response:
        if path.startswith("/files/"):
            _, _, name, version, _ = path.split("/")
            return web.Response(body=self.packed(name, version))
        if path == "/config.json":
            return super().answer(path, accept)
        name = path.rpartition("/")[2]
        about = [
            {"name": name, "vers": version, "deps": [], "cksum": self.cksum(name, version), "features": {}}
            for one, version in self.libraries
            if one == name
        ]
        lines = "".join(f"{json.dumps({**one, 'yanked': False})}\n" for one in about)
        return web.Response(text=lines, status=200 if about else 404)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    """With three versions of a small library; one breaks its users, one does not build."""
    made = Index()
    for version, word in (("1.0.0", "Hello"), ("1.1.0", "Hello"), ("1.2.0", "Hail")):
        text = f'pub fn hail(name: &str) -> String {{ format!("{word}, {{name}}") }}\n'
        made.libraries["greet", version] = text
    made.libraries["greet", "1.3.0"] = "pub fn hello() {}\n"
    async with made.running(tmp_path):
        yield made


@pytest.fixture
async def lab(best: Host, index: Index, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab where this index stands for crates.io."""
    async with labs.laboratory(best, tmp_path / "lab", crates=Crates(index=index.url)) as made:
        yield made


def project(folder: Path, index: Index, version: str, cksum: str = "") -> Path:
    """One that asks for a version of greet."""
    source = "registry+https://github.com/rust-lang/crates.io-index"
    lock = (
        'version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = [\n "greet",\n]\n\n'
        f'[[package]]\nname = "greet"\nversion = "{version}"\nsource = "{source}"\n'
        f'checksum = "{cksum or index.cksum("greet", version)}"\n'
    )
    manifest = f'[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\ngreet = "={version}"\n'
    return tree(folder, {"Cargo.toml": manifest, "Cargo.lock": lock, "src/lib.rs": LIB, "tests/it.rs": IT})


async def test_an_update_that_breaks_a_test_is_refused(lab: Laboratory, index: Index, tmp_path: Path) -> None:
    """The test is named with its words, its file and its line; every target is run, the examples of the docs too."""
    before, after = project(tmp_path / "a", index, "1.0.0"), project(tmp_path / "b", index, "1.2.0")
    simulation = await lab.simulate(a_trial(before, after, ecosystem="cargo"))
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    names = {change.test: (change.path, change.line) for change in suite.newly_failing}
    assert names["tests/it.rs::hails"] == ("tests/it.rs", 2), suite
    assert any(name.startswith("Doc-tests app::src/lib.rs") for name in names) and len(names) == 2, suite
    assert "HAIL, YOU" in suite.newly_failing[-1].message
    assert (suite.before.total, suite.before.failed, suite.before.skipped) == (5, 1, 1), suite


async def test_a_crate_that_no_longer_builds_is_a_failure(lab: Laboratory, index: Index, tmp_path: Path) -> None:
    """No test says anything then."""
    before, after = project(tmp_path / "a", index, "1.0.0"), project(tmp_path / "b", index, "1.3.0")
    simulation = await lab.simulate(a_trial(before, after, ecosystem="cargo"))
    assert simulation.grade is Grade.FAILED and "now none does" in simulation.why, simulation
    assert "cannot find function `hail`" in simulation.suites[0].log


async def test_other_bytes_than_the_lock_says_are_refused(lab: Laboratory, index: Index, tmp_path: Path) -> None:
    """As they would be for whoever builds it."""
    bad = project(tmp_path / "b", index, "1.2.0", cksum="0" * 64)
    simulation = await lab.simulate(a_trial(project(tmp_path / "a", index, "1.0.0"), bad, ecosystem="cargo"))
    assert simulation.grade is Grade.FAILED and "cargo cannot fetch the crates" in simulation.why, simulation


async def test_a_registry_that_is_away_is_worth_another_try(lab: Laboratory, index: Index, tmp_path: Path) -> None:
    """Nothing is said about the update."""
    index.fail = 503
    made = project(tmp_path / "a", index, "1.0.0")
    with pytest.raises(Transient):
        await lab.simulate(a_trial(made, made, ecosystem="cargo"))


async def test_without_cargo_it_is_said(
    lab: Laboratory, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to mend it."""
    made = project(tmp_path / "a", index, "1.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    simulation = await lab.simulate(a_trial(made, made, ecosystem="cargo"))
    assert simulation.grade is Grade.UNKNOWN and "cargo is not installed" in simulation.why
