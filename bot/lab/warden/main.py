"""Run one order: start it bound and powerless, watch bounds, end everything it began, bury it, and say how it went.

The order comes on standard input, and standard input stays open: when it closes, whoever asked is gone, and
everything ends. So a killed bot leaves no process and no cgroup behind. The answer goes to standard output. Both are
`marshal`, which costs no import; the two ends are one program.
"""

# pathlib and contextlib would lengthen the start of this process by a half:
# ruff: noqa: PTH123, SIM105

from __future__ import annotations

import fcntl
import marshal
import os
import resource
import select
import sys
import time

from bot.lab.warden import kernel, slots
from bot.lab.warden.groups import Groups

TYPE_CHECKING = False  # typing itself would cost as much as all other imports together
if TYPE_CHECKING:
    from bot.lab.orders import Answer, Order

OUT, RESULTS, STATUS, FIRST_FILE = 1, 3, 4, 10  # the numbers that the child finds its pipes and files at
_HIGH = 100  # our own copies lie above all of those
_TAIL_SHARE = 0.75  # of what is kept of a long output: a test run says at its end what went wrong
_LOOK, _LOOK_OFTEN = 250.0, 20.0  # milliseconds between two looks at what no descriptor tells
_BURIAL = 5.0  # seconds until we give up on what cannot be killed, and say so


class Stream:
    """The reading end of a pipe from the child: keeps the head and the tail of what comes, and counts it all."""

    def __init__(self, keep: int, *, tail: bool) -> None:
        self.fd, writing = os.pipe2(os.O_CLOEXEC)
        self.writing: int | None = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(writing)
        os.set_blocking(self.fd, False)
        self.last = int(keep * _TAIL_SHARE) if tail else 0
        self.first = keep - self.last
        self.head, self.tail, self.total, self.ended = bytearray(), bytearray(), 0, False

    def close_writing(self) -> None:
        """Let the child's copies be the only ones, so that their end is seen."""
        if self.writing is not None:
            os.close(self.writing)
            self.writing = None

    def drain(self) -> None:
        """Take what is there now, 4 MiB at most: a flood must not keep us from looking at the clock."""
        for _ in range(64):
            if self.ended:
                return
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return
            self.ended = not data
            self.total += len(data)
            room = self.first - len(self.head)
            self.head += data[:room] if room > 0 else b""
            self.tail += data[max(room, 0) :]
            if len(self.tail) > 2 * self.last + (1 << 16):
                del self.tail[: len(self.tail) - self.last]

    def kept(self) -> bytes:
        """What was kept, with a line that says what was not."""
        lost = max(self.total - self.first - self.last, 0)
        tail = bytes(self.tail[max(len(self.tail) - self.last, 0) :]) if self.last else b""
        mark = b"\n[... %d bytes not kept ...]\n" % lost if lost else b""
        return bytes(self.head) + mark + tail


class Run:
    """One order under way."""

    def __init__(self, order: Order, lifeline: int = 0) -> None:
        self.order = order
        self.lifeline = lifeline  # when it can be read it has closed: whoever asked is gone
        self.slot, self.lock = slots.take(slots.folder(order["slots"]), os.getpid() % slots.SLOTS)
        self.groups = Groups(order["groups"], self.slot)
        self.out = Stream(order["keep_output"], tail=True)
        self.results = Stream(order["keep_results"] + 2, tail=False)
        self.status = Stream(4096, tail=False)
        self.streams = (self.out, self.results, self.status)
        self.began = time.monotonic()
        self.child = 0
        self.code: int | None = None

    def start(self) -> None:
        """Fork, and exec in the child. Groups and folders are made before, so that a failure has words."""
        if self.groups.folders:
            bounds = self.order["bounds"]
            self.groups.make(memory=bounds["memory"], pids=bounds["pids"], cpus=bounds["cpus"])
        parent = os.getpid()
        self.began = time.monotonic()
        self.child = os.fork()
        if self.child == 0:
            try:
                self._become_child(parent)
            except BaseException as problem:
                os.write(2, f"surefoot: cannot start the run: {problem}\n".encode())
            os._exit(127)
        for stream in self.streams:
            stream.close_writing()

    def _become_child(self, parent: int) -> None:
        order = self.order
        self._lay_out()
        self.groups.join()
        if order["stage"]:
            kernel.stage(order["stage"], order["sources"])
        for name, value in order["limits"]:
            hard = resource.getrlimit(name)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (value, value))
        if order["drop_uid"]:
            kernel.become(slots.FIRST_UID + self.slot)
        else:
            kernel.drop_rest()
        kernel.die_with_parent(parent)
        kernel.ordinary_signals()
        os.chdir(order["cwd"])
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - a list, never a shell line

    def _lay_out(self) -> None:
        """Put the pipes and the files at their numbers. All else closes at exec."""
        nowhere = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(nowhere, 0)
        for stream, numbers in ((self.out, (OUT, 2)), (self.results, (RESULTS,)), (self.status, (STATUS,))):
            for number in numbers:
                os.dup2(stream.writing or 0, number)
        _apart(2)
        for place, data in enumerate(self.order["files"]):
            os.dup2(_in_memory(data), FIRST_FILE + place)

    def watch(self) -> str:
        """Until the child ends or a bound is met: finished, timeout, output, memory or abandoned."""
        poll = select.poll()
        for fd in (self.lifeline, self.out.fd, self.results.fd, self.status.fd):
            poll.register(fd, select.POLLIN)
        try:
            poll.register(os.pidfd_open(self.child), select.POLLIN)
            longest = _LOOK
        except OSError:  # a container may forbid pidfd_open; then we look now and then
            longest = _LOOK_OFTEN
        until = self.began + self.order["seconds"]
        while True:
            left = (until - time.monotonic()) * 1000
            if left <= 0:
                return "timeout"
            for fd, _ in poll.poll(min(left, longest)):
                if fd == self.lifeline:
                    return "abandoned"
                self._take(fd, poll)
            if self.out.total > self.order["most_output"]:
                return "output"
            # Version 1 ends one process of many and lets the rest wait for it; version 2 ends all.
            if self.groups.ran_out():
                return "memory"
            if self._reap():
                return "finished"

    def _take(self, fd: int, poll: select.poll) -> None:
        for stream in self.streams:
            if stream.fd == fd:
                stream.drain()
                if stream.ended:
                    poll.unregister(fd)

    def _reap(self) -> bool:
        """Bury every child that has ended. True when the one that we started is among them."""
        while self.code is None:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.child:
                self.code = os.waitstatus_to_exitcode(status)
        return True

    def end_all(self) -> bool:
        """Kill and bury everything that the run began; True when nothing is left.

        The first process of a pid namespace takes all others with it. Orphans come to us, as we adopt them, and
        they are our children then.
        """
        until = time.monotonic() + _BURIAL
        while time.monotonic() < until:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == self.child:
                self.code = os.waitstatus_to_exitcode(status)
            if pid == 0:
                self._kill()
                for stream in self.streams:
                    stream.drain()
                time.sleep(0.001)
        return False

    def _kill(self) -> None:
        self.groups.kill()
        inner = self.inner()
        try:
            with open("/proc/thread-self/children") as file:
                children = [int(word) for word in file.read().split()]
        except OSError:  # a kernel may be built without this file
            children = [self.child]
        if self.child in children and inner is not None:
            children.append(inner)
        for pid in children:
            try:
                os.kill(pid, kernel.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def inner(self) -> int | None:
        """The pid of the first process in the jail, from bwrap's own report."""
        _, found, rest = self.status.kept().partition(b'"child-pid":')
        digits = rest.replace(b"}", b" ").replace(b",", b" ").split()
        return int(digits[0]) if found and digits and digits[0].isdigit() else None

    def answer(self, reason: str, clean: bool) -> Answer:
        """What the asking side reads; see `bot.lab.sandbox.Ran`."""
        seconds = time.monotonic() - self.began
        for stream in self.streams:
            stream.drain()
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        peak, ran_out = self.groups.peak(), self.groups.ran_out()
        clean = self.groups.clear() and clean
        told = self.results.kept()  # a first byte from the script that starts the command, then the results
        cut = self.results.total > self.order["keep_results"] + 1
        return {
            "code": self.code,
            "reason": "memory" if ran_out and reason == "finished" else reason,
            "seconds": seconds,
            "peak": peak if peak is not None else usage.ru_maxrss * 1024,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "output": self.out.kept(),
            "output_total": self.out.total,
            "results": None if cut else told[1:],
            "started": reason != "finished" or told[:1] == b"+",
            "clean": clean,
            "slot": self.slot,
        }


def _apart(fd: int) -> None:
    """The same pipe, opened once more: who makes one of two copies a pipe that does not wait leaves the other as it is.

    gVisor does so with each that it is given, and takes the flags of the next from what it finds there.
    """
    try:
        own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # no /proc here
        return
    os.dup2(own, fd)
    os.close(own)


def _in_memory(data: bytes) -> int:
    """A file without a name that holds data, read from its start."""
    low = os.memfd_create("surefoot", os.MFD_CLOEXEC)
    fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(low)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def read_order(fd: int) -> Order | None:
    """Eight bytes of length, then the order; None when the other side left first."""
    size = _exactly(fd, 8)
    if size is None:
        return None
    data = _exactly(fd, int.from_bytes(size, "little"))
    if data is None:
        return None
    order: Order = marshal.loads(data)  # noqa: S302 - from our own parent, over its pipe
    return order


def _exactly(fd: int, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            return None
        data += more
    return data


def main() -> int:
    """Serve one order from standard input to standard output; 0 when an answer was written."""
    order = read_order(0)
    if order is None:
        return 1
    kernel.adopt_orphans()
    run = Run(order)
    try:
        run.start()
        reason = run.watch()
    except OSError as problem:
        reason = f"error: {problem}"
    clean = run.end_all()
    answer = marshal.dumps(dict(run.answer(reason, clean)))
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:
        out.write(answer)
    return 0
