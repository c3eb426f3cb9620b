"""Errors are sorted by what happens next, not by where they came from; only the loop catches them."""

from __future__ import annotations

from datetime import timedelta


class SurefootError(Exception):
    """The root of what this project raises on purpose."""


class Transient(SurefootError):
    """The world did not answer as it should just now: the loop tries the same step again later.

    after: the least time to wait, where the other side named one.
    """

    def __init__(self, message: str, *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class Permanent(SurefootError):
    """Trying again will not help: the update stops and a person is asked."""


class Missing(Permanent):
    """The other side says that this thing is not there (404, 410)."""


class Refused(Permanent):
    """The other side understood and said no (403, 409, 422), with its own words."""


class Stale(SurefootError):
    """Another hand changed the row since it was read: read it again and think again."""


class ConfigProblem(SurefootError):
    """A setting or a file that a person wrote cannot be used; says where and how to mend it.

    where: file, line or path of the key, as the person would look for it.
    """

    def __init__(self, message: str, *, where: str = "", mend: str = "") -> None:
        parts = [f"{where}: {message}" if where else message]
        if mend:
            parts.append(mend)
        super().__init__(". ".join(parts))
        self.where = where
        self.mend = mend


class InvalidVersion(SurefootError, ValueError):
    """The text is no version of this scheme."""
