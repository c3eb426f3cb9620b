"""A Node tree's packages: laid out by npm in the jail behind the gateway, without any script, and then taken out.

The lock that the tree has is installed; where it has none, npm makes one. What npm laid out comes out of the jail as a
stream (`bot.lab.unpacking`) and is kept by the lock, the version of Node and the platform.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core import conflicts
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Grade
from bot.lab import pnpms, reading
from bot.lab.cache import Cache
from bot.lab.fetching import Fetching
from bot.lab.locking import npm as tool
from bot.lab.locking import pnpm
from bot.lab.locking.errand import AUTHORITY, Brought, Errand, Step
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program
from bot.lab.ready import NPM, Environment, Interpreter
from bot.lab.resolver import NotPrepared
from bot.lab.tarballs import Shelf, Tarballs, digests
from bot.tools import processes
from bot.tools.npm import parse_npmrc

MANIFEST = "package.json"
LOCKS = ("npm-shrinkwrap.json", "package-lock.json", pnpms.LOCK)  # the first one counts, as npm has it
_FOR_NONE = LOCKS[1]  # what npm calls the lock that it makes
_OTHER_LOCKS = ("yarn.lock", "bun.lock", "bun.lockb")
_LAYOUT = "1"  # part of every key: raise it when environments are made differently
_MOST_MANIFESTS, _DEEPEST = 300, 6
APART = frozenset({"node_modules", ".git", ".hg", ".venv", "venv"})
_MOST_LOCK = 32 << 20
_ASK_SECONDS = 30.0
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
# Of a project's own settings, what shapes a tree of packages and can do no more than that.
_SHAPING = ("install-links", "install-strategy", "legacy-peer-deps", "prefer-dedupe", "strict-peer-deps")
_WISHES = (
    "name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
    "peerDependenciesMeta", "bundleDependencies", "overrides", "resolutions", "workspaces", "pnpm", "engines", "bin",
)  # fmt: skip
# The requirements contradict each other, the lock is another manifest's, or the bytes are others than it says.
_BROKEN = re.compile(r"code (ERESOLVE|EUSAGE|ETARGET|EINTEGRITY|EBADPLATFORM)\b")
_ENVIRONMENT: Mapping[str, str] = {
    "npm_config_userconfig": "{work}/npmrc",
    "npm_config_globalconfig": "{work}/none",
    "npm_config_cafile": f"{{work}}/{AUTHORITY}",
    "npm_config_cache": "/tmp/npm",  # noqa: S108 - inside, a tmpfs of the jail's own
    "npm_config_update_notifier": "false",
    "npm_config_fetch_retries": "0",
    "npm_config_loglevel": "error",
    "npm_config_color": "false",
    "npm_config_logs_max": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """A Node project as it was read. where: its folder in the tree; files: path in the tree -> text."""

    where: str
    files: Mapping[str, str]
    lock: str
    npmrc: str
    notes: tuple[str, ...]

    @property
    def of_pnpm(self) -> bool:
        return self.lock.endswith(pnpms.LOCK)


def folder_of(tree: Path) -> str | None:
    """Where a tree's Node project is: "" for its root, else the first folder with a lock; None without any."""
    if (tree / MANIFEST).is_file():
        return ""
    for pattern in ("*", "*/*"):
        for folder in sorted(tree.glob(pattern)):
            inside = folder.relative_to(tree)
            if not APART & set(inside.parts) and _is_locked(folder):
                return inside.as_posix()
    return None


def _is_locked(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and any((folder / name).is_file() for name in LOCKS)


@contextlib.asynccontextmanager
async def prepared(tree: Path, *, fetching: Fetching, cache: Cache) -> AsyncIterator[Environment]:
    """The packages of a tree, made or reused; they stay while the context lasts. Errors as `environments.prepared`."""
    registries = Registries(settings=await asyncio.to_thread(fetching.npm))
    project = await asyncio.to_thread(_read, tree, registries)
    npm, program = _programs(project)
    node = await _node(npm)
    making = _Making(program=program, registries=registries, fetching=fetching, kept=_kept(cache))
    lock = project.files.get(project.lock) or await making.lock(project)
    key = _key(project, lock, node, program)

    async def make(place: Path) -> None:
        await making.install(replace(project, files={**project.files, project.lock: lock}), place)

    async with cache.entry(key, make) as place:
        yield Environment(
            key=key, folder=place / "modules", interpreter=node, lock=lock, ecosystem=NPM, where=project.where,
            notes=(*project.notes, *_unrun(lock)), folders=_outside(npm.folders),
        )  # fmt: skip


def _programs(project: _Project) -> tuple[Program, Program]:
    """npm, which scripts are run by, and what lays out the packages."""
    try:
        npm = tool.find()
        return npm, pnpm.find() if project.of_pnpm else npm
    except Permanent as problem:
        raise NotPrepared(Grade.UNKNOWN, f"Node packages cannot be installed: {problem}") from problem


async def _node(program: Program) -> Interpreter:
    path = Path(program.command[0])
    process = await processes.start(str(path), "--version", env={})
    told, _ = await processes.communicate(process, _ASK_SECONDS)
    return Interpreter(path=path, version=told.decode().strip().removeprefix("v"), prefix=path.parent)


def _outside(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(folder for folder in folders if not folder.is_relative_to("/usr"))


def _kept(cache: Cache) -> Tarballs:
    return Tarballs(folder=cache.folder.with_name(f"{cache.folder.name}-tarballs"))


def _read(tree: Path, registries: Registries) -> _Project:
    """ConfigProblem for a tree without a package.json, or with one that cannot be read."""
    where = folder_of(tree)
    if where is None:
        raise ConfigProblem("there is none", where=MANIFEST)
    root = f"{where}/" if where else ""
    files = {root + MANIFEST: json.dumps(reading.table(tree, root + MANIFEST)), **_members(tree, root + MANIFEST)}
    locks = [name for name in LOCKS if (tree / root / name).is_file()]
    lock = root + (locks[0] if locks else _FOR_NONE)
    if locks:
        files[lock] = reading.text(tree, lock, most=_MOST_LOCK)
    of_pnpm = lock.endswith(pnpms.LOCK)
    if of_pnpm and (tree / root / pnpms.WORKSPACE).is_file():
        files[root + pnpms.WORKSPACE] = reading.text(tree, root + pnpms.WORKSPACE)
    own = reading.text(tree, f"{root}.npmrc") if (tree / root / ".npmrc").is_file() else ""
    notes = () if locks else tuple(_without_lock(tree, root))
    npmrc = pnpms.npmrc(registries, own) if of_pnpm else registries.npmrc(*_shaping(own))
    return _Project(where=where, files=files, lock=lock, npmrc=npmrc, notes=notes)


def _without_lock(tree: Path, root: str) -> Iterator[str]:
    others = [name for name in _OTHER_LOCKS if (tree / root / name).is_file()]
    yield f"{others[0]} is not read: npm chose the versions" if others else "no lock file: npm chose the versions"


def _members(tree: Path, root: str) -> dict[str, str]:
    """The other manifests, for members of a workspace and folders that are depended on; at most so many.

    Some that lie about are none: what npm then needs and cannot find, it says.
    """
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(tree):
        place = Path(folder).relative_to(tree)
        keep = len(place.parts) < _DEEPEST and len(found) < _MOST_MANIFESTS
        folders[:] = sorted(name for name in folders if name not in APART and name[:1] != ".") if keep else []
        path = (place / MANIFEST).as_posix()
        if MANIFEST in files and path != root:
            with contextlib.suppress(ConfigProblem):
                found[path] = json.dumps(reading.table(tree, path))
    return found


def _shaping(own: str) -> list[str]:
    """Of the project's own settings, what shapes a tree."""
    said = parse_npmrc(own, {})
    return [f"{key}={said[key]}" for key in _SHAPING if re.fullmatch(r"[A-Za-z0-9-]{1,40}", said.get(key, ""))]


def _key(project: _Project, lock: str, node: Interpreter, program: Program) -> str:
    """The same lock and wishes for the same Node and npm on the same platform are the same environment."""
    made_by = str(program.version) if project.of_pnpm else (program.folders[-1] / MANIFEST).read_text()
    parts = (
        NPM, _LAYOUT, lock, _wishes(project), project.lock, project.npmrc, str(node.path), node.version, made_by,
        platform.platform(), platform.machine(),
    )  # fmt: skip
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _wishes(project: _Project) -> str:
    """What the manifests say of packages: a lock that does not answer to it must be refused, and not be reused."""
    said = {path: text for path, text in project.files.items() if path != project.lock}
    for path in said:
        if path.rpartition("/")[2] == MANIFEST:
            manifest = json.loads(said[path])
            said[path] = json.dumps({key: manifest[key] for key in _WISHES if key in manifest}, sort_keys=True)
    return json.dumps(said, sort_keys=True)


def _unrun(lock: str) -> Sequence[str]:
    """Whose install scripts were left out: tests that need what they build fail on both sides."""
    try:
        packages = json.loads(lock).get("packages", {})
        names = {
            place.rpartition("node_modules/")[2]
            for place, entry in packages.items()
            if place and entry.get("hasInstallScript")
        }
    except (ValueError, AttributeError, RecursionError):
        return ()
    shown = ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")
    return (f"no install script is run: {shown}",) if names else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """npm at work for one tree."""

    program: Program
    registries: Registries
    fetching: Fetching
    kept: Tarballs

    async def lock(self, project: _Project) -> str:
        """A lock for a tree that has none."""
        # Another tool's project may have peers that contradict each other, and its tool does not mind.
        words = ("install", "--package-lock-only", "--legacy-peer-deps")
        given = self._errand(project, *(words if _is_anothers(project) else words[:2]), wanted=(project.lock,))
        made = _checked(await self.fetching.run(given, self.registries.places)).files.get(project.lock)
        if made is None:
            raise NotPrepared(Grade.UNKNOWN, "npm made no lock file")
        return made

    async def install(self, project: _Project, place: Path) -> None:
        """Lay out what the lock names in place/modules, as a mirror of the tree with nothing but its node_modules."""
        if project.of_pnpm:
            given = pnpms.errand(self.program, project.lock, project.files, project.npmrc)
        else:
            given = self._errand(project, "ci")
        _checked(
            await self.fetching.take(
                given, "node_modules", place / "modules", places=self.registries.places, desk=self._shelf(project)
            )
        )
        await asyncio.to_thread(self.kept.prune)

    def _errand(self, project: _Project, *words: str, wanted: tuple[str, ...] = ()) -> Errand:
        step = Step(command=(*self.program.command, *words, *_QUIET), folder=project.where)
        return Errand(
            steps=(step,), wanted=wanted, files=project.files, settings={"npmrc": project.npmrc}, env=_ENVIRONMENT,
            visible=self.program.folders,
        )  # fmt: skip

    def _shelf(self, project: _Project) -> Shelf:
        text = project.files.get(project.lock, "{}")
        if project.of_pnpm:
            return Shelf(self.kept, digests({"packages": dict(pnpms.entries(text))}))
        try:
            return Shelf(self.kept, digests(json.loads(text)))
        except (ValueError, AttributeError, RecursionError) as problem:
            raise ConfigProblem("cannot be read", where=project.lock) from problem


def _is_anothers(project: _Project) -> bool:
    return any(note.startswith(_OTHER_LOCKS) for note in project.notes)


def _checked(brought: Brought) -> Brought:
    """NotPrepared, in npm's words, where it failed."""
    if brought.code:
        broken = _BROKEN.search(brought.said) or pnpms.BROKEN.search(brought.said)
        grade = Grade.FAILED if broken else Grade.UNKNOWN
        said = [conflicts.plain_of_npm(brought.said), tool.in_plain_words(brought.said)]
        raise NotPrepared(grade, f"the packages cannot be installed: {'. '.join(filter(None, said))}")
    return brought
