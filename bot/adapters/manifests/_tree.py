"""What a JSON or TOML document holds, as tables whose keys and texts know where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bot.adapters.manifests._file import File
from bot.adapters.manifests._spots import Span

DEEPEST = 100
MOST_CHARACTERS = 512 * 1024


def bounded(file: File) -> None:
    """ConfigProblem for a file that is too large for a tree to be made of it: no person writes one."""
    if len(file.text) > MOST_CHARACTERS:
        raise file.problem(
            f"is larger than {MOST_CHARACTERS // 1024} KiB", 0, mend="Take out what does not belong in it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string and the offset of its first character.

    plain: its characters stand in the file as they are, one for one; not so where escapes write them.
    """

    value: str
    at: int
    plain: bool = True

    def span(self, start: int = 0, end: int | None = None) -> Span | None:
        """The offsets of a part of it; None where nobody can say."""
        return (self.at + start, self.at + (len(self.value) if end is None else end)) if self.plain else None


Value: TypeAlias = "Text | Table | list[Value] | None"  # None: a number, a date, a truth value or null


class Table:
    """An object of JSON, a table of TOML. Of two keys alike the last counts, as their parsers have it."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Text, Value]] = {}

    def put(self, key: Text, value: Value) -> None:
        """Set a key; one that is set again moves to the end."""
        self._entries.pop(key.value, None)
        self._entries[key.value] = (key, value)

    def items(self) -> Iterator[tuple[Text, Value]]:
        """Its keys, each with where it stands, and their values."""
        yield from self._entries.values()

    def get(self, key: str) -> Value:
        """The value of a key; None where there is none, or one that is no text, table or list."""
        return self._entries[key][1] if key in self._entries else None

    def has(self, key: str) -> bool:
        """Whether the key is set, whatever its value is."""
        return key in self._entries

    def text(self, key: str) -> Text | None:
        """The value of a key where it is a text."""
        value = self.get(key)
        return value if isinstance(value, Text) else None

    def table(self, *keys: str) -> Table:
        """The table below these keys; an empty one where there is none."""
        found: Table = self
        for key in keys:
            value = found.get(key)
            found = value if isinstance(value, Table) else Table()
        return found

    def below(self, key: Text) -> Table:
        """The table of a key, made where there is none; of a list of tables the last one, as in TOML's headers."""
        value = self.get(key.value)
        if isinstance(value, list) and value:
            value = value[-1]
        if not isinstance(value, Table):
            value = Table()
            self.put(key, value)
        return value
