"""The bot does what it is told, nothing that it was not, and helps whoever slipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import commands
from bot.core.commands import (
    Approve,
    BadTime,
    Command,
    Defer,
    Help,
    Problem,
    Reject,
    Retry,
    Rollback,
    Status,
    TooMany,
    Unexpected,
    Unknown,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def parse(text: str) -> tuple[Command | Problem, ...]:
    """What is heard now."""
    return commands.parse(text, now=NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/surefoot approve", Approve()),
        ("/Surefoot  APPROVE.", Approve()),
        ("   /surefoot: approve  ", Approve()),
        ("/surefoot\tapprove", Approve()),
        ("Looks good!\n\n/surefoot approve\n\nThanks", Approve()),
        ("/surefoot approve <!-- really -->", Approve()),
        ("/surefoot reject", Reject()),
        ("/surefoot reject breaks `foo()` for us", Reject(reason="breaks `foo()` for us")),
        ("/surefoot rollback errors since 9", Rollback(reason="errors since 9")),
        ("/surefoot defer 2h", Defer(until=NOW + timedelta(hours=2))),
        ("/surefoot defer until tomorrow 09:00.", Defer(until=datetime(2026, 3, 5, 9, 0, tzinfo=UTC))),
        ("/surefoot retry", Retry()),
        ("/surefoot status", Status()),
        ("/surefoot help", Help()),
        ("/surefoot", Help()),
    ],
)
def test_commands(text: str, expected: Command) -> None:
    """Each command, as people type it."""
    assert (expected,) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please /surefoot approve",
        "/surefooted approve",
        "> /surefoot approve",
        "    /surefoot approve",
        "- /surefoot approve",
        "`/surefoot approve`",
        "`like this:\n/surefoot approve\n`",
        "```\n/surefoot approve\n```",
        "<!--\n/surefoot approve\n-->",
        "surefoot approve",
        "/ surefoot approve",
    ],
)
def test_what_is_no_command(text: str) -> None:
    """Quoting somebody, showing how it is written, or speaking of it does nothing."""
    assert parse(text) == ()


@pytest.mark.parametrize("text", ["/surefoot approve not", "/surefoot approve only if green", "/surefoot approve?"])
def test_an_approval_is_exactly_that(text: str) -> None:
    """Words that could turn it round are no approval."""
    (found,) = parse(text)

    assert isinstance(found, Unexpected | Unknown)
    assert commands.answer(found)


@pytest.mark.parametrize(
    ("text", "word", "near"),
    [("/surefoot aprove", "aprove", "approve"), ("/surefoot roll-back", "roll-back", "rollback"),
     ("/surefoot sing", "sing", None), ("/surefoot `@all`", "'@\u200ball'", None)],
)  # fmt: skip
def test_a_slip_is_answered_with_the_nearest_word(text: str, word: str, near: str | None) -> None:
    """The answer can be copied; foreign words in it notify nobody."""
    (found,) = parse(text)

    assert found == Unknown(word=word, did_you_mean=near)
    answer = commands.answer(found)
    assert (f"Did you mean `/surefoot {near}`?" in answer) if near else (commands.help_text() in answer)


@pytest.mark.parametrize("text", ["/surefoot defer", "/surefoot defer soon", "/surefoot defer 2020-01-01"])
def test_a_time_that_is_none_is_answered_with_examples(text: str) -> None:
    """Nothing is deferred by guess."""
    (found,) = parse(text)

    assert isinstance(found, BadTime)
    assert found.why in commands.answer(found)


def test_all_commands_are_heard_in_order() -> None:
    """One comment may hold several."""
    assert parse("/surefoot retry\n/surefoot status\ntext\n/surefoot approve") == (Retry(), Status(), Approve())


def test_too_many_commands_are_cut_off() -> None:
    """A comment full of commands costs no more than ten, and says so."""
    found = parse("/surefoot status\n" * 5000)

    assert len(found) == commands.MOST + 1
    assert found[-1] == TooMany(heard=commands.MOST)
    assert "first 10 commands" in commands.answer(TooMany(heard=10))


def test_reasons_are_bounded() -> None:
    """A novel does not get into the audit."""
    (found,) = parse("/surefoot reject " + "x" * 5000)

    assert found == Reject(reason="x" * commands.LONGEST_REASON)


def test_the_help_names_every_command() -> None:
    """A command that nobody can find does not exist."""
    names = {kind.__name__.lower() for kind in get_args(Command)}

    assert names == set(commands.HELP)
    assert all(f"`/surefoot {name}" in commands.help_text() for name in names)


word = st.sampled_from(["/surefoot", "approve", "defer", "2h", "reject", "\n", " ", "`", "```", ">", "<!--", "-->"])


@given(st.one_of(st.text(), st.lists(st.one_of(word, st.text(max_size=5)), max_size=30).map("".join)))
def test_any_comment_is_heard_without_an_error(text: str) -> None:
    """Whatever anybody writes, each thing heard is a command or can be answered."""
    for found in parse(text):
        assert isinstance(found, get_args(Command)) or commands.answer(found)  # type: ignore[arg-type]  # the rest is a Problem


@given(st.text(alphabet=st.characters(exclude_characters="\n\r")))
def test_a_quoted_line_is_never_a_command(text: str) -> None:
    """However the rest of the quoted line reads."""
    assert parse(f"> /surefoot approve {text}") == ()
