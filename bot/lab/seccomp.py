"""The system calls that a jailed process may not make, as the bytes of a classic BPF program. Pure.

Allow by default: a test suite uses nearly every ordinary call, so what is listed is what reaches outside a jail
or makes a new one: namespaces, mounts, other processes' memory, kernel programs, keys, handles, odd sockets.
Numbers and layout are the kernel's own (`asm/unistd.h`, `linux/seccomp.h`, `linux/filter.h`).
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import Final

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS: the accumulator takes a word of `struct seccomp_data`
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_NUMBER_AT: Final = 0
_ARCH_AT: Final = 4
_ARG0_AT: Final = 16  # the low half, on the little-endian machines below; the kernel reads these as 32-bit values
_ARG1_AT: Final = 24

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000

_X32: Final = 0x40000000  # x86-64 kernels answer a second table of calls from here on; nothing of ours uses it
NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_FAMILIES: Final = (1, 2, 10, 16)  # UNIX, INET, INET6, NETLINK; a network namespace does not hold VSOCK in
_TERMINAL_TRICKS: Final = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX type into the terminal that started us

# name: (x86-64, aarch64)
DENIED: Final[dict[str, tuple[int, int]]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "setns": (308, 268), "unshare": (272, 97),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "acct": (163, 89), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116), "quotactl": (179, 60),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "fanotify_init": (300, 262), "kcmp": (312, 272),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "pidfd_getfd": (438, 438),
    "personality": (135, 92), "vhangup": (153, 58), "lookup_dcookie": (212, 18), "move_pages": (279, 239),
    "memfd_secret": (447, 447),
}  # fmt: skip

# What gVisor needs to build its own walls; before the command runs it refuses these to itself, but for ptrace.
OF_A_KEEPER: Final = frozenset({"ptrace", "mount", "umount2", "pivot_root", "chroot", "unshare"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One instruction set: its audit number and the numbers of the calls whose arguments are looked at."""

    audit: int
    column: int  # of DENIED
    clone: int
    socket: int
    socketpair: int
    ioctl: int
    clone3: int = 435
    second_table: int | None = None


MACHINES: Final[dict[str, Machine]] = {
    "x86_64": Machine(audit=0xC000003E, column=0, clone=56, socket=41, socketpair=53, ioctl=16, second_table=_X32),
    "aarch64": Machine(audit=0xC00000B7, column=1, clone=220, socket=198, socketpair=199, ioctl=29),
}


def _step(code: int, k: int, jump: int = 0, otherwise: int = 0) -> bytes:
    """One `struct sock_filter`. Jumps count instructions to pass over, in one byte."""
    return struct.pack("<HBBI", code, jump, otherwise, k)


def _answer(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _unless(number: int, body: list[bytes]) -> list[bytes]:
    """Walk into body when the call is this one; body always returns."""
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _only(at: int, values: tuple[int, ...], *, hit: bytes, miss: bytes) -> list[bytes]:
    """Load an argument and answer hit when it is one of values, else miss."""
    tests = [_step(_EQUAL, value, len(values) - place) for place, value in enumerate(values)]
    return [_step(_LOAD, at), *tests, miss, hit]


def program(machine: str, *, keeper: bool = False) -> bytes:
    """The filter for `bwrap --seccomp`, for what `platform.machine()` names; KeyError for any other machine.

    keeper: it is for a program that makes walls of its own, so namespaces, mounts and ptrace are let through.

    In order: a foreign instruction set dies; clone3 is "not there", since its flags lie in memory that no filter
    can read, and libc then falls back to clone; clone with namespaces, odd sockets and terminal tricks are
    refused; the listed calls are refused; the rest is allowed.
    """
    it = MACHINES[machine]
    allow, refuse = _step(_RETURN, _ALLOW), _answer(errno.EPERM)
    no_family = _answer(errno.EAFNOSUPPORT)
    family = _only(_ARG0_AT, _FAMILIES, hit=allow, miss=no_family)
    steps = [_step(_LOAD, _ARCH_AT), _step(_EQUAL, it.audit, 1, 0), _step(_RETURN, _KILL), _step(_LOAD, _NUMBER_AT)]
    if it.second_table is not None:
        steps += [_step(_AT_LEAST, it.second_table, 0, 1), _step(_RETURN, _KILL)]
    steps += _unless(it.clone3, [_answer(errno.ENOSYS)])
    if not keeper:
        steps += _unless(it.clone, [_step(_LOAD, _ARG0_AT), _step(_ANY_BIT, NEW_NAMESPACES, 0, 1), refuse, allow])
    steps += _unless(it.socket, family) + _unless(it.socketpair, family)
    steps += _unless(it.ioctl, _only(_ARG1_AT, _TERMINAL_TRICKS, hit=refuse, miss=allow))
    spared = OF_A_KEEPER if keeper else frozenset()
    numbers = [pair[it.column] for name, pair in DENIED.items() if name not in spared]
    steps += [_step(_EQUAL, number, len(numbers) - place) for place, number in enumerate(numbers)]
    return b"".join([*steps, allow, refuse])
