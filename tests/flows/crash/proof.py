"""What must be true at the end, however often the bot died on the way; told by what GitHub has, not by what we say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bot.core import names
from bot.core.model import Component, State
from bot.demo import releases
from bot.demo.box.rows import Repo
from tests.flows.crash.world import TARGET, World
from tests.flows.flow import REPO, dispatches, problems

COMPONENT = Component(ecosystem="pypi", name=releases.PROJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One way through the path. share_of_new: of the new release's requests that fail; weights: of the dispatches."""

    name: str
    share_of_new: float
    ends: State
    road: tuple[State, ...]
    weights: tuple[str, ...]
    deployment: str
    branches: tuple[str, ...]


_S = State
_TO_ROLLOUT = (
    _S.DETECTED, _S.PROPOSED, _S.SIMULATED, _S.APPROVED, _S.MERGED, _S.DEPLOYING, _S.ROLLING_OUT, _S.DEPLOYING,
    _S.ROLLING_OUT,
)  # fmt: skip
_BRANCH = names.branch_for(COMPONENT, TARGET)
GOOD = Walk(
    name="all the way",
    share_of_new=0.0,
    ends=_S.DONE,
    road=(*_TO_ROLLOUT, _S.DEPLOYING, _S.ROLLING_OUT, _S.MERGED, _S.DONE),
    weights=("0", "50", "100"),
    deployment="success",
    branches=(_BRANCH,),
)
BAD = Walk(
    name="turned back",
    share_of_new=0.3,
    ends=_S.ROLLED_BACK,
    road=(*_TO_ROLLOUT, _S.ROLLING_BACK, _S.ROLLED_BACK),
    weights=("0", "50", "100"),
    deployment="failure",
    branches=(_BRANCH, _BRANCH.replace("surefoot/", "surefoot/revert-")),
)


def wrong(world: World, walk: Walk, end: Mapping[str, Any]) -> list[str]:
    """Every promise that is broken, in words; empty when the update ended as if nobody had died."""
    repo = world.box.repo(REPO)
    return [
        *_row(walk, end),
        *_audit(end["audit"][0], walk),
        *_pulls(repo, walk),
        *_merge(world, repo, end["updates"][0]),
        *_deploys(world, repo, walk),
        *_words(world, repo, end["updates"][0], walk),
        *problems(world),  # type: ignore[arg-type]  # only its box is read
    ]


def _row(walk: Walk, end: Mapping[str, Any]) -> Iterator[str]:
    states = [update["state"] for update in end["updates"]]
    if states != [walk.ends]:
        notes = [update["note"] for update in end["updates"]]
        yield f"it ended as {states}, not as {walk.ends}: {notes}"
    if walk.ends is State.DONE and end["leases"]:
        yield f"still held: {end['leases']}"


def _audit(entries: list[Mapping[str, Any]], walk: Walk) -> Iterator[str]:
    for one, other in pairwise(entries):
        if one["now"] != other["was"]:
            yield f"a gap in the audit: {one['now']} and then {other['was']} ({other['why']})"
    road = [entries[0]["was"], *(entry["now"] for entry in entries if entry["was"] != entry["now"])]
    if road != list(walk.road):
        yield f"it went {' > '.join(road)}"


def _pulls(repo: Repo, walk: Walk) -> Iterator[str]:
    pulls = sorted(repo.pulls.values(), key=lambda pull: pull.issue.number)
    yield from _differs("pull requests", [pull.head_ref for pull in pulls], walk.branches)
    for pull in pulls:
        if pull.commits != 1:
            yield f"#{pull.issue.number} has {pull.commits} commits"
        if names.LABEL not in pull.issue.labels:
            yield f"#{pull.issue.number} lacks its label"
    yield from _differs("labels", list(repo.labels).count(names.LABEL), 1)


def _merge(world: World, repo: Repo, update: Mapping[str, Any]) -> Iterator[str]:
    merged = [row for row in world.box.log if row.method == "PUT" and row.path.endswith("/merge") and row.status == 200]
    shas = {row.response["sha"] for row in merged}
    yield from _differs("merges", (len(merged), shas), (1, {repo.git.refs["refs/heads/main"]}))
    yield from _differs("merge known", (update["merge"] or {}).get("sha"), repo.git.refs["refs/heads/main"])


def _deploys(world: World, repo: Repo, walk: Walk) -> Iterator[str]:
    asked = dispatches(world.box)
    yield from _differs("dispatches", tuple(one["weight"] for one in asked), walk.weights)
    yield from _once("dispatches of", [one["deploy_id"] for one in asked])
    yield from _differs("workflow runs", [run.conclusion for run in repo.runs.values()], ["success"] * len(asked))
    ours = [one for one in repo.deployments.values() if one.creator.login == "surefoot[bot]"]
    stand = [one.statuses[-1].state if one.statuses else "nothing said of it" for one in ours]
    yield from _differs("deployments", stand, [walk.deployment])


def _words(world: World, repo: Repo, update: Mapping[str, Any], walk: Walk) -> Iterator[str]:
    said = [one for one in repo.comments.values() if one.user.login == "surefoot[bot]"]
    yield from _differs("comments", [(one.number) for one in said], [update["pull"]["number"]])
    word = {"done": "done", "rolled_back": "rolled back"}[walk.ends]
    if not all(f": {word}\n" in one.body for one in said):
        yield f"the comment does not tell the end: {[one.body[:200] for one in said]}"
    checks = [one for one in repo.checks.values() if one.suite.app.id == world.app[0]]
    yield from _once("check runs", [f"{one.name} on {one.suite.head_sha[:7]}" for one in checks])
    if unfinished := [one.name for one in checks if one.conclusion is None]:
        yield f"check runs that never end: {unfinished}"


def _differs(what: str, found: object, wanted: object) -> Iterator[str]:
    if list(found) != list(wanted) if isinstance(wanted, tuple) and isinstance(found, list) else found != wanted:
        yield f"{what}: {found}, not {wanted}"


def _once(what: str, things: Collection[str]) -> Iterator[str]:
    for thing, times in Counter(things).items():
        if times > 1:
            yield f"{times} {what} {thing}"
