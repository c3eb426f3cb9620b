"""Which lock file binds what a manifest pins, and who is asked to make it anew: by its own tool, never by our hand.

A manifest that moves alone leaves a repository that cannot be installed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from posixpath import dirname, join
from typing import Protocol

from bot.core.choice import Choice
from bot.core.lockfiles import Moved, why_not
from bot.core.model import Component, Pin, Verdict

# By the manifest's name: the lock files that its own tools write beside it, or in a folder above for a workspace.
LOCKS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("pyproject.toml", ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")),
    ("Pipfile", ("Pipfile.lock",)),
    (
        "package.json",
        ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
    ),
    ("Cargo.toml", ("Cargo.lock",)),
    ("go.mod", ("go.sum",)),
    ("Gemfile", ("Gemfile.lock",)),
    ("gems.rb", ("gems.locked",)),
    ("*.gemspec", ("Gemfile.lock",)),
    ("composer.json", ("composer.lock",)),
    ("Chart.yaml", ("Chart.lock",)),
    ("requirements.yaml", ("requirements.lock",)),
    ("*.tf", (".terraform.lock.hcl",)),
    ("*proj", ("packages.lock.json",)),
    ("*.props", ("packages.lock.json",)),
    ("*.targets", ("packages.lock.json",)),
)  # fmt: skip

# Their tools know no workspace that one lock would be for: it lies beside the manifest, or there is none.
_ALONE = frozenset({"go.mod", "Gemfile", "gems.rb", "Pipfile"})


def may_be_bound(path: str) -> bool:
    """Whether the tools of this manifest write lock files at all."""
    return any(fnmatchcase(path.rpartition("/")[2], pattern) for pattern, _ in LOCKS)


def locks_of(path: str, files: Collection[str]) -> tuple[str, ...]:
    """The lock files among a repository's `files` that bind the manifest at `path`: the nearest of each name."""
    name = path.rpartition("/")[2]
    names = [lock for pattern, locks in LOCKS if fnmatchcase(name, pattern) for lock in locks]
    folders = (dirname(path),) if name in _ALONE else tuple(_upward(dirname(path)))
    return tuple(found for lock in names if (found := _nearest(folders, lock, files)))


def bound(pins: Sequence[Pin], files: Collection[str]) -> str:
    """Why these pins cannot all be moved; "" when no lock file binds them, or all that do are made anew here."""
    reasons = ((path, why_not(lock, files)) for lock, path in binding(pins, files).items())
    return next((f"{path} is bound by a lock file: {why}" for path, why in reasons if why), "")


def binding(pins: Sequence[Pin], files: Collection[str]) -> dict[str, str]:
    """Lock file -> the path of a pin that it binds."""
    return {lock: pin.path for pin in pins for lock in locks_of(pin.path, files)}


# Why this machine has no tool for a lock file (a path), with the mend; "" where it has one.
Lacks = Callable[[str], Awaitable[str]]


def unbound(choice: Choice, why: str) -> Choice:
    """The choice, held where a lock file binds its pins and it would have been proposed."""
    if not why or choice.verdict is not Verdict.APPROVE:
        return choice
    return replace(choice, verdict=Verdict.HOLD, why=(why, *choice.why))


def _nearest(folders: Sequence[str], lock: str, files: Collection[str]) -> str:
    return next((place for folder in folders if (place := join(folder, lock)) in files), "")


def _upward(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = dirname(folder)
    yield ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockJob:
    """One component has moved in its manifest; the lock is to follow.

    files: path -> text of the manifests as they are now written, of the lock as it was, and of the manifests of other
    members of its workspace. lock, manifest: paths among them. version: what the component is to be locked at.
    """

    files: Mapping[str, str]
    lock: str
    manifest: str
    component: Component
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocked:
    """files: path -> new text of every lock file that changed. moved: all packages that have other versions now."""

    files: Mapping[str, str]
    moved: tuple[Moved, ...]


class Locker(Protocol):
    """Who makes lock files anew."""

    async def lock(self, job: LockJob) -> Relocked:
        """The lock files that changed, and all that moved in them.

        ConfigProblem: the requirements conflict, in the tool's words, or the answer is not to be trusted. Transient: a
        registry is away. Permanent: there is no jail, no tool, or nobody makes locks of this kind.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What follows a change of manifests. gates: what a person has to look at of all that moved along."""

    files: Mapping[str, str]
    moved: tuple[Moved, ...] = ()
    gates: tuple[str, ...] = ()


class Keeper(Protocol):
    """Who sees to it that lock files follow, and looks at what they bring in."""

    async def follow(
        self,
        changed: Mapping[str, str],
        files: Collection[str],
        read: Callable[[str], Awaitable[str | None]],
        target: tuple[Component, str],
    ) -> Followed:
        """The lock files that must follow these manifests (path -> new text) of a repository with these files.

        read: the text of a file as it was. target: the component that moved, and its version. Errors as `Locker.lock`;
        Permanent for what is known to be malicious.
        """
        ...


def wanted(changed: Collection[str], files: Collection[str]) -> dict[str, str]:
    """Lock file -> the changed manifest that it binds, of a repository with these files."""
    return {lock: path for path in sorted(changed) for lock in locks_of(path, files)}
