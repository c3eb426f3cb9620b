"""YAML as a tree that knows where each text stands: composed, never constructed, and never without bounds.

An alias leads to the very node that its anchor names, so a walk visits each node once, however often it is named.
Documents are told apart before they are parsed: one that a template engine must still write does not hide the others.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as Raw
from ruamel.yaml.reader import ReaderError

from bot.adapters.manifests._file import File, templated

MOST_CHARACTERS = 512 * 1024
DEEPEST = 100
# What brackets may cost: the scanner looks through every open one at each of them.
MOST_BRACKETS = 200_000
MOST_MERGED = 100

_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_BRACKET = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A scalar's value and the offset of its first character. plain: without quotes."""

    value: str
    at: int
    plain: bool


class _Tree:
    """What the nodes of one document share: its file, where it begins there, and what was already handed out."""

    __slots__ = ("base", "given", "keys", "text")

    def __init__(self, text: str, base: int) -> None:
        self.text, self.base = text, base
        self.keys: dict[int, dict[str, Raw]] = {}
        self.given: set[int] = set()

    def own(self, raw: Raw) -> dict[str, Raw]:
        """The keys that a mapping itself has, the first of two alike; none for another node."""
        if not isinstance(raw, MappingNode):
            return {}
        if id(raw) not in self.keys:
            named = [(_key(name), value) for name, value in reversed(raw.value)]
            self.keys[id(raw)] = {key: value for key, value in named if key is not None}
        return self.keys[id(raw)]

    def merged(self, raw: Raw) -> Iterator[Raw]:
        """A mapping and those that its `<<` names, and theirs, each once."""
        seen: set[int] = set()
        waiting = deque([raw])
        while waiting and len(seen) < MOST_MERGED:
            mapping = waiting.popleft()
            if id(mapping) not in seen:
                seen.add(id(mapping))
                yield mapping
                more = self.own(mapping).get("<<")
                waiting += more.value if isinstance(more, SequenceNode) else [more] if more else ()


class Node:
    """A node of a document in a file."""

    __slots__ = ("_raw", "_tree")

    def __init__(self, raw: Raw, tree: _Tree) -> None:
        self._raw, self._tree = raw, tree

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self._raw, MappingNode)

    def get(self, *keys: str) -> Node | None:
        """The node below these keys, also where `<<` merges them in."""
        raw: Raw | None = self._raw
        for key in keys:
            mappings = self._tree.merged(raw) if raw is not None else iter(())
            raw = next((own[key] for one in mappings if key in (own := self._tree.own(one))), None)
        return Node(raw, self._tree) if raw is not None else None

    def values(self) -> Iterator[Node]:
        """The values of a mapping, with those that `<<` merges in, or the entries of a sequence.

        What was handed out is not handed out again: it stands in one place, by however many aliases one comes to it,
        and so no file is more work than it is long.
        """
        if isinstance(self._raw, SequenceNode) and self._fresh(self._raw):
            yield from (Node(one, self._tree) for one in self._raw.value)
        for mapping in self._tree.merged(self._raw):
            if self._fresh(mapping):
                yield from (Node(one, self._tree) for key, one in self._tree.own(mapping).items() if key != "<<")

    def text(self, *keys: str) -> Text | None:
        """The scalar here, or below these keys; None for none, an empty one, or one whose escapes hide its place."""
        node = self.get(*keys)
        raw = node._raw if node else None
        if not isinstance(raw, ScalarNode) or not raw.value or raw.tag == "tag:yaml.org,2002:null":
            return None
        start, end = (self._tree.base + mark.index for mark in (raw.start_mark, raw.end_mark))
        # From the right: an anchor or a tag before the value may hold the same characters.
        at = self._tree.text.rfind(raw.value, start, end)
        return Text(value=str(raw.value), at=at, plain=raw.style is None) if at >= 0 else None

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every node below, and this one, each once and before what it holds, with the key that it stands under."""
        seen: set[int] = set()
        waiting: list[tuple[str, Raw]] = [("", self._raw)]
        while waiting:
            key, raw = waiting.pop()
            if id(raw) in seen:
                continue
            seen.add(id(raw))
            yield key, Node(raw, self._tree)
            if isinstance(raw, MappingNode):
                waiting += [(_key(name) or key, value) for name, value in reversed(raw.value)]
            elif isinstance(raw, SequenceNode):
                waiting += [(key, value) for value in reversed(raw.value)]

    def _fresh(self, raw: Raw) -> bool:
        fresh = id(raw) not in self._tree.given
        self._tree.given.add(id(raw))
        return fresh


def documents(file: File, wanted: Callable[[str], object]) -> list[Node]:
    """The documents whose text is wanted. ConfigProblem for one that is no YAML, unless it is a template of one."""
    edges = [0, *(found.start() for found in _MARKER.finditer(file.text)), len(file.text)]
    chunks = [(start, file.text[start:end]) for start, end in pairwise(edges) if start < end]
    chunks = [(start, chunk) for start, chunk in chunks if wanted(chunk)]
    if sum(len(chunk) for _, chunk in chunks) > MOST_CHARACTERS:
        raise file.problem(
            f"is larger than {MOST_CHARACTERS // 1024} KiB", chunks[0][0], mend="Split it into several files"
        )
    composed = ((start, _compose(file, start, chunk)) for start, chunk in chunks)
    return [Node(raw, _Tree(file.text, start)) for start, raw in composed if raw is not None]


def document(file: File) -> Node | None:
    """The first document, None for an empty one. ConfigProblem as above."""
    return next(iter(documents(file, str.strip)), None)


def _key(raw: Raw) -> str | None:
    return str(raw.value) if isinstance(raw, ScalarNode) else None


def _compose(file: File, start: int, chunk: str) -> Raw | None:
    try:
        _must_be_flat(chunk)
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False
        return next(iter(yaml.compose_all(_without_tabs(chunk))), None)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why, at = error.problem or error.context or "", mark.index if mark else 0
    except ReaderError as error:
        why, at = "it holds a character that YAML forbids", int(error.position)
    except RecursionError:
        why, at = "it nests too deep", 0
    except (YAMLError, ValueError) as error:
        why, at = str(error), 0
    if templated(chunk):
        return None
    raise file.problem(f"is no valid YAML: {why}", start + min(at, len(chunk)))


def _without_tabs(chunk: str) -> str:
    """Blanks for the tabs that may stand there by YAML 1.2 and most readers, and that this one refuses; same length.

    A tab that indents is wrong for all of them, and stays. A value with a tab in it is then not found in the file, and
    so left alone.
    """
    return "\n".join(map(_without_tab, chunk.split("\n"))) if "\t" in chunk else chunk


def _without_tab(line: str) -> str:
    body = line.lstrip(" \t")
    lead = line[: len(line) - len(body)]
    if not body.strip() or body.startswith("#"):
        lead = lead.replace("\t", " ")
    return lead + body.replace("\t", " ")


def _must_be_flat(chunk: str) -> None:
    depth = cost = 0
    for bracket in _BRACKET.finditer(chunk):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        cost += depth
        if depth > DEEPEST or cost > MOST_BRACKETS:
            raise RecursionError
