"""`composer.json`: the packages that a PHP project requires.

Read are `require` and `require-dev`. `1.2.3`, `v1.2.3` and `=1.2` are exact, for Composer takes `1.2` as 1.2.0; a flag
behind it (`1.2.3@beta`) stays. Everything else (`^1.2`, `~1.2`, `1.*`, `dev-main`) is answered, and edited only where
it is a range that is to be widened.

Left alone: the platform (`php`, `ext-*`, `lib-*`, `composer-plugin-api`), `self.version`, and the addresses in
`repositories`: which of them holds a package is not in the file. `composer.lock` must be made anew by Composer after a
change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _json
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Table, Text
from bot.core.model import Component

KIND = "composer_json"

_FILE = re.compile(r"composer\.json")
# A name without a vendor is that of the platform.
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*", re.IGNORECASE | re.ASCII)
_EXACT = re.compile(
    r"\s*={0,2}\s*(?P<version>v?\d+(?:\.\d+){0,3}"
    r"(?:[._-]?(?:stable|beta|b|rc|alpha|a|patch|pl|p)(?:[.-]?\d+)*)?(?:\+[^\s,|@]+)?)"
    r"\s*(?:@(?:stable|rc|beta|alpha|dev))?\s*",
    re.IGNORECASE | re.ASCII,
)


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    top = _json.table(file)
    pins = (found for place in ("require", "require-dev") for found in _listed(file, top.table(place)))
    return sorted(pins, key=lambda one: (one[0].line, one[0].column))


def _listed(file: File, table: Table) -> Iterator[Found]:
    for key, value in table.items():
        if isinstance(value, Text) and _NAME.fullmatch(key.value) and value.value.strip() != "self.version":
            component = Component(name=key.value.lower(), ecosystem="composer")
            yield pinned(file, component, key.at, value, _EXACT)
