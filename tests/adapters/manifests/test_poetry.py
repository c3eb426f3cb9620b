"""Poetry's tables: every dependency with a version is found at its name, and a rewrite changes an exact one alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from bot.adapters.manifests.pyproject import PyProject
from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import BLANKS, ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("poetry")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("pyproject.toml", text))


WHOLE = """\
[build-system]
requires = ["poetry-core==1.9.0"]

[project]
dependencies = ["both==1.0"]

[tool.poetry]
name = "shop"
version = "1.0.0"

[tool.poetry.dependencies]
python = "3.11.4"
aiohttp = "3.9.1"
"Cache_Tools" = { version = "==5.5.2", extras = ["fast"] }
ranged = "^1.2"
both = { source = "acme" }
local = { path = "../local" }
forked = { git = "https://example.org/f.git", tag = "v1.0" }
several = [
  { version = "1.26.4", python = "<3.12" },
  { version = "2.1.0", python = ">=3.12" },
  { path = "x", version = "9.9" },
]
private = { version = "1.0.0", source = "Acme" }
public = { version = "1.0.0", source = "PyPI" }
unknown = { version = "1.0.0", source = "nowhere" }
wild = "*"

[tool.poetry.dev-dependencies]
pytest = "8.0.0"

[tool.poetry.group.docs]
optional = true

[tool.poetry.group.docs.dependencies]
sphinx = "= 7.2.6"

[tool.poetry.extras]
all = ["aiohttp==3.9.1"]

[[tool.poetry.source]]
name = "acme"
url = "https://user:secret@index.acme.example/simple/"
priority = "explicit"

[tool.other.dependencies]
z = "1.0"
"""


def test_every_table_of_poetry_is_read() -> None:
    """As text, as table, as list of tables; Python itself and what has no version are no pins."""
    assert read(WHOLE) == [
        (13, 1, "aiohttp", "3.9.1"),
        (14, 2, "cache-tools", "5.5.2"),
        (15, 1, "ranged", None),
        (20, 16, "several", "1.26.4"),
        (21, 16, "several", "2.1.0"),
        (24, 1, "private", "1.0.0"),
        (25, 1, "public", "1.0.0"),
        (27, 1, "wild", None),
        (30, 1, "pytest", "8.0.0"),
        (36, 1, "sphinx", "7.2.6"),
    ]
    pins = {pin.component.name: pin for pin in FILE.read("pyproject.toml", WHOLE)}
    assert pins["private"].component.registry == "https://index.acme.example/simple"
    assert pins["public"].component.registry == pins["aiohttp"].component.registry == ""
    assert {(pin.component.ecosystem, pin.manifest) for pin in pins.values()} == {("pypi", "poetry")}


def test_no_place_is_read_by_two_kinds() -> None:
    """The tables of PEP 621 in the same file belong to the other kind."""
    theirs = {(pin.line, pin.column) for pin in PyProject().read("pyproject.toml", WHOLE)}
    assert theirs and not theirs & {(line, column) for line, column, *_ in read(WHOLE)}


@pytest.mark.parametrize(
    ("wanted", "requirement", "version"),
    [
        # Poetry's documentation, "Dependency specification".
        ("^1.2.3", ">=1.2.3,<2", None),
        ("^1.2", ">=1.2,<2", None),
        ("^1", ">=1,<2", None),
        ("^0.2.3", ">=0.2.3,<0.3", None),
        ("^0.0.3", ">=0.0.3,<0.0.4", None),
        ("^0.0", ">=0.0,<0.1", None),
        ("^0", ">=0,<1", None),
        ("~1.2.3", ">=1.2.3,<1.3", None),
        ("~1.2", ">=1.2,<1.3", None),
        ("~1", ">=1,<2", None),
        ("*", "", None),
        ("1.*", "==1.*", None),
        ("1.2.x", "==1.2.*", None),
        (">= 1.2,< 1.5", ">=1.2,<1.5", None),
        (">=1.2 <1.5", ">=1.2,<1.5", None),
        ("~=1.4.2", "~=1.4.2", None),
        ("<>1.0", "!=1.0", None),
        ("^1!2.3", ">=1!2.3,<1!3", None),
        ("1.2.3", "==1.2.3", "1.2.3"),
        ("==1.2.3", "==1.2.3", "1.2.3"),
        ("= 1.2", "==1.2", "1.2"),
        ("1.0rc1", "==1.0rc1", "1.0rc1"),
        ("^1.0 || ^2.0", "^1.0 || ^2.0", None),
        ("^1.*", "^1.*", None),
        ("nonsense", "nonsense", None),
        ("1.0" + " " * 400, "1.0", None),
    ],
)
def test_ranges_are_said_as_pep_440_says_them(wanted: str, requirement: str, version: str | None) -> None:
    """So that an answer can be given: these are how Python's versions are compared."""
    (pin,) = FILE.read("pyproject.toml", f'[tool.poetry.dependencies]\na = "{wanted}"\n')
    assert (pin.requirement, pin.version) == (requirement, version)


@given(VERSIONS, VERSIONS)
def test_a_caret_takes_what_poetry_takes(low: str, version: str) -> None:
    """From the version on, up to where the first number that is no zero changes."""
    (pin,) = FILE.read("pyproject.toml", f'[tool.poetry.dependencies]\na = "^{low}"\n')
    first, second = ([int(part) for part in one.split(".")] for one in (low, version))
    assert SpecifierSet(pin.requirement).contains(version) is (second >= first and second[0] == first[0])


def test_of_a_list_the_entry_meant_is_changed() -> None:
    """The other one is for another Python."""
    at = [pin.version for pin in FILE.read("pyproject.toml", WHOLE)].index("2.1.0")
    assert moved(FILE, "pyproject.toml", WHOLE, at, release("2.2.0")) == WHOLE.replace("2.1.0", "2.2.0")


@pytest.mark.parametrize("version", ['1.0.1"\nevil = "1.0', ">=1", "1.*"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a package gets nothing else into the file."""
    text = '[tool.poetry.dependencies]\na = "1.0"\n'
    with pytest.raises(ConfigProblem, match=r"pyproject.toml:2: would not be read as pinning a to "):
        FILE.rewrite(text, FILE.read("pyproject.toml", text)[0], release(version))


def test_a_broken_file_names_its_place() -> None:
    """The person is led to the line; a file that does not speak of Poetry is another's to complain about."""
    with pytest.raises(ConfigProblem, match=r"pyproject.toml:2:5: is no valid TOML"):
        FILE.read("pyproject.toml", "[tool.poetry]\na = =\n")
    assert read("[project]\na = =\n") == []


@pytest.mark.parametrize(
    ("path", "ours"),
    [("pyproject.toml", True), ("a/pyproject.toml", True), ("vendor/a/pyproject.toml", False), ("poetry.lock", False)],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Any file of this very name, but those of code that others wrote."""
    assert FILE.matches(path) is ours


PACKAGES = st.tuples(
    VERSIONS, st.integers(0, 3), st.sampled_from(['"', "'"]), BLANKS, st.sampled_from(["", "=", "== "])
)


def written(packages: list[tuple[str, int, str, str, str]], end: str) -> str:
    text = ["[tool.poetry]", "version = '1.0.0'", "[tool.poetry.dependencies] # x", "python = '3.11.0'"]
    for number, (version, form, quote, blank, sign) in enumerate(packages):
        value = f"{quote}{sign}{version}{quote}"
        text += [
            [f"p{number}{blank}={blank}{value}{blank}# '1.0.0'"],
            [f"'p{number}' = {{{blank}optional = true,{blank}version{blank}={value}}}"],
            [f"p{number}{blank}.{blank}version = {value}"],
            [f"p{number} = [{blank}", f"  {{version ={blank}{value}}}, # ]", f"  {{{blank}git = 'x'}},", "]"],
        ][form]
    return end.join([*text, "[tool.poetry.group.x.dependencies]", "y = '^1.0'", ""])


@given(st.lists(PACKAGES, min_size=1, max_size=4), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    packages: list[tuple[str, int, str, str, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the forms, quotes, comments and line ends: as if the new version had been written at once."""
    text = mark + written(packages, end)
    at = data.draw(st.integers(0, len(packages) - 1))
    after = moved(FILE, "pyproject.toml", text, at, release(version))
    packages[at] = (version, *packages[at][1:])
    assert after == mark + written(packages, end)
