"""Whose yes counts: a person's with the right to write, for exactly the commit that would be merged.

A review is a fact with its commit. A push makes every approval stale without anybody doing anything; a request for
changes stays across pushes, until its writer says something else or it is dismissed. The pull request's author,
whoever pushed to its branch, and bots never approve; where somebody unknown pushed, any one who approves might be
they, so the policy asks for one more. A permission that could not be read is neither yes nor no: it approves nothing,
and it blocks what its holder asked to block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from bot.core.model import Approval, Login, Sha


class Permission(IntEnum):
    """What a person may do to a repository; ordered, so that "write or more" is a comparison."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


class Opinion(StrEnum):
    """What a review says, as GitHub spells it."""

    APPROVED = "APPROVED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    COMMENTED = "COMMENTED"
    DISMISSED = "DISMISSED"
    PENDING = "PENDING"


_CARE = {Opinion.APPROVED: 0, Opinion.DISMISSED: 1, Opinion.CHANGES_REQUESTED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review, or an approval by comment. commit: what it was said of; permission: None where it is not known."""

    who: Login
    opinion: Opinion
    commit: Sha | None
    at: datetime
    permission: Permission | None
    is_bot: bool = False
    source: str = "review"  # or "comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the people stand to one commit.

    approvals: those that count, one a person; blockers: who asked for changes and may; unknown: whose permission could
    not be read; why: one sentence for every person who said something.
    """

    approvals: tuple[Approval, ...] = ()
    blockers: tuple[Login, ...] = ()
    unknown: tuple[Login, ...] = ()
    why: tuple[str, ...] = ()


def permission_of(word: str) -> Permission | None:
    """GitHub's word for a role; None for one that an organisation made up, which says nothing by itself."""
    return Permission[word.upper()] if word.upper() in Permission.__members__ else None


def standing(
    reviews: Sequence[Review], *, head: Sha, author: Login | None, pushers: Collection[Login | None] = ()
) -> Standing:
    """What the reviews amount to for `head`, whatever their order.

    author: of the pull request; pushers: who else put commits on its branch. None stands for nobody in particular.
    Logins compare without case.
    """
    insiders = {login.lower() for login in (author, *pushers) if login is not None}
    approvals, blockers, unknown, why = [], [], [], []
    for review in _latest(reviews):
        sentence = _objection(review, head, insiders)
        if review.permission is None and not _is_bot(review):
            unknown.append(review.who)
        if _blocks(review):
            blockers.append(review.who)
        elif review.opinion is Opinion.APPROVED and sentence is None:
            approvals.append(Approval(who=review.who, head=head, at=review.at, source=review.source))
        why.append(f"@{review.who} {sentence or _said(review)}")
    return Standing(approvals=tuple(approvals), blockers=tuple(blockers), unknown=tuple(unknown), why=tuple(why))


def _latest(reviews: Sequence[Review]) -> Iterator[Review]:
    """The last opinion of each person. A remark is no opinion; a dismissed one leaves none behind, nor an older one."""
    last: dict[str, Review] = {}
    for review in sorted(reviews, key=_when_and_how_grave):
        if review.opinion in _CARE:
            last[review.who.lower()] = review
    return iter(sorted(last.values(), key=lambda review: (review.at, review.who.lower())))


def _when_and_how_grave(review: Review) -> tuple[datetime, int, int, bool, str, str]:
    """A sort key: times are whole seconds, and of two opinions of one second the one that earns less is the last."""
    known = -1 if review.permission is None else int(review.permission)
    return review.at, _CARE.get(review.opinion, 0), -known, review.is_bot, review.commit or "", review.who


def _blocks(review: Review) -> bool:
    may = review.permission is None or review.permission >= Permission.WRITE
    return review.opinion is Opinion.CHANGES_REQUESTED and may and not _is_bot(review)


def _objection(review: Review, head: Sha, insiders: Collection[str]) -> str | None:
    """Why an opinion does not count as it stands; None when it does."""
    verb = "approved" if review.opinion is Opinion.APPROVED else "asked for changes"
    if review.opinion is Opinion.DISMISSED:
        return "had an opinion, and it was dismissed"
    if _is_bot(review):
        return f"{verb}, and a bot's word does not count"
    if review.permission is not None and review.permission < Permission.WRITE:
        return f"{verb}, and may not write to this repository"
    if review.opinion is Opinion.CHANGES_REQUESTED:
        return None
    if review.who.lower() in insiders:
        return "approved, and wrote to this pull request themselves"
    if review.permission is None:
        return "approved, and whether they may write to this repository is not known"
    if review.commit != head:
        return f"approved {_short(review.commit)}, and the head is {_short(head)} now"
    return None


def _said(review: Review) -> str:
    if review.opinion is Opinion.APPROVED:
        return f"approved {_short(review.commit)}"
    known = "" if review.permission is not None else " (whether they may write here is not known)"
    return f"asked for changes{known}"


def _is_bot(review: Review) -> bool:
    return review.is_bot or review.who.lower().endswith("[bot]")


def _short(sha: Sha | None) -> str:
    return f"`{sha[:7]}`" if sha else "a commit that is gone"
