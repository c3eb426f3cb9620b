"""Runs in the jail: imports what is named, and notes what that tries to reach: network, processes, files elsewhere.

The plan is the last argument, as JSON: names of distributions. Started by the environment's own interpreter with
`-I -S`, so that the hook is there before any .pth file is obeyed. What it notes are claims: code that looks for the
hook can go around it, and it sees neither environment variables nor what native code does. The jail is the bound.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import re
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_NAMES, MOST_MODULES = 40, 20  # distributions, and modules of each
MOST_DEEDS, MOST_BYTES = 400, 1 << 18  # of one distribution
SECONDS = 10.0  # of one distribution
_DECOYS = {
    ".ssh/id_rsa": "a decoy\n", ".aws/credentials": "[default]\n", ".netrc": "", ".pypirc": "[distutils]\n",
    ".npmrc": "", ".git-credentials": "", ".docker/config.json": "{}\n", ".kube/config": "{}\n", ".env": "",
}  # fmt: skip
_READ_FREELY = (
    "/usr/", "/lib", "/bin/", "/sbin/", "/dev/", "/sys/", "/etc/ld.so", "/etc/localtime", "/etc/mime.types",
    "/etc/ssl/", "/etc/alternatives/", "/etc/pki/", "/proc/self/", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
    "/proc/version", "/proc/sys/", "/proc/mounts", "/proc/filesystems", "/etc/os-release", "/etc/hosts",
    "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/timezone",
)  # fmt: skip
_WRITE_FREELY = ("/tmp/", "/dev/")  # noqa: S108 - the jail has its own
_CHANGES = frozenset(
    ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod", "os.truncate")
)
_STARTS = frozenset(("os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn", "os.startfile"))
_REACHES = frozenset(("socket.connect", "socket.sendto", "socket.bind", "socket.sendmsg"))
_LOOKS_UP = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"))


class Ear:
    """What one process tells of itself. out: a descriptor that its deeds are written to, a line each."""

    def __init__(self, out: int, free: tuple[str, ...]) -> None:
        self._writes = (*_WRITE_FREELY, os.environ.get("SUREFOOT_WORK", "/tmp") + "/")  # noqa: S108 - the jail has its own
        self._out, self._reads = out, (*_READ_FREELY, *self._writes, *free)
        self._told: set[tuple[str, str]] = set()
        self._busy = False

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        """The audit hook. What it does itself raises no deed."""
        if self._busy or len(self._told) > MOST_DEEDS:
            return
        self._busy = True
        try:
            for kind, what in self.deeds(event, given):
                self.tell(kind, what)
        except Exception:  # whatever leaves a hook would be raised in the code that it listens to
            self.tell("odd", event)
        finally:
            self._busy = False

    def tell(self, kind: str, what: str) -> None:
        """Each deed once. Nothing can hide behind a crowd: that there are too many is said."""
        if len(self._told) == MOST_DEEDS and kind not in ("done", "failed"):
            kind, what = "many", ""
        if (kind, what) not in self._told:
            self._told.add((kind, what))
            with contextlib.suppress(OSError):
                os.write(self._out, json.dumps([kind, what[:300]]).encode() + b"\n")

    def deeds(self, event: str, given: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
        """What an audit event means; nothing for the many that every import raises."""
        if event == "open":
            yield from self._opened(*given)
        elif event in ("os.listdir", "os.scandir"):
            yield from self._read("list", given[0] if given[0] is not None else ".")
        elif event in _CHANGES:
            yield from self._written(given[0])
        elif event in _REACHES:
            yield "connect", _address(given[1])
        elif event in _LOOKS_UP:
            yield "lookup", _text(given[0])
        elif event == "subprocess.Popen":
            yield "process", _command(given[1] if given[1] else given[0])
        elif event in _STARTS:
            yield "process", _command(given[1] if event != "os.system" and len(given) > 1 and given[1] else given[0])
        elif event in ("os.fork", "os.forkpty"):
            yield "process", event
        elif event == "ctypes.dlopen" and given[0]:
            yield "native", os.path.basename(_text(given[0]))

    def _opened(self, path: object, mode: object, flags: object = 0) -> Iterator[tuple[str, str]]:
        if isinstance(path, int):
            return
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        yield from self._written(path) if writes else self._read("read", path)

    def _read(self, kind: str, path: object) -> Iterator[tuple[str, str]]:
        if isinstance(path, int):
            return
        place = _place(path)
        if not (place + "/").startswith(self._reads):
            yield kind, _tilde(place)

    def _written(self, path: object) -> Iterator[tuple[str, str]]:
        place = "" if isinstance(path, int) else _place(path)
        if place and not place.startswith(self._writes):
            yield "write", _tilde(place)


def _place(path: object) -> str:
    """An absolute path, without the number of this very process, so that two runs say the same."""
    text = os.path.normpath(os.path.join(os.getcwd(), _text(path)))
    return text.replace(f"/proc/{os.getpid()}", "/proc/self", 1)


def _tilde(place: str) -> str:
    home = os.environ.get("HOME", "/nowhere")
    return "~" + place[len(home) :] if (place + "/").startswith(home + "/") else place


def _text(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) else str(value)


def _address(address: object) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        return f"{_text(address[0])}:{address[1]}"
    return _text(address)


def _command(words: object) -> str:
    """The program without its folder, and its first words."""
    if isinstance(words, list | tuple):
        first, *rest = [_text(word) for word in words[:4]] or [""]
        return " ".join([os.path.basename(first), *rest])
    return _text(words)


def modules(site: str, name: str) -> list[str]:
    """The top modules of a distribution, by its RECORD; of a namespace without a file, what lies one below."""
    infos = [one for one in os.listdir(site) if one.endswith(".dist-info")]
    info = [one for one in infos if re.sub(r"[-_.]+", "-", one[:-10].rpartition("-")[0]).lower() == name]
    if not info:
        return []
    with open(f"{site}/{info[0]}/RECORD", encoding="utf-8", errors="replace") as file:
        paths = [line.split(",")[0].strip('"').split("/") for line in file.readlines(1 << 22)]
    found: set[str] = set()
    for depth in (1, 2):
        found |= {one for path in paths if (one := _module(path, depth))}
        if found:
            break
    return sorted(found)[:MOST_MODULES]


def _module(path: list[str], depth: int) -> str:
    parts = path[:-1] if path[-1] == "__init__.py" else [*path[:-1], path[-1].partition(".")[0]]
    runs = path[-1].endswith((".py", ".so", ".pyd"))
    good = runs and len(parts) == depth and all(part.isidentifier() for part in parts)
    return ".".join(parts) if good and parts[0] not in ("tests", "test", "docs", "examples", "conftest") else ""


def watched(out: int, free: tuple[str, ...], names: list[str]) -> None:
    """In a process of its own: begin as Python does, import these, and say when all was done."""
    ear = Ear(out, free)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    sys.addaudithook(ear)
    site = importlib.import_module("site")
    for begin in (site.main, *(functools.partial(importlib.import_module, name) for name in names)):
        try:
            begin()
        except BaseException as problem:
            ear.tell("failed", f"{getattr(begin, 'args', ('site',))[0]}: {type(problem).__name__}")
    ear.tell("done", "")


def listened(free: tuple[str, ...], names: list[str]) -> list[list[str]]:
    """What importing these tells, in the order in which it happened."""
    hears, tells = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(hears)
            watched(tells, free, names)
        finally:
            os._exit(0)
    os.close(tells)
    try:
        return _heard(pid, hears)
    finally:
        os.close(hears)


def _heard(pid: int, fd: int) -> list[list[str]]:
    """The deeds of a child until it ends, or its time is over. Its own children may outlive it; the jail ends them."""
    data, ends = b"", time.monotonic() + SECONDS
    while len(data) < MOST_BYTES and (left := ends - time.monotonic()) > 0:
        if not select.select([fd], [], [], min(left, 0.2))[0]:
            if _ended(pid):
                break
            continue
        if not (piece := os.read(fd, 1 << 16)):
            break
        data += piece
    if not _ended(pid):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return list(_lines(data))


def _ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _lines(data: bytes) -> Iterator[list[str]]:
    for line in data.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            kind, what = json.loads(line)
            yield [str(kind)[:20], str(what)[:300]]


def lay_out_decoys() -> None:
    """Files that a thief looks for: without them, one that asks first whether they are there would open nothing."""
    for name, text in _DECOYS.items():
        path = Path(os.environ["HOME"], name)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "ascii")


def main() -> None:
    """The deeds of each name, and of the mere start of Python under ""."""
    names = json.loads(sys.argv[-1])["names"][:MOST_NAMES]
    environment = os.path.dirname(os.path.dirname(sys.executable))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    place = f"{environment}/lib/{version}/site-packages"
    free = (f"{environment}/", f"{os.path.realpath(sys.base_prefix)}/", f"{sys.base_prefix}/")
    lay_out_decoys()
    told = {"": listened(free, [])}
    for name in names:
        told[name] = listened(free, modules(place, name))
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps(told), "ascii")


if __name__ == "__main__":
    main()
