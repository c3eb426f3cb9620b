"""A JSON object as a table with places: found valid by the standard library first, then read without recursion."""

from __future__ import annotations

import json
import re

from bot.adapters.manifests._file import File, templated
from bot.adapters.manifests._tree import DEEPEST, Table, Text, Value, bounded

_TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*+")|(?P<mark>[{}\[\]])|(?P<other>[^\s\ufeff{}\[\],:"]+)')


def table(file: File) -> Table:
    """The object that the file holds. ConfigProblem for what is none, unless it is a template of one."""
    bounded(file)
    try:
        top = _validated(file)
    except ValueError as error:
        if templated(file.text):
            return Table()
        at = getattr(error, "pos", 0) + file.text.startswith("\ufeff")
        why = getattr(error, "msg", str(error))
        raise file.problem(f"is no valid JSON: {why}", min(at, len(file.text))) from None
    except RecursionError:
        raise file.problem(f"is no valid JSON: it nests deeper than {DEEPEST}", 0) from None
    if not isinstance(top, dict):
        raise file.problem("holds no JSON object", 0)
    return _tree(file)


def _validated(file: File) -> object:
    # Some editors write a byte order mark; npm and others pass over it. How large a number is does not matter here.
    return json.loads(file.text.removeprefix("\ufeff"), parse_int=len, parse_float=len)


def _tree(file: File) -> Table:
    root = Table()
    document = Text(value="", at=0)
    open_ones: list[Table | list[Value]] = [root]
    key: Text | None = document
    for token in _TOKEN.finditer(file.text):
        if token["mark"] in ("}", "]"):
            open_ones.pop()
            continue
        value = _value(token)
        holder = open_ones[-1]
        if isinstance(holder, list):
            holder.append(value)
        elif key is None:
            assert isinstance(value, Text), "json.loads takes no other key"
            key = value
            continue
        else:
            holder.put(key, value)
            key = None
        if isinstance(value, Table | list):
            open_ones.append(value)
        if len(open_ones) > DEEPEST:
            raise file.problem(f"is no valid JSON: it nests deeper than {DEEPEST}", token.start())
    return root.table(document.value)


def _value(token: re.Match[str]) -> Value:
    if token["text"]:
        raw = token["text"]
        plain = "\\" not in raw
        return Text(value=raw[1:-1] if plain else json.loads(raw), at=token.start() + 1, plain=plain)
    if token["mark"]:
        return Table() if token["mark"] == "{" else []
    return None
