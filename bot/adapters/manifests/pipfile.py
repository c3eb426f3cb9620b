"""`Pipfile`: the packages of a project that Pipenv installs.

Read are `packages`, `dev-packages` and every further category, written as a text or as a table with `version`.
`index = "name"` leads to the address that `[[source]]` gives it; what names none comes from the first source. One with
the name `pypi` is the index of this machine.

`==1.2.3` is exact; everything else (`*`, `>=1,<2`, `~=1.2`) is a range: answered, and edited only where ranges are
widened.

Left alone: what has no version (`path`, `git`, `file`), a source whose address is not in the file, `requires` and
`scripts`. `Pipfile.lock` is made anew by Pipenv after a change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from packaging.utils import canonicalize_name
from packaging.version import VERSION_PATTERN

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _registry, _toml_tables
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Table, Text, Value
from bot.core.model import Component

KIND = "pipfile"

_FILE = re.compile(r"Pipfile")
_EXACT = re.compile(rf"\s*={{2,3}}\s*(?P<version>{VERSION_PATTERN})\s*", re.VERBOSE | re.IGNORECASE | re.ASCII)
_OTHERS = frozenset({"source", "requires", "scripts", "pipenv", "pipfile"})
_ELSEWHERE = ("path", "git", "file", "hg", "svn", "bzr")


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=partial(_exact.rewrite, said=_range))


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    top = _toml_tables.table(file)
    sources = dict(_sources(top.get("source")))
    tables = [value for key, value in top.items() if isinstance(value, Table) and key.value not in _OTHERS]
    pins = (found for table in tables for key, value in table.items() for found in _pin(file, key, value, sources))
    return sorted(pins, key=lambda one: (one[0].line, one[0].column))


def _sources(listed: Value) -> Iterator[tuple[str, str | None]]:
    """What `index` may name, and where that is; "" is for what names none: the first."""
    places = [
        (name.value.lower(), _place(name.value, url.value))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, Table) and (name := one.text("name")) and (url := one.text("url"))
    ]
    yield "", places[0][1] if places else ""
    yield from places


def _place(name: str, url: str) -> str | None:
    if name.lower() == "pypi":
        return ""
    return None if "$" in url else _registry.place(url)


def _pin(file: File, key: Text, value: Value, sources: dict[str, str | None]) -> Iterator[Found]:
    version = value if isinstance(value, Text) else None
    index: Text | None = None
    if isinstance(value, Table) and not any(value.has(way) for way in _ELSEWHERE):
        version, index = value.text("version"), value.text("index")
    registry = sources.get(index.value.lower() if index else "")
    if version is not None and registry is not None:
        component = Component(name=canonicalize_name(key.value), registry=registry)
        yield pinned(file, component, key.at, version, _EXACT, _range(version.value))


def _range(wanted: str) -> str:
    """In the words of PEP 440, in which `*` is nothing at all."""
    return "" if wanted.strip() == "*" else wanted.strip()
