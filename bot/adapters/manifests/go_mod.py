"""`go.mod`: the modules that a Go module requires, in the version that stands there.

Read is `require`, in blocks and on single lines. Go knows no ranges, and so every version is exact, a pseudo-version
(`v0.0.0-20240101000000-abcdef123456`) too; what is no version (`master`, `latest`) is answered, not edited.

Left alone: what is marked `// indirect`, for those follow from the direct ones and Go itself keeps them; a module that
the same file replaces, for its version then says nothing; `replace`, `exclude`, `retract`, `tool`, `go` and
`toolchain`. `go.sum` is made anew by Go after a change.

A rewrite changes the characters of one version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading, templated
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Text
from bot.core.errors import ConfigProblem
from bot.core.model import Component

KIND = "go_mod"

_FILE = re.compile(r"go\.mod")
_LINE = re.compile(r"[^\n]+")
_WORD = re.compile(r'(?P<comment>//.*)|"(?P<text>[^"\\]*)"|`(?P<raw>[^`]*)`|=>|[()]|[^\s()"`]+?(?=//|=>|[\s()"`]|$)|.')
_VERSION = re.compile(r"(?P<version>v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)", re.ASCII)
_INDIRECT = re.compile(r"//\s*indirect(?:\s*|;\s.*)")


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """A line of the file, or of a block, with the word that says what it is."""

    verb: str
    words: list[Text]
    at: int
    indirect: bool


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    try:
        statements = list(_statements(file))
        replaced = {_names(one) for one in statements if one.verb == "replace"}
        return list(_required(file, statements, replaced))
    except ConfigProblem:
        if templated(text):
            return []
        raise


def _names(statement: _Statement) -> tuple[str, ...]:
    """What a replacement is for: a module, or one version of it."""
    values = [word.value for word in statement.words]
    return tuple(values[: values.index("=>")] if "=>" in values else values)


def _required(file: File, statements: Sequence[_Statement], replaced: set[tuple[str, ...]]) -> Iterator[Found]:
    for one in statements:
        if one.verb != "require":
            continue
        if len(one.words) != 2:
            raise file.problem(
                "is no requirement of Go", one.at, mend="Write a module and its version: example.org/module v1.2.3"
            )
        name, version = one.words
        if one.indirect or {(name.value,), (name.value, version.value)} & replaced:
            continue
        yield pinned(file, Component(name=name.value, ecosystem="golang"), name.at, version, _VERSION)


def _statements(file: File) -> Iterator[_Statement]:
    verb, opened = "", 0
    for line in _LINE.finditer(file.text):
        words, comment = _words(file, line)
        if not words:
            continue
        values = [word.value for word in words]
        if verb and values == [")"]:
            verb = ""
        elif not verb and len(words) > 1 and values[1:] == ["("]:
            verb, opened = values[0], words[0].at
        elif not (not verb and values[1:] == ["(", ")"]):
            yield _Statement(
                verb=verb or values[0],
                words=words if verb else words[1:],
                at=words[0].at,
                indirect=_INDIRECT.fullmatch(comment.rstrip()) is not None,
            )
    if verb:
        raise file.problem(f"this block {verb!r} is never closed", opened)


def _words(file: File, line: re.Match[str]) -> tuple[list[Text], str]:
    """The words of a line, and its comment."""
    words: list[Text] = []
    for found in _WORD.finditer(line[0].replace("\ufeff", " ")):
        if found["comment"]:
            return words, found["comment"]
        group = next((one for one in ("text", "raw") if found[one] is not None), 0)
        if found[0] in ('"', "`"):
            raise file.problem("this text is never closed", line.start() + found.start())
        if not found[0].isspace():
            words.append(Text(value=found[group], at=line.start() + found.start(group)))
    return words, ""
