"""When new pull requests may open: windows of the week as people write them, right across daylight saving.

A window is days and hours in a time zone: "monday-friday 09:00-17:00 Europe/Berlin", "saturday", "22:00-06:00".
Days alone mean the whole day, hours alone every day; hours that end before they begin go over midnight and belong to
the day on which they begin. UTC unless a zone is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
EXAMPLE = "monday-friday 09:00-17:00 Europe/Berlin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """days: 0 is Monday. begins, ends: wall time in the zone; equal for the whole day."""

    days: frozenset[int] = frozenset(range(7))
    begins: time = time(0)
    ends: time = time(0)
    zone: str = "UTC"

    def holds(self, now: datetime) -> bool:
        """Whether the moment (aware) lies in it."""
        local = now.astimezone(ZoneInfo(self.zone))
        clock, today, before = local.time(), local.weekday() in self.days, (local.weekday() - 1) % 7 in self.days
        if self.begins == self.ends == time(0):
            return today
        if self.begins < self.ends:
            return today and self.begins <= clock < self.ends
        return (today and clock >= self.begins) or (before and clock < self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Several windows; none at all means always."""

    windows: tuple[Window, ...] = ()

    def opens(self, now: datetime) -> datetime:
        """The moment (UTC) from which it is open: now, when it is."""
        if not self.windows or any(window.holds(now) for window in self.windows):
            return now
        return min(_next(window, now) for window in self.windows)


def read(texts: Sequence[str]) -> Schedule:
    """Windows as people write them. ValueError with an example for what cannot be understood."""
    return Schedule(windows=tuple(_window(text) for text in texts))


def _window(text: str) -> Window:
    days: set[int] = set()
    hours, zone = (time(0), time(0)), "UTC"
    for word in text.replace(",", " ").split():
        if found := _HOURS.fullmatch(word):
            hours = _hours(found, text)
        elif word.lower().partition("-")[0] in DAYS:
            days |= _days(word.lower(), text)
        elif word in available_timezones():
            zone = word
        else:
            raise ValueError(f"{word!r} in {text!r} is neither a day, nor hours, nor a time zone; write {EXAMPLE!r}")
    if not text.strip():
        raise ValueError(f"an empty window is never open; write {EXAMPLE!r}")
    return Window(days=frozenset(days) or frozenset(range(7)), begins=hours[0], ends=hours[1], zone=zone)


def _hours(found: re.Match[str], text: str) -> tuple[time, time]:
    first, second, third, fourth = (int(part) for part in found.groups())
    if max(first, third) > 24 or max(second, fourth) > 59:
        raise ValueError(f"there is no such hour in {text!r}; write {EXAMPLE!r}")
    return time(first % 24, second), time(third % 24, fourth)


def _days(word: str, text: str) -> set[int]:
    first, _, last = word.partition("-")
    if last and last not in DAYS:
        raise ValueError(f"{last!r} in {text!r} is no day; write {EXAMPLE!r}")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}


def _next(window: Window, now: datetime) -> datetime:
    """When it opens next. Wall time is taken to UTC day by day, so that a changed clock moves nothing."""
    zone = ZoneInfo(window.zone)
    today = now.astimezone(zone).date()
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        begins = datetime.combine(day, window.begins, tzinfo=zone).astimezone(UTC)
        # An hour that a clock skips in spring is none in which the window could hold.
        if day.weekday() in window.days and begins > now:
            return begins
    raise AssertionError("a window with a day opens within a week")
