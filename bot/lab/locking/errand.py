"""Runs a tool in the jail with the gateway as its only way out, and brings back the files that it made.

The jail is the one that tests run in: no network but a loopback of its own, no home, no environment, nothing of the
machine but programs. What is added is one folder with one socket in it. A bridge inside lets a port of that loopback
lead to the socket, as tools know proxies by host and port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.core.errors import ConfigProblem, Permanent, Transient
from bot.core.model import Isolation
from bot.lab import sandbox, trees
from bot.lab.host import Host
from bot.lab.jobs import MIB, Job, Limits, Ran, Reason
from bot.lab.locking.allowed import Place
from bot.lab.locking.gateway import Desk, Gateway, opened
from bot.tools.cache import Cache
from bot.tools.http import Http, Reach

PORT = 3128
PROJECT = "project"  # the folder of the repository's files, below the working folder
AUTHORITY, PLAN = "authority.pem", "plan.json"
STORE = "authority.p12"  # the same for Java, where an errand asks for it
_BRIDGE = Path(__file__).parents[1] / "inside" / "surefoot_bridge.py"
_MOST_INPUT = 64 * MIB
_PROXY = f"http://127.0.0.1:{PORT}"
_MENDS = {
    Reason.MEMORY: "it needs more memory than simulate.memory_mib gives",
    Reason.OUTPUT: "it says too much",
    Reason.BROKEN: "the jail could not be set up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where and with what errands are run. http: the operator's client; reach, cache: what that was made with.

    seconds, memory_mib: the bounds of one errand.
    """

    host: Host
    http: Http
    reach: Reach
    cache: Cache | None = None
    seconds: float = 300.0
    memory_mib: int = 1024

    def gateway(
        self, places: Sequence[Place], desk: Desk | None = None
    ) -> contextlib.AbstractAsyncContextManager[Gateway]:
        """A way out to these places. desk: who makes or refuses some of what is asked for there."""
        return opened(places, self.http, self.reach, self.cache, desk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command. files: written before it, by their paths in the repository; folder: where it runs."""

    command: tuple[str, ...]
    folder: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What to do inside. files: those of the repository, path -> text; settings: files beside it, for the tool alone.

    wanted: paths to bring back. env: on top of what names the proxy and the authority; "{work}" stands for the folder
    that holds settings. visible, placed, roomy: as in `bot.lab.jobs.Job`. data: more files, which need be no text.
    any_tool: it is not known what tool it is, so the authority is there as Java reads it, too.
    """

    steps: Sequence[Step]
    wanted: Sequence[str]
    files: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    visible: tuple[Path, ...] = ()
    roomy: bool = False
    data: Mapping[str, bytes] = field(default_factory=dict)
    placed: Mapping[str, Path] = field(default_factory=dict)
    any_tool: bool = False

    def with_steps(self, *steps: Step) -> Errand:
        """The same for other commands."""
        return replace(self, steps=steps)

    def with_files(self, files: Mapping[str, str]) -> Errand:
        """The same for other files of the repository."""
        return replace(self, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """How it went. code: of the first step that failed, else 0; said: the output; files: those wanted and made."""

    code: int
    said: str
    files: Mapping[str, str]


async def run(errand: Errand, gateway: Gateway, room: Room) -> Brought:
    """Do it. Permanent where this machine has no jail: a tool that reads hostile files is never run without one.

    Transient when it did not end in time; ConfigProblem for paths that lead out of the repository.
    """
    host = room.host
    if host.isolation not in (Isolation.GVISOR, Isolation.FULL, Isolation.PLAIN):
        raise Permanent(f"a lock file is made in a jail only, and here is none: {host.reason}. {host.mend}")
    with tempfile.TemporaryDirectory(prefix="surefoot-lock-") as name:
        await asyncio.to_thread(_lay_out, Path(name), errand, gateway)
        with trees.offered(Path(name), host) as tree:
            ran = await sandbox.run(_job(errand, gateway, tree, room), host)
    return _brought(ran, room.seconds)


async def through(errand: Errand, places: Sequence[Place], room: Room, desk: Desk | None = None) -> Brought:
    """Do it with a gateway of its own. As `run`; what the tool could not have says more than its complaint."""
    async with room.gateway(places, desk) as way:
        brought = await run(errand, way, room)
        way.check()
    return brought


def _lay_out(folder: Path, errand: Errand, gateway: Gateway) -> None:
    plan = {
        "socket": str(gateway.socket),
        "port": PORT,
        "steps": [
            {
                "command": step.command,
                "folder": str(Path(PROJECT) / inside(step.folder)),
                "files": _placed(step.files),
            }
            for step in errand.steps
        ],
        "wanted": [f"{PROJECT}/{inside(path)}" for path in errand.wanted],
    }
    files: dict[str, str | bytes] = {**errand.settings, **_placed(errand.files)}
    files |= {AUTHORITY: gateway.authority.pem, PLAN: json.dumps(plan)}
    files |= {f"{PROJECT}/{inside(path)}": data for path, data in errand.data.items()}
    files |= {STORE: gateway.authority.store} if errand.any_tool else {}
    if sum(len(data) for data in files.values()) > _MOST_INPUT:
        raise ConfigProblem(f"the lock and its manifests are greater than {_MOST_INPUT // MIB} MiB")
    (folder / PROJECT).mkdir()
    for path, data in files.items():
        place = folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
        except (OSError, ValueError) as problem:
            raise ConfigProblem(f"cannot be laid out: {problem}", where=path) from problem


def _placed(files: Mapping[str, str]) -> dict[str, str]:
    return {f"{PROJECT}/{inside(path)}": text for path, text in files.items()}


def inside(path: str) -> str:
    """A path of the repository that leads nowhere else; ConfigProblem otherwise."""
    parts = path.split("/") if path else []
    if len(path) > 4096 or "\0" in path or any(part in ("", ".", "..", ".git") for part in parts):
        raise ConfigProblem("is no path inside of a repository", where=repr(path[:200]))
    return path


def _job(errand: Errand, gateway: Gateway, tree: Path, room: Room) -> Job:
    python = os.path.realpath(sys.executable)
    seen = (*errand.visible, Path(os.path.realpath(sys.base_prefix)), gateway.socket.parent)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _PROXY)
    return Job(
        command=(python, "-I", "-S", "-c", _BRIDGE.read_text(), PLAN),
        tree=tree,
        visible=tuple(dict.fromkeys(seen)),
        placed=errand.placed,
        roomy=errand.roomy,
        outward=True,
        env={**proxies, "SSL_CERT_FILE": f"{{work}}/{AUTHORITY}", "NO_COLOR": "1", **errand.env},
        limits=Limits(seconds=room.seconds, memory_mib=room.memory_mib, disk_mib=1024),
    )


def _brought(ran: Ran, seconds: float) -> Brought:
    if ran.reason is Reason.TIMEOUT:
        raise Transient(f"the lock was not made in {seconds:.0f} s")
    if ran.reason is not Reason.FINISHED:
        raise Permanent(f"the lock could not be made: {_MENDS[ran.reason]} ({ran.text[-300:].strip()})")
    if ran.code != 0:
        return Brought(code=ran.code or 1, said=ran.text, files={})
    if not ran.results:
        raise Permanent("the lock could not be made: nothing came back, or more than is taken")
    made: dict[str, str] = json.loads(ran.results)
    start = len(PROJECT) + 1
    return Brought(code=0, said=ran.text, files={path[start:]: text for path, text in made.items()})
