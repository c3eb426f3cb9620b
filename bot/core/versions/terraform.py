"""Terraform's versions are SemVer's; in its constraints `~>` lets the last number that is written grow, as in Ruby.

`~> 1.2` ends before 2, and `~> 1.2.3` before 1.3, while to npm both would end before 1.3. All else is read as by the
scheme `semver`.
"""

from __future__ import annotations

import re

from bot.core.versions import semver

key = semver.key
is_stable = semver.is_stable
same_release = semver.same_release
is_zero = semver.is_zero
bump = semver.bump

_SHORT = re.compile(r"~>\s*(?P<first>[0-9]{1,30})(?P<second>\.[0-9]{1,30})?(?![0-9.])")


def satisfies(text: str, wanted: str) -> bool:
    """Whether it meets the constraints; ValueError when they are none."""
    return semver.satisfies(text, _SHORT.sub(_bounds, wanted))


def _bounds(found: re.Match[str]) -> str:
    return f">={found['first']}{found['second'] or ''} <{int(found['first']) + 1}"
