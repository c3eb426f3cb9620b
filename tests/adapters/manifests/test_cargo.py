"""Cargo.toml: every crate with a version is found at its name, and a rewrite changes an exact one alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import BLANKS, ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("cargo")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("Cargo.toml", text))


def test_every_table_of_dependencies_is_read() -> None:
    """As text, as table, under a header of its own or with dotted keys, for targets and for the workspace."""
    text = """\
[package]
name = "shop"
version = "=1.0.0"

[dependencies]  # here
serde = "=1.0.130"
tokio = { version = "1.35", features = ["full"] }
"rand" = '= 0.8.5'
renamed = { package = "true-name", version = "=2.0.0" }
inner = { workspace = true }
local = { path = "../local" }
both = { path = "../both", version = "=3.0.0" }
forked = { git = "https://example.org/f.git", tag = "v1.0.0" }
dotted.version = "=1.2.3"
dotted.optional = true

[dependencies.own]
features = []
version = "=4.0.0"

[dev-dependencies]
old_1 = "=1.2"
old_2 = "=1.2.3, <2"

[build-dependencies]
cc = "=1.0.83"

[build_dependencies]
older = "=0.1.0"

[target.'cfg(unix)'.dependencies]
nix = "=0.27.1"

[target.x86_64-pc-windows-gnu.dev-dependencies]
winapi = "*"

[workspace.dependencies]
shared = "=5.0.0-rc.1+build"

[patch.crates-io]
serde = { path = "../serde", version = "=9.0.0" }

[features]
default = ["=1.0.0"]
"""
    assert read(text) == [
        (6, 1, "serde", "1.0.130"),
        (7, 1, "tokio", None),
        (8, 2, "rand", "0.8.5"),
        (9, 24, "true-name", "2.0.0"),
        (12, 1, "both", None),
        (14, 1, "dotted", "1.2.3"),
        (17, 15, "own", "4.0.0"),
        (22, 1, "old_1", None),
        (23, 1, "old_2", None),
        (26, 1, "cc", "1.0.83"),
        (29, 1, "older", "0.1.0"),
        (32, 1, "nix", "0.27.1"),
        (35, 1, "winapi", None),
        (38, 1, "shared", "5.0.0-rc.1+build"),
    ]


def test_a_bare_version_is_a_range() -> None:
    """For Cargo 1.2.3 means ^1.2.3, and the answer says what is written."""
    (pin,) = FILE.read("Cargo.toml", '[dependencies]\na = "1.2.3"\n')
    assert (pin.requirement, pin.version, pin.component.ecosystem) == ("1.2.3", None, "cargo")
    assert FILE.rewrite('[dependencies]\na = "1.2.3"\n', pin, release("1.2.4")) == '[dependencies]\na = "1.2.3"\n'


@pytest.mark.parametrize(
    ("source", "registry"),
    [
        ("", [""]),
        (', registry = "crates-io"', [""]),
        (', registry = "acme"', []),
        (
            ', registry-index = "sparse+https://user:token@index.acme.example/cargo/"',
            ["https://index.acme.example/cargo"],
        ),
        (', registry-index = "sparse+https://index.crates.io/"', [""]),
        (', registry-index = "https://github.com/rust-lang/crates.io-index"', [""]),
        (', registry-index = "https://git.acme.example/index"', ["registry+https://git.acme.example/index"]),
        (', registry-index = "file:///srv/index"', []),
    ],
)
def test_a_crate_comes_from_the_registry_that_is_named(source: str, registry: list[str]) -> None:
    """A nickname is no address: what it stands for is not asked of another registry."""
    text = f'[dependencies]\na = {{ version = "=1.0.0"{source} }}\n'
    assert [pin.component.registry for pin in FILE.read("Cargo.toml", text)] == registry


def test_escapes_hide_a_place() -> None:
    """A version that is written with escapes or over several lines is known, and never edited."""
    assert read('[dependencies]\na = "=1\\u002e0.0"\nb = """=1.0.0"""\n') == [(2, 1, "a", None), (3, 1, "b", None)]


def test_a_broken_file_names_its_place() -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=r"a/Cargo.toml:2:5: is no valid TOML"):
        FILE.read("a/Cargo.toml", "[dependencies]\na = =1\n")


@pytest.mark.parametrize("version", ['1.0.1"\nevil = "=1.0.0', "1.0", "1.0.1, <2"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a crate gets nothing else into the file."""
    text = '[dependencies]\na = "=1.0.0"\n'
    with pytest.raises(ConfigProblem, match=r"Cargo.toml:2: would not be read as pinning a to "):
        FILE.rewrite(text, FILE.read("Cargo.toml", text)[0], release(version))


@pytest.mark.parametrize(
    ("path", "ours"),
    [("Cargo.toml", True), ("a/b/Cargo.toml", True), ("vendor/serde/Cargo.toml", False), ("Cargo.lock", False)],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Vendored crates are not ours to edit."""
    assert FILE.matches(path) is ours


CRATES = st.tuples(
    VERSIONS, st.integers(0, 4), st.sampled_from(['"', "'"]), BLANKS, st.sampled_from(["", "# '=1.0.0'"])
)


def written(crates: list[tuple[str, int, str, str, str]], end: str) -> str:
    text = ["[package]", 'version = "=1.0.0"']
    for number, (version, form, quote, blank, tail) in enumerate(crates):
        value = f"{quote}={blank}{version}{blank}{quote}"
        text += [
            ["[dependencies]", f"c{number}{blank}={blank}{value} {tail}"],
            ["[workspace.dependencies]", f'"c{number}" = {{{blank}optional = true, version ={value}{blank}}}{tail}'],
            [f"[ dev-dependencies . c{number} ] {tail}", f"version={value}"],
            ["[target.'cfg(unix)'.dependencies]", f"c{number} . version = {value}{tail}"],
            [f"[dependencies.c{number}]", "features = [", '  "=1.0.0", # x', "]", f"version = {value}"],
        ][form]
    return end.join([*text, ""])


@given(st.lists(CRATES, min_size=1, max_size=3, unique_by=lambda one: one[1]), VERSIONS, ENDS, MARKS)
def test_a_rewrite_changes_one_version_and_nothing_else(
    crates: list[tuple[str, int, str, str, str]], version: str, end: str, mark: str
) -> None:
    """Whatever the forms, quotes, comments and line ends: as if the new version had been written at once."""
    text = mark + written(crates, end)
    for at in range(len(crates)):
        after = moved(FILE, "Cargo.toml", text, at, release(version))
        changed = [(version, *one[1:]) if number == at else one for number, one in enumerate(crates)]
        assert after == mark + written(changed, end)
