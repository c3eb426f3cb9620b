"""What the tools of Python's locks share: which indexes may be asked, in whose stead, and what a new lock is held to.

An index may be asked that pip's settings of this machine name. Where a lock names the public index and pip's
`index-url` is another, that one is its mirror: it is asked, and the lock keeps naming the public one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab import origins, pythons
from bot.lab.locking import judging
from bot.lab.locking.allowed import Place, canonical, without_login
from bot.lab.ready import Interpreter
from bot.lab.resolver import NotPrepared, Uv
from bot.tools.secrets import Secret

_NAME_IT = "If it is meant, name it in pip's settings of this machine as index-url or extra-index-url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """Those of this machine, each with its login. pips: as pip asks them, the main one first; also: further ones."""

    pips: Sequence[tuple[str, Secret | None]]
    also: Sequence[tuple[str, Secret | None]] = ()
    stands_in: bool = False

    @classmethod
    def of(cls, uv: Uv, also: Sequence[str]) -> Indexes:
        """By pip's settings, and what the operator names besides."""
        pips, more = ([pair for pair in map(without_login, urls) if is_web(pair[0])] for urls in (uv.index.all, also))
        return cls(pips=pips, also=more, stands_in=uv.index.index_url is not None)

    @property
    def known(self) -> list[str]:
        """Their URLs in the one spelling that is compared."""
        return [key(url) for url, _ in (*self.pips, *self.also)]

    @property
    def places(self) -> list[Place]:
        """What may be asked."""
        return [Place(url=url, asked=url, login=login, lists=True) for url, login in (*self.pips, *self.also)]

    def mirror(self, url: str) -> Place | None:
        """The main index in the stead of the public one; None where this is another, or pip is told of no index."""
        if not self.pips or not self.stands_in or urlsplit(url).hostname != public_host():
            return None
        asked, login = self.pips[0]
        return Place(url=url.rstrip("/"), asked=asked, login=login, lists=True)

    def stranger(self, url: str, lock: str) -> ConfigProblem:
        """Said of an index that is none of these."""
        return ConfigProblem(
            f"takes packages from {url[:200]}, which is no index of this machine", where=lock, mend=_NAME_IT
        )


def public_host() -> str | None:
    """Of the index that pip asks where it is told of none."""
    from packageurl.contrib import purl2url  # seldom needed, and slow to load

    return urlsplit(purl2url.get_repo_url("pkg:pypi/x") or "").hostname  # type: ignore[no-untyped-call]  # it has no types


def key(url: str) -> str:
    """The one spelling of an index, with a slash at its end."""
    return canonical(url.rstrip("/") + "/")


def is_web(url: str) -> bool:
    """Whether it can be asked at all: a folder of this machine is one that no jail shows."""
    try:
        canonical(url)
    except ValueError:
        return False
    return True


def wish(job: LockJob) -> tuple[str, str]:
    """The component's name and version in their normal forms. ConfigProblem for what is none."""
    try:
        return canonicalize_name(job.component.name, validate=True), str(Version(job.version))
    except (InvalidName, InvalidVersion) as problem:
        raise ConfigProblem(str(problem), where=job.manifest) from problem


async def python_for(asked: str, job: LockJob, uv: Uv, tool: str) -> Interpreter:
    """A Python of this machine for which the lock is meant."""
    try:
        return await pythons.find_python(asked, uv, Path("/"))
    except InvalidSpecifier as problem:
        raise ConfigProblem(f"requires-python is {asked!r}, which is no range", where=job.lock) from problem
    except NotPrepared as problem:
        raise Permanent(f"{problem}. Install one that fits; {tool} locks for no other") from problem


async def judge(job: LockJob, new: str, uv: Uv, tool: str) -> None:
    """ConfigProblem for a lock that is not what was asked for, or holds what nobody asked for."""
    wish(job)
    judged = partial(judging.judge, job, new, tool, normal=canonicalize_name, same=_same)
    added = await asyncio.to_thread(judged)
    lines = (" ".join([f"{one.name}=={one.version}", *_hashes(one)]) for one in added)
    try:
        await origins.checked("".join(f"{line}\n" for line in lines), uv)
    except NotPrepared as problem:
        raise ConfigProblem(str(problem), where=job.lock) from problem


def _same(locked: str, asked: str) -> bool:
    """Whether it is what was asked for: `1.0` may be had as `1.0+cpu`."""
    try:
        one, other = Version(locked), Version(asked)
    except InvalidVersion:
        return False
    return one == other or (other.local is None and Version(one.public) == other)


def _hashes(one: lockfiles.Locked) -> list[str]:
    return [f"--hash={checksum}" for checksum in one.files.values()]
