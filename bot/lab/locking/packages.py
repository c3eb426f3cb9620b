"""What the tools of package.json share: registries of this machine, the component named exactly, and a lock's judge.

Registries and logins are those of npm's settings of this machine, whichever tool is started; of a project's own
settings only what shapes a tree is passed on. The public registry in a lock stands for whichever is configured.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from bot.core import lockfiles
from bot.core.errors import ConfigProblem
from bot.core.lockreaders import PUBLIC
from bot.core.locks import LockJob
from bot.lab.locking import judging
from bot.lab.locking.allowed import Place, without_login
from bot.lab.locking.programs import Program as Program
from bot.tools import npm
from bot.tools.npm import NpmSettings

SECTIONS = ("dependencies", "devDependencies", "optionalDependencies")
_NAME = re.compile(r"(@[a-z0-9~-][a-z0-9._~-]*/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_RANGE = re.compile(r"[\s\dvxX*^~<>=|.+-][\w\s*^~<>=|.+-]*|")
# What would have a tool fetch another version of itself and run that.
_ITS_OWN_TOOL = ("packageManager", "devEngines")


def programs(name: str, package: Iterable[str]) -> Iterator[Program]:
    """Every tool of this name on PATH that is such a package of npm's, in the order of PATH.

    A script of corepack is none: it would have to fetch the tool first.
    """
    node = shutil.which("node")
    for folder in os.get_exec_path() if node else ():
        found = shutil.which(name, path=folder)
        real = Path(found).resolve() if found else None
        manifest = next((one for one in _manifests_above(real) if one.is_file()), None) if real else None
        if node and real and manifest and (version := _version_of(manifest, package)):
            program = Path(node).resolve()
            yield Program(command=_command(program, real), folders=_folders(program, manifest), version=version)


def _command(node: Path, script: Path) -> tuple[str, ...]:
    """A program of its own, or a script for Node; a script for the shell stands for the one of that name in `bin`."""
    if script.suffix not in (".js", ".cjs", ".mjs"):
        inner = script.parent / "bin" / f"{script.name}.mjs"
        if not inner.is_file() or script.read_bytes()[:4] == b"\x7fELF":
            return (str(script),)
        script = inner
    return (str(node), str(script))


def _folders(node: Path, manifest: Path) -> tuple[Path, ...]:
    """Where a package was installed: with the packages beside it, which it may need."""
    above = [one for one in manifest.parents if one.name == "node_modules"]
    return (node.parent, above[-1] if above else manifest.parent)


def _manifests_above(script: Path) -> Iterator[Path]:
    return (folder / "package.json" for folder in list(script.parents)[:4])


def _version_of(manifest: Path, package: Iterable[str]) -> tuple[int, ...]:
    try:
        told = json.loads(manifest.read_bytes())
        return Version(str(told["version"])).release if told["name"] in package else ()
    except (OSError, ValueError, TypeError, KeyError, InvalidVersion):
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """Those of this machine. public: further names of the public registry, for which the main one stands."""

    settings: NpmSettings
    public: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the public registry is called in locks."""
        return (public_registry(), *self.public)

    @property
    def by_scope(self) -> dict[str, str]:
        """Scope -> URL without a login and a slash at its end; "" for all others."""
        found = {"": self.settings.registry, **self.settings.scopes}
        return {scope: without_login(url)[0] for scope, url in found.items()}

    @property
    def places(self) -> list[Place]:
        """What may be asked."""
        main = self.by_scope[""]
        urls = {**{name: main for name in self.names if self.public}, **{url: url for url in self.by_scope.values()}}
        return [Place(url=url, asked=asked, login=self.settings.login(f"{asked}/")) for url, asked in urls.items()]

    def npmrc(self, *more: str) -> str:
        """The settings of the machine for a tool inside; more: further lines."""
        lines = [f"{scope}:registry={url}/" if scope else f"registry={url}/" for scope, url in self.by_scope.items()]
        return "".join(f"{line}\n" for line in (*lines, *more))

    def respelt(self, old: str, new: str, lock: str, before: str = '"') -> str:
        """What is new, by the public registry, where the lock names that one and this machine asks a mirror of it.

        before: the sign that stands before a URL in such a lock.
        """
        mine = self.by_scope[""]
        origins = Counter(one.origin for one in lockfiles.read(old, lock) if one.origin in (*self.names, mine))
        if not origins or mine in origins:
            return new
        return new.replace(f"{before}{mine}/", f"{before}{origins.most_common(1)[0][0]}/")

    def judge(self, job: LockJob, new: str, tool: str) -> None:
        """As `judging.judge`."""
        judging.judge(job, new, tool, known={*self.by_scope.values(), *self.names, PUBLIC})


def public_registry() -> str:
    """The one that npm has without any settings, which in a lock stands for whichever is configured."""
    from packageurl.contrib import purl2url  # seldom needed, and slow to load

    url = str(purl2url.get_download_url("pkg:npm/x@1"))  # type: ignore[no-untyped-call]  # it has no types
    return "/".join(url.split("/")[:3])


def shaped(job: LockJob, keys: Iterable[str]) -> list[str]:
    """Lines of the project's own `.npmrc` beside the lock: those of these keys, and with plain values only."""
    own = npm.parse_npmrc(job.files.get(beside(job.lock, ".npmrc"), ""), {})
    return [f"{key}={own[key]}" for key in keys if re.fullmatch(r"[A-Za-z0-9:.+-]{1,40}", own.get(key, ""))]


def beside(lock: str, name: str) -> str:
    """The path of a file in the lock's folder."""
    folder = lock.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def without(files: Mapping[str, str], *names: str) -> dict[str, str]:
    """The files that have none of these names, in whatever folder."""
    return {path: text for path, text in files.items() if path.rpartition("/")[2] not in names}


def manifests(files: Mapping[str, str]) -> dict[str, str]:
    """Every package.json among them."""
    return {path: text for path, text in files.items() if path.rpartition("/")[2] == "package.json"}


def bare(files: Mapping[str, str]) -> dict[str, str]:
    """The manifests, without what would have a tool run another version of itself. ConfigProblem for what is none."""
    return {path: _written(_without_tool(_parsed(path, text)), text) for path, text in manifests(files).items()}


def exactly(job: LockJob) -> dict[str, str]:
    """The manifests, with the component named by its exact version. ConfigProblem where none names it."""
    name, version = job.component.name, job.version
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ConfigProblem(f"{name[:200]!r} at {version[:200]!r} is no package of npm", where=job.manifest)
    found: dict[str, str] = {}
    count = 0
    for path, text in manifests(job.files).items():
        manifest = _parsed(path, text)
        try:
            count += sum(_fix(manifest.get(section, {}), name, version) for section in SECTIONS)
            _fix(manifest.get("overrides", {}), name, version)
        except (AttributeError, TypeError) as problem:
            raise ConfigProblem("is no package.json", where=path) from problem
        found[path] = json.dumps(_without_tool(manifest))
    if not count:
        raise ConfigProblem(f"names no range of {name}, and only what a manifest names is moved", where=job.manifest)
    return found


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ConfigProblem("is no package.json", where=path) from problem
    if not isinstance(found, dict):
        raise ConfigProblem("is no package.json", where=path)
    return found


def _without_tool(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in _ITS_OWN_TOOL}


def _written(manifest: dict[str, Any], text: str) -> str:
    return text if json.loads(text) == manifest else json.dumps(manifest, indent=2) + "\n"


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
