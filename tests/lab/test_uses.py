"""Which foreign names a file uses, read off it: what is sure to be meant, and nothing that may be something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab.inside import surefoot_names_used
from bot.lab.inside.surefoot_names_reader import uses

USED = {
    "import a.b": {"a.b"},
    "import a.b as c\nc.d": {"a.b", "a.b.d"},
    "import a.b\na.c": {"a.b", "a.c"},
    "from a import b as c\nc.d()": {"a.b", "a.b.d"},
    "from a import *\nx": {"a"},
    "from . import a\nfrom .b import c\na.x\nc.y": set(),
    "import os, a\nos.path\na.x": {"a", "a.x"},
    "import a\na.x.__name__.y": {"a", "a.x"},
    "import a\nx = a.C()\nx.m().n": {"a", "a.C", "a.C.().m", "a.C.().m.().n"},
    "import a\nx = a.C()\nx = 1\nx.m": {"a", "a.C"},
    "import a\nx: a.C = make()\nx.m": {"a", "a.C", "a.C.().m"},
    "import a\nfrom typing import Optional\ndef f(x: Optional[a.C]): x.m": {"a", "a.C", "a.C.().m"},
    "import a\ndef f(x: 'a.C | None' = None): x.m": {"a", "a.C.().m"},
    "import a\ndef f(x: 'not ( valid'): x.m": {"a"},
    "import a\ndef f(a): a.x": {"a"},
    "import a\nf = lambda a: a.x": {"a"},
    "import a\n[a.x for a in b]": {"a"},
    "import a\n{k: a.x for k in b}": {"a", "a.x"},
    "import a\nfor x in a.b:\n    x.c": {"a", "a.b"},
    "import a\nwith a.C() as x, b as y:\n    x.m\n    y.n": {"a", "a.C", "a.C.().m"},
    "import a\nasync def f():\n    async with a.C() as x:\n        (await x.m()).n": {
        "a",
        "a.C",
        "a.C.().m",
        "a.C.().m.().n",
    },
    "import a\nif (x := a.C()):\n    x.m": {"a", "a.C", "a.C.().m"},
    "import a\nclass B(a.C):\n    y = 1\n    def f(self): self.m; self.y; self.f": {"a", "a.C", "a.C.().m"},
    "import a\nclass B(a.C[int]):\n    @staticmethod\n    def f(x): x.m": {"a", "a.C"},
    "import a\nclass B(a.C, D):\n    def f(self): self.m": {"a", "a.C"},
    "import a\nclass B:\n    def __init__(self): self.x = a.C()\n    def f(self): self.x.m": {"a", "a.C", "a.C.().m"},
    "import a\nclass B(a.C):\n    def f(self): super().m(1)": {"a", "a.C", "a.C.().m"},
    "import a\nclass B:\n    a = 1\n    def f(self): return a.x": {"a", "a.x"},
    "import a\nclass a: pass\na.x": {"a"},
    "import a\n@a.mark(1)\ndef f(): pass": {"a", "a.mark"},
    "import a\na.b(a.c, k=a.d)[a.e].f": {"a", "a.b", "a.c", "a.d", "a.e"},
    "import a\nx.y = a.b\n(p, q) = a.c\np.r": {"a", "a.b", "a.c"},
    "from unittest.mock import patch\npatch('a.b.c')\npatch('no')\npatch(1)": {"a.b.c"},
    "import a\nmonkeypatch.setattr(a.b, 'c', 1)\nmonkeypatch.setattr(a, 'd', 1, raising=False)\nsetattr(a, 'e', 1)": {
        "a",
        "a.b",
        "a.b.c",
    },
    "import importlib\nimportlib.import_module('a.b')": {"a.b"},
    "import a\ndef f(*args: a.T, **more: a.T) -> a.R: args.x; more.y": {"a", "a.T", "a.R"},
}


@pytest.mark.parametrize("text", USED)
def test_what_is_used(text: str) -> None:
    """Each name under its full path; what is the tree's own or Python's own is left out."""
    assert {path for path, _, _, _ in uses(text)} == USED[text]


GUARDED = {
    "try:\n    import a\nexcept ImportError:\n    a = None\na\na.x": {"a": "fallback", "a.x": ""},
    "try:\n    from a import b\nexcept ImportError:\n    from c import b\nb.x": {
        "a.b": "fallback",
        "c.b": "fallback",
        "c.b.x": "fallback",
    },
    "try:\n    import a\nexcept Exception:\n    pass": {"a": "fallback"},
    "import a\ntry:\n    a.x\nexcept Exception:\n    pass": {"a": "", "a.x": ""},
    "import a\ntry:\n    a.x\nexcept AttributeError as problem:\n    a.y\nelse:\n    a.z": {
        "a": "",
        "a.x": "fallback",
        "a.y": "fallback",
        "a.z": "",
    },
    "import a, contextlib\nwith contextlib.suppress(AttributeError):\n    a.x": {"a": "", "a.x": "fallback"},
    "import a, pytest\nwith pytest.raises(TypeError):\n    a.x(1)": {
        "a": "",
        "pytest": "",
        "pytest.raises": "",
        "a.x": "fallback",
    },
    "import a\nif hasattr(a, 'x'):\n    a.x\nelse:\n    a.y": {"a": "", "a.x": "fallback", "a.y": "fallback"},
    "import a\nif a.__version__ > '2':\n    a.x": {"a": "", "a.x": "fallback"},
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    import b": {"a": "types", "b": ""},
    "import a\nif PYDANTIC_V2:\n    a.x\nif sqla_14:\n    a.y\nif item:\n    a.z": {
        "a": "",
        "a.x": "fallback",
        "a.y": "fallback",
        "a.z": "",
    },
    "import a\ndef f():\n    if not HAS_IT:\n        return 1\n    return a.x\na.y": {
        "a": "",
        "a.x": "fallback",
        "a.y": "",
    },
    "import a\nfor b in c:\n    if V2:\n        continue\n    a.x\na.y": {"a": "", "a.x": "fallback", "a.y": ""},
    "import a\na.x if PY3 else a.y\nhasattr(a, 'z') and a.z\nq and a.p": {
        "a": "",
        "a.x": "fallback",
        "a.y": "fallback",
        "a.z": "fallback",
        "a.p": "",
    },
    "import a\nif something:\n    a.x": {"a": "", "a.x": ""},
    "try:\n    import a\nexcept* ImportError:\n    pass": {"a": "fallback"},
}


@pytest.mark.parametrize("text", GUARDED)
def test_what_has_a_way_out(text: str) -> None:
    """Who catches the error or asks first has one; who catches everything has one for a missing module only."""
    found: dict[str, str] = {}
    for path, _, guard, _ in uses(text):
        found.setdefault(path, guard)
    assert found == GUARDED[text]


def test_lines_and_shapes() -> None:
    """The line of the name itself, and how it is called."""
    text = "from a import (\n    b,\n    c,\n)\nb(1, *x, k=2, **y)\nc(1)(2)\n(\n  b\n  .d(z=1)\n)\n"
    assert uses(text) == [
        ("a.b", 2, "", None),
        ("a.c", 3, "", None),
        ("a.b", 5, "", (1, ("k",), True, True)),
        ("a.c", 6, "", (1, (), False, False)),
        ("a.b.d", 9, "", (0, ("z",), False, False)),
    ]


def run(tree: Path, monkeypatch: pytest.MonkeyPatch, **bounds: int) -> dict[str, list[object]]:
    """What the program in the jail hands over."""
    results = tree.parent / "results"
    monkeypatch.setenv("SUREFOOT_RESULTS", str(results))
    usual = {"most_files": 100, "most_bytes": 1000, "most_uses": 100}
    surefoot_names_used.main({"tree": str(tree), **usual, **bounds})
    told: dict[str, list[object]] = json.loads(results.read_text())
    return told


def test_a_whole_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own Python files in order; what cannot be read is named, what is too much is said."""
    tree = tmp_path / "tree"
    for name, text in {
        "a.py": "import x\n",
        "b/c.py": "import y\n",
        "bad.py": "(",
        "long.py": "#" * 2000,
        "nul.py": "a\0",
        ".venv/d.py": "import z\n",
        "e.txt": "import z\n",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "link.py").symlink_to("/etc/hostname")
    told = run(tree, monkeypatch)
    assert told["uses"] == [["a.py", "x", 1, "", None], ["b/c.py", "y", 1, "", None]]
    assert told["notes"][:2] == ["bad.py:1: not read: SyntaxError", "long.py:1: not read: ValueError"]
    # Which of the two it is depends on the Python.
    assert told["notes"][2] in ("nul.py:1: not read: ValueError", "nul.py:1: not read: SyntaxError")
    assert run(tree, monkeypatch, most_files=1)["notes"] == [
        "bad.py and what comes after it is not read, as there is too much"
    ]
    assert len(run(tree, monkeypatch, most_uses=1)["uses"]) == 1


@given(
    st.lists(
        st.sampled_from(
            [
                "import a",
                "a.b",
                "\n",
                " ",
                "(",
                ")",
                "class a(a.b):",
                "def f(a: a.c):",
                ":",
                "=",
                "x",
                "with a.b() as x:",
                "pass",
                "self.x = a.y()",
            ]
        )
    )
)
def test_no_file_breaks_it(words: list[str]) -> None:
    """A file that parses has an answer."""
    try:
        found = uses(" ".join(words).replace(" \n ", "\n"))
    except SyntaxError:
        return
    assert all(path and line > 0 for path, line, _, _ in found)
