"""Gathers what a decision may look at, all of it before anybody thinks; what could not be read stays unknown."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from gidgethub.abc import GitHubAPI

from bot.core import approvals, names
from bot.core.errors import Permanent
from bot.core.model import Approval, Login, Update
from bot.core.policy import CheckFact, Facts, Light
from bot.github import checks, comments, hands, pulls
from bot.github.apps import Us

_GREEN = frozenset({"success", "neutral", "skipped"})
OURS = frozenset({names.SIMULATION, names.POLICY, names.ROLLOUT})


async def gather(gh: GitHubAPI, update: Update, *, us: Us, now: datetime) -> Facts:
    """The facts about an update's head, as GitHub tells them now."""
    if update.pull is None:
        raise Permanent("there is no pull request to decide about")
    pull = await pulls.get(gh, update.repo, update.pull.number)
    pushers = await hands.writers(gh, update.repo, update.pull, us)
    standing = await _standing(gh, update, pull, pushers)
    return Facts(
        kind=update.kind,
        head=update.pull.head,
        now=now,
        simulation=update.simulation,
        checks=await _checks(gh, update, us.app_id),
        approvals=standing.approvals,
        blockers=standing.blockers,
        unread=standing.unknown,
        defer_until=update.defer_until,
        pushed_by_others=not update.pull.ours,
        unknown_writers=None in pushers,
        draft=pull.draft,
        since=update.pull.since,
        gates=update.gates,
        gated=update.gated,
        kinds=tuple(part.kind for part in update.parts),
    )


def remembered(update: Update, known: Facts) -> tuple[Approval, ...]:
    """The approvals for the row; a comment's is kept by nobody else, so it stays while its writer's right is unread."""
    waiting = (a for a in update.approvals if a.source == "comment" and a.head == known.head and a.who in known.unread)
    return (*known.approvals, *waiting)


async def _standing(
    gh: GitHubAPI, update: Update, pull: pulls.PullInfo, pushers: Collection[Login | None]
) -> approvals.Standing:
    assert update.pull is not None
    given = await pulls.reviews(gh, update.repo, pull.number)
    said = [a for a in update.approvals if a.source == "comment" and a.head == pull.head]
    people = sorted({r.who for r in given if not r.is_bot} | {a.who for a in said})
    rights = {who: await _right(gh, update, who) for who in people}
    reviews = [
        approvals.Review(
            who=r.who,
            is_bot=r.is_bot,
            opinion=approvals.Opinion(r.state.upper()),
            commit=r.commit,
            at=r.at,
            permission=rights.get(r.who),
        )
        for r in given
        if r.state.upper() in approvals.Opinion.__members__
    ]
    reviews += [
        approvals.Review(
            who=a.who,
            opinion=approvals.Opinion.APPROVED,
            commit=a.head,
            at=a.at,
            permission=rights[a.who],
            source="comment",
        )
        for a in said
    ]
    return approvals.standing(reviews, head=update.pull.head, author=pull.author, pushers=pushers)


async def _right(gh: GitHubAPI, update: Update, who: Login) -> approvals.Permission | None:
    word = await comments.permission(gh, update.repo, who)
    return approvals.permission_of(word) if word else None


async def _checks(gh: GitHubAPI, update: Update, app_id: int) -> tuple[CheckFact, ...] | None:
    """What others report of the head, and what the branch requires; None when the requirement could not be read."""
    assert update.pull is not None
    repo, head = update.repo, update.pull.head
    required = await checks.required(gh, repo, update.pull.base)
    if required is None:
        return None
    lights: dict[str, Light] = {}
    reporters: dict[str, set[int | None]] = {}
    for run in await checks.runs(gh, repo, head):
        if run.app == app_id and run.name in OURS:
            continue  # our own word is no witness for us
        lights[run.name] = max(lights.get(run.name, Light.GREEN), _light(run.status, run.conclusion), key=_ORDER.index)
        reporters.setdefault(run.name, set()).add(run.app)
    for status in await checks.statuses(gh, repo, head):
        lights[status.context] = max(lights.get(status.context, Light.GREEN), _STATUS[status.state], key=_ORDER.index)
        reporters.setdefault(status.context, set()).add(None)
    needed: dict[str, bool] = {}  # name -> whether everybody who must say it has; two Apps may have to
    for need in required:
        if need.context in OURS and need.app in (None, app_id):
            continue
        told = need.app is None or need.app in reporters.get(need.context, set())
        needed[need.context] = told and needed.get(need.context, True)
    absent = [
        CheckFact(name=n, light=Light.ABSENT, required=True)
        for n, told in needed.items()
        if n not in lights or not told
    ]
    seen = [CheckFact(name=n, light=light, required=n in needed) for n, light in lights.items() if needed.get(n, True)]
    return (*seen, *absent)


_ORDER = [Light.GREEN, Light.PENDING, Light.RED]
_STATUS = {"success": Light.GREEN, "pending": Light.PENDING, "failure": Light.RED, "error": Light.RED}


def _light(status: str, conclusion: str | None) -> Light:
    if status != "completed":
        return Light.PENDING
    return Light.GREEN if conclusion in _GREEN else Light.RED
