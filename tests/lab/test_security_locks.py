"""What was installed is known by its content, and what no environment is made of is asked about all the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.advisories import Advisory
from bot.core.artifacts import Contents, differences
from bot.core.artifacts_built import TONGUES
from bot.core.errors import Transient
from bot.core.model import Component, Grade, Level, SuiteResult
from bot.core.ports import Advisories
from bot.lab import security, security_installed, security_lock, security_lone
from bot.lab.environments import Environment, Interpreter
from bot.lab.host import Host
from bot.lab.inside import surefoot_watch_javascript, surefoot_watch_packages
from bot.lab.resolver import Uv
from bot.lab.workbench import Budget, Sample, Workbench
from bot.tools.pip import IndexSettings
from tests.lab.world import a_trial, tree


def bench(folder: Path, before: Mapping[str, str], after: Mapping[str, str], feed: Advisories | None) -> Workbench:
    """Two trees with these files, and environments in which nothing is."""
    folder.mkdir(exist_ok=True)
    nothing = Environment(
        key="x", folder=folder, interpreter=Interpreter(path=folder, version="3", prefix=folder), lock=""
    )
    old, new = (
        Sample(tree=tree(folder / name, {"x": "", **files}), environment=nothing)
        for name, files in (("a", before), ("b", after))
    )
    host = Host.__new__(Host)  # nothing is run
    return Workbench(
        trial=a_trial(old.tree, new.tree), before=old, after=new, host=host,
        uv=Uv(path="uv", index=IndexSettings(no_index=True)), budget=Budget(60.0), folder=folder / "learnt",
        say=lambda words: None, advisories=feed,
    )  # fmt: skip


class Feed:
    """Knows what it is given: (ecosystem, name, version) -> advisories."""

    def __init__(self, known: Mapping[tuple[str, str, str], Sequence[Advisory]], problem: Transient | None = None):
        self.known, self.problem, self.asked = known, problem, set[tuple[str, str, str]]()

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """As the port has it."""
        if self.problem:
            raise self.problem
        keys = {version: (component.ecosystem, component.name, version) for version in versions}
        self.asked |= set(keys.values())
        return {version: self.known[key] for version, key in keys.items() if key in self.known}


def composer(version: str) -> str:
    """A lock of Composer."""
    package = {"name": "acme/greet", "version": version, "dist": {"type": "zip", "shasum": version}}
    return json.dumps({"packages": [package], "packages-dev": []})


def yarn(version: str) -> str:
    """A lock of Yarn 1."""
    return (
        f'# yarn lockfile v1\n\n\ngreet@^1.0.0:\n  version "{version}"\n'
        f'  resolved "https://registry.example/greet/-/greet-{version}.tgz#abc"\n  integrity sha512-{version}\n'
    )


def poetry(version: str) -> str:
    """A lock of Poetry."""
    return (
        f'[[package]]\nname = "greet"\nversion = "{version}"\nfiles = [{{file = "g", hash = "sha256:{version}"}}]\n'
        '[metadata]\nlock-version = "2.1"\n'
    )


def gems(version: str) -> str:
    """A lock of Bundler."""
    specs = f"GEM\n  remote: https://gems.example/\n  specs:\n    greet ({version})\n"
    return f"{specs}\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  greet\n"


def go(version: str) -> str:
    """A go.sum."""
    name = f"greet.example/greet v{version}"
    return f"{name} h1:{version}=\n{name}/go.mod h1:x=\ngreet.example/aside v{version}/go.mod h1:y=\n"


LOCKS = {
    "Gemfile.lock": (gems, "gem", "greet"),
    "composer.lock": (composer, "composer", "acme/greet"),
    "web/yarn.lock": (yarn, "npm", "greet"),
    "poetry.lock": (poetry, "pypi", "greet"),
}


@pytest.mark.parametrize("path", LOCKS)
async def test_a_lock_that_nothing_is_installed_from_is_asked_about(path: str, tmp_path: Path) -> None:
    """What it newly brings in counts, and is named at the lock; what goes is told; what is malicious refuses it."""
    made, ecosystem, name = LOCKS[path]
    gone, new = Advisory(id="CVE-1", score=8.0), Advisory(id="MAL-1", malicious=True)
    feed = Feed({(ecosystem, name, "1.0.0"): [gone], (ecosystem, name, "1.1.0"): [new]})
    result = await security.examine(bench(tmp_path, {path: made("1.0.0")}, {path: made("1.1.0")}, feed))
    assert result is not None and result.grade is Grade.FAILED
    assert result.why == f"`{name} 1.1.0` has the known flaw `MAL-1` (malicious)"
    lines = made("1.1.0").splitlines()
    assert {one.path for one in result.remarks} == {path}
    assert all(one.line and name in lines[one.line - 1] for one in result.remarks)
    assert any("`CVE-1` of `1.0.0` is mended" in one.title for one in result.remarks)
    assert [(one.name, one.before, one.after) for one in result.measures] == [
        (f"packages (`{path}`)", "1", "1"), (f"known flaws (`{path}`)", "1", "1"),
    ]  # fmt: skip


def test_a_go_sum_counts_where_no_module_was_fetched(tmp_path: Path) -> None:
    """A tree may bring its modules along; where they were fetched, those count that really were."""
    made = bench(tmp_path, {"go.sum": go("1.0.0")}, {"go.sum": go("1.1.0")}, None)
    environment = replace(made.after.environment, ecosystem="golang", folder=tmp_path / "modules")
    there = replace(made, after=replace(made.after, environment=environment))
    (lone,) = security_lone.differing(there)
    assert [(one.name, one.version) for one in lone.new] == [("greet.example/greet", "v1.1.0")]
    (tmp_path / "modules/cache").mkdir(parents=True)
    assert security_lone.differing(there) == ()


async def test_of_a_lock_alone_nothing_known_is_nothing_to_look_at(tmp_path: Path) -> None:
    """And where the feed is away, or nobody is asked, that is said."""
    sides = {"composer.lock": composer("1.0.0")}, {"composer.lock": composer("1.1.0")}
    good = await security.examine(bench(tmp_path, *sides, Feed({})))
    assert good is not None and (good.grade, good.remarks) == (Grade.PASSED, ())
    away = await security.examine(bench(tmp_path, *sides, Feed({}, Transient("the feed is away"))))
    assert away is not None and away.grade is Grade.UNKNOWN
    nobody = await security.examine(bench(tmp_path, *sides, None))
    assert nobody is not None and nobody.notes == ("not run: known flaws (nobody is asked for them here)",)


def test_locks_that_are_the_same_or_cannot_be_read_say_nothing(tmp_path: Path) -> None:
    """Neither does one that an environment was made from, one that is new, or one in a folder of packages."""
    old = {
        "a/yarn.lock": yarn("1"),
        "composer.lock": composer("1"),
        "b/yarn.lock": "nonsense",
        "c/yarn.lock": yarn("1"),
    }
    new = {**old, "b/yarn.lock": "other", "new/yarn.lock": yarn("1"), "c/yarn.lock": yarn("2")}
    new["composer.lock"] = composer("1") + "\n"
    new["node_modules/x/yarn.lock"] = yarn("3")
    made = bench(tmp_path, {**old, "node_modules/x/yarn.lock": yarn("1")}, new, None)
    assert [one.path for one in security_lone.differing(made)] == ["c/yarn.lock"]
    environment = replace(made.after.environment, lock=yarn("2"))
    assert security_lone.differing(replace(made, after=replace(made.after, environment=environment))) == ()


async def test_one_flaw_in_two_locks_is_told_once(tmp_path: Path) -> None:
    """Both say the same of one package."""
    feed = Feed({("npm", "greet", "1.1.0"): [Advisory(id="CVE-1", score=5.0)]})
    sides = [{f"{name}/yarn.lock": yarn(version) for name in "pq"} for version in ("1.0.0", "1.1.0")]
    result = await security.examine(bench(tmp_path, sides[0], sides[1], feed))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert [one.level for one in result.remarks] == [Level.WARNING]


# --- what is installed ---------------------------------------------------------------------------------------------

PNPM = """\
lockfileVersion: '9.0'

packages:

  '@acme/deep@2.0.0':
    resolution: {{integrity: sha512-deep}}

  greet@{version}:
    resolution: {{integrity: sha512-{version}}}
"""


def test_packages_of_pnpm_are_where_it_put_them(tmp_path: Path) -> None:
    """Each version in a folder of its own, whose name has the peers behind it."""
    folders = (
        "@acme+deep@2.0.0_greet@1.0.0/node_modules/@acme/deep/x", "greet@1.0.0/node_modules/greet/x",
        "greet@1.0.0/node_modules/other/x", "broken/x",
    )  # fmt: skip
    tree(tmp_path / "web/node_modules/.pnpm", dict.fromkeys(folders, ""))
    one = Environment(
        key="", folder=tmp_path, interpreter=Interpreter(path=tmp_path, version="", prefix=tmp_path), ecosystem="npm",
        lock=PNPM.format(version="1.0.0"), where="web",
    )  # fmt: skip
    found = security_installed.of(one)
    assert found is not None and {(one.name, one.version): one.place for one in found} == {
        ("@acme/deep", "2.0.0"): "node_modules/.pnpm/@acme+deep@2.0.0_greet@1.0.0/node_modules/@acme/deep",
        ("greet", "1.0.0"): "node_modules/.pnpm/greet@1.0.0/node_modules/greet",
    }
    flat = security_installed.of(replace(one, lock=PNPM.format(version="2.0.0")))
    assert flat is not None
    changes = security_lock.changes(found, flat)
    assert [(one.label, one.now) for one in changes] == [("greet@2.0.0", "node_modules/greet")]
    assert security_installed.of(replace(one, lock="lockfileVersion: '1'")) == ()
    assert security_installed.of(replace(one, ecosystem="hex")) is None


def test_what_comes_inside_of_a_package_changes_with_it() -> None:
    """A lock says nothing of its bytes: the same version may be another thing in another archive."""

    def lock(integrity: str) -> security_installed.Lock:
        entries = {
            "node_modules/a": {"version": "1.0.0", "integrity": integrity},
            "node_modules/a/node_modules/b": {"version": "1.0.0", "inBundle": True},
            "node_modules/a/node_modules/b/node_modules/c": {"version": "1.0.0", "inBundle": True},
            "node_modules/d": {"version": "1.0.0", "inBundle": True},
        }
        return security_installed.read_npm(json.dumps({"packages": entries}))

    changes = security_lock.changes(lock("sha512-1"), lock("sha512-2"))
    assert [(one.name, one.same) for one in changes] == [("a", True), ("b", True), ("c", True)]
    assert security_lock.swapped(lock("sha512-1"), lock("sha512-2")) == ("a 1.0.0",)


def read(folder: Path, document: object, **files: str) -> Contents:
    """A package of npm as it is read."""
    tree(folder, {"package.json": json.dumps(document), **files})
    found = surefoot_watch_packages.npm(str(folder))
    assert found is not None
    package, about = found
    told = package.told(None)
    entries = tuple((one[0], one[1], one[2]) for one in about["entries"])
    return Contents(meta=about["meta"], entries=entries, odd=tuple(told["odd"]), count=told["count"])


def test_what_npm_builds_without_being_told_is_a_script_of_its_installation(tmp_path: Path) -> None:
    """`binding.gyp` alone makes npm run node-gyp, unless the package says no."""
    plain = read(tmp_path / "a", {"name": "x"})
    gyp = {"binding.gyp": "{}"}
    (found,) = differences(plain, read(tmp_path / "b", {"name": "x"}, **gyp), TONGUES["npm"])
    assert found.asks and found.why == "runs a script when it is installed, `install`: `node-gyp rebuild`"
    assert differences(plain, read(tmp_path / "c", {"name": "x", "gypfile": False}, **gyp), TONGUES["npm"]) == ()


@pytest.mark.parametrize("spec", ["https://x.example/a.tgz", "git+ssh://git@x.example/a", "github:a/b", "a/b#main"])
def test_a_dependency_that_is_no_registrys_asks(spec: str, tmp_path: Path) -> None:
    """Whoever owns that place can change what is installed, and no lock of ours says by whom it was released."""
    plain = read(tmp_path / "a", {"name": "x", "dependencies": {"old": spec}})
    new = {"name": "x", "dependencies": {"old": spec, "evil": spec}}
    found = differences(plain, read(tmp_path / "b", new), TONGUES["npm"])
    assert [one.why for one in found if one.asks] == [f"needs something that comes from no registry: `evil {spec}`"]
    calm = {
        "name": "x",
        "dependencies": {"old": spec, "a": "^1.0.0", "b": "npm:c@1", "d": "workspace:*", "e": "1 || 2"},
    }
    assert not any(one.asks for one in differences(plain, read(tmp_path / "c", calm), TONGUES["npm"]))


def test_another_range_of_its_language_is_told_in_its_words(tmp_path: Path) -> None:
    """Node is no Python."""
    old, new = (read(tmp_path / one, {"name": "x", "engines": {"node": one}}) for one in (">=18", ">=20"))
    assert [one.why for one in differences(old, new, TONGUES["npm"])] == ["asks for Node `>=20`, and asked for `>=18`"]


async def test_the_suite_says_nothing_of_trees_without_changes(tmp_path: Path) -> None:
    """As before."""
    result: SuiteResult | None = await security.examine(bench(tmp_path, {}, {}, None))
    assert result is None


JAVASCRIPT = {
    "hidden": "eval(Buffer.from('eA==', 'base64').toString())",
    "hidden by zlib": "new Function(require('zlib').inflateSync(Buffer.from(x, 'base64')))()",
    "gathers": "fetch('x', { body: JSON.stringify(process.env) })",
}


@pytest.mark.parametrize("how", JAVASCRIPT)
def test_javascript_that_hides_or_gathers_asks(how: str) -> None:
    """As Python does that runs what it decodes, or takes all variables to where connections are opened."""
    found = surefoot_watch_javascript.marks(f"\n{JAVASCRIPT[how]}\n".encode())
    assert (how.partition(" ")[0], 2) in {(mark.kind, mark.line) for mark in found}


def test_ordinary_javascript_is_left_alone() -> None:
    """What is first used is told, and is no reason to ask."""
    text = "const cp = require('node:child_process');\nnew Function('return this')(); eval(text);\nmy.eval(atob(x));\n"
    assert {mark.kind for mark in surefoot_watch_javascript.marks(text.encode())} == {"uses"}
    plain = "export const x = { ...process.env };\nfetch('x');\nJSON.stringify(process.env.HOME);\n"
    assert surefoot_watch_javascript.marks(plain.encode()) == []
    browser = "JSON.stringify(process.env)"
    assert surefoot_watch_javascript.marks(browser.encode()) == []


def test_what_a_package_of_npm_brings_unsaid_is_its_own(tmp_path: Path) -> None:
    """A folder of packages in its archive that no lock names is read as a part of it; others are for themselves."""
    files = {"package.json": '{"name": "x"}', "node_modules/known/a.js": "1", "node_modules/@a/known/a.js": "1"}
    tree(tmp_path, {**files, "node_modules/evil/a.js": "1", "node_modules/.bin/known": "", "lib/.bin/a.js": "1"})
    found = surefoot_watch_packages.npm(str(tmp_path), "", "node_modules/known\nnode_modules/@a/known")
    assert found is not None
    assert sorted(found[0].files) == ["lib/.bin/a.js", "node_modules/evil/a.js", "package.json"]
