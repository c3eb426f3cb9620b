"""Whose hands were on a branch: who pushed there, by GitHub's own record; addresses in commits only add to that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.errors import Missing, Refused
from bot.core.model import Login, Pull, RepoName, Sha
from bot.github import shapes
from bot.github.apps import Us
from bot.github.shapes import Actor, at, every

MOST_COMMITS = 250  # GitHub lists no more of a pull request, and does not say so
BEGAN = "branch_creation"


class Move(Struct):
    """One line of the record: a branch went from one commit to another, by whose hand."""

    before: Sha
    after: Sha
    activity_type: str
    actor: Actor | None = None


class _Known(Struct):
    login: str = ""  # GitHub sends an empty object for an address that is nobody's


class _Commit(Struct):
    sha: Sha
    author: _Known | None = None
    committer: _Known | None = None


async def writers(gh: GitHubAPI, repo: RepoName, pull: Pull, us: Us) -> frozenset[Login | None]:
    """Who put something on the branch of our pull request beside us; None for somebody who is not known.

    Anybody can write any address into a commit, so what counts is who pushed. Whoever a commit names is counted as
    well: they may have written what another pushed for them. Nobody where the head is our own.
    """
    if pull.ours:
        return frozenset()
    return await _pushers(gh, repo, pull, us) | await named(gh, repo, pull)


async def _pushers(gh: GitHubAPI, repo: RepoName, pull: Pull, us: Us) -> frozenset[Login | None]:
    """Everybody whom the record shows to have ever moved the branch; None where it does not tell the whole story."""
    try:
        record = await moves(gh, repo, pull.branch)
    except (Missing, Refused):
        return frozenset({None})
    known = frozenset(who for who in _people(record, us) if who is not None)
    since = _since(record, pull.head, pull.made)
    return known | {None} if since is None or None in _people(since, us) else known


async def moves(gh: GitHubAPI, repo: RepoName, branch: str) -> tuple[Move, ...]:
    """GitHub's record of how a branch was moved, the latest first. Missing where this GitHub keeps none."""
    return await every(gh, at(repo, "activity", ref=f"refs/heads/{branch}"), Move)


def _people(record: Iterable[Move], us: Us) -> frozenset[Login | None]:
    """Who they are, without ourselves. A bot is nobody who is known: whoever may write can have it push for them."""
    others = (move.actor for move in record if shapes.login(move.actor).lower() != us.login.lower())
    return frozenset(None if shapes.is_bot(actor) else shapes.login(actor) for actor in others)


def _since(record: Sequence[Move], head: Sha, made: Sha | None) -> list[Move] | None:
    """The moves that led from our own commit to the head; None where the record does not join the two.

    The latest one must have led to the head, and each must have ended where the one after it began, so that none can be
    missing between them. Where no commit of ours is known (made is None) they must lead back to the branch's making.
    """
    found: list[Move] = []
    if head == made:
        return found
    for move in record:
        if move.after != (found[-1].before if found else head):
            return None
        found.append(move)
        if move.before == made or (made is None and move.activity_type == BEGAN):
            return found
    return None


async def named(gh: GitHubAPI, repo: RepoName, pull: Pull) -> frozenset[Login | None]:
    """Whom the commits name, as far as GitHub knows the addresses in them; None when there are too many to tell."""
    found = await every(gh, at(repo, "pulls", pull.number, "commits"), _Commit)
    people = (person for one in found if one.sha != pull.made for person in (one.author, one.committer))
    named: set[Login | None] = {Login(person.login) for person in people if person is not None and person.login}
    return frozenset(named | {None} if len(found) >= MOST_COMMITS else named)
