"""What is known of the packages of npm around a script, without a Node: laid out on the spot, read as it would be."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import supported, typing_errors
from bot.core.model import Grade, Level, SuiteResult
from bot.core.modules import Compiled
from bot.core.typing_errors import Complaint
from bot.core.verdicts import Looked
from bot.lab import compatibility, resolver
from bot.lab.environments import NPM, Environment, Interpreter
from bot.lab.host import Host
from bot.lab.learnt import Learnt
from bot.lab.scripting import changes, compiled, packages, promises, tsc, uses
from bot.lab.trees import offered
from bot.lab.workbench import Budget, Sample, Workbench
from tests.lab.world import a_trial, index, tree

# Stands in for Node: it hands over what is to be answered, as `surefoot_node.cjs` gathers it.
FAKE_NODE = """\
#!/bin/sh
[ -n "$SUREFOOT_SAYS" ] || SUREFOOT_SAYS=$(cat "$(dirname "$0")/says")
printf '%s' "$SUREFOOT_SAYS" > "$SUREFOOT_RESULTS"
"""
Packages = Mapping[str, Mapping[str, Any]]  # place -> package.json


def environment(folder: Path, held: Packages, *, says: str = "", where: str = "", **lock: Any) -> Environment:
    """One with these packages laid out, and a lock of npm's that names them."""
    modules = tree(folder / "modules", {f"{place}/package.json": json.dumps(said) for place, said in held.items()})
    fake = tree(folder / "node", {"node": FAKE_NODE, "says": says}) / "node"
    fake.chmod(0o755)
    below = len(where) + 1 if where else 0
    entries = {
        place[below:]: {
            "version": said["version"],
            "integrity": f"sha512-{said['version']}",
            **lock.get(said["name"], {}),
        }
        for place, said in held.items()
    }
    return Environment(
        key=folder.name, folder=modules, interpreter=Interpreter(path=fake, version="20.20.2", prefix=fake.parent),
        lock=json.dumps({"packages": {"": {}, **entries}}), ecosystem=NPM, where=where, folders=(fake.parent,),
    )  # fmt: skip


def package(name: str, version: str, **more: Any) -> dict[str, Any]:
    """What stands in its package.json."""
    return {"name": name, "version": version, **more}


def says(*answers: Any) -> str:
    """What the fake Node hands over: one answer for each question, in their order."""
    lines = "".join(f"{json.dumps([place, one])}\n" for place, one in enumerate(answers))
    return json.dumps({"work": "/w", "parts": [{"kind": "pytest", "text": lines}]})


def loaded(*names: str, **more: Any) -> dict[str, Any]:
    """An answer: a module with functions of these names."""
    members = {name: {"kind": "function"} for name in names}
    return {"thing": {"kind": "object", "members": members}, **more}


@contextlib.contextmanager
def a_bench(
    host: Host, folder: Path, files: Mapping[str, str], sides: tuple[Environment, Environment]
) -> Iterator[Workbench]:
    """A workbench with one tree on both sides, and these environments."""
    made = tree(folder / "tree", files)
    with offered(made, host) as place:
        before, after = (Sample(tree=place, environment=one) for one in sides)
        yield Workbench(
            trial=a_trial(made, made), before=before, after=after, host=host, uv=resolver.find_uv(index(folder)),
            budget=Budget(60.0), folder=folder / "learnt", say=print,
        )  # fmt: skip


async def examined(
    host: Host, folder: Path, files: Mapping[str, str], *sides: Environment, learnt: Path | None = None
) -> SuiteResult | None:
    """What is said of it."""
    with a_bench(host, folder, files, (sides[0], sides[1])) as bench:
        return await compatibility.examine(replace(bench, folder=learnt or bench.folder))


def pair(folder: Path, old: str, new: str, **more: Any) -> tuple[Environment, Environment]:
    """Both sides of an update of `pkg`."""
    one, other = ({"node_modules/pkg": package("pkg", version)} for version in ("1.0.0", "2.0.0"))
    return environment(folder / "old", one, says=old, **more), environment(folder / "new", other, says=new, **more)


# --- the whole ------------------------------------------------------------


async def test_a_broken_use_is_named_and_learnt(host: Host, tmp_path: Path) -> None:
    """By file and line; what was asked once is not asked again, also for another repository."""
    files = {
        "package.json": '{"dependencies": {"pkg": "2.0.0"}}',
        "a.js": "const x = require('pkg');\nx.gone();\nx.kept();\n",
    }
    sides = pair(tmp_path, says(loaded("gone", "kept")), says(loaded("kept")))
    result = await examined(host, tmp_path, files, *sides)
    assert result is not None and result.grade is Grade.FAILED, result
    assert result.why == "`pkg.gone` is gone, and `a.js:2` calls it"
    assert [(one.path, one.line, one.level) for one in result.remarks] == [("a.js", 2, Level.FAILURE)]
    (measure,) = result.measures
    assert (measure.name, measure.before, measure.after, measure.change) == ("names used of npm", "3", "2", "-1")
    for one in sides:
        (one.interpreter.path.parent / "says").write_text("nothing any more")
    other = {"src/b.cjs": "const { kept } = require('pkg');\nkept();\n", "c.js": "require('pkg').gone\n"}
    again = await examined(
        host, tmp_path / "other", other, *(replace(one, key=f"{one.key}2") for one in sides), learnt=tmp_path / "learnt"
    )
    assert again is not None and again.why == "`pkg.gone` is gone, and `c.js:1` uses it"
    assert again.notes == ()


async def test_nothing_is_read_where_nothing_moved(host: Host, tmp_path: Path) -> None:
    """The same lock, the same contents in other places, or no packages of npm at all."""
    one = environment(tmp_path / "one", {"node_modules/pkg": package("pkg", "1.0.0")})
    moved = {"node_modules/x/node_modules/pkg": package("pkg", "1.0.0")}
    other = environment(tmp_path / "two", moved)
    for sides in ((one, one), (one, other)):
        assert await examined(host, tmp_path, {"a.js": "require('pkg').x\n"}, *sides) is None
    assert not (tmp_path / "learnt").exists()


async def test_what_changes_and_is_not_used_is_let_through(host: Host, tmp_path: Path) -> None:
    """Nothing is loaded then."""
    result = await examined(host, tmp_path, {"a.js": "require('other').x\n"}, *pair(tmp_path, "", ""))
    assert result is not None and result.grade is Grade.PASSED
    assert result.why == "1 package changes, and nothing of it is used directly"


@pytest.mark.parametrize("old", ["", "{", "[]", '{"parts": []}', '{"parts": [{"text": "[9, {}]\\n[-1, {}]\\nx"}]}'])
async def test_what_gives_no_answer_asks_a_person(old: str, host: Host, tmp_path: Path) -> None:
    """A package may end the process, or answer in our place: what is no answer clears nothing."""
    result = await examined(host, tmp_path, {"a.js": "require('pkg').x\n"}, *pair(tmp_path, old, old))
    assert result is not None and result.grade is Grade.UNKNOWN, result
    assert result.why == "`pkg` gave no answer when it was loaded as it is now, so nothing is known of its uses"


async def test_more_packages_than_can_be_asked_for_are_said(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the project asks for itself come first."""
    monkeypatch.setattr(uses, "_MOST_NAMES", 1)
    every = ("aaa", "pkg", "x" * 200)
    old, new = (
        environment(tmp_path / version, {f"node_modules/{name}": package(name, version) for name in every}, says=said)
        for version, said in (("1.0.0", says(loaded("gone"))), ("2.0.0", says(loaded())))
    )
    files = {"package.json": '{"dependencies": {"pkg": "2.0.0"}}', "a.js": "require('aaa').x;\nrequire('pkg').gone;\n"}
    result = await examined(host, tmp_path, files, old, new)
    assert result is not None and result.why == "`pkg.gone` is gone, and `a.js:2` uses it"
    assert result.notes == ("only 1 of 3 packages that change were looked for",)


async def test_what_cannot_be_loaded_alone_is_said(host: Host, tmp_path: Path) -> None:
    """It may need a browser, say; on both sides that is no break."""
    lost = says({"problem": "ReferenceError", "said": "window is not defined"})
    result = await examined(host, tmp_path, {"a.js": "require('pkg').x\n"}, *pair(tmp_path, lost, lost))
    assert result is not None and result.grade is Grade.PASSED, result
    assert result.notes == ("not to be loaded alone, so nothing is known of its uses: `pkg`",)


async def test_a_new_version_that_gives_no_answer_asks_a_person(host: Host, tmp_path: Path) -> None:
    """Where the old one did."""
    sides = pair(tmp_path, says(loaded("x")), "")
    result = await examined(host, tmp_path, {"a.js": "require('pkg').x\n"}, *sides)
    assert result is not None and result.grade is Grade.UNKNOWN, result
    assert result.why == "`pkg` cannot be loaded any more, and `a.js:1` uses it"
    assert "1 of 1 modules that are used were not loaded" in result.notes


# --- packages ------------------------------------------------------------

LAID = {
    "node_modules/a": package("a", "1.0.0", dependencies={"b": "*"}, engines={"node": ">=18"}),
    "node_modules/b": package("b", "1.0.0", optionalDependencies={"a": "*", "absent": "*"}),
    "packages/m/node_modules/a": package("a", "2.0.0"),
    "node_modules/@s/c": package("@s/c", "1.0.0"),
}


def test_a_file_finds_the_nearest_package(tmp_path: Path) -> None:
    """As Node looks for it, from its own folder upwards."""
    one = environment(tmp_path / "one", LAID)
    found = [packages.found_from(one, folder, name) for folder, name in (
        (".", "a"), ("src/deep", "a"), ("packages/m/src", "a"), ("packages/m", "b"), ("packages/n", "@s/c"), (".", "x"),
    )]  # fmt: skip
    assert found == [".", ".", "packages/m", ".", ".", None]


def test_what_binds_a_package_is_all_that_it_loads(tmp_path: Path) -> None:
    """The same on every machine and in every repository; another version below is another one."""
    one, same = (environment(tmp_path / name, LAID) for name in ("one", "two"))
    other = environment(tmp_path / "three", {**LAID, "node_modules/b": package("b", "1.0.1")})
    keys = [
        packages.closure(each, packages.bounds_of(packages.contents(each)), ".", "a") for each in (one, same, other)
    ]
    assert keys[0] == keys[1] != keys[2] and keys[2] is not None
    assert packages.closure(one, {}, ".", "absent") is None


def test_packages_may_be_links_to_where_they_lie(tmp_path: Path) -> None:
    """As pnpm lays them out: each with its own beside it."""
    laid = {
        "node_modules/.pnpm/a@1.0.0/node_modules/a": package("a", "1.0.0", dependencies={"b": "*"}),
        "node_modules/.pnpm/b@1.0.0/node_modules/b": package("b", "1.0.0"),
    }
    one = environment(tmp_path / "one", laid)
    modules = one.folder / "node_modules"
    (modules / "a").symlink_to(".pnpm/a@1.0.0/node_modules/a")
    (modules / ".pnpm/a@1.0.0/node_modules/b").symlink_to("../../b@1.0.0/node_modules/b")
    assert packages.found_from(one, "src", "a") == "." and packages.found_from(one, "src", "b") is None
    bounds = packages.bounds_of(packages.contents(one))
    whole = packages.closure(one, bounds, ".", "a")
    (modules / ".pnpm/a@1.0.0/node_modules/b").unlink()
    assert whole is not None and packages.closure(one, bounds, ".", "a") not in (None, whole)


async def test_what_packages_say_is_read_once(tmp_path: Path) -> None:
    """Whatever stands there: it is a claim, and bounded."""
    odd = {**LAID, "node_modules/odd": package("odd", "1.0.0", engines=[], peerDependencies={"a": 1, "b": "^1"},
                                               peerDependenciesMeta={"b": {"optional": True}, "a": 3})}  # fmt: skip
    one = environment(tmp_path / "one", odd, odd={"deprecated": "use a"})
    store = Learnt(folder=tmp_path / "learnt")
    held = await packages.held(store, one)
    assert held["node_modules/a"].node == ">=18" and held["packages/m/node_modules/a"].version == "2.0.0"
    found = held["node_modules/odd"]
    assert (found.peers, found.spare, found.old, found.node) == ({"b": "^1"}, ["b"], "use a", "")
    (one.folder / "node_modules/a/package.json").unlink()
    assert await packages.held(store, one) == held


def test_a_link_out_of_the_environment_is_not_followed(tmp_path: Path) -> None:
    """Neither by what is read nor by what is counted."""
    one = environment(tmp_path / "one", LAID)
    outside = tree(tmp_path / "outside", {"package.json": json.dumps(package("out", "1.0.0"))})
    (one.folder / "node_modules" / "out").symlink_to(outside)
    assert packages.manifest(one, "node_modules/out") == {}
    assert packages.closure(one, {}, ".", "out") is None


def test_where_a_project_asks_for_what(tmp_path: Path) -> None:
    """The line of the dependency, not of a script that bears its name."""
    text = '{\n "scripts": {\n  "a": "x"\n },\n "dependencies": {\n  "a": "1"\n },\n "devDependencies": {"b" : "1"}\n}'
    assert packages.direct(tree(tmp_path, {"web/package.json": text}), "web") == {
        "a": ("web/package.json", 6), "b": ("web/package.json", 8),
    }  # fmt: skip
    assert packages.direct(tmp_path, "") == {}


# --- how scripts are compiled ------------------------------------------------------------

AROUND = [
    ({}, "a.js", False, ""),
    ({"package.json": '{"type": "module"}'}, "src/a.js", True, ""),
    ({"package.json": '{"type": "module"}', "src/package.json": '{"name": "x"}'}, "src/a.js", False, ""),
    ({"package.json": '{"devDependencies": {"vite": "1"}}'}, "a.js", False, "import"),
    ({"package.json": '{"dependencies": {"vite-not": "1"}}'}, "a.js", False, ""),
    ({"tsconfig.json": '{"compilerOptions": {"module": "CommonJS"}}'}, "a.ts", False, "require"),
    ({"tsconfig.json": '{"compilerOptions": {"module": "CommonJS"}}'}, "a.js", False, ""),
    ({"tsconfig.json": '{"compilerOptions": {"module": "NodeNext"}}'}, "a.ts", False, "require"),
    ({"tsconfig.json": '{"compilerOptions": {"module": "ESNext"}}'}, "a.tsx", False, "import"),
    ({"tsconfig.json": '{"compilerOptions": {"target": "es5"}}'}, "a.ts", False, "require"),
    ({"tsconfig.json": '{"compilerOptions": {"strict": true}}'}, "a.ts", False, ""),
    ({"tsconfig.json": '{// x\n"compilerOptions": {"module": "es2020", /* y */},\n}'}, "a.ts", False, "import"),
    (
        {"p/tsconfig.json": '{"extends": "../base"}', "base.json": '{"compilerOptions": {"module": "commonjs"}}'},
        "p/a.ts", False, "require",
    ),
    ({"tsconfig.json": '{"extends": "./tsconfig.json"}'}, "a.ts", False, ""),
    ({"tsconfig.json": '{"extends": "../../../etc/x"}'}, "a.ts", False, ""),
    ({"tsconfig.json": "{" * 5000, "package.json": "[]"}, "a.ts", False, ""),
]  # fmt: skip


@pytest.mark.parametrize(("files", "file", "module", "wanted"), AROUND)
def test_the_files_around_say_how_a_script_is_run(
    files: dict[str, str], file: str, module: bool, wanted: str, tmp_path: Path
) -> None:
    """The nearest ones; what cannot be read says nothing."""
    around = compiled.Surroundings(tree(tmp_path, files))
    assert (around.is_module(file), around.compiled(file)) == (module, Compiled(wanted))


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
)
def test_plain_json_is_left_as_it_is(value: Any) -> None:
    """Whatever stands in its texts."""
    assert json.loads("".join(compiled._strict(json.dumps(value)))) == value
    loose = json.dumps(value, indent=1).replace("\n", " // no\n") + "/* end"
    assert json.loads("".join(compiled._strict(loose))) == value


# --- promises ------------------------------------------------------------


def held(*every: packages.Package) -> dict[str, packages.Package]:
    """By their places."""
    return {one.place: one for one in every}


def at(name: str, version: str, *, below: str = "", **more: Any) -> packages.Package:
    """A package at its usual place, or in another one."""
    return packages.Package(name=name, version=version, place=f"{below}node_modules/{name}", **more)


def look(before: packages.Held, after: packages.Held, *nodes: str, **more: Any) -> Looked:
    """Of a project that asks for two packages."""
    return promises.look(promises.Project(tree=Path("/nowhere"), asked=ASKED, nodes=nodes, **more), before, after)


def alone(after: packages.Held) -> Looked:
    """Of a project that asks for nothing, where there was nothing."""
    return promises.look(promises.Project(tree=Path("/nowhere")), {}, after)


ASKED = {"a": ("package.json", 4), "host": ("package.json", 5)}


def test_a_node_that_is_promised_and_lost_asks_a_person() -> None:
    """Of what the project asks for itself; what others bring is told."""
    old = held(at("a", "1.0.0", node=">=16"), at("b", "1.0.0"))
    new = held(at("a", "2.0.0", node=">=20"), at("b", "2.0.0", node=">=20"))
    found = look(old, new, "16.3.0", "18.9999.9999")
    assert found.grade is Grade.UNKNOWN
    assert found.why == (
        "`a@2.0.0` does not run on Node 16.3.0 and 18.x any more, and this project says that it does: `a` wants `>=20`"
    )
    assert [(one.level, one.path, one.line) for one in found.remarks] == [
        (Level.WARNING, "package.json", 4), (Level.NOTICE, "package.json", None),
    ]  # fmt: skip
    assert look(old, new, "20.1.0").remarks == ()
    assert look(new, new, "16.3.0").remarks == ()


def test_a_node_that_is_too_old_here_is_said() -> None:
    """What was tried with it is worth less."""
    old, new = held(at("a", "1.0.0")), held(at("a", "2.0.0", node=">=22"))
    found = look(old, new, tried="20.20.2")
    assert found.notes == ("`a@2.0.0` is not meant to run on Node 20.20.2, with which it was tried",)
    assert look(old, new, tried="22.1.0").notes == look(new, new, tried="20.20.2").notes == ()


def test_what_wants_another_version_beside_it_asks_a_person() -> None:
    """In plain words, with both; only what this update brought about."""
    plugin = at("a", "1.0.0", peers={"host": "^1.0.0", "maybe": "*"}, spare=["maybe"])
    old, new = held(plugin, at("host", "1.5.0")), held(plugin, at("host", "2.0.0"))
    found = look(old, new)
    assert found.grade is Grade.UNKNOWN
    assert found.why == "`a@1.0.0` wants `host@^1.0.0` beside it, and what is there is `host@2.0.0`"
    assert [(one.path, one.line) for one in found.remarks] == [("package.json", 4)]
    assert look(new, new).grade is Grade.PASSED
    gone = look(old, held(plugin))
    assert gone.why == "`a@1.0.0` wants `host@^1.0.0` beside it, and there is no `host`"


def test_a_peer_is_looked_for_from_where_a_package_lies() -> None:
    """The nearest one counts, as for Node."""
    inner = at("p", "1.0.0", below="node_modules/x/", peers={"host": "^1.0.0"})
    near = at("host", "1.0.0", below="node_modules/x/")
    assert alone(held(inner, near, at("host", "2.0.0"))).grade is Grade.PASSED
    assert alone(held(inner, at("host", "2.0.0"))).grade is Grade.UNKNOWN
    scoped = at("@s/p", "1.0.0", peers={"host": "^1.0.0"})
    assert alone(held(scoped, at("host", "1.0.0"))).grade is Grade.PASSED


def test_what_its_maintainers_give_up_is_told() -> None:
    """Only where it is new, and asked for here."""
    old, new = held(at("a", "1.0.0"), at("b", "1.0.0")), held(at("a", "2.0.0", old="use b"), at("b", "2.0.0", old="x"))
    found = look(old, new)
    assert found.grade is Grade.PASSED
    assert [(one.title, one.message, one.line) for one in found.remarks] == [
        ("`a@2.0.0` is deprecated", "its maintainers say: `use b`", 4)
    ]
    assert look(new, new).remarks == ()


def test_a_program_that_is_called_and_gone_asks_a_person(tmp_path: Path) -> None:
    """By a script of the manifest, a Makefile, or a suite; not one that another package has now."""
    old = held(at("a", "1.0.0", programs=["a", "a-old", "a-moved", "a-unused"]), at("b", "1.0.0", programs=["b"]))
    new = held(at("a", "2.0.0", programs=["a"]), at("b", "2.0.0"), at("c", "1.0.0", programs=["a-moved"]))
    made = tree(tmp_path, {"Makefile": "all:\n\tnpx a-old -x\n\ta-moved\n"})
    project = promises.Project(
        tree=made, asked=ASKED, scripts={"go": "a && a-old --x | b", "not": "./a-old xa-old"}, commands=["npx a-old"]
    )
    found = promises.look(project, old, new)
    assert found.grade is Grade.UNKNOWN
    assert found.why == "the program `a-old` of `a` is gone, and the script `go` calls it (2 more)"
    assert [(one.path, one.line) for one in found.remarks] == [("package.json", None), ("Makefile", 2), (None, None)]


async def test_what_lies_behind_links_is_known_by_its_link(tmp_path: Path) -> None:
    """In pnpm's layout, where a place does not tell what stands beside a package."""
    place = ".pnpm/a@1.0.0/node_modules/a"
    said = package("a", "1.0.0", engines={"node": ">=9"}, peerDependencies={"x": "1"}, bin="x.js")
    one = environment(tmp_path / "one", {f"node_modules/{place}": said})
    (one.folder / "node_modules" / "a").symlink_to(place)
    lock = "lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-x}\n"
    known = await packages.held(Learnt(folder=tmp_path / "learnt"), replace(one, lock=lock))
    found = known["node_modules/a"]
    assert (found.version, found.node, found.peers, found.programs) == ("1.0.0", ">=9", {}, ["a"])


RANGES = st.sampled_from(["", "*", ">=14", "^18 || >=20", "nonsense?", "16.x", "workspace:*", "<0"])


@given(st.lists(st.sampled_from(["14.0.0", "18.1.0", "20.9999.9999"]), max_size=3), RANGES, RANGES)
def test_lost_nodes_are_promised_ones(promised: list[str], before: str, after: str) -> None:
    """Nothing is lost where nothing changes, and nothing that was not there."""
    gone = supported.lost_nodes(promised, before, after)
    assert set(gone) <= set(promised) and supported.lost_nodes(promised, after, after) == ()
    assert all(supported.fits(one, before) for one in gone)


# --- types ------------------------------------------------------------


def test_the_words_of_tsc_are_read() -> None:
    """Its errors with file and line; not what it says of packages, nor the lines that go on."""
    text = """\
src/a.ts(3,7): error TS2305: Module '"pkg"' has no exported member 'gone'.
src/(odd).ts(10,1): error TS2345: Argument of type 'x'
  Type 'y' is missing.
../modules/node_modules/pkg/index.d.ts(1,1): error TS1: no
error TS18003: No inputs were found.
a.ts(x,1): error TS2: no
"""
    assert typing_errors.of_tsc(text) == (
        Complaint(path="src/a.ts", line=3, rule="TS2305", words="Module '\"pkg\"' has no exported member 'gone'."),
        Complaint(path="src/(odd).ts", line=10, rule="TS2345", words="Argument of type 'x'"),
    )


PROJECTS = [
    ({"tsconfig.json": "{}"}, []),
    ({"tsconfig.json": '{"strict": 1}'}, ["tsconfig.json"]),
    ({"tsconfig.json": '{"files": [], "references": [{"path": "./a"}, {"path": "/b"}, {"path": "-x"}, 1]}'}, ["a"]),
    ({"tsconfig.json": '{"include": ["x"], "references": [{"path": "./a"}]}'}, ["tsconfig.json"]),
    ({}, []),
]


@pytest.mark.parametrize(("files", "wanted"), PROJECTS)
def test_which_projects_are_checked(files: dict[str, str], wanted: list[str], host: Host, tmp_path: Path) -> None:
    """Those that the settings put together; nothing that could be taken for an option."""
    sides = pair(tmp_path, "", "")
    with a_bench(host, tmp_path, files, sides) as bench:
        assert tsc._projects(bench, Path()) == wanted  # type: ignore[arg-type]  # all that is used


async def test_a_compiler_that_both_sides_have_is_run(host: Host, tmp_path: Path) -> None:
    """By the Node that is there, on the projects of the tree."""
    with_it = {"node_modules/typescript": package("typescript", "5.0.0"), "node_modules/pkg": package("pkg", "1.0.0")}
    old = environment(tmp_path / "old", with_it)
    new = environment(tmp_path / "new", {**with_it, "node_modules/pkg": package("pkg", "2.0.0")})
    with a_bench(host, tmp_path, {"tsconfig.json": '{"a": 1}', "a.ts": "import 'pkg';\n"}, (old, new)) as bench:
        change = await changes.found(bench, Learnt(folder=tmp_path / "learnt"))
        assert change is not None
        checker = tsc.found(bench, change)
        assert checker is not None
        assert checker.command[-2:] == ("node_modules/typescript/lib/tsc.js", "tsconfig.json")
        alone = replace(change, before=replace(change.before, environment=pair(tmp_path / "x", "", "")[0]))
        assert tsc.found(bench, alone) is None
        unused = replace(change, taken={})
        assert tsc.found(bench, unused) is None
        assert tsc.found(bench, replace(unused, names=frozenset({"@types/node"}))) == checker
