"""Branches, files and commits by the git API: no clone, no working tree, and the same change twice is one commit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core import names
from bot.core.errors import Missing, Permanent, Refused
from bot.core.model import RepoName, Sha
from bot.github.shapes import at, below, item, shaped

MOST_TEXT = 1024 * 1024  # bytes; GitHub gives larger files only raw
PLAIN = "100644"
TREE = "040000"
PLAIN_MODES = frozenset({PLAIN, "100755"})


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One blob of a tree: size in bytes, mode as git writes it (100644, 100755, 120000 for a link)."""

    path: str
    sha: Sha
    size: int
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who a commit says wrote it, and when (UTC, to the second)."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit as git has it. An amended or rebased one keeps its author and message and gets another committer."""

    sha: Sha
    tree: Sha
    parents: tuple[Sha, ...]
    author: Author
    committer: Author
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How head stands to base. status: identical, ahead, behind or diverged; merge_base: where they parted."""

    status: str
    ahead: int
    behind: int
    merge_base: Sha


class _Object(Struct):
    sha: Sha


class _Ref(Struct):
    object: _Object


class _Repo(Struct):
    default_branch: str


class _Entry(Struct):
    path: str
    mode: str
    type: str
    sha: Sha | None = None
    size: int = 0


class _Tree(Struct):
    sha: Sha
    tree: list[_Entry]
    truncated: bool = False


class _Blob(Struct):
    content: str
    encoding: str
    size: int | None = None


class _Content(Struct):
    type: str = ""
    size: int = 0
    encoding: str = ""
    content: str = ""


class _Author(Struct):
    name: str
    email: str
    date: datetime


class _Commit(Struct):
    sha: Sha
    tree: _Object
    parents: tuple[_Object, ...]
    author: _Author
    committer: _Author
    message: str


class _Compared(Struct):
    status: str
    ahead_by: int
    behind_by: int
    merge_base_commit: _Object


async def default_branch(gh: GitHubAPI, repo: RepoName) -> str:
    """The branch that pull requests go into unless told otherwise."""
    return (await item(gh, at(repo), _Repo)).default_branch


async def branch(gh: GitHubAPI, repo: RepoName, name: str) -> Sha | None:
    """The commit that a branch points to; None when there is no such branch."""
    try:
        return (await item(gh, below(at(repo, "git", "ref", "heads"), name), _Ref)).object.sha
    except Missing:
        return None


async def create_branch(gh: GitHubAPI, repo: RepoName, name: str, sha: Sha) -> Sha:
    """Make a branch there. The answer is where it points: elsewhere than asked when it was there already."""
    try:
        await gh.post(at(repo, "git", "refs"), data={"ref": f"refs/heads/{name}", "sha": sha})
    except Refused:
        there = await branch(gh, repo, name)
        if there is None:
            raise
        return there
    return sha


async def put_branch(gh: GitHubAPI, repo: RepoName, name: str, sha: Sha, *, mark: str) -> None:
    """Point a branch of our own to a commit, made where it is missing. mark: what the messages of our commits hold.

    Permanent when the commit that it points to does not bear the mark: the branch is somebody else's, and their work is
    not thrown away.
    """
    there = await create_branch(gh, repo, name, sha)
    if there == sha:
        return
    if not is_marked(await commit_info(gh, repo, there), mark):
        raise Permanent(f"the branch {name} holds commits that are not ours; delete or rename it")
    await move_branch(gh, repo, name, sha, force=True)


async def move_branch(gh: GitHubAPI, repo: RepoName, name: str, sha: Sha, *, force: bool = False) -> None:
    """Point a branch to another commit. Refused when that is no fast-forward and not forced."""
    await gh.patch(below(at(repo, "git", "refs", "heads"), name), data={"sha": sha, "force": force})


async def delete_branch(gh: GitHubAPI, repo: RepoName, name: str) -> None:
    """Take a branch away; one that is gone already is fine."""
    try:
        await gh.delete(below(at(repo, "git", "refs", "heads"), name))
    except (Missing, Refused):  # GitHub answers 422 for a branch that is not there
        if await branch(gh, repo, name) is not None:
            raise


async def commit_info(gh: GitHubAPI, repo: RepoName, sha: Sha) -> Commit:
    """What git knows of a commit. Missing when it is not in this repository."""
    raw = await item(gh, at(repo, "git", "commits", sha), _Commit)
    return Commit(
        sha=raw.sha,
        tree=raw.tree.sha,
        parents=tuple(parent.sha for parent in raw.parents),
        author=_person(raw.author),
        committer=_person(raw.committer),
        message=raw.message,
    )


def _person(raw: _Author) -> Author:
    return Author(name=raw.name, email=raw.email, at=raw.date.astimezone(UTC))


def is_marked(commit: Commit, mark: str) -> bool:
    """Whether it looks like ours, for what `mark` says. Both signs can be forged: it spares work, and proves nothing.

    The committer is looked at as well, since whoever amends or rebases a commit of ours keeps its message.
    """
    return mark in commit.message and commit.committer.email == names.EMAIL


async def compare(gh: GitHubAPI, repo: RepoName, base: str, head: str) -> Comparison:
    """How head stands to base; both are branches or commits."""
    raw = await item(gh, at(repo, "compare", f"{base}...{head}", per_page=1), _Compared)
    return Comparison(status=raw.status, ahead=raw.ahead_by, behind=raw.behind_by, merge_base=raw.merge_base_commit.sha)


async def tree(gh: GitHubAPI, repo: RepoName, sha: str) -> tuple[File, ...]:
    """All files of a commit or tree. Refused when GitHub cut the list short, for a part must not pass for the whole."""
    raw = await item(gh, at(repo, "git", "trees", sha, recursive=1), _Tree)
    if raw.truncated:
        raise Refused(f"{repo} has more files at {sha[:12]} than GitHub lists at once, so they are not looked through")
    return tuple(
        File(path=entry.path, sha=entry.sha, size=entry.size, mode=entry.mode)
        for entry in raw.tree
        if entry.type == "blob" and entry.sha is not None
    )


async def read(gh: GitHubAPI, repo: RepoName, path: str, ref: str) -> str | None:
    """The text of a file at a branch or commit; None when there is no text to be had: it is not there, it is larger
    than 1 MiB, it is no file, or it is not UTF-8.
    """
    url = below(at(repo, "contents"), path)
    try:
        data = await gh.getitem(f"{url}?{urlencode({'ref': ref})}")
    except Missing:
        return None
    if not isinstance(data, dict):  # a folder is answered as a list
        return None
    return _text(shaped(data, _Content, f"GET {url}"))


async def text_of(gh: GitHubAPI, repo: RepoName, file: File) -> str | None:
    """The text of a file of a tree, by what it holds and not by its name; None when it is too large or no text."""
    if file.size > MOST_TEXT:
        return None
    url = at(repo, "git", "blobs", file.sha)
    raw = await item(gh, url, _Blob)
    return _text(_Content(type="file", encoding=raw.encoding, size=raw.size or 0, content=raw.content))


def _text(raw: _Content) -> str | None:
    if raw.type != "file" or raw.encoding != "base64" or raw.size > MOST_TEXT:
        return None
    try:
        content = base64.b64decode(raw.content)
        return None if b"\0" in content else content.decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


async def commit(
    gh: GitHubAPI,
    repo: RepoName,
    *,
    parent: Sha,
    files: Mapping[str, str | None],
    message: str,
    author: Author | None = None,
) -> Sha:
    """One commit on top of parent with these files as given, or away where None; it is on no branch yet.

    With an author the same call makes the same commit, byte for byte, however often it is made. Without one GitHub
    names the App and signs the commit, and a second call makes a second commit. An empty change answers the parent.
    Refused for a path that is a link, a folder or a submodule.
    """
    before = (await commit_info(gh, repo, parent)).tree
    modes = await _modes(gh, repo, before, files)
    blobs = [_blob(path, files[path], modes[path]) for path in sorted(files) if not _is_done(files[path], modes[path])]
    if not blobs:
        return parent
    after = await _post(gh, at(repo, "git", "trees"), {"base_tree": before, "tree": blobs})
    if after == before:
        return parent
    body: dict[str, object] = {"message": message, "tree": after, "parents": [parent]}
    if author is not None:
        signed = {"name": author.name, "email": author.email, "date": f"{author.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        body |= {"author": signed, "committer": signed}
    return await _post(gh, at(repo, "git", "commits"), body)


def _is_done(text: str | None, mode: str | None) -> bool:
    """Taking away what is not there is done already; GitHub would call it invalid."""
    return text is None and mode is None


def _blob(path: str, text: str | None, mode: str | None) -> dict[str, object]:
    if mode is not None and mode not in PLAIN_MODES:
        raise Refused(f"{path} is no plain file (git mode {mode}), so it is not written")
    entry: dict[str, object] = {"path": path, "mode": mode or PLAIN, "type": "blob"}
    return entry | ({"sha": None} if text is None else {"content": text})


async def _post(gh: GitHubAPI, url: str, body: Mapping[str, object]) -> Sha:
    return shaped(await gh.post(url, data=body), _Object, f"POST {url}").sha


async def _modes(gh: GitHubAPI, repo: RepoName, root: Sha, paths: Iterable[str]) -> dict[str, str | None]:
    """The mode of each path now, None where nothing is: a rewritten script must stay executable.

    Reads only the folders on the way, so the size of the repository does not matter.
    """
    folders: dict[str, dict[str, _Entry]] = {"": await _folder(gh, repo, root)}
    modes: dict[str, str | None] = {}
    for path in paths:
        above, _, name = path.rpartition("/")
        entry = (await _open(gh, repo, folders, above)).get(name)
        modes[path] = entry.mode if entry else None
    return modes


async def _open(gh: GitHubAPI, repo: RepoName, folders: dict[str, dict[str, _Entry]], path: str) -> dict[str, _Entry]:
    """The entries of a folder, opened from the root down; a folder that is not there has none."""
    if path not in folders:
        above, _, name = path.rpartition("/")
        entry = (await _open(gh, repo, folders, above)).get(name)
        if entry is not None and entry.mode != TREE:
            raise Refused(f"{path} is no folder (git mode {entry.mode}), so nothing is written below it")
        folders[path] = await _folder(gh, repo, entry.sha) if entry and entry.sha else {}
    return folders[path]


async def _folder(gh: GitHubAPI, repo: RepoName, sha: Sha) -> dict[str, _Entry]:
    raw = await item(gh, at(repo, "git", "trees", sha), _Tree)
    if raw.truncated:
        raise Refused(f"a folder of {repo} has more entries than GitHub lists at once, so nothing is written into it")
    return {entry.path: entry for entry in raw.tree}
