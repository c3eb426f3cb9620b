"""Where each string of a TOML document stands: a scan over text that tomllib has already found to be valid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]

_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_CODES = {"x": 2, "u": 4, "U": 8}
_BARE_END = frozenset(" \t\r\n=.#,[]{}\"'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string value. at: for each of its characters the offset in the document, and one more for the end."""

    path: Path
    value: str
    at: tuple[int, ...]


def strings(text: str) -> Iterator[Text]:
    """Every string value with the key path that it stands under; a place in an array adds nothing to the path."""
    return _Scan(text).document()


class _Scan:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def document(self) -> Iterator[Text]:
        table: Path = ()
        while self._skip():
            if self._text[self._at] == "[":
                double = self._text.startswith("[[", self._at)
                self._at += 2 if double else 1
                table = self._key()
                self._skip()
                self._at += 2 if double else 1
            else:
                key = table + self._key()
                yield from self._after_equals(key)

    def _skip(self) -> bool:
        """Over blanks, line ends and comments; False at the end of the text."""
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif sign in " \t\r\n\ufeff":
                self._at += 1
            else:
                return True
        return False

    def _key(self) -> Path:
        parts = []
        while self._skip():
            if self._text[self._at] in "\"'":
                parts.append(self._string(()).value)
            else:
                start = self._at
                while self._at < len(self._text) and self._text[self._at] not in _BARE_END:
                    self._at += 1
                parts.append(self._text[start : self._at])
            self._skip()
            if self._text[self._at] != ".":
                break
            self._at += 1
        return tuple(parts)

    def _after_equals(self, path: Path) -> Iterator[Text]:
        self._skip()
        self._at += 1  # the equals sign
        self._skip()
        yield from self._value(path)

    def _value(self, path: Path) -> Iterator[Text]:
        sign = self._text[self._at]
        if sign in "\"'":
            yield self._string(path)
        elif sign == "[":
            yield from self._list(path)
        elif sign == "{":
            yield from self._inline(path)
        else:  # a number, a date or a truth value; a date may hold a blank, and what follows it is no key
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\r\n":
                self._at += 1

    def _list(self, path: Path) -> Iterator[Text]:
        self._at += 1
        while self._skip() and self._text[self._at] != "]":
            if self._text[self._at] == ",":
                self._at += 1
            else:
                yield from self._value(path)
        self._at += 1

    def _inline(self, path: Path) -> Iterator[Text]:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            if self._text[self._at] == ",":
                self._at += 1
            else:
                yield from self._after_equals(path + self._key())
        self._at += 1

    def _string(self, path: Path) -> Text:
        quote = self._text[self._at]
        long = self._text.startswith(quote * 3, self._at)
        self._at += 3 if long else 1
        if long:  # a line end right behind the opening belongs to neither
            self._at += 2 if self._text.startswith("\r\n", self._at) else int(self._text.startswith("\n", self._at))
        signs: list[str] = []
        places: list[int] = []
        end = quote * (3 if long else 1)
        while not self._ends(end):
            places.append(self._at)
            signs.append(self._sign(quote == '"'))
            if not signs[-1]:
                places.pop()
        places.append(self._at)
        self._at += len(end)
        return Text(path=path, value="".join(signs), at=tuple(places))

    def _ends(self, end: str) -> bool:
        """At the closing quotes; up to two quotes may stand before the closing three (TOML 1.0, strings)."""
        if not self._text.startswith(end, self._at):
            return False
        return len(end) == 1 or not self._text.startswith(end, self._at + 1)

    def _sign(self, escapes: bool) -> str:
        """One character of the value, and on to the next; "" for a line end that the text hides from itself."""
        sign = self._text[self._at]
        if self._text.startswith("\r\n", self._at):
            self._at += 2
            return "\n"
        self._at += 1
        if sign != "\\" or not escapes:
            return sign
        mark = self._text[self._at]
        if mark in _CODES:
            digits = self._text[self._at + 1 : self._at + 1 + _CODES[mark]]
            self._at += 1 + _CODES[mark]
            return chr(int(digits, 16))
        if mark in _ESCAPES:
            self._at += 1
            return _ESCAPES[mark]
        while self._text[self._at] in " \t\r\n":
            self._at += 1
        return ""
