"""Keeps the dashboard issue: found by its mark among our own, opened once, edited only when its text changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gidgethub.abc import GitHubAPI

from bot.core import board, names
from bot.core.errors import Missing, Refused
from bot.core.model import RepoName, Update, UpdateId
from bot.github import issues
from bot.github.apps import Us


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the dashboard is to show."""

    answers: Sequence[board.Answer]
    updates: Sequence[Update]
    problems: Sequence[str] = ()


async def find(repo: RepoName, number: int | None, *, gh: GitHubAPI, us: Us) -> issues.Issue | None:
    """Our dashboard, open or closed; None where there is none, or the repository has no issues.

    number: where it was the last time; without it our own issues are looked through.
    """
    try:
        if number is not None and _is_ours(found := await issues.get(gh, repo, number), us):
            return found
    except Missing:
        pass
    try:
        mine = await issues.of_creator(gh, repo, us.login, label=names.LABEL)
    except Missing:
        return None
    return next((issue for issue in mine if _is_ours(issue, us)), None)


def _is_ours(issue: issues.Issue, us: Us) -> bool:
    # Anybody may copy the mark into an issue of their own, where they could tick what they like.
    return board.MARK in issue.body and issue.author.lower() == us.login.lower()


def released(found: issues.Issue | None) -> frozenset[UpdateId]:
    """The updates whose boxes are ticked; a closed dashboard releases nothing."""
    return board.ticked(found.body) if found is not None and found.state == "open" else frozenset()


async def write(repo: RepoName, shown: Shown, found: issues.Issue | None, *, gh: GitHubAPI) -> int | None:
    """Open it, or bring it up to date; its number. None for a repository that has no issues, or takes none of ours.

    Closed by a person it stays closed and is written no more; opened again it goes on.
    """
    text = board.body(shown.answers, shown.updates, shown.problems)
    try:
        if found is None:
            return (await issues.create(gh, repo, title=board.TITLE, body=text, labels=(names.LABEL,))).number
        # GitHub's own editor ends lines as the old forms of the web do.
        if found.state == "open" and found.body.replace("\r\n", "\n").rstrip() != text.rstrip():
            await issues.edit(gh, repo, found.number, body=text)
    except (Missing, Refused):
        return None
    return found.number
