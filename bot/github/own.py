"""Which commits are ours: exactly those that we would make again to the last bit; names and marks prove nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gidgethub.abc import GitHubAPI

from bot.core import ecosystems, locks, names, versions
from bot.core.grouping import with_parts
from bot.core.locks import Keeper
from bot.core.model import Kind, Member, Pin, Sha, Update
from bot.core.ports import Manifest
from bot.core.rewriting import rewritten, widens
from bot.github import commits
from bot.lab import chained


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an update does to one base. update: with kind and current as that base pins them; files: path -> new text.

    No files at all: the base pins nothing older than the target.
    """

    update: Update
    files: Mapping[str, str]


async def change(update: Update, gh: GitHubAPI, manifests: Mapping[str, Manifest], base: Sha) -> Change:
    """The update as it is on top of `base`, read anew: other updates may have moved the pins since it was found."""
    paths = sorted({pin.path for part in update.parts for pin in part.pins})
    read = {path: await commits.read(gh, update.repo, path, base) for path in paths}
    before = {path: text for path, text in read.items() if text is not None}
    after, measured = dict(before), []
    for part in update.parts:
        assert part.release is not None, "a detected update knows its releases"
        older = _older(part, after, manifests)
        if older:
            after |= rewritten(after, older, part.release, manifests)
            measured.append(_measured(part, older))
    changed = {path: text for path, text in after.items() if text != before[path]}
    return Change(update=with_parts(update, measured) if measured else update, files=changed)


async def with_locks(change: Change, gh: GitHubAPI, base: Sha, keeper: Keeper) -> Change:
    """The change with the lock files that must follow it, made anew on `base`; the same where none binds it.

    Errors as `Keeper.follow`.
    """
    update = change.update
    if not any(locks.may_be_bound(path) for path in change.files):
        return change
    there = {file.path: file for file in await commits.tree(gh, update.repo, base)}
    if not locks.wanted(change.files, there):
        return change

    async def read(path: str) -> str | None:
        return await commits.text_of(gh, update.repo, there[path])

    made = await chained.followed(update.parts, change.files, there, read, keeper)
    changed = replace(
        update,
        locks=tuple((path, blob_of(text)) for path, text in sorted(made.files.items())),
        moved=tuple(dict.fromkeys(f"{one.name} {one.before or 'new'} → {one.after or 'gone'}" for one in made.moved)),
        gates=tuple(dict.fromkeys((*update.gates, *made.gates))),
    )
    return Change(update=changed, files={**change.files, **made.files})


def blob_of(text: str) -> Sha:
    """What git calls a file of this text."""
    body = text.encode()
    return Sha(hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest())


async def commit(change: Change, gh: GitHubAPI, base: Sha) -> Sha:
    """Our commit of this change on `base`; made twice it is one commit, since author and time are the update's own."""
    update = change.update
    return await commits.commit(
        gh,
        update.repo,
        parent=base,
        files=change.files,
        message=f"{names.title_of(update)}\n\n{names.trailer_of(update)}\n",
        author=commits.Author(name=names.AUTHOR, email=names.EMAIL, at=update.created),
    )


async def recognised(
    update: Update, gh: GitHubAPI, manifests: Mapping[str, Manifest], *, head: Sha, base: str
) -> Update | None:
    """The update as `head` makes it, when that is the commit that we would make on what the branch `base` holds.

    None for every other commit. Message, author and committer can be written by anybody who may push, and are looked at
    only to save the work. One that we know to have made ourselves is ours by its name: its title was written of what
    was known then, and a later look may have found more.
    """
    found = await commits.commit_info(gh, update.repo, head)
    if len(found.parents) != 1 or not commits.is_marked(found, names.trailer_of(update)):
        return None
    parent = found.parents[0]
    # Our very change on top of somebody's commit would bring that commit in with it.
    if (await commits.compare(gh, update.repo, base, parent)).ahead:
        return None
    again = await _with_made(await change(update, gh, manifests, parent), gh, head)
    known = update.pull is not None and head in {update.pull.made, update.pull.head if update.pull.ours else None}
    return again.update if again.files and (known or await commit(again, gh, parent) == head) else None


async def _with_made(change: Change, gh: GitHubAPI, head: Sha) -> Change:
    """The change with the lock files of `head`, where they are those that we made: a tool may never make one twice."""
    update = change.update
    if not update.locks or not change.files:
        return change
    there = {file.path: file for file in await commits.tree(gh, update.repo, head)}
    made = {path: there[path] for path, blob in update.locks if path in there and there[path].sha == blob}
    texts = {path: await commits.text_of(gh, update.repo, file) for path, file in made.items()}
    known = {path: text for path, text in texts.items() if text is not None}
    return Change(update=update, files={**change.files, **known})


def _older(part: Member, texts: Mapping[str, str], manifests: Mapping[str, Manifest]) -> list[Pin]:
    readers = dict.fromkeys((pin.path, pin.manifest) for pin in part.pins)
    return [pin for path, kind in readers if path in texts for pin in _of_file(part, path, texts, manifests[kind])]


def _of_file(part: Member, path: str, texts: Mapping[str, str], manifest: Manifest) -> list[Pin]:
    """The pins in one file that the update is for. One may ask for two versions: the older has updates of its own."""
    there = [pin for pin in manifest.read(path, texts[path]) if pin.component == part.component]
    known = [pin.version for pin in part.pins if pin.path == path and pin.version is not None]
    mine = {pin for pin in there if pin.version is None or not known or _order(part, pin.version, known) >= 0}
    moved_back = all(pin.version is None for pin in mine)
    return [pin for pin in there if (pin in mine or moved_back) and _is_behind(pin, part)]


def _order(part: Member, version: str, known: Sequence[str]) -> int:
    """How a version compares with the oldest of those that the update was found for."""
    scheme = ecosystems.scheme_of(part.component)
    return versions.compare(scheme, version, min(known, key=lambda one: versions.key(scheme, one)))


def _is_behind(pin: Pin, part: Member) -> bool:
    """Whether the update is for a pin like this: of the same shape and older, or the same with another digest.

    For a range that shuts the target out, where the update was made to widen some.
    """
    version, digest = pin.version, pin.digest
    if version is None:
        return bool(_ranges(part)) and part.release is not None and widens(pin, part.release)
    if part.kind is Kind.DIGEST:
        return version == part.target and digest not in {"", part.digest}
    scheme = ecosystems.scheme_of(part.component)
    older = versions.compare(scheme, version, part.target) < 0
    return older and versions.fits(scheme, version, part.target)


def _measured(part: Member, older: list[Pin]) -> Member:
    """From the oldest pin that is rewritten; what was a small step when it was found may be a large one by now."""
    if part.kind is Kind.DIGEST:
        return part
    scheme = ecosystems.scheme_of(part.component)
    exact = [pin.version for pin in older if pin.version is not None]
    if not exact:
        # The step was measured from what the ranges took when it was found; nobody measured another range.
        known = {pin.requirement for pin in older} <= _ranges(part)
        kind = part.kind if known or part.kind is Kind.SCHEME else Kind.MAJOR
        return replace(part, current=older[0].requirement, kind=kind)
    current = min(exact, key=lambda version: versions.key(scheme, version))
    return replace(part, current=current, kind=versions.bump(scheme, current, part.target))


def _ranges(part: Member) -> set[str]:
    """The ranges that it was made to widen, as they were written."""
    return {pin.requirement for pin in part.pins if pin.version is None}
