"""Texts as Bun writes them: bun.lock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.registries import integrity, tarball

Packages = Mapping[str, Mapping[str, Mapping[str, Any]]]


def lock_of(
    packages: Packages, asked: Mapping[str, str], held: Iterable[tuple[str, str]], *, place: str = "", version: int = 1
) -> str:
    """asked: what the manifest asks for; held: names with versions; place: of their tarballs, "" for the public."""
    wishes = "".join(f'        "{name}": "{wish}",\n' for name, wish in asked.items())
    entries = "\n\n".join(f"    {_entry(packages, name, at, place)}" for name, at in held)
    return (
        f'{{\n  "lockfileVersion": {version},\n  "workspaces": {{\n    "": {{\n      "name": "app",\n'
        f'      "dependencies": {{\n{wishes}      }},\n    }},\n  }},\n  "packages": {{\n{entries}\n  }}\n}}\n'
    )


def _entry(packages: Packages, name: str, version: str, place: str) -> str:
    about = packages[name][version]
    more = "{ " + ", ".join(f'"{key}": {_spaced(value)}' for key, value in about.items()) + " }" if about else "{}"
    url = f"{place}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz" if place else ""
    return f'"{name}": ["{name}@{version}", "{url}", {more}, "{integrity(tarball(name, version, about))}"],'


def _spaced(value: Mapping[str, str]) -> str:
    return "{ " + json.dumps(value)[1:-1] + " }"
