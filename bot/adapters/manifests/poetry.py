"""`[tool.poetry]` in `pyproject.toml`: the dependencies of a Poetry project.

Read are `dependencies`, `group.*.dependencies` and `dev-dependencies`, written as a text, as a table with `version`, or
as a list of such tables. `source = "name"` leads to the address that `[[tool.poetry.source]]` gives it.

`1.2.3` and `==1.2.3` are exact; everything else (`^1.2`, `~1.2`, `1.*`, `>=1,<2`) is a range: answered, and edited only
where ranges are widened. The answer names a range as PEP 440 writes it, `>=1.2,<2` for `^1.2`, for that is how Python's
versions are compared; what is edited is the range as it is written.

Left alone: `python`, what has no version (`path`, `git`, `url`), and a source whose address is not in the file. The
tables of PEP 621 in the same file are the kind `pyproject`. `poetry.lock` must be made anew by Poetry after a change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from packaging.utils import canonicalize_name
from packaging.version import VERSION_PATTERN, InvalidVersion, Version

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _registry, _toml_tables
from bot.adapters.manifests._exact import LONGEST, pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Table, Text, Value
from bot.core.model import Component

KIND = "poetry"

_FILE = re.compile(r"pyproject\.toml")
_EXACT = re.compile(rf"\s*={{0,2}}\s*(?P<version>{VERSION_PATTERN})\s*", re.VERBOSE | re.IGNORECASE | re.ASCII)
_PART = re.compile(
    r"(?P<sign>\^|~=|~|===?|=|!=|<>|>=|>|<=|<)?\s*(?P<version>v?\d[\w.!+-]*?)(?P<star>(?:\.[*xX])+)?", re.ASCII
)
_BETWEEN = re.compile(r"\s*,\s*|(?<=[\w*])\s+(?=[\^~=!<>])")
_SIGNS = {"": "==", "=": "==", "<>": "!="}


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(
        owns=partial(_folders.named, names=_FILE), find=_found, write=partial(_exact.rewrite, said=_as_pep_440)
    )


def _found(path: str, text: str) -> list[Found]:
    if "poetry" not in text:
        return []
    file = reading(path, text, KIND)
    top = _toml_tables.table(file).table("tool", "poetry")
    groups = [one for _, one in top.table("group").items() if isinstance(one, Table)]
    places = [top.table("dependencies"), top.table("dev-dependencies"), *(one.table("dependencies") for one in groups)]
    sources = dict(_sources(top.get("source")))
    pins = [
        found
        for place in places
        for key, value in place.items()
        for found in _listed(file, key, value, sources)
        if canonicalize_name(key.value) != "python"
    ]
    return sorted(pins, key=lambda one: (one[0].line, one[0].column))


def _sources(listed: Value) -> Iterator[tuple[str, str]]:
    """What `source` may name, and where that is; PyPI needs no address."""
    yield "pypi", ""
    for one in listed if isinstance(listed, list) else ():
        name, url = (one.text("name"), one.text("url")) if isinstance(one, Table) else (None, None)
        if name and url and (place := _registry.place(url.value)):
            yield name.value.lower(), place


def _listed(file: File, key: Text, value: Value, sources: Mapping[str, str]) -> Iterator[Found]:
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, Text):
            yield _pin(file, key, one, "", several=False)
        elif isinstance(one, Table) and (version := one.text("version")):
            source = one.text("source")
            registry = sources.get(source.value.lower()) if source else ""
            elsewhere = any(one.has(way) for way in ("path", "git", "url", "file"))
            if registry is not None and not elsewhere:
                yield _pin(file, key, version, registry, several=isinstance(value, list))


def _pin(file: File, key: Text, version: Text, registry: str, *, several: bool) -> Found:
    component = Component(name=canonicalize_name(key.value), registry=registry)
    at = version.at if several else key.at  # of a list, every entry has a place of its own
    return pinned(file, component, at, version, _EXACT, _as_pep_440(version.value))


def _as_pep_440(wanted: str) -> str:
    """The same range in the words of PEP 440; as it is written where PEP 440 has none for it (`||`)."""
    if len(wanted) > LONGEST:
        return wanted.strip()
    parts = [_part(part) for part in _BETWEEN.split(wanted.strip())]
    return ",".join(part for part in parts if part) if None not in parts else wanted


def _part(part: str) -> str | None:
    if part in ("", "*"):
        return ""
    found = _PART.fullmatch(part)
    if found is None or not _is_version(found["version"]):
        return None
    sign, version = found["sign"] or "", found["version"].removeprefix("v")
    if sign in ("^", "~"):
        return None if found["star"] else f">={version},<{_end(sign, Version(version))}"
    return f"{_SIGNS.get(sign, sign)}{version}{'.*' if found['star'] else ''}"


def _end(sign: str, version: Version) -> str:
    """The first version that `^` or `~` shuts out (Poetry's documentation, "Dependency specification")."""
    numbers = version.release
    if sign == "~":
        kept = min(len(numbers), 2)
    else:  # ^ keeps the first number that is no zero
        kept = next((place for place, number in enumerate(numbers, 1) if number), len(numbers))
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, (*numbers[: kept - 1], numbers[kept - 1] + 1)))


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
