"""Ranges of the distributions: operators and versions side by side, and all of them must hold."""

from __future__ import annotations

import re
from collections.abc import Collection


def clauses(wanted: str, *, operators: Collection[str]) -> tuple[tuple[str, str], ...]:
    """(operator, version) in the order as written; commas or blanks stand between them, and an empty text has none.

    ValueError for an operator that is not in the list, one without a version, or a version without an operator.
    """
    signs = "".join(sorted({sign for operator in operators for sign in operator}))
    if not wanted.strip():
        return ()
    found = []
    for part in wanted.split(","):
        words = re.sub(rf"(?<=[{re.escape(signs)}])\s+", "", part).split()
        if not words:
            raise ValueError(f"nothing stands between two commas of {wanted!r}")
        found += [_clause(word, signs, operators) for word in words]
    return tuple(found)


def _clause(word: str, signs: str, operators: Collection[str]) -> tuple[str, str]:
    version = word.lstrip(signs)
    operator = word[: len(word) - len(version)]
    if operator not in operators or not version:
        raise ValueError(f"{word!r} is not one of {', '.join(sorted(operators))} with a version after it")
    return operator, version
