"""Spans of time as people write them: "8s", "5m", "2h", "3 days"."""

from __future__ import annotations

import re
from datetime import timedelta

_LONG = 60 * 86_400  # seconds
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WORDS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "hr": "h", "day": "d", "week": "w"}
_FORM = re.compile(r"\s*(\d{1,6}(?:\.\d{1,3})?)\s*([A-Za-z]+)\s*", re.ASCII)


def duration(text: str) -> timedelta:
    """The span that a text names. ValueError with examples when it names none."""
    if text.strip() == "0":
        return timedelta()
    form = _FORM.fullmatch(text)
    if form:
        word = form[2].lower()
        unit = word if word in _UNITS else _WORDS.get(word.removesuffix("s"))
        if unit:
            return timedelta(seconds=float(form[1]) * _UNITS[unit])
    raise ValueError(f"{text!r} is no span of time; write 8s, 5m, 2h or 3 days")


def spoken(span: timedelta) -> str:
    """A span in words, at most two units: "2 h 5 min"; nobody counts the hours of what is months old: "631 d"."""
    seconds = max(0, round(span.total_seconds()))
    if seconds >= _LONG:
        return f"{seconds // 86_400} d"
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
