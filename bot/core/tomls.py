"""TOML whose keys are short: the standard reader's time grows with the square of a key's parts; nobody means many."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_LONG_KEY = re.compile(r"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){60}""")


def loads(text: str) -> dict[str, Any]:
    """What the text says. tomllib.TOMLDecodeError for what is no TOML, and for a key that would take too long."""
    if _LONG_KEY.search(text):
        raise tomllib.TOMLDecodeError("a key has more parts than is read")
    return tomllib.loads(text)
