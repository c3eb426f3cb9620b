"""One PEP 508 requirement in a text: where its name and its exact version stand, without losing how it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.core.model import Pin

T = TypeVar("T")

_HEAD = re.compile(
    r"""(?P<lead>\s*)(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)
        \s*(?:\[[^\]]*\])?\s*(?P<open>\()?\s*(?P<spec>[^;)@#]*)""",
    re.VERBOSE,
)
_EXACT = re.compile(r"===?\s*(?P<version>[^\s,;*]+)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """name_at, spec_at, version_at: offsets in the text.

    version and version_at are None unless one exact version is named.
    """

    name: str
    name_at: int
    spec: str
    spec_at: int
    version: str | None = None
    version_at: int | None = None


@lru_cache(maxsize=4096)
def parse(text: str) -> Found | None:
    """The requirement, or None when it names a URL. InvalidRequirement (packaging) when it is none at all."""
    checked = Requirement(text.strip())
    head = _HEAD.match(text)
    if checked.url or not head:
        return None
    spec = head["spec"].rstrip()
    exact = _EXACT.match(spec)
    return Found(
        name=canonicalize_name(checked.name),
        name_at=head.start("name"),
        spec=spec,
        spec_at=head.start("spec"),
        version=exact["version"] if exact else None,
        version_at=head.start("spec") + exact.start("version") if exact else None,
    )


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1; a column is a character."""
    before = text.rfind("\n", 0, at)
    return text.count("\n", 0, at) + 1, at - before


def nearest(pins: Sequence[tuple[Pin, T]], wanted: Pin) -> T | None:
    """The place of the pin meant: at the same spot, else the closest that holds the same version, or the same range."""
    meant, name = _meant(wanted), wanted.component.name
    same = [(pin, at) for pin, at in pins if pin.component.name == name and _meant(pin) == meant]
    same.sort(key=lambda one: (abs(one[0].line - wanted.line), abs(one[0].column - wanted.column)))
    return same[0][1] if same else None


def contiguous(at: Sequence[int], start: int, length: int) -> tuple[int, int] | None:
    """Where a part of a text stands in its file, given where each character does; None where it stands in pieces."""
    if not length or at[start + length - 1] - at[start] != length - 1:
        return None
    return at[start], at[start] + length


def _meant(pin: Pin) -> tuple[object, ...]:
    return pin.component, pin.version, pin.requirement if pin.version is None else ""
