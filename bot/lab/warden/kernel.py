"""What the standard library cannot ask of Linux: dropping powers, private mounts, burying orphans."""

# pathlib and contextlib would lengthen the start of this process by a half:
# ruff: noqa: PTH103, PTH118

from __future__ import annotations

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CLONE_NEWNS = 0x20000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_CAPABILITY_VERSION_3 = 0x20080522

# The signal module would bring enum with it and lengthen the start of this process by a fifth.
SIGKILL = 9
_SIGPIPE, _SIGXFSZ = 13, 25


def _check(answer: int, what: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, first: int, second: int = 0) -> int:
    word = ctypes.c_ulong
    return int(_LIBC.prctl(ctypes.c_int(option), word(first), word(second), word(0), word(0)))


def adopt_orphans() -> None:
    """What our descendants leave behind becomes our child, so that we can bury it; else pid 1 would have to."""
    _check(_prctl(_PR_SET_CHILD_SUBREAPER, 1), "prctl(PR_SET_CHILD_SUBREAPER)")


def die_with_parent(parent: int) -> None:
    """SIGKILL when the parent ends. To be called after the uid has changed, which takes the wish away."""
    _check(_prctl(_PR_SET_PDEATHSIG, SIGKILL), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it ended before we could ask
        os._exit(127)


def stage(root: str, sources: list[tuple[str, str]]) -> None:
    """Bind each source at root/name, in a mount namespace of our own that goes away with us.

    Needs root with CAP_SYS_ADMIN. A uid that may not walk into a folder of mode 0700 can then reach what
    lies there, and only that.
    """
    _check(_LIBC.unshare(_CLONE_NEWNS), "unshare(CLONE_NEWNS)")
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    # Opened before root is covered: one of them may lie below it.
    held = [(os.open(source, os.O_PATH | os.O_CLOEXEC), name) for source, name in sources]
    _mount("surefoot", root, "tmpfs", 0, "mode=0755,size=1m")
    for fd, name in held:
        place = os.path.join(root, name)
        os.makedirs(place, mode=0o755)
        _mount(f"/proc/self/fd/{fd}", place, None, _MS_BIND)
        os.close(fd)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, data)]
    answer = _LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _check(answer, f"mount {source} on {target}")


def become(uid: int) -> None:
    """Give up root for good: groups, capabilities in every set, and the way back. Needs root."""
    os.setgroups([])
    capability = 0
    while _prctl(_PR_CAPBSET_DROP, capability) == 0:  # EINVAL after the last one that this kernel knows
        capability += 1
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    drop_rest()


def drop_rest() -> None:
    """No new privileges by any exec, no capability in any set; for root's child and for an ordinary user alike."""
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS)")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)  # this process
    _check(_LIBC.capset(header, bytes(24)), "capset")


def ordinary_signals() -> None:
    """Python ignores SIGPIPE and SIGXFSZ, and what is ignored stays so over exec."""
    for number in (_SIGPIPE, _SIGXFSZ):
        _LIBC.signal(number, None)
