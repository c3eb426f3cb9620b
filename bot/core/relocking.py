"""What is asked of a lock file's own tool, what comes of it, and which lock files a change of manifests asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.core.lockfiles import Moved
from bot.core.locks import locks_of
from bot.core.model import Component


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
