"""What an environment holds, by name, version and content, and where each package lies: of its lock, or of the disk.

Of npm and Rust the lock says what was installed, of pnpm the lock what and the disk where; of Go the disk alone, since
go.sum also lists what was only looked at.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bot.core import lockfiles
from bot.core.errors import ConfigProblem
from bot.lab import cargos, origins, pnpms, reading
from bot.lab.ready import CARGO, GOLANG, NPM, PYPI, Environment

_MOST = 50_000  # folders that are looked at for packages
_MOST_SUM = 200  # bytes of what Go notes about a module's content
_CRATE = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,64}?)-(?P<version>\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of a lock. line: what binds its content. place: its folder below the lock's own, "" for Python's.

    bundled: it came inside of another package, and is bound by what binds that one.
    """

    name: str
    version: str
    line: str
    place: str = ""
    bundled: bool = False

    @property
    def hashes(self) -> frozenset[str]:
        """Of the files that may be installed."""
        return frozenset(self.line.split(" --hash=")[1:])


Lock = tuple[Locked, ...]


def of(environment: Environment) -> Lock | None:
    """All packages of one environment; None of an ecosystem whose contents cannot be read."""
    reader = _READERS.get(environment.ecosystem)
    return reader(environment) if reader else None


def read(lock: str) -> Lock:
    """Of a requirements file; lines whose marker does not hold here are left out, as nothing is installed for them."""
    found = []
    for line in lock.splitlines():
        pinned = line.split(" --hash=")[0].strip()
        name, version = origins.name_and_version(pinned)
        if name and not name.startswith("#") and _holds(pinned):
            found.append(Locked(name=str(canonicalize_name(name)), version=version, line=line.strip()))
    return tuple(found)


def _holds(pinned: str) -> bool:
    try:
        marker = Requirement(pinned).marker
    except InvalidRequirement:
        return True
    return marker is None or marker.evaluate()


def read_npm(lock: str) -> Lock:
    """Of a package-lock.json (lockfileVersion 2 and 3); nothing of what is none."""
    try:
        packages = json.loads(lock)["packages"]
        return tuple(one for place, entry in packages.items() if (one := _of_npm(str(place), entry, packages)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def _of_npm(place: str, entry: Mapping[str, object], packages: Mapping[str, Mapping[str, object]]) -> Locked | None:
    """The root, members of the workspace and links are the tree's own."""
    name = str(entry.get("name") or place.rpartition("node_modules/")[2])
    if "node_modules/" not in place or entry.get("link") or ".." in place.split("/"):
        return None
    version = str(entry.get("version", ""))
    own = entry.get("integrity") or entry.get("resolved")
    line = f"{name}@{version} --hash={own or _bundle(place, packages)}"
    return Locked(name=name, version=version, line=line, place=place, bundled=not own)


def _bundle(place: str, packages: Mapping[str, Mapping[str, object]]) -> str:
    """What binds the package inside of which this one came."""
    while "/node_modules/" in place:
        place = place.rpartition("/node_modules/")[0]
        if bound := packages.get(place, {}).get("integrity"):
            return f"{bound} of {place}"
    return ""


def _of_node(environment: Environment) -> Lock:
    if environment.lock.lstrip().startswith("{"):
        return read_npm(environment.lock)
    modules = environment.folder / environment.where / "node_modules"
    return _of_pnpm(environment.lock, modules)


def _of_pnpm(lock: str, modules: Path) -> Lock:
    """Each version of a name lies in a folder of its own, once for each set of peers; they hold the same files."""
    try:
        packages = lockfiles.read(lock, pnpms.LOCK)
    except ConfigProblem:  # it was laid out by this lock, so that was said before
        return ()
    folders = _pnpm_folders(modules)
    found = []
    for one in packages:
        bound = next(iter(one.files.values()), one.origin)
        place = folders.get((one.name, one.version), f"node_modules/{one.name}")
        line = f"{one.name}@{one.version} --hash={bound}"
        found.append(Locked(name=one.name, version=one.version, line=line, place=place))
    return tuple(found)


def _pnpm_folders(modules: Path) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for folder in itertools.islice(sorted(_children(modules / ".pnpm")), _MOST):
        for name, version in _pnpm_named(folder.name):
            if (folder / "node_modules" / name).is_dir():
                found.setdefault((name, version), f"node_modules/.pnpm/{folder.name}/node_modules/{name}")
    return found


def _pnpm_named(folder: str) -> Iterator[tuple[str, str]]:
    """`@a+b@1.0.0_peer@2` is @a/b 1.0.0."""
    name, _, rest = folder[1:].partition("@")
    if rest:
        yield (
            (folder[0] + name).replace("+", "/", 1) if folder[0] == "@" else folder[0] + name,
            re.split("[_(]", rest)[0],
        )


def read_go(folder: Path) -> Lock:
    """Of a cache of modules: those that were fetched whole, and what Go's own digest of each is."""
    found = []
    root = folder / "cache" / "download"
    for place, _, files in itertools.islice(os.walk(root), _MOST):
        for file in files if place.endswith("/@v") else ():
            if file.endswith(".ziphash"):
                module = os.path.relpath(place, root).removesuffix("/@v")
                version = file.removesuffix(".ziphash")
                name = f"{_unescaped(module)}@{_unescaped(version)}"
                line = f"{name} --hash={_digest(Path(place, file))}"
                at = f"{module}@{version}"
                found.append(Locked(name=_unescaped(module), version=_unescaped(version), line=line, place=at))
    return tuple(sorted(found, key=lambda one: (one.name, one.version)))


def _unescaped(text: str) -> str:
    """golang.org/x/mod/module: a capital letter is written as `!` and the small one, since some disks know no case."""
    return re.sub(r"!([a-z])", lambda letter: letter[1].upper(), text)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_SUM).decode("ascii", "replace").strip()
    except OSError:
        return ""


def read_crates(lock: str, folder: Path) -> Lock:
    """Of a Cargo.lock, what comes from a registry; without one, of the folders that cargo laid out."""
    if not lock:
        named = (found for one in sorted(_children(folder)) if (found := _CRATE.fullmatch(one.name)))
        return tuple(_crate(one["name"], one["version"], _sum_of(folder / one[0])) for one in named)
    try:
        packages = lockfiles.read(lock, cargos.LOCK)
    except ConfigProblem:  # the environment was made from it, so this was said before
        return ()
    mine = [one for one in packages if one.files and not one.aside]
    return tuple(_crate(one.name, one.version, next(iter(one.files.values()))) for one in mine)


def _crate(name: str, version: str, digest: str) -> Locked:
    return Locked(name=name, version=version, line=f"{name}@{version} --hash={digest}", place=f"{name}-{version}")


def _sum_of(folder: Path) -> str:
    try:
        return str(reading.table(folder, ".cargo-checksum.json").get("package", ""))
    except ConfigProblem:
        return ""


def _children(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


_READERS: Mapping[str, Callable[[Environment], Lock]] = {
    PYPI: lambda one: read(one.lock),
    NPM: _of_node,
    GOLANG: lambda one: read_go(one.folder),
    CARGO: lambda one: read_crates(one.lock, one.folder),
}
