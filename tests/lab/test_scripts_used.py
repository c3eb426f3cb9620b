"""Which names of packages a script uses, however they are come by, and what merely looks like one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.lab.inside import surefoot_scripts_used as program
from bot.lab.inside.surefoot_scripts_reader import Reader, package_of
from tests.lab.world import tree

PARSERS = program.parsers([])
WANTED = ("pkg", "@a/b")


def read(text: str, name: str = "a.js") -> list[tuple[Any, ...]]:
    """All uses in one file: (form, specifier, path, line, guard, shape, loads)."""
    root = PARSERS[program.grammar_of(name)].parse(text.encode()).root_node
    return Reader(root, WANTED).found


def paths(text: str, name: str = "a.js") -> set[str]:
    """What is used below the package, with the line: `2 a.b`."""
    return {
        f"{line} {'.'.join(path)}" for _, _, path, line, guard, _, _ in read(text, name) if path and guard != "types"
    }


USES = {
    "a default": ("import x from 'pkg';\nx.y;", {"1 default", "2 default.y"}),
    "names": ("import { a, b as c } from 'pkg';\na(c.d);", {"1 a", "1 b", "2 a", "2 b.d"}),
    "a namespace": ("import * as ns from 'pkg';\nns.a.b();", {"2 a.b"}),
    "both at once": ("import x, * as ns from 'pkg';\nns.a; x;", {"1 default", "2 a", "2 default"}),
    "a name in quotes": ("import { 'a-b' as c } from 'pkg';\nc;", {"1 a-b", "2 a-b"}),
    "require": ("const x = require('pkg');\nx.a().b;", {"2 a"}),
    "require at once": ("require('pkg').a.b(1);", {"1 a.b"}),
    "taken apart": ("const { a, b: { c }, d: e = 1 } = require('pkg');\ne;", {"1 a", "1 b.c", "1 d", "2 d"}),
    "taken apart later": ("const x = require('pkg');\nconst { a } = x;\na();", {"2 a", "3 a"}),
    "an alias": ("const x = require('pkg'), y = x.a;\ny.b;", {"1 a", "2 a.b"}),
    "given later": ("let x;\nx = require('pkg');\nx.a;", {"3 a"}),
    "in brackets": ("const x = require('pkg');\nx['a-b'];", {"2 a-b"}),
    "import() awaited": ("const { a } = await import('pkg');\na;", {"1 a", "2 a"}),
    "import() and at once": ("(await import('pkg')).default.a;", {"1 default.a"}),
    "import() and then": ("import('pkg').then(({ a }) => a());\nimport('pkg').then((x) => x.b);", {"1 a", "2 b"}),
    "a subpath": ("const x = require('pkg/sub');\nx.a;", {"2 a"}),
    "handed on": ("export { a, b as c } from 'pkg';", {"1 a", "1 b"}),
    "exported": ("import { a } from 'pkg';\nexport { a as z };", {"1 a", "2 a"}),
    "an object": (
        "const { X } = require('pkg');\nconst o = new X();\no.go(1);",
        {"1 X", "2 X", "2 X.new", "3 X.new.go"},
    ),
    "a subclass": (
        "const x = require('pkg');\nclass A extends x.B {\n  own() {}\n  go() { this.own(); this.theirs(); }\n}",
        {"2 B", "4 B.new.theirs"},
    ),
    "what is above": (
        "const { B } = require('pkg');\nclass A extends B {\n  go() { super.go(); }\n  m() { super.more(); }\n}",
        {"1 B", "2 B", "4 B.new.more"},
    ),
    "in JSX": ("import { A, B } from 'pkg';\nconst x = <A><B.C y={1} /></A>;", {"1 A", "1 B", "2 A", "2 B.C"}),
    "a stand-in": ("import * as x from 'pkg';\njest.spyOn(x, 'a');\nsinon.stub(x, 'b');", {"2 a", "3 b"}),
    "in a template": ("import x from 'pkg';\n`${x.a}`;", {"1 default", "2 default.a"}),
    "made in a module": (
        "import { createRequire } from 'module';\nconst require = createRequire(import.meta.url);\nrequire('pkg').a;",
        {"3 a"},
    ),
    "put below": ("const x = require('pkg');\nx.a.b = 1;\nx.c[x.d];", {"2 a", "3 c", "3 d"}),
}


@pytest.mark.parametrize("how", USES)
def test_a_use_is_found_by_line(how: str) -> None:
    """However the name is come by."""
    text, wanted = USES[how]
    assert paths(text) == wanted


TYPED = {
    "typed values": ("import x from 'pkg';\n(x as any).a();\nx!.b;\n(x satisfies X).c;", {"1 default", "2 default.a",
                     "3 default.b", "4 default.c"}),
    "import =": ("import x = require('pkg');\nx.a();", {"2 a"}),
    "parameters": ("import x from 'pkg';\nfunction f(this: A, x: B, { y }: C) { return x.a; }", {"1 default"}),
    "a base": ("import x from 'pkg';\nabstract class A extends x.B<C> implements D { go() { this.a(); } }",
               {"1 default", "2 default.B", "2 default.B.new.a"}),
    "what types hide": ("import { a } from 'pkg';\nenum a { b }\na.b;", {"1 a"}),
}  # fmt: skip


@pytest.mark.parametrize("how", TYPED)
def test_a_use_in_typescript_is_found_as_well(how: str) -> None:
    """With its own ways to write an import."""
    text, wanted = TYPED[how]
    assert paths(text, "a.ts") == wanted


def test_what_only_types_need_is_marked() -> None:
    """A type is gone when it is compiled; a check of types says so."""
    text = (
        "import type { A } from 'pkg';\nimport { type B, c } from 'pkg';\nlet x: c.D<A> = 1;\n"
        "export type { E } from 'pkg';"
    )
    kinds = {(".".join(path), guard) for _, _, path, _, guard, _, _ in read(text, "a.tsx") if path}
    assert kinds == {("A", "types"), ("B", "types"), ("c", ""), ("c.D", "types"), ("E", "types")}


@pytest.mark.parametrize(
    "text",
    ["import type { A } from 'pkg';", "import type A from 'pkg';", "import typeof A from 'pkg';",
     "import type * as A from 'pkg';", "export type { A } from 'pkg';"],
)  # fmt: skip
def test_types_of_flow_are_types_in_javascript(text: str) -> None:
    """They are gone when the code runs, so nothing is loaded for them; who calls an import `type` means a value."""
    assert {guard for *_, guard, _, _ in read(text)} == {"types"}
    assert {guard for *_, guard, _, _ in read("import type from 'pkg';")} == {""}


NONE = {
    "a parameter": "const x = require('pkg');\nfunction f(x) { x.a; }\nconst g = (x) => x.a;\n",
    "of a loop": "const x = require('pkg');\nfor (const x of y) x.a;\n",
    "declared twice": "var x = require('pkg');\nvar x = 1;\nx.a;",
    "given twice": "let x = require('pkg');\nx = other();\nx.a;",
    "in a block": "const x = require('pkg');\n{ const x = {}; x.a; }\ntry {} catch (x) { x.a; }",
    "another require": "function f(require) { require('pkg').a; }",
    "a path": "require('./pkg').a;\nrequire('/pkg').a;\nrequire('node:pkg').a;\nrequire('#pkg').a;",
    "a text": "const s = \"require('pkg').a\"; // require('pkg').b",
    "a longer name": "require('pkg-more').a;\nrequire('@a/b2').a;",
    "what a call gives": "const x = require('pkg')();\nx.a;",
    "an element": "const [x] = require('pkg');\nx.a;",
    "put there": "const x = require('pkg');\nx.a = 1;",
    "in a circle": "const a = b, b = a;\na.c;\nlet x = x.y;",
}


@pytest.mark.parametrize("how", NONE)
def test_what_is_no_use_is_none(how: str) -> None:
    """Names are those of their scope; what nobody can know is not guessed."""
    assert paths(NONE[how]) == set()


GUARDED = {
    "typeof": "if (typeof x.a === 'function') x.a();",
    "if": "if (x.a) { x.a(); }",
    "and": "x.a && x.a();",
    "or": "const f = x.a || other;",
    "nullish": "const f = x.a ?? other;",
    "a question": "const f = x.a ? x.a() : 1;",
    "not": "if (!x.a) { throw 1; }",
    "in": "if ('a' in x) x.a();",
    "optional": "x.a?.();",
    "optional below": "x.a?.b;",
    "a default": "const { a = 1 } = x;",
}


@pytest.mark.parametrize("how", GUARDED)
def test_who_asks_first_has_an_answer(how: str) -> None:
    """Every use of that name in that file is taken so."""
    found = read(f"const x = require('pkg');\n{GUARDED[how]}")
    assert {guard for _, _, path, _, guard, _, _ in found if path[:1] == ("a",)} == {"fallback"}


def test_a_module_that_may_be_missing() -> None:
    """Within a try that catches; a stand-in that brings its own module needs none."""
    text = (
        "try { require('pkg') } catch { }\ntry { require('pkg/b') } finally { }\n"
        "jest.mock('pkg/c', f, { virtual: true });"
    )
    found = {(specifier, guard) for _, specifier, _, _, guard, _, loads in read(text) if loads}
    assert found == {("pkg", "fallback"), ("pkg/b", ""), ("pkg/c", "fallback")}


def test_how_it_is_come_by_is_told() -> None:
    """And where: only there a package can fail to load."""
    text = (
        "import 'pkg';\nrequire('@a/b/c');\nimport('pkg');\nrequire.resolve('pkg/package.json');\njest.mock('pkg/x');\n"
        "export * from 'pkg';\nconst later = import('pkg').then(f);"
    )
    found = [(form, specifier, line) for form, specifier, _, line, _, _, loads in read(text) if loads]
    assert found == [
        ("import", "pkg", 1), ("require", "@a/b/c", 2), ("dynamic", "pkg", 3), ("resolve", "pkg/package.json", 4),
        ("resolve", "pkg/x", 5), ("import", "pkg", 6), ("dynamic", "pkg", 7),
    ]  # fmt: skip


def test_the_shape_of_a_call_is_told() -> None:
    """Arguments, a spread, a function at the end, `new`."""
    text = (
        "const x = require('pkg');\nx.a(1, () => {});\nx.b(...c);\nnew x.C(1 /* no */);\nx.d(function () {});\nnew x.E;"
    )
    shapes = {path[0]: shape for _, _, path, _, _, shape, _ in read(text) if shape}
    assert shapes == {
        "a": (2, False, True, False), "b": (1, True, False, False), "C": (1, False, False, True),
        "d": (1, False, True, False), "E": (0, False, False, True),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("specifier", "name"),
    [("a", "a"), ("a/b", "a"), ("@a/b/c", "@a/b"), ("./a", ""), ("", ""), ("node:fs", ""), ("#a", "")],
)
def test_whose_a_specifier_is(specifier: str, name: str) -> None:
    """As Node takes it apart."""
    assert package_of(specifier) == name


# --- a whole tree ------------------------------------------------------------


def told(place: Path, monkeypatch: pytest.MonkeyPatch, **bounds: Any) -> dict[str, Any]:
    """What the program hands over for a tree."""
    monkeypatch.setenv("SUREFOOT_RESULTS", str(place.parent / "results"))
    monkeypatch.setattr(sys, "setrecursionlimit", lambda _: None)  # it is alone in its process elsewhere
    asked = {"most_files": 100, "most_bytes": 100_000, "most_uses": 1000, "seconds": 60.0, **bounds}
    program.main({"tree": str(place), "wanted": ["pkg"], "paths": [], **asked})
    answer: dict[str, Any] = json.loads((place.parent / "results").read_text())
    return answer


def test_a_tree_is_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own files of every kind, no packages, no bundles, no links; what is passed over is said."""
    line = "require('pkg');\n"
    names = ("a.js", "b.cjs", "c.mjs", "d.jsx", "e.ts", "f.tsx", "g.mts", "h.cts", "deep/er/i.js")
    others = ("j.min.js", "node_modules/k.js", "l.txt", ".git/m.js", "n.json")
    held = {**dict.fromkeys((*names, *others), line), "o.js": line + "x" * 100_001, "p.js": line + "y" * 30_000,
            "q.js": "nothing"}  # fmt: skip
    place = tree(tmp_path / "tree", held)
    (place / "link.js").symlink_to(place / "a.js")
    answer = told(place, monkeypatch)
    assert sorted(one[0] for one in answer["uses"]) == sorted(names)
    assert answer["notes"] == ["o.js: not read: too long", "p.js: not read: too long lines"]
    few = told(place, monkeypatch, most_files=2)
    assert len(few["uses"]) == 2 and "there is too much" in few["notes"][0]
    assert told(place, monkeypatch, seconds=-1.0)["uses"] == []
    assert len(told(place, monkeypatch, most_uses=1)["uses"]) == 1


@pytest.mark.parametrize(
    "text", ["(" * 30_000, "[" * 30_000 + "\n", "a=>{" * 10_000, "x." * 30_000, "`${" * 10_000, "!" * 9_000]
)
def test_what_is_nested_without_end_is_given_up(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the rest of the tree is read all the same."""
    lines = "\n".join(text[place : place + 9000] for place in range(0, len(text), 9000))
    place = tree(tmp_path / "tree", {"a.js": f"// pkg\n{lines}", "b.js": "require('pkg').x;\n"})
    answer = told(place, monkeypatch)
    assert [one[3] for one in answer["uses"] if one[0] == "b.js"] in ([[], ["x"]], [["x"], []])


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("xpkg(){}[]=>,;.'\"`$:? \n/*require('pkg')import from"), max_size=120),
    st.sampled_from(["a.js", "a.ts"]),
)
def test_no_text_is_too_odd(text: str, name: str) -> None:
    """Whatever stands in a file, reading it ends, and every use names the package."""
    for form, specifier, path, line, guard, shape, loads in read(text, name):
        assert package_of(specifier) in WANTED and line > 0 and len(path) <= 8
        assert form in ("require", "import", "dynamic", "resolve") and guard in ("", "types", "fallback")
        assert isinstance(loads, bool) and (shape is None or len(shape) == 4)
