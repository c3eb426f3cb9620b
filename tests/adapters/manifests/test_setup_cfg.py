"""setup.cfg: every requirement of setuptools is found at its name, and a rewrite changes its version alone."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.manifests import setup_cfg
from bot.adapters.manifests._file import reading
from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("setup_cfg")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("setup.cfg", text))


def test_requirements_are_read_as_setuptools_reads_them() -> None:
    """Lists of lines, lists with semicolons, extras; comments, files and other sections are left alone."""
    text = """\
# made by hand
[metadata]
name = shop
install_requires = a==1.0

[options]
python_requires = >=3.11
install_requires =
    aiohttp==3.9.1
    # commented==1.0

    Cache_Tools[fast] == 5.5.2 ; python_version >= "3.11"
    ; also==1.0
    ranged>=1,<2
    here @ https://example.org/here-1.0.whl
    bare
setup_requires = flit==3.9.0; wheel==0.42.0 ;
tests-require: pytest==8.0.0
packages = find:

[options.extras_require]
dev =
  black==24.1.0
docs = file: docs.txt
all = sphinx==7.0.0

[tool:other]
install_requires = z==1.0
"""
    assert read(text) == [
        (9, 5, "aiohttp", "3.9.1"),
        (12, 5, "cache-tools", "5.5.2"),
        (14, 5, "ranged", None),
        (16, 5, "bare", None),
        (17, 18, "flit", "3.9.0"),
        (17, 31, "wheel", "0.42.0"),
        (18, 16, "pytest", "8.0.0"),
        (23, 3, "black", "24.1.0"),
        (25, 7, "sphinx", "7.0.0"),
    ]
    assert {(pin.component.ecosystem, pin.manifest) for pin in FILE.read("setup.cfg", text)} == {("pypi", "setup_cfg")}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = b\n", r"a/setup.cfg:1:1: stands before the first section"),
        ("[a]\nb\n", r"a/setup.cfg:2:1: 'b' is neither a section nor an option"),
        ("[a]\n = b\n", r"a/setup.cfg:2:2: '= b' is neither"),
        ("[a]\nb = 1\nb = 2\n", r"a/setup.cfg:3:1: 'b' is there twice"),
        ("[a]\n[b]\n[a]\n", r"a/setup.cfg:3:1: 'a' is there twice"),
        ("[options]\ninstall_requires =\n  a==1\n   b=1\n", r"a/setup.cfg:4:4: 'b=1' is no requirement"),
        ("[options]\ninstall_requires = a==1; b=1\n", r"a/setup.cfg:2:26: 'b=1' is no requirement"),
    ],
)
def test_a_broken_file_names_its_place(text: str, where: str) -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read("a/setup.cfg", text)


def test_a_template_pins_nothing() -> None:
    """What a template engine must still write."""
    assert read("{% if x %}\n") == []


def test_a_long_line_is_no_work() -> None:
    """The standard library's own pattern would take hours for it."""
    assert read("[a]\nb" + " " * 500_000 + "c = d\n") == []


@pytest.mark.parametrize("version", ["1.0.1\n    evil==1.0", "1.*", "1.0.1,<2"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a package gets nothing else into the file."""
    text = "[options]\ninstall_requires =\n    a==1.0\n"
    with pytest.raises(ConfigProblem, match=r"setup.cfg:3: would not be read as pinning a to "):
        FILE.rewrite(text, FILE.read("setup.cfg", text)[0], release(version))


@pytest.mark.parametrize(
    ("path", "ours"), [("setup.cfg", True), ("a/setup.cfg", True), ("vendor/a/setup.cfg", False), ("tox.cfg", False)]
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Any file of this very name, but those of code that others wrote."""
    assert FILE.matches(path) is ours


LINES = st.tuples(
    st.sampled_from(["", " ", "   ", "\t"]),
    st.sampled_from(["[a]", "[b] x", "a = 1", "b: 2", "c=d = e", "B =", "# x", "; y", "", "plain", "x==1", "[]"]),
    st.sampled_from(["", " ", " # z"]),
)


@given(st.lists(LINES, max_size=8), ENDS)
def test_lines_are_told_apart_as_the_standard_library_does_it(lines: list[tuple[str, str, str]], end: str) -> None:
    """Sections, options, and lines that go on: the same values, or an error where it has one."""
    text = "".join("".join(parts) + end for parts in lines)
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as setuptools sets it
    try:
        parser.read_string(text)
    except configparser.Error:
        with pytest.raises(ConfigProblem):
            list(setup_cfg._settings(reading("a", text, "setup_cfg")))
        return
    found = list(setup_cfg._settings(reading("a", text, "setup_cfg")))
    wanted = [(section, name, value.split()) for section in parser.sections() for name, value in parser.items(section)]
    assert [(one.section, one.name, " ".join(line.value for line in one.lines).split()) for one in found] == wanted
    assert all(text.startswith(line.value, line.at) for one in found for line in one.lines)


REQUIREMENTS = st.tuples(
    VERSIONS,
    st.sampled_from(["==", " == ", "==  ", "==="]),
    st.sampled_from(["", "[x, y]"]),
    st.sampled_from(["", " ; python_version > '3'", "  "]),
)


def written(requirements: list[tuple[str, str, str, str]], indent: str, end: str) -> str:
    lines = [f"{indent}p{n}{extra}{sign}{version}{tail}" for n, (version, sign, extra, tail) in enumerate(requirements)]
    text = [
        "[options]",
        "install_requires =",
        f"{indent}# x==1.0.0",
        "",
        *lines,
        "[options.extras_require]",
        "a = z==1.0.0",
    ]
    return end.join([*text, ""])


@given(
    st.lists(REQUIREMENTS, min_size=1, max_size=4),
    st.sampled_from([" ", "    ", "\t"]),
    VERSIONS,
    ENDS,
    MARKS,
    st.data(),
)
def test_a_rewrite_changes_one_version_and_nothing_else(
    requirements: list[tuple[str, str, str, str]], indent: str, version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, extras, markers and line ends: as if the new version had been written at once."""
    text = mark + written(requirements, indent, end)
    at = data.draw(st.integers(0, len(requirements) - 1))
    after = moved(FILE, "setup.cfg", text, at, release(version))
    requirements[at] = (version, *requirements[at][1:])
    assert after == mark + written(requirements, indent, end)
