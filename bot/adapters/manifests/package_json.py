"""`package.json`: what an npm, pnpm, Yarn or Bun project depends on, in any folder but `node_modules`.

Read are

- `dependencies`, `devDependencies` and `optionalDependencies`, also under another name (`"a": "npm:b@1.2.3"`);
- `peerDependencies`, always as ranges: what others must bring along is not edited;
- exact versions in `overrides`, `resolutions` and `pnpm.overrides`, unless the key says for which versions they are;
- `packageManager` (`"npm@10.2.0"`); Yarn from 2 on is the package `@yarnpkg/cli`.

`1.2.3`, `=1.2.3` and `v1.2.3` are exact; everything else (`^1.2.0`, `1.x`, `latest`) is a range: answered, and edited
only where ranges are widened.

Left alone: `engines`, `devEngines`, a `packageManager` with a hash, and what comes from elsewhere than a registry:
`workspace:`, `catalog:`, `file:`, `link:`, `patch:`, `jsr:`, git and other URLs, GitHub shorthand. The lock file beside
it must be made anew by its own tool after a change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _json
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Table, Text
from bot.core.model import Component

KIND = "package_json"

_FILE = re.compile(r"package\.json")
_PLACES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_NAME = re.compile(r"(?:@[a-z0-9~_-][\w.~-]*/)?[a-z0-9~_-][\w.~!'()*-]*", re.IGNORECASE | re.ASCII)
_VERSION = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?"
_EXACT = re.compile(rf"\s*[=v]*\s*(?P<version>{_VERSION}(?:\+[0-9A-Za-z.-]+)?)\s*", re.ASCII)
_ALIAS = re.compile(rf"npm:(?:(?P<name>{_NAME.pattern})(?:@(?P<wanted>.*))?)", re.IGNORECASE | re.ASCII)
# As a range of versions begins, behind `npm:` too, where Yarn writes it without a name.
_RANGE = re.compile(r"\s*(?:[=v^~<>*\d]|x(?:\s|$))", re.IGNORECASE)
_MANAGER = re.compile(rf"(?P<name>[a-z]+)@(?P<version>{_VERSION})", re.ASCII)


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


# One text is read for its pins, and again for each that is rewritten.
@lru_cache(maxsize=8)
def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    top = _json.table(file)
    pins = [
        found for place in _PLACES for found in _listed(file, top.table(place), edited=not place.startswith("peer"))
    ]
    for overrides in (top.table("overrides"), top.table("resolutions"), top.table("pnpm", "overrides")):
        pins += _overrides(file, overrides)
    pins += _manager(file, top.text("packageManager"))
    return sorted(pins, key=lambda one: (one[0].line, one[0].column))


def _listed(file: File, table: Table, *, edited: bool) -> Iterator[Found]:
    for key, value in table.items():
        if isinstance(value, Text) and _NAME.fullmatch(key.value) and (found := _pin(file, key, value, edited=edited)):
            yield found


def _pin(file: File, key: Text, value: Text, *, edited: bool = True) -> Found | None:
    """A dependency of this name; None where the value leads elsewhere than to a registry."""
    name, at, wanted, start = key.value, key.at, value.value, 0
    if wanted.startswith("npm:"):
        alias = _ALIAS.fullmatch(wanted)
        if (alias is None or alias["wanted"] is None) and _RANGE.match(wanted, len("npm:")):
            start = len("npm:")
        elif alias:
            name, at = alias["name"], value.at + alias.start("name")
            start = len(wanted) if alias["wanted"] is None else alias.start("wanted")
    wanted = wanted[start:]
    if re.search(r"[:/${}]", wanted):
        return None
    rest = Text(value=wanted, at=value.at + start, plain=value.plain)
    return pinned(file, Component(name=name, ecosystem="npm"), at, rest, _EXACT if edited else None)


def _overrides(file: File, table: Table, parent: Text | None = None) -> Iterator[Found]:
    """npm nests (`{"a": {".": "1.0.0", "b": "2.0.0"}}`), Yarn writes paths (`a/**/b`), and pnpm arrows (`a>b`)."""
    for key, value in table.items():
        named = parent if key.value == "." else _last(key)
        if isinstance(value, Table):
            yield from _overrides(file, value, named)
        elif isinstance(value, Text) and named is not None:
            found = _pin(file, named, value)
            if found and found[0].version is not None:
                yield found


def _last(key: Text) -> Text | None:
    """The package that a path of packages leads to; None where only some of its versions are meant."""
    found = re.search(rf"(?:^|[/>])(?P<name>{_NAME.pattern})$", key.value, re.IGNORECASE | re.ASCII)
    if found is None:
        return None
    return Text(value=found["name"], at=key.at + found.start("name"), plain=key.plain)


def _manager(file: File, value: Text | None) -> Iterator[Found]:
    found = _MANAGER.fullmatch(value.value) if value else None
    if found is None or value is None:
        return
    name, version = found["name"], found["version"]
    if name == "yarn" and int(version.partition(".")[0]) > 1:
        name = "@yarnpkg/cli"
    rest = Text(value=version, at=value.at + found.start("version"), plain=value.plain)
    yield pinned(file, Component(name=name, ecosystem="npm"), value.at, rest, _EXACT)
