"""Only what a person says themselves is heard, not what they quote, show or hide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.markdown import own_lines


def heard(text: str) -> list[str]:
    """The lines with something on them."""
    return [line for line in own_lines(text) if line.strip()]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb", ["a", "b"]),
        ("a\r\nb\rc", ["a", "b", "c"]),
        ("> a\nb", []),
        ("- > a\nb\nc\n\nd", ["d"]),
        ("> a\n\nb", ["b"]),
        (">\nb", ["b"]),
        ("> a\n- b\nc", ["- b", "c"]),
        ("> a\n# b\nc", ["# b", "c"]),
        ("> a\n```\nx\n```\nb", ["b"]),
        ("    ```\n```\na\n```\nb", ["    ```", "b"]),
        ("\t```\n```\na\n```\nb", ["\t```", "b"]),
        ("   ```\n      ```\na\n```\nb", ["b"]),
        ("- x\n\n    ```\n    a\n    ```\nb", ["- x", "b"]),
        ("```\na\n```\nb", ["b"]),
        ("```py\na\n````\nb", ["b"]),
        ("````\na\n```\nb\n````\nc", ["c"]),
        ("~~~\na\n```\nb\n~~~\nc", ["c"]),
        ("```\na", []),
        ("- ```\n  a\n  ```\nb", ["b"]),
        ("1. - ```\n     a\n     ```\nb", ["b"]),
        ("```\n    ```\na\n```\nb", ["b"]),
        ("```not a fence```\na", ["```not a fence```", "a"]),
        ("<!-- a -->b", ["b"]),
        ("a <!-- b --> c", ["a  c"]),
        ("a <!--\nb\n--> c\nd", ["a ", "d"]),
        ("<!-- a\nb", []),
        ("```\n<!--\n```\na", ["a"]),
        ("<pre>\na\n</PRE>\nb", ["b"]),
        ("<prefix>\na", ["<prefix>", "a"]),
        ("<blockquote>\na\n</blockquote>\nb", ["b"]),
        ("<Script>a\nb\n</script>\nc", ["c"]),
        ("`x\na\ny`\nb", ["`x", "b"]),
        ("``x ` y\na``\nb", ["``x ` y", "b"]),
        ("`x\n\na\n\ny`", ["`x", "a", "y`"]),
        ("it's `x` and\na", ["it's `x` and", "a"]),
        ("``x`\na", ["``x`", "a"]),
        ("\u0130<!-- a -->b", ["\u0130b"]),
    ],
)
def test_what_counts(text: str, lines: list[str]) -> None:
    """Quotes, fences of every kind, code spans over lines, HTML comments and blocks are left out."""
    assert lines == heard(text)


@given(st.text(alphabet="`~<!->pre/ \na#*1.", max_size=200))
def test_every_line_that_counts_stands_in_the_text(text: str) -> None:
    """Nothing is made up, whatever the marks: each line is a line of the text, less what is hidden in it."""
    lines = text.split("\n")

    for line in own_lines(text):
        assert line in lines or any("<!--" in other or "<pre" in other for other in lines)


@pytest.mark.parametrize(
    "piece", ["`" * 9 + "a", "<!---->", "<!--", "<pre", "- ", " ", "> ", "```\n", "`\n", "1. ", "``` ```", "-->", "a\n"]
)
def test_hostile_text_ends(piece: str) -> None:
    """As much of one mark as a comment can hold is gone through once (a slower reading would hit the time limit)."""
    assert sum(map(len, own_lines(piece * (65_536 // len(piece))))) <= 65_536


def test_backticks_of_every_length_end() -> None:
    """Runs that find no partner are not searched for again and again."""
    text = " ".join("`" * length for length in range(1, 200)) + " `" * 20_000

    assert list(own_lines(text))
