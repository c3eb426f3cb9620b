"""Texts as Composer writes them: composer.json and composer.lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.lockreaders.composer import COUNTED
from tests.lab.registries import archive

HEAD = [
    "This file locks the dependencies of your project to a known state",
    "Read more about it at https://getcomposer.org/doc/01-basic-usage.md#installing-dependencies",
    "This file is @generated automatically",
]


def manifest(**requires: str) -> str:
    """A composer.json of an application that requires these of the vendor `acme`."""
    return json.dumps({"name": "acme/app", "require": {f"acme/{name}": wish for name, wish in requires.items()}})


def entry(name: str, version: str, needs: Mapping[str, str]) -> dict[str, Any]:
    """One package."""
    more = {"require": dict(needs)} if needs else {}
    return {**archive(name, version), **more, "type": "library", "notification-url": COUNTED}


def lock_of(text: str, held: Sequence[tuple[str, str, Mapping[str, str]]], plugins: str = "2.0.0") -> str:
    """The lock of a manifest."""
    told = json.loads(text)
    # Its checksum is that of the manifest's JSON as PHP writes it, by name.
    own = json.dumps({key: told[key] for key in sorted(told)}, separators=(",", ":")).replace("/", "\\/")
    document = {
        "_readme": HEAD, "content-hash": hashlib.md5(own.encode()).hexdigest(),
        "packages": [entry(*one) for one in held], "packages-dev": [], "aliases": [], "minimum-stability": "stable",
        "stability-flags": [], "prefer-stable": False, "prefer-lowest": False, "platform": [], "platform-dev": [],
        "plugin-api-version": plugins,
    }  # fmt: skip
    return json.dumps(document, indent=4) + "\n"
