"""What people tell the bot in a comment: lines that begin with `/surefoot`, and nothing that is quoted or code.

Every command of a comment is heard, in order. A line that almost says something is a Problem with a helpful answer,
never a guess: an approval must be exactly that. Comments come from anybody, so text and number of commands are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TypeAlias

from bot.core import markdown, windows
from bot.core.errors import ConfigProblem

LONGEST = 65_536  # characters, as many as GitHub takes
MOST = 10  # commands in one comment
LONGEST_REASON = 500
_LINE = re.compile(r" {0,3}/surefoot(?![^\s:,])[:,]?(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Yes to the commit that the branch points to now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """No to this version."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """Not before `until` (UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Take it back, wherever it has come to."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try again what failed or was uncertain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Say how it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """Say what can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No such command. did_you_mean: the one that it looks like."""

    word: str
    did_you_mean: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpected:
    """The command takes nothing, and something followed: perhaps the opposite was meant."""

    word: str
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadTime:
    """Something to defer until was given, and it is no moment to come."""

    text: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany:
    """The comment holds more commands than are heard; those after the last heard one are not."""

    heard: int


Command: TypeAlias = Approve | Reject | Defer | Rollback | Retry | Status | Help
Problem: TypeAlias = Unknown | Unexpected | BadTime | TooMany

HELP: Mapping[str, str] = {
    "approve": "`/surefoot approve`: yes to the commit that this branch points to now; a later push takes it away",
    "reject": "`/surefoot reject [reason]`: no to this version; it is not proposed again",
    "defer": "`/surefoot defer <time>`: not before then, as in `2h`, `tomorrow 09:00`, `monday 09:00 Europe/Berlin`",
    "rollback": "`/surefoot rollback [reason]`: back to the version before, wherever the rollout stands",
    "retry": "`/surefoot retry`: try again what failed or could not be told",
    "status": "`/surefoot status`: how it stands, and what comes next",
    "help": "`/surefoot help`: this list",
}


def parse(text: str, *, now: datetime) -> tuple[Command | Problem, ...]:
    """All commands of a comment in their order; empty when it holds none. Never raises, whatever the text."""
    found: list[Command | Problem] = []
    for line in _lines(text[:LONGEST]):
        if len(found) == MOST:
            return (*found, TooMany(heard=MOST))
        found.append(_command(line, now))
    return tuple(found)


def help_text() -> str:
    """All commands as a markdown list; whoever may write to the repository may give them."""
    return "\n".join(f"- {line}" for line in HELP.values())


def answer(problem: Problem) -> str:
    """What to tell the person whose line was not understood."""
    match problem:
        case Unknown(word=word, did_you_mean=None):
            return f"I know no command `{word}`. What I know:\n{help_text()}"
        case Unknown(word=word, did_you_mean=near):
            return f"I know no command `{word}`. Did you mean `/surefoot {near}`?"
        case Unexpected(word=word, rest=rest):
            return f"`{word}` stands alone, and `{rest}` followed, so I did nothing. Write only `/surefoot {word}`."
        case BadTime(why=why):
            return f"{why}."
        case TooMany(heard=heard):
            return f"I heard the first {heard} commands of this comment and no more."


def _lines(text: str) -> Iterator[str]:
    """What follows `/surefoot` on each line that is the writer's own."""
    for line in markdown.own_lines(text):
        if found := _LINE.fullmatch(line):
            yield found[1].strip()


def _command(words: str, now: datetime) -> Command | Problem:
    first, *others = words.split(maxsplit=1) or [""]
    word, rest = first.rstrip(".!,;:").lower(), "".join(others).strip()
    match word:
        case "reject":
            return Reject(reason=rest[:LONGEST_REASON])
        case "rollback":
            return Rollback(reason=rest[:LONGEST_REASON])
        case "defer":
            return _defer(rest, now)
        case "":
            return Help()
        case _:
            return _alone(word, rest)


def _alone(word: str, rest: str) -> Command | Problem:
    """The commands that take nothing."""
    commands: Mapping[str, Command] = {"approve": Approve(), "retry": Retry(), "status": Status(), "help": Help()}
    if word not in commands:
        near = get_close_matches(word[:40], HELP, n=1)
        return Unknown(word=_plain(word), did_you_mean=near[0] if near else None)
    return Unexpected(word=word, rest=_plain(rest)) if rest else commands[word]


def _defer(rest: str, now: datetime) -> Command | Problem:
    try:
        return Defer(until=windows.when(rest.removeprefix("until ").rstrip(" ."), now=now))
    except ConfigProblem as problem:
        return BadTime(text=_plain(rest), why=_plain(str(problem), most=300))


def _plain(text: str, *, most: int = 40) -> str:
    """Foreign words that may be said back: no code marks, no mention that would notify anybody."""
    return text[:most].replace("`", "'").replace("@", "@\u200b")
