"""Gemfile.lock (and gems.locked) by Bundler itself, in the jail alone: a Gemfile is a program, and so is a gemspec.

Bundler takes the newest that a Gemfile lets through; so of the component only the chosen version is shown, and first of
all other gems in the lock only what is locked (`bot.lab.locking.showing`): then nothing else can move. Where that has
no answer, those that Bundler names as the reason are let move, and at last all of them, of which it keeps what it can.
No gem is fetched, built or installed. The lock keeps its platforms, and the name of the Bundler that wrote it.

Asked is the server that stands for rubygems.org on this machine; gems from git would have to be checked out, and are
not.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockreaders import gem as reader
from bot.core.locks import LockJob
from bot.lab.locking import errand, judging, words
from bot.lab.locking.allowed import Place
from bot.lab.locking.errand import AUTHORITY, Brought, Errand, Room, Step
from bot.lab.locking.programs import Program, told
from bot.lab.locking.showing import Gems as Shown
from bot.tools.secrets import Secret

NAMES = {"Gemfile.lock": "Gemfile", "gems.locked": "gems.rb"}
INDEX = reader.RUBYGEMS
OLDEST = (2, 3)
MOST_FREED = 8  # gems that are let move one after the other, until all of them may
_COUNTS_FILES = (2, 6)  # since when Bundler knows the checksums of a lock; an older one drops them
_ALIASES = ("https://index.rubygems.org",)  # where Bundler asks for the index of rubygems.org
_MEND = "Install Ruby with Bundler 2.3 or newer where Surefoot runs, with ruby on PATH"
_ASK = (
    'require "rbconfig"; require "bundler"; require "json"; print JSON.dump([RbConfig.ruby, RbConfig::CONFIG["prefix"],'
    "Bundler::VERSION, File.dirname(Bundler.method(:settings).source_location[0]), Gem::Platform.local.to_s])"
)
_RUN = (
    'require "bundler"; require "bundler/friendly_errors"; '
    'Bundler.with_friendly_errors { require "bundler/cli"; Bundler::CLI.start(ARGV, debug: true) }'
)
# Some of its versions add the platform that they run on.
_WITHOUT = 'mine=$1; shift; ! grep -qx "  $mine" "$0" || exec "$@" "$mine"'
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,200}", re.ASCII)
_VERSION = re.compile(r"\d+(?:\.[0-9A-Za-z]+){0,20}", re.ASCII)
_NOISE = re.compile(r"(Fetching|Resolving|Writing|Using|Retrying|\[DEPRECATED\]|fatal: not a git|Stopping at)\b|\.+$")
_REASON = re.compile(r'versions for gem "(?P<named>[\w.-]{1,200})"|depends on\s+(?P<needed>[\w.-]{1,200})', re.ASCII)
_BUNDLED = re.compile(r"(?:\n\nBUNDLED WITH\n[^\n]*)?\n*\Z")
_ENVIRONMENT: Mapping[str, str] = {
    "HOME": "{work}",
    "GEM_HOME": "{work}/gems",
    "GEM_PATH": "{work}/gems",
    "BUNDLE_USER_HOME": "{work}/bundle",
    "BUNDLE_APP_CONFIG": "{work}/bundle-app",
    "BUNDLE_PLUGINS": "false",
    "BUNDLE_RETRY": "0",
    "BUNDLE_SILENCE_ROOT_WARNING": "1",
    "BUNDLE_DISABLE_VERSION_CHECK": "1",
    "BUNDLE_SSL_CA_CERT": f"{{work}}/{AUTHORITY}",
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RubyGems:
    """What stands for rubygems.org on this machine. index: without a slash; login: the header for it."""

    index: str = INDEX
    login: Secret | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """How it is called in Gemfiles."""
        return (INDEX, *_ALIASES, *([] if self.index == INDEX else [self.index]))

    @property
    def places(self) -> list[Place]:
        """The same, as Bundler asks them. rubygems.org has its index under another name, which has no other use."""
        alone = {INDEX: INDEX, _ALIASES[0]: _ALIASES[0]}
        asked = alone if self.index == INDEX else dict.fromkeys(self.names, self.index)
        return [Place(url=url, asked=place, login=self.login) for url, place in asked.items()]


RUBYGEMS = RubyGems()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundler:
    """Bundler on this machine. platform: the machine's own, as Ruby calls it."""

    program: Program
    platform: str
    version: str


async def find() -> Program:
    """Ruby with its Bundler. Permanent with the mend where there is none of use."""
    return (await there()).program


async def there() -> Bundler:
    """As `find`, with what it says of itself."""
    ruby = shutil.which("ruby")
    if ruby is None:
        raise Permanent(f"Ruby is not installed, so no Gemfile.lock is made anew. {_MEND}")
    said = await told(ruby, "-e", _ASK, mend=_MEND)
    try:
        program, prefix, version, folder, platform = json.loads(said)
    except ValueError as problem:
        raise Permanent(f"Ruby at {ruby} cannot be asked for its Bundler. {_MEND}") from problem
    numbers = tuple(int(one) for one in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        raise Permanent(f"Bundler {version} is installed, and it is too old. {_MEND}")
    command = (program, "--disable-did_you_mean", "-I", folder, "-e", _RUN)
    found = Program(command=command, folders=(Path(prefix), Path(folder).parent), version=numbers)
    return Bundler(program=found, platform=platform, version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Bundler in the jail. gems: the server of this machine."""

    room: Room
    gems: RubyGems = RUBYGEMS

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        old = job.files[job.lock]
        _must_be_a_gem(job)
        self._must_be_ours(job)
        bundler = await there()
        if "\nCHECKSUMS\n" in old.replace("\r\n", "\n") and bundler.program.version < _COUNTS_FILES:
            raise Permanent(f"{job.lock} holds checksums, which Bundler {bundler.version} does not know. "
                            "Install Bundler 2.6 or newer where Surefoot runs")  # fmt: skip
        brought = await self._asked(job, bundler)
        if brought.code:
            raise words.refusal("Bundler", job, in_plain_words(brought.said))
        return await asyncio.to_thread(_judged, job, brought.files.get(job.lock, old))

    def _must_be_ours(self, job: LockJob) -> None:
        text = job.files[job.lock]
        strange = [one for one in reader.remotes(text) if one not in self.gems.names]
        if strange:
            raise ConfigProblem(f"takes gems from {strange[0][:200]}, which is not the server of this machine",
                                where=job.lock, mend="Name it as rubygems in this machine's sources")  # fmt: skip
        if any(head in ("GIT", "PLUGIN SOURCE") for head, _ in reader.sections(text)):
            raise Permanent(f"{job.lock} takes gems from git, and nothing is checked out for a lock. "
                            f"Run `bundle update --conservative {job.component.name}` by hand")  # fmt: skip

    async def _asked(self, job: LockJob, bundler: Bundler) -> Brought:
        """Bundler's answer: with all others as they are; then those let go that it names as the reason; then all."""
        locked: dict[str, set[str]] = {}
        for one in lockfiles.read(job.files[job.lock], job.lock):
            locked.setdefault(one.name, set()).add(one.version)
        mine = {job.component.name: {job.version}}
        freed: list[str] = []
        while len(freed) <= MOST_FREED:
            kept = {name: held for name, held in locked.items() if name not in freed}
            brought = await self._once(_errand(job, bundler, freed), {**kept, **mine})
            if brought.code == 0:
                return brought
            more = [name for name in _in_the_way(brought.said) if name in locked and name not in (*freed, *mine)]
            if not more:
                break
            freed += more
        return await self._once(_errand(job, bundler, [job.component.name]), mine)

    async def _once(self, wanted: Errand, kept: Mapping[str, set[str]]) -> Brought:
        return await errand.through(wanted, self.gems.places, self.room, Shown(self.gems.names, kept))


def _in_the_way(said: str) -> list[str]:
    """The gems that Bundler names as the reason."""
    found = (one["named"] or one["needed"] for one in _REASON.finditer(said))
    return list(dict.fromkeys(found))


def _errand(job: LockJob, bundler: Bundler, freed: Sequence[str]) -> Errand:
    folder, _, name = job.lock.rpartition("/")
    held = reader.platforms(job.files[job.lock])
    more = ("--update", *freed, "--conservative") if freed else ()
    steps = [Step(command=(*bundler.program.command, "lock", *more), folder=folder)]
    if held and bundler.platform not in held:
        away = ("/bin/sh", "-c", _WITHOUT, name, bundler.platform)
        steps.append(Step(command=(*away, *bundler.program.command, "lock", "--remove-platform"), folder=folder))
    files = {**job.files, job.lock: job.files[job.lock].replace("\r\n", "\n")}
    env = {**_ENVIRONMENT, "BUNDLE_GEMFILE": NAMES[name], "BUNDLER_VERSION": bundler.version}
    return Errand(steps=steps, wanted=(job.lock,), files=files, env=env, visible=bundler.program.folders)


def _must_be_a_gem(job: LockJob) -> None:
    if not _NAME.fullmatch(job.component.name) or not _VERSION.fullmatch(job.version):
        raise ConfigProblem(
            f"{job.component.name[:200]!r} at {job.version[:200]!r} is no gem", where=job.manifest
        )  # fmt: skip


def _judged(job: LockJob, made: str) -> str:
    """The lock to be kept. ConfigProblem for one that is not what was asked for, or is for other platforms."""
    old = job.files[job.lock]
    new = quiet(old, made)
    judging.judge(job, new, "Bundler")
    if reader.platforms(old) != reader.platforms(new):
        raise ConfigProblem(f"would be for {', '.join(reader.platforms(new))[:200]} and was for "
                            f"{', '.join(reader.platforms(old))[:200]}", where=job.lock)  # fmt: skip
    return new.replace("\n", "\r\n") if "\r\n" in old else new


def quiet(old: str, new: str) -> str:
    """The new text with the old words about which Bundler wrote it."""
    before = old.replace("\r\n", "\n")
    end = _BUNDLED.search(before)
    return _BUNDLED.sub(lambda _: end[0] if end else "\n", new, count=1)


def in_plain_words(said: str) -> str:
    """Bundler's complaint as one paragraph, without its progress."""
    return words.paragraph(line.strip() for line in said.splitlines() if not _NOISE.match(line.strip()))
