"""Foreign text in our own markdown: it may be read, never rendered, never a mention, never a command."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
# Code as `code` writes it, which may stand; then what markdown acts upon elsewhere. Any other backtick would take code
# apart, ours or the next line's. A sign of no width takes two ends apart; a backslash could be escaped itself.
_ACTIVE = re.compile(r"(?<![`\\])`[^`]+`(?!`)|`|@(?=\w)|<(?=[A-Za-z!/?])|!\[|\]\(")
_APART = "\u200b"


def code(text: str, *, most: int = 200) -> str:
    """One line of foreign text as inline code."""
    plain = re.sub(r"\s+", " ", _visible(text)).strip()
    cut = plain if len(plain) <= most else plain[: most - 1] + "…"
    return f"`{cut.replace('`', chr(39))}`" if cut else "` `"


def block(text: str, *, most: int = 4000) -> str:
    """Foreign lines as a fenced block; the last part is kept when it is too long."""
    plain = _visible(text)
    if len(plain) > most:
        plain = "…\n" + plain[-most:]
    runs = max((len(run) for run in re.findall(r"`+", plain)), default=0)
    fence = "`" * max(3, runs + 1)
    return f"{fence}text\n{plain.rstrip()}\n{fence}"


def calm(text: str) -> str:
    """A line of ours in which foreign words may stand without quotes: it calls nobody, links nowhere, hides nothing."""
    return _ACTIVE.sub(_calmed, re.sub(r"\s+", " ", _visible(text)))


def _calmed(found: re.Match[str]) -> str:
    if found[0] == "`":
        return "'"
    return found[0] if found[0][0] == "`" else found[0][0] + _APART + found[0][1:]


def cell(text: str) -> str:
    """Our own words in a table's cell."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table of our own words and of cells made by `code`."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(part) for part in line) + " |" for line in lines)


def _visible(text: str) -> str:
    # Control signs, the bidirectional ones and those of no width can make text read as what it is not.
    return _HIDDEN.sub("", text)
