"""What the newest go.mod of a module says of the module: which versions are retracted, and whether it is deprecated.

Read as golang.org/x/mod/modfile reads the file of another module: what it does not understand there, it passes over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.adapters.sources._said import text_of
from bot.core import versions
from bot.core.errors import InvalidVersion

SCHEME = "golang"
VERSION = r"""["`]?(v[0-9A-Za-z.+-]+)["`]?"""
INTERVAL = re.compile(rf"\[\s*{VERSION}\s*,\s*{VERSION}\s*\]|{VERSION}(?=\s|$)")
OPENING = re.compile(r"(\w+)\s*\(")


@dataclass(frozen=True, slots=True)
class Retraction:
    """Versions from `low` to `high`, both of them included, and why."""

    low: versions.Key
    high: versions.Key
    why: str


@dataclass(frozen=True, slots=True)
class GoMod:
    """deprecated: the maker's words, "" where there are none. bare: the file that Go makes up where there is none."""

    deprecated: str = ""
    retractions: tuple[Retraction, ...] = ()
    bare: bool = False

    def retracted(self, version: str) -> str | None:
        """Why a version is retracted, "" without a reason; None when it is not."""
        try:
            key = versions.key(SCHEME, version)
        except InvalidVersion:
            return None
        inside = (one for one in self.retractions if not key < one.low and not one.high < key)
        return next((one.why for one in inside), None)


def read(text: str, module: str) -> GoMod:
    """A go.mod as far as it speaks of its own module."""
    reader = _Reader()
    for line in text.splitlines():
        reader.line(line)
    bare = text.split() in (["module", module], ["module", f'"{module}"'])
    return GoMod(reader.deprecated, tuple(reader.retractions), bare)


class _Reader:
    """Goes line by line: a comment belongs to the line that it stands on, or to the next one without a gap between."""

    def __init__(self) -> None:
        self.deprecated = ""
        self.retractions: list[Retraction] = []
        self._before: list[str] = []
        self._block = ""
        self._of_block: list[str] = []

    def line(self, line: str) -> None:
        """The next line of the file."""
        code, mark, comment = (part.strip() for part in line.partition("//"))
        if not code:
            self._before = [*self._before, comment] if mark else []
            return
        said = [*self._before, comment] if mark else self._before
        self._before = []
        if opening := OPENING.fullmatch(code):
            self._block, self._of_block = opening[1], said
        elif code == ")":
            self._block = ""
        elif self._block:
            self._directive(self._block, code, said or self._of_block)
        else:
            verb, _, rest = code.partition(" ")
            self._directive(verb, rest, said)

    def _directive(self, verb: str, rest: str, said: Sequence[str]) -> None:
        if verb == "module":
            self.deprecated = self.deprecated or _deprecation(said)
        elif verb == "retract" and (found := INTERVAL.match(rest.strip())):
            low, high, single = found.groups()
            try:
                first, last = versions.key(SCHEME, low or single), versions.key(SCHEME, high or single)
            except InvalidVersion:
                return
            self.retractions.append(Retraction(first, last, text_of(" ".join(said))))


def _deprecation(comments: Sequence[str]) -> str:
    """The paragraph that begins with `Deprecated:`, without that word."""
    found = re.search(r"(?s)(?:^|\n\n)Deprecated: *(.*?)(?:$|\n\n)", "\n".join(comments))
    return (text_of(found[1]) or "deprecated") if found else ""
