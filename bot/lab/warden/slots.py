"""A slot is a number that one run holds: its uid and its cgroups are named by it. A file lock dies with its holder."""

# pathlib and contextlib would lengthen the start of this process by a half:
# ruff: noqa: PTH102, SIM105

from __future__ import annotations

import fcntl
import os
import stat

FIRST_UID = 61001  # between the range that people get (below 60000) and systemd's dynamic users (from 61184 on)
SLOTS = 100


def folder(path: str) -> str:
    """Make the folder of the locks, ours alone. PermissionError when someone else has put theirs there."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{path} is not a folder of our own; remove it")
    return path


def take(path: str, start: int = 0) -> tuple[int, int]:
    """Hold the first free slot from start on, going round: (slot, fd). BlockingIOError when all are held."""
    for step in range(SLOTS):
        slot = (start + step) % SLOTS
        fd = try_hold(path, slot)
        if fd is not None:
            return slot, fd
    raise BlockingIOError(f"all {SLOTS} slots in {path} are held")


def try_hold(path: str, slot: int) -> int | None:
    """The fd of the lock, or None when another process holds it. Closing the fd lets go."""
    fd = os.open(f"{path}/{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
