"""Spans are said as people say them: two units at most, and no hours of what is months old."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.durations import duration, spoken


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=-5), "0 s"),
        (timedelta(hours=2, minutes=5, seconds=7), "2 h 5 min"),
        (timedelta(days=6, hours=7), "6 d 7 h"),
        (timedelta(days=59, hours=23), "59 d 23 h"),
        (timedelta(days=631, hours=6), "631 d"),
    ],
)
def test_an_age_is_said_as_exactly_as_anybody_wants_it(span: timedelta, words: str) -> None:
    """Of what is hours old the minutes count, of what is months old only the days."""
    assert words == spoken(span)


@given(st.integers(0, 10_000_000))
def test_what_is_said_is_never_more_than_the_span(seconds: int) -> None:
    """Nothing is called older than it is, and at most one part in twenty-four is left out."""
    told = sum(
        (duration("".join(pair)) for pair in zip(*[iter(spoken(timedelta(seconds=seconds)).split())] * 2, strict=True)),
        timedelta(),
    )
    left = timedelta(seconds=seconds) - told
    assert timedelta() <= left <= max(timedelta(seconds=seconds) / 24, timedelta())
