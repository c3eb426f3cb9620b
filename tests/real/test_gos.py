"""Go projects are tried as others are: modules by go in the jail, checked by go.sum, tests one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.errors import Transient
from bot.core.model import Grade
from bot.lab import gos
from bot.lab.host import Host
from bot.lab.locking.allowed import Place
from bot.lab.trial import Laboratory
from tests.lab.world import tree
from tests.real import labs, tools
from tests.real.go_world import Proxy
from tests.real.npm_world import a_trial

TOOLS = (tools.go,)
GREET = 'package greet\nfunc Hail(name string) string {{ return "{word}, " + name }}\n'
TESTS = """\
package app
import ("testing"; "greet.example/greet")
func TestHails(t *testing.T) {
	if got := greet.Hail("you"); got != "Hello, you" { t.Fatal("got", got) }
}
func TestParts(t *testing.T) {
	t.Run("a b", func(t *testing.T) {})
	t.Run("later", func(t *testing.T) { t.Skip("why not") })
}
func TestBroken(t *testing.T) { t.Error("already") }
"""


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """With three versions of a small module; known to go by a name, as go asks no proxy about loopback."""
    made = Proxy()
    for version, word in (("v1.0.0", "Hello"), ("v1.1.0", "Hello"), ("v2.0.0+incompatible", "Hail")):
        made.modules[f"greet.example/greet@{version}"] = {"greet.go": GREET.format(word=word)}
    made.modules["greet.example/greet@v1.2.0"] = {"greet.go": "package greet\n"}
    made.modules["greet.example/greet@v1.3.0"] = {"greet.go": GREET.format(word="Hail")}
    async with made.running():
        place = Place(url="http://modules.example", asked=made.url)
        monkeypatch.setattr(gos, "_places", lambda _: [place])
        yield made


@pytest.fixture
async def lab(best: Host, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab without any index."""
    async with labs.laboratory(best, tmp_path / "lab") as made:
        yield made


def project(folder: Path, proxy: Proxy, version: str, tests: str = TESTS, sums: str | None = None) -> Path:
    """One that asks for a version of greet."""
    files = {
        "go.mod": f"module app.example/app\n\ngo 1.18\n\nrequire greet.example/greet {version}\n",
        "go.sum": proxy.sums(f"greet.example/greet@{version}") if sums is None else sums,
        "app_test.go": tests,
    }
    return tree(folder, files)


async def test_an_update_that_breaks_a_test_is_refused(lab: Laboratory, proxy: Proxy, tmp_path: Path) -> None:
    """The test is named with its words; what failed before is not the update's fault."""
    before, after = project(tmp_path / "a", proxy, "v1.0.0"), project(tmp_path / "b", proxy, "v1.3.0")
    question = a_trial(before, after, component="greet.example/greet", ecosystem="golang")
    simulation = await lab.simulate(question)
    assert simulation.grade is Grade.FAILED, simulation
    (suite,) = simulation.suites
    (change,) = suite.newly_failing
    assert change.test == "app.example/app::TestHails" and "got Hail, you" in change.message
    assert (suite.before.total, suite.before.skipped, suite.after.failed) == (5, 1, 2), suite
    proxy.seen.clear()
    again = await lab.simulate(question)
    assert again.grade is Grade.FAILED and proxy.seen == []


async def test_a_module_that_no_longer_builds_is_an_error(lab: Laboratory, proxy: Proxy, tmp_path: Path) -> None:
    """No test says anything then, and that is a failure."""
    before, after = project(tmp_path / "a", proxy, "v1.0.0"), project(tmp_path / "b", proxy, "v1.2.0")
    simulation = await lab.simulate(a_trial(before, after, component="greet.example/greet", ecosystem="golang"))
    assert simulation.grade is Grade.FAILED, simulation
    assert [change.test for change in simulation.suites[0].newly_failing] == ["app.example/app"]
    assert "undefined: greet.Hail" in simulation.suites[0].log


async def test_other_bytes_than_go_sum_says_are_refused(lab: Laboratory, proxy: Proxy, tmp_path: Path) -> None:
    """As they would be for whoever builds it; a version that is not there is one, too."""
    good = project(tmp_path / "a", proxy, "v1.0.0")
    sums = proxy.sums("greet.example/greet@v1.1.0").replace("v1.1.0", "v1.3.0")
    for folder, version in (("b", "v1.3.0"), ("c", "v1.9.0")):
        bad = project(tmp_path / folder, proxy, version, sums=sums)
        simulation = await lab.simulate(a_trial(good, bad, component="greet.example/greet", ecosystem="golang"))
        assert simulation.grade is Grade.FAILED and "go cannot fetch the modules" in simulation.why, simulation


async def test_a_proxy_that_is_away_is_worth_another_try(lab: Laboratory, proxy: Proxy, tmp_path: Path) -> None:
    """Nothing is said about the update; and no proxy at all is for a person."""
    proxy.fail = 503
    made = project(tmp_path / "a", proxy, "v1.0.0")
    with pytest.raises(Transient):
        await lab.simulate(a_trial(made, made, component="greet.example/greet", ecosystem="golang"))


async def test_without_a_proxy_or_go_it_is_said(
    lab: Laboratory, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to mend it; a tree that brings its modules along needs no proxy."""
    monkeypatch.setattr(gos, "_places", lambda _: [])
    made = project(tmp_path / "a", proxy, "v1.0.0")
    question = a_trial(made, made, component="greet.example/greet", ecosystem="golang")
    assert "GOPROXY of this machine names no proxy" in (await lab.simulate(question)).why
    listed = "# greet.example/greet v1.0.0\n## explicit; go 1.18\ngreet.example/greet\n"
    tree(made / "vendor", {"modules.txt": listed, "greet.example/greet/greet.go": GREET.format(word="Hello")})
    simulation = await lab.simulate(question)
    assert simulation.grade is Grade.PASSED and simulation.suites[0].after.passed == 3, simulation
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Go is not installed" in (await lab.simulate(question)).why
