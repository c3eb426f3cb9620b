"""The cgroups of one slot, in either version: made, joined, read, emptied and removed."""

# pathlib and contextlib would lengthen the start of this process by a half:
# ruff: noqa: PTH102, PTH106, PTH110, PTH123, SIM105

from __future__ import annotations

import os
import time

from bot.lab.warden.kernel import SIGKILL

V1_FILES = {
    "memory": "memory.limit_in_bytes",
    "pids": "pids.max",
    "cpu": "cpu.cfs_quota_us",
}
_PERIOD = 100_000  # microseconds, the kernel's own default


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


class Groups:
    """The folders of one slot below the given parents: parent folder -> "v2", or v1 controllers ("cpu,memory")."""

    def __init__(self, parents: dict[str, str], slot: int) -> None:
        self.folders = {f"{parent}/surefoot-{slot}": kind for parent, kind in parents.items()}

    def make(self, *, memory: int, pids: int, cpus: float) -> None:
        """Sweep what an earlier holder of the slot may have left, and make them anew. Bytes, tasks, cores."""
        self.clear()
        for folder, kind in self.folders.items():
            os.mkdir(folder)
            if kind == "v2":
                _bound_v2(folder, memory, pids, cpus)
            else:
                _bound_v1(folder, kind, memory, pids, cpus)

    def join(self) -> None:
        """Put the calling process in, which has but one thread.

        Of a thread that moves itself the kernel is sure; for a whole process it waits until nobody forks anywhere,
        which may take 10 ms. Only version 1 lets a thread be named.
        """
        for folder, kind in self.folders.items():
            _write(f"{folder}/{'cgroup.procs' if kind == 'v2' else 'tasks'}", "0")

    def kill(self) -> None:
        """SIGKILL to everything inside, once."""
        for folder, kind in self.folders.items():
            if kind == "v2" and os.path.exists(f"{folder}/cgroup.kill"):
                _write(f"{folder}/cgroup.kill", "1")
                continue
            for line in _read(f"{folder}/cgroup.procs").split():
                try:
                    os.kill(int(line), SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass

    def clear(self) -> bool:
        """Kill what is inside and remove the folders; True when none is left."""
        left = [folder for folder in self.folders if not self._remove(folder)]
        return not left

    def _remove(self, folder: str) -> bool:
        """The kernel lets go of a cgroup a moment after its last process: EBUSY until then, for a second at most."""
        for _ in range(500):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                return True
            except OSError:
                self.kill()
                time.sleep(0.002)
            else:
                return True
        return False

    def peak(self) -> int | None:
        """The most memory that all of it together had, in bytes; None where the kernel does not say."""
        for folder in self.folders:
            for name in ("memory.peak", "memory.max_usage_in_bytes"):
                text = _read(f"{folder}/{name}").strip()
                if text.isdigit():
                    return int(text)
        return None

    def ran_out(self) -> bool:
        """Did the kernel kill anything inside for want of memory?"""
        names = ("memory.events", "memory.oom_control")
        told = "".join(_read(f"{folder}/{name}") for folder in self.folders for name in names)
        counts = [line.split()[1] for line in told.splitlines() if line.startswith("oom_kill ")]
        return any(count != "0" for count in counts)


def _bound_v1(folder: str, kind: str, memory: int, pids: int, cpus: float) -> None:
    values = {"memory": memory, "pids": pids, "cpu": int(cpus * _PERIOD)}
    for controller in kind.split(","):
        _write(f"{folder}/{V1_FILES[controller]}", str(values[controller]))
    _try(f"{folder}/memory.memsw.limit_in_bytes", str(memory))  # absent where swap is not accounted


def _bound_v2(folder: str, memory: int, pids: int, cpus: float) -> None:
    _write(f"{folder}/memory.max", str(memory))
    _write(f"{folder}/pids.max", str(pids))
    _try(f"{folder}/memory.swap.max", "0")
    _try(f"{folder}/memory.oom.group", "1")
    _try(f"{folder}/cpu.max", f"{int(cpus * _PERIOD)} {_PERIOD}")


def _try(path: str, text: str) -> None:
    try:
        _write(path, text)
    except OSError:
        pass
