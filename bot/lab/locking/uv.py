"""uv.lock by uv itself: `uv lock --upgrade-package name==version`, which keeps what need not move where it is.

Nothing is built. The project's own settings hold (its indexes, `exclude-newer`, `resolution`, overrides), as they do
for whoever works on it; but only an index that pip's settings of this machine name is there to be asked. A lock made
without indexes in the project is made anew with those that it names itself. Where it names the public index and pip's
`index-url` is another, that one is its mirror: it is asked, and the lock keeps naming the public one.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packageurl.contrib import purl2url
from packaging.specifiers import InvalidSpecifier
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab import environments, origins, resolver
from bot.lab.locking import errand, splice
from bot.lab.locking.allowed import Place, canonical, without_login
from bot.lab.locking.errand import Brought, Errand, Room, Step
from bot.lab.locking.gateway import Gateway
from bot.lab.resolver import NotPrepared, Uv

NAME = "uv.lock"
# The loop is what waits and tries again.
_ENVIRONMENT: Mapping[str, str] = {"UV_HTTP_RETRIES": "0", "UV_PYTHON_DOWNLOADS": "never"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """uv in the jail. uv: the program and the indexes of this machine; also: more indexes that projects may name."""

    uv: Uv
    room: Room
    also: Sequence[str] = ()

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        wish, old = _wish(job), job.files[job.lock]
        indexes = _Indexes.of(job, self.uv, self.also)
        python = await self._python(job)
        seen = (self._programs(), python.prefix)
        words = ("lock", "--no-build", "--no-progress", "--quiet", "--python", str(python.path))
        env = {**_ENVIRONMENT, **indexes.env}
        common = Errand(steps=(), wanted=(job.lock,), files=job.files, env=env, visible=seen)
        async with self.room.gateway(indexes.places) as way:
            made = await self._ask(common, way, (self.uv.path, *words, "--upgrade-package", wish), job)
            way.check()
            new = _text(made, job)
            await self._judge(job, old, new)
            small = await asyncio.to_thread(_spliced, old, new, indexes.mirrored)
            if small == new:
                return new
            # uv has the last word on whether what was put back is the lock of this project.
            held = {**job.files, job.lock: small}
            told = await self._ask(common.with_files(held), way, (self.uv.path, *words, "--check"), job, must=False)
        if told.code == 0:
            return small
        if indexes.mirrored:
            raise Permanent(f"{job.lock} names an index that this machine asks by a mirror, and uv does not agree to "
                            f"what was made of it: {resolver.in_plain_words(told.said)}")  # fmt: skip
        return new

    def _programs(self) -> Path:
        return Path(self.uv.path).resolve().parent

    async def _ask(
        self, common: Errand, way: Gateway, words: Sequence[str], job: LockJob, *, must: bool = True
    ) -> Brought:
        """One run of uv. must: a refusal is raised, with uv's own reason."""
        step = Step(command=tuple(words), folder=job.lock.rpartition("/")[0])
        brought = await errand.run(common.with_steps(step), way, self.room)
        if brought.code and must:
            way.check()  # what it could not have says more than its complaint
            raise ConfigProblem(
                f"uv cannot lock {job.component.name} {job.version}: {resolver.in_plain_words(brought.said)}",
                where=job.lock,
            )
        return brought

    async def _python(self, job: LockJob) -> environments.Interpreter:
        """One that the lock was made for, so that uv sees no reason to change what it says about that."""
        asked = _pythons(job)
        try:
            return await environments.find_python(asked, self.uv, Path("/"))
        except InvalidSpecifier as problem:
            raise ConfigProblem(f"requires-python is {asked!r}, which is no range", where=job.lock) from problem
        except NotPrepared as problem:
            raise Permanent(f"{problem}. Install one that fits; uv locks for no other") from problem

    async def _judge(self, job: LockJob, old: str, new: str) -> None:
        """ConfigProblem for a lock that is not what was asked for, or holds what nobody asked for."""
        lines = await asyncio.to_thread(_judged, job, old, new)
        try:
            await origins.checked("".join(f"{line}\n" for line in lines), self.uv)
        except NotPrepared as problem:
            raise ConfigProblem(str(problem), where=job.lock) from problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Indexes:
    """What may be asked, and how uv is told. mirrored: the lock's index that another is asked for, "" for none."""

    places: tuple[Place, ...]
    env: Mapping[str, str]
    mirrored: str = ""

    @classmethod
    def of(cls, job: LockJob, uv: Uv, also: Sequence[str]) -> _Indexes:
        """By the lock, the project and pip's settings. ConfigProblem for an index that these do not name."""
        pips = [pair for pair in map(without_login, uv.index.all) if _is_web(pair[0])]
        own = [*pips, *(pair for pair in map(without_login, also) if _is_web(pair[0]))]
        declared, has_default = _declared(job)
        rest = [url for url in _registries(job) if _key(url) not in declared]
        mine = [_key(url) for url, _ in own]
        strange = [url for url in rest if _key(url) not in mine]
        mirrored = strange[0] if len(strange) == 1 and pips and _is_mirrored(strange[0], uv) else ""
        if strange and not mirrored:
            raise ConfigProblem(
                f"takes packages from {strange[0][:200]}, which is no index of this machine", where=job.lock,
                mend="If it is meant, name it in pip's settings of this machine as index-url or extra-index-url",
            )  # fmt: skip
        places = [Place(url=url, asked=url, login=login, lists=True) for url, login in own]
        if mirrored:
            places.append(Place(url=mirrored.rstrip("/"), asked=pips[0][0], login=pips[0][1], lists=True))
        order = sorted(rest, key=lambda url: -1 if url == mirrored else mine.index(_key(url)))
        env = {} if has_default else _told(order or [url for url, _ in pips[:1]])
        return cls(places=tuple(places), env=env, mirrored=mirrored)


def _told(order: Sequence[str]) -> dict[str, str]:
    """As uv is told of indexes. See `bot.lab.indexes`: of two extra ones the later wins for pip, the earlier for uv."""
    extra = {"UV_INDEX": " ".join(reversed(order[1:]))} if order[1:] else {}
    return {"UV_DEFAULT_INDEX": order[0], **extra} if order else {}


def _key(url: str) -> str:
    return canonical(url.rstrip("/") + "/")


def _is_mirrored(url: str, uv: Uv) -> bool:
    """Whether it is the public index, and pip is told to ask another in its place."""
    public = urlsplit(purl2url.get_repo_url("pkg:pypi/x") or "").hostname  # type: ignore[no-untyped-call]  # it has no types
    return uv.index.index_url is not None and urlsplit(url).hostname == public


def _spliced(old: str, new: str, mirrored: str) -> str:
    return splice.quiet(old, splice.respelt(old, new, mirrored) if mirrored else new)


def _judged(job: LockJob, old: str, new: str) -> list[str]:
    """What came in, as lines of requirements with hashes. ConfigProblem as `Tool._judge`."""
    name = canonicalize_name(job.component.name)
    there = {one.version for one in lockfiles.read(new, NAME) if one.name == name}
    if not any(_same(version, job.version) for version in there):
        raise ConfigProblem(f"uv keeps {name} at {', '.join(sorted(there)) or 'no version'}", where=job.lock)
    if (was := _requires(old)) != (now := _requires(new)):
        raise ConfigProblem(
            f"would be for Python {now} instead of {was}", where=job.lock, mend="Name it as requires-python"
        )
    if swapped := lockfiles.swapped(old, new, NAME):
        raise ConfigProblem(f"the index has other files now under the old version of {swapped[0]}", where=job.lock)
    known = {(one.name, one.version) for one in lockfiles.read(old, NAME)}
    added = [one for one in lockfiles.read(new, NAME) if not one.aside and (one.name, one.version) not in known]
    return [" ".join([f"{one.name}=={one.version}", *_hashes(one)]) for one in added]


def _wish(job: LockJob) -> str:
    try:
        return f"{canonicalize_name(job.component.name, validate=True)}=={Version(job.version)}"
    except (InvalidName, InvalidVersion) as problem:
        raise ConfigProblem(str(problem), where=job.manifest) from problem


def _text(made: Brought, job: LockJob) -> str:
    return made.files.get(job.lock, job.files[job.lock])


def _same(locked: str, asked: str) -> bool:
    """Whether it is what was asked for: `1.0` may be had as `1.0+cpu`."""
    try:
        one, other = Version(locked), Version(asked)
    except InvalidVersion:
        return False
    return one == other or (other.local is None and Version(one.public) == other)


def _hashes(one: lockfiles.Locked) -> list[str]:
    return [f"--hash={checksum}" for checksum in one.files.values()]


def _requires(lock: str) -> str:
    found = re.search(r'^requires-python = "([^"\n]*)"', lock.partition("\n[[package]]")[0], re.MULTILINE)
    return found[1] if found else ""


def _pythons(job: LockJob) -> str:
    """Which Pythons the lock is for. Where no manifest says so, uv takes the minor version of the one it runs with."""
    said = _requires(job.files[job.lock])
    manifests = (text for path, text in job.files.items() if path.endswith("pyproject.toml"))
    if any("requires-python" in text for text in manifests):
        return said
    lowest = re.fullmatch(r">=(\d+\.\d+)", said.replace(" ", ""))
    return f"=={lowest[1]}.*" if lowest else said


def _registries(job: LockJob) -> list[str]:
    """The indexes that the lock names; a folder of this machine is one that no jail shows."""
    packages = lockfiles.read(job.files[job.lock], NAME)
    return [url for url in dict.fromkeys(one.origin for one in packages if not one.aside) if _is_web(url)]


def _is_web(url: str) -> bool:
    try:
        canonical(url)
    except ValueError:
        return False
    return True


def _declared(job: LockJob) -> tuple[set[str], bool]:
    """The indexes that the project itself names, and whether one of them is its default. uv.toml hides tool.uv."""
    folder = job.lock.rpartition("/")[0]
    place = f"{folder}/" if folder else ""
    try:
        if (own := job.files.get(f"{place}uv.toml")) is not None:
            settings: Mapping[str, Any] = tomllib.loads(own)
        else:
            settings = tomllib.loads(job.files.get(f"{place}pyproject.toml", "")).get("tool", {}).get("uv", {})
        listed = [(str(one["url"]), bool(one.get("default"))) for one in settings.get("index", [])]
        main, extra = settings.get("index-url"), settings.get("extra-index-url", [])
        listed += [(str(main), True)] if main else []
        listed += [(str(url), False) for url in extra]
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError) as problem:
        raise ConfigProblem(f"the settings of uv cannot be read: {problem}", where=job.manifest) from problem
    urls = {_key(without_login(url)[0]) for url, _ in listed if _is_web(without_login(url)[0])}
    return urls, any(default for _, default in listed)
