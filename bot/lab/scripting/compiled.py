"""What the files around a script say of how it is run: as an ES module, or turned into something else before.

Read are the nearest package.json (`type`, and whether a program that puts files together is among its packages) and the
nearest tsconfig.json (`module`, `target`), which may extend another one of the tree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bot.core.errors import ConfigProblem
from bot.core.modules import Compiled
from bot.lab import reading

_BUNDLERS = frozenset({
    "@angular/build", "@remix-run/dev", "@sveltejs/kit", "astro", "bun", "esbuild", "gatsby", "next", "nuxt", "parcel",
    "react-scripts", "rollup", "@rspack/core", "snowpack", "tsup", "tsx", "vite", "@vue/cli-service", "webpack",
})  # fmt: skip
_MOST_EXTENDED = 5
_MOST_CONFIG = 256 << 10
_TYPED = (".ts", ".tsx", ".mts", ".cts")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The tree's manifests and settings, each read once."""

    tree: Path
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def is_module(self, file: str) -> bool:
        """Does the nearest package.json say that its files are ES modules?"""
        return self._nearest(file, "package.json").get("type") == "module"

    def compiled(self, file: str) -> Compiled:
        """What becomes of the `import` in it."""
        if file.endswith(_TYPED) and (told := self._by_settings(file)) is not Compiled.UNKNOWN:
            return told
        return Compiled.IMPORT if self._is_bundled(file) else Compiled.UNKNOWN

    def settings(self, place: str) -> Mapping[str, Any]:
        """A file of settings; nothing of one that is not there, or is none."""
        return self._read(place)

    def _is_bundled(self, file: str) -> bool:
        said = self._nearest(file, "package.json")
        tables = (said.get(key) for key in ("dependencies", "devDependencies"))
        return any(_BUNDLERS & one.keys() for one in tables if isinstance(one, dict))

    def _by_settings(self, file: str) -> Compiled:
        options = self._options(file)
        module, target = (str(options.get(key, "")).lower() for key in ("module", "target"))
        if module.startswith("node"):
            return Compiled.REQUIRE  # where the manifest says that it is a module, nobody asks this
        if module in ("commonjs", "amd", "umd", "system"):
            return Compiled.REQUIRE
        if module:
            return Compiled.IMPORT
        return Compiled.REQUIRE if target in ("es3", "es5") else Compiled.UNKNOWN

    def _options(self, file: str) -> Mapping[str, Any]:
        """Of the nearest settings; what is extended counts less."""
        place = self._nearest_place(file, "tsconfig.json")
        found: dict[str, Any] = {}
        for _ in range(_MOST_EXTENDED):
            if place is None:
                break
            said = self._read(place)
            options = said.get("compilerOptions")
            found = {**(options if isinstance(options, dict) else {}), **found}
            place = _extended(place, said.get("extends"))
        return found

    def _nearest(self, file: str, name: str) -> dict[str, Any]:
        place = self._nearest_place(file, name)
        return {} if place is None else self._read(place)

    def _nearest_place(self, file: str, name: str) -> str | None:
        return next((place for place in _beside(file, name) if self._read(place)), None)

    def _read(self, place: str) -> dict[str, Any]:
        if place not in self.seen:
            self.seen[place] = _loose(self.tree, place)
        return self.seen[place]


def _beside(file: str, name: str) -> Iterator[str]:
    for folder in PurePosixPath(file).parents:
        yield (folder / name).as_posix()


def _extended(place: str, said: Any) -> str | None:
    """Another file of the tree; a package's is not looked for."""
    if not isinstance(said, str) or not said.startswith("."):
        return None
    path = PurePosixPath(place).parent / said
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    name = "/".join(parts)
    return name if name.endswith(".json") else f"{name}.json"


def _loose(tree: Path, place: str) -> dict[str, Any]:
    """JSON, or JSON with comments; nothing of what is neither."""
    try:
        found = json.loads("".join(_strict(reading.text(tree, place, _MOST_CONFIG))))
    except (ConfigProblem, OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _strict(text: str) -> Iterator[str]:
    """Without comments, and without a comma before a closing bracket; each sign is looked at once."""
    place, comma = 0, ""
    while place < len(text):
        end = _token(text, place)
        part, place = text[place:end], end
        if part[:2] in ("//", "/*") or part.isspace():
            continue
        yield "" if part in "}]" else comma
        comma = part if part == "," else ""
        yield "" if comma else part


def _token(text: str, place: int) -> int:
    """Where what begins there ends: a string, a comment, or one sign."""
    if text.startswith("//", place):
        end = text.find("\n", place)
        return len(text) if end < 0 else end
    if text.startswith("/*", place):
        end = text.find("*/", place + 2)
        return len(text) if end < 0 else end + 2
    end = place + 1
    if text[place] == '"':
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        end += 1
    return end
