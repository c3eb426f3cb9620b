"""A Dockerfile as BuildKit reads it: directives, then instructions out of joined lines, each character with its place.

Comments and empty lines inside a joined line are dropped, and the text of a heredoc is no instruction.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.adapters.manifests._file import File
from bot.adapters.manifests._image import LONGEST, Part

_LINE = re.compile(r"[^\n]*\n?")
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(?P<name>[A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(?P<value>\S.*?)[ \t\r\n]*")
# A heredoc stands at the beginning of a word; what a quoted text says is none.
_HEREDOC = re.compile(
    r"""(?<!\S)\d*<<(?P<tabs>-?)\s*(?:'(?P<single>[^'<]+)'|"(?P<double>[^"<]+)"|(?P<bare>[^\s<'"]+))
      | \\. | '[^']*' | "(?:\\.|[^"\\])*" """,
    re.VERBOSE,
)
_VARIABLE = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?::?-(?P<default>[^${}]*))?\})", re.ASCII)
_WITH_HEREDOCS = frozenset({"run", "copy", "add"})

Arguments = Mapping[str, Sequence[Part]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Characters as written, each with its offset in the file."""

    text: str
    at: tuple[int, ...]

    def cut(self, start: int, end: int | None = None) -> Word:
        """A stretch of it."""
        return Word(text=self.text[start:end], at=self.at[start:end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """keyword: in lower case. words: what follows it, told apart by blanks outside of quotes."""

    keyword: str
    at: int
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """syntax: the image of the frontend, where a directive names one. escape: what joins lines and hides a sign."""

    syntax: Word | None
    escape: str
    instructions: tuple[Instruction, ...]


def parse(file: File) -> Dockerfile:
    """ConfigProblem for an escape directive that names neither of the two signs that may be one."""
    lines = [(found.start(), found[0]) for found in _LINE.finditer(file.text) if found[0]]
    if lines and lines[0][1].startswith("\ufeff"):
        lines[0] = (1, lines[0][1][1:])
    directives: dict[str, Word] = {}
    for start, line in lines:
        found = _DIRECTIVE.fullmatch(line)
        if not found:
            break
        at = start + found.start("value")
        word = Word(text=found["value"], at=tuple(range(at, at + len(found["value"]))))
        directives.setdefault(found["name"].lower(), word)
    escape = directives.get("escape")
    if escape and escape.text not in ("\\", "`"):
        raise file.problem(f"{escape.text!r} is no escape", escape.at[0], mend="It is a backslash or a backtick")
    sign = escape.text if escape else "\\"
    return Dockerfile(syntax=directives.get("syntax"), escape=sign, instructions=tuple(_instructions(lines, sign)))


def _instructions(lines: Sequence[tuple[int, str]], escape: str) -> Iterator[Instruction]:
    ends = _Ends(lines)
    number = 0
    while number < len(lines):
        whole, number = _joined(lines, number, escape)
        words = _words(whole, escape)
        if words and words[0].text.lower() == "onbuild":
            words = words[1:]
        if words:
            keyword = words[0].text.lower()
            yield Instruction(keyword=keyword, at=words[0].at[0], words=tuple(words[1:]))
            number = _after_heredocs(whole.text, number, ends) if keyword in _WITH_HEREDOCS else number


def _joined(lines: Sequence[tuple[int, str]], number: int, escape: str) -> tuple[Word, int]:
    """The line that begins here with those that continue it, and the number of the next."""
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    signs: list[str] = []
    places: list[int] = []
    more = True
    while more and number < len(lines):
        start, line = lines[number]
        number += 1
        line = line.rstrip("\r\n")
        if line.lstrip().startswith("#") or (signs and not line.strip()):
            more = bool(signs)
            continue
        kept = continued.sub("", line)
        more = len(kept) < len(line)
        signs += kept
        places += range(start, start + len(kept))
    return Word(text="".join(signs), at=tuple(places)), number


class _Ends:
    """Which lines may end a heredoc, found without reading them again for each."""

    def __init__(self, lines: Sequence[tuple[int, str]]) -> None:
        self._lines: defaultdict[tuple[bool, str], list[int]] = defaultdict(list)
        for number, (_, line) in enumerate(lines):
            text = line.rstrip("\r\n")
            self._lines[False, text].append(number)
            self._lines[True, text.lstrip("\t")].append(number)

    def after(self, number: int, name: str, tabs: bool) -> int | None:
        """The line behind the next one that says just this name, behind tabs where they are allowed."""
        there = self._lines.get((tabs, name), [])
        at = bisect_left(there, number)
        return there[at] + 1 if at < len(there) else None


def _after_heredocs(text: str, number: int, ends: _Ends) -> int:
    """The line behind the last heredoc that the text opens; one without an end is none."""
    for found in _HEREDOC.finditer(text):
        name = found["single"] or found["double"] or found["bare"]
        after = ends.after(number, name, bool(found["tabs"])) if name else number
        if after is None:
            break
        number = after
    return number


def _words(line: Word, escape: str) -> list[Word]:
    found: list[Word] = []
    begin: int | None = None
    quote, at = "", 0
    while at < len(line.text):
        sign = line.text[at]
        if sign.isspace() and not quote:
            if begin is not None:
                found.append(line.cut(begin, at))
            begin = None
        else:
            begin = at if begin is None else begin
            if sign == escape and quote != "'":
                at += 1
            elif sign in "\"'" and quote in ("", sign):
                quote = "" if quote else sign
        at += 1
    return [*found, line.cut(begin)] if begin is not None else found


def expand(word: Word, escape: str, given: Arguments) -> list[Part] | None:
    """A word as the build sees it, without quotes; None when a variable has no value here, or too long a one."""
    parts: list[Part] = []
    quote, at, length = "", 0, 0
    while at < len(word.text) and length <= LONGEST:
        sign = word.text[at]
        variable = _VARIABLE.match(word.text, at) if sign == "$" and quote != "'" else None
        if sign == "$" and quote != "'":
            value = _value(variable, word, given) if variable else None
            if variable is None or value is None:
                return None
            parts += value
            length += sum(len(part.text) for part in value)
            at = variable.end()
            continue
        if sign in "\"'" and quote in ("", sign):
            quote = "" if quote else sign
        else:
            at += sign == escape and quote != "'"
            parts.append(Part(text=word.text[at : at + 1], at=word.at[min(at, len(word.at) - 1)]))
            length += 1
        at += 1
    return parts if length <= LONGEST else None


def _value(variable: re.Match[str], word: Word, given: Arguments) -> list[Part] | None:
    known = given.get(variable["plain"] or variable["name"])
    default = variable["default"]
    if known is None or (not known and default):
        return None if default is None else _given(word.cut(*variable.span("default")))
    return [replace(part, given=part.given + 1) for part in known]


def _given(word: Word) -> list[Part]:
    return [Part(text=sign, at=at, given=1) for sign, at in zip(word.text, word.at, strict=True)]
