"""Which pins move together: of one component in one project at one version, and of one shape where there are shapes."""

from __future__ import annotations

import pytest

from bot.core.model import Component, Pin
from bot.core.survey import LONGEST, groups, oldest_python, project_of, pythons_of, scattered


def a_pin(
    name: str, requirement: str, version: str | None, ecosystem: str = "pypi", digest: str = "", path: str = "f"
) -> Pin:
    component = Component(name=name, ecosystem=ecosystem)
    return Pin(path=path, line=1, column=1, manifest="m", component=component, requirement=requirement, version=version,
               digest=digest)  # fmt: skip


def shape(*pins: Pin, files: tuple[str, ...] = ()) -> list[tuple[str, list[str]]]:
    return [(group.component.name, [pin.requirement for pin in group.pins]) for group in groups(pins, files)]


def test_a_range_holds_what_is_pinned_beside_it() -> None:
    """In its own project, and each exact version there has its own answer."""
    found = shape(a_pin("a", "==1.0", "1.0"), a_pin("b", "", None), a_pin("a", ">=1,<2", None), a_pin("a", "==2", "2"))

    assert found == [("a", ["==1.0", ">=1,<2"]), ("a", [">=1,<2", "==2"]), ("b", [""])]


def test_each_folder_has_its_own_answer() -> None:
    """A range in one of them holds nothing in another; where the very same is written they are one."""
    pins = [
        a_pin("a", "==1.0", "1.0", path="requirements.txt"),
        a_pin("a", "<2", None, path="docs/requirements.txt"),
        a_pin("a", "==1.0", "1.0", path="api/requirements.txt"),
        a_pin("a", "==1.1", "1.1", path="web/requirements.txt"),
    ]
    found = groups(pins)

    assert [[pin.path for pin in group.pins] for group in found] == [
        ["requirements.txt", "api/requirements.txt"],
        ["docs/requirements.txt"],
        ["web/requirements.txt"],
    ]
    assert [group.folder for group in found] == [".", "docs", "web"]
    assert scattered(found) == {Component(name="a")} and scattered(found[:1]) == frozenset()


def test_what_one_lock_file_binds_is_one_project() -> None:
    """A workspace installs one version for all of its members, so each of their ranges counts."""
    pins = [
        a_pin("a", "==1.0", "1.0", path="pyproject.toml"),
        a_pin("a", "<2", None, path="packages/one/pyproject.toml"),
        a_pin("a", "<1.5", None, path="packages/own/pyproject.toml"),
    ]
    files = ("uv.lock", "packages/own/poetry.lock", *(pin.path for pin in pins))

    assert shape(*pins, files=files) == [("a", ["==1.0", "<2"]), ("a", ["<1.5"])]
    beside = a_pin("a", "==1.1", "1.1", path="packages/one/requirements.txt")
    assert shape(*pins, beside, files=files)[1] == ("a", ["<2", "==1.1"])
    assert len(shape(*pins)) == 3


@pytest.mark.parametrize(("path", "project"), [
    ("pyproject.toml", ""),
    ("a/b/pyproject.toml", "a"),
    ("a/b/requirements.txt", "a/b"),
    ("web/package.json", "web"),
    ("c/Dockerfile", "c"),
])  # fmt: skip
def test_a_project_is_a_folder_or_a_lock_files(path: str, project: str) -> None:
    """The nearest lock file counts, and only for the manifests that its tool reads."""
    assert project_of(path, ("uv.lock", "a/uv.lock", "web/package-lock.json")) == project


def test_what_nobody_can_order_stays_together() -> None:
    """The answer for it will say so; nothing is lost on the way."""
    assert shape(a_pin("a", "==x", "x"), a_pin("a", "==1", "1")) == [("a", ["==x", "==1"])]
    assert shape(a_pin("a", "1", "1", "cobol"), a_pin("a", "2", "2", "cobol")) == [("a", ["1", "2"])]


def test_the_oldest_python_is_the_lower_bound() -> None:
    """A project that says nothing promises nothing."""
    assert oldest_python('[project]\nrequires-python = ">=3.9,<4"\n') == "3.9"
    assert oldest_python("[project]\n") is None
    assert oldest_python("no toml [") is None


def test_a_file_made_to_take_for_ever_says_nothing() -> None:
    """What a person may write is read; a key of a thousand parts is none of it, and this test ends."""
    assert oldest_python("a." * 50_000 + "a = 1\n") is None
    assert oldest_python("[project]\n" + "#" * 600_000) is None


def test_each_projects_own_python_counts() -> None:
    """In a repository with several projects each is asked for by what its own file says, or the nearest above it."""
    known = {"pyproject.toml": "3.9", "apps/new/pyproject.toml": "3.12"}
    paths = {"apps/new/requirements/dev.txt": "3.12", "apps/old/requirements.txt": "3.9", "requirements.txt": "3.9"}
    pins = [a_pin("a", "==1.0", "1.0", path=path) for path in paths]
    for pin in pins:
        assert pythons_of([pin], known) == (paths[pin.path],)
        assert pythons_of([pin], {"elsewhere/pyproject.toml": "3.12"}) == ()
    assert pythons_of(pins, known) == ("3.12", "3.9")
    split = groups(pins, (), known)
    assert [[pin.path for pin in group.pins] for group in split] == [[pins[0].path], [pin.path for pin in pins[1:]]]
    assert len(groups(pins)) == 1, "who does not say gets one answer for all places"


def test_pythons_are_of_python_alone() -> None:
    """An image beside a Python project is pulled by whatever runs there."""
    image = a_pin("redis", "7.2", "7.2", ecosystem="docker", path="app/Dockerfile")
    assert pythons_of([image], {"pyproject.toml": "3.9"}) == ()


def test_a_hostile_pyproject_is_looked_at_once() -> None:
    """As much of one word as is read at all says no version (a slower look would hit the time limit)."""
    assert oldest_python("a" * LONGEST) is None
    assert oldest_python("a." * 60) is None
