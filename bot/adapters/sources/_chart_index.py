"""Finds one chart in a Helm repository's index without reading the rest of it: an index has megabytes, a chart pages.

Indexes are written by programs, in block style with a chart's name on a line of its own. That is found by its
indentation, and the few fields that we need are read line by line where they are plain; whatever is written in another
way is left to a real YAML parser, an entry at a time. Scalars stay text: a version 1.10 must not become the number 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bot.core.errors import Permanent

MOST_PARSED = 1 << 20  # bytes given to the YAML parser in all, which needs about 1.4 s for so many
MOST_ENTRIES = 20_000
DEEPEST = 40
BLANK = " \t\r"  # YAML knows no other space
LONGEST = 2_000  # of a text that is read without the parser
SCALARS = ("version", "appVersion", "created", "digest", "deprecated", "home")
LISTS = ("urls", "sources")
Node: TypeAlias = "str | list[Node] | dict[str, Node]"

_ENTRIES = re.compile(rb"^entries:[ \t]*(?:#.*)?\r?$", re.M)
_KEY = re.compile(r"""(["']?)([\w.-]+)\1:(?:[ \t]+(.*))?$""")
# In quotes without escapes, or plain; a comment may follow.
_SCALAR = re.compile(
    r"""(?:"([^"\\]*)"|'([^']*)'|([^\s"'&*!|>{}\[\]%@`#,?:-](?:[^#:]|(?<!\s)#|:(?!\s|$))*?))(?:\s+#.*)?""",
    re.ASCII,
)


class Chart(msgspec.Struct, rename="camel", frozen=True):
    """One version of a chart, as its entry has it; all text."""

    version: str = ""
    app_version: str = ""
    created: str = ""
    digest: str = ""
    deprecated: str = ""
    home: str = ""
    urls: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class _Json(msgspec.Struct):
    entries: dict[str, list[dict[str, Any]] | None] | None = None


_JSON = msgspec.json.Decoder(_Json)


class Budget:
    """How much the slow parser may still be given."""

    def __init__(self, most: int = MOST_PARSED) -> None:
        self._left = most

    def parse(self, text: str) -> Node:
        """A YAML text as texts, lists and mappings. Permanent when it is none, or too big, or uses aliases."""
        self._left -= len(text)
        if self._left < 0:
            raise Permanent("it is too big for the way in which it is written; let `helm repo index` write it")
        try:
            return _built(YAML(typ="safe", pure=True).parse(text))
        except (YAMLError, RecursionError, ValueError) as error:
            raise Permanent(f"it is no YAML: {str(error).splitlines()[0]}") from None


def charts(body: bytes, name: str) -> tuple[Chart, ...] | None:
    """The versions of one chart in the index's order; None when the index does not have it.

    name: of letters, digits, dots, dashes and underscores only. Permanent when the body is no index.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if body.lstrip()[:1] == b"{":
        return _of_json(body, name)
    budget = Budget()
    start = _ENTRIES.search(body)
    span = _span(body, start.end(), name) if start else None
    if span is None and start is not None and _is_regular(body, start.end()):
        return None
    if span is None:
        return _of_tree(budget.parse(body.decode("utf-8", "replace")), name)
    lines = body[span[0] : span[1]].decode("utf-8", "replace").split("\n")
    found = tuple(_chart(item, budget) for item in _items(lines))
    if len(found) > MOST_ENTRIES:
        raise Permanent(f"it has more than {MOST_ENTRIES} versions of {name}")
    return found


def _of_json(body: bytes, name: str) -> tuple[Chart, ...] | None:
    try:
        listed = (_JSON.decode(body).entries or {}).get(name)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Permanent(f"it is no index: {error}") from None
    return None if listed is None else tuple(_of_mapping(one) for one in listed)


def _of_tree(tree: Node, name: str) -> tuple[Chart, ...] | None:
    entries = tree.get("entries") if isinstance(tree, dict) else None
    if entries is None or isinstance(entries, list):
        raise Permanent("it has no `entries`")
    listed = entries.get(name) if isinstance(entries, dict) else None
    if listed is None:
        return None
    return tuple(_of_mapping(one) for one in listed) if isinstance(listed, list) else ()


def _of_mapping(entry: Any) -> Chart:
    if not isinstance(entry, Mapping):
        raise Permanent("an entry of it is no mapping")
    fields: dict[str, Any] = {}
    for key in SCALARS:
        value = entry.get(key)
        # JSON has truth and numbers of its own.
        fields[key] = str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else ""
    for key in LISTS:
        value = entry.get(key)
        fields[key] = tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
    return msgspec.convert(fields, Chart)


def _depth(body: bytes, start: int) -> int:
    """The indentation of the charts' names; 0 when they are not written one below the other."""
    first = re.compile(rb"^( *)[^\s#]", re.M).search(body, start)
    return len(first[1]) if first else 0


def _is_regular(body: bytes, start: int) -> bool:
    """Whether a chart that was not found by its line is not there at all: all lines at that depth are plain keys."""
    depth = _depth(body, start)
    if not depth:
        return True  # `entries:` has nothing in it
    odd = re.compile(rb"^ {%d}(?![\w.\"'-]+:[ \t]*\r?$|- |-\r?$|[ \t#\r\n]|$)" % depth, re.M)
    return odd.search(body, start) is None


def _span(body: bytes, start: int, name: str) -> tuple[int, int] | None:
    """Where the list of one chart's versions begins and ends."""
    depth = _depth(body, start)
    if not depth:
        return None
    key = re.compile(rb"""^ {%d}(["']?)%s\1:[ \t]*(?:#.*)?\r?$""" % (depth, re.escape(name).encode()), re.M)
    found = key.search(body, start)
    if found is None:
        return None
    # A list may stand at the depth of its key; what else stands there or further left is the next key.
    end = re.compile(rb"^ {0,%d}[^\s#-]" % depth, re.M).search(body, found.end())
    return found.end(), end.start() if end else len(body)


def _items(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines of each entry; the dash that begins one is turned into a space."""
    dash = next((line.index("-") for line in lines if line.lstrip(BLANK).startswith("-")), 0)
    item: list[str] = []
    for line in lines:
        if line[dash : dash + 1] == "-" and not line[:dash].strip(BLANK):
            if item:
                yield item
            item = []
            line = line[:dash] + " " + line[dash + 1 :]
        elif not item:
            continue  # blank lines and comments before the first
        item.append(line)
    if item:
        yield item


@dataclass(slots=True)
class _Odd(Exception):
    """A needed field is not written plainly."""


def _chart(item: Sequence[str], budget: Budget) -> Chart:
    try:
        return _quick(item)
    except _Odd:
        return _of_mapping(budget.parse("\n".join(item)))


def _quick(item: Sequence[str]) -> Chart:
    indents = [len(line) - len(line.lstrip(" ")) for line in item]
    depth = indents[0]
    fields: dict[str, Any] = {}
    for at, line in enumerate(item):
        text = line.rstrip(BLANK)
        if indents[at] > depth or not text or text[indents[at]] in "#-":
            continue
        key = _KEY.match(text, indents[at])
        if key is None or indents[at] != depth or key[2] in fields:
            raise _Odd
        if key[2] in SCALARS or key[2] in LISTS:
            below = _below(item, indents, at)
            fields[key[2]] = _scalar(key[3] or "", below) if key[2] in SCALARS else _list(key[3] or "", below)
    if not fields:
        raise _Odd
    return msgspec.convert(fields, Chart)


def _below(item: Sequence[str], indents: Sequence[int], at: int) -> list[str]:
    """What belongs to the key of a line: deeper lines, and list items at its own depth."""
    found = []
    for line, indent in zip(item[at + 1 :], indents[at + 1 :], strict=True):
        plain = line.strip(BLANK)
        if plain and not plain.startswith("#"):
            if indent < indents[at] or (indent == indents[at] and not plain.startswith("- ")):
                break
            found.append(plain)
    return found


def _scalar(text: str, below: Sequence[str]) -> str:
    if text in ("", "null", "~") and not below:
        return ""
    found = _SCALAR.fullmatch(text) if len(text) <= LONGEST and text.isascii() else None
    if found is None or below:
        raise _Odd
    return found[1] or found[2] or found[3] or ""


def _list(text: str, below: Sequence[str]) -> tuple[str, ...]:
    if text in ("[]", "null") and not below:
        return ()
    if text or not all(line.startswith("- ") for line in below):
        raise _Odd
    return tuple(_scalar(line[2:].strip(BLANK), ()) for line in below)


def _built(events: Any) -> Node:
    """Events as one value. An alias would let a small text become an endless one."""
    root: list[Node] = []
    stack = [_Holder(root)]
    for event in events:
        if isinstance(event, AliasEvent):
            raise Permanent("it uses YAML aliases, which no index needs")
        if isinstance(event, ScalarEvent):
            stack[-1].take(event.value)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            node: list[Node] | dict[str, Node] = {} if isinstance(event, MappingStartEvent) else []
            stack[-1].take(node)
            stack.append(_Holder(node))
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            stack.pop()
        if len(stack) > DEEPEST:
            raise Permanent(f"it is nested more than {DEEPEST} deep")
    return root[0] if root else ""


class _Holder:
    """A list or mapping that is being filled; in a mapping every other value is a key."""

    def __init__(self, into: list[Node] | dict[str, Node]) -> None:
        self._into, self._key = into, ""
        self._wants_key = isinstance(into, dict)

    def take(self, node: Node) -> None:
        """The next value. Permanent when a key is no text."""
        if isinstance(self._into, list):
            self._into.append(node)
        elif not self._wants_key:
            self._into[self._key] = node
            self._wants_key = True
        elif isinstance(node, str):
            self._key, self._wants_key = node, False
        else:
            raise Permanent("a key of it is no text")
