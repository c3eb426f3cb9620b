"""What passes between people and tools: a complaint as one paragraph within bounds, a manifest as TOML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.core.errors import ConfigProblem
from bot.core.locks import LockJob
from bot.tools.secrets import redact

LONGEST = 1500
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def paragraph(lines: Iterable[str]) -> str:
    """A tool's complaint: of at most 1500 characters, and without any login."""
    words = redact(" ".join(" ".join(_COLOURS.sub("", line) for line in lines if line.strip()).split()))
    return words if len(words) <= LONGEST else words[:LONGEST] + " …"


def refusal(tool: str, job: LockJob, said: str) -> ConfigProblem:
    """Of a lock that the tool would not make. said: its complaint, in plain words."""
    return ConfigProblem(f"{tool} cannot lock {job.component.name} {job.version}: {said}", where=job.lock)


def as_toml(document: Mapping[str, Any]) -> str:
    """A document of which nobody will miss the form it had."""
    import tomlkit  # seldom needed, and slow to load

    return tomlkit.dumps(document)
