"""Numbers in the place of numbers need no second look at the file: every kind reads them as what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.manifests import _exact
from tests.adapters.manifests.pinned import opened, release

TEXTS = {
    "cargo": ("Cargo.toml", '[dependencies]\none = "1.0"\npad = "=1.2.3"\n'),
    "composer_json": ("composer.json", '{"require": {"acme/one": "^1.0", "acme/pad": "1.2.3"}}'),
    "dotnet": ("packages.config", '<packages><package id="Pad" version="1.2.3"/></packages>'),
    "gemfile": ("Gemfile", 'source "https://gems.example"\ngem "pad", "1.2.3"\n'),
    "package_json": ("package.json", '{"dependencies": {"one": "^1.0.0", "pad": "1.2.3"}}'),
    "poetry": ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.11"\npad = "1.2.3"\n'),
    "pom": (
        "pom.xml",
        "<project><dependencies><dependency><groupId>a</groupId><artifactId>pad</artifactId>"
        "<version>1.2.3</version></dependency></dependencies></project>",
    ),
    "setup_cfg": ("setup.cfg", "[options]\ninstall_requires =\n    one>=1\n    pad==1.2.3\n"),
}  # fmt: skip
NUMBER = st.one_of(st.integers(0, 30), st.integers(0, 10**9 - 1)).map(str)
VERSIONS = st.tuples(NUMBER, NUMBER, NUMBER).map(".".join)


@pytest.mark.parametrize("kind", TEXTS)
@given(version=VERSIONS)
def test_what_was_written_is_read(kind: str, version: str) -> None:
    """At the same place, and nothing else in the file is read otherwise."""
    path, text = TEXTS[kind]
    manifest = opened(kind)
    before = manifest.read(path, text)
    (pin,) = [one for one in before if one.version is not None]

    after = manifest.read(path, manifest.rewrite(text, pin, release(version)))
    (there,) = [one for one in after if one.version is not None]

    assert (there.version, there.line, there.component) == (version, pin.line, pin.component)
    assert [one for one in after if one is not there] == [one for one in before if one is not pin]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("1.2.3", "4.5.6", True), ("1.2.3", "4.5", False), ("1.2.3", "4.5.06", False), ("1.2.3", "4.5.6-rc.1", False),
        ("1.2.3", '4.5.6"', False), ("1.2.3", "4.5.٦", False), ("1.2.3", "4.5.", False), ("", "", False),
        ("1", "20261126", True), ("1.2.3", "4.5." + "6" * 11, False), ("v1.2.3", "v1.2.4", False),
        ("1.2.3", "4.5.6\n", False),
    ],
)  # fmt: skip
def test_all_else_is_read_again(one: str, other: str, alike: bool) -> None:
    """A leading nought, a sign, a letter, another count: a file or its tool may give those a meaning."""
    assert _exact._alike(one, other) is alike
