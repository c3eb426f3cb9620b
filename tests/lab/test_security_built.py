"""Crates and Go modules are examined as wheels are: what runs without being called is found, ordinary code is left."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.core.model import Grade, Level, SuiteResult
from bot.core.ports import Advisories
from bot.lab import security, security_installed, security_lock
from bot.lab.environments import Environment, Interpreter
from bot.lab.host import Host
from bot.lab.inside import surefoot_watch_built, surefoot_watch_golang, surefoot_watch_packages
from bot.lab.resolver import Uv
from bot.lab.workbench import Budget, Sample, Workbench
from bot.tools.pip import IndexSettings
from tests.lab.world import a_trial, tree

Files = Mapping[str, str | bytes]
SOURCE = "registry+https://github.com/rust-lang/crates.io-index"
ELF = b"\x7fELF\x02\x01\x01" + bytes(100)


@dataclass
class World:
    """Both sides of one ecosystem, as they are after fetching."""

    folder: Path
    host: Host
    ecosystem: str
    advisories: Advisories | None = None
    said: list[str] = field(default_factory=list)

    def side(self, name: str, packages: Mapping[str, Files]) -> Sample:
        """name@version -> its files."""
        place = self.folder / name / "packages"
        place.mkdir(parents=True, exist_ok=True)
        lock = 'version = 3\n[[package]]\nname = "app"\nversion = "0.1.0"\n'
        for package, files in packages.items():
            lock += (_crate if self.ecosystem == "cargo" else _module)(place, package, files)
        asked = {"Cargo.toml": '[package]\nname = "app"\n[dependencies]\ngreet = "1"\n'}
        asked |= {"go.mod": "module app\n\nrequire (\n\tgreet.example/Greet v1.0.0\n)\n"}
        python = Path(os.path.realpath(sys.executable))
        made = Environment(
            key=name, folder=place, lock=lock, ecosystem=self.ecosystem,
            interpreter=Interpreter(path=python, version="1", prefix=python.parent),
        )  # fmt: skip
        return Sample(tree=tree(self.folder / name / "tree", asked), environment=made)

    def bench(self, before: Mapping[str, Files], after: Mapping[str, Files]) -> Workbench:
        """Both sides, ready to be examined."""
        old, new = self.side("old", before), self.side("new", after)
        return Workbench(
            trial=a_trial(old.tree, new.tree), before=old, after=new, host=self.host,
            uv=Uv(path="uv", index=IndexSettings(no_index=True)), budget=Budget(60.0),
            folder=self.folder / "learnt", say=self.said.append, advisories=self.advisories,
        )  # fmt: skip

    async def examined(self, before: Mapping[str, Files], after: Mapping[str, Files]) -> SuiteResult:
        """What the suite says."""
        result = await security.examine(self.bench(before, after))
        assert result is not None
        return result


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _laid_out(folder: Path, files: Files) -> dict[str, bytes]:
    held = {name: _bytes(text) for name, text in files.items()}
    for name, data in held.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return held


def _crate(place: Path, package: str, files: Files) -> str:
    """As `cargo vendor` lays it out, and its part of the lock."""
    name, _, version = package.partition("@")
    manifest = f'[package]\nname = "{name}"\nversion = "{version}"\nlicense = "MIT/Apache-2.0"\n'
    held = _laid_out(place / f"{name}-{version}", {"Cargo.toml": manifest, "src/lib.rs": "", **files})
    whole = hashlib.sha256(repr(sorted(held.items())).encode()).hexdigest()
    sums = {"files": {path: hashlib.sha256(data).hexdigest() for path, data in held.items()}, "package": whole}
    (place / f"{name}-{version}" / ".cargo-checksum.json").write_text(json.dumps(sums))
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = "{SOURCE}"\nchecksum = "{whole}"\n'


def _module(place: Path, package: str, files: Files) -> str:
    """As go lays it out, with its own note of the digest; a capital letter is `!` and a small one."""
    name, _, version = package.partition("@")
    written = "".join(f"!{one.lower()}" if one.isupper() else one for one in name)
    held = _laid_out(place / f"{written}@{version}", {"go.mod": f"module {name}\n\ngo 1.18\n", **files})
    lines = "".join(f"{hashlib.sha256(held[one]).hexdigest()}  {package}/{one}\n" for one in sorted(held))
    notes = place / "cache/download" / written / "@v"
    notes.mkdir(parents=True, exist_ok=True)
    h1 = "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
    (notes / f"{version}.ziphash").write_text(h1)
    return ""


@pytest.fixture
def crates(tmp_path: Path, host: Host) -> World:
    """Of Rust."""
    tmp_path.chmod(0o755)
    return World(tmp_path, host, "cargo")


@pytest.fixture
def modules(tmp_path: Path, host: Host) -> World:
    """Of Go."""
    tmp_path.chmod(0o755)
    return World(tmp_path, host, "golang")


def asks(result: SuiteResult) -> list[str]:
    """What a person must look at."""
    return [f"{one.title} {one.message}" for one in result.remarks if one.level is not Level.NOTICE]


MACRO = '[package]\nname = "it"\nversion = "1.1.0"\nlicense = "MIT OR Apache-2.0"\n[lib]\nproc-macro = true\n'
# what a release newly holds -> (a word of what is said, where). Nothing here does any harm.
OF_RUST: Mapping[str, tuple[Files, str, str]] = {
    "script": ({"build.rs": "fn main() {}\n"}, "has a build script", "`build.rs`"),
    "macro": ({"Cargo.toml": MACRO}, "procedural macro", "`src/lib.rs`"),
    "before": ({"src/a.rs": "#[ctor::ctor]\nfn f() {}\n"}, "before the program itself", "`src/a.rs:1`"),
    "section": ({"src/a.rs": '\n#[link_section = ".init_array"]\n'}, "before the program itself", "`src/a.rs:2`"),
    "drop": ({"src/a.rs": 'const U: &str = "https://x.webhook.site/1";\n'}, "anybody can collect", "`src/a.rs:1`"),
    "binary": ({"src/blob.bin": ELF}, "machine code for Linux under another name", "`src/blob.bin`"),
    "secrets": ({"src/a.rs": 'open("/home/x/.ssh/id_rsa")\n'}, "where secrets lie", "`src/a.rs:1`"),
    "licence": (
        {"Cargo.toml": '[package]\nname = "licence"\nversion = "1.1.0"\nlicense = "AGPL-3.0"\n'},
        "another licence",
        "`Cargo.toml`",
    ),
}
CALM: Files = {"src/a.rs": 'use std::process::Command;\npub fn f() { Command::new("x"); } // #[ctor]\n'}


async def test_what_a_crate_newly_runs_is_found(crates: World) -> None:
    """A build script, a macro, code before main: each is named by its file, with the line that asks for the crate."""
    before = {f"{name}@1.0.0": ordinary() for name in (*OF_RUST, "greet")}
    after = {f"{name}@1.1.0": files for name, (files, _, _) in OF_RUST.items()} | {"greet@1.1.0": CALM}
    result = await crates.examined(before, after)
    said = {
        name: [one for one in asks(result) if one.startswith(f"`{name}@1.1.0`") and word in one and where in one]
        for name, (_, word, where) in OF_RUST.items()
    }
    assert result.grade is Grade.UNKNOWN
    assert [name for name, found in said.items() if not found] == [], asks(result)
    assert not any("greet" in one for one in asks(result)), "a process that is started when somebody asks for it"


def ordinary() -> Files:
    """An ordinary crate."""
    return {"src/a.rs": "pub fn f() {}\n"}


async def test_a_build_script_that_newly_reaches_out_is_found(crates: World) -> None:
    """It ran before; that it starts processes or asks the network is news."""
    old, new = "fn main() {}\n", 'use std::process::Command;\nfn main() { Command::new("sh"); ureq::get("x"); }\n'
    result = await crates.examined({"greet@1.0.0": {"build.rs": old}}, {"greet@1.1.0": {"build.rs": new}})
    told = "\n".join(asks(result))
    assert "`greet@1.1.0`: starts a process when it is compiled, by `Command::new` `build.rs:2`" in told
    assert "opens a connection when it is compiled, by `ureq::` `build.rs:2`" in told
    assert {(one.path, one.line) for one in result.remarks} == {("Cargo.toml", 4)}


async def test_a_crate_that_comes_in_may_have_a_build_script(crates: World) -> None:
    """Many have one; what hides still asks."""
    fresh = {"build.rs": "fn main() {}\n", "src/a.rs": "#[ctor]\nfn f() {}\n"}
    result = await crates.examined({"greet@1.0.0": {}}, {"greet@1.0.0": {}, "new@1.0.0": fresh})
    assert [one for one in asks(result) if "before the program" not in one] == [], result


async def test_a_crate_that_is_not_what_its_checksum_says_is_found(crates: World) -> None:
    """One file of it, or all of it."""
    bench = crates.bench({"greet@1.0.0": {}}, {"greet@1.1.0": {"src/a.rs": "pub fn f() {}\n"}})
    place = bench.after.environment.folder / "greet-1.1.0"
    (place / "src/a.rs").write_text("pub fn g() {}\n")
    (place / "src/b.rs").write_text("")
    sums = json.loads((place / ".cargo-checksum.json").read_text())
    (place / ".cargo-checksum.json").write_text(json.dumps({**sums, "package": "0" * 64}))
    result = await security.examine(bench)
    assert result is not None and result.grade is Grade.UNKNOWN
    assert [one for one in asks(result) if "not the one that its record describes `src/a.rs`" in one], asks(result)
    assert [one for one in asks(result) if "describes `.cargo-checksum.json`" in one], asks(result)


async def test_what_was_learnt_of_a_crate_serves_the_next_repository(crates: World) -> None:
    """The same change elsewhere needs no jail."""
    old: dict[str, Files] = {"greet@1.0.0": {}}
    new: dict[str, Files] = {"greet@1.1.0": {"build.rs": "fn main() {}\n"}}
    first = await crates.examined(old, new)
    crates.said.clear()
    again = await crates.examined({**old, "other@1.0.0": {}}, {**new, "other@1.0.0": {}})
    assert asks(again) == asks(first) and crates.said == []
    assert "1 of 1 differences of contents were known already" in again.notes
    assert "not run: what packages of cargo do by themselves (only the tests' build does it)" in again.notes


STARTS = 'package it\n\nimport "os/exec"\n\nfunc init() {\n\thelp()\n}\n\nfunc help() {\n\texec.Command("x").Run()\n}\n'
OF_GO: Mapping[str, tuple[Files, str, str]] = {
    "init": ({"a.go": STARTS}, "starts a process when the program starts, by `exec.Command`", "`a.go:10`"),
    "variable": (
        {"a.go": 'package it\nimport web "net/http"\nvar _, _ = web.Get("http://x.example")\n'},
        "opens a connection when the program starts, by `web.Get`",
        "`a.go:3`",
    ),
    "closure": (
        {"a.go": 'package it\nimport "net"\nvar c = func() net.Conn { c, _ := net.Dial("tcp", "x"); return c }()\n'},
        "opens a connection when the program starts, by `net.Dial`",
        "`a.go:3`",
    ),
    "cgo": ({"a.go": 'package it\n\n// int f();\nimport "C"\n'}, "compiles C with it", "`a.go`"),
    "objects": ({"a.syso": b"\x64\x86"}, "has object files", "`a.syso`"),
    "binary": ({"data/blob": ELF}, "machine code for Linux under another name", "`data/blob`"),
    "address": ({"a.go": 'package it\nconst u = "http://45.9.148.1/x"\n'}, "bare address", "`a.go:2`"),
    "licence": ({"LICENSE": "GNU GENERAL PUBLIC LICENSE\nVersion 3"}, "another licence", "`go.mod`"),
}
LATER = """\
package it

import "os/exec"

// func init() { exec.Command("x") }
func Run(one string) error {
	return exec.Command("x").Run()
}
"""


async def test_what_a_module_of_go_newly_runs_is_found(modules: World) -> None:
    """init, variables that are worked out at the start, C and object files: each with the line that asks for it."""
    mit = {"LICENSE": "Permission is hereby granted, free of charge, to any person"}
    before = {f"x.example/{name}@v1.0.0": mit for name in OF_GO} | {"greet.example/Greet@v1.0.0": mit}
    after = {f"x.example/{name}@v1.1.0": {**mit, **files} for name, (files, _, _) in OF_GO.items()}
    calm = {**mit, "a.go": LATER, "b.s": "TEXT", "a_test.go": STARTS}
    result = await modules.examined(before, {**after, "greet.example/Greet@v1.1.0": calm})
    said = {
        name: [one for one in asks(result) if one.startswith(f"`x.example/{name}@") and word in one and where in one]
        for name, (_, word, where) in OF_GO.items()
    }
    assert result.grade is Grade.UNKNOWN
    assert [name for name, found in said.items() if not found] == [], asks(result)
    assert not any("Greet" in one for one in asks(result)), asks(result)
    assembly = next(one for one in result.remarks if "has assembly" in one.title)
    assert (assembly.level, assembly.path, assembly.line) == (Level.NOTICE, "go.mod", 4)


async def test_a_module_that_is_not_what_its_digest_says_is_found(modules: World) -> None:
    """What is built is what lies there, whatever was noted when it was fetched."""
    plain = await modules.examined({"greet.example/Greet@v1.0.0": {}}, {"greet.example/Greet@v1.1.0": {}})
    assert plain.grade is Grade.PASSED, plain
    (modules.folder / "learnt").rename(modules.folder / "forgotten")
    bench = modules.bench({"greet.example/Greet@v1.0.0": {}}, {"greet.example/Greet@v1.1.0": {}})
    (bench.after.environment.folder / "greet.example/!greet@v1.1.0/evil.go").write_text("package greet\n")
    result = await security.examine(bench)
    assert result is not None and result.grade is Grade.UNKNOWN
    assert "not the one that its record describes, in `go.sum`" in result.why, result.why


def test_without_a_lock_crates_are_those_that_were_laid_out(tmp_path: Path) -> None:
    """By their folders, and what cargo noted of them."""
    for package in ("a-b-2@1.0.0", "c@0.1.0-rc.1+x"):
        _crate(tmp_path, package, {})
    tree(tmp_path, {"none/x": "", "d-1.0.0/x": ""})
    found = security_installed.read_crates("", tmp_path)
    assert [(one.name, one.version, len(one.line) > 70) for one in found] == [
        ("a-b-2", "1.0.0", True), ("c", "0.1.0-rc.1+x", True), ("d", "1.0.0", False),
    ]  # fmt: skip
    assert security_installed.read_crates("[", tmp_path) == ()
    assert security_installed.read_go(tmp_path / "nowhere") == ()


def test_places_of_crates_and_modules_are_those_that_a_person_wrote(tmp_path: Path) -> None:
    """In every way in which a manifest may ask."""
    text = '[dependencies]\na = "1"\n"b" = { version = "1" }\nc.version = "1"\n[dependencies.d]\nversion = "1"\n'
    tree(
        tmp_path, {"Cargo.toml": text, "go.mod": "module x\nrequire a.example/a v1.0.0\nrequire (\n\tb.example v2\n)\n"}
    )
    one = Environment(
        key="", folder=tmp_path, interpreter=Interpreter(path=tmp_path, version="", prefix=tmp_path), lock="",
        ecosystem="cargo",
    )  # fmt: skip
    sides = security_lock.Sides(before=one, after=one, old=(), new=())
    found = security_lock.places(tmp_path, sides)
    assert [found[name] for name in "abcd"] == [("Cargo.toml", line) for line in (2, 3, 4, 5)]
    go = security_lock.places(tmp_path, replace(sides, after=replace(one, ecosystem="golang")))
    assert (go["a.example/a"], go["b.example"]) == (("go.mod", 2), ("go.mod", 4))


HOSTILE = ("/*" * 9000, '"' * 9000, "`" * 9001, "{" * 9000, "func init() " * 2000, "func f(" * 3000, "[" * 9000)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_the_readers(text: str, tmp_path: Path) -> None:
    """Neither Go nor Rust nor a manifest."""
    whole = f'package x\nimport "os/exec"\n{text}\nfunc init() {{ exec.Command() }}\n'
    surefoot_watch_golang.marks("a.go", whole.encode())
    tree(tmp_path / "c", {"Cargo.toml": text, "build.rs": text, "src/lib.rs": text, ".cargo-checksum.json": text})
    tree(tmp_path / "m", {"go.mod": text, "a.go": text})
    for found in (
        surefoot_watch_built.crate(str(tmp_path / "c"), "", "c@1"),
        surefoot_watch_built.module(str(tmp_path / "m"), "", "m@v1"),
    ):
        assert found is not None and found[0].told(None)["count"] > 0
    assert surefoot_watch_built.crate("", "", "") is surefoot_watch_built.module("", "", "") is None


def test_crates_and_modules_as_they_are_read(tmp_path: Path) -> None:
    """What the reader in the jail tells: terms, what is needed, what is built, whether the bytes are the noted ones."""
    manifest = (
        '[package]\nname = "a"\nversion = "1.0.0"\nlicense = "MIT/Apache-2.0"\nbuild = "make/it.rs"\nlinks = "z"\n'
        'authors = ["Ada <ada@example.com>"]\nrust-version = "1.70"\n[dependencies]\nb = "1"\n'
        'c = { version = "1", optional = true }\n[target.x.dependencies]\nd = "1"\n[lib]\nproc-macro = true\n'
    )
    build = (
        'use std::process::Command;\n// Command::new\nfn main() { Command::new("x"); env::vars(); ureq::get("y"); }\n'
    )
    before, after = tmp_path / "old", tmp_path / "new"
    for place, text in ((before, "fn main() {}\n"), (after, build)):
        place.mkdir()
        _crate(place, "a@1.0.0", {"Cargo.toml": manifest, "make/it.rs": text, "LICENSE": "Apache License"})
        terms = {"COPYING": "Redistribution and use in source and binary forms"}
        _module(place, "x.example/m@v1.0.0", {"a.s": "TEXT", "a.go": text, **terms})
    crate = [(str(one / "a-1.0.0"), "", "a@1.0.0") for one in (before, after)]
    found = surefoot_watch_packages.look({"ecosystem": "cargo", "roots": ["", ""], "packages": [("a", *crate)]})[
        "packages"
    ]["a"]
    told = found["after"]
    assert told["meta"] == {
        "License": ["MIT OR Apache-2.0"], "Author": ["Ada <ada@example.com>"], "Requires-Dist": ["b ", "d "],
        "Requires-Python": ["1.70"],
    }  # fmt: skip
    built = [("build script", "make/it.rs", ""), ("macro", "a", "src/lib.rs"), ("links", "z", "Cargo.toml")]
    assert told["entries"] == built
    assert {(one.kind, one.line) for one in told["files"]["make/it.rs"]["marks"]} == {
        ("process", 3), ("network", 3), ("gathers", 3),
    }  # fmt: skip
    assert told["odd"] == []
    digest = security_installed.read_go(after)[0].line.partition(" --hash=")[2]
    module = [(str(one / "x.example/m@v1.0.0"), digest, "x.example/m@v1.0.0") for one in (before, after)]
    found = surefoot_watch_packages.look({"ecosystem": "golang", "roots": ["", ""], "packages": [("m", *module)]})[
        "packages"
    ]["m"]
    assert (found["before"]["odd"], found["after"]["odd"]) == ([("forged", "go.sum")], [])
    assert (found["after"]["meta"]["License"], found["after"]["entries"]) == (["BSD"], [("assembly", "", "a.s")])


CALM_GO = {
    "a reference": 'package x\nimport "net"\nvar lookup = net.LookupHost\n',
    "a long head": (
        'package x\nimport "os/exec"\nfunc New(\n\ta string,\n\tmore ...func(*T),\n) *T {\n\texec.Command(a)\n}\n'
    ),
    "a head that names a function": (
        'package x\nimport "net"\nfunc dial(a int) func(string) (net.Conn, error) {\n\treturn net.Dial("a", "b")\n}\n'
    ),
    "a command that is given": (
        'package x\nimport "os/exec"\nvar c = &Command{\n\tRun: func() { exec.Command("x") },\n}\n'
    ),
    "a text": 'package x\nimport "os/exec"\nvar c = `exec.Command("x")` // exec.Command("x")\n',
    "a method": 'package x\nimport "os/exec"\nfunc (t *T) init() {\n\texec.Command("x")\n}\n',
}
BAD_GO = {
    "behind a declaration without a body": (
        'package x\nimport "os/exec"\nfunc Sqrt(x int) int\nvar c = exec.Command("x").Run()\ntype T struct {\n}\n'
    ),
    "under another name": 'package x\nimport e "os/exec"\nfunc init() { e.Command("x") }\n',
    "two steps away": (
        'package x\nimport "os/exec"\nfunc init() { a() }\nfunc a() { b() }\nfunc b() { if x { exec.Command ("x") } }\n'
    ),
}


@pytest.mark.parametrize("how", CALM_GO | BAD_GO)
def test_what_go_runs_at_the_start_is_told_from_what_it_runs_later(how: str) -> None:
    """By the words alone, for a reader that knows no more of Go."""
    found = surefoot_watch_golang.marks("a.go", (CALM_GO | BAD_GO)[how].encode())
    assert bool([mark for mark in found if mark.kind in ("process", "network")]) is (how in BAD_GO), found


def test_what_is_left_out_of_a_build_is_not_c() -> None:
    """Files for whoever makes tables name C and are never compiled."""
    text = b'%s\n\npackage x\n\nimport "C"\n'
    assert list(surefoot_watch_golang.native("a.go", text % b"// tables")) == ["cgo"]
    assert list(surefoot_watch_golang.native("a.go", text % b"//go:build ignore")) == []
    assert list(surefoot_watch_golang.native("a.go", text % b"// +build ignore")) == []
