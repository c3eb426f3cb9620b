"""Crates that cargo laid out and modules that go fetched are examined as they are: real tools, real folders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.advisories import Advisory
from bot.core.model import Component, Grade, Level, Simulation
from bot.lab import gos, security
from bot.lab.host import Host
from bot.lab.locking import cargo
from bot.lab.locking.allowed import Place
from bot.lab.locks import Crates
from bot.lab.trial import Laboratory
from tests.lab.world import tree
from tests.real import labs, tools
from tests.real.go_world import Proxy
from tests.real.npm_world import a_trial
from tests.real.test_cargos import Index
from tests.real.test_cargos import project as rust

TOOLS = (tools.go, cargo.find)
TESTS = """\
package app
import ("testing"; "greet.example/greet")
func TestHails(t *testing.T) { _ = greet.Hail("you") }
"""


class Feed:
    """Knows one flaw: of version 1.1.0, or v1.1.0, of anything."""

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """As the port has it."""
        flaw = Advisory(id=f"CVE-{component.ecosystem}", score=5.0)
        return {version: [flaw] for version in versions if version.endswith("1.1.0")}


@asynccontextmanager
async def laboratory(best: Host, folder: Path, crates: str = "") -> AsyncIterator[Laboratory]:
    """One that examines security alone."""
    knows: dict[str, Any] = {"crates": Crates(index=crates)} if crates else {}
    async with labs.laboratory(best, folder, examiners={"security": security.examine}, **knows) as made:
        yield replace(made, advisories=Feed())


def weighty(simulation: Simulation) -> list[str]:
    """What a person must look at, with the place that asks for it."""
    suite = next(one for one in simulation.suites if one.kind == "security")
    return [f"{one.title} ({one.path}:{one.line})" for one in suite.remarks if one.level is not Level.NOTICE]


async def test_crates_are_examined_as_cargo_laid_them_out(best: Host, tmp_path: Path) -> None:
    """A flaw of the whole lock, and code that would run before main; the bytes are those of the checksum."""
    index = Index()
    index.libraries["greet", "1.0.0"] = 'pub fn hail(name: &str) -> String { format!("Hello, {name}") }\n'
    calm = index.libraries["greet", "1.0.0"]
    index.libraries["greet", "1.1.0"] = f'#[link_section = ".init_array"]\nstatic A: u8 = 0;\n{calm}'
    index.libraries["greet", "1.2.0"] = f"{calm}pub fn more() {{}}\n"
    async with index.running(tmp_path), laboratory(best, tmp_path / "lab", index.url) as lab:
        trees = [rust(tmp_path / version, index, version) for version in ("1.0.0", "1.1.0", "1.2.0")]
        bad = await lab.simulate(a_trial(trees[0], trees[1], ecosystem="cargo"))
        good = await lab.simulate(a_trial(trees[0], trees[2], ecosystem="cargo"))
    assert bad.grade is Grade.UNKNOWN, bad
    assert weighty(bad) == [
        "`greet 1.1.0` has the known flaw `CVE-cargo` (medium) (Cargo.toml:7)",
        "`greet@1.1.0`: has code that runs before the program itself, by `.init_array` (Cargo.toml:7)",
    ]
    assert weighty(good) == [], good


async def test_modules_are_examined_as_go_fetched_them(
    best: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched whole counts, and not what go.sum names besides; its digest is held against what lies there."""
    proxy, name = Proxy(), "greet.example/greet"
    calm = 'package greet\nfunc Hail(name string) string { return "Hello, " + name }\n'
    runs = 'package greet\nimport "os/exec"\nvar _ = exec.Command("true").Run()\n'
    proxy.modules[f"{name}@v1.0.0"] = {"greet.go": calm}
    proxy.modules[f"{name}@v1.1.0"] = {"greet.go": calm, "more.go": runs}
    proxy.modules[f"{name}@v1.2.0"] = {"greet.go": f"{calm}func More() {{}}\n"}
    async with proxy.running(), laboratory(best, tmp_path / "lab") as lab:
        monkeypatch.setattr(gos, "_places", lambda _: [Place(url="http://modules.example", asked=proxy.url)])
        trees = []
        for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
            asked = f"module app.example/app\n\ngo 1.18\n\nrequire {name} {version}\n"
            sums = proxy.sums(f"{name}@{version}") + proxy.mod(f"{name}@v1.1.0")
            trees.append(tree(tmp_path / version, {"go.mod": asked, "go.sum": sums, "app_test.go": TESTS}))
        bad = await lab.simulate(a_trial(trees[0], trees[1], component=name, ecosystem="golang"))
        good = await lab.simulate(a_trial(trees[0], trees[2], component=name, ecosystem="golang"))
    assert bad.grade is Grade.UNKNOWN, bad
    assert weighty(bad) == [
        f"`{name} v1.1.0` has the known flaw `CVE-golang` (medium) (go.mod:5)",
        f"`{name}@v1.1.0`: starts a process when the program starts, by `exec.Command` (go.mod:5)",
    ]
    assert weighty(good) == [], good
