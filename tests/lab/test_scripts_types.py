"""Which names the type declarations of a package export, and which of those that a tree uses are gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.core.model import Grade, Level
from bot.lab.host import Host
from bot.lab.inside import surefoot_scripts_types as program
from tests.lab.test_scripting import environment, examined, loaded, package, says
from tests.lab.world import tree


def read(
    place: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], specifier: str = "pkg", folder: str = "."
) -> tuple[bool, bool, set[str]]:
    """There, whole, and the names."""
    root = tree(place / "root", {f"node_modules/{name}": text for name, text in files.items()})
    monkeypatch.setenv("SUREFOOT_RESULTS", str(place / "results"))
    monkeypatch.setattr(sys, "setrecursionlimit", lambda _: None)  # it is alone in its process elsewhere
    program.main({"root": str(root), "asks": [[folder, specifier]], "paths": []})
    ((there, whole, names),) = json.loads((place / "results").read_text())
    return there, whole, set(names)


BODY = """\
export declare function f(): void;
export declare const a: number, b: string;
export interface I {}
export type T = 1;
export { x as y } from './z';
export * as ns from 'other';
export declare enum E { a }
export declare abstract class AC {}
declare class Q { constructor(x: I); }
export default Q;
"""
KNOWN = {"f", "a", "b", "I", "T", "y", "ns", "E", "AC", "Q", "default"}
SPACE = "declare function Q(): Q.In;\ndeclare namespace Q { interface In {} export type Out = 1; }\nexport = Q;\n"
ENTRIES = {
    "types": ({"pkg/package.json": '{"types": "./t.d.ts"}', "pkg/t.d.ts": BODY}, KNOWN),
    "typings": ({"pkg/package.json": '{"typings": "t"}', "pkg/t.d.ts": BODY}, KNOWN),
    "beside main": ({"pkg/package.json": '{"main": "lib/m.js"}', "pkg/lib/m.d.ts": BODY}, KNOWN),
    "an index": ({"pkg/package.json": "{}", "pkg/index.d.ts": BODY}, KNOWN),
    "a map": (
        {"pkg/package.json": '{"exports": {".": {"import": {"types": "./t.d.mts"}}}}', "pkg/t.d.mts": BODY}, KNOWN,
    ),
    "a map of one": ({"pkg/package.json": '{"exports": {"types": "./t.d.ts"}}', "pkg/t.d.ts": BODY}, KNOWN),
    "a map to scripts": ({"pkg/package.json": '{"exports": "./t.mjs"}', "pkg/t.d.mts": BODY}, KNOWN),
    "of strangers": ({"pkg/package.json": "{}", "@types/pkg/package.json": "{}", "@types/pkg/index.d.ts": BODY}, KNOWN),
    "a namespace": ({"pkg/package.json": "{}", "pkg/index.d.ts": SPACE}, {"default", "Q", "In", "Out"}),
    "an ambient module": (
        {"pkg/package.json": "{}", "pkg/index.d.ts": "declare module 'pkg' { export type A = 1; const b: A; }"},
        {"A", "b"},
    ),
    "handed on": (
        {"pkg/package.json": "{}", "pkg/index.d.ts": "export * from './a.js';\nexport * from './index';\n",
         "pkg/a.d.ts": "export type A = 1;\nexport default A;\n"},
        {"A"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", ENTRIES)
def test_declared_names_are_read(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a package keeps its declarations, and however they are written."""
    files, wanted = ENTRIES[how]
    assert read(tmp_path, monkeypatch, files) == (True, True, wanted)


def test_a_subpath_has_declarations_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a package with a scope too."""
    files = {"@a/b/package.json": "{}", "@a/b/sub.d.ts": "export type S = 1;\n"}
    assert read(tmp_path, monkeypatch, files, "@a/b/sub") == (True, True, {"S"})
    mapped = {"pkg/package.json": '{"exports": {"./x": "./lib/x.js"}}', "pkg/lib/x.d.ts": "export type X = 1;\n"}
    assert read(tmp_path / "m", monkeypatch, mapped, "pkg/x") == (True, True, {"X"})


OPEN = {
    "another package's": "export * from 'other';\nexport type A = 1;\n",
    "what is not there": "export * from './nowhere';\nexport type A = 1;\n",
    "an alias": "import x = require('y');\nexport = x;\n",
    "a script": "declare const a: 1;\n",
    "no TypeScript": "export type A = = 1;\nexport {\n",
}


@pytest.mark.parametrize("how", OPEN)
def test_what_may_have_more_names_says_so(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called gone then."""
    there, whole, _ = read(tmp_path, monkeypatch, {"pkg/package.json": "{}", "pkg/index.d.ts": OPEN[how]})
    assert there and not whole


def test_what_is_none_or_lies_elsewhere_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No declarations, a manifest that is none, a path out of the environment, a link, a tower of brackets."""
    assert read(tmp_path / "1", monkeypatch, {"pkg/package.json": "{}"}) == (False, True, set())
    assert read(tmp_path / "2", monkeypatch, {"pkg/package.json": "[", "pkg/index.d.ts": BODY})[1:] == (False, set())
    assert not read(tmp_path / "3", monkeypatch, {"pkg/package.json": "[1]"})[0]
    (tmp_path / "secret.d.ts").write_text("export type Secret = 1;\n")
    away = {"pkg/package.json": '{"types": "../../../secret.d.ts"}'}
    assert read(tmp_path / "4", monkeypatch, away) == (False, True, set())
    link = tree(tmp_path / "5" / "root", {"node_modules/pkg/package.json": "{}"})
    (link / "node_modules/pkg/index.d.ts").symlink_to(tmp_path / "secret.d.ts")
    assert read(tmp_path / "5", monkeypatch, {}) == (False, True, set())
    deep = {"pkg/package.json": "{}", "pkg/index.d.ts": "export type A = " + "[" * 20_000}
    assert read(tmp_path / "6", monkeypatch, deep)[1] is False


USER = """\
import type { Gone, Kept } from 'pkg';
import { Moved } from 'pkg';
let a: Gone, b: Kept, c: Moved;
"""


async def test_a_type_that_is_gone_asks_a_person(host: Host, tmp_path: Path) -> None:
    """By file and line, where no compiler says it; a tree without types is not told of them."""
    old = environment(tmp_path / "old", {"node_modules/pkg": package("pkg", "1.0.0")}, says=says(loaded(), loaded()))
    new = environment(tmp_path / "new", {"node_modules/pkg": package("pkg", "2.0.0")}, says=says(loaded(), loaded()))
    for one, names in ((old, ("Gone", "Kept", "Moved")), (new, ("Kept",))):
        text = "".join(f"export type {name} = 1;\n" for name in names)
        tree(one.folder, {"node_modules/pkg/index.d.ts": text})
    result = await examined(host, tmp_path, {"a.ts": USER}, old, new)
    assert result is not None and result.grade is Grade.UNKNOWN, result
    assert result.why == "`pkg.Gone` is not declared any more, and `a.ts:1` uses it (3 more)"
    places = [(one.path, one.line, one.title.partition("`")[2][:8]) for one in result.remarks]
    assert places == [
        ("a.ts", 1, "pkg.Gone"),
        ("a.ts", 2, "pkg.Move"),
        ("a.ts", 3, "pkg.Gone"),
        ("a.ts", 3, "pkg.Move"),
    ]
    assert {one.level for one in result.remarks} == {Level.WARNING}
    again = await examined(host, tmp_path / "again", {"a.ts": USER}, old, new, learnt=tmp_path / "learnt")
    assert again is not None and again.remarks == result.remarks
    (new.folder / "node_modules/pkg/index.d.ts").unlink()
    none = await examined(host, tmp_path / "none", {"a.ts": USER}, old, new)
    assert none is not None and none.why.startswith("`pkg` declares no types any more"), none
    plain = await examined(host, tmp_path / "plain", {"a.js": "require('pkg');\n"}, old, new)
    assert plain is not None and plain.grade is Grade.PASSED
