"""Node projects without Node: what is read, what is refused, and what a jail is shown."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Came
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Component
from bot.core.suites import Asked
from bot.lab import environments, nodereports, noderunners, nodes, pnpms, resolver, suites, tarballs, unpacking
from bot.lab.cache import Cache
from bot.lab.environments import CARGO, GOLANG, NPM, PYPI, Environment, Interpreter
from bot.lab.jobs import Limits
from bot.lab.junit import Unreadable
from bot.lab.locking.gateway import Document
from bot.lab.locking.packages import Registries
from bot.lab.resolver import NotPrepared
from bot.tools.npm import NpmSettings
from tests.lab.world import a_trial, index, tree

# --- reports -------------------------------------------------------------------------------------------------------


def report(*parts: tuple[str, str]) -> bytes:
    """What comes out of a jail whose working folder is /w."""
    return json.dumps({"work": "/w", "parts": [{"kind": kind, "text": text} for kind, text in parts]}).encode()


JEST = {
    "testResults": [
        {
            "name": "/w/a.test.js",
            "status": "failed",
            "assertionResults": [
                {"title": "one", "status": "passed", "ancestorTitles": ["x", "y"], "duration": 5},
                {
                    "title": "two", "status": "failed", "failureMessages": ["\u001b[31mboom\u001b[39m"],
                    "location": {"line": 7, "column": 1},
                },
                {"title": "three", "status": "pending"},
            ],
        },
        {"name": "/w/b.test.js", "status": "failed", "message": "cannot find module", "assertionResults": []},
    ]
}  # fmt: skip
MOCHA = """<testsuite name="Mocha Tests">
<testcase classname="outer in" name="works" file="/w/t/m.js" time="0.5"/>
<testcase classname="outer in" name="fails" file="/w/t/m.js"><failure>boom at (t/m.js:2:11)</failure></testcase>
</testsuite>"""
VITEST = """<testsuites><testsuite name="t/v.test.ts">
<testcase classname="t/v.test.ts" name="a &gt; b"><failure message="no">no ❯ t/v.test.ts:12:3</failure></testcase>
<testcase classname="t/v.test.ts" name="later"><skipped/></testcase>
</testsuite></testsuites>"""
NODE = [
    {"file": "/w/n.js", "line": 3, "names": ["s", "t"], "came": "passed", "message": "", "seconds": 0.1},
    {"file": "/w/n.js", "line": 4, "names": ["u"], "came": "failed", "message": "1 == 2", "seconds": 0.1},
    {"file": "/w/bad.js", "line": 1, "names": ["/w/bad.js"], "came": "failed", "message": "x", "seconds": 0},
]
PYTEST = '<testsuites><testsuite><testcase classname="tests.test_a" name="test_x" file="tests/test_a.py" line="4"/></testsuite></testsuites>'  # noqa: E501 - one line of a report


def test_each_runner_is_understood() -> None:
    """One id per test, with the file of the repository and, where it is known, the line."""
    lines = "\n".join(json.dumps(line) for line in NODE)
    parts = (("jest", json.dumps(JEST)), ("mocha", MOCHA), ("vitest", VITEST), ("node", lines), ("pytest", PYTEST))
    found = nodereports.read(report(*parts, ("new-kind", "anything")))
    seen = {test: (one.came, one.path, one.line) for test, one in found.items()}
    assert seen == {
        "a.test.js::x > y > one": (Came.PASSED, "a.test.js", None),
        "a.test.js::two": (Came.FAILED, "a.test.js", 7),
        "a.test.js::three": (Came.SKIPPED, "a.test.js", None),
        "b.test.js": (Came.ERROR, "b.test.js", None),
        "outer in::works": (Came.PASSED, "t/m.js", None),
        "outer in::fails": (Came.FAILED, "t/m.js", 2),
        "t/v.test.ts::a > b": (Came.FAILED, "t/v.test.ts", 12),
        "t/v.test.ts::later": (Came.SKIPPED, "t/v.test.ts", None),
        "n.js::s > t": (Came.PASSED, "n.js", 3),
        "n.js::u": (Came.FAILED, "n.js", 4),
        "bad.js": (Came.ERROR, "bad.js", 1),
        "tests.test_a::test_x": (Came.PASSED, "tests/test_a.py", 5),
    }
    assert found["a.test.js::two"].message == "boom"


def test_of_two_tests_of_one_name_the_worse_counts() -> None:
    """As where a suite is run twice, or two files hold the same words."""
    file = {
        "name": "/w/a.js",
        "assertionResults": [{"title": "x", "status": s} for s in ("passed", "failed", "passed")],
    }
    found = nodereports.read(report(("jest", json.dumps({"testResults": [file]}))))
    assert [(one.test, one.came) for one in found.values()] == [("a.js::x", Came.FAILED)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "larger than the bound"),
        (b"", "no report was written"),
        (b"[]", "cannot be read"),
        (b'{"work": 1, "parts": []}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (report(("jest", "{}")), "cannot be read"),
        (report(("jest", '{"testResults": [{"name": "a", "assertionResults": [{"title": 1}]}]}')), "cannot be read"),
        (report(("node", "{")), "cannot be read"),
        (report(("mocha", "<!DOCTYPE x><testsuite/>")), "document type"),
        (report(("vitest", "<a>")), "not well-formed"),
        (b'{"work": "\xff", "parts": []}', "cannot be read"),
    ],
)
def test_what_is_no_report_says_why(data: bytes | None, why: str) -> None:
    """And is never taken for an empty one."""
    with pytest.raises(Unreadable, match=why):
        nodereports.read(data)


def test_a_report_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More tests than anyone has."""
    monkeypatch.setattr(nodereports, "_MOST_TESTS", 2)
    tests = [{"title": str(number), "status": "passed"} for number in range(3)]
    with pytest.raises(Unreadable, match="more than 2 tests"):
        nodereports.read(report(("jest", json.dumps({"testResults": [{"name": "a", "assertionResults": tests}]}))))


@given(
    st.sampled_from(["jest", "node", "mocha", "vitest", "pytest", "?"]), st.text(),
    st.text(alphabet="./ab\\\0é ", max_size=60), st.floats() | st.integers(), st.text(max_size=3000),
)  # fmt: skip
def test_no_report_leads_out_of_the_repository(kind: str, text: str, path: str, number: float, words: str) -> None:
    """Whatever is claimed: bounded words, a path within, a line that counts; or a refusal."""
    line = {"file": path, "line": 1, "names": [words], "came": "failed", "message": words, "seconds": 1}
    test = {
        "title": words,
        "status": "failed",
        "failureMessages": [words],
        "location": {"line": -5},
        "duration": number,
    }
    file = {"testResults": [{"name": path, "assertionResults": [test]}]}
    for data in (report((kind, text)), report(("node", json.dumps(line))), report(("jest", json.dumps(file)))):
        try:
            found = nodereports.read(data)
        except Unreadable:
            continue
        for outcome in found.values():
            assert outcome.path is None or not (outcome.path.startswith("/") or ".." in outcome.path.split("/"))
            assert outcome.line is None or outcome.line > 0
            assert len(outcome.test) <= 500 and len(outcome.message) <= 2000 and 0 <= outcome.seconds <= 1e6


# --- commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        ({"scripts": {"test": "jest"}}, {"unit": "npm test"}),
        ({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}}, {}),
        ({"devDependencies": {"vitest": "1"}}, {"unit": "npx vitest run"}),
        ({"devDependencies": {"jest": "1", "mocha": "1"}}, {"unit": "npx jest"}),
        ({}, {}),
        ({"scripts": ["odd"], "dependencies": "odd"}, {}),
        (
            {"scripts": {"test:unit": "a", "test:integration": "b", "test": "c"}},
            {"unit": "npm run test:unit", "integration": "npm run test:integration"},
        ),
        (
            {"scripts": {"test": "mocha", "integration": "b"}},
            {"unit": "npm test", "integration": "npm run integration"},
        ),
        ({"scripts": {"test": "npm run integration", "integration": "b"}}, {"unit": "npm test"}),
    ],
)
def test_commands_are_those_of_the_project(manifest: Mapping[str, Any], found: dict[str, str], tmp_path: Path) -> None:
    """Its scripts, else what its packages are called by."""
    made = tree(tmp_path, {"package.json": json.dumps(manifest), "lib/x.js": ""})
    assert {kind: command for kind, (command, _) in noderunners.commands(made).items()} == found


@pytest.mark.parametrize("name", ["test/a.js", "src/x.test.mjs", "a.test.js", "test.js"])
def test_files_of_nodes_own_runner_are_found(name: str, tmp_path: Path) -> None:
    """Where no script and no package says anything; not those of other packages."""
    made = tree(tmp_path, {"package.json": "{}", f"node_modules/x/{name}": ""})
    assert noderunners.commands(made) == {}
    tree(tmp_path, {name: ""})
    assert noderunners.commands(made) == {"unit": ("node --test", ())}


def test_a_runner_that_is_not_known_is_said(tmp_path: Path) -> None:
    """It is run all the same: it may call one that is."""
    made = tree(tmp_path, {"a b/package.json": '{"scripts": {"test": "gulp"}}', "a b/package-lock.json": "{}"})
    assert noderunners.commands(made) == {"unit": ("cd 'a b' && npm test", (noderunners._NO_REPORT,))}
    assert noderunners.commands(tree(tmp_path / "odd", {"package.json": "{"})) == {"unit": ("npm test", ())}
    assert noderunners.commands(tree(tmp_path / "none", {"x": ""})) == {}


def test_the_project_is_where_its_manifest_or_its_lock_is(tmp_path: Path) -> None:
    """At the root, or in a folder of its own; not in what someone left lying about."""
    locked = {"web/package.json": "{}", "web/package-lock.json": "{}"}
    assert nodes.folder_of(tree(tmp_path / "a", {"package.json": "{}", **locked})) == ""
    assert nodes.folder_of(tree(tmp_path / "b", locked)) == "web"
    assert nodes.folder_of(tree(tmp_path / "c", {f"x/{name}": text for name, text in locked.items()})) == "x/web"
    away = {f"node_modules/{name}": text for name, text in locked.items()}
    assert nodes.folder_of(tree(tmp_path / "d", {**away, "web/package.json": "{}"})) is None


# --- environments --------------------------------------------------------------------------------------------------

BOTH = {"package.json": "{}", "requirements.txt": "", "tests/test_a.py": ""}


@pytest.mark.parametrize(
    ("files", "ecosystem", "commands", "needs"),
    [
        ({}, "pypi", (), (PYPI,)),
        ({"package.json": "{}"}, "npm", (), (NPM,)),
        ({"package.json": "{}"}, "githubactions", (), (NPM,)),
        ({"x.txt": ""}, "npm", (), (PYPI,)),
        (BOTH, "npm", (), (NPM,)),
        (BOTH, "pypi", (), (PYPI,)),
        (BOTH, "docker", (), (PYPI,)),
        (BOTH, "pypi", ("npm test && pytest",), (PYPI, NPM)),
        (BOTH, "npm", ("make test",), (NPM, PYPI)),
        (BOTH, "npm", ("npx jest",), (NPM,)),
        (BOTH, "pypi", ("npx jest", "tox"), (PYPI, NPM)),
        ({"go.mod": ""}, "docker", (), (GOLANG,)),
        ({"go.mod": "", "Cargo.toml": ""}, "cargo", ("npm test",), (CARGO,)),
        ({"go.mod": "", **BOTH}, "golang", ("make test",), (GOLANG,)),
        ({"go.mod": "", **BOTH}, "pypi", ("make test",), (PYPI, NPM)),
        ({"go.mod": "", "x.py": ""}, "npm", (), (PYPI,)),
    ],
)
def test_what_is_updated_and_what_is_called_say_what_is_needed(
    files: dict[str, str], ecosystem: str, commands: tuple[str, ...], needs: tuple[str, ...], tmp_path: Path
) -> None:
    """Nothing is prepared that nobody needs; a command that may be anything needs all that there is."""
    made = tree(tmp_path, files)
    asked = {f"kind{number}": Asked(run=command) for number, command in enumerate(commands)}
    trial = replace(a_trial(made, made), component=Component(name="x", ecosystem=ecosystem), suites=asked)
    assert environments.needed(trial) == needs


NODE_24 = Interpreter(path=Path("/node/bin/node"), version="24.1.0", prefix=Path("/node/bin"))
OF_NODE = Environment(
    key="n", folder=Path("/modules"), interpreter=NODE_24, lock="{}", ecosystem=NPM, where="web",
    folders=(Path("/node/bin"),),
)  # fmt: skip
OF_PYTHON = Environment(
    key="p", folder=Path("/env"), lock="",
    interpreter=Interpreter(path=Path("/py/bin/python"), version="3.11.7", prefix=Path("/py")),
)  # fmt: skip


def test_both_environments_stand_beside_each_other() -> None:
    """One command finds the programs of both, and each is told to report."""
    both = replace(OF_PYTHON, beside=(OF_NODE,))
    job = suites.job(suites.Suite(kind="unit", command="make"), Path("/tree"), both, Limits(seconds=40))
    assert job.env["PATH"].startswith("/env/bin:{work}/web/node_modules/.bin:/node/bin:")
    assert job.env["VIRTUAL_ENV"] == "/env" and job.env["SUREFOOT_WHERE"] == "web"
    assert "surefoot_report.cjs" in job.env["NODE_OPTIONS"] and "--junitxml" in job.env["PYTEST_ADDOPTS"]
    assert "--test-reporter=spec" in job.env["NODE_OPTIONS"]
    assert job.command[0] == "/node/bin/node" and job.command[-1] == "make" and job.roomy
    assert {Path("/env"), Path("/py"), Path("/node/bin")} <= set(job.visible)
    assert job.placed == {"/home/sim/modules": Path("/modules")}


def test_an_old_node_is_not_told_what_it_does_not_know() -> None:
    """It would not start."""
    old = replace(OF_NODE, interpreter=replace(NODE_24, version="18.14.2"))
    job = suites.job(suites.Suite(kind="unit", command="npm test"), Path("/tree"), old, Limits())
    assert "--test-reporter" not in job.env["NODE_OPTIONS"] and "VIRTUAL_ENV" not in job.env


async def test_without_a_way_to_fetch_nothing_is_known(wheels: Path, tmp_path: Path) -> None:
    """A lab that was given none says so, and does not pass."""
    made, uv = tree(tmp_path / "tree", {"package.json": "{}"}), resolver.find_uv(index(wheels))
    with pytest.raises(NotPrepared, match="the lab has no way to"):
        async with environments.prepared(made, uv=uv, cache=Cache(folder=tmp_path / "cache"), needs=(NPM,)):
            pass


def test_a_project_is_read_within_bounds(tmp_path: Path) -> None:
    """The members of its workspace, the lock that counts, and of its settings what shapes a tree."""
    rc = "registry=https://evil.example\nlegacy-peer-deps=true\nignore-scripts=false\ninstall-strategy=a b\n"
    files = {
        "package.json": "{}", "package-lock.json": "{}", "npm-shrinkwrap.json": '{"a": 1}', ".npmrc": rc,
        "packages/a/package.json": "{}", "packages/a/node_modules/x/package.json": "{}",
        "a/b/c/d/e/f/g/package.json": "{}",
    }  # fmt: skip
    settings = NpmSettings(registry="https://me:secret@registry.example/", scopes={"@a": "https://a.example"})
    found = nodes._read(tree(tmp_path, files), Registries(settings=settings))
    assert set(found.files) == {"package.json", "packages/a/package.json", "npm-shrinkwrap.json"}
    assert found.npmrc == (
        "registry=https://registry.example/\n@a:registry=https://a.example/\nlegacy-peer-deps=true\n"
    )
    assert found.notes == ()


PNPM_LOCK = """\
lockfileVersion: '9.0'

packages:

  '@a/b@1.0.0':
    resolution: {{integrity: {sum}}}
    engines: {{node: '>=6'}}

  plain@2.0.0-rc.1:
    resolution: {{integrity: {sum}, tarball: https://r.example/plain.tgz}}

  local@file:x:
    resolution: {{directory: x, type: directory}}

snapshots:

  '@a/b@1.0.0': {{}}
"""


def test_a_lock_of_pnpm_is_one(tmp_path: Path) -> None:
    """It goes before that of another tool, and after npm's own; its tarballs are known by what they hold."""
    digest = hashlib.sha512(b"x")
    text = PNPM_LOCK.format(sum="sha512-" + base64.b64encode(digest.digest()).decode())
    files = {
        "package.json": "{}", "pnpm-lock.yaml": text, "pnpm-workspace.yaml": "packages: [a]\n", "yarn.lock": "",
        ".npmrc": "node-linker=hoisted\npublic-hoist-pattern[]=*\nregistry=https://evil.example\nhoist=a b\n",
    }  # fmt: skip
    found = nodes._read(tree(tmp_path, files), REGISTRIES)
    assert found.of_pnpm and set(found.files) == {"package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"}
    assert found.npmrc == "registry=https://r.example/\nnode-linker=hoisted\n" and found.notes == ()
    held = tarballs.digests({"packages": dict(pnpms.entries(text))})
    assert held == {"@a/b/-/b-1.0.0.tgz": digest.hexdigest(), "plain/-/plain-2.0.0-rc.1.tgz": digest.hexdigest()}
    tree(tmp_path, {"package-lock.json": "{}"})
    assert not nodes._read(tmp_path, REGISTRIES).of_pnpm


def test_what_a_manifest_asks_for_makes_an_environment_and_what_it_runs_does_not(tmp_path: Path) -> None:
    """A lock that stayed as it was must be held against a manifest that moved."""
    texts = ('{"dependencies": {"a": "1"}}', '{"scripts": {"x": "y"}, "dependencies": {"a": "1"}}', '{"bin": "x"}')
    trees = [tree(tmp_path / str(number), {"package.json": text}) for number, text in enumerate(texts)]
    first, second, third = (nodes._wishes(nodes._read(made, REGISTRIES)) for made in trees)
    assert first == second != third


REGISTRIES = Registries(settings=NpmSettings(registry="https://r.example"))


@pytest.mark.parametrize(("name", "note"), [("yarn.lock", "yarn.lock is not read"), ("x", "no lock file")])
def test_versions_that_npm_chooses_are_said(name: str, note: str, tmp_path: Path) -> None:
    """Another tool's lock is not what was tried."""
    found = nodes._read(tree(tmp_path, {"package.json": "{}", name: ""}), REGISTRIES)
    assert found.notes == (f"{note}: npm chose the versions",) and found.lock == "package-lock.json"


@pytest.mark.parametrize("text", ["[]", "{", "nul", "[" * 100_000])
def test_a_manifest_that_cannot_be_read_is_named(text: str, tmp_path: Path) -> None:
    """By its path; another one that lies about is none. A lock that leads elsewhere is not read."""
    made = tree(tmp_path / "tree", {"package.json": text, "fixtures/package.json": "{}"})
    with pytest.raises(ConfigProblem, match=r"^package\.json: "):
        nodes._read(made, REGISTRIES)
    tree(made, {"package.json": "{}", "fixtures/package.json": text})
    assert set(nodes._read(made, REGISTRIES).files) == {"package.json"}
    (tmp_path / "secret").write_text("{}")
    (made / "package-lock.json").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigProblem, match="no file of this tree"):
        nodes._read(made, REGISTRIES)


def test_a_tree_without_a_manifest(tmp_path: Path) -> None:
    """One side may have none."""
    with pytest.raises(ConfigProblem, match=r"package\.json: there is none"):
        nodes._read(tmp_path, REGISTRIES)


def test_whose_scripts_were_left_out_is_said() -> None:
    """Some, and that there are more."""
    packages = {f"node_modules/p{number}": {"hasInstallScript": True} for number in range(7)}
    lock = {"packages": {"": {"hasInstallScript": True}, "node_modules/q": {}, **packages}}
    assert nodes._unrun(json.dumps(lock)) == ("no install script is run: p0, p1, p2, p3, p4 …",)
    assert nodes._unrun("{}") == nodes._unrun("[]") == nodes._unrun('{"packages": {"a": 1}}') == ()


# --- what comes out of the jail ------------------------------------------------------------------------------------


def archive(path: Path, *members: tuple[str, bytes | str | int]) -> Path:
    """A tar of files (bytes), links (text) and other kinds (their number)."""
    with tarfile.open(path, "w") as made:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size, entry.mode = len(content), 0o4777 if name.endswith("run") else 0o600
                made.addfile(entry, io.BytesIO(content))
                continue
            entry.type = tarfile.SYMTYPE if isinstance(content, str) else bytes([content])
            entry.linkname = content if isinstance(content, str) else ""
            entry.mode = 0o700
            made.addfile(entry)
    return path


FOLDER = tarfile.DIRTYPE[0]


def test_packages_are_laid_out_as_they_came(tmp_path: Path) -> None:
    """Open to be read, runnable where they were, without any other right; links last."""
    held = archive(
        tmp_path / "a.tar", ("web/node_modules", FOLDER), ("web/node_modules/run", b"x"),
        ("web/node_modules/link", "../../web/x"), ("web/node_modules/.bin", FOLDER),
        ("web/node_modules/.bin/run", "../run"), ("web/node_modules/y", b"y"),
    )  # fmt: skip
    unpacking.unpack(held, tmp_path / "out")
    inside = tmp_path / "out" / "web" / "node_modules"
    assert (inside / "run").stat().st_mode == 0o100755 and (inside / "y").stat().st_mode == 0o100644
    assert (tmp_path / "out" / "web").stat().st_mode & 0o777 == 0o755
    assert (inside / ".bin" / "run").read_bytes() == b"x" and (inside / "link").is_symlink()


OUT = [
    ("climbs", [("../x", b"")]),
    ("is absolute", [("/x", b"")]),
    ("through a link", [("d", "/tmp"), ("d/x", b"")]),
    ("through a relative link", [("a", FOLDER), ("d", "a"), ("d/x", b"")]),
    ("link in a link", [("a", FOLDER), ("d", "../.."), ("d/x", "y")]),
    ("link away", [("d", "/etc/passwd")]),
    ("over a file", [("a", b"1"), ("a", b"2")]),
    ("device", [("dev", tarfile.CHRTYPE[0])]),
    ("pipe", [("pipe", tarfile.FIFOTYPE[0])]),
    ("hard link", [("hard", tarfile.LNKTYPE[0])]),
    ("no name", [(".", b"")]),
    ("long", [("a/" * 2500 + "b", b"")]),
    ("no folder", [("a/b/c", b"")]),
]


@pytest.mark.parametrize(("how", "members"), OUT, ids=[how for how, _ in OUT])
def test_nothing_is_written_elsewhere(how: str, members: list[tuple[str, bytes | str | int]], tmp_path: Path) -> None:
    """An archive that holds anything odd is no archive of packages."""
    held = archive(tmp_path / "a.tar", *members)
    (tmp_path / "deep").mkdir()
    with pytest.raises(Permanent):
        unpacking.unpack(held, tmp_path / "deep" / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"a.tar", "deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}


def test_what_is_no_archive_or_too_much_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short, or made of more files than any project has."""
    (tmp_path / "no.tar").write_bytes(b"x" * 2000)
    with pytest.raises(Permanent, match="cannot be unpacked"):
        unpacking.unpack(tmp_path / "no.tar", tmp_path / "one")
    held = archive(tmp_path / "a.tar", ("a", b"x" * 9000), ("b", b""))
    held.write_bytes(held.read_bytes()[:3000])
    with pytest.raises(Permanent, match="cannot be unpacked"):
        unpacking.unpack(held, tmp_path / "two")
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 1)
    with pytest.raises(Permanent, match="more than 1 files"):
        unpacking.unpack(archive(tmp_path / "b.tar", ("a", b""), ("b", b"")), tmp_path / "three")


async def test_an_inbox_takes_one_stream_and_no_more(tmp_path: Path) -> None:
    """A second sender is not heard; one that does not end is cut off."""
    held = archive(tmp_path / "a.tar", ("x", b"1")).read_bytes()
    async with unpacking.opened(tmp_path / "in") as inbox:
        for data in (held, b"other"):
            _, writer = await asyncio.open_unix_connection(str(inbox.socket))
            writer.write(data)
            writer.close()
            if data is held:
                await inbox.unpack(tmp_path / "out")
                (tmp_path / "in").touch()
    assert (tmp_path / "out" / "x").read_bytes() == b"1"
    async with unpacking.opened(tmp_path / "more", most=10) as inbox:
        _, writer = await asyncio.open_unix_connection(str(inbox.socket))
        writer.write(held)
        with pytest.raises(Permanent, match="larger than 0 MiB"):
            await inbox.unpack(tmp_path / "never")
        writer.close()


# --- tarballs ------------------------------------------------------------------------------------------------------

BODY = b"a tarball"


async def test_a_tarball_is_fetched_once_and_never_taken_for_another(tmp_path: Path) -> None:
    """Kept under what it is; what has other bytes than the lock says is handed on, for npm to refuse, and not kept."""
    digest = hashlib.sha512(BODY)
    integrity = "sha512-" + base64.b64encode(digest.digest()).decode()
    twice = f"{integrity} {integrity}"
    lock = {
        "packages": {
            "": {}, "node_modules/@a/b": {"resolved": "https://r.example/@a/b/-/b-1.tgz", "integrity": integrity},
            "node_modules/two": {"resolved": "https://r.example/two/-/two-1.tgz", "integrity": twice},
            "node_modules/old": {"resolved": "https://r.example/old/-/old-1.tgz", "integrity": "sha1-xx"},
            "node_modules/odd": {"resolved": "https://r.example/odd/-/odd-1.tgz", "integrity": "sha512-?"}, "x": 1,
        }
    }  # fmt: skip
    kept = tarballs.Tarballs(folder=tmp_path / "kept")
    desk = tarballs.Shelf(kept, tarballs.digests(lock))
    assert desk.digests == {"@a/b/-/b-1.tgz": digest.hexdigest()}
    answers = [b"another", BODY, b"not asked for"]

    async def get(url: str, accept: str) -> Document:
        return Document(answers.pop(0), "x")

    mirror = "https://mirror.example/npm/@a%2fb/-/b-1.tgz"
    got = [await desk.answer(mirror, get) for _ in range(3)]
    assert [document.body for document in got if document] == [b"another", BODY, BODY] and len(answers) == 1
    assert await desk.answer("https://r.example/@a%2fb", get) is None
    assert await desk.answer("https://r.example/two/-/two-1.tgz", get) is None
    silent = {"packages": {"x/node_modules/@a/b": {"version": "1", "integrity": integrity}}}
    assert tarballs.digests(silent) == desk.digests
    assert tarballs.digests({}) == tarballs.digests({"packages": []}) == {}


def test_the_longest_unused_tarballs_go(tmp_path: Path) -> None:
    """Down to the bound; a folder that is not there is empty."""
    kept = tarballs.Tarballs(folder=tmp_path / "kept", most=25)
    kept.prune()
    digests = []
    for number in range(4):
        body = f"tarball {number} ".encode()
        digests.append(hashlib.sha512(body).hexdigest())
        kept.keep(digests[-1], body)
        os.utime(tmp_path / "kept" / digests[-1], (number, number))
    assert kept.recall(digests[0]) == b"tarball 0 "
    kept.prune()
    assert [kept.recall(digest) is not None for digest in digests] == [True, False, False, True]
