"""Opens the pull request: one commit on a branch of our own, found again instead of made twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gidgethub.abc import GitHubAPI

from bot.core import names, render, versions
from bot.core.errors import Permanent
from bot.core.lifecycle import Moved, Outcome
from bot.core.model import Pin, Pull, Sha, State, Update
from bot.core.ports import Manifest
from bot.core.rewriting import rewritten
from bot.github import commits, pulls


async def run(update: Update, *, gh: GitHubAPI, manifests: Mapping[str, Manifest], now: datetime) -> Outcome:
    """Open the pull request, or find the one that an earlier try opened."""
    branch, base = names.branch_of(update), await commits.default_branch(gh, update.repo)
    found = await pulls.find(gh, update.repo, branch)
    if found and found.state == "open" and update.pull is None:
        await pulls.label(gh, update.repo, found.number, (names.LABEL,))
        return await _adopted(update, gh, found, now)
    if found and found.state != "open":
        return Moved(update=update, to=State.CLOSED, why=f"#{found.number} for this version was closed before")
    base_sha = await commits.branch(gh, update.repo, base)
    if base_sha is None:
        raise Permanent(f"the default branch {base} has no commit")
    files = await _files(update, gh, manifests, base_sha)
    if not files:
        if found:
            await pulls.close(gh, update.repo, found.number)
        why = f"{base} pins no {update.component.name} older than {update.target} any more"
        return Moved(update=update, to=State.SUPERSEDED, why=why)
    head = await commits.commit(
        gh,
        update.repo,
        parent=base_sha,
        files=files,
        message=_message(update),
        author=commits.Author(name=names.AUTHOR, email=names.EMAIL, at=update.created),
    )
    await commits.put_branch(gh, update.repo, branch, head, mark=names.trailer_of(update))
    pull = found or await pulls.open(
        gh, update.repo, branch=branch, base=base, title=names.title_of(update), body=render.pull_body(update)
    )
    await pulls.label(gh, update.repo, pull.number, (names.LABEL,))
    return _proposed(update, replace(pull, head=head), now, f"opened #{pull.number}")


async def _files(
    update: Update, gh: GitHubAPI, manifests: Mapping[str, Manifest], base: Sha
) -> Mapping[str, str | None]:
    paths = sorted({pin.path for pin in update.pins})
    texts = {path: await commits.read(gh, update.repo, path, base) for path in paths}
    assert update.release is not None, "a detected update knows its release"
    there = {path: text for path, text in texts.items() if text is not None}
    return rewritten(there, _older(update, there, manifests), update.release, manifests)


def _older(update: Update, texts: Mapping[str, str], manifests: Mapping[str, Manifest]) -> list[Pin]:
    """The places that pin an older version now: another update may have moved them since this one was found."""
    kinds = {pin.path: pin.manifest for pin in update.pins}
    return [
        pin
        for path, text in texts.items()
        for pin in manifests[kinds[path]].read(path, text)
        if pin.component == update.component
        and pin.version is not None
        and versions.compare(update.component.ecosystem, pin.version, update.target) < 0
    ]


async def _adopted(update: Update, gh: GitHubAPI, there: pulls.PullInfo, now: datetime) -> Outcome:
    """The pull request of an earlier try; by now it may hold somebody else's commits."""
    commit = await commits.commit_info(gh, update.repo, there.head)
    ours = commits.is_ours(commit, names.trailer_of(update))
    return _proposed(update, there, now, f"#{there.number} was already open", ours=ours)


def _message(update: Update) -> str:
    return f"{names.title_of(update)}\n\n{names.trailer_of(update)}\n"


def _proposed(update: Update, pull: pulls.PullInfo, now: datetime, why: str, *, ours: bool = True) -> Outcome:
    seen = Pull(number=pull.number, head=pull.head, branch=pull.head_ref, base=pull.base_ref, since=now, ours=ours)
    fresh = replace(update, pull=seen, simulation=None, decision=None, approvals=())
    return Moved(update=fresh, to=State.PROPOSED, why=why)
