"""A family's adapters are opened one by one, when they are wanted, and what is wrong with options is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from bot.adapters import Opened, Tools, kinds, open_all, open_when_asked, sources
from bot.core.errors import ConfigProblem
from bot.tools.http import Http


def test_each_is_opened_once_and_only_when_asked() -> None:
    """One that nobody wants costs nothing, and an unknown one is none."""
    made: list[str] = []

    def opener(kind: str) -> str:
        made.append(kind)
        return kind.upper()

    opened = Opened(["a", "b", "c"], opener)
    assert (list(opened), len(opened), "b" in opened, made) == (["a", "b", "c"], 3, True, ["b"])
    assert opened["b"] == opened.get("b") == "B" and opened.get("z") is None and made == ["b"]
    with pytest.raises(KeyError):
        opened["z"]


async def test_wrong_options_are_said_before_anybody_asks() -> None:
    """A typo in the operator's file stops the start, with its place; kinds without options wait."""
    async with Http() as http:
        tools = Tools(http=http)
        given: dict[str, dict[str, Any]] = {"npm": {"urll": "https://npm.example"}}
        with pytest.raises(ConfigProblem, match="urll") as caught:
            open_when_asked(sources, tools, given, where={"npm": "sources.yml:3"})
        assert "sources.yml:3" in str(caught.value)
        with pytest.raises(ConfigProblem, match="no sources adapter 'nmp'"):
            open_when_asked(sources, tools, {"nmp": {}})
        assert list(open_all(sources, tools)) == kinds(sources) == list(open_when_asked(sources, tools))
