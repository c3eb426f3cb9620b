"""The blocks of a Terraform file with the texts that they hold, each where it stands; expressions are skipped.

Written for the syntax of HCL 2 (its published specification, "Structural Elements" and "Lexical Elements"). An object
(`aws = { … }`) counts as a block. Brackets are counted, never followed by recursion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.adapters.manifests._file import File, templated
from bot.core.errors import ConfigProblem

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\ufeff]+ | \#[^\n]* | //[^\n]*)
      | (?P<comment>/\*)
      | (?P<end>[\n,])
      | <<-?(?P<heredoc>[^\s"]+)[ \t]*\r?\n
      | (?P<word>[^\W\d][\w-]*)
      | (?P<quote>")
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
# In a text: an escape, a doubled mark that opens no template, an opening, the closing quote, or an end of line.
_IN_TEXT = re.compile(r"\\.|\$\$\{|%%\{|(?P<open>[$%]\{)|(?P<close>\")|(?P<line>\n)")
_IN_TEMPLATE = re.compile(r"(?P<quote>\")|(?P<open>\{)|(?P<close>\})")
_CLOSING = {"{": "}", "(": ")", "[": "]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a key or a label says. at: the offset of its first character, behind the quote."""

    value: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """path: types and labels from the top of the file down. texts: its plain attributes, by their key."""

    path: tuple[Text, ...]
    texts: dict[str, tuple[Text, Text]]  # with the place of the key, and the value

    @property
    def names(self) -> tuple[str, ...]:
        """The path without the places."""
        return tuple(one.value for one in self.path)

    def value(self, key: str) -> Text | None:
        """The text of an attribute, None where there is none or one that only a run of Terraform knows."""
        return self.texts[key][1] if key in self.texts else None


DEEPEST = 100
_NOBODY = Text(value="", at=0)


@dataclass(slots=True)
class _Frame:
    """An open bracket: what it holds, and the statement that is being read in it."""

    bracket: str
    at: int
    block: Block
    statement: list[tuple[str, Text]] = field(default_factory=list)

    def finish(self) -> None:
        match self.statement:
            case [("word" | "text", key), ("sign", Text(value="=" | ":")), ("text", value)] if self.bracket == "{":
                self.block.texts[key.value] = (key, value)
        self.statement.clear()


def blocks(file: File) -> list[Block]:
    """All blocks and objects, in the order in which they open. ConfigProblem for what is no HCL, unless a template."""
    try:
        return _blocks(file)
    except ConfigProblem:
        if templated(file.text):
            return []
        raise


def _blocks(file: File) -> list[Block]:
    top = _Frame("{", 0, Block(path=(), texts={}))
    found, frames = [top.block], [top]
    at = 0
    while at < len(file.text):
        token = _TOKEN.match(file.text, at)
        assert token is not None, "every character is a token of some kind"
        at = token.end()
        frame = frames[-1]
        if token["comment"]:
            at = _after_comment(file, token.start())
        elif name := token["heredoc"]:
            at = _after_heredoc(file, token.start(), at, name)
            frame.statement.append(("heredoc", Text(value="", at=at)))
        elif token["quote"]:
            at = _after_text(file, token.start())
            frame.statement.append(_text(file.text[token.end() : at - 1], token.end()))
        elif token["word"]:
            frame.statement.append(("word", Text(value=token["word"], at=token.start())))
        elif token["end"]:
            frame.finish()
        elif sign := token["sign"]:
            _bracket(file, frames, found, Text(value=sign, at=token.start()))
    if len(frames) > 1:
        raise file.problem(f"this {frames[-1].bracket!r} is never closed", frames[-1].at)
    top.finish()
    return found


def _bracket(file: File, frames: list[_Frame], found: list[Block], sign: Text) -> None:
    frame = frames[-1]
    if sign.value in _CLOSING:
        path = (*frame.block.path, *_header(frame.statement)) if sign.value == "{" else frame.block.path
        if len(frames) > DEEPEST:
            raise file.problem(f"brackets nest deeper than {DEEPEST}", sign.at)
        block = Block(path=path, texts={})
        frames.append(_Frame(sign.value, sign.at, block))
        if sign.value == "{":
            found.append(block)
    elif sign.value in _CLOSING.values():
        if len(frames) == 1 or _CLOSING[frame.bracket] != sign.value:
            raise file.problem(f"this {sign.value!r} closes nothing", sign.at)
        frame.finish()
        frames.pop()
        frames[-1].statement.append(("sign", sign))
    else:
        frame.statement.append(("sign", sign))


def _header(statement: Sequence[tuple[str, Text]]) -> list[Text]:
    """What names a block: its type and labels, or the key of an object; an expression names nothing."""
    match list(statement):
        case [(("word" | "text"), key), ("sign", Text(value="=" | ":"))]:
            return [key]
        case words if words and all(kind in ("word", "text") for kind, _ in words):
            return [word for _, word in words]
    return [_NOBODY]


def _text(raw: str, at: int) -> tuple[str, Text]:
    """A text that says what it is; one with escapes or templates in it is only known when Terraform runs."""
    plain = not any(mark in raw for mark in ("\\", "${", "%{"))
    return ("text" if plain else "template"), Text(value=raw, at=at)


def _after_text(file: File, start: int) -> int:
    """The offset behind the closing quote of a text; a template in it may hold texts, and those templates again."""
    at = start + 1
    inside = ["text"]
    while inside:
        found = (_IN_TEXT if inside[-1] == "text" else _IN_TEMPLATE).search(file.text, at)
        if found is None or (inside[-1] == "text" and found["line"]):
            raise file.problem("this text is never closed", start)
        at = found.end()
        if found["close"]:
            inside.pop()
        elif found["open"]:
            inside.append("template")
        elif inside[-1] == "template":
            inside.append("text")
    return at


def _after_comment(file: File, start: int) -> int:
    end = file.text.find("*/", start + 2)
    if end < 0:
        raise file.problem("this comment is never closed", start)
    return end + 2


def _after_heredoc(file: File, start: int, at: int, name: str) -> int:
    end = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*\r?$", re.MULTILINE).search(file.text, at)
    if end is None:
        raise file.problem(f"this heredoc is never closed by {name}", start)
    return end.end()
