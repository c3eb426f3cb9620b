"""How a job becomes an order: the whole recipe of the jail, outermost first, in one place to be read and judged."""

from __future__ import annotations

import contextlib
import math
import resource
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bot.core.model import Isolation
from bot.lab import gvisor, seccomp
from bot.lab.gvisor import Disk, Guest
from bot.lab.host import Bwrap, Host, Runsc
from bot.lab.jobs import MIB, Job
from bot.lab.orders import Order

HOME = "/home/sim"
WORK = f"{HOME}/tree"
RESULTS = "/results/results"
_SOURCE = "/src"
_OVER = "/over"
_USER = 1000
_PATH = "/usr/local/bin:/usr/bin:/bin"
_SPARE_TASKS = 8  # bwrap's own processes and the shell around the command
_MOST_RESULTS = 64 * MIB

# Copies the tree, says by one byte that the command starts, runs it, hands over its results. The command does not get
# descriptor 3, so that first byte is ours; all that follows is a claim of the code under test.
_SCRIPT = """
if [ -n "$4" ]; then
  # The option for tasks is -u in bash, -p in dash and busybox; bash has another meaning for -p.
  if (ulimit -u "$4") 2>/dev/null; then ulimit -u "$4"; else ulimit -p "$4" || exit 125; fi
fi
[ -d "$2" ] || mkdir -p "$2" || exit 125
if [ -n "$1" ]; then cp -a "$1/." "$2" || { echo "surefoot: the tree could not be copied into the jail"; exit 125; }; fi
cd "$2" || exit 125
if [ -n "$5" ]; then cp -a "$5/." "$2" 2>/dev/null; fi
results=$3
shift 5
printf + >&3
"$@" 3>&- 4>&-
code=$?
[ -f "$results" ] && cat "$results" >&3
exit $code
"""

# gVisor hands over three descriptors only, so the pipe for results comes as the first of them, in the place of input.
# The third leads where the second does, and is a copy of it as in any jail.
_ENTER = 'exec "$@" 0>&3 3>&- 4>&-'
_INSIDE = "exec 3>&0 </dev/null 2>&1\n"

_ETC = ("ld.so.cache", "alternatives", "localtime", "mime.types", "ssl/openssl.cnf", "ssl/certs", "pki/tls/certs")
_ETC_MADE = {
    "passwd": b"root:x:0:0::/root:/bin/sh\nsim:x:1000:1000::/home/sim:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    "group": b"root:x:0:\nsim:x:1000:\nnogroup:x:65534:\n",
    "hosts": b"127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}


@contextlib.contextmanager
def laid_out(job: Job, host: Host) -> Iterator[Order]:
    """The order for this job on this host; what had to be made on disk for it goes away with the context."""
    if host.isolation is not Isolation.UNJAILED:
        yield jailed(job, host)
        return
    with tempfile.TemporaryDirectory(prefix="surefoot-unjailed-", ignore_cleanup_errors=True) as folder:
        yield unjailed(job, host, Path(folder))


def jailed(job: Job, host: Host) -> Order:
    """The full recipe. KeyError when there is no seccomp table for this machine."""
    assert host.bwrap is not None
    job = replace(job, placed={**job.placed, _OVER: job.over}) if job.over else job
    sources, placed = _sources(job, host)
    if host.runsc is None:
        ulimit = "" if host.root else str(job.limits.pids + _SPARE_TASKS)
        command, more = _started(job, _SCRIPT, ulimit), []
    else:
        command, more = _entered(job, host, host.runsc), [gvisor.config(_guest(job, host))]
    order = _common(job, host)
    order["argv"] = [placed.get(host.bwrap.path, host.bwrap.path), "--args", "10", "--", *command]
    told = b"\0".join(word.encode() for word in _arguments(job, host, placed)) + b"\0"
    order["files"] = [told, seccomp.program(host.machine, keeper=bool(more)), *_ETC_MADE.values(), *more]
    order["stage"] = host.stage if sources else ""
    order["sources"] = sources
    return order


def _started(job: Job, script: str, ulimit: str) -> list[str]:
    places = (_SOURCE if job.tree else "", WORK, RESULTS, ulimit, _OVER if job.over else "")
    return ["/bin/sh", "-c", script, "sh", *places, *job.command]


def _entered(job: Job, host: Host, runsc: Runsc) -> list[str]:
    """The jail's own command is gVisor; the script above is the first thing that its kernel runs."""
    return ["/bin/sh", "-c", _ENTER, "sh", *gvisor.words(runsc.path, runsc.platform, runsc.known, outward=job.outward)]


def _guest(job: Job, host: Host) -> Guest:
    shown = [str(folder) for folder in _outside_usr(job.visible)]
    disks = _disks(job)
    covered = [path for path in shown if any(Path(path).is_relative_to(disk.path) for disk in disks)]
    return Guest(
        argv=_started(job, _INSIDE + _SCRIPT, ""), env=_environment(job, home=HOME, results=RESULTS, work=WORK),
        user=_USER, machine=host.machine, disks=[*disks, *_above(job)], shown=[*covered, *job.placed],
        limits=[*_rlimits(job, host), *([] if host.root else [_tasks(job)])],
    )  # fmt: skip


def _above(job: Job) -> list[Disk]:
    """Folders of the home that something is placed in: gVisor makes them its own, unless they are the user's disks.

    The cgroup bounds all of them together.
    """
    home = Path(HOME)
    above = {way for path in job.placed for way in Path(path).parents if way != home and way.is_relative_to(home)}
    return [Disk(path=str(path), mib=job.limits.disk_mib) for path in sorted(above)]


def unjailed(job: Job, host: Host, folder: Path) -> Order:
    """The same command in a folder of its own with rlimits and an empty environment, and nothing else around it."""
    work, results = folder / "work", folder / "results"
    work.mkdir()
    tree = str(job.tree) if job.tree else ""
    order = _common(job, host)
    order["argv"] = ["/bin/sh", "-c", _SCRIPT, "sh", tree, str(work), str(results), "", "", *job.command]
    order["env"] = _environment(job, home=str(folder), results=str(results), work=str(work))
    return order


def _common(job: Job, host: Host) -> Order:
    limits, bounds = job.limits, _rlimits(job, host)
    memory, tasks = limits.memory_mib * MIB, limits.pids + _SPARE_TASKS
    if host.runsc:
        memory, tasks = memory + gvisor.MEMORY_MIB * MIB, gvisor.tasks(tasks)
        bounds = gvisor.around(bounds, memory=memory, tasks=tasks)
    return Order(
        argv=[], env={}, cwd="/", files=[], limits=bounds, groups=dict(host.groups),
        bounds={"memory": memory, "pids": tasks, "cpus": limits.cpus},
        stage="", sources=[], drop_uid=host.root, seconds=limits.seconds, slots=host.slots,
        keep_output=limits.keep_output, most_output=limits.most_output, keep_results=limits.keep_results,
    )  # fmt: skip


def _rlimits(job: Job, host: Host) -> list[tuple[int, int]]:
    """Per process, so never the only bound where a cgroup can be had.

    Address space: what a program reserves is more than what it uses, so under a cgroup the bound is four times as wide.
    """
    limits = job.limits
    memory = limits.memory_mib * MIB
    wide = max(4 * memory, 4096 * MIB)
    found = [
        # What is reserved and cannot be written is no data.
        (resource.RLIMIT_DATA if job.roomy else resource.RLIMIT_AS, wide if host.groups else memory),
        (resource.RLIMIT_FSIZE, limits.disk_mib * MIB),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, math.ceil(limits.seconds * max(limits.cpus, 1)) + 5),
        (resource.RLIMIT_MEMLOCK, 65536),
        (resource.RLIMIT_MSGQUEUE, 65536),
        (resource.RLIMIT_SIGPENDING, 256),
    ]
    # Counted per uid. Root takes a uid that nobody else has; an ordinary user shares one with all that he runs, so
    # there the bound is set inside, where the kernel (5.14 and later) counts per user namespace.
    return [*found, _tasks(job)] if host.root else found


def _tasks(job: Job) -> tuple[int, int]:
    return resource.RLIMIT_NPROC, job.limits.pids + _SPARE_TASKS


def _sources(job: Job, host: Host) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """What must be staged as (source, name below the stage), and real path -> path at which bwrap will find it."""
    shown = (*job.visible, *job.placed.values(), *_of_runsc(host))
    wanted = [*_outside_usr(shown), *([job.tree] if job.tree else [])]
    if not (host.root and host.stage):
        return [], {str(path): str(path) for path in wanted}
    sources = [(str(path), str(place)) for place, path in enumerate(wanted)]
    placed = {source: f"{host.stage}/{name}" for source, name in sources}
    assert host.bwrap is not None
    for folder in host.bwrap.folders:
        sources.append((str(folder), f"bwrap/{folder.name}"))
        if Path(host.bwrap.path).is_relative_to(folder):
            inside = Path(host.bwrap.path).relative_to(folder)
            placed[host.bwrap.path] = f"{host.stage}/bwrap/{folder.name}/{inside}"
    return sources, placed


def _outside_usr(folders: tuple[Path, ...]) -> list[Path]:
    """All of /usr is visible already."""
    return [folder for folder in dict.fromkeys(folders) if not folder.is_relative_to("/usr")]


def _of_runsc(host: Host) -> tuple[Path, ...]:
    return (host.runsc.folder,) if host.runsc and host.runsc.folder else ()


def _disks(job: Job) -> list[Disk]:
    """What can be written, all of it in memory."""
    results = max(job.limits.keep_results // MIB * 2, 1)
    return [
        Disk(path="/dev/shm", mib=64, mode="1777"),  # noqa: S108 - inside
        Disk(path="/tmp", mib=256, mode="1777"),  # noqa: S108 - inside
        Disk(path=HOME, mib=job.limits.disk_mib),
        Disk(path="/results", mib=results),
    ]


def _arguments(job: Job, host: Host, placed: Mapping[str, str]) -> list[str]:
    """What bwrap reads from descriptor 10, where no /proc/*/cmdline shows it. Later mounts cover earlier ones."""
    assert host.bwrap is not None
    words = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += _powers(host, host.bwrap)
    words += ["--hostname", "sandbox", "--clearenv", "--json-status-fd", "4", "--seccomp", "11", *_system()]
    words += ["--proc", "/proc", "--dev", "/dev"]
    shm, *others = _disks(job)
    words += [*_sized(shm), "--remount-ro", "/dev"]
    words += [word for disk in others for word in _sized(disk)] + ["--dir", WORK]
    if host.runsc:
        words += [*_sized(Disk(path="/run", mib=1)), "--dir", gvisor.BUNDLE, "--ro-bind-data"]
        words += [str(12 + len(_ETC_MADE)), f"{gvisor.BUNDLE}/config.json"]
        words += _ways(_outside_usr(job.visible))
    for folder in _outside_usr((*job.visible, *_of_runsc(host))):
        words += ["--ro-bind", placed[str(folder)], str(folder)]
    for inside, folder in job.placed.items():
        words += ["--ro-bind", placed.get(str(folder), str(folder)), inside]
    if job.tree:
        words += ["--ro-bind", placed[str(job.tree)], _SOURCE]
    words += ["--remount-ro", "/", "--chdir", WORK]
    # What the command finds in its environment is nothing that gVisor itself may obey.
    found = {"PATH": _PATH} if host.runsc else _environment(job, home=HOME, results=RESULTS, work=WORK)
    return [*words, *(word for name, value in found.items() for word in ("--setenv", name, value))]


def _powers(host: Host, bwrap: Bwrap) -> list[str]:
    """None at all for a command. gVisor gets those by which it locks itself in, within the jail's user namespace."""
    if host.runsc:
        return ["--uid", "0", "--gid", "0", *(word for name in gvisor.POWERS for word in ("--cap-add", f"CAP_{name}"))]
    nested = ["--disable-userns"] if "--disable-userns" in bwrap.options else []
    return [*nested, "--uid", str(_USER), "--gid", str(_USER)]


def _sized(disk: Disk) -> list[str]:
    return ["--size", str(disk.mib * MIB), "--perms", disk.mode, "--tmpfs", disk.path]


def _ways(folders: list[Path]) -> list[str]:
    """What leads to them: bwrap makes it for the jail's first user alone, and gVisor's user is another one there."""
    above = dict.fromkeys(parent for folder in folders for parent in reversed(folder.parents[:-1]))
    return [word for parent in above for word in ("--perms", "0755", "--dir", str(parent))]


def _system() -> list[str]:
    """The programs and libraries of the machine, and of its settings only what is public and harmless."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/") / name
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():  # a distribution that keeps them apart from /usr
            words += ["--ro-bind", str(path), str(path)]
    for store in ("/nix/store", "/gnu/store"):  # there, /usr holds next to nothing
        words += ["--ro-bind-try", store, store] if Path(store).is_dir() else []
    words += ["--dir", "/etc", *_ways([Path("/etc") / name for name in _ETC if Path("/etc", name).exists()])]
    for name in _ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for place, name in enumerate(_ETC_MADE):
        words += ["--perms", "0444", "--ro-bind-data", str(12 + place), f"/etc/{name}"]
    return words


def _environment(job: Job, *, home: str, results: str, work: str) -> dict[str, str]:
    """All of it; nothing is inherited."""
    return {
        "HOME": home,
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - inside, a tmpfs of the jail's own
        "SUREFOOT_RESULTS": results,
        "SUREFOOT_WORK": work,
        **{name: _placed(value, work, results) for name, value in job.env.items()},
    }


def _placed(value: str, work: str, results: str) -> str:
    return value.replace("{work}", work).replace("{results}", results)
