"""Compose files: the image of every service that is pulled, and a rewrite that changes its tag alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
    DIGEST,
    ENDS,
    MARKS,
    NAMES,
    OTHER_DIGEST,
    QUOTES,
    TAGS,
    moved,
    opened,
    release,
    short,
    what,
)

FILE = opened("compose")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("compose.yaml", text))


def test_every_image_that_is_pulled_is_found() -> None:
    """Anchors, merges, quotes and flow style; what is built here is left alone."""
    text = f"""\
x-base: &base
  image: &nginx nginx:1.27  # the server
x-other: &other {{image: a/b:1.0, restart: always}}
services:
  web:
    <<: *base
  again: *base
  third: {{image: *nginx}}
  both:
    <<: [*other, *base]
  built:
    image: mine:1.0
    build: .
  built-too:
    <<: *other
    build: {{context: .}}
  db:
    image: "ghcr.io/acme/db:16@{DIGEST}"
  cache: {{image: 'redis'}}
  none:
  text: hello
  folded:
    image: >-
      valkey/valkey:8
"""
    assert read(text) == [
        (2, 17, "nginx", "1.27"),
        (3, 25, "a/b", "1.0"),
        (18, 21, "acme/db", "16"),
        (19, 19, "redis", None),
        (24, 7, "valkey/valkey", "8"),
    ]


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("${IMAGE:-nginx:1.27}", [(3, 21, "nginx", "1.27")]),
        ("${IMAGE-nginx:1.27}", [(3, 20, "nginx", "1.27")]),
        ("nginx:${TAG:-1.27}", [(3, 25, "nginx", "1.27")]),
        ("${R:-reg.example}/a:${TAG:-1.27}-alpine", [(3, 39, "a", "1.27-alpine")]),
        ("nginx:${TAG}", []),
        ("$IMAGE", []),
        ("${IMAGE:-$OTHER}", []),
        ("nginx:${TAG:?must be set}", []),
        ("${A:-${B:-nginx:1}}", []),
        ('"{{ image }}:1"', []),
    ],
)
def test_a_default_in_place_is_what_the_file_pins(image: str, found: list[tuple[int, int, str, str | None]]) -> None:
    """A variable without one is known only where the file is used."""
    assert read(f"services:\n  web:\n    image: {image}\n") == found


def test_the_oldest_form_has_its_services_at_the_top() -> None:
    """Compose files without the key services."""
    assert read("web:\n  image: nginx:1.27\n  ports: ['80:80']\n") == [(2, 10, "nginx", "1.27")]


def test_a_default_between_fixed_ends_is_rewritten_alone() -> None:
    """The ends of the tag are written outside of the variable, and stay."""
    text = "services: {a: {image: 'nginx:${TAG:-1.27}-alpine'}}\n"
    assert moved(FILE, "c.yml", text, 0, release("1.28-alpine")) == text.replace("1.27", "1.28")
    with pytest.raises(ConfigProblem, match=r"1\.28 is not …-alpine"):
        FILE.rewrite(text, FILE.read("c.yml", text)[0], release("1.28"))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("services:\n  a:\n    image: [x\n", r"a/compose.yaml:4:1: is no valid YAML"),
        ("services:\n\ta: {image: x}\n", r"a/compose.yaml:2:1: is no valid YAML"),
        ("services:\n  a: {image: *gone}\n", r"a/compose.yaml:2:14: is no valid YAML"),
        ("a: image\x01\n", r"a/compose.yaml:1:9: .*forbids"),
        ("image: " + "[" * 200, r"a/compose.yaml:1:1: .*too deep"),
        ("#image\n" * 100_000, r"a/compose.yaml:1:1: is larger than 512 KiB"),
        ("#image\n" * 400_000, r"a/compose.yaml: is larger than 2048 KiB"),
        ("image:\n" + "\n".join("- " * n + "a" for n in (1, 2000)), r"a/compose.yaml:1:1: .*too deep"),
    ],
)
def test_a_broken_file_names_its_place(text: str, where: str) -> None:
    """The person is led to the line, and no file is too much work."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read("a/compose.yaml", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "image\n",
        "services: {{ services }}\nimage: [\n",
        "{% for a in b %}\nimage: {\n",
        "image: !x y\n",
    ],
)
def test_what_holds_no_services_pins_nothing(text: str) -> None:
    """Empty files, and files that a template engine must still write."""
    assert read(text) == []


def test_aliases_of_aliases_cost_no_more_than_the_file_is_long() -> None:
    """A file of a kilobyte cannot stand for a billion services, nor one that holds itself run for ever."""
    rows = "".join(f"x{n + 1}: &x{n + 1} {{a: *x{n}, b: *x{n}, <<: [*x{n}, *x{n}]}}\n" for n in range(60))
    assert read(f"x0: &x0 {{image: a:1}}\n{rows}services: *x60\n") == [(1, 17, "a", "1")]
    assert read("services: &s\n  a: {image: b:1}\n  <<: *s\n  s: *s\n") == [(2, 14, "b", "1")]


SERVICES = st.tuples(
    NAMES, TAGS, st.booleans(), QUOTES, st.integers(0, 4), st.sampled_from(["", " # image: x:1", "  "])
)


def written(services: list[tuple[str, str, bool, str, int, str]], digests: list[str], end: str) -> str:
    text = ["# image: x:1", "services:"]
    for number, (name, tag, digested, quote, form, tail) in enumerate(services):
        image = f"{name}:{tag}" + (f"@{digests[number]}" if digested else "")
        text += [
            [f"  s{number}:", f"    image:   {quote}{image}{quote}{tail}", "    command: image x:1"],
            [f"  s{number}: {{ image: {quote}{image}{quote} , x: 'image: y:1' }}{tail}"],
            [f"  s{number}:", f"    image: &a{number} !!str {quote}{image}{quote}{tail}"],
            [f"  s{number}:", f"    image: {quote}${{X:-{image}}}{quote}{tail}"],
            [f"  s{number}:", "    image: >-", f"       {image}", ""],
        ][form]
    return end.join([*text, ""])


@settings(max_examples=50, deadline=None)
@given(st.lists(SERVICES, min_size=1, max_size=5), TAGS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_tag_and_nothing_else(
    services: list[tuple[str, str, bool, str, int, str]], tag: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the quotes, comments, anchors and line ends: as if the new tag had been written at once."""
    digests = [DIGEST] * len(services)
    text = mark + written(services, digests, end)
    assert what(FILE.read("compose.yaml", text)) == [
        (name, "", old, DIGEST if digested else "") for name, old, digested, *_ in services
    ]
    at = data.draw(st.integers(0, len(services) - 1))
    after = moved(FILE, "compose.yaml", text, at, release(tag, OTHER_DIGEST))
    services[at] = (services[at][0], tag, *services[at][2:])
    digests[at] = OTHER_DIGEST
    assert after == mark + written(services, digests, end)
