"""Patterns that people write need time that grows with the text alone (re2), and say which part is the version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import re2

GROUP = "version"
MOST_MEMORY = 16 << 20  # of one compiled pattern
LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; made by `compiled`."""

    expression: Any
    group: str | int

    def whole(self, text: str) -> str | None:
        """The version when the pattern matches all of the text, else None."""
        match = self.expression.fullmatch(text)
        return match.group(self.group) if match else None

    def first(self, text: str) -> str | None:
        """The version of the first place that matches, None without any."""
        match = self.expression.search(text)
        return match.group(self.group) if match else None

    def every(self, text: str) -> Iterator[str]:
        """The versions of all places that match."""
        for match in self.expression.finditer(text):
            said = match.group(self.group)
            if said is not None:
                yield said


def compiled(text: str) -> Pattern:
    """ValueError, in words, when it is no pattern of re2, or has no group that could be the version."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    options = re2.Options()
    options.log_errors = False  # it would write to standard error, past every log
    options.max_mem = MOST_MEMORY
    try:
        expression = re2.compile(text, options)
    except re2.error as error:
        raise ValueError(_words(error)) from None
    if GROUP not in expression.groupindex and expression.groups != 1:
        raise ValueError("it needs a group named version, as in (?P<version>[0-9.]+), or just one group")
    return Pattern(expression, GROUP if GROUP in expression.groupindex else 1)


def escaped(text: str) -> str:
    """A pattern that matches this text and nothing else."""
    return str(re2.escape(text))


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else b""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
