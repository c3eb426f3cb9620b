"""A TOML document as tables with places: found valid by the standard library, and no more work than it is long.

The standard library's reader takes time with the square of a dotted key's length and nests as deep as the text does;
both are counted before it is asked.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from bot.adapters.manifests._file import File, templated
from bot.adapters.manifests._tree import DEEPEST, Table, Text, Value, bounded
from bot.core.errors import ConfigProblem

_TOKEN = re.compile(
    r'''(?P<blank>[ \t\r\ufeff]+|\#[^\n]*)
      | (?P<line>\n)
      | (?P<long>"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*+\'{3,5})
      | (?P<text>"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*\')
      | (?P<mark>[\[\]{}=,.])
      | (?P<bare>[^\s"\'\[\]{}=,.\#]+)''',
    re.VERBOSE | re.DOTALL,
)
_PLACE = re.compile(r"line (\d+), column (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    raw: str
    at: int

    def text(self) -> Text:
        """A string or a bare key; one that is written with escapes or over several lines keeps no places."""
        if self.kind == "bare":
            return Text(value=self.raw, at=self.at)
        if self.kind == "text" and (self.raw[0] == "'" or "\\" not in self.raw):
            return Text(value=self.raw[1:-1], at=self.at + 1)
        return Text(value=tomllib.loads(f"a={self.raw}")["a"], at=self.at + 1, plain=False)


def table(file: File) -> Table:
    """The document. ConfigProblem for what is no TOML, unless it is a template of one."""
    bounded(file)
    try:
        tokens = _tokens(file)
        _validate(file)
    except ConfigProblem:
        if templated(file.text):
            return Table()
        raise
    return _Reader(tokens).document()


def _tokens(file: File) -> list[_Token]:
    found: list[_Token] = []
    at = depth = dots = 0
    while token := _TOKEN.match(file.text, at):
        kind, at = token.lastgroup or "", token.end()
        if kind == "blank":
            continue
        found.append(_Token(kind=kind, raw=token[0], at=token.start()))
        if kind == "mark":
            depth += (token[0] in "[{") - (token[0] in "]}")
        if kind == "line" or token[0] in ("=", ",", "[", "{"):
            dots = 0
        dots += token[0] == "."
        if depth > DEEPEST or dots > DEEPEST:
            raise file.problem(f"is no valid TOML: it nests deeper than {DEEPEST}", token.start())
    return found


def _validate(file: File) -> None:
    try:
        # A byte order mark is no TOML, yet editors of one system write it.
        tomllib.loads(file.text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        place = _PLACE.search(str(error))
        # Otherwise it says "at end of document", or nothing of a place.
        where = f"{place[1]}:{place[2]}" if place else f"{len(file.text.splitlines()) or 1}"
        why = re.sub(r" [(]at .*", "", str(error))
        raise ConfigProblem(f"is no valid TOML: {why}", where=f"{file.path}:{where}") from None


class _Reader:
    """Builds the tables out of the tokens of a valid document."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._next = tokens, 0

    def document(self) -> Table:
        root = table = Table()
        while self._skip_lines():
            if self._is("["):
                table = self._header(root)
            else:
                self._pair(table)
        return root

    def _header(self, root: Table) -> Table:
        self._next += 1
        double = self._is("[")
        self._next += double
        *path, last = self._keys()
        self._next += 1 + double
        table = root
        for key in path:
            table = table.below(key)
        if not double:
            return table.below(last)
        listed = table.get(last.value)
        if not isinstance(listed, list):
            listed = []
            table.put(last, listed)
        listed.append(Table())
        return table.below(last)

    def _pair(self, table: Table) -> None:
        *path, last = self._keys()
        self._next += 1  # the equals sign
        for key in path:
            table = table.below(key)
        table.put(last, self._value())

    def _keys(self) -> list[Text]:
        keys = [self._take().text()]
        while self._is("."):
            self._next += 1
            keys.append(self._take().text())
        return keys

    def _value(self) -> Value:
        self._skip_lines()
        token = self._take()
        if token.kind in ("text", "long"):
            return token.text()
        if token.raw == "[":
            return self._list()
        if token.raw == "{":
            return self._inline()
        # A number, a date or a truth value: a date may hold a blank, a number a dot.
        while self._next < len(self._tokens) and (self._tokens[self._next].kind == "bare" or self._is(".")):
            self._next += 1
        return None

    def _list(self) -> list[Value]:
        values: list[Value] = []
        while self._skip_lines() and not self._is("]"):
            if self._is(","):
                self._next += 1
            else:
                values.append(self._value())
        self._next += 1
        return values

    def _inline(self) -> Table:
        table = Table()
        while self._skip_lines() and not self._is("}"):
            if self._is(","):
                self._next += 1
            else:
                self._pair(table)
        self._next += 1
        return table

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _is(self, mark: str) -> bool:
        if self._next == len(self._tokens):
            return False
        token = self._tokens[self._next]
        return token.kind == "mark" and token.raw == mark

    def _skip_lines(self) -> bool:
        """On to what is no line end; False at the end of the document."""
        while self._next < len(self._tokens) and self._tokens[self._next].kind == "line":
            self._next += 1
        return self._next < len(self._tokens)
