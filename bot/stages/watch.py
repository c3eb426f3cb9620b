"""Looks at the pull request before anything else is done: a push, a merge or a close by a person comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gidgethub.abc import GitHubAPI

from bot.core import ecosystems, names, second_look, versions
from bot.core.choice import LARGE
from bot.core.lifecycle import PULL_IS_OPEN, Moved, Outcome, Waiting
from bot.core.model import Grade, Kind, Member, Merge, State, Update
from bot.core.ports import Manifest
from bot.core.quoting import calm
from bot.github import commits, own, pulls
from bot.github.apps import Us

# A change that newer ones of its own line replace; a major stands beside them.
_MINE = PULL_IS_OPEN | {State.DETECTED}
_AHEAD = frozenset({State.MERGED, State.DEPLOYING, State.ROLLING_OUT, State.DONE})


async def run(
    update: Update,
    *,
    gh: GitHubAPI,
    us: Us,
    manifests: Mapping[str, Manifest],
    siblings: Sequence[Update],
    now: datetime,
) -> Outcome | None:
    """What changed under us; None when nothing did."""
    newer = _newer(update, siblings)
    if update.pull is not None and update.state in PULL_IS_OPEN | {State.CLOSED}:
        pull = await pulls.get(gh, update.repo, update.pull.number)
        if newer and await _closed_by_us(update, pull, gh, us):
            return await _give_way(update, newer, gh)
        if seen := await _look(update, pull, gh, manifests, now):
            return seen
        if stopped := _of_release(update):
            return stopped
    if update.blocked and update.state in second_look.ON_ITS_WAY:
        return _taken_back(update)
    if update.state in _MINE and newer:
        return await _give_way(update, newer, gh)
    return None


async def _closed_by_us(update: Update, pull: pulls.PullInfo, gh: GitHubAPI, us: Us) -> bool:
    """An earlier try gave way to the newer one, and died before that was saved."""
    if update.state is State.CLOSED or pull.merged or pull.state == "open":
        return False
    return (await pulls.closer(gh, update.repo, pull.number)).lower() == us.login.lower()


async def _look(
    update: Update, pull: pulls.PullInfo, gh: GitHubAPI, manifests: Mapping[str, Manifest], now: datetime
) -> Outcome | None:
    assert update.pull is not None
    was_closed = update.state is State.CLOSED
    if was_closed and pull.state == "closed" and not pull.merged:
        return None
    if pull.base_ref != update.pull.base and pull.base_ref != await commits.default_branch(gh, update.repo):
        return _elsewhere(update, pull)
    if pull.merged:
        return await _merged(update, gh, pull, now)
    if pull.state == "closed":
        return Moved(update=update, to=State.CLOSED, why=f"#{pull.number} was closed; open it again to bring it back")
    if was_closed or (pull.head, pull.base_ref) != (update.pull.head, update.pull.base):
        return await _pushed(update, gh, manifests, pull, now)
    return None


def _elsewhere(update: Update, pull: pulls.PullInfo) -> Outcome | None:
    """Somebody gave it another base, on which nothing was tried and from which nothing may be deployed."""
    assert update.pull is not None
    if pull.state == "closed":
        why = f"#{pull.number} goes into {pull.base_ref} and is over there: it is not followed"
        return None if update.state is State.CLOSED else Moved(update=update, to=State.CLOSED, why=why)
    why = f"#{pull.number} goes into {pull.base_ref} now; nothing is done before its base is {update.pull.base} again"
    fresh = replace(update, simulation=None, decision=None, approvals=())
    if update.state is State.PROPOSED:
        return Waiting(update=fresh, until=None, why=why, told=True)
    return Moved(update=fresh, to=State.PROPOSED, why=why)


async def _merged(update: Update, gh: GitHubAPI, pull: pulls.PullInfo, now: datetime) -> Outcome:
    assert pull.merge_commit_sha is not None, "GitHub names the commit of every merge"
    commit = await commits.commit_info(gh, update.repo, pull.merge_commit_sha)
    merge = Merge(sha=pull.merge_commit_sha, parent=commit.parents[0], at=now)
    return Moved(update=replace(update, merge=merge), to=State.MERGED, why=f"#{pull.number} was merged")


async def _pushed(
    update: Update, gh: GitHubAPI, manifests: Mapping[str, Manifest], pull: pulls.PullInfo, now: datetime
) -> Outcome:
    assert update.pull is not None
    ours = await own.recognised(update, gh, manifests, head=pull.head, base=pull.base_ref)
    made = pull.head if ours else update.pull.made
    seen = replace(update.pull, head=pull.head, base=pull.base_ref, since=now, ours=bool(ours), made=made, refusals=0)
    # What was tried and approved was another commit.
    fresh = replace(ours or update, pull=seen, simulation=None, decision=None, approvals=())
    return Moved(update=fresh, to=State.PROPOSED, why=f"the branch is now at {pull.head[:9]}: it is tried anew")


def _of_release(update: Update) -> Outcome | None:
    """What became of its release since: stopped in whatever state it is, and tried anew when that turns out wrong."""
    if update.state is State.CLOSED:
        return None
    if update.blocked and not (update.state is State.REJECTED and second_look.stopped_for(update) == update.blocked):
        stopped = replace(update, decision=second_look.decision(update))
        if update.state is State.REJECTED:
            return Waiting(update=stopped, until=None, why=update.blocked, told=True)
        return Moved(update=stopped, to=State.REJECTED, why=update.blocked)
    if not update.blocked and update.state is State.REJECTED and second_look.stopped_for(update):
        fresh = replace(update, simulation=None, decision=None)
        return Moved(update=fresh, to=State.PROPOSED, why="nothing stands against its release any longer")
    return None


def _taken_back(update: Update) -> Outcome:
    """What is on its way into production is malicious: it is turned back, as if its users had felt it."""
    rollout = replace(update.rollout, because=update.blocked) if update.rollout else None
    return Moved(update=replace(update, rollout=rollout), to=State.ROLLING_BACK, why=update.blocked)


def _newer(update: Update, siblings: Sequence[Update]) -> tuple[Update, ...]:
    """The siblings that take this one's place: newer, and either good on the same line or already merged.

    Of a group one that was made anew takes it whole, for what is not in that one left it; else each of its members must
    have found a place.
    """
    others = [one for one in siblings if one.id != update.id]
    if whole := next((one for one in others if _is_made_anew(one, update)), None):
        return (whole,)
    found = [next((one for one in others if _takes(one, part, update)), None) for part in update.parts]
    takers = {one.id: one for one in found if one is not None}
    return tuple(takers.values()) if None not in found else ()


def _is_made_anew(other: Update, update: Update) -> bool:
    if other.component != update.component or not (other.members and update.members):
        return False
    return other.created > update.created and _is_ahead(other, other.kind, update.kind)


def _takes(other: Update, part: Member, update: Update) -> bool:
    """Whether the other one moves what this part of the update moves, in all its places, and as far or farther."""
    return any(
        theirs.component == part.component
        and _is_newer(theirs, part, later=other.created > update.created)
        and _is_ahead(other, theirs.kind, part.kind)
        and _covers(theirs, part)
        for theirs in other.parts
    )


def _covers(theirs: Member, mine: Member) -> bool:
    """A file may ask for two versions: what is beyond our target is another place than ours."""
    scheme = ecosystems.scheme_of(mine.component)
    near = [
        pin for pin in theirs.pins if pin.version is None or versions.compare(scheme, pin.version, mine.target) <= 0
    ]
    return {pin.path for pin in mine.pins} <= {pin.path for pin in near}


def _is_ahead(other: Update, theirs: Kind, mine: Kind) -> bool:
    same_line = (theirs in LARGE) == (mine in LARGE)
    return other.state in _AHEAD or (same_line and _is_good(other))


def _is_newer(theirs: Member, mine: Member, *, later: bool) -> bool:
    """A version of another shape is another line; of the same version what was found last is the newer."""
    scheme = ecosystems.scheme_of(mine.component)
    if not versions.fits(scheme, mine.target, theirs.target):
        return False
    order = versions.compare(scheme, theirs.target, mine.target)
    return order > 0 or (order == 0 and later)


def _is_good(other: Update) -> bool:
    """Open, and its trial passed: one that turns out bad must not have taken the place of a good one."""
    tried = other.simulation
    passed = other.pull and tried and tried.grade is Grade.PASSED and tried.head == other.pull.head
    return bool(passed) and not other.blocked and other.state in PULL_IS_OPEN - {State.REJECTED}


async def _give_way(update: Update, newer: Sequence[Update], gh: GitHubAPI) -> Outcome:
    pointer = ", ".join(f"#{one.pull.number}" if one.pull else calm(names.brought(one)) for one in newer)
    if update.pull is not None:
        await pulls.close(gh, update.repo, update.pull.number)
        if update.pull.ours:
            await commits.delete_branch(gh, update.repo, update.pull.branch)
    return Moved(update=update, to=State.SUPERSEDED, why=f"superseded by {pointer}")
