"""``${{ … }}`` is a small language without effects: names, literals, comparisons, few functions; no more is known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\d+(?:\.\d+)?|[A-Za-z_][\w.-]*|==|!=|<=|>=|<|>|&&|\|\||[()!,])")
WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.S)


class ExpressionError(Exception):
    """The box does not understand this expression; the run fails and says so."""


def show(value: Any) -> str:
    """A value as it stands in text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": lambda where, what: (
        show(what).lower() in ([show(one).lower() for one in where] if isinstance(where, list) else show(where).lower())
    ),
    "startsWith": lambda text, start: show(text).lower().startswith(show(start).lower()),
    "endsWith": lambda text, end: show(text).lower().endswith(show(end).lower()),
    "format": lambda text, *more: re.sub(r"\{(\d+)\}", lambda at: show(more[int(at[1])]), text),
    "toJSON": lambda value: json.dumps(value, indent=2),
    "fromJSON": json.loads,
}


def evaluate(text: str, context: Mapping[str, Any]) -> Any:
    """The value of an expression; a name that the context lacks is null, as on GitHub."""
    words, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if not found:
            raise ExpressionError(f"unexpected {text[at:].strip()!r} in expression {text.strip()!r}")
        words.append(found[1])
        at = found.end()
    reader = Reader(words, context)
    value = reader.either()
    if reader.words:
        raise ExpressionError(f"unexpected {reader.words[0]!r} in expression {text.strip()!r}")
    return value


def fill(text: str, context: Mapping[str, Any]) -> str:
    """Text with every ``${{ … }}`` replaced by its value."""
    return PLACE.sub(lambda found: show(evaluate(found[1], context)), text)


def truth(text: str, context: Mapping[str, Any]) -> bool:
    """The value of an ``if:``. Without a status function it means "and everything before went well"."""
    inner = PLACE.sub(lambda found: found[1], text)
    if not re.search(r"\b(always|success|failure|cancelled)\(\)", inner):
        inner = f"success() && ({inner})"
    return bool(evaluate(inner, context))


class Reader:
    """A recursive descent over the words of one expression."""

    def __init__(self, words: list[str], context: Mapping[str, Any]) -> None:
        self.words = words
        self.context = context

    def take(self, *wanted: str) -> str | None:
        """The next word if it is one of these."""
        if self.words and self.words[0] in wanted:
            return self.words.pop(0)
        return None

    def either(self) -> Any:
        """a || b"""
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        """a && b"""
        value = self.compared()
        while self.take("&&"):
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Any:
        """a == b; text compares without case, as on GitHub."""
        left = self.single()
        sign = self.take("==", "!=", "<", ">", "<=", ">=")
        if not sign:
            return left
        right = self.single()
        if sign in ("==", "!="):
            return (show(left).lower() == show(right).lower()) is (sign == "==")
        one, two = float(show(left) or 0), float(show(right) or 0)
        return {"<": one < two, ">": one > two, "<=": one <= two, ">=": one >= two}[sign]

    def single(self) -> Any:
        """A literal, a name, a call, or something in parentheses."""
        if self.take("!"):
            return not self.single()
        if self.take("("):
            value = self.either()
            self.close()
            return value
        if not self.words:
            raise ExpressionError("the expression ends too early")
        word = self.words.pop(0)
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word[0].isdigit():
            return float(word) if "." in word else int(word)
        return self.call(word) if self.take("(") else self.name(word)

    def call(self, name: str) -> Any:
        """A function of the language, or a status function of the context."""
        arguments = []
        while not self.take(")"):
            arguments.append(self.either())
            self.take(",")
            if not self.words:
                raise ExpressionError("a parenthesis is not closed")
        function = FUNCTIONS.get(name) or self.context.get(f"{name}()")
        if function is None:
            raise ExpressionError(f"the box does not know the function {name}()")
        return function(*arguments)

    def name(self, word: str) -> Any:
        """A dotted name."""
        if word in WORDS:
            return WORDS[word]
        value: Any = self.context
        for part in word.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def close(self) -> None:
        """The closing parenthesis that must be here."""
        if not self.take(")"):
            raise ExpressionError("a parenthesis is not closed")
