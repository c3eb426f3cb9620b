"""The file that is being read: offsets in its text become places that a person finds."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin

MOST_CHARACTERS = 2 * 1024 * 1024

# `${{ }}` is GitHub's own, and stands in valid YAML.
_TEMPLATE = re.compile(r"(?<!\$)\{\{|\{%|<%")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A text, its path, and the kind of adapter that reads it. starts: the offset of each line's first character."""

    path: str
    text: str
    kind: str
    starts: tuple[int, ...]

    def where(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1; a column is a character."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def pin(
        self,
        component: Component,
        offset: int,
        *,
        requirement: str,
        version: str | None,
        digest: str = "",
        widens: bool = False,
    ) -> Pin:
        """A pin of this file at an offset."""
        line, column = self.where(offset)
        return Pin(
            path=self.path,
            line=line,
            column=column,
            manifest=self.kind,
            component=component,
            requirement=requirement,
            version=version,
            digest=digest,
            widens=widens,
        )

    def problem(self, message: str, offset: int, *, mend: str = "") -> ConfigProblem:
        """An error that names the place of an offset."""
        line, column = self.where(offset)
        return ConfigProblem(message, where=f"{self.path}:{line}:{column}", mend=mend)


def reading(path: str, text: str, kind: str) -> File:
    """The file, with its lines counted once. ConfigProblem for one that is too large to be written by hand."""
    if len(text) > MOST_CHARACTERS:
        raise ConfigProblem(f"is larger than {MOST_CHARACTERS // 1024} KiB", where=path, mend="Split it")
    starts = (0, *(found.end() for found in re.finditer("\n", text)))
    return File(path=path, text=text, kind=kind, starts=starts)


def templated(text: str) -> bool:
    """Whether a template engine writes the real file out of this text, so that it need not be valid itself."""
    return _TEMPLATE.search(text) is not None
