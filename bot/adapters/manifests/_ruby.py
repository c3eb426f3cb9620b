"""Ruby's tokens, so far as they tell where a text, a word or a line begins and ends; nothing of it is ever run.

Written after Ruby's documentation (`doc/syntax/literals.rdoc`). Whether `/`, `%`, `?` and `<<` begin a literal or stand
between two values is told by what is before them, as Ruby itself does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.adapters.manifests._file import File
from bot.adapters.manifests._tree import Text, bounded

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\ufeff]++|\\\r?\n|\#[^\n]*+)
      | (?P<line>[\n;])
      | (?P<label>[A-Za-z_]\w*+[?!]?:(?!:))
      | (?P<symbol>:(?:[A-Za-z_]\w*+[?!]?|(?=")))
      | (?P<word>[@$]*[^\W\d]\w*+(?:[?!](?!=))?|\$[^\w\s])
      | (?P<number>\d[\w.]*+)
      | (?P<quote>["'`])
      | (?P<sign>=>|&\.|::|==|=~|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_COLON = re.compile("(?P<sign>:)")
_PERCENT = re.compile(r"%(?P<kind>[qQwWiIrsx]?)(?P<open>[^\w\s=]|(?<=[qQwWiIrsx])=)")
_HEREDOC = re.compile(r"""<<(?P<form>[~-]?)(?P<quote>["'`]?)(?P<name>[A-Za-z_]\w*)(?P=quote)""")
_OPERATOR = re.compile(r":(?:\[\]=?|<=>|===?|=~|!=?|\*\*|[+-]@?|<<|>>|<=?|>=?|[*/%~^&|])")
_CHARACTER = re.compile(r"\?(?:\\.|[^\s\\])(?!\w)", re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_RAW = frozenset({"q", "w", "i", "s"})  # no template in these
_END = re.compile(r"^__END__\r?$", re.MULTILINE)
_BLOCK_COMMENT = re.compile(r"^=begin\b.*?(?:^=end\b[^\n]*|\Z)", re.MULTILINE | re.DOTALL)
# Words behind which a value begins.
_OPERATORS = frozenset({"if", "unless", "while", "until", "and", "or", "not", "when", "in", "return", "then", "else"})
_OPERATORS |= {"elsif", "do", "case", "puts", "rescue"}
_INSIDE = re.compile(r"\\.|(?P<template>\#\{)|(?P<sign>.)", re.DOTALL)
_IN_TEMPLATE = re.compile(r"""\$.|["'`{}]""", re.DOTALL)  # a dollar and a quote are a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """kind: word, text, label (`name:`), symbol (`:name`), sign, line, or value for any other literal.

    text: what it says; of a label or symbol its name. A text with a template in it is a value.
    """

    kind: str
    text: Text

    def __str__(self) -> str:
        return self.text.value

    def says(self, *signs: str) -> bool:
        """Whether it is one of these signs or words."""
        return self.kind in ("sign", "word", "line") and self.text.value in signs


def tokens(file: File) -> list[Token]:
    """All tokens, no line ends where a statement goes on. ConfigProblem for a literal that is never closed."""
    bounded(file)
    return list(_Scan(file).tokens())


class _Scan:
    def __init__(self, file: File) -> None:
        end = _END.search(file.text)
        self._file = file
        self._text = file.text[: end.start()] if end else file.text
        self._at = 0
        self._last: Token | None = None
        self._blank = True  # whether one was just passed over
        self._brackets: list[str] = []
        self._heredocs: list[re.Match[str]] = []

    def tokens(self) -> Iterator[Token]:
        while self._at < len(self._text):
            token = self._next()
            if token is not None and not (token.says("\n") and self._goes_on()):
                self._last = token
                yield token

    def _next(self) -> Token | None:
        if self._text.startswith("=begin", self._at) and (comment := _BLOCK_COMMENT.match(self._text, self._at)):
            self._at = comment.end()
            return None
        if (literal := self._literal()) is not None:
            self._blank = False
            return literal
        # Of `"name": 1` the colon belongs to the text before it.
        behind = self._last is not None and self._last.kind == "text" and not self._blank
        found = (_COLON if behind and self._text[self._at] == ":" else _TOKEN).match(self._text, self._at)
        assert found is not None, "every character is a token of some kind"
        kind, start = found.lastgroup or "", self._at
        self._at = found.end()
        self._blank = kind in ("blank", "line")
        if kind == "blank":
            return None
        if kind == "quote":
            return self._quoted(found[0], found[0], raw=found[0] == "'", start=start)
        return self._token(kind, found[0], start)

    def _token(self, kind: str, value: str, start: int) -> Token:
        if kind == "label":
            return Token(kind=kind, text=Text(value=value[:-1], at=start))
        if kind == "symbol":
            if value == ":":
                self._at += 1
                return self._quoted('"', '"', raw=False, start=start, kind="symbol")
            return Token(kind=kind, text=Text(value=value[1:], at=start + 1))
        if kind == "sign":
            self._count(value)
        if value == "\n":
            self._pass_heredocs()
        return Token(kind="value" if kind == "number" else kind, text=Text(value=value, at=start))

    def _count(self, sign: str) -> None:
        if sign in ("(", "[", "{"):
            self._brackets.append(sign)
        elif sign in (")", "]", "}") and self._brackets:
            self._brackets.pop()

    def _goes_on(self) -> bool:
        """Whether the statement continues on the next line."""
        if (
            self._last is not None
            and self._last.kind == "sign"
            and self._last.says(",", "=>", ".", "&.", "||", "+", "=")
        ):
            return True
        return bool(self._brackets) and self._brackets[-1] != "{"

    def _may_begin(self) -> bool:
        """Whether a value may begin here; behind a word only one that touches what follows it and no word before."""
        last = self._last
        if last is None or last.kind in ("line", "label") or (last.kind == "word" and str(last) in _OPERATORS):
            return True
        if last.kind == "sign":
            return str(last) not in (")", "]", "}")
        touches = self._text[self._at + 1 : self._at + 2].strip() != ""
        return last.kind == "word" and self._blank and touches

    def _literal(self) -> Token | None:
        sign, start = self._text[self._at], self._at
        if sign not in "/%?<:" or not self._may_begin():
            return None
        if sign == ":" and (found := _OPERATOR.match(self._text, self._at)):
            self._at = found.end()
            return Token(kind="symbol", text=Text(value=found[0][1:], at=start + 1))
        if sign == "/":
            self._at += 1
            return self._quoted("/", "/", raw=False, start=start, kind="value")
        if sign == "%" and (found := _PERCENT.match(self._text, self._at)):
            self._at = found.end()
            kind = "text" if found["kind"] in ("", "q", "Q") else "value"
            closing = _CLOSING.get(found["open"], found["open"])
            return self._quoted(found["open"], closing, raw=found["kind"] in _RAW, start=start, kind=kind)
        if sign == "?" and (found := _CHARACTER.match(self._text, self._at)):
            self._at = found.end()
            return Token(kind="value", text=Text(value=found[0], at=start))
        if sign == "<" and str(self._last) != "class" and (found := _HEREDOC.match(self._text, self._at)):
            self._at = found.end()
            self._heredocs.append(found)
            return Token(kind="value", text=Text(value=found[0], at=start))
        return None

    def _quoted(self, opening: str, closing: str, *, raw: bool, start: int, kind: str = "text") -> Token:
        """A literal from behind its opening to its closing; one with a template is only known when Ruby runs."""
        first, depth, plain = self._at, 1, True
        while depth:
            found = _INSIDE.match(self._text, self._at)
            if found is None:
                raise self._file.problem("this text is never closed", start)
            self._at = found.end()
            if found["template"] and not raw:
                kind = "value"
                self._pass_template(start)
            elif found["template"]:
                self._at -= 1  # the brace may be the closing one
            elif not found["sign"]:
                plain = False
            elif found["sign"] == closing:
                depth -= 1
            elif found["sign"] == opening:
                depth += 1
        value = self._text[first : self._at - 1]
        return Token(kind=kind, text=Text(value=value, at=first, plain=plain))

    def _pass_template(self, start: int) -> None:
        """On behind the brace that closes a template, in which there may be texts with templates again."""
        inside = ["}"]  # what closes that in which we are
        while inside:
            top = inside[-1]
            found = (_IN_TEMPLATE if top == "}" else _INSIDE).search(self._text, self._at)
            if found is None:
                raise self._file.problem("this text is never closed", start)
            self._at = found.end()
            if found[0] == top:
                inside.pop()
            elif top == "}" and found[0][0] != "$":
                inside.append("}" if found[0] == "{" else found[0])
            elif found[0] == "#{" and top != "'":
                inside.append("}")

    def _pass_heredocs(self) -> None:
        """On behind the texts that begin below a line, for each that the line names."""
        for heredoc in self._heredocs:
            indent = r"[ \t]*" if heredoc["form"] else ""
            end = re.compile(rf"^{indent}{heredoc['name']}\r?$", re.MULTILINE).search(self._text, self._at)
            if end is None:
                raise self._file.problem(f"this heredoc is never closed by {heredoc['name']}", heredoc.start())
            self._at = min(end.end() + 1, len(self._text))
        self._heredocs.clear()
