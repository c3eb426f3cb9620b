"""Promises to who writes a repository's file: endpoints and registered components are read, with lines."""

from __future__ import annotations

import pytest

from bot.config import parse
from bot.core.errors import ConfigProblem
from bot.core.model import Component
from bot.core.repo_config import CONFIG_PATH, Updates

GOOD = """\
version: 1
updates:
  endpoints:
    tool:
      url: https://releases.example/tool.json
      json: latest
      match: '^v(.+)$'
    page: {url: "https://page.example/", selector: li, attribute: data-v}
  components:
    - name: database
      ecosystem: docker
      registry: https://images.example
      scheme: loose
      current: {url: "https://shop.example/status", header: X-Database}
"""


def read(text: str) -> Updates:
    return parse(text, CONFIG_PATH).updates


def test_endpoints_and_components_are_read() -> None:
    """With the place of each, for what only its reader can judge."""
    updates = read(GOOD)
    tool, (database,) = updates.endpoints["tool"], updates.components

    assert tool.options == {"url": "https://releases.example/tool.json", "json": "latest", "match": "^v(.+)$"}
    assert tool.where == ".github/surefoot.yml:4 updates.endpoints.tool"
    assert updates.urls == {"tool": "https://releases.example/tool.json", "page": "https://page.example/"}
    assert database.component == Component(
        name="database", ecosystem="docker", registry="https://images.example", scheme="loose"
    )
    assert (database.line, database.current.options["header"]) == (10, "X-Database")
    assert set(updates.described) == {"tool", "page", database.asked_as}
    assert read("version: 1\n").described == {}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("      json: latest\n", "", 4, "needs exactly one reader"),
        ("json: latest", "json: latest\n      regex: a", 4, "needs exactly one reader"),
        ("url: https://releases.example/tool.json", "attribute: a", 4, "needs a url"),
        ("json: latest", "jsno: latest", 6, "unknown key 'jsno'. Did you mean 'json'"),
        ("json: latest", "token: TOKEN", 6, "unknown key 'token'"),
        ("json: latest", "json: [latest]", 6, "must be a text"),
        ("    - name: database\n      ecosystem", "    - ecosystem", 10, "needs name, ecosystem and current"),
        ("ecosystem: docker", "ecosystem: dokcer", 11, "no ecosystem 'dokcer'"),
        ("scheme: loose", "scheme: tight", 13, "no scheme 'tight'"),
        ("      current", "      curent", 10, "needs name, ecosystem and current"),
        ("header: X-Database", "header: X-Database, more: 1", 14, "unknown key 'more'"),
    ],
)
def test_a_mistake_has_its_line(old: str, new: str, line: int, words: str) -> None:
    """And says what was meant, where that can be guessed. No key of an endpoint names a secret."""
    with pytest.raises(ConfigProblem) as told:
        read(GOOD.replace(old, new))

    assert words in str(told.value) and f"{CONFIG_PATH}:{line}" in str(told.value)


@pytest.mark.parametrize("part", ["endpoints", "components"])
def test_there_is_a_bound(part: str) -> None:
    """Nobody makes the bot ask thousands of places."""
    one = "{url: 'https://a.example', json: a}"
    rows = [f"    e{n}: {one}" for n in range(101)]
    if part == "components":
        rows = [f"    - {{name: c{n}, ecosystem: http, current: {one}}}" for n in range(101)]

    with pytest.raises(ConfigProblem, match="more than 100"):
        read(f"version: 1\nupdates:\n  {part}:\n" + "\n".join(rows))
