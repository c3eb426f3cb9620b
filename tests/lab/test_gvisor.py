"""gVisor is an addition to the jail and never takes a part of it away; where it does not work, nothing runs."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Isolation
from bot.lab import gvisor, jail, probe, sandbox, seccomp
from bot.lab import host as hosts
from bot.lab.host import Host, Runsc
from bot.lab.jobs import MIB, Job, Limits, NoJail
from tests.lab import test_seccomp as filters

PYTHON = "/usr/bin/python3"


@pytest.fixture
def guarded(host: Host) -> Host:
    """What a probe gives where runsc works; nothing is started here."""
    return replace(host, isolation=Isolation.GVISOR, runsc=Runsc(path="/usr/bin/runsc", platform="systrap"))


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runsc of this text, first in PATH."""
    (folder / "runsc").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "runsc").chmod(0o755)
    folder.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    hosts._flags.cache_clear()


def told(order: Any) -> tuple[list[str], dict[str, Any]]:
    """What bwrap reads, and what runsc does."""
    return order["files"][0].decode().split("\0"), json.loads(order["files"][-1])


# --- the recipe --------------------------------------------------------------------------------------------------


def test_the_jail_around_it_stays(guarded: Host, host: Host) -> None:
    """All that bwrap is told in the full grade it is told here, but for the user and what belongs to it."""
    job = Job(command=("true",), visible=(Path("/opt/some"),), env={"KEY": "word"})
    full = jail.jailed(job, host)["files"][0].decode().split("\0")
    words, _ = told(jail.jailed(job, guarded))
    own = {"--disable-userns", "1000", "KEY", "word", "HOME", jail.HOME, "LANG", "C.UTF-8", "TMPDIR"}
    own |= {"SUREFOOT_RESULTS", jail.RESULTS, "SUREFOOT_WORK", jail.WORK}
    assert [word for word in full if word not in words and word not in own] == []
    assert words[words.index("--uid") + 1] == "0" and words.count("--cap-add") == len(gvisor.POWERS)


def test_what_a_command_finds_in_its_environment_gvisor_does_not(guarded: Host) -> None:
    """A repository can set variables that a program of Go, or a shell, would obey."""
    words, config = told(jail.jailed(Job(command=("true",), env={"GODEBUG": "x", "LD_PRELOAD": "y"}), guarded))
    assert not {"GODEBUG", "LD_PRELOAD"} & set(words)
    assert {"GODEBUG=x", "LD_PRELOAD=y", f"HOME={jail.HOME}"} <= set(config["process"]["env"])


def test_the_command_has_no_powers_and_writes_to_memory_alone(guarded: Host) -> None:
    """An ordinary user without capabilities; the root is read-only; every disk has a size."""
    _, config = told(jail.jailed(Job(command=("true",)), guarded))
    assert set(map(tuple, config["process"]["capabilities"].values())) == {()}
    assert config["process"]["user"] == {"uid": 1000, "gid": 1000} and config["process"]["noNewPrivileges"]
    assert config["root"] == {"path": "/", "readonly": True}
    disks = [mount for mount in config["mounts"] if mount["type"] == "tmpfs"]
    assert {mount["destination"] for mount in disks} == {"/dev/shm", "/tmp", jail.HOME, "/results", "/run"}
    assert all(mount["options"][0].startswith("size=") for mount in disks)
    assert all("ro" in mount["options"] for mount in config["mounts"] if mount["type"] == "bind")


def test_what_lies_below_a_disk_is_shown_over_it(guarded: Host) -> None:
    """An environment in /tmp would be hidden by the command's own /tmp; elsewhere the root shows it already."""
    job = Job(command=("true",), visible=(Path("/tmp/venv"), Path("/opt/x")), placed={f"{jail.HOME}/m": Path("/opt/y")})
    _, config = told(jail.jailed(job, guarded))
    shown = [mount["destination"] for mount in config["mounts"] if mount["type"] == "bind"]
    assert shown == [f"{jail.HOME}/m", "/tmp/venv"]


def test_beside_what_is_laid_into_the_tree_the_command_can_write(guarded: Host) -> None:
    """Each folder on the way there is a disk of the command's own, outer ones first."""
    job = Job(command=("true",), placed={f"{jail.WORK}/a/kept": Path("/opt/y"), f"{jail.HOME}/m": Path("/opt/z")})
    _, config = told(jail.jailed(job, guarded))
    mounts = [mount["destination"] for mount in config["mounts"]]
    order = [jail.HOME, jail.WORK, f"{jail.WORK}/a", f"{jail.WORK}/a/kept"]
    assert [place for place in mounts if place in order] == order


def test_the_same_calls_are_refused_by_its_own_kernel(guarded: Host) -> None:
    """The list of the jail, namespaces by clone, and clone3, whose flags no filter can read."""
    _, config = told(jail.jailed(Job(command=("true",)), guarded))
    rules = {tuple(rule["names"]): rule for rule in config["linux"]["seccomp"]["syscalls"]}
    assert set(rules) == {tuple(sorted(seccomp.DENIED)), ("clone",), ("clone3",)}
    bits = sum(rule["value"] for rule in rules["clone",]["args"])
    assert bits == sum(filters.NAMESPACES)


@given(st.sampled_from(sorted(seccomp.MACHINES)), st.sampled_from(sorted(seccomp.DENIED)))
def test_only_what_it_builds_its_walls_with_is_let_through(machine: str, name: str) -> None:
    """The filter around gVisor refuses all else that it refuses around a command."""
    it = seccomp.MACHINES[machine]
    said = filters.run(seccomp.program(machine, keeper=True), seccomp.DENIED[name][it.column], it.audit)
    assert said == (filters.ALLOW if name in seccomp.OF_A_KEEPER else filters.ERRNO | errno.EPERM)


@given(st.integers(1, 4096), st.integers(1, 4096), st.booleans())
def test_bounds_hold_for_both(memory: int, pids: int, roomy: bool) -> None:
    """The command's own are those of the full grade; those around it are finite and no smaller."""
    there = Host(isolation=Isolation.FULL, bwrap=hosts.Bwrap(path="/usr/bin/bwrap"), root=True, machine="x86_64")
    job = Job(command=("true",), limits=Limits(memory_mib=memory, pids=pids), roomy=roomy)
    guard = replace(there, isolation=Isolation.GVISOR, runsc=Runsc(path="/usr/bin/runsc", platform="ptrace"))
    full, around = jail.jailed(job, there), jail.jailed(job, guard)
    inner = {limit["type"]: limit["hard"] for limit in told(around)[1]["process"]["rlimits"]}
    assert [inner[gvisor.NAMES[name]] for name, _ in full["limits"]] == [value for _, value in full["limits"]]
    outer = dict(around["limits"])
    assert outer[resource.RLIMIT_NPROC] > pids and outer[resource.RLIMIT_DATA] >= 4 * memory * MIB
    assert around["bounds"]["memory"] == (memory + gvisor.MEMORY_MIB) * MIB
    assert pids < around["bounds"]["pids"] < 5 * (pids + 100)


def test_a_socket_of_ours_is_reached_by_who_was_sent_to_it(guarded: Host) -> None:
    """A lock file's tool has a way out; the tests of a package have none."""
    known = replace(guarded.runsc or Runsc(path=""), known=frozenset({"host-uds", "directfs"}))
    there = replace(guarded, runsc=known)
    assert "--host-uds=none" in jail.jailed(Job(command=("true",)), there)["argv"]
    assert "--host-uds=open" in jail.jailed(Job(command=("true",), outward=True), there)["argv"]
    assert "--directfs=false" in jail.jailed(Job(command=("true",)), there)["argv"]
    assert "--directfs=false" not in jail.jailed(Job(command=("true",)), guarded)["argv"]


# --- the probe ---------------------------------------------------------------------------------------------------


async def test_asked_for_and_not_there(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs, and the words name the setting, what to install, and the other way."""
    if host.isolation is not Isolation.FULL:
        pytest.skip("it is asked for on top of a full jail only")
    bwrap = Path(host.bwrap.path if host.bwrap else "").parent
    monkeypatch.setattr("shutil.which", lambda name, **_: str(bwrap / "bwrap") if name == "bwrap" else None)
    found = await probe.probe(gvisor=True)
    assert (found.isolation, found.runsc) == (Isolation.NONE, None)
    assert "SUREFOOT_JAIL=gvisor" in found.reason and "not installed" in found.reason
    assert "runsc" in found.mend and "SUREFOOT_JAIL=full" in found.mend
    with pytest.raises(NoJail, match="gVisor was asked for"):
        await sandbox.run(Job(command=("true",)), found)


async def test_asked_for_and_broken(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both platforms are tried, and what runsc says of each is told."""
    if host.isolation is not Isolation.FULL:
        pytest.skip("it is asked for on top of a full jail only")
    program(tmp_path, 'echo "no such platform: $4"; exit 1', monkeypatch)
    found = await probe.probe(gvisor=True)
    assert found.isolation is Isolation.NONE
    assert "systrap: no such platform: --platform=systrap" in found.reason
    assert "ptrace: no such platform: --platform=ptrace" in found.reason


async def test_a_runsc_that_adds_nothing_is_found_out(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that runs the command as it is, under a filter that is wide on gVisor's account, is no jail."""
    if host.isolation is not Isolation.FULL or not Path(PYTHON).exists():
        pytest.skip("a full jail and a Python below /usr are needed for this")
    run = 'import json, os; a = json.load(open("/run/box/config.json"))["process"]["args"]; os.execv(a[0], a)'
    program(tmp_path, f"exec {PYTHON} -c '{run}'", monkeypatch)
    found = await probe.probe(gvisor=True)
    assert found.isolation is Isolation.NONE
    assert "systrap: the command in it failed; ptrace: the command in it failed" in found.reason


async def test_no_jail_is_no_better_with_gvisor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The reason is that of the jail; and over the plain grade it is not built."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "riscv64" in (await probe.probe(gvisor=True)).reason
    plain = Host(isolation=Isolation.PLAIN, reason="no cgroup", mend="Run as root")
    refused = await probe._with_gvisor(hosts.at_least_full(plain))
    assert refused.isolation is Isolation.NONE and "plain grade" in refused.reason


def test_the_flags_of_a_build_are_its_own_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One flag that a build does not know would stop every run."""
    program(tmp_path, 'printf -- "  -overlay2 value\\n    text\\n  -oci-seccomp\\n"', monkeypatch)
    found = hosts.find_runsc()
    assert found is not None and found.known == {"overlay2", "oci-seccomp"}
    assert (found.path, found.folder) == (str(tmp_path / "runsc"), tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert hosts.find_runsc() is None


def test_it_counts_as_full() -> None:
    """Who asks for the full grade at least has it."""
    there = Host(isolation=Isolation.GVISOR)
    assert hosts.at_least_full(there) is there
