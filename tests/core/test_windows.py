"""A moment means what the person who wrote it meant, wherever they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import windows
from bot.core.errors import ConfigProblem

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-03-04 14:00"),
        ("in 2 hours", "2026-03-04 14:00"),
        ("3 days", "2026-03-07 12:00"),
        ("1 day 12 h", "2026-03-06 00:00"),
        ("1d12h", "2026-03-06 00:00"),
        ("90 MIN", "2026-03-04 13:30"),
        ("2 weeks", "2026-03-18 12:00"),
        ("tomorrow", "2026-03-05 09:00"),
        ("Tomorrow at 17:30", "2026-03-05 17:30"),
        ("today 18:00", "2026-03-04 18:00"),
        ("monday", "2026-03-09 09:00"),
        ("next monday 08:00", "2026-03-09 08:00"),
        ("on fri", "2026-03-06 09:00"),
        ("wednesday 13:00", "2026-03-11 13:00"),
        ("monday 09:00 Europe/Berlin", "2026-03-09 08:00"),
        ("tomorrow europe/berlin", "2026-03-05 08:00"),
        ("14:00", "2026-03-04 14:00"),
        ("11:00", "2026-03-05 11:00"),
        ("14:00 UTC", "2026-03-04 14:00"),
        ("14:00Z", "2026-03-04 14:00"),
        ("9pm", "2026-03-04 21:00"),
        ("12am", "2026-03-05 00:00"),
        ("9:30 am America/New_York", "2026-03-04 14:30"),
        ("2026-12-01", "2026-12-01 09:00"),
        ("2026-12-01 14:00", "2026-12-01 14:00"),
        ("2026-12-01T14:00Z", "2026-12-01 14:00"),
        ("2026-12-01T14:00:30+02:00", "2026-12-01 12:00"),
        ("2026-12-01 14:00 -0500", "2026-12-01 19:00"),
        ("  2026-12-01   14:00   Asia/Tokyo ", "2026-12-01 05:00"),
    ],
)
def test_what_people_write(text: str, expected: str) -> None:
    """Spans, days, dates and times, with UTC where no zone is said."""
    found = windows.when(text, now=NOW)

    assert f"{found:%Y-%m-%d %H:%M}" == expected
    assert found.utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Berlin springs from 02:00 to 03:00 on 29 March 2026, and falls back from 03:00 to 02:00 on 25 October.
        ("2026-03-28 09:00 Europe/Berlin", "2026-03-28 08:00"),
        ("2026-03-30 09:00 Europe/Berlin", "2026-03-30 07:00"),
        ("2026-03-29 02:30 Europe/Berlin", "2026-03-29 01:30"),
        ("2026-10-25 02:30 Europe/Berlin", "2026-10-25 00:30"),
        ("2026-10-25 03:00 Europe/Berlin", "2026-10-25 02:00"),
    ],
)
def test_daylight_saving(text: str, expected: str) -> None:
    """A wall time is the wall time of that day; a skipped one is an hour later, a doubled one the first."""
    assert f"{windows.when(text, now=NOW):%Y-%m-%d %H:%M}" == expected


def test_tomorrow_is_the_writers_tomorrow() -> None:
    """Late in the evening of New York it is already the next day in UTC."""
    late = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)

    assert windows.when("tomorrow 09:00 America/New_York", now=late) == datetime(2026, 3, 5, 14, 0, tzinfo=UTC)
    assert windows.when("tomorrow 09:00", now=late) == datetime(2026, 3, 6, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-04 11:59", "2025-12-01", "today 09:00", "0h", "0001-01-01"])
def test_the_past_is_refused(text: str) -> None:
    """Deferring until yesterday would mean: at once."""
    with pytest.raises(ConfigProblem, match="that is past"):
        windows.when(text, now=NOW)


@pytest.mark.parametrize("text", ["2027-12-01", "400 days", "60 weeks"])
def test_more_than_a_year_is_refused(text: str) -> None:
    """It is a slip of the pen, or a way to say no; there is a command for that."""
    with pytest.raises(ConfigProblem, match="more than a year away"):
        windows.when(text, now=NOW)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "14", "25:00", "13pm", "0am", "2026-02-30", "12/01/2026 10:00", "monday morning", "mo", "3 moons",
     "999999 weeks 999999 weeks", "2026-12-01 14:00 +99:99", "tomorrow 9", "+02:00", "-5 h", "1" * 300],
)  # fmt: skip
def test_what_is_no_moment_is_answered_with_examples(text: str) -> None:
    """The answer shows how to write it."""
    with pytest.raises(ConfigProblem) as caught:
        windows.when(text, now=NOW)

    assert any(word in str(caught.value) for word in ("2026-12-01 14:00", "a year away", "America/New_York"))


def test_an_unknown_zone_is_named() -> None:
    """A zone is looked up among those that there are; it is never the name of a file."""
    with pytest.raises(ConfigProblem, match=r"no time zone '\.\./\.\./etc/passwd'"):
        windows.when("monday 09:00 ../../etc/passwd", now=NOW)


@pytest.mark.parametrize("text", windows.EXAMPLES)
def test_the_examples_work(text: str) -> None:
    """What the bot tells people to write is understood."""
    assert windows.when(text, now=NOW) > NOW


pieces = st.sampled_from(
    ["monday", "tomorrow", "09:00", "9pm", "2h", "3", "days", "2026-12-01", "T", "Z", "+02:00", "Europe/Berlin", "at",
     "in", " ", "utc", "\N{ARABIC-INDIC DIGIT THREE}h", "9999-12-31", "23:59", "Pacific/Kiritimati"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(pieces, max_size=6).map(" ".join), st.lists(pieces, max_size=6).map("".join)))
def test_any_text_is_a_moment_to_come_or_a_clear_no(text: str) -> None:
    """No text gives another error, or a moment outside of the next year."""
    try:
        found = windows.when(text, now=NOW)
    except ConfigProblem:
        return

    assert NOW < found <= NOW + windows.FARTHEST
