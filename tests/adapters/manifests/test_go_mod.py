"""go.mod: what a module requires directly is found at its path, and a rewrite changes its version alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("go_mod")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("go.mod", text))


def test_what_is_required_directly_is_read() -> None:
    """Blocks and single lines; what Go keeps by itself and what says something else is left alone."""
    text = """\
module example.org/shop // v1.0.0

go 1.22.0
toolchain go1.22.1

require example.org/single v1.0.0
require (
\texample.org/first v1.2.3 // a comment
\t// example.org/commented v1.0.0
\texample.org/second/v2 v2.0.0+incompatible
\texample.org/pseudo v0.0.0-20240101000000-abcdef123456
\t"example.org/quoted" `v1.0.0`
\texample.org/indirect v1.0.0 // indirect
\texample.org/also v1.0.0 // indirect; for a reason
\texample.org/not v1.0.0 // indirectly
\texample.org/branch master
\texample.org/replaced v0.0.0
\texample.org/once v1.0.0
\texample.org/twice v1.0.0
)
require ( )

replace example.org/replaced => ../replaced
replace (
\texample.org/once v1.0.0 => example.org/fork v1.0.1
\texample.org/twice v1.0.1 => example.org/fork v1.0.1
)
exclude example.org/first v1.2.4
retract [v1.0.0, v1.9.9]
tool example.org/single/cmd
"""
    assert read(text) == [
        (6, 9, "example.org/single", "v1.0.0"),
        (8, 2, "example.org/first", "v1.2.3"),
        (10, 2, "example.org/second/v2", "v2.0.0+incompatible"),
        (11, 2, "example.org/pseudo", "v0.0.0-20240101000000-abcdef123456"),
        (12, 3, "example.org/quoted", "v1.0.0"),
        (15, 2, "example.org/not", "v1.0.0"),
        (16, 2, "example.org/branch", None),
        (19, 2, "example.org/twice", "v1.0.0"),
    ]
    assert {pin.component.ecosystem for pin in FILE.read("go.mod", text)} == {"golang"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("module a\n\nrequire (\n\ta v1.0.0\n", r"a/go.mod:3:1: this block 'require' is never closed"),
        ("require a\n", r"a/go.mod:1:1: is no requirement of Go"),
        ("require (\n\ta v1.0.0 v2\n)\n", r"a/go.mod:2:2: is no requirement of Go"),
        ('require "a v1.0.0\n', r"a/go.mod:1:9: this text is never closed"),
    ],
)
def test_a_broken_file_names_its_place(text: str, where: str) -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read("a/go.mod", text)


@pytest.mark.parametrize("text", ["", "module a\n", "{{ if x }}\nrequire (\n", ")\n"])
def test_what_requires_nothing_pins_nothing(text: str) -> None:
    """Empty files, and files that a template engine must still write."""
    assert read(text) == []


@pytest.mark.parametrize("version", ["v1.0.1 // indirect", "1.0.1", "v1.0.1\n\texample.org/evil v1.0.0"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a module gets nothing else into the file."""
    text = "require example.org/a v1.0.0\n"
    with pytest.raises(ConfigProblem, match=r"go.mod:1: would not be read as pinning example.org/a to "):
        FILE.rewrite(text, FILE.read("go.mod", text)[0], release(version))


@pytest.mark.parametrize(
    ("path", "ours"),
    [("go.mod", True), ("tools/go.mod", True), ("vendor/a/go.mod", False), ("go.sum", False), ("go.mod.txt", False)],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Vendored modules are not ours to edit."""
    assert FILE.matches(path) is ours


GAPS = st.sampled_from([" ", "\t", "   "])
MODULES = st.tuples(
    VERSIONS, st.booleans(), GAPS, st.sampled_from(["", '"', "`"]), st.sampled_from(["", " // v1", "//x"])
)


def written(modules: list[tuple[str, bool, str, str, str]], end: str) -> str:
    text = ["module example.org/m", "", "go 1.22"]
    for number, (version, block, gap, quote, tail) in enumerate(modules):
        line = f"{gap}{quote}example.org/m{number}{quote}{gap}{quote}v{version}{quote}{tail}"
        text += (
            ["require (", "// v1.0.0", line, f"{gap}example.org/x v1.0.0 // indirect", ")"]
            if block
            else [f"require{line}"]
        )
    return end.join([*text, "exclude example.org/m0 v1.0.0", ""])


@given(st.lists(MODULES, min_size=1, max_size=4), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    modules: list[tuple[str, bool, str, str, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blocks, quotes, comments and line ends: as if the new version had been written at once."""
    text = mark + written(modules, end)
    at = data.draw(st.integers(0, len(modules) - 1))
    after = moved(FILE, "go.mod", text, at, release(f"v{version}"))
    modules[at] = (version, *modules[at][1:])
    assert after == mark + written(modules, end)
