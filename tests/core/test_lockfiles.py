"""What a lock holds and what differs between two: nothing that moved, strayed or was swapped stays unsaid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import lockfiles
from bot.core.errors import ConfigProblem
from bot.core.lockfiles import Moved
from bot.core.lockreaders import READERS

INDEX = "https://index.example/simple"
UV = f"""version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = {{ editable = "." }}
dependencies = [
    {{ name = "pad" }},
]

[[package]]
name = "pad"
version = "1.0"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "https://files.example/pad-1.0.tar.gz", hash = "sha256:aa", size = 3 }}
wheels = [
    {{ url = "https://files.example/pad-1.0-py3-none-any.whl", hash = "sha256:bb", size = 3 }},
]

[[package]]
name = "tool"
version = "2.0"
source = {{ git = "https://git.example/tool?rev=v2#0123" }}
"""


def npm(packages: Mapping[str, Any], version: int = 3) -> str:
    """A package-lock.json."""
    return json.dumps({"name": "app", "lockfileVersion": version, "packages": {"": {"name": "app"}, **packages}})


def entry(version: str, name: str = "pad", **more: Any) -> dict[str, Any]:
    """One installed package, from a registry."""
    file = f"{name.rpartition('/')[2]}-{version}.tgz"
    return {"version": version, "resolved": f"https://npm.example/{name}/-/{file}", "integrity": "sha512-aa", **more}


PADS = npm({"node_modules/pad": entry("1.0.0"), "node_modules/a/node_modules/pad": entry("2.0.0")})


def test_uv_lock_is_read_with_sources_and_files() -> None:
    """The project's own packages come from nowhere, and a git commit is no registry."""
    app, pad, tool = lockfiles.read(UV, "web/uv.lock")

    assert (app.name, app.origin, app.aside) == ("app", "", True)
    assert (pad.origin, pad.aside) == (INDEX, False)
    assert pad.files == {"pad-1.0.tar.gz": "sha256:aa", "pad-1.0-py3-none-any.whl": "sha256:bb"}
    assert tool.aside and tool.origin.startswith("https://git.example/")


def test_package_lock_is_read_by_what_is_really_installed() -> None:
    """Other names, scopes, nested copies; links, workspaces and what comes bundled are no packages of a registry."""
    text = npm({
        "node_modules/pad": entry("1.0.0"),
        "node_modules/other": entry("1.0.0", name="@acme/pad"),
        "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@git.example/x.git#0123"},
        "node_modules/bare": {"version": "3.0.0"},
        "node_modules/cdn": {"version": "1.0.0", "resolved": "https://cdn.example/pads/1.tgz", "integrity": "sha512-c"},
        "node_modules/app-web": {"resolved": "web", "link": True},
        "web": {"name": "app-web", "version": "1.0.0"},
        "node_modules/pad/node_modules/within": {"version": "1.0.0", "inBundle": True},
    })  # fmt: skip
    text = text.replace('"node_modules/other": {', '"node_modules/other": {"name": "@acme/pad", ')
    pad, other, git, bare, cdn = lockfiles.read(text, "package-lock.json")

    assert (pad.name, pad.origin) == ("pad", "https://npm.example")
    assert (other.name, other.origin) == ("@acme/pad", "https://npm.example")
    assert git.aside and git.origin == "git+ssh://git@git.example/x.git#0123"
    assert (bare.origin, bare.files, bare.aside) == ("", {}, False)
    assert cdn.origin == "https://cdn.example"


def test_what_moved_is_named_with_both_versions() -> None:
    """Also what is new, what is gone, and one of several copies."""
    newer = UV.replace("pad-1.0", "pad-1.1").replace('version = "1.0"', 'version = "1.1"')
    newer = newer.replace('name = "tool"', 'name = "extra"')
    assert lockfiles.moved(UV, newer, "uv.lock") == (
        Moved("extra", "", "2.0"), Moved("pad", "1.0", "1.1"), Moved("tool", "2.0", "")
    )  # fmt: skip
    assert lockfiles.moved(PADS, PADS.replace("2.0.0", "2.1.0"), "package-lock.json") == (
        Moved("pad", "2.0.0", "2.1.0"),
    )
    both = npm({"node_modules/pad": entry("3.0.0")})
    assert lockfiles.moved(PADS, both, "a/npm-shrinkwrap.json") == (Moved("pad", "1.0.0, 2.0.0", "3.0.0"),)


def test_copies_that_are_joined_have_not_moved() -> None:
    """The same versions at fewer places."""
    twice = npm({"node_modules/pad": entry("1.0.0"), "node_modules/a/node_modules/pad": entry("1.0.0")})

    assert lockfiles.moved(twice, npm({"node_modules/pad": entry("1.0.0")}), "package-lock.json") == ()


def test_other_bytes_under_an_old_name_are_seen() -> None:
    """A new file of an old version is none of them, and neither is a new version."""
    assert lockfiles.swapped(UV, UV.replace("sha256:bb", "sha256:cc"), "uv.lock") == ("pad 1.0",)
    assert lockfiles.swapped(UV, UV.replace("pad-1.0.tar.gz", "pad-1.0.zip"), "uv.lock") == ()
    assert lockfiles.swapped(UV, UV.replace("1.0", "1.1").replace("sha256:bb", "sha256:cc"), "uv.lock") == ()
    other = npm({"node_modules/pad": entry("1.0.0", integrity="sha512-zz")})
    assert lockfiles.swapped(PADS, other, "package-lock.json") == ("pad 1.0.0",)
    silent = npm({"node_modules/pad": {"version": "1.0.0", "integrity": "sha512-zz"}})
    assert lockfiles.swapped(PADS, silent, "package-lock.json") == ("pad 1.0.0",)


def test_a_package_that_comes_from_elsewhere_is_seen() -> None:
    """Also when its version moved; one that is new has no place to stray from."""
    elsewhere = "https://evil.example/simple"
    assert lockfiles.strayed(UV, UV.replace(INDEX, elsewhere), "uv.lock") == (("pad", elsewhere),)
    assert lockfiles.strayed(UV, UV.replace(INDEX, elsewhere).replace("1.0", "9.0"), "uv.lock") == (("pad", elsewhere),)
    assert lockfiles.strayed(UV, UV.replace('"pad"', '"new"').replace(INDEX, elsewhere), "uv.lock") == ()
    assert lockfiles.strayed(PADS, PADS.replace("npm.example", "evil.example"), "package-lock.json")
    silent = npm({"node_modules/pad": {"version": "1.0.0", "integrity": "sha512-aa"}})
    assert lockfiles.strayed(silent, PADS, "package-lock.json") == ()
    local = UV.replace(f'{{ registry = "{INDEX}" }}', '{ directory = "pad" }')
    assert lockfiles.strayed(local, UV, "uv.lock") == (("pad", INDEX),)


@pytest.mark.parametrize(
    ("text", "lock", "why"),
    [
        ("{", "package-lock.json", "cannot be read"),
        ("[]", "package-lock.json", "cannot be read"),
        ('{"lockfileVersion": 3, "packages": []}', "package-lock.json", "cannot be read"),
        ('{"lockfileVersion": 1}', "package-lock.json", "only 2 and 3 are known.*npm 7"),
        ("version = 2", "uv.lock", "only 1 is known"),
        ("= ", "uv.lock", "cannot be read"),
        ('version = 1\n[[package]]\nname = "x"\n', "uv.lock", "cannot be read"),
        ("[" * 100_000, "package-lock.json", "cannot be read"),
        ("", "pdm.lock", "only 4.4 and 4.5 are known.*PDM 2"),
        ("", "poetry.lock", "only 2.0 and 2.1 are known.*Poetry 1.5"),
    ],
)
def test_what_is_no_lock_is_said(text: str, lock: str, why: str) -> None:
    """With the file's name, and how to mend it where that is known."""
    with pytest.raises(ConfigProblem, match=why):
        lockfiles.read(text, lock)


def test_which_locks_are_made_anew() -> None:
    """Those of which the tool is known; of each other kind it is said why not."""
    made = (*READERS, "a/poetry.lock", "a/package-lock.json")
    assert [lockfiles.why_not(lock) for lock in made] == [""] * len(made)
    assert "a/Chart.lock is not made anew: its tool is none of those" in lockfiles.why_not("a/Chart.lock")


def test_what_a_tool_has_to_be_given() -> None:
    """The manifests of the lock's folder and of all below, with what shapes it; nothing of what is installed."""
    files = {"package.json", "web/package.json", "web/package-lock.json", "web/a/package.json", "web/.npmrc", ".npmrc",
             "web/node_modules/x/package.json", "web/a/uv.toml", "pyproject.toml", "uv.lock", "uv.toml",
             "web/pyproject.toml"}  # fmt: skip
    web = ("web/.npmrc", "web/a/package.json", "web/package-lock.json", "web/package.json")
    assert lockfiles.needed("web/package-lock.json", files) == web
    assert lockfiles.needed("uv.lock", files) == ("pyproject.toml", "uv.lock", "uv.toml", "web/pyproject.toml")
    assert lockfiles.needed("go.sum", files | {"go.sum"}) == ("go.sum",)
    ruby = {"Gemfile", "Gemfile.lock", ".ruby-version", "a/x.gemspec", "a/lib/x/version.rb", "a/lib/x.rb", "a/Gemfile"}
    assert lockfiles.needed("Gemfile.lock", ruby) == (
        ".ruby-version", "Gemfile", "Gemfile.lock", "a/lib/x/version.rb", "a/x.gemspec"
    )  # fmt: skip


VERSIONS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]), max_size=5)


@given(old=VERSIONS, new=VERSIONS)
def test_moved_is_the_whole_difference(old: dict[str, str], new: dict[str, str]) -> None:
    """Whoever applies what moved to the old versions has the new ones; a lock beside itself has nothing moved."""

    def text(versions: dict[str, str]) -> str:
        return npm({f"node_modules/{name}": entry(version, name=name) for name, version in versions.items()})

    changed = dict(old)
    for name, before, after in lockfiles.moved(text(old), text(new), "package-lock.json"):
        assert changed.pop(name, "") == before
        changed |= {name: after} if after else {}
    assert changed == new
    assert lockfiles.moved(text(old), text(old), "package-lock.json") == ()


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
ANY_JSON = st.recursive(LEAVES, lambda some: st.lists(some) | st.dictionaries(st.text(), some)).map(json.dumps)


@given(st.text() | ANY_JSON)
def test_no_text_makes_the_reader_fall(text: str) -> None:
    """It is read, or it is said that it cannot be."""
    for lock in ("uv.lock", "package-lock.json"):
        try:
            lockfiles.read(text, lock)
        except ConfigProblem:
            continue
