"""package-lock.json and npm-shrinkwrap.json by npm itself, which keeps what need not move where it is.

npm has no way to say "this version, and my range beside it": so it runs twice in one jail. First with manifests in
which the component is named exactly, and then with the manifests as they are, to which that lock is an answer already.
No script of any package is run, nothing is installed, and no manifest that npm may have written is taken.

Of a project's `.npmrc` only what shapes a tree is passed on (`legacy-peer-deps` and the like). Registries and logins
are those of the machine; npm takes "the public registry" in a lock for whichever registry is configured, and so do we.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packageurl.contrib import purl2url

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand
from bot.lab.locking.allowed import Place, without_login
from bot.lab.locking.errand import AUTHORITY, Errand, Room, Step
from bot.tools import npm
from bot.tools.npm import NpmSettings
from bot.tools.secrets import redact

NAMES = ("package-lock.json", "npm-shrinkwrap.json")
_WORDS = ("install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
_SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")
# What of a project's settings may have shaped its lock, and can do no more than that.
_SHAPING = (
    "before", "install-links", "install-strategy", "legacy-peer-deps", "min-release-age",
    "omit-lockfile-registry-resolved", "prefer-dedupe", "strict-peer-deps",
)  # fmt: skip
_NOISE = re.compile(r"code |A complete log|Log files were|.*-debug-\d|npm warn")
_NAME = re.compile(r"(@[a-z0-9~-][a-z0-9._~-]*/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_RANGE = re.compile(r"[\s\dvxX*^~<>=|.+-][\w\s*^~<>=|.+-]*|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """npm on this machine: what runs it, and the folders outside of /usr that it needs."""

    command: tuple[str, ...]
    folders: tuple[Path, ...]


def find() -> Program:
    """The npm on PATH. Permanent with the mend where there is none that can be taken into a jail."""
    node, script = shutil.which("node"), shutil.which("npm")
    mend = "Install Node.js with npm (7 or newer) where Surefoot runs, first on PATH"
    if node is None or script is None:
        raise Permanent(f"npm is not installed, so its lock files are not made anew. {mend}")
    real, program = Path(script).resolve(), Path(node).resolve()
    if real.suffix != ".js":
        raise Permanent(f"npm on PATH is a wrapper around another one, which no jail can follow. {mend}")
    return Program(command=(str(program), str(real)), folders=(program.parent, real.parents[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """npm in the jail. settings: the registries of this machine."""

    settings: NpmSettings
    room: Room

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        program, old, files = find(), job.files[job.lock], _without_settings(job)
        folder = job.lock.rpartition("/")[0]
        command = (*program.command, *_WORDS)
        steps = (Step(command=command, folder=folder, files=_exactly(job)),
                 Step(command=command, folder=folder, files=_alike(old, files)))  # fmt: skip
        wanted = Errand(
            steps=steps, wanted=(job.lock,), files=files, settings={"npmrc": self._npmrc(job)}, env=_ENVIRONMENT,
            visible=program.folders,
        )  # fmt: skip
        async with self.room.gateway(self._places()) as way:
            brought = await errand.run(wanted, way, self.room)
            way.check()
        if brought.code:
            raise ConfigProblem(
                f"npm cannot lock {job.component.name} {job.version}: {in_plain_words(brought.said)}", where=job.lock
            )
        return await asyncio.to_thread(self._judged, job, brought.files.get(job.lock, old))

    def _registries(self) -> dict[str, str]:
        return {"": self.settings.registry, **self.settings.scopes}

    def _places(self) -> list[Place]:
        urls = [without_login(url)[0] for url in self._registries().values()]
        return [Place(url=url, asked=url, login=self.settings.login(f"{url}/")) for url in dict.fromkeys(urls)]

    def _npmrc(self, job: LockJob) -> str:
        lines = [
            f"{scope}:registry={without_login(url)[0]}/" if scope else f"registry={without_login(url)[0]}/"
            for scope, url in self._registries().items()
        ]
        folder = job.lock.rpartition("/")[0]
        own = npm.parse_npmrc(job.files.get(f"{folder}/.npmrc" if folder else ".npmrc", ""), {})
        if _is_silent(job.files[job.lock]):
            lines += ["omit-lockfile-registry-resolved=true"]
        lines += [f"{key}={own[key]}" for key in _SHAPING if re.fullmatch(r"[A-Za-z0-9:.+-]{1,40}", own.get(key, ""))]
        return "".join(f"{line}\n" for line in lines)

    def _respelt(self, old: str, new: str) -> str:
        """What is new, by the public registry, where the lock names that one and this machine asks a mirror of it."""
        public, mine = public_registry(), without_login(self.settings.registry)[0]
        named = {one.origin for one in lockfiles.read(old, NAMES[0])}
        if public == mine or public not in named or mine in named:
            return new
        return new.replace(f'"resolved": "{mine}/', f'"resolved": "{public}/')

    def _judged(self, job: LockJob, made: str) -> str:
        """The lock to be kept. ConfigProblem for one that is not what was asked for, or in another format."""
        old = job.files[job.lock]
        new = self._respelt(old, made)
        if _format(old) != _format(new):
            raise Permanent(f"npm on this machine writes {job.lock} in another format; install npm 7 or newer")
        there = {one.version for one in lockfiles.read(new, job.lock) if one.name == job.component.name}
        if job.version not in there:
            kept = ", ".join(sorted(there)) or "no version"
            raise ConfigProblem(f"npm keeps {job.component.name} at {kept}", where=job.lock)
        had = set(_resolved(old))
        fresh = [one for one in lockfiles.read(new, job.lock) if (one.name, one.version) not in had and not one.aside]
        known = {*(without_login(url)[0] for url in self._registries().values()), public_registry()}
        for one in fresh:
            # A registry may answer with addresses of others; whoever installs would follow.
            if one.origin and one.origin not in known:
                raise ConfigProblem(f"the registry sends {one.name} to {one.origin[:200]}", where=job.lock)
            if one.origin and not one.files:
                raise ConfigProblem(f"the registry gives no checksum for {one.name} {one.version}", where=job.lock)
        if swapped := lockfiles.swapped(old, new, job.lock):
            raise ConfigProblem(f"would get other files under the old version of {swapped[0]}", where=job.lock)
        return new


_ENVIRONMENT: Mapping[str, str] = {
    "npm_config_userconfig": "{work}/npmrc",
    "npm_config_globalconfig": "{work}/none",
    "npm_config_cafile": f"{{work}}/{AUTHORITY}",
    "npm_config_update_notifier": "false",
    "npm_config_fetch_retries": "0",
    "npm_config_loglevel": "error",
    "npm_config_color": "false",
    "npm_config_logs_max": "0",
}


def public_registry() -> str:
    """The one that npm has without any settings, which in a lock stands for whichever is configured."""
    url = str(purl2url.get_download_url("pkg:npm/x@1"))  # type: ignore[no-untyped-call]  # it has no types
    return "/".join(url.split("/")[:3])


def _is_silent(lock: str) -> bool:
    """Whether it was made by an npm that was told not to write where packages come from."""
    packages = [one for one in lockfiles.read(lock, NAMES[0]) if not one.aside]
    return bool(packages) and not any(one.origin for one in packages)


def _resolved(lock: str) -> Iterable[tuple[str, str]]:
    return ((one.name, one.version) for one in lockfiles.read(lock, NAMES[0]))


def _format(lock: str) -> Any:
    return json.loads(lock).get("lockfileVersion")


def _without_settings(job: LockJob) -> dict[str, str]:
    return {path: text for path, text in job.files.items() if path.rpartition("/")[2] != ".npmrc"}


def _manifests(files: Mapping[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if path.rpartition("/")[2] == "package.json"}


def _alike(lock: str, files: Mapping[str, str]) -> dict[str, str]:
    """The manifests in the lock's own indentation and line ends: npm writes a lock as the manifest beside it is."""
    found = re.match(r"\{(\r?\n)([ \t]+)", lock)
    newline, indent = found.groups() if found else ("\n", "  ")
    texts = {path: json.dumps(json.loads(text), indent=indent) for path, text in _manifests(files).items()}
    return {path: text.replace("\n", newline) + newline for path, text in texts.items()}


def _exactly(job: LockJob) -> dict[str, str]:
    """The manifests, with the component named by its exact version. ConfigProblem where none names it."""
    name, version = job.component.name, job.version
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ConfigProblem(f"{name[:200]!r} at {version[:200]!r} is no package of npm", where=job.manifest)
    found: dict[str, str] = {}
    count = 0
    for path, text in _manifests(job.files).items():
        try:
            manifest = json.loads(text)
            count += sum(_fix(manifest.get(section, {}), name, version) for section in _SECTIONS)
            _fix(manifest.get("overrides", {}), name, version)
        except (ValueError, AttributeError, TypeError, RecursionError) as problem:
            raise ConfigProblem("is no package.json", where=path) from problem
        found[path] = json.dumps(manifest)
    if not count:
        raise ConfigProblem(f"names no range of {name}, and npm moves what a manifest names", where=job.manifest)
    return found


def _fix(wishes: dict[str, Any], name: str, version: str) -> int:
    """Name the component exactly, also under another name (`"x": "npm:name@^1"`); how often it was named."""
    count = 0
    for key, wish in wishes.items():
        if key == name and isinstance(wish, str) and _RANGE.fullmatch(wish):
            wishes[key] = version
        elif isinstance(wish, str) and wish.startswith(f"npm:{name}@"):
            wishes[key] = f"npm:{name}@{version}"
        else:
            continue
        count += 1
    return count


def in_plain_words(said: str) -> str:
    """npm's complaint as one paragraph of at most 1500 characters, without codes, logs and logins."""
    lines = [re.sub(r"^npm (error|ERR!)\s*", "", line).strip() for line in said.splitlines()]
    kept = [line for line in lines if line and not _NOISE.match(line)]
    words = redact(" ".join(kept))
    return words if len(words) <= 1500 else words[:1500] + " …"
