"""Attacks on the jail, in all grades: each is tried for real, and each has the denial that is promised for it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import Isolation
from bot.lab import gvisor, probe, sandbox, seccomp
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits, Ran, Reason

SMALL = Limits(seconds=20, memory_mib=256, pids=64, disk_mib=64)
REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def guarded(best: Host) -> Host:
    """The same with gVisor inside; a runsc that does not work is a failure, not a skip."""
    if shutil.which("runsc") is None:
        pytest.skip("no runsc is installed (Debian: the package runsc)")
    found = asyncio.run(probe.probe(gvisor=True))
    if found.isolation is Isolation.NONE and need_full(best):
        pytest.fail(f"{found.reason}. {found.mend}")
    return found


@pytest.fixture(params=["gvisor", "full", "plain"])
def jail(request: pytest.FixtureRequest, best: Host) -> Host:
    """The grades, one after the other."""
    if request.param == "gvisor":
        given: Host = request.getfixturevalue("guarded")
        return given
    if request.param == "plain":
        return replace(best, isolation=Isolation.PLAIN, groups={})
    return need_full(best)


def need_full(host: Host) -> Host:
    """A machine without a cgroup for us says so, and has nothing to try."""
    if host.isolation not in (Isolation.FULL, Isolation.GVISOR):
        pytest.skip(f"only the plain grade is to be had here: {host.reason}")
    return host


def has_own_kernel(host: Host) -> bool:
    """What it answers comes of gVisor, which knows less than Linux and refuses in other words."""
    return host.isolation is Isolation.GVISOR


async def attack(host: Host, code: str, limits: Limits = SMALL, **more: Any) -> Ran:
    """Run Python code inside. It has `tried(f)`, which gives "ok" or the name of the error, and `say(**facts)`."""
    start = """
        import ctypes, errno, json, os, socket, sys, time
        def tried(f, *args):
            try:
                f(*args)
            except OSError as problem:
                return errno.errorcode.get(problem.errno, type(problem).__name__)
            return "ok"
        def say(**facts):
            print("FACTS" + json.dumps(facts), flush=True)
    """
    text = textwrap.dedent(start) + textwrap.dedent(code)
    command = (os.path.realpath(sys.executable), "-I", "-S", "-c", text)
    if "tree" in more:
        more["tree"].chmod(0o755)  # pytest gives 0700, and `trees.offered` would make a copy
    return await sandbox.run(Job(command=command, visible=probe.interpreter(), limits=limits, **more), host)


def facts(ran: Ran) -> dict[str, Any]:
    """What the attacker reported."""
    lines = [line for line in ran.text.splitlines() if line.startswith("FACTS")]
    assert lines, ran
    return dict(json.loads(lines[-1].removeprefix("FACTS")))


def alive(mark: str) -> list[int]:
    """Pids on this machine, ours aside, that carry the mark in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except (OSError, ValueError):
            continue
    return found


# --- secrets -----------------------------------------------------------------------------------------------------


async def test_the_environment_of_the_bot_is_not_to_be_found(jail: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in its own environment nor in that of any process that it can see."""
    monkeypatch.setenv("WEBHOOK_SECRET", "hunter2-of-the-bot")
    ran = await attack(
        jail,
        """
        import glob
        seen = [open(path, "rb").read() for path in glob.glob("/proc/[0-9]*/environ")]
        say(count=len(seen), found=any(b"hunter2" in text for text in seen), own=sorted(os.environ))
        """,
    )
    told = facts(ran)
    assert told["count"] >= 2 and told["found"] is False
    assert {"HOME", "PATH", "LANG", "TMPDIR"} <= set(told["own"])
    assert "WEBHOOK_SECRET" not in told["own"]


async def test_files_of_the_host_are_not_there(jail: Host, tmp_path: Path) -> None:
    """Whatever their mode is; nor are the settings and homes of the machine."""
    for mode in (0o600, 0o644):
        (tmp_path / f"secret-{mode:o}").write_text("secret")
        (tmp_path / f"secret-{mode:o}").chmod(mode)
    paths = [
        "/etc/shadow",
        "/root/.ssh",
        "/root/.bashrc",
        "/var/run/docker.sock",
        "/sys/kernel/notes",
        "/proc/1/root/etc/shadow",
    ]
    paths += [str(path) for path in tmp_path.iterdir()]
    told = facts(await attack(jail, f"say(**{{path: tried(open, path) for path in {paths!r}}})"))
    assert set(told.values()) <= {"ENOENT", "EACCES"}
    assert told[paths[-1]] == "ENOENT"


async def test_the_command_line_of_the_jail_tells_nothing_of_the_host(jail: Host, tmp_path: Path) -> None:
    """What is mounted from where is read from a descriptor."""
    (tmp_path / "file").write_text("x")
    code = 'import glob; say(all=[open(p, "rb").read().decode() for p in glob.glob("/proc/[0-9]*/cmdline")])'
    told = facts(await attack(jail, code, tree=tmp_path))
    assert not any(str(tmp_path) in text for text in told["all"])


async def test_a_link_in_the_tree_leads_nowhere(jail: Host, tmp_path: Path) -> None:
    """The tree is copied with its links; what they point at is the jail's own."""
    (tmp_path / "shadow").symlink_to("/etc/shadow")
    (tmp_path / "up").symlink_to("../../../../../../etc/shadow")
    (tmp_path / "plain").write_text("x")
    told = facts(
        await attack(jail, 'say(a=tried(open, "shadow"), b=tried(open, "up"), c=tried(open, "plain"))', tree=tmp_path)
    )
    assert told == {"a": "ENOENT", "b": "ENOENT", "c": "ok"}


async def test_a_result_that_is_a_link_gives_only_what_is_inside(jail: Host) -> None:
    """The results are read inside and sent as bytes; a pipe, a device or a link there gives nothing of the host."""
    for made in ('os.symlink("/etc/shadow", place)', "os.mkfifo(place)", 'os.symlink("/dev/zero", place)'):
        ran = await attack(jail, f'place = os.environ["SUREFOOT_RESULTS"]; {made}')
        assert (ran.reason, ran.results) == (Reason.FINISHED, b""), ran
    big = 'open(os.environ["SUREFOOT_RESULTS"], "w").truncate(40 << 20)'
    assert (await attack(jail, big)).results is None


# --- the kernel --------------------------------------------------------------------------------------------------


async def test_settings_of_the_kernel_cannot_be_written(jail: Host) -> None:
    """core_pattern is a way to root on the host for who may write it."""
    names = ["kernel/core_pattern", "kernel/hostname", "net/ipv4/ip_forward", "vm/overcommit_memory", "kernel/modprobe"]
    code = f'say(**{{n: tried(os.open, "/proc/sys/" + n, os.O_WRONLY) for n in {names!r}}})'
    told = facts(await attack(jail, code))
    assert set(told.values()) <= {"EACCES", "EROFS", "ENOENT", "EPERM"}
    assert told["kernel/core_pattern"] in ("EACCES", "EROFS") or has_own_kernel(jail)


async def test_every_call_on_the_list_is_refused(jail: Host) -> None:
    """By number, with empty arguments."""
    column = seccomp.MACHINES[jail.machine].column
    numbers = {name: pair[column] for name, pair in seccomp.DENIED.items()}
    code = f"""
        libc = ctypes.CDLL(None, use_errno=True)
        def call(number):
            answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
            return errno.errorcode[ctypes.get_errno()] if answer == -1 else "ok"
        say(**{{name: call(number) for name, number in {numbers!r}.items()}})
    """
    told = facts(await attack(jail, code))
    assert set(told.values()) <= ({"EPERM", "ENOSYS"} if has_own_kernel(jail) else {"EPERM"}), told
    assert {told[name] for name in ("ptrace", "mount", "unshare", "io_uring_setup", "keyctl")} <= {"EPERM", "ENOSYS"}


async def test_no_new_namespace_can_be_made(jail: Host) -> None:
    """Neither by unshare nor by clone; clone3 is not there, so that threads still start by clone."""
    told = facts(
        await attack(
            jail,
            """
            libc = ctypes.CDLL(None, use_errno=True)
            clone, clone3 = (56, 435) if os.uname().machine == "x86_64" else (220, 435)
            def call(*args):
                answer = libc.syscall(*[ctypes.c_long(a) for a in args])
                return errno.errorcode[ctypes.get_errno()] if answer == -1 else "ok"
            import _thread
            box = []
            _thread.start_new_thread(box.append, (1,))
            while not box: time.sleep(0.01)
            say(user=call(clone, 0x10000000 | 17, 0, 0, 0, 0), net=call(clone, 0x40000000 | 17, 0, 0, 0, 0),
                three=call(clone3, 0, 0), unshare=call(272, 0x10000000), thread=box)
            """,
        )
    )
    assert told == {"user": "EPERM", "net": "EPERM", "three": "ENOSYS", "unshare": "EPERM", "thread": [1]}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the second table of calls is one of x86-64")
async def test_the_second_table_of_calls_kills(jail: Host) -> None:
    """x32 numbers would pass by a filter that knows only the first table."""
    ran = await attack(jail, "say(got=ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39)))")
    if has_own_kernel(jail):
        assert facts(ran) == {"got": -1}  # there is no second table
        return
    assert ran.code in (-signal.SIGSYS, 128 + signal.SIGSYS), ran
    assert "got" not in ran.text


async def test_it_has_no_powers_and_gets_none(jail: Host) -> None:
    """No capability in any set, no root by a set-uid program, no better place in the queue, no shelter from want."""
    told = facts(
        await attack(
            jail,
            """
            status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
            def write(path, text):
                with open(path, "w") as file: file.write(text)
            say(caps=[v.strip() for k, v in status.items() if k.startswith("Cap")],
                nnp=ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), seccomp=status["Seccomp"].strip(), groups=os.getgroups(),
                setuid=tried(os.setuid, 0), nice=tried(os.nice, -5),
                score=tried(write, "/proc/self/oom_score_adj", "-900"))
            """,
        )
    )
    assert len(told["caps"]) >= 4 and set(told["caps"]) == {"0" * 16}
    assert (told["nnp"], told["seccomp"]) == (1, "2")
    assert told["groups"] in ([], [1000], [1000, 65534])
    assert told["setuid"] != "ok"
    # gVisor keeps these two as numbers of its own, which nothing on the machine obeys.
    assert "ok" not in (told["nice"], told["score"]) or has_own_kernel(jail)


async def test_the_terminal_cannot_be_typed_into(jail: Host) -> None:
    """TIOCSTI is refused, and there is no terminal."""
    told = facts(
        await attack(
            jail,
            """
            import fcntl
            say(type=tried(fcntl.ioctl, 0, 0x5412, b"x"), upper=tried(fcntl.ioctl, 0, 0x541C, b"x"),
                tty=tried(os.open, "/dev/tty", os.O_RDWR))
            """,
        )
    )
    refused = {"type": "ENOTTY", "upper": "ENOTTY", "tty": "EIO"}
    assert told == (refused if has_own_kernel(jail) else {"type": "EPERM", "upper": "EPERM", "tty": "ENXIO"})


# --- the network -------------------------------------------------------------------------------------------------


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What the host listens on: TCP on loopback, an abstract socket, one in the file system."""
    tcp, abstract, named = (socket.socket(f) for f in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX))
    tcp.bind(("127.0.0.1", 0))
    abstract.bind(f"\0surefoot-test-{os.getpid()}")
    named.bind(str(tmp_path / "s"))
    for one in (tcp, abstract, named):
        one.listen()
    yield {"port": tcp.getsockname()[1], "abstract": f"\0surefoot-test-{os.getpid()}", "named": str(tmp_path / "s")}
    for one in (tcp, abstract, named):
        one.close()


async def test_nothing_outside_can_be_reached(jail: Host, servers: dict[str, Any]) -> None:
    """Not the host's loopback, no unix socket of either sort, no other machine, no name."""
    told = facts(
        await attack(
            jail,
            f"""
            names = [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]]
            assert names == ["lo"], names
            def to(family, address): socket.socket(family).connect(address)
            say(tcp=tried(to, socket.AF_INET, ("127.0.0.1", {servers["port"]})),
                abstract=tried(to, socket.AF_UNIX, {servers["abstract"]!r}),
                named=tried(to, socket.AF_UNIX, {servers["named"]!r}),
                far=tried(to, socket.AF_INET, ("192.0.2.1", 80)),
                name=tried(socket.getaddrinfo, "example.org", 80))
            """,
        )
    )
    assert told.pop("name") != "ok"
    assert told.pop("far") in ("ENETUNREACH", "EHOSTUNREACH")
    assert told == {"tcp": "ECONNREFUSED", "abstract": "ECONNREFUSED", "named": "ENOENT"}


async def test_odd_sockets_are_refused(jail: Host) -> None:
    """A network namespace does not hold VSOCK in; ALG and PACKET reach into the kernel."""
    code = "say(**{str(f): tried(socket.socket, f, kind) for f, kind in ((40, 1), (17, 3), (38, 5), (31, 3))})"
    refused = {"EAFNOSUPPORT", "EPERM"} if has_own_kernel(jail) else {"EAFNOSUPPORT"}
    assert set(facts(await attack(jail, code)).values()) <= refused


async def test_a_server_of_its_own_works(jail: Host) -> None:
    """Test suites start servers on loopback."""
    told = facts(
        await attack(
            jail,
            """
            server = socket.create_server(("127.0.0.1", 0))
            client = socket.create_connection(server.getsockname())
            server.accept()[0].send(b"hello")
            say(heard=client.recv(5).decode())
            """,
        )
    )
    assert told == {"heard": "hello"}


# --- other processes ---------------------------------------------------------------------------------------------


async def test_it_sees_and_hurts_no_process_of_the_host(jail: Host) -> None:
    """It has pids of its own; `kill -9 -1` ends the jail and nothing else."""
    code = f'say(bot=tried(os.kill, {os.getpid()}, 0), pids=[p for p in os.listdir("/proc") if p.isdigit()])'
    told = facts(await attack(jail, code))
    assert told["bot"] == "ESRCH"
    assert len(told["pids"]) <= 4
    ran = await attack(jail, "os.kill(-1, 9)")
    assert ran.reason is Reason.FINISHED and ran.clean


async def test_a_daemon_does_not_outlive_the_run(jail: Host) -> None:
    """A process that made a session of its own and ignores SIGTERM is gone when the call returns."""
    mark = f"daemon-{os.getpid()}"
    ran = await attack(
        jail,
        f"""
        import _signal
        for _ in range(2):
            if os.fork(): os._exit(0)
            os.setsid()
        _signal.signal(15, 1)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)", "{mark}"])
        """,
    )
    assert ran.clean
    assert alive(mark) == []


async def test_a_hang_is_ended_with_all_its_daemons(jail: Host) -> None:
    """The time is over: nothing is left, and what it said until then is there."""
    mark = f"hang-{os.getpid()}"
    code = f"""
        for _ in range(4):
            if os.fork() == 0:
                os.setsid()
                while True: pass
        say(mark="{mark}")
        time.sleep(600)
    """
    ran = await attack(jail, code, replace(SMALL, seconds=1.5))
    assert (ran.reason, ran.code, ran.clean) == (Reason.TIMEOUT, None, True)
    assert facts(ran)["mark"] == mark
    assert alive(mark) == []


async def test_a_fork_bomb_meets_its_bound(jail: Host) -> None:
    """EAGAIN near the bound of tasks; the machine goes on. gVisor's own kernel may fall before the bomb is told so."""
    ran = await attack(
        jail,
        """
        made = 0
        while made < 1000:
            try:
                if os.fork() == 0: time.sleep(60); os._exit(0)
            except OSError as problem:
                say(made=made, why=errno.errorcode[problem.errno])
                break
            made += 1
        """,
    )
    assert ran.clean, ran
    if jail.isolation is Isolation.GVISOR and "FACTS" not in ran.text:
        assert ran.code != 0, ran
        return
    told = facts(ran)
    assert told["why"] == "EAGAIN"
    assert 32 <= told["made"] <= SMALL.pids + 16


async def test_a_bot_that_is_killed_leaves_nothing(jail: Host) -> None:
    """kill -9 on the bot: the jail goes with it, and so do its cgroups."""
    mark = f"orphan-{os.getpid()}-{jail.isolation}"
    code = f"""
import asyncio, sys
from dataclasses import replace
from bot.core.model import Isolation
from bot.lab import probe, sandbox
from bot.lab.jobs import Job, Limits
async def main():
    host = await probe.probe(gvisor={has_own_kernel(jail)})
    host = host if {bool(jail.groups)} else replace(host, groups={{}}, isolation=Isolation.PLAIN)
    print("ready", flush=True)
    await sandbox.run(Job(command=("sh", "-c", "sleep 600; : {mark}"), limits=Limits(seconds=600)), host)
asyncio.run(main())
"""
    bot = subprocess.Popen([sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE)
    assert bot.stdout and bot.stdout.readline() == b"ready\n"
    # gVisor's processes do not show the command that they run; nobody else's carry this mark.
    mark = f"--bundle={gvisor.BUNDLE}" if has_own_kernel(jail) else mark
    await until(lambda: len([pid for pid in alive(mark) if pid != bot.pid]) >= 2)
    bot.kill()
    bot.wait()
    await until(lambda: alive(mark) == [])
    await until(lambda: not held_groups(jail))


async def until(true: Any) -> None:
    """Wait for it, 20 s at most."""
    for _ in range(400):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come true within 20 s")


def held_groups(host: Host) -> list[str]:
    """Cgroups of runs that are there now and have nobody to hold them."""
    found = [str(path) for parent in host.groups for path in Path(parent).glob("surefoot-*")]
    return [path for path in found if not Path(path, "cgroup.procs").read_text().split()] if found else []


# --- memory, disk, output ----------------------------------------------------------------------------------------


async def test_one_process_cannot_take_more_memory(jail: Host) -> None:
    """Under a cgroup it is ended and the reason is said; without one its own bound stops it."""
    ran = await attack(jail, "held = [bytearray(64 << 20) for _ in range(24)]; say(got=len(held))")
    assert "FACTS" not in ran.text
    if jail.groups:
        assert ran.reason is Reason.MEMORY
    else:
        assert "MemoryError" in ran.text


@pytest.mark.parametrize("grade", ["best", "guarded"])
async def test_many_processes_and_nameless_files_are_bounded_together(
    grade: str, request: pytest.FixtureRequest
) -> None:
    """What a bound per process does not see: several processes, memfd, tmpfs. Only a cgroup does."""
    several = """
        for _ in range(5):
            if os.fork() == 0:
                held = bytearray(b"x") * (100 << 20)
                time.sleep(20)
        time.sleep(20)
    """
    nameless = """
        held = [os.memfd_create("x") for _ in range(8)]
        for fd in held: os.write(fd, b"x" * (64 << 20))
        say(lived=True)
    """
    host = need_full(request.getfixturevalue(grade))
    assert (await attack(host, several)).reason is Reason.MEMORY
    assert (await attack(host, nameless)).reason is Reason.MEMORY


async def test_disks_are_small_and_the_rest_is_read_only(jail: Host, tmp_path: Path) -> None:
    """Each writable place is full at its size; programs, the source and the root cannot be written."""
    (tmp_path / "file").write_text("x")
    ran = await attack(
        jail,
        """
        def fill(folder):
            for number in range(1000):
                with open(f"{folder}/fill-{number}", "wb", buffering=0) as file:
                    if file.write(bytes(1 << 20)) < 1 << 20: raise OSError(errno.ENOSPC, "short")
        places = ["/usr/x", "/x", "/etc/x", "/dev/x", "/src/x", "/bin/x"]
        say(work=tried(fill, "."), shm=tried(fill, "/dev/shm"), exe=tried(open, sys.executable, "w"),
            **{place: tried(open, place, "w") for place in places})
        """,
        replace(SMALL, memory_mib=1024),
        tree=tmp_path,
    )
    told = facts(ran)
    assert (told.pop("work"), told.pop("shm")) == ("ENOSPC", "ENOSPC")
    assert set(told.values()) <= {"EROFS", "EACCES", "EPERM", "ETXTBSY"}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


async def test_a_flood_of_output_is_cut(jail: Host) -> None:
    """A mebibyte is kept, its head and its tail; at 64 the run is ended."""
    ran = await attack(jail, 'print("first")\nwhile True: os.write(1, b"y" * 65536)')
    assert ran.reason is Reason.OUTPUT
    assert len(ran.output) < 1.1 * (1 << 20)
    assert b"bytes not kept" in ran.output


async def test_descriptors_are_bounded_and_none_is_inherited(jail: Host) -> None:
    """Three are open at start; EMFILE comes before 1024."""
    told = facts(
        await attack(
            jail,
            """
            start = sorted(int(n) for n in os.listdir("/proc/self/fd"))
            made = 0
            try:
                while True: os.dup(0); made += 1
            except OSError as problem:
                say(made=made, why=errno.errorcode[problem.errno], start=start[:-1])
            """,
        )
    )
    assert told["why"] == "EMFILE" and told["made"] <= 1024
    assert told["start"] == [0, 1, 2]


# --- and after ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grade", "rounds"), [("best", 50), ("guarded", 13)])
async def test_many_runs_leave_nothing_behind(grade: str, rounds: int, request: pytest.FixtureRequest) -> None:
    """No process, no zombie, no mount, no cgroup: two hundred in the best grade, fifty with gVisor in it."""
    best: Host = request.getfixturevalue(grade)

    def state() -> tuple[int, int, list[str]]:
        children = Path("/proc/thread-self/children").read_text().split()
        mounts = len(Path("/proc/self/mountinfo").read_text().splitlines())
        return len(children), mounts, held_groups(best)

    before = state()
    for _ in range(rounds):
        job = Job(command=("/bin/sh", "-c", "sleep 0 & true"), limits=SMALL)
        runs = await asyncio.gather(*(sandbox.run(job, best) for _ in range(4)))
        assert all(ran.clean and ran.code == 0 for ran in runs), runs
        assert len({ran.slot for ran in runs}) == 4
    await until(lambda: state() == before)  # others on this machine may have a cgroup half made at any moment
    assert zombies() == []


def zombies() -> list[str]:
    """Dead processes of the slots' uids that nobody has buried."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, state = path.read_text().rpartition(")")[0], path.read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state == "Z" and ("bwrap" in name or "runsc" in name or "exe" in name):
            found.append(name)
    return found


ORDINARY = """
import asyncio, os, sys
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.path[:0] = sys.argv[1:]
from bot.lab import probe, sandbox
from bot.lab.jobs import Job, Limits
async def main():
    host = await probe.probe()
    text = "id -u; for i in $(seq 200); do sleep 5 & done 2>&1 | grep -c fork; cat /proc/self/status | grep CapBnd"
    ran = await sandbox.run(Job(command=("sh", "-c", text), limits=Limits(seconds=20, pids=50)), host)
    print(host.isolation, host.root, ran.reason, ran.clean, *ran.text.split())
asyncio.run(main())
"""


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become another user; the tests above ran as an ordinary one"
)
def test_an_ordinary_user_has_the_plain_grade() -> None:
    """Without root and without a cgroup: the same walls, and a bound of tasks that does not count the user's others."""
    python, packages = "/usr/bin/python3", Path(probe.__file__).resolve().parents[2]
    asked = [python, "-c", "import sys; print(sys.version_info >= (3, 11))"]
    if not Path(python).exists() or subprocess.run(asked, capture_output=True, text=True).stdout != "True\n":
        pytest.skip("no Python 3.11 that an ordinary user can reach")
    site = next(path for path in sys.path if path.endswith("site-packages"))
    ran = subprocess.run(
        [python, "-c", ORDINARY, str(packages), site], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    told = ran.stdout.split()
    assert told[:5] == ["plain", "False", "finished", "True", "1000"], ran
    assert told[-1] == "0" * 16
