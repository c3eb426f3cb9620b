"""A pattern of the owner's makes any file a manifest: its version moves, and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, manifests, open_one
from bot.core.errors import ConfigProblem
from bot.core.model import Release
from bot.core.ports import Manifest
from bot.tools.http import Http

KUBECTL = {
    "paths": ["Makefile", "deploy/*.mk"],
    "pattern": r"^KUBECTL *:?= *(?P<version>v[0-9.]+)",
    "ecosystem": "github",
    "name": "kubernetes/kubernetes",
}
ANY = {"paths": ["*.env"], "pattern": r"# image: (?P<name>\S+)\n\w+=(?P<version>\S+?)(@(?P<digest>sha256:\w+))?$",
       "ecosystem": "docker"}  # fmt: skip


def opened(*entries: dict[str, Any]) -> Manifest:
    made: Manifest = open_one(manifests, "regex", {"files": list(entries)}, Tools(http=Http()))
    return made


def test_a_pin_is_found_where_it_stands() -> None:
    """Line and column are those of the version; the component is the one that the owner named."""
    (pin,) = opened(KUBECTL).read("Makefile", "all:\n\ttrue\nKUBECTL := v1.30.1\n# KUBECTL = v9\n")

    assert (pin.line, pin.column, pin.version) == (3, 12, "v1.30.1")
    assert (pin.component.name, pin.component.ecosystem, pin.manifest) == ("kubernetes/kubernetes", "github", "regex")


def test_the_name_may_stand_in_the_file() -> None:
    """One pattern serves many components, and a digest beside the version is kept with it."""
    text = "# image: nginx\nA=1.27\n# image: ghcr.io/o/i\nB=2.0@sha256:aa\n"
    manifest = opened(ANY)
    first, second = manifest.read("x.env", text)
    written = manifest.rewrite(text, second, Release(version="2.1", digest="sha256:bb"))

    assert [(one.component.name, one.version, one.digest) for one in (first, second)] == [
        ("nginx", "1.27", ""), ("ghcr.io/o/i", "2.0", "sha256:aa"),
    ]  # fmt: skip
    assert written == "# image: nginx\nA=1.27\n# image: ghcr.io/o/i\nB=2.1@sha256:bb\n"


@pytest.mark.parametrize(
    ("path", "ours"), [("Makefile", True), ("sub/Makefile", True), ("deploy/x.mk", True), ("x.mk", False), ("y", False)]
)
def test_paths_are_globs(path: str, ours: bool) -> None:
    """A glob with a slash is over the whole path, one without over the file's name."""
    assert opened(KUBECTL).matches(path) == ours


def test_without_entries_no_file_is_ours() -> None:
    """Nothing is read that nobody asked for."""
    assert not opened().matches("Makefile")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pattern": "(?P<version>"}, "no RE2 pattern"),
        ({"pattern": r"(?P<version>a)\1"}, "no RE2 pattern"),
        ({"pattern": "v1"}, "no group named version"),
        ({"name": ""}, "says of no component"),
        ({"ecosystem": "cobol"}, "no ecosystem 'cobol'"),
        ({"pattern": "(?P<version>x)" + "y" * 1000}, "longer than"),
        ({"pattern": r"(?P<version>(((a{1,100}){1,100}){1,100}))"}, "no RE2 pattern"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(change: dict[str, Any], words: str) -> None:
    """At once, with its place, and not when the next release comes."""
    with pytest.raises(ConfigProblem, match=words):
        opened({**KUBECTL, **change})


def test_a_pattern_that_matches_everywhere_is_a_mistake() -> None:
    """It is told, and does not make a thousand updates."""
    with pytest.raises(ConfigProblem, match="more than 1000 times"):
        opened({**KUBECTL, "pattern": "(?P<version>a)"}).read("Makefile", "a" * 5000)


def test_no_pattern_takes_for_ever() -> None:
    """What would stop another engine for years is done at once: 100,000 characters, and this test ends."""
    assert opened({**KUBECTL, "pattern": "(?P<version>(a+)+)$"}).read("Makefile", "a" * 100_000 + "b") == []


lines = st.lists(st.sampled_from(["KUBECTL := v1.2.3", "KUBECTL=v1.2.3", "é KUBECTL = v1", "other", "KUBECTL", "ü"]))


@given(lines, st.sampled_from(["\n", "\r\n"]), st.integers(0, 9))
def test_a_rewrite_changes_its_version_alone(lines: list[str], end: str, number: int) -> None:
    """Read again the file has the new version there, and every other byte and pin is as it was."""
    manifest, text = opened(KUBECTL), end.join(lines)
    pins = manifest.read("Makefile", text)
    if not pins:
        return
    pin = pins[number % len(pins)]

    written = manifest.rewrite(text, pin, Release(version="v20.0"))

    changed = manifest.read("Makefile", written)
    assert [one.version for one in changed].count("v20.0") == 1
    assert changed[number % len(pins)].version == "v20.0"
    assert written.replace("v20.0", "v1.2.3") == text
