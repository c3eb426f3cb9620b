"""One PEP 508 requirement in a text: where its name and its exact version stand, without losing how it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
    """name_at, version_at: offsets in the text; version and version_at are None unless one exact version is named."""

    name: str
    name_at: int
    spec: str
    version: str | None = None
    version_at: int | None = None


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
        version=exact["version"] if exact else None,
        version_at=head.start("spec") + exact.start("version") if exact else None,
    )


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1; a column is a character."""
    before = text.rfind("\n", 0, at)
    return text.count("\n", 0, at) + 1, at - before


def nearest(pins: Sequence[tuple[Pin, T]], wanted: Pin) -> T | None:
    """The place of the pin meant: at the same spot, else the closest that holds the same version."""
    same = [(pin, at) for pin, at in pins if (pin.component, pin.version) == (wanted.component, wanted.version)]
    same.sort(key=lambda one: (abs(one[0].line - wanted.line), abs(one[0].column - wanted.column)))
    return same[0][1] if same else None
