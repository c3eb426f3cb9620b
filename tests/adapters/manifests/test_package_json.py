"""package.json: what comes from a registry is found at its name, and a rewrite changes its version alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import BLANKS, ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("package_json")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("package.json", text))


def one(wanted: str, name: str = "a", place: str = "dependencies") -> list[tuple[str, str, str | None]]:
    """Name, requirement and version of a file's only dependency."""
    text = json.dumps({place: {name: wanted}})
    return [(pin.component.name, pin.requirement, pin.version) for pin in FILE.read("package.json", text)]


def test_every_place_of_a_dependency_is_read() -> None:
    """In reading order, each at its name; peers are ranges, and overrides count where they are exact."""
    text = """\
{
  "name": "shop", "version": "1.0.0", "engines": {"node": "20.1.0", "npm": "10.0.0"},
  "packageManager": "npm@10.2.0",
  "devDependencies": {"jest": "29.7.0"},
  "dependencies": {
    "express": "4.18.2",
    "@types/node" : "^20.0.0",
    "//": "1.0.0",
    "comment": ["1.0.0"]
  },
  "optionalDependencies": {"fsevents": "=2.3.3"},
  "peerDependencies": {"react": "18.2.0"},
  "peerDependenciesMeta": {"react": {"optional": true}},
  "overrides": {"minimist": "1.2.8", "glob": "^8", "old": {".": "1.0.0", "inner": "2.0.0", "a@1": "3.0.0"},
                "same": "$express", "b@^1": {"c": "4.0.0"}},
  "resolutions": {"a/**/@s/deep": "1.0.0", "**/d": "1.0.1", "e@npm:^1": "1.0.2"},
  "pnpm": {"overrides": {"f>g": "1.0.3", "h@1>i": "1.0.4"}}
}
"""
    assert read(text) == [
        (3, 22, "npm", "10.2.0"),
        (4, 24, "jest", "29.7.0"),
        (6, 6, "express", "4.18.2"),
        (7, 6, "@types/node", None),
        (11, 29, "fsevents", "2.3.3"),
        (12, 25, "react", None),
        (14, 18, "minimist", "1.2.8"),
        (14, 53, "old", "1.0.0"),
        (14, 75, "inner", "2.0.0"),
        (15, 47, "c", "4.0.0"),
        (16, 25, "@s/deep", "1.0.0"),
        (16, 48, "d", "1.0.1"),
        (17, 29, "g", "1.0.3"),
        (17, 47, "i", "1.0.4"),
    ]
    assert {pin.manifest for pin in FILE.read("package.json", text)} == {"package_json"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("1.2.3", [("a", "1.2.3", "1.2.3")]),
        ("=1.2.3", [("a", "=1.2.3", "1.2.3")]),
        (" v1.2.3-beta.1+5 ", [("a", "v1.2.3-beta.1+5", "1.2.3-beta.1+5")]),
        ("1.2", [("a", "1.2", None)]),
        ("^1.2.3", [("a", "^1.2.3", None)]),
        ("1.2.3 || 2.0.0", [("a", "1.2.3 || 2.0.0", None)]),
        ("", [("a", "", None)]),
        ("latest", [("a", "latest", None)]),
        ("npm:other@1.2.3", [("other", "1.2.3", "1.2.3")]),
        ("npm:@s/other@^1", [("@s/other", "^1", None)]),
        ("npm:other", [("other", "", None)]),
        ("npm:7zip-bin@5.0.0", [("7zip-bin", "5.0.0", "5.0.0")]),
        ("npm:^1.2.3", [("a", "^1.2.3", None)]),
        ("npm:1.2.3", [("a", "1.2.3", "1.2.3")]),
        ("npm:*", [("a", "*", None)]),
        ("npm:", []),
        ("workspace:*", []),
        ("workspace:1.2.3", []),
        ("file:../a", []),
        ("../a", []),
        ("link:./a", []),
        ("catalog:", []),
        ("jsr:@s/a@1.0.0", []),
        ("patch:a@npm%3A1.0.0#./a.patch", []),
        ("owner/repository", []),
        ("github:owner/repository#v1.0.0", []),
        ("git+ssh://git@example.org/a.git#1.0.0", []),
        ("https://example.org/a-1.0.0.tgz", []),
        ("{{ version }}", []),
        (" " * 400 + "1.2.3", [("a", "1.2.3", None)]),
    ],
)
def test_what_a_dependency_may_say(wanted: str, found: list[tuple[str, str, str | None]]) -> None:
    """Exact versions, ranges and other names; what leads elsewhere than to a registry is no pin."""
    assert one(wanted) == found


@pytest.mark.parametrize(
    ("manager", "found"),
    [
        ("pnpm@9.1.0", [("pnpm", "9.1.0", "9.1.0")]),
        ("yarn@1.22.22", [("yarn", "1.22.22", "1.22.22")]),
        ("yarn@4.1.0-rc.1", [("@yarnpkg/cli", "4.1.0-rc.1", "4.1.0-rc.1")]),
        ("yarn@4.1.0+sha512.0a1b", []),
        ("yarn@https://example.org/yarn.js", []),
        ("npm", []),
    ],
)
def test_the_tool_itself_is_a_pin_unless_a_hash_binds_it(
    manager: str, found: list[tuple[str, str, str | None]]
) -> None:
    """A hash could not be kept true."""
    pins = FILE.read("package.json", json.dumps({"packageManager": manager}))
    assert [(pin.component.name, pin.requirement, pin.version) for pin in pins] == found


def test_escapes_hide_a_place() -> None:
    """A version that is written with escapes is known, and never edited; a name with them is read."""
    text = '{"dependencies": {"@s\\/a": "1.0.0", "b": "1\\u002e0.0"}, "packageManager": "npm@1\\u002e0.0"}'
    assert read(text) == [(1, 20, "@s/a", "1.0.0"), (1, 38, "b", None), (1, 76, "npm", None)]


def test_an_alias_is_rewritten_behind_its_name() -> None:
    """The name of the other package stays."""
    text = '{"dependencies": {"a": "npm:@s/b@1.0.0"}}'
    assert moved(FILE, "package.json", text, 0, release("1.0.1")) == text.replace("1.0.0", "1.0.1")


@pytest.mark.parametrize("version", ['1.0.1", "evil": "1.0.0', "latest", "1.0.1\\", "^1.0.1"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a package chooses its version's characters, and they get nothing else into the file."""
    text = '{"dependencies": {"a": "1.0.0"}}'
    with pytest.raises(ConfigProblem, match=r"package.json:1: would not be read as pinning a to "):
        FILE.rewrite(text, FILE.read("package.json", text)[0], release(version))


def test_a_broken_file_names_its_place() -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=r"web/package.json:2:1: is no valid JSON"):
        FILE.read("web/package.json", '{"dependencies":\n')


@pytest.mark.parametrize("text", ["{}", '{"dependencies": []}', '{"dependencies": {"a": null}, "overrides": "x"}'])
def test_what_holds_no_dependencies_pins_nothing(text: str) -> None:
    """Other shapes are npm's to complain about."""
    assert read(text) == []


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("package.json", True),
        ("web/app/package.json", True),
        ("node_modules/a/package.json", False),
        ("web/node_modules/@s/a/package.json", False),
        ("vendor/a/package.json", False),
        ("package-lock.json", False),
        ("my-package.json", False),
    ],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Installed packages are not ours to edit."""
    assert FILE.matches(path) is ours


ENTRIES = st.tuples(VERSIONS, st.sampled_from(["", "=", "v", "npm:", "npm:other@", " "]), BLANKS, BLANKS)


def written(entries: list[tuple[str, str, str, str]], end: str) -> str:
    lines = [
        f'{before}"p{number}"{after}:{before}"{lead}{version}"{after}'
        for number, (version, lead, before, after) in enumerate(entries)
    ]
    return "{" + end + '  "x": "1.0.0", "dependencies" : {' + end + f",{end}".join(lines) + end + '}, "y": "1.0.0" }'


@given(st.lists(ENTRIES, min_size=1, max_size=5), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    entries: list[tuple[str, str, str, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, aliases and line ends: as if the new version had been written at once."""
    text = mark + written(entries, end)
    at = data.draw(st.integers(0, len(entries) - 1))
    after = moved(FILE, "package.json", text, at, release(version))
    entries[at] = (version, *entries[at][1:])
    assert after == mark + written(entries, end)
