"""Dockerfiles: every image that a build pulls is found as the builder finds it, and a rewrite changes its tag alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
    BLANKS,
    DIGEST,
    ENDS,
    MARKS,
    NAMES,
    OTHER_DIGEST,
    TAGS,
    moved,
    opened,
    release,
    short,
    what,
)

FILE = opened("dockerfile")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("Dockerfile", text))


def test_the_images_of_all_stages_are_found() -> None:
    """Stages, their numbers and scratch are no images; instructions may be written small and over several lines."""
    text = f"""\
# syntax=docker/dockerfile:1.7
# a comment
FROM --platform=$BUILDPLATFORM python:3.12-slim AS Base
FROM base AS two
from \\
    # inside
    ghcr.io/acme/tool:1.0@{DIGEST} \\

    as three
COPY --chown=1:1 --from=docker.io/library/busybox:1.36 /bin/sh /bin/sh
COPY --from=BASE /a /b
COPY --from=0 /a /b
COPY file /from=x:1
RUN --mount=type=cache,target=/c --mount=type=bind,from=node:20,source=/x,target=/y make
RUN --mount=from=three,target=/y make --from=y:1
ONBUILD COPY --from=redis:7 /a /b
FROM scratch
FROM python
FROM python:latest
FROM localhost:5000/a/b@{DIGEST}
"""
    assert read(text) == [
        (1, 10, "docker/dockerfile", "1.7"),
        (3, 32, "python", "3.12-slim"),
        (7, 13, "acme/tool", "1.0"),
        (10, 43, "busybox", "1.36"),
        (14, 57, "node", "20"),
        (16, 21, "redis", "7"),
        (18, 6, "python", None),
        (19, 6, "python", None),
        (20, 21, "a/b", None),
    ]
    pins = FILE.read("Dockerfile", text)
    assert [pin.digest for pin in pins if pin.digest] == [DIGEST, DIGEST]
    assert [pin.component.registry for pin in pins if "/" in pin.component.name] == [
        "",
        "https://ghcr.io",
        "http://localhost:5000",
    ]
    assert pins[2].requirement == f"1.0@{DIGEST}" and pins[7].requirement == "latest"


@pytest.mark.parametrize(
    ("arguments", "image", "found"),
    [
        ("ARG V=3.12", "python:$V", (1, 7, "python", "3.12")),
        ("ARG V=3.12", "python:${V}-slim", (1, 7, "python", "3.12-slim")),
        ('ARG A=1 V="3.12"', "'python':\"${V}\"", (1, 12, "python", "3.12")),
        ("ARG I=a/b:1.0", "${I}", (1, 7, "a/b", "1.0")),
        ("ARG R=reg.example", "$R/a:1.0", (2, 9, "a", "1.0")),
        ("ARG V", "python:${V:-3.12}", (2, 18, "python", "3.12")),
        ("ARG V=", "python:${V:-3.12}", (2, 18, "python", "3.12")),
        ("ARG V=3.13", "python:${V:-3.12}", (1, 7, "python", "3.13")),
        ("ARG A=3", "python:${V-3.12}", (2, 17, "python", "3.12")),
        ("ARG N=3.12\nARG V=$N-slim", "python:$V", (1, 7, "python", "3.12-slim")),
        ("ARG N=3.12\nARG I=python:$N-slim", "$I", (2, 7, "python", "3.12-slim")),
        ("ARG V=1\nARG V=2", "python:$V", (2, 7, "python", "2")),
        ("ARG A=3 B=12", "python:$A.$B", (2, 6, "python", None)),
        ("ARG V=latest", "python:$V", (2, 6, "python", None)),
    ],
)
def test_a_variable_with_a_value_in_the_file_is_what_is_pinned(
    arguments: str, image: str, found: tuple[int, int, str, str | None]
) -> None:
    """The pin stands where the tag is written; a tag out of two variables is known and not edited."""
    assert read(f"{arguments}\nFROM {image}\n") == [found]


@pytest.mark.parametrize(
    "text",
    [
        "ARG V\nFROM python:$V\n",
        "FROM python:$V\n",
        "FROM a:1\nARG V=2\nFROM python:$V AS x\nCOPY --from=$V:1 a b\n",
        "ARG V=1\nARG V\nFROM python:$V\n",
        "FROM python:${V:+1}\n",
        "FROM python:${V%-*}\n",
        "FROM {{ image }}:1\n",
        "ARG V=${W}\nFROM python:${V}\n",
        "ARG A=aaaaaaaaaa\n" + "".join(f"ARG A{n + 1}=$A{n or ''}$A{n or ''}\n" for n in range(40)) + "FROM $A40",
    ],
)
def test_what_only_the_build_knows_is_left_alone(text: str) -> None:
    """Build arguments without a value, templates, and values that blow themselves up."""
    assert [found for found in read(text) if found[2] != "a"] == []


def test_a_variable_is_rewritten_within_the_fixed_ends_of_its_tag() -> None:
    """`${V}-slim` gets the new number; a tag with another end cannot be written, and that is said."""
    text = "ARG V=3.12\nFROM python:${V}-slim\nFROM python:${V}-slim AS again\n"
    (pin,) = FILE.read("Dockerfile", text)
    assert FILE.rewrite(text, pin, release("3.13-slim")) == text.replace("3.12", "3.13")
    with pytest.raises(ConfigProblem, match=r"Dockerfile:1: only a variable of python can change, and 3.13 is not"):
        FILE.rewrite(text, pin, release("3.13"))


def test_a_variable_of_several_images_is_answered_not_edited() -> None:
    """What one image has the other may not have."""
    text = "ARG V=1.2\nFROM a:$V\nFROM b:$V\n"
    assert read(text) == [(1, 7, "a", None), (1, 7, "b", None)]
    assert [found[3] for found in read("ARG V=1\nFROM a:$V-x\nFROM a:$V-y\n")] == [None, None]
    with pytest.raises(ConfigProblem, match="no longer pins a"):
        FILE.rewrite(text, FILE.read("Dockerfile", text)[0], release("2"))


def test_a_heredoc_is_text_and_no_instruction() -> None:
    """As BuildKit reads them (pairs after its parser_heredoc_test.go); one without an end hides nothing."""
    text = """\
FROM a:1
RUN <<EOF
FROM no:1
EOF
RUN 3<<-"EOF" cat
FROM no:2
\tEOF
COPY <<A <<'B C' /dest
FROM no:3
A
A
FROM no:4
B C
RUN echo "<<X" '<<Y' \\"<<Z
FROM b:2
RUN <<NEVER
FROM c:3
USER <<EOF
FROM d:4
EOF
"""
    assert [found[2] for found in read(text)] == ["a", "b", "c", "d"]


def test_the_escape_is_the_one_that_the_file_names() -> None:
    """On the other system a backslash is part of a path, and a backtick joins lines."""
    text = " # EsCaPe=`\n# syntax = a:1\nFROM x:1 `\n  AS y\nCOPY C:\\ D:\\\nFROM z:2\n"
    assert [found[2] for found in read(text)] == ["a", "x", "z"]
    assert [found[2] for found in read("FROM x:1\nCOPY C:\\ D:\\\nFROM z:2\nCOPY a\\\\\nFROM q:1\n")] == ["x", "q"]
    assert [found[2] for found in read("#\n# syntax=a:1\nFROM x:1\n")] == ["x"]
    with pytest.raises(ConfigProblem, match=r"a/Dockerfile:1:10: 'x' is no escape"):
        FILE.read("a/Dockerfile", "# escape=x\n")


def test_a_from_without_an_image_is_said() -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=r"Dockerfile:2:3: FROM names no image"):
        read("FROM a:1\n  FROM --platform=x \\\n")


def test_a_digest_moves_with_its_tag() -> None:
    """Both are exchanged, and without a digest of the new tag nothing is."""
    text = f"FROM a:1.0@{DIGEST} AS x\n"
    assert moved(FILE, "Dockerfile", text, 0, release("2.0", OTHER_DIGEST)) == f"FROM a:2.0@{OTHER_DIGEST} AS x\n"
    with pytest.raises(ConfigProblem, match="no digest that is known"):
        FILE.rewrite(text, FILE.read("Dockerfile", text)[0], release("2.0"))


LINES = st.tuples(NAMES, TAGS, st.booleans(), st.integers(0, 5), BLANKS)


def written(lines: list[tuple[str, str, bool, int, str]], digests: list[str], end: str) -> str:
    """Each image in one of the forms that people write, its digest where it has one."""
    text = [f"# syntax=docker/dockerfile:1{end}"]
    for number, (name, tag, digested, form, blank) in enumerate(lines):
        image = f"{name}:{tag}" + (f"@{digests[number]}" if digested else "")
        text += [
            [f"FROM {blank}{image}{blank} as s{number}", "  # FROM x:1"],
            [f"{blank}from --platform=linux/amd64 \\{blank}", " # FROM x:1", f"  {image}"],
            [f'FROM "{image}" AS s{number}', "RUN <<E", "FROM x:1", "E"],
            [f"COPY --link --from={image} {blank} /a /b"],
            [f"RUN --mount=type=bind,from={image},target=/x {blank} echo x:1"],
            [f"ONBUILD {blank} COPY --from={image} a b"],
        ][form if number else 0]
    return end.join(text)


@settings(max_examples=50, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=5), TAGS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_tag_and_nothing_else(
    lines: list[tuple[str, str, bool, int, str]], tag: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, quotes, comments and line ends: the text is as if the new tag had been written at once."""
    digests = [DIGEST] * len(lines)
    text = mark + written(lines, digests, end)
    assert what(FILE.read("Dockerfile", text))[1:] == [
        (name, "", old, DIGEST if digested else "") for name, old, digested, _, _ in lines
    ]
    at = data.draw(st.integers(0, len(lines) - 1))
    after = moved(FILE, "Dockerfile", text, at + 1, release(tag, OTHER_DIGEST))
    lines[at] = (lines[at][0], tag, *lines[at][2:])
    digests[at] = OTHER_DIGEST
    assert after == mark + written(lines, digests, end)
