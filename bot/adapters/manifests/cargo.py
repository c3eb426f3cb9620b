"""`Cargo.toml`: the crates that a Rust package or workspace depends on.

Read are `dependencies`, `dev-dependencies` and `build-dependencies`, those of `target.*` and of `workspace`, written as
a text or as a table with `version`; `package = "name"` tells the crate's true name, `registry-index` where it is from.

Only `=1.2.3` is exact: a bare `1.2.3` is for Cargo the range `^1.2.3`. Ranges are answered, and edited only where they
are to be widened. The version beside a `path` or `git`, which must fit what lies there, is answered and never edited.

Left alone: dependencies without a version (`workspace = true`, `path`, `git`), `registry = "name"`, a nickname that
only Cargo's own configuration knows, `[patch]` and `[replace]`. `Cargo.lock` must be made anew by Cargo after a change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _registry, _toml_tables
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Table, Text
from bot.core.model import Component

KIND = "cargo"

_FILE = re.compile(r"[Cc]argo\.toml")
# The forms with an underscore are old, and Cargo still takes them.
_PLACES = ("dependencies", "dev-dependencies", "dev_dependencies", "build-dependencies", "build_dependencies")
_EXACT = re.compile(
    r"\s*=\s*(?P<version>\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\s*",
    re.ASCII,
)
_USUAL = frozenset({"https://index.crates.io", "https://github.com/rust-lang/crates.io-index"})


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    top = _toml_tables.table(file)
    holders = [top, top.table("workspace"), *(one for _, one in top.table("target").items() if isinstance(one, Table))]
    pins = (found for holder in holders for place in _PLACES for found in _listed(file, holder.table(place)))
    return sorted(pins, key=lambda one: (one[0].line, one[0].column))


def _listed(file: File, table: Table) -> Iterator[Found]:
    for key, value in table.items():
        if isinstance(value, Text):
            yield pinned(file, Component(name=key.value, ecosystem="cargo"), key.at, value, _EXACT)
        elif isinstance(value, Table) and (version := value.text("version")):
            registry = _source(value)
            if registry is not None:
                name = value.text("package") or key
                component = Component(name=name.value, ecosystem="cargo", registry=registry)
                edited = not (value.has("path") or value.has("git"))
                yield pinned(file, component, name.at, version, _EXACT if edited else None)


def _source(table: Table) -> str | None:
    """The index that a dependency names, "" for crates.io, None for one whose address is not in the file."""
    nickname, index = table.text("registry"), table.text("registry-index")
    if nickname is not None:
        return "" if nickname.value == "crates-io" else None
    if index is None:
        return ""
    place = _registry.place(index.value.removeprefix("sparse+").removeprefix("registry+"))
    if place is None or place in _USUAL:
        return place if place is None else ""
    # Cargo takes an address without `sparse+` for a git repository; who lists its versions must know that.
    return place if index.value.startswith("sparse+") else f"registry+{place}"
