"""One command, locked in: it works on a private copy, sends back what it may, and ends with its caller."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import Transient
from bot.core.model import Isolation
from bot.lab import sandbox
from bot.lab.host import Host, unjailed
from bot.lab.jobs import Job, Limits, NoJail, Reason
from bot.lab.warden import groups, slots
from tests.lab.world import tree

SMALL = Limits(seconds=20, memory_mib=256, pids=64)


def shell(text: str, **more: object) -> Job:
    """A job of one shell line."""
    return replace(Job(command=("/bin/sh", "-c", text), limits=SMALL), **more)  # type: ignore[arg-type]  # any field


@pytest.fixture(params=["best", "plain", "unjailed"])
def anywhere(request: pytest.FixtureRequest, host: Host, plain: Host) -> Host:
    """Every way to run: what is promised of results and bounds holds in all."""
    return {"best": host, "plain": plain, "unjailed": unjailed()}[request.param]


async def test_it_works_on_a_copy_and_the_tree_stays_as_it_was(anywhere: Host, tmp_path: Path) -> None:
    """The copy is writable, modes and links are kept."""
    tmp_path.chmod(0o755)
    tree(tmp_path, {"a.txt": "one", "bin/tool": "#!/bin/sh\necho tool\n"})
    (tmp_path / "bin/tool").chmod(0o755)
    (tmp_path / "link").symlink_to("a.txt")
    ran = await sandbox.run(shell("echo two > a.txt; cat link; bin/tool; rm -r bin", tree=tmp_path), anywhere)
    assert (ran.text, ran.code, ran.reason, ran.clean) == ("two\ntool\n", 0, Reason.FINISHED, True)
    assert ran.isolation is anywhere.isolation
    assert (tmp_path / "a.txt").read_text() == "one" and (tmp_path / "bin/tool").exists()


async def test_its_environment_is_what_was_given(anywhere: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is inherited; the two paths are put in where they are asked for."""
    monkeypatch.setenv("PRIVATE_KEY", "secret")
    job = shell('env; [ "$X" = "$PWD/y" ] && echo right', env={"X": "{work}/y", "R": "{results}"})
    ran = await sandbox.run(job, anywhere)
    names = {line.partition("=")[0] for line in ran.text.splitlines()}
    assert "right" in names and {"HOME", "PATH", "LANG", "TMPDIR", "SUREFOOT_RESULTS"} <= names
    assert not {"PRIVATE_KEY", "USER", "VIRTUAL_ENV"} & names


@pytest.mark.parametrize(("text", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("nonsense-that-is-no-command", 127)])
async def test_exit_codes(anywhere: Host, text: str, code: int) -> None:
    """As a shell gives them."""
    ran = await sandbox.run(shell(text), anywhere)
    assert (ran.code, ran.reason) == (code, Reason.FINISHED)


async def test_results_come_back_whole_or_not_at_all(anywhere: Host) -> None:
    """More than the bound is not cut in the middle: half a report would read like a whole one."""
    few = replace(SMALL, keep_results=1000)
    text = 'head -c {} /dev/zero > "$SUREFOOT_RESULTS"; echo said'
    whole = await sandbox.run(shell(text.format(1000), limits=few), anywhere)
    more = await sandbox.run(shell(text.format(1001), limits=few), anywhere)
    assert whole.results == bytes(1000)
    assert more.results is None and more.text == "said\n"


async def test_output_is_kept_at_both_ends(anywhere: Host) -> None:
    """What went wrong stands at the end of a test run, what was run at its beginning."""
    few = replace(SMALL, keep_output=4000)
    ran = await sandbox.run(shell("echo first; yes middle | head -n 20000; echo last >&2", limits=few), anywhere)
    assert ran.text.startswith("first\n") and ran.text.endswith("last\n")
    assert "bytes not kept" in ran.text and len(ran.output) < 4100


async def test_time_is_over(anywhere: Host) -> None:
    """It is ended with all that it started, and what it said until then is there."""
    mark = f"slow-{os.getpid()}"
    text = f"sh -c 'sleep 600; : {mark}' & echo started; sleep 600"
    ran = await sandbox.run(shell(text, limits=replace(SMALL, seconds=0.7)), anywhere)
    assert (ran.reason, ran.code, ran.text, ran.clean) == (Reason.TIMEOUT, None, "started\n", True)
    assert running(mark) == []


async def test_a_flood_is_ended(anywhere: Host) -> None:
    """And the caller is not flooded."""
    ran = await sandbox.run(shell("yes", limits=replace(SMALL, most_output=1 << 20)), anywhere)
    assert ran.reason is Reason.OUTPUT
    assert len(ran.output) <= SMALL.keep_output + 100


async def test_who_gives_up_leaves_nothing_running(anywhere: Host) -> None:
    """Cancelling the call ends the run before it returns."""
    mark = f"given-up-{os.getpid()}-{anywhere.isolation}"
    task = asyncio.create_task(sandbox.run(shell(f"while :; do sleep 0.1; done; : {mark}"), anywhere))
    for _ in range(500):
        if running(mark):
            break
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running(mark) == []


def running(mark: str) -> list[str]:
    """Processes of this machine with this word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


async def test_runs_side_by_side_share_no_uid_and_no_cgroup(host: Host) -> None:
    """Each holds a slot of its own, across processes."""
    runs = await asyncio.gather(*(sandbox.run(shell("sleep 0.2; id -u"), host) for _ in range(5)))
    assert len({ran.slot for ran in runs}) == 5
    assert all(ran.code == 0 and ran.clean for ran in runs)


async def test_memory_is_bounded(host: Host) -> None:
    """A program that wants more than the bound is ended, and the reason is said."""
    ran = await sandbox.run(shell("head -c 1G /dev/zero | tail", limits=replace(SMALL, memory_mib=64)), host)
    if host.isolation is Isolation.FULL:
        assert ran.reason is Reason.MEMORY
        assert ran.peak <= 65 << 20
    else:
        assert ran.code != 0


async def test_a_tree_that_cannot_be_read_is_no_failure_of_the_command(host: Host, tmp_path: Path) -> None:
    """The command did not start, and that is what is said."""
    tree(tmp_path, {"secret": "x"})
    (tmp_path / "secret").chmod(0)
    tmp_path.chmod(0o755)
    if not host.root:
        (tmp_path / "secret").chmod(0)
    ran = await sandbox.run(shell("true", tree=tmp_path), host)
    assert ran.reason is Reason.BROKEN
    assert "could not be copied" in ran.text


async def test_a_jail_that_cannot_be_set_up_is_said(host: Host) -> None:
    """bwrap's own words are in the output."""
    ran = await sandbox.run(shell("true", visible=(Path("/no/such/folder"),)), host)
    assert ran.reason is Reason.BROKEN
    assert "/no/such/folder" in ran.text


async def test_without_a_jail_nothing_is_run() -> None:
    """It says why, and how to mend it."""
    none = Host(isolation=Isolation.NONE, reason="user namespaces are forbidden", mend="Allow them")
    with pytest.raises(NoJail, match=r"forbidden\. Allow them"):
        await sandbox.run(shell("true"), none)


async def test_a_warden_that_fails_is_worth_another_try(host: Host, tmp_path: Path) -> None:
    """The loop tries the step again; here the folder of the slots is somebody's file."""
    (tmp_path / "slots").write_text("")
    with pytest.raises(Transient, match="not a folder of our own"):
        await sandbox.run(shell("true"), replace(host, slots=str(tmp_path / "slots")))


def test_slots_are_held_by_one_at_a_time(tmp_path: Path) -> None:
    """A lock is free again when its holder closes it or dies."""
    folder = slots.folder(str(tmp_path / "s"))
    first, one = slots.take(folder, 7)
    second, two = slots.take(folder, 7)
    assert (first, second) == (7, 8)
    assert slots.try_hold(folder, 7) is None
    os.close(one)
    again, three = slots.take(folder, 7)
    assert again == 7
    for fd in (two, three):
        os.close(fd)


def test_all_slots_taken(tmp_path: Path) -> None:
    """Then it is said, not waited for."""
    folder = slots.folder(str(tmp_path / "s"))
    held = [slots.take(folder)[1] for _ in range(slots.SLOTS)]
    with pytest.raises(BlockingIOError, match="are held"):
        slots.take(folder)
    for fd in held:
        os.close(fd)


def test_version_two_cgroups_are_written_as_the_kernel_wants_them(tmp_path: Path) -> None:
    """Bytes, tasks and cores, no swap, and all of a group ended together. (Files stand in for the kernel's here.)"""
    parent = tmp_path / "unified"
    parent.mkdir()
    group = groups.Groups({str(parent): "v2"}, 3)
    group.make(memory=1 << 28, pids=72, cpus=1.5)
    made = parent / "surefoot-3"
    told = {path.name: path.read_text() for path in made.iterdir()}
    assert told == {
        "memory.max": "268435456",
        "pids.max": "72",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "150000 100000",
    }
    (made / "memory.peak").write_text("12345\n")
    (made / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (made / "cgroup.kill").write_text("")
    group.join()
    group.kill()
    assert (group.peak(), group.ran_out()) == (12345, True)
    assert ((made / "cgroup.procs").read_text(), (made / "cgroup.kill").read_text()) == ("0", "1")
