"""Two trees of a foreign repository as plain folders: the base, and the base with the head merged into it.

What is in the repository is hostile: no hook, filter, submodule or large-file fetch runs, no link leads out of its
tree, and no `.git` is left in it. The merge is git's own (`merge-tree` from 2.38 on, before that in a scratch folder).
"""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Sha
from bot.github.gitcmd import Done, Git, may_speak_to
from bot.tools.secrets import Secret

# A pull request of ours is one commit on a base of yesterday; how much further back we look, step by step.
DEPTHS = (20, 200, 2_000)
MOST_BYTES = 2 * 1024**3  # of one tree, unpacked
MOST_FILES = 500_000
MOST_ROUNDS = 20  # of looking at every link again
FIRST_WITH_MERGE_TREE = (2, 38)
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Two folders without git in them. conflict: in words what could not be merged; then candidate was not made.

    dropped: links that led out of their tree and were left out.
    """

    base: Path
    candidate: Path
    conflict: str | None = None
    dropped: tuple[str, ...] = ()


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    made = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="surefoot-"))
    try:
        yield made
    finally:
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)


async def trees(url: str, token: Secret | None, *, base: Sha, head: Sha, into: Path) -> Trees:
    """Fetch both commits from url and lay `into/base` and `into/candidate` out.

    token: who asks, None for nobody. Missing when a commit is not there; Refused when we may not read; Transient when
    the other side is away; Permanent when the tree is larger than we take or the two have no common ancestor.
    """
    _check(url, token, base, head)
    async with _folder() as scratch:
        git = Git(folder=scratch, url=url, token=token)
        _sure(await git("init", "--quiet", "--bare", str(git.folder)), "init")
        merged = await _merged(git, base, head)
        laid = Trees(base=into / "base", candidate=into / "candidate", conflict=merged.conflict)
        dropped = await _lay_out(git, base, laid.base)
        if merged.tree is not None:
            dropped += await _lay_out(git, merged.tree, laid.candidate)
    return replace(laid, dropped=tuple(dropped))


def _check(url: str, token: Secret | None, base: Sha, head: Sha) -> None:
    if why := may_speak_to(url, token):
        raise Permanent(why)
    for sha in (base, head):
        if not _SHA.fullmatch(sha):  # it becomes an argument of git, where a leading dash would be an option
            raise Permanent(f"{sha[:80]!r} is no commit's name")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merge:
    """The tree of the merge, or in words why there is none."""

    tree: str | None
    conflict: str | None = None


async def _merged(git: Git, base: Sha, head: Sha) -> _Merge:
    await _fetch_related(git, base, head)
    if (await git("merge-base", "--is-ancestor", base, head)).code == 0:
        return _Merge(tree=head)  # the head has all of the base: merging changes nothing
    if await version(git) >= FIRST_WITH_MERGE_TREE:
        return await _merge_tree(git, base, head)
    return await merge_in_folder(git, base, head)


async def _fetch_related(git: Git, base: Sha, head: Sha) -> None:
    """Fetch both, and as much of their past as it takes to find where they parted."""
    for depth in DEPTHS:
        done = await git(
            "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", f"--depth={depth}", git.url, base, head
        )
        if done.code != 0:
            raise _trouble(done, git, f"{base[:12]} and {head[:12]}")
        if (await git("merge-base", base, head)).code == 0:
            return
    raise Permanent(f"{base[:12]} and {head[:12]} have no common ancestor within {DEPTHS[-1]} commits")


# What git says when it is refused; its words for these have been the same for ten years.
_NOT_THERE = re.compile(
    r"not our ref|couldn't find remote ref|unadvertised object|repository not found|not found", re.I
)
_NOT_KNOWN = re.compile(r"authentication failed|could not read username|returned error: 401", re.I)
_NOT_ALLOWED = re.compile(r"returned error: (?:403|30\d)|access denied", re.I)


def _trouble(done: Done, git: Git, what: str) -> Missing | Refused | Transient:
    text = f"git fetch of {what}: {done.said[-600:]}"
    if _NOT_KNOWN.search(done.said):
        # A token that was just revoked is soon replaced; who came without one was asked for one.
        return Transient(text) if git.token else Refused(text)
    if _NOT_ALLOWED.search(done.said):
        return Refused(text)
    return Missing(text) if _NOT_THERE.search(done.said) else Transient(text)


async def version(git: Git) -> tuple[int, int]:
    """Which git this is."""
    found = re.search(r"(\d+)\.(\d+)", (await git("--version")).out)
    return (int(found[1]), int(found[2])) if found else (0, 0)


async def _merge_tree(git: Git, base: Sha, head: Sha) -> _Merge:
    done = await git("merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", base, head)
    tree, *paths = done.out.split("\0")
    if done.code == 0:
        return _Merge(tree=tree.strip())
    if done.code == 1:
        return _Merge(tree=None, conflict=_conflict(sorted({path for path in paths if path})))
    raise Permanent(f"git merge-tree of {base[:12]} and {head[:12]}: {done.said[-600:]}")


async def merge_in_folder(git: Git, base: Sha, head: Sha) -> _Merge:
    """The same merge for a git before 2.38, which can only merge into files."""
    async with _folder() as folder:
        return await _merge_files(replace(git, more={"GIT_WORK_TREE": str(folder)}), base, head)


async def _merge_files(inside: Git, base: Sha, head: Sha) -> _Merge:
    _sure(await inside("checkout", "--quiet", "--force", "--detach", base), "checkout")
    done = await inside("merge", "--quiet", "--no-commit", "--no-ff", "--no-verify", head)
    if done.code == 0:
        return _Merge(tree=_sure(await inside("write-tree"), "write-tree").out.strip())
    unmerged = (await inside("diff", "--name-only", "-z", "--diff-filter=U")).out
    paths = sorted({path for path in unmerged.split("\0") if path})
    if not paths:
        raise Permanent(f"git merge of {base[:12]} and {head[:12]}: {done.said[-600:]}")
    return _Merge(tree=None, conflict=_conflict(paths))


def _conflict(paths: list[str]) -> str:
    shown = ", ".join(paths[:5])
    return f"both sides changed {shown}" + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _sure(done: Done, what: str) -> Done:
    if done.code != 0:
        raise Permanent(f"git {what}: {done.said[-600:]}")
    return done


async def _lay_out(git: Git, tree: str, folder: Path) -> list[str]:
    """Write a tree as plain files; the paths of the links that were left out."""
    await _sized(git, tree)
    await asyncio.to_thread(folder.mkdir, parents=True)
    own_index = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(git.folder / f"index-{folder.name}")}
    inside = replace(git, more=own_index)
    _sure(await inside("read-tree", tree), "read-tree")
    _sure(await inside("checkout-index", "--all", "--force", "--quiet"), "checkout-index")
    return await asyncio.to_thread(tame, folder)


async def _sized(git: Git, tree: str) -> None:
    """A tree that would fill the disk is not laid out: a few packed kilobytes can be terabytes of zeros."""
    listed = _sure(await git("ls-tree", "-r", "-l", "-z", "--full-tree", tree), "ls-tree").out.split("\0")
    sizes = [line.split("\t", 1)[0].split()[-1] for line in listed if line]
    total = sum(int(size) for size in sizes if size.isdecimal())
    if total > MOST_BYTES or len(sizes) > MOST_FILES:
        raise Permanent(f"{tree[:12]} has {len(sizes)} files of {total >> 20} MiB, which is more than is laid out")


def tame(folder: Path) -> list[str]:
    """Take away every link that leads out of the folder; what is left can be read without leaving it.

    Each is followed to its end, as reading would, since a link inside may make a harmless one lead outside. Taking one
    away changes where another ends, so it is gone over until nothing changes; what still does then goes altogether.
    """
    root = folder.resolve()
    links = sorted(path for path in folder.rglob("*") if path.is_symlink())
    dropped: list[Path] = []
    for _ in range(MOST_ROUNDS):
        bad = [link for link in links if link.readlink().is_absolute() or not _ends_inside(link, root)]
        if not bad:
            break
        links = _without(links, bad)
        dropped += bad
    else:
        dropped += links
        _without(links, links)
    return [link.relative_to(folder).as_posix() for link in dropped]


def _without(links: list[Path], bad: list[Path]) -> list[Path]:
    for link in bad:
        link.unlink()
    gone = set(bad)
    return [link for link in links if link not in gone]


def _ends_inside(link: Path, root: Path) -> bool:
    try:
        return not _goes_round(link) and link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # there is none to say where it leads
        return False


def _goes_round(link: Path) -> bool:
    # Up to Python 3.12 `resolve` raises for it.
    try:
        link.stat()
    except OSError as problem:
        return problem.errno == errno.ELOOP
    return False
