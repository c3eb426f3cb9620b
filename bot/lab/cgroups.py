"""Finds where on this machine we may make cgroups, in version 1, version 2 and the hybrid of both."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("memory", "pids")
WISHED = (*NEEDED, "cpu")
_LEAF = "surefoot-bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mounted hierarchy and the folder in it that this process belongs to. controllers is empty for version 2."""

    point: Path
    own: Path
    controllers: tuple[str, ...]
    version: int


def mounts(proc: Path = Path("/proc/self")) -> Iterator[Mount]:
    """The hierarchies that this process sees; formats: proc(5) `mountinfo`, cgroups(7) `/proc/self/cgroup`."""
    membership = [line.split(":", 2) for line in _text(proc / "cgroup").splitlines()]
    for line in _text(proc / "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, point = before.split(" ")[3:5]
        if kind not in ("cgroup", "cgroup2"):
            continue
        names = () if kind == "cgroup2" else tuple(name for name in WISHED if name in options.split(","))
        for _, controllers, path in membership:
            if controllers == "" if kind == "cgroup2" else names and names[0] in controllers.split(","):
                own = Path(point) / _below(path, root)
                yield Mount(point=Path(point), own=own, controllers=names, version=2 if kind == "cgroup2" else 1)


def parents(proc: Path = Path("/proc/self")) -> Mapping[str, str]:
    """Folders in which one folder a run can be made -> "v2" or version 1 controllers ("cpu,memory").

    Empty when memory and tasks cannot both be bounded; then nothing is made, since half a bound reads like a whole one.
    """
    found = list(mounts(proc))
    for mount in found:
        if mount.version == 2 and (place := _place_v2(mount)):
            return {str(place): "v2"}
    first = {str(mount.own): mount for mount in found if mount.version == 1 and _can_make(mount.own, _v1_files(mount))}
    covered = {name for mount in first.values() for name in mount.controllers}
    if not set(NEEDED) <= covered:
        return {}
    return {folder: ",".join(mount.controllers) for folder, mount in first.items()}


def _v1_files(mount: Mount) -> tuple[str, ...]:
    files = {"memory": "memory.limit_in_bytes", "pids": "pids.max"}
    return tuple(files.get(name, "tasks") for name in mount.controllers)


def _place_v2(mount: Mount) -> Path | None:
    """Ourselves, the folder above us if it was handed to us, or the top if we are root."""
    if not set(NEEDED) <= set(_text(mount.point / "cgroup.controllers").split()):
        return None
    above = mount.own.parent
    places = [mount.own] if mount.own.name != _LEAF else [above]  # we may have stepped down before
    if mount.own != mount.point and (os.geteuid() != 0 or _delegated(above)):
        places.append(above)
    if os.geteuid() == 0:
        places.append(mount.point)
    files = ("memory.max", "pids.max")
    return next((place for place in places if _enable(place, mount.own) and _can_make(place, files)), None)


def _delegated(folder: Path) -> bool:
    """systemd marks what it has handed over for good; what it has not, it may tidy up under us."""
    for mark in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, mark) == b"1":
                return True
    return False


def _enable(place: Path, own: Path) -> bool:
    """Let children of place have the controllers. A folder with processes in it cannot (EBUSY), save the very top.

    When the only one in it is this process, and the folder was handed to us, we step down into a leaf of it, as
    systemd's rules of delegation ask.
    """
    switch = place / "cgroup.subtree_control"
    if _switch_on(switch):
        return True
    alone = place == own and _text(place / "cgroup.procs").split() == [str(os.getpid())]
    if not alone or (os.geteuid() == 0 and not _delegated(place)):
        return False
    with contextlib.suppress(OSError):
        leaf = place / _LEAF
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()))
    return _switch_on(switch)


def _switch_on(switch: Path) -> bool:
    for name in WISHED:
        if name in _text(switch).split():
            continue
        try:
            switch.write_text(f"+{name}")
        except OSError:
            # Memory comes first and is refused where processes are. To go on with pids, which is not refused, would
            # make the folder a threaded one, and then no process can be moved into its children.
            if name in NEEDED:
                return False
    return set(NEEDED) <= set(_text(switch).split())


def _can_make(folder: Path, files: tuple[str, ...]) -> bool:
    """Try it: permissions, read-only mounts and security modules all have their say only then."""
    trial = folder / f"surefoot-probe-{os.getpid()}"
    try:
        trial.mkdir()
    except OSError:
        return False
    try:
        return all(os.access(trial / name, os.W_OK) for name in files)
    finally:
        with contextlib.suppress(OSError):
            trial.rmdir()


def _below(path: str, root: str) -> str:
    """A container may see only a part of the hierarchy: root is where its mount begins."""
    if root != "/" and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :]
    return "" if path.startswith("/..") else path.strip("/")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
