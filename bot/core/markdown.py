"""Which lines of a comment are its writer's own words: not quoted, not code, not hidden in an HTML comment.

Not a renderer: where markdown is ambiguous, a line is left out, because what is left out does nothing. One pass over
the lines and one over the backticks, so hostile text costs no more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ITEM = r"\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)*"  # a fence may stand in a list
_FENCE = re.compile(rf"({_ITEM})(`{{3,}}(?=[^`]*$)|~{{3,}}).*")
_QUOTE = re.compile(rf"{_ITEM}>")
_SAYS = re.compile(r"[^\s>]")  # a quote's line with something on it, which a line below it goes on with
_LISTED = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_BEGINS = re.compile(r" {0,3}#{1,6}(?:\s|$)")
CODE = 4  # so far in, and in no list, a line is code itself and no fence
_TICKS = re.compile(r"`+")
_HIDES = re.compile(r"<!--|<(pre|blockquote|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_COMMENT_ENDS = re.compile("-->")
_ENDS = {tag: re.compile(f"</{tag}>", re.IGNORECASE) for tag in ("pre", "blockquote", "script", "style", "textarea")}


def own_lines(text: str) -> Iterator[str]:
    """The lines that count, in order. What begins on a line that counts and is hidden later on it is cut off."""
    paragraph: list[str] = []
    for line in _visible(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        if line is not None and line.strip():
            paragraph.append(line)
            continue
        yield from _outside_code(paragraph)
        paragraph = []
    yield from _outside_code(paragraph)


def _visible(lines: list[str]) -> Iterator[str | None]:
    """Each line as far as it can be seen; None where a block of another kind stands, which ends a paragraph."""
    fence: re.Pattern[str] | None = None
    end: re.Pattern[str] | None = None
    quoted = listed = False
    for line in lines:
        begins_item = _LISTED.match(line) is not None
        listed = listed or begins_item
        # A line right below a quote is shown within it, as mail programs break what they quote.
        quoted = quoted and bool(line.strip()) and not begins_item and not _BEGINS.match(line)
        if fence:
            fence = None if fence.fullmatch(line) else fence
            yield None
        elif end:
            # What follows the end on its line still belongs to the block.
            end = None if end.search(line) else end
            yield None
        elif (opened := _FENCE.fullmatch(line)) and (listed or _indent(line) < CODE):
            fence = _closing(indent=len(opened[1]) if listed else 0, ticks=opened[2])
            quoted = False
            yield None
        elif quote := _QUOTE.match(line):
            quoted = _SAYS.search(line, quote.end()) is not None
            yield None
        elif quoted:
            yield None
        else:
            seen, end = _cut(line)
            yield seen


def _indent(line: str) -> int:
    """How far a line is set in; a tab reaches to the next fourth column."""
    plain = line.expandtabs(4)
    return len(plain) - len(plain.lstrip())


def _closing(*, indent: int, ticks: str) -> re.Pattern[str]:
    """A fence ends at one of its own kind, at least as long; one that is set in too far is part of the code."""
    # Bounded, because a repeat count has a limit and no person nests deeper.
    return re.compile(rf" {{0,{min(indent, 40) + 3}}}{ticks[0]}{{{min(len(ticks), 1000)},}}\s*")


def _cut(line: str) -> tuple[str, re.Pattern[str] | None]:
    """The line without what is hidden in it, and what will end a block that it leaves open."""
    seen, at = [], 0
    while start := _HIDES.search(line, at):
        seen.append(line[at : start.start()])
        end = _ENDS[start[1].lower()] if start[1] else _COMMENT_ENDS
        closed = end.search(line, start.end())
        if closed is None:
            return "".join(seen), end
        at = closed.end()
    return "".join([*seen, line[at:]]), None


def _outside_code(paragraph: list[str]) -> Iterator[str]:
    """The lines of one paragraph that do not begin inside of a code span."""
    spans = _spans("\n".join(paragraph))
    start, end = next(spans, (0, 0))
    offset = 0
    for line in paragraph:
        while end and end <= offset:
            start, end = next(spans, (0, 0))
        if not (end and start < offset):
            yield line
        offset += len(line) + 1


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Code spans as start and end: a run of backticks up to the next run of the same length."""
    runs = [(found.start(), found.end()) for found in _TICKS.finditer(text)]
    following: dict[int, int] = {}
    partner: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index][1] - runs[index][0]
        if length in following:
            partner[index] = following[length]
        following[length] = index
    index = 0
    while index < len(runs):
        closing = partner.get(index)
        if closing is not None:
            yield runs[index][0], runs[closing][1]
            index = closing
        index += 1
