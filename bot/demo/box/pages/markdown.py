"""Enough of GitHub's markdown to read what a bot wrote. All text is escaped first; only known marks become HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

SAFE_LINK = re.compile(r"https?://|/|#|\.{1,2}/", re.I)
# The few tags that people and bots write by hand; they pass without attributes.
ALLOWED = re.compile(r"&lt;(/?(?:details|details open|summary|br|sub|sup|kbd|b|i|em|strong))\s*/?&gt;", re.I)
ITEM = re.compile(r"^(\s*)([-*+]|\d+\.)\s+(.*)$")


def render(text: str | None) -> str:
    """Markdown as HTML."""
    bare = re.sub(r"<!--.*?-->", "", text or "", flags=re.S)
    return blocks(bare.replace("\r\n", "\n").split("\n"))


def blocks(lines: list[str]) -> str:
    """Block by block: each reader takes the lines that are its own."""
    out, at = [], 0
    while at < len(lines):
        for starts, read in READERS:
            if starts(lines, at):
                made, at = read(lines, at)
                out.append(made)
                break
    return "\n".join(out)


Reader = Callable[[list[str], int], tuple[str, int]]


def while_(lines: list[str], at: int, fits: Callable[[str], bool]) -> int:
    """Where a run of fitting lines ends."""
    while at < len(lines) and fits(lines[at]):
        at += 1
    return at


def fenced(lines: list[str], at: int) -> tuple[str, int]:
    """``` code ```"""
    end = while_(lines, at + 1, lambda line: not line.strip().startswith("```"))
    return f"<pre><code>{escape(chr(10).join(lines[at + 1 : end]))}</code></pre>", end + 1


def heading(lines: list[str], at: int) -> tuple[str, int]:
    """# to ######, one step smaller than the page's own title."""
    marks, _, text = lines[at].strip().partition(" ")
    level = min(len(marks) + 1, 6)
    return f"<h{level}>{inline(text.strip())}</h{level}>", at + 1


def quoted(lines: list[str], at: int) -> tuple[str, int]:
    """> text"""
    end = while_(lines, at, lambda line: line.startswith(">"))
    return f"<blockquote>{blocks([line[1:].removeprefix(' ') for line in lines[at:end]])}</blockquote>", end


def is_table(lines: list[str], at: int) -> bool:
    """A line with bars over a line of dashes."""
    below = lines[at + 1] if at + 1 < len(lines) else ""
    return "|" in lines[at] and "-" in below and re.fullmatch(r"[\s|:-]+", below) is not None


def cells(line: str) -> list[str]:
    """The cells of a row; an escaped bar is text."""
    parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [inline(part.strip().replace("\\|", "|")) for part in parts]


def table(lines: list[str], at: int) -> tuple[str, int]:
    """A table with its head."""
    end = while_(lines, at + 2, lambda line: "|" in line and bool(line.strip()))
    head = "".join(f"<th>{cell}</th>" for cell in cells(lines[at]))
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells(row)) + "</tr>" for row in lines[at + 2 : end])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", end


def listing(lines: list[str], at: int) -> tuple[str, int]:
    """A list; deeper lines belong to the item above them."""
    first = ITEM.match(lines[at])
    assert first is not None
    depth, kind = len(first[1]), "ol" if first[2][0].isdigit() else "ul"
    items: list[list[str]] = []
    while at < len(lines):
        found = ITEM.match(lines[at])
        if found and len(found[1]) <= depth:
            items.append([found[3]])
        elif lines[at].startswith(" " * (depth + 2)) and lines[at].strip():
            items[-1].append(lines[at][depth + 2 :])
        else:
            break
        at += 1
    inner = "".join(f"<li>{item(part)}</li>" for part in items)
    return f"<{kind}>{inner}</{kind}>", at


def item(lines: list[str]) -> str:
    """An item, with its box where it is a task."""
    first = re.sub(r"^\[( |x|X)\] ", lambda box: "☑ " if box[1] in "xX" else "☐ ", lines[0])
    return inline(first) + (blocks(lines[1:]) if lines[1:] else "")


def paragraph(lines: list[str], at: int) -> tuple[str, int]:
    """Lines up to an empty one or a block of another kind. A line of nothing but known tags stays bare."""
    end = at + 1
    while end < len(lines) and lines[end].strip() and not any(starts(lines, end) for starts, _ in READERS[:-1]):
        end += 1
    text = inline("\n".join(lines[at:end])).replace("\n", "<br>\n")
    bare = re.fullmatch(r"\s*(</?(details|summary)>|[^<]*</summary>)\s*", text) or re.match(
        r"\s*</?(details|summary)", text
    )
    return (text if bare else f"<p>{text}</p>"), end


READERS: list[tuple[Callable[[list[str], int], bool], Reader]] = [
    (lambda lines, at: not lines[at].strip(), lambda lines, at: ("", at + 1)),
    (lambda lines, at: lines[at].strip().startswith("```"), fenced),
    (lambda lines, at: re.match(r"\s{0,3}#{1,6} ", lines[at]) is not None, heading),
    (
        lambda lines, at: re.fullmatch(r"\s*([-*_])(\s*\1){2,}\s*", lines[at]) is not None,
        lambda _, at: ("<hr>", at + 1),
    ),
    (lambda lines, at: lines[at].startswith(">"), quoted),
    (is_table, table),
    (lambda lines, at: ITEM.match(lines[at]) is not None, listing),
    (lambda lines, at: True, paragraph),
]


def inline(text: str) -> str:
    """Marks within a line. Code is set aside first, so that nothing inside it is read as a mark."""
    kept: list[str] = []

    def keep(made: str) -> str:
        kept.append(made)
        return f"\0{len(kept) - 1}\0"

    text = re.sub(r"(`+)(.+?)\1", lambda code: keep(f"<code>{escape(code[2].strip())}</code>"), text.replace("\0", ""))
    text = escape(text)
    text = ALLOWED.sub(r"<\1>", text)
    text = re.sub(r"!?\[([^\]]*)\]\(([^)\s]+)\)", lambda found: keep(anchor(found[1], found[2])), text)
    text = re.sub(r"(?<![\"=\w/])https?://[^\s<>\0]+[\w/#]", lambda found: keep(anchor(found[0], found[0])), text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"(?<!\w)[*_](?!\s)([^*_\n]+?)[*_](?!\w)", r"<em>\1</em>", text)
    text = re.sub(r"~~(.+?)~~", r"<del>\1</del>", text)
    while "\0" in text:
        text = re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], text)
    return text


def anchor(text: str, address: str) -> str:
    """A link to the web or within the page; any other scheme is shown as text. Both parts are escaped already."""
    if not SAFE_LINK.match(address):
        return f"{text} ({address})"
    return f'<a href="{address}">{text}</a>'
