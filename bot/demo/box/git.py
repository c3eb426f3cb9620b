"""Truth about code is git's: a bare repository on disk, asked through the git binary and nothing else.

Objects never change, so what is read by hash is remembered. Refs change only through this class (a push over smart HTTP
calls ``reload``), so they are remembered too.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NO_SHA = "0" * 40
# Nothing of the machine's own git settings may change what the box answers.
CLEAN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class GitError(Exception):
    """git said no; the message is its stderr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An author or committer line."""

    name: str
    email: str
    date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit object, read."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file between two trees; ``patch`` is the hunks alone, empty for binary files."""

    path: str
    old_path: str
    status: str  # added, removed, modified, renamed
    sha: str
    additions: int
    deletions: int
    patch: str


class Entry(NamedTuple):
    """One line of a tree; size is None for a subtree."""

    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "T": "changed", "C": "copied"}


def read_person(line: str) -> Person:
    """``Name <mail> 1700000000 +0200`` as a Person, in UTC."""
    found = re.match(r"(.*?) ?<(.*?)> (\d+)", line)
    if not found:
        raise GitError(f"not an author line: {line!r}")
    return Person(name=found[1], email=found[2], date=datetime.fromtimestamp(int(found[3]), UTC))


def read_commit(sha: str, raw: str) -> Commit:
    """The text of a commit object as a Commit; a signature block is passed over."""
    head, _, message = raw.partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, []).append(value)
    return Commit(
        sha=sha,
        tree=fields["tree"][0],
        parents=tuple(fields.get("parent", ())),
        author=read_person(fields["author"][0]),
        committer=read_person(fields["committer"][0]),
        message=message.rstrip("\n"),
    )


def read_patches(text: str) -> list[str]:
    """The hunks of each file of a ``git diff``, in order."""
    found = []
    for part in re.split(r"^diff --git .*\n", text, flags=re.M)[1:]:
        start = re.search(r"^@@", part, flags=re.M)
        found.append(part[start.start() :].rstrip("\n") if start else "")
    return found


def read_changes(raw: str, patches: Sequence[str]) -> list[Change]:
    """``git diff --raw --numstat -z`` with the patches beside it."""
    words = raw.split("\0")
    at, rows = 0, []
    while at < len(words) and words[at].startswith(":"):
        _, _, old, new, status = words[at].split(" ")
        moved = status[0] in "RC"
        rows.append(
            (STATUS.get(status[0], "changed"), old if status == "D" else new, words[at + 1], words[at + 1 + moved])
        )
        at += 2 + moved
    changes = []
    for number, (status, sha, old_path, path) in enumerate(rows):
        plus, minus, rest = words[at].split("\t")
        at += 1 if rest else 3  # a rename puts its two names in words of their own
        counts = [int(n) if n != "-" else 0 for n in (plus, minus)]
        changes.append(
            Change(
                path=path,
                old_path=old_path,
                status=status,
                sha=sha,
                additions=counts[0],
                deletions=counts[1],
                patch=patches[number] if number < len(patches) else "",
            )
        )
    return changes


class Git:
    """One bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refs: dict[str, str] = {}
        self._commits: dict[str, Commit] = {}
        self._diffs: dict[tuple[str, str], list[Change]] = {}
        self._kinds: dict[str, str] = {}

    async def run(
        self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, ok: Sequence[int] = (0,)
    ) -> str:
        """stdout as text; GitError on an exit code outside ``ok``."""
        return (await self.run_bytes(*args, stdin=stdin, env=env, ok=ok))[1].decode("utf-8", "replace")

    async def run_bytes(
        self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, ok: Sequence[int] = (0,)
    ) -> tuple[int, bytes]:
        """Exit code and raw stdout; GitError on an exit code outside ``ok``."""
        whole = {**os.environ, **CLEAN, **(env or {})}
        done = await asyncio.to_thread(
            subprocess.run, ["git", "-C", str(self.path), *args], input=stdin, capture_output=True, env=whole
        )
        if done.returncode not in ok:
            raise GitError(done.stderr.decode("utf-8", "replace").strip() or f"git {args[0]} failed")
        return done.returncode, done.stdout

    async def create(self, default_branch: str) -> None:
        """Make the bare repository. What the box knows beside git is in memory, so an old one is no use to it."""
        if (self.path / "HEAD").exists():
            raise GitError(f"{self.path} holds a repository of an earlier box; give this one an empty data folder")
        self.path.mkdir(parents=True, exist_ok=True)
        await self.run("init", "--quiet", "--bare", f"--initial-branch={default_branch}")
        with (self.path / "config").open("a") as config:  # one process less than asking git twice
            config.write("[uploadpack]\n\tallowAnySHA1InWant = true\n[http]\n\treceivepack = true\n")

    async def reload(self) -> None:
        """Read all refs again, after someone pushed."""
        lines = (await self.run("for-each-ref", "--format=%(refname) %(objectname)")).splitlines()
        self.refs = dict(line.split(" ", 1) for line in lines)

    async def set_ref(self, ref: str, new: str | None, old: str | None = None) -> None:
        """Point ``ref`` at ``new``, or remove it; with ``old`` only if it is still there."""
        guard = [old] if old else []
        if new is None:
            await self.run("update-ref", "-d", ref, *guard)
            self.refs.pop(ref, None)
            return
        await self.run("update-ref", ref, new, *guard)
        self.refs[ref] = new

    async def kind(self, sha: str) -> str | None:
        """commit, tree, blob or tag; None when there is no such object."""
        if sha not in self._kinds:
            code, out = await self.run_bytes("cat-file", "-t", sha, ok=(0, 1, 128))
            if code:
                return None
            self._kinds[sha] = out.decode().strip()
        return self._kinds[sha]

    async def resolve(self, name: str) -> str | None:
        """A branch, tag, full ref, or (short) hash as a commit hash; None when it is none of them."""
        for ref in (name, f"refs/{name}", f"refs/heads/{name}", f"refs/tags/{name}"):
            if ref in self.refs:
                return await self.peel(self.refs[ref])
        if re.fullmatch(r"[0-9a-f]{7,40}", name):
            return await self.peel(name)
        return None

    async def peel(self, name: str) -> str | None:
        """The commit that an object stands for."""
        if name in self._commits:
            return name
        code, out = await self.run_bytes("rev-parse", "--verify", "-q", f"{name}^{{commit}}", ok=(0, 1, 128))
        return None if code else out.decode().strip()

    async def commit(self, sha: str) -> Commit:
        """Read a commit."""
        if sha not in self._commits:
            self._commits[sha] = read_commit(sha, await self.run("cat-file", "commit", sha))
        return self._commits[sha]

    async def blob(self, sha: str) -> bytes:
        """The bytes of a file."""
        return (await self.run_bytes("cat-file", "blob", sha))[1]

    async def tree(self, name: str, *, recursive: bool = False, under: str = "") -> list[Entry]:
        """The entries of a tree (of a commit or tree), all depths with their subtrees when recursive."""
        extra = ["-r", "-t"] if recursive else []
        spec = f"{name}:{under}" if under else name
        raw = await self.run("ls-tree", "-z", "-l", "--full-tree", *extra, spec)
        entries = []
        for line in filter(None, raw.split("\0")):
            head, path = line.split("\t", 1)
            mode, kind, sha, size = head.split()
            entries.append(Entry(mode, kind, sha, None if size == "-" else int(size), path))
        return entries

    async def entry(self, name: str, path: str) -> Entry | None:
        """What stands at ``path`` in a commit."""
        raw = await self.run("ls-tree", "-z", "-l", "--full-tree", name, "--", path)
        for line in filter(None, raw.split("\0")):
            head, found = line.split("\t", 1)
            mode, kind, sha, size = head.split()
            return Entry(mode, kind, sha, None if size == "-" else int(size), found)
        return None

    async def write_blob(self, data: bytes) -> str:
        """Store bytes."""
        return (await self.run("hash-object", "-w", "--stdin", stdin=data)).strip()

    async def write_tree(self, base: str | None, edits: Sequence[tuple[str, str | None, str]]) -> str:
        """A tree made of ``base`` and edits (mode, hash or None to remove, path)."""
        with tempfile.TemporaryDirectory(dir=self.path) as scratch:
            env = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if base:
                await self.run("read-tree", base, env=env)
            lines = "".join(f"{mode if sha else '0'} {sha or NO_SHA}\t{path}\0" for mode, sha, path in edits)
            await self.run("update-index", "-z", "--index-info", stdin=lines.encode(), env=env)
            return (await self.run("write-tree", env=env)).strip()

    async def write_commit(
        self, tree: str, parents: Sequence[str], message: str, *, author: Person, committer: Person | None = None
    ) -> str:
        """Store a commit."""
        by = committer or author
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": f"{int(author.date.timestamp())} +0000",
            "GIT_COMMITTER_NAME": by.name,
            "GIT_COMMITTER_EMAIL": by.email,
            "GIT_COMMITTER_DATE": f"{int(by.date.timestamp())} +0000",
        }
        flags = [word for parent in parents for word in ("-p", parent)]
        return (await self.run("commit-tree", tree, *flags, stdin=message.encode(), env=env)).strip()

    async def merge_base(self, one: str, two: str) -> str | None:
        """The best common ancestor, None for strangers."""
        code, out = await self.run_bytes("merge-base", one, two, ok=(0, 1))
        return None if code else out.decode().strip()

    async def contains(self, old: str, new: str) -> bool:
        """Is ``old`` an ancestor of ``new``, or the same?"""
        return old == new or (await self.run_bytes("merge-base", "--is-ancestor", old, new, ok=(0, 1)))[0] == 0

    async def count(self, span: str) -> int:
        """How many commits lie in ``a..b``."""
        return int(await self.run("rev-list", "--count", span))

    async def log(self, span: str, *, limit: int = 250, path: str = "") -> list[Commit]:
        """Commits of a span, newest first."""
        where = ["--", path] if path else []
        shas = (await self.run("rev-list", f"--max-count={limit}", span, *where)).split()
        return [await self.commit(sha) for sha in shas]

    async def changes(self, old: str, new: str) -> list[Change]:
        """The files that differ between two commits or trees."""
        if (old, new) not in self._diffs:
            raw = await self.run("diff", "--raw", "--numstat", "-z", "-M", "--no-abbrev", old, new)
            patches = read_patches(await self.run("diff", "-M", old, new)) if raw else []
            self._diffs[old, new] = read_changes(raw, patches)
        return self._diffs[old, new]

    async def root_changes(self, sha: str) -> list[Change]:
        """The files of a first commit."""
        return await self.changes(EMPTY_TREE, sha)

    async def merged_tree(self, one: str, two: str) -> str | None:
        """The tree of merging two commits; None on a conflict."""
        code, out = await self.run_bytes("merge-tree", "--write-tree", "--no-messages", one, two, ok=(0, 1))
        return None if code else out.decode().split()[0]

    async def rebased(self, base: str, head: str, committer: Person) -> str | None:
        """``head``'s own commits put on top of ``base``; the new tip, None on a conflict."""
        env = {"GIT_COMMITTER_NAME": committer.name, "GIT_COMMITTER_EMAIL": committer.email}
        with tempfile.TemporaryDirectory() as scratch:
            place = str(Path(scratch) / "tree")
            await self.run("worktree", "add", "--quiet", "--detach", place, head)
            try:
                await self.run("-C", place, "rebase", "--quiet", base, env=env)
                return (await self.run("-C", place, "rev-parse", "HEAD")).strip()
            except GitError:
                return None
            finally:
                await self.run("worktree", "remove", "--force", place)

    async def archive(self, name: str, kind: str, prefix: str = "") -> bytes:
        """A tar, tar.gz or zip of a commit's files, under a folder where ``prefix`` names one."""
        return (await self.run_bytes("archive", f"--format={kind}", f"--prefix={prefix}", name))[1]
