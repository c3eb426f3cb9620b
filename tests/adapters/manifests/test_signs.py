"""A reader is loaded only where its files may be, and no file that it owns is passed over for that."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import kinds, manifests
from bot.adapters.manifests import _owners, may_own, pom, requirements
from tests.adapters.manifests.pinned import opened
from tests.adapters.manifests.test_owners import NAMES

READERS = {kind: opened(kind) for kind in kinds(manifests)}
FOLDERS = st.sampled_from(["", "a/", "requirements/", "Requirements/", ".mvn/", ".github/workflows/", "ä/b c/"])
USUAL = [
    "Cargo.toml", "cargo.toml", "composer.json", "A.csproj", "Directory.Packages.props", "build.targets",
    "packages.config", "PACKAGES.CONFIG", ".config/dotnet-tools.json", "x.VBPROJ", "Gemfile", "gems.rb", "x.gemspec",
    "x.gemfile", "go.mod", "package.json", "pom.xml", ".mvn/extensions.xml", "pyproject.toml", "requirements.txt",
    "dev-requirements.in", "requirements/base.txt", "requirements/base.in", "setup.cfg", "README.md",
    *(name for names in NAMES.values() for name in names),
]  # fmt: skip


def patterns(kind: str) -> list[re.Pattern[str]]:
    """By what a kind knows its files, as far as it is a pattern."""
    own = getattr(__import__(f"{manifests.__name__}.{kind}", fromlist=["_FILE"]), "_FILE", None)
    found = [own, _owners._OWNERS.get(kind)]
    found += [pom._EXTENSIONS] if kind == "pom" else [requirements._NAME] if kind == "requirements" else []
    return [one for one in found if one is not None]


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_no_file_is_passed_over(kind: str, data: st.DataObject) -> None:
    """Whatever a kind says is its own was worth loading it for."""
    path = data.draw(FOLDERS) + data.draw(st.one_of(st.sampled_from(USUAL), *map(st.from_regex, patterns(kind))))
    assert may_own(kind, path) or not READERS[kind].matches(path)


def test_a_kind_without_a_line_is_asked() -> None:
    """A new kind works at once."""
    assert may_own("a_new_one", "anything")


def test_most_kinds_are_not_asked() -> None:
    """A project of Python loads what reads Python's files."""
    names = ["pyproject.toml", "requirements.txt", "src/shop/__init__.py", "README.md"]
    assert {kind for kind in READERS if any(may_own(kind, name) for name in names)} == {
        "pyproject", "poetry", "requirements",
    }  # fmt: skip
