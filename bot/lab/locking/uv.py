"""uv.lock by uv itself: `uv lock --upgrade-package name==version`, which keeps what need not move where it is.

Nothing is built. The project's own settings hold (its indexes, `exclude-newer`, `resolution`, overrides), as they do
for whoever works on it; but only an index that pip's settings of this machine name is there to be asked. A lock made
without indexes in the project is made anew with those that it names itself.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core import lockfiles, tomls
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab import resolver
from bot.lab.locking import errand, pips, splice, words
from bot.lab.locking.allowed import Place, without_login
from bot.lab.locking.errand import Brought, Errand, Room, Step
from bot.lab.locking.gateway import Gateway
from bot.lab.locking.pips import Indexes, is_web, key
from bot.lab.resolver import Uv

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
        wish, old = "==".join(pips.wish(job)), job.files[job.lock]
        indexes = _Indexes.of(job, self.uv, self.also)
        python = await pips.python_for(_pythons(job), job, self.uv, "uv")
        seen = (self._programs(), python.prefix)
        asked = ("lock", "--no-build", "--no-progress", "--quiet", "--python", str(python.path))
        env = {**_ENVIRONMENT, **indexes.env}
        common = Errand(steps=(), wanted=(job.lock,), files=job.files, env=env, visible=seen)
        async with self.room.gateway(indexes.places) as way:
            made = await self._ask(common, way, (self.uv.path, *asked, "--upgrade-package", wish), job)
            way.check()
            new = _text(made, job)
            await pips.judge(job, new, self.uv, "uv")
            _must_be_for_the_same_pythons(job, old, new)
            small = await asyncio.to_thread(_spliced, old, new, indexes.mirrored)
            if small == new:
                return new
            # uv has the last word on whether what was put back is the lock of this project.
            held = {**job.files, job.lock: small}
            told = await self._ask(common.with_files(held), way, (self.uv.path, *asked, "--check"), job, must=False)
        if told.code == 0:
            return small
        if indexes.mirrored:
            raise Permanent(f"{job.lock} names an index that this machine asks by a mirror, and uv does not agree to "
                            f"what was made of it: {resolver.in_plain_words(told.said)}")  # fmt: skip
        return new

    def _programs(self) -> Path:
        return Path(self.uv.path).resolve().parent

    async def _ask(
        self, common: Errand, way: Gateway, asked: Sequence[str], job: LockJob, *, must: bool = True
    ) -> Brought:
        """One run of uv. must: a refusal is raised, with uv's own reason."""
        step = Step(command=tuple(asked), folder=job.lock.rpartition("/")[0])
        brought = await errand.run(common.with_steps(step), way, self.room)
        if brought.code and must:
            way.check()  # what it could not have says more than its complaint
            raise words.refusal("uv", job, resolver.in_plain_words(brought.said))
        return brought


@dataclass(frozen=True, slots=True, kw_only=True)
class _Indexes:
    """What may be asked, and how uv is told. mirrored: the lock's index that another is asked for, "" for none."""

    places: tuple[Place, ...]
    env: Mapping[str, str]
    mirrored: str = ""

    @classmethod
    def of(cls, job: LockJob, uv: Uv, also: Sequence[str]) -> _Indexes:
        """By the lock, the project and pip's settings. ConfigProblem for an index that these do not name."""
        own = Indexes.of(uv, also)
        declared, has_default = _declared(job)
        rest = [url for url in _registries(job) if key(url) not in declared]
        mine = own.known
        strange = [url for url in rest if key(url) not in mine]
        mirror = own.mirror(strange[0]) if len(strange) == 1 else None
        if strange and mirror is None:
            raise own.stranger(strange[0], job.lock)
        mirrored = strange[0] if strange else ""
        order = sorted(rest, key=lambda url: -1 if url == mirrored else mine.index(key(url)))
        env = {} if has_default else _told(order or [url for url, _ in own.pips[:1]])
        return cls(places=(*own.places, *([mirror] if mirror else [])), env=env, mirrored=mirrored)


def _told(order: Sequence[str]) -> dict[str, str]:
    """As uv is told of indexes. See `bot.lab.indexes`: of two extra ones the later wins for pip, the earlier for uv."""
    extra = {"UV_INDEX": " ".join(reversed(order[1:]))} if order[1:] else {}
    return {"UV_DEFAULT_INDEX": order[0], **extra} if order else {}


def _spliced(old: str, new: str, mirrored: str) -> str:
    return splice.quiet(old, splice.respelt(old, new, mirrored) if mirrored else new)


def _must_be_for_the_same_pythons(job: LockJob, old: str, new: str) -> None:
    if (was := _requires(old)) != (now := _requires(new)):
        raise ConfigProblem(
            f"would be for Python {now} instead of {was}", where=job.lock, mend="Name it as requires-python"
        )


def _text(made: Brought, job: LockJob) -> str:
    return made.files.get(job.lock, job.files[job.lock])


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
    return [url for url in dict.fromkeys(one.origin for one in packages if not one.aside) if is_web(url)]


def _declared(job: LockJob) -> tuple[set[str], bool]:
    """The indexes that the project itself names, and whether one of them is its default. uv.toml hides tool.uv."""
    folder = job.lock.rpartition("/")[0]
    place = f"{folder}/" if folder else ""
    try:
        if (own := job.files.get(f"{place}uv.toml")) is not None:
            settings: Mapping[str, Any] = tomls.loads(own)
        else:
            settings = tomls.loads(job.files.get(f"{place}pyproject.toml", "")).get("tool", {}).get("uv", {})
        listed = [(str(one["url"]), bool(one.get("default"))) for one in settings.get("index", [])]
        main, extra = settings.get("index-url"), settings.get("extra-index-url", [])
        listed += [(str(main), True)] if main else []
        listed += [(str(url), False) for url in extra]
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError) as problem:
        raise ConfigProblem(f"the settings of uv cannot be read: {problem}", where=job.manifest) from problem
    urls = {key(without_login(url)[0]) for url, _ in listed if is_web(without_login(url)[0])}
    return urls, any(default for _, default in listed)
