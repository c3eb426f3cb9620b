"""Reads JavaScript text as hostile, by words and not by a parser. Pure; nothing of it is run.

What is put together at run time is not seen here: for that the packages are loaded and watched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.lab.inside import surefoot_watch_source as source
from bot.lab.inside.surefoot_watch_source import Mark

SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts")
_UNPACKS = r"(?:Buffer\.from|atob|unescape|decodeURIComponent|String\.fromCharCode)\s*\("
_HIDDEN = re.compile(
    r"(?:(?<![\w.$])(?:(?:globalThis|global|window|self)\.)?(?:eval|Function)|\b(?:runIn(?:This|New)?Context|_compile))"
    r"\s*\(\s*"
    rf"(?:(?:zlib|require\(['\"](?:node:)?zlib['\"]\))\.\w{{1,40}}\s*\(\s*)?{_UNPACKS}"
)
_GATHERS = re.compile(r"\bJSON\.stringify\(\s*(?:global\.|globalThis\.)?process\.env\s*[,)]")
_REACHES = re.compile(
    r"\bfetch\s*\(|\bhttps?\.(?:request|get)\b|\baxios\b|\bnet\.connect\b|\bXMLHttpRequest\b|\bdns\.\w"
)
# What is told of where it is first used, and decides nothing.
_USED: Mapping[str, re.Pattern[str]] = {
    "eval": re.compile(r"(?<![\w.$])eval\s*\("),
    "new Function": re.compile(r"\bnew\s+Function\s*\("),
    "child_process": re.compile(r"\b(?:require\(\s*|from\s*)['\"](?:node:)?child_process['\"]"),
    "process.binding": re.compile(r"\bprocess\.binding\s*\("),
}


def marks(data: bytes) -> list[Mark]:
    """What one file does, each thing once."""
    text = data.decode("utf-8", "replace")
    return source.kept([*source.of_script(data), *_words(text)])


def _words(text: str) -> Iterator[Mark]:
    if found := _HIDDEN.search(text):
        yield Mark("hidden", found[0][:100], _line(text, found))
    if (found := _GATHERS.search(text)) and _REACHES.search(text):
        yield Mark("gathers", found[0].rstrip(", "), _line(text, found))
    for what, words in _USED.items():
        if found := words.search(text):
            yield Mark("uses", what, _line(text, found))


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1
