"""The Node that a repository runs on is what its own files say, and where they say nothing nothing is made up."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import nodes


@pytest.mark.parametrize(
    ("wanted", "oldest"),
    [
        (">=18", "18.x"),
        (">=18.12", "18.12.x"),
        (">=18.12.1", "18.12.1"),
        ("^18.17.0 || >=20.5.0", "18.17.0"),
        (">=20 || ^18.17", "18.17.x"),
        ("18.x", "18.x"),
        ("20", "20.x"),
        (">18", "19.x"),
        (">18.1.2", "18.1.3"),
        ("~22.1.0", "22.1.0"),
        (">= 18 < 21", "18.x"),
        ("*", None),
        ("", None),
        ("<20", None),
        ("<=20", None),
        ("lts/*", None),
        ("x" * 400, None),
    ],
)
def test_the_oldest_of_a_range_is_its_lower_end(wanted: str, oldest: str | None) -> None:
    """Where only a major version is named, any of it will do."""
    found = nodes.oldest(wanted)

    assert (nodes.shown(found) if found else None) == oldest


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("18.17.0\n", "18.17.0"),
        ("v20.1\n", "20.1.x"),
        ("20", "20.x"),
        ("18.x", "18.x"),
        ("# ours\n\nv18 # the old one\n", "18.x"),
        ("lts/hydrogen", "18.x"),
        ("Iron", "20.x"),
        ("lts/*", None),
        ("node", None),
        ("", None),
        ("18.17.0.1", None),
        ("1e9", None),
    ],
)
def test_a_file_names_one_version(text: str, node: str | None) -> None:
    """As nvm and its like read it; what means the newest names none."""
    found = nodes.pinned(text)

    assert (nodes.shown(found) if found else None) == node


def test_all_that_is_said_must_do() -> None:
    """A library runs on an old one for its users, and is built with a newer one."""
    manifest = json.dumps({"engines": {"node": ">=16"}, "volta": {"node": "20.1.0"}})
    found = nodes.nodes_of({"package.json": manifest, ".nvmrc": "20", ".node-version": "20\n"})

    assert [nodes.shown(one) for one in found] == ["16.x", "20.1.0", "20.x"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"engines": []}', '{"engines": {"node": 18}}', "[" * 9999])
def test_what_says_nothing_says_nothing(text: str) -> None:
    """A manifest that cannot be read is told of elsewhere."""
    assert nodes.nodes_of({"package.json": text}) == ()


@given(st.text(max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    """Whatever a repository writes: a version that npm can read, or nothing."""
    for found in (nodes.oldest(text), nodes.pinned(text)):
        assert found is None or nodes.shown(found)
