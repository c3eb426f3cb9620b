"""Takes it back: all traffic to the old release first, then the record, then a pull request that reverts the merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gidgethub.abc import GitHubAPI

from bot.adapters import providers
from bot.core import names, render
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome, Waiting
from bot.core.model import PullNumber, Rollout, Sha, State, Step, Update
from bot.core.ports import DeployJob, Provider
from bot.github import commits, deployments, pulls

RUN_LOOK = timedelta(seconds=3)


async def run(update: Update, *, gh: GitHubAPI, pipelines: Mapping[str, Provider], now: datetime) -> Outcome:
    """One step back per turn, so that a crash at any point goes on where it was."""
    rollout = update.rollout
    if rollout is not None and not _is_back(update, rollout):
        return await _traffic_back(update, rollout, gh, pipelines, now)
    if update.merge is None:
        raise Permanent("there is no merge to take back")
    number = update.revert or await _revert(update, gh)
    target = f"{update.component.name} {update.target}"
    why = f"{target} is blocked until a newer one appears; " + (
        f"#{number} reverts it" if number else "no clean revert can be made any more, so a person must revert it"
    )
    return Moved(update=replace(update, revert=number), to=State.ROLLED_BACK, why=why)


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
    update: Update, rollout: Rollout, gh: GitHubAPI, pipelines: Mapping[str, Provider], now: datetime
) -> Outcome:
    pipeline = pipelines.get(rollout.environment)
    if pipeline is None:
        raise Permanent(f"{rollout.environment} left the configuration: a person must turn its traffic back")
    step = _steps_back(update, rollout) or Step(key=_key(update, rollout), weight=100)
    carried = await providers.carry_out(pipeline, _job(update, rollout, step), step, now=now, every=RUN_LOOK)
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
        version=f"{update.component.name} {update.current}",
        ref=update.pull.base if update.pull else "main",
    )


async def _revert(update: Update, gh: GitHubAPI) -> PullNumber | None:
    """The pull request that reverts the merge; None when nobody can tell what the files should be now."""
    assert update.merge is not None
    branch = names.revert_branch_of(update)
    if found := await pulls.find(gh, update.repo, branch):
        await pulls.label(gh, update.repo, found.number, (names.LABEL,))
        return found.number
    base = update.pull.base if update.pull else await commits.default_branch(gh, update.repo)
    tip = await commits.branch(gh, update.repo, base)
    if tip is None:
        return None
    files = await _old_texts(update, gh, tip)
    if files is None:
        return None
    title = f'Revert "{names.title_of(update)}"'
    message = f"{title}\n\nThis reverts commit {update.merge.sha}.\n\n{names.trailer_of(update)}\n"
    head = await commits.commit(
        gh,
        update.repo,
        parent=tip,
        files=files,
        message=message,
        author=commits.Author(name=names.AUTHOR, email=names.EMAIL, at=update.merge.at),
    )
    await commits.put_branch(gh, update.repo, branch, head, mark=names.trailer_of(update))
    opened = await pulls.open(gh, update.repo, branch=branch, base=base, title=title, body=render.revert_body(update))
    await pulls.label(gh, update.repo, opened.number, (names.LABEL,))
    return opened.number


async def _old_texts(update: Update, gh: GitHubAPI, tip: Sha) -> Mapping[str, str | None] | None:
    """Each file of the merge as it was before; None when one is no longer as the merge left it, or was no text."""
    assert update.merge is not None
    before = await _blobs(update, gh, update.merge.parent)
    after = await _blobs(update, gh, update.merge.sha)
    there = await _blobs(update, gh, tip)
    touched = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    if any(there.get(path) != after.get(path) for path in touched):
        return None
    texts = {path: await commits.read(gh, update.repo, path, update.merge.parent) for path in sorted(touched)}
    # What has no text (a picture, a huge file) cannot be written back, and leaving it out would delete it.
    return None if any(text is None and path in before for path, text in texts.items()) else texts


async def _blobs(update: Update, gh: GitHubAPI, sha: Sha) -> dict[str, Sha]:
    return {file.path: file.sha for file in await commits.tree(gh, update.repo, sha)}
