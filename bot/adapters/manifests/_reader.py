"""A manifest out of its parts: whose path it is, where the pins stand in a text, and how one of them is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from bot.core.model import Pin, Release

P = TypeVar("P")  # where a pin stands, as its kind knows places
Find: TypeAlias = Callable[[str, str], list[tuple[Pin, P]]]


class Write(Protocol[P]):
    """Who writes one pin: `_exact.rewrite` or `_places.rewrite`."""

    def __call__(self, text: str, find: Find[P], pin: Pin, release: Release, /) -> str:
        """The text with this pin at the release. ConfigProblem when it is not there, or cannot be written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Generic[P]):
    """A `core.ports.Manifest`. find: the pins of a path and a text, each with its place, in reading order."""

    owns: Callable[[str], bool]
    find: Find[P]
    write: Write[P]

    def matches(self, path: str) -> bool:
        """Whether a file of this repository path is of this kind."""
        return self.owns(path)

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """The pins in reading order. ConfigProblem with the line for what cannot be read."""
        return [pin for pin, _ in self.find(path, text)]

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this pin at the release and every other byte as it was. ConfigProblem when it is not there."""
        return self.write(text, self.find, pin, release)
