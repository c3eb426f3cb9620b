"""yarn.lock by Yarn itself: by Yarn 1 what it wrote, by Yarn 4 or newer what it or one of its like wrote.

Yarn takes the newest that a range lets through; so the lock is handed over without what the manifests ask of the
component, and of that package only the chosen version is shown (`bot.lab.locking.showing`). No script is run, no plugin
and no other Yarn of the project is started: its `.yarnrc` and `.yarnrc.yml` stay outside but for what shapes a lock.

Yarn 1 cannot lock without installing: it fetches each package of the lock into the jail, where its bounds hold.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.core import lockfiles
from bot.core.errors import Permanent
from bot.core.lockreaders import yarn as reader
from bot.core.locks import LockJob
from bot.lab.locking import errand, packages, words
from bot.lab.locking.errand import AUTHORITY, PORT, Errand, Room, Step
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program, told
from bot.lab.locking.showing import Npm
from bot.tools import places
from bot.tools.npm import NpmSettings

NAME = "yarn.lock"
_PROXY = f"http://127.0.0.1:{PORT}"
_CLASSIC_WORDS = (
    "install", "--ignore-scripts", "--non-interactive", "--no-progress", "--ignore-engines", "--ignore-platform",
    "--no-bin-links", "--silent",
)  # fmt: skip
_MODERN_WORDS = ("install", "--mode=update-lockfile")
_CLASSIC_NOISE = re.compile(r"info |warning |\[\d/\d\]|Trace: |at ")
_CODES = re.compile(r"^(?:➤ )?(?:YN\d{4}: )?[│┌└ ]*")
# What of a project's settings may have shaped its lock, and can do no more than that.
_SHAPING = (
    "cacheMigrationMode", "catalog", "catalogs", "compressionLevel", "defaultSemverRangePrefix", "npmMinimalAgeGate",
    "npmPreapprovedPackages", "packageExtensions", "supportedArchitectures",
)  # fmt: skip
_MEND = "Install it by `npm install --global` with Node.js where Surefoot runs, on PATH"
_AGE_GATE = (4, 10)  # since when Yarn knows that setting; one that it does not know is an error
_FIRST = 8  # the format of Yarn 4.0
_ENVIRONMENT: Mapping[str, str] = {
    "NODE_EXTRA_CA_CERTS": f"{{work}}/{AUTHORITY}",
    "npm_config_cafile": f"{{work}}/{AUTHORITY}",
    "npm_config_userconfig": "{work}/npmrc",
    "npm_config_globalconfig": "{work}/none",
    "YARN_CACHE_FOLDER": "{work}/yarn-cache",
    "YARN_GLOBAL_FOLDER": "{work}/yarn-global",
    "YARN_IGNORE_PATH": "1",
    "YARN_ENABLE_SCRIPTS": "false",
    "YARN_ENABLE_IMMUTABLE_INSTALLS": "false",
    "YARN_ENABLE_HARDENED_MODE": "false",
    "YARN_ENABLE_TELEMETRY": "false",
    "YARN_ENABLE_GLOBAL_CACHE": "true",
    "YARN_ENABLE_COLORS": "false",
    "YARN_ENABLE_PROGRESS_BARS": "false",
    "YARN_ENABLE_CONSTRAINTS_CHECKS": "false",
    "YARN_HTTP_RETRY": "0",
    "YARN_HTTP_PROXY": _PROXY,
    "YARN_HTTPS_PROXY": _PROXY,
    "YARN_HTTPS_CA_FILE_PATH": f"{{work}}/{AUTHORITY}",
}


def find(*, classic: bool) -> Program:
    """The Yarn on PATH that is of this kind. Permanent with the mend where there is none that a jail can take."""
    for found in packages.programs("yarn", ("yarn", "@yarnpkg/cli-dist")):
        if (found.version < (2,)) if classic else (found.version >= (4,)):
            return found
    kind, package = ("Yarn 1", "yarn@1") if classic else ("Yarn 4 or newer", "@yarnpkg/cli-dist")
    raise Permanent(f"{kind} is not installed, so its lock files are not made anew. {_MEND} ({package})")


async def _public(program: Program) -> tuple[str, ...]:
    """By which name Yarn 1 itself calls the public registry, in the locks that it writes without any settings."""
    said = await told(*program.command, "config", "get", "registry", "--no-default-rc", mend=_MEND)
    name = said.strip().rstrip("/")
    return (name,) if name.startswith("https://") else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Yarn in the jail. settings: the registries of this machine."""

    settings: NpmSettings
    room: Room

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        old = job.files[job.lock]
        classic = reader.is_classic(old)
        packages.exactly(job)  # it is a package, and a manifest names it
        _must_be_of_today(job)
        program = await asyncio.to_thread(find, classic=classic)
        registries = Registries(settings=self.settings, public=await _public(program) if classic else ())
        step = Step(
            command=(*program.command, *(_CLASSIC_WORDS if classic else _MODERN_WORDS)),
            folder=job.lock.rpartition("/")[0],
            files={job.lock: without(old, _asked(job), classic=classic)},
        )
        wanted = Errand(
            steps=(step,), wanted=(job.lock,), files=_files(job, registries, program.version), env=_environment(old),
            settings={"npmrc": registries.npmrc()}, visible=program.folders, roomy=True,
        )  # fmt: skip
        brought = await errand.through(wanted, registries.places, self.room, self._shown(job))
        if brought.code:
            raise words.refusal("Yarn", job, in_plain_words(brought.said))
        return await asyncio.to_thread(_judged, job, brought.files.get(job.lock, old), registries)

    def _shown(self, job: LockJob) -> Npm:
        name = job.component.name
        held = [one.version for one in lockfiles.read(job.files[job.lock], job.lock) if one.name == name]
        return Npm(self.settings.of(name), name, job.version, held)


def _judged(job: LockJob, made: str, registries: Registries) -> str:
    """The lock to be kept. ConfigProblem for one that is not what was asked for, or in another format."""
    old = job.files[job.lock]
    new = registries.respelt(old, made, job.lock, before='resolved "')
    if reader.is_classic(old) != reader.is_classic(new) or reader.version_of(_plain(old)) != reader.version_of(new):
        raise Permanent(f"Yarn on this machine writes {job.lock} in another format than the Yarn of this project")
    registries.judge(job, new, "Yarn")
    return new.replace("\n", "\r\n") if "\r\n" in old and "\r\n" not in new else new


def _must_be_of_today(job: LockJob) -> None:
    version = reader.version_of(_plain(job.files[job.lock]))
    if version is not None and version < _FIRST:
        raise Permanent(f"{job.lock} is of Yarn 2 or 3, and a newer one would write all of it anew. "
                        "Move the project to Yarn 4 or newer")  # fmt: skip


def _environment(lock: str) -> dict[str, str]:
    """A newer Yarn is to write the format that is there."""
    version = reader.version_of(_plain(lock))
    return {**_ENVIRONMENT, **({"YARN_LOCKFILE_VERSION_OVERRIDE": str(version)} if version else {})}


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _files(job: LockJob, registries: Registries, version: tuple[int, ...]) -> dict[str, str]:
    files = packages.without(job.files, ".npmrc", ".yarnrc", ".yarnrc.yml")
    files |= packages.bare(job.files)
    if version < (2,):
        return {**files, packages.beside(job.lock, ".npmrc"): registries.npmrc()}
    return {**files, packages.beside(job.lock, ".yarnrc.yml"): json.dumps(_settings(job, registries, version))}


def _settings(job: LockJob, registries: Registries, version: tuple[int, ...]) -> dict[str, Any]:
    """The settings of Yarn inside: registries of the machine, and of the project's own what shapes a lock."""
    place = packages.beside(job.lock, ".yarnrc.yml")
    own = places.load(job.files[place], place) if job.files.get(place, "").strip() else None
    kept = {key: value for key in _SHAPING if own and (value := own.take(key, places.plain, None)) is not None}
    by_scope = registries.by_scope
    hosts = {urlsplit(url).hostname for url in by_scope.values() if url.startswith("http://")}
    # How old what comes in must be is asked elsewhere, by the policy of the repository, unless the project says it.
    if version >= _AGE_GATE and "npmMinimalAgeGate" not in kept:
        kept |= {"npmMinimalAgeGate": 0, "npmPreapprovedPackages": ["*", "@*/*"]}
    return {
        **kept,
        "npmRegistryServer": by_scope[""],
        "npmScopes": {scope[1:]: {"npmRegistryServer": url} for scope, url in by_scope.items() if scope},
        "unsafeHttpWhitelist": sorted(host for host in hosts if host),
    }


def _asked(job: LockJob) -> set[tuple[str, str]]:
    """What the manifests ask of the component: (name there, wish), both as the lock of Yarn 1 writes them."""
    name = job.component.name
    read = (json.loads(text) for text in packages.manifests(job.files).values())
    wishes = (pair for manifest in read for section in packages.SECTIONS for pair in manifest.get(section, {}).items())
    return {
        (key, wish)
        for key, wish in wishes
        if isinstance(wish, str) and (key == name or wish.startswith(f"npm:{name}@"))
    }


def without(lock: str, asked: set[tuple[str, str]], *, classic: bool) -> str:
    """The lock without what is asked so: Yarn resolves it anew. Whoever else is answered by the same block keeps it."""
    wishes = asked if classic else {(name, wish if ":" in wish else f"npm:{wish}") for name, wish in asked}
    blocks = (_left(block, wishes, classic=classic) for block in re.split(r"\n\n(?=[^\s#])", _plain(lock)))
    return "\n\n".join(block for block in blocks if block).rstrip("\n") + "\n"


def _left(block: str, asked: set[tuple[str, str]], *, classic: bool) -> str:
    """One block without what is asked so, "" where nobody else asks for it."""
    head, colon, rest = block.strip("\n").partition(":\n")
    if not colon or head.startswith(("#", "__metadata")):
        return block.strip("\n")
    named = [one.strip() for one in (head if classic else head.strip('"')).split(",")]
    kept = [one for one in named if not asked.intersection(reader.asked(one))]
    joined = ", ".join(kept) if classic else f'"{", ".join(kept)}"'
    return f"{joined if kept != named else head}{colon}{rest}" if kept else ""


def in_plain_words(said: str) -> str:
    """Yarn's complaint as one paragraph, without its codes and its progress."""
    lines = (_CODES.sub("", line.strip()) for line in said.splitlines())
    plain = (re.sub(r"^error\s+", "", line).strip() for line in lines)
    return words.paragraph(line for line in plain if not _CLASSIC_NOISE.match(line))
