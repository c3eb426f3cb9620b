"""YAML that remembers its lines: each value is read through a Node that can say where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any, TypeVar

from bot.core.durations import duration
from bot.core.errors import ConfigProblem

MOST_BYTES = 256 * 1024
DEEPEST = 50
T = TypeVar("T")

if TYPE_CHECKING:  # elsewhere it is loaded where there is something to read
    from ruamel.yaml.comments import CommentedMap


class Node:
    """One mapping of the file that knows where it stands; `done` refuses the keys that nobody asked for."""

    def __init__(self, data: CommentedMap, file: str, path: str = "") -> None:
        self._data, self._file, self._path, self._asked = data, file, path, set[str]()

    def where(self, key: str = "") -> str:
        """file:line of a key, or of the mapping itself, with the key's path."""
        path = ".".join(part for part in (self._path, key) if part)
        return f"{self._file}:{self.line(key)}" + (f" {path}" if path else "")

    def line(self, key: str = "") -> int:
        """The line of a key, or of the mapping itself, counted from 1."""
        try:
            line = (self._data.lc.key(key)[0] if key in self._data else self._data.lc.line) or 0
        except (KeyError, AttributeError):
            line = 0
        return line + 1

    def take(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """The key's value through `read`, or the default where it is absent. ValueError of `read` gets its place."""
        self._asked.add(key)
        if key not in self._data:
            return default
        try:
            return read(self._data[key])
        except ValueError as error:
            raise ConfigProblem(str(error), where=self.where(key)) from None

    def node(self, key: str) -> Node:
        """The mapping below a key; an empty one where it is absent."""
        from ruamel.yaml.comments import CommentedMap

        self._asked.add(key)
        value = self._data.get(key)
        if value is None:
            return Node(CommentedMap(), self._file, ".".join(filter(None, (self._path, key))))
        if not isinstance(value, CommentedMap):
            raise ConfigProblem(f"must be a mapping, not {_kind_of(value)}", where=self.where(key))
        return Node(value, self._file, ".".join(filter(None, (self._path, key))))

    def nodes(self, key: str) -> list[Node]:
        """The mappings of a list below a key."""
        from ruamel.yaml.comments import CommentedMap, CommentedSeq

        self._asked.add(key)
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, CommentedSeq) or not all(isinstance(item, CommentedMap) for item in value):
            raise ConfigProblem("must be a list of mappings", where=self.where(key))
        path = ".".join(filter(None, (self._path, key)))
        return [Node(item, self._file, f"{path}[{index}]") for index, item in enumerate(value)]

    def has(self, key: str) -> bool:
        """Whether the key is there at all."""
        return key in self._data

    def raw(self) -> CommentedMap:
        """The mapping itself, for a file whose keys are not ours to judge."""
        return self._data

    def names(self) -> list[str]:
        """The keys as written."""
        return [str(key) for key in self._data]

    def value(self, key: str) -> object:
        """The raw value of a key, None where absent."""
        self._asked.add(key)
        return self._data.get(key)

    def done(self) -> None:
        """ConfigProblem for the first key that nobody asked for, with the nearest known one."""
        for key in self.names():
            if key not in self._asked:
                import difflib  # mostly nothing is wrong

                near = difflib.get_close_matches(key, self._asked, n=1)
                mend = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(sorted(self._asked))}"
                raise ConfigProblem(f"unknown key {key!r}", where=self.where(key), mend=mend)


def _kind_of(value: object) -> str:
    names = {bool: "yes or no", int: "a number", float: "a number", str: "a text", type(None): "nothing"}
    return names.get(type(value), "a list" if isinstance(value, Sequence) else "a mapping")


def text(value: object) -> str:
    """A text, also when it looks like a number to YAML."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"must be a text, not {_kind_of(value)}")


def texts(value: object) -> tuple[str, ...]:
    """A text or a list of texts."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence):
        return tuple(text(item) for item in value)
    raise ValueError(f"must be a list of texts, not {_kind_of(value)}")


def whole(least: int, most: int) -> Callable[[object], int]:
    """A whole number within bounds."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return int(value)
        raise ValueError(f"must be a whole number from {least} to {most}")

    return read


def span(value: object) -> timedelta:
    """A span of time."""
    return duration(text(value))


def load(source: str, where: str) -> Node:
    """Parse YAML into a Node. ConfigProblem with the line for what is no YAML, no mapping, or too large."""
    from ruamel.yaml.comments import CommentedMap

    data = _loaded(source, where)
    if data is None:
        data = CommentedMap()
    if not isinstance(data, CommentedMap):
        raise ConfigProblem("must be a mapping at the top", where=f"{where}:1", mend="Begin with version: 1")
    return Node(data, where)


def load_list(source: str, where: str) -> list[Node]:
    """The same for a file that is a list of mappings; empty for an empty file."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    data = _loaded(source, where)
    if data is None:
        return []
    if not isinstance(data, CommentedSeq) or not all(isinstance(item, CommentedMap) for item in data):
        raise ConfigProblem("must be a list of mappings", where=f"{where}:1", mend='Begin each with "- name:"')
    return [Node(item, where, f"[{index}]") for index, item in enumerate(data)]


def _loaded(source: str, where: str) -> object:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(source.encode()) > MOST_BYTES:
        raise ConfigProblem(f"is larger than {MOST_BYTES // 1024} KiB", where=where)
    if _depth(source) > DEEPEST:
        raise ConfigProblem(f"nests brackets deeper than {DEEPEST}", where=where)
    try:
        data: object = YAML(typ="rt").load(StringIO(source))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigProblem(f"is no valid YAML: {error.problem}", where=f"{where}:{line}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigProblem(f"is no valid YAML: {error}", where=where) from None
    return data


def plain(value: object, *, most: int = 10_000) -> object:
    """A value without YAML's own types, so that no adapter meets them. ValueError when it holds too much.

    A few lines of aliases can name a list of lists a billion times over; copied, it would fill the memory.
    """
    return _copied(value, [most])


def _copied(value: object, left: list[int]) -> object:
    left[0] -= 1
    if left[0] < 0:
        raise ValueError("holds too many values; do not build it out of aliases")
    if isinstance(value, Mapping):
        return {str(key): _copied(item, left) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_copied(item, left) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else str(value)


def _depth(source: str) -> int:
    """How deep brackets nest at the most, those in texts included: more than a person writes is refused unread."""
    deepest = depth = 0
    for sign in source:
        depth = max(0, depth + (sign in "[{") - (sign in "]}"))
        deepest = max(deepest, depth)
    return deepest
