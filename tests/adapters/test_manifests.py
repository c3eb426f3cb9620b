"""Manifests: a pin is found at its very place, and a rewrite changes that pin and nothing else."""

from __future__ import annotations

import difflib
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.manifests import _toml, pyproject, requirements
from bot.core.errors import ConfigProblem
from bot.core.model import Artifact, Component, Pin, Release
from bot.core.rewriting import rewritten

TOML = pyproject.PyProject()
TEXT = requirements.Requirements()

PYPROJECT = """\
# a comment
[build-system]
requires = ["flit_core ==3.9.0"]  # pinned

[project]
name = "shop"
dependencies = [
    "aiohttp==3.9.1",   # the server
    'Cache_Tools[fast] == 5.5.2 ; python_version >= "3.11"',
    "quoted==1.0; sys_platform == \\"linux\\"",
    "ranged>=1,<2",
    "bare",
    "wild==1.*",
    "here @ https://example.org/here-1.0.whl",
    "(paren) " "x"
]
""".replace('    "(paren) " "x"\n', '    "paren (==2.0)",\n')

GROUPS = """\
[project.optional-dependencies]
dev = ["pytest===8.3.0"]
"odd.name" = ["a==1"]

[dependency-groups]
test = [{include-group = "dev"}, "b==2"]

[tool.other]
dependencies = ["c==3"]
"""

REQUIREMENTS = """\
# made by hand
-r base.txt
-c limits.txt
--index-url https://example.org/simple
-e .
./local/thing
https://example.org/x-1.0.tar.gz
git+https://example.org/r.git@abc#egg=r
aiohttp==3.9.1  # the server
  Cache_Tools[fast]==5.5.2 ; python_version >= "3.11"
plain
ranged>=1,\\
    <2
hashed==1.0 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
    # via something
oneline==2.0 --hash=sha256:cccc
split\\
==\\
3.0
"""


def release(version: str, *digests: str | None) -> Release:
    files = [Artifact(filename=f"f{n}", url="https://example.org/f", sha256=one) for n, one in enumerate(digests)]
    return Release(version=version, artifacts=tuple(files))


def by_name(pins: list[Pin] | tuple[Pin, ...]) -> dict[str, Pin]:
    return {pin.component.name: pin for pin in pins}


def changes(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


def test_every_kind_of_dependency_is_found_where_it_stands() -> None:
    """Line and column lead an editor to the name; the exact version is known only where there is just one."""
    pins = by_name(list(TOML.read("pyproject.toml", PYPROJECT)))
    assert {name: (pin.line, pin.column, pin.version) for name, pin in pins.items()} == {
        "flit-core": (3, 14, "3.9.0"),
        "aiohttp": (8, 6, "3.9.1"),
        "cache-tools": (9, 6, "5.5.2"),
        "quoted": (10, 6, "1.0"),
        "ranged": (11, 6, None),
        "bare": (12, 6, None),
        "wild": (13, 6, None),
        "paren": (15, 6, "2.0"),
    }
    assert pins["ranged"].requirement == ">=1,<2" and pins["bare"].requirement == ""
    assert pins["cache-tools"].requirement == "== 5.5.2"
    more = by_name(list(TOML.read("sub/pyproject.toml", GROUPS)))
    assert {name: pin.version for name, pin in more.items()} == {"pytest": "8.3.0", "a": "1", "b": "2"}


@pytest.mark.parametrize("name", ["flit-core", "aiohttp", "cache-tools", "quoted", "paren"])
def test_a_rewrite_of_pyproject_touches_one_version(name: str) -> None:
    """Quotes, markers, extras, blanks and comments stay as the author wrote them."""
    pin = by_name(list(TOML.read("pyproject.toml", PYPROJECT)))[name]
    after = TOML.rewrite(PYPROJECT, pin, release("99.1.2"))
    old, new = (line[2:] for line in changes(PYPROJECT, after))
    assert pin.version and new == old.replace(pin.version, "99.1.2", 1)
    assert by_name(list(TOML.read("pyproject.toml", after)))[name].version == "99.1.2"


def test_line_ends_and_marks_of_other_systems_stay() -> None:
    """CRLF and a byte order mark survive, in both kinds of file."""
    text = "\ufeff" + PYPROJECT.replace("\n", "\r\n")
    pin = by_name(list(TOML.read("pyproject.toml", text)))["aiohttp"]
    assert (pin.line, pin.column) == (8, 6)
    assert TOML.rewrite(text, pin, release("9")) == text.replace("3.9.1", "9")
    text = "\ufeffaiohttp==3.9.1\r\nother==1\r\n"
    first, _ = TEXT.read("requirements.txt", text)
    assert TEXT.rewrite(text, first, release("9")) == "\ufeffaiohttp==9\r\nother==1\r\n"


def test_what_pdm_alone_writes_is_read_too() -> None:
    """Its groups of development; a folder that is installed in place is no requirement."""
    text = (
        '[tool.pdm.dev-dependencies]\nlint = ["a==1.0", "-e file:///${PROJECT_ROOT}/x#egg=x"]\n"odd.name" = ["b>=2"]\n'
    )
    a, b = TOML.read("pyproject.toml", text)
    assert [(pin.line, pin.column, pin.component.name, pin.version) for pin in (a, b)] == [
        (2, 10, "a", "1.0"),
        (3, 16, "b", None),
    ]
    assert TOML.rewrite(text, a, Release(version="1.1")) == text.replace("a==1.0", "a==1.1")
    with pytest.raises(ConfigProblem, match=r"pyproject\.toml:2:"):
        TOML.read("pyproject.toml", '[project]\ndependencies = ["-e file:///x#egg=x"]\n')


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[project]\ndependencies = ["a==1"', r"pyproject\.toml:2:"),
        ('[project]\ndependencies = [\n  "fine",\n  "not a requirement!"]\n', r"pyproject\.toml:4:4"),
    ],
)
def test_a_broken_pyproject_names_its_line(text: str, where: str) -> None:
    """The person is led to the place."""
    with pytest.raises(ConfigProblem, match=where):
        TOML.read("pyproject.toml", text)


def test_requirements_are_read_as_pip_reads_them() -> None:
    """Options, paths and URLs are no pins; lines are joined and comments cut."""
    pins = by_name(list(TEXT.read("requirements.txt", REQUIREMENTS)))
    assert {name: (pin.line, pin.column, pin.version) for name, pin in pins.items()} == {
        "aiohttp": (9, 1, "3.9.1"),
        "cache-tools": (10, 3, "5.5.2"),
        "plain": (11, 1, None),
        "ranged": (12, 1, None),
        "hashed": (14, 1, "1.0"),
        "oneline": (18, 1, "2.0"),
        "split": (19, 1, "3.0"),
    }
    assert pins["hashed"].hashes == ("sha256:aaaa", "sha256:bbbb")
    assert pins["ranged"].requirement == ">=1,    <2"


def test_a_hashed_pin_gets_the_new_files_hashes() -> None:
    """All sha256 of the release, sorted, in the form that the author used; the comment below stays."""
    pin = by_name(list(TEXT.read("requirements.txt", REQUIREMENTS)))["hashed"]
    after = TEXT.rewrite(REQUIREMENTS, pin, release("1.1", "ffff", None, "dddd", "eeee"))
    old = "hashed==1.0 \\\n    --hash=sha256:aaaa \\\n    --hash=sha256:bbbb\n    # via something\n"
    new = (
        "hashed==1.1 \\\n    --hash=sha256:dddd \\\n    --hash=sha256:eeee \\\n    --hash=sha256:ffff\n"
        "    # via something\n"
    )
    assert after == REQUIREMENTS.replace(old, new)
    one = by_name(list(TEXT.read("requirements.txt", REQUIREMENTS)))["oneline"]
    after = TEXT.rewrite(REQUIREMENTS, one, release("2.1", "dddd", "eeee"))
    assert "oneline==2.1 --hash=sha256:dddd --hash=sha256:eeee\nsplit" in after


def test_a_version_may_stand_on_a_line_of_its_own() -> None:
    """Joined lines are rewritten where the version really stands."""
    pin = by_name(list(TEXT.read("requirements.txt", REQUIREMENTS)))["split"]
    after = TEXT.rewrite(REQUIREMENTS, pin, release("4"))
    assert changes(REQUIREMENTS, after) == ["- 3.0\n", "+ 4\n"]


def test_without_hashes_of_the_release_a_hashed_file_is_left_alone() -> None:
    """A file that asks for hashes is never weakened."""
    pin = by_name(list(TEXT.read("requirements.txt", REQUIREMENTS)))["hashed"]
    with pytest.raises(ConfigProblem, match=r"requirements\.txt:14.*no sha256"):
        TEXT.rewrite(REQUIREMENTS, pin, release("1.1", None))


def test_a_pin_that_has_gone_is_not_guessed() -> None:
    """When the file changed since it was read, the place is found again, or refused."""
    pin = by_name(list(TEXT.read("requirements.txt", REQUIREMENTS)))["aiohttp"]
    moved = "\n\n" + REQUIREMENTS
    assert TEXT.rewrite(moved, pin, release("4")) == moved.replace("aiohttp==3.9.1", "aiohttp==4")
    with pytest.raises(ConfigProblem, match="no longer pins aiohttp"):
        TEXT.rewrite(REQUIREMENTS.replace("aiohttp", "other"), pin, release("4"))
    gone = Pin(path="pyproject.toml", line=1, column=1, manifest="pyproject", component=Component(name="x"),
               requirement="==1", version="1")  # fmt: skip
    with pytest.raises(ConfigProblem, match="no longer pins x"):
        TOML.rewrite(PYPROJECT, gone, release("4"))


def test_of_two_pins_of_one_name_the_one_meant_is_changed() -> None:
    """A file for several Pythons pins a name more than once."""
    text = "numpy==1.26.4 ; python_version < '3.12'\nnumpy==2.1.0 ; python_version >= '3.12'\nnumpy==1.26.4 # again\n"
    first, second, third = TEXT.read("requirements.txt", text)
    assert TEXT.rewrite(text, second, release("2.2.0")) == text.replace("2.1.0", "2.2.0")
    assert TEXT.rewrite(text, third, release("2")).endswith("numpy==2 # again\n")
    assert TEXT.rewrite(text, first, release("2")).startswith("numpy==2 ;")


def test_a_broken_requirement_names_its_line() -> None:
    """The person is led to the place."""
    with pytest.raises(ConfigProblem, match=r"requirements\.txt:2:1: 'b=1' is no requirement"):
        TEXT.read("requirements.txt", "a==1\nb=1\n")


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("requirements.txt", True), ("requirements-dev.txt", True), ("requirements_dev.in", True),
        ("requirements.in", True), ("dev-requirements.txt", True), ("requirements/base.txt", True),
        ("a/requirements/x.in", True), ("docs/requirements.txt", True), ("requirements.md", False),
        ("notes.txt", False), ("requirements/readme.md", False), ("my_requirements_list.py", False),
        ("pyproject.toml", False),
    ],
)  # fmt: skip
def test_requirements_files_are_known_by_name(path: str, ours: bool) -> None:
    """The usual names, and no other text file."""
    assert TEXT.matches(path) is ours
    assert TOML.matches(path) is (path == "pyproject.toml")


def test_all_pins_of_a_component_move_together() -> None:
    """A component that two files pin, one with hashes, is changed in both."""
    texts = {"pyproject.toml": '[project]\ndependencies = ["hashed==1.0"]\n', "requirements.txt": REQUIREMENTS}
    pins = [*TOML.read("pyproject.toml", texts["pyproject.toml"]), *TEXT.read("requirements.txt", REQUIREMENTS)]
    mine = [pin for pin in pins if pin.component.name == "hashed"]
    after = rewritten(texts, mine, release("1.1", "dddd"), {"pyproject": TOML, "requirements": TEXT})
    assert '"hashed==1.1"' in after["pyproject.toml"]
    assert "hashed==1.1 \\\n    --hash=sha256:dddd\n    # via" in after["requirements.txt"]


NAMES = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True)
VERSIONS = st.from_regex(r"[1-9]?[0-9](\.[0-9]{1,2}){1,2}", fullmatch=True)
HASHES = st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=3, unique=True)
MARKERS = st.sampled_from(["", " ; python_version >= '3.9'", " # a comment", "  "])
LINES = st.tuples(NAMES, VERSIONS, HASHES, MARKERS)


@given(st.lists(LINES, min_size=1, max_size=6, unique_by=lambda line: line[0]), st.data())
def test_what_was_written_is_read_and_nothing_else_changed(
    lines: list[tuple[str, str, list[str], str]], data: st.DataObject
) -> None:
    """Any file, any pin: afterwards it holds the new version and hashes, and all others are as they were."""
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    written = []
    for name, version, hashes, marker in lines:
        tail = "".join(f" \\{end}    --hash=sha256:{one}" for one in hashes)
        written.append(f"{name}=={version}{'' if hashes and '#' in marker else marker}{tail}{end}")
    text = "".join(written)
    pins = list(TEXT.read("requirements.txt", text))
    at = data.draw(st.integers(0, len(pins) - 1))
    fresh = release(data.draw(VERSIONS), "0" * 64, "1" * 64)
    after = TEXT.rewrite(text, pins[at], fresh)
    again = list(TEXT.read("requirements.txt", after))
    wanted = ("sha256:" + "0" * 64, "sha256:" + "1" * 64)
    assert again[at].version == fresh.version
    assert again[at].hashes == (wanted if lines[at][2] else ())
    start = sum(len(one) for one in written[:at])
    assert after.startswith(text[:start]) and after.endswith("".join(written[at + 1 :]))
    assert [p.version for n, p in enumerate(again) if n != at] == [p.version for n, p in enumerate(pins) if n != at]


SIGNS = st.characters(max_codepoint=0xD7FF)  # JSON writes higher ones in pairs, which TOML refuses
VALUES = st.recursive(
    st.one_of(st.text(SIGNS, max_size=12), st.integers(), st.booleans(), st.just('it\'s "both"'), st.just('\\ ""')),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(SIGNS, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def _written(value: object, style: int) -> str:
    """A value as TOML, strings in one of its forms."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        plain = value.isprintable()
        if style == 1 and plain and "'" not in value:
            return f"'{value}'"
        escaped = json.dumps(value).replace("\x7f", "\\u007f")
        return f'""{escaped}""' if style == 2 else escaped
    if isinstance(value, list):
        end = "\n  # a comment ] \" '\n" if style else ""
        return f"[{end}" + f",{end}".join(_written(one, style) for one in value) + f"{end}]"
    assert isinstance(value, dict)
    pairs = (f"{json.dumps(key)} = {_written(one, style)}" for key, one in value.items())
    return "{" + ", ".join(pairs).replace("\x7f", "\\u007f") + "}"


def _all_strings(value: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, list):
        return [found for one in value for found in _all_strings(one, path)]
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in _all_strings(one, (*path, key))]
    return []


@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), VALUES, max_size=4), st.integers(0, 2))
def test_the_scan_agrees_with_the_standard_library(data: dict[str, object], style: int) -> None:
    """Every string of any document is found under its path, and its place in the text is where it stands."""
    # An inline table may not hold line ends, so what holds one is written plainly.
    styles = {key: 0 if "{" in str(value) else style for key, value in data.items()}
    text = "".join(f"[t.{key}]\n'a.b' . c = {_written(value, styles[key])}\n" for key, value in data.items())
    expected = _all_strings(tomllib.loads(text))
    found = list(_toml.strings(text))
    assert [(one.path, one.value) for one in found] == expected
    for one in found:
        assert len(one.at) == len(one.value) + 1
        if "\\" not in text:
            assert text[one.at[0] : one.at[-1]] == one.value


def test_the_scan_knows_every_form_of_string() -> None:
    """Long strings, hidden line ends, escapes, dates with blanks and tables in arrays."""
    text = (
        'a = """\nfirst \\\n   second\\u0041\\x41 ""quoted"" """""\n'.replace("\\x41", "B")
        + "b = '''\r\nraw \\n'''\nc = 2026-01-01 10:00:00\n[[d]]\ne = {f = ['x', 1.5, true]}\n[[d]]\ne.f = \"y\\t\"\n"
    )
    expected = _all_strings(tomllib.loads(text))
    assert [(one.path, one.value) for one in _toml.strings(text)] == expected
