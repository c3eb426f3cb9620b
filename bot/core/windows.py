"""Moments as people write them: "2h", "tomorrow 09:00", "monday 09:00 Europe/Berlin"; right across daylight saving.

A day without a time means its morning. A wall time that a clock skips in spring is the moment an hour later on that
clock; one that it shows twice in autumn is the first of the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from bot.core.errors import ConfigProblem

MORNING = time(9, 0)
FARTHEST = timedelta(days=366)
LONGEST = 100  # characters; no moment takes more
EXAMPLES = ("2h", "3 days", "tomorrow 09:00", "monday 09:00 Europe/Berlin", "2026-12-01 14:00")

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"m": 1, "min": 1, "minute": 1, "h": 60, "hr": 60, "hour": 60}
_UNITS |= {"d": 1440, "day": 1440, "w": 10_080, "week": 10_080}
_SPAN = re.compile(r"(?:in\s+)?((?:\d{1,6}\s*(?![ap]m\b)[a-z]+[\s,]*)+)", re.ASCII)
_PART = re.compile(r"(\d{1,6})\s*([a-z]+)", re.ASCII)
_CLOCK = re.compile(r"(?:at\s+)?(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(am|pm)?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[t\s]\s*(.+))?", re.ASCII)
_OFFSET = re.compile(r"(.*\d)\s*(z|[+-]\d{2}:?\d{2})", re.ASCII)
_NAMED = re.compile(r"(?:next\s+|on\s+)?([a-z]+)(?:\s+(.+))?", re.ASCII)


def when(text: str, *, now: datetime) -> datetime:
    """The moment (UTC) that a text names, seen from `now`; UTC unless the text ends in a zone's name or an offset.

    Spans ("2h", "1 day 12 h"), "today", "tomorrow", days of the week (the next one after today), dates, each with or
    without a time, and a time alone (the next one). ConfigProblem with examples for anything else, for the past, and
    for what is more than a year away.
    """
    if len(text) > LONGEST:
        raise _unclear(text[:LONGEST] + "…")
    try:
        moment = _moment(" ".join(text.lower().split()), text, now)
    except (ValueError, OverflowError) as error:
        raise _unclear(text) from error
    if moment <= now:
        raise ConfigProblem(f"{text.strip()!r} is {_said(moment)}, and that is past")
    if moment - now > FARTHEST:
        raise ConfigProblem(f"{text.strip()!r} is {_said(moment)}, and that is more than a year away")
    return moment


def _moment(words: str, text: str, now: datetime) -> datetime:
    if span := _SPAN.fullmatch(words):
        return now.astimezone(UTC) + _length(span[1])
    words, zone = _zoned(words, text)
    today = now.astimezone(zone).date()

    def at(day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)

    if dated := _DATE.fullmatch(words):
        return at(date.fromisoformat(dated[1]), _clock(dated[2]))
    if _CLOCK.fullmatch(words):
        clock = _clock(words)
        first = at(today, clock)
        return first if first > now else at(today + timedelta(days=1), clock)
    return _named(words, today, at, text)


def _named(words: str, today: date, at: Callable[[date, time], datetime], text: str) -> datetime:
    named = _NAMED.fullmatch(words)
    if named is None:
        raise _unclear(text)
    match named[1]:
        case "today":
            ahead = 0
        case "tomorrow":
            ahead = 1
        case word:
            ahead = (_weekday(word, text) - today.weekday() - 1) % 7 + 1
    return at(today + timedelta(days=ahead), _clock(named[2]))


def _weekday(word: str, text: str) -> int:
    for number, name in enumerate(_DAYS):
        if word == name or (len(word) >= 3 and name.startswith(word)):
            return number
    raise _unclear(text)


def _length(words: str) -> timedelta:
    minutes = 0
    for count, word in _PART.findall(words):
        unit = _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))
        if unit is None:
            raise ValueError(word)
        minutes += int(count) * unit
    return timedelta(minutes=minutes)


def _clock(words: str | None) -> time:
    """A time of day; MORNING for none. ValueError when there is no such time."""
    if not words:
        return MORNING
    found = _CLOCK.fullmatch(words.strip())
    if found is None or not (found[2] or found[4]):
        raise ValueError(words)
    hour = int(found[1])
    if found[4]:
        if not 1 <= hour <= 12:
            raise ValueError(words)
        hour = hour % 12 + (12 if found[4] == "pm" else 0)
    return time(hour, int(found[2] or 0), int(found[3] or 0))


def _zoned(words: str, text: str) -> tuple[str, tzinfo]:
    """The words without the zone at their end, and the zone."""
    head, _, last = words.rpartition(" ")
    if last in ("utc", "gmt"):
        return head, UTC
    if "/" in last:
        name = _zones().get(last)
        if name is None:
            raise ConfigProblem(f"no time zone {last!r}", mend="Write it as Europe/Berlin or America/New_York")
        return head, ZoneInfo(name)
    # "2026-12-01" ends like an offset, so a time must stand before one.
    if (offset := _OFFSET.fullmatch(words)) and ":" in offset[1]:
        return offset[1], _offset(offset[2])
    return words, UTC


def _offset(text: str) -> tzinfo:
    found = datetime.strptime("+0000" if text == "z" else text, "%z").tzinfo
    return found or UTC


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    """Zones by their lower-case names: people do not type capitals, and file names must have them."""
    return {name.lower(): name for name in available_timezones()}


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _unclear(text: str) -> ConfigProblem:
    return ConfigProblem(f"{text.strip()!r} is no moment", mend=f"Write {', '.join(EXAMPLES[:-1])} or {EXAMPLES[-1]}")
