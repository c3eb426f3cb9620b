"""Production: replicas of each release as real processes, each with the library that its own commit pins.

A release is put up, found healthy, and only then given traffic; one that is no longer named answers what it was asked
and is then taken down. When something fails on the way, the traffic stays where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uv

from bot.demo import leash, wire
from bot.demo.box import tars
from bot.demo.proxy import Proxy

START_SECONDS = 20.0


class NotDeployed(Exception):
    """A release could not be put up; the message says what was tried and what it said."""


@dataclass(slots=True, kw_only=True)
class Replica:
    """One running process of the service."""

    process: asyncio.subprocess.Process
    port: int


@dataclass(slots=True, kw_only=True)
class Fleet:
    """All releases of one service. folder: for their trees, libraries and logs; index: where libraries come from."""

    proxy: Proxy
    folder: Path
    index: str
    size: int = 2
    up: dict[str, list[Replica]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def knows(self, release: str) -> bool:
        """Whether its tree was handed over."""
        return self._tree(release).is_dir()

    async def take(self, release: str, tar: bytes) -> None:
        """Keep the tree of a release. NotDeployed when this is no tar or tries to leave its folder."""
        await asyncio.to_thread(self._unpack, release, tar)

    async def deploy(self, release: str, *, stable: str, weight: int) -> None:
        """Give `release` its weight in per cent and `stable` the rest, once both are up and healthy.

        Weight 0 installs it without traffic; at 100 the stable one stays up, so that the way back is short. All others
        are taken down. Returns when it is so. NotDeployed, with the traffic where it was, when one cannot be put up.
        """
        weights = {stable: 100 - weight, release: weight if release != stable else 100}
        async with self._lock:
            for name in weights:
                if weights[name] or name == release:
                    await self._put_up(name)
            self.proxy.shift(weights)
            for name in [name for name in self.up if name not in weights]:
                await self._take_down(name)

    async def close(self) -> None:
        """Take everything down at once."""
        for release in list(self.up):
            await _stop(self.up.pop(release))

    async def _put_up(self, release: str) -> None:
        if release in self.up:
            return
        if not self.knows(release):
            raise NotDeployed(f"no tree of release {release} here; PUT /releases/{release} with a tar of it first")
        library = await self._library(self._tree(release) / "requirements.txt")
        replicas: list[Replica] = []
        try:
            for _ in range(self.size):
                replicas.append(await self._start(release, library))
        except BaseException:
            await _stop(replicas)
            raise
        self.up[release] = replicas
        self.proxy.attach(release, [wire.Pool(host="127.0.0.1", port=replica.port) for replica in replicas])

    async def _take_down(self, release: str) -> None:
        await self.proxy.drained(release)
        self.proxy.attach(release, [])
        await _stop(self.up.pop(release))

    async def _start(self, release: str, library: Path) -> Replica:
        """One replica that has said its port and answers its health page."""
        env = {"PORT": "0", "PYTHONPATH": str(library), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        with (self.folder / f"{release}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                leash.__file__,
                "app.py",
                cwd=self._tree(release),
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                return await _healthy(process)
        except (OSError, TimeoutError, ValueError) as error:
            await _end(process)
            said = (self.folder / f"{release}.log").read_text(errors="replace").strip().splitlines()
            raise NotDeployed(f"release {release} did not start: {said[-1] if said else error}") from error

    async def _library(self, requirements: Path) -> Path:
        """A folder with what these requirements pin; the same requirements share one."""
        library = self._place(requirements)
        if library.is_dir():
            return library
        fresh = library.with_suffix(".new")
        where = ("--python", sys.executable, "--target", str(fresh), "--default-index", self.index)
        await _run(
            [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-build", *where, "-r", requirements],
            env={"PATH": os.environ["PATH"], "UV_CACHE_DIR": str(self.folder / "cache"), "UV_NO_PROGRESS": "1"},
        )
        fresh.rename(library)
        return library

    def pins(self, release: str) -> str:
        """What a release's requirements say, in one line; empty for one that is not known here."""
        path = self._tree(release) / "requirements.txt"
        return " ".join(path.read_text().split()) if path.is_file() else ""

    def _place(self, requirements: Path) -> Path:
        return self.folder / "libraries" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]

    def _tree(self, release: str) -> Path:
        return self.folder / "trees" / release

    def _unpack(self, release: str, tar: bytes) -> None:
        if not release.isalnum():
            raise NotDeployed(f"{release!r} is no commit")
        try:
            with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
                tars.unpack(archive, self._tree(release))
        except tarfile.TarError as error:
            raise NotDeployed(f"cannot unpack the tree of {release}: {error}") from error


async def _healthy(process: asyncio.subprocess.Process) -> Replica:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.startswith(b"listening on "):
        raise ValueError("it ended before it listened")
    port = int(line.split()[-1])
    pool = wire.Pool(host="127.0.0.1", port=port)
    answer = await pool.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    pool.close()
    if answer.status != 200:
        raise ValueError(f"its health page answers {answer.status}")
    return Replica(process=process, port=port)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(3):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _stop(replicas: Sequence[Replica]) -> None:
    await asyncio.gather(*(_end(replica.process) for replica in replicas))


async def _run(command: Sequence[str | Path], *, env: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise NotDeployed(f"{command[0]} {command[1]} {command[2]}: {said.decode(errors='replace').strip()}")
