"""A kernel of its own for the command: what `runsc` is told, when it runs inside the jail. Pure.

The jail stays as it is around it. What the command asks of a kernel is answered by gVisor's, which is a process in
the jail and can do little itself: no network, read-only folders through a second process, memory under the cgroup.
Formats: the OCI runtime specification's `config.json` and the flags of `runsc flags`.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.lab import seccomp

BUNDLE: Final = "/run/box"
_STATE: Final = "/run/state"
PLATFORMS: Final = ("systrap", "ptrace")  # the best first; kvm needs a device that no jail has

# It starts as root of the jail's user namespace, which is nobody on the machine, and makes namespaces of its own
# there; its kernel and its keeper of files then keep little of this, and filters of their own keep them from using it.
# SETFCAP: a map that holds root asks for it.
POWERS: Final = ("SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE", "SETUID", "SETGID", "SETPCAP", "SETFCAP")

TASKS: Final = 128  # threads of the three processes of runsc
MEMORY_MIB: Final = 128  # what they need for themselves, the files that they are mapped from among it
_FILES: Final = 65536  # descriptors: the keeper of files holds one for each name that was looked at lately

_WISHED: Final[Mapping[str, str]] = {
    # Each is given where this build knows it; they are off unless asked for, or on unless asked not to be.
    "oci-seccomp": "true",
    "overlay2": "none",  # nothing that is shown can be written, so there is nothing to be laid over it
    "directfs": "false",  # files are opened by the second process alone
    "file-access-mounts": "exclusive",  # what is shown does not change while it is looked at
    "host-fifo": "none",
}
NAMES: Final = {
    getattr(resource, name): name
    for name in dir(resource)
    if name.startswith("RLIMIT_") and name not in ("RLIMIT_OFILE",)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A writable place in memory. mode: octal digits, as mount options have them."""

    path: str
    mib: int
    mode: str = "0755"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The command as gVisor starts it. shown: folders of the jail that are to be seen at the same path, read-only,
    though they lie below a disk. limits: (RLIMIT_*, value)."""

    argv: Sequence[str]
    env: Mapping[str, str]
    user: int
    machine: str
    disks: Sequence[Disk]
    shown: Sequence[str] = ()
    limits: Sequence[tuple[int, int]] = ()


def words(path: str, platform: str, known: Collection[str], *, outward: bool = False) -> list[str]:
    """The command that starts it in the jail. known: the flags of this build, without dashes; outward: see `Job`."""
    wished = {**_WISHED, "host-uds": "open" if outward else "none"}
    flags = [f"--{name}={value}" for name, value in wished.items() if name in known]
    base = ["--rootless", "--ignore-cgroups", "--network=none", f"--platform={platform}", f"--root={_STATE}"]
    return [path, *base, *flags, "run", f"--bundle={BUNDLE}", "box"]


def config(guest: Guest) -> bytes:
    """The `config.json` of the bundle: the jail's own root, read-only, with disks over it; no capability at all."""
    sets = ("bounding", "effective", "inheritable", "permitted", "ambient")
    told = {
        "ociVersion": "1.0.2",
        "root": {"path": "/", "readonly": True},
        "hostname": "sandbox",
        "process": {
            "user": {"uid": guest.user, "gid": guest.user},
            "args": list(guest.argv),
            "env": [f"{name}={value}" for name, value in guest.env.items()],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": {name: [] for name in sets},
            "rlimits": [{"type": NAMES[name], "soft": value, "hard": value} for name, value in guest.limits],
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, *_disks(guest), *_shown(guest)],
        "linux": {
            "namespaces": [{"type": name} for name in ("pid", "ipc", "uts", "mount", "network")],
            "seccomp": _refused(guest.machine),
        },
    }
    return json.dumps(told).encode()


def around(limits: Sequence[tuple[int, int]], *, memory: int, tasks: int) -> list[tuple[int, int]]:
    """The same bounds for runsc itself, which carries all that the command has: bytes, tasks.

    What the command reserves is no memory of these processes, and its memory is one file of theirs.
    """
    wide = {
        resource.RLIMIT_AS: (resource.RLIMIT_DATA, 4 * memory),
        resource.RLIMIT_DATA: (resource.RLIMIT_DATA, 4 * memory),
        resource.RLIMIT_FSIZE: (resource.RLIMIT_FSIZE, 4 * memory),
        resource.RLIMIT_NOFILE: (resource.RLIMIT_NOFILE, _FILES),
        resource.RLIMIT_NPROC: (resource.RLIMIT_NPROC, tasks),
    }
    return [wide.get(name, (name, value)) for name, value in limits]


def tasks(pids: int) -> int:
    """How many tasks of the machine so many of gVisor's are: each is two at least, with a thread that waits for it."""
    return 4 * pids + TASKS


def _disks(guest: Guest) -> list[dict[str, object]]:
    own = [f"uid={guest.user}", f"gid={guest.user}"]
    made: list[tuple[Disk, list[str]]] = [(disk, own) for disk in guest.disks]
    made += [(Disk(path="/run", mib=1), [])]  # covers the bundle
    return [
        {
            "destination": disk.path, "type": "tmpfs", "source": "tmpfs",
            "options": [f"size={disk.mib << 20}", f"mode={disk.mode}", *owner, "nosuid", "nodev"],
        }
        for disk, owner in made
    ]  # fmt: skip


def _shown(guest: Guest) -> list[dict[str, object]]:
    """Outer ones first, since a later mount covers an earlier one."""
    return [
        {"destination": path, "type": "bind", "source": path, "options": ["ro", "nosuid", "nodev", "rbind"]}
        for path in sorted(guest.shown)
    ]


def _refused(machine: str) -> dict[str, object]:
    """The list of the jail for gVisor's kernel too: what it does not do for the command has no holes there."""
    names = sorted(seccomp.DENIED)
    bits = [1 << place for place in range(32) if seccomp.NEW_NAMESPACES >> place & 1]
    # Several rules for one argument are alternatives.
    spaces = [{"index": 0, "value": bit, "valueTwo": bit, "op": "SCMP_CMP_MASKED_EQ"} for bit in bits]
    rules = [
        {"names": names, "action": "SCMP_ACT_ERRNO"},
        {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "args": spaces},
        # Without a tracer this answers "not there", and libc falls back to clone.
        {"names": ["clone3"], "action": "SCMP_ACT_TRACE"},
    ]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [{"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}[machine]],
        "syscalls": rules,
    }
