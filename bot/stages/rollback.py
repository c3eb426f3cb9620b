"""Takes it back: all traffic to the old release first, then the record, then a pull request that reverts the merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gidgethub.abc import GitHubAPI

from bot.adapters import providers
from bot.core import names, render, reverting
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import Merge, Rollout, Sha, State, Step, Update
from bot.core.plans import Place
from bot.core.ports import DeployJob, Leases
from bot.core.quoting import calm
from bot.github import commits, deployments, pulls
from bot.github.apps import Us

RUN_LOOK = timedelta(seconds=3)
TURN = timedelta(seconds=30)
LOOK_AGAIN = timedelta(minutes=10)
LONGEST_STOP = timedelta(minutes=2)  # a run that is asked to stop and does not is overtaken after this


async def run(
    update: Update, *, gh: GitHubAPI, us: Us, places: Mapping[str, Place], leases: Leases, now: datetime
) -> Outcome:
    """One step back per turn, so that a crash at any point goes on where it was."""
    if update.merge is None:
        raise Permanent("there is no merge to take back")
    rollout, unmoved = update.rollout, ""
    if rollout is not None and not _is_back(update, rollout):
        if _is_done(update, rollout) and (busy := await leases.take(rollout.environment)):
            why = f"{rollout.environment} is taken: {busy}"
            return Waiting(update=update, until=now + TURN, why=why, told=True)
        unmoved = await _replaced(update, rollout, gh)
        if not unmoved:
            return await _traffic_back(update, rollout, gh, places, now)
    left = await _marked(update, gh)
    number = update.revert
    if number is None and (revert := await _revert(update, update.merge, gh, us)):
        if revert.author.lower() != us.login.lower():
            return _in_the_way(update, revert, now)
        number = revert.number
    blocked = ("are", "newer ones appear") if len(update.parts) > 1 else ("is", "a newer one appears")
    what = f"{calm(names.brought(update))} {blocked[0]} blocked until {blocked[1]}"
    reverted = f"#{number} reverts it" if number else "the default branch holds nothing of it any more"
    why = "; ".join(filter(None, (what, reverted, unmoved, left)))
    return Moved(update=replace(update, revert=number), to=State.ROLLED_BACK, why=why)


def _is_done(update: Update, rollout: Rollout) -> bool:
    """Whether its environment was given back, so that others may have been there since."""
    return rollout.environment in update.environments_done and _steps_back(update, rollout) is None


async def _replaced(update: Update, rollout: Rollout, gh: GitHubAPI) -> str:
    """Why no traffic is moved: what was done may have been followed by better ones, which must not be thrown out."""
    if not _is_done(update, rollout):
        return ""
    runs = await deployments.last_good(gh, update.repo, rollout.environment)
    if runs == rollout.sha:
        return ""
    if rollout.deployment is not None:
        because = rollout.because
        await deployments.set_status(gh, update.repo, rollout.deployment, state="failure", description=because)
    now = f"runs {runs[:9]}" if runs else "runs something that is not known"
    return f"{rollout.environment} {now} by now and no longer {rollout.sha[:9]}, so its traffic stays where it is"


async def _marked(update: Update, gh: GitHubAPI) -> str:
    """The environments before the one in hand: their deployments are called bad, and a person is told of them."""
    assert update.merge is not None
    mine = update.rollout.environment if update.rollout else None
    others = [name for name in update.environments_done if name != mine]
    because = update.rollout.because if update.rollout else ""
    for name in others:
        key = f"{update.id}:{name}"
        number = await deployments.find(gh, update.repo, environment=name, sha=update.merge.sha, key=key)
        if number is not None:
            await deployments.set_status(gh, update.repo, number, state="failure", description=because)
    return f"{', '.join(others)} may still run it: only a person can turn that back" if others else ""


def _key(update: Update, rollout: Rollout, attempt: int = 1) -> str:
    return f"{update.id}:{rollout.environment}:back:{attempt}"


def _steps_back(update: Update, rollout: Rollout) -> Step | None:
    """The step in hand, if it is one of the way back."""
    step = rollout.step
    return step if step and step.key.startswith(f"{update.id}:{rollout.environment}:back:") else None


def _is_back(update: Update, rollout: Rollout) -> bool:
    step = _steps_back(update, rollout)
    return step is not None and step.finished is not None


async def _traffic_back(
    update: Update, rollout: Rollout, gh: GitHubAPI, places: Mapping[str, Place], now: datetime
) -> Outcome:
    place = places.get(rollout.environment)
    if place is None:
        raise Permanent(f"{rollout.environment} left the configuration: a person must turn its traffic back")
    step = _steps_back(update, rollout) or Step(key=_key(update, rollout), weight=100)
    forth = rollout.step
    if forth is not None and forth != step and step.started is None and now < update.changed + LONGEST_STOP:
        stopping = await providers.stop(place.provider, _job(update, rollout, forth), forth, now=now)
        if stopping:
            why = f"the run to {forth.weight} % is asked to stop first: {stopping}"
            return Waiting(update=update, until=now + RUN_LOOK, why=why)
    carried = await providers.carry_out(place.provider, _job(update, rollout, step), step, now=now, every=RUN_LOOK)
    step = carried.step
    if carried.ok is None:
        why = f"traffic is on its way back: {carried.detail}"
        return Waiting(update=_with(update, rollout, step), until=carried.until, why=why)
    if not carried.ok:
        return _asked(update, rollout, step, carried.detail)
    if rollout.deployment is not None:
        await deployments.set_status(
            gh, update.repo, rollout.deployment, state="failure", log_url=step.url, description=rollout.because
        )
    back = _with(update, rollout, replace(step, finished=now))
    return Waiting(update=back, until=now, why=f"all traffic is on {rollout.stable[:9]} again", told=True)


def _asked(update: Update, rollout: Rollout, step: Step, detail: str) -> Outcome:
    """A person is needed now; another try, when they ask for one, is a run of its own."""
    attempt = int(step.key.rpartition(":")[2]) + 1
    again = _with(update, rollout, Step(key=_key(update, rollout, attempt), weight=100))
    why = f"the run that turns the traffic back ended as {detail}; `/surefoot retry` tries it again"
    return Moved(update=replace(again, paused_from=State.ROLLING_BACK), to=State.FAILED, why=why)


def _with(update: Update, rollout: Rollout, step: Step) -> Update:
    return replace(update, rollout=replace(rollout, step=step))


def _job(update: Update, rollout: Rollout, step: Step) -> DeployJob:
    """The old release as the one that gets the weight, the bad one as the one that gets the rest: nothing."""
    return DeployJob(
        key=step.key,
        environment=rollout.environment,
        sha=rollout.stable,
        stable=rollout.sha,
        weight=step.weight,
        version=names.left_behind(update),
        ref=update.pull.base if update.pull else "main",
    )


def _in_the_way(update: Update, pull: pulls.PullInfo, now: datetime) -> Outcome:
    """What somebody else asks to be merged under our branch's name reverts nothing that we know of."""
    why = (
        f"#{pull.number} from {pull.head_ref} was opened by {pull.author} and is not taken for our revert: close it, "
        "and the way back goes on"
    )
    return Waiting(update=update, until=now + LOOK_AGAIN, why=why, told=True)


async def _revert(update: Update, merge: Merge, gh: GitHubAPI, us: Us) -> pulls.PullInfo | None:
    """The pull request that reverts the merge; None where the branch holds nothing of it any more.

    It is somebody else's where theirs, from a branch of our name, is in the way.
    Permanent when nobody can tell what the files should be: the environment stays ours until a person has settled it.
    """
    branch = names.revert_branch_of(update)
    if found := await pulls.find(gh, update.repo, branch, author=us.login):
        await pulls.label(gh, update.repo, found.number, (names.LABEL,))
        return found
    if theirs := await pulls.find(gh, update.repo, branch, state="open"):
        return theirs  # before anything is pushed to their branch
    base = update.pull.base if update.pull else await commits.default_branch(gh, update.repo)
    tip = await commits.branch(gh, update.repo, base)
    files = await _old_texts(update, merge, gh, tip) if tip else {}
    if tip is None or not files:
        return None
    title = f'Revert "{names.title_of(update)}"'
    message = f"{title}\n\nThis reverts commit {merge.sha}.\n\n{names.trailer_of(update)}\n"
    author = commits.Author(name=names.AUTHOR, email=names.EMAIL, at=merge.at)
    head = await commits.commit(gh, update.repo, parent=tip, files=files, message=message, author=author)
    await commits.put_branch(gh, update.repo, branch, head, mark=names.trailer_of(update))
    opened = await pulls.open(gh, update.repo, branch=branch, base=base, title=title, body=render.revert_body(update))
    if opened.author.lower() == us.login.lower():
        await pulls.label(gh, update.repo, opened.number, (names.LABEL,))
    return opened


async def _old_texts(update: Update, merge: Merge, gh: GitHubAPI, tip: Sha) -> Mapping[str, str | None]:
    """What each file of the merge becomes without it; those that hold nothing of it any more are left out."""
    before = await _blobs(update, gh, merge.parent)
    after = await _blobs(update, gh, merge.sha)
    there = await _blobs(update, gh, tip)
    touched = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    texts: dict[str, str | None] = {}
    for path in sorted(touched):
        if there.get(path) in (before.get(path), None):
            continue
        if there.get(path) == after.get(path):
            texts[path] = await _as_before(update, merge, gh, path) if path in before else None
        elif (text := await _without(update, merge, gh, path, tip)) is not None:
            texts[path] = text
    return texts


async def _as_before(update: Update, merge: Merge, gh: GitHubAPI, path: str) -> str:
    text = await commits.read(gh, update.repo, path, merge.parent)
    if text is None:
        # What has no text (a picture, a huge file) cannot be written back, and leaving it out would delete it.
        raise Permanent(f"{path} is no text that could be written back: a person must revert {merge.sha[:9]}")
    return text


async def _without(update: Update, merge: Merge, gh: GitHubAPI, path: str, tip: Sha) -> str | None:
    """A file that others changed since, without what the merge changed; None when nothing of that is in it."""
    before, after, there = [await commits.read(gh, update.repo, path, at) for at in (merge.parent, merge.sha, tip)]
    if before is not None and after is not None and there is not None:
        named = any(part.target in there for part in update.parts)
        if not reverting.holds(before, after, there) and not named:
            return None
        if (text := reverting.taken_back(before, after, there)) is not None:
            return text
    raise Permanent(f"others changed the same lines of {path} since: a person must revert {merge.sha[:9]}, then retry")


async def _blobs(update: Update, gh: GitHubAPI, sha: Sha) -> dict[str, Sha]:
    return {file.path: file.sha for file in await commits.tree(gh, update.repo, sha)}
